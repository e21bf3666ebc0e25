/*
 * command_line - quoting as in a shell.  Pure functions.
 */
#include "libcore/base/command_line.h"

#include "libcore/base/buffer.h"
#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

struct splitting {
    const char *rest;
    const char *text;    /* the whole, for messages */
    struct buffer word;  /* the one being read */
    struct error *error; /* set when the line is not one */
};

static bool unfinished(struct splitting *splitting, const char *what, const char *at)
{
    error_set(splitting->error, ERROR_USAGE, "%s at character %lu of <%s>", what,
              (unsigned long)(at - splitting->text) + 1, splitting->text);
    return false;
}

/* rest is behind the opening quote. */
static bool take_single(struct splitting *splitting)
{
    const char *end = strchr(splitting->rest, '\'');

    if (end == NULL) {
        return unfinished(splitting, "there is no second ' to the one", splitting->rest - 1);
    }
    buffer_append(&splitting->word, splitting->rest, (size_t)(end - splitting->rest));
    splitting->rest = end + 1;
    return true;
}

static bool take_double(struct splitting *splitting)
{
    const char *start = splitting->rest - 1;

    while (*splitting->rest != '\0' && *splitting->rest != '"') {
        char next = splitting->rest[1];

        if (*splitting->rest == '\\' && next == '\n') {
            splitting->rest += 2;
            continue;
        }
        if (*splitting->rest == '\\' && next != '\0' && strchr("$`\"\\", next) != NULL) {
            splitting->rest++;
        }
        buffer_append_byte(&splitting->word, *splitting->rest++);
    }
    if (*splitting->rest == '\0') {
        return unfinished(splitting, "there is no second \" to the one", start);
    }
    splitting->rest++;
    return true;
}

static bool take_escaped(struct splitting *splitting)
{
    if (*splitting->rest == '\0') {
        return unfinished(splitting, "there is nothing behind the \\", splitting->rest - 1);
    }
    if (*splitting->rest != '\n') {
        buffer_append_byte(&splitting->word, *splitting->rest);
    }
    splitting->rest++;
    return true;
}

/* One word; *found is false at the end of the line. */
static bool take_word(struct splitting *splitting, bool *found)
{
    bool good = true;

    buffer_reset(&splitting->word);
    *found = false;
    splitting->rest += strspn(splitting->rest, blanks);
    while (good && *splitting->rest != '\0' && strchr(blanks, *splitting->rest) == NULL) {
        char first = *splitting->rest++;

        /* A line that goes on is no word by itself. */
        *found = *found || first != '\\' || *splitting->rest != '\n';
        switch (first) {
        case '\'':
            good = take_single(splitting);
            break;
        case '"':
            good = take_double(splitting);
            break;
        case '\\':
            good = take_escaped(splitting);
            break;
        default:
            buffer_append_byte(&splitting->word, first);
        }
    }
    return good;
}

bool command_line_split(const char *text, struct arena *arena, char ***words, unsigned *count,
                        struct error *error)
{
    struct splitting splitting = {.rest = text, .text = text, .error = error};
    char **found_words = NULL;
    bool good = true;

    *count = 0;
    while (good && *splitting.rest != '\0') {
        bool found;

        good = take_word(&splitting, &found);
        if (good && found) {
            found_words = memory_resize(found_words, *count + 1, sizeof(*found_words));
            found_words[(*count)++] = (char *)arena_copy(arena, buffer_slice(&splitting.word)).data;
        }
    }
    buffer_clear(&splitting.word);
    if (good) {
        *words = arena_new(arena, (*count + 1) * sizeof(**words));
        for (unsigned i = 0; i < *count; i++) {
            (*words)[i] = found_words[i];
        }
    }
    free(found_words);
    return good;
}
