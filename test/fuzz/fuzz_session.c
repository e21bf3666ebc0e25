/*
 * fuzz_session - bytes as a script for a whole session of the manager.
 *
 * The first bytes configure up to three children; every further byte makes the
 * MTA, a child, a condition or the host do something, regular for the most part.
 * What must hold for any script: each command of the MTA is answered exactly
 * once, at the latest when every child has; edits leave only before a final reply
 * that lets the mail pass; a child is sent nothing that it switched off or that
 * libmilter would leave unanswered, and nothing once it is disconnected, once.
 */
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/wire/macro.h"
#include "milter-manager/board.h"
#include "milter-manager/session/session.h"
#include "test/fuzz/fuzz_session_checkers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { CHILDREN = 3, TICKETS = CHILDREN, QUIET_ROUNDS = 20000 };

struct condition {
    unsigned stages;
};

struct condition_ticket {
    condition_answered_fn *answered;
    void *owner;
    uint64_t context;
};

/* One connection to a child; lives from connect_child to disconnect_child. */
struct peer {
    struct session_child *child;
    struct buffer *output; /* NULL: not connected yet */
    struct buffer input;   /* what it wrote and the session has not taken */
    struct buffer owed;    /* letters it has to answer */
    struct negotiation answer;
    char state; /* the letter libmilter's engine stands at */
    bool timer, stalled, drained;
    bool wild; /* raw bytes came from it: nothing is known of its state */
};

struct run {
    const unsigned char *data; /* the rest of the script */
    size_t size;
    struct configuration configuration;
    struct configuration_child children[CHILDREN];
    struct condition conditions[CHILDREN];
    struct condition *condition_lists[CHILDREN];
    unsigned char answers[CHILDREN]; /* how each child negotiates */
    struct session *session;
    struct peer *peers[CHILDREN];
    struct condition_ticket *tickets[TICKETS];
    struct buffer front_output, front_input;
    struct buffer unread;         /* sent by the MTA and not looked at here */
    struct buffer owed;           /* letters of the MTA's commands not answered yet */
    unsigned edits;               /* since the end of message that is owed */
    bool body_begun, body_closed; /* its pieces have come; something else has since */
    bool resume, stalled, drained, keep_alive, finished;
    bool connect_seen;
    bool odd; /* HELO before CONNECT: libmilter cannot take that */
};

static struct run *running; /* for the conditions, which know no session */

/* assert() would go with NDEBUG. */
static void require_at(bool condition, int line)
{
    if (!condition) {
        (void)fprintf(stderr, "fuzz_session.c:%d does not hold\n", line);
        abort();
    }
}
#define require(condition) require_at((condition), __LINE__)

static unsigned char take(struct run *run)
{
    unsigned char byte = 0;

    if (run->size > 0) {
        byte = *run->data++;
        run->size--;
    }
    return byte;
}

/* ---- conditions, in place of the engine */

bool condition_has_stopper(const struct condition *condition, enum condition_stage stage)
{
    return (condition->stages & 1U << stage) != 0;
}

/* What a stopper may do while it runs. */
static void use_context(const struct condition_question *question)
{
    struct slice value = {"", 0}, name = slice_from_string("i");
    struct slice first = question->argument_count > 0 ? question->arguments[0] : value;
    struct context_status status;
    uint64_t other;

    require(context_name(question->context, &value));
    require(context_macro(question->context, name, &value));
    require(context_set_macro(question->context, slice_from_string("{mark}"), name));
    require(context_status(question->context, &status));
    require(context_child(question->context, slice_from_string("1"), &other));
    require(context_shelf_get(question->context, name, &value));
    require(context_shelf_set(question->context, name, first));
}

static const struct condition_stopper played_stopper = {.condition = "played", .file = "play.conf"};

enum condition_answer condition_ask(struct condition *const *conditions, unsigned count,
                                    const struct condition_question *question,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket,
                                    const struct condition_stopper **stopper)
{
    unsigned char byte = take(running);

    require(count == 1 && condition_has_stopper(conditions[0], question->stage));
    *ticket = NULL;
    *stopper = byte % 4 == 1 ? &played_stopper : NULL;
    use_context(question);
    for (unsigned i = 0; byte % 4 == 2 && i < TICKETS; i++) {
        if (running->tickets[i] == NULL) {
            *ticket = running->tickets[i] = NEW(struct condition_ticket);
            **ticket = (struct condition_ticket){answered, owner, question->context};
            return CONDITION_PENDING;
        }
    }
    return *stopper == NULL ? CONDITION_RUN : CONDITION_STOP;
}

