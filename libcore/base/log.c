/*
 * log - gates, targets and collecting of log lines.
 *
 * Owns the log file's descriptor and the lines not yet written.  Never waits
 * for syslog, never changes errno for its caller.
 */
#include "libcore/base/log.h"

#include "libcore/base/buffer.h"
#include "libcore/base/log_format.h"
#include "libcore/base/log_json.h"
#include "libcore/base/memory.h"
#include "libcore/base/syslog_sender.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum {
    COLLECT_MAXIMUM = 64 * 1024, /* bytes of lines waiting for log_flush */
    MESSAGE_USUAL = 1024,        /* longer messages cost an allocation */
    LOG_FILE_MODE = 0640,        /* addresses of mail are not for everybody */
};

enum colour_choice { COLOUR_BY_TERMINAL, COLOUR_NEVER, COLOUR_ALWAYS };

static struct {
    bool open;
    char *program;
    unsigned levels;
    unsigned syslog_levels; /* used when syslog_levels_set */
    bool syslog_levels_set;
    unsigned fatal; /* a line of these levels ends the program (MILTER_DEBUG) */
    unsigned wanted;
    unsigned items;
    enum colour_choice colour_choice;
    bool colour;
    bool detached; /* standard output is no target any more */
    bool use_syslog;
    int facility;
    bool json;
    int worker; /* -1: this process is none */
    char *path; /* NULL: standard output */
    int fd;
    bool created; /* the file: by this process */
    bool stream;  /* the target is no file: what is written at once must be short */
    bool torn;    /* the last line was cut off in the middle */
    struct buffer lines;
} state = {.fd = STDOUT_FILENO, .items = LOG_ITEM_TIME, .facility = LOG_MAIL, .worker = -1};

static bool state_has_file(void)
{
    return state.path != NULL || !state.detached;
}

static unsigned state_syslog_levels(void)
{
    return state.syslog_levels_set ? state.syslog_levels : state.levels;
}

/* Everything log_wants depends on is folded into one word. */
static void state_changed(void)
{
    state.wanted = 0;
    if (!state.open) {
        return;
    }
    state.wanted = state.fatal;
    if (state_has_file()) {
        state.wanted |= state.levels;
    }
    if (state.use_syslog) {
        state.wanted |= state_syslog_levels();
    }
}

static bool terminal_shows_colours(int fd)
{
    const char *term = getenv("TERM");
    const char *emacs = getenv("EMACS");

    if (!isatty(fd)) {
        return false;
    }
    return (emacs != NULL && emacs[0] != '\0') ||
           (term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0);
}

bool log_colours(int fd)
{
    return state.colour_choice == COLOUR_ALWAYS ||
           (state.colour_choice == COLOUR_BY_TERMINAL && terminal_shows_colours(fd));
}

static void look_at_target(void)
{
    struct stat status;

    state.colour = log_colours(state.fd);
    state.stream = fstat(state.fd, &status) == 0 && !S_ISREG(status.st_mode);
}

/* Environment. */

static void read_level(const char *variable, unsigned *levels, bool *is_set)
{
    const char *value = getenv(variable);
    struct error error = {0};

    if (value == NULL) {
        return;
    }
    if (log_level_parse(value, levels, &error)) {
        *is_set = true;
    } else {
        log_warning("[log][level][error] %s: %s", variable, error.message);
    }
}

static void read_items(void)
{
    const char *value = getenv("MILTER_LOG_ITEM");
    struct error error = {0};

    if (value != NULL && !log_item_parse(value, &state.items, &error)) {
        log_warning("[log][item][error] MILTER_LOG_ITEM: %s", error.message);
    }
}

static void read_colour(void)
{
    static const char *const NAMES[] = {"default", "none", "console"};
    const char *value = getenv("MILTER_LOG_COLORIZE");

    for (unsigned i = 0; value != NULL && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(value, NAMES[i]) == 0) {
            state.colour_choice = (enum colour_choice)i;
            return;
        }
    }
    if (value != NULL) {
        log_warning("[log][colorize][error] MILTER_LOG_COLORIZE must be default, none or console: "
                    "<%s>",
                    value);
    }
}

static void read_debug(void)
{
    static const unsigned WARNINGS = LOG_LEVEL_CRITICAL | LOG_LEVEL_ERROR | LOG_LEVEL_WARNING;
    const char *value = getenv("MILTER_DEBUG");
    char *words = memory_copy_string(value == NULL ? "" : value);
    char *rest = words;

    for (char *character = words; *character != '\0'; character++) {
        *character = *character == '_' ? '-' : *character;
    }
    for (char *word = strtok_r(words, " ,:;|", &rest); word != NULL;
         word = strtok_r(NULL, " ,:;|", &rest)) {
        if (strcmp(word, "fatal-warnings") == 0) {
            state.fatal |= WARNINGS;
        } else if (strcmp(word, "fatal-criticals") == 0) {
            state.fatal |= LOG_LEVEL_CRITICAL;
        }
    }
    free(words);
}

