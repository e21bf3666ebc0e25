/*
 * zsh - completions for zsh: a line for _arguments for each option.
 */
#include "tools/completion/completion.h"

#include <string.h>

static const char *const actions[] = {
    [VALUE_NONE] = "",
    [VALUE_OTHER] = " ",
    [VALUE_WORDS] = NULL,
    [VALUE_FILE] = "_files",
    [VALUE_DIRECTORY] = "_files -/",
    [VALUE_USER] = "_users",
    [VALUE_GROUP] = "_groups",
    [VALUE_SPEC] = "_@_spec",
};

/* Text inside '...' of a specification. */
static void print_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputs("'\\''", out);
            continue;
        }
        if (strchr("[]:\\", *text) != NULL) {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

static bool repeatable(const struct option_entry *entry)
{
    return entry->kind == OPTION_STRINGS ||
           (entry->kind == OPTION_CALLBACK && entry->argument != NULL);
}

/* '*' or '(-c --config-dir)', then {-c+,--config-dir=} or the only one. */
static void print_names(const struct option_entry *entry, const struct value *value, FILE *out)
{
    const char *letter_end = value->kind == VALUE_NONE ? "" : "+";
    const char *name_end = value->optional ? "=-" : value->kind == VALUE_NONE ? "" : "=";

    if (repeatable(entry)) {
        (void)fputs("'*'", out);
    } else if (entry->letter != '\0' && entry->name != NULL) {
        (void)fprintf(out, "'(-%c --%s)'", entry->letter, entry->name);
    }
    if (entry->letter != '\0' && entry->name != NULL) {
        (void)fprintf(out, "{'-%c%s',--%s%s}'", entry->letter, letter_end, entry->name, name_end);
    } else if (entry->name != NULL) {
        (void)fprintf(out, "'--%s%s", entry->name, name_end);
    } else {
        (void)fprintf(out, "'-%c%s", entry->letter, letter_end);
    }
}

static void print_action(const struct option_program *program, const struct value *value, FILE *out)
{
    if (value->kind == VALUE_WORDS) {
        (void)fprintf(out, "(%s)", value->words);
        return;
    }
    for (const char *text = actions[value->kind]; *text != '\0'; text++) {
        if (*text == '@') {
            print_identifier(program->name, out);
        } else {
            (void)fputc(*text, out);
        }
    }
}

static void print_option(const struct option_program *program, const struct option_entry *entry,
                         FILE *out)
{
    struct value value = value_of(entry);

    (void)fputs("    ", out);
    print_names(entry, &value, out);
    (void)fputc('[', out);
    print_text(entry->help, out);
    (void)fputc(']', out);
    if (value.kind != VALUE_NONE) {
        (void)fputs(value.optional ? "::" : ":", out);
        print_text(entry->argument, out);
        (void)fputc(':', out);
        print_action(program, &value, out);
    }
    (void)fputs("' \\\n", out);
}

/* --control enable NAME */
static void print_named(const struct option_program *program, FILE *out)
{
    const struct option_entry *entry;
    size_t group = 0;
    size_t index = 0;

    while ((entry = next_option(program, &group, &index)) != NULL) {
        struct value value = value_of(entry);

        if (value.named != NULL) {
            (void)fprintf(out,
                          "if [[ ${words[CURRENT-2]} == --%s && \" %s \" == *\" "
                          "${words[CURRENT-1]} \"* ]]; then\n"
                          "    compadd -- ${(f)\"$(%s)\"}\n"
                          "    return\n"
                          "fi\n",
                          entry->name, value.named, COMPLETION_MILTERS);
        }
    }
}

void completion_zsh(const struct option_program *program, FILE *out)
{
    const struct option_entry *entry;
    size_t group = 0;
    size_t index = 0;

    (void)fprintf(out, "#compdef %s\n# Made from the table of options of %s.\n\n_", program->name,
                  program->name);
    print_identifier(program->name, out);
    (void)fputs("_spec()\n{\n"
                "    if compset -P 'unix:'; then\n"
                "        _files\n"
                "    else\n"
                "        compadd -S '' unix: inet: inet6:\n"
                "    fi\n"
                "}\n\n",
                out);
    print_named(program, out);
    (void)fputs("_arguments -S \\\n", out);
    while ((entry = next_option(program, &group, &index)) != NULL) {
        print_option(program, entry, out);
    }
    (void)fputs(takes_files(program) ? "    '*:file:_files'\n" : "    && return\n", out);
}
