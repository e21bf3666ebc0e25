/*
 * options - command line options as a table.
 *
 * A program says what its options are called, where their values go and what
 * they are for; parsing, checking, messages and --help follow from that
 * (milter-manager-cli.md section 1, tools.md common rules).
 */
#ifndef LIBCORE_BASE_OPTIONS_H
#define LIBCORE_BASE_OPTIONS_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPTION_END,             /* the zero entry that ends a table */
    OPTION_FLAG,            /* bool: becomes true */
    OPTION_FLAG_OFF,        /* bool: becomes false ("--no-daemon") */
    OPTION_STRING,          /* const char * */
    OPTION_OPTIONAL_STRING, /* const char *: "" when the argument is left out */
    OPTION_STRINGS,         /* struct option_strings: every occurrence, in order */
    OPTION_UNSIGNED,        /* unsigned, up to maximum (0: UINT_MAX) */
    OPTION_SECONDS,         /* double, 0 or more */
    OPTION_MODE,            /* unsigned: unix socket mode */
    OPTION_USER_ID,         /* const char *: digits */
    OPTION_GROUP_ID,        /* const char *: digits */
    OPTION_CALLBACK,        /* callback; takes an argument when one is named */
    OPTION_HELP,            /* prints the groups of the bit mask maximum, exits 0 */
    OPTION_VERSION,         /* prints "PROGRAM VERSION", exits 0 */
};

struct option_strings {
    const char **items;
    size_t count;
};

/*
 * Called at its place in the order of the options.  value is NULL without an
 * argument and stays valid as long as the process.  False with *error set ends
 * the parsing; the message is printed behind the option's name.
 */
typedef bool option_callback_fn(void *target, const char *value, struct error *error);

struct option_entry {
    const char *name; /* without dashes; NULL: short only */
    char letter;      /* '\0': none */
    enum option_kind kind;
    void *target;
    const char *argument; /* "FILE", for --help; NULL: no argument */
    const char *help;     /* NULL: not shown (deprecated synonyms) */
    unsigned long maximum;
    option_callback_fn *callback;
    bool *given; /* NULL, or becomes true when the option is there */
};

struct option_group {
    const char *title; /* "Options" */
    const struct option_entry *entries;
    const char **given; /* NULL, or becomes the name of the first of them that is there, as typed */
};

enum { OPTION_ALL_GROUPS = 0xffff };

struct option_program {
    const char *name;    /* "milter-manager" */
    const char *version; /* may be NULL without OPTION_VERSION */
    const char *usage;   /* what follows the options, "[FILE...]"; may be NULL */
    const char *summary; /* one sentence for --help; may be NULL */
    const struct option_group *groups;
    size_t group_count;
    struct option_strings *words; /* other words; NULL: ignored */
};

enum option_outcome {
    OPTIONS_RUN,
    OPTIONS_EXIT_SUCCESS, /* help or version was printed */
    OPTIONS_EXIT_FAILURE, /* a message was printed to standard error */
};

/*
 * Strings stored in targets belong to the options module and stay valid until
 * the process ends.  Targets of options not given are not touched.
 */
enum option_outcome options_parse(const struct option_program *program, int argc, char **argv);

/* Appends to a list as OPTION_STRINGS does, for callbacks. */
void option_strings_add(struct option_strings *strings, const char *string);
/* Gives the list's memory back, not the strings'. */
void option_strings_clear(struct option_strings *strings);

#endif
