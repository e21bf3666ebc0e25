/*
 * client_text - answers of the controller as text for people.
 *
 * Pure.  Whatever the strings of others are, nothing in them moves a terminal.
 */
#ifndef MILTER_MANAGER_CONTROL_CLIENT_TEXT_H
#define MILTER_MANAGER_CONTROL_CLIENT_TEXT_H

#include "libcore/base/buffer.h"

#include <jansson.h>

/* answer: what GET /status or a command gave; members that are not there are shown as "-". */
void client_text_status(const json_t *answer, struct buffer *text);
void client_text_sessions(const json_t *answer, struct buffer *text);
void client_text_reload(const json_t *answer, struct buffer *text);
void client_text_switch(const json_t *answer, struct buffer *text);

#endif
