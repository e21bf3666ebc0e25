/*
 * Tests of what sessions count: each one is played from its begin to its end,
 * and every counter there is must say exactly what was done.
 */
#include "milter-manager/control/sums.h"
#include "milter-manager/control/tally.h"
#include "test/unit/expectation.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A play with one child, and what is to be counted of it. */
struct performance {
    struct play play;
    struct tally_totals totals;
    struct tally_child child;
    bool shutdown; /* the child has said so: the MTA hears a 421 */
    char title[80];
};

static const char commands[] = "CHMRTULNBE";

/* The commands, each answered with continue, that come before it. */
static const char *commands_before(char command)
{
    static const char *const paths[] = {"",     "C",     "CH",     "CHM",     "CHMR",
                                        "CHMR", "CHMRT", "CHMRTL", "CHMRTLN", "CHMRTLNB"};

    return paths[strchr(commands, command) - commands];
}

static enum verdict verdict_of(char letter)
{
    static const char letters[] = "cartd4ys";
    static const enum verdict verdicts[] = {VERDICT_CONTINUE, VERDICT_ACCEPT,
                                            VERDICT_REJECT,   VERDICT_TEMPORARY_FAILURE,
                                            VERDICT_DISCARD,  VERDICT_TEMPORARY_FAILURE,
                                            VERDICT_REJECT,   VERDICT_SKIP};
    const char *found = strchr(letters, letter);

    assert_true(letter != '\0' && found != NULL);
    return verdicts[found - letters];
}

static void assert_counters(const char *title, const char *what, const void *actual,
                            const void *expected, size_t length)
{
    for (size_t i = 0; i < length / sizeof(struct counter); i++) {
        uint64_t value = counter_read((const struct counter *)actual + i);
        uint64_t wanted = counter_read((const struct counter *)expected + i);

        if (value != wanted) {
            fail_msg("%s: counter %zu of %s is %llu, not %llu", title, i, what,
                     (unsigned long long)value, (unsigned long long)wanted);
        }
    }
}

static void assert_counted(const struct performance *performance)
{
    struct sums sums;

    sums_take(&sums);
    assert_int_equal(sums.child_count, 1);
    assert_string_equal(sums.children[0].name, "first");
    assert_counters(performance->title, "tally_totals", &sums.totals, &performance->totals,
                    sizeof(sums.totals));
    assert_counters(performance->title, "tally_child", &sums.children[0].counted,
                    &performance->child, sizeof(performance->child));
    sums_clear(&sums);
}

/* The child may be changed before it begins. */
static void prepare(struct performance *performance, const char *title)
{
    tally_open(1);
    memset(&performance->totals, 0, sizeof(performance->totals));
    memset(&performance->child, 0, sizeof(performance->child));
    performance->shutdown = false;
    (void)snprintf(performance->title, sizeof(performance->title), "%s", title);
    play_init(&performance->play, 1);
    performance->play.children[0].answer.steps = STEP_SKIP;
}

static void open_session(struct performance *performance)
{
    play_open(&performance->play);
    mta_says(&performance->play, "O");
    counter_increment(&performance->totals.sessions);
    counter_increment(&performance->totals.sessions_open);
}

static void begin(struct performance *performance, const char *title)
{
    prepare(performance, title);
    open_session(performance);
    child_connects(&performance->play, 0);
    child_says(&performance->play, 0, "O");
    forget_heard(&performance->play);
    counter_increment(&performance->child.replies[COMMAND_NEGOTIATE].buckets[0]);
}

/* Compares with the connections that are open, and without any. */
static void end(struct performance *performance)
{
    counter_set(&performance->child.connections_open,
                performance->play.children[0].output != NULL ? 1 : 0);
    assert_counted(performance);
    play_end(&performance->play);
    counter_set(&performance->child.connections_open, 0);
    counter_set(&performance->totals.sessions_open, 0);
    assert_counted(performance);
}

static void command(struct performance *performance, char letter)
{
    const char letters[] = {letter, '\0'};

    mta_says(&performance->play, letters);
    if (letter == 'M') {
        counter_increment(&performance->totals.messages);
        counter_increment(&performance->child.messages);
    }
}

