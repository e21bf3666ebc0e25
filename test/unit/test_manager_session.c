/*
 * Tests of a session's life: every order of what children do around a command,
 * the MTA leaving at every point, a second CONNECT and QUIT_NC.
 */
#include "libcore/wire/macro.h"
#include "milter-manager/session/session.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What leads to each command, which stands at the end. */
static const char *const paths[] = {
    "C",      "CH",      "CHM",      "CHMR",      "CHMRT", "CHMU",
    "CHMRTL", "CHMRTLN", "CHMRTLNB", "CHMRTLNBE", "CMR",   "CMRE",
};
enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

/* The last command of the path is sent and not answered by any child. */
static void walk(struct play *play, const char *path)
{
    char before[16] = {0};

    memcpy(before, path, strlen(path) - 1);
    play_begin(play);
    mta_says_and_all_continue(play, before);
    forget_heard(play);
    mta_says(play, path + strlen(path) - 1);
}

/* ---- every order of events around a concurrent command */

/* How a child may end its part: an answer, or a failure, which counts as its fallback. */
static const struct {
    char event; /* a reply's letter, X closes, Z times out, ? says garbage */
    int strength;
    const char *mta; /* what the MTA gets when this decides */
} outcomes[] = {
    {'a', 1, "a"}, {'c', 2, "c"}, {'t', 3, "t"}, {'r', 4, "r"},
    {'X', 3, "t"}, {'Z', 3, "t"}, {'?', 3, "t"},
};
enum { OUTCOMES = sizeof(outcomes) / sizeof(outcomes[0]) };

static void child_ends(struct play *play, unsigned index, char event)
{
    const char letters[] = {event, '\0'};

    switch (event) {
    case 'X':
        child_fails(play, index);
        break;
    case 'Z':
        child_times_out(play, index);
        break;
    case '?':
        child_says_bytes(play, index, slice_of("HTTP/1.1 400", 12));
        break;
    default:
        child_says(play, index, letters);
        break;
    }
}

static void check_pair(char command, size_t first, size_t second, bool second_is_earlier)
{
    static const char before[] = "CH";
    const char letters[] = {command, '\0'};
    size_t decides = outcomes[second].strength > outcomes[first].strength ? second : first;
    struct play play;

    play_init(&play, 2);
    play.configured[0].fallback_status = VERDICT_TEMPORARY_FAILURE;
    play.configured[1].fallback_status = VERDICT_TEMPORARY_FAILURE;
    play_begin(&play);
    mta_says_and_all_continue(&play, command == 'C' ? "" : before);
    forget_heard(&play);
    mta_says(&play, letters);
    child_ends(&play, second_is_earlier, outcomes[second_is_earlier ? second : first].event);
    assert_mta_heard(&play, "");
    child_ends(&play, !second_is_earlier, outcomes[second_is_earlier ? first : second].event);
    assert_mta_heard(&play, outcomes[decides].mta);
    assert_int_equal(play.session->activity, SESSION_IDLE);
    play_end(&play);
}

static void test_the_order_of_answers_and_failures_does_not_matter(void **state)
{
    (void)state;
    for (const char *command = "CHM"; *command != '\0'; command++) {
        for (size_t first = 0; first < OUTCOMES; first++) {
            for (size_t second = 0; second < OUTCOMES; second++) {
                check_pair(*command, first, second, false);
                check_pair(*command, first, second, true);
            }
        }
    }
}

/* ---- a child that has answered and then goes while the other one is still asked */

