/*
 * player - plays the MTA's part of a session file.
 *
 * Walks through the steps.  Steps that send are done at once; then the player
 * waits: for the answers of the block of expectations that follows, for the
 * reply that is owed before the next command, for time to pass.  Owns the
 * stream, the machine, the timer and the playback.
 */
#include "milter-test-server/player.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "milter-test-server/failure.h"
#include "milter-test-server/speaker.h"

#include <stdio.h>
#include <stdlib.h>

static const double leaving_seconds = 2; /* for the last packets */
static const double no_time = 1e-6;      /* a timer of 0 would wait for ever */

enum player_wait {
    WAIT_CONNECTION,
    WAIT_ANSWERS, /* of the block */
    WAIT_SILENCE, /* an expected nothing */
    WAIT_CLOSE,   /* an expected close */
    WAIT_PAUSE,
    WAIT_NOTHING, /* the player is at work */
    WAIT_OVER,
};

struct player {
    struct loop *loop;
    const struct session_file *file;
    const struct player_options *options;
    player_ended_fn *ended;
    void *owner;
    struct stream *stream; /* NULL: closed */
    struct loop_timer *timer;
    struct loop_task ending;
    struct speaker speaker;
    struct buffer input;
    struct playback playback;
    struct error error;
    struct error gone; /* why the filter's end was closed */
    enum player_wait wait;
    size_t next;          /* step */
    double reply_timeout; /* in force */
    bool timeout_said;    /* by the file: holds for the end of the message, too */
    double started, seconds;

    /* The block of expectations: [block, next) have been looked at, it ends at block_end. */
    bool in_block;
    size_t block, block_end;
    bool block_owed;

    bool close_seen; /* the playback has the filter's end */
};

const struct playback *player_playback(const struct player *player)
{
    return &player->playback;
}

const struct error *player_error(const struct player *player)
{
    return &player->error;
}

double player_seconds(const struct player *player)
{
    return player->seconds;
}

/* ---- the end */

static void player_end(void *owner)
{
    struct player *player = owner;

    player->ended(player->owner, player);
}

static void player_finish(struct player *player)
{
    if (player->wait == WAIT_OVER) {
        return;
    }
    player->wait = WAIT_OVER;
    player->seconds = clock_seconds() - player->started;
    loop_timer_stop(player->timer);
    if (player->stream != NULL && player->gone.code == ERROR_NONE) {
        speaker_leave(&player->speaker);
        stream_free_after_flush(player->stream, leaving_seconds);
    } else {
        stream_free(player->stream);
    }
    player->stream = NULL;
    loop_task_post(player->loop, &player->ending);
}

/* Ends the play before the file ends; the sentence gets the stage and the bytes seen. */
static void player_fail(struct player *player, enum error_code code, const char *sentence)
{
    const struct failure failure = {
        .code = code,
        .peer = player->options->spec,
        .stage = speaker_stage(&player->speaker),
        .bytes_read = player->stream != NULL ? stream_bytes_read(player->stream) : 0,
        .bytes_written = player->stream != NULL ? stream_bytes_written(player->stream) : 0,
    };
    struct error described = {0};
    size_t left = 0;

    for (size_t i = player->next; i < player->file->count; i++) {
        left += player->file->steps[i].kind != SESSION_STEP_TEXT ? 1 : 0;
    }
    failure_describe(&described, &failure, sentence);
    error_set(&player->error, code, "%s; steps not played: %zu", described.message, left);
    player_finish(player);
}

/* ---- the block of expectations */

static const struct session_step *player_step(const struct player *player, size_t index)
{
    return index < player->file->count ? &player->file->steps[index] : NULL;
}

static bool is_expectation(const struct session_step *step)
{
    return step != NULL &&
           (step->kind == SESSION_STEP_EXPECT || step->kind == SESSION_STEP_EXPECT_CLOSE ||
            step->kind == SESSION_STEP_EXPECT_NOTHING);
}

