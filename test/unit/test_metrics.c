/*
 * Tests of metrics: the text in both formats, hostile names, what is shown of
 * reloads and processes, and the object for pages.
 */
#include "milter-manager/control/metrics.h"

#include "libcore/base/log.h"
#include "milter-manager/control/switches.h"
#include "milter-manager/control/tally.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct configuration_child children[] = {
    {.name = "b", .connection_spec = "inet:1@localhost", .enabled = true},
    {.name = "a \"quoted\\\"\n{x=\"1\"} 7\n# EOF", .connection_spec = "unix:/x", .enabled = true},
    {.name = "off", .connection_spec = "inet:2@localhost"},
    {.name = "no address", .enabled = true},
};
static const struct configuration configuration = {
    .generation = 7, .children = children, .child_count = 4};

static const char *written(enum exposition_format format)
{
    static struct buffer text;

    buffer_reset(&text);
    metrics_write(&text, format);
    exposition_end(&text, format);
    buffer_append_byte(&text, '\0');
    return buffer_slice(&text).data;
}

static void assert_contains(const char *text, const char *line)
{
    const char *found = strstr(text, line);

    if (found == NULL || (found > text && found[-1] != '\n')) {
        fail_msg("no line\n%s\nin\n%s", line, text);
    }
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("%s\nstands in\n%s", part, text);
    }
}

static void begin(unsigned slots)
{
    log_set_levels(0);
    metrics_open(slots);
    metrics_enter(0);
    metrics_configuration(&configuration);
}

static void test_both_formats(void **state)
{
    const char *text;

    (void)state;
    begin(1);
    counter_add(&tally()->sessions, 3);
    counter_increment(&tally()->replies[COMMAND_RCPT][VERDICT_TEMPORARY_FAILURE]);
    text = written(EXPOSITION_PROMETHEUS);
    assert_contains(text, "# TYPE milter_manager_sessions_total counter\n");
    assert_contains(text, "milter_manager_sessions_total 3\n");
    assert_contains(text, "# TYPE milter_manager_info gauge\n");
    assert_lacks(text, "UNIT");
    assert_lacks(text, "# EOF\n");
    text = written(EXPOSITION_OPENMETRICS);
    assert_contains(text, "# TYPE milter_manager_sessions counter\n");
    assert_contains(text, "milter_manager_sessions_total 3\n");
    assert_contains(text, "# TYPE milter_manager info\n");
    assert_contains(text, "milter_manager_info{version=\"" MILTER_MANAGER_VERSION "\"} 1\n");
    assert_contains(text, "# UNIT milter_manager_received_bytes bytes\n");
    assert_contains(text, "# UNIT milter_manager_start_time_seconds seconds\n");
    assert_contains(text, "milter_manager_replies_total{stage=\"envelope-recipient\","
                          "verdict=\"temporary-failure\"} 1\n");
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

/* A name must not be able to make lines of its own. */
static void test_names_are_escaped_and_sorted(void **state)
{
    static const char hostile[] = "\"a \\\"quoted\\\\\\\"\\n{x=\\\"1\\\"} 7\\n# EOF\"";
    char line[400];
    const char *text;

    (void)state;
    begin(1);
    text = written(EXPOSITION_OPENMETRICS);
    (void)snprintf(line, sizeof(line),
                   "milter_manager_child_enabled{child=%s} 1\n"
                   "milter_manager_child_enabled{child=\"b\"} 1\n"
                   "milter_manager_child_enabled{child=\"no address\"} 0\n"
                   "milter_manager_child_enabled{child=\"off\"} 0\n#",
                   hostile);
    assert_contains(text, line);
    assert_string_equal(strstr(text, "\n# EOF\n"), "\n# EOF\n"); /* the only one */
}

static void test_a_histogram_is_cumulative(void **state)
{
    const char *text;

    (void)state;
    begin(1);
    tally_reply_time(tally_child("b", 0), COMMAND_MAIL, 0.0625);
    tally_reply_time(tally_child("b", 0), COMMAND_MAIL, 1);
    tally_reply_time(tally_child("b", 0), COMMAND_MAIL, 300);
    text = written(EXPOSITION_OPENMETRICS);
#define OF_B "{child=\"b\",stage=\"envelope-from\""
    assert_contains(text, "# TYPE milter_manager_child_reply_seconds histogram\n"
                          "# UNIT milter_manager_child_reply_seconds seconds\n"
                          "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"0.0005\"} 0\n");
    assert_contains(text, "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"0.05\"} 0\n"
                          "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"0.1\"} 1\n");
    assert_contains(text, "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"0.5\"} 1\n"
                          "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"1.0\"} 2\n"
                          "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"2.5\"} 2\n");
    assert_contains(text, "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"120.0\"} 2\n"
                          "milter_manager_child_reply_seconds_bucket" OF_B ",le=\"+Inf\"} 3\n"
                          "milter_manager_child_reply_seconds_sum" OF_B "} 301.0625\n"
                          "milter_manager_child_reply_seconds_count" OF_B "} 3\n# EOF\n");
    assert_lacks(text, "seconds_bucket{child=\"off\"");
}

/* What workers say about the manager as a whole is not added up. */
static void test_the_manager_as_a_whole(void **state)
{
    pid_t pid;
    const char *text;

    (void)state;
    begin(3);
    metrics_count_reload(true);
    metrics_count_reload(false);
    metrics_count_reload(true);
    metrics_count_worker_restart();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        metrics_enter(2);
        metrics_configuration(&configuration);
        metrics_count_reload(true);
        (void)pause();
        _exit(0);
    }
    while (counter_read(&tally_slot(2)->manager.reloads_succeeded) == 0) {
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    }
    text = written(EXPOSITION_PROMETHEUS);
    assert_contains(text, "milter_manager_reloads_total{result=\"success\"} 2\n"
                          "milter_manager_reloads_total{result=\"failure\"} 1\n");
    assert_contains(text, "milter_manager_worker_restarts_total 1\n");
    assert_contains(text, "milter_manager_configuration_generation 7\n");
    assert_contains(text, "milter_manager_workers 1\n");
    if (access("/proc/self/statm", R_OK) == 0) {
        assert_contains(text, "milter_manager_resident_memory_bytes{worker=\"master\"} ");
        assert_contains(text, "milter_manager_resident_memory_bytes{worker=\"1\"} ");
    }
    assert_lacks(text, "worker=\"0\"");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    metrics_leave(2);
    text = written(EXPOSITION_PROMETHEUS);
    assert_contains(text, "milter_manager_workers 0\n");
    assert_lacks(text, "worker=\"1\"");
}