/* The MTA has got its one answer; edits and progress before it do not count. */
static void answered(struct performance *performance, char letter)
{
    struct buffer *heard = &performance->play.heard;
    enum verdict verdict;

    assert_true(buffer_length(heard) > 0);
    verdict =
        performance->shutdown ? VERDICT_TEMPORARY_FAILURE : verdict_of(heard->data[heard->end - 1]);
    counter_increment(&performance->totals.replies[command_of(letter)][verdict]);
    buffer_reset(heard);
}

static void reply(struct performance *performance, char letter, char answer)
{
    const char letters[] = {answer, '\0'};

    child_says(&performance->play, 0, letters);
    performance->shutdown = answer == '4';
    counter_increment(&performance->child.verdicts[command_of(letter)][verdict_of(answer)]);
    counter_increment(&performance->child.replies[command_of(letter)].buckets[0]);
}

static void step(struct performance *performance, char letter, char answer)
{
    command(performance, letter);
    reply(performance, letter, answer);
    answered(performance, letter);
}

static void steps(struct performance *performance, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        step(performance, *letters, 'c');
    }
}

/* ---- replies */

static void test_every_verdict_at_every_stage(void **state)
{
    (void)state;
    for (const char *letter = commands; *letter != '\0'; letter++) {
        for (const char *answer = "cartdy4s"; *answer != '\0'; answer++) {
            struct performance performance;
            char title[] = {*answer, ' ', 'a', 't', ' ', *letter, '\0'};

            if (expected_reply(command_of(*letter), *answer) == EXPECT_INVALID) {
                continue;
            }
            begin(&performance, title);
            steps(&performance, commands_before(*letter));
            step(&performance, *letter, *answer);
            end(&performance);
        }
    }
}

static void test_several_messages_and_sessions(void **state)
{
    struct performance performance;

    (void)state;
    begin(&performance, "two messages, then a new session");
    steps(&performance, "CHMRTLLNBBEMRRTLNBE");
    step(&performance, 'M', 'r');
    mta_says(&performance.play, "KC");
    counter_increment(&performance.totals.sessions);
    child_connects(&performance.play, 0);
    child_says(&performance.play, 0, "O");
    counter_increment(&performance.child.replies[COMMAND_NEGOTIATE].buckets[0]);
    reply(&performance, 'C', 'c');
    answered(&performance, 'C');
    steps(&performance, "HMR");
    mta_says(&performance.play, "A");
    steps(&performance, "MR");
    command(&performance, 'L'); /* without DATA: the child is asked, the MTA is not answered */
    reply(&performance, 'T', 'c');
    reply(&performance, 'L', 'c');
    answered(&performance, 'L');
    steps(&performance, "NE");
    end(&performance);
}

static void test_the_time_of_a_reply(void **state)
{
    struct performance performance;
    struct tally_times *connect, *last;

    (void)state;
    begin(&performance, "times");
    connect = &performance.child.replies[COMMAND_CONNECT];
    last = &performance.child.replies[COMMAND_END_OF_MESSAGE];
    command(&performance, 'C');
    performance.play.now += 0.0625;
    reply(&performance, 'C', 'c');
    answered(&performance, 'C');
    counter_set(&connect->buckets[0], 0);
    counter_set(&connect->buckets[7], 1);
    counter_set(&connect->nanoseconds, 62500000);
    performance.play.now += 1000; /* the MTA's time is not the child's */
    steps(&performance, "HMRTN");
    command(&performance, 'E');
    performance.play.now += 7;
    child_says(&performance.play, 0, "p");
    performance.play.now += 5;
    reply(&performance, 'E', 'c');
    answered(&performance, 'E');
    counter_set(&last->buckets[0], 0);
    counter_set(&last->buckets[14], 1);
    counter_set(&last->nanoseconds, 12000000000);
    end(&performance);
}

