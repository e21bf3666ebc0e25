/*
 * What conditions ask, without a session: lists, tables, files of other
 * programs (configuration sections 5, 7, 8).  Each row is Ruby that must be true.
 */
#include "milter-manager/ruby/loader.h"

#include "libcore/base/buffer.h"
#include "libcore/base/memory.h"
#include "milter-manager/ruby/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static char directory[] = "/tmp/test_condition_objects.XXXXXX";
static char *file;

/* The first message of the last load that failed, without the file's name. */
static char *message;

static struct configuration *load(const char *text)
{
    struct error error = {0};
    struct configuration *configuration;
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    (void)fputs(text, stream);
    (void)fclose(stream);
    configuration =
        configuration_load(&(struct configuration_sources){.directory = directory}, &error);
    free(message);
    message = configuration == NULL ? memory_copy_string(error.message) : NULL;
    return configuration;
}

static void loads(const char *text)
{
    struct configuration *configuration = load(text);

    if (configuration == NULL) {
        fail_msg("%s", message);
    }
    configuration_release(configuration);
}

static void fails_with(const char *text, const char *expected)
{
    assert_null(load(text));
    if (message == NULL || strncmp(message, file, strlen(file)) != 0) {
        fail_msg("%s", message);
    } else {
        assert_string_equal(message + strlen(file), expected);
    }
}

static void all_true(const char *before, const char *const rows[], size_t count)
{
    struct buffer text = {0};

    buffer_append_string(&text, before);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&text, "\nraise %%q{%s} unless %s\n", rows[i], rows[i]);
    }
    buffer_append_byte(&text, '\0');
    loads(buffer_slice(&text).data);
    buffer_clear(&text);
}

static int start(void **state)
{
    struct error error = {0};

    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    file = memory_format("%s/milter-manager.conf", directory);
    return engine_start(&error) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    engine_stop();
    (void)unlink(file);
    (void)rmdir(directory);
    free(file);
    free(message);
    return 0;
}

static void the_socket_table_is_found_in(void **state)
{
    static const char *const rows[] = {
        /* address, port: [local address, local port, state] */
        "row('192.0.2.7', 50443) == [['192.0.2.10', 25, 'ESTABLISHED']]",
        "row('::ffff:192.0.2.7', 50443) == [['192.0.2.10', 25, 'ESTABLISHED']]",
        "row('192.0.2.8', 50444) == [['192.0.2.10', 25, 'CLOSE_WAIT']]",
        "row('192.0.2.9', 50446) == [['192.0.2.10', 25, 'TIME_WAIT']]",
        "row('192.0.2.9', 50447).map(&:last) == %w[CLOSE_WAIT ESTABLISHED]",
        "row('192.0.2.9', 50447).map { |fields| fields[1] } == [25, 587]",
        "row('192.0.2.9', 50448) == [['192.0.2.10', 25, '']]",
        "row('198.51.100.7', 54323) == [['192.0.2.10', 25, 'ESTABLISHED']]",
        "row('2001:db8::2', 54321) == [['2001:db8::1', 25, 'ESTABLISHED']]",
        /* the local end of another connection, another port, nobody, lines that are none */
        "row('192.0.2.7', 50445).empty?",
        "row('192.0.2.7', 25).empty?",
        "row('203.0.113.1', 50443).empty?",
        "row('198.51.100.99', 54322).empty?",
        "row('192.0.2.9', 0xc5).empty?",
        "Table.new(5, ['/nonexistent']).find(IPAddr.new('192.0.2.7'), 50443).empty?",
        "%w[0.0.0.0 1.2.3.4 255.255.255.255 ::1 2001:db8::2:3].all? { |text| same?(text) }",
    };

    (void)state;
    all_true("Table = Milter::Manager::SocketTable\n"
             "fixtures = %w[tcp tcp6].map { |name| \"test/fixtures/proc-net/#{name}\" }\n"
             "table = Table.new(5, fixtures)\n"
             "define_singleton_method(:same?) { |text| "
             "Table.address(Table.hexadecimal(IPAddr.new(text))).to_s == text }\n"
             "define_singleton_method(:row) { |address, port| "
             "table.find(IPAddr.new(address), port).map(&:to_a) }\n",
             rows, COUNT(rows));
}

