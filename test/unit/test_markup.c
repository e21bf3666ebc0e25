/*
 * Unit tests: foreign bytes in a page, each for the place where they stand.
 */
#include "libcore/base/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef void markup_fn(struct buffer *html, struct slice text);

struct row {
    struct slice text;
    const char *expected;
};

static void assert_rows(markup_fn *markup, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer html = {0};

        markup(&html, rows[i].text);
        buffer_append_byte(&html, '\0');
        assert_string_equal(buffer_slice(&html).data, rows[i].expected);
        buffer_clear(&html);
    }
}

static void attributes(void **state)
{
    static const struct row rows[] = {
        {SLICE_LITERAL(""), ""},
        {SLICE_LITERAL("rspamd"), "rspamd"},
        {SLICE_LITERAL("\"><img src=x onerror='a&b'>"),
         "&quot;&gt;&lt;img src=x onerror=&#39;a&amp;b&#39;&gt;"},
        {SLICE_LITERAL("&lt;"), "&amp;lt;"},
        {SLICE_LITERAL("a\0b\x1b\r\n\t\x7f"), "a\\x00b\\x1b\\x0d\\x0a\\x09\\x7f"},
        {SLICE_LITERAL("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f"},
        {SLICE_LITERAL("\xd7\xa9\xd7\x9c \xe6\x97\xa5 \xf0\x9f\x93\xac"),
         "\xd7\xa9\xd7\x9c \xe6\x97\xa5 \xf0\x9f\x93\xac"},
        /* Direction, invisible, controls, no characters. */
        {SLICE_LITERAL("\xe2\x80\xaegnp.exe\xe2\x81\xa9"), "\\u{202e}gnp.exe\\u{2069}"},
        {SLICE_LITERAL("\xe2\x80\x8b\xef\xbb\xbf\xc2\xad"), "\\u{200b}\\u{feff}\\u{ad}"},
        {SLICE_LITERAL("\xc2\x85\xe2\x80\xa8"), "\\u{85}\\u{2028}"},
        {SLICE_LITERAL("\xef\xbf\xbe\xf0\x9f\xbf\xbf\xf3\xa0\x81\x81"),
         "\\u{fffe}\\u{1ffff}\\u{e0041}"},
        /* No UTF-8: stray, cut short, overlong, surrogate, beyond the end. */
        {SLICE_LITERAL("\xff\x80"), "\\xff\\x80"},
        {SLICE_LITERAL("a\xe2\x82"), "a\\xe2\\x82"},
        {SLICE_LITERAL("\xe2\x82<"), "\\xe2\\x82&lt;"},
        {SLICE_LITERAL("\xc0\xbc\xe0\x80\xbc"), "\\xc0\\xbc\\xe0\\x80\\xbc"},
        {SLICE_LITERAL("\xed\xa0\x80"), "\\xed\\xa0\\x80"},
        {SLICE_LITERAL("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"},
    };

    (void)state;
    assert_rows(markup_attribute, rows, sizeof(rows) / sizeof(rows[0]));
}

static void texts(void **state)
{
    static const struct row rows[] = {
        {SLICE_LITERAL("<b>\"&'"), "&lt;b&gt;&quot;&amp;&#39;"},
        /* What is spelt out cannot be confused with who writes it so. */
        {SLICE_LITERAL("\x1b\\x1b"), "<b class=\"raw\">\\x1b</b>\\x1b"},
        {SLICE_LITERAL("\xe2\x80\xae"), "<b class=\"raw\">\\u{202e}</b>"},
    };

    (void)state;
    assert_rows(markup_text, rows, sizeof(rows) / sizeof(rows[0]));
}

static void paths(void **state)
{
    static const struct row rows[] = {
        {SLICE_LITERAL("spam-filter_2.0~a"), "spam-filter_2.0~a"},
        {SLICE_LITERAL("a/b ?#%&;=+\"<>'"), "a%2Fb%20%3F%23%25%26%3B%3D%2B%22%3C%3E%27"},
        {SLICE_LITERAL("\0\n\xc3\xbc\xff"), "%00%0A%C3%BC%FF"},
        {SLICE_LITERAL("javascript:alert(1)"), "javascript%3Aalert%281%29"},
    };

    (void)state;
    assert_rows(markup_path, rows, sizeof(rows) / sizeof(rows[0]));
    assert_false(markup_is_segment(slice_from_string("")));
    assert_false(markup_is_segment(slice_from_string(".")));
    assert_false(markup_is_segment(slice_from_string("..")));
    assert_true(markup_is_segment(slice_from_string("...")));
    assert_true(markup_is_segment(slice_from_string("a")));
}

/* Nothing that opens or closes, nothing that cannot be seen. */
static void no_pair_of_bytes_gets_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x10000; i++) {
        const char pair[] = {(char)(i >> 8), (char)i};
        struct buffer html = {0};
        struct slice result;

        markup_attribute(&html, slice_of(pair, 2));
        result = buffer_slice(&html);
        for (size_t at = 0; at < result.length; at++) {
            unsigned char byte = (unsigned char)result.data[at];

            assert_true(byte >= ' ' && byte != 0x7f && byte != '<' && byte != '>' && byte != '"' &&
                        byte != '\'');
        }
        buffer_clear(&html);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes),
        cmocka_unit_test(texts),
        cmocka_unit_test(paths),
        cmocka_unit_test(no_pair_of_bytes_gets_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
