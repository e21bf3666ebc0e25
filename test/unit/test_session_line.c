/*
 * Tests of session_line: what every packet looks like, that any payload reads
 * back as the same bytes, and what a user's mistakes are called.
 */
#include "libcore/session/session_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MTA    SESSION_SIDE_MTA
#define FILTER SESSION_SIDE_FILTER

static const struct {
    enum session_side side;
    char letter;
    struct slice payload;
    const char *line;
} lines[] = {
    {MTA, 'O', SLICE_LITERAL("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), "negotiate 6 all all"},
    {MTA, 'O', SLICE_LITERAL("\0\0\0\2\0\0\0\x3\0\0\0\0"),
     "negotiate 2 add-headers|change-body none"},
    {FILTER, 'O', SLICE_LITERAL("\0\0\0\6\0\0\1\1\0\0\0\0\0\0\0\0j {x}\0\0\0\0\5i\0"),
     "negotiate 6 add-headers|set-symbol-list none connect=\"j {x}\" end-of-message=i"},
    {MTA, 'D', SLICE_LITERAL("H"), "macros helo"},
    {MTA, 'D', SLICE_LITERAL("Cj\0mx.example.net\0{a b}\0\0"),
     "macros connect j=mx.example.net \"{a b}\"="},
    {MTA, 'D', SLICE_LITERAL("Ci\0*\0"), "macros connect i=\"*\""},
    {MTA, 'D', SLICE_LITERAL("Ci"), "packet D \"Ci\""},
    {MTA, 'D', SLICE_LITERAL("?i\0j\0"), "packet D\n    base64:P2kAagA="},
    {MTA, 'C',
     SLICE_LITERAL("mx\0004\xc5\x0b"
                   "192.0.2.45\0"),
     "connect mx inet 50443 192.0.2.45"},
    {MTA, 'C', SLICE_LITERAL("[IPv6:2001:db8::1]\0006\0\0IPv6:2001:db8::1\0"),
     "connect [IPv6:2001:db8::1] inet6 0 IPv6:2001:db8::1"},
    {MTA, 'C', SLICE_LITERAL("localhost\0L\0\0/run/s\0"), "connect localhost unix \"/run/s\""},
    {MTA, 'C', SLICE_LITERAL("unknown\0U"), "connect unknown unknown"},
    {MTA, 'C', SLICE_LITERAL("unknown\0U\0"), "packet C\n    base64:dW5rbm93bgBVAA=="},
    {MTA, 'H', SLICE_LITERAL("delian\0"), "helo delian"},
    {MTA, 'H', SLICE_LITERAL("delian"), "packet H \"delian\""},
    {MTA, 'M', SLICE_LITERAL("<a@b>\0SIZE=1024\0"), "envelope-from <a@b> SIZE=1024"},
    {MTA, 'M', SLICE_LITERAL("<>\0"), "envelope-from <>"},
    {MTA, 'R', SLICE_LITERAL("<t@x>\0"), "envelope-recipient <t@x>"},
    {MTA, 'T', SLICE_LITERAL(""), "data"},
    {MTA, 'T', SLICE_LITERAL("x"), "packet T \"x\""},
    {MTA, 'U', SLICE_LITERAL("FOO bar\0"), "unknown \"FOO bar\""},
    {MTA, 'L', SLICE_LITERAL("Subject\0 Hi\0"), "header Subject \" Hi\""},
    {MTA, 'L', SLICE_LITERAL("X-A\0\0"), "header X-A \"\""},
    {MTA, 'L', SLICE_LITERAL("To\0<a@x>,\n <b@x>\0"), "header To \"<a@x>,\\n\"\\\n    \" <b@x>\""},
    {MTA, 'N', SLICE_LITERAL(""), "end-of-header"},
    {MTA, 'B', SLICE_LITERAL("Hi\r\n"), "body \"Hi\\r\\n\""},
    {MTA, 'B', SLICE_LITERAL("a\r\nb"), "body\n    \"a\\r\\n\"\n    \"b\""},
    {MTA, 'B', SLICE_LITERAL("\0\xff"), "body\n    base64:AP8="},
    {MTA, 'B', SLICE_LITERAL(""), "body"},
    {MTA, 'E', SLICE_LITERAL(""), "end-of-message"},
    {MTA, 'E', SLICE_LITERAL("x"), "end-of-message \"x\""},
    {MTA, 'A', SLICE_LITERAL(""), "abort"},
    {MTA, 'Q', SLICE_LITERAL(""), "quit"},
    {MTA, 'K', SLICE_LITERAL(""), "quit-new-connection"},
    {MTA, 'Z', SLICE_LITERAL("what"), "packet Z \"what\""},
    {MTA, '"', SLICE_LITERAL(""), "packet \"\\\"\""},
    {FILTER, 'c', SLICE_LITERAL(""), "continue"},
    {FILTER, 'a', SLICE_LITERAL(""), "accept"},
    {FILTER, 'r', SLICE_LITERAL(""), "reject"},
    {FILTER, 't', SLICE_LITERAL(""), "temporary-failure"},
    {FILTER, 'd', SLICE_LITERAL(""), "discard"},
    {FILTER, 's', SLICE_LITERAL(""), "skip"},
    {FILTER, 'p', SLICE_LITERAL(""), "progress"},
    {FILTER, 'f', SLICE_LITERAL(""), "connection-failure"},
    {FILTER, '4', SLICE_LITERAL(""), "shutdown"},
    {FILTER, 'y', SLICE_LITERAL("550 5.7.1 no\0"), "reply \"550 5.7.1 no\""},
    {FILTER, 'y', SLICE_LITERAL("554-a\r\n554 b\0"), "reply \"554-a\\r\\n\"\\\n    \"554 b\""},
    {FILTER, 'q', SLICE_LITERAL("virus?\0"), "quarantine virus?"},
    {FILTER, 'h', SLICE_LITERAL("X-A\0v\0"), "add-header X-A v"},
    {FILTER, 'i', SLICE_LITERAL("\0\0\0\1X-A\0v\0"), "insert-header 1 X-A v"},
    {FILTER, 'm', SLICE_LITERAL("\0\0\0\2X-A\0\0"), "change-header 2 X-A \"\""},
    {FILTER, 'e', SLICE_LITERAL("<a@x>\0ENVID=1\0"), "change-from <a@x> ENVID=1"},
    {FILTER, '+', SLICE_LITERAL("<a@x>\0"), "add-recipient <a@x>"},
    {FILTER, '2', SLICE_LITERAL("<a@x>\0NOTIFY=NEVER\0"),
     "add-recipient-with-parameters <a@x> NOTIFY=NEVER"},
    {FILTER, '-', SLICE_LITERAL("<a@x>\0"), "delete-recipient <a@x>"},
    {FILTER, 'b', SLICE_LITERAL("Bye\r\n"), "replace-body \"Bye\\r\\n\""},
    {FILTER, 'b', SLICE_LITERAL(""), "replace-body"},
};

/* Reads a line, which may have continuation lines; false leaves the sentence in *error. */
static bool read_line(enum session_side side, struct slice text, char *letter,
                      struct buffer *payload, struct error *error)
{
    struct arena arena = {0};
    struct word words[4096];
    size_t count = 0;
    bool ok;

    while (count < 4096 && word_next(&text, &arena, &words[count], error)) {
        count++;
    }
    ok = error->code == ERROR_NONE &&
         session_line_encode(side, words, count, letter, payload, error);
    arena_clear(&arena);
    return ok;
}

static void check_round_trip(enum session_side side, const struct packet *packet)
{
    struct buffer text = {0}, payload = {0};
    struct error error = {0};
    char letter = '?';

    session_line_append(&text, side, packet);
    assert_true(read_line(side, buffer_slice(&text), &letter, &payload, &error));
    assert_int_equal(letter, packet->letter);
    assert_true(slice_equal(buffer_slice(&payload), packet->payload));
    buffer_clear(&text);
    buffer_clear(&payload);
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct packet packet = {lines[i].letter, lines[i].payload};
        struct buffer text = {0};

        session_line_append(&text, lines[i].side, &packet);
        buffer_append_byte(&text, '\0');
        text.data[text.end - 2] = '\0';
        assert_string_equal(text.data + text.start, lines[i].line);
        buffer_clear(&text);
        check_round_trip(lines[i].side, &packet);
    }
}

/* Whatever a peer sends can be written down and sent again. */
static void test_any_payload(void **state)
{
    static const char bytes[] = "\0\0\0\0\1 =\"\\/*#a\n\r\tCMR{}\x7f\xff\xc3\xa4";

    (void)state;
    srandom(1);
    for (unsigned turn = 0; turn < 40000; turn++) {
        char payload[80];
        size_t length = (size_t)random() % sizeof(payload);
        enum session_side side = random() % 2 == 0 ? MTA : FILTER;
        const char *letters = side == MTA ? "ODCHMRTULNBEAQKZ" : "Ocartdysf4pqhime+2-bZ";
        struct packet packet = {letters[(size_t)random() % strlen(letters)], {payload, length}};

        for (size_t i = 0; i < length; i++) {
            payload[i] = bytes[(size_t)random() % (sizeof(bytes) - 1)];
        }
        check_round_trip(side, &packet);
    }
}

static void test_other_names(void **state)
{
    static const struct {
        enum session_side side;
        char letter;
        const char *line;
        struct slice payload;
    } cases[] = {
        {MTA, 'M', "mail <a@b>", SLICE_LITERAL("<a@b>\0")},
        {MTA, 'R', "rcpt <a@b> X=1", SLICE_LITERAL("<a@b>\0X=1\0")},
        {MTA, 'D', "macros mail i=1", SLICE_LITERAL("Mi\0001\0")},
        {MTA, 'L', "header-verbatim A \" b\"", SLICE_LITERAL("A\0 b\0")},
        {MTA, 'B', "body \"a\" b base64:Yw==", SLICE_LITERAL("abc")},
        {FILTER, 'O', "negotiate 6 0x11 none rcpt=\"\"",
         SLICE_LITERAL("\0\0\0\6\0\0\0\x11\0\0\0\0\0\0\0\3\0")},
        {FILTER, 'c', "packet c", SLICE_LITERAL("")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer text = {0}, payload = {0};
        struct error error = {0};
        char letter = '?';

        buffer_append_string(&text, cases[i].line);
        assert_true(read_line(cases[i].side, buffer_slice(&text), &letter, &payload, &error));
        assert_int_equal(letter, cases[i].letter);
        assert_true(slice_equal(buffer_slice(&payload), cases[i].payload));
        buffer_clear(&text);
        buffer_clear(&payload);
    }
}

static void test_mistakes(void **state)
{
    static const struct {
        enum session_side side;
        const char *line;
        const char *sentence;
    } cases[] = {
        {MTA, "hello x", "unknown command <hello>"},
        {FILTER, "yes", "unknown reply <yes>"},
        {MTA, "helo", "helo wants NAME"},
        {MTA, "data x", "data wants nothing behind it"},
        {MTA, "header A", "header wants NAME VALUE"},
        {MTA, "connect h inet 1", "connect wants HOST inet|inet6 PORT ADDRESS"},
        {MTA, "connect h inet 99999 a", "not a number from 0 to 65535: <99999>"},
        {MTA, "connect h ipx", "connect wants"},
        {MTA, "macros here", "unknown stage <here>"},
        {MTA, "macros helo x", "NAME=VALUE is wanted: <x>"},
        {MTA, "macros helo =x", "NAME=VALUE is wanted: <=x>"},
        {MTA, "negotiate x all all", "not a number"},
        {MTA, "negotiate 6 some all", "unknown action <some>"},
        {MTA, "negotiate 6 all some", "unknown step <some>"},
        {FILTER, "negotiate 6 all all body=x", "unknown stage <body>"},
        {FILTER, "insert-header x a b", "not a number"},
        {FILTER, "insert-header -1 a b", "not a number"},
        {MTA, "helo \"a\\x00b\"", "NUL"},
        {MTA, "packet ab", "packet wants one letter first: <ab>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer text = {0}, payload = {0};
        struct error error = {0};
        char letter;

        buffer_append_string(&text, cases[i].line);
        assert_false(read_line(cases[i].side, buffer_slice(&text), &letter, &payload, &error));
        if (strstr(error.message, cases[i].sentence) == NULL) {
            assert_string_equal(error.message, cases[i].sentence);
        }
        buffer_clear(&text);
        buffer_clear(&payload);
    }
}

static void test_hex(void **state)
{
    struct buffer text = {0}, bytes = {0};
    struct error error = {0};
    const struct word good[] = {{WORD_LITERAL, SLICE_LITERAL("00Ff")},
                                {WORD_LITERAL, SLICE_LITERAL("4e")}};
    const struct word bad[] = {{WORD_LITERAL, SLICE_LITERAL("00f")}};

    (void)state;
    assert_true(session_line_encode_hex(good, 2, &bytes, &error));
    session_line_append_hex(&text, buffer_slice(&bytes));
    assert_true(slice_equal_string(buffer_slice(&text), "hex 00 ff 4e\n"));
    assert_false(session_line_encode_hex(bad, 1, &bytes, &error));
    assert_non_null(strstr(error.message, "pairs of hexadecimal digits: <00f>"));
    buffer_clear(&text);
    buffer_clear(&bytes);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(session_line_knows(MTA, slice_from_string("mail")));
    assert_false(session_line_knows(FILTER, slice_from_string("mail")));
    assert_true(session_line_is_text(MTA, slice_from_string("body")));
    assert_true(session_line_is_text(FILTER, slice_from_string("replace-body")));
    assert_false(session_line_is_text(MTA, slice_from_string("helo")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_any_payload),
        cmocka_unit_test(test_other_names), cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_hex),         cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