static void a_client_is_gone_when_its_socket_says_so(void **state)
{
    static const char *const rows[] = {
        "connected?('192.0.2.7', 50443)",
        "!connected?('192.0.2.8', 50444)",
        "connected?('192.0.2.9', 50446)",
        "connected?('192.0.2.9', 50447)",
        "!connected?('192.0.2.9', 50448)",
        "connected?('203.0.113.1', 1)",
        "connected?('192.0.2.8', 0)",
        "connected?('192.0.2.8', 50444, V4.new('198.51.100.1', 25))",
        "connected?('192.0.2.8', 50444, Milter::SocketAddress::Unknown.new)",
        "!connected?('192.0.2.8', 50444, Milter::SocketAddress::Unix.new('/x'))",
        "manager.netstat_connection_checker.equal?(manager.netstat_connection_checker)",
        "manager.netstat_connection_checker.interval == 5",
    };

    (void)state;
    all_true(
        "V4 = Milter::SocketAddress::IPv4\n"
        "Context = Struct.new(:smtp_client_address, :smtp_server_address)\n"
        "checker = Milter::Manager::NetstatConnectionChecker.new\n"
        "checker.instance_variable_set(:@table, Milter::Manager::SocketTable.new(5, "
        "%w[tcp tcp6].map { |name| \"test/fixtures/proc-net/#{name}\" }))\n"
        "define_singleton_method(:connected?) { |address, port, server = V4.new('127.0.0.1', 9)| "
        "checker.connected?(Context.new(V4.new(address, port), server)) }\n",
        rows, COUNT(rows));
}

static void the_limit_of_postfix_is_read(void **state)
{
    static const char *const rows[] = {
        "limit('plain') == 40",
        "limit('main') == 60",
        "limit('postscreen') == 100",
        "limit('odd') == 0",
        "limit('none') == 0",
        "limit('nonexistent') == 0",
        "limit('nonexistent', 'plain') == 40",
    };

    (void)state;
    all_true("define_singleton_method(:limit) { |*names| Milter::Manager::PostfixLimit.new("
             "names.map { |name| \"test/fixtures/postfix/#{name}\" }).to_i }\n",
             rows, COUNT(rows));
}

static void sessions_are_counted_against_the_threshold(void **state)
{
    static const char *const rows[] = {
        "stress.read_postfix_limit(100) && stressed?(75) && !stressed?(74)",
        "!stressed?(1000, false)",
        "!stress.never?",
        "(stress.threshold_n_connections = 10) && stressed?(10, false) && !stressed?(9)",
        "(stress.threshold_n_connections = 0) && !stressed?(1000)",
        "(stress.threshold_n_connections = nil).nil? && stress.read_postfix_limit(0)",
        "!stressed?(9999)",
        "stress.never?",
    };

    (void)state;
    all_true("Session = Struct.new(:n_processing_sessions, :postfix?)\n"
             "define_singleton_method(:stressed?) { |count, postfix = true| "
             "stress.stressed?(Session.new(count, postfix)) }\n",
             rows, COUNT(rows));
}

