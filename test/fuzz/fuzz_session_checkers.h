/*
 * fuzz_session_checkers - connection checkers for fuzz_session, in place of the
 * engine's.  Include it in that file only: it defines connection_checkers_ask.
 */
#ifndef TEST_FUZZ_FUZZ_SESSION_CHECKERS_H
#define TEST_FUZZ_FUZZ_SESSION_CHECKERS_H

#include "milter-manager/session/connection_check.h"
#include "milter-manager/session/context.h"

#include <stdlib.h>

static enum condition_answer fuzz_checkers_answer;

/* Answers at once; whatever it is asked about has a live context. */
enum condition_answer connection_checkers_ask(const struct configuration *configuration,
                                              uint64_t context, condition_answered_fn *answered,
                                              void *owner, struct condition_ticket **ticket)
{
    const struct session *session = owner;
    struct slice value = {"", 0};
    struct context_address address;

    (void)answered;
    if (session->configuration != configuration ||
        !context_macro(context, slice_from_string("i"), &value) ||
        !context_client_address(context, &address) || !context_server_address(context, &address) ||
        context_name(context, &value)) {
        abort();
    }
    *ticket = NULL;
    return fuzz_checkers_answer;
}

/* choice 0 and 1: no time to ask; 2: connected; 3: gone. */
static void fuzz_check_connection(struct session *session, unsigned choice)
{
    struct configuration *configuration = session->configuration;

    configuration->hooks = HOOK_CONNECTION_CHECK;
    configuration->manager.connection_check_interval = 1;
    configuration->manager.fallback_status_at_disconnect = VERDICT_TEMPORARY_FAILURE;
    fuzz_checkers_answer = choice == 3 ? CONDITION_STOP : CONDITION_RUN;
    if (choice >= 2) {
        (void)session_check_connection(session);
    }
}

#endif
