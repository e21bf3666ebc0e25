/*
 * Loading: files, load path, error messages with their place, reload aside,
 * output as input (configuration sections 1, 5, 10).
 */
#include "milter-manager/ruby/loader.h"

#include "libcore/base/memory.h"
#include "milter-manager/config/show.h"
#include "milter-manager/ruby/engine.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_configuration_load.XXXXXX";

static void write_file(const char *name, const char *text)
{
    char *path = memory_format("%s/%s", directory, name);
    FILE *stream = fopen(path, "w");

    assert_non_null(stream);
    (void)fputs(text, stream);
    (void)fclose(stream);
    free(path);
}

static void make_directory(const char *name)
{
    char *path = memory_format("%s/%s", directory, name);

    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
}

/* Collects the messages, with $ for the directory. */
static struct buffer messages;
static unsigned message_count;

static void collect(void *owner, const char *message)
{
    const char *found;

    (void)owner;
    message_count++;
    while ((found = strstr(message, directory)) != NULL) {
        buffer_append(&messages, message, (size_t)(found - message));
        buffer_append_byte(&messages, '$');
        message = found + strlen(directory);
    }
    buffer_append_string(&messages, message);
    buffer_append_byte(&messages, '\n');
}

static struct configuration *load(struct error *error)
{
    const struct configuration_sources sources = {.directory = directory, .report = collect};

    buffer_clear(&messages);
    message_count = 0;
    return configuration_load(&sources, error);
}

static struct configuration *load_text(const char *text)
{
    struct error error = {0};
    struct configuration *configuration;

    write_file("milter-manager.conf", text);
    configuration = load(&error);
    if (configuration == NULL) {
        fail_msg("%s", error.message);
    }
    return configuration;
}

static void fails_with(const char *text, const char *expected)
{
    struct error error = {0};

    write_file("milter-manager.conf", text);
    assert_null(load(&error));
    assert_int_equal(error.code, ERROR_USAGE);
    buffer_append_byte(&messages, '\0');
    assert_string_equal(buffer_slice(&messages).data, expected);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&messages);
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct sigaction before_ruby[NSIG];

static int start(void **state)
{
    struct error error = {0};

    (void)state;
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, NULL, &before_ruby[number]);
    }
    return engine_start(&error) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    engine_stop();
    return 0;
}

static void files_set_items(void **state)
{
    struct configuration *configuration =
        load_text("manager.connection_spec = 'inet:10030@[127.0.0.1]'\n"
                  "package.options = { prefix: '/usr', 'rcddir' => '/etc/rc' }\n"
                  "raise unless package.options == { 'prefix' => '/usr', 'rcddir' => '/etc/rc' }\n"
                  "database.extra_options = { reconnect: true }\n"
                  "raise unless database.extra_options[:reconnect] && manager.chunk_size == 65535\n"
                  "define_milter('a') do |milter|\n"
                  "  milter.connection_spec = 'unix:/tmp/a'\n"
                  "  milter.command_options = ['-x', 'a b']\n"
                  "  raise unless milter.name == 'a' && milter.enabled\n"
                  "end\n"
                  "define_milter('b') { |milter| milter.command_options = nil }\n"
                  "define_milter('a') { |milter| milter.fallback_status = 'reject' }\n"
                  "define_milter('c')\n"
                  "remove_milter('c')\n"
                  "raise unless defined_milters == %w[a b]\n");

    (void)state;
    assert_string_equal(configuration->manager.connection_spec, "inet:10030@[127.0.0.1]");
    assert_string_equal(configuration->package.options, "prefix=/usr,rcddir=/etc/rc");
    assert_int_equal(configuration->child_count, 2);
    assert_string_equal(configuration->children[0].name, "a");
    assert_string_equal(configuration->children[0].command_options, "-x a\\ b");
    assert_int_equal(configuration->children[0].fallback_status, VERDICT_REJECT);
    configuration_release(configuration);
}

