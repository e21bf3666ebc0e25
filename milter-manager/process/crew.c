/*
 * crew - the workers of a master, and the channels to them.
 *
 * A fork happens in the middle of the loop: the child takes everything of the
 * crew's out of the loop at once, and then its owner does.
 */
#include "milter-manager/process/crew.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/workers.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/process/channel.h"
#include "milter-manager/process/collection.h"
#include "milter-manager/process/signals.h"
#include "milter-manager/ruby/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const double crew_burial = 0.02; /* s between looks after a worker that has hung up */
static const double crew_look = 1.0;    /* s between looks after all */
static const double crew_grace = 5.0; /* s beyond the time for sessions, for a worker that hangs */
static const double crew_hearing = 5.0; /* s between questions whether workers answer */

struct crew_place {
    struct channel *channel; /* NULL: none */
    int ends[2];             /* between the opening and the fork; -1: none */
    bool silent;             /* it does not answer, which was said */
    bool hung_up;            /* its process has closed the channel and is about to end */
};

struct crew {
    struct loop *loop;
    unsigned count;
    struct workers *workers;
    struct crew_place *places;
    struct collections *collections;
    struct loop_timer *look, *overdue, *listen;
    bool over; /* nothing is said of workers any more: they stop, or this is one */
    const struct crew_owner *callbacks;
    void *owner;
};

/* ---- workers */

static void crew_fill(struct crew *crew);

static void crew_complain(void *owner, const char *sentence)
{
    (void)owner;
    log_error("[master][worker][error] %s", sentence);
}

static void crew_close_ends(struct crew_place *place)
{
    for (int i = 0; i < 2; i++) {
        if (place->ends[i] >= 0) {
            (void)close(place->ends[i]);
            place->ends[i] = -1;
        }
    }
}

static void crew_worker_starts(void *owner, unsigned number)
{
    const struct crew *crew = owner;
    struct crew_place *place = &crew->places[number];
    struct error error = {0};

    place->hung_up = false;
    /* A worker without one works; it cannot be asked, that is all. */
    if (!channel_open(place->ends, &error)) {
        place->ends[0] = place->ends[1] = -1;
        log_error("[master][worker][error] worker %u: %s", number, error.message);
    }
}

static void crew_worker_ended(void *owner, unsigned number, bool begun)
{
    const struct crew *crew = owner;
    struct crew_place *place = &crew->places[number];

    crew_close_ends(place);
    channel_free(place->channel);
    place->channel = NULL;
    place->silent = false;
    metrics_leave(number + 1);
    if (begun && !workers_stopped(crew->workers)) {
        metrics_count_worker_restart();
    }
}

/* Some worker has hung up and is about to end. */
static bool crew_awaits_death(const struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++) {
        if (crew->places[i].hung_up && workers_process(crew->workers, i) != 0) {
            return true;
        }
    }
    return false;
}

static void crew_look_after(void *owner)
{
    struct crew *crew = owner;

    workers_bury(crew->workers);
    if (workers_gone(crew->workers)) {
        crew->callbacks->gone(crew->owner);
        return;
    }
    loop_timer_start(crew->look, crew_awaits_death(crew) ? crew_burial : crew_look);
    crew_fill(crew);
}

static void crew_answered(void *owner, struct channel *channel, unsigned number, json_t *report)
{
    const struct crew *crew = owner;

    (void)channel;
    collections_answer(crew->collections, number, report);
}

/* It is dead in a moment at the latest. */
static void crew_hung_up(void *owner, struct channel *channel)
{
    struct crew *crew = owner;
    struct crew_place *place = &crew->places[channel_worker(channel)];

    channel_free(place->channel);
    place->channel = NULL;
    place->hung_up = true;
    loop_timer_start(crew->look, 0);
}

/* What became of the pairs of sockets, in the master. */
static void crew_connect_channels(struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++) {
        struct crew_place *place = &crew->places[i];

        if (place->ends[0] >= 0) {
            (void)close(place->ends[1]);
            place->channel =
                channel_new(crew->loop, place->ends[0], i, crew_answered, crew_hung_up, crew);
            place->ends[0] = place->ends[1] = -1;
        }
    }
}

/* Takes everything of the crew's out of the loop. */
void crew_free(struct crew *crew)
{
    if (crew == NULL) {
        return;
    }
    crew->over = true;
    loop_timer_free(crew->look);
    loop_timer_free(crew->overdue);
    loop_timer_free(crew->listen);
    for (unsigned i = 0; i < crew->count; i++) {
        channel_free(crew->places[i].channel);
        crew_close_ends(&crew->places[i]);
    }
    collections_free(crew->collections);
    workers_free(crew->workers);
    free(crew->places);
    free(crew);
}

/* In a worker, deep in the loop: from here on nothing of the master's may be called. */
static void crew_become_worker(struct crew *crew, unsigned number)
{
    int channel = crew->places[number].ends[1];

    crew->places[number].ends[1] = -1;
    crew->over = true;
    loop_after_fork(crew->loop);
    crew->callbacks->became_worker(crew->owner, number, channel);
}

