/*
 * summary_judge - whether a child behaves.
 *
 * What is usual differs from child to child: one that refuses most mails may be a good one.  So a
 * child is measured by itself the day before, or a week ago, and by fixed limits only for
 * failures, which are never usual.
 *
 * Few sessions say little: one mail in a quiet night that is late or lost blames nobody.
 */
#include "milter-manager-log-analyzer/summary_judge.h"

#include "libcore/base/human.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENOUGH = 20, /* sessions from which on shares say something */
    SOME = 3,    /* failures that are no accident */
    SIGMAS = 4   /* by which shares differ that do so by chance about never */
};

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void blame(struct summary_child *child, enum summary_mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void blame(struct summary_child *child, enum summary_mark mark, const char *format, ...)
{
    va_list arguments;

    child->mark = mark > child->mark ? mark : child->mark;
    if (child->reason_count < SUMMARY_REASONS) {
        va_start(arguments, format);
        (void)vsnprintf(child->reasons[child->reason_count++], sizeof(child->reasons[0]), format,
                        arguments);
        va_end(arguments);
    }
}

/* What is judged, what it is measured by (NULL: nothing), and their names. */
struct trial {
    const struct summary_figures *now, *usual;
    const char *when, *before;
    bool over; /* of today: it is not so any more */
};

static enum summary_mark mark_of(const struct trial *trial, bool bad)
{
    return bad && !trial->over ? SUMMARY_BAD : SUMMARY_ODD;
}

static bool judge_failures(struct summary_child *child, const struct trial *trial)
{
    double failed = share(trial->now->failed, trial->now->sessions);
    double usual = trial->usual != NULL ? share(trial->usual->failed, trial->usual->sessions) : 0;

    if (trial->now->failed < SOME || failed < 0.01 || (failed < 2 * usual && failed < 0.2)) {
        return false;
    }
    if (trial->now->sessions < ENOUGH) {
        if (failed < 0.5) {
            return false;
        }
        blame(child, SUMMARY_ODD, "failed in %s of its %s sessions %s",
              human_count((double)trial->now->failed).text,
              human_count((double)trial->now->sessions).text, trial->when);
        return true;
    }
    blame(child, mark_of(trial, failed >= 0.05), "failed in %s of its sessions %s%s%s%s",
          human_share((double)trial->now->failed, (double)trial->now->sessions).text, trial->when,
          trial->usual != NULL ? "; " : "",
          trial->usual != NULL
              ? human_share((double)trial->usual->failed, (double)trial->usual->sessions).text
              : "",
          trial->before);
    return true;
}

static bool judge_latency(struct summary_child *child, const struct trial *trial)
{
    const double usual = trial->usual != NULL ? trial->usual->p99 : 0;
    const double tail = trial->now->tail;
    const uint64_t sessions = trial->now->sessions;
    bool worse = usual > 0 ? tail >= 3 * usual : tail >= 30;
    char part[32] = "a hundred";

    if (sessions < ENOUGH || tail < 1 || !worse) {
        return false;
    }
    if (tail < trial->now->p99) {
        (void)snprintf(part, sizeof(part), "%u", (unsigned)(sessions / SOME));
    }
    blame(child, mark_of(trial, usual > 0 && (tail >= 10 || tail >= 10 * usual)),
          "one in %s sessions took it longer than %s %s%s%s%s", part, human_latency(tail).text,
          trial->when, usual > 0 ? "; " : "", usual > 0 ? human_latency(usual).text : "",
          usual > 0 ? trial->before : "");
    return true;
}

/* Whether the first share is larger than the second by more than chance. */
static bool is_larger(uint64_t part, uint64_t whole, uint64_t part_before, uint64_t whole_before)
{
    double all = share(part + part_before, whole + whole_before);
    double chance = all * (1 - all) * (1 / (double)whole + 1 / (double)whole_before);
    double more = share(part, whole) - share(part_before, whole_before);

    return more > 0 && more * more >= SIGMAS * SIGMAS * chance;
}

static bool judge_refusals(struct summary_child *child, const struct trial *trial)
{
    double refused = share(trial->now->refused, trial->now->sessions);
    double usual = trial->usual != NULL ? share(trial->usual->refused, trial->usual->sessions) : 1;

    if (trial->usual == NULL || trial->now->sessions < ENOUGH || refused < usual + 0.2 ||
        refused < 2 * usual ||
        !is_larger(trial->now->refused, trial->now->sessions, trial->usual->refused,
                   trial->usual->sessions)) {
        return false;
    }
    blame(child, mark_of(trial, refused >= usual + 0.4), "refused %s of its sessions %s; %s%s",
          human_share((double)trial->now->refused, (double)trial->now->sessions).text, trial->when,
          human_share((double)trial->usual->refused, (double)trial->usual->sessions).text,
          trial->before);
    return true;
}

/* ---- silence */

/* Mails of which a child usually sees so many went past it. */
static const struct stretch {
    enum summary_period period, usual[2];
    const char *when, *before[2];
} stretches[] = {
    {SUMMARY_HOUR,
     {SUMMARY_HOUR_YESTERDAY, SUMMARY_HOUR_WEEK},
     "in the last hour",
     {"in the same hour yesterday", "in the same hour a week ago"}},
    {SUMMARY_TODAY,
     {SUMMARY_YESTERDAY, SUMMARY_WEEK},
     "today",
     {"until this time yesterday", "until this time a week ago"}},
};

/*
 * Some are asked about few mails only, at some hours, or on some days: each of the times that are
 * known to compare with has to make it strange.
 */
static bool is_silent(const struct summary_child *child, const struct summary_figures *manager,
                      const struct stretch *stretch, unsigned *measure)
{
    bool strange = false;

    if (child->figures[stretch->period].sessions > 0) {
        return false;
    }
    for (unsigned i = 2; i-- > 0;) {
        enum summary_period usual = stretch->usual[i];
        double expected = (double)manager[stretch->period].sessions *
                          share(child->figures[usual].sessions, manager[usual].sessions);

        if (manager[usual].sessions >= ENOUGH) {
            if (expected < ENOUGH || child->figures[usual].sessions < ENOUGH) {
                return false;
            }
            strange = true;
            *measure = i;
        }
    }
    return strange;
}

static void judge_silence(struct summary_child *child, const struct summary_figures *manager)
{
    for (size_t i = 0; i < sizeof(stretches) / sizeof(stretches[0]); i++) {
        const struct stretch *stretch = stretches + i;
        unsigned measure = 0;

        if (is_silent(child, manager, stretch, &measure)) {
            blame(child, SUMMARY_BAD, "had no session %s; %s %s", stretch->when,
                  human_count((double)child->figures[stretch->usual[measure]].sessions).text,
                  stretch->before[measure]);
            return;
        }
    }
}

/* ---- all */

typedef bool judge_fn(struct summary_child *child, const struct trial *trial);

void summary_judge(struct summary_child *child,
                   const struct summary_figures manager[SUMMARY_PERIODS])
{
    static judge_fn *const judges[] = {judge_failures, judge_latency, judge_refusals};
    const struct summary_figures *figures = child->figures;
    const bool yesterday = figures[SUMMARY_YESTERDAY].sessions >= ENOUGH;
    const bool week = figures[SUMMARY_WEEK].sessions >= ENOUGH;
    struct trial trial = {
        .usual = yesterday ? figures + SUMMARY_YESTERDAY
                 : week    ? figures + SUMMARY_WEEK
                           : NULL,
        .before = yesterday ? " yesterday"
                  : week    ? " a week ago"
                            : "",
    };

    child->mark = figures[SUMMARY_TODAY].sessions + figures[SUMMARY_HOUR].sessions > 0
                      ? SUMMARY_FINE
                      : SUMMARY_UNKNOWN;
    judge_silence(child, manager);
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        trial.now = figures + SUMMARY_HOUR;
        trial.when = "in the last hour";
        trial.over = false;
        if (!judges[i](child, &trial)) {
            trial.now = figures + SUMMARY_TODAY;
            trial.over = figures[SUMMARY_HOUR].sessions >= ENOUGH;
            trial.when = trial.over ? "today, not in the last hour" : "today";
            (void)judges[i](child, &trial);
        }
    }
}

/* ---- order */

static int compare(double a, double b)
{
    return a > b ? -1 : a < b ? 1 : 0;
}

static int worse(const void *a, const void *b)
{
    const struct summary_child *first = (const struct summary_child *)a;
    const struct summary_child *second = (const struct summary_child *)b;
    const struct summary_figures *one = first->figures + SUMMARY_TODAY;
    const struct summary_figures *other = second->figures + SUMMARY_TODAY;
    int order = compare(first->mark, second->mark);

    order = order != 0
                ? order
                : compare(share(one->failed, one->sessions), share(other->failed, other->sessions));
    order = order != 0 ? order : compare(one->p99, other->p99);
    return order != 0 ? order : strcmp(first->name, second->name);
}

void summary_sort(struct summary_child *children, size_t count)
{
    if (count > 0) {
        qsort(children, count, sizeof(*children), worse);
    }
}
