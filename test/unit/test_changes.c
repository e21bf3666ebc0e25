/*
 * Tests of changes: what is kept, what is only counted, the limits, the start
 * of the next message.
 */
#include "milter-test-server/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct reply add_header(const char *name, const char *value)
{
    return (struct reply){.kind = REPLY_ADD_HEADER,
                          .name = slice_from_string(name),
                          .value = slice_from_string(value)};
}

static struct reply text_reply(enum reply_kind kind, const char *text)
{
    return (struct reply){.kind = kind, .text = slice_from_string(text)};
}

static void take(struct changes *changes, struct reply reply)
{
    assert_true(changes_take(changes, &reply));
}

static void test_applied(void **state)
{
    struct changes changes = {.keep = false};
    struct message message;

    (void)state;
    message_init(&message);
    message_complete(&message);
    changes_reset(&changes, true);
    take(&changes, add_header("X", "y"));
    take(&changes, text_reply(REPLY_REPLACE_BODY, "new "));
    take(&changes, text_reply(REPLY_REPLACE_BODY, "body"));
    take(&changes, text_reply(REPLY_CHANGE_FROM, "<other@x>"));
    assert_int_equal(changes.count, 3); /* the body counts once */
    changes_apply(&changes, &message, false);
    assert_true(slice_equal_string(message.sender, "<other@x>"));
    assert_int_equal(message.body.count, 1);
    assert_true(slice_equal_string(message.body.items[0], "new body"));
    assert_int_equal(header_list_count(&message.headers, slice_from_string("X")), 1);
    changes_clear(&changes);
    message_clear(&message);
}

static void test_only_counted(void **state)
{
    struct changes changes = {.keep = true};

    (void)state;
    changes_reset(&changes, false);
    take(&changes, add_header("X", "y"));
    take(&changes, text_reply(REPLY_REPLACE_BODY, "new"));
    take(&changes, text_reply(REPLY_QUARANTINE, "first"));
    take(&changes, text_reply(REPLY_QUARANTINE, "second"));
    assert_int_equal(changes.count, 4);
    assert_int_equal(changes.edits.count, 0);
    assert_int_equal(buffer_length(&changes.body), 0);
    assert_true(changes.quarantined); /* the verdict depends on it */
    assert_true(slice_equal_string(buffer_slice(&changes.quarantine), "second"));
    changes_reset(&changes, false);
    assert_false(changes.quarantined);
    assert_false(changes.replaces_body);
    assert_int_equal(changes.count, 0);
    assert_int_equal(buffer_length(&changes.quarantine), 0);
    changes_clear(&changes);
}

static void test_limits(void **state)
{
    struct changes changes = {.keep = false};
    struct reply header = add_header("X", "y");
    struct reply body = {.kind = REPLY_REPLACE_BODY, .text = {NULL, MESSAGE_BODY_MAXIMUM / 2}};

    (void)state;
    changes_reset(&changes, false);
    for (int i = 0; i < PROTOCOL_EDITS; i++) {
        assert_true(changes_take(&changes, &header));
    }
    assert_false(changes_take(&changes, &header));
    changes_reset(&changes, false);
    assert_true(changes_take(&changes, &body));
    assert_true(changes_take(&changes, &body));
    body.text.length = 1;
    assert_false(changes_take(&changes, &body));
    changes_clear(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applied),
        cmocka_unit_test(test_only_counted),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
