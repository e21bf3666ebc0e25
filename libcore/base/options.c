/*
 * options - command line options as a table, on top of popt.
 *
 * Owns the strings it stored in targets.  Never exits the process: the outcome
 * tells the program what to do.
 */
#include "libcore/base/options.h"

#include "libcore/base/arena.h"
#include "libcore/base/memory.h"
#include "libcore/base/option_value.h"

#include <limits.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMN = 32, HELP_WIDTH = 79 };

/* Keeps argument texts for the life time of the process. */
static struct arena kept;

/* popt does not say which form was typed, so each form is an entry of its own. */
struct form {
    const struct option_group *group;
    const struct option_entry *entry;
    char typed[64];
};

struct parser {
    const struct option_program *program;
    struct form *forms;
    struct poptOption *options;
    int count;
    poptContext context;
};

typedef bool store_fn(const struct option_entry *entry, const char *value, struct error *error);

void option_strings_add(struct option_strings *strings, const char *string)
{
    strings->items = memory_resize(strings->items, strings->count + 1, sizeof(*strings->items));
    strings->items[strings->count++] = string;
}

void option_strings_clear(struct option_strings *strings)
{
    free(strings->items);
    *strings = (struct option_strings){0};
}

/* One function per kind. */

static bool store_flag(const struct option_entry *entry, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    *(bool *)entry->target = entry->kind == OPTION_FLAG;
    return true;
}

static bool store_string(const struct option_entry *entry, const char *value, struct error *error)
{
    (void)error;
    *(const char **)entry->target = value == NULL ? "" : value;
    return true;
}

static bool store_strings(const struct option_entry *entry, const char *value, struct error *error)
{
    (void)error;
    option_strings_add(entry->target, value);
    return true;
}

static bool store_unsigned(const struct option_entry *entry, const char *value, struct error *error)
{
    unsigned long maximum =
        entry->maximum == 0 || entry->maximum > UINT_MAX ? UINT_MAX : entry->maximum;
    unsigned long number = 0;

    if (!option_parse_unsigned(value, maximum, &number, error)) {
        return false;
    }
    *(unsigned *)entry->target = (unsigned)number;
    return true;
}

static bool store_seconds(const struct option_entry *entry, const char *value, struct error *error)
{
    return option_parse_seconds(value, entry->target, error);
}

static bool store_mode(const struct option_entry *entry, const char *value, struct error *error)
{
    return option_parse_mode(value, entry->target, error);
}

static bool store_id(const struct option_entry *entry, const char *value, struct error *error)
{
    return option_check_id(value, entry->kind == OPTION_USER_ID ? "UID" : "GID", error) &&
           store_string(entry, value, error);
}

static bool store_callback(const struct option_entry *entry, const char *value, struct error *error)
{
    return entry->callback(entry->target, value, error);
}

enum argument { ARGUMENT_NONE, ARGUMENT_REQUIRED, ARGUMENT_OPTIONAL, ARGUMENT_WHEN_NAMED };

static const struct {
    store_fn *store;
    enum argument argument;
} KINDS[] = {
    [OPTION_FLAG] = {store_flag, ARGUMENT_NONE},
    [OPTION_FLAG_OFF] = {store_flag, ARGUMENT_NONE},
    [OPTION_STRING] = {store_string, ARGUMENT_REQUIRED},
    [OPTION_OPTIONAL_STRING] = {store_string, ARGUMENT_OPTIONAL},
    [OPTION_STRINGS] = {store_strings, ARGUMENT_REQUIRED},
    [OPTION_UNSIGNED] = {store_unsigned, ARGUMENT_REQUIRED},
    [OPTION_SECONDS] = {store_seconds, ARGUMENT_REQUIRED},
    [OPTION_MODE] = {store_mode, ARGUMENT_REQUIRED},
    [OPTION_USER_ID] = {store_id, ARGUMENT_REQUIRED},
    [OPTION_GROUP_ID] = {store_id, ARGUMENT_REQUIRED},
    [OPTION_CALLBACK] = {store_callback, ARGUMENT_WHEN_NAMED},
    [OPTION_HELP] = {NULL, ARGUMENT_NONE},
    [OPTION_VERSION] = {NULL, ARGUMENT_NONE},
};

static bool takes_argument(const struct option_entry *entry)
{
    enum argument argument = KINDS[entry->kind].argument;

    return argument == ARGUMENT_WHEN_NAMED ? entry->argument != NULL : argument != ARGUMENT_NONE;
}

/* Help. */

static void print_wrapped(const char *text)
{
    size_t column = HELP_COLUMN;

    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        if (column > HELP_COLUMN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, word);
        column += length;
        word += length + strspn(word + length, " ");
    }
    putchar('\n');
}

static void print_entry(const struct option_entry *entry)
{
    const char *argument = entry->argument == NULL ? "VALUE" : entry->argument;
    bool optional = KINDS[entry->kind].argument == ARGUMENT_OPTIONAL;
    char left[128];
    int used = 0;

    if (entry->letter != '\0') {
        used =
            snprintf(left, sizeof(left), "  -%c%s", entry->letter, entry->name == NULL ? "" : ", ");
    } else {
        used = snprintf(left, sizeof(left), "      ");
    }
    if (entry->name != NULL) {
        used += snprintf(left + used, sizeof(left) - (size_t)used, "--%s", entry->name);
    }
    if (takes_argument(entry)) {
        snprintf(left + used, sizeof(left) - (size_t)used, "%s=%s%s", optional ? "[" : "", argument,
                 optional ? "]" : "");
    }
    printf("%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN) {
        printf("\n%*s", HELP_COLUMN, "");
    }
    print_wrapped(entry->help);
}

