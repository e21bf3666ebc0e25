/*
 * completion - writes the completions of a program for bash, zsh or fish.
 *
 * It is linked with the whole program, but stands in for options_parse: what the
 * program would parse is printed in the form that the first argument names, and
 * the program ends.  So its table of options is the only source.
 */
#include "tools/completion/completion.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* By the word that --help shows for the value. */
static const struct {
    const char *argument;
    enum value_kind kind;
} kinds[] = {
    {"FILE", VALUE_FILE},     {"PATH", VALUE_FILE},         {"DIRECTORY", VALUE_DIRECTORY},
    {"DIR", VALUE_DIRECTORY}, {"USER", VALUE_USER},         {"UID or NAME", VALUE_USER},
    {"GROUP", VALUE_GROUP},   {"GID or NAME", VALUE_GROUP}, {"SPEC", VALUE_SPEC},
};

/* By the name of the option, where that word does not say it. */
static const struct {
    const char *option;
    enum value_kind kind;
    const char *words;
    const char *named;
} options[] = {
    {"user-name", VALUE_USER, NULL, NULL},
    {"group-name", VALUE_GROUP, NULL, NULL},
    {"event-loop-backend", VALUE_WORDS, "libev glib", NULL},
    {"log-level", VALUE_WORDS,
     "default all none critical error warning message info debug trace statistics profile +info "
     "+debug -statistics",
     NULL},
    {"syslog-facility", VALUE_WORDS,
     "mail daemon user local0 local1 local2 local3 local4 local5 local6 local7", NULL},
    {"control", VALUE_WORDS, "status metrics reload sessions configuration enable disable health",
     "enable disable"},
};

/* text|json|csv, 4xx|5xx|error[,...]: what may follow in brackets is not completed */
static bool take_alternatives(const char *argument, struct value *value)
{
    size_t length = strspn(argument, "abcdefghijklmnopqrstuvwxyz0123456789-_|");

    if ((argument[length] != '\0' && argument[length] != '[') ||
        memchr(argument, '|', length) == NULL || length >= sizeof(value->words)) {
        return false;
    }
    value->kind = VALUE_WORDS;
    (void)snprintf(value->words, sizeof(value->words), "%.*s", (int)length, argument);
    for (char *bar = value->words; (bar = strchr(bar, '|')) != NULL;) {
        *bar = ' ';
    }
    return true;
}

static bool take_named(const char *name, struct value *value)
{
    for (size_t i = 0; name != NULL && i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(options[i].option, name) == 0) {
            value->kind = options[i].kind;
            value->named = options[i].named;
            (void)snprintf(value->words, sizeof(value->words), "%s",
                           options[i].words == NULL ? "" : options[i].words);
            return true;
        }
    }
    return false;
}

struct value value_of(const struct option_entry *entry)
{
    struct value value = {.kind = VALUE_OTHER, .optional = entry->kind == OPTION_OPTIONAL_STRING};

    if (entry->argument == NULL) {
        value.kind = VALUE_NONE;
    } else if (!take_named(entry->name, &value) && !take_alternatives(entry->argument, &value)) {
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            if (strcmp(kinds[i].argument, entry->argument) == 0) {
                value.kind = kinds[i].kind;
            }
        }
    }
    return value;
}

bool takes_files(const struct option_program *program)
{
    return program->usage != NULL && strstr(program->usage, "FILE") != NULL;
}

void print_identifier(const char *name, FILE *out)
{
    for (; *name != '\0'; name++) {
        (void)fputc(isalnum((unsigned char)*name) ? *name : '_', out);
    }
}

const struct option_entry *next_option(const struct option_program *program, size_t *group,
                                       size_t *index)
{
    for (; *group < program->group_count; ++*group, *index = 0) {
        const struct option_entry *entries = program->groups[*group].entries;

        while (entries[*index].kind != OPTION_END) {
            const struct option_entry *entry = &entries[(*index)++];

            if (entry->help != NULL) {
                return entry;
            }
        }
    }
    return NULL;
}

void completion_values(const struct option_program *program, FILE *out)
{
    const struct option_entry *entry;
    size_t group = 0;
    size_t index = 0;

    while ((entry = next_option(program, &group, &index)) != NULL) {
        struct value value = value_of(entry);
        char *rest = value.words;
        const char *word;

        while (value.kind == VALUE_WORDS && (word = strtok_r(rest, " ", &rest)) != NULL) {
            (void)fprintf(out, "--%s\t%s\n", entry->name, word);
        }
    }
}

static const struct {
    const char *name;
    void (*write)(const struct option_program *program, FILE *out);
} forms[] = {
    {"bash", completion_bash},
    {"zsh", completion_zsh},
    {"fish", completion_fish},
    {"values", completion_values},
};

/* Names that the linker's --wrap makes. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
enum option_outcome __wrap_options_parse(const struct option_program *program, int argc,
                                         char **argv);

enum option_outcome __wrap_options_parse(const struct option_program *program, int argc,
                                         char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(argv[1], forms[i].name) == 0) {
            forms[i].write(program, stdout);
            exit(fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
    (void)fprintf(stderr, "usage: %s bash|zsh|fish|values\n", argv[0]);
    exit(EXIT_FAILURE);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
