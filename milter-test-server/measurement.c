/*
 * measurement - what a load run has seen.  Allocates nothing.
 */
#include "milter-test-server/measurement.h"

static const char *const names[MEASURED] = {
    [MEASURED_NEGOTIATE] = "negotiate",
    [MEASURED_CONNECT] = "connect",
    [MEASURED_HELO] = "helo",
    [MEASURED_MAIL] = "envelope-from",
    [MEASURED_RCPT] = "envelope-recipient",
    [MEASURED_DATA] = "data",
    [MEASURED_UNKNOWN] = "unknown",
    [MEASURED_HEADER] = "header",
    [MEASURED_END_OF_HEADER] = "end-of-header",
    [MEASURED_BODY] = "body",
    [MEASURED_END_OF_MESSAGE] = "end-of-message",
    [MEASURED_MESSAGE] = "message",
    [MEASURED_SESSION] = "session",
    [MEASURED_DELAY] = "start-delay",
};

/* Commands without reply have no stage. */
static const enum measured stage_of[COMMANDS] = {
    [COMMAND_NEGOTIATE] = MEASURED_NEGOTIATE,
    [COMMAND_CONNECT] = MEASURED_CONNECT,
    [COMMAND_HELO] = MEASURED_HELO,
    [COMMAND_MAIL] = MEASURED_MAIL,
    [COMMAND_RCPT] = MEASURED_RCPT,
    [COMMAND_DATA] = MEASURED_DATA,
    [COMMAND_UNKNOWN] = MEASURED_UNKNOWN,
    [COMMAND_HEADER] = MEASURED_HEADER,
    [COMMAND_END_OF_HEADER] = MEASURED_END_OF_HEADER,
    [COMMAND_BODY] = MEASURED_BODY,
    [COMMAND_END_OF_MESSAGE] = MEASURED_END_OF_MESSAGE,
};

const char *measured_name(enum measured what)
{
    return names[what];
}

void measurement_reply(struct measurement *measurement, enum command command, enum verdict verdict,
                       uint64_t nanoseconds)
{
    enum measured stage = stage_of[command];

    histogram_record(measurement->histograms + stage, nanoseconds);
    if (verdict != VERDICT_CONTINUE) {
        measurement->stage_verdicts[stage][verdict]++;
    }
}

void measurement_message(struct measurement *measurement, enum session_status status,
                         uint64_t nanoseconds)
{
    measurement->statuses[status]++;
    if (nanoseconds > 0) {
        measurement->messages++;
        histogram_record(measurement->histograms + MEASURED_MESSAGE, nanoseconds);
    }
}

void measurement_session(struct measurement *measurement, const struct session_result *result,
                         uint64_t due)
{
    measurement->bytes_in += result->bytes_read;
    measurement->bytes_out += result->bytes_written;
    if (result->complete) {
        measurement->completed++;
        histogram_record(measurement->histograms + MEASURED_SESSION, result->finished - due);
    } else {
        measurement->failed++;
        (void)text_counts_add(&measurement->failures, result->error.message, 1);
    }
}

double measurement_seconds(const struct measurement *measurement)
{
    return (double)(measurement->ended - measurement->begun) / 1e9;
}
