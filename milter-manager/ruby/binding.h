/*
 * binding - what the files of this directory share about Ruby.
 *
 * The rule that keeps the loop whole: C calls Ruby through binding_call only,
 * which catches every exception; functions called by Ruby never raise, they
 * return false or a message and the Ruby side raises.
 */
#ifndef MILTER_MANAGER_RUBY_BINDING_H
#define MILTER_MANAGER_RUBY_BINDING_H

#include "libcore/base/slice.h"
#include "libcore/net/loop.h"
#include "milter-manager/session/condition.h"

#include <ruby.h>
#include <stdbool.h>

/* Milter::Manager::Native, where the functions for Ruby are defined. */
extern VALUE binding_module;
/* Milter::Manager::Engine, the Ruby half of it all. */
extern VALUE binding_engine;

/* Defines Native.name; arity as for rb_define_method. */
#define BINDING_DEFINE(name, function, arity)                                                      \
    rb_define_module_function(binding_module, name, function, arity)

/*
 * Engine.method(*arguments).  False when it raised: the exception is logged as
 * an error that names the method, and forgotten.
 */
bool binding_call(const char *method, int count, const VALUE *arguments, VALUE *result);

/* UTF-8 when the bytes are valid, else binary. */
VALUE binding_string(struct slice slice);
/* Anything but a string gives the empty slice; valid as long as string is. */
struct slice binding_slice(VALUE string);

struct loop *binding_loop(void);
/* In a process that configuration code has forked: there is no loop, the parent's is left alone. */
void binding_abandon_loop(void);
/* rb_gc_register_address and its opposite; nothing once Ruby has ended. */
void binding_keep(VALUE *object);
void binding_drop(VALUE *object);

/* object: the Ruby half, kept from the garbage collector until condition_free. */
struct condition *condition_new(VALUE object, const char *name);
/* One more stopper, written at that place; the number by which Ruby names it in answers. */
uint64_t condition_add_stopper(struct condition *condition, enum condition_stage stage,
                               const char *file, int line);
void condition_free(struct condition *condition);

/* Each file's functions; called once by engine_start. */
void building_define(void);
void context_binding_define(void);
void condition_define(void);
void waiting_define(void);
void logging_define(void);
void loader_define(void);
void turn_define(void);
void forking_define(void);
void hooks_define(void);
/* The timer is the parent's. */
void turn_after_fork(void);
/* The loop has its fiber back, however it came there: nobody's time counts any more. */
void turn_stop(void);
/*
 * What runs now is the last of it: when it has not ended after some seconds, by
 * turn_over, the process ends all the same.
 */
void turn_last(void);
void turn_over(void);
/* True in a process that configuration code has forked. */
bool forking_in_child(void);
/* Ends such a process; returns in any other. */
void forking_end_child(int status);
/* Forgets watchers and tickets before Ruby ends. */
void waiting_clear(void);
void condition_clear(void);
/*
 * Engine.method(ticket, *arguments): who says true (*stopper), false, or nil, which means
 * that answered will be called and *ticket is set.  The arguments without the ticket.
 */
enum condition_answer condition_put(const char *method, int count, const VALUE *arguments,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket,
                                    const struct condition_stopper **stopper);
/* Calls the callbacks of the answered questions: array of [ticket, answer] or nil. */
void condition_deliver(VALUE answers);

#endif