/* Behind the last expectation; comments between two of them are of the block. */
static size_t player_find_block_end(const struct player *player)
{
    size_t end = player->next;

    for (size_t i = end; is_expectation(player_step(player, i));) {
        end = ++i;
        while (player_step(player, i) != NULL &&
               player_step(player, i)->kind == SESSION_STEP_TEXT) {
            i++;
        }
    }
    return end;
}

static void player_open_block(struct player *player)
{
    if (player->in_block) {
        return;
    }
    player->in_block = true;
    player->block = player->next;
    player->block_end = player_find_block_end(player);
    player->block_owed = speaker_listens(&player->speaker) || player->playback.answer_count > 0;
}

/* The next step is another packet of the same body: what is expected stands behind the last. */
static bool player_body_goes_on(const struct player *player)
{
    const struct session_step *step = player_step(player, player->block_end);

    return player->block == player->block_end && step != NULL && step->kind == SESSION_STEP_SEND &&
           step->text.length == 0;
}

static void player_close_block(struct player *player)
{
    playback_compare(&player->playback, player->file->steps + player->block,
                     player->block_end - player->block, player->block_owed);
    player->in_block = false;
    player->next = player->block_end;
    if (!speaker_awaits(&player->speaker)) {
        player->speaker.unasked = false;
    }
}

/* ---- answers */

/* The filter cannot be talked to any more. */
static void player_broken(struct player *player, const struct error *error)
{
    char sentence[sizeof(error->message) + SOCKET_ADDRESS_TEXT];

    (void)snprintf(sentence, sizeof(sentence), "%s breaks the protocol: %s", player->options->spec,
                   error->message);
    playback_add_note(&player->playback, sentence);
    player_close_block(player);
    player_fail(player, ERROR_PROTOCOL, sentence);
}

/* Takes one answer out of the input; false: there is no whole one. */
static bool player_take_answer(struct player *player)
{
    struct slice whole = buffer_slice(&player->input), rest = whole;
    enum speaker_heard heard = SPEAKER_ANSWER;
    struct error error = {0};
    struct packet packet;

    switch (packet_next(&rest, &packet, &error)) {
    case PACKET_PARTIAL:
        return false;
    case PACKET_INVALID:
        playback_add_bytes(&player->playback, whole);
        heard = player->speaker.unasked && !speaker_owed(&player->speaker) ? SPEAKER_ANSWER
                                                                           : SPEAKER_WRONG;
        rest = slice_of("", 0);
        break;
    case PACKET_READY:
        whole.length -= rest.length;
        heard = speaker_hear(&player->speaker, &packet, whole, &error);
        if (heard != SPEAKER_STALE) {
            playback_add_packet(&player->playback, &packet);
        }
        break;
    }
    buffer_consume(&player->input, buffer_length(&player->input) - rest.length);
    if (heard == SPEAKER_WRONG) {
        player_broken(player, &error);
    }
    return true;
}

static bool player_gone(const struct player *player)
{
    return player->gone.code != ERROR_NONE;
}

static void player_note_close(struct player *player)
{
    if (buffer_length(&player->input) > 0) {
        playback_add_bytes(&player->playback, buffer_slice(&player->input));
        buffer_reset(&player->input);
    }
    if (!player->close_seen) {
        playback_add_close(&player->playback);
    }
    player->close_seen = true;
}

/* The filter's end is closed while something is waited for. */
static void player_lost(struct player *player)
{
    char sentence[sizeof(player->gone.message)];

    player_note_close(player);
    (void)snprintf(sentence, sizeof(sentence), "%s", player->gone.message);
    player_close_block(player);
    player_fail(player, player->gone.code, sentence);
}

static double player_answer_seconds(const struct player *player)
{
    return speaker_at_end(&player->speaker) && !player->timeout_said
               ? player->options->end_of_message_timeout
               : player->reply_timeout;
}

static void player_wait_for(struct player *player, enum player_wait wait, double seconds)
{
    player->wait = wait;
    if (seconds > 0) {
        loop_timer_start(player->timer, seconds);
    } else {
        loop_timer_stop(player->timer);
    }
    if (!player_gone(player)) {
        stream_flush(player->stream);
    }
}

