/*
 * Tests of prepared: every command's payload and macros, both forms of a header.
 */
#include "milter-test-server/prepared.h"

#include "libcore/session/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct prepared_command *command_of(const struct prepared *prepared, enum step step,
                                                 size_t index)
{
    assert_true(index < prepared->steps[step].count);
    return prepared->steps[step].commands + index;
}

static void assert_bytes(struct slice slice, const char *bytes, size_t length)
{
    assert_int_equal(slice.length, length);
    assert_memory_equal(slice.data, bytes, length);
}

#define ASSERT_BYTES(slice, literal) assert_bytes(slice, literal, sizeof(literal) - 1)

static void test_all(void **state)
{
    static struct macro_store macros;
    struct session_plan plan = {
        .connect = {.host = SLICE_LITERAL("h"), .family = 'U'},
        .helo = "me",
        .macros = &macros,
    };
    struct prepared prepared;
    struct message message;

    (void)state;
    macros_set_defaults(&macros, "test");
    message_init(&message);
    message_set_sender(&message, slice_from_string("s"));
    message_add_recipient(&message, slice_from_string("a"));
    message_add_recipient(&message, slice_from_string("b"));
    message_add_header(&message, slice_from_string("N"), slice_from_string("v"));
    message_complete(&message);
    prepared_init(&prepared, &plan, &message);
    ASSERT_BYTES(command_of(&prepared, STEP_CONNECT, 0)->payload, "h\0U");
    ASSERT_BYTES(command_of(&prepared, STEP_HELO, 0)->payload, "me\0");
    ASSERT_BYTES(command_of(&prepared, STEP_MAIL, 0)->payload, "<s>\0");
    ASSERT_BYTES(command_of(&prepared, STEP_RCPT, 1)->payload, "<b>\0");
    ASSERT_BYTES(command_of(&prepared, STEP_HEADER, 0)->payload, "N\0v\0");
    ASSERT_BYTES(command_of(&prepared, STEP_HEADER, 0)->spaced, "N\0 v\0");
    assert_ptr_equal(command_of(&prepared, STEP_BODY, 0)->payload.data, message.body.items[0].data);
    assert_int_equal(prepared.steps[STEP_UNKNOWN].count, 0);
    assert_int_equal(prepared.steps[STEP_HEADER].count, 3);
    ASSERT_BYTES(command_of(&prepared, STEP_DATA, 0)->macros, "i\0i\0");
    assert_non_null(memmem(command_of(&prepared, STEP_RCPT, 1)->macros.data,
                           command_of(&prepared, STEP_RCPT, 1)->macros.length, "{rcpt_addr}\0<b>",
                           sizeof("{rcpt_addr}\0<b>")));
    assert_null(command_of(&prepared, STEP_HEADER, 0)->macros.data);
    prepared_clear(&prepared);
    message_clear(&message);
    macro_store_clear(&macros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

    return cmocka_run_group_tests_name("prepared", tests, NULL, NULL);
}