static void read_environment(void)
{
    struct error error = {0};
    const char *path = getenv("MILTER_LOG_PATH");
    const char *facility = getenv("MILTER_LOG_SYSLOG_FACILITY");
    bool is_set = false;

    /* First of all, so that what else is wrong is said there. */
    if (path != NULL && !log_set_path(path, &error)) {
        log_warning("[log][path][error] MILTER_LOG_PATH: %s", error.message);
    }
    read_items();
    read_colour();
    read_level("MILTER_LOG_LEVEL", &state.levels, &is_set);
    state.syslog_levels = LOG_LEVEL_DEFAULT;
    read_level("MILTER_LOG_SYSLOG_LEVEL", &state.syslog_levels, &state.syslog_levels_set);
    if (facility != NULL && log_facility_valid(facility)) {
        state.facility = syslog_facility_find(facility);
    } else if (facility != NULL) {
        log_warning("[log][syslog][error] MILTER_LOG_SYSLOG_FACILITY: unknown facility: <%s>",
                    facility);
    }
    read_debug();
}

/* Opening and closing. */

void log_open(const char *program)
{
    log_close();
    state.program = memory_copy_string(program);
    state.open = true;
    state.levels = LOG_LEVEL_DEFAULT;
    state_changed();
    read_environment();
    look_at_target();
    state_changed();
}

void log_close(void)
{
    log_flush();
    syslog_close();
    if (state.path != NULL) {
        close(state.fd);
    }
    buffer_clear(&state.lines);
    free(state.path);
    free(state.program);
    memset(&state, 0, sizeof(state));
    state.fd = STDOUT_FILENO;
    state.items = LOG_ITEM_TIME;
    state.facility = LOG_MAIL;
    state.worker = -1;
}

void log_set_program(const char *program)
{
    log_flush();
    syslog_close();
    free(state.program);
    state.program = memory_copy_string(program);
}

int log_descriptor(void)
{
    return state.fd;
}

/*
 * O_EXCL tells whether the file is new, and follows no link: only such a file
 * may be given away.  Any other is opened as it is found.
 */
static int open_file(const char *path, bool *created, struct error *error)
{
    static const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, flags | O_EXCL, LOG_FILE_MODE);

    *created = fd >= 0;
    if (fd < 0) {
        fd = open(path, flags, LOG_FILE_MODE);
    }
    if (fd < 0) {
        error_set_errno(error, "failed to open log file: <%s>", path);
    }
    return fd;
}

