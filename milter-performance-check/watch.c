/*
 * watch - what is said while a run goes on.
 *
 * The table and the line may be on one terminal: the line is cleared before a row is written,
 * and drawn again behind it.
 */
#include "milter-performance-check/watch.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double line_interval = 0.5; /* seconds */
static const char clear_line[] = "\r\033[K";

struct watch {
    const struct plan *plan;
    const struct measurement *measurements;
    size_t count;
    uint64_t begun;

    struct loop_timer *table_timer; /* NULL: no table is wanted */
    uint64_t interval;              /* nanoseconds */
    uint64_t row;                   /* the interval to be written next */
    uint64_t grace;                 /* nanoseconds that workers have to note the last mails of it */
    int64_t offset;                 /* from clock_nanoseconds to the time of day */

    struct loop_timer *line_timer; /* NULL: standard error is no terminal */
    bool line_shown;
    uint64_t shown; /* when the line was drawn before, and mails by then */
    uint64_t mails;
    struct histogram histogram;
};

static uint64_t later(uint64_t end, uint64_t begin)
{
    return end > begin ? end - begin : 0;
}

/* ---- the line */

void watch_clear_line(struct watch *watch)
{
    if (watch->line_shown) {
        fputs(clear_line, stderr);
        (void)fflush(stderr);
        watch->line_shown = false;
    }
}

struct progress {
    uint64_t ended, failed, warm_up;
    double p99; /* seconds */
};

static struct progress progress_of(struct watch *watch)
{
    struct progress progress = {0};

    memset(&watch->histogram, 0, sizeof(watch->histogram));
    for (size_t i = 0; i < watch->count; i++) {
        const struct measurement *measurement = watch->measurements + i;
        uint64_t ended = measurement_mails_ended(measurement);
        uint64_t sent = measurement->mails[OUTCOME_SENT];

        progress.ended += ended;
        progress.failed += later(ended, sent);
        progress.warm_up += measurement->warm_up_mails;
        histogram_merge(&watch->histogram, measurement->histograms + MEASURED_MAIL);
    }
    progress.p99 = (double)histogram_percentile(&watch->histogram, 99) / 1e9;
    return progress;
}

/* Seconds that the run is planned to take from where measuring begins; 0: no end. */
static double planned_seconds(const struct plan *plan)
{
    return plan->ramps ? ramp_step_count(&plan->ramp) * plan->ramp.step_seconds : plan->duration;
}

/* Seconds, negative when nobody knows. */
static double seconds_left(const struct watch *watch, const struct progress *progress,
                           double passed, double rate)
{
    double planned = planned_seconds(watch->plan);
    double limit = (double)watch->plan->mail_limit * (double)watch->count;
    double left = planned > 0 ? planned - passed : -1;

    if (limit > 0 && rate > 0) {
        double by_mails = (limit - (double)progress->ended) / rate;

        left = planned <= 0 || by_mails < left ? by_mails : left;
    }
    return left < 0 && (planned > 0 || limit > 0) && rate > 0 ? 0 : left;
}

static void append_time(struct buffer *line, double seconds)
{
    unsigned long whole = (unsigned long)(seconds + 0.5);

    if (whole >= 3600) {
        buffer_append_format(line, "%lu h %02lu min", whole / 3600, whole / 60 % 60);
    } else if (whole >= 60) {
        buffer_append_format(line, "%lu min %02lu s", whole / 60, whole % 60);
    } else {
        buffer_append_format(line, "%lu s", whole);
    }
}

static void append_progress(struct buffer *line, const struct watch *watch,
                            const struct progress *progress, double passed, double rate)
{
    uint64_t limit = watch->plan->mail_limit * watch->count;
    double planned = planned_seconds(watch->plan);
    double left = seconds_left(watch, progress, passed, rate);

    buffer_append_format(line, "%" PRIu64, progress->ended);
    if (limit > 0) {
        buffer_append_format(line, " of %" PRIu64 " mails (%.0f%%)", limit,
                             100 * (double)progress->ended / (double)limit);
    } else {
        buffer_append_string(line, " mails in ");
        append_time(line, passed);
        if (planned > 0) {
            buffer_append_format(line, " (%.0f%%)",
                                 passed < planned ? 100 * passed / planned : 100);
        }
    }
    buffer_append_format(line, ", %.0f/s", rate);
    if (left >= 0) {
        buffer_append_string(line, ", ");
        append_time(line, left);
        buffer_append_string(line, " left");
    }
    buffer_append_format(line, ", %" PRIu64 " failed, p99 %.1f ms", progress->failed,
                         progress->p99 * 1e3);
}

