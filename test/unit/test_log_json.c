/*
 * Lines of the log as JSON: whatever bytes are logged, one line is one object.
 */
#include "libcore/base/log.h"
#include "libcore/base/log_json.h"
#include "libcore/base/utf8.h"
#include "test/unit/file_text.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[128];

static int set_up(void **state)
{
    (void)state;
    (void)strcpy(directory, "/tmp/test-log-json-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    (void)unsetenv("MILTER_LOG_ITEM");
    (void)unsetenv("MILTER_LOG_LEVEL");
    (void)setenv("MILTER_LOG_PATH", path, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_close();
    (void)unlink(path);
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

static void strings(void **state)
{
    static const struct {
        struct slice bytes;
        const char *json;
    } cases[] = {
        {SLICE_LITERAL(""), "\"\""},
        {SLICE_LITERAL("a/b"), "\"a/b\""},
        {SLICE_LITERAL("\"\\"), "\"\\\"\\\\\""},
        {SLICE_LITERAL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {SLICE_LITERAL("a\0b"), "\"a\\u0000b\""},
        {SLICE_LITERAL("\x01\x1b[31m\x7f"), "\"\\u0001\\u001b[31m\\u007f\""},
        {SLICE_LITERAL("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\""},
        {SLICE_LITERAL("\xf0\x9f\x93\xa7"), "\"\xf0\x9f\x93\xa7\""},
        /* Latin-1, a lone continuation, a sequence cut off, an overlong one, a surrogate. */
        {SLICE_LITERAL("gr\xfc"), "\"gr\xef\xbf\xbd\""},
        {SLICE_LITERAL("\x80x"), "\"\xef\xbf\xbdx\""},
        {SLICE_LITERAL("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {SLICE_LITERAL("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {SLICE_LITERAL("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        /* They end a line for some readers. */
        {SLICE_LITERAL("\xe2\x80\xa8\xe2\x80\xa9\xc2\x85"), "\"\\u2028\\u2029\\u0085\""},
        {SLICE_LITERAL("\xe2\x80\xa7"), "\"\xe2\x80\xa7\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer output = {0};

        log_json_string(&output, cases[i].bytes);
        buffer_append_byte(&output, '\0');
        assert_string_equal(buffer_slice(&output).data, cases[i].json);
        buffer_clear(&output);
    }
}

/* One line, valid UTF-8 without controls; the quotes that count are in pairs. */
static void assert_one_line(struct slice line)
{
    unsigned quotes = 0;

    assert_int_equal(line.data[line.length - 1], '\n');
    line.length--;
    while (line.length > 0) {
        size_t length = utf8_length(line);

        assert_true(length > 0);
        assert_true((unsigned char)line.data[0] >= ' ' && line.data[0] != 0x7f);
        if (line.data[0] == '\\') {
            assert_true(line.length > 1);
            length = 2;
        }
        quotes += line.data[0] == '"';
        slice_skip(&line, length);
    }
    assert_int_equal(quotes % 2, 0);
}

/* The same numbers in each run (Numerical Recipes' generator, its better half). */
static unsigned chance(void)
{
    static uint32_t number = 7;

    number = number * 1664525U + 1013904223U;
    return number >> 16;
}

static void any_bytes_are_one_line(void **state)
{
    static const char odd[] = "\"\\\n\xe2\x80\xa8\xc2";
    char bytes[64];

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        size_t length = chance() % sizeof(bytes);
        struct buffer output = {0};

        for (size_t i = 0; i < length; i++) {
            bytes[i] = chance() % 3 == 0 ? odd[chance() % (sizeof(odd) - 1)] : (char)chance();
        }
        log_json_line(&output, LOG_LEVEL_ERROR, -1, NULL, slice_of(bytes, length),
                      LOG_FIELDS(LOG_SLICE("child", slice_of(bytes, length))));
        assert_one_line(buffer_slice(&output));
        buffer_clear(&output);
    }
}

static void fields_stand_beside_the_text(void **state)
{
    const struct log_field *more = LOG_FIELDS(LOG_TEXT("child", "a"), LOG_COUNT("session", 7));

    (void)state;
    log_open("test-log");
    assert_true(log_set_format("json", NULL));
    log_event(LOG_LEVEL_ERROR,
              LOG_FIELDS(LOG_MORE(more), LOG_TEXT("empty", ""), LOG_TEXT("absent", NULL),
                         LOG_SECONDS("elapsed", 0.25), LOG_SECONDS("unknown", -1), LOG_MORE(NULL)),
              "[a][%s] x", "b");
    assert_matches(file_text(path),
                   "^\\{\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z\","
                   "\"level\":\"error\",\"pid\":[0-9]+,\"message\":\"\\[a\\]\\[b\\] x\","
                   "\"child\":\"a\",\"session\":7,\"elapsed\":0\\.250000\\}\n$");
}

static void a_worker_and_the_place_are_told(void **state)
{
    (void)state;
    (void)setenv("MILTER_LOG_ITEM", "location|level", 1);
    log_open("test-log");
    assert_true(log_set_format("json", NULL));
    log_set_worker(3);
    log_error("x");
    assert_matches(file_text(path), "\"pid\":[0-9]+,\"worker\":3,\"message\":\"x\",\"location\":"
                                    "\"test/unit/test_log_json.c:[0-9]+: "
                                    "a_worker_and_the_place_are_told\\(\\)\"\\}\n$");
}

static void text_has_no_fields(void **state)
{
    (void)state;
    log_open("test-log");
    log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("child", "a")), "[x] %d", 1);
    assert_matches(file_text(path), "^\\[[^]]+Z\\]: \\[x\\] 1\n$");
}

static unsigned evaluated;

static const char *evaluate(void)
{
    evaluated++;
    return "a";
}

static void fields_are_evaluated_only_for_json(void **state)
{
    (void)state;
    log_open("test-log");
    log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("child", evaluate())), "x");
    assert_int_equal(evaluated, 0);
    assert_true(log_set_format("json", NULL));
    log_event(LOG_LEVEL_DEBUG, LOG_FIELDS(LOG_TEXT("child", evaluate())), "x");
    assert_int_equal(evaluated, 0);
    log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("child", evaluate())), "x");
    assert_int_equal(evaluated, 1);
}

static void an_unknown_format_changes_nothing(void **state)
{
    struct error error = {0};

    (void)state;
    log_open("test-log");
    assert_false(log_set_format("xml", &error));
    assert_string_equal(error.message, "unknown log format: <xml> available values: [json|text]");
    log_error("x");
    assert_matches(file_text(path), "^\\[");
}

/* A disk that takes only a part: the rest of that line is lost, the next one is whole. */
static void a_line_cut_off_does_not_spoil_the_next(void **state)
{
    struct rlimit usual, small;
    char long_text[1000];

    (void)state;
    log_open("test-log");
    assert_true(log_set_format("json", NULL));
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    small = (struct rlimit){.rlim_cur = 300, .rlim_max = usual.rlim_max};
    memset(long_text, 'x', sizeof(long_text));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    log_error("%.*s", (int)sizeof(long_text), long_text);
    log_error("lost");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    log_error("next");
    log_error("last");
    assert_matches(file_text(path), "^\\{[^\n]*\"xx*\n\\{[^\n]*\"message\":\"next\"\\}\n"
                                    "\\{[^\n]*\"message\":\"last\"\\}\n$");
}

/* Several processes may share a pipe: what is written at once ends with a line. */
static void a_pipe_gets_whole_lines(void **state)
{
    char long_text[PIPE_BUF + 100], got[2 * PIPE_BUF];
    unsigned writes = 0, halves = 0;
    int ends[2], saved = dup(STDERR_FILENO);
    ssize_t count;

    (void)state;
    log_open("test-log");
    memset(long_text, 'x', sizeof(long_text));
    /* Each read gives what one write has written, up to PIPE_BUF. */
    assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    assert_true(log_set_path("/dev/stderr", NULL));
    for (unsigned i = 0; i < 100; i++) {
        log_message("%.*s", 150, long_text);
    }
    log_message("%.*s", (int)sizeof(long_text), long_text);
    log_message("last");
    log_flush();
    (void)dup2(saved, STDERR_FILENO);
    while ((count = read(ends[0], got, sizeof(got))) > 0) {
        writes++;
        halves += got[count - 1] != '\n';
    }
    assert_in_range(writes, 7, 10);
    assert_int_equal(halves, 1); /* of the line that is longer than that */
    (void)close(saved);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strings),
        TEST(any_bytes_are_one_line),
        TEST(fields_stand_beside_the_text),
        TEST(a_worker_and_the_place_are_told),
        TEST(text_has_no_fields),
        TEST(fields_are_evaluated_only_for_json),
        TEST(an_unknown_format_changes_nothing),
        TEST(a_pipe_gets_whole_lines),
        TEST(a_line_cut_off_does_not_spoil_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