static void crew_fill(struct crew *crew)
{
    unsigned number = 0;
    double patience;

    signals_hold(SIG_BLOCK); /* in the child until it handles them */
    if (workers_start(crew->workers, &number)) {
        crew_become_worker(crew, number);
        return;
    }
    signals_hold(SIG_UNBLOCK);
    crew_connect_channels(crew);
    patience = workers_patience(crew->workers);
    if (patience >= 0 && patience < crew_look) {
        loop_timer_start(crew->look, patience);
    }
}

/* ---- the end */

static void crew_overdue(void *owner)
{
    const struct crew *crew = owner;

    log_error("[master][shutdown] workers still there %g seconds after manager.shutdown_timeout "
              "are killed",
              crew_grace);
    workers_signal(crew->workers, SIGKILL);
}

void crew_stop(struct crew *crew, int signal_number, double patience)
{
    if (!workers_stopped(crew->workers)) {
        loop_timer_start(crew->overdue, patience + crew_grace);
    }
    crew->over = true;
    workers_stop(crew->workers, signal_number);
    loop_timer_start(crew->look, 0);
}

bool crew_stopped(const struct crew *crew)
{
    return workers_stopped(crew->workers);
}

bool crew_ended_well(const struct crew *crew, struct error *error)
{
    return workers_ended_well(crew->workers, error);
}

void crew_signal(const struct crew *crew, int signal_number)
{
    workers_signal(crew->workers, signal_number);
}

/* ---- what they know */

static bool crew_ask(void *owner, unsigned i, unsigned number)
{
    const struct crew *crew = owner;
    struct channel *channel = crew->places[i].channel;

    return channel != NULL && channel_ask(channel, number);
}

/* One that is missing, or hangs, is told of as well. */
static json_t *crew_silent(const struct crew *crew, unsigned i)
{
    return json_pack("{s:i, s:I, s:b}", "worker", (int)i, "pid",
                     (json_int_t)workers_process(crew->workers, i), "answered", 0);
}

struct crew_collection {
    const struct crew *crew;
    crew_collected_fn *collected;
    void *owner;
};

static void crew_collected(void *owner, json_t *answers)
{
    struct crew_collection *collection = owner;
    const struct crew *crew = collection->crew;
    json_t *reports = json_array();

    for (unsigned i = 0; i < crew->count; i++) {
        json_t *report = NULL, *answer;
        size_t k;

        json_array_foreach(answers, k, answer)
        {
            if (json_integer_value(json_object_get(answer, "worker")) == (json_int_t)i) {
                report = json_incref(answer);
            }
        }
        (void)json_array_append_new(reports, report != NULL ? report : crew_silent(crew, i));
    }
    json_decref(answers);
    collection->collected(collection->owner, reports);
    free(collection);
}

void crew_collect(struct crew *crew, crew_collected_fn *collected, void *owner)
{
    struct crew_collection *collection = NEW(struct crew_collection);

    *collection = (struct crew_collection){crew, collected, owner};
    collections_begin(crew->collections, crew->count, crew_ask, crew, crew_collected, collection);
}

/* ---- workers that hang */

/* One line when a worker stops answering, and one when it answers again. */
static void crew_note_answers(void *owner, json_t *reports)
{
    struct crew *crew = owner;
    const json_t *report;
    size_t i;

    if (crew->over) {
        json_decref(reports);
        return;
    }
    json_array_foreach(reports, i, report)
    {
        struct crew_place *place = &crew->places[i];
        bool silent = place->channel != NULL && json_is_false(json_object_get(report, "answered"));

        if (silent && !place->silent) {
            log_error("[master][worker][error] worker %zu (process %ld) does not answer: something "
                      "in it waits or computes and lets nothing else happen; the other workers "
                      "go on",
                      i, (long)workers_process(crew->workers, (unsigned)i));
        } else if (!silent && place->silent) {
            log_message("[master][worker] worker %zu answers again", i);
        }
        place->silent = silent;
    }
    json_decref(reports);
}

static void crew_listen(void *owner)
{
    struct crew *crew = owner;

    if (!crew->over) {
        crew_collect(crew, crew_note_answers, crew);
        loop_timer_start(crew->listen, crew_hearing);
    }
}

/* ---- the whole */

struct crew *crew_new(struct loop *loop, unsigned count, const struct crew_owner *callbacks,
                      void *owner)
{
    struct crew *crew = NEW(struct crew);
    const struct workers_options options = {
        .count = count,
        .fork = engine_fork,
        .starting = crew_worker_starts,
        .ended = crew_worker_ended,
        .complain = crew_complain,
        .owner = crew,
    };

    crew->loop = loop;
    crew->count = count;
    crew->callbacks = callbacks;
    crew->owner = owner;
    crew->look = loop_timer_new(loop, crew_look_after, crew);
    crew->overdue = loop_timer_new(loop, crew_overdue, crew);
    crew->listen = loop_timer_new(loop, crew_listen, crew);
    crew->collections = collections_new(loop);
    crew->places = memory_new(count, sizeof(*crew->places));
    for (unsigned i = 0; i < count; i++) {
        crew->places[i].ends[0] = crew->places[i].ends[1] = -1;
    }
    crew->workers = workers_new(&options);
    /* From the loop, as all forks. */
    loop_timer_start(crew->look, 0);
    loop_timer_start(crew->listen, crew_hearing);
    return crew;
}
