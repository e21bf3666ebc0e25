/*
 * Command lines as a shell would cut them, and mistakes with their place.
 */
#include "libcore/base/command_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *text;
    const char *words[6]; /* NULL at the end */
};

static const struct row rows[] = {
    {"", {NULL}},
    {" \t\r\n ", {NULL}},
    {"/usr/sbin/x", {"/usr/sbin/x"}},
    {"  /usr/sbin/x \t -a\n-b  ", {"/usr/sbin/x", "-a", "-b"}},
    {"x 'a b'  \"c d\" e\\ f", {"x", "a b", "c d", "e f"}},
    {"x '' \"\" ''\"\"", {"x", "", "", ""}},
    {"x --name='a b'\"c d\"e", {"x", "--name=a bc de"}},
    {"'a\\b' 'it'\\''s'", {"a\\b", "it's"}},
    {"\"a\\\"b\" \"a\\\\b\" \"\\$x \\`y\\`\"", {"a\"b", "a\\b", "$x `y`"}},
    {"\"a\\b\" \"\\n\" \"'\"", {"a\\b", "\\n", "'"}},
    {"\\a \\\\ \\' \\\"", {"a", "\\", "'", "\""}},
    {"a\\\nb \"c\\\nd\" \\\n e '\\\n'", {"ab", "cd", "e", "\\\n"}},
    {"x $HOME `id` *.conf", {"x", "$HOME", "`id`", "*.conf"}},
    {"a; b|c &", {"a;", "b|c", "&"}},
    {"x #no comment ~", {"x", "#no", "comment", "~"}},
    {"\"two\nlines\" 'and\ttab'", {"two\nlines", "and\ttab"}},
    {"\xc3\xa9 \"\xff\"", {"\xc3\xa9", "\xff"}},
    {"a\\ ", {"a "}},
    {"a''b", {"ab"}},
};

static void lines_are_cut_as_a_shell_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct error error = {0};
        char **words = NULL;
        unsigned count = 99;

        assert_true(command_line_split(rows[i].text, &arena, &words, &count, &error));
        assert_int_equal(error.code, ERROR_NONE);
        for (unsigned k = 0; k < count; k++) {
            assert_non_null(rows[i].words[k]);
            assert_string_equal(words[k], rows[i].words[k]);
        }
        assert_null(rows[i].words[count]);
        assert_null(words[count]);
        arena_clear(&arena);
    }
}

static void mistakes_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text, *message;
    } mistakes[] = {
        {"x 'a", "there is no second ' to the one at character 3 of <x 'a>"},
        {"x \"a b", "there is no second \" to the one at character 3 of <x \"a b>"},
        {"\"a\\\"", "there is no second \" to the one at character 1 of <\"a\\\">"},
        {"\"a\\", "there is no second \" to the one at character 1 of <\"a\\>"},
        {"x\\", "there is nothing behind the \\ at character 2 of <x\\>"},
        {"a 'b' '", "there is no second ' to the one at character 7 of <a 'b' '>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct arena arena = {0};
        struct error error = {0};
        char **words = NULL;
        unsigned count;

        assert_false(command_line_split(mistakes[i].text, &arena, &words, &count, &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_string_equal(error.message, mistakes[i].message);
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_as_a_shell_does),
        cmocka_unit_test(mistakes_are_told_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
