/*
 * Tests of session_file: every kind of step with its line, text, time and
 * bytes, what an expectation matches, and what mistakes are called.
 */
#include "libcore/session/session_file.h"

#include "libcore/session/session_line.h"
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "milter-session 1\n"

/* "long" is two packets and a bit; "missing" is not there; else the content is the path. */
static bool load(void *owner, const char *path, struct buffer *content, struct error *error)
{
    unsigned *loaded = owner;

    if (loaded != NULL) {
        ++*loaded;
    }
    if (strcmp(path, "missing") == 0) {
        error_set(error, ERROR_USAGE, "%s does not exist.", path);
        return false;
    }
    if (strcmp(path, "long") == 0) {
        for (size_t i = 0; i < 2 * PROTOCOL_CHUNK + 7; i++) {
            buffer_append_byte(content, (char)('a' + i % 26));
        }
    } else {
        buffer_append_string(content, path);
    }
    return true;
}

static void parse(struct session_file *file, const char *text)
{
    struct error error = {0};

    if (!session_file_parse(file, "x.session", slice_from_string(text), load, NULL, &error)) {
        print_error("%s\n", error.message);
        fail();
    }
}

/* Every byte of a file belongs to a step, so that it can be written again. */
static void check_texts(const struct session_file *file, const char *text)
{
    struct buffer whole = {0};

    for (size_t i = 0; i < file->count; i++) {
        buffer_append_slice(&whole, file->steps[i].text);
    }
    assert_text(buffer_slice(&whole), text);
    buffer_clear(&whole);
}

/* ---- steps */

static void test_kinds(void **state)
{
    static const char text[] = HEAD "# a comment\n"
                                    "\n"
                                    "> helo delian\n"
                                    "! helo delian\n"
                                    "! hex 00 0A ff\n"
                                    "< accept\n"
                                    "< close\n"
                                    "< nothing 200ms\n"
                                    "pause 1.5s\n"
                                    "timeout 5\n"
                                    "  # indented\n"
                                    "> close\n";
    static const enum session_step_kind kinds[] = {
        SESSION_STEP_TEXT,   SESSION_STEP_TEXT,         SESSION_STEP_TEXT,
        SESSION_STEP_SEND,   SESSION_STEP_SEND_ANYWAY,  SESSION_STEP_SEND_BYTES,
        SESSION_STEP_EXPECT, SESSION_STEP_EXPECT_CLOSE, SESSION_STEP_EXPECT_NOTHING,
        SESSION_STEP_PAUSE,  SESSION_STEP_TIMEOUT,      SESSION_STEP_TEXT,
        SESSION_STEP_CLOSE};
    struct session_file file;

    (void)state;
    parse(&file, text);
    check_texts(&file, text);
    assert_int_equal(file.count, sizeof(kinds) / sizeof(kinds[0]));
    for (size_t i = 0; i < file.count; i++) {
        assert_int_equal(file.steps[i].kind, kinds[i]);
        assert_int_equal(file.steps[i].line, i + 1);
        assert_true(file.steps[i].time < 0);
    }
    assert_int_equal(file.steps[3].command, COMMAND_HELO);
    assert_int_equal(file.steps[3].packet.letter, 'H');
    assert_bytes(file.steps[3].packet.payload, BYTES("delian\0"));
    assert_int_equal(file.steps[4].command, COMMAND_HELO);
    assert_hex(file.steps[5].bytes, "00 0a ff");
    assert_true(file.steps[6].exact);
    assert_int_equal(file.steps[6].packet.letter, 'a');
    assert_true(file.steps[8].seconds > 0.199 && file.steps[8].seconds < 0.201);
    assert_true(file.steps[9].seconds > 1.49 && file.steps[9].seconds < 1.51);
    assert_true(file.steps[10].seconds > 4.99 && file.steps[10].seconds < 5.01);
    session_file_clear(&file);
}

static void test_continuation_lines(void **state)
{
    static const char text[] = HEAD "> body\n"
                                    "    \"one\\r\\n\"\n"
                                    "\t\"two\\r\\n\" tail\n"
                                    "   \n"
                                    "\n"
                                    "> quit";
    struct session_file file;

    (void)state;
    parse(&file, text);
    check_texts(&file, text);
    assert_int_equal(file.count, 4);
    assert_text(file.steps[1].packet.payload, "one\r\ntwo\r\ntail");
    assert_int_equal(file.steps[1].line, 2);
    assert_int_equal(file.steps[2].kind, SESSION_STEP_TEXT);
    assert_int_equal(file.steps[2].line, 6);
    assert_int_equal(file.steps[3].line, 7);
    session_file_clear(&file);
}

