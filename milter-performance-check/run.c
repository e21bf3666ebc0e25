/*
 * run - all of a run.
 *
 * One worker works in this process; more are forked, and this process watches them.
 * What they find is in shared memory, written by one and read by the other.
 */
#include "milter-performance-check/run.h"

#include "libcore/base/clock.h"
#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "libcore/net/gnuplot.h"
#include "libcore/net/process.h"
#include "milter-performance-check/load.h"
#include "milter-performance-check/report.h"
#include "milter-performance-check/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char interrupted[] = "interrupted";

/* What a worker leaves behind besides its measurement. */
struct verdict {
    bool well;        /* it came to its end */
    char stopped[80]; /* why before its time; empty: it did not */
};

struct run {
    struct plan *plan;
    struct mails *mails;
    size_t file_count;
    struct measurement *measurements; /* one for each worker, shared, as the next three */
    struct file_record *files;        /* file_count for each worker */
    struct verdict *verdicts;
    struct ramp_step *steps;
    unsigned *step_count;
    struct statistics *statistics;
    uint64_t start;    /* clock_nanoseconds */
    double wall_clock; /* seconds since 1970 where measuring begins */
    struct loop *loop;
    struct watch *watch;
    struct load *load; /* in a worker */
    pid_t *processes;  /* of workers; 0: gone */
    unsigned processes_left;
    bool failed;
};

static void say(const char *sentence)
{
    fprintf(stderr, "milter-performance-check: %s\n", sentence);
}

/* ---- a worker */

static void run_complain(void *owner, const char *sentence)
{
    struct run *run = owner;

    watch_clear_line(run->watch);
    say(sentence);
}

static void run_over(void *owner)
{
    struct run *run = owner;

    loop_stop(run->loop);
}

static void on_interrupt(void *owner, int signal_number)
{
    struct run *run = owner;

    (void)signal_number;
    load_stop(run->load, interrupted);
}

static void note_stop(struct verdict *verdict, const struct load *load)
{
    if (load_stopped(load) != NULL) {
        (void)snprintf(verdict->stopped, sizeof(verdict->stopped), "%s", load_stopped(load));
    }
}

/* Sends all mails of one worker. */
static bool run_work(struct run *run, unsigned worker, struct error *error)
{
    const struct load_options options = {
        .loop = run->loop,
        .plan = run->plan,
        .mails = run->mails,
        .worker = worker,
        .start = run->start,
        .measurement = run->measurements + worker,
        .files = run->files + worker * run->file_count,
        .statistics = run->statistics,
        .steps = run->plan->ramps ? run->steps : NULL,
        .step_count = run->step_count,
        .complain = run_complain,
        .over = run_over,
        .owner = run,
    };
    struct loop_signal *signals[2];

    /* First of all: an interrupt that comes early is one that ends with a report, too. */
    signals[0] = loop_signal_new(run->loop, SIGINT, on_interrupt, run);
    signals[1] = loop_signal_new(run->loop, SIGTERM, on_interrupt, run);
    run->load = load_new(&options, error);
    if (run->load != NULL) {
        loop_run(run->loop);
    }
    loop_signal_free(signals[0]);
    loop_signal_free(signals[1]);
    if (run->load == NULL) {
        return false;
    }
    note_stop(run->verdicts + worker, run->load);
    load_free(run->load);
    run->load = NULL;
    if (run->statistics != NULL && !statistics_flush(run->statistics, worker, error)) {
        return false;
    }
    run->verdicts[worker].well = true;
    return true;
}

static void run_watch(struct run *run)
{
    run->watch = watch_new(run->loop, run->plan, run->measurements, run->plan->workers);
}

static bool run_alone(struct run *run, struct error *error)
{
    bool well;

    run->loop = loop_new();
    run_watch(run);
    well = run_work(run, 0, error);
    watch_free(run->watch);
    loop_free(run->loop);
    return well;
}

/* ---- several workers */

