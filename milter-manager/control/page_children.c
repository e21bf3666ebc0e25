/*
 * page_children - the table of the children.
 */
#include "milter-manager/control/page_children.h"

#include "libcore/base/markup.h"
#include "milter-manager/control/page_traffic.h"

#include <math.h>

enum column {
    NAME,
    STATE,
    P50,
    P95,
    P99,
    REPLIES,
    FAILURES,
    TIMEOUTS,
    OPEN,
    VERDICTS,
    ACTION,
    COLUMNS,
};

static const struct page_column columns[COLUMNS + 1] = {
    [NAME] = {"Child", "h", NULL},
    [STATE] = {"State", "w t", NULL},
    [P50] = {"p50", "n", "The median of the time to a reply"},
    [P95] = {"p95", "n", "95 of 100 replies came within"},
    [P99] = {"p99", "n", "99 of 100 replies came within"},
    [REPLIES] = {"Replies", "n", NULL},
    [FAILURES] = {"Failures", "n", NULL},
    [TIMEOUTS] = {"Time-outs", "n", NULL},
    [OPEN] = {"Open", "n", "Open connections"},
    [VERDICTS] = {"Verdicts", "w v", NULL},
    [ACTION] = {"Change", "w a", NULL},
};

/* What the operator decided goes before what the manager has seen. */
static void child_state(const struct page *page, const json_t *child)
{
    static const struct {
        const char *state, *class, *text;
    } states[] = {
        {"up", "ok", "Up"},
        {"down", "bad", "Down"},
        {"unknown", "idle", "Not asked yet"},
        {"disabled", "idle", "Disabled"},
    };

    if (part_false(child, "enabled")) {
        part_html(page, "<span class=\"badge idle\"><span class=\"sign\"></span> Disabled</span>"
                        "<small>by the configuration</small>");
        return;
    }
    if (part_true(child, "switched_off")) {
        part_html(page,
                  "<span class=\"badge warn\"><span class=\"sign\"></span> Switched off</span>"
                  "<small>by the operator</small>");
        return;
    }
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (part_is(child, "state", states[i].state)) {
            buffer_append_format(page->html,
                                 "<span class=\"badge %s\"><span class=\"sign\"></span> %s</span>",
                                 states[i].class, states[i].text);
            if (part_string(child, "since").length > 0) {
                part_html(page, "<small>since ");
                part_time(page, child, "since");
                part_html(page, "</small>");
            }
            return;
        }
    }
    part_name(page, part_string(child, "state"), "badge idle");
}

static void child_name(const struct page *page, const json_t *child)
{
    part_name(page, part_string(child, "name"), "name");
    if (part_true(child, "evaluation_mode")) {
        part_html(page, " <span class=\"mark\" title=\"Its verdicts are logged and ignored\">"
                        "evaluation</span>");
    }
    if (part_string(child, "description").length > 0) {
        part_html(page, "<small>");
        part_name(page, part_string(child, "description"), "");
        part_html(page, "</small>");
    }
    part_html(page, "<small>");
    part_name(page, part_string(child, "endpoint"), "code");
    part_html(page, "</small>");
}

/* A row of its own below the child's: a sentence needs room. */
static void child_error(const struct page *page, const json_t *child)
{
    const json_t *error = part_member(child, "last_error");

    if (!json_is_object(error)) {
        return;
    }
    part_row(page, part_is(child, "state", "down") ? "more down" : "more");
    buffer_append_format(page->html, "<td role=\"cell\" colspan=\"%d\"><div>Last error, ", COLUMNS);
    part_time(page, error, "time");
    part_html(page, ", fallback ");
    part_name(page, part_string(child, "fallback"), "");
    part_html(page, ": ");
    part_sentence(page, part_string(error, "message"));
    part_html(page, "</div></td>");
    part_row_end(page);
}

static void child_figure(const struct page *page, const json_t *child, enum column column,
                         const char *key, const char *alarm)
{
    double figure = part_number(child, key);

    part_cell(page, &columns[column]);
    buffer_append_format(page->html, "<span class=\"%s\">",
                         figure > 0                     ? alarm
                         : isnan(figure) || figure == 0 ? "dim"
                                                        : "");
    part_human(page, human_count(figure));
    part_html(page, "</span>");
    part_cell_end(page, &columns[column]);
}

static void child_latency(const struct page *page, const json_t *child)
{
    static const char *const keys[] = {"p50", "p95", "p99"};
    const json_t *latency = part_member(child, "latency");

    for (unsigned i = 0; i < 3; i++) {
        part_cell(page, &columns[P50 + i]);
        /* Without replies there is no latency. */
        part_human(page, human_latency(part_number(latency, "count") == 0
                                           ? (double)NAN
                                           : part_number(latency, keys[i])));
        part_cell_end(page, &columns[P50 + i]);
    }
}

/* One that the configuration disables cannot be switched here; nor one no URL can name. */
static void child_button(const struct page *page, const json_t *child)
{
    struct slice name = part_string(child, "name");
    bool off = part_true(child, "switched_off");

    if (part_false(child, "enabled") || !markup_is_segment(name)) {
        part_html(page, "<span class=\"dim\">\xe2\x80\x93</span>");
        return;
    }
    part_html(page, "<form method=\"post\" action=\"children/");
    markup_path(page->html, name);
    part_html(page, off ? "/enable" : "/disable");
    part_html(page, "\"><button type=\"submit\" aria-label=\"");
    part_html(page, off ? "Switch on " : "Switch off ");
    markup_attribute(page->html, name);
    part_html(page, off ? "\">Switch on</button></form>" : "\">Switch off</button></form>");
}

static void child_row(const struct page *page, const json_t *child)
{
    part_row(page, part_false(child, "enabled") || part_true(child, "switched_off") ? "out" : "");
    part_cell(page, &columns[NAME]);
    child_name(page, child);
    part_cell_end(page, &columns[NAME]);
    part_cell(page, &columns[STATE]);
    child_state(page, child);
    part_cell_end(page, &columns[STATE]);
    child_latency(page, child);
    child_figure(page, child, REPLIES, "replies", "");
    child_figure(page, child, FAILURES, "failures", "alarm");
    child_figure(page, child, TIMEOUTS, "timeouts", "alarm");
    child_figure(page, child, OPEN, "open", "");
    part_cell(page, &columns[VERDICTS]);
    page_verdict_bar(page, part_member(child, "verdicts"));
    part_cell_end(page, &columns[VERDICTS]);
    part_cell(page, &columns[ACTION]);
    child_button(page, child);
    part_cell_end(page, &columns[ACTION]);
    part_row_end(page);
    child_error(page, child);
}

void page_children(const struct page *page)
{
    const json_t *children = part_member(page->status, "children");
    size_t count = json_array_size(children);

    part_section(page, "children", "Children", "card");
    if (count == 0) {
        part_html(page, json_is_array(children) ? "<p class=\"none\">No children.</p>\n"
                                                : "<p class=\"none\">Not known.</p>\n");
    } else {
        part_html(page, "<div class=\"children\">");
        part_table(page, "Children, with figures since the start", columns);
        for (size_t i = 0; i < count; i++) {
            child_row(page, json_array_get(children, i));
        }
        part_table_end(page);
        part_html(page, "</div>");
    }
    part_section_end(page);
}
