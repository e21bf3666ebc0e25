/*
 * virtual_child - a milter that is nowhere.
 *
 * Owns the filter machine and what travels between it and the session.  It
 * never opens anything.
 */
#include "milter-manager/explain/virtual_child.h"

static const struct assumption *virtual_child_assumption(const struct virtual_child *virtual,
                                                         enum command stage)
{
    return assumptions_find(virtual->assumptions, virtual->child->configuration->name, stage);
}

static void virtual_child_fail(const struct virtual_child *virtual)
{
    struct error error = {0};

    error_set(&error, ERROR_CLOSED, "it is assumed to fail");
    session_child_failed(virtual->child, &error);
}

static void virtual_child_negotiate(struct virtual_child *virtual)
{
    const struct negotiation answer = {
        .version = virtual->filter.offer.version,
        .actions = virtual->filter.offer.actions & ~(uint32_t)ACTION_SET_MACRO_LIST,
        .macro_lists = {"", 0},
    };

    filter_negotiate(&virtual->filter, &answer);
}

/* False: it has failed. */
static bool virtual_child_answer(struct virtual_child *virtual, enum command command)
{
    const struct assumption *assumption = virtual_child_assumption(virtual, command);

    if (assumption != NULL && assumption->fails) {
        virtual_child_fail(virtual);
        return false;
    }
    filter_reply_verdict(&virtual->filter,
                         assumption == NULL ? VERDICT_CONTINUE : assumption->verdict);
    return true;
}

/* False: nothing more is to be said. */
static bool virtual_child_take(struct virtual_child *virtual, enum command command)
{
    virtual->seen[command]++;
    if (command == COMMAND_NEGOTIATE) {
        virtual_child_negotiate(virtual);
        return true;
    }
    return !command_info[command].replied || virtual_child_answer(virtual, command);
}

/* Reads one event; false: there is none, or it was its last. */
static bool virtual_child_read(struct virtual_child *virtual)
{
    struct slice input = buffer_slice(&virtual->input);
    size_t length = input.length;
    struct command_packet event;
    struct error error = {0};
    enum filter_result result = filter_next(&virtual->filter, &input, &event, &error);

    buffer_consume(&virtual->input, length - input.length);
    if (result == FILTER_INVALID) {
        session_child_failed(virtual->child, &error);
        return false;
    }
    return result == FILTER_EVENT && virtual_child_take(virtual, event.command);
}

/* Gives the session what was answered; it may disconnect us meanwhile. */
static void virtual_child_write(struct virtual_child *virtual)
{
    size_t consumed;

    if (virtual->child == NULL || buffer_length(&virtual->output) == 0) {
        return;
    }
    consumed = session_child_received(virtual->child, buffer_slice(&virtual->output));
    buffer_consume(&virtual->output, consumed);
}

static void virtual_child_reach(struct virtual_child *virtual)
{
    virtual->reached = true;
    if (virtual_child_assumption(virtual, COMMAND_NEGOTIATE) != NULL) {
        virtual_child_fail(virtual);
        return;
    }
    session_child_connected(virtual->child, &virtual->input);
}

static void virtual_child_turn(void *owner)
{
    struct virtual_child *virtual = owner;

    if (!virtual->reached) {
        virtual_child_reach(virtual);
        return;
    }
    while (virtual->child != NULL && virtual_child_read(virtual)) {
    }
    virtual_child_write(virtual);
}

void virtual_child_init(struct virtual_child *virtual, struct loop *loop,
                        const struct assumptions *assumptions)
{
    *virtual = (struct virtual_child){.loop = loop, .assumptions = assumptions};
    virtual->task = (struct loop_task){.callback = virtual_child_turn, .owner = virtual};
    filter_init(&virtual->filter, &virtual->output);
}

void virtual_child_connect(struct virtual_child *virtual, struct session_child *child)
{
    virtual->child = child;
    loop_task_post(virtual->loop, &virtual->task);
}

void virtual_child_flush(struct virtual_child *virtual)
{
    loop_task_post(virtual->loop, &virtual->task);
}

void virtual_child_disconnect(struct virtual_child *virtual)
{
    virtual->child = NULL;
    loop_task_cancel(&virtual->task);
}

void virtual_child_clear(struct virtual_child *virtual)
{
    virtual_child_disconnect(virtual);
    filter_clear(&virtual->filter);
    buffer_clear(&virtual->input);
    buffer_clear(&virtual->output);
}
