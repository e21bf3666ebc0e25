/*
 * connection_check - ends sessions whose SMTP client has gone.
 *
 * Owns the client's address and the open question of a session.  When to look
 * is the host's business, how to find out the administrator's.
 */
#include "milter-manager/session/connection_check.h"

#include "libcore/base/memory.h"
#include "milter-manager/session/context_handle.h"
#include "milter-manager/session/record.h"
#include "milter-manager/session/statistics.h"

static bool connection_check_configured(const struct configuration *configuration)
{
    return (configuration->hooks & HOOK_CONNECTION_CHECK) != 0 &&
           configuration->manager.connection_check_interval > 0;
}

/* Only then is there a command to answer, and a child whose work may be spared. */
static bool connection_check_is_due(const struct session *session)
{
    bool waits = session->activity == SESSION_ENVELOPE ||
                 (session->activity == SESSION_CONTENT && session->message.owed);

    for (unsigned i = 0; waits && i < session->child_count; i++) {
        if (session->children[i].awaiting) {
            return true;
        }
    }
    return false;
}

static void connection_check_end(struct session *session)
{
    statistics_session_disconnected(session);
    record_note(session, "a connection checker says that the SMTP client has gone");
    session_reply_verdict(session, session->configuration->manager.fallback_status_at_disconnect,
                          slice_of("", 0));
    session_close(session);
}

/* The session may have gone on meanwhile; if it waits no more, the next check will tell. */
static void connection_check_take(struct session *session, bool gone)
{
    session->check = NULL;
    if (gone && connection_check_is_due(session)) {
        connection_check_end(session);
        session_settle(session);
    }
}

static void connection_check_answered(void *owner, const struct condition_stopper *checker)
{
    connection_check_take(owner, checker != NULL);
}

bool session_check_connection(struct session *session)
{
    enum condition_answer answer;

    if (session->check != NULL || !connection_check_configured(session->configuration) ||
        !connection_check_is_due(session)) {
        return false;
    }
    answer = connection_checkers_ask(session->configuration, context_handle_of_session(session),
                                     connection_check_answered, session, &session->check);
    if (answer != CONDITION_PENDING) {
        connection_check_take(session, answer == CONDITION_STOP);
    }
    return true;
}

void connection_check_note_client(struct session *session, const struct command_packet *connect)
{
    struct session_address *client = &session->client;

    if (connection_check_configured(session->configuration)) {
        client->family = connect->connect.family;
        client->port = connect->connect.port;
        buffer_reset(&client->address);
        buffer_append_slice(&client->address, connect->connect.address);
    }
}

void connection_check_forget(struct session *session)
{
    if (session->check != NULL) {
        condition_cancel(session->check);
        session->check = NULL;
    }
    context_handle_release_session(session);
    buffer_clear(&session->client.address);
    session->client = (struct session_address){0};
}
