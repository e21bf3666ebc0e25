/*
 * measurement - what a run has seen.  Allocates nothing.
 */
#include "milter-performance-check/measurement.h"

#include <string.h>

static const char *const names[MEASURED] = {
    [SMTP_PHASE_CONNECT] = "connect", [SMTP_PHASE_TLS] = "tls",
    [SMTP_PHASE_XCLIENT] = "xclient", [SMTP_PHASE_AUTH] = "auth",
    [SMTP_PHASE_HELO] = "helo",       [SMTP_PHASE_MAIL] = "mail",
    [SMTP_PHASE_RCPT] = "rcpt",       [SMTP_PHASE_DATA] = "data",
    [SMTP_PHASE_CONTENT] = "content", [SMTP_PHASE_RESET] = "reset",
    [SMTP_PHASE_QUIT] = "quit",       [MEASURED_MAIL] = "whole-mail",
    [MEASURED_SESSION] = "session",   [MEASURED_DELAY] = "start-delay",
};

const char *measured_name(enum measured what)
{
    return names[what];
}

void measurement_begin(struct measurement *measurement, uint64_t begun, uint64_t interval)
{
    measurement->begun = begun;
    measurement->ended = begun;
    measurement->interval = interval;
    timeline_begin(&measurement->timeline);
}

/* False before measuring begins. */
static bool happens(struct measurement *measurement, uint64_t now)
{
    if (now < measurement->begun) {
        return false;
    }
    if (now > measurement->ended) {
        measurement->ended = now;
    }
    return true;
}

void measurement_reply(struct measurement *measurement, enum smtp_phase phase, unsigned code,
                       uint64_t elapsed, uint64_t now)
{
    if (!happens(measurement, now)) {
        return;
    }
    if (code / 100 < REPLY_CLASSES) {
        measurement->replies[phase][code / 100]++;
    }
    if (phase != SMTP_PHASE_TLS) {
        histogram_record(measurement->histograms + phase, elapsed);
    }
}

void measurement_phase(struct measurement *measurement, enum measured what, uint64_t elapsed,
                       uint64_t now)
{
    if (happens(measurement, now)) {
        histogram_record(measurement->histograms + what, elapsed);
    }
}

void measurement_tls(struct measurement *measurement, const char *description, uint64_t elapsed,
                     uint64_t now)
{
    if (happens(measurement, now)) {
        histogram_record(measurement->histograms + SMTP_PHASE_TLS, elapsed);
        (void)text_counts_add(&measurement->tls, description, 1);
    }
}

void measurement_connection(struct measurement *measurement, bool used, uint64_t now)
{
    if (happens(measurement, now)) {
        measurement->connections++;
        measurement->connections_failed += used ? 0 : 1;
    }
}

void measurement_traffic(struct measurement *measurement, uint64_t in, uint64_t out, uint64_t now)
{
    if (now >= measurement->begun) {
        measurement->bytes_in += in;
        measurement->bytes_out += out;
    }
}

static void note_interval(struct measurement *measurement, const struct mail_result *result,
                          uint64_t elapsed)
{
    uint64_t number;
    struct measured_interval *slot;

    if (measurement->interval == 0) {
        return;
    }
    number = (result->ended - measurement->begun) / measurement->interval;
    slot = measurement->intervals + number % INTERVAL_SLOTS;
    if (slot->number != number) {
        memset(&slot->slot, 0, sizeof(slot->slot));
        slot->number = number;
    }
    measured_slot_add(&slot->slot, result->outcome, elapsed);
}

static uint64_t later(uint64_t end, uint64_t begin)
{
    return end > begin ? end - begin : 0;
}

static void note_times(struct measurement *measurement, const struct mail_result *result)
{
    uint64_t elapsed = later(result->ended, result->due);

    if (result->outcome != OUTCOME_ERROR) {
        histogram_record(measurement->histograms + MEASURED_MAIL, elapsed);
    }
    if (result->scheduled) {
        histogram_record(measurement->histograms + MEASURED_DELAY,
                         later(result->started, result->due));
    }
    timeline_add(&measurement->timeline, result->ended - measurement->begun, result->outcome,
                 elapsed);
    note_interval(measurement, result, elapsed);
}

void measurement_mail(struct measurement *measurement, const struct mail_result *result)
{
    if (result->due < measurement->begun || !happens(measurement, result->ended)) {
        measurement->warm_up_mails++;
        return;
    }
    measurement->mails[result->outcome]++;
    measurement->recipients_accepted += result->accepted;
    measurement->recipients_refused += result->refused;
    note_times(measurement, result);
    if (result->outcome == OUTCOME_SENT) {
        measurement->content_bytes += result->size;
    } else if (result->text != NULL) {
        (void)text_counts_add(measurement->texts + result->outcome, result->text, 1);
    }
}

static void merge_counts(struct measurement *measurement, const struct measurement *other)
{
    measurement->started += other->started;
    measurement->warm_up_mails += other->warm_up_mails;
    measurement->recipients_accepted += other->recipients_accepted;
    measurement->recipients_refused += other->recipients_refused;
    measurement->connections += other->connections;
    measurement->connections_failed += other->connections_failed;
    measurement->content_bytes += other->content_bytes;
    measurement->bytes_in += other->bytes_in;
    measurement->bytes_out += other->bytes_out;
    for (size_t i = 0; i < OUTCOMES; i++) {
        measurement->mails[i] += other->mails[i];
        text_counts_merge(measurement->texts + i, other->texts + i);
    }
    text_counts_merge(&measurement->tls, &other->tls);
    for (size_t i = 0; i < SMTP_PHASES; i++) {
        for (size_t j = 0; j < REPLY_CLASSES; j++) {
            measurement->replies[i][j] += other->replies[i][j];
        }
    }
}

static void merge_intervals(struct measurement *measurement, const struct measurement *other)
{
    if (measurement->interval == 0) {
        measurement->interval = other->interval;
    }
    for (size_t i = 0; i < INTERVAL_SLOTS; i++) {
        struct measured_interval *slot = measurement->intervals + i;
        const struct measured_interval *from = other->intervals + i;
        uint64_t number = from->number;

        if (number > slot->number) {
            *slot = *from;
        } else if (number == slot->number) {
            measured_slot_merge(&slot->slot, &from->slot);
        }
    }
}

void measurement_merge(struct measurement *measurement, const struct measurement *other)
{
    if (measurement->begun == 0 || other->begun < measurement->begun) {
        measurement->begun = other->begun;
    }
    if (other->ended > measurement->ended) {
        measurement->ended = other->ended;
    }
    merge_counts(measurement, other);
    for (size_t i = 0; i < MEASURED; i++) {
        histogram_merge(measurement->histograms + i, other->histograms + i);
    }
    timeline_merge(&measurement->timeline, &other->timeline);
    merge_intervals(measurement, other);
}

uint64_t measurement_mails_ended(const struct measurement *measurement)
{
    uint64_t mails = 0;

    for (size_t i = 0; i < OUTCOMES; i++) {
        mails += measurement->mails[i];
    }
    return mails;
}

double measurement_seconds(const struct measurement *measurement)
{
    return (double)later(measurement->ended, measurement->begun) / 1e9;
}
