/*
 * progress - one line on a terminal that says how far the logs are read.
 */
#include "milter-manager-log-analyzer/progress.h"

#include <inttypes.h>
#include <stdio.h>

static const char clear_line[] = "\r\033[K";

static void append_duration(struct buffer *text, double seconds)
{
    unsigned long all = seconds > 1e6 ? 1000000 : (unsigned long)(seconds + 0.5);

    if (all >= 3600) {
        buffer_append_format(text, "%lu:%02lu:%02lu", all / 3600, all / 60 % 60, all % 60);
    } else {
        buffer_append_format(text, "%lu:%02lu", all / 60, all % 60);
    }
}

void progress_line(struct progress *progress, const struct update_report *report, double part,
                   struct buffer *text)
{
    double passed = report->seconds - progress->seconds;
    double done = part - progress->first_part;

    if (part >= 0) {
        buffer_append_format(text, "%3.0f%%, ", part * 100);
    }
    buffer_append_format(text, "%" PRIu64 " lines", report->lines);
    if (passed > 0 && report->lines > progress->lines) {
        buffer_append_format(text, ", %.0f/s", (double)(report->lines - progress->lines) / passed);
    }
    if (progress->first_seconds > 0 && done > 0) {
        buffer_append_string(text, ", ready in ");
        append_duration(text, (report->seconds - progress->first_seconds) * (1 - part) / done);
    }
    if (progress->first_seconds <= 0) {
        progress->first_part = part;
        progress->first_seconds = report->seconds;
    }
    progress->lines = report->lines;
    progress->seconds = report->seconds;
}

void progress_show(struct progress *progress, const struct update_report *report, double part)
{
    struct buffer text = {0};

    progress_line(progress, report, part, &text);
    fprintf(stderr, "%s%.*s", clear_line, (int)buffer_length(&text), buffer_slice(&text).data);
    (void)fflush(stderr);
    buffer_clear(&text);
    progress->shown = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->shown) {
        fputs(clear_line, stderr);
        (void)fflush(stderr);
        progress->shown = false;
    }
}
