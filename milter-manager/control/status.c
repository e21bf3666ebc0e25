/*
 * status - the reports of all processes as one object.  Owns nothing.
 */
#include "milter-manager/control/status.h"

#include "libcore/base/memory.h"
#include "milter-manager/control/json_text.h"
#include "milter-manager/control/switches.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the configuration ---- */

static json_t *status_directory(const struct configuration *configuration)
{
    const char *file = configuration->file_count == 0 ? NULL : configuration->files[0];
    const char *slash = file == NULL ? NULL : strrchr(file, '/');

    return slash == NULL ? json_null() : json_text(slice_of(file, (size_t)(slash - file)));
}

static json_t *status_configuration(const struct status_source *source)
{
    const struct configuration *configuration = source->configuration;
    json_t *files = json_array();
    json_t *mishap = json_null();

    for (unsigned i = 0; i < configuration->file_count; i++) {
        (void)json_array_append_new(files, json_text_or_null(configuration->files[i]));
    }
    if (source->mishap != 0) {
        mishap = json_pack("{s:o, s:o}", "time", json_time(source->mishap), "message",
                           json_text_or_null(source->mishap_sentence));
    }
    return json_pack("{s:i, s:o, s:o, s:o, s:o}", "generation", (int)configuration->generation,
                     "loaded", json_time(configuration->loaded), "directory",
                     status_directory(configuration), "files", files, "last_error", mishap);
}

/* ---- processes ---- */

static json_t *status_workers(const json_t *reports)
{
    json_t *workers = json_array();
    const json_t *report;
    size_t i;

    json_array_foreach(reports, i, report)
    {
        json_t *worker = json_object();
        const json_t *answered = json_object_get(report, "answered");

        (void)json_object_set(worker, "number", json_object_get(report, "worker"));
        (void)json_object_set(worker, "pid", json_object_get(report, "pid"));
        (void)json_object_set(worker, "uptime", json_object_get(report, "uptime"));
        (void)json_object_set(worker, "sessions", json_object_get(report, "sessions_open"));
        (void)json_object_set(worker, "memory", json_object_get(report, "memory"));
        (void)json_object_set_new(worker, "answered", json_boolean(!json_is_false(answered)));
        (void)json_array_append_new(workers, worker);
    }
    return workers;
}

static json_int_t status_sessions_open(const json_t *reports)
{
    json_int_t open = 0;
    const json_t *report;
    size_t i;

    json_array_foreach(reports, i, report)
    {
        open += json_integer_value(json_object_get(report, "sessions_open"));
    }
    return open;
}

/* ---- lists of all processes, merged ---- */

typedef int status_order_fn(const void *a, const void *b);

static int status_older_first(const void *a, const void *b)
{
    double x = json_number_value(json_object_get(*(json_t *const *)a, "age"));
    double y = json_number_value(json_object_get(*(json_t *const *)b, "age"));

    return x < y ? 1 : x > y ? -1 : 0;
}

static const char *status_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static int status_newer_first(const void *a, const void *b)
{
    return strcmp(status_text(*(json_t *const *)b, "time"),
                  status_text(*(json_t *const *)a, "time"));
}

/* The objects below key of all reports in one order, each with the number of its process. */
static json_t *status_merge(const json_t *reports, const char *key, status_order_fn *order,
                            size_t maximum)
{
    json_t *merged = json_array(), **all = NULL, *report, *item;
    size_t count = 0, i, k;

    json_array_foreach(reports, i, report)
    {
        json_array_foreach(json_object_get(report, key), k, item)
        {
            all = memory_resize(all, count + 1, sizeof(json_t *));
            all[count++] = item;
            (void)json_object_set(item, "worker", json_object_get(report, "worker"));
        }
    }
    if (count > 0) {
        qsort(all, count, sizeof(json_t *), order);
    }
    for (i = 0; i < count && i < maximum; i++) {
        (void)json_array_append(merged, all[i]);
    }
    free(all);
    return merged;
}

/* ---- numbers ---- */

enum status_kind { STATUS_NUMBER, STATUS_OBJECT };

struct status_member {
    const char *key;
    enum status_kind kind;
};

static const struct status_member status_child_members[] = {
    {"messages", STATUS_NUMBER}, {"replies", STATUS_NUMBER}, {"failures", STATUS_NUMBER},
    {"timeouts", STATUS_NUMBER}, {"open", STATUS_NUMBER},    {"verdicts", STATUS_OBJECT},
    {"latency", STATUS_OBJECT},
};

static const struct status_member status_total_members[] = {
    {"sessions", STATUS_NUMBER}, {"messages", STATUS_NUMBER},       {"verdicts", STATUS_OBJECT},
    {"failures", STATUS_NUMBER}, {"bytes_received", STATUS_NUMBER}, {"bytes_sent", STATUS_NUMBER},
};

/* What was not counted yet is 0. */
static void status_copy(json_t *to, const json_t *from, const struct status_member *members,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(from, members[i].key);

        (void)json_object_set_new(to, members[i].key,
                                  value != NULL                      ? json_incref(value)
                                  : members[i].kind == STATUS_NUMBER ? json_integer(0)
                                                                     : json_object());
    }
}

