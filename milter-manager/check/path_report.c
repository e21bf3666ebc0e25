/*
 * path_report - walks a path from the root and finds the element in the way.
 *
 * What is allowed is asked of the system (access lists and capabilities count);
 * the mode bits only serve to say why.  Changes nothing.
 */
#include "milter-manager/check/path_report.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is wanted of an element: the access(2) mode, the bit of "other", and words. */
struct want {
    int access;
    mode_t other;
    const char *verb, *letter;
};
static const struct want want_enter = {X_OK, S_IXOTH, "enter", "x"};
static const struct want want_write = {W_OK, S_IWOTH, "write to", "w"};
static const struct want want_make = {W_OK | X_OK, S_IWOTH | S_IXOTH, "make files in", "wx"};

const char *path_user_name(uid_t user, char text[PATH_NAME_TEXT])
{
    const struct passwd *entry = getpwuid(user);

    if (entry != NULL) {
        (void)snprintf(text, PATH_NAME_TEXT, "%s", entry->pw_name);
    } else {
        (void)snprintf(text, PATH_NAME_TEXT, "%lu", (unsigned long)user);
    }
    return text;
}

static const char *group_name(gid_t group, char text[PATH_NAME_TEXT])
{
    const struct group *entry = getgrgid(group);

    if (entry != NULL) {
        (void)snprintf(text, PATH_NAME_TEXT, "%s", entry->gr_name);
    } else {
        (void)snprintf(text, PATH_NAME_TEXT, "%lu", (unsigned long)group);
    }
    return text;
}

const char *path_element_format(const struct path_element *element, char text[PATH_ELEMENT_TEXT])
{
    char user[PATH_NAME_TEXT], group[PATH_NAME_TEXT];

    if (element->known) {
        (void)snprintf(text, PATH_ELEMENT_TEXT, "%s %04o %s:%s", element->path,
                       (unsigned)element->status.st_mode & 07777,
                       path_user_name(element->status.st_uid, user),
                       group_name(element->status.st_gid, group));
    } else {
        (void)snprintf(text, PATH_ELEMENT_TEXT, "%s", element->path);
    }
    return text;
}

static bool in_group(gid_t group)
{
    gid_t *groups;
    int count = getgroups(0, NULL);
    bool found = getegid() == group;

    if (count <= 0) {
        return found;
    }
    groups = memory_new((size_t)count, sizeof(gid_t));
    count = getgroups(count, groups);
    for (int i = 0; i < count; i++) {
        found |= groups[i] == group;
    }
    free(groups);
    return found;
}

/* Why the mode bits refuse, and what helps. */
static void explain(const struct path_element *element, const struct want *want,
                    struct error *error)
{
    const struct stat *status = &element->status;
    mode_t mode = status->st_mode;
    bool group_may = (mode & (want->other << 3)) == want->other << 3;
    bool other_may = (mode & want->other) == want->other;
    char text[PATH_ELEMENT_TEXT], user[PATH_NAME_TEXT], group[PATH_NAME_TEXT];

    (void)path_element_format(element, text);
    (void)path_user_name(geteuid(), user);
    (void)group_name(status->st_gid, group);
    if (status->st_uid == geteuid()) {
        if ((mode & (want->other << 6)) == want->other << 6) {
            error_set(error, ERROR_SYSTEM,
                      "%s: user %s owns it and may still not %s it: see its access list (getfacl), "
                      "AppArmor or SELinux",
                      text, user, want->verb);
        } else {
            error_set(error, ERROR_SYSTEM,
                      "%s: its owner %s may not %s it; let the owner (chmod u+%s %s)", text, user,
                      want->verb, want->letter, element->path);
        }
    } else if (in_group(status->st_gid) ? group_may : other_may) {
        error_set(error, ERROR_SYSTEM,
                  "%s: user %s may not %s it although its mode allows that: see its access list "
                  "(getfacl), AppArmor or SELinux",
                  text, user, want->verb);
    } else if (in_group(status->st_gid)) {
        error_set(error, ERROR_SYSTEM,
                  "%s: user %s is in group %s, which may not %s it; let the group (chmod g+%s %s)",
                  text, user, group, want->verb, want->letter, element->path);
    } else if (group_may && status->st_gid == 0) {
        error_set(error, ERROR_SYSTEM,
                  "%s: user %s is not in group %s, and should not be; give it to a group of %s "
                  "(chgrp, or an option of the milter)",
                  text, user, group, user);
    } else if (group_may) {
        error_set(error, ERROR_SYSTEM,
                  "%s: user %s is not in group %s; put the user into it (usermod -aG %s %s) and "
                  "start milter-manager again",
                  text, user, group, group, user);
    } else if (want == &want_make && status->st_gid == 0) { /* /run and the like stay as they are */
        error_set(error, ERROR_SYSTEM,
                  "%s: only its owner may %s it, user %s is another one; make a directory of that "
                  "user's own in it (install -d -o %s %s/NAME), and use that",
                  text, want->verb, user, user, element->path);
    } else {
        error_set(error, ERROR_SYSTEM,
                  "%s: only its owner may %s it, user %s is another one; open it to a group of %s "
                  "(chgrp, chmod g+%s)",
                  text, want->verb, user, user, want->letter);
    }
}

