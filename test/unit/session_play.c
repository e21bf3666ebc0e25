/*
 * session_play - a session of the manager with everybody around it in memory.
 */
#include "test/unit/session_play.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/session/explanation.h"
#include "test/unit/bytes.h"
#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- conditions */

struct condition_ticket {
    condition_answered_fn *answered;
    void *owner;
    struct condition_ticket **place; /* in the play */
};

/* The play in progress: of who asks about the recording only the conditions are known. */
static struct play *current;

static struct condition_ticket *ticket_new(condition_answered_fn *answered, void *owner,
                                           struct condition_ticket **place)
{
    assert_null(*place);
    *place = NEW(struct condition_ticket);
    **place = (struct condition_ticket){answered, owner, place};
    return *place;
}

static void note_recipients(const struct condition_question *question, struct buffer *text)
{
    for (unsigned i = 0; i < question->recipient_count; i++) {
        buffer_append_byte(text, ' ');
        buffer_append_slice(text, question->recipients[i]);
    }
}

/* What stops: one stopper per stage of a file that nobody has. */
static const struct condition_stopper *play_stopper(enum condition_stage stage,
                                                    enum condition_answer answer)
{
    static struct condition_stopper stoppers[CONDITION_STAGES];

    stoppers[stage] = (struct condition_stopper){
        .condition = "played", .stage = stage, .file = "play.conf", .line = 7};
    return answer == CONDITION_STOP ? &stoppers[stage] : NULL;
}

static enum condition_answer play_recording_ask(const struct condition_question *question,
                                                condition_answered_fn *answered, void *owner,
                                                struct condition_ticket **ticket,
                                                const struct condition_stopper **stopper)
{
    struct play *play = current;
    unsigned i = 0;

    assert_true((play->recording.stages & 1U << question->stage) != 0);
    play->last_context = question->context;
    buffer_append_format(&play->recording_asked, "%d", (int)question->stage);
    for (unsigned k = 0; k < question->argument_count; k++) {
        buffer_append_byte(&play->recording_asked, ' ');
        buffer_append_slice(&play->recording_asked, question->arguments[k]);
    }
    note_recipients(question, &play->recording_asked);
    buffer_append_byte(&play->recording_asked, '\n');
    *ticket = NULL;
    if (play->recording_answer == CONDITION_PENDING) {
        while (play->recording_tickets[i] != NULL) {
            i++;
        }
        assert_true(i < PLAY_RECORD_QUESTIONS);
        *ticket = ticket_new(answered, owner, &play->recording_tickets[i]);
    }
    *stopper = play_stopper(question->stage, play->recording_answer);
    return play->recording_answer;
}

enum condition_answer play_condition_ask(struct condition *const *conditions,
                                         const struct condition_question *question,
                                         condition_answered_fn *answered, void *owner,
                                         struct condition_ticket **ticket,
                                         const struct condition_stopper **stopper)
{
    struct session_child *child = owner;
    struct play *play;
    unsigned index;

    if (conditions == &current->recording_list) {
        return play_recording_ask(question, answered, owner, ticket, stopper);
    }
    play = child->session->owner;
    index = (unsigned)(child - child->session->children);
    assert_true((play->conditions[index].stages & 1U << question->stage) != 0);
    play->asked++;
    buffer_reset(&play->envelope_asked);
    note_recipients(question, &play->envelope_asked);
    play->last_context = question->context;
    *ticket = NULL;
    if (play->condition_answer == CONDITION_PENDING) {
        *ticket = ticket_new(answered, owner, &play->tickets[index]);
    }
    *stopper = play_stopper(question->stage, play->condition_answer);
    return play->condition_answer;
}

enum condition_answer play_checkers_ask(uint64_t context, condition_answered_fn *answered,
                                        void *owner, struct condition_ticket **ticket)
{
    struct play *play = ((struct session *)owner)->owner;

    play->checked++;
    play->check_context = context;
    *ticket = NULL;
    if (play->check_answer == CONDITION_PENDING) {
        *ticket = ticket_new(answered, owner, &play->check_ticket);
    }
    return play->check_answer;
}

void play_condition_cancel(struct condition_ticket *ticket)
{
    assert_ptr_equal(*ticket->place, ticket);
    *ticket->place = NULL;
    free(ticket);
}

static void ticket_answer(struct condition_ticket *open, enum condition_answer answer)
{
    struct condition_ticket ticket;

    assert_non_null(open);
    ticket = *open;
    play_condition_cancel(open);
    ticket.answered(ticket.owner, play_stopper(CONDITION_CONNECT, answer));
}

void play_recording_answers(struct play *play, enum condition_answer answer)
{
    unsigned i = 0;

    while (i < PLAY_RECORD_QUESTIONS - 1 && play->recording_tickets[i] == NULL) {
        i++;
    }
    ticket_answer(play->recording_tickets[i], answer);
}

void play_checkers_answer(struct play *play, enum condition_answer answer)
{
    ticket_answer(play->check_ticket, answer);
}

void play_condition_answers(struct play *play, unsigned index, enum condition_answer answer)
{
    ticket_answer(play->tickets[index], answer);
}

