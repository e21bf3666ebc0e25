/*
 * printer - what was received, as lines (tools.md section 2).
 */
#ifndef MILTER_TEST_CLIENT_PRINTER_H
#define MILTER_TEST_CLIENT_PRINTER_H

#include "libcore/base/buffer.h"
#include "libcore/wire/command.h"

/* Appends the line of a command; nothing for MACRO and the two QUITs. */
void printer_command(struct buffer *output, const struct command_packet *event);
/* Appends "macros:" and a line for each pair; nothing when there is none. */
void printer_macros(struct buffer *output, struct slice pairs);
/* Appends the address of an SMTP client: "inet:50443@[192.0.2.45]", "unix:PATH", "unknown". */
void printer_address(struct buffer *output, const struct command_connect *connect);
void printer_finished(struct buffer *output);

#endif
