/*
 * shipped - reads name, description and head comment of the shipped conditions,
 * without Ruby: they have to stand there as plain texts.
 */
#include "tools/shipped.h"

#include "libcore/base/buffer.h"
#include "libcore/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text in quotes, which may stand in the next line, behind the first such beginning. */
static char *quoted(const char *text, const char *beginning)
{
    const char *found = strstr(text, beginning);
    const char *end;

    if (found == NULL) {
        return NULL;
    }
    found += strlen(beginning);
    found += strspn(found, " \n");
    end = found[0] == '"' ? strchr(found + 1, '"') : NULL;
    return end == NULL ? NULL : memory_format("%.*s", (int)(end - found - 1), found + 1);
}

static void read_lines(FILE *stream, struct shipped_condition *condition)
{
    struct buffer comment = {0};
    struct buffer code = {0};
    char *line = NULL;
    size_t size = 0;
    bool head = true;

    while (getline(&line, &size, stream) >= 0) {
        head = head && line[0] == '#';
        if (!head) {
            buffer_append_string(&code, line);
        }
        line[strcspn(line, "\n")] = '\0';
        if (head && strncmp(line, "# ", 2) == 0) {
            buffer_append_format(&comment, "%s%s", buffer_slice(&comment).length > 0 ? " " : "",
                                 line + 2);
        }
    }
    free(line);
    buffer_append_byte(&code, '\0');
    condition->name = quoted(buffer_slice(&code).data, "define_applicable_condition(");
    condition->description = quoted(buffer_slice(&code).data, "condition.description =");
    buffer_clear(&code);
    if (buffer_slice(&comment).length > 0) {
        buffer_append_byte(&comment, '\0');
        condition->comment = memory_copy_string(buffer_slice(&comment).data);
    }
    buffer_clear(&comment);
}

static bool read_condition(const char *path, struct shipped_condition *condition,
                           struct error *error)
{
    FILE *stream = fopen(path, "r");

    if (stream == NULL) {
        error_set(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
        return false;
    }
    read_lines(stream, condition);
    (void)fclose(stream);
    if (condition->name == NULL || condition->description == NULL || condition->comment == NULL) {
        error_set(error, ERROR_USAGE,
                  "%s should have a comment at its head, define_applicable_condition(\"NAME\") and "
                  "condition.description = \"TEXT\"",
                  path);
        return false;
    }
    return true;
}

static int is_condition(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

bool shipped_conditions(const char *directory,
                        void (*visit)(const struct shipped_condition *condition, void *owner),
                        void *owner, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_condition, alphasort);
    bool good = count > 0;

    if (!good) {
        error_set(error, ERROR_SYSTEM, "%s should hold the conditions, *.conf: %s", directory,
                  count < 0 ? strerror(errno) : "there is none");
    }
    for (int i = 0; i < count; i++) {
        struct shipped_condition condition = {0};
        char *path = memory_format("%s/%s", directory, entries[i]->d_name);

        good = good && read_condition(path, &condition, error);
        if (good) {
            visit(&condition, owner);
        }
        free(condition.name);
        free(condition.description);
        free(condition.comment);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return good;
}
