/*
 * engine - start and end of the interpreter, calls into it, strings.
 *
 * Owns the interpreter.  Gives every signal back to its former handler except
 * the few Ruby cannot work without, and never lets an exception pass.
 */
#include "milter-manager/ruby/engine.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/ruby/binding.h"
#include "milter-manager/ruby/paths.h"

#include <errno.h>
#include <ruby/encoding.h>
#include <ruby/thread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

VALUE binding_module;
VALUE binding_engine;

static struct loop *current_loop;
static bool started;

/* Dispositions before Ruby set its own. */
static struct sigaction former_actions[NSIG];

static void remember_signals(void)
{
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, NULL, &former_actions[number]);
    }
}

/*
 * Ruby's handler stays for SIGVTALRM (its thread switching), and where nobody
 * had one before for SIGCHLD (Process.wait needs it), SIGPIPE (it ignores),
 * SIGSEGV and SIGBUS: recursion that leaves the machine's stack, in a method
 * written in C as a rule, becomes a SystemStackError there.
 */
static bool ruby_keeps(int number)
{
    bool unused = former_actions[number].sa_handler == SIG_DFL;

    return number == SIGVTALRM || (unused && (number == SIGCHLD || number == SIGPIPE ||
                                              number == SIGSEGV || number == SIGBUS));
}

static void restore_signals(void)
{
    for (int number = 1; number < NSIG; number++) {
        if (!ruby_keeps(number)) {
            (void)sigaction(number, &former_actions[number], NULL);
        }
    }
}

/*
 * While Ruby starts it would turn these into an exception, or lose them.  It lets a
 * handler of somebody else be, so they are noted and raised once more at the end.
 */
static const int late_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM};
static volatile sig_atomic_t noted_signals[NSIG];

static void note_signal(int number)
{
    noted_signals[number] = 1;
}

static void note_signals(void)
{
    const struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof(late_signals) / sizeof(late_signals[0]); i++) {
        if (former_actions[late_signals[i]].sa_handler == SIG_DFL) {
            (void)sigaction(late_signals[i], &action, NULL);
        }
    }
}

static void raise_noted_signals(void)
{
    for (size_t i = 0; i < sizeof(late_signals) / sizeof(late_signals[0]); i++) {
        if (noted_signals[late_signals[i]] != 0) {
            noted_signals[late_signals[i]] = 0;
            (void)raise(late_signals[i]);
        }
    }
}

struct call {
    VALUE receiver;
    ID method;
    int count;
    const VALUE *arguments;
};

static VALUE perform(VALUE argument)
{
    const struct call *call = (const struct call *)(uintptr_t)argument;

    int keywords = call->count > 0 && RB_TYPE_P(call->arguments[call->count - 1], T_HASH);

    return rb_funcallv_kw(call->receiver, call->method, call->count, call->arguments, keywords);
}

static bool protect(const struct call *call, VALUE *result)
{
    int state = 0;

    *result = rb_protect(perform, (VALUE)(uintptr_t)call, &state);
    return state == 0;
}

/* The exception that ended the last protected call, as text; never raises. */
static void describe_exception(struct slice *text, VALUE *holder)
{
    VALUE exception = rb_errinfo();
    VALUE plain = rb_hash_new();
    struct call call = {
        .receiver = exception,
        .method = rb_intern("full_message"),
        .count = 1,
        .arguments = &plain,
    };

    rb_hash_aset(plain, ID2SYM(rb_intern("highlight")), Qfalse);

    rb_set_errinfo(Qnil);
    if (NIL_P(exception) || !protect(&call, holder)) {
        rb_set_errinfo(Qnil);
        *text = slice_from_string("unknown error");
        return;
    }
    *text = binding_slice(*holder);
}

/* The length of what an operator is told; the calls behind it are for debugging. */
static int first_line(struct slice text)
{
    const char *end = memchr(text.data, '\n', text.length);

    return end == NULL ? (int)text.length : (int)(end - text.data);
}

bool binding_call(const char *method, int count, const VALUE *arguments, VALUE *result)
{
    struct call call = {
        .receiver = binding_engine,
        .method = rb_intern(method),
        .count = count,
        .arguments = arguments,
    };
    struct slice text;
    VALUE holder = Qnil;

    if (protect(&call, result)) {
        turn_stop();
        forking_end_child(EXIT_SUCCESS);
        return true;
    }
    turn_stop();
    describe_exception(&text, &holder);
    log_error("[ruby][error] %s: %.*s", method, first_line(text), text.data);
    log_debug("[ruby][backtrace] %s: %.*s", method, (int)text.length, text.data);
    RB_GC_GUARD(holder);
    forking_end_child(EXIT_FAILURE);
    *result = Qnil;
    return false;
}

VALUE binding_string(struct slice slice)
{
    VALUE string = rb_utf8_str_new(slice.data == NULL ? "" : slice.data, (long)slice.length);

    if (rb_enc_str_coderange(string) == ENC_CODERANGE_BROKEN) {
        rb_enc_associate(string, rb_ascii8bit_encoding());
    }
    return string;
}

struct slice binding_slice(VALUE string)
{
    if (!RB_TYPE_P(string, T_STRING)) {
        return slice_of("", 0);
    }
    return slice_of(RSTRING_PTR(string), (size_t)RSTRING_LEN(string));
}

struct loop *binding_loop(void)
{
    return current_loop;
}

