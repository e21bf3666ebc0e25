/*
 * fuzz_log_line - bytes of a log: lines of it, and what they count for.
 *
 * The first byte chooses how late it is.  What must hold for any bytes: slices lie in the line, or
 * in what was unescaped of it and are no longer than that can be; counts are of items that exist;
 * and the same line is understood in the same way when it follows itself.
 */
#include "milter-manager-log-analyzer/event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool lies_in(struct slice part, struct slice whole)
{
    return part.length == 0 ||
           (part.data >= whole.data && part.data + part.length <= whole.data + whole.length);
}

static void check_event(const struct log_record *record)
{
    struct event event;
    bool any = event_read(record, &event);

    require(any == (event.count > 0) && event.count <= EVENT_COUNTS);
    for (size_t i = 0; i < event.count; i++) {
        const struct event_count *count = &event.counts[i];
        const struct series_info *info = series_info(count->kind);

        require(count->item < info->item_count);
        require(info->of_child == (count->name.length > 0));
        require(lies_in(count->name, record->text) || lies_in(count->name, record->child));
    }
}

static void check_line(struct log_clock *clock, struct slice line)
{
    struct log_record record, again;
    enum log_line_kind kind = log_line_read(clock, line, &record);

    if (kind == LOG_LINE_RECORD) {
        require(lies_in(record.text, line) ||
                lies_in(record.text, buffer_slice(&clock->unescaped)));
        require(lies_in(record.child, line) ||
                lies_in(record.child, buffer_slice(&clock->unescaped)));
        check_event(&record);
    }
    size_t length = record.text.length;
    require(log_line_read(clock, line, &again) == kind);
    require(again.text.length == length && again.statistics == record.statistics);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct log_clock clock = {0};
    const char *from = (const char *)data + 1, *end = (const char *)data + size;

    if (size == 0) {
        return 0;
    }
    log_clock_begin(&clock, (int64_t)data[0] * 86400 * 365);
    while (from < end) {
        const char *found = memchr(from, '\n', (size_t)(end - from));
        size_t length = (size_t)((found == NULL ? end : found) - from);
        /* A copy of its own, so that a byte too many is noticed. */
        char *line = malloc(length > 0 ? length : 1);

        memcpy(line, from, length);
        check_line(&clock, slice_of(line, length));
        free(line);
        from += length + 1;
    }
    log_clock_clear(&clock);
    return 0;
}
