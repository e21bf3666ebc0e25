/*
 * milter-manager-log-analyzer - reads the log of milter-manager, keeps the numbers, and draws them.
 *
 * Ends with 0, with 1 when something could not be read, stored or drawn, with 2 when the arguments
 * are unusable.
 */
#include "libcore/base/memory.h"
#include "libcore/net/process.h"
#include "milter-manager-log-analyzer/arguments.h"
#include "milter-manager-log-analyzer/progress.h"
#include "milter-manager-log-analyzer/update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    PAGE_SECONDS = 60, /* between pages of --follow */
    IDLE_SECONDS = 300 /* the same without anything new: that the log is silent has to be seen */
};

static const char name[] = "milter-manager-log-analyzer";

struct program {
    struct arguments arguments;
    struct store *store;
    struct progress progress;
    bool failed;        /* something is missing, and was said */
    bool page_is_old;   /* of --follow */
    int64_t page_drawn; /* 0: not yet */
};

static volatile sig_atomic_t stop;

static void stop_soon(int number)
{
    (void)number;
    stop = 1;
}

static void say(struct program *program, const char *sentence)
{
    progress_clear(&program->progress);
    fprintf(stderr, "%s: %s\n", name, sentence);
}

static void fail(struct program *program, const char *sentence)
{
    say(program, sentence);
    program->failed = true;
}

/* ---- the page */

static void draw(struct program *program)
{
    const struct arguments *arguments = &program->arguments;
    int64_t now = time(NULL);
    const struct page_options options = {
        .directory = arguments->directory,
        .title = arguments->title,
        .format = arguments->format,
        .now = now,
        .since = arguments->since,
        .until = arguments->until,
        .quiet = arguments->quiet,
    };
    struct error error = {0};

    program->page_drawn = now;
    program->page_is_old = false;
    if (!page_write(program->store, &options, &error)) {
        fail(program, error.message);
    }
}

/* ---- what the update tells */

static void on_complaint(void *owner, const char *sentence)
{
    fail(owner, sentence);
}

static void on_progress(void *owner, const struct update_report *report, double part)
{
    struct program *program = owner;

    progress_show(&program->progress, report, part);
}

static void on_tick(void *owner, bool stored)
{
    struct program *program = owner;

    progress_clear(&program->progress);
    program->page_is_old = program->page_is_old || stored;
    if (program->page_drawn == 0 ||
        time(NULL) - program->page_drawn >= (program->page_is_old ? PAGE_SECONDS : IDLE_SECONDS)) {
        draw(program);
    }
}

/* A second signal ends at once; nothing that was stored is lost by it. */
static void stop_on_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = stop_soon, .sa_flags = (int)SA_RESETHAND};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

/* False: the database cannot be relied on, there is nothing to draw. */
static bool update(struct program *program)
{
    const struct arguments *arguments = &program->arguments;
    const struct update_options options = {
        .patterns = &arguments->logs,
        .since = arguments->since,
        .until = arguments->until,
        .follow = arguments->follow,
        .stop = &stop,
        .complain = on_complaint,
        .progress = !arguments->quiet && isatty(STDERR_FILENO) != 0 ? on_progress : NULL,
        .tick = on_tick,
        .owner = program,
    };
    struct update_report report;
    struct error error = {0};
    struct buffer skipped = {0};
    bool good;

    if (!arguments->quiet && isatty(STDIN_FILENO) != 0 &&
        strcmp(arguments->logs.items[0], "-") == 0) {
        say(program, "reading a log from this terminal; --log=FILE reads one from a file");
    }
    good = update_run(program->store, &options, &report, &error);

    progress_clear(&program->progress);
    if (!arguments->quiet) {
        update_say_skipped(&report, &skipped);
        if (buffer_length(&skipped) > 0) {
            buffer_append_byte(&skipped, '\0');
            say(program, buffer_slice(&skipped).data);
        }
        buffer_clear(&skipped);
    }
    if (!good) {
        fail(program, error.message);
    }
    return good;
}

/* ---- the directory */

static bool make_directory(const char *path, struct error *error)
{
    char *parent = memory_copy_string(path);
    bool good = true;

    for (char *slash = parent + 1; good && slash[-1] != '\0'; slash++) {
        char was = *slash;

        if (was != '/' && was != '\0') {
            continue;
        }
        *slash = '\0';
        if (mkdir(parent, 0777) != 0 && errno != EEXIST) {
            error_set_errno(error, "cannot make the directory %s", parent);
            good = false;
        }
        *slash = was;
        if (was == '\0') {
            break;
        }
    }
    free(parent);
    return good;
}

static bool check_directory(const struct arguments *arguments, struct error *error)
{
    struct stat status;

    if (arguments->update && !make_directory(arguments->directory, error)) {
        return false;
    }
    if (stat(arguments->directory, &status) != 0) {
        error_set_errno(error, "cannot use --output-directory=%s", arguments->directory);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        error_set(error, ERROR_USAGE, "--output-directory=%s is no directory",
                  arguments->directory);
        return false;
    }
    return true;
}

static bool open_store(struct program *program)
{
    const struct arguments *arguments = &program->arguments;
    struct error error = {0};

    if (check_directory(arguments, &error)) {
        program->store = store_open(arguments->directory, !arguments->update, &error);
    }
    if (program->store == NULL) {
        fail(program, error.message);
    }
    return program->store != NULL;
}

static void run(struct program *program)
{
    const struct arguments *arguments = &program->arguments;
    struct error error = {0};

    if (!open_store(program)) {
        return;
    }
    if (arguments->exports) {
        if (!export_write(program->store, arguments->export_format, arguments->now,
                          arguments->since, arguments->until, &error)) {
            fail(program, error.message);
        }
    } else if (!arguments->update || update(program)) {
        draw(program);
    }
    store_close(program->store);
}

int main(int argc, char **argv)
{
    static struct program program;
    enum option_outcome outcome = arguments_parse(&program.arguments, argc, argv);

    if (outcome == OPTIONS_RUN) {
        process_ignore_broken_pipes();
        process_learn_of_deaths();
        if (program.arguments.follow) {
            stop_on_signals();
        }
        run(&program);
    }
    arguments_clear(&program.arguments);
    return outcome == OPTIONS_EXIT_FAILURE ? EXIT_USAGE
           : program.failed                ? EXIT_FAILURE
                                           : EXIT_SUCCESS;
}