static void every_mistake_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"\nmanager.fallback_status = 'x'",
         "$/milter-manager.conf:2: manager.fallback_status should be one of [\"accept\", "
         "\"reject\", \"temporary-failure\", \"discard\"] but was \"x\"\n"},
        {"manager.chunk_siz = 3",
         "$/milter-manager.conf:1: unknown item: manager.chunk_siz (did you mean "
         "manager.chunk_size?)\n"},
        {"defne_milter('x')", "$/milter-manager.conf:1: unknown word: defne_milter (did you mean "
                              "define_milter?)\n"},
        {"define_milter('x') do |m|\n  m.foo = 1\nend",
         "$/milter-manager.conf:2: unknown item: milter.foo; milter-manager.conf(5) lists them\n"},
        {"define_applicable_condition('A')\ndefine_milter('x') { |m| m.add_applicable_condition "
         "'B' }",
         "$/milter-manager.conf:2: applicable condition should be one of [\"A\"] but was "
         "\"B\" (did you mean \"A\"?)\n"},
        {"x = 1\nraise 'oh'", "$/milter-manager.conf:2: oh (RuntimeError)\n"},
        {"exit", "$/milter-manager.conf:1: \"exit\" or \"abort\" would end the program; take "
                 "it away\n"},
        {"load('/nothing.conf')", "$/milter-manager.conf:1: /nothing.conf doesn't exist.\n"},
        {"remove_milter('x')",
         "$/milter-manager.conf:1: milter should be one of [] but was \"x\"\n"},
        {"manager.connection_spec = 'ine:1'",
         "$/milter-manager.conf:1: manager.connection_spec: protocol must be 'unix', 'inet' or "
         "'inet6': <ine:1>: <ine> (did you mean inet:1?)\n"},
        {"log.syslog_facility = :nope",
         "$/milter-manager.conf:1: log.syslog_facility should be one of [\"auth\", \"authpriv\", "
         "\"cron\", \"daemon\", \"ftp\", \"kern\", \"local0\", \"local1\", \"local2\", \"local3\", "
         "\"local4\", \"local5\", \"local6\", \"local7\", \"lpr\", \"mail\", \"news\", "
         "\"syslog\", \"user\", \"uucp\"] but was \"nope\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fails_with(rows[i].text, rows[i].message);
    }
    fails_with("if true\n y(", "$/milter-manager.conf:2: syntax error: \"(\" has no end; write the "
                               "missing \")\"\n");
}

/* All of them at once; what a failed statement would have assigned is no mistake of its own. */
static void a_mistake_ends_its_statement(void **state)
{
    (void)state;
    write_file("one.conf", "manager.fallback_status = 'x'\nmanager.daemon = 3\n");
    write_file("two.conf", "a = nil.foo\nb = a.bar\nmanager.pid_file = b\nraise 'oh'\n");
    write_file("three.conf", "if true\n");
    fails_with("load('one.conf')\nload('two.conf')\nload('three.conf')\n"
               "define_milter('a') { |m|\n m.enabled = 1\n m.enabeld = 2\n m.user_name = 3 }\n",
               "$/one.conf:1: manager.fallback_status should be one of [\"accept\", \"reject\", "
               "\"temporary-failure\", \"discard\"] but was \"x\" (from $/milter-manager.conf:1)\n"
               "$/one.conf:2: manager.daemon should be one of [true, false] but was 3 (from "
               "$/milter-manager.conf:1)\n"
               "$/two.conf:1: nil has no \"foo\"; find out why it is nil, or test for nil first "
               "(from $/milter-manager.conf:2)\n"
               "$/two.conf:4: oh (RuntimeError) (from $/milter-manager.conf:2)\n"
               "$/three.conf:1: syntax error: \"if\" has no end; write the missing \"end\"\n"
               "$/milter-manager.conf:5: milter.enabled should be one of [true, false] but was 1\n"
               "$/milter-manager.conf:6: unknown item: milter.enabeld (did you mean "
               "milter.enabled?)\n"
               "$/milter-manager.conf:7: milter.user_name should be a string or nil but was 3\n");
    assert_int_equal(message_count, 8);
}