static bool same_file(int first, int second)
{
    struct stat one, other;

    return fstat(first, &one) == 0 && fstat(second, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static void replace_target(char *path, int fd, bool created)
{
    log_flush();
    /* Named by the command line and by the configuration it is opened twice. */
    created = created || (state.created && same_file(state.fd, fd));
    if (state.path != NULL) {
        close(state.fd);
    }
    free(state.path);
    state.path = path;
    state.fd = fd;
    state.created = created;
    state.torn = false;
    look_at_target();
    state_changed();
}

bool log_set_path(const char *path, struct error *error)
{
    int fd = STDOUT_FILENO;
    bool created;

    if (path == NULL || strcmp(path, "-") == 0) {
        replace_target(NULL, fd, false);
        return true;
    }
    if (strcmp(path, "/dev/stderr") == 0) {
        /* Opened a second time its lines would overwrite those written to it elsewhere. */
        replace_target(NULL, STDERR_FILENO, false);
        return true;
    }
    fd = open_file(path, &created, error);
    if (fd < 0) {
        return false;
    }
    replace_target(memory_copy_string(path), fd, created);
    return true;
}

bool log_reopen(struct error *error)
{
    bool created;

    if (state.path == NULL) {
        return true;
    }
    int fd = open_file(state.path, &created, error);
    if (fd < 0) {
        return false;
    }
    replace_target(memory_copy_string(state.path), fd, created);
    return true;
}

bool log_give_to(uid_t user, gid_t group, struct error *error)
{
    if (state.path == NULL || !state.created || fchown(state.fd, user, group) == 0) {
        return true;
    }
    error_set_errno(error, "cannot give the log file <%s> to user ID %lu", state.path,
                    (unsigned long)user);
    return false;
}

bool log_reopenable(struct error *error)
{
    if (state.path == NULL || access(state.path, W_OK) == 0) {
        return true;
    }
    error_set_errno(error,
                    "SIGUSR1 will not be able to open the log file <%s> again as user ID %lu; "
                    "give it to that user",
                    state.path, (unsigned long)geteuid());
    return false;
}

bool log_set_format(const char *format, struct error *error)
{
    bool json = strcmp(format, "json") == 0;

    if (!json && strcmp(format, "text") != 0) {
        error_set(error, ERROR_USAGE, "unknown log format: <%s> available values: [json|text]",
                  format);
        return false;
    }
    state.json = json;
    return true;
}

void log_set_worker(int worker)
{
    state.worker = worker;
}

bool log_facility_valid(const char *facility)
{
    return syslog_facility_find(facility) >= 0;
}

bool log_set_syslog(bool use, const char *facility, struct error *error)
{
    if (facility != NULL && !log_facility_valid(facility)) {
        error_set(error, ERROR_USAGE, "unknown syslog facility: <%s>", facility);
        return false;
    }
    if (facility != NULL) {
        state.facility = syslog_facility_find(facility);
    }
    state.use_syslog = use;
    state_changed();
    return true;
}

void log_set_syslog_socket(const char *path)
{
    syslog_set_socket(path);
}

void log_detach_terminal(void)
{
    log_flush();
    state.detached = true;
    state_changed();
}

void log_set_levels(unsigned levels)
{
    state.levels = levels;
    state_changed();
}

unsigned log_levels(void)
{
    return state.levels;
}

/* Writing. */

bool log_has_fields(void)
{
    return state.json;
}

bool log_wants(enum log_level level)
{
    return (state.wanted & level) != 0;
}

/*
 * Lines of several processes that share a pipe stay whole as long as what is
 * written at once is no longer than PIPE_BUF.  A file with O_APPEND takes all.
 */
static size_t flush_length(struct slice lines)
{
    size_t length = PIPE_BUF;

    if (!state.stream || lines.length <= PIPE_BUF) {
        return lines.length;
    }
    while (length > 0 && lines.data[length - 1] != '\n') {
        length--;
    }
    if (length == 0) { /* a longer line: as a whole, at least */
        length = PIPE_BUF;
        while (length < lines.length && lines.data[length - 1] != '\n') {
            length++;
        }
    }
    return length;
}

/* A full disk or a vanished reader must not fill the memory. */
static void lose_lines(void)
{
    struct slice lines = buffer_slice(&state.lines);

    /* What the beginning of a line was written for must not spoil the next one. */
    state.torn = state.torn || (lines.data > state.lines.data && lines.data[-1] != '\n');
    buffer_reset(&state.lines);
}

void log_flush(void)
{
    int saved = errno;

    while (buffer_length(&state.lines) > 0) {
        if (state.torn && write(state.fd, "\n", 1) != 1) {
            lose_lines();
            break;
        }
        state.torn = false;
        struct slice lines = buffer_slice(&state.lines);
        ssize_t count = write(state.fd, lines.data, flush_length(lines));
        if (count > 0) {
            buffer_consume(&state.lines, (size_t)count);
        } else if (count == 0 || errno != EINTR) {
            lose_lines();
        }
    }
    errno = saved;
}

static void write_line(enum log_level level, const struct log_place *place,
                       const struct log_field *fields, struct slice message)
{
    if (state.json) {
        log_json_line(&state.lines, level, state.worker,
                      (state.items & LOG_ITEM_LOCATION) != 0 ? place : NULL, message, fields);
    } else {
        log_format_line(&state.lines, state.items, state.colour, level, place, state.program,
                        message);
    }
}

static void write_message(enum log_level level, const struct log_place *place,
                          const struct log_field *fields, struct slice message)
{
    static const unsigned URGENT = LOG_LEVEL_CRITICAL | LOG_LEVEL_ERROR;

    if (state_has_file() && (state.levels & level) != 0) {
        write_line(level, place, fields, message);
    }
    if (state.use_syslog && (state_syslog_levels() & level) != 0) {
        syslog_send(state.facility, log_level_priority(level), state.program,
                    level == LOG_LEVEL_STATISTICS ? "[statistics] " : "", message);
    }
    if ((level & (URGENT | state.fatal)) != 0 || buffer_length(&state.lines) >= COLLECT_MAXIMUM) {
        log_flush();
    }
    if ((level & state.fatal) != 0) {
        abort();
    }
}

static void write_format(enum log_level level, const struct log_place *place,
                         const struct log_field *fields, const char *format, va_list arguments)
{
    char usual[MESSAGE_USUAL];
    char *text = usual;
    va_list again;
    int saved = errno;

    va_copy(again, arguments);
    int length = vsnprintf(usual, sizeof(usual), format, arguments);
    if (length >= (int)sizeof(usual)) {
        text = memory_new((size_t)length + 1, 1);
        errno = saved; /* for %m */
        length = vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    if (length >= 0) {
        write_message(level, place, fields, slice_of(text, (size_t)length));
    }
    if (text != usual) {
        free(text);
    }
    errno = saved;
}

void log_write(enum log_level level, const char *file, int line, const char *function,
               const char *format, ...)
{
    const struct log_place place = {file, line, function};
    va_list arguments;

    if (log_wants(level)) {
        va_start(arguments, format);
        write_format(level, &place, NULL, format, arguments);
        va_end(arguments);
    }
}

void log_write_event(enum log_level level, const struct log_field *fields, const char *file,
                     int line, const char *function, const char *format, ...)
{
    const struct log_place place = {file, line, function};
    va_list arguments;

    if (log_wants(level)) {
        va_start(arguments, format);
        write_format(level, &place, fields, format, arguments);
        va_end(arguments);
    }
}