static void test_closing_behind_an_answer(void **state)
{
    static const struct {
        char answer;
        const char *mta, *next; /* the reply to CONNECT, and to HELO: is the fallback due? */
    } cases[] = {{'a', "c", "c"}, {'r', "r", "c"}, {'c', "c", "r"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct play play;

        play_init(&play, 2);
        play.configured[0].fallback_status = VERDICT_REJECT;
        walk(&play, "C");
        child_ends(&play, 0, cases[i].answer);
        child_ends(&play, 0, 'X');
        assert_mta_heard(&play, "");
        child_says(&play, 1, "c");
        assert_mta_heard(&play, cases[i].mta);
        mta_says(&play, "H");
        child_says(&play, 1, "c");
        assert_mta_heard(&play, cases[i].next);
        play_end(&play);
    }
}

/* Two packets in one read: the second one is nobody's answer. */
static void test_a_surplus_reply_counts_at_the_next_command(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 2);
    play.configured[1].fallback_status = VERDICT_TEMPORARY_FAILURE;
    walk(&play, "C");
    child_says(&play, 1, "cc");
    assert_int_equal(play.children[1].disconnections, 1);
    assert_mta_heard(&play, "");
    child_says(&play, 0, "c");
    assert_mta_heard(&play, "c");
    mta_says(&play, "H");
    child_says(&play, 0, "c");
    assert_mta_heard(&play, "t");
    mta_says_and_all_continue(&play, "H");
    assert_mta_heard(&play, "c");
    play_end(&play);
}

static void test_failure_while_the_other_one_negotiates(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 2);
    play.configured[0].fallback_status = VERDICT_REJECT;
    play_open(&play);
    mta_says(&play, "O");
    child_connects(&play, 0);
    child_says(&play, 0, "O");
    child_connects(&play, 1);
    child_ends(&play, 0, 'X');
    assert_mta_heard(&play, "");
    child_says(&play, 1, "O");
    assert_mta_heard(&play, "O");
    mta_says(&play, "C");
    child_says(&play, 1, "c");
    assert_mta_heard(&play, "r");
    play_end(&play);
}

/* ---- the MTA leaves */

static void test_leaving_at_every_point(void **state)
{
    (void)state;
    for (size_t path = 0; path < PATHS; path++) {
        for (unsigned answers = 0; answers < 3; answers++) {
            struct play play;

            play_init(&play, 2);
            walk(&play, paths[path]);
            for (unsigned i = 0; i < answers; i++) {
                if (play.children[i].child != NULL && play.children[i].child->awaiting) {
                    child_says(&play, i, "c");
                }
            }
            if (answers == 2) {
                mta_says(&play, "Q"); /* overtakes a reply that is owed */
                assert_true(play.finished);
            } else {
                mta_closes(&play);
            }
            for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(play.children[i].disconnections, 1);
                assert_true(play.children[i].graceful);
            }
            play_end(&play);
        }
    }
}

static void test_leaving_while_children_connect(void **state)
{
    (void)state;
    for (unsigned connected = 0; connected < 4; connected++) {
        struct play play;

        play_init(&play, 2);
        play_open(&play);
        mta_says(&play, "O");
        for (unsigned i = 0; i < 2; i++) {
            if ((connected & 1U << i) != 0) {
                child_connects(&play, i);
            }
        }
        mta_says(&play, "Q");
        assert_true(play.finished);
        assert_int_equal(play.children[0].disconnections, 1);
        assert_int_equal(play.children[1].disconnections, 1);
        assert_mta_heard(&play, "");
        play_end(&play);
    }
}

/* ---- one connection, several sessions */

static void check_second_connect(const char *again)
{
    struct play play;

    play_init(&play, 2);
    play_begin(&play);
    mta_says_and_all_continue(&play, "CHMR");
    forget_heard(&play);
    mta_says(&play, again); /* with a HELO already behind the CONNECT */
    assert_child_heard(&play, 0, "AQ");
    assert_int_equal(play.children[0].connections, 2);
    assert_mta_heard(&play, "");
    child_connects(&play, 1);
    child_says(&play, 1, "O");
    assert_child_heard(&play, 1, "AQO");
    child_connects(&play, 0);
    child_says(&play, 0, "O");
    assert_child_heard(&play, 0, "OC");
    assert_child_heard(&play, 1, "C");
    assert_mta_heard(&play, ""); /* no second answer to O */
    child_says(&play, 1, "c");
    child_says(&play, 0, "c");
    assert_mta_heard(&play, "c");
    assert_child_heard(&play, 0, "H");
    all_continue(&play);
    mta_says_and_all_continue(&play, "MRE");
    assert_mta_heard(&play, "cccc");
    play_end(&play);
}

static void test_second_connect(void **state)
{
    (void)state;
    check_second_connect("CH");
}

static void test_quit_nc(void **state)
{
    (void)state;
    check_second_connect("KCH");
}