/* One more packet; false: it has to be waited for, or the play is over. */
static bool player_collect_packet(struct player *player)
{
    if (player_take_answer(player)) {
        if (player->wait != WAIT_OVER) {
            player->wait = WAIT_NOTHING; /* the next one has its own time */
        }
        return player->wait != WAIT_OVER;
    }
    if (player_gone(player)) {
        player_lost(player);
        return false;
    }
    if (player->wait != WAIT_ANSWERS) { /* half an answer does not start the time again */
        player_wait_for(player, WAIT_ANSWERS, player_answer_seconds(player));
    }
    return false;
}

/* A filter that goes away is not silent; whatever else is waited for will say so itself. */
static bool player_silence_ends_in_close(const struct player *player)
{
    return player_gone(player) && buffer_length(&player->input) == 0 &&
           !speaker_awaits(&player->speaker) &&
           !is_expectation(player_step(player, player->next + 1));
}

static bool player_collect_nothing(struct player *player, const struct session_step *step)
{
    if (player->wait != WAIT_SILENCE) {
        player_wait_for(player, WAIT_SILENCE, step->seconds > 0 ? step->seconds : no_time);
        return false;
    }
    if (loop_timer_active(player->timer) && buffer_length(&player->input) == 0 &&
        !player_gone(player)) {
        return false;
    }
    loop_timer_stop(player->timer);
    player->wait = WAIT_NOTHING;
    if (buffer_length(&player->input) == 0 && !player_gone(player)) {
        playback_add_nothing(&player->playback, step);
    }
    if (player_silence_ends_in_close(player)) {
        playback_add_close(&player->playback);
    }
    return true;
}

static bool player_collect_close(struct player *player)
{
    if (player_take_answer(player)) {
        return player->wait != WAIT_OVER && player_collect_close(player);
    }
    if (!player_gone(player)) {
        player_wait_for(player, WAIT_CLOSE, player->reply_timeout);
        return false;
    }
    player_note_close(player);
    speaker_forget_owed(&player->speaker);
    return true;
}

/* What nobody owes: until what is expected so far has come, or something else ends a reply. */
static bool player_collect_unasked(struct player *player)
{
    while (!playback_satisfied(&player->playback, player->file->steps + player->block,
                               player->next + 1 - player->block)) {
        if (!player_collect_packet(player)) {
            return false;
        }
        if (playback_reply_ended(&player->playback)) {
            break;
        }
    }
    return true;
}

/* One expectation of the block; false: it waits. */
static bool player_collect_step(struct player *player, const struct session_step *step)
{
    if (step->kind == SESSION_STEP_EXPECT_NOTHING) {
        return player_collect_nothing(player, step);
    }
    if (step->kind == SESSION_STEP_EXPECT_CLOSE) {
        return player_collect_close(player);
    }
    if (step->kind == SESSION_STEP_TEXT) {
        return true;
    }
    if (speaker_awaits(&player->speaker)) {
        return player_collect_packet(player);
    }
    if (!player->speaker.unasked) {
        return true; /* nothing has to come: not waited for */
    }
    if (step->optional) { /* it need not come: only what is there is taken */
        return !player_take_answer(player) || player->wait != WAIT_OVER;
    }
    return player_collect_unasked(player);
}

/* Collects the answers of the block; true when it is complete. */
static bool player_collect(struct player *player)
{
    player_open_block(player);
    while (player->next < player->block_end) {
        if (!player_collect_step(player, &player->file->steps[player->next])) {
            return false;
        }
        player->next++;
    }
    while (speaker_owed(&player->speaker) && !player->close_seen) {
        if (!player_collect_packet(player)) {
            return false;
        }
    }
    if (player_body_goes_on(player)) {
        player->in_block = false;
    } else {
        player_close_block(player);
    }
    return true;
}

