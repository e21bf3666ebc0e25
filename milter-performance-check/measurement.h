/*
 * measurement - what a run has seen: latencies, answers, failures, over time.
 *
 * Fixed memory without pointers: each worker writes its own, in memory it shares
 * with the one that reports; {0} but for measurement_begin.  Nanoseconds are those of
 * clock_nanoseconds.
 */
#ifndef MILTER_PERFORMANCE_CHECK_MEASUREMENT_H
#define MILTER_PERFORMANCE_CHECK_MEASUREMENT_H

#include "libcore/base/histogram.h"
#include "libcore/base/text_counts.h"
#include "libcore/smtp/client.h"
#include "milter-performance-check/timeline.h"

/* Rows of the report, in order: the phases of a session, then: */
enum measured {
    /* (scheduled) start to the server's last word on it; so without errors */
    MEASURED_MAIL = SMTP_PHASES,
    MEASURED_SESSION, /* connect to the answer to QUIT */
    MEASURED_DELAY,   /* scheduled start to the real one; open loop only */
    MEASURED,
};

const char *measured_name(enum measured what);

enum { INTERVAL_SLOTS = 64, REPLY_CLASSES = 6 };

struct measurement {
    uint64_t begun;   /* where measuring begins: behind the warm-up */
    uint64_t ended;   /* the last thing that happened */
    uint64_t started; /* mails; of them, ended: */
    uint64_t mails[OUTCOMES];
    uint64_t warm_up_mails; /* ended, but not measured; in nothing else */
    uint64_t recipients_accepted, recipients_refused;
    uint64_t connections; /* that have ended; and those of them that failed before any mail: */
    uint64_t connections_failed;
    uint64_t content_bytes;                       /* of mails that were sent */
    uint64_t bytes_in, bytes_out;                 /* on the wire */
    uint64_t replies[SMTP_PHASES][REPLY_CLASSES]; /* by first digit */
    struct histogram histograms[MEASURED];
    struct text_counts texts[OUTCOMES]; /* refusals and errors; OUTCOME_SENT is not used */
    struct text_counts tls;             /* versions and ciphers of connections */
    struct timeline timeline;
    /* For the periodic table: slot (time since begun / interval) modulo INTERVAL_SLOTS. */
    uint64_t interval; /* nanoseconds; 0: not wanted */
    struct measured_interval {
        uint64_t number; /* which interval the slot holds now */
        struct measured_slot slot;
    } intervals[INTERVAL_SLOTS];
};

/* begun: may be in the future (warm-up). interval: of the periodic table, 0: none. */
void measurement_begin(struct measurement *measurement, uint64_t begun, uint64_t interval);

/*
 * An answer came now.  Its time counts for its phase, but not at STARTTLS: the time of TLS is
 * that of measurement_tls, from the command to the end of the handshake.
 */
void measurement_reply(struct measurement *measurement, enum smtp_phase phase, unsigned code,
                       uint64_t elapsed, uint64_t now);
/* What has no answer of its own ended now: a session. */
void measurement_phase(struct measurement *measurement, enum measured what, uint64_t elapsed,
                       uint64_t now);

/* TLS has begun on a connection, of that version and cipher. */
void measurement_tls(struct measurement *measurement, const char *description, uint64_t elapsed,
                     uint64_t now);
/* A connection has ended; used: it got as far as a mail. */
void measurement_connection(struct measurement *measurement, bool used, uint64_t now);
/* Bytes read and written on the wire. */
void measurement_traffic(struct measurement *measurement, uint64_t in, uint64_t out, uint64_t now);

struct mail_result {
    uint64_t due;     /* when it was to start: scheduled, or as soon as there was room for it */
    uint64_t started; /* when it did */
    uint64_t ended;
    enum outcome outcome;
    size_t accepted, refused; /* recipients */
    size_t file;              /* MAILS_NO_FILE */
    uint64_t size;            /* bytes of content */
    bool scheduled;           /* open loop: the delay counts */
    const char *text;         /* the refusal or error on one line; NULL for a mail sent */
};

/* Those due before `begun' count as warm-up. */
void measurement_mail(struct measurement *measurement, const struct mail_result *result);
/* Adds what other holds; other is unchanged. */
void measurement_merge(struct measurement *measurement, const struct measurement *other);
uint64_t measurement_mails_ended(const struct measurement *measurement);
/* Seconds from begun to ended. */
double measurement_seconds(const struct measurement *measurement);

#endif
