/*
 * loader - the load of a configuration, from the load path to the snapshot.
 *
 * Owns nothing beyond a load; the finished snapshot is the caller's.  Which
 * files are read, in which order, and what their errors look like is decided in
 * Ruby (lib/milter/manager/loader.rb).
 */
#include "milter-manager/ruby/loader.h"

#include "libcore/base/buffer.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/ruby/binding.h"
#include "milter-manager/ruby/building.h"
#include "milter-manager/ruby/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One attempt to load: its snapshot and what was wrong, each message ended by NUL. */
struct attempt {
    const struct configuration_sources *sources;
    struct configuration *configuration;
    struct buffer messages, warnings;
    bool failed;
};

/* For native_caution; loads do not nest. */
static struct attempt *attempting;

static void note(struct attempt *attempt, const char *message)
{
    attempt->failed = true;
    buffer_append(&attempt->messages, message, strlen(message) + 1);
}

static VALUE native_caution(VALUE self, VALUE text)
{
    struct slice bytes = binding_slice(text);

    (void)self;
    if (attempting != NULL) {
        buffer_append_slice(&attempting->warnings, bytes);
        buffer_append_byte(&attempting->warnings, '\0');
    } else {
        log_warning("%.*s", (int)bytes.length, bytes.data);
    }
    return Qnil;
}

void loader_define(void)
{
    BINDING_DEFINE("caution", native_caution, 1);
}

static void warn(struct attempt *attempt)
{
    const struct configuration_sources *sources = attempt->sources;
    struct slice warnings = buffer_slice(&attempt->warnings);
    struct slice warning;

    while (slice_take_string(&warnings, &warning)) {
        if (sources->warn != NULL) {
            sources->warn(sources->report_owner, warning.data);
        } else {
            log_warning("%s", warning.data);
        }
    }
}

/* All messages of a failed attempt; the first one is the error. */
static void report(struct attempt *attempt, struct error *error)
{
    const struct configuration_sources *sources = attempt->sources;
    struct slice messages = buffer_slice(&attempt->messages);
    struct slice message;

    while (slice_take_string(&messages, &message)) {
        error_set(error, ERROR_USAGE, "%s", message.data);
        if (sources->report != NULL) {
            sources->report(sources->report_owner, message.data);
        } else {
            log_error("[configuration][error] %s", message.data);
        }
    }
}

/* said_by: who asked for it, and wants to know that it is not there; or NULL. */
static void append_directory(VALUE directories, const char *directory, const char *said_by)
{
    if (directory != NULL && directory[0] != '\0') {
        char *absolute = paths_absolute(directory);

        if (said_by != NULL && access(absolute, F_OK) != 0) {
            log_warning("[configuration][load][warning] %s: <%s>: %s", said_by, absolute,
                        strerror(errno));
        }

        rb_ary_push(directories, binding_string(slice_from_string(absolute)));
        free(absolute);
    }
}

/* All but the custom directory, which is not trusted in the same way. */
static VALUE load_path(const struct configuration_sources *sources)
{
    VALUE directories = rb_ary_new();
    char *compiled_in = paths_configuration_directory();

    append_directory(directories, sources->directory, "--config-dir");
    append_directory(directories, getenv("MILTER_MANAGER_CONFIG_DIR"), "MILTER_MANAGER_CONFIG_DIR");
    append_directory(directories, compiled_in, NULL);
    free(compiled_in);
    return directories;
}

/* What the command line says of an item, before any file was read. */
static const char *overriding_string(const struct configuration_sources *sources, const char *key)
{
    const char *string = NULL;

    for (unsigned i = 0; i < sources->override_count; i++) {
        if (strcmp(sources->overrides[i].key, key) == 0 &&
            sources->overrides[i].value.kind == VALUE_STRING) {
            string = sources->overrides[i].value.string.data;
        }
    }
    return string;
}

static const struct passwd *find_user(const char *user)
{
    const struct passwd *entry = getpwnam(user);

    if (entry == NULL && strspn(user, "0123456789") == strlen(user)) {
        entry = getpwuid((uid_t)strtoul(user, NULL, 10));
    }
    return entry;
}

/*
 * Only what was made here changes its owner, and no link is followed: the user
 * may have put something else in its place meanwhile.
 */
