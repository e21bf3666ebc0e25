/*
 * summary - what an operator wants to see of a running session.
 */
#ifndef MILTER_MANAGER_SESSION_SUMMARY_H
#define MILTER_MANAGER_SESSION_SUMMARY_H

#include "milter-manager/session/session.h"

/* Slices and strings are the session's: valid until it goes on. */
struct session_summary {
    unsigned id;      /* the number in log lines */
    const char *peer; /* where the MTA is */
    bool client_known;
    struct slice client_host, client_address; /* of CONNECT, as the MTA sent them */
    bool helo_known;
    struct slice helo;
    struct slice queue_id;   /* macro i; empty: there is none yet */
    double age;              /* s */
    const char *phase;       /* "idle": it waits for the MTA; else the command in progress */
    const char *waiting_for; /* the child that has to answer, or whose condition; NULL: none */
    double waiting;          /* s */
};

void session_summarize(const struct session *session, struct session_summary *summary);

#endif