static void worker_main(struct run *run, unsigned worker) __attribute__((noreturn));
static void worker_main(struct run *run, unsigned worker)
{
    struct error error = {0};
    bool well;

    run->watch = NULL;
    run->loop = loop_new();
    well = run_work(run, worker, &error);
    if (!well) {
        say(error.message);
    }
    loop_free(run->loop);
    (void)fflush(stderr);
    _exit(well ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void on_death(void *owner, int signal_number)
{
    struct run *run = owner;

    (void)signal_number;
    for (unsigned i = 0; i < run->plan->workers; i++) {
        int status;

        if (run->processes[i] <= 0 || waitpid(run->processes[i], &status, WNOHANG) <= 0) {
            continue;
        }
        if (WIFSIGNALED(status)) {
            watch_clear_line(run->watch);
            fprintf(stderr, "milter-performance-check: worker %u was killed by signal %d (%s)\n",
                    i + 1, WTERMSIG(status), strsignal(WTERMSIG(status)));
        }
        run->processes[i] = 0;
        run->processes_left--;
    }
    if (run->processes_left == 0) {
        loop_stop(run->loop);
    }
}

static void on_passed_signal(void *owner, int signal_number)
{
    struct run *run = owner;

    for (unsigned i = 0; i < run->plan->workers; i++) {
        if (run->processes[i] > 0) {
            (void)kill(run->processes[i], signal_number);
        }
    }
}

/*
 * They stay in our process group: a terminal that suspends us or is gone means them as well.
 * Its interrupt they get twice, which is no more than once.
 */
static bool run_fork(struct run *run, struct error *error)
{
    pid_t parent = getpid();

    run->processes = memory_new(run->plan->workers, sizeof(*run->processes));
    for (unsigned i = 0; i < run->plan->workers; i++) {
        pid_t process = fork();

        if (process == 0) {
            process_follow_parent(parent); /* else nobody could end its flood */
            worker_main(run, i);
        }
        if (process < 0) {
            error_set_errno(error, "cannot start worker %u of %u", i + 1, run->plan->workers);
            on_passed_signal(run, SIGTERM);
            return false;
        }
        run->processes[i] = process;
        run->processes_left++;
    }
    return true;
}

static bool run_together(struct run *run, struct error *error)
{
    struct loop_signal *signals[3];
    bool forked = run_fork(run, error);

    run->loop = loop_new();
    run_watch(run);
    signals[0] = loop_signal_new(run->loop, SIGCHLD, on_death, run);
    signals[1] = loop_signal_new(run->loop, SIGINT, on_passed_signal, run);
    signals[2] = loop_signal_new(run->loop, SIGTERM, on_passed_signal, run);
    if (run->processes_left > 0) {
        on_death(run, SIGCHLD); /* those that died before anybody listened */
        loop_run(run->loop);
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        loop_signal_free(signals[i]);
    }
    watch_free(run->watch);
    loop_free(run->loop);
    free(run->processes);
    for (unsigned i = 0; forked && i < run->plan->workers; i++) {
        if (!run->verdicts[i].well) {
            error_set(error, ERROR_SYSTEM, "worker %u did not come to its end", i + 1);
            return false;
        }
    }
    return forked;
}

/* ---- the report */

/* What all workers have found goes to the first. */
static void run_merge(struct run *run)
{
    for (unsigned i = 1; i < run->plan->workers; i++) {
        measurement_merge(run->measurements, run->measurements + i);
        file_records_merge(run->files, run->files + i * run->file_count, run->file_count);
    }
}

static const char *run_stopped(const struct run *run)
{
    for (unsigned i = 0; i < run->plan->workers; i++) {
        if (run->verdicts[i].stopped[0] != '\0') {
            return run->verdicts[i].stopped;
        }
    }
    return NULL;
}

static bool write_out(FILE *file, const struct buffer *text, struct error *error)
{
    struct slice bytes = buffer_slice(text);

    if (fwrite(bytes.data, 1, bytes.length, file) != bytes.length || fflush(file) != 0) {
        error_set_errno(error, "failed to write the report");
        return false;
    }
    return true;
}

static bool append_report(struct buffer *output, enum report_format format,
                          const struct report *report, struct error *error)
{
    switch (format) {
    case REPORT_TEXT:
        report_append_text(output, report);
        return true;
    case REPORT_JSON:
        report_append_json(output, report);
        return true;
    case REPORT_CSV:
        report_append_csv(output, report);
        return true;
    case REPORT_HTML:
        return report_append_html(output, report, error);
    case REPORT_FORMATS:
        break;
    }
    return false;
}

/* As any file a user makes. */
static unsigned usual_mode(void)
{
    mode_t mask = umask(0);

    (void)umask(mask);
    return 0666 & ~(unsigned)mask;
}

static bool run_print(const struct report *report, const struct report_wanted *wanted,
                      struct error *error)
{
    struct buffer text = {0};
    bool written = append_report(&text, wanted->format, report, error);

    if (written) {
        written = wanted->path == NULL
                      ? write_out(stdout, &text, error)
                      : file_write(wanted->path, usual_mode(), buffer_slice(&text), error);
    }
    buffer_clear(&text);
    return written;
}

/* The summary makes room on standard output for what a program is to read. */
static FILE *summary_file(const struct plan *plan)
{
    for (size_t i = 0; i < plan->report_count; i++) {
        if (plan->reports[i].path == NULL && plan->reports[i].format != REPORT_TEXT) {
            return stderr;
        }
    }
    return stdout;
}

static bool run_report(struct run *run, const struct report *report)
{
    const struct plan *plan = run->plan;
    struct buffer summary = {0};
    struct error error = {0};
    bool written;

    report_append_summary(&summary, report);
    written = write_out(summary_file(plan), &summary, &error);
    buffer_clear(&summary);
    for (size_t i = 0; i < plan->report_count; i++) {
        struct error trouble = {0};

        if (!run_print(report, plan->reports + i, &trouble)) {
            say(trouble.message);
            run->failed = true;
        }
    }
    if (!written) {
        say(error.message);
    }
    return written;
}

static enum run_status run_conclude(struct run *run)
{
    struct buffer wanting = {0};
    struct error error = {0};
    enum run_status status = RUN_WELL;
    struct report report;

    run_merge(run);
    report = (struct report){
        .plan = run->plan,
        .measurement = run->measurements,
        .mails = run->mails,
        .files = run->files,
        .steps = run->steps,
        .step_count = run->step_count != NULL ? *run->step_count : 0,
        .stopped = run_stopped(run),
        .wall_clock = run->wall_clock,
    };
    if (report.stopped != NULL) {
        fprintf(stderr, "milter-performance-check: stopped before its time: %s\n", report.stopped);
    }
    if (!run_report(run, &report)) {
        run->failed = true;
    }
    if (run->statistics != NULL && !statistics_write(run->statistics, &error)) {
        say(error.message);
        run->failed = true;
    }
    if (report_append_verdict(&wanting, &report)) {
        (void)fwrite(buffer_slice(&wanting).data, 1, buffer_length(&wanting), stderr);
        status = RUN_FOUND_WANTING;
    }
    buffer_clear(&wanting);
    return run->failed ? RUN_IMPOSSIBLE : status;
}

/* ---- all of it */

/* Better now than when the run is over. */
static bool can_draw(const struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->report_count; i++) {
        if (plan->reports[i].format == REPORT_HTML) {
            struct buffer nothing = {0};
            bool draws = gnuplot_run(slice_of("", 0), &nothing, error);

            buffer_clear(&nothing);
            return draws;
        }
    }
    return true;
}

static bool run_prepare(struct run *run, struct error *error)
{
    struct plan *plan = run->plan;

    if (!can_draw(plan, error)) {
        return false;
    }
    /* Not only when the work of hours is done. */
    for (size_t i = 0; i < plan->report_count; i++) {
        if (plan->reports[i].path != NULL && !file_may_write(plan->reports[i].path, error)) {
            return false;
        }
    }
    run->mails = mails_new(&plan->mails, error);
    if (run->mails == NULL) {
        return false;
    }
    if (mails_warning(run->mails) != NULL) {
        say(mails_warning(run->mails));
    }
    if (plan->statistics_path != NULL) {
        run->statistics = statistics_new(plan->statistics_path, plan->workers, error);
        if (run->statistics == NULL) {
            return false;
        }
    }
    run->file_count = mails_file_count(run->mails);
    run->measurements = memory_new_shared(plan->workers * sizeof(*run->measurements));
    run->files = memory_new_shared(plan->workers * (run->file_count + 1) * sizeof(*run->files));
    run->verdicts = memory_new_shared(plan->workers * sizeof(*run->verdicts));
    if (plan->ramps) {
        run->steps = memory_new_shared(ramp_step_count(&plan->ramp) * sizeof(*run->steps));
        run->step_count = memory_new_shared(sizeof(*run->step_count));
    }
    return true;
}

static void run_begin(struct run *run)
{
    const struct plan *plan = run->plan;
    uint64_t begun;
    struct timespec now;

    run->start = clock_nanoseconds();
    begun = run->start + (uint64_t)(plan->warm_up * 1e9);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    run->wall_clock = (double)now.tv_sec + (double)now.tv_nsec * 1e-9 + plan->warm_up;
    for (unsigned i = 0; i < plan->workers; i++) {
        measurement_begin(run->measurements + i, begun, (uint64_t)(plan->report_interval * 1e9));
    }
}

static bool run_sent(const struct run *run)
{
    for (unsigned i = 0; i < run->plan->workers; i++) {
        if (run->measurements[i].started > 0) {
            return true;
        }
    }
    return false;
}

enum run_status run(struct plan *plan)
{
    struct run run = {.plan = plan};
    struct error error = {0};
    enum run_status status = RUN_IMPOSSIBLE;

    if (run_prepare(&run, &error)) {
        plan_complete(plan, mails_count(run.mails));
        run_begin(&run);
        if (!(plan->workers > 1 ? run_together(&run, &error) : run_alone(&run, &error))) {
            run.failed = true;
        }
        if (error.code != ERROR_NONE) {
            say(error.message);
        }
        /* What has sent nothing has nothing to report. */
        status = run.failed && !run_sent(&run) ? RUN_IMPOSSIBLE : run_conclude(&run);
    } else {
        say(error.message);
    }
    statistics_free(run.statistics);
    mails_free(run.mails);
    return status;
}
