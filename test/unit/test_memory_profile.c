/*
 * Tests of memory_profile: its two forms, its details.
 */
#include "milter-test-client/memory_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The line as a string, in memory that stays until the next call. */
static const char *profile(unsigned long sessions, bool json)
{
    static char text[512];
    struct buffer line = {0};

    memory_profile_append(&line, sessions, json);
    assert_true(buffer_length(&line) < sizeof(text));
    memcpy(text, line.data + line.start, buffer_length(&line));
    text[buffer_length(&line)] = '\0';
    buffer_clear(&line);
    return text;
}

/* The number behind a word, which must be there. */
static unsigned long number_behind(const char *text, const char *word)
{
    const char *found = strstr(text, word);

    assert_non_null(found);
    return strtoul(found + strlen(word), NULL, 10);
}

static void test_line(void **state)
{
    const char *text;

    (void)state;
    (void)unsetenv("MILTER_MEMORY_PROFILE");
    text = profile(12, false);
    assert_memory_equal(text, "memory: rss=", 12);
    assert_true(number_behind(text, "rss=") > 100);
    assert_true(number_behind(text, "KB allocated=") < number_behind(text, "rss="));
    assert_string_equal(strstr(text, "KB sessions="), "KB sessions=12\n");
}

static void test_details(void **state)
{
    (void)state;
    (void)setenv("MILTER_MEMORY_PROFILE", "no", 1);
    assert_null(strstr(profile(1, false), "arena"));
    (void)setenv("MILTER_MEMORY_PROFILE", "yes", 1);
    assert_non_null(strstr(profile(1, false), " sessions=1 arena="));
    assert_non_null(strstr(profile(1, false), "KB mmapped="));
    assert_non_null(strstr(profile(1, false), "KB free="));
    assert_non_null(strstr(profile(1, true), ", \"sessions\": 1, \"arena_kb\": "));
    (void)unsetenv("MILTER_MEMORY_PROFILE");
}

static void test_json(void **state)
{
    const char *text = profile(2, true);

    (void)state;
    assert_memory_equal(text, "{\"time\": ", 9);
    assert_non_null(strstr(text, "\"event\": \"memory\", \"rss_kb\": "));
    assert_string_equal(strstr(text, "\"sessions\""), "\"sessions\": 2}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