/* What nobody asked for and has come all the same. */
static void player_collect_surplus(struct player *player)
{
    while (player->wait != WAIT_OVER && !speaker_awaits(&player->speaker) &&
           !player->speaker.unasked && buffer_length(&player->input) > 0) {
        player_open_block(player);
        if (!player_take_answer(player)) {
            player->in_block = false;
            return;
        }
        if (player->in_block) { /* progress: it belongs here, not to the next command */
            player_close_block(player);
        }
    }
}

/* ---- sending */

static bool player_say(struct player *player, const struct session_step *step)
{
    struct error error = {0};

    if (speaker_say(&player->speaker, step, &error)) {
        return true;
    }
    player_fail(player, error.code, error.message);
    return false;
}

static void player_hang_up(struct player *player)
{
    error_set(&player->gone, ERROR_CLOSED, "the connection to %s was closed by this side",
              player->options->spec);
    stream_free_after_flush(player->stream, leaving_seconds);
    player->stream = NULL;
}

/* ---- the walk */

/* True when the time of the step has not come yet. */
static bool player_early(struct player *player, const struct session_step *step)
{
    double wait = player->started + step->time - clock_seconds();

    if (!player->options->keep_times || step->time < 0 || wait <= 0.0005 || is_expectation(step)) {
        return false;
    }
    player_wait_for(player, WAIT_PAUSE, wait);
    return true;
}

/* Whether the reply to the last command has to be there before this step. */
static bool player_settles_first(const struct player *player, const struct session_step *step)
{
    if (!speaker_owed(&player->speaker) || player->close_seen) {
        return false;
    }
    if (step == NULL || step->kind == SESSION_STEP_SEND || step->kind == SESSION_STEP_CLOSE ||
        step->kind == SESSION_STEP_PAUSE) {
        return true;
    }
    return player->speaker.lock_step &&
           (step->kind == SESSION_STEP_SEND_ANYWAY || step->kind == SESSION_STEP_SEND_BYTES);
}

static bool sends(const struct session_step *step)
{
    return step->kind == SESSION_STEP_SEND || step->kind == SESSION_STEP_SEND_ANYWAY ||
           step->kind == SESSION_STEP_SEND_BYTES || step->kind == SESSION_STEP_CLOSE;
}

/* One step that is no expectation; false: it waits, or the play is over. */
static bool player_do(struct player *player, const struct session_step *step)
{
    if (player_gone(player) && sends(step) && step->kind != SESSION_STEP_CLOSE &&
        (!player->speaker.left || step->command == COMMAND_CONNECT)) {
        player_open_block(player);
        player->block_end = player->block;
        player_lost(player);
        return false;
    }
    if (player_early(player, step)) {
        return false;
    }
    playback_add_text(&player->playback, step->text);
    player->next++;
    if (player_gone(player) && sends(step)) {
        return true; /* an MTA would say nothing either */
    }
    switch (step->kind) {
    case SESSION_STEP_SEND:
        return player_say(player, step);
    case SESSION_STEP_SEND_ANYWAY:
    case SESSION_STEP_SEND_BYTES:
        speaker_say_anyway(&player->speaker, step);
        break;
    case SESSION_STEP_CLOSE:
        player_hang_up(player);
        break;
    case SESSION_STEP_TIMEOUT:
        player->reply_timeout = step->seconds;
        player->timeout_said = true;
        break;
    case SESSION_STEP_PAUSE:
        player_wait_for(player, WAIT_PAUSE, step->seconds > 0 ? step->seconds : no_time);
        return false;
    default:
        break;
    }
    return true;
}

/* The file is played: half an answer, or a filter that went before the MTA did, is a difference. */
static void player_check_rest(struct player *player)
{
    struct error error = {0};

    if (player->stream == NULL || player->speaker.left ||
        player->speaker.mta.position == POSITION_CLOSED) {
        return;
    }
    if (player_gone(player) && !player->close_seen) {
        player_open_block(player);
        player_lost(player);
    } else if (buffer_length(&player->input) > 0) {
        error_set(&error, ERROR_PROTOCOL, "%zu bytes nobody asked for",
                  buffer_length(&player->input));
        player_open_block(player);
        playback_add_bytes(&player->playback, buffer_slice(&player->input));
        player_broken(player, &error);
    }
}

