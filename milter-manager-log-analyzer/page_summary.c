/*
 * page_summary - the top of a page: how it goes, and who misbehaves.
 */
#include "milter-manager-log-analyzer/page_summary.h"

#include "libcore/base/human.h"
#include "milter-manager-log-analyzer/page_part.h"
#include "milter-manager-log-analyzer/page_verdicts.h"

#include <string.h>

enum { STALE = 3600 /* seconds after which numbers are old */, NAMED = 6 };

static const struct {
    const char *class, *badge;
} marks[] = {
    [SUMMARY_UNKNOWN] = {"idle", "no sessions today"},
    [SUMMARY_FINE] = {"ok", "fine"},
    [SUMMARY_ODD] = {"warn", "unusual"},
    [SUMMARY_BAD] = {"bad", "misbehaves"},
};

/* ---- state */

static void begin_state(struct buffer *html, enum summary_mark mark)
{
    buffer_append_format(html,
                         "<section class=\"state %s\"><h2><span class=\"sign\" "
                         "aria-hidden=\"true\"></span> ",
                         marks[mark].class);
}

static void append_reasons(struct buffer *html, const struct summary_child *child)
{
    for (size_t i = 0; i < child->reason_count; i++) {
        buffer_append_string(html, "<span>");
        part_text(html, child->reasons[i]);
        buffer_append_string(html, i + 1 < child->reason_count ? ";</span> " : "</span>");
    }
}

static size_t count_marked(const struct summary *summary, enum summary_mark mark)
{
    size_t count = 0;

    for (size_t i = 0; i < summary->count; i++) {
        count += summary->children[i].mark >= mark ? 1 : 0;
    }
    return count;
}

static void append_blamed(struct buffer *html, const struct summary *summary, size_t blamed)
{
    size_t named = blamed > NAMED ? NAMED - 1 : blamed;

    buffer_append_string(html, "<ul>\n");
    for (size_t i = 0; i < named; i++) {
        const struct summary_child *child = summary->children + i;

        buffer_append_format(html, "<li class=\"%s\">", marks[child->mark].class);
        if (blamed > 1) {
            part_child(html, child->name);
            buffer_append_string(html, " ");
        }
        append_reasons(html, child);
        buffer_append_string(html, "</li>\n");
    }
    if (blamed > named) {
        buffer_append_format(html, "<li>and %zu more, in the list below</li>\n", blamed - named);
    }
    buffer_append_string(html, "</ul>\n");
}

static void append_headline(struct buffer *html, const struct summary *summary, size_t blamed,
                            const char *does)
{
    if (blamed == 1) {
        part_child(html, summary->children[0].name);
        buffer_append_format(html, "<span class=\"does\">%s</span>", does);
    } else if (blamed == summary->count) {
        buffer_append_format(html, "All %zu milters %s", blamed, does);
    } else {
        buffer_append_format(html, "%zu of %zu milters %s", blamed, summary->count, does);
    }
}

static void append_blame(struct buffer *html, const struct summary *summary)
{
    size_t bad = count_marked(summary, SUMMARY_BAD);
    size_t blamed = count_marked(summary, SUMMARY_ODD);

    begin_state(html, bad > 0 ? SUMMARY_BAD : SUMMARY_ODD);
    if (bad > 0) {
        append_headline(html, summary, bad, bad == 1 ? "misbehaves" : "misbehave");
    } else {
        append_headline(html, summary, blamed,
                        blamed == 1 ? "is not as usual" : "are not as usual");
    }
    buffer_append_string(html, "</h2>\n");
    append_blamed(html, summary, blamed);
    buffer_append_string(html, "</section>\n");
}

/* Who is not asked is not called fine. */
static void append_fine(struct buffer *html, const struct summary *summary)
{
    size_t fine = count_marked(summary, SUMMARY_FINE);
    size_t idle = summary->count - fine;

    begin_state(html, fine > 0 || summary->count == 0 ? SUMMARY_FINE : SUMMARY_UNKNOWN);
    if (summary->count == 0) {
        buffer_append_string(html, "Mail flows; no milter took part");
    } else if (fine == 0) {
        buffer_append_string(html, "No milter had a session today");
    } else if (idle == 0) {
        buffer_append_string(html, fine == 1 ? "The milter is fine" : "All milters are fine");
    } else {
        buffer_append_format(html, "%zu %s fine, %zu had no session today", fine,
                             fine == 1 ? "milter is" : "milters are", idle);
    }
    buffer_append_string(html, "</h2></section>\n");
}

void page_summary_state(struct buffer *html, const struct page_site *site)
{
    const struct summary *summary = &site->summary;
    int64_t age = site->options->now - site->newest;

    if (site->newest == 0) {
        begin_state(html, SUMMARY_UNKNOWN);
        buffer_append_string(html, "No numbers yet</h2>\n<p>They appear when milter-manager has "
                                   "written statistics to its log and that log has been "
                                   "read.</p></section>\n");
    } else if (age > STALE) {
        begin_state(html, SUMMARY_ODD);
        buffer_append_string(html, "No new numbers since ");
        part_time(html, site->newest, "%a %d %b %H:%M");
        buffer_append_string(html, "</h2>\n<p>Either no mail came, or the log is not read any "
                                   "more.</p></section>\n");
    }
    if (count_marked(summary, SUMMARY_ODD) > 0) {
        append_blame(html, summary);
    } else if (site->newest != 0 && age <= STALE) {
        append_fine(html, summary);
    }
}

