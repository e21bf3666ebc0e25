/*
 * The log: level expressions, line formats, targets, collecting, syslog.
 */
#include "libcore/base/log.h"
#include "test/unit/file_text.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What was received for syslog last. */
static char datagram[64 * 1024];

static char directory[64];
static char path[128];

static const char *const VARIABLES[] = {
    "MILTER_LOG_LEVEL",    "MILTER_LOG_PATH",         "MILTER_LOG_ITEM",
    "MILTER_LOG_COLORIZE", "MILTER_LOG_SYSLOG_LEVEL", "MILTER_LOG_SYSLOG_FACILITY",
    "MILTER_DEBUG"};

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/test-log-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/log", directory);
    for (size_t i = 0; i < sizeof(VARIABLES) / sizeof(VARIABLES[0]); i++) {
        unsetenv(VARIABLES[i]);
    }
    setenv("MILTER_LOG_PATH", path, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_close();
    log_set_syslog_socket(NULL);
    unlink(path);
    snprintf(path, sizeof(path), "%s/moved", directory);
    unlink(path);
    snprintf(path, sizeof(path), "%s/socket", directory);
    unlink(path);
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

/* Levels. */

static void level_expressions(void **state)
{
    static const struct {
        const char *expression;
        unsigned levels;
    } CASES[] = {
        {"error", LOG_LEVEL_ERROR},
        {"error|warning", LOG_LEVEL_ERROR | LOG_LEVEL_WARNING},
        {"+debug", LOG_LEVEL_DEFAULT | LOG_LEVEL_DEBUG},
        {"-statistics", LOG_LEVEL_DEFAULT & ~LOG_LEVEL_STATISTICS},
        {"+debug|-statistics",
         (LOG_LEVEL_DEFAULT | LOG_LEVEL_DEBUG) & ~(unsigned)LOG_LEVEL_STATISTICS},
        {"all|-trace", LOG_LEVEL_ALL & ~LOG_LEVEL_TRACE},
        {"all", LOG_LEVEL_ALL},
        {"default", LOG_LEVEL_DEFAULT},
        {"", LOG_LEVEL_DEFAULT},
        {"none", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        unsigned levels = LOG_LEVEL_DEFAULT;
        struct error error = {0};
        assert_true(log_level_parse(CASES[i].expression, &levels, &error));
        assert_int_equal(levels, CASES[i].levels);
    }
}

static void unknown_levels_are_named_and_change_nothing(void **state)
{
    unsigned levels = LOG_LEVEL_INFO;
    struct error error = {0};
    (void)state;
    assert_false(log_level_parse("error|loud|+quiet", &levels, &error));
    assert_string_equal(error.message, "unknown flag names: [<loud>|<quiet>](log level)");
    assert_int_equal(levels, LOG_LEVEL_INFO);
}

static void levels_print_in_flag_order(void **state)
{
    char printed[128];
    (void)state;
    assert_string_equal(log_level_format(LOG_LEVEL_DEFAULT, printed, sizeof(printed)),
                        "critical|error|warning|message|statistics");
    assert_string_equal(log_level_format(0, printed, sizeof(printed)), "none");
    assert_string_equal(log_level_format(LOG_LEVEL_ALL, printed, 10), "critical|");
}

static void only_wanted_levels_are_written(void **state)
{
    (void)state;
    assert_false(log_wants(LOG_LEVEL_CRITICAL));
    log_open("test-log");
    assert_true(log_wants(LOG_LEVEL_MESSAGE));
    assert_false(log_wants(LOG_LEVEL_DEBUG));
    log_debug("not %s", "written");
    log_message("one");
    log_set_levels(LOG_LEVEL_DEBUG);
    log_message("not written");
    log_debug("two");
    log_flush();
    assert_matches(file_text(path), "^[^ ]+ one\n[^ ]+ two\n$");
}

/* Formats. */

static void log_one(const char *item, const char *colour)
{
    unlink(path);
    setenv("MILTER_LOG_ITEM", item, 1);
    setenv("MILTER_LOG_COLORIZE", colour, 1);
    log_open("test-log");
    log_warning("a <%d>", 7);
    log_flush();
}

static void line_formats(void **state)
{
    static const struct {
        const char *item, *pattern;
    } CASES[] = {
        {"time", "^\\[20..-..-..T..:..:..\\.[0-9]{6}Z\\]: a <7>\n$"},
        {"none", "^a <7>\n$"},
        {"level", "^\\[warning\\]: a <7>\n$"},
        {"level|domain|pid", "^\\[warning\\]\\[test-log\\] \\[[0-9]+\\]: a <7>\n$"},
        {"name|pid", "^\\[test-log\\]\\[[0-9]+\\]: a <7>\n$"},
        {"location", "^[^ ]*test_log.c:[0-9]+: log_one\\(\\): a <7>\n$"},
        {"all", "^\\[warning\\]\\[test-log\\]\\[[^]]+Z\\] \\[test-log\\]\\[[0-9]+\\] "
                "[^ ]*test_log.c:[0-9]+: log_one\\(\\): a <7>\n$"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        log_one(CASES[i].item, "none");
        assert_matches(file_text(path), CASES[i].pattern);
    }
    log_one("none", "console");
    assert_string_equal(file_text(path), "\033[33ma <7>\033[0m\n");
    log_one("none", "default");
    assert_string_equal(file_text(path), "a <7>\n");
}

static void one_call_is_one_line(void **state)
{
    (void)state;
    setenv("MILTER_LOG_ITEM", "none", 1);
    log_open("test-log");
    log_message("a\nb\r\nc\td\x01\x1b\x7f\xc3\xa4");
    log_flush();
    assert_string_equal(file_text(path), "a b  c\td???\xc3\xa4\n");
}

static void long_messages_are_whole(void **state)
{
    char message[5000];
    (void)state;
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    setenv("MILTER_LOG_ITEM", "none", 1);
    log_open("test-log");
    errno = ENOENT;
    log_message("%s", message);
    assert_int_equal(errno, ENOENT);
    log_flush();
    assert_int_equal(strlen(file_text(path)), sizeof(message));
}

/* Targets. */

static void lines_are_collected_and_errors_are_not(void **state)
{
    (void)state;
    setenv("MILTER_LOG_ITEM", "none", 1);
    log_open("test-log");
    log_message("waits");
    assert_string_equal(file_text(path), "");
    log_error("does not");
    assert_string_equal(file_text(path), "waits\ndoes not\n");
    for (int i = 0; i < 100; i++) {
        log_message("%1000d", i);
    }
    assert_in_range(strlen(file_text(path)), 65536, 70000);
}

static void a_moved_file_is_opened_again(void **state)
{
    char moved[128];
    struct error error = {0};
    (void)state;
    snprintf(moved, sizeof(moved), "%s/moved", directory);
    setenv("MILTER_LOG_ITEM", "none", 1);
    log_open("test-log");
    log_message("before");
    assert_int_equal(rename(path, moved), 0);
    assert_true(log_reopen(&error));
    log_message("after");
    log_flush();
    assert_string_equal(file_text(moved), "before\n");
    assert_string_equal(file_text(path), "after\n");
}

static void a_bad_path_keeps_the_former_target(void **state)
{
    struct error error = {0};
    (void)state;
    setenv("MILTER_LOG_ITEM", "none", 1);
    log_open("test-log");
    assert_false(log_set_path("/nonexistent/log", &error));
    assert_string_equal(error.message,
                        "failed to open log file: </nonexistent/log>: No such file or directory");
    log_error("still here");
    assert_string_equal(file_text(path), "still here\n");
}

static void bad_environment_is_warned_about(void **state)
{
    (void)state;
    setenv("MILTER_LOG_LEVEL", "loud", 1);
    setenv("MILTER_LOG_COLORIZE", "pink", 1);
    setenv("MILTER_LOG_SYSLOG_FACILITY", "post", 1);
    setenv("MILTER_LOG_ITEM", "none|smell", 1);
    log_open("test-log");
    log_flush();
    assert_int_equal(log_levels(), LOG_LEVEL_DEFAULT);
    assert_non_null(strstr(file_text(path), "MILTER_LOG_LEVEL: unknown flag names: [<loud>]"));
    assert_non_null(
        strstr(file_text(path), "MILTER_LOG_COLORIZE must be default, none or console: <pink>"));
    assert_non_null(
        strstr(file_text(path), "MILTER_LOG_ITEM: unknown flag names: [<smell>](log item)"));
    assert_non_null(
        strstr(file_text(path), "MILTER_LOG_SYSLOG_FACILITY: unknown facility: <post>"));
}

static void a_detached_log_without_path_wants_nothing(void **state)
{
    (void)state;
    unsetenv("MILTER_LOG_PATH");
    log_open("test-log");
    assert_true(log_wants(LOG_LEVEL_ERROR));
    log_detach_terminal();
    assert_false(log_wants(LOG_LEVEL_ERROR));
    struct error error = {0};
    assert_true(log_set_path(path, &error));
    assert_true(log_wants(LOG_LEVEL_ERROR));
}

static int aborts(const char *debug, void (*act)(void))
{
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        setenv("MILTER_DEBUG", debug, 1);
        log_open("test-log");
        signal(SIGABRT, SIG_DFL);
        act();
        log_close();
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void warn(void)
{
    log_warning("bad");
}

static void be_critical(void)
{
    log_critical("worse");
}

static void fatal_levels_abort_after_the_line(void **state)
{
    (void)state;
    assert_true(aborts("fatal-warnings", warn));
    assert_matches(file_text(path), "bad\n$");
    assert_true(aborts("fatal_criticals", be_critical));
    assert_false(aborts("fatal-criticals", warn));
    assert_false(aborts("", be_critical));
}

/* Syslog. */

static int open_syslog_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    unlink(name);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static const char *next_datagram(int fd)
{
    ssize_t length = recv(fd, datagram, sizeof(datagram) - 1, 0);
    assert_true(length > 0);
    datagram[length] = '\0';
    return datagram;
}

static void syslog_datagrams(void **state)
{
    char name[128];
    struct error error = {0};
    (void)state;
    snprintf(name, sizeof(name), "%s/socket", directory);
    int fd = open_syslog_socket(name);
    log_set_syslog_socket(name);
    log_open("test-log");
    assert_true(log_set_syslog(true, NULL, &error));
    log_error("first\nline");
    assert_matches(next_datagram(fd), "^<19>[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8} "
                                      "test-log\\[[0-9]+\\]: first line$");
    log_statistics("[session][end]");
    assert_matches(next_datagram(fd), "^<21>.*\\]: \\[statistics\\] \\[session\\]\\[end\\]$");
    assert_true(log_set_syslog(true, "local3", &error));
    log_warning("third");
    assert_matches(next_datagram(fd), "^<156>.*third$");
    assert_false(log_set_syslog(true, "post", &error));
    assert_string_equal(error.message, "unknown syslog facility: <post>");
    assert_true(log_set_syslog(false, NULL, &error));
    log_warning("not sent");
    assert_int_equal(recv(fd, datagram, sizeof(datagram), 0), -1);
    close(fd);
}

static void a_full_or_absent_syslog_never_blocks(void **state)
{
    char name[128];
    struct error error = {0};
    (void)state;
    snprintf(name, sizeof(name), "%s/socket", directory);
    log_set_syslog_socket(name);
    log_open("test-log");
    assert_true(log_set_syslog(true, "mail", &error));
    log_message("nobody hears this");
    log_set_syslog_socket(name);
    int fd = open_syslog_socket(name);
    for (int i = 0; i < 2000; i++) {
        log_message("%d", i);
    }
    assert_matches(next_datagram(fd), ": 0$");
    close(fd);
    /* A new daemon on the same path is found again. */
    fd = open_syslog_socket(name);
    for (int i = 0; i < 30 && recv(fd, datagram, 1, MSG_PEEK) < 0; i++) {
        log_message("again");
        usleep(50 * 1000);
    }
    assert_matches(next_datagram(fd), ": again$");
    close(fd);
}

static void syslog_has_levels_of_its_own(void **state)
{
    char name[128];
    struct error error = {0};
    (void)state;
    snprintf(name, sizeof(name), "%s/socket", directory);
    int fd = open_syslog_socket(name);
    log_set_syslog_socket(name);
    setenv("MILTER_LOG_SYSLOG_LEVEL", "info", 1);
    setenv("MILTER_LOG_ITEM", "none", 1);
    log_open("test-log");
    assert_true(log_set_syslog(true, NULL, &error));
    log_info("to syslog");
    log_message("to the file");
    log_flush();
    assert_matches(next_datagram(fd), "to syslog$");
    assert_int_equal(recv(fd, datagram, sizeof(datagram), 0), -1);
    assert_string_equal(file_text(path), "to the file\n");
    close(fd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(level_expressions),
        TEST(unknown_levels_are_named_and_change_nothing),
        TEST(levels_print_in_flag_order),
        TEST(only_wanted_levels_are_written),
        TEST(line_formats),
        TEST(one_call_is_one_line),
        TEST(long_messages_are_whole),
        TEST(lines_are_collected_and_errors_are_not),
        TEST(a_moved_file_is_opened_again),
        TEST(a_bad_path_keeps_the_former_target),
        TEST(bad_environment_is_warned_about),
        TEST(a_detached_log_without_path_wants_nothing),
        TEST(fatal_levels_abort_after_the_line),
        TEST(syslog_datagrams),
        TEST(a_full_or_absent_syslog_never_blocks),
        TEST(syslog_has_levels_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
