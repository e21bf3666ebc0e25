/*
 * measurement - what a load run has seen: latencies, verdicts, failures.
 */
#ifndef MILTER_TEST_SERVER_MEASUREMENT_H
#define MILTER_TEST_SERVER_MEASUREMENT_H

#include "libcore/base/histogram.h"
#include "libcore/base/text_counts.h"
#include "libcore/wire/verdict.h"
#include "milter-test-server/session.h"

/* Rows of the report, in order. */
enum measured {
    MEASURED_NEGOTIATE,
    MEASURED_CONNECT,
    MEASURED_HELO,
    MEASURED_MAIL,
    MEASURED_RCPT,
    MEASURED_DATA,
    MEASURED_UNKNOWN,
    MEASURED_HEADER,
    MEASURED_END_OF_HEADER,
    MEASURED_BODY,
    MEASURED_END_OF_MESSAGE,
    MEASURED_STAGES,
    MEASURED_MESSAGE = MEASURED_STAGES, /* MAIL to the final answer */
    MEASURED_SESSION,                   /* (scheduled) start to the last final answer */
    MEASURED_DELAY,                     /* scheduled start to the real one; rate mode only */
    MEASURED,
};

const char *measured_name(enum measured what);

enum { VERDICTS = VERDICT_DISCARD + 1 };

/* Zero-initialise. */
struct measurement {
    struct histogram histograms[MEASURED];
    uint64_t stage_verdicts[MEASURED_STAGES][VERDICTS]; /* continue is not counted */
    uint64_t statuses[SESSION_STATUSES]; /* of messages, and of connections refused */
    uint64_t started;                    /* sessions */
    uint64_t completed;
    uint64_t failed;
    uint64_t messages; /* that got a final answer */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t begun; /* clock_nanoseconds of the start and of the last thing that happened */
    uint64_t ended;
    struct text_counts failures;
};

void measurement_reply(struct measurement *measurement, enum command command, enum verdict verdict,
                       uint64_t nanoseconds);
/* nanoseconds 0: the answer came before any message. */
void measurement_message(struct measurement *measurement, enum session_status status,
                         uint64_t nanoseconds);
/* due: when the session was to start. */
void measurement_session(struct measurement *measurement, const struct session_result *result,
                         uint64_t due);
/* Seconds from begun to ended. */
double measurement_seconds(const struct measurement *measurement);

#endif