static void status_count_child(const struct status_source *source, json_t *child)
{
    const json_t *children = json_object_get(source->totals, "children");

    if (source->totals != NULL) {
        status_copy(
            child, json_object_get(children, json_string_value(json_object_get(child, "name"))),
            status_child_members, sizeof(status_child_members) / sizeof(status_child_members[0]));
    }
}

static void status_count(const struct status_source *source, json_t *status)
{
    json_t *totals;

    if (source->totals != NULL) {
        totals = json_object();
        status_copy(totals, source->totals, status_total_members,
                    sizeof(status_total_members) / sizeof(status_total_members[0]));
        (void)json_object_set_new(status, "totals", totals);
    }
}

/* ---- children ---- */

const json_t *status_latest(const json_t *reports, const char *child)
{
    const json_t *latest = NULL, *report;
    json_t *name = json_text_or_null(child);
    size_t i;

    json_array_foreach(reports, i, report)
    {
        const json_t *found =
            json_object_get(json_object_get(report, "children"), json_string_value(name));

        if (found != NULL && (latest == NULL || strcmp(status_text(found, "seen"),
                                                       status_text(latest, "seen")) > 0)) {
            latest = found;
        }
    }
    json_decref(name);
    return latest;
}

/* The newest of all processes, which is not always in the report with the latest state. */
static json_t *status_last_error(const json_t *reports, const char *child)
{
    json_t *name = json_text_or_null(child), *last = NULL;
    const json_t *report;
    size_t i;

    json_array_foreach(reports, i, report)
    {
        json_t *error = json_object_get(
            json_object_get(json_object_get(report, "children"), json_string_value(name)),
            "last_error");

        if (json_is_object(error) &&
            (last == NULL || strcmp(status_text(error, "time"), status_text(last, "time")) > 0)) {
            last = error;
        }
    }
    json_decref(name);
    return last == NULL ? json_null() : json_incref(last);
}

static json_t *status_child_state(const struct configuration_child *child, const json_t *latest)
{
    json_t *state = json_object_get(latest, "state");

    if (!child->enabled || child->connection_spec == NULL || switches_disabled(child->name)) {
        return json_string("disabled");
    }
    return state == NULL ? json_string("unknown") : json_incref(state);
}

static json_t *status_child(const struct status_source *source,
                            const struct configuration_child *child)
{
    const json_t *latest = status_latest(source->reports, child->name);
    json_t *json = json_object(), *since = json_object_get(latest, "since");

    (void)json_object_set_new(json, "name", json_text_or_null(child->name));
    (void)json_object_set_new(json, "endpoint", json_text_or_null(child->connection_spec));
    (void)json_object_set_new(json, "description", json_text_or_null(child->description));
    (void)json_object_set_new(json, "enabled", json_boolean(child->enabled));
    (void)json_object_set_new(json, "switched_off", json_boolean(switches_disabled(child->name)));
    (void)json_object_set_new(json, "evaluation_mode", json_boolean(child->evaluation_mode));
    (void)json_object_set_new(json, "fallback", json_string(verdict_name(child->fallback_status)));
    (void)json_object_set_new(json, "state", status_child_state(child, latest));
    (void)json_object_set_new(json, "since", since == NULL ? json_null() : json_incref(since));
    (void)json_object_set_new(json, "last_error", status_last_error(source->reports, child->name));
    status_count_child(source, json);
    return json;
}

static json_t *status_children(const struct status_source *source)
{
    const struct configuration *configuration = source->configuration;
    json_t *children = json_array();

    for (unsigned i = 0; i < configuration->child_count; i++) {
        (void)json_array_append_new(children, status_child(source, &configuration->children[i]));
    }
    return children;
}

/* ---- the whole ---- */

json_t *status_json(const struct status_source *source)
{
    json_t *status = json_object();

    (void)json_object_set_new(status, "version", json_string(MILTER_MANAGER_VERSION));
    (void)json_object_set_new(status, "pid", json_integer(getpid()));
    (void)json_object_set_new(status, "started", json_time(source->started));
    (void)json_object_set_new(status, "uptime", json_real(source->uptime));
    (void)json_object_set_new(status, "state", json_string(source->state));
    (void)json_object_set_new(status, "configuration", status_configuration(source));
    (void)json_object_set_new(status, "listen", json_text_or_null(source->listen));
    (void)json_object_set_new(status, "workers", status_workers(source->reports));
    (void)json_object_set_new(status, "children", status_children(source));
    (void)json_object_set_new(status, "sessions_open",
                              json_integer(status_sessions_open(source->reports)));
    (void)json_object_set_new(
        status, "sessions",
        status_merge(source->reports, "sessions", status_older_first, STATUS_SESSIONS));
    (void)json_object_set_new(
        status, "failures",
        status_merge(source->reports, "failures", status_newer_first, STATUS_FAILURES));
    status_count(source, status);
    (void)json_object_set_new(
        status, "history", source->history == NULL ? json_array() : history_json(source->history));
    return status;
}
