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

struct stopper {
    struct condition_stopper public;
    char *file;
    uint64_t number;
    struct stopper *next;
};

struct condition {
    VALUE object;
    unsigned stages; /* bit per stage with a stopper */
    struct stopper *stoppers;
    char *name;
};

struct condition_ticket {
    uint64_t number;
    condition_answered_fn *answered;
    void *owner;
};

static struct slots tickets;
static struct slots stoppers;

static struct {
    condition_observer_fn *function;
    void *owner;
} observer;

struct condition *condition_new(VALUE object, const char *name)
{
    struct condition *condition = NEW(struct condition);

    condition->object = object;
    condition->name = memory_copy_string(name);
    binding_keep(&condition->object);
    return condition;
}

uint64_t condition_add_stopper(struct condition *condition, enum condition_stage stage,
                               const char *file, int line)
{
    struct stopper *stopper = NEW(struct stopper);

    stopper->public = (struct condition_stopper){.condition = condition->name,
                                                 .stage = stage,
                                                 .file = stopper->file = memory_copy_string(file),
                                                 .line = line};
    stopper->number = slots_add(&stoppers, stopper);
    stopper->next = condition->stoppers;
    condition->stoppers = stopper;
    condition->stages |= 1U << stage;
    return stopper->number;
}

void condition_free(struct condition *condition)
{
    struct stopper *stopper;

    while ((stopper = condition->stoppers) != NULL) {
        condition->stoppers = stopper->next;
        (void)slots_remove(&stoppers, stopper->number);
        free(stopper->file);
        free(stopper);
    }
    free(condition->name);
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
    if (question->stage == CONDITION_ENVELOPE) {
        VALUE recipients = rb_ary_new_capa((long)question->recipient_count);

        for (unsigned i = 0; i < question->recipient_count; i++) {
            rb_ary_push(recipients, binding_string(question->recipients[i]));
        }
        rb_ary_push(arguments, recipients);
    }
    if (question->stage == CONDITION_CONNECT) {
        rb_ary_push(arguments, rb_str_new(&question->family, 1));
        rb_ary_push(arguments, UINT2NUM(question->port));
        rb_ary_push(arguments, binding_string(question->address));
    }
    return arguments;
}

/* A connection checker's answer is true: nobody asks which one it was. */
static const struct condition_stopper anybody = {.condition = ""};

/* The stopper of an answer: its number, or false for none. */
static const struct condition_stopper *stopper_of(VALUE answer)
{
    const struct stopper *stopper;

    if (answer == Qtrue) {
        return &anybody;
    }
    stopper = RTEST(answer) ? slots_find(&stoppers, NUM2ULL(answer)) : NULL;
    return stopper == NULL ? NULL : &stopper->public;
}

enum condition_answer condition_put(const char *method, int count, const VALUE *arguments,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket,
                                    const struct condition_stopper **stopper)
{
    struct condition_ticket *pending = NEW(struct condition_ticket);
    VALUE all[ARGUMENTS_MAXIMUM + 1];
    VALUE answer;

    *ticket = NULL;
    *stopper = NULL;
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
    *stopper = stopper_of(answer);
    return *stopper == NULL ? CONDITION_RUN : CONDITION_STOP;
}

enum condition_answer condition_ask(struct condition *const *conditions, unsigned count,
                                    const struct condition_question *question,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket,
                                    const struct condition_stopper **stopper)
{
    VALUE wanted = wanted_conditions(conditions, count, question->stage);

    *ticket = NULL;
    *stopper = NULL;
    if (NIL_P(wanted)) {
        return CONDITION_RUN;
    }

    VALUE arguments[] = {wanted, INT2FIX((int)question->stage), ULL2NUM(question->context),
                         question_arguments(question)};
    return condition_put("ask", 4, arguments, answered, owner, ticket, stopper);
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
        const struct condition_stopper *stopper = stopper_of(rb_ary_entry(answers, i + 1));
        struct condition_ticket *ticket = slots_remove(&tickets, NUM2ULL(rb_ary_entry(answers, i)));

        if (ticket != NULL) {
            ticket->answered(ticket->owner, stopper);
            free(ticket);
        }
    }
    RB_GC_GUARD(answers);
}

/* ---- the observer ---- */

/* answer: the number of the stopper that said true, or false. */
static VALUE native_remark(VALUE self, VALUE handle, VALUE stage, VALUE name, VALUE outcome,
                           VALUE answer, VALUE text)
{
    (void)self;
    if (observer.function != NULL) {
        const struct condition_remark remark = {
            .context = NUM2ULL(handle),
            .stage = (enum condition_stage)FIX2INT(stage),
            .condition = binding_slice(name),
            .outcome = (enum condition_outcome)FIX2INT(outcome),
            .stopper = stopper_of(answer),
            .text = binding_slice(text),
        };

        observer.function(observer.owner, &remark);
    }
    return Qnil;
}

void condition_observe(condition_observer_fn *hears, void *owner)
{
    VALUE observed = hears == NULL ? Qfalse : Qtrue;
    VALUE ignored;

    observer.function = hears;
    observer.owner = owner;
    (void)binding_call("observed=", 1, &observed, &ignored);
}

void condition_define(void)
{
    static const struct {
        const char *name;
        enum condition_outcome outcome;
    } constants[] = {
        {"CONDITION_PASSED", CONDITION_PASSED},
        {"CONDITION_STOPPED", CONDITION_STOPPED},
        {"CONDITION_RAISED", CONDITION_RAISED},
        {"CONDITION_TIMED_OUT", CONDITION_TIMED_OUT},
    };

    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        rb_define_const(binding_module, constants[i].name, INT2FIX((int)constants[i].outcome));
    }
    BINDING_DEFINE("remark", native_remark, 6);
}

/* ---- the end ---- */

void condition_clear(void)
{
    struct condition_ticket *ticket;

    while ((ticket = slots_take_any(&tickets)) != NULL) {
        free(ticket);
    }
    slots_clear(&tickets);
}
