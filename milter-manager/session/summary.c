/*
 * summary - a running session in a few words.  Only looks.
 */
#include "milter-manager/session/summary.h"

static bool summary_child_is_due(const struct session_child *child)
{
    return child->awaiting || child->ticket != NULL || child->state == CHILD_CONNECTING ||
           child->state == CHILD_NEGOTIATING;
}

static void summary_wait(const struct session *session, double now, struct session_summary *summary)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        const struct session_child *child = &session->children[i];

        if (summary_child_is_due(child)) {
            summary->waiting_for = child->configuration->name;
            summary->waiting = now - child->busy_since;
            return;
        }
    }
}

static const char *summary_phase(const struct session *session)
{
    switch (session->activity) {
    case SESSION_IDLE:
    case SESSION_OVER:
        return "idle";
    case SESSION_NEGOTIATING:
        return command_info[COMMAND_NEGOTIATE].name;
    case SESSION_CONTENT:
        /* Between the commands of the content the children may still be at work. */
        if (!session->message.owed) {
            return "idle";
        }
        break;
    case SESSION_ENVELOPE:
        break;
    }
    return command_info[session->command].name;
}

static void summary_client(const struct session *session, struct session_summary *summary)
{
    struct packet packet = {.letter = command_info[COMMAND_CONNECT].letter,
                            .payload = buffer_slice(&session->connect)};
    struct slice helo = buffer_slice(&session->helo);
    struct command_packet connect;

    if (packet.payload.length > 0 && command_decode(&packet, &connect, NULL)) {
        summary->client_known = true;
        summary->client_host = connect.connect.host;
        summary->client_address = connect.connect.address;
    }
    if (helo.length > 0) {
        summary->helo_known = true;
        if (!slice_take_string(&helo, &summary->helo)) {
            summary->helo = helo;
        }
    }
}

void session_summarize(const struct session *session, struct session_summary *summary)
{
    double now = session->host->now((struct session *)(uintptr_t)session);

    *summary = (struct session_summary){
        .id = session->tag,
        .peer = session->peer,
        .age = now - session->started,
        .phase = summary_phase(session),
    };
    summary_client(session, summary);
    (void)macro_store_find(&session->front.macros, COMMAND_END_OF_MESSAGE, slice_from_string("i"),
                           &summary->queue_id);
    if (session->activity != SESSION_IDLE) {
        summary_wait(session, now, summary);
    }
}
