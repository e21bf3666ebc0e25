/*
 * The pages of the log analyzer: ranges, bins, scales, names of files, who misbehaves, and what
 * is written to the directory.
 */
#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/chart_scale.h"
#include "milter-manager-log-analyzer/page.h"
#include "milter-manager-log-analyzer/page_name.h"
#include "milter-manager-log-analyzer/summary_judge.h"
#include "test/unit/markup_form.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Thu 26 Nov 2026 14:20:30 in UTC+1. */
static const int64_t now = 1795699230;

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* ---- a directory with numbers */

struct fixture {
    char directory[64];
    struct store *store;
    struct error error;
};

static int fixture_new(void **state)
{
    struct fixture *fixture = NEW(struct fixture);

    (void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/analyzer-page.XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    fixture->store = store_open(fixture->directory, false, &fixture->error);
    assert_non_null(fixture->store);
    *state = fixture;
    return 0;
}

static int fixture_free(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    DIR *directory = opendir(fixture->directory);
    const struct dirent *entry;

    store_close(fixture->store);
    while ((entry = readdir(directory)) != NULL) {
        char *path = memory_format("%s/%s", fixture->directory, entry->d_name);

        if (entry->d_name[0] != '.') {
            assert_int_equal(unlink(path), 0);
        }
        free(path);
    }
    (void)closedir(directory);
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

static void count(struct fixture *fixture, int64_t time, enum series_kind kind, const char *name,
                  const char *item, uint64_t value)
{
    struct event_count event = {.kind = kind, .name = slice_from_string(name), .value = value};

    assert_true(series_item_find(kind, slice_from_string(item), &event.item));
    store_count(fixture->store, time, &event);
}

static void mail(struct fixture *fixture, int64_t time, const char *child, uint64_t mails,
                 uint64_t failed)
{
    count(fixture, time, SERIES_SESSION, "", "smtp", mails);
    count(fixture, time, SERIES_STATUS, "", "accept", mails);
    count(fixture, time, SERIES_LATENCY, "", "b40", mails);
    count(fixture, time, SERIES_MILTER_STATUS, child, "accept", mails);
    count(fixture, time, SERIES_MILTER_LATENCY, child, "b36", mails);
    if (failed > 0) {
        count(fixture, time, SERIES_MILTER_FAILURE, child, "closed", failed);
        count(fixture, time, SERIES_MILTER_FAILURE, child, "accept", failed);
    }
}

static void begin(struct fixture *fixture)
{
    assert_true(store_begin(fixture->store, now, &fixture->error));
}

static void commit(struct fixture *fixture)
{
    assert_true(store_commit(fixture->store, &fixture->error));
}

static bool write_pages(struct fixture *fixture, enum graph_format format)
{
    struct page_options options = {.directory = fixture->directory, .format = format, .now = now};

    error_clear(&fixture->error);
    return page_write(fixture->store, &options, &fixture->error);
}

/* The content of a file there; free it. */
static char *content(const struct fixture *fixture, const char *name)
{
    char *path = memory_format("%s/%s", fixture->directory, name);
    struct buffer buffer = {0};
    struct error error = {0};

    assert_true(file_read(path, "page", &buffer, &error));
    buffer_append_byte(&buffer, '\0');
    free(path);
    return buffer.data;
}

static bool exists(const struct fixture *fixture, const char *name)
{
    char *path = memory_format("%s/%s", fixture->directory, name);
    bool there = access(path, R_OK) == 0;

    free(path);
    return there;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in the page", part);
    }
}

/* ---- ranges */

static void test_ranges(void **state)
{
    static const struct {
        const char *id;
        int64_t length, step, end;
        enum store_span span;
    } expected[] = {
        {"last-day", DAY, 480, MINUTE, STORE_MINUTE},
        {"last-week", 7 * DAY, 3360, MINUTE, STORE_MINUTE},
        {"last-month", 35 * DAY, 16800, 300, STORE_FIVE_MINUTES},
        {"last-year", 420 * DAY, 201600, HOUR, STORE_HOUR},
    };
    struct range ranges[RANGES];

    (void)state;
    assert_int_equal(ranges_of(now, 0, 0, ranges), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(ranges[i].id, expected[i].id);
        assert_int_equal(ranges[i].until - ranges[i].from, expected[i].length);
        assert_int_equal(ranges[i].step, expected[i].step);
        assert_int_equal(ranges[i].bins, 180);
        assert_int_equal(ranges[i].span, expected[i].span);
        /* The minute that is not over belongs to it. */
        assert_int_equal(ranges[i].until % expected[i].end, 0);
        assert_in_range(ranges[i].until - now, 0, expected[i].end - 1);
    }
}

static void test_own_range(void **state)
{
    static const struct {
        int64_t ago, length;
        enum store_span span;
    } cases[] = {
        {2 * HOUR, HOUR, STORE_MINUTE},    {2 * HOUR, 30, STORE_MINUTE},
        {10 * DAY, 3 * DAY, STORE_MINUTE}, {11 * DAY, 3 * DAY, STORE_FIVE_MINUTES},
        {100 * DAY, 90 * DAY, STORE_HOUR}, {3000 * (int64_t)DAY, 2000 * (int64_t)DAY, STORE_DAY},
    };
    struct range ranges[RANGES];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t since = now - cases[i].ago;

        assert_int_equal(ranges_of(now, since, since + cases[i].length, ranges), 5);
        assert_string_equal(ranges[0].id, "chosen-range");
        assert_int_equal(ranges[0].span, cases[i].span);
        assert_true(ranges[0].from <= since && ranges[0].until >= since + cases[i].length);
        assert_int_equal(ranges[0].from + (int64_t)ranges[0].bins * ranges[0].step,
                         ranges[0].until);
        assert_in_range(ranges[0].bins, 1, 200);
    }
}

