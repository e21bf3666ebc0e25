/*
 * replay - plays session files to a filter.
 *
 * Owns one item for each file.  Up to the number of jobs are played at the same
 * time; what is printed follows the order of the files.
 */
#include "milter-test-server/replay.h"

#include "libcore/base/file.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/limits.h"
#include "milter-test-server/session_paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned file_mode = 0644; /* of a file made anew; one that is there keeps its own */

struct replay_item {
    struct replay *replay;
    const char *path;
    struct session_file file;
    struct player *player; /* while it is played */
    struct buffer report;
    bool done;
};

struct replay {
    struct loop *loop;
    const struct replay_options *options;
    struct session_paths paths;
    struct replay_item *items;
    size_t next;    /* to be started */
    size_t printed; /* how many have been reported */
    unsigned running;
    size_t totals[REPLAY_UPDATED + 1];
    double started;
    bool output_failed;
};

static void replay_print(struct replay *replay, struct buffer *text)
{
    struct slice bytes = buffer_slice(text);

    if (fwrite(bytes.data, 1, bytes.length, stdout) < bytes.length || fflush(stdout) != 0) {
        if (!replay->output_failed) {
            fprintf(stderr, "milter-test-server: failed to write the report: %s\n",
                    strerror(errno));
        }
        replay->output_failed = true;
    }
    buffer_clear(text);
}

static void replay_begin(struct replay *replay)
{
    struct buffer head = {0};

    replay_report_begin(&head, replay->options->format, replay->paths.count,
                        replay->totals[REPLAY_FAILED]);
    replay_print(replay, &head);
}

static void replay_print_done(struct replay *replay)
{
    while (replay->printed < replay->paths.count && replay->items[replay->printed].done) {
        replay_print(replay, &replay->items[replay->printed++].report);
    }
}

/* ---- one file */

/* file: paths are relative to the session file. */
static bool load_file(void *owner, const char *path, struct buffer *content, struct error *error)
{
    const struct replay_item *item = owner;
    const char *slash = strrchr(item->path, '/');
    char *beside;
    bool ok;

    if (path[0] == '/' || slash == NULL) {
        return file_read(path, "file", content, error);
    }
    beside = memory_format("%.*s/%s", (int)(slash - item->path), item->path, path);
    ok = file_read(beside, "file", content, error);
    free(beside);
    return ok;
}

static bool item_read(struct replay_item *item, struct error *error)
{
    struct buffer text = {0};
    bool ok =
        file_read(item->path, "session file", &text, error) &&
        session_file_parse(&item->file, item->path, buffer_slice(&text), load_file, item, error);

    buffer_clear(&text);
    return ok;
}

static void item_report(struct replay_item *item, struct replay_case *outcome)
{
    struct replay *replay = item->replay;

    outcome->name = item->path;
    replay->totals[outcome->outcome]++;
    replay_report_case(&item->report, replay->options->format, (size_t)(item - replay->items) + 1,
                       outcome);
    item->done = true;
    if (replay_report_streams(replay->options->format)) {
        replay_print_done(replay);
    }
}

static bool item_update(const struct replay_item *item, const struct playback *playback)
{
    struct buffer text = {0};
    struct error error = {0};
    bool ok;

    playback_append_updated(playback, &text);
    if (strcmp(item->path, "-") == 0) {
        error_set(&error, ERROR_USAGE, "standard input cannot be updated");
        ok = false;
    } else {
        ok = file_write(item->path, file_mode, buffer_slice(&text), &error);
    }
    if (!ok) {
        fprintf(stderr, "milter-test-server: %s\n", error.message);
    }
    buffer_clear(&text);
    return ok;
}

static void replay_fill(struct replay *replay);

static void item_ended(void *owner, struct player *player)
{
    struct replay_item *item = owner;
    struct replay *replay = item->replay;
    const struct playback *playback = player_playback(player);
    struct buffer diff = {0};
    struct replay_case outcome = {
        .outcome = REPLAY_FAILED, .seconds = player_seconds(player), .error = player_error(player)};
    bool whole = outcome.error->code == ERROR_NONE;

    if (whole && !playback->differs) {
        outcome.outcome = REPLAY_PASSED;
    } else if (whole && replay->options->update && item_update(item, playback)) {
        outcome.outcome = REPLAY_UPDATED;
    } else {
        playback_append_diff(playback, item->path, replay->options->player.spec, &diff);
    }
    outcome.diff = buffer_slice(&diff);
    item_report(item, &outcome);
    buffer_clear(&diff);
    player_free(player);
    item->player = NULL;
    session_file_clear(&item->file);
    replay->running--;
    replay_fill(replay);
}

/* False: it could not be read, and has been reported. */
static bool item_start(struct replay_item *item)
{
    struct error error = {0};
    struct replay_case outcome = {.outcome = REPLAY_FAILED, .diff = {"", 0}, .error = &error};

    if (!item_read(item, &error)) {
        item_report(item, &outcome);
        return false;
    }
    item->player = player_new(item->replay->loop, &item->file, &item->replay->options->player,
                              item_ended, item);
    return true;
}

/* ---- all files */

static void replay_fill(struct replay *replay)
{
    while (replay->running < replay->options->jobs && replay->next < replay->paths.count) {
        if (item_start(&replay->items[replay->next++])) {
            replay->running++;
        }
    }
    if (replay->running == 0) {
        loop_stop(replay->loop);
    }
}

static bool replay_find(struct replay *replay)
{
    struct error error = {0};

    for (size_t i = 0; i < replay->options->path_count; i++) {
        if (!session_paths_add(&replay->paths, replay->options->paths[i], &error)) {
            fprintf(stderr, "milter-test-server: %s\n", error.message);
            return false;
        }
    }
    if (!limits_raise(replay->options->jobs < replay->paths.count ? replay->options->jobs
                                                                  : (unsigned)replay->paths.count,
                      &error)) {
        fprintf(stderr, "milter-test-server: --jobs: %s\n", error.message);
        return false;
    }
    replay->items = memory_new(replay->paths.count, sizeof(*replay->items));
    for (size_t i = 0; i < replay->paths.count; i++) {
        replay->items[i].replay = replay;
        replay->items[i].path = replay->paths.items[i];
    }
    return true;
}

static void replay_flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

bool replay_run(const struct replay_options *options)
{
    struct loop *loop = loop_new();
    struct replay replay = {.loop = loop, .options = options, .started = loop_now(loop)};
    struct buffer text = {0};
    bool found = replay_find(&replay);

    loop_before_sleep(loop, replay_flush_log, NULL);
    if (found) {
        if (replay_report_streams(options->format)) {
            replay_begin(&replay);
        }
        replay_fill(&replay);
        loop_run(loop);
        if (!replay_report_streams(options->format)) {
            replay_begin(&replay);
            replay_print_done(&replay);
        }
        replay_report_end(&text, options->format, replay.totals, loop_now(loop) - replay.started);
        replay_print(&replay, &text);
    }
    loop_free(loop);
    free(replay.items);
    session_paths_clear(&replay.paths);
    return found && replay.totals[REPLAY_FAILED] == 0 && !replay.output_failed;
}
