/*
 * Tests of word: every form read, every text written and read back, patterns, mistakes.
 */
#include "libcore/base/word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *line;
    enum word_kind kind;
    struct slice text;
} forms[] = {
    {"plain", WORD_LITERAL, SLICE_LITERAL("plain")},
    {"  <a@b.c>  ", WORD_LITERAL, SLICE_LITERAL("<a@b.c>")},
    {"\t\"a \\\"b\\\"\\r\\n\\t\\\\\\x00\\xfF\"", WORD_LITERAL,
     SLICE_LITERAL("a \"b\"\r\n\t\\\0\xff")},
    {"\"\"", WORD_LITERAL, SLICE_LITERAL("")},
    {"name=\"a b\"c", WORD_LITERAL, SLICE_LITERAL("name=a bc")},
    {"\"a\"\\\n   \"b\"\\\r\nc", WORD_LITERAL, SLICE_LITERAL("abc")},
    {"base64:SGk=", WORD_LITERAL, SLICE_LITERAL("Hi")},
    {"\"base64:SGk=\"", WORD_LITERAL, SLICE_LITERAL("base64:SGk=")},
    {"file:mails/plain.eml", WORD_FILE, SLICE_LITERAL("mails/plain.eml")},
    {"*", WORD_GLOB, SLICE_LITERAL("*")},
    {"a*b", WORD_GLOB, SLICE_LITERAL("a*b")},
    {"\"a*b\"", WORD_LITERAL, SLICE_LITERAL("a*b")},
    {"/a\\/b c\\.d/", WORD_REGEXP, SLICE_LITERAL("a/b c\\.d")},
    {"\xc3\xa4", WORD_LITERAL, SLICE_LITERAL("\xc3\xa4")},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct slice line = slice_from_string(forms[i].line);
        struct arena arena = {0};
        struct error error = {0};
        struct word word;

        assert_true(word_next(&line, &arena, &word, &error));
        assert_int_equal(word.kind, forms[i].kind);
        assert_true(slice_equal(word.text, forms[i].text));
        assert_false(word_next(&line, &arena, &word, &error));
        assert_int_equal(error.code, ERROR_NONE);
        arena_clear(&arena);
    }
}

static void test_several_words(void **state)
{
    struct slice line = slice_from_string("a \"b c\" d");
    struct arena arena = {0};
    struct error error = {0};
    struct word words[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(word_next(&line, &arena, &words[i], &error));
    }
    assert_true(slice_equal_string(words[0].text, "a"));
    assert_true(slice_equal_string(words[1].text, "b c"));
    assert_true(slice_equal_string(words[2].text, "d"));
    arena_clear(&arena);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *line;
        const char *sentence;
    } cases[] = {
        {"\"open", "the closing \" is missing"},
        {"\"\\q\"", "unknown escape \\q"},
        {"\"\\", "unknown escape"},
        {"\"\\x1\"", "unknown escape \\x"},
        {"/open", "the closing / is missing"},
        {"a\\b", "needs quotes"},
        {"a\x01", "needs quotes"},
        {"base64:!", "not base64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice line = slice_from_string(cases[i].line);
        struct arena arena = {0};
        struct error error = {0};
        struct word word;

        assert_false(word_next(&line, &arena, &word, &error));
        assert_non_null(strstr(error.message, cases[i].sentence));
        arena_clear(&arena);
    }
}

/* Whatever the bytes, they come back. */
static void test_written_words_are_read_back(void **state)
{
    static const struct slice texts[] = {
        SLICE_LITERAL(""),         SLICE_LITERAL("a"),
        SLICE_LITERAL("a b"),      SLICE_LITERAL("*"),
        SLICE_LITERAL("/a/"),      SLICE_LITERAL("#"),
        SLICE_LITERAL("\"\\"),     SLICE_LITERAL("base64:x"),
        SLICE_LITERAL("file:x"),   SLICE_LITERAL("a*"),
        SLICE_LITERAL("\xc3\xa4"), SLICE_LITERAL("\xc3(\xff"),
        SLICE_LITERAL("\r\n"),     SLICE_LITERAL("\xed\xa0\x80"),
        SLICE_LITERAL("\x7f\x01"),
    };
    char every[512];

    (void)state;
    for (size_t i = 0; i < sizeof(every); i++) {
        every[i] = (char)(i ^ (i >> 8));
    }
    for (size_t i = 0; i <= sizeof(texts) / sizeof(texts[0]) + sizeof(every); i++) {
        size_t listed = sizeof(texts) / sizeof(texts[0]);
        struct slice text = i < listed ? texts[i] : slice_of(every, i - listed);
        struct buffer written = {0};
        struct arena arena = {0};
        struct error error = {0};
        struct slice line;
        struct word word;

        word_append(&written, text);
        line = buffer_slice(&written);
        assert_null(memchr(line.data, '\n', line.length));
        assert_true(word_next(&line, &arena, &word, &error));
        assert_int_equal(word.kind, WORD_LITERAL);
        assert_true(slice_equal(word.text, text));
        assert_int_equal(line.length, 0);
        buffer_clear(&written);
        arena_clear(&arena);
    }
}

static void test_bare_where_possible(void **state)
{
    struct buffer written = {0};

    (void)state;
    word_append(&written, slice_from_string("<a@b.c>"));
    assert_true(slice_equal_string(buffer_slice(&written), "<a@b.c>"));
    word_append(&written, slice_from_string("\xc3\xa4 b"));
    assert_true(slice_equal_string(buffer_slice(&written), "<a@b.c>\"\xc3\xa4 b\""));
    buffer_clear(&written);
}

static void test_matching(void **state)
{
    static const struct {
        enum word_kind kind;
        const char *pattern;
        const char *bytes;
        bool matches;
    } cases[] = {
        {WORD_LITERAL, "a", "a", true},      {WORD_LITERAL, "a", "A", false},
        {WORD_LITERAL, "", "", true},        {WORD_GLOB, "*", "", true},
        {WORD_GLOB, "*", "anything", true},  {WORD_GLOB, "a*", "a", true},
        {WORD_GLOB, "a*", "ba", false},      {WORD_GLOB, "*b", "ab", true},
        {WORD_GLOB, "*b", "ba", false},      {WORD_GLOB, "a*b*c", "aXbXbc", true},
        {WORD_GLOB, "a*b*c", "acb", false},  {WORD_GLOB, "a**b", "ab", true},
        {WORD_GLOB, "*ab*ab", "xab", false}, {WORD_GLOB, "a*a", "a", false},
        {WORD_REGEXP, "^a+$", "aaa", true},  {WORD_REGEXP, "b|c", "xbx", true},
        {WORD_REGEXP, "^a+$", "ab", false},  {WORD_REGEXP, "(", "(", false},
        {WORD_REGEXP, "^$", "", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct word word = {cases[i].kind, slice_from_string(cases[i].pattern)};

        assert_int_equal(word_matches(&word, slice_from_string(cases[i].bytes)), cases[i].matches);
    }
    assert_true(word_matches(&(struct word){WORD_REGEXP, SLICE_LITERAL("b$")},
                             (struct slice)SLICE_LITERAL("a\0b")));
}

static void test_check(void **state)
{
    struct error error = {0};

    (void)state;
    assert_true(word_check(&(struct word){WORD_REGEXP, SLICE_LITERAL("a")}, &error));
    assert_false(word_check(&(struct word){WORD_REGEXP, SLICE_LITERAL("(")}, &error));
    assert_non_null(strstr(error.message, "the regular expression /(/ is invalid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_several_words),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_written_words_are_read_back),
        cmocka_unit_test(test_bare_where_possible),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
