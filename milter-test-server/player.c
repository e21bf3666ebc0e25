/*
 * player - plays the MTA's part of a session file.
 *
 * Walks through the steps.  Steps that send are done at once; then the player
 * waits: for the answers of the block of expectations that follows, for the
 * reply that is owed before the next command, for time to pass.  Owns the
 * stream, the machine, the timer and the playback.
 */
#include "milter-test-server/player.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "libcore/session/mta.h"
#include "milter-test-server/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
    struct mta mta;
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

    bool unasked;    /* something was sent anyway since the last block: answers may come */
    bool lock_step;  /* the last command was an MTA's: its answer comes before anything else */
    bool close_seen; /* the playback has the filter's end */
    bool left;       /* the filter is out of the whole SMTP session */
    bool skipped;    /* it wants no more body */
};

static double player_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

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
    player->seconds = player_clock() - player->started;
    loop_timer_stop(player->timer);
    if (player->stream != NULL && player->gone.code == ERROR_NONE) {
        if (player->mta.position != POSITION_START && player->mta.position != POSITION_CLOSED) {
            mta_abort(&player->mta);
            mta_quit(&player->mta);
        }
        stream_free_after_flush(player->stream, leaving_seconds);
    } else {
        stream_free(player->stream);
    }
    player->stream = NULL;
    loop_task_post(player->loop, &player->ending);
}

static const char *player_stage(const struct player *player)
{
    return mta_owed(&player->mta) ? command_info[player->mta.owed].name
                                  : position_name(player->mta.position);
}

/* Ends the play before the file ends; the sentence gets the stage and the bytes seen. */
static void player_fail(struct player *player, enum error_code code, const char *sentence)
{
    size_t left = 0;

    for (size_t i = player->next; i < player->file->count; i++) {
        left += player->file->steps[i].kind != SESSION_STEP_TEXT ? 1 : 0;
    }
    if (player->stream != NULL) {
        error_set(&player->error, code,
                  "%s (%s: %zu bytes read, %zu bytes written; steps not played: %zu)", sentence,
                  player_stage(player), stream_bytes_read(player->stream),
                  stream_bytes_written(player->stream), left);
    } else {
        error_set(&player->error, code, "%s (%s; steps not played: %zu)", sentence,
                  player_stage(player), left);
    }
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

static void player_open_block(struct player *player)
{
    if (player->in_block) {
        return;
    }
    player->in_block = true;
    player->block = player->block_end = player->next;
    while (is_expectation(player_step(player, player->block_end))) {
        player->block_end++;
    }
    player->block_owed = mta_owed(&player->mta) || player->unasked;
}

/* True when more expectations follow behind a comment: the reply owed is theirs. */
static bool player_expects_later(const struct player *player)
{
    size_t index = player->block_end;

    while (index < player->file->count && player->file->steps[index].kind == SESSION_STEP_TEXT) {
        index++;
    }
    return index > player->block_end && is_expectation(player_step(player, index));
}

static void player_close_block(struct player *player)
{
    playback_compare(&player->playback, player->file->steps + player->block,
                     player->block_end - player->block, player->block_owed);
    player->in_block = false;
    player->next = player->block_end;
    if (!mta_owed(&player->mta) && !player_expects_later(player)) {
        player->unasked = false;
    }
}

/* ---- answers */

/* What an answer means for the commands to come. */
static void player_note_verdict(struct player *player, enum command command,
                                const struct reply *reply)
{
    enum verdict verdict = reply_verdict(reply);
    bool connection = command == COMMAND_CONNECT || command == COMMAND_HELO;

    if (verdict == VERDICT_SKIP) {
        player->skipped = true;
    }
    if ((connection && verdict != VERDICT_CONTINUE && verdict != VERDICT_NONE) ||
        reply->kind == REPLY_SHUTDOWN ||
        (reply->kind == REPLY_CODE && slice_starts_with(reply->text, "421"))) {
        player->left = true;
    }
}

enum player_fed {
    FED,       /* an answer */
    FED_STALE, /* the answer to what "! abort" cut off: nobody expects it */
    FED_WRONG, /* *error says why */
};

static enum player_fed player_feed(struct player *player, const struct packet *packet,
                                   struct slice whole, struct error *error)
{
    struct reply reply;
    enum command command;
    enum mta_result result;

    if (!mta_owed(&player->mta)) {
        if (player->unasked || packet->letter == reply_info[REPLY_PROGRESS].letter) {
            return FED;
        }
        error_set(error, ERROR_PROTOCOL, "a packet although no reply is owed");
        return FED_WRONG;
    }
    result = mta_next(&player->mta, &whole, &reply, &command, error);
    if (result == MTA_REPLY) {
        player_note_verdict(player, command, &reply);
    }
    return result == MTA_INVALID ? FED_WRONG : result == MTA_WAIT ? FED_STALE : FED;
}

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
    enum player_fed fed = FED;
    struct error error = {0};
    struct packet packet;

    switch (packet_next(&rest, &packet, &error)) {
    case PACKET_PARTIAL:
        return false;
    case PACKET_INVALID:
        playback_add_bytes(&player->playback, whole);
        fed = player->unasked && !mta_owed(&player->mta) ? FED : FED_WRONG;
        rest = slice_of("", 0);
        break;
    case PACKET_READY:
        whole.length -= rest.length;
        fed = player_feed(player, &packet, whole, &error);
        if (fed != FED_STALE) {
            playback_add_packet(&player->playback, &packet);
        }
        break;
    }
    buffer_consume(&player->input, buffer_length(&player->input) - rest.length);
    if (fed == FED_WRONG) {
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
    return player->mta.owed == COMMAND_END_OF_MESSAGE && mta_owed(&player->mta) &&
                   !player->timeout_said
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
        return player->wait != WAIT_OVER;
    }
    if (player_gone(player)) {
        player_lost(player);
        return false;
    }
    player_wait_for(player, WAIT_ANSWERS, player_answer_seconds(player));
    return false;
}

