/*
 * Tests of replay_report: each format as a whole, and what its syntax cannot
 * hold.
 */
#include "milter-test-server/replay_report.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct error no_error = {0};
static const struct error broken = {ERROR_PROTOCOL, "a & <b>\nand more"};

static const struct replay_case cases[] = {
    {"a.session", REPLAY_PASSED, 0.5, {"", 0}, &no_error},
    {"b # \\ \" & <.session", REPLAY_FAILED, 0.25, SLICE_LITERAL("--- b\n-< \"x\"\n"), &no_error},
    {"c.session", REPLAY_FAILED, 0, {"", 0}, &broken},
    {"d.session", REPLAY_UPDATED, 2, {"", 0}, &no_error},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void check_report(enum replay_format format, const char *expected)
{
    static const size_t totals[] = {[REPLAY_PASSED] = 1, [REPLAY_FAILED] = 2, [REPLAY_UPDATED] = 1};
    struct buffer output = {0};

    replay_report_begin(&output, format, CASES, 2);
    for (size_t i = 0; i < CASES; i++) {
        replay_report_case(&output, format, i + 1, &cases[i]);
    }
    replay_report_end(&output, format, totals, 2.75);
    assert_text(buffer_slice(&output), expected);
    buffer_clear(&output);
}

static void test_text(void **state)
{
    (void)state;
    check_report(REPLAY_TEXT, "ok a.session (0.500 s)\n"
                              "FAILED b # \\ \" & <.session (0.250 s)\n"
                              "--- b\n"
                              "-< \"x\"\n"
                              "FAILED c.session (0.000 s)\n"
                              "a & <b>\nand more\n"
                              "updated d.session (2.000 s)\n"
                              "1 passed, 2 failed, 1 updated (2.750 s)\n");
}

static void test_tap(void **state)
{
    (void)state;
    check_report(REPLAY_TAP, "TAP version 13\n"
                             "1..4\n"
                             "ok 1 - a.session\n"
                             "not ok 2 - b \\# \\\\ \" & <.session\n"
                             "# --- b\n"
                             "# -< \"x\"\n"
                             "not ok 3 - c.session\n"
                             "# a & <b>\n# and more\n"
                             "ok 4 - d.session\n"
                             "# updated\n");
}

static void test_junit(void **state)
{
    (void)state;
    check_report(REPLAY_JUNIT,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<testsuite name=\"milter-test-server\" tests=\"4\" failures=\"2\">\n"
                 "  <testcase name=\"a.session\" time=\"0.500000\"/>\n"
                 "  <testcase name=\"b # \\ &quot; &amp; &lt;.session\" time=\"0.250000\">\n"
                 "    <failure message=\"the filter answered otherwise\">--- b\n"
                 "-&lt; &quot;x&quot;\n"
                 "</failure>\n"
                 "  </testcase>\n"
                 "  <testcase name=\"c.session\" time=\"0.000000\">\n"
                 "    <failure message=\"a &amp; &lt;b&gt;\nand more\"></failure>\n"
                 "  </testcase>\n"
                 "  <testcase name=\"d.session\" time=\"2.000000\"/>\n"
                 "</testsuite>\n");
}

static void test_what_xml_cannot_hold(void **state)
{
    static const struct {
        struct slice diff;
        const char *text;
    } texts[] = {
        {SLICE_LITERAL("gr\xc3\xbc\xc3\x9f\r\n"), "gr\xc3\xbc\xc3\x9f&#13;\n"},
        {SLICE_LITERAL("a\x01\xff\n"), "a??\n"},
        {SLICE_LITERAL("a\xef\xbf\xbe"), "a???"},
        {SLICE_LITERAL("a\xef\xbf\xbf"), "a???"},
        {SLICE_LITERAL("a\xef\xbf\xbd"), "a\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct replay_case one = {"x", REPLAY_FAILED, 0, texts[i].diff, &no_error};
        struct buffer output = {0}, expected = {0};

        buffer_append_format(&expected,
                             "  <testcase name=\"x\" time=\"0.000000\">\n"
                             "    <failure message=\"the filter answered otherwise\">%s</failure>\n"
                             "  </testcase>\n%c",
                             texts[i].text, '\0');
        replay_report_case(&output, REPLAY_JUNIT, 1, &one);
        assert_text(buffer_slice(&output), expected.data);
        buffer_clear(&output);
        buffer_clear(&expected);
    }
}

static void test_names(void **state)
{
    enum replay_format format = REPLAY_TEXT;

    (void)state;
    assert_true(replay_format_find("junit", &format));
    assert_int_equal(format, REPLAY_JUNIT);
    assert_true(replay_format_find("tap", &format));
    assert_int_equal(format, REPLAY_TAP);
    assert_false(replay_format_find("TAP", &format));
    assert_false(replay_format_find("", &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),  cmocka_unit_test(test_tap),
        cmocka_unit_test(test_junit), cmocka_unit_test(test_what_xml_cannot_hold),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