/* Whatever is cut between two statements must read as it stands in the file. */
static void statements_see_each_other(void **state)
{
    struct configuration *configuration;

    (void)state;
    configuration = load_text("# frozen_string_literal: true\n"
                              "a = 'frozen'\nraise unless a.frozen?\nb = <<X; c = 1\ntext\nX\n"
                              "raise unless b == \"text\\n\" && c == 1 && __LINE__ == 7\n"
                              "begin\n  d = 2\n  e = 3\nend\n"
                              "raise unless d + e == 5\n"
                              "f = [\n  1\n].map { |x|\n  x + c\n}; g = {\n}; h = 4\n"
                              "raise unless f == [2] && g == {} && h == 4 && __LINE__ == 19\n"
                              "def helper(x)\n  x * 2\nend\n"
                              "raise unless helper(h)\\\n  == 8\n"
                              "=begin\nraise 'a comment'\n=end\n"
                              "(\n  c + 1\n).then { |x| raise unless x == 2 }\n"
                              "class Thing; VALUE = 7; end\nLIMIT = Thing::VALUE\n"
                              "define_milter('x') { |m| m.reading_timeout = LIMIT }\n"
                              "raise unless __FILE__.end_with?('milter-manager.conf')\n"
                              "__END__\nraise 'not read'\n");
    assert_true(configuration->children[0].reading_timeout == 7.0);
    configuration_release(configuration);
    configuration_release(load_text("manager.daemon = false\nreturn if true\nraise 'not read'\n"));
    fails_with(
        "load('milter-manager.conf')\n",
        "$/milter-manager.conf:1: $/milter-manager.conf loads itself; take that load away\n");
}

static void load_finds_files_directories_and_patterns(void **state)
{
    struct configuration *configuration;

    (void)state;
    make_directory("d");
    write_file("d/2.conf", "define_milter('2')\n");
    write_file("d/1.conf", "define_milter('1')\n");
    write_file("e3.conf", "define_milter('3')\n");
    configuration = load_text("raise unless load('d')\nload('e*.conf')\n"
                              "package.platform = ''\n"
                              "raise if load_if_exist('no.conf') || load_default\n"
                              "raise unless load_if_exist('e3.conf')\n");
    assert_int_equal(configuration->child_count, 3);
    assert_string_equal(configuration->children[0].name, "1");
    assert_string_equal(configuration->children[1].name, "2");
    configuration_release(configuration);
}

/* Bytes that are no UTF-8 in a comment, a byte order mark, DOS line ends. */
static void odd_bytes_do_no_harm(void **state)
{
    struct configuration *configuration =
        load_text("\xef\xbb\xbf# caf\xe9 \xff\r\ndefine_milter('a') # \xfe\r\n"
                  "define_milter('b') { |m| m.description = \"\xe9\" }\r\n");

    (void)state;
    assert_int_equal(configuration->child_count, 2);
    assert_string_equal(configuration->children[1].description, "\xe9");
    configuration_release(configuration);
}

/* The compiled-in directory may be named again by --config-dir or the environment. */
static void a_directory_counts_once_in_the_load_path(void **state)
{
    struct configuration *configuration;

    (void)state;
    write_file("once.conf", "raise 'twice' if $loaded_once\n$loaded_once = true\n");
    (void)setenv("MILTER_MANAGER_CONFIG_DIR", directory, 1);
    configuration = load_text("$loaded_once = false\nload('o*.conf')\n");
    (void)unsetenv("MILTER_MANAGER_CONFIG_DIR");
    configuration_release(configuration);
}

static void a_custom_file_that_is_no_xml_is_ignored(void **state)
{
    (void)state;
    write_file("milter-manager.custom.conf", "raise 'not read'\n");
    configuration_release(load_text("manager.daemon = true\n"));
}

