/*
 * Tests of file_records: the lists of mail files in front of the report.
 */
#include "milter-performance-check/file_records.h"

#include "performance_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void note(struct file_record *records, size_t file, uint64_t milliseconds,
                 enum outcome outcome)
{
    const struct mail_result result = {
        .due = 1000, .ended = 1000 + milliseconds * 1000000, .outcome = outcome, .file = file};

    file_records_note(records, &result);
}

static void assert_lists(const struct file_record *records, const char *expected)
{
    struct buffer output = {0};

    file_records_append(&output, records, NULL);
    buffer_append_byte(&output, '\0');
    assert_string_equal(buffer_slice(&output).data, expected);
    buffer_clear(&output);
}

static void test_lists(void **state)
{
    struct file_record records[3] = {{0}};

    (void)state;
    performance_run_file_count = 3;
    assert_lists(records, "");
    note(records, MAILS_NO_FILE, 5000, OUTCOME_REJECT);
    assert_lists(records, "");
    note(records, 1, 210, OUTCOME_SENT);
    note(records, 1, 200, OUTCOME_SENT);
    note(records, 2, 12340, OUTCOME_SENT);
    assert_lists(records, "12.34 (sec): c.eml\n 0.21 (sec): b.eml\n\n");
    note(records, 0, 10, OUTCOME_REJECT);
    note(records, 2, 10, OUTCOME_REJECT);
    note(records, 2, 10, OUTCOME_TEMPORARY_FAILURE);
    assert_lists(records, "12.34 (sec): c.eml\n 0.21 (sec): b.eml\n 0.01 (sec): a.eml\n\n"
                          "Rejected mails:\na.eml\nc.eml\n\n"
                          "Temporary failed mails:\nc.eml\n\n");
}

static void test_merge(void **state)
{
    struct file_record records[3] = {{0}};
    struct file_record others[3] = {{0}};

    (void)state;
    performance_run_file_count = 3;
    note(records, 0, 100, OUTCOME_SENT);
    note(others, 0, 300, OUTCOME_REJECT);
    note(records, 1, 300, OUTCOME_TEMPORARY_FAILURE);
    note(others, 1, 100, OUTCOME_SENT);
    file_records_merge(records, others, 3);
    assert_lists(records, " 0.30 (sec): a.eml\n 0.30 (sec): b.eml\n\n"
                          "Rejected mails:\na.eml\n\n"
                          "Temporary failed mails:\nb.eml\n\n");
}

/* Whichever order they come in, the slowest ten are listed, and those alone. */
static void test_ten_slowest(void **state)
{
    enum { FILES = 25 };
    struct file_record records[FILES] = {{0}};
    static const char *names[FILES];
    static char texts[FILES][8];
    struct buffer expected = {0};

    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        size_t seconds = (i * 7) % FILES + 1; /* each number once */

        (void)snprintf(texts[seconds - 1], sizeof(texts[0]), "%zu", i);
        note(records, i, seconds * 1000, OUTCOME_SENT);
    }
    for (size_t seconds = FILES; seconds > FILES - 10; seconds--) {
        buffer_append_format(&expected, "%5.2f (sec): %s\n", (double)seconds, texts[seconds - 1]);
    }
    buffer_append_byte(&expected, '\n');
    buffer_append_byte(&expected, '\0');
    performance_run_many = (const char *const *)names;
    for (size_t seconds = 1; seconds <= FILES; seconds++) {
        names[strtoul(texts[seconds - 1], NULL, 10)] = texts[seconds - 1];
    }
    performance_run_file_count = FILES;
    assert_lists(records, buffer_slice(&expected).data);
    performance_run_many = NULL;
    buffer_clear(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_ten_slowest),
    };

    return cmocka_run_group_tests_name("file_records", tests, NULL, NULL);
}