static void test_edits_of_each_kind(void **state)
{
    static const char edits[] = "hime+2-bq";

    (void)state;
    for (const char *verdict = "cr"; *verdict != '\0'; verdict++) {
        struct performance performance;

        begin(&performance, "edits");
        steps(&performance, "CHMRTLNB");
        command(&performance, 'E');
        for (unsigned i = 0; edits[i] != '\0'; i++) {
            enum reply_kind kind;

            assert_true(reply_from_letter(edits[i], &kind));
            counter_add(&performance.child.edits[kind], i + 1U);
            for (unsigned k = 0; k <= i; k++) {
                child_says(&performance.play, 0, (const char[]){edits[i], 'p', '\0'});
            }
        }
        reply(&performance, 'E', *verdict);
        answered(&performance, 'E');
        end(&performance);
    }
}

/* The MTA is told otherwise, what the child has said stays what it has said. */
static void test_evaluation_mode(void **state)
{
    struct performance performance;

    (void)state;
    prepare(&performance, "evaluation mode");
    performance.play.configured[0].evaluation_mode = true;
    open_session(&performance);
    child_connects(&performance.play, 0);
    child_says(&performance.play, 0, "O");
    forget_heard(&performance.play);
    counter_increment(&performance.child.replies[COMMAND_NEGOTIATE].buckets[0]);
    steps(&performance, "CH");
    step(&performance, 'M', 'r');
    assert_int_equal(counter_read(&performance.totals.replies[COMMAND_MAIL][VERDICT_REJECT]), 0);
    end(&performance);
}

/* ---- failures */

static void fails(struct play *play, enum error_code code)
{
    const struct error error = {code, "it fails"};

    session_child_failed(play->children[0].child, &error);
}

static void fails_by_closing(struct play *play)
{
    fails(play, ERROR_CLOSED);
}

static void fails_by_an_error(struct play *play)
{
    fails(play, ERROR_SYSTEM);
}

static void fails_to_read(struct play *play)
{
    fails(play, ERROR_TIMEOUT);
}

static void fails_by_nonsense(struct play *play)
{
    child_says_bytes(play, 0, (struct slice)SLICE_LITERAL("\0\0\0\1Z"));
}

static void fails_by_silence(struct play *play)
{
    child_times_out(play, 0);
}

static const struct {
    void (*fails)(struct play *play);
    enum tally_failure reason;
    enum tally_timeout timeout; /* TALLY_TIMEOUTS: none */
} ways[] = {
    {fails_by_closing, TALLY_FAILED_CLOSED, TALLY_TIMEOUTS},
    {fails_by_an_error, TALLY_FAILED_IO, TALLY_TIMEOUTS},
    {fails_by_nonsense, TALLY_FAILED_PROTOCOL, TALLY_TIMEOUTS},
    {fails_to_read, TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_WRITING},
    {fails_by_silence, TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_READING},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void expect_failure(struct performance *performance, char letter, enum tally_failure reason,
                           enum tally_timeout timeout)
{
    enum command stage = letter == 'O' ? COMMAND_NEGOTIATE : command_of(letter);

    counter_increment(&performance->child.failures[stage][reason]);
    if (timeout != TALLY_TIMEOUTS) {
        counter_increment(&performance->child.timeouts[timeout]);
    }
}

static void test_every_failure_at_every_stage(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WAYS * strlen(commands); i++) {
        char letter = commands[i / WAYS];
        unsigned way = i % WAYS;
        enum tally_timeout timeout = ways[way].timeout;
        struct performance performance;
        char title[40];

        if (letter == 'E' && timeout == TALLY_TIMEOUT_READING) {
            timeout = TALLY_TIMEOUT_END_OF_MESSAGE;
        }
        (void)snprintf(title, sizeof(title), "failure %u at %c", way, letter);
        begin(&performance, title);
        steps(&performance, commands_before(letter));
        command(&performance, letter);
        ways[way].fails(&performance.play);
        answered(&performance, letter);
        expect_failure(&performance, letter, ways[way].reason, timeout);
        if (letter != 'U') { /* there no fallback counts */
            counter_increment(&performance.child.fallbacks[VERDICT_ACCEPT]);
        }
        end(&performance);
    }
}