static void test_ticks(void **state)
{
    struct range_tick ticks[RANGE_TICKS];
    struct range ranges[RANGES];
    size_t count_of;

    (void)state;
    (void)ranges_of(now, 0, 0, ranges);
    count_of = range_ticks(ranges, ticks);
    assert_int_equal(count_of, 8);
    assert_string_equal(ticks[0].text, "15:00");
    assert_true(ticks[0].at > 0.02 && ticks[0].at < 0.04);
    assert_string_equal(ticks[7].text, "12:00");
    count_of = range_ticks(ranges + 1, ticks);
    assert_int_equal(count_of, 7);
    assert_string_equal(ticks[0].text, "Fri 20");
    for (size_t i = 2; i < 4; i++) {
        count_of = range_ticks(ranges + i, ticks);
        assert_in_range(count_of, 5, 14);
    }
}

/* ---- bins */

static void test_view(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    const struct view_series *series;
    struct range ranges[RANGES];
    struct view view;

    (void)ranges_of(now, 0, 0, ranges);
    begin(fixture);
    mail(fixture, ranges[0].from, "a", 3, 1);              /* the first minute */
    mail(fixture, ranges[0].from + 7 * MINUTE, "a", 4, 0); /* the same bin */
    mail(fixture, ranges[0].from + 8 * MINUTE, "a", 5, 0); /* the next one */
    mail(fixture, now, "a", 7, 0);                         /* the last one */
    mail(fixture, ranges[0].from - MINUTE, "a", 100, 0);
    count(fixture, now, SERIES_SESSION, "", "concurrent", 9);
    count(fixture, now - MINUTE, SERIES_SESSION, "", "concurrent", 11);
    commit(fixture);

    assert_true(view_load(fixture->store, ranges, SERIES_KINDS, &view, &fixture->error));
    series = view_find(&view, SERIES_MILTER_STATUS, "a");
    assert_int_equal(view_total(series, "accept"), 19);
    assert_int_equal(view_total(series, "reject"), 0);
    assert_int_equal(series->items[1].bins[0], 7);
    assert_int_equal(series->items[1].bins[1], 5);
    assert_int_equal(series->items[1].bins[2], 0);
    assert_int_equal(series->items[1].bins[179], 7);
    assert_int_equal(series->items[1].peak, 7);
    assert_null(series->items[2].bins);
    /* What a failure led to is not another failure. */
    assert_int_equal(view_sum(view_find(&view, SERIES_MILTER_FAILURE, "a")), 1);
    /* A gauge: the largest. */
    assert_int_equal(view_find(&view, SERIES_SESSION, "")->items[3].bins[179], 11);
    assert_null(view_find(&view, SERIES_MILTER_STATUS, "b"));
    series = view_find(&view, SERIES_MILTER_LATENCY, "a");
    assert_true(view_percentile(series, VIEW_ALL, 99) > 0.02);
    assert_true(view_percentile(series, 2, 99) <= 0);
    view_clear(&view);
}

