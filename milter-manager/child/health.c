/*
 * health - what this process knows of each child, and what it says of it.
 *
 * Owns an entry for each child of the configuration in force and the last
 * failures; both are bounded, whatever reloads rename.  It never decides
 * whether a child is asked: a session always tries.
 */
#include "milter-manager/child/health.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct health_entry {
    char child[HEALTH_TEXT], endpoint[HEALTH_TEXT];
    uint32_t hash; /* of both: a session asks for each of its children */
    struct health health;
    double since;    /* of the state */
    bool told;       /* the line about being down was written ... */
    double told_at;  /* ... or its reminder, then */
    double minute;   /* it began with the first line in it */
    unsigned lines;  /* in this minute; 0: there is none */
    unsigned hidden; /* left out in this minute */
};

static struct health_entry *entries;
static unsigned entry_count;

static health_wake_fn *wake_function;
static void *wake_owner;

static struct health_failure failures[HEALTH_FAILURES];
static unsigned long failure_total;

/* FNV-1a. */
static uint32_t health_hash(uint32_t hash, const char *text)
{
    for (unsigned i = 0; i < HEALTH_TEXT - 1 && text[i] != '\0'; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    }
    return hash;
}

static uint32_t health_hash_of(const char *child, const char *endpoint)
{
    return health_hash(health_hash(2166136261U, child), endpoint);
}

/* Names longer than what is kept of them are the same when that is. */
static struct health_entry *health_find(const char *child, const char *endpoint)
{
    uint32_t hash = health_hash_of(child, endpoint);

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

static void health_tell_down(struct health_entry *entry, const struct health_failure *failure,
                             double now, const struct log_field *fields)
{
    const struct log_field *more = LOG_FIELDS(
        LOG_TEXT("state", "down"), LOG_COUNT("failures", entry->health.failures), LOG_MORE(fields));

    if (entry->told) {
        log_event(LOG_LEVEL_ERROR, more,
                  "[children][down][%s][%s] [%u] %s; down for %.0f seconds with %lu failures: %s",
                  failure->stage, failure->fallback, failure->session, failure->cause,
                  now - entry->since, entry->health.failures, entry->child);
    } else {
        log_event(
            LOG_LEVEL_ERROR, more,
            "[children][down][%s][%s] [%u] %s; further failures are counted until it answers: "
            "%s",
            failure->stage, failure->fallback, failure->session, failure->cause, entry->child);
    }
    entry->told = true;
    entry->told_at = now;
}

static void health_tell_up(const struct health_entry *entry, double now)
{
    log_event(LOG_LEVEL_MESSAGE,
              LOG_FIELDS(LOG_TEXT("state", "up"), LOG_TEXT("child", entry->child),
                         LOG_TEXT("endpoint", entry->endpoint),
                         LOG_COUNT("failures", entry->health.failures),
                         LOG_SECONDS("elapsed", now - entry->since)),
              "[children][up] %s: answers again after %lu failure%s in %.1f seconds: %s",
              entry->endpoint, entry->health.failures, health_plural(entry->health.failures),
              now - entry->since, entry->child);
}

/* ---- what happens ---- */

static void health_change(struct health_entry *entry, enum health_state state, time_t time,
                          double now)
{
    entry->health.state = state;
    entry->health.since = time;
    entry->health.failures = 0;
    entry->since = now;
    entry->told = false;
}

void health_reached(const char *child, const char *endpoint, time_t time, double now)
{
    struct health_entry *entry = health_find(child, endpoint);

    if (entry == NULL) {
        return;
    }
    entry->health.seen = time;
    if (entry->health.state == HEALTH_UP) {
        return;
    }
    if (entry->told) {
        health_tell_up(entry, now);
    }
    health_change(entry, HEALTH_UP, time, now);
}

/* What is not said of it now; the lines of single sessions have a limit of their own. */
static bool health_down_is_news(struct health_entry *entry, double now)
{
    return entry->told ? now - entry->told_at >= HEALTH_REMIND : health_may_tell(entry, now);
}

static void health_note(struct health_entry *entry, const struct health_failure *failure,
                        bool unreachable, double now)
{
    if (unreachable && entry->health.state != HEALTH_DOWN) {
        health_change(entry, HEALTH_DOWN, failure->time, now);
    }
    entry->health.seen = unreachable ? failure->time : entry->health.seen;
    entry->health.failures++;
    entry->health.last = *failure;
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
    health_note(entry, failure, unreachable, now);
    if (unreachable && health_down_is_news(entry, now)) {
        health_tell_down(entry, failure, now, fields);
    } else if (!unreachable && health_may_tell(entry, now)) {
        health_tell_failure(LOG_LEVEL_ERROR, failure, kind, fields);
    } else {
        health_tell_failure(LOG_LEVEL_DEBUG, failure, kind, fields);
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
}

/* What was left out about children that are watched no more would never be told. */
static void health_replace(struct health_entry *adopted, unsigned count)
{
    struct health_entry *old = entries;
    unsigned old_count = entry_count;

    entries = adopted;
    entry_count = count;
    for (unsigned i = 0; i < old_count; i++) {
        if (health_find(old[i].child, old[i].endpoint) == NULL) {
            health_tell_hidden(&old[i]);
        }
    }
    free(old);
}

void health_adopt(const struct configuration *configuration)
{
    struct health_entry *adopted = memory_new(configuration->child_count, sizeof(*adopted));
    unsigned count = 0;

    for (unsigned i = 0; i < configuration->child_count; i++) {
        const struct configuration_child *child = &configuration->children[i];

        if (child->connection_spec != NULL) {
            health_begin(&adopted[count++], child->name, child->connection_spec);
        }
    }
    health_replace(adopted, count);
}

void health_clear(void)
{
    health_replace(NULL, 0);
    failure_total = 0;
}

/* ---- what is known ---- */

struct health health_of(const char *child)
{
    for (unsigned i = 0; i < entry_count; i++) {
        if (strncmp(entries[i].child, child, HEALTH_TEXT - 1) == 0) {
            return entries[i].health;
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
