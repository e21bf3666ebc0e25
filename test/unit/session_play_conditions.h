/*
 * session_play_conditions - the play in place of the engine of conditions.
 *
 * Include it in the one source file of a test program that plays sessions: it
 * defines condition_ask and its sisters, which other tests need for real.
 */
#ifndef TEST_UNIT_SESSION_PLAY_CONDITIONS_H
#define TEST_UNIT_SESSION_PLAY_CONDITIONS_H

#include "milter-manager/session/connection_check.h"
#include "test/unit/session_play.h"

bool condition_has_stopper(const struct condition *condition, enum condition_stage stage)
{
    return (condition->stages & 1U << stage) != 0;
}

enum condition_answer condition_ask(struct condition *const *conditions, unsigned count,
                                    const struct condition_question *question,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket,
                                    const struct condition_stopper **stopper)
{
    (void)count;
    return play_condition_ask(conditions, question, answered, owner, ticket, stopper);
}

enum condition_answer connection_checkers_ask(const struct configuration *configuration,
                                              uint64_t context, condition_answered_fn *answered,
                                              void *owner, struct condition_ticket **ticket)
{
    (void)configuration;
    return play_checkers_ask(context, answered, owner, ticket);
}

void condition_cancel(struct condition_ticket *ticket)
{
    play_condition_cancel(ticket);
}

#endif
