/*
 * condition - asks applicable conditions; the C half of lib/milter/manager/engine.rb.
 *
 * Owns the condition objects' protection from the garbage collector and the
 * tickets of pending questions.  Order, deadlines, exceptions and fibers are
 * Ruby's; the answers of questions that waited are delivered from here, outside
 * of any Ruby frame.
 */
#include "milter-manager/session/condition.h"

#include "libcore/base/memory.h"
#include "milter-manager/ruby/binding.h"
#include "milter-manager/ruby/slots.h"

#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAXIMUM = 4 }; /* of a question, without its ticket */

struct condition {
    VALUE object;
    unsigned stages;
};

struct condition_ticket {
    uint64_t number;
    condition_answered_fn *answered;
    void *owner;
};

static struct slots tickets;

struct condition *condition_new(VALUE object)
{
    struct condition *condition = NEW(struct condition);

    condition->object = object;
    binding_keep(&condition->object);
    return condition;
}

void condition_set_stages(struct condition *condition, unsigned stages)
{
    condition->stages = stages;
}

void condition_free(struct condition *condition)
{
    binding_drop(&condition->object);
    free(condition);
}

bool condition_has_stopper(const struct condition *condition, enum condition_stage stage)
{
    return (condition->stages & 1U << stage) != 0;
}

/* The conditions with a stopper of that kind, nil when there is none. */
static VALUE wanted_conditions(struct condition *const *conditions, unsigned count,
                               enum condition_stage stage)
{
    VALUE wanted = Qnil;

    for (unsigned i = 0; i < count; i++) {
        if (condition_has_stopper(conditions[i], stage)) {
            if (NIL_P(wanted)) {
                wanted = rb_ary_new_capa((long)(count - i));
            }
            rb_ary_push(wanted, conditions[i]->object);
        }
    }
    return wanted;
}

static VALUE question_arguments(const struct condition_question *question)
{
    VALUE arguments = rb_ary_new_capa(4);

    for (unsigned i = 0; i < question->argument_count; i++) {
        rb_ary_push(arguments, binding_string(question->arguments[i]));
    }
    if (question->stage == CONDITION_CONNECT) {
        rb_ary_push(arguments, rb_str_new(&question->family, 1));
        rb_ary_push(arguments, UINT2NUM(question->port));
        rb_ary_push(arguments, binding_string(question->address));
    }
    return arguments;
}

enum condition_answer condition_put(const char *method, int count, const VALUE *arguments,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket)
{
    struct condition_ticket *pending = NEW(struct condition_ticket);
    VALUE all[ARGUMENTS_MAXIMUM + 1];
    VALUE answer;

    *ticket = NULL;
    pending->number = slots_add(&tickets, pending);
    pending->answered = answered;
    pending->owner = owner;
    all[0] = ULL2NUM(pending->number);
    memcpy(all + 1, arguments, (size_t)count * sizeof(all[0]));
    if (!binding_call(method, count + 1, all, &answer)) {
        answer = Qfalse;
    }
    if (NIL_P(answer)) {
        *ticket = pending;
        return CONDITION_PENDING;
    }
    free(slots_remove(&tickets, pending->number));
    return RTEST(answer) ? CONDITION_STOP : CONDITION_RUN;
}

enum condition_answer condition_ask(struct condition *const *conditions, unsigned count,
                                    const struct condition_question *question,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket)
{
    VALUE wanted = wanted_conditions(conditions, count, question->stage);

    *ticket = NULL;
    if (NIL_P(wanted)) {
        return CONDITION_RUN;
    }

    VALUE arguments[] = {wanted, INT2FIX((int)question->stage), ULL2NUM(question->context),
                         question_arguments(question)};
    return condition_put("ask", 4, arguments, answered, owner, ticket);
}

void condition_cancel(struct condition_ticket *ticket)
{
    VALUE number;
    VALUE answers;

    if (ticket == NULL) {
        return;
    }
    number = ULL2NUM(ticket->number);
    free(slots_remove(&tickets, ticket->number));
    (void)binding_call("cancel", 1, &number, &answers);
}

void condition_deliver(VALUE answers)
{
    if (!RB_TYPE_P(answers, T_ARRAY)) {
        return;
    }
    /* A callback may cancel other questions: each number is looked up when its turn comes. */
    for (long i = 0; i + 1 < RARRAY_LEN(answers); i += 2) {
        bool stop = RTEST(rb_ary_entry(answers, i + 1));
        struct condition_ticket *ticket = slots_remove(&tickets, NUM2ULL(rb_ary_entry(answers, i)));

        if (ticket != NULL) {
            ticket->answered(ticket->owner, stop ? CONDITION_STOP : CONDITION_RUN);
            free(ticket);
        }
    }
    RB_GC_GUARD(answers);
}

void condition_clear(void)
{
    struct condition_ticket *ticket;

    while ((ticket = slots_take_any(&tickets)) != NULL) {
        free(ticket);
    }
    slots_clear(&tickets);
}
