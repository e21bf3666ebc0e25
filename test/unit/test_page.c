/*
 * Unit tests: the status page from the fixtures, from parts of them that lack
 * or are of another type, and what the headline says.
 */
#include "milter-manager/control/page.h"

#include "test/unit/markup_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static json_t *load(const char *name)
{
    char path[128];
    json_error_t error;
    json_t *status;

    snprintf(path, sizeof(path), "test/fixtures/status/%s.json", name);
    status = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (status == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return status;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *status = json_loads(text, 0, &error);

    if (status == NULL) {
        fail_msg("%s: %s", text, error.text);
    }
    return status;
}

/* Renders into a string of its own; what comes out is well-formed, whatever goes in. */
static char *render(const json_t *status, bool refresh)
{
    struct page_options options = {.refresh = refresh};
    struct buffer html = {0};
    const char *fault, *place;
    char *text;

    page_render(status, &options, &html);
    fault = markup_form_fault(buffer_slice(&html), &place);
    if (fault != NULL) {
        fail_msg("%s: %.60s", fault, place);
    }
    buffer_append_byte(&html, '\0');
    text = strdup(buffer_slice(&html).data);
    assert_int_equal(strlen(text) + 1, buffer_length(&html));
    buffer_clear(&html);
    return text;
}

static void assert_shows(const char *page, const char *text)
{
    if (strstr(page, text) == NULL) {
        fail_msg("the page lacks: %s", text);
    }
}

static void assert_lacks(const char *page, const char *text)
{
    if (strstr(page, text) != NULL) {
        fail_msg("the page has: %.80s", strstr(page, text));
    }
}

/* The page of a fixture shows all of the texts; they end with NULL. */
static void assert_page_shows(const char *fixture, const char *const *texts)
{
    json_t *status = load(fixture);
    char *page = render(status, true);

    for (; *texts != NULL; texts++) {
        assert_shows(page, *texts);
    }
    free(page);
    json_decref(status);
}

static void a_busy_day(void **state)
{
    static const char *const texts[] = {
        "<title>All is well \xc2\xb7 milter-manager</title>",
        "6 children are up, 1 is disabled; 32 sessions are open",
        "<meta http-equiv=\"refresh\" content=\"5\"/>",
        "<a href=\"?refresh=off\">",
        "<strong>343</strong>", /* sessions in the last minute */
        "18,072 in 1 h, peak 454",
        "36,020",
        "74.7 %",
        "4.12 GB",
        "0.42 ms",
        "2.31 s",
        "inet:11332@[192.0.2.40]",
        ">evaluation</span>",
        "since <time datetime=\"2026-11-27T09:12:03Z\">09:12:03 UTC",
        "<span class=\"dim\">3 h ago</span>",
        "action=\"children/rspamd/disable\"",
        "by the configuration",
        "mail-ed1-f54.mx.example.com [198.51.100.54]",
        "4Tq8Mn5cPzB7",
        "<small class=\"alarm\">for 6.40 s",
        "6 of 32 open sessions",
        "no answer within 300 s",
        "Worker 3",
        "32.7 MB",
        "/etc/milter-manager/milter-manager.local.conf",
        "action=\"reload\"",
        "3.0.0</bdi>, pid 4127, up for 3 h 18 min",
        "href=\"status\"",
        "href=\"metrics\"",
        "href=\"configuration\"",
        NULL,
    };
    json_t *status = load("busy");
    char *page = render(status, false);

    (void)state;
    assert_page_shows("busy", texts);
    /* Paused; and nobody switches on what the configuration disables. */
    assert_lacks(page, "http-equiv=\"refresh\"");
    assert_shows(page, "<a href=\"?\">");
    assert_lacks(page, "children/spamassassin/");
    free(page);
    json_decref(status);
}

static void troubles(void **state)
{
    static const char *const texts[] = {
        "<title>2 children are down \xc2\xb7 milter-manager</title>",
        "1 worker does not answer</strong>",
        "The last reload failed</strong>",
        "193 failures in the last minute</strong>",
        "1 child is switched off</strong>",
        "action=\"children/greylist/enable\"",
        "action=\"children/rspamd/disable\"",
        "Does not answer</span>",
        "cannot be reached: Connection refused (errno 111).",
        "the host is missing; write inet:PORT@HOST",
        "20 of 26 failures",
        NULL,
    };

    (void)state;
    assert_page_shows("troubles", texts);
}

static void a_quiet_start(void **state)
{
    static const char *const texts[] = {
        "0 children are up, 2 have not been asked yet; 0 sessions are open",
        "No verdict has been given yet.",
        "No session is open.",
        "No child has failed since the start.",
        "The only process",
        NULL,
    };

    (void)state;
    assert_page_shows("quiet", texts);
}

/* What a peer may call itself stays text. */
static void hostile_words(void **state)
{
    json_t *status = load("hostile");
    char *page = render(status, true);

    (void)state;
    assert_lacks(page, "<script");
    assert_lacks(page, "<img");
    assert_lacks(page, "\xe2\x80\xae");
    assert_lacks(page, "\x1b");
    assert_lacks(page, "href=\"javascript");
    assert_lacks(page, "action=\"javascript");
    assert_shows(page, "&lt;script&gt;");
    assert_shows(page, "children/%3Cscript%3E");
    assert_shows(page, "children/..%2F..%2Freload/");
    assert_shows(page, "children/%252e%252e%3Fx%3D1%23y%26z%3Ba%2Fb%20c%2Bd/");
    assert_lacks(page, "children/../");
    assert_lacks(page, "children//");
    assert_shows(page, "\\u{202e}");
    assert_shows(page, "<b class=\"raw\">\\x1b</b>");
    free(page);
    json_decref(status);
}

static void the_headline(void **state)
{
    static const struct {
        const char *status, *headline;
    } rows[] = {
        {"{}", "The state is unknown"},
        {"[]", "The state is unknown"},
        {"{\"state\":\"running\"}", "The state is unknown"},
        {"{\"state\":\"running\",\"children\":[]}", "No child is configured"},
        {"{\"state\":\"running\",\"children\":[{\"state\":\"up\"}]}", "All is well"},
        {"{\"state\":\"running\",\"children\":[{\"state\":\"unknown\"}]}", "All is well"},
        {"{\"state\":\"starting\",\"children\":[{\"state\":\"up\"}]}", "Starting"},
        {"{\"state\":\"stopping\",\"children\":[{\"state\":\"down\"}]}", "Stopping"},
        {"{\"state\":\"strange\",\"children\":[{\"state\":\"up\"}]}", "The state is unknown"},
        {"{\"state\":\"running\",\"children\":[{\"state\":\"down\"},{\"state\":\"up\"}]}",
         "1 child is down"},
        /* Nobody waits for these. */
        {"{\"state\":\"running\",\"children\":[{\"state\":\"down\",\"enabled\":false}]}",
         "All is well"},
        {"{\"state\":\"running\",\"children\":[{\"state\":\"down\",\"switched_off\":true}]}",
         "1 child is switched off"},
        {"{\"state\":\"running\",\"children\":[{}],\"configuration\":{\"last_error\":null}}",
         "All is well"},
        {"{\"state\":\"running\",\"children\":[{}],\"configuration\":{\"last_error\":{}}}",
         "The last reload failed"},
        {"{\"state\":\"running\",\"children\":[{}],\"workers\":[{\"answered\":false}]}",
         "1 worker does not answer"},
        {"{\"state\":\"running\",\"children\":[{}],\"history\":[{\"failures\":3},{\"failures\":0}]"
         "}",
         "All is well"},
        {"{\"state\":\"running\",\"children\":[{}],\"history\":[{\"failures\":0},{\"failures\":3}]"
         "}",
         "3 failures in the last minute"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[96];
        json_t *status = parse(rows[i].status);
        char *page = render(status, true);

        snprintf(expected, sizeof(expected), "<title>%s \xc2\xb7", rows[i].headline);
        assert_shows(page, expected);
        free(page);
        json_decref(status);
    }
}

/* A missing minute is a gap, and the newest bar is the rightmost. */
static void bars_stand_where_their_minute_is(void **state)
{
    json_t *status = parse("{\"started\":\"2026-11-27T12:00:00Z\",\"uptime\":600,\"history\":["
                           "{\"time\":\"2026-11-27T12:05:58Z\",\"messages\":4},"
                           "{\"time\":\"2026-11-27T12:09:59Z\",\"messages\":10}]}");
    char *page = render(status, true);

    (void)state;
    assert_shows(page,
                 "<rect x=\"55.1\" y=\"60.0\" width=\".8\" height=\"40.0\"><title>12:06:00 UTC: 4");
    assert_shows(page, "<rect x=\"59.1\" y=\"0.0\" width=\".8\" height=\"100.0\">");
    assert_shows(page, "14 in 2 min, peak 10");
    free(page);
    json_decref(status);
}

/* Who waits longest, then the oldest; what is not known last. */
static void sessions_are_in_order(void **state)
{
    static const char *const order[] = {"waits9", "waits2", "old", "young", "strange"};
    json_t *status =
        parse("{\"sessions\":[{\"client\":\"strange\"},{\"client\":\"young\",\"age\":1},"
              "{\"client\":\"waits2\",\"age\":3,\"waiting\":2},{\"client\":\"old\","
              "\"age\":700},{\"client\":\"waits9\",\"age\":9,\"waiting\":9}]}");
    char *page = render(status, true);
    const char *at = page;

    (void)state;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    free(page);
    json_decref(status);
}

/* Those that are silent are seen, however many there are. */
static void silent_workers_come_first(void **state)
{
    json_t *status = json_pack("{s:[]}", "workers"), *workers = json_object_get(status, "workers");
    char *page;

    (void)state;
    for (int i = 0; i < 200; i++) {
        json_array_append_new(workers, json_pack("{s:i, s:b}", "number", i, "answered", i != 150));
    }
    page = render(status, true);
    assert_shows(page, "<div>Worker 150<small>");
    assert_true(strstr(page, "<div>Worker 150<") < strstr(page, "<div>Worker 0<"));
    assert_shows(page, "<div>Worker 62<");
    assert_lacks(page, "<div>Worker 63<");
    free(page);
    json_decref(status);
}

static void no_status_at_all(void **state)
{
    char *page = render(NULL, true);

    (void)state;
    assert_shows(page, "The state is unknown");
    assert_shows(page, "Not known.");
    free(page);
}

/* ---- every member in turn lacks or is of another type */

static unsigned mutations;

static void render_only(const json_t *root)
{
    mutations++;
    free(render(root, true));
}

static json_t *stranger(unsigned kind)
{
    switch (kind) {
    case 0:
        return json_null();
    case 1:
        return json_true();
    case 2:
        return json_integer(-1);
    case 3:
        return json_real(1e308);
    case 4:
        return json_string("</td>\x01");
    case 5:
        return json_pack("[[]]");
    default:
        return json_pack("{s:{}}", "<");
    }
}

/* Of each array the first and the last: one of a kind is enough. */
static void shorten(json_t *node)
{
    json_t *member;
    const char *key;
    size_t i;

    while (json_array_size(node) > 2) {
        json_array_remove(node, 1);
    }
    json_array_foreach(node, i, member)
    {
        shorten(member);
    }
    json_object_foreach(node, key, member)
    {
        shorten(member);
    }
}

static void mutate(json_t *root, json_t *node);

static void mutate_array(json_t *root, json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *old = json_incref(json_array_get(array, i));

        for (unsigned kind = 0; kind < 7; kind++) {
            json_array_set_new(array, i, stranger(kind));
            render_only(root);
        }
        json_array_set_new(array, i, old);
        mutate(root, old);
    }
}

static void mutate_object(json_t *root, json_t *object)
{
    json_t *copy = json_copy(object), *old;
    const char *key;

    json_object_foreach(copy, key, old)
    {
        json_object_del(object, key);
        render_only(root);
        for (unsigned kind = 0; kind < 7; kind++) {
            json_object_set_new(object, key, stranger(kind));
            render_only(root);
        }
        json_object_set(object, key, old);
        mutate(root, old);
    }
    json_decref(copy);
}

static void mutate(json_t *root, json_t *node)
{
    if (json_is_array(node)) {
        mutate_array(root, node);
    } else if (json_is_object(node)) {
        mutate_object(root, node);
    }
}

static void members_that_lack_or_are_strange(void **state)
{
    json_t *status = load("troubles");

    (void)state;
    mutations = 0;
    shorten(status);
    mutate(status, status);
    assert_true(mutations > 1000);
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_day),
        cmocka_unit_test(troubles),
        cmocka_unit_test(a_quiet_start),
        cmocka_unit_test(hostile_words),
        cmocka_unit_test(the_headline),
        cmocka_unit_test(bars_stand_where_their_minute_is),
        cmocka_unit_test(sessions_are_in_order),
        cmocka_unit_test(silent_workers_come_first),
        cmocka_unit_test(no_status_at_all),
        cmocka_unit_test(members_that_lack_or_are_strange),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