/* An answer that is none there: neither a verdict nor a reply time. */
static void test_a_verdict_at_the_wrong_stage(void **state)
{
    (void)state;
    for (const char *letter = commands; *letter != '\0'; letter++) {
        struct performance performance;

        if (*letter == 'B') {
            continue;
        }
        begin(&performance, "skip");
        steps(&performance, commands_before(*letter));
        command(&performance, *letter);
        child_says(&performance.play, 0, "s");
        answered(&performance, *letter);
        expect_failure(&performance, *letter, TALLY_FAILED_PROTOCOL, TALLY_TIMEOUTS);
        if (*letter != 'U') {
            counter_increment(&performance.child.fallbacks[VERDICT_ACCEPT]);
        }
        end(&performance);
    }
}

static void test_every_fallback(void **state)
{
    static const enum verdict fallbacks[] = {VERDICT_ACCEPT, VERDICT_REJECT,
                                             VERDICT_TEMPORARY_FAILURE, VERDICT_DISCARD};

    (void)state;
    for (unsigned i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++) {
        struct performance performance;

        begin(&performance, verdict_name(fallbacks[i]));
        performance.play.configured[0].fallback_status = fallbacks[i];
        steps(&performance, "CH");
        fails_by_closing(&performance.play); /* nothing is asked: it is taken at MAIL */
        expect_failure(&performance, 'H', TALLY_FAILED_CLOSED, TALLY_TIMEOUTS);
        assert_int_equal(counter_read(&tally_child("first", 0)->fallbacks[fallbacks[i]]), 0);
        command(&performance, 'M');
        counter_set(&performance.child.messages, 0);
        answered(&performance, 'M');
        counter_increment(&performance.child.fallbacks[fallbacks[i]]);
        end(&performance);
    }
}

static void test_failures_before_the_session(void **state)
{
    static const struct {
        bool connects;
        void (*fails)(struct play *play);
        enum tally_failure reason;
        enum tally_timeout timeout;
    } cases[] = {
        {false, fails_by_an_error, TALLY_FAILED_CONNECT, TALLY_TIMEOUTS},
        {false, fails_to_read, TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_CONNECTION},
        {true, fails_by_closing, TALLY_FAILED_CLOSED, TALLY_TIMEOUTS},
        {true, fails_by_an_error, TALLY_FAILED_IO, TALLY_TIMEOUTS},
        {true, fails_by_nonsense, TALLY_FAILED_PROTOCOL, TALLY_TIMEOUTS},
        {true, fails_to_read, TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_WRITING},
        {true, fails_by_silence, TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_READING},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct performance performance;

        prepare(&performance, "before the session");
        open_session(&performance);
        if (cases[i].connects) {
            child_connects(&performance.play, 0);
        }
        cases[i].fails(&performance.play);
        forget_heard(&performance.play);
        expect_failure(&performance, 'O', cases[i].reason, cases[i].timeout);
        command(&performance, 'C');
        answered(&performance, 'C');
        counter_increment(&performance.child.fallbacks[VERDICT_ACCEPT]);
        end(&performance);
    }
}

/* ---- conditions */

static void test_stops_at_every_stage(void **state)
{
    (void)state;
    for (unsigned stage = 0; stage < CONDITION_STAGES; stage++) {
        struct counter expected[CONDITION_STAGES] = {0};
        struct performance performance;

        prepare(&performance, "stop");
        performance.play.conditions[0].stages = 1U << stage;
        performance.play.condition_answer = CONDITION_STOP;
        play_begin(&performance.play);
        mta_says_and_all_continue(&performance.play, "CHMRTLNBE");
        counter_increment(&expected[stage]);
        assert_counters(condition_stage_name((enum condition_stage)stage), "stopped",
                        tally_child("first", 0)->stopped, expected, sizeof(expected));
        play_end(&performance.play);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verdict_at_every_stage),
        cmocka_unit_test(test_several_messages_and_sessions),
        cmocka_unit_test(test_the_time_of_a_reply),
        cmocka_unit_test(test_edits_of_each_kind),
        cmocka_unit_test(test_evaluation_mode),
        cmocka_unit_test(test_every_failure_at_every_stage),
        cmocka_unit_test(test_a_verdict_at_the_wrong_stage),
        cmocka_unit_test(test_every_fallback),
        cmocka_unit_test(test_failures_before_the_session),
        cmocka_unit_test(test_stops_at_every_stage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