/* ---- scales */

static void test_scale(void **state)
{
    static const struct {
        double highest, top;
        size_t ticks;
        const char *last;
    } cases[] = {
        {0, 1, 3, "1"},       {0.3, 0.3, 4, "0.3"},   {5, 6, 4, "6"},           {31.5, 40, 5, "40"},
        {100, 100, 3, "100"}, {999, 1000, 3, "1000"}, {45000, 60000, 4, "60k"},
    };
    struct chart chart = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        chart_scale_linear(&chart, cases[i].highest);
        assert_true(chart.top >= cases[i].highest);
        assert_float_equal(chart.top, cases[i].top, 1e-9);
        assert_int_equal(chart.tick_count, cases[i].ticks);
        assert_string_equal(chart.ticks[chart.tick_count - 1].text, cases[i].last);
    }
    chart_scale_logarithmic(&chart, 3, 4200);
    assert_int_equal(chart.tick_count, 5);
    assert_string_equal(chart.ticks[0].text, "1 ms");
    assert_string_equal(chart.ticks[4].text, "10 s");
    chart_scale_logarithmic(&chart, 10, 10);
    assert_int_equal(chart.tick_count, 2);
    assert_true(chart.bottom < chart.top);
}

/* ---- names */

static void test_names_of_files(void **state)
{
    static const struct {
        const char *name, *file;
    } cases[] = {
        {"opendkim", "milter-opendkim.html"}, {"a b", "milter-a=20b.html"},
        {"a=20b", "milter-a=3D20b.html"},     {"..", "milter-=2E..html"},
        {"../x", "milter-=2E.=2Fx.html"},     {".hidden", "milter-=2Ehidden.html"},
        {"v1.2", "milter-v1.2.html"},         {"\xff", "milter-=FF.html"},
    };
    char one[600], other[600];
    char *first, *second;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        first = page_name_of_child(cases[i].name);
        assert_string_equal(first, cases[i].file);
        free(first);
    }
    memset(one, '/', sizeof(one));
    one[sizeof(one) - 1] = '\0';
    memcpy(other, one, sizeof(one));
    other[590] = 'x';
    first = page_name_of_picture("milter.status", one, "day");
    second = page_name_of_picture("milter.status", other, "day");
    assert_true(strlen(first) < 255);
    assert_string_not_equal(first, second);
    assert_null(strchr(first, '/'));
    free(first);
    free(second);
    first = page_name_of_picture("milter-manager.status", "", "week");
    assert_string_equal(first, "milter-manager.status.week.png");
    free(first);
    first = page_name_id("last-day", "milter: status: Open DKIM \"<");
    assert_string_equal(first, "last-day-milter--status--open-dkim---");
    free(first);
}

/* ---- who misbehaves */

static struct summary_figures figures(uint64_t sessions, uint64_t refused, uint64_t failed,
                                      double p99)
{
    return (struct summary_figures){
        .sessions = sessions, .refused = refused, .failed = failed, .p99 = p99, .tail = p99};
}