void condition_cancel(struct condition_ticket *ticket)
{
    unsigned i = 0;

    while (running->tickets[i] != ticket) {
        require(++i < TICKETS); /* cancelled twice */
    }
    running->tickets[i] = NULL;
    free(ticket);
}

static bool answer_condition(struct run *run, unsigned number, enum condition_answer answer)
{
    struct condition_ticket *ticket = run->tickets[number % TICKETS], copy;
    struct slice name;

    if (ticket == NULL) {
        return false;
    }
    copy = *ticket;
    require(context_name(copy.context, &name));
    run->tickets[number % TICKETS] = NULL;
    free(ticket);
    copy.answered(copy.owner, answer == CONDITION_STOP ? &played_stopper : NULL);
    return true;
}

/* ---- the MTA */

/* Takes note of what is to be answered. */
static void mta_note_sent(struct run *run, struct slice bytes)
{
    struct slice unread;
    struct packet packet;
    enum command command;

    buffer_append_slice(&run->unread, bytes);
    unread = buffer_slice(&run->unread);
    while (packet_next(&unread, &packet, NULL) == PACKET_READY) {
        if (!command_from_letter(packet.letter, &command)) {
            continue;
        }
        if (command_info[command].replied || command == COMMAND_NEGOTIATE) {
            buffer_append_byte(&run->owed, packet.letter);
        }
        run->odd |= command == COMMAND_HELO && !run->connect_seen;
        run->connect_seen = command == COMMAND_CONNECT ||
                            (run->connect_seen && command != COMMAND_QUIT_NEW_CONNECTION);
    }
    buffer_consume(&run->unread, buffer_length(&run->unread) - unread.length);
}

static void front_feed(struct run *run)
{
    size_t length = buffer_length(&run->front_input), taken;
    char *bytes;

    if (run->finished || length == 0) {
        return;
    }
    /* A copy of exactly that size, gone afterwards: a sanitizer sees what points into it. */
    bytes = memory_copy_bytes(buffer_slice(&run->front_input).data, length);
    taken = session_front_received(run->session, slice_of(bytes, length));
    free(bytes);
    require(taken <= length);
    buffer_consume(&run->front_input, taken);
}

static void mta_send(struct run *run, struct slice bytes)
{
    mta_note_sent(run, bytes);
    buffer_append_slice(&run->front_input, bytes);
    front_feed(run);
}

static void mta_note_edit(struct run *run, enum reply_kind kind)
{
    run->edits++;
    run->body_closed |= run->body_begun && kind != REPLY_REPLACE_BODY;
    run->body_begun |= kind == REPLY_REPLACE_BODY;
    require(kind != REPLY_REPLACE_BODY || !run->body_closed);
}

static void mta_take_reply(struct run *run, const struct packet *packet)
{
    struct reply reply;
    enum command command;

    require(buffer_length(&run->owed) > 0);
    require(command_from_letter(*buffer_slice(&run->owed).data, &command));
    require(reply_decode(packet, &reply, NULL));
    require(order_reply_valid(command, reply.kind));
    if (reply_info[reply.kind].edit || reply.kind == REPLY_PROGRESS) {
        require(command == COMMAND_END_OF_MESSAGE);
        if (reply.kind != REPLY_PROGRESS) {
            mta_note_edit(run, reply.kind);
        }
        return;
    }
    require(reply.kind != REPLY_SKIP && reply.kind != REPLY_SHUTDOWN);
    require(run->edits == 0 || reply.kind == REPLY_CONTINUE || reply.kind == REPLY_ACCEPT);
    run->edits = 0;
    run->body_begun = run->body_closed = false;
    buffer_consume(&run->owed, 1);
}

static void mta_read(struct run *run)
{
    struct slice output = buffer_slice(&run->front_output);
    struct packet packet;

    run->drained |= output.length > 0;
    while (output.length > 0) {
        require(packet_next(&output, &packet, NULL) == PACKET_READY);
        mta_take_reply(run, &packet);
    }
    buffer_reset(&run->front_output);
}

