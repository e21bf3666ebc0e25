/*
 * config-reference - writes the documentation of the configuration from its tables.
 *
 *   config-reference conf            the commented items of milter-manager.conf
 *   config-reference page DIRECTORY  standard input, a manual page, with its lines
 *                                    @ITEMS GROUP, @WORDS SECTION, @STOPPERS and
 *                                    @CONDITIONS replaced; DIRECTORY: the shipped conditions
 *   config-reference names DIRECTORY the whole language, a word in each line
 *
 * Built and used by make; knows no Ruby and no item by name.
 */
#include "libcore/base/memory.h"
#include "libcore/wire/verdict.h"
#include "milter-manager/config/configuration.h"
#include "milter-manager/config/item.h"
#include "milter-manager/config/words.h"
#include "tools/mdoc.h"
#include "tools/shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 90 }; /* of the shipped file */

static const char *const fallbacks[] = {"accept", "reject", "temporary-failure", "discard", NULL};

/* ---- items */

static char *text_of(struct buffer *buffer)
{
    char *text;

    buffer_append_byte(buffer, '\0');
    text = memory_copy_string(buffer_slice(buffer).data);
    buffer_clear(buffer);
    return text;
}

/* The default in Ruby's notation; to be freed. */
static char *default_of(const struct item *item)
{
    struct configuration *configuration = configuration_new();
    struct configuration_child child = {0};
    void *target = strcmp(item->group, "milter") == 0 ? (void *)&child : (void *)configuration;
    struct buffer literal = {0};

    item_reset(item, target);
    item_literal(item, target, &literal);
    configuration_release(configuration);
    return text_of(&literal);
}

static const char *const *choices_of(const struct item *item)
{
    return item->type == ITEM_FALLBACK ? fallbacks : item->choices;
}

/* What it takes, in a few words. */
static const char *type_of(const struct item *item)
{
    switch (item->type) {
    case ITEM_SPEC:
        return "spec";
    case ITEM_USER:
        return "string or number";
    case ITEM_BOOLEAN:
        return "true or false";
    case ITEM_UNSIGNED:
    case ITEM_MODE:
    case ITEM_PORT:
        return "integer";
    case ITEM_SECONDS:
        return "seconds";
    case ITEM_FALLBACK:
        return "fallback";
    case ITEM_STRING:
    case ITEM_CHOICE:
    case ITEM_LEVELS:
        break;
    }
    return "string";
}

/* " from 1 to 10", where that says something. */
static char *range_of(const struct item *item)
{
    bool integer = item->type == ITEM_UNSIGNED || item->type == ITEM_PORT;
    bool limited = integer && item->maximum < (double)INT_MAX && (item->flags & ITEM_CLAMPED) == 0;

    if (!limited && !(integer && item->minimum > 0)) {
        return memory_copy_string((item->flags & ITEM_POSITIVE) != 0 ? " above 0" : "");
    }
    if (!limited) {
        return memory_format(" from %.0f", item->minimum);
    }
    return memory_format(" from %.0f to %.0f", item->minimum, item->maximum);
}

/* ---- the shipped file */

/* Comment lines of at most WIDTH characters; mark is what each begins with. */
static void comment(const char *mark, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (column + 1 + word > WIDTH) {
            (void)putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column == 0 ? mark : " ", (int)word, text);
        text += word + strspn(text + word, " ");
    }
    (void)putchar('\n');
}

static char *comment_of(const struct item *item)
{
    const char *const *choices = choices_of(item);
    char *range = range_of(item);
    struct buffer text = {0};

    buffer_append_string(&text, item->summary);
    if (range[0] != '\0' && item->type != ITEM_SECONDS) {
        buffer_append_format(&text, ",%s", range);
    }
    free(range);
    for (unsigned i = 0; choices != NULL && choices[i] != NULL; i++) {
        buffer_append_format(&text, "%s\"%s\"",
                             i == 0                   ? ": "
                             : choices[i + 1] == NULL ? " or "
                                                      : ", ",
                             choices[i]);
    }
    buffer_append_byte(&text, '.');
    return text_of(&text);
}

