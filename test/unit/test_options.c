/*
 * Option tables: forms, order, kinds, messages and --help.
 */
#include "libcore/base/options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct values {
    bool daemon, verbose, daemon_given;
    const char *spec, *color, *user;
    struct option_strings recipients, words;
    unsigned workers, mode;
    double timeout;
    char order[128];
} values;

static bool add_to_order(void *target, const char *value, struct error *error)
{
    size_t used = strlen(target);
    if (value != NULL && strchr(value, ':') == NULL) {
        error_set(error, ERROR_USAGE, "macro name and value delimiter ':' doesn't exist: <%s>",
                  value);
        return false;
    }
    snprintf((char *)target + used, sizeof(values.order) - used, "%s;",
             value == NULL ? "-" : value);
    return true;
}

static const struct option_entry OWN[] = {
    {.name = "help", .letter = 'h', .kind = OPTION_HELP, .maximum = 1, .help = "shows help"},
    {.letter = '?', .kind = OPTION_HELP, .maximum = 1},
    {.name = "help-all", .kind = OPTION_HELP, .maximum = OPTION_ALL_GROUPS, .help = "shows all"},
    {.name = "version", .kind = OPTION_VERSION, .help = "shows the version"},
    {.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, .target = &values.verbose},
    {.name = "macro",
     .letter = 'm',
     .kind = OPTION_CALLBACK,
     .target = values.order,
     .argument = "NAME:VALUE",
     .callback = add_to_order,
     .help = "a rather long explanation that has to be continued on the next line of the help"},
    {.name = "mark", .kind = OPTION_CALLBACK, .target = values.order, .callback = add_to_order},
    {.name = "color",
     .kind = OPTION_OPTIONAL_STRING,
     .target = &values.color,
     .argument = "WHEN",
     .help = "colours"},
    {0},
};

static const struct option_entry COMMON[] = {
    {.name = "connection-spec",
     .letter = 's',
     .kind = OPTION_STRING,
     .target = &values.spec,
     .argument = "SPEC",
     .help = "where to listen"},
    {.name = "daemon",
     .kind = OPTION_FLAG,
     .target = &values.daemon,
     .given = &values.daemon_given,
     .help = "detaches"},
    {.name = "no-daemon", .kind = OPTION_FLAG_OFF, .target = &values.daemon, .help = "stays"},
    {.name = "recipient", .letter = 'r', .kind = OPTION_STRINGS, .target = &values.recipients},
    {.name = "n-workers", .kind = OPTION_UNSIGNED, .target = &values.workers, .maximum = 1000},
    {.name = "timeout", .kind = OPTION_SECONDS, .target = &values.timeout},
    {.name = "mode", .kind = OPTION_MODE, .target = &values.mode},
    {.name = "user-id", .letter = 'u', .kind = OPTION_USER_ID, .target = &values.user},
    {0},
};

static const char *of_common;
static const struct option_group GROUPS[] = {{"Options", OWN, NULL},
                                             {"Milter options", COMMON, &of_common}};

static const struct option_program PROGRAM = {
    .name = "test-program",
    .version = "1.2.3",
    .usage = "[FILE...]",
    .summary = "Does nothing.",
    .groups = GROUPS,
    .group_count = 2,
    .words = &values.words,
};

static char printed[8192];

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
}

/* Runs the parser on words (NULL-terminated) and catches what it prints to fd. */
static enum option_outcome parse(int fd, const char *const *words)
{
    char *argv[16] = {(char *)"test-program"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)words[argc - 1];
    }
    fflush(NULL);
    FILE *file = tmpfile();
    int saved = dup(fd);
    dup2(fileno(file), fd);
    enum option_outcome outcome = options_parse(&PROGRAM, argc, argv);
    fflush(NULL);
    dup2(saved, fd);
    close(saved);
    read_back(file, printed, sizeof(printed));
    fclose(file);
    return outcome;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    (void)state;
    memset(&values, 0, sizeof(values));
    of_common = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    option_strings_clear(&values.recipients);
    option_strings_clear(&values.words);
    return 0;
}

static void all_forms_are_understood(void **state)
{
    (void)state;
    assert_int_equal(parse(STDERR_FILENO,
                           WORDS("--connection-spec", "inet:1", "--n-workers=1000", "-v", "-u7",
                                 "--timeout", "0.5", "--mode=ug=rw", "file1", "--daemon", "file2")),
                     OPTIONS_RUN);
    assert_string_equal(printed, "");
    assert_string_equal(values.spec, "inet:1");
    assert_int_equal(values.workers, 1000);
    assert_true(values.verbose && values.daemon && values.daemon_given);
    assert_string_equal(values.user, "7");
    assert_true(values.timeout > 0.49 && values.timeout < 0.51);
    assert_int_equal(values.mode, 0660);
    assert_int_equal(values.words.count, 2);
    assert_string_equal(values.words.items[1], "file2");
}

static void two_dashes_end_options(void **state)
{
    (void)state;
    assert_int_equal(parse(STDERR_FILENO, WORDS("-v", "--", "--daemon")), OPTIONS_RUN);
    assert_false(values.daemon);
    assert_int_equal(values.words.count, 1);
    assert_string_equal(values.words.items[0], "--daemon");
}

