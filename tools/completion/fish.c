/*
 * fish - completions for fish: a line for each option.
 */
#include "tools/completion/completion.h"

#include <string.h>

/* How the value is required, and where its candidates come from. */
static const char *const values[] = {
    [VALUE_NONE] = "",
    [VALUE_OTHER] = " -x",
    [VALUE_WORDS] = NULL,
    [VALUE_FILE] = " -r -F",
    [VALUE_DIRECTORY] = " -x -a '(__fish_complete_directories)'",
    [VALUE_USER] = " -x -a '(__fish_complete_users)'",
    [VALUE_GROUP] = " -x -a '(__fish_complete_groups)'",
    [VALUE_SPEC] = " -x -a 'unix: inet: inet6:'",
};

/* 'TEXT' */
static void print_text(const char *text, FILE *out)
{
    (void)fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
    (void)fputc('\'', out);
}

static void print_option(const struct option_program *program, const struct option_entry *entry,
                         FILE *out)
{
    struct value value = value_of(entry);

    (void)fprintf(out, "complete -c %s", program->name);
    if (entry->letter != '\0') {
        (void)fprintf(out, " -s '%c'", entry->letter);
    }
    if (entry->name != NULL) {
        (void)fprintf(out, " -l %s", entry->name);
    }
    if (value.kind == VALUE_WORDS) {
        (void)fprintf(out, "%s -a '%s'", value.optional ? " -f" : " -x", value.words);
    } else {
        (void)fputs(values[value.kind], out);
    }
    (void)fputs(" -d ", out);
    print_text(entry->help, out);
    (void)fputc('\n', out);
    if (value.named != NULL) {
        (void)fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from %s' -f -a '(%s)'\n",
                      program->name, value.named, COMPLETION_MILTERS);
    }
}

void completion_fish(const struct option_program *program, FILE *out)
{
    const struct option_entry *entry;
    size_t group = 0;
    size_t index = 0;

    (void)fprintf(out, "# Completion of %s for fish, made from its table of options.\n",
                  program->name);
    if (!takes_files(program)) {
        (void)fprintf(out, "complete -c %s -f\n", program->name);
    }
    while ((entry = next_option(program, &group, &index)) != NULL) {
        print_option(program, entry, out);
    }
}
