/*
 * page_traffic - how much goes through.
 */
#include "milter-manager/control/page_traffic.h"

#include "libcore/base/markup.h"
#include "milter-manager/control/page_chart.h"

#include <math.h>
#include <string.h>

enum { VERDICTS_SHOWN = 12 };

/* The order in which verdicts are shown, and the class that gives each its colour. */
static const struct {
    const char *word, *class;
} verdicts[] = {
    {"continue", "v-continue"},           {"accept", "v-accept"},   {"reject", "v-reject"},
    {"temporary-failure", "v-temporary"}, {"discard", "v-discard"}, {"quarantine", "v-quarantine"},
};

struct tally {
    const char *word, *class;
    double count;
};

struct tallies {
    struct tally items[VERDICTS_SHOWN + 1];
    size_t count;
    double total;
};

static bool tally_is_known(const char *word)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (strcmp(verdicts[i].word, word) == 0) {
            return true;
        }
    }
    return false;
}

static void tally_add(struct tallies *tallies, const char *word, const char *class, double count)
{
    struct tally *item = &tallies->items[tallies->count];

    if (!(count > 0)) {
        return;
    }
    tallies->total += count;
    if (tallies->count < VERDICTS_SHOWN) {
        *item = (struct tally){word, class, count};
        tallies->count++;
    } else {
        *item = (struct tally){"others", "v-other", item->count + count};
    }
}

/* Those that have happened, the known ones first; the words are those of counts. */
static struct tallies tally_read(const json_t *counts)
{
    struct tallies tallies = {.count = 0};
    const char *word;
    json_t *count;

    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        tally_add(&tallies, verdicts[i].word, verdicts[i].class,
                  part_number(counts, verdicts[i].word));
    }
    json_object_foreach((json_t *)(uintptr_t)counts, word, count)
    {
        if (!tally_is_known(word)) {
            tally_add(&tallies, word, "v-other", part_number(counts, word));
        }
    }
    if (tallies.items[VERDICTS_SHOWN].count > 0) {
        tallies.count++;
    }
    return tallies;
}

static void tally_bar(const struct page *page, const struct tallies *tallies)
{
    double at = 0;

    part_html(page, "<svg class=\"bar\" aria-hidden=\"true\" viewBox=\"0 0 100 1\" "
                    "preserveAspectRatio=\"none\">");
    for (size_t i = 0; i < tallies->count; i++) {
        double width = 100 * (tallies->items[i].count / tallies->total);

        buffer_append_format(page->html,
                             "<rect class=\"%s\" x=\"%.3f\" y=\"0\" width=\"%.3f\" height=\"1\"/>",
                             tallies->items[i].class, at, width);
        at += width;
    }
    part_html(page, "</svg>");
}

void page_verdict_bar(const struct page *page, const json_t *counts)
{
    struct tallies tallies = tally_read(counts);

    if (tallies.count == 0 || isinf(tallies.total)) {
        part_html(page, "<span class=\"dim\">none yet</span>");
        return;
    }
    tally_bar(page, &tallies);
    part_html(page, "<span class=\"split\">");
    for (size_t i = 0; i < tallies.count; i++) {
        buffer_append_format(page->html, "<span><span class=\"key %s\"></span>",
                             tallies.items[i].class);
        part_name(page, slice_from_string(tallies.items[i].word), "");
        part_html(page, " ");
        part_human(page, human_share(tallies.items[i].count, tallies.total));
        part_html(page, "</span> ");
    }
    part_html(page, "</span>");
}

static void verdict_row(const struct page *page, const struct page_column *columns,
                        const struct tally *tally, double total)
{
    part_row(page, "");
    part_cell(page, &columns[0]);
    buffer_append_format(page->html, "<span class=\"key %s\"></span>", tally->class);
    part_name(page, slice_from_string(tally->word), "");
    part_cell_end(page, &columns[0]);
    part_cell(page, &columns[1]);
    part_human(page, human_count(tally->count));
    part_cell_end(page, &columns[1]);
    part_cell(page, &columns[2]);
    part_human(page, human_share(tally->count, total));
    part_cell_end(page, &columns[2]);
    part_row_end(page);
}

static void verdict_table(const struct page *page)
{
    static const struct page_column columns[] = {
        {"Verdict", "h", NULL}, {"Count", "n", NULL}, {"Share", "n", NULL}, {NULL, NULL, NULL}};
    const json_t *counts = part_member(part_member(page->status, "totals"), "verdicts");
    struct tallies tallies = tally_read(counts);

    part_section(page, "verdicts", "Verdicts since the start", "card");
    if (tallies.count == 0 || isinf(tallies.total)) {
        part_html(page, json_is_object(counts) && tallies.count == 0
                            ? "<p class=\"none\">No verdict has been given yet.</p>\n"
                            : "<p class=\"none\">Not known.</p>\n");
    } else {
        tally_bar(page, &tallies);
        part_html(page, "<div class=\"plain\">");
        part_table(page, "Verdicts given to the mail server", columns);
        for (size_t i = 0; i < tallies.count; i++) {
            verdict_row(page, columns, &tallies.items[i], tallies.total);
        }
        part_table_end(page);
        part_html(page, "</div>");
    }
    part_section_end(page);
}

static void total(const struct page *page, const char *label, struct human figure)
{
    buffer_append_format(page->html, "<div><dt>%s</dt><dd>", label);
    part_human(page, figure);
    part_html(page, "</dd></div>\n");
}

void page_totals(const struct page *page)
{
    const json_t *totals = part_member(page->status, "totals");

    part_html(page, "<div class=\"pair\">\n");
    verdict_table(page);
    part_section(page, "totals", "Traffic since the start", "card");
    part_html(page, "<dl class=\"figures\">\n");
    total(page, "Sessions", human_count(part_number(totals, "sessions")));
    total(page, "Open now", human_count(part_number(page->status, "sessions_open")));
    total(page, "Messages", human_count(part_number(totals, "messages")));
    total(page, "Failures of children", human_count(part_number(totals, "failures")));
    total(page, "Received from the mail server",
          human_bytes(part_number(totals, "bytes_received")));
    total(page, "Sent to the mail server", human_bytes(part_number(totals, "bytes_sent")));
    part_html(page, "</dl>\n");
    part_section_end(page);
    part_html(page, "</div>\n");
}

void page_traffic(const struct page *page)
{
    part_section(page, "traffic", "Traffic in the last hour", "card");
    part_html(page, "<div class=\"charts\">\n");
    page_chart(page, "sessions", "Sessions", "c-sessions");
    page_chart(page, "messages", "Messages", "c-messages");
    page_chart(page, "rejected", "Rejected", "c-rejected");
    page_chart(page, "temporary_failures", "Temporary failures", "c-temporary");
    page_chart(page, "failures", "Failures of children", "c-failures");
    part_html(page, "</div>\n");
    part_section_end(page);
}
