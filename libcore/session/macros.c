/*
 * macros - the macros of each stage.  The store is the caller's; nothing is
 * kept here.
 */
#include "libcore/session/macros.h"

#include "libcore/wire/macro.h"
#include "libcore/wire/negotiation.h"

#include <string.h>

static const struct {
    enum command stage;
    const char *name;
    const char *value; /* NULL: the program's name */
} default_macros[] = {
    {COMMAND_CONNECT, "daemon_name", NULL},
    {COMMAND_CONNECT, "if_name", "localhost"},
    {COMMAND_CONNECT, "if_addr", "127.0.0.1"},
    {COMMAND_CONNECT, "j", "mail.example.com"},
    {COMMAND_HELO, "tls_version", "0"},
    {COMMAND_HELO, "cipher", "0"},
    {COMMAND_HELO, "cipher_bits", "0"},
    {COMMAND_HELO, "cert_subject", "cert_subject"},
    {COMMAND_HELO, "cert_issuer", "cert_issuer"},
    {COMMAND_MAIL, "mail_mailer", "mail_mailer"},
    {COMMAND_MAIL, "mail_host", "mail_host"},
    {COMMAND_MAIL, "mail_addr", "mail_addr"},
    {COMMAND_RCPT, "rcpt_mailer", "rcpt_mailer"},
    {COMMAND_RCPT, "rcpt_host", "rcpt_host"},
    {COMMAND_DATA, "i", "i"},
    {COMMAND_END_OF_HEADER, "i", "i"},
    {COMMAND_END_OF_MESSAGE, "i", "i"},
};

void macros_set_defaults(struct macro_store *store, const char *program)
{
    for (size_t i = 0; i < sizeof(default_macros) / sizeof(default_macros[0]); i++) {
        const char *value = default_macros[i].value;

        macro_store_set(store, default_macros[i].stage, slice_from_string(default_macros[i].name),
                        slice_from_string(value != NULL ? value : program));
    }
}

bool macros_set_argument(struct macro_store *store, enum command stage, const char *argument,
                         struct error *error)
{
    const char *colon = strchr(argument, ':');

    if (colon == NULL) {
        error_set(error, ERROR_USAGE, "macro name and value delimiter ':' doesn't exist: <%s>",
                  argument);
        return false;
    }
    macro_store_set(store, stage, slice_of(argument, (size_t)(colon - argument)),
                    slice_from_string(colon + 1));
    return true;
}

static void macros_add_missing(struct buffer *pairs, struct slice name, struct slice value)
{
    struct slice known;

    if (!macro_pair_find(buffer_slice(pairs), name, &known)) {
        macro_pair_append_braced(pairs, name, value);
    }
}

static void macros_add_requested(struct buffer *pairs, enum command stage, struct slice lists)
{
    enum command listed;
    struct slice names, name;

    while (negotiation_list_next(&lists, &listed, &names)) {
        while (listed == stage && macro_list_next(&names, &name)) {
            macros_add_missing(pairs, name, macro_bare_name(name));
        }
    }
}

bool macros_collect(const struct macro_store *store, enum command stage, struct slice recipient,
                    struct slice lists, struct buffer *pairs)
{
    if (stage == COMMAND_HEADER || stage == COMMAND_BODY || stage == COMMAND_UNKNOWN) {
        return false;
    }
    buffer_reset(pairs);
    buffer_append_slice(pairs, macro_store_get(store, stage));
    if (stage == COMMAND_RCPT) {
        macros_add_missing(pairs, slice_from_string("rcpt_addr"), recipient);
    }
    macros_add_requested(pairs, stage, lists);
    return true;
}
