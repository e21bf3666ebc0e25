/*
 * Tests of the page on a load run: what it holds, what it never holds, and gnuplots that fail.
 */
#include "libcore/net/gnuplot.h"
#include "milter-performance-check/report_plots.h"

#include "file_text.h"
#include "markup_form.h"
#include "performance_run.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char evil[] = "<script>alert(1)</script> & \"x\" 'y' \x1b[31m \xff \xe2\x80\xae";

static struct performance_run *new_run(void)
{
    struct performance_run *run = performance_run_new();

    for (uint64_t i = 0; i < 40; i++) {
        performance_run_mail(run, i * 100, i * 100 + 10 + i, OUTCOME_SENT, NULL);
    }
    performance_run_mail(run, 1000, 1500, OUTCOME_REJECT, evil);
    performance_run_mail(run, 1000, 1500, OUTCOME_ERROR, "no answer");
    measurement_reply(&run->measurement, SMTP_PHASE_RCPT, 250, 1000000, RUN_BEGUN);
    return run;
}

static void add_ramp(struct performance_run *run, unsigned count)
{
    performance_run_ramp(run, count);
    for (unsigned i = 0; i < count; i++) {
        struct ramp_step *step = run->steps + i;

        step->rate = 100 * (i + 1);
        step->started = RUN_BEGUN;
        step->ended = RUN_BEGUN + 1000000000U;
        step->sent = 100;
        step->overload = i > 1 ? "mails piled up" : NULL;
        histogram_record(&step->mail, (i + 1) * (uint64_t)10000000);
    }
}

/* It may be absent, but not where everything has to be tested. */
static bool nothing_draws(void)
{
    struct buffer output = {0};
    struct error error = {0};
    bool there = gnuplot_run(slice_from_string(""), &output, &error);

    buffer_clear(&output);
    return !there && getenv("CI") == NULL;
}

/* NUL-terminated. */
static char *page_of(struct performance_run *run)
{
    struct buffer output = {0};
    struct error error = {0};
    char *page;

    if (!report_append_html(&output, &run->report, &error)) {
        fail_msg("%s", error.message);
    }
    page = memory_copy_bytes(buffer_slice(&output).data, buffer_length(&output));
    buffer_clear(&output);
    return page;
}

