/*
 * The table of items: defaults, checks with their messages, notation, and the
 * bookkeeping of children and conditions (configuration sections 2-5, 10).
 */
#include "milter-manager/config/configuration.h"

#include "libcore/base/log.h"
#include "milter-manager/config/item.h"
#include "milter-manager/config/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct location here = {.file = "local.conf", .line = 12};

static void has(const struct configuration *configuration, const char *text)
{
    struct buffer shown = {0};

    configuration_format(configuration, SHOW_TO_READERS, &shown);
    buffer_append_byte(&shown, '\0');
    if (strstr(buffer_slice(&shown).data, text) == NULL) {
        fail_msg("not shown:\n%s\nbut:\n%s", text, buffer_slice(&shown).data);
    }
    buffer_clear(&shown);
}

static bool assign(struct configuration *configuration, const char *group, const char *name,
                   struct value value, struct error *error)
{
    error_clear(error);
    return configuration_assign(configuration, group, name, &value, here, error);
}

static void every_item_begins_with_its_default(void **state)
{
    struct configuration *configuration = configuration_new();

    (void)state;
    for (unsigned i = 0; i < configuration_item_count; i++) {
        assert_true(item_is_default(&configuration_items[i], configuration));
    }
    assert_null(configuration->manager.connection_spec);
    assert_int_equal(configuration->manager.unix_socket_mode, 0660);
    assert_int_equal(configuration->manager.maintenance_interval, 10);
    assert_int_equal(configuration->manager.suspend_time_on_unacceptable, 5);
    assert_int_equal(configuration->manager.fallback_status, VERDICT_ACCEPT);
    assert_int_equal(configuration->manager.fallback_status_at_disconnect,
                     VERDICT_TEMPORARY_FAILURE);
    assert_int_equal(configuration->manager.chunk_size, 65535);
    assert_true(configuration->manager.condition_timeout == 5.0);
    assert_true(configuration->manager.shutdown_timeout == 60.0);
    assert_int_equal(configuration->log.levels, LOG_LEVEL_DEFAULT);
    assert_true(configuration->log.use_syslog);
    assert_string_equal(configuration->log.syslog_facility, "mail");
    assert_int_equal(configuration->database.port, -1);
    configuration_release(configuration);
}

static void wrong_values_are_named(void **state)
{
    static const struct {
        const char *group, *name;
        struct value value;
        const char *message;
    } rows[] = {
        {"manager",
         "fallback_status",
         {.kind = VALUE_STRING, .string = SLICE_LITERAL("x")},
         "manager.fallback_status should be one of [\"accept\", \"reject\", "
         "\"temporary-failure\", \"discard\"] but was \"x\""},
        {"security",
         "privilege_mode",
         {.kind = VALUE_STRING, .string = SLICE_LITERAL("yes")},
         "security.privilege_mode should be one of [true, false] but was \"yes\""},
        {"manager",
         "chunk_size",
         {.kind = VALUE_INTEGER, .integer = 0},
         "manager.chunk_size should be an integer from 1 to 65535 but was 0"},
        {"manager",
         "n_workers",
         {.kind = VALUE_INTEGER, .integer = 1001},
         "manager.n_workers should be an integer from 0 to 1000 but was 1001"},
        {"manager",
         "event_loop_backend",
         {.kind = VALUE_STRING, .string = SLICE_LITERAL("poll")},
         "manager.event_loop_backend should be one of [\"glib\", \"libev\"] but was \"poll\""},
#ifndef WITH_GLIB
        {"manager",
         "event_loop_backend",
         {.kind = VALUE_STRING, .string = SLICE_LITERAL("glib")},
         "manager.event_loop_backend = \"glib\": this program is built without GLib"},
#endif
        {"manager",
         "condition_timeout",
         {.kind = VALUE_NUMBER, .number = -1.5},
         "manager.condition_timeout should be a number of seconds from 0 but was -1.5"},
        {"manager",
         "pid_file",
         {.kind = VALUE_OTHER, .string = SLICE_LITERAL("[1]")},
         "manager.pid_file should be a string or nil but was [1]"},
        {"manager",
         "record_sessions",
         {.kind = VALUE_BOOLEAN, .boolean = true},
         "manager.record_sessions should be a string or nil but was true"},
        {"manager",
         "record_sessions_limit",
         {.kind = VALUE_INTEGER, .integer = 4095},
         "manager.record_sessions_limit should be an integer from 4096 to 2147483647 but was 4095"},
        {"manager", "nothing", {.kind = VALUE_NIL}, "unknown item: manager.nothing"},
    };
    struct configuration *configuration = configuration_new();
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(assign(configuration, rows[i].group, rows[i].name, rows[i].value, &error));
        assert_string_equal(error.message, rows[i].message);
    }
    configuration_release(configuration);
}

