/*
 * session - one MTA session over N child milters, without I/O.
 *
 * The session is one filter machine towards the MTA and one mta machine per
 * child, with the rules of manager-semantics between them:
 *
 *   negotiate.c  options of all children become one answer
 *   envelope.c   C H M R T U: fan out, collect, decide
 *   content.c    L N B E: one child after the other, each sees what the last left
 *   edits.c      what children ask for at end of message, held until it is final
 *   verdict.c    the tables: strength, and what a verdict does to whom
 *   child.c      one child: state, failure, fallback, time
 *   context.c    what conditions may see
 *   connection_check.c  ends the session when its SMTP client has gone
 *   record.c     what was said, as a file, unless a condition is against it
 *   explanation.c  why a child saw a mail or did not
 *   summary.c    what an operator wants to see of a running session
 *
 * It never sees a descriptor: struct session_host carries bytes and time.
 */
#ifndef MILTER_MANAGER_SESSION_SESSION_H
#define MILTER_MANAGER_SESSION_SESSION_H

#include "libcore/base/arena.h"
#include "libcore/mail/body_spool.h"
#include "libcore/mail/edit.h"
#include "libcore/mail/header_list.h"
#include "libcore/session/filter.h"
#include "libcore/session/mta.h"
#include "milter-manager/config/configuration.h"
#include "milter-manager/session/condition.h"

struct session;
struct session_child;
struct session_record;
struct explanation;
struct tally_child;

/* What a session needs from outside; nothing here may call back synchronously. */
struct session_host {
    /* Monotonic seconds. */
    double (*now)(struct session *session);
    /* Starts connecting; then session_child_connected or session_child_failed. */
    void (*connect_child)(struct session_child *child);
    /* Sends what stands in the child's output. */
    void (*flush_child)(struct session_child *child);
    /* Sends what stands in the output, if graceful, and closes; no event comes any more. */
    void (*disconnect_child)(struct session_child *child, bool graceful);
    /* session_child_timed_out after that many seconds; 0 stops waiting. */
    void (*expect_child)(struct session_child *child, double seconds);
    void (*flush_front)(struct session *session);
    /* Calls session_front_received again with what was not consumed. */
    void (*resume_front)(struct session *session);
    /* session_keep_alive after that many seconds; 0 stops. */
    void (*schedule_keep_alive)(struct session *session, double seconds);
    /* The session is over: flush and close the front, then session_free from a clean stack. */
    void (*finished)(struct session *session);
    /* Monotonic seconds for the times in records; NULL: they have none. */
    recorder_clock_fn *clock;
    /* Keeps the text of a session file; it is the session's. */
    void (*save_record)(struct session *session, struct slice text);
    /* The operator has switched the child off: new sessions go without it.  NULL: nobody can. */
    bool (*switched_off)(const char *child);
    /* A decision about a child (explanation.h); NULL: the log is enough. */
    void (*explained)(const struct explanation *explanation);
    /* A condition has set a macro of the child; NULL: nobody wants to know. */
    void (*macro_set)(struct session_child *child, enum command stage, struct slice name,
                      struct slice value);
};

enum child_state {
    CHILD_CONNECTING,
    CHILD_NEGOTIATING,
    CHILD_READY,
    CHILD_OUT, /* quitted or expired: takes part in nothing more */
};

/* How far a child has been fed with the message. */
enum content_phase {
    CONTENT_HEADERS,
    CONTENT_END_OF_HEADER,
    CONTENT_BODY,
    CONTENT_END,
    CONTENT_DONE
};

struct session_child {
    struct session *session;
    const struct configuration_child *configuration;
    struct mta mta;
    void *link; /* the host's */
    enum child_state state;
    bool failed;       /* out by failure, not by decision */
    bool fallback_due; /* failed while nothing was asked: counts at the next command */
    uint32_t stoppers; /* bit per condition_stage that some condition wants */
    uint64_t context;  /* handle for conditions, CONTEXT_NONE until one is needed */
    unsigned tag;      /* in statistics lines */

    struct tally_child *tally; /* where it is counted */

    struct macro_store overlay; /* macros set by conditions */
    uint32_t macros_due;        /* bit per stage: a new set is to be sent */

    /* The open message. */
    bool in_message;
    unsigned accepted_recipients, refused_recipients;

    /* The command in progress. */
    bool target;                             /* it concerns this child */
    enum condition_stage asked;              /* the stage its conditions were asked about last */
    const struct condition_stopper *stopper; /* which of them said true, NULL: none */
    bool awaiting;                           /* its reply is to come */
    enum verdict answer;                     /* VERDICT_NONE: not yet */
    struct slice answer_text;                /* of a reply code, in the command arena */
    struct condition_ticket *ticket;         /* a question is pending */

    /* For conditions and statistics. */
    enum verdict status;
    bool status_stopped, status_aborted;
    enum command last_command;
    double busy_since, busy_time; /* seconds; while a reply or an answer of conditions is due */
    bool ended;                   /* the statistics line is written */
};

struct session_message {
    bool open;          /* from MAIL to the final reply */
    bool data_done;     /* DATA, real or emulated, has run */
    bool content;       /* the first of L N B E has come */
    bool header_done;   /* the MTA is past the header */
    bool end_seen;      /* E has come */
    bool owed;          /* the MTA waits for the reply to a content command */
    struct arena arena; /* dropped as a whole */
    /* Kept for the stoppers of the whole envelope when there are any. */
    struct slice sender, *recipients; /* those the MTA was not refused */
    unsigned recipient_count, recipient_room;
    struct header_list headers;
    size_t header_bytes;
    struct body_spool body;
    bool body_replaced;
    bool for_sendmail;        /* the MTA numbers headers as Sendmail does */
    struct edit_list edits;   /* final ones, in upstream form and order */
    bool continued, accepted; /* some child answered E so */

