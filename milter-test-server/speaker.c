/*
 * speaker - says the MTA's steps of a session file through the asking machine.
 *
 * Owns the machine; the output buffer is the owner's.
 */
#include "milter-test-server/speaker.h"

void speaker_init(struct speaker *speaker, struct buffer *output)
{
    *speaker = (struct speaker){.unasked = false};
    mta_init(&speaker->mta, output);
}

void speaker_clear(struct speaker *speaker)
{
    mta_clear(&speaker->mta);
}

bool speaker_owed(const struct speaker *speaker)
{
    return speaker->mta.owed_count > 0;
}

bool speaker_awaits(const struct speaker *speaker)
{
    return mta_owed(&speaker->mta);
}

bool speaker_at_end(const struct speaker *speaker)
{
    return mta_owed(&speaker->mta) && speaker->mta.owed == COMMAND_END_OF_MESSAGE;
}

bool speaker_listens(const struct speaker *speaker)
{
    return mta_owed(&speaker->mta) || speaker->unasked;
}

void speaker_forget_owed(struct speaker *speaker)
{
    speaker->mta.owed_count = speaker->mta.stale_count = 0;
}

const char *speaker_stage(const struct speaker *speaker)
{
    return mta_owed(&speaker->mta) ? command_info[speaker->mta.owed].name
                                   : position_name(speaker->mta.position);
}

/* ---- answers */

/* What an answer means for the commands to come. */
static void speaker_note_verdict(struct speaker *speaker, enum command command,
                                 const struct reply *reply)
{
    enum verdict verdict = reply_verdict(reply);
    bool connection = command == COMMAND_CONNECT || command == COMMAND_HELO;

    if (verdict == VERDICT_SKIP) {
        speaker->skipped = true;
    }
    if ((connection && verdict != VERDICT_CONTINUE && verdict != VERDICT_NONE) ||
        reply->kind == REPLY_SHUTDOWN ||
        (reply->kind == REPLY_CODE && slice_starts_with(reply->text, "421"))) {
        speaker->left = true;
    }
}

enum speaker_heard speaker_hear(struct speaker *speaker, const struct packet *packet,
                                struct slice whole, struct error *error)
{
    struct reply reply;
    enum command command;
    enum mta_result result;

    if (!mta_owed(&speaker->mta)) {
        if (speaker->unasked || packet->letter == reply_info[REPLY_PROGRESS].letter) {
            return SPEAKER_ANSWER;
        }
        error_set(error, ERROR_PROTOCOL, "a packet although no reply is owed");
        return SPEAKER_WRONG;
    }
    result = mta_next(&speaker->mta, &whole, &reply, &command, error);
    if (result == MTA_REPLY) {
        speaker_note_verdict(speaker, command, &reply);
    }
    return result == MTA_INVALID ? SPEAKER_WRONG
           : result == MTA_WAIT  ? SPEAKER_STALE
                                 : SPEAKER_ANSWER;
}

/* ---- sending */

static void speaker_unasked(struct speaker *speaker, const struct session_step *step)
{
    enum position next = POSITION_INVALID;

    packet_append(speaker->mta.output, step->packet.letter, step->packet.payload);
    speaker->unasked = true;
    if (step->command != COMMANDS) {
        next = order_after_command(speaker->mta.position, step->command, speaker->mta.answer.steps);
    }
    if (next != POSITION_INVALID) {
        speaker->mta.position = next;
    }
}

/* The offer is the machine's, the bytes are the file's: an MTA may say more than twelve. */
static void speaker_negotiate(struct speaker *speaker, const struct session_step *step)
{
    struct negotiation offer;
    struct error error = {0};
    size_t before = buffer_length(speaker->mta.output);

    if (speaker->mta.position != POSITION_START || mta_owed(&speaker->mta) ||
        !negotiation_decode(step->packet.payload, &offer, &error)) {
        speaker_unasked(speaker, step);
        return;
    }
    mta_negotiate(&speaker->mta, &offer);
    speaker->mta.output->end = speaker->mta.output->start + before;
    packet_append(speaker->mta.output, step->packet.letter, step->packet.payload);
}

/* Macros go with their command: not at all where that is left out. */
static void speaker_macros(struct speaker *speaker, const struct session_step *step)
{
    struct command_packet macros;
    struct error error = {0};

    if (!command_decode(&step->packet, &macros, &error) || !macros.macros.known) {
        speaker_unasked(speaker, step);
    } else if (!speaker->left &&
               order_after_command(speaker->mta.position, macros.macros.stage,
                                   speaker->mta.answer.steps) != POSITION_INVALID) {
        mta_macros(&speaker->mta, macros.macros.stage, macros.macros.pairs);
    }
}

