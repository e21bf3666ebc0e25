/*
 * report - what the user reads: the outcome, and the message with what was
 * changed in it (tools.md section 1.5).
 */
#ifndef MILTER_TEST_SERVER_REPORT_H
#define MILTER_TEST_SERVER_REPORT_H

#include "milter-test-server/session.h"

/* STATUS of "status: STATUS", with the reply code. */
void report_status(struct buffer *output, const struct session_result *result);
/* "status: ...", "elapsed-time: ..." and the quarantine reason. */
void report_result(struct buffer *output, const struct session_result *result);

/* The envelope, header and body of changed, marked where they differ from original. */
void report_message(struct buffer *output, const struct message *original,
                    const struct message *changed, bool colour);

#endif