static void test_judge(void **state)
{
    static const struct {
        const char *name;
        uint64_t now[3], before[3]; /* sessions, refused, failed */
        double p99, p99_before;
        enum summary_mark mark;
        const char *reason;
    } cases[] = {
        {"calm", {1000, 100, 0}, {1000, 100, 0}, 0.1, 0.1, SUMMARY_FINE, NULL},
        {"strict", {1000, 950, 0}, {1000, 940, 0}, 0.1, 0.1, SUMMARY_FINE, NULL},
        {"few", {5, 5, 2}, {1000, 0, 0}, 60, 0.1, SUMMARY_FINE, NULL},
        {"few, all failed",
         {5, 0, 5},
         {1000, 0, 0},
         0,
         0.1,
         SUMMARY_ODD,
         "failed in 5 of its 5 sessions today"},
        {"one accident of some", {20, 0, 1}, {1000, 0, 0}, 0.1, 0.1, SUMMARY_FINE, NULL},
        {"refuses some more, of few", {20, 9, 0}, {1000, 200, 0}, 0.1, 0.1, SUMMARY_FINE, NULL},
        {"fails", {1000, 0, 80}, {1000, 0, 1}, 0.1, 0.1, SUMMARY_BAD, "failed in 8.0 %"},
        {"fails a bit", {1000, 0, 20}, {1000, 0, 1}, 0.1, 0.1, SUMMARY_ODD, "failed in 2.0 %"},
        {"as bad as ever", {1000, 0, 100}, {1000, 0, 90}, 0.1, 0.1, SUMMARY_FINE, NULL},
        {"always bad", {1000, 0, 300}, {1000, 0, 300}, 0.1, 0.1, SUMMARY_BAD, "failed in 30.0 %"},
        {"new", {1000, 1000, 0}, {0, 0, 0}, 0.1, 0, SUMMARY_FINE, NULL},
        {"slow", {1000, 0, 0}, {1000, 0, 0}, 4, 1, SUMMARY_ODD, "longer than 4.00 s"},
        {"very slow", {1000, 0, 0}, {1000, 0, 0}, 20, 1, SUMMARY_BAD, "longer than 20.0 s"},
        {"slower, still fast", {1000, 0, 0}, {1000, 0, 0}, 0.5, 0.01, SUMMARY_FINE, NULL},
        {"refuses", {1000, 700, 0}, {1000, 100, 0}, 0.1, 0.1, SUMMARY_BAD, "refused 70.0 %"},
        {"gone", {0, 0, 0}, {0, 0, 0}, 0, 0, SUMMARY_UNKNOWN, NULL},
    };
    struct summary_figures manager[SUMMARY_PERIODS] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct summary_child child = {.name = cases[i].name};

        child.figures[SUMMARY_TODAY] =
            figures(cases[i].now[0], cases[i].now[1], cases[i].now[2], cases[i].p99);
        child.figures[SUMMARY_YESTERDAY] = figures(cases[i].before[0], cases[i].before[1],
                                                   cases[i].before[2], cases[i].p99_before);
        summary_judge(&child, manager);
        if (child.mark != cases[i].mark) {
            fail_msg("%s: mark %d", cases[i].name, (int)child.mark);
        }
        assert_int_equal(child.reason_count, cases[i].reason != NULL ? 1 : 0);
        if (cases[i].reason != NULL) {
            assert_contains(child.reasons[0], cases[i].reason);
        }
    }
}

static void test_silence_and_order(void **state)
{
    struct summary_figures manager[SUMMARY_PERIODS] = {
        [SUMMARY_HOUR] = {.sessions = 500},
        [SUMMARY_HOUR_YESTERDAY] = {.sessions = 400},
    };
    struct summary_child children[3] = {
        {.name = "fine", .mark = SUMMARY_FINE, .figures = {{.sessions = 10, .failed = 1}}},
        {.name = "silent"},
        {.name = "better", .mark = SUMMARY_FINE, .figures = {{.sessions = 10}}},
    };

    (void)state;
    children[1].figures[SUMMARY_TODAY] = figures(300, 0, 0, 0.1);
    children[1].figures[SUMMARY_HOUR_YESTERDAY] = figures(300, 0, 0, 0.1);
    summary_judge(children + 1, manager);
    assert_int_equal(children[1].mark, SUMMARY_BAD);
    assert_string_equal(children[1].reasons[0],
                        "had no session in the last hour; 300 in the same hour yesterday");
    summary_sort(children, 3);
    assert_string_equal(children[0].name, "silent");
    assert_string_equal(children[1].name, "fine");
    assert_string_equal(children[2].name, "better");
}

