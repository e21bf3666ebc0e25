/*
 * update - reads what is new in the logs into the store.
 */
#include "milter-manager-log-analyzer/update.h"

#include "libcore/base/clock.h"
#include "milter-manager-log-analyzer/batch.h"
#include "milter-manager-log-analyzer/follow.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Bytes of all logs; 0 when one is a pipe. */
static uint64_t size_of_all(const struct option_strings *paths)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < paths->count; i++) {
        struct stat status;

        if (strcmp(paths->items[i], "-") == 0) {
            return 0;
        }
        if (stat(paths->items[i], &status) == 0) {
            if (!S_ISREG(status.st_mode)) {
                return 0;
            }
            sum += (uint64_t)status.st_size;
        }
    }
    return sum;
}

static void complain(const struct batch *batch, const struct error *failure)
{
    batch->report->unread++;
    batch->options->complain(batch->options->owner, failure->message);
}

/* False: nothing can be stored any more. */
static bool read_path(struct batch *batch, const char *path, struct error *error)
{
    struct error failure = {0};
    struct source *source = source_open(path, &failure);
    bool good = source != NULL && batch_read(batch, source, &failure);

    source_close(source);
    if (good) {
        return true;
    }
    if (batch->store_failed) {
        *error = failure;
        return false;
    }
    complain(batch, &failure);
    return true;
}

static bool is_stopped(const struct update_options *options)
{
    return options->stop != NULL && *options->stop != 0;
}

/* What is there of the patterns; what is not, is said. */
static void find(const struct batch *batch, struct option_strings *paths)
{
    const struct option_strings *patterns = batch->options->patterns;
    struct option_strings good = {0};
    struct error failure = {0};

    for (size_t i = 0; i < patterns->count; i++) {
        const struct option_strings one = {.items = patterns->items + i, .count = 1};
        struct option_strings found = {0};
        struct error missing = {0};

        if (source_find(&one, &found, &missing)) {
            option_strings_add(&good, patterns->items[i]);
        } else {
            complain(batch, &missing);
        }
        source_find_clear(&found);
    }
    /* All at once, for their order. */
    if (good.count > 0 && !source_find(&good, paths, &failure)) {
        complain(batch, &failure);
    }
    option_strings_clear(&good);
}

static bool read_all(struct batch *batch, struct error *error)
{
    struct option_strings paths = {0};
    bool good = true;

    find(batch, &paths);
    batch->bytes_in_all = size_of_all(&paths);
    for (size_t i = 0; good && i < paths.count && !is_stopped(batch->options); i++) {
        good = read_path(batch, paths.items[i], error);
    }
    source_find_clear(&paths);
    return good;
}

bool update_run(struct store *store, const struct update_options *options,
                struct update_report *report, struct error *error)
{
    struct batch batch = {
        .store = store, .options = options, .report = report, .started = clock_nanoseconds()};
    int64_t newest = 0;
    bool good;

    *report = (struct update_report){0};
    good = read_all(&batch, error) && batch_prune(&batch, error) &&
           store_newest(store, &newest, error);
    report->has_numbers = newest != 0;
    if (!good) {
        store_abandon(store);
    }
    if (good && options->follow) {
        good = follow(&batch, error);
    }
    batch_clear(&batch);
    report->seconds = (double)(clock_nanoseconds() - batch.started) / 1e9;
    return good;
}

/* ---- what was left out */

struct skipped {
    uint64_t count;
    const char *one, *many; /* "N" in front */
};

static void append_list(struct buffer *text, const struct skipped *list, size_t count)
{
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        if (list[i].count > 0) {
            buffer_append_format(text, "%s%" PRIu64 " %s", first ? "" : ", ", list[i].count,
                                 list[i].count == 1 ? list[i].one : list[i].many);
            first = false;
        }
    }
    if (!first) {
        buffer_append_string(text, ".");
    }
}

void update_say_skipped(const struct update_report *report, struct buffer *text)
{
    const struct skipped lines[] = {
        {report->broken, "line not understood", "lines not understood"},
        {report->cut, "line too long and cut", "lines too long and cut"},
        {report->repeated, "line older than what was read before",
         "lines older than what was read before"},
        {report->unripe, "line of the minute that is not over",
         "lines of the minute that is not over"},
        {report->out_of_range, "line outside --since and --until",
         "lines outside --since and --until"},
    };
    size_t count = sizeof(lines) / sizeof(lines[0]);
    struct buffer list = {0};

    append_list(&list, lines, count);
    if (buffer_length(&list) > 0) {
        buffer_append_string(text, "not counted: ");
        buffer_append_slice(text, buffer_slice(&list));
    }
    buffer_clear(&list);
    /* What a log grows by may well be of others alone. */
    if (report->lines > 0 && report->counted == 0 && report->other == 0 && !report->has_numbers &&
        report->repeated + report->unripe + report->out_of_range == 0) {
        buffer_append_format(text,
                             "%s of %" PRIu64 " lines is of milter-manager: is it the log it "
                             "writes to?",
                             buffer_length(text) > 0 ? " None" : "none", report->lines);
    }
}