/* Each line is Ruby that must be true. */
static void tables_in_postfix_formats_are_read(void **state)
{
    static const char *const rows[] = {
        "cidr.find('10.1.2.3') == 'LOCAL'",
        "cidr.find('192.0.2.1') == 'ONE with more'",
        "cidr.find('192.0.2.2').nil? && cidr.find('text').nil?",
        "cidr.find(Milter::SocketAddress::IPv6.new('2001:db8::5', 1)) == 'SIX'",
        "cidr.find(Milter::SocketAddress::Unix.new('/x')).nil?",
        "re.find('Subject: BUY now') == 'REJECT now'",
        "re.find('in side') == 'INSIDE side$' && re.find('in other').nil?",
        "re.find('case').nil? && re.find('CASE') == 'UPPER'",
        "re.find('outside') == 'NOT in'",
    };
    struct buffer text = {0};

    (void)state;
    write_file("cidr", "# comment\n\n10.0.0.0/8 LOCAL\n192.0.2.1\tONE\n  with more\n"
                       "2001:db8::/32 SIX\n");
    write_file("re", "/^subject: buy (.*)/ REJECT $1\nif /^in/\n/(side)/ INSIDE ${1}$$\nendif\n"
                     "/^CASE/i UPPER\nif !/^in/\n/^outside/ NOT in\nendif\n");
    buffer_append_format(&text,
                         "cidr = Milter::Manager::PostfixCIDRTable.load('%s/cidr')\n"
                         "re = Milter::Manager::PostfixRegexpTable.load('%s/re')\n",
                         directory, directory);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buffer_append_format(&text, "raise %%q{%s} unless %s\n", rows[i], rows[i]);
    }
    buffer_append_byte(&text, '\0');
    configuration_release(load_text(buffer_slice(&text).data));
    buffer_clear(&text);

    fails_with("Milter::Manager::PostfixCIDRTable.new.parse('alone', 'p')",
               "$/milter-manager.conf:1: p:1: invalid format <alone>\n");
    fails_with("Milter::Manager::PostfixRegexpTable.new.parse('/a/q X', 'p')",
               "$/milter-manager.conf:1: p:1: invalid flag: <q>: </a/q X>\n");
}

/* What Ruby's start may change: its own thread switching, ignored defaults and the end of the
 * stack. */
static void signals_stay_with_their_owners(void **state)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};

    (void)state;
    configuration_release(load_text("manager.daemon = true\n"));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction action;

        assert_int_equal(sigaction(numbers[i], NULL, &action), 0);
        assert_ptr_equal(action.sa_handler, before_ruby[numbers[i]].sa_handler);
    }
}

/* Named by the files themselves, so they are read again with it. */
static void the_custom_directory_ends_the_load_path(void **state)
{
    struct configuration *configuration;
    char *text = memory_format("manager.custom_configuration_directory = '%s/custom'\n"
                               "load('mine.conf')\n",
                               directory);

    (void)state;
    make_directory("custom");
    write_file("custom/mine.conf", "define_milter('mine')\n");
    configuration = load_text(text);
    assert_int_equal(configuration->child_count, 1);
    assert_int_equal(message_count, 0);
    configuration_release(configuration);
    write_file("custom/milter-manager.custom.conf", "<configuration><x/></configuration>\n");
    fails_with(text, "$/custom/milter-manager.custom.conf:1: unknown element: /configuration/x\n");
    free(text);
}

static void a_missing_main_file_falls_through_the_load_path(void **state)
{
    struct error error = {0};
    struct configuration *configuration = load(&error);

    (void)state;
    assert_non_null(configuration);
    /* The shipped one; its children are what is installed here. */
    assert_non_null(configuration_find_condition(configuration, "S25R"));
    configuration_release(configuration);
}

static void overrides_win_at_every_load(void **state)
{
    const struct configuration_override overrides[] = {
        {"manager.pid_file", value_string("/run/x.pid")},
        {"manager.daemon", value_boolean(false)},
    };
    const struct configuration_sources sources = {
        .directory = directory, .overrides = overrides, .override_count = 2, .report = collect};
    struct error error = {0};

    (void)state;
    write_file("milter-manager.conf", "manager.pid_file = '/run/y.pid'\nmanager.daemon = true\n");
    for (int i = 0; i < 2; i++) {
        struct configuration *configuration = configuration_load(&sources, &error);

        assert_non_null(configuration);
        assert_string_equal(configuration->manager.pid_file, "/run/x.pid");
        assert_false(configuration->manager.daemon);
        configuration_release(configuration);
    }
}