/* A child that is not asked about each mail, at each hour or on each day is not missed. */
static void test_silence_that_is_usual(void **state)
{
    static const struct {
        uint64_t hour, yesterday[2], week[2]; /* of the manager; of it and of the child */
        uint64_t today, day_before[2];
        const char *reason;
    } cases[] = {
        {100, {100, 50}, {100, 50}, 0, {0, 0}, "had no session in the last hour; 50 in"},
        {100, {0, 0}, {100, 50}, 0, {0, 0}, "50 in the same hour a week ago"},
        {100, {100, 50}, {100, 0}, 0, {0, 0}, NULL},
        {100, {100, 0}, {100, 50}, 0, {0, 0}, NULL},
        {100, {10000, 500}, {0, 0}, 0, {0, 0}, NULL},
        {100, {0, 0}, {0, 0}, 0, {0, 0}, NULL},
        {10, {10, 10}, {10, 10}, 60, {70, 70}, "had no session today; 70 until this time yest"},
        {10, {10, 10}, {10, 10}, 60, {700, 70}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct summary_figures manager[SUMMARY_PERIODS] = {
            [SUMMARY_HOUR] = {.sessions = cases[i].hour},
            [SUMMARY_HOUR_YESTERDAY] = {.sessions = cases[i].yesterday[0]},
            [SUMMARY_HOUR_WEEK] = {.sessions = cases[i].week[0]},
            [SUMMARY_TODAY] = {.sessions = cases[i].today},
            [SUMMARY_YESTERDAY] = {.sessions = cases[i].day_before[0]},
        };
        struct summary_child child = {.name = "quiet"};

        child.figures[SUMMARY_HOUR_YESTERDAY].sessions = cases[i].yesterday[1];
        child.figures[SUMMARY_HOUR_WEEK].sessions = cases[i].week[1];
        child.figures[SUMMARY_YESTERDAY].sessions = cases[i].day_before[1];
        summary_judge(&child, manager);
        if ((child.reason_count > 0) != (cases[i].reason != NULL)) {
            fail_msg("%zu: %s", i, child.reasons[0]);
        }
        if (cases[i].reason != NULL) {
            assert_contains(child.reasons[0], cases[i].reason);
        }
    }
}

/* One late mail of a quiet hour is no misbehaviour, three are; and what is over is said so. */
static void test_judge_hour(void **state)
{
    static const struct summary_figures none[SUMMARY_PERIODS];
    struct summary_child child = {.name = "child"};

    (void)state;
    child.figures[SUMMARY_YESTERDAY] = figures(1000, 0, 0, 0.1);
    child.figures[SUMMARY_TODAY] = figures(1000, 0, 0, 0.1);
    child.figures[SUMMARY_HOUR] = figures(25, 0, 0, 8);
    child.figures[SUMMARY_HOUR].tail = 0.1;
    summary_judge(&child, none);
    assert_int_equal(child.mark, SUMMARY_FINE);
    child.figures[SUMMARY_HOUR].tail = 7;
    summary_judge(&child, none);
    assert_int_equal(child.mark, SUMMARY_BAD);
    assert_string_equal(
        child.reasons[0],
        "one in 8 sessions took it longer than 7.00 s in the last hour; 100 ms yesterday");

    child = (struct summary_child){.name = "child"};
    child.figures[SUMMARY_YESTERDAY] = figures(1000, 0, 0, 0.1);
    child.figures[SUMMARY_TODAY] = figures(1000, 0, 300, 0.1);
    child.figures[SUMMARY_HOUR] = figures(100, 0, 0, 0.1);
    summary_judge(&child, none);
    assert_int_equal(child.mark, SUMMARY_ODD);
    assert_string_equal(
        child.reasons[0],
        "failed in 30.0 % of its sessions today, not in the last hour; 0 % yesterday");
}

static void test_summary_of_days(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct option_strings children = {0};
    struct summary summary;
    unsigned hour;

    option_strings_add(&children, "a");
    begin(fixture);
    mail(fixture, now - 2 * HOUR, "a", 10, 3);
    count(fixture, now - 2 * HOUR, SERIES_STATUS, "", "quarantine", 4); /* of the same mails */
    mail(fixture, now - DAY - MINUTE, "a", 20, 0);
    mail(fixture, now - DAY + 2 * MINUTE, "a", 40, 0); /* later than now, yesterday */
    mail(fixture, now - 7 * DAY, "a", 80, 0);
    mail(fixture, now - 15 * HOUR, "a", 160, 0); /* before midnight */
    commit(fixture);
    assert_true(summary_load(fixture->store, &children, now, &summary, &fixture->error));
    assert_int_equal(summary.manager[SUMMARY_TODAY].sessions, 10);
    assert_int_equal(summary.manager[SUMMARY_TODAY].failed, 3);
    assert_int_equal(summary.manager[SUMMARY_YESTERDAY].sessions, 20);
    assert_int_equal(summary.manager[SUMMARY_WEEK].sessions, 80);
    assert_int_equal(summary.manager[SUMMARY_HOUR].sessions, 0);
    assert_int_equal(summary.manager[SUMMARY_HOUR_YESTERDAY].sessions, 20);
    assert_int_equal(summary.manager[SUMMARY_HOUR_WEEK].sessions, 80);
    assert_int_equal(summary.children[0].figures[SUMMARY_TODAY].sessions, 10);
    assert_int_equal(summary.hours[SUMMARY_DAYS - 1][12], 10);
    assert_int_equal(summary.hours[SUMMARY_DAYS - 2][23], 160);
    assert_true(summary_busiest(&summary, SUMMARY_DAYS - 2, &hour));
    assert_int_equal(hour, 23);
    assert_false(summary_busiest(&summary, 3, &hour));
    summary_clear(&summary);
    option_strings_clear(&children);
}

/* ---- pages */

/* Each anchor is there once and leads somewhere. */
/* What the log tells of a child that is down: its sessions end with the fallback, in no time. */
static void go_down(struct fixture *fixture, int64_t time, const char *child, uint64_t mails)
{
    count(fixture, time, SERIES_MILTER_STATUS, child, "accept", mails);
    count(fixture, time, SERIES_MILTER_LATENCY, child, "b0", mails);
}

static const struct summary_child *child_of(const struct summary *summary, const char *name)
{
    for (size_t i = 0; i < summary->count; i++) {
        if (strcmp(summary->children[i].name, name) == 0) {
            return summary->children + i;
        }
    }
    return NULL;
}

static void test_down(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct option_strings children = {0};
    struct summary summary = {0};

    begin(fixture);
    static const char *const names[] = {"down", "long", "again", "fine"};
    for (size_t i = 0; i < 4; i++) {
        mail(fixture, now - DAY - 2 * HOUR, names[i], 100, 0);
        mail(fixture, now - 2 * HOUR, names[i], 100, 0);
    }
    /* Half an hour ago: told once. */
    count(fixture, now - 1800, SERIES_MILTER_FAILURE, "down", "connection", 1);
    count(fixture, now - 1800, SERIES_MILTER_FAILURE, "down", "down", 1);
    go_down(fixture, now - 1800, "down", 50);
    /* For long: told as a number, also where it takes its time to fail; some were before. */
    mail(fixture, now - 1200, "long", 40, 0);
    count(fixture, now - 1200, SERIES_MILTER_FAILURE, "long", "down", 4000);
    /* A moment, and all was told. */
    count(fixture, now - 900, SERIES_MILTER_FAILURE, "again", "connection", 1);
    count(fixture, now - 900, SERIES_MILTER_FAILURE, "again", "untold", 2);
    count(fixture, now - 900, SERIES_MILTER_FAILURE, "again", "down", 3);
    go_down(fixture, now - 900, "again", 3);
    go_down(fixture, now - 600, "again", 997);
    /* It is just fast, or stopped before it had anything to do. */
    go_down(fixture, now - 900, "fine", 100);
    commit(fixture);

    assert_true(store_children(fixture->store, &children, &fixture->error));
    assert_true(summary_load(fixture->store, &children, now, &summary, &fixture->error));
    assert_int_equal(child_of(&summary, "down")->figures[SUMMARY_HOUR].failed, 50);
    assert_int_equal(child_of(&summary, "down")->figures[SUMMARY_TODAY].failed, 50);
    assert_int_equal(child_of(&summary, "down")->mark, SUMMARY_BAD);
    assert_int_equal(child_of(&summary, "long")->figures[SUMMARY_HOUR].failed, 40);
    assert_int_equal(child_of(&summary, "long")->mark, SUMMARY_BAD);
    assert_int_equal(child_of(&summary, "again")->figures[SUMMARY_HOUR].failed, 3);
    assert_int_equal(child_of(&summary, "again")->mark, SUMMARY_FINE);
    assert_int_equal(child_of(&summary, "fine")->mark, SUMMARY_FINE);
    assert_int_equal(summary.manager[SUMMARY_HOUR].failed, 93);
    summary_clear(&summary);
    for (size_t i = 0; i < children.count; i++) {
        free((char *)(uintptr_t)children.items[i]);
    }
    option_strings_clear(&children);
}

static void assert_anchors(const char *html)
{
    size_t links = 0;

    for (const char *at = html; (at = strstr(at, "href=\"#")) != NULL; links++) {
        const char *end;
        char *id;
        const char *found;

        at += strlen("href=\"#");
        end = strchr(at, '"');
        id = memory_format(" id=\"%.*s\"", (int)(end - at), at);
        found = strstr(html, id);
        if (found == NULL || strstr(found + 1, id) != NULL) {
            fail_msg("not once:%s", id);
        }
        free(id);
    }
    assert_true(links > 0);
}

static void test_empty(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    const char *place;
    char *html;

    assert_true(write_pages(fixture, GRAPH_SVG));
    html = content(fixture, "index.html");
    assert_contains(html, "No numbers yet");
    assert_null(strstr(html, "<figure"));
    assert_null(markup_form_fault(slice_from_string(html), &place));
    free(html);
}

static void test_who_is_not_asked(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char *html;

    begin(fixture);
    mail(fixture, now - 3 * DAY, "gone", 100, 0);
    mail(fixture, now - MINUTE, "asked", 100, 0);
    commit(fixture);
    assert_true(write_pages(fixture, GRAPH_SVG));
    html = content(fixture, "index.html");
    assert_contains(html, "1 milter is fine, 1 had no session today");
    free(html);
}

static void test_pages(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    const char *at;
    char *html;

    begin(fixture);
    for (int i = 1; i < 60; i++) {
        mail(fixture, now - i * MINUTE, "bad one", 10, 2);
        mail(fixture, now - i * MINUTE, "good", 10, 0);
        mail(fixture, now - DAY - i * MINUTE, "bad one", 10, 0);
        count(fixture, now - i * MINUTE, SERIES_MILTER_REPORT, "good", "spam", 1);
        count(fixture, now - i * MINUTE, SERIES_REPORT, "", "spam", 1);
    }
    commit(fixture);
    assert_true(write_pages(fixture, GRAPH_SVG));
    html = content(fixture, "index.html");
    assert_contains(html, "<meta http-equiv=\"refresh\" content=\"300\"/>");
    assert_contains(html, "<title>milter-manager statistics</title>");
    assert_contains(html, "misbehaves");
    assert_contains(html, "failed in 20.0 % of its sessions in the last hour; 0 % yesterday");
    assert_contains(html, "href=\"milter-bad%3D20one.html\"");
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "gnuplot_plot"));
    assert_anchors(html);
    at = html;
    /* tools.md section 5.5 */
    for (size_t i = 0; i < 5; i++) {
        static const char *const order[] = {
            " id=\"last-day\"",
            " id=\"last-day-milter-manager--status\"",
            " id=\"last-day-milter-manager--report\"",
            " id=\"last-day-milter--status--bad-one\"",
            " id=\"last-day-milter--status--good\"",
        };

        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    assert_contains(html, " id=\"last-year-milter--report--good\"");
    free(html);
    html = content(fixture, "milter-bad=20one.html");
    assert_contains(html, "href=\"index.html\"");
    assert_contains(html, " id=\"last-week-milter--failures--bad-one\"");
    assert_contains(html, "last update: [");
    assert_null(strstr(html, "--status--good"));
    assert_anchors(html);
    free(html);
}