static struct slice mta_payload(enum command command, unsigned variant)
{
    static const struct slice connects[] = {SLICE_LITERAL("h\0U"), SLICE_LITERAL("h\0\064\0\1::1"),
                                            SLICE_LITERAL("h\0L\0\0/s")};
    static const char text[] = "<a@example.com>\0SIZE=1\0";
    static const char body[200] = "a body\r\n";

    switch (command) {
    case COMMAND_CONNECT:
        return connects[variant % 3];
    case COMMAND_HELO:
    case COMMAND_MAIL:
    case COMMAND_RCPT:
    case COMMAND_UNKNOWN:
        return slice_of(text, variant % 2 == 0 ? 16 : 23);
    case COMMAND_HEADER:
        return slice_of("Subject\0 v", variant % 2 == 0 ? 11 : 10);
    case COMMAND_BODY:
        return slice_of(body, variant % sizeof(body));
    case COMMAND_END_OF_MESSAGE:
        return slice_of(body, variant % 4 == 3 ? 7 : 0);
    default:
        return slice_of("", 0);
    }
}

static void mta_command_packets(struct run *run, enum command command, unsigned variant)
{
    static const struct negotiation offers[] = {
        {6, ACTION_ALL, STEP_ALL, {"", 0}},
        {6, ACTION_ALL, STEP_ALL & ~(uint32_t)STEP_HEADER_LEADING_SPACE, {"", 0}},
        {4, 0x3F, 0x37F, {"", 0}},
        {2, 0, 0, {"", 0}},
        {6, 0, STEP_ALL, {"", 0}}};
    static const struct slice macros[] = {SLICE_LITERAL("i\0Q\0_\0P\0{if_name}\0n\0"),
                                          SLICE_LITERAL("{rcpt_mailer}\0error\0"),
                                          SLICE_LITERAL("")};
    struct buffer packets = {0};

    if (command == COMMAND_NEGOTIATE) {
        negotiation_append(&packets, &offers[variant % 5]);
    } else if (command == COMMAND_MACRO) {
        macro_append_packet(&packets, (enum command)(variant % COMMANDS), macros[variant % 3]);
    } else {
        if (variant % 8 < 3 && command_info[command].replied) {
            macro_append_packet(&packets, command, macros[variant % 3]);
        }
        command_append(&packets, command, mta_payload(command, variant));
    }
    mta_send(run, buffer_slice(&packets));
    buffer_clear(&packets);
}

/* What an MTA would say next: letters by position. */
static enum command mta_natural(const struct run *run, unsigned variant)
{
    static const char next[POSITIONS][5] = {"OOOO", "CCCC", "MMHM", "RRRR", "TLRN", "LLLN",
                                            "NLNN", "BBBE", "EBEE", "AAQA", "QQQQ"};
    enum command command;

    require(command_from_letter(next[run->session->front.position][variant % 4], &command));
    return command;
}

/* ---- the children */

/* The letters libmilter's engine takes behind each other (milter-protocol section 11). */
static const char *const engine_successors[128] = {
    ['O'] = "CU",  ['C'] = "HMU", ['H'] = "HMU", ['M'] = "RAU",  ['R'] = "RTLNBEAU", ['T'] = "LNA",
    ['L'] = "LNA", ['N'] = "BEA", ['B'] = "BEA", ['E'] = "MQKU", ['U'] = "HMRTBAUQK"};

/* Switched off commands may be jumped over. */
static bool engine_takes(const struct peer *peer, char state, char letter, unsigned jumps)
{
    const char *next = engine_successors[(unsigned char)state];
    enum command command;

    if (next == NULL) {
        return false; /* no state a command may follow */
    }
    if (strchr(next, letter) != NULL) {
        return true;
    }
    for (; jumps > 0 && *next != '\0'; next++) {
        if (command_from_letter(*next, &command) && command_info[command].replied &&
            !negotiation_sends(&peer->answer, command) &&
            engine_takes(peer, *next, letter, jumps - 1)) {
            return true;
        }
    }
    return false;
}

static void peer_check_order(const struct run *run, struct peer *peer, enum command command)
{
    char letter = command_info[command].letter;
    bool in_message = strchr("MRTLNB", peer->state) != NULL;

    if (peer->wild || run->odd) {
        return;
    }
    require(negotiation_sends(&peer->answer, command));
    require(engine_takes(peer, peer->state, letter, 6) ||
            (!in_message && engine_takes(peer, 'H', letter, 6)));
    require(buffer_length(&peer->owed) == 0);
}

