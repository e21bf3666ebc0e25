/*
 * Tests of status: the reports of several processes become one.
 */
#include "milter-manager/control/status.h"

#include "milter-manager/control/switches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char reports_text[] =
    "[{\"worker\": 0, \"pid\": 10, \"uptime\": 1.5, \"memory\": 100, \"sessions_open\": 2,"
    "  \"sessions\": [{\"id\": 1, \"age\": 5.0}, {\"id\": 2, \"age\": 1.0}],"
    "  \"children\": {\"a\": {\"state\": \"down\", \"since\": \"2026-01-01T00:00:00Z\","
    "    \"last_error\": {\"time\": \"2026-01-01T00:00:09Z\", \"message\": \"newer\"}}},"
    "  \"failures\": [{\"time\": \"2026-01-01T00:00:09Z\", \"child\": \"a\"},"
    "                 {\"time\": \"2026-01-01T00:00:01Z\", \"child\": \"a\"}]},"
    " {\"worker\": 1, \"pid\": 11, \"answered\": false},"
    " {\"worker\": 2, \"pid\": 12, \"sessions_open\": 1, \"sessions\": [{\"id\": 1, \"age\": 3.0}],"
    "  \"children\": {\"a\": {\"state\": \"up\", \"since\": \"2026-01-01T00:00:05Z\","
    "    \"last_error\": {\"time\": \"2026-01-01T00:00:04Z\", \"message\": \"older\"}}},"
    "  \"failures\": [{\"time\": \"2026-01-01T00:00:04Z\", \"child\": \"a\"}]}]";

static const char totals_text[] =
    "{\"sessions\": 7, \"messages\": 5, \"verdicts\": {\"reject\": 1}, \"children\": "
    "{\"a\": {\"messages\": 4, \"latency\": {\"p95\": 0.5}}}}";

static json_t *status_of(const char *reports, const char *totals)
{
    struct configuration_child children[] = {
        {.name = "a", .connection_spec = "unix:/a", .enabled = true},
        {.name = "b", .connection_spec = "unix:/b", .enabled = true},
        {.name = "c", .enabled = true},
    };
    const char *files[] = {"/etc/mm/milter-manager.conf"};
    const struct configuration configuration = {
        .generation = 3, .files = files, .file_count = 1, .children = children, .child_count = 3};
    struct status_source source = {.configuration = &configuration,
                                   .reports = json_loads(reports, 0, NULL),
                                   .totals = totals == NULL ? NULL : json_loads(totals, 0, NULL),
                                   .state = "running"};
    json_t *status;

    assert_non_null(source.reports);
    status = status_json(&source);
    json_decref((json_t *)(uintptr_t)source.reports);
    json_decref((json_t *)(uintptr_t)source.totals);
    return status;
}

/* The part of the status below key, of its item index if that is not negative. */
static void has(const json_t *status, const char *key, int index, const char *expected)
{
    json_t *part = json_object_get(status, key), *subset = json_loads(expected, 0, NULL), *value;
    const char *name;

    part = index < 0 ? part : json_array_get(part, (size_t)index);
    assert_non_null(part);
    assert_non_null(subset);
    json_object_foreach(subset, name, value)
    {
        if (!json_equal(json_object_get(part, name), value)) {
            fail_msg("%s[%d].%s is not as in %s", key, index, name, expected);
        }
    }
    json_decref(subset);
}

static void test_processes(void **state)
{
    json_t *status = status_of(reports_text, NULL);

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(status, "sessions_open")), 3);
    has(status, "workers", 0, "{\"number\": 0, \"pid\": 10, \"sessions\": 2, \"answered\": true}");
    has(status, "workers", 1, "{\"number\": 1, \"pid\": 11, \"answered\": false}");
    has(status, "sessions", 0, "{\"id\": 1, \"age\": 5.0, \"worker\": 0}");
    has(status, "sessions", 1, "{\"id\": 1, \"age\": 3.0, \"worker\": 2}");
    has(status, "sessions", 2, "{\"id\": 2, \"age\": 1.0, \"worker\": 0}");
    has(status, "failures", 0, "{\"time\": \"2026-01-01T00:00:09Z\", \"worker\": 0}");
    has(status, "failures", 1, "{\"time\": \"2026-01-01T00:00:04Z\", \"worker\": 2}");
    has(status, "failures", 2, "{\"time\": \"2026-01-01T00:00:01Z\", \"worker\": 0}");
    has(status, "configuration", -1, "{\"generation\": 3, \"directory\": \"/etc/mm\"}");
    json_decref(status);
}

static void test_children(void **state)
{
    json_t *status;

    (void)state;
    switches_open();
    assert_true(switches_disable("b"));
    status = status_of(reports_text, NULL);
    has(status, "children", 0,
        "{\"name\": \"a\", \"state\": \"up\", \"since\": \"2026-01-01T00:00:05Z\", \"last_error\": "
        "{\"time\": \"2026-01-01T00:00:09Z\", \"message\": \"newer\"}}");
    has(status, "children", 1,
        "{\"name\": \"b\", \"state\": \"disabled\", \"switched_off\": true, \"since\": null}");
    has(status, "children", 2, "{\"name\": \"c\", \"state\": \"disabled\", \"endpoint\": null}");
    assert_null(json_object_get(status, "totals"));
    json_decref(status);
    switches_enable("b");
}

static void test_numbers(void **state)
{
    json_t *status = status_of(reports_text, totals_text);

    (void)state;
    has(status, "totals", -1,
        "{\"sessions\": 7, \"messages\": 5, \"failures\": 0, \"verdicts\": {\"reject\": 1}}");
    has(status, "children", 0,
        "{\"messages\": 4, \"replies\": 0, \"latency\": {\"p95\": 0.5}, \"verdicts\": {}}");
    has(status, "children", 1, "{\"messages\": 0, \"latency\": {}}");
    json_decref(status);
}

static void test_nobody_has_answered(void **state)
{
    json_t *status = status_of("[]", NULL);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(status, "workers")), 0);
    assert_int_equal(json_array_size(json_object_get(status, "children")), 3);
    has(status, "children", 0, "{\"state\": \"unknown\", \"last_error\": null}");
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nobody_has_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