static void name_servers_are_parsed(void **state)
{
    static const char *const rows[] = {
        "Server.parse('192.0.2.1').to_s == '192.0.2.1:53'",
        "Server.parse('192.0.2.1:5353').to_s == '192.0.2.1:5353'",
        "Server.parse('2001:db8::1').to_s == '[2001:db8::1]:53'",
        "Server.parse('[2001:db8::1]:5353').to_s == '[2001:db8::1]:5353'",
        "['', 'ns.example.org', '192.0.2.1:', '192.0.2.1:0', '192.0.2.1:65536', '192.0.2.0/24', "
        "'192.0.2.256', '[::1'].all? { |text| Server.parse(text).nil? }",
        "system(\"# x\\nnameserver 192.0.2.1\\n nameserver\\t::1 # y\\noptions ndots:2\\n"
        "nameserver bad\\nnameserver 192.0.2.3\\nnameserver 192.0.2.4\") == "
        "%w[192.0.2.1:53 [::1]:53 192.0.2.3:53]",
        "system('search example.org') == ['127.0.0.1:53']",
    };

    (void)state;
    all_true("Server = Milter::Manager::Resolver::Server\n"
             "define_singleton_method(:system) { |text| "
             "Milter::Manager::Resolver::SystemServers.parse(text).map(&:to_s) }\n",
             rows, COUNT(rows));
}

static void the_cache_keeps_so_many_for_so_long(void **state)
{
    static const char *const rows[] = {
        "cache.store(1, Answer.new(:found, [], 9)).nil? || cache[1]",
        "cache.store(2, Answer.new(:none, [], 9)).nil? || cache[2]",
        "cache.store(3, Answer.new(:found, [], 0)).nil?",
        "cache[3].nil?",
        "cache[1] && cache.store(4, Answer.new(:found, [], 9)) && cache.size == 2",
        "cache[2].nil? && cache[1] && cache[4]", /* 2 was not used for longest */
        "cache.store(5, Answer.new(:found, [], 0.001)) && sleep(0.01) && cache[5].nil?",
        "cache.size == 1",
    };

    (void)state;
    all_true("Answer = Milter::Manager::Resolver::Answer\n"
             "cache = Milter::Manager::Resolver::Cache.new(2)\n",
             rows, COUNT(rows));
}

static void dnsbl_services_are_checked(void **state)
{
    static const char *const rows[] = {
        "dnsbl.services.size == 4 && dnsbl.services[0].domain == 'zen.spamhaus.org'",
        "dnsbl.services[0].expected.include?(IPAddr.new('127.0.0.11'))",
        "dnsbl.clear.empty? && dnsbl.add_service('BL.Example.ORG.', IPAddr.new('127.0.0.0/8'))",
        "dnsbl.services.map(&:domain) == %w[bl.example.org]",
        "(dnsbl.name_server = '192.0.2.1') && (dnsbl.name_servers = %w[::1 127.0.0.1:99])",
        "!dnsbl.listed?(Milter::SocketAddress::Unix.new('/x'))",
    };

    (void)state;
    all_true("", rows, COUNT(rows));
    fails_with("dnsbl.add_service('a..b')",
               ":1: dnsbl.add_service: \"a..b\" is no name of a domain");
    fails_with("dnsbl.add_service('a.b', '127.0.0')",
               ":1: dnsbl.add_service: expected should be an address or a network but was "
               "\"127.0.0\"");
    fails_with("\ndnsbl.name_server = 'ns.example.org'",
               ":2: dnsbl.name_servers: \"ns.example.org\" is no address of a name server: "
               "\"ADDRESS\", \"ADDRESS:PORT\" or \"[ADDRESS]:PORT\"");
    fails_with("dnsbl.listed?(Milter::SocketAddress::IPv4.new('192.0.2.1', 1))",
               ":1: names can only be looked up in a condition");
}

static void policies_are_checked(void **state)
{
    (void)state;
    loads("define_milter('a')\ndefine_policy('P') { |policy| policy.milters = ['a'] }\n");
    fails_with("define_milter('a')\ndefine_policy('P') { |p| p.milters = ['a', 'b'] }",
               ":2: policy.milters of \"P\" should be among [\"a\"] but was \"b\"");
    fails_with("define_policy('P') { |p| p.adress = '::1' }",
               ":1: unknown item: policy.adress (did you mean policy.address?)");
    fails_with("define_policy('P') { |p| p.address = 'x' }",
               ":1: policy.address should be an address or a network but was \"x\"");
    fails_with("define_policy('')", ":1: the name of a policy should not be empty");
}