static void peer_take_command(struct run *run, struct peer *peer, const struct packet *packet)
{
    enum command command;

    require(command_from_letter(packet->letter, &command));
    if (command == COMMAND_NEGOTIATE) {
        require(peer->state == 0);
        buffer_append_byte(&peer->owed, 'O');
        peer->state = 'O';
    } else if (command == COMMAND_ABORT) {
        peer->state = strchr("OC", peer->state) != NULL ? peer->state : 'H';
    } else if (command_info[command].replied) {
        peer_check_order(run, peer, command);
        require(command != COMMAND_BODY || packet->payload.length > 0);
        require(command != COMMAND_END_OF_MESSAGE || packet->payload.length == 0);
        peer->state = packet->letter;
        if (negotiation_replies(&peer->answer, command)) {
            buffer_append_byte(&peer->owed, packet->letter);
        }
    }
}

static void peer_read(struct run *run, struct peer *peer)
{
    struct slice output = buffer_slice(peer->output);
    struct packet packet;

    peer->drained |= output.length > 0;
    while (output.length > 0) {
        require(packet_next(&output, &packet, NULL) == PACKET_READY);
        peer_take_command(run, peer, &packet);
    }
    buffer_reset(peer->output);
}

static struct peer *peer_of(const struct session_child *child)
{
    require(child->link != NULL);
    return child->link;
}

/* What the child has written; the session may disconnect it meanwhile. */
static void peer_deliver(struct run *run, unsigned index)
{
    struct peer *peer = run->peers[index];
    size_t length = buffer_length(&peer->input), taken;
    char *bytes = memory_copy_bytes(buffer_slice(&peer->input).data, length);

    taken = session_child_received(peer->child, slice_of(bytes, length));
    free(bytes);
    require(taken <= length);
    if (run->peers[index] == peer) {
        buffer_consume(&peer->input, taken);
    }
}

static void peer_negotiate(const struct run *run, struct peer *peer, unsigned index)
{
    static const uint32_t steps[] = {0,
                                     STEP_SKIP | STEP_HEADER_LEADING_SPACE,
                                     STEP_NO_REPLY,
                                     STEP_NO_EVENT,
                                     STEP_NO_HEADERS | STEP_NO_BODY,
                                     STEP_NO_END_OF_HEADER | STEP_NO_DATA | STEP_RCPT_REJECTED,
                                     STEP_NO_REPLY_HEADER | STEP_NO_MAIL | STEP_NO_CONNECT,
                                     STEP_ALL};
    const struct negotiation *offer = &peer->child->mta.offer;
    unsigned char how = run->answers[index];
    struct negotiation answer = {.version = (how >> 4) % 2 == 1 ? 2 : offer->version,
                                 .actions = ACTION_ALL,
                                 .steps = steps[how % 8],
                                 .macro_lists = {"", 0}};

    if ((how >> 5) % 2 == 1) {
        answer.macro_lists = slice_of("\0\0\0\2i {mark}\0", 13);
    }
    peer->answer = answer;
    peer->answer.steps &= offer->steps;
    negotiation_append(&peer->input, &answer);
}

/* A final reply in order; the engine's state follows it. */
static bool peer_reply(struct run *run, unsigned index, const struct reply *reply)
{
    struct peer *peer = run->peers[index];
    enum verdict verdict = reply_verdict(reply);
    char letter;

    if (peer == NULL || buffer_length(&peer->owed) == 0) {
        return false;
    }
    letter = *buffer_slice(&peer->owed).data;
    buffer_consume(&peer->owed, 1);
    if (letter == 'O') {
        peer_negotiate(run, peer, index);
    } else {
        reply_append(&peer->input, reply);
        /* Behind a discard at RCPT the engine takes the next MAIL for the end of the message. */
        if (verdict == VERDICT_ACCEPT || verdict == VERDICT_DISCARD ||
            (verdict >= VERDICT_TEMPORARY_FAILURE && letter != 'R' && letter != 'U')) {
            peer->state = 'H';
        }
    }
    peer_deliver(run, index);
    return true;
}

static bool peer_continue(struct run *run, unsigned index)
{
    return peer_reply(run, index, &(struct reply){.kind = REPLY_CONTINUE});
}