static void print_help(const struct option_program *program, unsigned long mask)
{
    printf("Usage: %s [OPTION...]%s%s\n", program->name, program->usage == NULL ? "" : " ",
           program->usage == NULL ? "" : program->usage);
    if (program->summary != NULL) {
        printf("%s\n", program->summary);
    }
    for (size_t i = 0; i < program->group_count; i++) {
        if ((mask & 1UL << i) == 0) {
            continue;
        }
        printf("\n%s:\n", program->groups[i].title);
        for (const struct option_entry *entry = program->groups[i].entries;
             entry->kind != OPTION_END; entry++) {
            if (entry->help != NULL) {
                print_entry(entry);
            }
        }
    }
}

/* Parsing. */

static void add_form(struct parser *parser, const struct option_group *group,
                     const struct option_entry *entry, const char *name, char letter)
{
    int index = parser->count++;
    struct poptOption option = {.longName = name, .shortName = letter, .val = index + 1};

    if (takes_argument(entry)) {
        option.argInfo = POPT_ARG_STRING;
        if (KINDS[entry->kind].argument == ARGUMENT_OPTIONAL) {
            option.argInfo |= POPT_ARGFLAG_OPTIONAL;
        }
    }
    parser->options[index] = option;
    parser->forms[index].group = group;
    parser->forms[index].entry = entry;
    if (name != NULL) {
        snprintf(parser->forms[index].typed, sizeof(parser->forms[index].typed), "--%s", name);
    } else {
        snprintf(parser->forms[index].typed, sizeof(parser->forms[index].typed), "-%c", letter);
    }
}

static void parser_open(struct parser *parser, const struct option_program *program, int argc,
                        char **argv)
{
    size_t forms = 1; /* the zero entry that ends popt's table */

    for (size_t i = 0; i < program->group_count; i++) {
        for (const struct option_entry *entry = program->groups[i].entries;
             entry->kind != OPTION_END; entry++) {
            forms += 2;
        }
    }
    parser->program = program;
    parser->forms = memory_new(forms, sizeof(*parser->forms));
    parser->options = memory_new(forms, sizeof(*parser->options));
    for (size_t i = 0; i < program->group_count; i++) {
        for (const struct option_entry *entry = program->groups[i].entries;
             entry->kind != OPTION_END; entry++) {
            if (entry->name != NULL) {
                add_form(parser, &program->groups[i], entry, entry->name, '\0');
            }
            if (entry->letter != '\0') {
                add_form(parser, &program->groups[i], entry, NULL, entry->letter);
            }
        }
    }
    parser->context =
        poptGetContext(program->name, argc, (const char **)(void *)argv, parser->options, 0);
}

static void parser_close(struct parser *parser)
{
    poptFreeContext(parser->context);
    free(parser->options);
    free(parser->forms);
}

/* A copy that stays; NULL stays NULL. */
static const char *keep(const char *text)
{
    return text == NULL ? NULL : arena_copy(&kept, slice_from_string(text)).data;
}

static enum option_outcome report_bad_option(const struct parser *parser, int status)
{
    const char *typed = poptBadOption(parser->context, POPT_BADOPTION_NOALIAS);
    const char *reason = status == POPT_ERROR_BADOPT        ? "unknown option"
                         : status == POPT_ERROR_NOARG       ? "missing argument"
                         : status == POPT_ERROR_UNWANTEDARG ? "no argument is allowed"
                                                            : poptStrerror(status);

    /* The value, if any, is not part of the name. */
    fprintf(stderr, "%s: %.*s: %s\n", parser->program->name, (int)strcspn(typed, "="), typed,
            reason);
    if (status == POPT_ERROR_BADOPT) {
        fprintf(stderr, "Try '%s --help' for more information.\n", parser->program->name);
    }
    return OPTIONS_EXIT_FAILURE;
}

static enum option_outcome apply(const struct parser *parser, const struct form *form,
                                 const char *value)
{
    const struct option_entry *entry = form->entry;
    struct error error = {0};

    if (entry->given != NULL) {
        *entry->given = true;
    }
    if (form->group->given != NULL && *form->group->given == NULL) {
        *form->group->given = keep(form->typed);
    }
    if (entry->kind == OPTION_HELP) {
        print_help(parser->program, entry->maximum);
        return OPTIONS_EXIT_SUCCESS;
    }
    if (entry->kind == OPTION_VERSION) {
        printf("%s %s\n", parser->program->name, parser->program->version);
        return OPTIONS_EXIT_SUCCESS;
    }
    if (!KINDS[entry->kind].store(entry, value, &error)) {
        fprintf(stderr, "%s: %s: %s\n", parser->program->name, form->typed, error.message);
        return OPTIONS_EXIT_FAILURE;
    }
    return OPTIONS_RUN;
}

static enum option_outcome parse_all(struct parser *parser)
{
    enum option_outcome outcome = OPTIONS_RUN;
    int status = 0;

    while (outcome == OPTIONS_RUN && (status = poptGetNextOpt(parser->context)) > 0) {
        char *argument = poptGetOptArg(parser->context);
        outcome = apply(parser, &parser->forms[status - 1], keep(argument));
        free(argument);
    }
    if (outcome == OPTIONS_RUN && status < -1) {
        outcome = report_bad_option(parser, status);
    }
    return outcome;
}

enum option_outcome options_parse(const struct option_program *program, int argc, char **argv)
{
    struct parser parser = {0};

    parser_open(&parser, program, argc, argv);
    enum option_outcome outcome = parse_all(&parser);
    const char *word = NULL;
    while (outcome == OPTIONS_RUN && program->words != NULL &&
           (word = poptGetArg(parser.context)) != NULL) {
        option_strings_add(program->words, keep(word));
    }
    parser_close(&parser);
    return outcome;
}