/* ---- the host */

static struct play *play_of(const struct session_child *child)
{
    return child->session->owner;
}

static struct play_child *play_child_of(const struct session_child *child)
{
    struct play_child *played = child->link;

    assert_non_null(played);
    assert_ptr_equal(played->child, child);
    return played;
}

static double host_now(struct session *session)
{
    const struct play *play = session->owner;

    return play->now;
}

static void host_connect_child(struct session_child *child)
{
    struct play_child *played = &play_of(child)->children[child - child->session->children];

    assert_null(played->child);
    played->child = child;
    played->connections++;
    child->link = played;
}

static void child_note(struct play_child *played)
{
    struct slice output = buffer_slice(played->output);
    struct packet packet;

    while (output.length > 0) {
        assert_int_equal(packet_next(&output, &packet, NULL), PACKET_READY);
        buffer_append_byte(&played->heard, packet.letter);
        if (strchr("LNB", packet.letter) != NULL) {
            buffer_append_slice(&played->content, packet.payload);
        }
    }
    buffer_reset(played->output);
}

static void host_flush_child(struct session_child *child)
{
    struct play_child *played = play_child_of(child);

    assert_non_null(played->output);
    if (!played->stalled) {
        child_note(played);
    }
}

static void host_disconnect_child(struct session_child *child, bool graceful)
{
    struct play_child *played = play_child_of(child);

    if (played->output != NULL) {
        if (graceful) {
            child_note(played);
        }
        buffer_clear(played->output);
        free(played->output);
    }
    played->output = NULL;
    played->child = NULL;
    played->disconnections++;
    played->graceful = graceful;
    child->link = NULL;
}

static void host_expect_child(struct session_child *child, double seconds)
{
    if (child->link != NULL) {
        play_child_of(child)->timer = seconds;
    }
}

static void mta_note(struct play *play)
{
    struct slice output = buffer_slice(&play->front_output);
    struct packet packet;

    while (output.length > 0) {
        assert_int_equal(packet_next(&output, &packet, NULL), PACKET_READY);
        buffer_append_byte(&play->heard, packet.letter);
        if (packet.letter == 'b') {
            buffer_append_slice(&play->body, packet.payload);
        }
    }
    buffer_reset(&play->front_output);
}

static void host_flush_front(struct session *session)
{
    struct play *play = session->owner;

    if (!play->front_stalled) {
        mta_note(play);
    }
}

static void host_resume_front(struct session *session)
{
    struct play *play = session->owner;

    play->resume = true;
}

static void host_schedule_keep_alive(struct session *session, double seconds)
{
    struct play *play = session->owner;

    play->keep_alive = seconds;
}

static void host_finished(struct session *session)
{
    struct play *play = session->owner;

    assert_false(play->finished);
    play->finished = true;
}

static void host_explained(const struct explanation *explanation)
{
    struct play *play = explanation->child->session->owner;

    explanation_format(explanation, &play->explained);
    buffer_append_byte(&play->explained, '\n');
}

static void host_save_record(struct session *session, struct slice text)
{
    struct play *play = session->owner;

    play->records_saved++;
    buffer_reset(&play->record);
    buffer_append_slice(&play->record, text);
}

static const struct session_host host = {
    .now = host_now,
    .connect_child = host_connect_child,
    .flush_child = host_flush_child,
    .disconnect_child = host_disconnect_child,
    .expect_child = host_expect_child,
    .flush_front = host_flush_front,
    .resume_front = host_resume_front,
    .schedule_keep_alive = host_schedule_keep_alive,
    .finished = host_finished,
    .save_record = host_save_record,
    .explained = host_explained,
};

/* ---- the MTA */

static void mta_feed(struct play *play)
{
    do {
        size_t length = buffer_length(&play->front_input);
        /* Gone afterwards, so that a sanitizer sees what still points into it. */
        char *bytes = memory_copy_bytes(buffer_slice(&play->front_input).data, length);

        play->resume = false;
        buffer_consume(&play->front_input,
                       session_front_received(play->session, slice_of(bytes, length)));
        free(bytes);
    } while (play->resume && !play->finished);
}

void mta_says_bytes(struct play *play, struct slice bytes)
{
    buffer_append_slice(&play->front_input, bytes);
    mta_feed(play);
}

void mta_says(struct play *play, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        append_command(&play->front_input, *letters);
    }
    mta_feed(play);
}

/* What the loop would do by itself after an event. */
static void play_resume(struct play *play)
{
    if (play->resume && !play->finished) {
        mta_feed(play);
    }
}

void all_continue(struct play *play)
{
    bool busy;

    do {
        busy = false;
        for (unsigned i = 0; i < play->session->child_count; i++) {
            if (play->children[i].child != NULL && play->children[i].child->awaiting) {
                child_says(play, i, "c");
                busy = true;
            }
        }
    } while (busy);
}

void mta_says_and_all_continue(struct play *play, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const char one[] = {*letters, '\0'};

        mta_says(play, one);
        all_continue(play);
    }
}

