/*
 * statistics - the statistics lines the log analyzer reads (tools.md section 4.3).
 *
 * Only writes; what it prints was counted elsewhere.
 */
#include "milter-manager/session/statistics.h"

#include "milter-manager/board.h"
#include "milter-manager/session/about.h"

#include "milter-manager/session/record.h"

#include <stdio.h>

enum { STATISTICS_VALUE = 4096 }; /* bytes of a header value that are logged */

/* The reports say "pass" where nothing was decided against the mail. */
static const char *statistics_status(enum verdict verdict)
{
    return verdict == VERDICT_NONE || verdict == VERDICT_CONTINUE || verdict == VERDICT_SKIP
               ? "pass"
               : verdict_name(verdict);
}

void statistics_child_end(struct session_child *child)
{
    const char *status = child->status_stopped   ? "stop"
                         : child->status_aborted ? "abort"
                                                 : statistics_status(child->status);

    if (child->ended) {
        return;
    }
    child->ended = true;
    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(ABOUT_CHILD(child),
                         LOG_TEXT("stage", command_info[child->last_command].name),
                         LOG_TEXT("verdict", status), LOG_SECONDS("elapsed", child->busy_time)),
              "[milter][end][%s][%s][%g](%u): %s", command_info[child->last_command].name, status,
              child->busy_time, child->tag, child->configuration->name);
}

/* The record gets the same line, so that it can be found for a line of the log. */
void statistics_session_end(struct session *session)
{
    char line[160], stage[64];
    double elapsed = session->host->now(session) - session->started;
    const char *status = session->status_aborted       ? "abort"
                         : session->status_quarantined ? "quarantine"
                                                       : statistics_status(session->status);

    if (session->ended) {
        return;
    }
    session->ended = true;
    (void)snprintf(stage, sizeof(stage), "%s%s", command_info[session->last_command].name,
                   session->last_replied ? "-replied" : "");
    (void)snprintf(line, sizeof(line), "[session][end][%s][%s][%g](%u)", stage, status, elapsed,
                   session->tag);
    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(ABOUT_SESSION(session), LOG_TEXT("stage", stage),
                         LOG_TEXT("verdict", status), LOG_SECONDS("elapsed", elapsed)),
              "%s", line);
    record_note(session, line);
}

void statistics_session_disconnected(const struct session *session)
{
    double elapsed = session->host->now((struct session *)(uintptr_t)session) - session->started;

    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(ABOUT_SESSION(session),
                         LOG_TEXT("stage", command_info[session->last_command].name),
                         LOG_SECONDS("elapsed", elapsed)),
              "[session][disconnected][%g](%u)", elapsed, session->tag);
}

/*
 * Readers of the log compare values: the blank of HDR_LEADSPC is not part of
 * them, and nothing they look for stands behind the limit.
 */
static struct slice statistics_value(struct slice value)
{
    if (value.length > 0 && value.data[0] == ' ') {
        slice_skip(&value, 1);
    }
    if (value.length > STATISTICS_VALUE) {
        value.length = STATISTICS_VALUE;
    }
    return value;
}

void statistics_child_header(const struct session_child *child, struct slice name,
                             struct slice value)
{
    value = statistics_value(value);
    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(ABOUT_CHILD(child), LOG_TEXT("stage", "end-of-message"),
                         LOG_SLICE("header", name), LOG_SLICE("value", value)),
              "[milter][header][add](%u): <%.*s>=<%.*s>: %s", child->tag, (int)name.length,
              name.data, (int)value.length, value.data, child->configuration->name);
}

void statistics_session_header(const struct session *session, struct slice name, struct slice value)
{
    value = statistics_value(value);
    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(ABOUT_SESSION(session), LOG_TEXT("stage", "end-of-message"),
                         LOG_SLICE("header", name), LOG_SLICE("value", value)),
              "[session][header][add](%u): <%.*s>=<%.*s>", session->tag, (int)name.length,
              name.data, (int)value.length, value.data);
}

void statistics_quarantine(const struct session *session)
{
    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(ABOUT_SESSION(session), LOG_TEXT("stage", "end-of-message"),
                         LOG_TEXT("verdict", "quarantine")),
              "[reply][end-of-message][quarantine](%u)", session->tag);
}

void statistics_sessions_finished(unsigned finished)
{
    unsigned long total = board_finish(finished);
    unsigned processing = board_sessions();

    log_event(LOG_LEVEL_STATISTICS,
              LOG_FIELDS(LOG_COUNT("finished", total), LOG_COUNT("new", finished),
                         LOG_COUNT("processing", processing)),
              "[sessions][finished] %lu(+%u) %u", total, finished, processing);
}