static void test_carriage_returns(void **state)
{
    static const char text[] = "milter-session 1\r\n\r\n# x\r\n> helo a\r\n< accept\r\n";
    struct session_file file;

    (void)state;
    parse(&file, text);
    check_texts(&file, text);
    assert_int_equal(file.count, 5);
    assert_bytes(file.steps[3].packet.payload, BYTES("a\0"));
    session_file_clear(&file);
}

/* No word: not a step, whatever blanks there are. */
static void test_lines_of_blanks(void **state)
{
    static const char text[] = HEAD "\r \n\r\t\r\n \t\n> quit\n \r \n\r \n";
    struct session_file file;

    (void)state;
    parse(&file, text);
    check_texts(&file, text);
    assert_int_equal(file.count, 6);
    assert_int_equal(file.steps[1].kind, SESSION_STEP_TEXT);
    assert_int_equal(file.steps[4].command, COMMAND_QUIT);
    session_file_clear(&file);
}

static void test_times(void **state)
{
    struct session_file file;

    (void)state;
    parse(&file, HEAD "@0.120 > quit\n@2s < accept\n@0 pause 1\n> quit\n");
    assert_true(file.steps[1].time > 0.119 && file.steps[1].time < 0.121);
    assert_int_equal(file.steps[1].command, COMMAND_QUIT);
    assert_true(file.steps[2].time > 1.99 && file.steps[2].time < 2.01);
    assert_true(file.steps[3].time > -0.001 && file.steps[3].time < 0.001);
    assert_true(file.steps[4].time < 0);
    session_file_clear(&file);
}

static void test_parts(void **state)
{
    struct session_file file;

    (void)state;
    parse(&file, HEAD "! part 3 helo ab\n! rest\n! part 0 quit\n! part 2 quit\n");
    assert_hex(file.steps[1].bytes, "00 00 00");
    assert_hex(file.steps[2].bytes, "04 48 61 62 00");
    assert_int_equal(file.steps[3].bytes.length, 0);
    assert_hex(file.steps[4].bytes, "00 00");
    for (size_t i = 1; i < file.count; i++) {
        assert_int_equal(file.steps[i].kind, SESSION_STEP_SEND_BYTES);
    }
    session_file_clear(&file);
}

static void test_long_body(void **state)
{
    static const char text[] = HEAD "> body file:long\n! body file:long\n";
    struct session_file file;
    size_t total = 0;

    (void)state;
    parse(&file, text);
    check_texts(&file, text);
    assert_int_equal(file.count, 5); /* what is sent anyway is not cut */
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(file.steps[i].kind, SESSION_STEP_SEND);
        assert_int_equal(file.steps[i].command, COMMAND_BODY);
        assert_int_equal(file.steps[i].line, 2);
        assert_int_equal(file.steps[i].packet.payload.data[0], 'a' + total % 26);
        assert_int_equal(file.steps[i].text.length > 0, i == 1);
        total += file.steps[i].packet.payload.length;
    }
    assert_int_equal(file.steps[1].packet.payload.length, PROTOCOL_CHUNK);
    assert_int_equal(total, 2 * PROTOCOL_CHUNK + 7);
    assert_int_equal(file.steps[4].packet.payload.length, total);
    session_file_clear(&file);
    parse(&file, HEAD "> body\n");
    assert_int_equal(file.count, 2); /* an empty one is one packet */
    session_file_clear(&file);
}

static void test_headers(void **state)
{
    struct session_file file;

    (void)state;
    parse(&file, HEAD "> header A b\n> header-verbatim A \" b\"\n> packet Z x\n");
    assert_bytes(file.steps[1].packet.payload, BYTES("A\0b\0"));
    assert_false(file.steps[1].verbatim);
    assert_bytes(file.steps[2].packet.payload, BYTES("A\0 b\0"));
    assert_true(file.steps[2].verbatim);
    assert_int_equal(file.steps[2].command, COMMAND_HEADER);
    assert_int_equal(file.steps[3].command, COMMANDS);
    session_file_clear(&file);
}