static void player_walk(struct player *player)
{
    while (player->wait != WAIT_OVER) {
        const struct session_step *step = player_step(player, player->next);

        if (player->in_block || is_expectation(step) || player_settles_first(player, step)) {
            if (!player_collect(player)) {
                return;
            }
            player->wait = WAIT_NOTHING;
            continue;
        }
        player_collect_surplus(player);
        if (player->wait == WAIT_OVER) {
            return;
        }
        if (step == NULL) {
            player_check_rest(player);
            player_finish(player);
            return;
        }
        if (!player_do(player, step)) {
            return;
        }
    }
}

/* ---- events of the stream and the timer */

static void player_connected(void *owner)
{
    struct player *player = owner;

    speaker_init(&player->speaker, stream_output(player->stream));
    player->started = clock_seconds();
    loop_timer_stop(player->timer);
    player->wait = WAIT_NOTHING;
    player_walk(player);
}

static size_t player_received(void *owner, struct slice input)
{
    struct player *player = owner;

    buffer_append_slice(&player->input, input);
    if (player->wait == WAIT_ANSWERS || player->wait == WAIT_SILENCE ||
        player->wait == WAIT_CLOSE) {
        player_walk(player);
    }
    return input.length;
}

static void player_failed(void *owner, const struct error *error)
{
    struct player *player = owner;

    if (player->wait == WAIT_CONNECTION) {
        failure_to_connect(&player->error, player->options->spec,
                           player->options->connection_timeout, error);
        player->gone = *error;
        player_finish(player);
        return;
    }
    player->gone = *error;
    if (player->wait == WAIT_ANSWERS || player->wait == WAIT_SILENCE ||
        player->wait == WAIT_CLOSE) {
        player_walk(player);
    }
}

static void player_timed_out(void *owner)
{
    struct player *player = owner;
    char sentence[512];

    if (player->wait == WAIT_SILENCE || player->wait == WAIT_PAUSE) {
        if (player->wait == WAIT_PAUSE) {
            player->wait = WAIT_NOTHING;
        }
        player_walk(player);
        return;
    }
    (void)snprintf(sentence, sizeof(sentence),
                   player->wait == WAIT_CLOSE ? "%s did not close the connection within %g seconds"
                                              : "no answer from %s for %g seconds",
                   player->options->spec,
                   player->wait == WAIT_CLOSE ? player->reply_timeout
                                              : player_answer_seconds(player));
    if (buffer_length(&player->input) > 0) {
        playback_add_bytes(&player->playback, buffer_slice(&player->input));
    }
    playback_add_note(&player->playback, sentence);
    player_close_block(player);
    player_fail(player, ERROR_TIMEOUT, sentence);
}

static const struct stream_handlers player_handlers = {
    .connected = player_connected,
    .received = player_received,
    .failed = player_failed,
};

struct player *player_new(struct loop *loop, const struct session_file *file,
                          const struct player_options *options, player_ended_fn *ended, void *owner)
{
    struct player *player = NEW(struct player);

    player->loop = loop;
    player->file = file;
    player->options = options;
    player->ended = ended;
    player->owner = owner;
    player->reply_timeout = options->reply_timeout;
    player->started = clock_seconds();
    player->ending = (struct loop_task){.callback = player_end, .owner = player};
    player->timer = loop_timer_new(loop, player_timed_out, player);
    player->stream = stream_connect(loop, &options->address, options->connection_timeout,
                                    &player_handlers, player);
    stream_set_writing_timeout(player->stream, options->writing_timeout);
    return player;
}

void player_free(struct player *player)
{
    loop_task_cancel(&player->ending);
    loop_timer_free(player->timer);
    stream_free(player->stream);
    speaker_clear(&player->speaker);
    buffer_clear(&player->input);
    playback_clear(&player->playback);
    free(player);
}