static void values_are_shown_with_their_place(void **state)
{
    struct configuration *configuration = configuration_new();
    struct error error = {0};

    (void)state;
    /* The defaults of package come from the build. */
    has(configuration, "# default\npackage.platform = ");
    has(configuration, "\n# default\npackage.options = ");
    has(configuration, "\n\n# default\nsecurity.privilege_mode = false\n");
    has(configuration, "# default\nmanager.unix_socket_mode = 0660\n");
    has(configuration, "# default\nlog.level = \"default\"\n");
    has(configuration, "# default\nmanager.max_pending_finished_sessions = 0\n"
                       "# default\nmanager.condition_timeout = 5.0\n"
                       "# default\nmanager.shutdown_timeout = 60.0\n"
                       "# default\nmanager.record_sessions = nil\n"
                       "# default\nmanager.record_sessions_limit = 1048576\n\n"
                       "# default\ncontroller.connection_spec = nil\n");

    assert_true(assign(configuration, "manager", "fallback_status",
                       value_string("Temporary_Failure"), &error));
    has(configuration, "# local.conf:12\nmanager.fallback_status = \"temporary-failure\"\n");
    assert_true(assign(configuration, "manager", "fallback_status", value_nil(), &error));
    has(configuration, "# default\nmanager.fallback_status = \"accept\"\n");
    assert_true(assign(configuration, "manager", "maintenance_interval", value_nil(), &error));
    has(configuration, "# local.conf:12\nmanager.maintenance_interval = nil\n");
    assert_true(assign(configuration, "manager", "packet_buffer_size", value_integer(9), &error));
    has(configuration, "# local.conf:12\nmanager.packet_buffer_size = 9\n");
    assert_true(assign(configuration, "manager", "chunk_size", value_integer(70000), &error));
    assert_int_equal(configuration->manager.chunk_size, 65535);
    assert_true(assign(configuration, "log", "level", value_string("+debug"), &error));
    has(configuration, "log.level = \"critical|error|warning|message|debug|statistics\"\n");
    assert_true(assign(configuration, "log", "level", value_string("none"), &error));
    has(configuration, "log.level = \"none\"\n");
    assert_true(assign(configuration, "security", "effective_user", value_integer(25), &error));
    has(configuration, "security.effective_user = \"25\"\n");
    assert_true(assign(configuration, "security", "privilege_mode", value_string("true"), &error));
    assert_true(configuration->security.privilege_mode);
    configuration_release(configuration);
}

static void the_command_line_wins_and_leaves_the_place(void **state)
{
    struct configuration *configuration = configuration_new();
    struct error error = {0};
    struct value value = value_string("/run/a.pid");

    (void)state;
    assert_false(configuration_assigned(configuration, "manager.pid_file"));
    assert_true(configuration_override(configuration, "manager.pid_file", &value, &error));
    has(configuration, "# default\nmanager.pid_file = \"/run/a.pid\"\n");
    assert_true(configuration_assigned(configuration, "manager.pid_file"));
    assert_false(configuration_override(configuration, "manager.nothing", &value, &error));
    configuration_release(configuration);
}

