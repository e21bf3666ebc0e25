/*
 * macro_store - the macro sets of one conversation.  Owns their bytes.
 */
#include "libcore/session/macro_store.h"

#include "libcore/wire/macro.h"

/* The first stage that is stale once the command is executed; COMMANDS: none. */
static const unsigned char macro_store_stale[COMMANDS] = {
    [COMMAND_NEGOTIATE] = COMMAND_CONNECT,
    [COMMAND_MACRO] = COMMANDS,
    [COMMAND_CONNECT] = COMMAND_HELO,
    [COMMAND_HELO] = COMMAND_MAIL,
    [COMMAND_MAIL] = COMMAND_RCPT,
    [COMMAND_RCPT] = COMMAND_DATA,
    [COMMAND_DATA] = COMMANDS,
    [COMMAND_UNKNOWN] = COMMANDS,
    [COMMAND_HEADER] = COMMANDS,
    [COMMAND_END_OF_HEADER] = COMMANDS,
    [COMMAND_BODY] = COMMANDS,
    [COMMAND_END_OF_MESSAGE] = COMMANDS,
    [COMMAND_ABORT] = COMMANDS,
    [COMMAND_QUIT] = COMMAND_CONNECT,
    [COMMAND_QUIT_NEW_CONNECTION] = COMMAND_CONNECT,
};

void macro_store_clear(struct macro_store *store)
{
    for (unsigned stage = 0; stage < COMMANDS; stage++) {
        buffer_clear(&store->sets[stage]);
    }
}

void macro_store_replace(struct macro_store *store, enum command stage, struct slice pairs)
{
    buffer_reset(&store->sets[stage]);
    buffer_append_slice(&store->sets[stage], pairs);
}

void macro_store_set(struct macro_store *store, enum command stage, struct slice name,
                     struct slice value)
{
    struct buffer *set = &store->sets[stage];
    struct buffer changed = {0};
    struct slice pairs = buffer_slice(set), known_name, known_value;

    while (macro_pair_next(&pairs, &known_name, &known_value)) {
        if (!macro_name_equal(known_name, name)) {
            macro_pair_append(&changed, known_name, known_value);
        }
    }
    macro_pair_append_braced(&changed, name, value);
    buffer_clear(set);
    *set = changed;
}

struct slice macro_store_get(const struct macro_store *store, enum command stage)
{
    return buffer_slice(&store->sets[stage]);
}

void macro_store_expire(struct macro_store *store, enum command command)
{
    for (unsigned stage = macro_store_stale[command]; stage < COMMANDS; stage++) {
        buffer_reset(&store->sets[stage]);
    }
}

bool macro_store_find(const struct macro_store *store, enum command last, struct slice name,
                      struct slice *value)
{
    for (unsigned stage = (unsigned)last + 1; stage-- > 0;) {
        if (buffer_length(&store->sets[stage]) > 0 &&
            macro_pair_find(buffer_slice(&store->sets[stage]), name, value)) {
            return true;
        }
    }
    return false;
}