void binding_abandon_loop(void)
{
    if (current_loop != NULL) {
        loop_abandon(current_loop);
        current_loop = NULL;
    }
}

void binding_keep(VALUE *object)
{
    rb_gc_register_address(object);
}

void binding_drop(VALUE *object)
{
    if (started) {
        rb_gc_unregister_address(object);
    }
}

static VALUE start_language(VALUE argument)
{
    VALUE milter = rb_define_module("Milter");
    VALUE manager = rb_define_module_under(milter, "Manager");
    const char *directory = (const char *)(uintptr_t)argument;

    rb_gc_register_address(&binding_module);
    rb_gc_register_address(&binding_engine);
    binding_module = rb_define_module_under(manager, "Native");
    building_define();
    context_binding_define();
    condition_define();
    waiting_define();
    logging_define();
    loader_define();
    turn_define();
    forking_define();
    hooks_define();

    rb_ary_unshift(rb_gv_get("$LOAD_PATH"), rb_utf8_str_new_cstr(directory));
    rb_require("milter/manager");
    binding_engine = rb_const_get(manager, rb_intern("Engine"));
    rb_funcall(binding_engine, rb_intern("prepare"), 0);
    return Qnil;
}

/*
 * Whenever garbage is collected, the stacks of all fibers that wait are looked
 * through: 50 ms for 10,000 of them, in which nobody else is served.  So it is
 * done seldom; the objects are little beside the stacks.  An administrator's own
 * settings count.
 */
static const struct collector_setting {
    const char *name, *value;
} collector_settings[] = {
    {"RUBY_GC_HEAP_FREE_SLOTS_MIN_RATIO", "0.5"},
    {"RUBY_GC_HEAP_FREE_SLOTS_GOAL_RATIO", "0.75"},
    {"RUBY_GC_HEAP_FREE_SLOTS_MAX_RATIO", "0.85"},
    {"RUBY_GC_HEAP_GROWTH_FACTOR", "3"},
};

enum { COLLECTOR_SETTINGS = sizeof(collector_settings) / sizeof(collector_settings[0]) };

/* Ruby takes them from its environment only, which programs that are started shall not see. */
static int start_interpreter(int count, char **options)
{
    bool ours[COLLECTOR_SETTINGS];
    int state = ruby_setup();

    for (size_t i = 0; i < COLLECTOR_SETTINGS; i++) {
        ours[i] = getenv(collector_settings[i].name) == NULL &&
                  setenv(collector_settings[i].name, collector_settings[i].value, 0) == 0;
    }
    if (state == 0) {
        (void)ruby_options(count, options);
    }
    for (size_t i = 0; i < COLLECTOR_SETTINGS; i++) {
        if (ours[i]) {
            (void)unsetenv(collector_settings[i].name);
        }
    }
    return state;
}

bool engine_start(struct error *error)
{
    /*
     * The features left out would be paid for at every start; files can require what they want.
     * Ruby keeps the words, and writes what is assigned to $0 over them.
     */
    static char words[][16] = {"milter-manager", "--disable-all", "-EUTF-8", "-e", ""};
    static char *options[] = {words[0], words[1], words[2], words[3], words[4], NULL};
    char *directory;
    int state = 0;

    if (started) {
        return true;
    }
    paths_remember_start();
    remember_signals();
    note_signals();
    /*
     * With so much of the machine's stack a fiber reaches the end of Ruby's own first, which is
     * harmless; leaving the other one may happen within malloc.  Only what is touched costs memory.
     */
    (void)setenv("RUBY_FIBER_MACHINE_STACK_SIZE", "2097152", 0);
    RUBY_INIT_STACK;
    if (start_interpreter(5, options) != 0) {
        restore_signals();
        raise_noted_signals();
        error_set(error, ERROR_SYSTEM, "failed to start the Ruby interpreter");
        return false;
    }
    directory = paths_library_directory();
    (void)rb_protect(start_language, (VALUE)(uintptr_t)directory, &state);
    restore_signals();
    raise_noted_signals();
    if (state != 0) {
        struct slice text;
        VALUE holder = Qnil;

        describe_exception(&text, &holder);
        error_set(error, ERROR_SYSTEM, "failed to load the configuration language from %s: %.*s",
                  directory, first_line(text), text.data);
        RB_GC_GUARD(holder);
    }
    free(directory);
    started = state == 0;
    return started;
}

void engine_set_loop(struct loop *loop)
{
    VALUE ignored;

    if (current_loop != NULL && loop != current_loop) {
        condition_clear();
        waiting_clear();
        (void)binding_call("reset", 0, NULL, &ignored);
    }
    current_loop = loop;
    if (loop != NULL) {
        (void)binding_call("attach", 0, NULL, &ignored);
    }
}

pid_t engine_fork(void)
{
    VALUE number;
    VALUE ignored;

    if (!started) {
        return fork();
    }
    if (!binding_call("fork_process", 0, NULL, &number) || !RB_INTEGER_TYPE_P(number)) {
        errno = EAGAIN;
        return -1;
    }
    if (number == INT2FIX(0)) {
        turn_after_fork();
        (void)binding_call("after_fork", 0, NULL, &ignored);
    }
    return NUM2PIDT(number);
}

void engine_stop(void)
{
    if (!started) {
        return;
    }
    engine_set_loop(NULL);
    started = false;
    turn_last();
    (void)ruby_cleanup(0);
    turn_over();
}