    /* The child being fed. */
    unsigned current; /* index; child_count: nobody is left */
    enum content_phase phase;
    size_t next_header;
    struct body_reader reader;
    bool reader_open;
    bool skip_body;
    bool asked;                   /* the stoppers let the next item pass */
    struct edit_list child_edits; /* of the current child, not final yet */
    size_t child_edit_bytes;
    struct body_spool child_body;
    bool child_body_replaced, child_body_open;
    bool child_body_failed; /* it could not be stored: the child cannot be obeyed */

    /* The answer to E when the body is too large for one write. */
    bool answering;
    struct body_reader answer_reader;
};

struct shelf_entry {
    struct slice key, value;
    struct shelf_entry *next;
};

enum session_activity {
    SESSION_IDLE,        /* waits for the MTA */
    SESSION_NEGOTIATING, /* children are being connected */
    SESSION_ENVELOPE,    /* a concurrent command is with the children */
    SESSION_CONTENT,     /* a content command is with the current child */
    SESSION_OVER,
};

enum { SESSION_QUEUE_ID = 64 }; /* longer ones are not kept beyond their message */

/* Where somebody is, in the words of CONNECT; only kept for connection checkers. */
struct session_address {
    char family; /* NUL: not known */
    uint16_t port;
    struct buffer address;
};

struct session {
    const struct session_host *host;
    void *owner; /* the host's */
    struct configuration *configuration;
    struct filter front;
    struct session_record *record; /* NULL: not recorded */
    unsigned tag;
    double started; /* host's now */
    const char *peer;
    struct buffer connect, helo; /* payloads of these commands, to tell who the client is */
    struct session_address client, server; /* the server's is set by the host */
    uint64_t context;                      /* handle for connection checkers */
    struct condition_ticket *check;        /* they have not answered yet */

    struct session_child *children;
    unsigned child_count;

    enum session_activity activity;
    enum command command;          /* the one in progress or the last */
    struct buffer command_payload; /* its payload, kept while it is in progress */
    enum command waiting_command;  /* a content command waiting for the emulated DATA */
    struct buffer waiting_payload; /* or a CONNECT waiting for new children */
    bool waiting;
    struct arena command_arena;
    unsigned questions; /* conditions not answered yet */
    unsigned awaited;   /* replies not in yet */
    bool front_held;    /* unconsumed input is waiting for a reply */

    struct session_message message;
    struct arena shelf_arena;
    struct shelf_entry *shelf;
    struct buffer scratch;

    enum command last_command; /* for statistics */
    bool last_replied;
    enum verdict status;
    bool status_aborted, status_quarantined;
    bool ended;                           /* the statistics line is written */
    bool connected;                       /* CONNECT has come */
    bool finished;                        /* the host has been told */
    char last_queue_id[SESSION_QUEUE_ID]; /* of the message that is over, or empty */
};

/* output: the buffer of the front, the host's.  peer is for messages and must outlive it. */
struct session *session_new(struct configuration *configuration, const struct session_host *host,
                            void *owner, struct buffer *output, const char *peer);
/* Children still connected are disconnected. */
void session_free(struct session *session);

/* The MTA's bytes; returns how many were consumed. */
size_t session_front_received(struct session *session, struct slice input);
/* The MTA went away, or must be sent away: reason for the log, NULL for an orderly end. */
void session_front_closed(struct session *session, const char *reason);
/* The front's output has been written. */
void session_front_drained(struct session *session);
void session_keep_alive(struct session *session);

/* output: the buffer of the child's link, the host's, valid until disconnect_child. */
void session_child_connected(struct session_child *child, struct buffer *output);
size_t session_child_received(struct session_child *child, struct slice input);
/* Connection refused, closed, I/O error, connection or writing time-out. */
void session_child_failed(struct session_child *child, const struct error *error);
void session_child_timed_out(struct session_child *child);
void session_child_drained(struct session_child *child);

/* Between messages and not within a command: may be closed without loss. */
bool session_is_idle(const struct session *session);
/* Longest a half packet from the MTA may stay incomplete, s (manager-semantics section 18). */
double session_packet_timeout(const struct session *session);
/* Macro i of the message in progress, or of the session's last one; empty: not known. */
struct slice session_queue_id(const struct session *session);

/* ---- inside session/ only ---- */

/* The MTA is kept waiting by PROGRESS that often while it waits for E, s. */
enum { SESSION_KEEP_ALIVE = 10 };

/* Ends an entry from outside: sends what is queued, tells the host when it is over. */
void session_settle(struct session *session);
/* Gives the reply owed to the MTA and makes room for the next command. */
void session_reply(struct session *session, const struct reply *reply);
void session_reply_verdict(struct session *session, enum verdict verdict, struct slice text);
/* The text a child's reply carries to the MTA: a shutdown becomes a 421. */
struct slice session_text_of(const struct reply *reply);
/* What to say when no child is left for the command (manager-semantics sections 17 row 4, 18). */
enum verdict session_nobody_verdict(const struct session *session);
void session_close(struct session *session);
/* ABORT to the children still in the message; everything message-scoped goes. */
void session_message_reset(struct session *session);
/* The new children of a second CONNECT are ready: the command that waited runs. */
void session_resume_waiting(struct session *session);

#endif
