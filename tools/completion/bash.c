/*
 * bash - completions for bash, with its own means: the package bash-completion
 * loads the file but none of its functions is used.
 */
#include "tools/completion/completion.h"

#include <string.h>

/* The shell's code for a value of that kind; cur and COMPREPLY are its variables. */
static const char *const code[] = {
    [VALUE_OTHER] = "return",
    [VALUE_WORDS] = NULL, /* with the words */
    [VALUE_FILE] = "_@_paths -f",
    [VALUE_DIRECTORY] = "_@_paths -d",
    [VALUE_USER] = "mapfile -t COMPREPLY < <(compgen -u -- \"$cur\")",
    [VALUE_GROUP] = "mapfile -t COMPREPLY < <(compgen -g -- \"$cur\")",
    [VALUE_SPEC] = "_@_spec",
};

/* A line in which @ is the program. */
static void print_code(const struct option_program *program, const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '@') {
            print_identifier(program->name, out);
        } else {
            (void)fputc(*text, out);
        }
    }
}

static const char helpers[] =
    "_@_paths()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "_@_spec()\n"
    "{\n"
    "    compopt -o nospace 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -W 'unix: inet: inet6:' -- \"$cur\")\n"
    "}\n"
    "\n"
    "_@()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "\n"
    "    COMPREPLY=()\n"
    "    # `=' and `:' make words of their own.\n"
    "    if [[ $cur == : && $option == unix ]]; then\n"
    "        cur=\n"
    "        _@_paths -f\n"
    "        return\n"
    "    elif [[ $option == : && ${COMP_WORDS[COMP_CWORD - 2]} == unix ]]; then\n"
    "        _@_paths -f\n"
    "        return\n"
    "    elif [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $option == = ]]; then\n"
    "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

/* -c | --config-dir */
static void print_pattern(const struct option_entry *entry, FILE *out)
{
    (void)fputs("        ", out);
    if (entry->letter != '\0') {
        (void)fprintf(out, "-%c%s", entry->letter, entry->name == NULL ? "" : " | ");
    }
    if (entry->name != NULL) {
        (void)fprintf(out, "--%s", entry->name);
    }
    (void)fputs(")\n            ", out);
}

static void print_named(const struct value *value, FILE *out)
{
    char words[64];
    char *rest = words;
    const char *word;

    (void)snprintf(words, sizeof(words), "%s", value->named == NULL ? "" : value->named);
    while ((word = strtok_r(rest, " ", &rest)) != NULL) {
        (void)fprintf(out,
                      "        %s)\n            mapfile -t COMPREPLY < <(compgen -W \"$(%s)\" -- "
                      "\"$cur\")\n            return\n            ;;\n",
                      word, COMPLETION_MILTERS);
    }
}

static void print_values(const struct option_program *program, FILE *out)
{
    const struct option_entry *entry;
    size_t group = 0;
    size_t index = 0;

    (void)fputs("    case $option in\n", out);
    while ((entry = next_option(program, &group, &index)) != NULL) {
        struct value value = value_of(entry);

        if (value.kind == VALUE_NONE) {
            continue;
        }
        print_pattern(entry, out);
        if (value.kind == VALUE_WORDS) {
            (void)fprintf(out, "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")",
                          value.words);
        } else {
            print_code(program, code[value.kind], out);
        }
        (void)fputs(value.kind == VALUE_OTHER ? "\n            ;;\n"
                                              : "\n            return\n            ;;\n",
                    out);
        print_named(&value, out);
    }
    (void)fputs("    esac\n", out);
}

static void print_options(const struct option_program *program, FILE *out)
{
    const struct option_entry *entry;
    size_t group = 0;
    size_t index = 0;

    (void)fputs("    if [[ $cur == -* ]]; then\n"
                "        mapfile -t COMPREPLY < <(compgen -W '",
                out);
    while ((entry = next_option(program, &group, &index)) != NULL) {
        if (entry->name != NULL) {
            (void)fprintf(out, "\n            --%s", entry->name);
        }
    }
    (void)fputs("' -- \"$cur\")\n", out);
    if (takes_files(program)) {
        (void)fputs("    else\n        ", out);
        print_code(program, code[VALUE_FILE], out);
        (void)fputc('\n', out);
    }
    (void)fputs("    fi\n}\n\n", out);
}

void completion_bash(const struct option_program *program, FILE *out)
{
    (void)fprintf(out, "# Completion of %s for bash, made from its table of options.\n\n",
                  program->name);
    print_code(program, helpers, out);
    print_values(program, out);
    print_options(program, out);
    print_code(program, "complete -F _@ ", out);
    (void)fprintf(out, "%s\n", program->name);
}
