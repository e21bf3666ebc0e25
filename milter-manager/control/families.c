/*
 * families - the metrics by name: which figure of the tally is shown as what.
 *
 * Tables: a new figure is a member of tally.h and a row here.  Of stages and
 * verdicts only what has happened is shown, as most of them never do; what
 * alerts look at is there from the start, since Prometheus sees no increase in
 * a series that begins with 1.
 */
#include "milter-manager/control/families.h"

#include "libcore/net/process.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the members of an array stand for */

static const char *families_stage(unsigned i)
{
    return command_info[i].name;
}

static const char *families_verdict(unsigned i)
{
    return verdict_name((enum verdict)i);
}

static const char *families_edit(unsigned i)
{
    return reply_info[i].name;
}

static const char *families_failure(unsigned i)
{
    return tally_failure_names[i];
}

static const char *families_timeout(unsigned i)
{
    return tally_timeout_names[i];
}

static const char *families_condition(unsigned i)
{
    return condition_stage_name((enum condition_stage)i);
}

struct families_axis {
    const char *label;
    unsigned count;
    const char *(*name)(unsigned i);
};

static const struct families_axis families_stages = {"stage", TALLY_STAGES, families_stage};
static const struct families_axis families_verdicts = {"verdict", TALLY_VERDICTS, families_verdict};
static const struct families_axis families_edits = {"kind", REPLIES, families_edit};
static const struct families_axis families_failures = {"reason", TALLY_FAILURES, families_failure};
static const struct families_axis families_timeouts = {"kind", TALLY_TIMEOUTS, families_timeout};
static const struct families_axis families_conditions = {"stage", CONDITION_STAGES,
                                                         families_condition};

/* ---- the tables */

struct families_row {
    struct exposition_family family;
    size_t offset;                              /* of the first counter */
    const struct families_axis *first, *second; /* NULL: there is but one, or one line of them */
    uint64_t always;                            /* bit per counter that is shown when it is 0 */
};

#define TOTAL(member) offsetof(struct tally_totals, member)
#define CHILD(member) offsetof(struct tally_child, member)

enum {
    FAMILIES_SINGLE = 1,
    FAMILIES_NEGOTIATION = (1 << TALLY_FAILURES) - 1, /* the first stage: a child that is down */
    FAMILIES_ALL_TIMEOUTS = (1 << TALLY_TIMEOUTS) - 1,
    FAMILIES_FALLBACKS = 1 << VERDICT_ACCEPT | 1 << VERDICT_TEMPORARY_FAILURE |
                         1 << VERDICT_REJECT | 1 << VERDICT_DISCARD,
};

/* clang-format off */
static const struct families_row families_totals[] = {
    {{EXPOSITION_COUNTER, "milter_manager_sessions", NULL,
      "Sessions that MTAs have begun."},
     TOTAL(sessions), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_GAUGE, "milter_manager_sessions_open", NULL,
      "Connections of MTAs that are open now."},
     TOTAL(sessions_open), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_messages", NULL,
      "Messages that MTAs have begun, each MAIL command."},
     TOTAL(messages), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_replies", NULL,
      "Replies to MTAs, by the command they answer and what they say."},
     TOTAL(replies), &families_stages, &families_verdicts, 0},
    {{EXPOSITION_COUNTER, "milter_manager_received_bytes", "bytes",
      "Bytes received from MTAs."},
     TOTAL(received_bytes), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_sent_bytes", "bytes",
      "Bytes sent to MTAs."},
     TOTAL(sent_bytes), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_accept_suspensions", NULL,
      "Times that accepting connections was suspended for lack of room."},
     TOTAL(suspensions), NULL, NULL, FAMILIES_SINGLE},
};

