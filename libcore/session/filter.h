/*
 * filter - the side that answers: a state machine without I/O.
 *
 * It is fed the MTA's bytes, gives out one event at a time, checks their order,
 * keeps macros and negotiated options, and knows which reply is owed.  The
 * owner answers through filter_reply and filter_edit, which append packets to
 * the output buffer it was given.  While a reply is owed it holds back what
 * follows, so that replies leave in the order of the commands.
 */
#ifndef LIBCORE_SESSION_FILTER_H
#define LIBCORE_SESSION_FILTER_H

#include "libcore/session/macro_store.h"
#include "libcore/session/order.h"
#include "libcore/session/recorder.h"
#include "libcore/wire/command.h"
#include "libcore/wire/negotiation.h"
#include "libcore/wire/reply.h"

struct filter {
    struct buffer *output; /* the owner's */
    enum position position;
    enum command owed; /* the command whose reply is owed; valid while owes */
    bool owes;
    bool accepted; /* the open message, before its end: the MTA may go on or begin the next */
    struct negotiation offer;  /* the MTA's, after negotiation_accept_offer; no lists */
    struct negotiation answer; /* ours; no lists */
    struct macro_store macros;
    struct recorder *recorder; /* the owner's, or NULL: hears everything that is said */
};

enum filter_result {
    FILTER_EVENT,   /* *event is a command; its slices point into the input */
    FILTER_WAIT,    /* more input is needed */
    FILTER_HELD,    /* a reply is owed first, *event waits: call again after filter_reply */
    FILTER_INVALID, /* *error names what was wrong; close the connection */
};

void filter_init(struct filter *filter, struct buffer *output);
void filter_clear(struct filter *filter);

/*
 * Takes the next command off the front of input.  MACRO events are stored
 * before they are given out.  NEGOTIATE events have event->text as the payload;
 * filter->offer is filled; answer with filter_negotiate.
 */
enum filter_result filter_next(struct filter *filter, struct slice *input,
                               struct command_packet *event, struct error *error);

/* Answers NEGOTIATE. answer must be within the offer; macro lists are passed on. */
void filter_negotiate(struct filter *filter, const struct negotiation *answer);
/*
 * Gives the final reply owed; a CODE's text and the like travel untouched.
 * Where the answer negotiated NO_REPLY the reply is counted but not sent.
 */
void filter_reply(struct filter *filter, const struct reply *reply);
/* A bare final reply. */
void filter_reply_verdict(struct filter *filter, enum verdict verdict);
/*
 * No reply will be given: the MTA has cut the command off by ABORT.  An MTA
 * that counts replies may wait for it all the same.
 */
void filter_withdraw(struct filter *filter);
/* An edit or PROGRESS; only while the reply to END_OF_MESSAGE is owed. */
void filter_edit(struct filter *filter, const struct reply *edit);

#endif
