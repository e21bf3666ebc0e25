/*
 * launchable - command lines of children.  Runs nothing.
 */
#include "milter-manager/child/launchable.h"

#include "libcore/base/command_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char launchable_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *copy(struct arena *arena, const char *text)
{
    return arena_copy(arena, slice_from_string(text)).data;
}

bool launchable_is(const struct configuration_child *child)
{
    return child->command != NULL && child->command != child->detected_command;
}

const char *launchable_line(const struct configuration_child *child, struct arena *arena)
{
    struct buffer line = {0};
    const char *text;

    buffer_append_string(&line, child->command);
    if (child->command_options != NULL) {
        buffer_append_byte(&line, ' ');
        buffer_append_string(&line, child->command_options);
    }
    text = arena_copy(arena, buffer_slice(&line)).data;
    buffer_clear(&line);
    return text;
}

bool launchable_make(struct launchable *launchable, const struct configuration_child *child,
                     struct arena *arena, struct error *error)
{
    unsigned count = 0;

    launchable->name = copy(arena, child->name);
    launchable->command = launchable_line(child, arena);
    launchable->user = copy(arena, child->user_name == NULL ? "" : child->user_name);
    launchable->startup_time = child->startup_time;
    if (!command_line_split(launchable->command, arena, &launchable->words, &count, error)) {
        return false;
    }
    if (count == 0 || launchable->words[0][0] == '\0') {
        error_set(error, ERROR_USAGE, "there is no program in the command <%s>",
                  launchable->command);
        return false;
    }
    return true;
}

static bool executable(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0 || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0) {
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    return true;
}

/* Directory after directory; what may not be executed is passed over, but remembered. */
static bool search(const char *program, char path[PATH_MAX])
{
    const char *rest = launchable_path;
    int reason = ENOENT;

    while (*rest != '\0') {
        size_t length = strcspn(rest, ":");
        int written = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, rest, program);

        if (written < PATH_MAX && executable(path)) {
            return true;
        }
        reason = errno != ENOENT && errno != ENOTDIR ? errno : reason;
        rest += length + (rest[length] == ':' ? 1 : 0);
    }
    errno = reason;
    return false;
}

bool launchable_find(const struct launchable *launchable, char path[PATH_MAX], struct error *error)
{
    const char *program = launchable->words[0];

    if (strchr(program, '/') == NULL) {
        if (!search(program, path)) {
            error_set_errno(error, "cannot execute <%s>, looked for in %s", program,
                            launchable_path);
            return false;
        }
        return true;
    }
    if (snprintf(path, PATH_MAX, "%s%s", program[0] == '/' ? "" : "/", program) >= PATH_MAX) {
        errno = ENAMETOOLONG;
    } else if (executable(path)) {
        return true;
    }
    error_set_errno(error, "cannot execute <%s>", path);
    return false;
}

bool launchable_find_user(const struct launchable *launchable, struct process_user *user,
                          struct error *error)
{
    struct error reason = {0};
    const char *name = launchable->user[0] == '\0' ? "root" : launchable->user;

    if (!process_find_user(name, user, &reason) || !user->known) {
        error_set(error, ERROR_USAGE, "there is no user <%s>", name);
        return false;
    }
    return true;
}
