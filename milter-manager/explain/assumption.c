/*
 * assumption - what a milter is supposed to answer.  Owns the names.
 */
#include "milter-manager/explain/assumption.h"

#include "libcore/base/buffer.h"
#include "libcore/base/memory.h"
#include "milter-manager/explain/stage.h"

#include <stdlib.h>
#include <string.h>

static bool assumption_take_verdict(struct assumption *assumption, const char *verdict,
                                    struct error *error)
{
    assumption->fails = strcmp(verdict, "failure") == 0;
    if (assumption->fails || verdict_parse_fallback(verdict, &assumption->verdict)) {
        return true;
    }
    error_set(error, ERROR_USAGE,
              "unknown verdict <%s>: it should be one of accept, reject, temporary-failure, "
              "discard, failure",
              verdict);
    return false;
}

/* text: VERDICT[@STAGE] */
static bool assumption_take(struct assumption *assumption, const char *text, struct error *error)
{
    const char *at = strchr(text, '@');
    char *verdict = memory_copy_bytes(text, at == NULL ? strlen(text) : (size_t)(at - text));
    bool ok = assumption_take_verdict(assumption, verdict, error);

    free(verdict);
    assumption->stage = assumption->fails ? COMMAND_NEGOTIATE : COMMAND_END_OF_MESSAGE;
    return ok && (at == NULL || stage_parse(slice_from_string(at + 1), STAGES_ANSWERED,
                                            &assumption->stage, error));
}

bool assumptions_add(struct assumptions *assumptions, const char *text, struct error *error)
{
    const char *equal = strrchr(text, '='); /* a milter's name may hold one */
    struct assumption assumption = {.milter = NULL};

    if (equal == NULL || equal == text) {
        error_set(error, ERROR_USAGE, "an assumption should be NAME=VERDICT[@STAGE] but was <%s>",
                  text);
        return false;
    }
    if (!assumption_take(&assumption, equal + 1, error)) {
        return false;
    }
    assumption.milter = memory_copy_bytes(text, (size_t)(equal - text));
    assumptions->items =
        memory_resize(assumptions->items, assumptions->count + 1, sizeof(*assumptions->items));
    assumptions->items[assumptions->count++] = assumption;
    return true;
}

static void assumption_refuse_name(const char *name, const struct configuration *configuration,
                                   struct error *error)
{
    struct buffer names = {0};

    for (unsigned i = 0; i < configuration->child_count; i++) {
        buffer_append_format(&names, "%s\"%s\"", i > 0 ? ", " : "",
                             configuration->children[i].name);
    }
    error_set(error, ERROR_USAGE, "there is no milter \"%s\"; the configuration has [%.*s]", name,
              (int)buffer_length(&names), buffer_slice(&names).data);
    buffer_clear(&names);
}

bool assumptions_check(const struct assumptions *assumptions,
                       const struct configuration *configuration, struct error *error)
{
    for (unsigned i = 0; i < assumptions->count; i++) {
        const char *name = assumptions->items[i].milter;
        int index = configuration_find_child(configuration, name);
        const struct configuration_child *child;

        if (index < 0) {
            assumption_refuse_name(name, configuration, error);
            return false;
        }
        child = &configuration->children[index];
        if (!child->enabled || child->connection_spec == NULL) {
            error_set(error, ERROR_USAGE, "the milter \"%s\" %s: it answers nothing", name,
                      child->enabled ? "has no connection_spec" : "is not enabled");
            return false;
        }
    }
    return true;
}

const struct assumption *assumptions_find(const struct assumptions *assumptions, const char *milter,
                                          enum command stage)
{
    for (unsigned i = assumptions->count; i-- > 0;) {
        const struct assumption *assumption = &assumptions->items[i];

        if (assumption->stage == stage && strcmp(assumption->milter, milter) == 0) {
            return assumption;
        }
    }
    return NULL;
}

void assumptions_clear(struct assumptions *assumptions)
{
    for (unsigned i = 0; i < assumptions->count; i++) {
        free(assumptions->items[i].milter);
    }
    free(assumptions->items);
    *assumptions = (struct assumptions){0};
}