static unsigned count_of(const char *page, const char *text)
{
    unsigned count = 0;

    for (const char *at = strstr(page, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

/* Of plots gnuplot is to answer for. */
static void cut_plots(char *page)
{
    char *begin;

    while ((begin = strstr(page, "<svg")) != NULL) {
        const char *end = strstr(begin, "</svg>");

        assert_non_null(end);
        memmove(begin, end + 6, strlen(end + 6) + 1);
    }
}

static void assert_well_formed(char *page)
{
    const char *place;
    const char *fault;

    cut_plots(page);
    fault = markup_form_fault(slice_from_string(page), &place);
    if (fault != NULL) {
        fail_msg("%s: %.60s", fault, place);
    }
}

/* A reader opens it years later, without a network, and nobody runs anything in it. */
static void assert_self_contained(const char *page)
{
    static const char *const strangers[] = {"<script", "http:", "https:", "src=",  "url(",
                                            "@import", "<link", "<img",   "onload"};

    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        assert_null(strstr(page, strangers[i]));
    }
    assert_null(strchr(page, '\x1b'));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_null(memchr(page, 0xff, strlen(page)));
}

static void test_page(void **state)
{
    struct performance_run *run;
    char *page;

    (void)state;
    if (nothing_draws()) {
        skip();
    }
    run = new_run();
    run->plan.command_line = evil;
    run->report.stopped = evil;
    run->server.name = evil;
    page = page_of(run);
    assert_self_contained(page);
    assert_int_equal(count_of(page, "<svg"), 6); /* three plots, wide and narrow */
    assert_int_equal(count_of(page, "class=\"narrow\""), 3);
    assert_non_null(strstr(page, "prefers-color-scheme:dark"));
    assert_non_null(strstr(page, "<dt>Mails</dt><dd>42</dd>"));
    assert_non_null(strstr(page, "<dt>Not sent</dt><dd>2</dd><dd>4.76% of the mails</dd>"));
    assert_non_null(strstr(page, "<tr><th>whole-mail</th><td>41</td>"));
    /* Headline, why it stopped, refusal, command line, servers; the title has no markup. */
    assert_int_equal(count_of(page, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot; "
                                    "&#39;y&#39; <b class=\"raw\">\\x1b</b>[31m "),
                     5);
    assert_non_null(strstr(page, "<title>Load of &lt;script&gt;alert(1)&lt;/script&gt; &amp; "
                                 "&quot;x&quot; &#39;y&#39; \\x1b[31m "));
    /* Nothing is black on a black page. */
    assert_null(strstr(page, "\"black\""));
    assert_null(strstr(page, "rgb("));
    assert_null(strstr(page, "Knee"));
    assert_well_formed(page);
    free(page);
    performance_run_free(run);
}

static void test_page_of_a_ramp(void **state)
{
    (void)state;
    if (nothing_draws()) {
        skip();
    }
    for (unsigned steps = 1; steps <= 4; steps += 3) {
        struct performance_run *run = new_run();
        char *page;

        add_ramp(run, steps);
        page = page_of(run);
        assert_int_equal(count_of(page, "<svg"), 10);
        assert_non_null(
            strstr(page, steps == 1 ? "<dt>Knee</dt><dd>≥ 100</dd>" : "<dt>Knee</dt><dd>200</dd>"));
        /* Marked in both plots, unless it was not reached. */
        assert_int_equal(count_of(page, ">knee</tspan>"), steps == 1 ? 0 : 4);
        assert_well_formed(page);
        free(page);
        performance_run_free(run);
    }
}

/* Without any mail, or with errors alone, there is less to see, and no mistake. */
static void test_page_of_nothing(void **state)
{
    struct performance_run *run;
    char *page;

    (void)state;
    if (nothing_draws()) {
        skip();
    }
    run = performance_run_new();
    page = page_of(run);
    assert_int_equal(count_of(page, "<svg"), 0);
    assert_non_null(strstr(page, "There is nothing to draw"));
    assert_well_formed(page);
    free(page);
    performance_run_mail(run, 0, 0, OUTCOME_ERROR, "connection refused");
    page = page_of(run);
    assert_int_equal(count_of(page, "<svg"), 2); /* throughput */
    free(page);
    performance_run_mail(run, 0, 0, OUTCOME_SENT, NULL); /* faster than the clock */
    page = page_of(run);
    assert_well_formed(page);
    free(page);
    performance_run_free(run);
}

/* ---- gnuplots that fail */

static char directory[] = "/tmp/test_performance_page.XXXXXX";

static int tear_down(void **state)
{
    char *path = memory_format("%s/gnuplot", directory);

    (void)state;
    (void)unlink(path);
    (void)rmdir(directory);
    free(path);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

#define REMEDY "install gnuplot (Debian: gnuplot-nox), or do without graphs"

static void assert_fails(const char *script, const char *expected)
{
    char *path = memory_format("%s/gnuplot", directory);
    char *old = memory_copy_string(getenv("PATH"));
    struct performance_run *run = new_run();
    struct buffer output = {0};
    struct error error = {0};

    (void)unlink(path);
    if (script != NULL) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fprintf(file, "#!/bin/sh\n%s\n", script);
        assert_int_equal(fchmod(fileno(file), 0755), 0);
        assert_int_equal(fclose(file), 0);
    }
    (void)setenv("PATH", directory, 1);
    assert_false(report_append_html(&output, &run->report, &error));
    (void)setenv("PATH", old, 1);
    assert_string_equal(error.message, expected);
    assert_int_equal(buffer_length(&output), 0);
    buffer_clear(&output);
    performance_run_free(run);
    free(path);
    free(old);
}

static void test_gnuplot_fails(void **state)
{
    (void)state;
    assert_fails(NULL, "cannot run gnuplot: No such file or directory; " REMEDY);
    assert_fails("echo '\n         line 3: unknown option' >&2; exit 3",
                 "gnuplot failed (exit status 3): line 3: unknown option; " REMEDY);
    assert_fails("kill -9 $$", "gnuplot failed (signal 9); " REMEDY);
    assert_fails("exit 0", "gnuplot did not write a whole plot in SVG; " REMEDY);
    assert_fails("exec 0<&-; echo '<svg><g id=\"gnuplot_canvas\">'",
                 "gnuplot did not write a whole plot in SVG; " REMEDY);
}

/* More than fits in a pipe, in both directions, and read by nobody. */
static void test_gnuplot_run(void **state)
{
    char *path = memory_format("%s/gnuplot", directory);
    char *old = memory_copy_string(getenv("PATH"));
    char *search = memory_format("%s:%s", directory, old);
    struct buffer script = {0};
    struct buffer output = {0};
    struct error error = {0};
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    fputs("#!/bin/sh\nread first\nhead -c 1000000 /dev/zero\nhead -c 1000000 /dev/zero >&2\n"
          "echo \"$1 $first\"\n",
          file);
    assert_int_equal(fchmod(fileno(file), 0755), 0);
    assert_int_equal(fclose(file), 0);
    buffer_append_string(&script, "first\n");
    memset(buffer_reserve(&script, 1000000), 'x', 1000000);
    buffer_commit(&script, 1000000);
    (void)setenv("PATH", search, 1);
    assert_true(gnuplot_run(buffer_slice(&script), &output, &error));
    (void)setenv("PATH", old, 1);
    assert_int_equal(buffer_length(&output), 1000000 + 9);
    assert_memory_equal(buffer_slice(&output).data + 1000000, "-d first\n", 9);
    buffer_clear(&script);
    buffer_clear(&output);
    free(path);
    free(search);
    free(old);
}

static void test_embed(void **state)
{
    static const char svg[] =
        "<?xml version=\"1.0\"?>\n<svg width=\"1\">\n<title>x</title>\n"
        "<g id=\"gnuplot_canvas\">\n<defs>\n<circle id='gpDot' r='1'/>\n"
        "<filter id='textbox'>\n<feFlood/>\n</filter>\n</defs>\n"
        "<g fill=\"none\" color=\"black\">\n</g>\n"
        "<g fill=\"none\" color=\"black\">\n<path stroke='rgb(  0,   0,  12)'/></g>\n"
        "<path stroke='rgb(190, 190, 190)' fill=\"rgb(0,0,0)\"/><text>gray rgb(x)</text>\n"
        "<use xlink:href='#gpDot' color='gray'/>\n</g>\n</svg>\n";
    struct buffer html = {0};
    struct error error = {0};

    (void)state;
    assert_true(gnuplot_embed(slice_from_string(svg), "a-", &html, &error));
    buffer_append_byte(&html, '\0');
    assert_string_equal(
        buffer_slice(&html).data,
        "<g><defs>\n<circle id='a-gpDot' r='1'/>\n</defs>\n"
        "<g fill=\"none\" color=\"var(--text)\">\n<path stroke='var(--c12)'/></g>\n"
        "<path stroke='var(--grid)' fill=\"var(--text)\"/><text>gray rgb(x)</text>\n"
        "<use xlink:href='#a-gpDot' color='var(--grid)'/>\n</g>\n");
    buffer_clear(&html);
    assert_false(gnuplot_embed(slice_from_string(""), "a-", &html, &error));
}

/* Scripts hold no text of others: there is nothing to escape in them. */
static void test_scripts_hold_figures_alone(void **state)
{
    const struct plot_size size = {500, 300, 100};
    struct performance_run *run = new_run();
    struct performance_run *other = new_run();
    const struct plot *plots;
    size_t count = report_plots(&plots);

    (void)state;
    add_ramp(run, 3);
    add_ramp(other, 3);
    run->plan.command_line = evil;
    run->steps[2].overload = evil;
    run->report.stopped = evil;
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        struct buffer script = {0};
        struct buffer expected = {0};

        assert_true(plots[i].script(&script, &run->report, &size));
        assert_true(plots[i].script(&expected, &other->report, &size));
        assert_true(slice_equal(buffer_slice(&script), buffer_slice(&expected)));
        buffer_clear(&script);
        buffer_clear(&expected);
    }
    performance_run_free(run);
    performance_run_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_page_of_a_ramp),
        cmocka_unit_test(test_page_of_nothing),
        cmocka_unit_test(test_gnuplot_fails),
        cmocka_unit_test(test_gnuplot_run),
        cmocka_unit_test(test_embed),
        cmocka_unit_test(test_scripts_hold_figures_alone),
    };

    return cmocka_run_group_tests_name("performance_page", tests, set_up, tear_down);
}
