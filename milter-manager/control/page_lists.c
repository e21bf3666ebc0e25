/*
 * page_lists - tables of what is open, what failed and who works: a row for each
 * item of an array of the status, a cell for each column, from tables.
 */
#include "milter-manager/control/page_lists.h"

#include <math.h>

enum {
    SESSIONS_SHOWN = 20,
    FAILURES_SHOWN = 20,
    WORKERS_SHOWN = 64,
    LONG_WAIT = 5, /* seconds a child may take before it is pointed at */
};

typedef void cell_fn(const struct page *page, const json_t *item);

/* items: what is shown of an array, in order. */
static void list_table(const struct page *page, const char *caption,
                       const struct page_column *columns, cell_fn *const *cells,
                       const json_t *const *items, size_t count)
{
    part_table(page, caption, columns);
    for (size_t i = 0; i < count; i++) {
        part_row(page, "");
        for (size_t column = 0; columns[column].label != NULL; column++) {
            part_cell(page, &columns[column]);
            cells[column](page, items[i]);
            part_cell_end(page, &columns[column]);
        }
        part_row_end(page);
    }
    part_table_end(page);
}

/* Below 0: one comes before other. */
typedef int list_compare_fn(const json_t *one, const json_t *other);

/*
 * The first limit items of an array, by compare; NULL: as they are.  Sorted into their place one
 * by one: the array may be long, limit is not.
 */
static size_t list_take(const json_t *array, const json_t **items, size_t limit,
                        list_compare_fn *compare)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        size_t place = count;

        while (compare != NULL && place > 0 && compare(item, items[place - 1]) < 0) {
            place--;
        }
        if (place == limit) {
            continue;
        }
        count += count < limit ? 1 : 0;
        for (size_t last = count - 1; last > place; last--) {
            items[last] = items[last - 1];
        }
        items[place] = item;
    }
    return count;
}

/* An empty array is an answer; none at all is not. */
static void list_none(const struct page *page, const char *key, const char *none)
{
    part_html(page, "<p class=\"none\">");
    part_html(page, json_is_array(part_member(page->status, key)) ? none : "Not known.");
    part_html(page, "</p>\n");
}

static void list_rest(const struct page *page, size_t shown, double all, const char *what)
{
    if (all > (double)shown) {
        part_html(page, "<p class=\"dim rest\">");
        part_human(page, human_count((double)shown));
        part_html(page, " of ");
        part_human(page, human_count(all));
        part_html(page, what);
        part_html(page, "</p>\n");
    }
}

/* ---- sessions */

/* For sorting: what is not known comes last. */
static double figure_or_less(const json_t *object, const char *key)
{
    double figure = part_number(object, key);

    return isnan(figure) ? -1 : figure;
}

/* Who waits longest for a child, then the oldest. */
static int session_compare(const json_t *one, const json_t *other)
{
    static const char *const keys[] = {"waiting", "age"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        double a = figure_or_less(one, keys[i]);
        double b = figure_or_less(other, keys[i]);

        if (a != b) {
            return a < b ? 1 : -1;
        }
    }
    return 0;
}

static void session_client(const struct page *page, const json_t *session)
{
    struct slice client = part_string(session, "client");

    part_name(page, client.length > 0 ? client : part_string(session, "peer"), "");
    if (part_string(session, "helo").length > 0) {
        part_html(page, "<small>helo ");
        part_name(page, part_string(session, "helo"), "");
        part_html(page, "</small>");
    }
}

static void session_age(const struct page *page, const json_t *session)
{
    part_human(page, human_duration(part_number(session, "age")));
}

static void session_phase(const struct page *page, const json_t *session)
{
    part_name(page, part_string(session, "phase"), "");
}

static void session_queue_id(const struct page *page, const json_t *session)
{
    part_name(page, part_string(session, "queue_id"), "code");
}

static void session_waiting(const struct page *page, const json_t *session)
{
    double waiting = part_number(session, "waiting");

    if (part_string(session, "waiting_for").length == 0) {
        part_html(page, "<span class=\"dim\">nobody</span>");
        return;
    }
    part_name(page, part_string(session, "waiting_for"), "name");
    buffer_append_format(page->html, "<small class=\"%s\">for ",
                         waiting >= LONG_WAIT ? "alarm" : "");
    part_human(page, human_latency(waiting));
    part_html(page, "</small>");
}

static void session_id(const struct page *page, const json_t *session)
{
    part_identifier(page, part_number(session, "id"));
}