static void peer_verdict(struct run *run, unsigned index, unsigned variant)
{
    static const struct reply replies[] = {
        {.kind = REPLY_ACCEPT},
        {.kind = REPLY_REJECT},
        {.kind = REPLY_TEMPORARY_FAILURE},
        {.kind = REPLY_DISCARD},
        {.kind = REPLY_CODE, .text = SLICE_LITERAL("550 5.7.1 no")},
        {.kind = REPLY_CODE, .text = SLICE_LITERAL("451 4.7.1 later")},
        {.kind = REPLY_SKIP},
        {.kind = REPLY_SHUTDOWN},
        {.kind = REPLY_CONNECTION_FAILURE}};

    (void)peer_reply(run, index, &replies[variant % (sizeof(replies) / sizeof(replies[0]))]);
}

/* Edits and progress, also where they do not belong. */
static void peer_edit(struct run *run, unsigned index, unsigned variant)
{
    static const struct reply edits[] = {
        {.kind = REPLY_PROGRESS},
        {.kind = REPLY_QUARANTINE, .text = SLICE_LITERAL("virus")},
        {.kind = REPLY_ADD_HEADER, .name = SLICE_LITERAL("X"), .value = SLICE_LITERAL("v")},
        {.kind = REPLY_INSERT_HEADER, .index = 1, .name = SLICE_LITERAL("Y"), .value = {"", 0}},
        {.kind = REPLY_CHANGE_HEADER, .name = SLICE_LITERAL("subject"), .value = {"", 0}},
        {.kind = REPLY_CHANGE_HEADER, .name = SLICE_LITERAL("X"), .value = SLICE_LITERAL(" w")},
        {.kind = REPLY_CHANGE_FROM, .text = SLICE_LITERAL("<b>")},
        {.kind = REPLY_ADD_RECIPIENT, .text = SLICE_LITERAL("<c>")},
        {.kind = REPLY_REPLACE_BODY, .text = SLICE_LITERAL("another body, a little longer\r\n")},
        {.kind = REPLY_REPLACE_BODY, .text = {"", 0}}};
    struct peer *peer = run->peers[index];

    if (peer == NULL || peer->output == NULL) {
        return;
    }
    reply_append(&peer->input, &edits[variant % (sizeof(edits) / sizeof(edits[0]))]);
    peer_deliver(run, index);
}

static void peer_raw(struct run *run, unsigned index, unsigned length)
{
    struct peer *peer = run->peers[index];

    if (peer == NULL || peer->output == NULL) {
        return;
    }
    peer->wild = true;
    for (; length > 0; length--) {
        buffer_append_byte(&peer->input, (char)take(run));
    }
    peer_deliver(run, index);
}

static bool peer_connected(struct run *run, unsigned index)
{
    struct peer *peer = run->peers[index];

    if (peer == NULL || peer->output != NULL) {
        return false;
    }
    peer->output = NEW(struct buffer);
    session_child_connected(peer->child, peer->output);
    return true;
}

static void peer_failed(struct run *run, unsigned index, unsigned variant)
{
    static const struct error errors[] = {{ERROR_CLOSED, "closed"}, {ERROR_TIMEOUT, "timed out"}};

    if (run->peers[index] != NULL) {
        session_child_failed(run->peers[index]->child, &errors[variant % 2]);
    }
}

static bool peer_timed_out(struct run *run, unsigned index)
{
    struct peer *peer = run->peers[index];

    if (peer == NULL || !peer->timer) {
        return false;
    }
    peer->timer = false;
    session_child_timed_out(peer->child);
    return true;
}

static bool peer_drained(struct run *run, unsigned index)
{
    struct peer *peer = run->peers[index];

    if (peer == NULL || peer->output == NULL || !(peer->stalled || peer->drained)) {
        return false;
    }
    peer->stalled = false;
    peer_read(run, peer);
    peer->drained = false;
    session_child_drained(peer->child);
    return true;
}

/* ---- the host */

static struct run *run_of(struct session *session)
{
    return session->owner;
}

static double host_now(struct session *session)
{
    (void)session;
    return 1;
}

static void host_connect_child(struct session_child *child)
{
    struct run *run = run_of(child->session);
    unsigned index = (unsigned)(child - child->session->children);

    require(index < CHILDREN && run->peers[index] == NULL);
    run->peers[index] = NEW(struct peer);
    run->peers[index]->child = child;
    child->link = run->peers[index];
}

