/*
 * gnuplot - a plot drawn by a child process.
 */
#include "libcore/net/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* NOLINT(readability-redundant-declaration): not in POSIX' headers */

enum { PATIENCE = 30000 /* milliseconds */, READ = 65536, REMEDY = 96 };

static const char remedy[] = "install gnuplot (Debian: gnuplot-nox), or do without graphs";

/* ---- the process */

/* Its standard input, output and error are sockets: a write to one that is gone is no signal. */
struct plotter {
    pid_t pid;
    int ours[3], theirs[3];
};

static void close_all(int descriptors[3])
{
    for (size_t i = 0; i < 3; i++) {
        if (descriptors[i] >= 0) {
            (void)close(descriptors[i]);
            descriptors[i] = -1;
        }
    }
}

static bool connect_all(struct plotter *plotter)
{
    for (size_t i = 0; i < 3; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            return false;
        }
        plotter->ours[i] = pair[0];
        plotter->theirs[i] = pair[1];
        (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* 0, or errno. */
static int spawn(struct plotter *plotter)
{
    char *words[] = {(char[]){"gnuplot"}, (char[]){"-d"}, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    int result;

    (void)posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++) {
        (void)posix_spawn_file_actions_adddup2(&actions, plotter->theirs[i], i);
    }
    (void)posix_spawnattr_init(&attributes);
    (void)sigemptyset(&signals);
    (void)posix_spawnattr_setsigmask(&attributes, &signals);
    (void)sigaddset(&signals, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&attributes, &signals);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    result = posix_spawnp(&plotter->pid, words[0], &actions, &attributes, words, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return result;
}

static bool start(struct plotter *plotter, struct error *error)
{
    int failure;

    failure = connect_all(plotter) ? spawn(plotter) : errno;
    close_all(plotter->theirs);
    if (failure != 0) {
        close_all(plotter->ours);
        error_set(error, ERROR_SYSTEM, "cannot run gnuplot: %s; %s", strerror(failure), remedy);
    }
    return failure == 0;
}

static void close_one(int *descriptor)
{
    (void)close(*descriptor);
    *descriptor = -1;
}

static void feed(int *descriptor, struct slice *script)
{
    ssize_t written = send(*descriptor, script->data, script->length, MSG_NOSIGNAL);

    if (written > 0) {
        slice_skip(script, (size_t)written);
    }
    /* One that reads no more says why on its standard error. */
    if (script->length == 0 || (written < 0 && errno != EINTR && errno != EAGAIN)) {
        close_one(descriptor);
    }
}

static void collect(int *descriptor, struct buffer *buffer)
{
    ssize_t got = recv(*descriptor, buffer_reserve(buffer, READ), READ, 0);

    if (got > 0) {
        buffer_commit(buffer, (size_t)got);
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        close_one(descriptor);
    }
}

/* Until both its outputs are closed.  False when nothing has happened for too long. */
static bool talk(struct plotter *plotter, struct slice script, struct buffer *output,
                 struct buffer *complaint)
{
    while (plotter->ours[1] >= 0 || plotter->ours[2] >= 0) {
        struct pollfd polls[3] = {{plotter->ours[0], POLLOUT, 0},
                                  {plotter->ours[1], POLLIN, 0},
                                  {plotter->ours[2], POLLIN, 0}};
        int ready = poll(polls, 3, PATIENCE);

        if (ready == 0 || (ready < 0 && errno != EINTR)) {
            return false;
        }
        if (ready < 0) {
            continue;
        }
        if (polls[0].revents != 0) {
            feed(plotter->ours, &script);
        }
        if (polls[1].revents != 0) {
            collect(plotter->ours + 1, output);
        }
        if (polls[2].revents != 0) {
            collect(plotter->ours + 2, complaint);
        }
    }
    return true;
}

/* What it said first, for a sentence of ours. */
static void first_line(const struct buffer *complaint, char text[REMEDY])
{
    struct slice rest = buffer_slice(complaint);
    size_t length = 0;

    while (rest.length > 0 && strchr("\n\r\t ^", rest.data[0]) != NULL) {
        slice_skip(&rest, 1);
    }
    while (length < rest.length && length + 1 < REMEDY && (unsigned char)rest.data[length] >= ' ') {
        length++;
    }
    (void)snprintf(text, REMEDY, "%.*s", (int)length, length > 0 ? rest.data : "");
}

bool gnuplot_run(struct slice script, struct buffer *output, struct error *error)
{
    struct buffer complaint = {0};
    struct plotter plotter = {.ours = {-1, -1, -1}, .theirs = {-1, -1, -1}};
    char text[REMEDY];
    int status = 0;
    pid_t ended;
    bool ok;

    if (!start(&plotter, error)) {
        return false;
    }
    ok = talk(&plotter, script, output, &complaint);
    if (!ok) {
        error_set(error, ERROR_TIMEOUT, "gnuplot did nothing for %d seconds; %s", PATIENCE / 1000,
                  remedy);
        (void)kill(plotter.pid, SIGKILL);
    }
    close_all(plotter.ours);
    do {
        ended = waitpid(plotter.pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    if (ok && ended == plotter.pid && status != 0) {
        first_line(&complaint, text);
        error_set(error, ERROR_SYSTEM, "gnuplot failed (%s %d)%s%s; %s",
                  WIFSIGNALED(status) ? "signal" : "exit status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                  text[0] != '\0' ? ": " : "", text, remedy);
        ok = false;
    }
    buffer_clear(&complaint);
    return ok;
}

/* ---- its SVG as a part of a page */

/* Text of the SVG and what stands for it. */
static const struct {
    const char *from, *to;
} colours[] = {
    {"\"black\"", "\"var(--text)\""},
    {"'black'", "'var(--text)'"},
    {"\"gray\"", "\"var(--grid)\""},
    {"'gray'", "'var(--grid)'"},
};

/* "rgb(  0,   0,   7)": black, a grey, or a series. */
static bool take_rgb(struct slice *line, struct buffer *html)
{
    const char *end = memchr(line->data, ')', line->length);
    int red, green, blue, taken = 0;
    char text[32];

    if (!slice_starts_with(*line, "rgb(") || end == NULL ||
        (size_t)(end - line->data) + 1 >= sizeof(text)) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)(end - line->data) + 1, line->data);
    /* NOLINTNEXTLINE(cert-err34-c): three digits each */
    if (sscanf(text, "rgb(%3d,%3d,%3d)%n", &red, &green, &blue, &taken) != 3 || taken == 0) {
        return false;
    }
    if (red != 0 || green != 0) {
        buffer_append_string(html, "var(--grid)");
    } else if (blue == 0) {
        buffer_append_string(html, "var(--text)");
    } else {
        buffer_append_format(html, "var(--c%d)", blue);
    }
    slice_skip(line, (size_t)taken);
    return true;
}

static bool take_colour(struct slice *line, struct buffer *html)
{
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        if (slice_starts_with(*line, colours[i].from)) {
            buffer_append_string(html, colours[i].to);
            slice_skip(line, strlen(colours[i].from));
            return true;
        }
    }
    return take_rgb(line, html);
}

/* id='gpPt5', xlink:href='#gpPt5' */
static bool take_name(struct slice *line, const char *prefix, struct buffer *html)
{
    static const char *const names[] = {"id='gp", "'#gp"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t length = strlen(names[i]);

        if (slice_starts_with(*line, names[i])) {
            buffer_append(html, names[i], length - 2);
            buffer_append_string(html, prefix);
            slice_skip(line, length - 2);
            return true;
        }
    }
    return false;
}

/* Names of plots, which are the same in each picture and which nothing refers to. */
static bool take_plot(struct slice *line, struct buffer *html)
{
    static const char name[] = "<g id=\"gnuplot_plot_";
    const char *end;

    if (!slice_starts_with(*line, name) || (end = memchr(line->data, '>', line->length)) == NULL) {
        return false;
    }
    buffer_append_string(html, "<g>");
    slice_skip(line, (size_t)(end - line->data) + 1);
    return true;
}

static void append_line(struct slice line, const char *prefix, struct buffer *html)
{
    while (line.length > 0) {
        if (!take_colour(&line, html) && !take_plot(&line, html) &&
            !take_name(&line, prefix, html)) {
            buffer_append_byte(html, line.data[0]);
            slice_skip(&line, 1);
        }
    }
    buffer_append_byte(html, '\n');
}

static struct slice take_line(struct slice *rest)
{
    const char *end = rest->length > 0 ? memchr(rest->data, '\n', rest->length) : NULL;
    struct slice line =
        slice_of(rest->data, end != NULL ? (size_t)(end - rest->data) : rest->length);

    slice_skip(rest, line.length + 1);
    return line;
}

/* Groups with nothing in them make half of what gnuplot writes. */
static bool skip_empty_group(struct slice line, struct slice *rest)
{
    struct slice after = *rest;

    if (!slice_starts_with(line, "<g fill=") || !slice_equal_string(take_line(&after), "</g>")) {
        return false;
    }
    *rest = after;
    return true;
}

static struct slice content_of(struct slice svg)
{
    static const char begin[] = "<g id=\"gnuplot_canvas\">";
    static const char end[] = "</svg>";
    const char *first = svg.length > 0 ? memmem(svg.data, svg.length, begin, strlen(begin)) : NULL;
    const char *last;

    if (first == NULL) {
        return slice_of(NULL, 0);
    }
    first += strlen(begin);
    last = memmem(first, svg.length - (size_t)(first - svg.data), end, strlen(end));
    return slice_of(first, last != NULL ? (size_t)(last - first) : 0);
}

/* The shapes of points, when none is used. */
static bool skip_shapes(struct slice line, struct slice *rest)
{
    static const char end[] = "</defs>";
    const char *last;

    if (memmem(line.data, line.length, "<defs>", 6) == NULL ||
        (last = memmem(rest->data, rest->length, end, strlen(end))) == NULL) {
        return false;
    }
    last += strlen(end);
    if (memmem(last, rest->length - (size_t)(last - rest->data), "'#gp", 4) != NULL) {
        return false;
    }
    slice_skip(rest, (size_t)(last - rest->data));
    return true;
}

bool gnuplot_embed(struct slice svg, const char *prefix, struct buffer *html, struct error *error)
{
    struct slice rest = content_of(svg);

    if (rest.length == 0) {
        error_set(error, ERROR_SYSTEM, "gnuplot did not write a whole plot in SVG; %s", remedy);
        return false;
    }
    buffer_append_string(html, "<g>");
    while (rest.length > 0) {
        struct slice line = take_line(&rest);

        /* Boxes around texts, which are not used: their names would be there twice. */
        if (memmem(line.data, line.length, "<filter", 7) != NULL) {
            while (rest.length > 0 && memmem(line.data, line.length, "</filter>", 9) == NULL) {
                line = take_line(&rest);
            }
        } else if (line.length > 0 && !skip_empty_group(line, &rest) && !skip_shapes(line, &rest)) {
            append_line(line, prefix, html);
        }
    }
    return true;
}
