/*
 * steps - what is sent, in order: the commands of one message as a table
 * (tools.md section 1.2).
 */
#ifndef MILTER_TEST_SERVER_STEPS_H
#define MILTER_TEST_SERVER_STEPS_H

#include "milter-test-server/session.h"

enum step {
    STEP_CONNECT,
    STEP_HELO,
    STEP_MAIL,
    STEP_RCPT,
    STEP_UNKNOWN,
    STEP_DATA,
    STEP_HEADER,
    STEP_END_OF_HEADER,
    STEP_BODY,
    STEP_END_OF_MESSAGE,
    STEPS,
};

enum command steps_command(enum step step);
/* "negotiate" and the like, for messages; also for STEPS. */
const char *steps_name(enum step step);
/* How many commands the step sends. */
size_t steps_count(enum step step, const struct session_plan *plan, const struct message *message);
/* Appends the payload of the index-th command of the step. */
void steps_payload(enum step step, const struct session_plan *plan, const struct message *message,
                   size_t index, bool leading_space, struct buffer *payload);

#endif
