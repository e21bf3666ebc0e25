/*
 * report_health - the health of the children as JSON.  Only looks.
 */
#include "milter-manager/control/report_health.h"

#include "milter-manager/child/health.h"
#include "milter-manager/control/json_text.h"

static const char *const report_health_states[] = {
    [HEALTH_UNKNOWN] = "unknown",
    [HEALTH_UP] = "up",
    [HEALTH_DOWN] = "down",
};

static json_t *report_health_child(const struct health *health)
{
    json_t *last = health->last.time == 0
                       ? json_null()
                       : json_pack("{s:o, s:o}", "time", json_time(health->last.time), "message",
                                   json_text_or_null(health->last.cause));

    return json_pack("{s:s, s:o, s:o, s:I, s:o}", "state", report_health_states[health->state],
                     "since", json_time(health->since), "seen", json_time(health->seen), "failures",
                     (json_int_t)health->failures, "last_error", last);
}

static json_t *report_health_failure(const struct health_failure *failure)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "time", json_time(failure->time), "child",
        json_text_or_null(failure->child), "endpoint", json_text_or_null(failure->endpoint),
        "stage", json_text_or_null(failure->stage), "error", json_text_or_null(failure->cause),
        "fallback", json_text_or_null(failure->fallback), "session", (json_int_t)failure->session);
}

void report_health(json_t *report, const struct configuration *configuration)
{
    json_t *children = json_object(), *failures = json_array();
    const struct health_failure *failure;

    for (unsigned i = 0; i < configuration->child_count; i++) {
        const struct health health = health_of(configuration->children[i].name);
        json_t *name = json_text_or_null(configuration->children[i].name);

        (void)json_object_set_new(children, json_string_value(name), report_health_child(&health));
        json_decref(name);
    }
    for (unsigned i = 0; (failure = health_failure(i)) != NULL; i++) {
        (void)json_array_append_new(failures, report_health_failure(failure));
    }
    (void)json_object_set_new(report, "children", children);
    (void)json_object_set_new(report, "failures", failures);
}
