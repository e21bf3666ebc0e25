/*
 * page_headline - the state of the whole in one sentence.
 *
 * A table of findings in order of severity; each looks at the status and says
 * how many things are concerned.  The first that finds something is the
 * headline, the others are listed below it.
 */
#include "milter-manager/control/page_headline.h"

#include "libcore/base/markup.h"

#include <math.h>

enum { NAMES_SHOWN = 8 };

/* How many; 0 or NAN: nothing to say. */
typedef double finding_count_fn(const struct page *page);
typedef void finding_detail_fn(const struct page *page);

static bool child_in_use(const json_t *child)
{
    return !part_false(child, "enabled") && !part_true(child, "switched_off");
}

static bool child_down(const json_t *child)
{
    return child_in_use(child) && part_is(child, "state", "down");
}

static bool child_switched_off(const json_t *child)
{
    return !part_false(child, "enabled") && part_true(child, "switched_off");
}

static double children_that(const struct page *page, bool (*are)(const json_t *))
{
    const json_t *children = part_member(page->status, "children");
    double count = 0;

    for (size_t i = 0; i < json_array_size(children); i++) {
        count += are(json_array_get(children, i));
    }
    return count;
}

static void names_of(const struct page *page, bool (*are)(const json_t *))
{
    const json_t *children = part_member(page->status, "children");
    size_t shown = 0;

    for (size_t i = 0; i < json_array_size(children) && shown < NAMES_SHOWN; i++) {
        const json_t *child = json_array_get(children, i);

        if (are(child)) {
            part_html(page, shown++ > 0 ? ", " : "");
            part_name(page, part_string(child, "name"), "name");
        }
    }
    if (children_that(page, are) > NAMES_SHOWN) {
        part_html(page, " and others");
    }
}

static double down_count(const struct page *page)
{
    return children_that(page, child_down);
}

static void down_detail(const struct page *page)
{
    names_of(page, child_down);
    part_html(page, ": the fallback applies");
}

static double off_count(const struct page *page)
{
    return children_that(page, child_switched_off);
}

static void off_detail(const struct page *page)
{
    names_of(page, child_switched_off);
    part_html(page, ": by the operator, until switched on again or the next start");
}

static double stopping_count(const struct page *page)
{
    return part_is(page->status, "state", "stopping");
}

static void stopping_detail(const struct page *page)
{
    part_plural(page, part_number(page->status, "sessions_open"), "session is", "sessions are");
    part_html(page, " still to finish; no new ones are taken");
}

static double starting_count(const struct page *page)
{
    return part_is(page->status, "state", "starting");
}

static void starting_detail(const struct page *page)
{
    part_html(page, "No sessions are taken yet");
}

static const json_t *reload_error(const struct page *page)
{
    return part_member(part_member(page->status, "configuration"), "last_error");
}

static double reload_count(const struct page *page)
{
    return json_is_object(reload_error(page));
}

static void reload_detail(const struct page *page)
{
    part_html(page, "The configuration before it stays in force. "
                    "<a href=\"#configuration\">Configuration</a>");
    part_sentence(page, part_string(reload_error(page), "message"));
}

static double silent_count(const struct page *page)
{
    const json_t *workers = part_member(page->status, "workers");
    double count = 0;

    for (size_t i = 0; i < json_array_size(workers); i++) {
        count += part_false(json_array_get(workers, i), "answered");
    }
    return count;
}

static void silent_detail(const struct page *page)
{
    part_html(page, "The figures here are incomplete. <a href=\"#workers\">Workers</a>");
}

static double failure_count(const struct page *page)
{
    const json_t *history = part_member(page->status, "history");
    size_t size = json_array_size(history);

    return size > 0 ? part_number(json_array_get(history, size - 1), "failures") : 0;
}

static void failure_detail(const struct page *page)
{
    part_html(page, "Each took the fallback of its child. <a href=\"#failures\">"
                    "Recent failures</a>");
}

static double childless_count(const struct page *page)
{
    const json_t *children = part_member(page->status, "children");

    return json_is_array(children) && json_array_size(children) == 0;
}

static void childless_detail(const struct page *page)
{
    part_html(page, "Mail passes as manager.fallback_status says");
}

static double unknown_count(const struct page *page)
{
    return !part_is(page->status, "state", "running") ||
           !json_is_array(part_member(page->status, "children"));
}

