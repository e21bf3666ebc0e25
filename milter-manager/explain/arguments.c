/*
 * arguments - the options of --explain.  Only takes them down: scenario.c and
 * assumption.c say what they mean.
 */
#include "milter-manager/explain/arguments.h"

struct explain_arguments explain_arguments;
const char *explain_first_given;

#define EXPLAIN_STRING(option, place, value, text)                                                 \
    {                                                                                              \
        .name = (option), .kind = OPTION_STRING, .target = &explain_arguments.place,               \
        .argument = (value), .help = (text)                                                        \
    }
#define EXPLAIN_STRINGS(option, place, value, text)                                                \
    {                                                                                              \
        .name = (option), .kind = OPTION_STRINGS, .target = &explain_arguments.place,              \
        .argument = (value), .help = (text)                                                        \
    }

const struct option_entry explain_entries[] = {
    EXPLAIN_STRING("connect-host", connect_host, "HOST",
                   "name of the client (default mx.example.net)"),
    EXPLAIN_STRING("connect-address", connect_address, "SPEC",
                   "address of the client, or unknown (default inet:50443@[192.168.123.123])"),
    EXPLAIN_STRING("helo-fqdn", helo, "FQDN", "argument of HELO (default delian)"),
    EXPLAIN_STRING("envelope-from", sender, "FROM", "envelope sender (default sender@example.com)"),
    EXPLAIN_STRINGS("envelope-recipient", recipients, "RCPT",
                    "envelope recipient, repeatable (default receiver@example.org)"),
    EXPLAIN_STRINGS("header", headers, "NAME:VALUE", "header field, repeatable"),
    EXPLAIN_STRINGS("body", bodies, "CHUNK", "chunk of the body, repeatable"),
    EXPLAIN_STRING("mail-file", mail_file, "FILE",
                   "take what is not given from a mail; - is standard input"),
    EXPLAIN_STRING("authenticated-name", authenticated_name, "NAME", "macro {auth_authen} at MAIL"),
    EXPLAIN_STRING("authenticated-type", authenticated_type, "TYPE", "macro {auth_type} at MAIL"),
    EXPLAIN_STRING("authenticated-author", authenticated_author, "AUTHOR",
                   "macro {auth_author} at MAIL"),
    EXPLAIN_STRINGS("macro", macros, "[STAGE:]NAME=VALUE",
                    "add or replace a macro, at that stage or where it belongs (repeatable)"),
    EXPLAIN_STRINGS("assume", assumptions, "NAME=VERDICT[@STAGE]",
                    "suppose that this milter answers so, or fails (repeatable)"),
    {0},
};