static void create_directory(const char *directory, const struct passwd *owner)
{
    struct stat status;
    int fd;

    if (mkdir(directory, 0700) != 0) {
        if (errno != EEXIST) {
            log_info("[configuration][load] no custom directory <%s>: %s", directory,
                     strerror(errno));
        }
        return;
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_uid != geteuid() ||
        (geteuid() == 0 && fchown(fd, owner->pw_uid, owner->pw_gid) != 0)) {
        log_warning("[configuration][load][warning] <%s> does not belong to %s: %s", directory,
                    owner->pw_name, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* The last directory of the load path (section 1), or NULL; to be freed. */
static char *custom_directory(const char *item, const char *effective_user)
{
    const struct passwd *entry;
    struct stat status;
    char *directory;

    if (item != NULL) {
        directory = memory_copy_string(item);
    } else {
        if (effective_user == NULL) {
            return NULL;
        }
        entry = find_user(effective_user);
        if (entry == NULL || entry->pw_dir == NULL) {
            return NULL;
        }
        directory = memory_format("%s/.milter-manager", entry->pw_dir);
        create_directory(directory, entry);
    }
    /* A named one that may not be looked at is a mistake, which the files' search tells. */
    if (item != NULL && access(directory, F_OK) != 0 && errno == EACCES) {
        return directory;
    }
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode) ||
        (item == NULL && access(directory, R_OK | X_OK) != 0)) {
        free(directory);
        return NULL;
    }
    return directory;
}

static void apply_overrides(struct attempt *attempt)
{
    const struct configuration_sources *sources = attempt->sources;

    for (unsigned i = 0; i < sources->override_count; i++) {
        struct error reason = {0};

        if (!configuration_override(attempt->configuration, sources->overrides[i].key,
                                    &sources->overrides[i].value, &reason)) {
            note(attempt, reason.message);
        }
    }
}

/* Evaluates the files; the object that received them. */
static VALUE evaluate(struct attempt *attempt, const char *custom)
{
    VALUE custom_path = rb_ary_new();
    VALUE arguments[] = {load_path(attempt->sources), Qnil,
                         attempt->sources->keep_incomplete ? Qtrue : Qfalse};
    VALUE result = Qnil;

    append_directory(custom_path, custom, NULL);
    arguments[1] = rb_ary_entry(custom_path, 0);
    if (!binding_call("load", 3, arguments, &result) || !RB_TYPE_P(result, T_ARRAY) ||
        RARRAY_LEN(result) == 0) {
        note(attempt, "the configuration could not be evaluated");
        return Qnil;
    }
    for (long i = 1; i < RARRAY_LEN(result); i++) {
        struct slice bytes = binding_slice(rb_ary_entry(result, i));
        char *message = memory_copy_bytes(bytes.data, bytes.length);

        note(attempt, message);
        free(message);
    }
    return rb_ary_entry(result, 0);
}

static void check_whole(struct attempt *attempt)
{
    struct error reason = {0};

    if (!configuration_check(attempt->configuration, &reason)) {
        note(attempt, reason.message);
    }
}

/* custom: the last directory of the load path, or NULL. */
static void load_once(struct attempt *attempt, const struct configuration_sources *sources,
                      const char *custom)
{
    VALUE receiver;
    VALUE ignored;

    memset(attempt, 0, sizeof(*attempt));
    attempt->sources = sources;
    attempt->configuration = building_begin();
    attempting = attempt;
    receiver = evaluate(attempt, custom);
    building_keep(receiver);
    apply_overrides(attempt);
    check_whole(attempt);
    if (!attempt->failed) {
        configuration_complete(attempt->configuration);
    }
    if (!attempt->failed && !binding_call("seal", 1, &receiver, &ignored)) {
        note(attempt, "the configuration could not be completed");
    }
    attempting = NULL;
    building_end();
    RB_GC_GUARD(receiver);
}

static void clear(struct attempt *attempt)
{
    configuration_release(attempt->configuration);
    buffer_clear(&attempt->messages);
    buffer_clear(&attempt->warnings);
}

struct configuration *configuration_load(const struct configuration_sources *sources,
                                         struct error *error)
{
    struct configuration *configuration = NULL;
    struct attempt attempt;
    char *custom =
        custom_directory(overriding_string(sources, "manager.custom_configuration_directory"),
                         overriding_string(sources, "security.effective_user"));
    char *wanted;

    load_once(&attempt, sources, custom);
    /* The files may have named another custom directory: then it belongs to the load path. */
    wanted = custom_directory(attempt.configuration->manager.custom_configuration_directory,
                              attempt.configuration->security.effective_user);
    if (wanted != NULL && (custom == NULL || strcmp(wanted, custom) != 0)) {
        clear(&attempt);
        load_once(&attempt, sources, wanted);
    }
    warn(&attempt);
    if (attempt.failed) {
        report(&attempt, error);
    }
    if (!attempt.failed || sources->keep_incomplete) {
        configuration = configuration_reference(attempt.configuration);
    }
    clear(&attempt);
    free(custom);
    free(wanted);
    return configuration;
}
