/*
 * page_days - tables of days.
 */
#include "milter-manager-log-analyzer/page_days.h"

#include "libcore/base/human.h"
#include "milter-manager-log-analyzer/page_part.h"

#include <stdio.h>
#include <string.h>

enum { DAYS = 3, LEVELS = 9 };

static const enum summary_period days[DAYS] = {SUMMARY_TODAY, SUMMARY_YESTERDAY, SUMMARY_WEEK};

static const struct summary_figures *figures_of(const struct page_site *site, const char *name)
{
    for (size_t i = 0; name != NULL && i < site->summary.count; i++) {
        if (strcmp(site->summary.children[i].name, name) == 0) {
            return site->summary.children[i].figures;
        }
    }
    return site->summary.manager;
}

/* ---- cells */

static void begin_row(struct buffer *html, const char *label)
{
    buffer_append_string(html, "<tr><th scope=\"row\">");
    part_text(html, label);
    buffer_append_string(html, "</th>");
}

static void append_number(struct buffer *html, const char *figure, const char *note)
{
    buffer_append_string(html, "<td class=\"n\">");
    part_text(html, figure);
    if (note[0] != '\0') {
        buffer_append_string(html, " <small>");
        part_text(html, note);
        buffer_append_string(html, "</small>");
    }
    buffer_append_string(html, "</td>");
}

static void append_share(struct buffer *html, uint64_t part, uint64_t whole)
{
    append_number(html, human_count((double)part).text,
                  part > 0 && whole > 0 ? human_share((double)part, (double)whole).text : "");
}

/* ---- rows */

static void sessions_row(struct buffer *html, const struct page_site *site, const char *name)
{
    const struct summary_figures *figures = figures_of(site, name);

    begin_row(html, name == NULL ? "Mails" : "Sessions");
    for (size_t i = 0; i < DAYS; i++) {
        append_number(html, human_count((double)figures[days[i]].sessions).text, "");
    }
    buffer_append_string(html, "</tr>\n");
}

static void failures_row(struct buffer *html, const struct page_site *site, const char *name)
{
    const struct summary_figures *figures = figures_of(site, name);

    begin_row(html, name == NULL ? "Milter failures" : "Failures");
    for (size_t i = 0; i < DAYS; i++) {
        /* Of several children for one mail: no share of mails. */
        append_share(html, figures[days[i]].failed, name == NULL ? 0 : figures[days[i]].sessions);
    }
    buffer_append_string(html, "</tr>\n");
}

static void latency_row(struct buffer *html, const struct page_site *site, const char *name,
                        bool high)
{
    const struct summary_figures *figures = figures_of(site, name);

    begin_row(html, high ? "Latency p99" : "Latency p50");
    for (size_t i = 0; i < DAYS; i++) {
        double seconds = high ? figures[days[i]].p99 : figures[days[i]].p50;

        append_number(html, human_latency(seconds > 0 ? seconds : -1).text, "");
    }
    buffer_append_string(html, "</tr>\n");
}

/* Items that occur on any of the days, with their shares of all of them or (findings) of mails. */
static void item_rows(struct buffer *html, const struct page_site *site, enum series_kind kind,
                      const char *name)
{
    const struct series_info *info = series_info(kind);
    const struct summary_figures *figures = figures_of(site, name);
    const struct view_series *series[DAYS];

    for (size_t i = 0; i < DAYS; i++) {
        series[i] = view_find(site->summary.periods + days[i], kind, name == NULL ? "" : name);
    }
    for (size_t item = 0; item < info->item_count; item++) {
        uint64_t totals[DAYS];
        uint64_t sum = 0;

        for (size_t i = 0; i < DAYS; i++) {
            totals[i] = series[i] != NULL ? series[i]->items[item].total : 0;
            sum += totals[i];
        }
        if (sum == 0 || info->items[item].gauge) {
            continue;
        }
        begin_row(html, info->items[item].label);
        for (size_t i = 0; i < DAYS; i++) {
            append_share(html, totals[i], figures[days[i]].sessions);
        }
        buffer_append_string(html, "</tr>\n");
    }
}

static void slowest_row(struct buffer *html, const struct page_site *site)
{
    const struct summary *summary = &site->summary;

    begin_row(html, "Slowest milter");
    for (size_t i = 0; i < DAYS; i++) {
        const struct summary_child *slowest = NULL;

        for (size_t j = 0; j < summary->count; j++) {
            const struct summary_child *child = summary->children + j;

            if (child->figures[days[i]].p99 > 0 &&
                (slowest == NULL || child->figures[days[i]].p99 > slowest->figures[days[i]].p99)) {
                slowest = child;
            }
        }
        buffer_append_string(html, "<td class=\"n slowest\">");
        if (slowest == NULL) {
            buffer_append_string(html, "–");
        } else {
            part_name(html, slowest->name);
            buffer_append_string(html, " <small>");
            part_text(html, human_latency(slowest->figures[days[i]].p99).text);
            buffer_append_string(html, "</small>");
        }
        buffer_append_string(html, "</td>");
    }
    buffer_append_string(html, "</tr>\n");
}

static void busiest_row(struct buffer *html, const struct page_site *site)
{
    static const size_t which[DAYS] = {SUMMARY_DAYS - 1, SUMMARY_DAYS - 2, 0};

    begin_row(html, "Peak of the day");
    for (size_t i = 0; i < DAYS; i++) {
        unsigned hour;
        char text[32] = "–";

        if (summary_busiest(&site->summary, which[i], &hour)) {
            (void)snprintf(text, sizeof(text), "%02u–%02u h", hour, hour + 1);
            append_number(html, text,
                          human_count((double)site->summary.hours[which[i]][hour]).text);
        } else {
            append_number(html, text, "");
        }
    }
    buffer_append_string(html, "</tr>\n");
}

