/*
 * answer - how one connection's commands are answered.
 *
 * Owns its timer.  Never reads, never closes: the owner does.
 */
#include "milter-test-client/answer.h"

#include "libcore/wire/flags.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The loop may be that much early. */
static const double timer_tolerance = 0.002;
/* As a packet it would be 4 GiB long, more than any MTA takes. */
static const char garbage[] = "\xff\xff\xff\xffthis is no milter packet\r\n";

void answer_init(struct answer *answer, const struct policy *policy, struct loop *loop,
                 struct stream *stream, struct filter *filter,
                 const struct answer_handlers *handlers, void *owner)
{
    *answer = (struct answer){
        .policy = policy,
        .handlers = handlers,
        .owner = owner,
        .loop = loop,
        .stream = stream,
        .filter = filter,
    };
}

void answer_clear(struct answer *answer)
{
    loop_timer_free(answer->timer);
    answer->timer = NULL;
    buffer_clear(&answer->lists);
}

/* ---- deciding */

static bool leading_space(const struct answer *answer)
{
    return (answer->filter->answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
}

/* Complains once about each action. */
static void miss_action(struct answer *answer, const char *what, uint32_t action)
{
    bool offered = (answer->filter->offer.actions & action) != 0;
    struct buffer name = {0};
    char sentence[256];

    if ((answer->missed & action) != 0) {
        return;
    }
    answer->missed |= action;
    flags_append(&name, FLAGS_ACTIONS, action);
    (void)snprintf(sentence, sizeof(sentence), "%s is left out: %s the action %.*s", what,
                   offered ? "--negotiate-actions did not ask for" : "the MTA does not offer",
                   (int)buffer_length(&name), name.data + name.start);
    buffer_clear(&name);
    answer->handlers->complain(answer->owner, sentence);
}

static void decide_negotiation(struct answer *answer)
{
    struct negotiation *negotiation = &answer->plan.negotiation;

    buffer_reset(&answer->lists);
    *negotiation = policy_negotiate(answer->policy, &answer->filter->offer, &answer->lists);
    if (answer->policy->requests_macros && (negotiation->actions & ACTION_SET_MACRO_LIST) == 0) {
        miss_action(answer, "the list of macros", ACTION_SET_MACRO_LIST);
    }
}

static struct reply decide_reply(struct answer *answer, const struct command_packet *command)
{
    struct reply reply = policy_reply(answer->policy, command, leading_space(answer));

    if (reply.kind != REPLY_SKIP || (answer->filter->answer.steps & STEP_SKIP) != 0) {
        return reply;
    }
    if (!answer->skip_missed) {
        answer->skip_missed = true;
        answer->handlers->complain(answer->owner,
                                   "continue takes the place of skip, which was not negotiated");
    }
    return (struct reply){.kind = REPLY_CONTINUE};
}

const struct answer_plan *answer_decide(struct answer *answer, const struct command_packet *command,
                                        unsigned long session)
{
    const struct policy *policy = answer->policy;
    bool leading = leading_space(answer);
    struct answer_plan *plan = &answer->plan;

    *plan = (struct answer_plan){.due = answer->filter->owes, .reply = {.kind = REPLY_CONTINUE}};
    plan->fault = policy_fault(policy, command, leading, session);
    if (!plan->due) {
        /* Where no reply is due none can be late or wrong; the connection can break. */
        plan->fault = plan->fault == FAULT_CLOSE ? FAULT_CLOSE : FAULT_NONE;
        return plan;
    }
    plan->delay = policy_delay(policy, command, leading, drand48());
    plan->edits = command->command == COMMAND_END_OF_MESSAGE;
    if (command->command == COMMAND_NEGOTIATE) {
        decide_negotiation(answer);
    } else {
        plan->reply = decide_reply(answer, command);
    }
    return plan;
}

/* ---- saying it */

/* Bytes that are not for the machine to write. */
static void send_raw(struct answer *answer, struct slice bytes)
{
    buffer_append_slice(stream_output(answer->stream), bytes);
    if (answer->filter->recorder != NULL) {
        recorder_replies(answer->filter->recorder, bytes);
    }
}

static void send_half(struct answer *answer)
{
    struct buffer packet = {0};

    if (answer->filter->owed == COMMAND_NEGOTIATE) {
        negotiation_append(&packet, &answer->plan.negotiation);
    } else {
        reply_append(&packet, &answer->plan.reply);
    }
    send_raw(answer, slice_of(packet.data + packet.start, buffer_length(&packet) / 2));
    buffer_clear(&packet);
}

bool answer_sends(const struct answer *answer, const struct reply *edit)
{
    return (answer->filter->answer.actions & reply_info[edit->kind].action) != 0;
}

/* Where it was negotiated that values hold their blank, it has to be given as well. */
static void send_header_edit(struct answer *answer, const struct reply *edit)
{
    struct reply copy = *edit;
    struct buffer value = {0};

    buffer_append_byte(&value, ' ');
    buffer_append_slice(&value, edit->value);
    copy.value = buffer_slice(&value);
    filter_edit(answer->filter, &copy);
    buffer_clear(&value);
}

static void send_edits(struct answer *answer)
{
    for (size_t i = 0; i < answer->policy->edit_count; i++) {
        const struct reply *edit = &answer->policy->edits[i];

        if (!answer_sends(answer, edit)) {
            miss_action(answer, reply_info[edit->kind].name, reply_info[edit->kind].action);
        } else if (edit->value.length > 0 && leading_space(answer)) {
            send_header_edit(answer, edit);
        } else {
            filter_edit(answer->filter, edit);
        }
    }
}

static void send_progress(struct answer *answer)
{
    filter_edit(answer->filter, &(struct reply){.kind = REPLY_PROGRESS});
    stream_flush(answer->stream);
}

static void send_reply(struct answer *answer)
{
    if (answer->filter->owed == COMMAND_NEGOTIATE) {
        filter_negotiate(answer->filter, &answer->plan.negotiation);
    } else {
        filter_reply(answer->filter, &answer->plan.reply);
    }
}

/* ---- waiting */

static bool makes_progress(const struct answer *answer)
{
    return answer->policy->progress > 0 && answer->filter->owed == COMMAND_END_OF_MESSAGE;
}

static void answer_complete(struct answer *answer);

static void answer_on_time(void *owner);

/* Until the time of the reply or of the next PROGRESS; for ever when there is neither. */
static void answer_wait(struct answer *answer)
{
    double seconds = answer->time - loop_now(answer->loop);

    if (makes_progress(answer) && answer->policy->progress < seconds) {
        seconds = answer->policy->progress;
    }
    if (isinf(seconds)) {
        return;
    }
    if (answer->timer == NULL) {
        answer->timer = loop_timer_new(answer->loop, answer_on_time, answer);
    }
    loop_timer_start(answer->timer, seconds);
}

static void answer_on_time(void *owner)
{
    struct answer *answer = owner;

    if (answer->time - loop_now(answer->loop) > timer_tolerance) {
        send_progress(answer);
        answer_wait(answer);
        return;
    }
    answer_complete(answer);
    if (!answer->filter->owes) {
        answer->handlers->given(answer->owner);
    }
}

/* From now on nothing is said, but for PROGRESS while the MTA waits for the end of a message. */
static void answer_hang(struct answer *answer)
{
    answer->silent = true;
    answer->time = INFINITY;
    answer_wait(answer);
}

/* May end the session: nothing is touched behind it. */
static void answer_complete(struct answer *answer)
{
    if (answer->plan.edits) {
        if (makes_progress(answer) && answer->plan.delay <= 0) {
            send_progress(answer);
        }
        send_edits(answer);
    }
    switch (answer->plan.fault) {
    case FAULT_CLOSE:
        answer->handlers->closes(answer->owner);
        return;
    case FAULT_GARBAGE:
        answer->silent = true;
        send_raw(answer, slice_of(garbage, sizeof(garbage) - 1));
        break;
    case FAULT_PARTIAL:
        answer->silent = true;
        send_half(answer);
        break;
    case FAULT_HANG:
        answer_hang(answer);
        break;
    default:
        send_reply(answer);
        return;
    }
    stream_flush(answer->stream);
}

void answer_begin(struct answer *answer)
{
    if (!answer->plan.due) {
        if (answer->plan.fault == FAULT_CLOSE) {
            answer->handlers->closes(answer->owner);
        } else if (command_info[answer->filter->owed].replied) {
            send_reply(answer); /* counted by the machine, not sent */
        }
        return;
    }
    if (answer->silent) {
        return;
    }
    answer->time = loop_now(answer->loop) + answer->plan.delay;
    if (answer->plan.delay > 0) {
        /* What was said before must not wait as well. */
        stream_flush(answer->stream);
        answer_wait(answer);
    } else {
        answer_complete(answer);
    }
}

void answer_cut_off(struct answer *answer)
{
    enum policy_fault fault = answer->plan.fault;

    if (answer->timer != NULL) {
        loop_timer_stop(answer->timer);
    }
    if (!answer->silent && (fault == FAULT_NONE || fault == FAULT_CLOSE)) {
        answer->plan.edits = false;
        answer_complete(answer);
        return;
    }
    answer->silent = true;
    filter_withdraw(answer->filter);
}
