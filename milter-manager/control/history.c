/*
 * history - what happened in each of the last sixty minutes.  A ring of samples.
 */
#include "milter-manager/control/history.h"

#include "milter-manager/control/json_text.h"

static const char *const history_names[HISTORY_COUNTERS] = {
    [HISTORY_SESSIONS] = "sessions", [HISTORY_MESSAGES] = "messages",
    [HISTORY_REJECTED] = "rejected", [HISTORY_TEMPORARY_FAILURES] = "temporary_failures",
    [HISTORY_FAILURES] = "failures",
};

/* The share of part in total when it is dealt out to parts; the shares add up to total. */
static uint64_t history_share(uint64_t total, unsigned part, unsigned parts)
{
    return total / parts + (part < total % parts ? 1 : 0);
}

static void history_push(struct history *history, time_t time,
                         const struct history_counters *happened, unsigned part, unsigned parts)
{
    history->minutes[history->next].time = time;
    for (unsigned i = 0; i < HISTORY_COUNTERS; i++) {
        history->minutes[history->next].values[i] = history_share(happened->values[i], part, parts);
    }
    history->next = (history->next + 1) % HISTORY_MINUTES;
    if (history->count < HISTORY_MINUTES) {
        history->count++;
    }
}

void history_add(struct history *history, time_t time, const struct history_counters *counters)
{
    double elapsed = difftime(time, history->since);
    struct history_counters happened;
    unsigned parts = 1;

    if (history->begun && elapsed >= 0 && elapsed < 30) {
        return;
    }
    if (history->begun) {
        for (unsigned i = 0; i < HISTORY_COUNTERS; i++) {
            uint64_t now = counters->values[i], before = history->last.values[i];

            happened.values[i] = now >= before ? now - before : now;
        }
        /* More than the ring holds could not be shown.  A clock that was set back: one minute. */
        if (elapsed >= 90) {
            parts = elapsed >= 60.0 * HISTORY_MINUTES ? HISTORY_MINUTES
                                                      : (unsigned)((elapsed + 30) / 60);
        }
        for (unsigned part = 0; part < parts; part++) {
            history_push(history, time - (time_t)(parts - 1 - part) * 60, &happened, part, parts);
        }
    }
    history->begun = true;
    history->since = time;
    history->last = *counters;
}

json_t *history_json(const struct history *history)
{
    json_t *minutes = json_array();

    for (unsigned i = 0; i < history->count; i++) {
        unsigned at = (history->next + HISTORY_MINUTES - history->count + i) % HISTORY_MINUTES;
        json_t *minute = json_object();

        json_object_set_new(minute, "time", json_time(history->minutes[at].time));
        for (unsigned name = 0; name < HISTORY_COUNTERS; name++) {
            json_object_set_new(minute, history_names[name],
                                json_integer((json_int_t)history->minutes[at].values[name]));
        }
        json_array_append_new(minutes, minute);
    }
    return minutes;
}
