/*
 * recorder - writes a conversation down as the text of a session file
 * (milter-session(5)).
 *
 * A filter machine that has one hands it everything that is said.  The text
 * stays in memory until its owner saves it; it never grows beyond the limit.
 */
#ifndef LIBCORE_SESSION_RECORDER_H
#define LIBCORE_SESSION_RECORDER_H

#include "libcore/wire/packet.h"

#include <stdint.h>

/* Monotonic seconds. */
typedef double recorder_clock_fn(void);

struct recorder {
    struct buffer text;
    size_t limit;
    recorder_clock_fn *clock; /* NULL: no times are written */
    double started;
    bool full;          /* the limit was reached: the rest is left out */
    bool leading_space; /* header values hold their own blank */
    bool any;           /* something was said */
};

/*
 * comment: a line or several for the head of the file, without '#'; may be NULL.  limit: bytes of
 * text.
 */
void recorder_init(struct recorder *recorder, size_t limit, recorder_clock_fn *clock,
                   const char *comment);
void recorder_clear(struct recorder *recorder);

/* A remark in between or at the end: a line or several, without '#'. */
void recorder_comment(struct recorder *recorder, const char *text);
/* What the MTA said. */
void recorder_command(struct recorder *recorder, const struct packet *packet);
/* What no MTA would say here: a packet out of order, or one that makes no sense. */
void recorder_command_anyway(struct recorder *recorder, const struct packet *packet);
/* What the MTA sent and is no packet. */
void recorder_bytes(struct recorder *recorder, struct slice bytes);
/* The MTA went away without QUIT. */
void recorder_close(struct recorder *recorder);
/* What the filter said: whole packets; anything else is written in hexadecimal. */
void recorder_replies(struct recorder *recorder, struct slice bytes);

#endif