void mta_closes(struct play *play)
{
    session_front_closed(play->session, NULL);
    assert_true(play->finished);
}

void mta_reads(struct play *play)
{
    mta_note(play);
    session_front_drained(play->session);
}

/* ---- the children */

void child_connects(struct play *play, unsigned index)
{
    struct play_child *played = &play->children[index];

    assert_null(played->output);
    played->output = NEW(struct buffer);
    session_child_connected(played->child, played->output);
}

void child_says_bytes(struct play *play, unsigned index, struct slice bytes)
{
    char *copy = memory_copy_bytes(bytes.data, bytes.length);

    (void)session_child_received(play->children[index].child, slice_of(copy, bytes.length));
    free(copy);
    play_resume(play);
}

void child_says(struct play *play, unsigned index, const char *letters)
{
    struct buffer packets = {0};

    for (; *letters != '\0'; letters++) {
        if (*letters == 'O') {
            negotiation_append(&packets, &play->children[index].answer);
        } else {
            append_reply(&packets, *letters);
        }
    }
    child_says_bytes(play, index, buffer_slice(&packets));
    buffer_clear(&packets);
}

void child_fails(struct play *play, unsigned index)
{
    const struct error error = {ERROR_CLOSED, "closed"};

    session_child_failed(play->children[index].child, &error);
    play_resume(play);
}

void child_times_out(struct play *play, unsigned index)
{
    assert_true(play->children[index].timer > 0);
    session_child_timed_out(play->children[index].child);
    play_resume(play);
}

void child_reads(struct play *play, unsigned index)
{
    child_note(&play->children[index]);
    session_child_drained(play->children[index].child);
    play_resume(play);
}

/* ---- the play */

void play_init(struct play *play, unsigned child_count)
{
    static const char *const names[PLAY_CHILDREN] = {"first", "second", "third"};

    log_set_levels(0);
    current = play;
    *play = (struct play){.configuration = {.references = 1}};
    play->configuration.children = play->configured;
    play->configuration.child_count = child_count;
    play->configuration.manager.fallback_status = VERDICT_ACCEPT;
    play->configuration.manager.chunk_size = PROTOCOL_CHUNK;
    for (unsigned i = 0; i < child_count; i++) {
        play->children[i].answer = (struct negotiation){PROTOCOL_VERSION, ACTION_ALL, 0, {"", 0}};
        play->condition_lists[i] = &play->conditions[i];
        play->configured[i] = (struct configuration_child){
            .name = names[i],
            .connection_spec = "unix:/nowhere",
            .enabled = true,
            .fallback_status = VERDICT_ACCEPT,
            .conditions = &play->condition_lists[i],
            .reading_timeout = 7,
            .end_of_message_timeout = 297,
        };
    }
}

void play_open(struct play *play)
{
    for (unsigned i = 0; i < PLAY_CHILDREN; i++) {
        play->configured[i].condition_count = play->conditions[i].stages != 0;
    }
    play->recording_list = &play->recording;
    play->configuration.recording =
        (struct configuration_child){.name = "manager.record_sessions",
                                     .conditions = &play->recording_list,
                                     .condition_count = play->recording.stages != 0};
    play->session = session_new(&play->configuration, &host, play, &play->front_output, "MTA");
}

void play_begin(struct play *play)
{
    play_open(play);
    mta_says(play, "O");
    for (unsigned i = 0; i < play->configuration.child_count; i++) {
        child_connects(play, i);
        child_says(play, i, "O");
    }
    forget_heard(play);
}

void play_end_session(struct play *play)
{
    session_free(play->session);
    play->session = NULL;
}

void play_end(struct play *play)
{
    if (play->session != NULL) {
        play_end_session(play);
    }
    assert_int_equal(play->configuration.references, 1);
    for (unsigned i = 0; i < PLAY_CHILDREN; i++) {
        struct play_child *played = &play->children[i];

        assert_null(played->child);
        assert_null(play->tickets[i]);
        assert_int_equal(played->connections, played->disconnections);
        buffer_clear(&played->heard);
        buffer_clear(&played->content);
    }
    buffer_clear(&play->front_output);
    buffer_clear(&play->front_input);
    buffer_clear(&play->heard);
    buffer_clear(&play->body);
    buffer_clear(&play->record);
    buffer_clear(&play->recording_asked);
    buffer_clear(&play->envelope_asked);
    buffer_clear(&play->explained);
    for (unsigned i = 0; i < PLAY_RECORD_QUESTIONS; i++) {
        assert_null(play->recording_tickets[i]);
    }
}

static void assert_heard(struct buffer *heard, const char *letters)
{
    assert_text(buffer_slice(heard), letters);
    buffer_reset(heard);
}

void assert_mta_heard(struct play *play, const char *letters)
{
    assert_heard(&play->heard, letters);
}

void assert_child_heard(struct play *play, unsigned index, const char *letters)
{
    assert_heard(&play->children[index].heard, letters);
}

void forget_heard(struct play *play)
{
    buffer_reset(&play->heard);
    for (unsigned i = 0; i < PLAY_CHILDREN; i++) {
        buffer_reset(&play->children[i].heard);
    }
}