static const struct families_row families_children[] = {
    {{EXPOSITION_GAUGE, "milter_manager_child_connections_open", NULL,
      "Connections to the child that are open now."},
     CHILD(connections_open), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_child_messages", NULL,
      "Messages that the child was asked about, each MAIL command sent to it."},
     CHILD(messages), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_child_verdicts", NULL,
      "Replies of the child, by the command they answer and what they say."},
     CHILD(verdicts), &families_stages, &families_verdicts, 0},
    {{EXPOSITION_COUNTER, "milter_manager_child_edits", NULL,
      "Modifications that the child has asked for."},
     CHILD(edits), &families_edits, NULL, 0},
    {{EXPOSITION_COUNTER, "milter_manager_child_failures", NULL,
      "Failures of the child, by the last command it was sent and the reason."},
     CHILD(failures), &families_stages, &families_failures, FAMILIES_NEGOTIATION},
    {{EXPOSITION_COUNTER, "milter_manager_child_timeouts", NULL,
      "Failures of the child because it took too long, by the time that has passed."},
     CHILD(timeouts), &families_timeouts, NULL, FAMILIES_ALL_TIMEOUTS},
    {{EXPOSITION_COUNTER, "milter_manager_child_fallbacks", NULL,
      "Answers that the child's fallback status has given in its place."},
     CHILD(fallbacks), &families_verdicts, NULL, FAMILIES_FALLBACKS},
    {{EXPOSITION_COUNTER, "milter_manager_child_stopped", NULL,
      "Times that a condition has kept the child out, by the stage of the condition."},
     CHILD(stopped), &families_conditions, NULL, 0},
    {{EXPOSITION_COUNTER, "milter_manager_child_received_bytes", "bytes",
      "Bytes received from the child."},
     CHILD(received_bytes), NULL, NULL, FAMILIES_SINGLE},
    {{EXPOSITION_COUNTER, "milter_manager_child_sent_bytes", "bytes",
      "Bytes sent to the child."},
     CHILD(sent_bytes), NULL, NULL, FAMILIES_SINGLE},
};
/* clang-format on */

enum {
    FAMILIES_TOTALS = sizeof(families_totals) / sizeof(families_totals[0]),
    FAMILIES_CHILDREN = sizeof(families_children) / sizeof(families_children[0]),
};

/* child NULL: the counters are nobody's. */
static void families_write_counters(struct buffer *text, const struct families_row *row,
                                    const char *child, const void *counters)
{
    const struct counter *counter = (const void *)((const char *)counters + row->offset);
    unsigned first = row->first != NULL ? row->first->count : 1;
    unsigned second = row->second != NULL ? row->second->count : 1;
    struct exposition_label labels[EXPOSITION_LABELS] = {0};
    unsigned used = 0;

    if (child != NULL) {
        labels[used++] = (struct exposition_label){"child", child};
    }
    for (unsigned i = 0; i < first * second; i++) {
        uint64_t value = counter_read(&counter[i]);
        unsigned place = used;

        if (value == 0 && (i >= 64 || (row->always >> i & 1) == 0)) {
            continue;
        }
        if (row->first != NULL) {
            labels[place++] =
                (struct exposition_label){row->first->label, row->first->name(i / second)};
        }
        if (row->second != NULL) {
            labels[place] =
                (struct exposition_label){row->second->label, row->second->name(i % second)};
        }
        exposition_count(text, &row->family, NULL, labels, value);
    }
}

/* ---- the manager as a whole */

static void families_write_memory(struct buffer *text, enum exposition_format format)
{
    static const struct exposition_family family = {
        EXPOSITION_GAUGE, "milter_manager_resident_memory_bytes", "bytes",
        "Memory of the process; worker is its number, or master."};
    bool begun = false;

    for (unsigned i = 0; i < tally_slots(); i++) {
        uint64_t pid = counter_read(&tally_slot(i)->pid), bytes;
        char worker[16] = "master";

        if (pid == 0 || !process_resident_memory((pid_t)pid, &bytes)) {
            continue;
        }
        if (i > 0) {
            (void)snprintf(worker, sizeof(worker), "%u", i - 1);
        }
        if (!begun) {
            exposition_begin(text, format, &family);
            begun = true;
        }
        exposition_count(text, &family, NULL,
                         (struct exposition_label[]){{"worker", worker}, {NULL, NULL}}, bytes);
    }
}

static uint64_t families_workers(void)
{
    uint64_t workers = 0;

    for (unsigned i = 1; i < tally_slots(); i++) {
        workers += counter_read(&tally_slot(i)->pid) != 0;
    }
    return workers;
}

static void families_write_one(struct buffer *text, enum exposition_format format,
                               const struct exposition_family *family, double value)
{
    exposition_begin(text, format, family);
    exposition_number(text, family, NULL, NULL, value);
}

static void families_write_reloads(struct buffer *text, enum exposition_format format)
{
    static const struct exposition_family family = {EXPOSITION_COUNTER, "milter_manager_reloads",
                                                    NULL, "Reloads of the configuration."};
    const struct tally_manager *manager = &tally_slot(0)->manager;
    struct exposition_label labels[] = {{"result", "success"}, {NULL, NULL}};

    exposition_begin(text, format, &family);
    exposition_count(text, &family, NULL, labels, counter_read(&manager->reloads_succeeded));
    labels[0].value = "failure";
    exposition_count(text, &family, NULL, labels, counter_read(&manager->reloads_failed));
}