static bool refuse(struct path_report *report, unsigned index, const struct want *want,
                   struct error *error)
{
    report->culprit = (int)index;
    explain(&report->elements[index], want, error);
    return false;
}

static bool missing(struct path_report *report, unsigned index, enum path_use use,
                    struct error *error)
{
    struct path_element *element = &report->elements[index];
    struct stat link;
    bool last = index + 1 == report->count;

    report->culprit = (int)index;
    if (errno != ENOENT) {
        error_set_errno(error, "%s cannot be looked at", element->path);
    } else if (lstat(element->path, &link) == 0) {
        error_set(error, ERROR_SYSTEM,
                  "%s is a symbolic link to something that does not exist; mend the link",
                  element->path);
    } else if (last && use == PATH_CONNECT) {
        error_set(error, ERROR_SYSTEM,
                  "%s does not exist; is the milter running, and told to listen there?",
                  element->path);
    } else if (use == PATH_CONNECT) { /* made by hand it would have the wrong owner */
        error_set(error, ERROR_SYSTEM,
                  "directory %s does not exist; start the milter, which makes it as a rule, or "
                  "correct the path",
                  element->path);
    } else {
        error_set(error, ERROR_SYSTEM, "directory %s does not exist; make it, or correct the path",
                  element->path);
    }
    return false;
}

static bool wrong_kind(struct path_report *report, unsigned index, const char *wanted,
                       struct error *error)
{
    mode_t mode = report->elements[index].status.st_mode;

    report->culprit = (int)index;
    error_set(error, ERROR_SYSTEM, "%s is %s, not a %s; correct the path",
              report->elements[index].path,
              S_ISDIR(mode)    ? "a directory"
              : S_ISSOCK(mode) ? "a socket"
              : S_ISREG(mode)  ? "a file"
                               : "something else",
              wanted);
    return false;
}

static bool look_at(struct path_report *report, unsigned index, enum path_use use,
                    struct error *error)
{
    struct path_element *element = &report->elements[index];
    bool last = index + 1 == report->count;
    const struct want *want = !last ? &want_enter : use == PATH_CONNECT ? &want_write : &want_make;

    if (stat(element->path, &element->status) != 0) {
        return missing(report, index, use, error);
    }
    element->known = true;
    if (last && use == PATH_CONNECT && !S_ISSOCK(element->status.st_mode)) {
        return wrong_kind(report, index, "socket", error);
    }
    if (want != &want_write && !S_ISDIR(element->status.st_mode)) {
        return wrong_kind(report, index, "directory", error);
    }
    if (faccessat(AT_FDCWD, element->path, want->access, AT_EACCESS) == 0) {
        return true;
    }
    if (errno != EACCES) { /* a file system without writing, say */
        report->culprit = (int)index;
        error_set_errno(error, "%s", element->path);
        return false;
    }
    return refuse(report, index, want, error);
}

static void add(struct path_report *report, const char *path, size_t length)
{
    report->elements =
        memory_resize(report->elements, report->count + 1, sizeof(report->elements[0]));
    report->elements[report->count] =
        (struct path_element){.path = memory_copy_bytes(path, length)};
    report->count++;
}

static void split(struct path_report *report, const char *path)
{
    size_t length = strlen(path);

    if (path[0] == '/') {
        add(report, "/", 1);
    } else {
        add(report, ".", 1);
    }
    for (size_t i = 1; i <= length; i++) {
        if ((path[i] == '/' || path[i] == '\0') && path[i - 1] != '/') {
            add(report, path, i);
        }
    }
}

bool path_report_make(struct path_report *report, const char *path, enum path_use use,
                      struct error *error)
{
    memset(report, 0, sizeof(*report));
    report->culprit = -1;
    split(report, path);
    for (unsigned i = 0; i < report->count; i++) {
        if (!look_at(report, i, use, error)) {
            return false;
        }
    }
    return true;
}

void path_report_clear(struct path_report *report)
{
    for (unsigned i = 0; i < report->count; i++) {
        free(report->elements[i].path);
    }
    free(report->elements);
    memset(report, 0, sizeof(*report));
}
