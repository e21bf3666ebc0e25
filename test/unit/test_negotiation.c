/*
 * Tests of negotiation: what is offered, answered and then sent or answered
 * (milter-protocol section 3).
 */
#include "libcore/wire/negotiation.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text)  SLICE_LITERAL(text)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_twelve_bytes_are_needed(void **state)
{
    static const char bytes[] = "\0\0\0\6\0\0\1\377\0\37\377\377more";
    struct negotiation negotiation;

    (void)state;
    for (size_t length = 0; length < sizeof(bytes); length++) {
        struct error error = {0};

        assert_int_equal(negotiation_decode(slice_of(bytes, length), &negotiation, &error),
                         length >= 12);
        assert_int_equal(error.code, length >= 12 ? ERROR_NONE : ERROR_PROTOCOL);
    }
    assert_int_equal(negotiation.version, 6);
    assert_int_equal(negotiation.actions, 0x1FF);
    assert_int_equal(negotiation.steps, 0x1FFFFF);
    assert_bytes(negotiation.macro_lists, BYTES("more"));
}

static void test_offers(void **state)
{
    static const struct {
        uint32_t offered[3];
        bool accepted;
        uint32_t taken[3];
    } rows[] = {
        {{6, 0x1FF, 0x1FFFFF}, true, {6, 0x1FF, 0x1FFFFF}},
        {{2, 0x3F, 0x7F}, true, {2, 0x3F, 0x7F}},
        {{3, 0x3F, 0x17F}, true, {3, 0x3F, 0x17F}},
        {{5, 0x3F, 0x37F}, true, {5, 0x3F, 0x37F}},
        {{2, 0, 0}, true, {2, 0x0F, 0x3F}}, /* an MTA that says nothing means version 1's */
        {{6, 0, 0x7F}, true, {6, 0x0F, 0x7F}},
        {{7, 0x1FF, 0x1FFFFF}, true, {6, 0x1FF, 0x1FFFFF}},
        {{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, true, {6, 0x1FF, 0x1FFFFF}},
        {{6, 0x1FF, 0x101FFFFF}, true, {6, 0x1FF, 0x1FFFFF}}, /* larger packets: not taken up */
        {{6, 0x1FF, 0x201FFFFF}, true, {6, 0x1FF, 0x1FFFFF}},
        {{1, 0xF, 0x3F}, false, {0}},
        {{0, 0x1FF, 0x1FFFFF}, false, {0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct negotiation offer = {rows[i].offered[0], rows[i].offered[1], rows[i].offered[2],
                                    S("")};
        struct error error = {0};

        assert_int_equal(negotiation_accept_offer(&offer, &error), rows[i].accepted);
        assert_int_equal(error.code, rows[i].accepted ? ERROR_NONE : ERROR_PROTOCOL);
        if (rows[i].accepted) {
            assert_int_equal(offer.version, rows[i].taken[0]);
            assert_int_equal(offer.actions, rows[i].taken[1]);
            assert_int_equal(offer.steps, rows[i].taken[2]);
        }
    }
}

static void test_answers(void **state)
{
    static const struct {
        uint32_t offered[3], answered[3];
        bool accepted;
        uint32_t taken[3];
        uint32_t surplus[2];
    } rows[] = {
        {{6, 0x1FF, 0x1FFFFF}, {6, 0x1B1, 0x300}, true, {6, 0x1B1, 0x300}, {0, 0}},
        {{6, 0x1FF, 0x1FFFFF}, {2, 0x3F, 0x7F}, true, {2, 0x3F, 0x7F}, {0, 0}},
        {{6, 0x1FF, 0x1FFFFF}, {6, 0, 0}, true, {6, 0, 0}, {0, 0}},
        {{2, 0x3F, 0x7F}, {2, 0x1FF, 0xFF000}, true, {2, 0x3F, 0}, {0x1C0, 0xFF000}},
        {{6, 0x1FF, 0x1FFFFF},
         {6, 0x800001FF, 0x10000000},
         true,
         {6, 0x1FF, 0},
         {0x80000000, 0x10000000}},
        {{6, 0x1FF, 0x1FFFFF}, {7, 0x1FF, 0}, false, {0}, {0}},
        {{2, 0x3F, 0x7F}, {6, 0x3F, 0}, false, {0}, {0}},
        {{6, 0x1FF, 0x1FFFFF}, {1, 0xF, 0}, false, {0}, {0}},
        {{6, 0x1FF, 0x1FFFFF}, {0, 0, 0}, false, {0}, {0}},
        {{6, 0x1FF, 0x1FFFFF}, {0xFFFFFFFF, 0, 0}, false, {0}, {0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct negotiation offer = {rows[i].offered[0], rows[i].offered[1], rows[i].offered[2],
                                    S("")};
        struct negotiation answer = {rows[i].answered[0], rows[i].answered[1], rows[i].answered[2],
                                     S("lists")};
        struct negotiation surplus;
        struct error error = {0};

        assert_int_equal(negotiation_accept_answer(&answer, &offer, &surplus, &error),
                         rows[i].accepted);
        assert_int_equal(error.code, rows[i].accepted ? ERROR_NONE : ERROR_PROTOCOL);
        if (rows[i].accepted) {
            assert_int_equal(answer.version, rows[i].taken[0]);
            assert_int_equal(answer.actions, rows[i].taken[1]);
            assert_int_equal(answer.steps, rows[i].taken[2]);
            assert_text(answer.macro_lists, "lists");
            assert_int_equal(surplus.actions, rows[i].surplus[0]);
            assert_int_equal(surplus.steps, rows[i].surplus[1]);
        }
    }
}

static void test_macro_lists(void **state)
{
    static const struct {
        struct slice lists;
        const char *expected; /* LETTER=NAMES; ... */
    } rows[] = {
        {S(""), ""},
        {S("\0\0\0\0j {daemon_name}\0\0\0\0\5i\0"), "C=j {daemon_name};E=i;"},
        {S("\0\0\0\0a\0\0\0\0\1b\0\0\0\0\2c\0\0\0\0\3d\0\0\0\0\4e\0\0\0\0\5f\0\0\0\0\6g\0"),
         "C=a;H=b;M=c;R=d;T=e;E=f;N=g;"},
        {S("\0\0\0\1\0"), "H=;"},              /* empty list: no macros */
        {S("\0\0\0\7x\0\0\0\0\1i\0"), "H=i;"}, /* unknown stage: passed over */
        {S("\377\377\377\377x\0\0\0\0\2i\0"), "M=i;"},
        {S("\0\0\0\1i\0\0\0\0\2j"), "H=i;"}, /* no NUL: ends here */
        {S("\0\0\0\1i\0\0\0"), "H=i;"},      /* half a number */
        {S("\0\0\0\1"), ""},
        {S("\0\0\0"), ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice lists = rows[i].lists, names;
        struct buffer found = {0};
        enum command stage;

        while (negotiation_list_next(&lists, &stage, &names)) {
            buffer_append_byte(&found, command_info[stage].letter);
            buffer_append_byte(&found, '=');
            buffer_append_slice(&found, names);
            buffer_append_byte(&found, ';');
        }
        assert_text(buffer_slice(&found), rows[i].expected);
        buffer_clear(&found);
    }
}

static void test_appending_macro_lists(void **state)
{
    struct buffer lists = {0};

    (void)state;
    negotiation_list_append(&lists, COMMAND_CONNECT, BYTES("j {daemon_name}"));
    negotiation_list_append(&lists, COMMAND_END_OF_MESSAGE, BYTES("i"));
    negotiation_list_append(&lists, COMMAND_END_OF_HEADER, BYTES(""));
    /* Stages without a number have no list. */
    negotiation_list_append(&lists, COMMAND_BODY, BYTES("i"));
    negotiation_list_append(&lists, COMMAND_UNKNOWN, BYTES("i"));
    assert_bytes(buffer_slice(&lists), BYTES("\0\0\0\0j {daemon_name}\0\0\0\0\5i\0\0\0\0\6\0"));
    buffer_clear(&lists);
}

/* One bit at a time: what each does, written from the table of section 3.2. */
static void test_what_each_step_bit_does(void **state)
{
    static const char *const not_sent[21] = {"C", "H", "M", "R", "B", "L", "N", "", "U", "T"};
    static const char *const not_answered[21] = {
        [7] = "L",  [12] = "C", [13] = "H", [14] = "M", [15] = "R",
        [16] = "T", [17] = "U", [18] = "N", [19] = "B",
    };

    (void)state;
    for (unsigned bit = 0; bit < 21; bit++) {
        const struct negotiation answer = {.version = 6, .steps = (uint32_t)1 << bit};

        for (const char *letter = "CHMRTULNBE"; *letter != '\0'; letter++) {
            enum command command;
            const char *silent = not_sent[bit] == NULL ? "" : not_sent[bit];
            const char *mute = not_answered[bit] == NULL ? "" : not_answered[bit];

            assert_true(command_from_letter(*letter, &command));
            assert_int_equal(negotiation_sends(&answer, command), *letter != *silent);
            assert_int_equal(negotiation_replies(&answer, command), *letter != *mute);
        }
    }
}

static void test_what_each_version_knows(void **state)
{
    static const char *const unknown[] = {[2] = "TUK", [3] = "TK", [4] = "K", [5] = "K", [6] = ""};

    (void)state;
    for (uint32_t version = 2; version <= 6; version++) {
        const struct negotiation answer = {.version = version};

        for (const char *letter = "CHMRTULNBEAQK"; *letter != '\0'; letter++) {
            enum command command;

            assert_true(command_from_letter(*letter, &command));
            assert_int_equal(negotiation_sends(&answer, command),
                             strchr(unknown[version], *letter) == NULL);
            assert_int_equal(negotiation_replies(&answer, command), strchr("AQK", *letter) == NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twelve_bytes_are_needed),
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_macro_lists),
        cmocka_unit_test(test_appending_macro_lists),
        cmocka_unit_test(test_what_each_step_bit_does),
        cmocka_unit_test(test_what_each_version_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
