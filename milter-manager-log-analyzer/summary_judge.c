/*
 * summary_judge - whether a child behaves.
 *
 * What is usual differs from child to child: one that refuses most mails may be a good one.  So a
 * child is measured by itself the day before, or a week ago, and by fixed limits only for
 * failures, which are never usual.
 */
#include "milter-manager-log-analyzer/summary_judge.h"

#include "libcore/base/human.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH = 20 /* sessions from which on shares say something */ };

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
};

static bool judge_failures(struct summary_child *child, const struct trial *trial)
{
    double failed = share(trial->now->failed, trial->now->sessions);
    double usual = trial->usual != NULL ? share(trial->usual->failed, trial->usual->sessions) : 0;

    if (failed < 0.01 || (failed < 2 * usual && failed < 0.2)) {
        return false;
    }
    blame(child, failed >= 0.05 ? SUMMARY_BAD : SUMMARY_ODD,
          "failed in %s of its sessions %s%s%s%s",
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
    double usual = trial->usual != NULL ? trial->usual->p99 : 0;
    bool worse = usual > 0 ? trial->now->p99 >= 3 * usual : trial->now->p99 >= 30;

    if (trial->now->p99 < 1 || !worse) {
        return false;
    }
    blame(child,
          usual > 0 && (trial->now->p99 >= 10 || trial->now->p99 >= 10 * usual) ? SUMMARY_BAD
                                                                                : SUMMARY_ODD,
          "one in a hundred sessions took it longer than %s %s%s%s%s",
          human_latency(trial->now->p99).text, trial->when, usual > 0 ? "; " : "",
          usual > 0 ? human_latency(usual).text : "", usual > 0 ? trial->before : "");
    return true;
}

static bool judge_refusals(struct summary_child *child, const struct trial *trial)
{
    double refused = share(trial->now->refused, trial->now->sessions);
    double usual = trial->usual != NULL ? share(trial->usual->refused, trial->usual->sessions) : 1;

    if (trial->usual == NULL || refused < usual + 0.2 || refused < 2 * usual) {
        return false;
    }
    blame(child, refused >= usual + 0.4 ? SUMMARY_BAD : SUMMARY_ODD,
          "refused %s of its sessions %s; %s%s",
          human_share((double)trial->now->refused, (double)trial->now->sessions).text, trial->when,
          human_share((double)trial->usual->refused, (double)trial->usual->sessions).text,
          trial->before);
    return true;
}

/* All mail that came by in the last hour went past it. */
static bool judge_silence(struct summary_child *child, const struct summary_figures *manager)
{
    if (child->figures[SUMMARY_HOUR].sessions > 0 || manager[SUMMARY_HOUR].sessions < ENOUGH ||
        child->figures[SUMMARY_YESTERDAY].sessions < 10 * (uint64_t)ENOUGH) {
        return false;
    }
    blame(child, SUMMARY_BAD, "had no session in the last hour; %s until this time yesterday",
          human_count((double)child->figures[SUMMARY_YESTERDAY].sessions).text);
    return true;
}

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
    (void)judge_silence(child, manager);
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        bool blamed = false;

        if (figures[SUMMARY_HOUR].sessions >= ENOUGH) {
            trial.now = figures + SUMMARY_HOUR;
            trial.when = "in the last hour";
            blamed = judges[i](child, &trial);
        }
        if (!blamed && figures[SUMMARY_TODAY].sessions >= ENOUGH) {
            trial.now = figures + SUMMARY_TODAY;
            trial.when = "today";
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