static void strings_read_back_as_they_are(void **state)
{
    static const struct {
        struct slice string;
        const char *literal;
    } rows[] = {
        {SLICE_LITERAL("plain"), "\"plain\""},
        {SLICE_LITERAL("q\"b\\n\n"), "\"q\\\"b\\\\n\\n\""},
        {SLICE_LITERAL("#{x} #$x #@x # #"), "\"\\#{x} \\#$x \\#@x # #\""},
        {SLICE_LITERAL("\xc3\xa9\xff\xc3"), "\"\xc3\xa9\\xFF\\xC3\""},
        {SLICE_LITERAL("\0\1\x7f"), "\"\\x00\\x01\\x7F\""},
        {SLICE_LITERAL("\xed\xa0\x80"), "\"\\xED\\xA0\\x80\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer text = {0};

        value_string_literal(rows[i].string, &text);
        assert_true(slice_equal_string(buffer_slice(&text), rows[i].literal));
        buffer_clear(&text);
    }
}

static void numbers_are_shown_as_floats(void **state)
{
    static const struct {
        double number;
        const char *literal;
    } rows[] = {{297, "297.0"}, {0.1, "0.1"}, {1e6, "1000000.0"}, {2.5, "2.5"}, {0, "0.0"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer text = {0};

        value_number_literal(rows[i].number, &text);
        assert_true(slice_equal_string(buffer_slice(&text), rows[i].literal));
        buffer_clear(&text);
    }
}

static void children_keep_their_place(void **state)
{
    struct configuration *configuration = configuration_new();
    struct error error = {0};
    struct value spec = value_string("inet:10025@[127.0.0.1]");
    struct value zero = value_integer(0);
    struct value three = value_integer(3);

    (void)state;
    assert_int_equal(configuration_define_child(configuration, "a", here), 0);
    assert_int_equal(configuration_define_child(configuration, "b", here), 1);
    assert_int_equal(configuration_define_child(configuration, "c", here), 2);
    assert_int_equal(configuration_define_child(configuration, "a", here), 0);
    assert_true(
        configuration_assign_child(configuration, 2, "connection_spec", &spec, here, &error));
    assert_true(configuration->children[2].address.length > 0);
    assert_true(
        configuration_assign_child(configuration, 2, "reading_timeout", &three, here, &error));
    assert_false(
        configuration_assign_child(configuration, 2, "reading_timeout", &zero, here, &error));
    assert_string_equal(error.message,
                        "milter.reading_timeout should be a number of seconds above 0 but was 0");
    assert_true(configuration_remove_child(configuration, "b"));
    assert_false(configuration_remove_child(configuration, "b"));
    assert_int_equal(configuration_find_child(configuration, "c"), 1);
    assert_true(configuration->children[1].reading_timeout == 3.0);
    has(configuration, "# local.conf:12\ndefine_milter(\"a\") do |milter|\n"
                       "  # default\n  milter.connection_spec = nil\n"
                       "  # default\n  milter.description = nil\n"
                       "  # default\n  milter.enabled = true\n"
                       "  # default\n  milter.fallback_status = \"accept\"\n"
                       "  # default\n  milter.evaluation_mode = false\n"
                       "  # default\n  milter.applicable_conditions = []\n"
                       "  # default\n  milter.command = nil\n"
                       "  # default\n  milter.command_options = nil\n"
                       "  # default\n  milter.user_name = nil\n"
                       "  # default\n  milter.startup_time = 5.0\n"
                       "  # default\n  milter.connection_timeout = 297.0\n"
                       "  # default\n  milter.writing_timeout = 7.0\n"
                       "  # default\n  milter.reading_timeout = 7.0\n"
                       "  # default\n  milter.end_of_message_timeout = 297.0\nend\n\n");
    configuration_release(configuration);
}

static void conditions_are_attached_by_name(void **state)
{
    struct configuration *configuration = configuration_new();
    struct error error = {0};
    struct condition *one = (struct condition *)(void *)&here;

    (void)state;
    (void)configuration_define_child(configuration, "a", here);
    configuration_define_condition(configuration, "One", one, here);
    configuration_describe_condition(configuration, "One", "first", here);
    assert_true(configuration_add_child_condition(configuration, 0, "One", here, &error));
    assert_true(configuration_add_child_condition(configuration, 0, "One", here, &error));
    assert_int_equal(configuration->children[0].condition_count, 1);
    assert_ptr_equal(configuration->children[0].conditions[0], one);
    assert_false(configuration_add_child_condition(configuration, 0, "Two", here, &error));
    assert_string_equal(error.message,
                        "applicable condition should be one of [\"One\"] but was \"Two\"");
    has(configuration, "\n# local.conf:12\ndefine_applicable_condition(\"One\") do |condition|\n"
                       "  # local.conf:12\n  condition.description = \"first\"\nend\n\n");
    has(configuration, "  milter.applicable_conditions = [\n    # local.conf:12\n    \"One\",\n"
                       "  ]\n  # default\n  milter.command = nil\n");
    configuration_clear_child_conditions(configuration, 0);
    has(configuration, "  # default\n  milter.applicable_conditions = []\n");
    configuration_release(configuration);
}

static void count_release(void *owner)
{
    (*(int *)owner)++;
}

static void the_recording_has_conditions_like_a_child(void **state)
{
    struct configuration *configuration = configuration_new();
    const unsigned recording = CONFIGURATION_RECORDING;
    struct error error = {0};
    struct condition *one = (struct condition *)(void *)&here;

    (void)state;
    assert_null(configuration->manager.record_sessions);
    has(configuration, "\n\n# default\nmanager.record_sessions_conditions = []\n");
    assert_null(configuration_child_condition(configuration, recording, 0));
    configuration_define_condition(configuration, "One", one, here);
    assert_false(configuration_add_child_condition(configuration, recording, "Two", here, &error));
    assert_string_equal(error.message,
                        "applicable condition should be one of [\"One\"] but was \"Two\"");
    assert_true(configuration_add_child_condition(configuration, recording, "One", here, &error));
    assert_true(configuration_add_child_condition(configuration, recording, "One", here, &error));
    assert_int_equal(configuration->recording.condition_count, 1);
    assert_ptr_equal(configuration->recording.conditions[0], one);
    assert_string_equal(configuration_child_condition(configuration, recording, 0), "One");
    assert_null(configuration_child_condition(configuration, recording, 1));
    /* Behind the definition of what it names. */
    has(configuration, "end\n\nmanager.record_sessions_conditions = [\n  # local.conf:12\n"
                       "  \"One\",\n]\n");
    configuration_clear_child_conditions(configuration, recording);
    has(configuration, "# default\nmanager.record_sessions_conditions = []\n");
    assert_int_equal(configuration->child_count, 0);
    configuration_release(configuration);
}

static void the_last_reference_frees(void **state)
{
    struct configuration *configuration = configuration_new();
    int released = 0;

    (void)state;
    configuration_set_engine(configuration, &released, count_release);
    assert_ptr_equal(configuration_reference(configuration), configuration);
    configuration_release(configuration);
    assert_int_equal(released, 0);
    configuration_release(configuration);
    assert_int_equal(released, 1);
}

static void the_environment_gives_the_spec_when_nobody_does(void **state)
{
    struct configuration *configuration = configuration_new();
    struct error error = {0};

    (void)state;
    (void)unsetenv("MILTER_DEFAULT_CONNECTION_SPEC");
    assert_string_equal(configuration_listen_spec(configuration), "inet:10025@[127.0.0.1]");
    (void)setenv("MILTER_DEFAULT_CONNECTION_SPEC", "unix:/tmp/e", 1);
    assert_string_equal(configuration_listen_spec(configuration), "unix:/tmp/e");
    assert_true(
        assign(configuration, "manager", "connection_spec", value_string("inet:1"), &error));
    assert_string_equal(configuration_listen_spec(configuration), "inet:1");
    configuration_release(configuration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_begins_with_its_default),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(values_are_shown_with_their_place),
        cmocka_unit_test(the_command_line_wins_and_leaves_the_place),
        cmocka_unit_test(strings_read_back_as_they_are),
        cmocka_unit_test(numbers_are_shown_as_floats),
        cmocka_unit_test(children_keep_their_place),
        cmocka_unit_test(conditions_are_attached_by_name),
        cmocka_unit_test(the_recording_has_conditions_like_a_child),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(the_environment_gives_the_spec_when_nobody_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