static void test_helo_before_the_new_connect(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 1);
    play.configuration.manager.fallback_status = VERDICT_REJECT;
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    forget_heard(&play);
    mta_says(&play, "KH");
    assert_mta_heard(&play, "c");
    play_end(&play);
}

static void test_the_new_children_fail(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 1);
    play.configured[0].fallback_status = VERDICT_TEMPORARY_FAILURE;
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    forget_heard(&play);
    mta_says(&play, "C");
    child_fails(&play, 0);
    assert_mta_heard(&play, "t");
    play_end(&play);
}

static void test_leaving_while_the_new_children_connect(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 2);
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    mta_says(&play, "KC");
    child_connects(&play, 1);
    mta_closes(&play);
    assert_int_equal(play.children[0].disconnections, 2);
    assert_int_equal(play.children[1].disconnections, 2);
    play_end(&play);
}

/* ---- what is not told to a child */

static void test_unknown_commands_where_libmilter_takes_them(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 1);
    play_begin(&play);
    mta_says_and_all_continue(&play, "UCUMURUTULUNUBUEU");
    assert_child_heard(&play, 0, "CUMURUTLNBEU");
    assert_mta_heard(&play, "ccccccccccccccccc");
    play_end(&play);
}

static void test_accept_at_a_recipient_others_were_not_asked_about(void **state)
{
    static const char refused[] = "\0\0\0\026DR{rcpt_mailer}\0error\0";
    struct play play;

    (void)state;
    play_init(&play, 2);
    play.children[0].answer.steps = STEP_RCPT_REJECTED;
    play_begin(&play);
    mta_says_and_all_continue(&play, "CMR");
    forget_heard(&play);
    mta_says_bytes(&play, slice_of(refused, 26));
    mta_says(&play, "R");
    assert_child_heard(&play, 1, "");
    child_says(&play, 0, "a");
    assert_mta_heard(&play, "c"); /* the second child still wants the message */
    mta_says_and_all_continue(&play, "E");
    assert_child_heard(&play, 1, "TNE");
    assert_mta_heard(&play, "c");
    play_end(&play);
}

/* A child's macro list makes Sendmail send "v", too. */
static void test_sendmail_is_known_by_its_macros(void **state)
{
    static const struct {
        struct slice macros;
        bool sendmail;
    } cases[] = {
        {SLICE_LITERAL("{if_name}\0mx\0_\0x\0"), true},
        {SLICE_LITERAL("{if_name}\0mx\0_\0x\0v\0008.17.1\0"), true},
        {SLICE_LITERAL("{if_name}\0mx\0_\0x\0v\0Postfix 3.7.1\0"), false},
        {SLICE_LITERAL("_\0x\0v\0Postfix 3.7.1\0"), false},
        {SLICE_LITERAL(""), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer packet = {0};
        struct play play;

        play_init(&play, 1);
        play_begin(&play);
        macro_append_packet(&packet, COMMAND_CONNECT, cases[i].macros);
        mta_says_bytes(&play, buffer_slice(&packet));
        mta_says_and_all_continue(&play, "CHM");
        assert_int_equal(play.session->message.for_sendmail, cases[i].sendmail);
        buffer_clear(&packet);
        play_end(&play);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_of_answers_and_failures_does_not_matter),
        cmocka_unit_test(test_closing_behind_an_answer),
        cmocka_unit_test(test_a_surplus_reply_counts_at_the_next_command),
        cmocka_unit_test(test_failure_while_the_other_one_negotiates),
        cmocka_unit_test(test_leaving_at_every_point),
        cmocka_unit_test(test_leaving_while_children_connect),
        cmocka_unit_test(test_second_connect),
        cmocka_unit_test(test_quit_nc),
        cmocka_unit_test(test_helo_before_the_new_connect),
        cmocka_unit_test(test_the_new_children_fail),
        cmocka_unit_test(test_leaving_while_the_new_children_connect),
        cmocka_unit_test(test_unknown_commands_where_libmilter_takes_them),
        cmocka_unit_test(test_accept_at_a_recipient_others_were_not_asked_about),
        cmocka_unit_test(test_sendmail_is_known_by_its_macros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