static void test_file_words(void **state)
{
    struct session_file file;
    struct error error = {0};
    unsigned loaded = 0;

    (void)state;
    assert_true(session_file_parse(&file, "x",
                                   slice_from_string(HEAD "> header Subject file:hi\n"
                                                          "< replace-body file:a file:b\n"
                                                          "> header X \"file:no\"\n"
                                                          "< insert-header * X file:v\n"),
                                   load, &loaded, &error));
    assert_int_equal(loaded, 4);
    assert_bytes(file.steps[1].packet.payload, BYTES("Subject\0hi\0"));
    assert_true(file.steps[2].exact);
    assert_text(file.steps[2].packet.payload, "ab");
    assert_bytes(file.steps[3].packet.payload, BYTES("X\0file:no\0"));
    assert_text(file.steps[4].words[3].text, "v");
    session_file_clear(&file);
}

static void test_many_steps(void **state)
{
    struct buffer text = {0};
    struct session_file file;
    struct error error = {0};

    (void)state;
    buffer_append_string(&text, HEAD);
    for (unsigned i = 0; i < 5000; i++) {
        buffer_append_format(&text, "> helo h%u\n< continue\n", i);
    }
    assert_true(session_file_parse(&file, "x", buffer_slice(&text), load, NULL, &error));
    assert_int_equal(file.count, 10001);
    assert_int_equal(file.steps[9999].line, 10000);
    assert_bytes(file.steps[9999].packet.payload, BYTES("h4999\0"));
    session_file_clear(&file);
    buffer_clear(&text);
}

/* ---- what an expectation stands for */

static const struct {
    const char *expected;
    char letter; /* 0: the payload is bytes that are no packet */
    struct slice payload;
    bool matches;
} matches[] = {
    {"accept", 'a', SLICE_LITERAL(""), true},
    {"accept", 'r', SLICE_LITERAL(""), false},
    {"accept", 'a', SLICE_LITERAL("x"), false},
    {"*", 'a', SLICE_LITERAL(""), true},
    {"*", 'h', SLICE_LITERAL("X\0y\0"), true},
    {"*", '\0', SLICE_LITERAL("GET"), true},
    {"add-header X y", 'h', SLICE_LITERAL("X\0y\0"), true},
    {"add-header X y", 'h', SLICE_LITERAL("X\0Y\0"), false},
    {"add-header X *", 'h', SLICE_LITERAL("X\0a b c\0"), true},
    {"add-header *", 'h', SLICE_LITERAL("X\0a b c\0"), true},
    {"add-header *", 'm', SLICE_LITERAL("\0\0\0\1X\0y\0"), false},
    {"add-header * y", 'h', SLICE_LITERAL("X\0y\0"), true},
    {"add-header * y", 'h', SLICE_LITERAL("X\0z\0"), false},
    {"add-header X a*c", 'h', SLICE_LITERAL("X\0abbc\0"), true},
    {"add-header X a*c", 'h', SLICE_LITERAL("X\0abbd\0"), false},
    {"add-header X \"*\"", 'h', SLICE_LITERAL("X\0*\0"), true},
    {"add-header X \"*\"", 'h', SLICE_LITERAL("X\0y\0"), false},
    {"add-header X /^[0-9]+$/", 'h', SLICE_LITERAL("X\00042\0"), true},
    {"add-header X /^[0-9]+$/", 'h', SLICE_LITERAL("X\0004x\0"), false},
    {"add-header X /b/ ", 'h', SLICE_LITERAL("X\0abc\0"), true},
    {"insert-header * X file:v", 'i', SLICE_LITERAL("\0\0\0\7X\0v\0"), true},
    {"insert-header * X file:v", 'i', SLICE_LITERAL("\0\0\0\7X\0file\0"), false},
    {"*-header * X y", 'i', SLICE_LITERAL("\0\0\0\7X\0y\0"), true},
    {"/^(accept|continue)$/", 'c', SLICE_LITERAL(""), true},
    {"/^(accept|continue)$/", 'r', SLICE_LITERAL(""), false},
    {"reply 5*", 'y', SLICE_LITERAL("550 5.7.1 no\0"), true},
    {"reply 5*", 'y', SLICE_LITERAL("450 4.7.1 no\0"), false},
    {"replace-body *", 'b', SLICE_LITERAL("a\r\nb\r\n"), true},
    {"replace-body *", 'b', SLICE_LITERAL(""), true},
    {"replace-body *", 'c', SLICE_LITERAL(""), false},
    {"replace-body /b/", 'b', SLICE_LITERAL("a\r\nb\r\n"), true},
    {"replace-body a*z", 'b', SLICE_LITERAL("a\r\n\0\xff z"), true},
    {"replace-body /q/", 'b', SLICE_LITERAL("a\r\n\0\xff z"), false},
    {"replace-body a b", 'b', SLICE_LITERAL("ab"), true},
    {"negotiate 6 * *", 'O', SLICE_LITERAL("\0\0\0\6\0\0\0\1\0\0\0\0"), true},
    {"negotiate *", 'O', SLICE_LITERAL("\0\0\0\6\0\0\0\1\0\0\0\0\0\0\0\0j\0"), true},
    {"negotiate 2 *", 'O', SLICE_LITERAL("\0\0\0\6\0\0\0\1\0\0\0\0"), false},
    {"packet Z *", 'Z', SLICE_LITERAL("whatever\0"), true},
    {"packet y *", 'y', SLICE_LITERAL("no end"), true},
    {"hex 47 45 54", '\0', SLICE_LITERAL("GET"), true},
    {"hex 474554", '\0', SLICE_LITERAL("GET"), true},
    {"hex FF 0a", '\0', SLICE_LITERAL("\xff\n"), true},
    {"hex 47 *", '\0', SLICE_LITERAL("GET"), true},
    {"hex 4745 *", '\0', SLICE_LITERAL("GET"), true},
    {"hex 47 * 54", '\0', SLICE_LITERAL("GET"), true},
    {"hex 48 *", '\0', SLICE_LITERAL("GET"), false},
    {"hex *", 'a', SLICE_LITERAL(""), false},
    {"accept", '\0', SLICE_LITERAL("a"), false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        const struct packet packet = {matches[i].letter, matches[i].payload};
        struct session_file file;
        struct buffer line = {0}, text = {0};
        bool found;

        buffer_append_format(&text, HEAD "< %s\n%c", matches[i].expected, '\0');
        parse(&file, text.data);
        if (packet.letter != '\0') {
            session_line_append(&line, SESSION_SIDE_FILTER, &packet);
        } else {
            session_line_append_hex(&line, packet.payload);
        }
        found = session_step_matches(&file.steps[1], packet.letter != '\0' ? &packet : NULL,
                                     buffer_slice(&line));
        if (found != matches[i].matches) {
            fail_msg("<%s> and %.*s", matches[i].expected, (int)buffer_length(&line) - 1,
                     line.data);
        }
        session_file_clear(&file);
        buffer_clear(&line);
        buffer_clear(&text);
    }
}

