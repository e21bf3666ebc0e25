/*
 * hooks - the C half of lib/milter/manager/hooks.rb, and connection checkers.
 *
 * Owns nothing: hooks belong to the Ruby side of their snapshot.
 */
#include "milter-manager/ruby/hooks.h"

#include "libcore/net/process.h"
#include "milter-manager/ruby/binding.h"
#include "milter-manager/ruby/building.h"
#include "milter-manager/session/connection_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool hooks_wanted(const struct configuration *configuration, unsigned hooks)
{
    return configuration != NULL && (configuration->hooks & hooks) != 0;
}

static void hooks_call(const char *method, const struct configuration *configuration)
{
    VALUE receiver = building_object(configuration);
    VALUE ignored;

    (void)binding_call(method, 1, &receiver, &ignored);
}

void hooks_configuration_in_force(const struct configuration *configuration,
                                  const struct configuration *former)
{
    if (hooks_wanted(former, HOOK_LOOP_CREATED)) {
        hooks_call("release_loop", former);
    }
    if (hooks_wanted(configuration, HOOK_LOOP_CREATED)) {
        hooks_call("loop_created", configuration);
    }
}

void hooks_maintained(const struct configuration *configuration)
{
    if (hooks_wanted(configuration, HOOK_MAINTAINED)) {
        hooks_call("maintained", configuration);
    }
}

enum condition_answer connection_checkers_ask(const struct configuration *configuration,
                                              uint64_t context, condition_answered_fn *answered,
                                              void *owner, struct condition_ticket **ticket)
{
    VALUE arguments[] = {building_object(configuration), ULL2NUM(context)};
    const struct condition_stopper *checker;

    return condition_put("check_connection", 2, arguments, answered, owner, ticket, &checker);
}

/* KB in memory now; where the system has no such file, the most there ever were. */
static VALUE native_resident_size(VALUE self)
{
    struct rusage usage = {0};
    uint64_t bytes;

    (void)self;
    if (process_resident_memory(getpid(), &bytes)) {
        return ULL2NUM(bytes / 1024);
    }
    (void)getrusage(RUSAGE_SELF, &usage);
    return LONG2NUM(usage.ru_maxrss);
}

void hooks_define(void)
{
    BINDING_DEFINE("resident_size", native_resident_size, 0);
}