static void the_last_of_flag_and_negated_flag_wins(void **state)
{
    (void)state;
    assert_int_equal(parse(STDERR_FILENO, WORDS("--daemon", "--no-daemon")), OPTIONS_RUN);
    assert_false(values.daemon);
    assert_true(values.daemon_given);
}

static void repeated_options_keep_their_order(void **state)
{
    (void)state;
    assert_int_equal(parse(STDERR_FILENO, WORDS("-r", "a", "-m", "x:1", "--recipient=b", "--mark",
                                                "--macro=y:2", "-rc")),
                     OPTIONS_RUN);
    assert_int_equal(values.recipients.count, 3);
    assert_string_equal(values.recipients.items[0], "a");
    assert_string_equal(values.recipients.items[2], "c");
    assert_string_equal(values.order, "x:1;-;y:2;");
}

static void an_optional_argument_may_be_left_out(void **state)
{
    (void)state;
    assert_int_equal(parse(STDERR_FILENO, WORDS("--color")), OPTIONS_RUN);
    assert_string_equal(values.color, "");
    assert_int_equal(parse(STDERR_FILENO, WORDS("--color=no")), OPTIONS_RUN);
    assert_string_equal(values.color, "no");
    assert_int_equal(parse(STDERR_FILENO, WORDS("--color", "-v")), OPTIONS_RUN);
    assert_string_equal(values.color, "");
    assert_true(values.verbose);
}

static void mistakes_are_named_as_typed(void **state)
{
    static const struct {
        const char *word, *argument, *message;
    } CASES[] = {
        {"--bogus=x", NULL,
         "test-program: --bogus: unknown option\n"
         "Try 'test-program --help' for more information.\n"},
        {"--daem", NULL,
         "test-program: --daem: unknown option\n"
         "Try 'test-program --help' for more information.\n"},
        {"-x", NULL,
         "test-program: -x: unknown option\n"
         "Try 'test-program --help' for more information.\n"},
        {"--connection-spec", NULL, "test-program: --connection-spec: missing argument\n"},
        {"--daemon=yes", NULL, "test-program: --daemon: no argument is allowed\n"},
        {"--n-workers", "1001",
         "test-program: --n-workers: too big: <1001>: parsed=<1001>, max=<1000>\n"},
        {"--n-workers", "-1",
         "test-program: --n-workers: must be larger than 0 or equal to 0: <-1>\n"},
        {"-u", "12x", "test-program: -u: invalid integer value: <12x>(12>x<)\n"},
        {"--mode", "9", "test-program: --mode: must be 0-7: '9': <9>\n"},
        {"--macro", "x",
         "test-program: --macro: macro name and value delimiter ':' doesn't exist: <x>\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_int_equal(parse(STDERR_FILENO, WORDS(CASES[i].word, CASES[i].argument)),
                         OPTIONS_EXIT_FAILURE);
        assert_string_equal(printed, CASES[i].message);
    }
}

static void help_shows_its_groups(void **state)
{
    (void)state;
    assert_int_equal(parse(STDOUT_FILENO, WORDS("-?")), OPTIONS_EXIT_SUCCESS);
    assert_non_null(strstr(printed, "Usage: test-program [OPTION...] [FILE...]\nDoes nothing.\n"));
    assert_non_null(strstr(printed, "  -h, --help                    shows help\n"));
    assert_non_null(strstr(printed, "      --color[=WHEN]            colours\n"));
    assert_non_null(strstr(printed, "-m, --macro=NAME:VALUE        a rather long explanation that "
                                    "has to be\n                                continued"));
    assert_null(strstr(printed, "--verbose"));
    assert_null(strstr(printed, "Milter options"));
    assert_int_equal(parse(STDOUT_FILENO, WORDS("--help-all")), OPTIONS_EXIT_SUCCESS);
    assert_non_null(strstr(printed, "\nMilter options:\n  -s, --connection-spec=SPEC    where"));
}

static void version_is_printed(void **state)
{
    (void)state;
    assert_int_equal(parse(STDOUT_FILENO, WORDS("--version", "--bogus")), OPTIONS_EXIT_SUCCESS);
    assert_string_equal(printed, "test-program 1.2.3\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void test_group_names_its_first_option(void **state)
{
    (void)state;
    assert_int_equal(parse(STDERR_FILENO, WORDS("--timeout", "1", "-r", "a", "--daemon")),
                     OPTIONS_RUN);
    assert_string_equal(of_common, "--timeout");
    of_common = NULL;
    assert_int_equal(parse(STDERR_FILENO, WORDS("word")), OPTIONS_RUN);
    assert_null(of_common);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_group_names_its_first_option, set_up, tear_down),
        TEST(all_forms_are_understood),
        TEST(two_dashes_end_options),
        TEST(the_last_of_flag_and_negated_flag_wins),
        TEST(repeated_options_keep_their_order),
        TEST(an_optional_argument_may_be_left_out),
        TEST(mistakes_are_named_as_typed),
        TEST(help_shows_its_groups),
        TEST(version_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
