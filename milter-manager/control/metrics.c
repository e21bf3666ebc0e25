/*
 * metrics - what has happened since the start, counted by all processes of the
 * manager in memory they share.
 *
 * The way in for the rest of the manager; it owns nothing: memory is tally.c's,
 * names and text are families.c's.
 */
#include "milter-manager/control/metrics.h"

#include "milter-manager/control/families.h"
#include "milter-manager/control/sums.h"
#include "milter-manager/control/switches.h"

#include <string.h>
#include <time.h>

void metrics_open(unsigned slots)
{
    struct timespec now;

    tally_open(slots);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    counter_set(&tally_here->manager.start_time,
                (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec);
}

void metrics_enter(unsigned slot)
{
    tally_enter(slot);
}

void metrics_leave(unsigned slot)
{
    tally_leave(slot);
}

void metrics_configuration(const struct configuration *configuration)
{
    counter_set(&tally_here->manager.generation, configuration->generation);
    tally_forget_configured();
    for (unsigned i = 0; i < configuration->child_count; i++) {
        const struct configuration_child *child = &configuration->children[i];

        tally_configured(child->name, child->enabled && child->connection_spec != NULL &&
                                          !switches_disabled(child->name));
    }
}

void metrics_count_reload(bool succeeded)
{
    struct tally_manager *manager = &tally_here->manager;

    counter_increment(succeeded ? &manager->reloads_succeeded : &manager->reloads_failed);
}

void metrics_count_worker_restart(void)
{
    counter_increment(&tally_here->manager.worker_restarts);
}

void metrics_write(struct buffer *text, enum exposition_format format)
{
    struct sums sums;

    sums_take(&sums);
    families_write(text, format, &sums);
    sums_clear(&sums);
}

/* ---- for people and pages */

static json_t *metrics_integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/*
 * What was decided: to continue at an earlier stage decides nothing, and would
 * outnumber everything else.  All verdicts, also those that nobody has given.
 */
static json_t *metrics_verdicts(const struct counter counts[TALLY_STAGES][TALLY_VERDICTS])
{
    json_t *verdicts = json_object();

    for (unsigned verdict = VERDICT_NONE + 1; verdict < TALLY_VERDICTS; verdict++) {
        bool decides = verdict != VERDICT_CONTINUE && verdict != VERDICT_SKIP;
        uint64_t sum = 0;

        for (unsigned stage = decides ? 0 : COMMAND_END_OF_MESSAGE; stage < TALLY_STAGES; stage++) {
            sum += counter_read(&counts[stage][verdict]);
        }
        (void)json_object_set_new(verdicts, verdict_name((enum verdict)verdict),
                                  metrics_integer(sum));
    }
    return verdicts;
}

static json_t *metrics_latency(const struct tally_child *child)
{
    struct tally_times all;

    memset(&all, 0, sizeof(all));
    for (unsigned stage = 0; stage < TALLY_STAGES; stage++) {
        sums_add(&all, &child->replies[stage], sizeof(all));
    }
    return json_pack("{s:o, s:f, s:f, s:f, s:f}", "count", metrics_integer(sums_times_count(&all)),
                     "mean", sums_times_mean(&all), "p50", sums_times_percentile(&all, 50), "p95",
                     sums_times_percentile(&all, 95), "p99", sums_times_percentile(&all, 99));
}

static json_t *metrics_child(const struct tally_child *child)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "messages",
                     metrics_integer(counter_read(&child->messages)), "replies",
                     metrics_integer(sums_of(child->verdicts, sizeof(child->verdicts))), "failures",
                     metrics_integer(sums_of(child->failures, sizeof(child->failures))), "timeouts",
                     metrics_integer(sums_of(child->timeouts, sizeof(child->timeouts))), "open",
                     metrics_integer(counter_read(&child->connections_open)), "verdicts",
                     metrics_verdicts(child->verdicts), "latency", metrics_latency(child));
}

json_t *metrics_json(void)
{
    json_t *children = json_object(), *result;
    uint64_t failures = 0;
    struct sums sums;

    sums_take(&sums);
    for (size_t i = 0; i < sums.child_count; i++) {
        const struct tally_child *child = &sums.children[i].counted;

        failures += sums_of(child->failures, sizeof(child->failures));
        (void)json_object_set_new(children, sums.children[i].name, metrics_child(child));
    }
    result = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "sessions",
                       metrics_integer(counter_read(&sums.totals.sessions)), "open",
                       metrics_integer(counter_read(&sums.totals.sessions_open)), "messages",
                       metrics_integer(counter_read(&sums.totals.messages)), "bytes_received",
                       metrics_integer(counter_read(&sums.totals.received_bytes)), "bytes_sent",
                       metrics_integer(counter_read(&sums.totals.sent_bytes)), "verdicts",
                       metrics_verdicts(sums.totals.replies), "failures", metrics_integer(failures),
                       "children", children);
    sums_clear(&sums);
    return result;
}
