/*
 * Tests of macro_store: replacement, life time and lookup (milter-protocol section 4).
 */
#include "libcore/session/macro_store.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static enum command command_of(char letter)
{
    enum command command;

    assert_true(command_from_letter(letter, &command));
    return command;
}

static struct slice macro_of(const char *letter)
{
    static char pairs[] = "x\0?\0";

    pairs[2] = *letter;
    return slice_of(pairs, 4);
}

/* Which slots each command clears: the table of section 4, with U, L and B between their
 * neighbours.
 */
static void test_life_time(void **state)
{
    static const char stages[] = "CHMRTULNBE";
    static const struct {
        char command;
        const char *cleared;
    } rows[] = {
        {'O', "CHMRTULNBE"}, {'C', "HMRTULNBE"},  {'H', "MRTULNBE"},   {'M', "RTULNBE"},
        {'R', "TULNBE"},     {'Q', "CHMRTULNBE"}, {'K', "CHMRTULNBE"}, {'T', ""},
        {'L', ""},           {'N', ""},           {'B', ""},           {'E', ""},
        {'U', ""},           {'A', ""},           {'D', ""},
    };

    (void)state;
    assert_int_equal(COUNT(rows), COMMANDS);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct macro_store store = {0};

        for (const char *stage = stages; *stage != '\0'; stage++) {
            macro_store_replace(&store, command_of(*stage), macro_of(stage));
        }
        macro_store_expire(&store, command_of(rows[i].command));
        for (const char *stage = stages; *stage != '\0'; stage++) {
            bool cleared = strchr(rows[i].cleared, *stage) != NULL;

            assert_bytes(macro_store_get(&store, command_of(*stage)),
                         cleared ? BYTES("") : macro_of(stage));
        }
        macro_store_clear(&store);
    }
}

static void test_a_set_replaces_the_whole_set(void **state)
{
    struct macro_store store = {0};
    struct slice value;

    (void)state;
    macro_store_replace(&store, COMMAND_HELO, BYTES("{tls_version}\0TLSv1.3\0{cipher}\0X\0"));
    macro_store_replace(&store, COMMAND_HELO, BYTES("{cipher}\0Y\0"));
    assert_bytes(macro_store_get(&store, COMMAND_HELO), BYTES("{cipher}\0Y\0"));
    assert_false(macro_store_find(&store, COMMAND_HELO, BYTES("tls_version"), &value));
    macro_store_replace(&store, COMMAND_HELO, BYTES(""));
    assert_int_equal(macro_store_get(&store, COMMAND_HELO).length, 0);
    macro_store_clear(&store);
}

static void test_later_stages_win(void **state)
{
    struct macro_store store = {0};
    struct slice value;

    (void)state;
    macro_store_replace(&store, COMMAND_CONNECT, BYTES("j\0mx\0i\0none\0"));
    macro_store_replace(&store, COMMAND_MAIL, BYTES("i\0Q1\0{auth_type}\0PLAIN\0"));
    macro_store_replace(&store, COMMAND_END_OF_HEADER, BYTES("i\0Q2\0"));
    macro_store_replace(&store, COMMAND_END_OF_MESSAGE, BYTES("{i}\0\0"));

    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("j"), &value));
    assert_text(value, "mx");
    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("i"), &value));
    assert_text(value, "");
    assert_true(macro_store_find(&store, COMMAND_BODY, BYTES("{i}"), &value));
    assert_text(value, "Q2");
    assert_true(macro_store_find(&store, COMMAND_RCPT, BYTES("i"), &value));
    assert_text(value, "Q1");
    assert_true(macro_store_find(&store, COMMAND_CONNECT, BYTES("i"), &value));
    assert_text(value, "none");
    /* Nothing of a stage that is still to come. */
    assert_false(macro_store_find(&store, COMMAND_HELO, BYTES("auth_type"), &value));
    assert_false(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("v"), &value));
    macro_store_clear(&store);
}

static void test_setting_one_macro(void **state)
{
    struct macro_store store = {0};

    (void)state;
    macro_store_set(&store, COMMAND_MAIL, BYTES("i"), BYTES("Q1"));
    macro_store_set(&store, COMMAND_MAIL, BYTES("spam_score"), BYTES("7"));
    macro_store_set(&store, COMMAND_MAIL, BYTES("{i}"), BYTES("Q2"));
    assert_bytes(macro_store_get(&store, COMMAND_MAIL), BYTES("{spam_score}\0007\0i\0Q2\0"));
    /* One that came several times is one afterwards. */
    macro_store_replace(&store, COMMAND_MAIL, BYTES("a\0001\0b\0002\0a\0003\0"));
    macro_store_set(&store, COMMAND_MAIL, BYTES("a"), BYTES("4"));
    assert_bytes(macro_store_get(&store, COMMAND_MAIL), BYTES("b\0002\0a\0004\0"));
    macro_store_clear(&store);
}

/* A session with two messages: what a filter sees at the end of each. */
static void test_two_messages(void **state)
{
    struct macro_store store = {0};
    struct slice value;

    (void)state;
    macro_store_expire(&store, COMMAND_NEGOTIATE);
    macro_store_replace(&store, COMMAND_CONNECT, BYTES("j\0mx\0"));
    macro_store_expire(&store, COMMAND_CONNECT);
    macro_store_replace(&store, COMMAND_MAIL, BYTES("i\0Q1\0"));
    macro_store_expire(&store, COMMAND_MAIL);
    macro_store_replace(&store, COMMAND_RCPT, BYTES("{rcpt_addr}\0one\0"));
    macro_store_expire(&store, COMMAND_RCPT);
    macro_store_replace(&store, COMMAND_RCPT, BYTES("{rcpt_addr}\0two\0"));
    macro_store_expire(&store, COMMAND_RCPT);
    macro_store_replace(&store, COMMAND_END_OF_MESSAGE, BYTES("{msg_id}\0<1>\0"));
    macro_store_expire(&store, COMMAND_END_OF_MESSAGE);
    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("rcpt_addr"), &value));
    assert_text(value, "two");
    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("msg_id"), &value));

    /* ABORT clears nothing, the next MAIL what came after it. */
    macro_store_expire(&store, COMMAND_ABORT);
    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("msg_id"), &value));
    macro_store_expire(&store, COMMAND_MAIL);
    assert_false(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("rcpt_addr"), &value));
    assert_false(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("msg_id"), &value));
    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("i"), &value));
    assert_true(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("j"), &value));
    macro_store_expire(&store, COMMAND_QUIT_NEW_CONNECTION);
    assert_false(macro_store_find(&store, COMMAND_END_OF_MESSAGE, BYTES("j"), &value));
    macro_store_clear(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_time),
        cmocka_unit_test(test_a_set_replaces_the_whole_set),
        cmocka_unit_test(test_later_stages_win),
        cmocka_unit_test(test_setting_one_macro),
        cmocka_unit_test(test_two_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