void page_sessions(const struct page *page)
{
    static const struct page_column columns[] = {
        {"Client", "h", NULL},    {"Age", "n", NULL},      {"Phase", "s", NULL},
        {"Waits for", "s", NULL}, {"Queue id", "s", NULL}, {"Session", "n", NULL},
        {NULL, NULL, NULL},
    };
    static cell_fn *const cells[] = {session_client,  session_age,      session_phase,
                                     session_waiting, session_queue_id, session_id};
    const json_t *items[SESSIONS_SHOWN];
    size_t count =
        list_take(part_member(page->status, "sessions"), items, SESSIONS_SHOWN, session_compare);

    part_section(page, "sessions", "Slow sessions", "card");
    if (count == 0) {
        list_none(page, "sessions", "No session is open.");
    } else {
        list_table(page, "Open sessions, those that wait longest for a child first", columns, cells,
                   items, count);
        list_rest(page, count, part_number(page->status, "sessions_open"),
                  " open sessions: those that wait longest, then the oldest");
    }
    part_section_end(page);
}

/* ---- failures */

static void failure_time(const struct page *page, const json_t *failure)
{
    part_time(page, failure, "time");
}

static void failure_child(const struct page *page, const json_t *failure)
{
    part_name(page, part_string(failure, "child"), "name");
    part_html(page, "<small>");
    part_name(page, part_string(failure, "endpoint"), "code");
    part_html(page, "</small>");
}

static void failure_stage(const struct page *page, const json_t *failure)
{
    part_name(page, part_string(failure, "stage"), "");
}

static void failure_error(const struct page *page, const json_t *failure)
{
    part_sentence(page, part_string(failure, "error"));
}

static void failure_fallback(const struct page *page, const json_t *failure)
{
    part_name(page, part_string(failure, "fallback"), "");
}

static void failure_session(const struct page *page, const json_t *failure)
{
    part_identifier(page, part_number(failure, "session"));
}

void page_failures(const struct page *page)
{
    static const struct page_column columns[] = {
        {"Child", "h", NULL},   {"Time", "w", NULL},     {"Stage", "s", NULL},
        {"Error", "w e", NULL}, {"Fallback", "s", NULL}, {"Session", "n", NULL},
        {NULL, NULL, NULL},
    };
    static cell_fn *const cells[] = {failure_child, failure_time,     failure_stage,
                                     failure_error, failure_fallback, failure_session};
    const json_t *failures = part_member(page->status, "failures"), *items[FAILURES_SHOWN];
    size_t count = list_take(failures, items, FAILURES_SHOWN, NULL);

    part_section(page, "failures", "Recent failures", "card");
    if (count == 0) {
        list_none(page, "failures", "No child has failed since the start.");
    } else {
        list_table(page, "Failures of children, the newest first", columns, cells, items, count);
        list_rest(page, count, (double)json_array_size(failures),
                  " failures that are kept, the newest first");
    }
    part_section_end(page);
}

/* ---- workers */

/* Who does not answer comes first, then by number. */
static int worker_compare(const json_t *one, const json_t *other)
{
    double a = figure_or_less(one, "number"), b = figure_or_less(other, "number");
    bool a_silent = part_false(one, "answered"), b_silent = part_false(other, "answered");

    if (a_silent != b_silent) {
        return a_silent ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static void worker_number(const struct page *page, const json_t *worker)
{
    double number = json_number_value(part_member(worker, "number"));

    if (number < 0) {
        part_html(page, "The only process");
    } else {
        part_html(page, "Worker ");
        part_human(page, human_count(part_number(worker, "number")));
    }
    if (part_false(worker, "answered")) {
        part_html(page, "<small><span class=\"badge bad\"><span class=\"sign\"></span> "
                        "Does not answer</span></small>");
    }
}

static void worker_pid(const struct page *page, const json_t *worker)
{
    part_identifier(page, part_number(worker, "pid"));
}

static void worker_uptime(const struct page *page, const json_t *worker)
{
    part_human(page, human_duration(part_number(worker, "uptime")));
}

static void worker_sessions(const struct page *page, const json_t *worker)
{
    part_human(page, human_count(part_number(worker, "sessions")));
}

static void worker_memory(const struct page *page, const json_t *worker)
{
    part_human(page, human_bytes(part_number(worker, "memory")));
}

void page_workers(const struct page *page)
{
    static const struct page_column columns[] = {
        {"Process", "h", NULL},  {"Pid", "n", NULL},    {"Running for", "n", NULL},
        {"Sessions", "n", NULL}, {"Memory", "n", NULL}, {NULL, NULL, NULL},
    };
    static cell_fn *const cells[] = {worker_number, worker_pid, worker_uptime, worker_sessions,
                                     worker_memory};
    const json_t *workers = part_member(page->status, "workers"), *items[WORKERS_SHOWN];
    size_t count = list_take(workers, items, WORKERS_SHOWN, worker_compare);

    part_section(page, "workers", "Workers", "card");
    if (count == 0) {
        list_none(page, "workers", "No process has reported.");
    } else {
        list_table(page, "Processes that take sessions", columns, cells, items, count);
        list_rest(page, count, (double)json_array_size(workers), " workers");
    }
    part_section_end(page);
}