static void families_write_manager(struct buffer *text, enum exposition_format format)
{
    static const struct exposition_family info = {EXPOSITION_INFO, "milter_manager", NULL,
                                                  "The program."};
    static const struct exposition_family start = {
        EXPOSITION_GAUGE, "milter_manager_start_time_seconds", "seconds",
        "When the manager was started, in seconds since 1970."};
    static const struct exposition_family workers = {EXPOSITION_GAUGE, "milter_manager_workers",
                                                     NULL, "Worker processes that are running."};
    static const struct exposition_family restarts = {
        EXPOSITION_COUNTER, "milter_manager_worker_restarts", NULL,
        "Workers that were started in place of one that has died."};
    static const struct exposition_family generation = {
        EXPOSITION_GAUGE, "milter_manager_configuration_generation", NULL,
        "Number of the configuration in force; each one that is loaded has the next."};
    const struct tally_manager *manager = &tally_slot(0)->manager;

    exposition_begin(text, format, &info);
    exposition_count(text, &info, NULL,
                     (struct exposition_label[]){{"version", MILTER_MANAGER_VERSION}, {NULL, NULL}},
                     1);
    families_write_one(text, format, &start, (double)counter_read(&manager->start_time) / 1e9);
    families_write_one(text, format, &workers, (double)families_workers());
    families_write_one(text, format, &restarts, (double)counter_read(&manager->worker_restarts));
    families_write_one(text, format, &generation, (double)counter_read(&manager->generation));
    families_write_reloads(text, format);
    families_write_memory(text, format);
}

/* ---- the children */

static void families_write_enabled(struct buffer *text, enum exposition_format format,
                                   const struct sums *sums)
{
    static const struct exposition_family family = {
        EXPOSITION_GAUGE, "milter_manager_child_enabled", NULL,
        "1 when sessions use the child, 0 when it is configured and not used."};

    exposition_begin(text, format, &family);
    for (size_t i = 0; i < sums->child_count; i++) {
        const struct sums_child *child = &sums->children[i];

        if (child->configured != TALLY_UNCONFIGURED) {
            exposition_count(text, &family, NULL,
                             (struct exposition_label[]){{"child", child->name}, {NULL, NULL}},
                             child->configured == TALLY_ENABLED);
        }
    }
}

static void families_write_times(struct buffer *text, const struct exposition_family *family,
                                 const char *child, const char *stage,
                                 const struct tally_times *times)
{
    struct exposition_label labels[] = {
        {"child", child}, {"stage", stage}, {NULL, NULL}, {NULL, NULL}};
    uint64_t count = 0;
    char bound[40];

    for (unsigned i = 0; i <= TALLY_BOUNDS; i++) {
        count += counter_read(&times->buckets[i]);
        if (i < TALLY_BOUNDS) {
            bool whole = tally_bounds[i] >= 1 && tally_bounds[i] == (double)(int)tally_bounds[i];

            exposition_format_number(tally_bounds[i], bound);
            (void)snprintf(bound + strlen(bound), sizeof(bound) - strlen(bound), "%s",
                           whole ? ".0" : "");
        }
        labels[2] = (struct exposition_label){"le", i < TALLY_BOUNDS ? bound : "+Inf"};
        exposition_count(text, family, "_bucket", labels, count);
    }
    labels[2].name = NULL;
    exposition_number(text, family, "_sum", labels,
                      (double)counter_read(&times->nanoseconds) / 1e9);
    exposition_count(text, family, "_count", labels, count);
}

static void families_write_reply_times(struct buffer *text, enum exposition_format format,
                                       const struct sums *sums)
{
    static const struct exposition_family family = {
        EXPOSITION_HISTOGRAM, "milter_manager_child_reply_seconds", "seconds",
        "Time the child took to reply, by the command it replied to."};

    exposition_begin(text, format, &family);
    for (size_t i = 0; i < sums->child_count; i++) {
        const struct sums_child *child = &sums->children[i];

        for (unsigned stage = 0; stage < TALLY_STAGES; stage++) {
            const struct tally_times *times = &child->counted.replies[stage];

            if (sums_times_count(times) > 0) {
                families_write_times(text, &family, child->name, families_stage(stage), times);
            }
        }
    }
}

void families_write(struct buffer *text, enum exposition_format format, const struct sums *sums)
{
    families_write_manager(text, format);
    for (unsigned i = 0; i < FAMILIES_TOTALS; i++) {
        exposition_begin(text, format, &families_totals[i].family);
        families_write_counters(text, &families_totals[i], NULL, &sums->totals);
    }
    families_write_enabled(text, format, sums);
    for (unsigned i = 0; i < FAMILIES_CHILDREN; i++) {
        exposition_begin(text, format, &families_children[i].family);
        for (size_t k = 0; k < sums->child_count; k++) {
            families_write_counters(text, &families_children[i], sums->children[k].name,
                                    &sums->children[k].counted);
        }
    }
    families_write_reply_times(text, format, sums);
}
