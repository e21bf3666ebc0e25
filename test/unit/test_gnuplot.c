/*
 * What gnuplot has drawn, as a part of a page.
 */
#include "libcore/net/gnuplot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BEFORE "<?xml version=\"1.0\"?>\n<svg>\n<g id=\"gnuplot_canvas\">\n"
#define SHAPES "<defs>\n<circle id='gpDot' r='0.5'/>\n<path id='gpPt0' d='M0,0'/>\n</defs>\n"

static char *embed(const char *svg)
{
    struct buffer html = {0};
    struct error error = {0};

    assert_true(gnuplot_embed(slice_from_string(svg), "a-", &html, &error));
    buffer_append_byte(&html, '\0');
    return html.data;
}

/* Several pictures stand in one page: no name may be there twice. */
static void test_names(void **state)
{
    char *html = embed(BEFORE SHAPES "<g id=\"gnuplot_plot_1\" ><title>x</title>\n"
                                     "<use xlink:href='#gpPt0'/>\n</g>\n</g>\n</svg>\n");

    (void)state;
    assert_null(strstr(html, "gnuplot_plot"));
    assert_non_null(strstr(html, "<g><title>x</title>"));
    assert_non_null(strstr(html, "id='a-gpPt0'"));
    assert_non_null(strstr(html, "'#a-gpPt0'"));
    free(html);
}

static void test_shapes_nobody_uses(void **state)
{
    char *html = embed(BEFORE SHAPES "<path d='M1,1'/>\n</g>\n</svg>\n");

    (void)state;
    assert_null(strstr(html, "defs"));
    assert_null(strstr(html, "gpDot"));
    assert_non_null(strstr(html, "<path d='M1,1'/>"));
    free(html);
}

static void test_colours(void **state)
{
    char *html = embed(BEFORE "<path stroke='rgb(  0,   0,  42)'/>\n<path stroke='black'/>\n"
                              "<path stroke='rgb(  1,   0,  42)'/>\n</g>\n</svg>\n");

    (void)state;
    assert_non_null(strstr(html, "stroke='var(--c42)'"));
    assert_non_null(strstr(html, "stroke='var(--text)'"));
    assert_non_null(strstr(html, "stroke='var(--grid)'"));
    free(html);
}

static void test_half_a_picture(void **state)
{
    struct buffer html = {0};
    struct error error = {0};

    (void)state;
    assert_false(gnuplot_embed(slice_from_string(BEFORE "<path/>"), "a-", &html, &error));
    assert_non_null(strstr(error.message, "did not write a whole plot"));
    buffer_clear(&html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_shapes_nobody_uses),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_half_a_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
