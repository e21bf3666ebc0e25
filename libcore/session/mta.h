/*
 * mta - the side that asks: a state machine without I/O.
 *
 * The owner calls mta_negotiate and mta_command, which append packets to the
 * output buffer it was given; the filter's bytes are fed to mta_next, which
 * gives out one event at a time.  It knows what the filter negotiated away,
 * which replies are owed, which replies are stale after an ABORT, and refuses
 * replies nobody owes.
 */
#ifndef LIBCORE_SESSION_MTA_H
#define LIBCORE_SESSION_MTA_H

#include "libcore/session/order.h"
#include "libcore/wire/command.h"
#include "libcore/wire/negotiation.h"
#include "libcore/wire/reply.h"

struct mta {
    struct buffer *output; /* the owner's */
    enum position position;
    enum command owed;    /* the command whose replies are owed */
    unsigned owed_count;  /* more than one only for HEADER */
    unsigned stale_count; /* replies still to come for commands cut off by ABORT */
    struct negotiation offer;
    struct negotiation answer;  /* bounded by the offer; the lists are below */
    struct negotiation surplus; /* what the answer claimed beyond the offer */
    struct buffer macro_lists;  /* the lists of the answer */
    uint32_t macros_sent;       /* bit per stage: the filter holds a non-empty set */
};

enum mta_sent {
    MTA_REPLY_OWED,   /* sent; its reply will come as an event */
    MTA_NO_REPLY,     /* sent; counts as answered with continue */
    MTA_NOT_SENT,     /* suppressed by the filter; counts as answered with continue */
    MTA_OUT_OF_ORDER, /* not sent: a mistake of the caller */
};

enum mta_result {
    MTA_NEGOTIATED, /* the answer is in mta->answer */
    MTA_REPLY,      /* *reply is the final reply to *command */
    MTA_EDIT,       /* *reply is an edit, or PROGRESS at any command */
    MTA_WAIT,       /* more input is needed */
    MTA_INVALID,    /* *error names what was wrong; close the connection */
};

void mta_init(struct mta *mta, struct buffer *output);
void mta_clear(struct mta *mta);

/* Sends OPTNEG with twelve bytes. */
void mta_negotiate(struct mta *mta, const struct negotiation *offer);
/*
 * Sends one command.  macros: the set of its stage to send before it (filtered
 * by the lists the filter gave), data NULL when there is nothing new.  Macros
 * are sent even when the command is suppressed, except for HEADER, EOH and BODY
 * (manager-semantics section 18) and for commands newer than the filter's
 * version.  At most one command may be owed a reply, except that HEADERs may
 * follow each other.  QUIT_NEW_CONNECTION to a filter older than version 6 is
 * out of order: ask mta_wants.
 */
enum mta_sent mta_command(struct mta *mta, enum command command, struct slice payload,
                          struct slice macros);
/*
 * Sends a macro set by itself, filtered by the lists the filter gave, an empty
 * one too, as Postfix does.  Nothing for a stage the filter does not see.
 */
void mta_macros(struct mta *mta, enum command stage, struct slice pairs);
/* True when the filter wants that command. */
bool mta_wants(const struct mta *mta, enum command command);
/* Cuts the open message off; replies still owed become stale. No-op between messages. */
void mta_abort(struct mta *mta);
/* QUIT; nothing may be sent afterwards. */
void mta_quit(struct mta *mta);
/* True while a reply, stale or not, is to come. */
bool mta_owed(const struct mta *mta);

/* Takes the next event off the front of input; slices of *reply point into it. */
enum mta_result mta_next(struct mta *mta, struct slice *input, struct reply *reply,
                         enum command *command, struct error *error);

#endif
