/*
 * prepared - payloads and macro sets, made once.  Pure functions of the plan
 * and the message.
 */
#include "milter-test-server/prepared.h"

#include "libcore/session/macros.h"

static struct slice prepare_payload(struct prepared *prepared, const struct session_plan *plan,
                                    enum step step, size_t index, bool leading_space)
{
    struct buffer scratch = {0};
    struct slice payload;

    if (step == STEP_BODY) { /* large, and sent as it is */
        return prepared->message->body.items[index];
    }
    steps_payload(step, plan, prepared->message, index, leading_space, &scratch);
    payload = arena_copy(&prepared->arena, buffer_slice(&scratch));
    buffer_clear(&scratch);
    return payload;
}

static struct slice prepare_macros(struct prepared *prepared, const struct session_plan *plan,
                                   enum step step, size_t index)
{
    const struct message *message = prepared->message;
    struct slice recipient =
        step == STEP_RCPT ? message->recipients.items[index] : slice_of(NULL, 0);
    struct buffer scratch = {0};
    struct slice macros = {NULL, 0};

    if (macros_collect(plan->macros, steps_command(step), recipient, slice_of(NULL, 0), &scratch)) {
        macros = arena_copy(&prepared->arena, buffer_slice(&scratch));
    }
    buffer_clear(&scratch);
    return macros;
}

void prepared_init(struct prepared *prepared, const struct session_plan *plan,
                   const struct message *message)
{
    *prepared = (struct prepared){.message = message};
    for (enum step step = 0; step < STEPS; step++) {
        struct prepared_step *prepared_step = prepared->steps + step;

        prepared_step->count = steps_count(step, plan, message);
        prepared_step->commands =
            arena_new(&prepared->arena, prepared_step->count * sizeof(*prepared_step->commands));
        for (size_t i = 0; i < prepared_step->count; i++) {
            struct prepared_command *command = prepared_step->commands + i;

            command->payload = prepare_payload(prepared, plan, step, i, false);
            command->spaced = step == STEP_HEADER ? prepare_payload(prepared, plan, step, i, true)
                                                  : command->payload;
            command->macros = prepare_macros(prepared, plan, step, i);
        }
    }
}

void prepared_clear(struct prepared *prepared)
{
    arena_clear(&prepared->arena);
}
