/*
 * parallel - the same session once or several times at once.
 *
 * The report is that of the first session that ended in order; where sessions
 * differ, and for every one that failed, lines of their own say so.
 */
#include "milter-test-server/parallel.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/limits.h"
#include "milter-test-server/prepared.h"
#include "milter-test-server/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct parallel *parallel;
    struct loop *loop;
    struct slot *slots;
    unsigned left;
};

struct slot {
    struct run *run;
    struct session *session;
    struct buffer statuses; /* one line for each message: "pass", "reject [550]..." */
};

static void flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

static void slot_message_ended(void *owner, const struct session_result *result,
                               uint64_t nanoseconds)
{
    struct slot *slot = owner;

    (void)nanoseconds;
    report_status(&slot->statuses, result);
    buffer_append_byte(&slot->statuses, '\0');
}

static void slot_ended(void *owner, const struct session_result *result)
{
    struct slot *slot = owner;

    (void)result;
    if (--slot->run->left == 0) {
        loop_stop(slot->run->loop);
    }
}

static const struct session_handlers slot_handlers = {
    .ended = slot_ended,
    .message_ended = slot_message_ended,
};

static const struct session_result *slot_result(const struct slot *slot)
{
    return session_outcome(slot->session);
}

/* ---- what went wrong: standard error */

static void complain(const struct run *run)
{
    for (unsigned i = 0; i < run->parallel->sessions; i++) {
        const struct session_result *result = slot_result(run->slots + i);

        if (result->complete) {
            continue;
        }
        if (run->parallel->sessions > 1) {
            fprintf(stderr, "session %u: ", i + 1);
        }
        fprintf(stderr, "%s\n", result->error.message);
    }
}

/* All sessions talk to the same filter: said once. */
static void warn_of_surplus(const struct run *run)
{
    for (unsigned i = 0; i < run->parallel->sessions; i++) {
        const struct negotiation *surplus = &slot_result(run->slots + i)->surplus;

        if (surplus->actions != 0 || surplus->steps != 0) {
            fprintf(stderr,
                    "milter-test-server: the filter took what was not offered, ignored: "
                    "actions 0x%x, steps 0x%x\n",
                    (unsigned)surplus->actions, (unsigned)surplus->steps);
            return;
        }
    }
}

/* ---- the report: standard output */

static bool same_statuses(const struct slot *a, const struct slot *b)
{
    return slice_equal(buffer_slice(&a->statuses), buffer_slice(&b->statuses));
}

/* One line for each message when they differ, or when the filter's answer stands for several. */
static void report_messages(struct buffer *text, const struct run *run, const struct slot *slot)
{
    unsigned wanted = run->parallel->plan->messages_per_session;
    unsigned sent = slot_result(slot)->messages;
    struct slice rest = buffer_slice(&slot->statuses);
    struct slice status, first;
    bool differ = false;

    if (!slice_take_string(&rest, &first)) {
        return;
    }
    for (struct slice others = rest; slice_take_string(&others, &status);) {
        differ = differ || !slice_equal(status, first);
    }
    if (sent < wanted) {
        buffer_append_format(text, "messages: %u of %u, the last answer ended the connection\n",
                             sent, wanted);
    }
    rest = buffer_slice(&slot->statuses);
    for (unsigned i = 1; differ && slice_take_string(&rest, &status); i++) {
        buffer_append_format(text, "message %u status: ", i);
        buffer_append_slice(text, status);
        buffer_append_byte(text, '\n');
    }
}

/* "3 sessions: status: STATUS" for every distinct outcome, when there are several. */
static void report_outcomes(struct buffer *text, const struct run *run)
{
    unsigned sessions = run->parallel->sessions;
    bool *told = memory_new(sessions, sizeof(*told));
    struct buffer lines = {0};
    unsigned kinds = 0;

    for (unsigned i = 0; i < sessions; i++) {
        unsigned count = 0;

        if (told[i] || !slot_result(run->slots + i)->complete) {
            continue;
        }
        for (unsigned j = i; j < sessions; j++) {
            if (slot_result(run->slots + j)->complete &&
                same_statuses(run->slots + i, run->slots + j)) {
                told[j] = true;
                count++;
            }
        }
        kinds++;
        buffer_append_format(&lines, "%u sessions like session %u: status: ", count, i + 1);
        report_status(&lines, slot_result(run->slots + i));
        buffer_append_byte(&lines, '\n');
    }
    if (kinds > 1) {
        buffer_append_slice(text, buffer_slice(&lines));
    }
    buffer_clear(&lines);
    free(told);
}

static const struct slot *first_complete(const struct run *run)
{
    for (unsigned i = 0; i < run->parallel->sessions; i++) {
        if (slot_result(run->slots + i)->complete) {
            return run->slots + i;
        }
    }
    return NULL;
}

static bool write_out(const struct buffer *text)
{
    size_t length = buffer_length(text);

    if (fwrite(text->data + text->start, 1, length, stdout) < length || fflush(stdout) != 0) {
        fprintf(stderr, "milter-test-server: failed to write the report: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static bool print_report(const struct run *run)
{
    const struct parallel *parallel = run->parallel;
    const struct slot *slot = first_complete(run);
    const struct session_plan *plan = parallel->plan;
    struct buffer text = {0};
    bool written;

    if (slot == NULL) {
        return false;
    }
    report_result(&text, slot_result(slot));
    report_messages(&text, run, slot);
    report_outcomes(&text, run);
    if (parallel->output_message) {
        report_message(&text, plan->messages[0].message, &slot_result(slot)->message,
                       parallel->colour);
    }
    written = write_out(&text);
    buffer_clear(&text);
    return written;
}

/* ---- running */

static void start_all(struct run *run)
{
    unsigned sessions = run->parallel->sessions;

    run->left = sessions;
    run->slots = memory_new(sessions, sizeof(*run->slots));
    for (unsigned i = 0; i < sessions; i++) {
        struct slot *slot = run->slots + i;

        slot->run = run;
        slot->session = session_new(run->loop, run->parallel->plan, &slot_handlers, slot);
        session_start(slot->session, 0);
    }
}

static bool all_complete(const struct run *run)
{
    for (unsigned i = 0; i < run->parallel->sessions; i++) {
        if (!slot_result(run->slots + i)->complete) {
            return false;
        }
    }
    return true;
}

bool parallel_run(const struct parallel *parallel)
{
    struct run run = {.parallel = parallel};
    struct error error = {0};
    bool ok;

    if (!limits_raise(parallel->sessions, &error)) {
        fprintf(stderr, "milter-test-server: %s\n", error.message);
        return false;
    }
    run.loop = loop_new();
    loop_before_sleep(run.loop, flush_log, NULL);
    start_all(&run);
    loop_run(run.loop);
    log_flush();
    warn_of_surplus(&run);
    complain(&run);
    ok = print_report(&run) && all_complete(&run);
    for (unsigned i = 0; i < parallel->sessions; i++) {
        session_free(run.slots[i].session);
        buffer_clear(&run.slots[i].statuses);
    }
    free(run.slots);
    loop_free(run.loop);
    return ok;
}