static void host_flush_child(struct session_child *child)
{
    struct peer *peer = peer_of(child);

    require(peer->output != NULL);
    if (!peer->stalled) {
        peer_read(run_of(child->session), peer);
    }
}

static void host_disconnect_child(struct session_child *child, bool graceful)
{
    struct run *run = run_of(child->session);
    struct peer *peer = peer_of(child);

    if (graceful && !peer->stalled) {
        peer_read(run, peer);
    }
    child->link = NULL;
    run->peers[child - child->session->children] = NULL;
    if (peer->output != NULL) {
        buffer_clear(peer->output);
        free(peer->output);
    }
    buffer_clear(&peer->input);
    buffer_clear(&peer->owed);
    free(peer);
}

static void host_expect_child(struct session_child *child, double seconds)
{
    if (child->link != NULL) {
        peer_of(child)->timer = seconds > 0;
    }
}

static void host_flush_front(struct session *session)
{
    if (!run_of(session)->stalled) {
        mta_read(run_of(session));
    }
}

static void host_resume_front(struct session *session)
{
    run_of(session)->resume = true;
}

static void host_schedule_keep_alive(struct session *session, double seconds)
{
    run_of(session)->keep_alive = seconds > 0;
}

static void host_finished(struct session *session)
{
    require(!run_of(session)->finished);
    run_of(session)->finished = true;
}

static const struct session_host host = {.now = host_now,
                                         .connect_child = host_connect_child,
                                         .flush_child = host_flush_child,
                                         .disconnect_child = host_disconnect_child,
                                         .expect_child = host_expect_child,
                                         .flush_front = host_flush_front,
                                         .resume_front = host_resume_front,
                                         .schedule_keep_alive = host_schedule_keep_alive,
                                         .finished = host_finished};

/* ---- the script */

static bool front_drain(struct run *run)
{
    if (run->finished || !(run->stalled || run->drained)) {
        return false;
    }
    run->stalled = false;
    mta_read(run);
    run->drained = false;
    session_front_drained(run->session);
    return true;
}

/* What the loop would do by itself after an event. */
static void run_loop(struct run *run)
{
    bool busy = true;

    while (busy && !run->finished) {
        busy = run->resume || (run->drained && !run->stalled);
        if (run->resume) {
            run->resume = false;
            front_feed(run);
        }
        if (run->drained && !run->stalled) {
            (void)front_drain(run);
        }
        for (unsigned i = 0; i < CHILDREN; i++) {
            if (run->peers[i] != NULL && run->peers[i]->drained && !run->peers[i]->stalled) {
                busy |= peer_drained(run, i);
            }
        }
    }
}

static void mta_raw(struct run *run, unsigned length)
{
    char bytes[16];
    unsigned used;

    for (used = 0; used < length && used < sizeof(bytes); used++) {
        bytes[used] = (char)take(run);
    }
    mta_send(run, slice_of(bytes, used));
}

static void stall(struct run *run, unsigned who)
{
    if (who == CHILDREN) {
        run->stalled = true;
    } else if (run->peers[who] != NULL) {
        run->peers[who]->stalled = true;
    }
}

/* One round in which everybody does what is due; false when nothing is. */
static bool settle_once(struct run *run)
{
    bool busy = front_drain(run);

    for (unsigned i = 0; i < CHILDREN && !run->finished; i++) {
        busy |= answer_condition(run, i, CONDITION_RUN);
        busy |= peer_connected(run, i);
        busy |= peer_drained(run, i);
        busy |= peer_continue(run, i) || peer_timed_out(run, i);
        run_loop(run);
    }
    return busy && !run->finished;
}

static void settle(struct run *run)
{
    for (unsigned rounds = 0; settle_once(run); rounds++) {
        require(rounds < QUIET_ROUNDS);
    }
    /* Bytes left over are half a packet, which is owed nothing. */
    require(run->finished || buffer_length(&run->owed) == 0);
}

