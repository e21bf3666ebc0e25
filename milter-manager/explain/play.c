/*
 * play - plays a scenario.  Owns the session, its MTA and its children; stands
 * where front.c stands in the daemon, and never opens a socket or writes a file.
 */
#include "milter-manager/explain/play.h"

#include "libcore/base/memory.h"

#include <stdlib.h>

/* ---- what the session needs ---- */

static double play_now(struct session *session)
{
    const struct play *play = session->owner;

    return loop_now(play->loop);
}

static void play_connect_child(struct session_child *child)
{
    const struct play *play = child->session->owner;
    struct account_child *account = account_child_of(play->account, child);
    struct virtual_child *virtual = &play->children[account - play->account->children];

    account->used = true;
    child->link = virtual;
    virtual_child_connect(virtual, child);
}

static void play_flush_child(struct session_child *child)
{
    virtual_child_flush(child->link);
}

static void play_disconnect_child(struct session_child *child, bool graceful)
{
    (void)graceful; /* nobody would read the QUIT */
    virtual_child_disconnect(child->link);
    child->link = NULL;
}

/* A virtual child answers at once or fails. */
static void play_expect_child(struct session_child *child, double seconds)
{
    (void)child;
    (void)seconds;
}

static void play_post_turn(struct session *session)
{
    struct play *play = session->owner;

    loop_task_post(play->loop, &play->turn);
}

/* The virtual MTA has all the time in the world. */
static void play_schedule_keep_alive(struct session *session, double seconds)
{
    (void)session;
    (void)seconds;
}

static void play_finished(struct session *session)
{
    struct play *play = session->owner;

    loop_task_post(play->loop, &play->ending);
}

/* Nothing is written: that it would be is all that is wanted. */
static void play_save_record(struct session *session, struct slice text)
{
    struct play *play = session->owner;

    (void)text;
    play->account->recorded = true;
}

static void play_explained(const struct explanation *explanation)
{
    const struct play *play = explanation->child->session->owner;

    account_take_explanation(play->account, explanation);
}

static void play_macro_set(struct session_child *child, enum command stage, struct slice name,
                           struct slice value)
{
    const struct play *play = child->session->owner;

    account_take_macro(play->account, child, stage, name, value);
}

static const struct session_host play_host = {
    .now = play_now,
    .connect_child = play_connect_child,
    .flush_child = play_flush_child,
    .disconnect_child = play_disconnect_child,
    .expect_child = play_expect_child,
    .flush_front = play_post_turn,
    .resume_front = play_post_turn,
    .schedule_keep_alive = play_schedule_keep_alive,
    .finished = play_finished,
    .save_record = play_save_record,
    .explained = play_explained,
    .macro_set = play_macro_set,
};

/* ---- the turns ---- */

static void play_observe(void *owner, const struct condition_remark *remark)
{
    struct play *play = owner;

    account_take_remark(play->account, remark);
}

/* The MTA hears, and says what follows from it. */
static void play_turn(void *owner)
{
    struct play *play = owner;
    size_t consumed;

    if (!virtual_mta_hear(&play->mta, &play->error)) {
        session_front_closed(play->session, NULL);
        return;
    }
    consumed = session_front_received(play->session, buffer_slice(&play->mta.said));
    buffer_consume(&play->mta.said, consumed);
}

static void play_end(void *owner)
{
    struct play *play = owner;

    loop_task_cancel(&play->turn);
    session_free(play->session);
    play->session = play->account->session = NULL;
    condition_observe(NULL, NULL);
    loop_stop(play->loop);
}

bool play_run(struct play *play, struct loop *loop, struct configuration *configuration,
              const struct scenario *scenario, struct account *account, struct error *error)
{
    *play = (struct play){.loop = loop, .account = account};
    play->turn = (struct loop_task){.callback = play_turn, .owner = play};
    play->ending = (struct loop_task){.callback = play_end, .owner = play};
    play->child_count = configuration->child_count;
    play->children = memory_new(play->child_count, sizeof(*play->children));
    for (unsigned i = 0; i < play->child_count; i++) {
        virtual_child_init(&play->children[i], loop, &scenario->assumptions);
    }
    virtual_mta_init(&play->mta, scenario);
    virtual_mta_begin(&play->mta);
    condition_observe(play_observe, play);
    play->session = account->session =
        session_new(configuration, &play_host, play, &play->mta.heard, "the scenario");
    loop_task_post(loop, &play->turn);
    loop_run(loop);
    if (!play->mta.finished) {
        error_set(&play->error, ERROR_PROTOCOL,
                  "the session was closed before the mail was through; the log says why");
    }
    if (play->error.code != ERROR_NONE) {
        error_set(error, play->error.code, "%s", play->error.message);
        return false;
    }
    return true;
}

void play_clear(struct play *play)
{
    for (unsigned i = 0; i < play->child_count; i++) {
        virtual_child_clear(&play->children[i]);
    }
    free(play->children);
    virtual_mta_clear(&play->mta);
}