static void conf_item(const struct item *item, const char *mark, const char *indent)
{
    bool as_built = (item->flags & ITEM_ALWAYS_DEFAULT) != 0;
    char *literal = as_built ? memory_copy_string("nil") : default_of(item);
    char *text = comment_of(item);

    comment(mark, text);
    (void)printf("%s%s.%s = %s\n", indent, item->group, item->name, literal);
    free(literal);
    free(text);
}

/* Those of a group that are no rows in the table of items. */
static void conf_words(const char *group, const char *mark, const char *indent)
{
    for (unsigned i = 0; i < configuration_word_count; i++) {
        const struct word *word = &configuration_words[i];

        if (word->literal != NULL && strcmp(word->section, group) == 0) {
            char *text = memory_format("%s.", word->text);

            comment(mark, text);
            (void)printf("%s%s%s = %s\n", indent, word->receiver, word->name, word->literal);
            free(text);
        }
    }
}

static void conf(void)
{
    (void)puts("# All items with their defaults.");
    for (unsigned i = 0; i < configuration_item_count; i++) {
        const struct item *item = &configuration_items[i];
        bool first = i == 0 || strcmp(item->group, configuration_items[i - 1].group) != 0;

        if (first && i > 0) {
            conf_words(configuration_items[i - 1].group, "# ", "# ");
        }
        (void)fputs(first ? "\n" : "", stdout);
        conf_item(item, "# ", "# ");
    }
    conf_words(configuration_items[configuration_item_count - 1].group, "# ", "# ");
    (void)puts("\n# A milter, here with the defaults of all its items.\n#\n"
               "# define_milter(\"NAME\") do |milter|");
    for (unsigned i = 0; i < child_item_count; i++) {
        conf_item(&child_items[i], "#   # ", "#   ");
    }
    conf_words("milter", "#   # ", "#   ");
    (void)puts("# end");
}

/* ---- the manual page */

static void page_item(const struct item *item)
{
    const char *const *choices = choices_of(item);
    char *literal = default_of(item);
    char *range = range_of(item);
    bool as_built = (item->flags & ITEM_ALWAYS_DEFAULT) != 0;
    char *head = memory_format("(%s%s, %s)", type_of(item), range, as_built ? "as built" : literal);

    (void)printf(".It Ic %s.%s No ", item->group, item->name);
    mdoc_argument(head, stdout);
    (void)putchar('\n');
    mdoc_text(item->summary, stdout);
    if (item->type == ITEM_CHOICE) {
        (void)printf(".br\nOne of\n");
        for (unsigned i = 0; choices[i] != NULL; i++) {
            (void)printf(".Li %s %s\n", choices[i], choices[i + 1] != NULL ? "," : ".");
        }
    }
    if ((item->flags & ITEM_CLAMPED) != 0) {
        (void)printf("More than %.0f is taken for %.0f.\n", item->maximum, item->maximum);
    }
    if (item->details != NULL) {
        mdoc_text(item->details, stdout);
    }
    if (item->only_default_why != NULL) {
        (void)printf("Only the default is taken: %s.\n", item->only_default_why);
    }
    free(head);
    free(range);
    free(literal);
}

static unsigned page_items(const char *group)
{
    bool child = strcmp(group, "milter") == 0;
    const struct item *items = child ? child_items : configuration_items;
    unsigned count = child ? child_item_count : configuration_item_count;
    unsigned written = 0;

    for (unsigned i = 0; i < count; i++) {
        if (strcmp(items[i].group, group) == 0) {
            page_item(&items[i]);
            written++;
        }
    }
    return written;
}

/* As it is written; to be freed. */
static char *form_of(const struct word *word)
{
    bool operator= strncmp(word->name, "[]", 2) == 0 || strcmp(word->name, "==") == 0;
    const char *name = operator? "" : word->name; /* stands among the arguments */

    return memory_format("%s%s%s", word->receiver, name, word->arguments);
}