static void a_failed_reload_leaves_the_old_one(void **state)
{
    struct configuration *first = load_text("define_milter('a')\nmanager.max_connections = 1\n");
    struct configuration *second;
    struct error error = {0};

    (void)state;
    write_file("milter-manager.conf", "manager.max_connections = 'many'\n");
    assert_null(load(&error));
    assert_int_equal(first->manager.max_connections, 1);
    second = load_text("define_milter('b')\nmanager.max_connections = 2\n");
    assert_true(second->generation > first->generation);
    assert_int_equal(first->manager.max_connections, 1);
    assert_string_equal(first->children[0].name, "a");
    assert_string_equal(second->children[0].name, "b");
    configuration_release(first);
    assert_string_equal(second->children[0].name, "b");
    configuration_release(second);
}

/* The garbage collector looks at the stack too, so a few may seem to be in use. */
static void released_snapshots_are_collected(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        configuration_release(load_text("def helper = 1\ndefine_milter('a')\n"
                                        "define_applicable_condition('C') do |condition|\n"
                                        "  condition.define_data_stopper { helper == 2 }\nend\n"));
    }
    configuration_release(
        load_text("GC.start\n"
                  "raise if ObjectSpace.each_object(Milter::Manager::Configuration).count > 10\n"));
}

/* The output without its location comments. */
static char *show(const struct configuration *configuration)
{
    struct buffer text = {0};
    struct buffer plain = {0};
    char *line;
    char *rest = NULL;

    configuration_format(configuration, SHOW_TO_READERS, &text);
    buffer_append_byte(&text, '\0');
    for (line = strtok_r(text.data + text.start, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[strspn(line, " ")] != '#') {
            buffer_append_string(&plain, line);
            buffer_append_byte(&plain, '\n');
        }
    }
    buffer_append_byte(&plain, '\0');
    buffer_clear(&text);
    return plain.data;
}

static void the_output_is_a_configuration_with_the_same_output(void **state)
{
    struct configuration *first =
        load_text("load('applicable-conditions/*.conf')\n"
                  "manager.unix_socket_mode = 0600\nmanager.maintenance_interval = nil\n"
                  "log.level = 'all'\nlog.syslog_facility = 'local3'\ndatabase.port = 5432\n"
                  "manager.condition_timeout = 1.25\n"
                  "define_milter('a') do |milter|\n"
                  "  milter.connection_spec = 'unix:/tmp/a'\n"
                  "  milter.description = \"a \\\"q\\\" \\#{x} \\xff \\u00e9 \\n\"\n"
                  "  milter.applicable_conditions = ['S25R', 'Trust']\n"
                  "end\n"
                  "restrict_accounts_by_list('a@b', /x/)\n");
    char *shown = show(first);
    struct configuration *second;
    char *again;

    (void)state;
    second = load_text(shown);
    again = show(second);
    assert_string_equal(shown, again);
    configuration_release(first);
    configuration_release(second);
    free(shown);
    free(again);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_set_items),
        TEST(every_mistake_is_named_with_its_place),
        TEST(a_mistake_ends_its_statement),
        TEST(statements_see_each_other),
        TEST(load_finds_files_directories_and_patterns),
        TEST(a_custom_file_that_is_no_xml_is_ignored),
        TEST(odd_bytes_do_no_harm),
        TEST(a_directory_counts_once_in_the_load_path),
        TEST(the_custom_directory_ends_the_load_path),
        TEST(tables_in_postfix_formats_are_read),
        TEST(signals_stay_with_their_owners),
        TEST(a_missing_main_file_falls_through_the_load_path),
        TEST(overrides_win_at_every_load),
        TEST(a_failed_reload_leaves_the_old_one),
        TEST(released_snapshots_are_collected),
        TEST(the_output_is_a_configuration_with_the_same_output),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
