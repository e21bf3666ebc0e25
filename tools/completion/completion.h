/*
 * completion - what a shell may offer behind the options of a program, from the
 * table of options that is behind its --help.
 */
#ifndef TOOLS_COMPLETION_COMPLETION_H
#define TOOLS_COMPLETION_COMPLETION_H

#include "libcore/base/options.h"

#include <stdio.h>

enum value_kind {
    VALUE_NONE,  /* the option takes no value */
    VALUE_OTHER, /* one that nothing is known of */
    VALUE_WORDS, /* one of a list */
    VALUE_FILE,
    VALUE_DIRECTORY,
    VALUE_USER,
    VALUE_GROUP,
    VALUE_SPEC, /* unix:PATH, inet:PORT@HOST */
};

struct value {
    enum value_kind kind;
    bool optional;     /* --name or --name=VALUE */
    char words[512];   /* VALUE_WORDS: with blanks between them */
    const char *named; /* words behind which the name of a milter follows, or NULL */
};

struct value value_of(const struct option_entry *entry);
/* "*" when other words of the command line are files, "" otherwise. */
bool takes_files(const struct option_program *program);
/* The name with what no function's name may hold replaced by an underscore. */
void print_identifier(const char *name, FILE *out);

/* The next entry that help shows, of all groups; start with *group = *index = 0. */
const struct option_entry *next_option(const struct option_program *program, size_t *group,
                                       size_t *index);

void completion_bash(const struct option_program *program, FILE *out);
void completion_zsh(const struct option_program *program, FILE *out);
void completion_fish(const struct option_program *program, FILE *out);
/* OPTION, a tab and a value, a line for each word of each list. */
void completion_values(const struct option_program *program, FILE *out);

/* Prints the name of each milter of the configuration, in a shell. */
#define COMPLETION_MILTERS                                                                         \
    "milter-manager --show-config 2>/dev/null | "                                                  \
    "sed -n \"s/^define_milter(\\\"\\(.*\\)\\\").*/\\1/p\""

#endif