void page_summary_state_of(struct buffer *html, const struct summary_child *child)
{
    begin_state(html, child->mark);
    buffer_append_string(html, child->mark == SUMMARY_UNKNOWN ? "No sessions today"
                               : child->mark == SUMMARY_FINE  ? "Fine"
                               : child->mark == SUMMARY_ODD   ? "Not as usual"
                                                              : "Misbehaves");
    buffer_append_string(html, "</h2>\n<ul>\n");
    for (size_t i = 0; i < child->reason_count; i++) {
        buffer_append_string(html, "<li>");
        part_text(html, child->reasons[i]);
        buffer_append_string(html, "</li>\n");
    }
    buffer_append_string(html, child->reason_count > 0
                                   ? "</ul></section>\n"
                                   : "<li>Nothing stands out.</li></ul></section>\n");
}

/* ---- children */

static const struct column {
    const char *label, *class;
} columns[] = {
    {"milter", "h"}, {"sessions", "n"}, {"failures", "n"}, {"refused", "n"},
    {"p99", "n"},    {"p50", "n"},      {"verdicts", "v"},
};

enum {
    COLUMN_MILTER,
    COLUMN_SESSIONS,
    COLUMN_FAILURES,
    COLUMN_REFUSED,
    COLUMN_P99,
    COLUMN_P50,
    COLUMN_VERDICTS,
    COLUMNS
};

static void begin_cell(struct buffer *html, size_t column)
{
    buffer_append_format(html, "<td class=\"%s\" data-label=\"%s\">", columns[column].class,
                         columns[column].label);
}

/* Today's figure, and yesterday's below it. */
static void append_cell(struct buffer *html, size_t column, const char *today,
                        const char *yesterday, bool alarm)
{
    begin_cell(html, column);
    buffer_append_string(html, alarm ? "<b class=\"alarm\">" : "<span>");
    part_text(html, today);
    buffer_append_string(html, alarm ? "</b>" : "</span>");
    buffer_append_string(html, "<small>");
    part_text(html, yesterday);
    buffer_append_string(html, "</small></td>\n");
}

static struct human share_of(uint64_t part, uint64_t whole)
{
    return human_share(whole > 0 ? (double)part : -1, (double)whole);
}

static struct human latency_of(double seconds)
{
    return human_latency(seconds > 0 ? seconds : -1);
}

static bool is_blamed(const struct summary_child *child, const char *word)
{
    for (size_t i = 0; i < child->reason_count; i++) {
        if (strncmp(child->reasons[i], word, strlen(word)) == 0) {
            return true;
        }
    }
    return false;
}

/* As one bar; its numbers are read out and shown by hovering. */
static void append_verdicts(struct buffer *html, const struct summary *summary, const char *name)
{
    const struct view_series *status =
        view_find(summary->periods + SUMMARY_TODAY, SERIES_MILTER_STATUS, name);
    uint64_t sum = view_sum(status);

    begin_cell(html, COLUMN_VERDICTS);
    if (sum > 0) {
        page_verdict_bar(html, status);
    } else {
        buffer_append_string(html, "<span class=\"dim\">–</span>");
    }
    buffer_append_string(html, "</td>\n");
}

static void append_child(struct buffer *html, const struct summary *summary,
                         const struct summary_child *child)
{
    const struct summary_figures *today = child->figures + SUMMARY_TODAY;
    const struct summary_figures *before = child->figures + SUMMARY_YESTERDAY;

    buffer_append_format(html, "<tr class=\"%s\"><th class=\"h\" scope=\"row\"><div>",
                         marks[child->mark].class);
    part_child(html, child->name);
    buffer_append_format(html, "<span class=\"badge %s\">%s</span></div></th>\n",
                         marks[child->mark].class, marks[child->mark].badge);
    append_cell(html, COLUMN_SESSIONS, human_count((double)today->sessions).text,
                human_count((double)before->sessions).text, is_blamed(child, "had"));
    append_cell(html, COLUMN_FAILURES, share_of(today->failed, today->sessions).text,
                share_of(before->failed, before->sessions).text, is_blamed(child, "failed"));
    append_cell(html, COLUMN_REFUSED, share_of(today->refused, today->sessions).text,
                share_of(before->refused, before->sessions).text, is_blamed(child, "refused"));
    append_cell(html, COLUMN_P99, latency_of(today->p99).text, latency_of(before->p99).text,
                is_blamed(child, "one in"));
    append_cell(html, COLUMN_P50, latency_of(today->p50).text, latency_of(before->p50).text, false);
    append_verdicts(html, summary, child->name);
    buffer_append_string(html, "</tr>\n");
}

void page_summary_children(struct buffer *html, const struct page_site *site)
{
    const struct summary *summary = &site->summary;

    if (summary->count == 0) {
        return;
    }
    buffer_append_string(html, "<section class=\"card children\" id=\"milters\"><h2>Milters "
                               "<small>today, and yesterday up to the same time below it; worst "
                               "first</small></h2>\n<table><thead><tr>");
    for (size_t i = 0; i < COLUMNS; i++) {
        buffer_append_format(html, "<th class=\"%s\" scope=\"col\">%s</th>", columns[i].class,
                             columns[i].label);
    }
    buffer_append_string(html, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < summary->count; i++) {
        append_child(html, summary, summary->children + i);
    }
    buffer_append_string(html, "</tbody></table>\n");
    page_verdict_key(html, summary->periods + SUMMARY_TODAY);
    buffer_append_string(html, "</section>\n");
}
