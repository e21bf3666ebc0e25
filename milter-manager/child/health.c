/*
 * health - what is known of each child, and what is said of it.
 *
 * Owns an entry for each child of the configuration in force and the last
 * failures of this process; both are bounded, whatever reloads rename.  What
 * the processes have in common is in memory all of them share and changes
 * without a lock: who changes a state says so.  It never decides whether a
 * child is asked: a session always tries.
 */
#include "milter-manager/child/health.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Children in the shared memory; reloads use it up, then a child is known to each process alone. */
enum { HEALTH_SHARED = 1024 };

/* What all processes know of a child. */
struct health_common {
    _Atomic uint64_t key; /* hash of child and endpoint; 0: nobody's */
    _Atomic int state;    /* enum health_state */
    _Atomic time_t time;  /* since when, ... */
    _Atomic double since; /* ... in monotonic seconds */
    atomic_ulong failures;
    atomic_bool told;       /* the line about being down was written ... */
    _Atomic double told_at; /* ... or its reminder, then */
};

struct health_entry {
    char child[HEALTH_TEXT], endpoint[HEALTH_TEXT];
    uint64_t hash; /* of both: a session asks for each of its children */
    struct health_common *common;
    struct health_failure last; /* of this process */
    double minute;              /* it began with the first line in it */
    unsigned lines;             /* in this minute; 0: there is none */
    unsigned hidden;            /* left out in this minute */
};

static struct health_entry *entries;
static unsigned entry_count;

static struct health_common *shared; /* HEALTH_SHARED; NULL: this process is alone */

static health_wake_fn *wake_function;
static void *wake_owner;

static struct health_failure failures[HEALTH_FAILURES];
static unsigned long failure_total;

/* FNV-1a, with an end that no text has. */
static uint64_t health_hash(uint64_t hash, const char *text)
{
    for (unsigned i = 0; i < HEALTH_TEXT - 1 && text[i] != '\0'; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    }
    return hash * 1099511628211U;
}

static uint64_t health_hash_of(const char *child, const char *endpoint)
{
    return health_hash(health_hash(14695981039346656037U, child), endpoint) | 1;
}

/* Names longer than what is kept of them are the same when that is. */
static struct health_entry *health_find(const char *child, const char *endpoint)
{
    uint64_t hash = health_hash_of(child, endpoint);