/* ABORT goes out also where no message is open, as Postfix does. */
static void speaker_abort(struct speaker *speaker)
{
    if (position_in_message(speaker->mta.position)) {
        mta_abort(&speaker->mta);
    } else if (speaker->mta.position != POSITION_CLOSED) {
        command_append(speaker->mta.output, COMMAND_ABORT, slice_of("", 0));
    }
}

/* The value as this filter wants it: with its blank or without. */
static struct slice speaker_header(const struct speaker *speaker, const struct session_step *step,
                                   struct buffer *payload)
{
    bool with_blank = (speaker->mta.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
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
static void speaker_command(struct speaker *speaker, const struct session_step *step)
{
    static const struct slice no_macros = {NULL, 0};
    struct buffer payload = {0};

    if (step->command == COMMAND_CONNECT || step->command == COMMAND_QUIT_NEW_CONNECTION) {
        speaker->left = false;
    }
    if (step->command == COMMAND_MAIL) {
        speaker->skipped = false;
    }
    if (speaker->left || (speaker->skipped && step->command == COMMAND_BODY)) {
        return;
    }
    if (step->command == COMMAND_HEADER) {
        (void)mta_command(&speaker->mta, step->command, speaker_header(speaker, step, &payload),
                          no_macros);
    } else {
        (void)mta_command(&speaker->mta, step->command, step->packet.payload, no_macros);
    }
    buffer_clear(&payload);
}

bool speaker_say(struct speaker *speaker, const struct session_step *step, struct error *error)
{
    bool begun = speaker->mta.position != POSITION_START || mta_owed(&speaker->mta);

    if (speaker->mta.position == POSITION_CLOSED ||
        (!begun && step->command != COMMAND_NEGOTIATE)) {
        error_set(error, ERROR_USAGE, "a command %s: no MTA says that, send it with ! instead of >",
                  begun ? "after quit" : "before negotiate");
        return false;
    }
    speaker->lock_step = true;
    switch (step->command) {
    case COMMAND_NEGOTIATE:
        speaker_negotiate(speaker, step);
        break;
    case COMMAND_MACRO:
        speaker_macros(speaker, step);
        break;
    case COMMAND_ABORT:
        speaker_abort(speaker);
        break;
    case COMMAND_QUIT:
        mta_quit(&speaker->mta);
        break;
    case COMMANDS:
        speaker_unasked(speaker, step);
        break;
    default:
        speaker_command(speaker, step);
        break;
    }
    return true;
}

/* Where an MTA would send it, too, the machine knows what is owed; else the file has to. */
static void speaker_say_command_anyway(struct speaker *speaker, const struct session_step *step)
{
    enum mta_sent sent = MTA_OUT_OF_ORDER;
    bool plain = step->command != COMMANDS && step->command != COMMAND_NEGOTIATE &&
                 step->command != COMMAND_MACRO && step->command != COMMAND_ABORT &&
                 step->command != COMMAND_QUIT;

    if (step->command == COMMAND_NEGOTIATE) {
        speaker_negotiate(speaker, step);
        return;
    }
    if (step->command == COMMAND_ABORT && position_in_message(speaker->mta.position)) {
        mta_abort(&speaker->mta);
        return;
    }
    if (plain) {
        sent = mta_command(&speaker->mta, step->command, step->packet.payload, slice_of(NULL, 0));
    }
    if (sent == MTA_OUT_OF_ORDER || sent == MTA_NOT_SENT) {
        speaker_unasked(speaker, step);
    } else if (sent == MTA_REPLY_OWED) {
        speaker->unasked = true; /* there may be more answers than an MTA would take */
    }
}

void speaker_say_anyway(struct speaker *speaker, const struct session_step *step)
{
    speaker->lock_step = false;
    if (step->kind == SESSION_STEP_SEND_BYTES) {
        buffer_append_slice(speaker->mta.output, step->bytes);
        speaker->unasked = true;
    } else {
        speaker_say_command_anyway(speaker, step);
    }
}

void speaker_leave(struct speaker *speaker)
{
    if (speaker->mta.position != POSITION_START && speaker->mta.position != POSITION_CLOSED) {
        mta_abort(&speaker->mta);
        mta_quit(&speaker->mta);
    }
}