static void unknown_detail(const struct page *page)
{
    part_html(page, "The status does not say what it should");
}

static double fine_count(const struct page *page)
{
    (void)page;
    return 1;
}

static bool child_up(const json_t *child)
{
    return child_in_use(child) && part_is(child, "state", "up");
}

static bool child_unasked(const json_t *child)
{
    return child_in_use(child) && !part_is(child, "state", "up");
}

static bool child_disabled(const json_t *child)
{
    return part_false(child, "enabled");
}

static void fine_detail(const struct page *page)
{
    double unasked = children_that(page, child_unasked);
    double disabled = children_that(page, child_disabled);

    part_plural(page, children_that(page, child_up), "child is up", "children are up");
    if (unasked > 0) {
        part_html(page, ", ");
        part_plural(page, unasked, "has not been asked yet", "have not been asked yet");
    }
    if (disabled > 0) {
        part_html(page, ", ");
        part_plural(page, disabled, "is disabled", "are disabled");
    }
    part_html(page, "; ");
    part_plural(page, part_number(page->status, "sessions_open"), "session is open",
                "sessions are open");
}

/* one and many follow the count; whole stands alone, without a count. */
static const struct finding {
    finding_count_fn *count;
    const char *class, *one, *many, *whole;
    finding_detail_fn *detail;
} findings[] = {
    {stopping_count, "warn", NULL, NULL, "Stopping", stopping_detail},
    {starting_count, "warn", NULL, NULL, "Starting", starting_detail},
    {down_count, "bad", "child is down", "children are down", NULL, down_detail},
    {silent_count, "bad", "worker does not answer", "workers do not answer", NULL, silent_detail},
    {reload_count, "warn", NULL, NULL, "The last reload failed", reload_detail},
    {failure_count, "warn", "failure in the last minute", "failures in the last minute", NULL,
     failure_detail},
    {off_count, "warn", "child is switched off", "children are switched off", NULL, off_detail},
    {childless_count, "warn", NULL, NULL, "No child is configured", childless_detail},
};
static const struct finding nothing_known = {unknown_count,          "warn",        NULL, NULL,
                                             "The state is unknown", unknown_detail};
static const struct finding all_fine = {fine_count, "ok", NULL, NULL, "All is well", fine_detail};

enum { FINDINGS = sizeof(findings) / sizeof(findings[0]) };

/* The headline's index; FINDINGS when none of them applies. */
static size_t finding_worst(const struct page *page)
{
    size_t i = 0;

    while (i < FINDINGS && !(findings[i].count(page) > 0)) {
        i++;
    }
    return i;
}

static void finding_text(const struct page *page, const struct finding *finding)
{
    if (finding->whole != NULL) {
        part_html(page, finding->whole);
    } else {
        part_plural(page, finding->count(page), finding->one, finding->many);
    }
}

static const struct finding *finding_at(const struct page *page, size_t index)
{
    if (index < FINDINGS) {
        return &findings[index];
    }
    return unknown_count(page) > 0 ? &nothing_known : &all_fine;
}

void page_headline_title(const struct page *page)
{
    finding_text(page, finding_at(page, finding_worst(page)));
}

void page_headline(const struct page *page)
{
    size_t worst = finding_worst(page);
    const struct finding *headline = finding_at(page, worst);
    bool more = false;

    buffer_append_format(page->html,
                         "<section id=\"state\" class=\"state %s\" aria-labelledby=\"state-title\">"
                         "<h1 id=\"state-title\"><span class=\"sign\"></span> ",
                         headline->class);
    finding_text(page, headline);
    part_html(page, "</h1>\n<p>");
    headline->detail(page);
    part_html(page, "</p>\n");
    for (size_t i = worst + 1; i < FINDINGS; i++) {
        if (findings[i].count(page) > 0) {
            buffer_append_format(page->html,
                                 "%s<li class=\"%s\"><strong><span class=\"sign\">"
                                 "</span> ",
                                 more ? "" : "<ul>\n", findings[i].class);
            more = true;
            finding_text(page, &findings[i]);
            part_html(page, "</strong> <span>");
            findings[i].detail(page);
            part_html(page, "</span></li>\n");
        }
    }
    part_html(page, more ? "</ul>\n</section>\n" : "</section>\n");
}