static unsigned page_words(const char *section)
{
    char *before = memory_copy_string("");
    unsigned written = 0;
    bool open = false;

    for (unsigned i = 0; i < configuration_word_count; i++) {
        const struct word *word = &configuration_words[i];
        char *form = form_of(word);

        if (strcmp(word->section, section) != 0) {
            free(form);
            continue;
        }
        /* Two classes may have the same method. */
        if (strcmp(form, before) != 0) {
            (void)fputs(open ? " , " : ".It Ic ", stdout);
            mdoc_argument(form, stdout);
        }
        open = word->text == NULL;
        if (word->literal != NULL) {
            (void)printf(" No \"(default %s)\"", word->literal);
        }
        if (!open) {
            (void)putchar('\n');
            mdoc_text(word->text, stdout);
        }
        written++;
        free(before);
        before = form;
    }
    free(before);
    return written;
}

static void page_stoppers(void)
{
    for (unsigned i = 0; i < stopper_word_count; i++) {
        (void)printf(".It Ic define_%s_stopper Ta %s Ta %s\n", stopper_words[i].name,
                     stopper_words[i].arguments, stopper_words[i].loss);
    }
}

static void page_condition(const struct shipped_condition *condition, void *owner)
{
    (void)owner;
    (void)fputs(".It Li ", stdout);
    mdoc_argument(condition->name, stdout);
    (void)fputs(" No (", stdout);
    (void)printf("%s)\n", condition->description);
    mdoc_text(condition->comment, stdout);
}

/* False when a line asks for what there is not. */
static bool page_line(const char *line, const char *directory, struct error *error)
{
    char what[16];
    char which[64];
    unsigned written = 1;

    if (line[0] != '@') {
        (void)fputs(line, stdout);
        return true;
    }
    which[0] = '\0';
    if (sscanf(line, "@%15s %63[^\n]", what, which) < 1) {
        written = 0;
    } else if (strcmp(what, "ITEMS") == 0) {
        written = page_items(which);
    } else if (strcmp(what, "WORDS") == 0) {
        written = page_words(which);
    } else if (strcmp(what, "STOPPERS") == 0) {
        page_stoppers();
    } else if (strcmp(what, "CONDITIONS") == 0) {
        return shipped_conditions(directory, page_condition, NULL, error);
    } else {
        written = 0;
    }
    if (written == 0) {
        error_set(error, ERROR_USAGE, "nothing is known for the line %s", line);
    }
    return written > 0;
}

static bool page(const char *directory, struct error *error)
{
    char *line = NULL;
    size_t size = 0;
    bool good = true;

    while (good && getline(&line, &size, stdin) >= 0) {
        good = page_line(line, directory, error);
    }
    free(line);
    return good;
}

/* ---- the list */

static void name_condition(const struct shipped_condition *condition, void *owner)
{
    (void)owner;
    (void)printf("condition\t%s\t%s\n", condition->name, condition->description);
}

/* KIND, then the name as it is written; of words also what the page calls them and whose they are.
 */
static bool names(const char *directory, struct error *error)
{
    for (unsigned i = 0; i < configuration_item_count; i++) {
        (void)printf("item\t%s.%s\n", configuration_items[i].group, configuration_items[i].name);
    }
    for (unsigned i = 0; i < child_item_count; i++) {
        (void)printf("item\tmilter.%s\n", child_items[i].name);
    }
    for (unsigned i = 0; i < configuration_word_count; i++) {
        const struct word *word = &configuration_words[i];

        (void)printf("word\t%s%s\t%s\t%s\t%s\n", word->receiver, word->name, word->owner,
                     word->name, word->section);
    }
    for (unsigned i = 0; i < stopper_word_count; i++) {
        (void)printf("stopper\tcondition.define_%s_stopper\n", stopper_words[i].name);
    }
    return shipped_conditions(directory, name_condition, NULL, error);
}

int main(int argc, char *argv[])
{
    struct error error = {0};
    bool good = true;

    if (argc == 2 && strcmp(argv[1], "conf") == 0) {
        conf();
    } else if (argc == 3 && strcmp(argv[1], "page") == 0) {
        good = page(argv[2], &error);
    } else if (argc == 3 && strcmp(argv[1], "names") == 0) {
        good = names(argv[2], &error);
    } else {
        error_set(&error, ERROR_USAGE,
                  "usage: config-reference conf | page DIRECTORY | names DIRECTORY");
        good = false;
    }
    if (good && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
        error_set(&error, ERROR_SYSTEM, "standard output cannot be written");
        good = false;
    }
    if (!good) {
        (void)fprintf(stderr, "config-reference: %s\n", error.message);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