static void test_expects_continue(void **state)
{
    struct session_file file;

    (void)state;
    parse(&file, HEAD "< continue\n< c*\n< *\n< accept\n< close\n< /tin/\n> quit\n");
    assert_true(session_step_expects_continue(&file.steps[1]));
    assert_true(session_step_expects_continue(&file.steps[2]));
    assert_true(session_step_expects_continue(&file.steps[3]));
    assert_false(session_step_expects_continue(&file.steps[4]));
    assert_false(session_step_expects_continue(&file.steps[5]));
    assert_true(session_step_expects_continue(&file.steps[6]));
    assert_false(session_step_expects_continue(&file.steps[7]));
    session_file_clear(&file);
}

/* ---- mistakes */

#define NOT_ONE "not a session file: its first line is to be \"milter-session 1\""

#define HEX_32 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *text, *sentence;
} mistakes[] = {
    {"", "x.session:1: " NOT_ONE},
    {"> quit\n", "x.session:1: " NOT_ONE},
    {"\n" HEAD, "x.session:1: " NOT_ONE},
    {"milter-session 2\n> quit\n", "x.session:1: this version of the format is not known; 1 is"},
    {HEAD "quit\n", "x.session:2: a line begins with > (the MTA), ! (sent anyway), < (the filter), "
                    "pause, timeout or #: <quit>"},
    {HEAD "\n\n@1\n", "x.session:4: a time stands in front of a step"},
    {HEAD ">\n", "x.session:2: a command or a reply is missing"},
    {HEAD "<\n", "x.session:2: a command or a reply is missing"},
    {HEAD "> accept\n", "x.session:2: unknown command <accept>"},
    {HEAD "< helo a\n", "x.session:2: unknown reply <helo>"},
    {HEAD "< helo *\n", "x.session:2: unknown reply <helo>"},
    {HEAD "> helo\n", "x.session:2: helo wants NAME"},
    {HEAD "> quit now\n", "x.session:2: quit wants nothing behind it"},
    {HEAD "> quit # now\n",
     "x.session:2: a word that begins with # is quoted; a comment has a line of its own"},
    {HEAD "> body\n  a\n  b # c\n",
     "x.session:4: a word that begins with # is quoted; a comment has a line of its own"},
    {HEAD "> close now\n", "x.session:2: close wants nothing behind it"},
    {HEAD "> close\n< close\n",
     "x.session:3: behind > close nothing can be said, and nothing is answered"},
    {HEAD "> connect \"a\\x00b\" unknown\n",
     "x.session:2: a NUL byte cannot be part of this; use packet"},
    {HEAD "> macros connect j=\"a\\x00b\"\n",
     "x.session:2: a NUL byte cannot be part of this; use packet"},
    {HEAD "< close now\n", "x.session:2: close wants nothing behind it"},
    {HEAD "> helo a*\n", "x.session:2: what is sent cannot be a pattern; put the word in quotes"},
    {HEAD "! helo /a/\n", "x.session:2: what is sent cannot be a pattern; put the word in quotes"},
    {HEAD "> helo \"a\n", "x.session:2: the closing \" is missing"},
    {HEAD "> body\n  a\n  \"b\n  c\n", "x.session:4: the closing \" is missing"},
    {HEAD "> body\n  a\n\n> nonsense\n  x\n", "x.session:5: unknown command <nonsense>"},
    {HEAD "> helo file:missing\n", "x.session:2: missing does not exist."},
    {HEAD "< reply file:missing\n", "x.session:2: missing does not exist."},
    {HEAD "< add-header * file:missing\n", "x.session:2: missing does not exist."},
    {HEAD "< reply /(/\n",
     "x.session:2: the regular expression /(/ is invalid: Unmatched ( or \\("},
    {HEAD "< replace-body a *\n", "x.session:2: a pattern stands for a whole text: one word"},
    {HEAD "< nothing\n", "x.session:2: nothing wants a length of time: nothing 200ms"},
    {HEAD "pause\n", "x.session:2: pause wants a length of time: pause 200ms"},
    {HEAD "timeout 1 2\n", "x.session:2: timeout wants a length of time: timeout 5s"},
    {HEAD "! hex\n", "x.session:2: hex wants pairs of hexadecimal digits"},
    {HEAD "< hex\n", "x.session:2: hex wants pairs of hexadecimal digits"},
    {HEAD "! hex 0\n", "x.session:2: not pairs of hexadecimal digits: <0>"},
    {HEAD "< hex 0g\n", "x.session:2: not pairs of hexadecimal digits: <0g>"},
    {HEAD "< hex 0g *\n", "x.session:2: not pairs of hexadecimal digits: <0g>"},
    {HEAD "< hex " HEX_32 " " HEX_32 " 00\n",
     "x.session:2: at most 64 bytes are compared; * stands for those behind them"},
    {HEAD "! part 3\n", "x.session:2: part wants a number of bytes and a command"},
    {HEAD "! part x helo a\n", "x.session:2: part wants a number of bytes and a command"},
    {HEAD "! part -1 helo a\n", "x.session:2: part wants a number of bytes and a command"},
    {HEAD "! part 7 helo a\n", "x.session:2: the packet has only 7 bytes: a part is less"},
    {HEAD "! rest\n", "x.session:2: rest stands alone and behind a part"},
    {HEAD "! part 1 quit\n! rest\n! rest\n", "x.session:4: rest stands alone and behind a part"},
    {HEAD "! part 1 quit\n! rest x\n", "x.session:3: rest stands alone and behind a part"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct session_file file;
        struct error error = {0};

        assert_false(session_file_parse(&file, "x.session", slice_from_string(mistakes[i].text),
                                        load, NULL, &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_string_equal(error.message, mistakes[i].sentence);
        assert_int_equal(file.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_continuation_lines),
        cmocka_unit_test(test_carriage_returns),
        cmocka_unit_test(test_lines_of_blanks),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_long_body),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_file_words),
        cmocka_unit_test(test_many_steps),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_expects_continue),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