static void test_pictures(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char *html, *picture;

    begin(fixture);
    mail(fixture, now - MINUTE, "it's `x` %s", 10, 2);
    commit(fixture);
    assert_true(write_pages(fixture, GRAPH_PNG));
    html = content(fixture, "index.html");
    assert_contains(html, "<img src=\"milter-manager.status.day.png\"");
    assert_contains(html, "<img src=\"milter.status.it%3D27s%3D20%3D60x%3D60%3D20%3D25s.day.png\"");
    assert_null(strstr(html, "<svg"));
    assert_contains(html, " alt=\"milter manager: status, Last Day\"/>");
    assert_anchors(html);
    free(html);
    picture = content(fixture, "milter.status.it=27s=20=60x=60=20=25s.year.png");
    assert_memory_equal(picture, "\x89PNG", 4);
    free(picture);
    assert_true(exists(fixture, "milter.failure.it=27s=20=60x=60=20=25s.week.png"));
    assert_false(exists(fixture, "milter-manager.report.day.png"));
}

/* Without gnuplot there are tables, and a reason. */
static void test_no_gnuplot(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    char *path = memory_copy_string(getenv("PATH"));
    const char *place, *fault;
    char *html;
    bool ok;

    begin(fixture);
    mail(fixture, now - MINUTE, "<script>alert(1)</script>", 10, 2);
    mail(fixture, now - MINUTE, "A", 10, 2);
    mail(fixture, now - MINUTE, "a", 10, 2);
    mail(fixture, now - MINUTE, "a-2", 10, 2);
    commit(fixture);
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
    ok = write_pages(fixture, GRAPH_SVG);
    assert_int_equal(setenv("PATH", path, 1), 0);
    free(path);
    assert_false(ok);
    assert_contains(fixture->error.message, "cannot run gnuplot");
    html = content(fixture, "index.html");
    assert_contains(html, "Graphs could not be drawn");
    assert_contains(html, "class=\"numbers\"");
    assert_contains(html, "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_null(strstr(html, "<svg"));
    fault = markup_form_fault(slice_from_string(html), &place);
    if (fault != NULL) {
        fail_msg("%s: %.60s", fault, place);
    }
    assert_anchors(html);
    free(html);
    html = content(fixture, "milter-=3Cscript=3Ealert=281=29=3C=2Fscript=3E.html");
    assert_null(markup_form_fault(slice_from_string(html), &place));
    free(html);
}

static void test_not_writable(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    struct page_options options = {.directory = "/nonexistent/x", .now = now};

    assert_false(page_write(fixture->store, &options, &fixture->error));
    assert_contains(fixture->error.message, "cannot write /nonexistent/x/index.html");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_own_range),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test_setup_teardown(test_view, fixture_new, fixture_free),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_names_of_files),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_silence_and_order),
        cmocka_unit_test(test_silence_that_is_usual),
        cmocka_unit_test(test_judge_hour),
        cmocka_unit_test_setup_teardown(test_summary_of_days, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_down, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_empty, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_who_is_not_asked, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_pages, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_pictures, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_no_gnuplot, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_not_writable, fixture_new, fixture_free),
    };

    (void)setenv("TZ", "CET-1", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
