/*
 * arguments - the options of --explain: the mail that is asked about.
 *
 * They are called and mean what those of milter-test-server do.
 */
#ifndef MILTER_MANAGER_EXPLAIN_ARGUMENTS_H
#define MILTER_MANAGER_EXPLAIN_ARGUMENTS_H

#include "libcore/base/options.h"

/* As typed; NULL and empty lists: not given.  The strings are the option parser's. */
struct explain_arguments {
    bool wanted; /* --explain is there */
    const char *connect_host, *connect_address, *helo;
    const char *sender;
    struct option_strings recipients;
    struct option_strings headers, bodies;
    const char *mail_file;
    const char *authenticated_name, *authenticated_type, *authenticated_author;
    struct option_strings macros;
    struct option_strings assumptions;
};

/* --explain itself, for the group of options that end the program, ... */
#define EXPLAIN_OPTION                                                                             \
    {                                                                                              \
        .name = "explain", .kind = OPTION_FLAG, .target = &explain_arguments.wanted,               \
        .help = "tell what would happen to a mail, without any milter being asked, and exit"       \
    }
/* ... and the mail, a group of its own. */
extern const struct option_entry explain_entries[];
/* The first option of explain_entries that is there, as typed; NULL: none. */
extern const char *explain_first_given;
extern struct explain_arguments explain_arguments;

#endif
