/*
 * printer_json - what was received and what will be answered, one JSON object a
 * line.  Bytes that are no UTF-8 are {"base64": "..."}.
 */
#ifndef MILTER_TEST_CLIENT_PRINTER_JSON_H
#define MILTER_TEST_CLIENT_PRINTER_JSON_H

#include "milter-test-client/answer.h"

/*
 * Appends the line of a command.  macros: the pairs that came for it, may be
 * empty; answer: what has been decided about it.
 */
void printer_json_command(struct buffer *output, unsigned long session,
                          const struct command_packet *event, struct slice macros,
                          const struct answer *answer);
void printer_json_finished(struct buffer *output, unsigned long session);

#endif