static void run_step(struct run *run)
{
    unsigned char action = take(run);
    unsigned child = (action >> 4) % CHILDREN;

    switch (action % 16) {
    case 0:
    case 1:
        if (buffer_length(&run->owed) == 0) { /* it waits for its answer, as most do */
            mta_command_packets(run, mta_natural(run, action >> 4), action >> 4);
        }
        break;
    case 2:
        mta_command_packets(run, (enum command)(action >> 4) % COMMANDS, take(run));
        break;
    case 3:
        mta_raw(run, action >> 4);
        break;
    case 4:
        settle(run);
        break;
    case 5:
        (void)peer_continue(run, child);
        break;
    case 6:
        peer_verdict(run, child, take(run));
        break;
    case 7:
        peer_edit(run, child, take(run));
        break;
    case 8:
        peer_raw(run, child, action >> 6);
        break;
    case 9:
        (void)peer_connected(run, child);
        break;
    case 10:
        peer_failed(run, child, action >> 6);
        break;
    case 11:
        (void)peer_timed_out(run, child);
        break;
    case 12:
        stall(run, (action >> 4) % (CHILDREN + 1));
        break;
    case 13:
        fuzz_check_connection(run->session, action >> 6);
        if (run->keep_alive) {
            session_keep_alive(run->session);
        }
        break;
    case 14:
        (void)answer_condition(run, child, action >> 6 == 0 ? CONDITION_STOP : CONDITION_RUN);
        break;
    default:
        (void)((action >> 4) % 2 == 0 ? front_drain(run) : peer_drained(run, child));
        break;
    }
    run_loop(run);
}

static void run_configure(struct run *run)
{
    static const enum verdict fallbacks[] = {VERDICT_ACCEPT, VERDICT_REJECT,
                                             VERDICT_TEMPORARY_FAILURE, VERDICT_DISCARD};
    unsigned char how = take(run);

    run->configuration.references = 1;
    run->configuration.children = run->children;
    run->configuration.child_count = how % (CHILDREN + 1);
    run->configuration.manager.fallback_status = fallbacks[how >> 2 & 3];
    run->configuration.manager.chunk_size = (how & 16) != 0 ? 5 : 65535;
    run->configuration.manager.packet_buffer_size = (how & 32) != 0 ? 16 : 0;
    for (unsigned i = 0; i < run->configuration.child_count; i++) {
        static const char *const names[] = {"0", "1", "2"};
        unsigned char child = take(run);

        run->answers[i] = take(run);
        run->conditions[i].stages =
            (child & 8) != 0 ? take(run) | (unsigned)(child >> 7) * 3 << 8 : 0;
        run->condition_lists[i] = &run->conditions[i];
        run->children[i] = (struct configuration_child){
            .name = names[i],
            .connection_spec = "unix:/s",
            .enabled = true,
            .fallback_status = fallbacks[child & 3],
            .evaluation_mode = (child & 4) != 0,
            .conditions = &run->condition_lists[i],
            .condition_count = run->conditions[i].stages != 0,
            .reading_timeout = 1,
            .end_of_message_timeout = 1,
        };
    }
}

/* Whatever has happened: the next message is answered from beginning to end. */
static void run_last_message(struct run *run)
{
    static const char message[] = "AMRLNBEA";
    enum command command;

    if (!run->connect_seen || buffer_length(&run->unread) > 0) {
        return;
    }
    for (const char *letter = message; *letter != '\0' && !run->finished; letter++) {
        require(command_from_letter(*letter, &command));
        if (order_after_command(run->session->front.position, command, 0) != POSITION_INVALID) {
            mta_command_packets(run, command, 6); /* not behind a refusal */
            run_loop(run);
            settle(run);
        }
    }
    require(run->finished || session_is_idle(run->session));
}

static void run_end(struct run *run)
{
    if (!run->finished && run->configuration.child_count % 2 == 1) {
        session_front_closed(run->session, NULL);
        require(run->finished);
    }
    session_free(run->session);
    for (unsigned i = 0; i < CHILDREN; i++) {
        require(run->peers[i] == NULL && run->tickets[i] == NULL);
    }
    require(board_sessions() == 0 && run->configuration.references == 1);
    buffer_clear(&run->front_output);
    buffer_clear(&run->front_input);
    buffer_clear(&run->unread);
    buffer_clear(&run->owed);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct run run = {.data = data, .size = size};

    log_set_levels(0);
    running = &run;
    run_configure(&run);
    run.session = session_new(&run.configuration, &host, &run, &run.front_output, "MTA");
    while (run.size > 0 && !run.finished) {
        run_step(&run);
    }
    if (!run.finished) {
        settle(&run);
        run_last_message(&run);
    }
    run_end(&run);
    return 0;
}