/* Counters of a child that a reload takes away stay; whether it is enabled is no question. */
static void test_names_survive_reloads(void **state)
{
    struct configuration without_b = configuration;
    const char *text;

    (void)state;
    begin(1);
    counter_add(&tally_child("b", 0)->messages, 5);
    without_b.children = children + 1;
    without_b.child_count = 3;
    without_b.generation = 8;
    metrics_configuration(&without_b);
    text = written(EXPOSITION_PROMETHEUS);
    assert_contains(text, "milter_manager_child_messages_total{child=\"b\"} 5\n");
    assert_lacks(text, "child_enabled{child=\"b\"}");
    assert_contains(text, "milter_manager_configuration_generation 8\n");
    switches_open();
    assert_true(switches_disable("b"));
    metrics_configuration(&configuration);
    switches_enable("b");
    counter_add(&tally_child("b", 0)->messages, 1);
    text = written(EXPOSITION_PROMETHEUS);
    assert_contains(text, "milter_manager_child_messages_total{child=\"b\"} 6\n");
    assert_contains(text, "milter_manager_child_enabled{child=\"b\"} 0\n");
}

static json_int_t integer_at(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_the_object(void **state)
{
    json_t *object, *child, *latency;

    (void)state;
    begin(1);
    counter_add(&tally()->sessions, 4);
    counter_add(&tally()->sessions_open, 1);
    counter_add(&tally()->messages, 2);
    counter_add(&tally()->received_bytes, 100);
    counter_add(&tally()->sent_bytes, 50);
    counter_add(&tally()->replies[COMMAND_MAIL][VERDICT_REJECT], 1);
    counter_add(&tally()->replies[COMMAND_RCPT][VERDICT_REJECT], 2);
    counter_add(&tally_child("b", 0)->failures[COMMAND_RCPT][TALLY_FAILED_IO], 3);
    counter_add(&tally_child("off", 0)->failures[COMMAND_NEGOTIATE][TALLY_FAILED_TIMEOUT], 1);
    counter_add(&tally_child("off", 0)->timeouts[TALLY_TIMEOUT_READING], 1);
    counter_add(&tally_child("b", 0)->verdicts[COMMAND_RCPT][VERDICT_DISCARD], 6);
    counter_add(&tally_child("b", 0)->verdicts[COMMAND_RCPT][VERDICT_CONTINUE], 100);
    counter_add(&tally_child("b", 0)->verdicts[COMMAND_END_OF_MESSAGE][VERDICT_CONTINUE], 2);
    tally_reply_time(tally_child("b", 0), COMMAND_RCPT, 0.5);
    tally_reply_time(tally_child("b", 0), COMMAND_HELO, 1.0);
    object = metrics_json();
    assert_int_equal(integer_at(object, "sessions"), 4);
    assert_int_equal(integer_at(object, "open"), 1);
    assert_int_equal(integer_at(object, "messages"), 2);
    assert_int_equal(integer_at(object, "bytes_received"), 100);
    assert_int_equal(integer_at(object, "bytes_sent"), 50);
    assert_int_equal(integer_at(object, "failures"), 4);
    assert_int_equal(integer_at(json_object_get(object, "verdicts"), "reject"), 3);
    assert_int_equal(integer_at(json_object_get(object, "verdicts"), "accept"), 0);
    assert_int_equal(json_object_size(json_object_get(object, "children")), 4);
    child = json_object_get(json_object_get(object, "children"), "b");
    assert_int_equal(integer_at(child, "failures"), 3);
    assert_int_equal(integer_at(child, "timeouts"), 0);
    assert_int_equal(integer_at(child, "replies"), 108);
    assert_int_equal(integer_at(json_object_get(child, "verdicts"), "discard"), 6);
    assert_int_equal(integer_at(json_object_get(child, "verdicts"), "continue"), 2);
    latency = json_object_get(child, "latency");
    assert_int_equal(integer_at(latency, "count"), 2);
    assert_true(json_real_value(json_object_get(latency, "mean")) == 0.75);
    assert_true(json_real_value(json_object_get(latency, "p50")) == 0.5);
    child = json_object_get(json_object_get(object, "children"), children[1].name);
    assert_non_null(child);
    child = json_object_get(json_object_get(object, "children"), "off");
    assert_int_equal(integer_at(child, "timeouts"), 1);
    json_decref(object);
}

static void assert_number(double value, const char *expected)
{
    char text[32];

    exposition_format_number(value, text);
    assert_string_equal(text, expected);
}

static void test_numbers_are_written_exactly(void **state)
{
    (void)state;
    assert_number(0, "0");
    assert_number(0.0005, "0.0005");
    assert_number(1764243422.123, "1764243422.123");
    assert_number(0.1 + 0.2, "0.30000000000000004");
}

/* What Prometheus' own tool says of it. */
static void test_promtool_has_no_objection(void **state)
{
    FILE *tool;

    (void)state;
    if (system("command -v promtool >/dev/null") != 0) {
        skip();
    }
    begin(1);
    for (unsigned i = 0; i < sizeof(struct tally_child) / sizeof(struct counter); i++) {
        counter_add((struct counter *)tally_child(i % 2 == 0 ? "b" : children[1].name, 0) + i, i);
    }
    for (unsigned i = 0; i < sizeof(struct tally_totals) / sizeof(struct counter); i++) {
        counter_add((struct counter *)tally() + i, i + 1);
    }
    tool = popen("promtool check metrics 2>&1", "w");
    assert_non_null(tool);
    assert_true(fputs(written(EXPOSITION_PROMETHEUS), tool) > 0);
    assert_int_equal(pclose(tool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_formats),
        cmocka_unit_test(test_names_are_escaped_and_sorted),
        cmocka_unit_test(test_a_histogram_is_cumulative),
        cmocka_unit_test(test_the_manager_as_a_whole),
        cmocka_unit_test(test_names_survive_reloads),
        cmocka_unit_test(test_the_object),
        cmocka_unit_test(test_numbers_are_written_exactly),
        cmocka_unit_test(test_promtool_has_no_objection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