/* A line that wraps could not be cleared. */
static int columns(void)
{
    struct winsize size = {0};

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static void draw_line(struct watch *watch, uint64_t now)
{
    struct progress progress = progress_of(watch);
    uint64_t mails = progress.ended + progress.warm_up;
    double since = (double)later(now, watch->shown) / 1e9;
    double rate = since > 0 ? (double)later(mails, watch->mails) / since : 0;
    struct buffer line = {0};

    if (now < watch->begun) {
        buffer_append_string(&line, "warm-up: ");
        append_time(&line, (double)(watch->begun - now) / 1e9);
        buffer_append_format(&line, " left, %" PRIu64 " mails, %.0f/s", progress.warm_up, rate);
    } else {
        append_progress(&line, watch, &progress, (double)(now - watch->begun) / 1e9, rate);
    }
    fprintf(stderr, "%s%.*s", clear_line,
            (int)buffer_length(&line) < columns() ? (int)buffer_length(&line) : columns(),
            buffer_slice(&line).data);
    (void)fflush(stderr);
    buffer_clear(&line);
    watch->line_shown = true;
    watch->shown = now;
    watch->mails = mails;
}

static void line_due(void *owner)
{
    struct watch *watch = owner;

    draw_line(watch, clock_nanoseconds());
    loop_timer_start(watch->line_timer, line_interval);
}

/* ---- the table */

static void write_header(void)
{
    printf("%8s %5s %7s %6s %6s %6s %5s %5s %5s\n", "Time", "Sent", "mails/s", "Max(s)", "Min(s)",
           "Avg(s)", "4XX", "5XX", "Error");
    (void)fflush(stdout);
}

static struct measured_slot slot_of(const struct watch *watch, uint64_t number)
{
    struct measured_slot slot = {0};

    for (size_t i = 0; i < watch->count; i++) {
        const struct measured_interval *interval =
            watch->measurements[i].intervals + number % INTERVAL_SLOTS;

        if (interval->number == number) {
            measured_slot_merge(&slot, &interval->slot);
        }
    }
    return slot;
}

/* The row says when its interval has ended; seconds: what has passed of it. */
static void write_row(const struct watch *watch, const struct measured_slot *slot, uint64_t ended,
                      double seconds)
{
    time_t moment = (time_t)(((int64_t)ended + watch->offset) / 1000000000);
    char text[16] = "";
    struct tm local;

    if (localtime_r(&moment, &local) != NULL) {
        (void)strftime(text, sizeof(text), "%H:%M:%S", &local);
    }
    printf("%8s %5" PRIu64 " %7.2f %6.3f %6.3f %6.3f %5" PRIu64 " %5" PRIu64 " %5" PRIu64 "\n",
           text, slot->mails[OUTCOME_SENT],
           seconds > 0 ? (double)measured_slot_mails(slot) / seconds : 0,
           (double)slot->maximum / 1e9, (double)slot->minimum / 1e9, measured_slot_mean(slot),
           slot->mails[OUTCOME_TEMPORARY_FAILURE], slot->mails[OUTCOME_REJECT],
           slot->mails[OUTCOME_ERROR]);
    (void)fflush(stdout);
}

static uint64_t row_end(const struct watch *watch)
{
    return watch->begun + (watch->row + 1) * watch->interval;
}

/* Every interval that is over, also when nothing happened in it. */
static void write_rows(struct watch *watch, uint64_t now)
{
    bool shown = watch->line_shown;

    while (row_end(watch) + watch->grace <= now) {
        struct measured_slot slot = slot_of(watch, watch->row);

        watch_clear_line(watch);
        write_row(watch, &slot, row_end(watch), (double)watch->interval / 1e9);
        watch->row++;
    }
    if (shown && !watch->line_shown) {
        draw_line(watch, now);
    }
}

static void table_due(void *owner)
{
    struct watch *watch = owner;
    uint64_t now = clock_nanoseconds();

    write_rows(watch, now);
    loop_timer_start(watch->table_timer, (double)later(row_end(watch) + watch->grace, now) / 1e9);
}

static void begin_table(struct watch *watch, struct loop *loop)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    watch->offset = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - (int64_t)clock_nanoseconds();
    watch->interval = (uint64_t)(watch->plan->report_interval * 1e9);
    watch->interval = watch->interval > 0 ? watch->interval : 1;
    watch->grace = watch->interval / 4 < 50000000 ? watch->interval / 4 : 50000000;
    if (watch->plan->warm_up > 0) {
        printf("Warm-up of %g seconds, which is not measured\n", watch->plan->warm_up);
    }
    write_header();
    watch->table_timer = loop_timer_new(loop, table_due, watch);
    loop_timer_start(watch->table_timer,
                     (double)later(row_end(watch) + watch->grace, clock_nanoseconds()) / 1e9);
}

/* What has happened since the last row, and the mails that were noted late. */
static void end_table(struct watch *watch)
{
    uint64_t now = clock_nanoseconds();
    struct measured_slot slot;

    watch->grace = 0;
    write_rows(watch, now);
    slot = slot_of(watch, watch->row);
    if (watch->row == 0 || measured_slot_mails(&slot) > 0) {
        watch_clear_line(watch);
        write_row(watch, &slot, now,
                  (double)later(now, watch->begun + watch->row * watch->interval) / 1e9);
    }
    printf("\n");
    (void)fflush(stdout);
    loop_timer_free(watch->table_timer);
}

struct watch *watch_new(struct loop *loop, const struct plan *plan,
                        const struct measurement *measurements, size_t count)
{
    struct watch *watch = NEW(struct watch);

    watch->plan = plan;
    watch->measurements = measurements;
    watch->count = count;
    watch->begun = count > 0 ? measurements[0].begun : clock_nanoseconds();
    if (plan->report_interval > 0) {
        begin_table(watch, loop);
    }
    if (isatty(STDERR_FILENO) != 0) {
        watch->shown = clock_nanoseconds();
        watch->line_timer = loop_timer_new(loop, line_due, watch);
        loop_timer_start(watch->line_timer, line_interval);
    }
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL) {
        return;
    }
    watch_clear_line(watch);
    if (watch->table_timer != NULL) {
        end_table(watch);
    }
    watch_clear_line(watch);
    loop_timer_free(watch->line_timer);
    free(watch);
}