/* A filter that goes away is not silent; whatever else is waited for will say so itself. */
static bool player_silence_ends_in_close(const struct player *player)
{
    return player_gone(player) && buffer_length(&player->input) == 0 && !mta_owed(&player->mta) &&
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
    player->mta.owed_count = player->mta.stale_count = 0; /* nothing more can come */
    return true;
}

static bool player_satisfied(const struct player *player)
{
    return playback_satisfied(&player->playback, player->file->steps + player->block,
                              player->block_end - player->block);
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
    if (!mta_owed(&player->mta) && (!player->unasked || player_satisfied(player))) {
        return true; /* nothing has to come: not waited for */
    }
    return player_collect_packet(player);
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
    while (player->mta.owed_count > 0 && !player->close_seen && !player_expects_later(player)) {
        if (!player_collect_packet(player)) {
            return false;
        }
    }
    player_close_block(player);
    return true;
}

/* What nobody asked for and has come all the same. */
static void player_collect_surplus(struct player *player)
{
    while (player->wait != WAIT_OVER && !mta_owed(&player->mta) && !player->unasked &&
           buffer_length(&player->input) > 0) {
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

static void player_unasked(struct player *player, const struct session_step *step)
{
    enum position next = POSITION_INVALID;

    packet_append(player->mta.output, step->packet.letter, step->packet.payload);
    player->unasked = true;
    if (step->command != COMMANDS) {
        next = order_after_command(player->mta.position, step->command, player->mta.answer.steps);
    }
    if (next != POSITION_INVALID) {
        player->mta.position = next;
    }
}

/* The offer is the machine's, the bytes are the file's: an MTA may say more than twelve. */
static void player_negotiate(struct player *player, const struct session_step *step)
{
    struct negotiation offer;
    struct error error = {0};
    size_t before = buffer_length(player->mta.output);

    if (player->mta.position != POSITION_START || mta_owed(&player->mta) ||
        !negotiation_decode(step->packet.payload, &offer, &error)) {
        player_unasked(player, step);
        return;
    }
    mta_negotiate(&player->mta, &offer);
    player->mta.output->end = player->mta.output->start + before;
    packet_append(player->mta.output, step->packet.letter, step->packet.payload);
}

/* Macros go with their command: not at all where that is left out. */
static void player_macros(struct player *player, const struct session_step *step)
{
    struct command_packet macros;
    struct error error = {0};

    if (!command_decode(&step->packet, &macros, &error) || !macros.macros.known) {
        player_unasked(player, step);
    } else if (!player->left && order_after_command(player->mta.position, macros.macros.stage,
                                                    player->mta.answer.steps) != POSITION_INVALID) {
        mta_macros(&player->mta, macros.macros.stage, macros.macros.pairs);
    }
}

/* ABORT goes out also where no message is open, as Postfix does. */
static void player_abort(struct player *player)
{
    if (position_in_message(player->mta.position)) {
        mta_abort(&player->mta);
    } else if (player->mta.position != POSITION_CLOSED) {
        command_append(player->mta.output, COMMAND_ABORT, slice_of("", 0));
    }
}

/* The value as this filter wants it: with its blank or without. */
static struct slice player_header(const struct player *player, const struct session_step *step,
                                  struct buffer *payload)
{
    bool with_blank = (player->mta.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
    struct slice value = step->packet.payload, name;

    if (with_blank == step->verbatim || !slice_take_string(&value, &name)) {
        return step->packet.payload;
    }
    buffer_append_slice(payload, name);
    buffer_append_byte(payload, '\0');
    if (with_blank) {
        buffer_append_byte(payload, ' ');
    } else if (slice_starts_with(value, " ")) {
        slice_skip(&value, 1);
    }
    buffer_append_slice(payload, value);
    return buffer_slice(payload);
}

/* As an MTA would: not at all where the filter is out. */
static void player_command(struct player *player, const struct session_step *step)
{
    static const struct slice no_macros = {NULL, 0};
    struct buffer payload = {0};

    if (step->command == COMMAND_CONNECT || step->command == COMMAND_QUIT_NEW_CONNECTION) {
        player->left = false;
    }
    if (step->command == COMMAND_MAIL) {
        player->skipped = false;
    }
    if (player->left || (player->skipped && step->command == COMMAND_BODY)) {
        return;
    }
    if (step->command == COMMAND_HEADER) {
        (void)mta_command(&player->mta, step->command, player_header(player, step, &payload),
                          no_macros);
    } else {
        (void)mta_command(&player->mta, step->command, step->packet.payload, no_macros);
    }
    buffer_clear(&payload);
}

static bool player_send(struct player *player, const struct session_step *step)
{
    bool begun = player->mta.position != POSITION_START || mta_owed(&player->mta);

    if (player->mta.position == POSITION_CLOSED || (!begun && step->command != COMMAND_NEGOTIATE)) {
        player_fail(player, ERROR_USAGE,
                    begun ? "a command after quit: no MTA says that, send it with ! instead of >"
                          : "a command before negotiate: no MTA says that, send it with ! "
                            "instead of >");
        return false;
    }
    switch (step->command) {
    case COMMAND_NEGOTIATE:
        player_negotiate(player, step);
        break;
    case COMMAND_MACRO:
        player_macros(player, step);
        break;
    case COMMAND_ABORT:
        player_abort(player);
        break;
    case COMMAND_QUIT:
        mta_quit(&player->mta);
        break;
    case COMMANDS:
        player_unasked(player, step);
        break;
    default:
        player_command(player, step);
        break;
    }
    return true;
}

/* Where an MTA would send it, too, the machine knows what is owed; else the file has to. */
static void player_send_anyway(struct player *player, const struct session_step *step)
{
    enum mta_sent sent = MTA_OUT_OF_ORDER;
    bool plain = step->command != COMMANDS && step->command != COMMAND_NEGOTIATE &&
                 step->command != COMMAND_MACRO && step->command != COMMAND_ABORT &&
                 step->command != COMMAND_QUIT;

    if (step->command == COMMAND_NEGOTIATE) {
        player_negotiate(player, step);
        return;
    }
    if (step->command == COMMAND_ABORT && position_in_message(player->mta.position)) {
        mta_abort(&player->mta);
        return;
    }
    if (plain) {
        sent = mta_command(&player->mta, step->command, step->packet.payload, slice_of(NULL, 0));
    }
    if (sent == MTA_OUT_OF_ORDER || sent == MTA_NOT_SENT) {
        player_unasked(player, step);
    } else if (sent == MTA_REPLY_OWED) {
        player->unasked = true; /* there may be more answers than an MTA would take */
    }
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
    double wait = player->started + step->time - player_clock();

    if (!player->options->keep_times || step->time < 0 || wait <= 0.0005 || is_expectation(step)) {
        return false;
    }
    player_wait_for(player, WAIT_PAUSE, wait);
    return true;
}

/* Whether the reply to the last command has to be there before this step. */
static bool player_settles_first(const struct player *player, const struct session_step *step)
{
    if (!mta_owed(&player->mta) || player->mta.owed_count == 0 || player->close_seen) {
        return false;
    }
    if (step == NULL || step->kind == SESSION_STEP_SEND || step->kind == SESSION_STEP_CLOSE ||
        step->kind == SESSION_STEP_PAUSE) {
        return true;
    }
    return player->lock_step &&
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
    if (player_gone(player) && sends(step) && step->kind != SESSION_STEP_CLOSE && !player->left) {
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
    player->lock_step = step->kind == SESSION_STEP_SEND || (player->lock_step && !sends(step));
    switch (step->kind) {
    case SESSION_STEP_SEND:
        if (!player_send(player, step)) {
            return false;
        }
        break;
    case SESSION_STEP_SEND_ANYWAY:
        player_send_anyway(player, step);
        break;
    case SESSION_STEP_SEND_BYTES:
        buffer_append_slice(player->mta.output, step->bytes);
        player->unasked = true;
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

    mta_init(&player->mta, stream_output(player->stream));
    player->started = player_clock();
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
        error_set(&player->error, error->code, "Failed to connect to %s: %s", player->options->spec,
                  error->code == ERROR_TIMEOUT ? error->message : session_reason(error));
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
    player->started = player_clock();
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
    mta_clear(&player->mta);
    buffer_clear(&player->input);
    playback_clear(&player->playback);
    free(player);
}