/* The condition stands with all milters, wherever they were defined. */
static void a_policy_concerns_all_milters(void **state)
{
    struct configuration *configuration =
        load("define_milter('a')\ndefine_policy('P') { |policy| policy.milters = ['a'] }\n"
             "define_milter('b')\n");

    (void)state;
    assert_non_null(configuration);
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(configuration_child_condition(configuration, i, 0), "Policy");
        assert_null(configuration_child_condition(configuration, i, 1));
    }
    configuration_release(configuration);
}

static void addresses_are_the_same_however_they_are_written(void **state)
{
    static const char *const rows[] = {
        "wire('6', '2001:db8:0:0::1') == wire('6', 'IPv6:2001:DB8::1')",
        "wire('6', '2001:db8:0:0::1').hash == wire('6', 'IPv6:2001:DB8::1').hash",
        "wire('4', '192.0.2.1') != wire('4', '192.0.2.1', 2)",
        "wire('4', '192.0.2.1') != wire('6', '::ffff:192.0.2.1')",
        "wire('6', 'IPv6:fe80::1%eth0').local? && wire('6', 'fe80::1%eth0').ipv6?",
        "wire('6', '::ffff:10.1.1.1').local? && !wire('6', '::ffff:192.0.2.1').local?",
        "!remote_network.remote?(wire('6', '::ffff:10.1.1.1'))",
        "remote_network.remote?(wire('4', '192.0.2.1'))",
        "remote_network.add_local_address('192.0.2.0/24')",
        "!remote_network.remote?(wire('6', '::ffff:192.0.2.1'))",
        "cidr.find('::ffff:192.0.2.1') == 'X' && cidr.find(wire('4', '192.0.2.2')) == 'X'",
        "cidr.find(IPAddr.new('192.0.2.2')) == 'X' && cidr.find(nil).nil?",
    };

    (void)state;
    all_true("define_singleton_method(:wire) { |family, address, port = 1| "
             "Milter::SocketAddress.from_wire(family, port, address) }\n"
             "cidr = Milter::Manager::PostfixCIDRTable.new.parse('192.0.2.0/24 X')\n",
             rows, COUNT(rows));
}

static void any_bytes_and_any_callable_will_do(void **state)
{
    static const char *const rows[] = {
        "regexp.find(\"caf\\xe9 a\".b) == 'A' && regexp.find('CAFÉ') == 'E'",
        "s25r.white?('mail.GOOGLE.com', here) && !s25r.white?('mail.example.org', here)",
        "s25r.add_whitelist(Class.new { def call(host) = host == 'mx.example.org' }.new)",
        "s25r.white?('mx.example.org', here)",
        "trust.trusted?('<a@Latin.example>') && trust.trusted?('<a@x.LIST.example>')",
        "!trust.trusted?('<a@latin.example.org>')",
    };

    (void)state;
    all_true("here = Milter::SocketAddress::IPv4.new('192.0.2.1', 1)\n"
             "regexp = Milter::Manager::PostfixRegexpTable.new.parse("
             "\"# caf\\xe9\\n/ a$/ A\\n/é/ E\\n\")\n"
             "File.binwrite(list = \"#{__FILE__}.list\", \"# caf\\xe9\\nlatin.example\\n"
             "/\\\\.list\\\\.example$/\\n\")\n"
             "trust.load_envelope_from_domains(list)\nFile.unlink(list)\n",
             rows, COUNT(rows));
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_socket_table_is_found_in),
        TEST(a_client_is_gone_when_its_socket_says_so),
        TEST(the_limit_of_postfix_is_read),
        TEST(sessions_are_counted_against_the_threshold),
        TEST(name_servers_are_parsed),
        TEST(the_cache_keeps_so_many_for_so_long),
        TEST(dnsbl_services_are_checked),
        TEST(addresses_are_the_same_however_they_are_written),
        TEST(any_bytes_and_any_callable_will_do),
        TEST(policies_are_checked),
        TEST(a_policy_concerns_all_milters),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
