/*
 * Tests of composition: the order of the parts, one message of all mails or one
 * of each.
 */
#include "milter-test-server/composition.h"

#include "libcore/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/test_composition.XXXXXX";

static char *path_of(const char *name)
{
    return memory_format("%s/%s", top, name);
}

static void write_file(const char *name, const char *content)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    free(path);
}

static int set_up(void **state)
{
    char *directory;

    (void)state;
    if (mkdtemp(top) == NULL) {
        return -1;
    }
    directory = path_of("b");
    (void)mkdir(directory, 0700);
    free(directory);
    directory = path_of("empty");
    (void)mkdir(directory, 0700);
    free(directory);
    write_file("c", "From: c@x\nTo: rc@x\nSubject: c\n\nbody c\n");
    write_file("a", "From: a@x\nTo: ra@x\nSubject: a\n\nbody a\n");
    write_file("b/z", "Subject: z\n\nbody z\n");
    write_file("b/B", "Subject: B\n\nbody B\n");
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a", "b/z", "b/B", "c"};
    static const char *const directories[] = {"b", "empty", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = path_of(names[i]);

        (void)unlink(path);
        free(path);
    }
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        char *path = path_of(directories[i]);

        (void)rmdir(path);
        free(path);
    }
    return 0;
}

static void test_order_decides(void **state)
{
    struct composition composition = {0};
    struct message message;
    struct error error = {0};
    char *a = path_of("a");

    (void)state;
    composition_add(&composition, PART_SENDER, "before@x");
    composition_add(&composition, PART_RECIPIENT, "before@x");
    composition_add(&composition, PART_HEADER, "X: y");
    composition_add(&composition, PART_MAIL, a);
    assert_true(composition_build(&composition, &message, &error));
    assert_true(slice_equal_string(message.sender, "<a@x>"));
    assert_int_equal(message.recipients.count, 1);
    assert_true(slice_equal_string(message.recipients.items[0], "<ra@x>"));
    message_clear(&message);
    composition_add(&composition, PART_SENDER, "after@x");
    composition_add(&composition, PART_RECIPIENT, "r1@x");
    composition_add(&composition, PART_RECIPIENT, "r2@x");
    composition_add(&composition, PART_BODY, "more");
    assert_true(composition_build(&composition, &message, &error));
    assert_true(slice_equal_string(message.sender, "<after@x>"));
    assert_int_equal(message.recipients.count, 2);
    assert_int_equal(message.body.count, 2);
    assert_true(slice_equal_string(header_list_at(&message.headers, 0)->name, "X"));
    message_clear(&message);
    composition_clear(&composition);
    free(a);
}

static void test_each_mail_alone(void **state)
{
    static const char *const bodies[] = {"body c", "body a", "body B", "body z", "body c"};
    struct composition composition = {0};
    struct message *messages;
    struct error error = {0};
    size_t count;
    char *c = path_of("c");

    (void)state;
    composition_add(&composition, PART_HEADER, "X: y");
    composition_add(&composition, PART_MAIL, c);
    composition_add(&composition, PART_MAIL, top);
    composition_add(&composition, PART_RECIPIENT, "r@x");
    assert_true(composition_build_each(&composition, &messages, &count, &error));
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(messages[i].body.count, 1);
        assert_true(slice_equal_string(messages[i].body.items[0], bodies[i]));
        assert_int_equal(header_list_count(&messages[i].headers, slice_from_string("X")), 1);
        assert_true(slice_equal_string(
            messages[i].recipients.items[messages[i].recipients.count - 1], "<r@x>"));
        message_clear(messages + i);
    }
    free(messages);
    composition_clear(&composition);
    free(c);
}

static void test_no_mail_is_one_message(void **state)
{
    struct composition composition = {0};
    struct message *messages;
    struct error error = {0};
    size_t count;

    (void)state;
    assert_true(composition_build_each(&composition, &messages, &count, &error));
    assert_int_equal(count, 1);
    assert_true(slice_equal_string(messages[0].sender, "<sender@example.com>"));
    message_clear(messages);
    free(messages);
}

static void test_what_cannot_be(void **state)
{
    struct composition composition = {0};
    struct message message, *messages;
    struct error error = {0};
    size_t count;

    (void)state;
    composition_add(&composition, PART_MAIL, top);
    assert_false(composition_build(&composition, &message, &error));
    assert_non_null(strstr(error.message, "is a directory: its mails are sent with --n-sessions"));
    message_clear(&message);
    error_clear(&error);
    composition_add(&composition, PART_MAIL, "/no/such/file");
    assert_false(composition_build_each(&composition, &messages, &count, &error));
    assert_string_equal(error.message, "/no/such/file does not exist.");
    assert_int_equal(count, 4); /* those before it are there, and the caller's */
    for (size_t i = 0; i < count; i++) {
        message_clear(messages + i);
    }
    free(messages);
    composition_clear(&composition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_decides),
        cmocka_unit_test(test_each_mail_alone),
        cmocka_unit_test(test_no_mail_is_one_message),
        cmocka_unit_test(test_what_cannot_be),
    };

    return cmocka_run_group_tests_name("composition", tests, set_up, tear_down);
}
