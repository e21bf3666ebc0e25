/*
 * report - what one process knows, as JSON.  Only looks.
 */
#include "milter-manager/control/report.h"

#include "libcore/base/buffer.h"
#include "libcore/net/process.h"
#include "milter-manager/control/json_text.h"
#include "milter-manager/control/report_health.h"
#include "milter-manager/front.h"
#include "milter-manager/session/summary.h"

#include <string.h>
#include <unistd.h>

struct report {
    json_t *json;
    const struct server *server;
    int worker;
};

static json_t *report_memory(void)
{
    uint64_t bytes;

    return process_resident_memory(getpid(), &bytes) ? json_integer((json_int_t)bytes)
                                                     : json_null();
}

static void report_process(const struct report *report)
{
    (void)json_object_set_new(report->json, "pid", json_integer(getpid()));
    (void)json_object_set_new(report->json, "worker", json_integer(report->worker));
    (void)json_object_set_new(report->json, "uptime", json_real(server_uptime(report->server)));
    (void)json_object_set_new(report->json, "memory", report_memory());
    (void)json_object_set_new(report->json, "sessions_open",
                              json_integer(server_session_count(report->server)));
}

/* ---- sessions ---- */

static json_t *report_client(const struct session_summary *summary)
{
    struct buffer text = {0};
    json_t *client;

    if (!summary->client_known) {
        return json_null();
    }
    buffer_append_slice(&text, summary->client_host);
    if (summary->client_address.length > 0) {
        buffer_append_string(&text, " [");
        buffer_append_slice(&text, summary->client_address);
        buffer_append_byte(&text, ']');
    }
    client = json_text(buffer_slice(&text));
    buffer_clear(&text);
    return client;
}

static json_t *report_text(bool known, struct slice text)
{
    return known ? json_text(text) : json_null();
}

static json_t *report_session(const struct session *session)
{
    struct session_summary summary;
    json_t *json = json_object();

    session_summarize(session, &summary);
    (void)json_object_set_new(json, "id", json_integer(summary.id));
    (void)json_object_set_new(json, "peer", json_text_or_null(summary.peer));
    (void)json_object_set_new(json, "client", report_client(&summary));
    (void)json_object_set_new(json, "helo", report_text(summary.helo_known, summary.helo));
    (void)json_object_set_new(json, "queue_id",
                              report_text(summary.queue_id.length > 0, summary.queue_id));
    (void)json_object_set_new(json, "age", json_real(summary.age));
    (void)json_object_set_new(json, "phase", json_string(summary.phase));
    (void)json_object_set_new(json, "waiting_for", json_text_or_null(summary.waiting_for));
    (void)json_object_set_new(
        json, "waiting", summary.waiting_for == NULL ? json_null() : json_real(summary.waiting));
    return json;
}

static bool report_front(void *owner, const struct front *front)
{
    json_t *sessions = owner;

    (void)json_array_append_new(sessions, report_session(front_session(front)));
    return json_array_size(sessions) < REPORT_SESSIONS;
}

static void report_sessions(const struct report *report)
{
    json_t *sessions = json_array();

    server_each_front(report->server, report_front, sessions);
    (void)json_object_set_new(report->json, "sessions", sessions);
}

static void report_children(const struct report *report)
{
    report_health(report->json, server_configuration(report->server));
}

/* ---- the whole ---- */

typedef void report_part_fn(const struct report *report);

static report_part_fn *const report_parts[] = {report_process, report_sessions, report_children};

json_t *report_of_process(const struct server *server, int worker)
{
    const struct report report = {.json = json_object(), .server = server, .worker = worker};

    for (size_t i = 0; i < sizeof(report_parts) / sizeof(report_parts[0]); i++) {
        report_parts[i](&report);
    }
    return report.json;
}