/* ---- the table */

static void append_heads(struct buffer *html, const struct page_site *site)
{
    int64_t now = site->options->now;

    buffer_append_string(html, "<thead><tr><th></th><th class=\"n\" scope=\"col\">today<small>"
                               "until ");
    part_time(html, now, "%H:%M");
    buffer_append_string(html, "</small></th><th class=\"n\" scope=\"col\">yesterday<small>until ");
    part_time(html, now, "%H:%M");
    buffer_append_string(html, "</small></th><th class=\"n\" scope=\"col\">");
    part_time(html, site->summary.periods[SUMMARY_WEEK].range.from, "%a %d %b");
    buffer_append_string(html, "<small>until ");
    part_time(html, now, "%H:%M");
    buffer_append_string(html, "</small></th></tr></thead>\n");
}

static void begin_table(struct buffer *html, const struct page_site *site, const char *id,
                        const char *title)
{
    buffer_append_format(html,
                         "<section class=\"card days\" id=\"%s\"><h2>%s</h2>\n"
                         "<div class=\"scroll\"><table>",
                         id, title);
    append_heads(html, site);
    buffer_append_string(html, "<tbody>\n");
}

void page_days_compared(struct buffer *html, const struct page_site *site, const char *name)
{
    begin_table(html, site, "summary", "Today");
    sessions_row(html, site, name);
    item_rows(html, site, name == NULL ? SERIES_STATUS : SERIES_MILTER_STATUS, name);
    failures_row(html, site, name);
    if (name != NULL) {
        buffer_append_string(html, "</tbody><tbody class=\"detail\">\n");
        item_rows(html, site, SERIES_MILTER_FAILURE, name);
        buffer_append_string(html, "</tbody><tbody>\n");
    }
    latency_row(html, site, name, false);
    latency_row(html, site, name, true);
    if (name == NULL) {
        slowest_row(html, site);
        busiest_row(html, site);
    }
    buffer_append_string(html, "</tbody></table></div></section>\n");
}

void page_days_findings(struct buffer *html, const struct page_site *site, const char *name)
{
    struct buffer rows = {0};

    item_rows(&rows, site, name == NULL ? SERIES_REPORT : SERIES_MILTER_REPORT, name);
    if (buffer_length(&rows) > 0) {
        begin_table(html, site, "findings", "Header findings");
        buffer_append_slice(html, buffer_slice(&rows));
        buffer_append_string(html, "</tbody></table></div></section>\n");
    }
    buffer_clear(&rows);
}

/* ---- hours */

static void append_hour(struct buffer *html, const struct page_site *site, size_t day,
                        unsigned hour, uint64_t highest)
{
    uint64_t count = site->summary.hours[day][hour];
    unsigned level =
        count == 0 ? 0 : (unsigned)(1 + (double)count / (double)highest * (LEVELS - 1));
    bool future = day + 1 == SUMMARY_DAYS &&
                  site->summary.days[day] + (int64_t)hour * 3600 > site->options->now;

    if (future) {
        buffer_append_string(html, "<td class=\"future\"></td>");
        return;
    }
    buffer_append_format(html, "<td class=\"l%u\" title=\"", level);
    part_time(html, site->summary.days[day], "%a %d %b");
    /* The number itself is for those who see no colours. */
    buffer_append_format(html, ", %02u–%02u h: %s\">%s</td>", hour, hour + 1,
                         human_count((double)count).text, human_count((double)count).text);
}

static uint64_t day_sum(const uint64_t hours[SUMMARY_HOURS], uint64_t *highest)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < SUMMARY_HOURS; i++) {
        sum += hours[i];
        *highest = hours[i] > *highest ? hours[i] : *highest;
    }
    return sum;
}

static void append_scale(struct buffer *html, uint64_t highest)
{
    buffer_append_string(html, "<p class=\"levels\"><span>0</span>");
    for (unsigned i = 0; i <= LEVELS; i++) {
        buffer_append_format(html, "<i class=\"l%u\"></i>", i);
    }
    buffer_append_string(html, "<span>");
    part_text(html, human_count((double)highest).text);
    buffer_append_string(html, " sessions an hour</span></p>");
}

void page_days_hours(struct buffer *html, const struct page_site *site)
{
    const struct summary *summary = &site->summary;
    uint64_t highest = 0, all = 0;

    for (size_t day = 0; day < SUMMARY_DAYS; day++) {
        all += day_sum(summary->hours[day], &highest);
    }
    if (all == 0) {
        return;
    }
    buffer_append_string(html, "<section class=\"card hours\" id=\"hours\"><h2>Busiest hours</h2>\n"
                               "<table><thead><tr><th></th>");
    for (unsigned i = 0; i < SUMMARY_HOURS; i += 6) {
        buffer_append_format(html, "<th colspan=\"6\" scope=\"col\">%02u:00</th>", i);
    }
    buffer_append_string(html,
                         "<th class=\"n\" scope=\"col\">all day</th></tr></thead>\n<tbody>\n");
    for (size_t day = 0; day < SUMMARY_DAYS; day++) {
        buffer_append_string(html, "<tr><th scope=\"row\">");
        part_time(html, summary->days[day], "%a %d");
        buffer_append_string(html, "</th>");
        for (unsigned hour = 0; hour < SUMMARY_HOURS; hour++) {
            append_hour(html, site, day, hour, highest);
        }
        buffer_append_format(
            html, "<td class=\"n\">%s</td></tr>\n",
            human_short_count((double)day_sum(summary->hours[day], &highest)).text);
    }
    buffer_append_string(html, "</tbody></table>\n");
    append_scale(html, highest);
    buffer_append_string(html, "</section>\n");
}