    for (unsigned i = 0; i < entry_count; i++) {
        if (entries[i].hash == hash && strncmp(entries[i].child, child, HEALTH_TEXT - 1) == 0 &&
            strncmp(entries[i].endpoint, endpoint, HEALTH_TEXT - 1) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

/* ---- what is said ---- */

static const char *health_plural(unsigned long count)
{
    return count == 1 ? "" : "s";
}

static void health_tell_hidden(struct health_entry *entry)
{
    if (entry->hidden > 0) {
        log_event(LOG_LEVEL_ERROR,
                  LOG_FIELDS(LOG_TEXT("child", entry->child), LOG_TEXT("endpoint", entry->endpoint),
                             LOG_COUNT("failures", entry->hidden)),
                  "[children][error] %s: and %u more failure%s in the last minute: %s",
                  entry->endpoint, entry->hidden, health_plural(entry->hidden), entry->child);
    }
    entry->hidden = 0;
    entry->lines = 0;
}

/* A line about this child may be written; if not it is counted. */
static bool health_may_tell(struct health_entry *entry, double now)
{
    if (entry->lines > 0 && now - entry->minute >= HEALTH_MINUTE) {
        health_tell_hidden(entry);
    }
    if (entry->lines == 0) {
        entry->minute = now;
    }
    if (entry->lines >= HEALTH_LINES) {
        if (entry->hidden++ == 0 && wake_function != NULL) {
            wake_function(wake_owner);
        }
        return false;
    }
    entry->lines++;
    return true;
}

static void health_tell_failure(enum log_level level, const struct health_failure *failure,
                                const char *kind, const struct log_field *fields)
{
    log_event(level, fields, "[children][%s][%s][%s] [%u] %s: %s", kind, failure->stage,
              failure->fallback, failure->session, failure->cause, failure->child);
}

static void health_tell_down(const struct health_entry *entry, const struct health_failure *failure,
                             const struct log_field *fields)
{
    const struct log_field *more =
        LOG_FIELDS(LOG_TEXT("state", "down"),
                   LOG_COUNT("failures", atomic_load(&entry->common->failures)), LOG_MORE(fields));

    log_event(LOG_LEVEL_ERROR, more,
              "[children][down][%s][%s] [%u] %s; further failures are counted until it answers: %s",
              failure->stage, failure->fallback, failure->session, failure->cause, entry->child);
}

static void health_remind(const struct health_entry *entry, const struct health_failure *failure,
                          double now, const struct log_field *fields)
{
    unsigned long count = atomic_load(&entry->common->failures);
    const struct log_field *more =
        LOG_FIELDS(LOG_TEXT("state", "down"), LOG_COUNT("failures", count), LOG_MORE(fields));

    log_event(LOG_LEVEL_ERROR, more,
              "[children][down][%s][%s] [%u] %s; down for %.0f seconds with %lu failures: %s",
              failure->stage, failure->fallback, failure->session, failure->cause,
              now - atomic_load(&entry->common->since), count, entry->child);
}

static void health_tell_up(const struct health_entry *entry, unsigned long count, double seconds)
{
    log_event(LOG_LEVEL_MESSAGE,
              LOG_FIELDS(LOG_TEXT("state", "up"), LOG_TEXT("child", entry->child),
                         LOG_TEXT("endpoint", entry->endpoint), LOG_COUNT("failures", count),
                         LOG_SECONDS("elapsed", seconds)),
              "[children][up] %s: answers again after %lu failure%s in %.1f seconds: %s",
              entry->endpoint, count, health_plural(count), seconds, entry->child);
}

/* ---- what happens ---- */

/* False: it is in that state, or another process has just changed it. */
static bool health_change(struct health_common *common, enum health_state state, time_t time,
                          double now)
{
    int former = atomic_load(&common->state);

    if (former == (int)state ||
        !atomic_compare_exchange_strong(&common->state, &former, (int)state)) {
        return false;
    }
    atomic_store(&common->time, time);
    atomic_store(&common->since, now);
    atomic_store(&common->failures, 0);
    return true;
}

void health_reached(const char *child, const char *endpoint, time_t time, double now)
{
    struct health_entry *entry = health_find(child, endpoint);

    if (entry == NULL || atomic_load(&entry->common->state) == HEALTH_UP) {
        return;
    }
    unsigned long count = atomic_load(&entry->common->failures);
    double since = atomic_load(&entry->common->since);
    if (health_change(entry->common, HEALTH_UP, time, now) &&
        atomic_exchange(&entry->common->told, false)) {
        health_tell_up(entry, count, now - since);
    }
}

enum health_news { HEALTH_OLD, HEALTH_NEWS, HEALTH_REMINDER };

/* Of the processes one only has news; the lines of single sessions have a limit of their own. */
static enum health_news health_down_is_news(struct health_entry *entry, double now)
{
    struct health_common *common = entry->common;

    if (atomic_load(&common->told)) {
        double told_at = atomic_load(&common->told_at);

        return now - told_at >= HEALTH_REMIND &&
                       atomic_compare_exchange_strong(&common->told_at, &told_at, now)
                   ? HEALTH_REMINDER
                   : HEALTH_OLD;
    }
    if (!health_may_tell(entry, now)) {
        return HEALTH_OLD;
    }
    atomic_store(&common->told_at, now); /* first: who sees told looks at it */
    return atomic_exchange(&common->told, true) ? HEALTH_OLD : HEALTH_NEWS;
}

static void health_tell_unreachable(struct health_entry *entry,
                                    const struct health_failure *failure, const char *kind,
                                    double now, const struct log_field *fields)
{
    switch (health_down_is_news(entry, now)) {
    case HEALTH_NEWS:
        health_tell_down(entry, failure, fields);
        break;
    case HEALTH_REMINDER:
        health_remind(entry, failure, now, fields);
        break;
    case HEALTH_OLD:
        health_tell_failure(LOG_LEVEL_DEBUG, failure, kind, fields);
        break;
    }
}

void health_failed(const struct health_failure *failure, const char *kind, bool unreachable,
                   double now, const struct log_field *fields)
{
    struct health_entry *entry = health_find(failure->child, failure->endpoint);

    failures[failure_total++ % HEALTH_FAILURES] = *failure;
    if (entry == NULL) {
        health_tell_failure(LOG_LEVEL_ERROR, failure, kind, fields);
        return;
    }
    if (unreachable) {
        (void)health_change(entry->common, HEALTH_DOWN, failure->time, now);
    }
    (void)atomic_fetch_add(&entry->common->failures, 1);
    entry->last = *failure;
    if (unreachable) {
        health_tell_unreachable(entry, failure, kind, now, fields);
    } else {
        health_tell_failure(health_may_tell(entry, now) ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG,
                            failure, kind, fields);
    }
}

void health_wake_by(health_wake_fn *wake, void *owner)
{
    wake_function = wake;
    wake_owner = owner;
}

double health_due(double now)
{
    double due = -1;

    for (unsigned i = 0; i < entry_count; i++) {
        double left = entries[i].minute + HEALTH_MINUTE - now;

        left = left > 0 ? left : 0;
        if (entries[i].hidden > 0 && (due < 0 || left < due)) {
            due = left;
        }
    }
    return due;
}

void health_tick(double now)
{
    for (unsigned i = 0; i < entry_count; i++) {
        if (entries[i].hidden > 0 && now - entries[i].minute >= HEALTH_MINUTE) {
            health_tell_hidden(&entries[i]);
        }
    }
}

/* ---- who is watched ---- */

void health_open(void)
{
    shared = memory_new_shared(HEALTH_SHARED * sizeof(*shared));
}

/* What the processes know under that key; NULL: there is no room. */
static struct health_common *health_share(uint64_t key)
{
    for (unsigned i = 0; shared != NULL && i < HEALTH_SHARED; i++) {
        uint64_t found = 0;

        if (atomic_compare_exchange_strong(&shared[i].key, &found, key) || found == key) {
            return &shared[i];
        }
    }
    return NULL;
}

static void health_begin(struct health_entry *entry, const char *child, const char *endpoint)
{
    const struct health_entry *known = health_find(child, endpoint);

    if (known != NULL) {
        *entry = *known;
        return;
    }
    (void)snprintf(entry->child, sizeof(entry->child), "%s", child);
    (void)snprintf(entry->endpoint, sizeof(entry->endpoint), "%s", endpoint);
    entry->hash = health_hash_of(child, endpoint);
    entry->common = health_share(entry->hash);
    if (entry->common == NULL) {
        entry->common = NEW(struct health_common);
    }
}

static void health_forget(struct health_common *common)
{
    atomic_store(&common->state, HEALTH_UNKNOWN);
    atomic_store(&common->time, 0);
    atomic_store(&common->failures, 0);
    atomic_store(&common->told, false);
}

static void health_end(struct health_entry *entry)
{
    /* What was left out about children that are watched no more would never be told. */
    health_tell_hidden(entry);
    if (atomic_load(&entry->common->key) == 0) {
        free(entry->common);
    }
}

void health_adopt(const struct configuration *configuration)
{
    struct health_entry *adopted = memory_new(configuration->child_count, sizeof(*adopted));
    struct health_entry *old = entries;
    unsigned old_count = entry_count, count = 0;

    for (unsigned i = 0; i < configuration->child_count; i++) {
        const struct configuration_child *child = &configuration->children[i];

        if (child->connection_spec != NULL) {
            health_begin(&adopted[count++], child->name, child->connection_spec);
        }
    }
    entries = adopted;
    entry_count = count;
    for (unsigned i = 0; i < old_count; i++) {
        if (health_find(old[i].child, old[i].endpoint) == NULL) {
            health_forget(old[i].common);
            health_end(&old[i]);
        }
    }
    free(old);
}

/* Other processes go on: what they share is kept. */
void health_clear(void)
{
    for (unsigned i = 0; i < entry_count; i++) {
        health_end(&entries[i]);
    }
    free(entries);
    entries = NULL;
    entry_count = 0;
    failure_total = 0;
}

/* ---- what is known ---- */

struct health health_of(const char *child)
{
    for (unsigned i = 0; i < entry_count; i++) {
        const struct health_entry *entry = &entries[i];

        if (strncmp(entry->child, child, HEALTH_TEXT - 1) == 0) {
            return (struct health){
                .state = (enum health_state)atomic_load(&entry->common->state),
                .since = atomic_load(&entry->common->time),
                .failures = atomic_load(&entry->common->failures),
                .last = entry->last,
            };
        }
    }
    return (struct health){.state = HEALTH_UNKNOWN};
}

const struct health_failure *health_failure(unsigned index)
{
    if (index >= HEALTH_FAILURES || index >= failure_total) {
        return NULL;
    }
    return &failures[(failure_total - 1 - index) % HEALTH_FAILURES];
}
