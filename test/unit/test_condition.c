/*
 * Conditions: what stoppers are given, what their answers mean, and that a
 * stopper that waits holds up nobody else (configuration sections 6-8).
 */
#include "milter-manager/session/condition.h"

#include "libcore/base/buffer.h"
#include "libcore/base/memory.h"
#include "libcore/net/loop.h"
#include "milter-manager/config/configuration.h"
#include "milter-manager/ruby/engine.h"
#include "milter-manager/ruby/loader.h"
#include "test/unit/condition_context.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A loop with a clock that should never slip, and the questions asked on it. */
static struct loop *loop;
static struct loop_timer *clock_timer;
static double last_tick, worst_slip, asked_at;
static unsigned pending, stopped, answered_count;

static void tick(void *owner)
{
    double now = loop_now(loop);

    (void)owner;
    if (now - last_tick - 0.010 > worst_slip) {
        worst_slip = now - last_tick - 0.010;
    }
    last_tick = now;
    loop_timer_start(clock_timer, 0.010);
}

static void answered(void *owner, const struct condition_stopper *stopper)
{
    (void)owner;
    answered_count++;
    stopped += stopper != NULL ? 1 : 0;
    if (--pending == 0) {
        loop_stop(loop);
    }
}

/* One configuration per test: text is the file. */
static struct configuration *load(const char *text)
{
    char directory[] = "/tmp/test_condition.XXXXXX";
    char *file;
    FILE *stream;
    struct error error = {0};
    struct configuration *configuration;

    assert_non_null(mkdtemp(directory));
    file = memory_format("%s/milter-manager.conf", directory);
    stream = fopen(file, "w");
    assert_non_null(stream);
    (void)fputs("load(\"applicable-conditions/*.conf\")\n", stream);
    (void)fputs(text, stream);
    (void)fclose(stream);
    configuration =
        configuration_load(&(struct configuration_sources){.directory = directory}, &error);
    if (configuration == NULL) {
        fail_msg("%s", error.message);
    }
    (void)unlink(file);
    (void)rmdir(directory);
    free(file);
    return configuration;
}

/* The stoppers of the first child's conditions. */
static enum condition_answer ask_question(const struct configuration *configuration,
                                          const struct condition_question *question,
                                          struct condition_ticket **ticket)
{
    const struct configuration_child *child = &configuration->children[0];
    const struct condition_stopper *stopper;
    enum condition_answer answer = condition_ask(child->conditions, child->condition_count,
                                                 question, answered, NULL, ticket, &stopper);

    pending += answer == CONDITION_PENDING ? 1 : 0;
    return answer;
}

static struct condition_question connect_question(const char *host, char family,
                                                  const char *address)
{
    return (struct condition_question){
        .stage = CONDITION_CONNECT,
        .context = CHILD,
        .arguments = {slice_from_string(host)},
        .argument_count = 1,
        .family = family,
        .port = 2525,
        .address = slice_from_string(address),
    };
}

static enum condition_answer ask_connect(const struct configuration *configuration,
                                         const char *host, char family, const char *address)
{
    struct condition_question question = connect_question(host, family, address);
    struct condition_ticket *ticket;

    return ask_question(configuration, &question, &ticket);
}

static enum condition_answer ask(const struct configuration *configuration,
                                 enum condition_stage stage, const char *first, const char *second)
{
    struct condition_question question = {
        .stage = stage,
        .context = CHILD,
        .arguments = {slice_from_string(first), slice_from_string(second)},
        .argument_count = first == NULL    ? 0
                          : second == NULL ? 1
                                           : 2,
    };
    struct condition_ticket *ticket;

    return ask_question(configuration, &question, &ticket);
}

static void run_loop(void)
{
    asked_at = last_tick = loop_now(loop);
    worst_slip = 0;
    if (pending > 0) {
        loop_run(loop);
    }
}

static double elapsed(void)
{
    return loop_now(loop) - asked_at;
}

static int set_up(void **state)
{
    (void)state;
    memset(&macros, 0, sizeof(macros));
    memset(&shelf, 0, sizeof(shelf));
    memset(statuses, 0, sizeof(statuses));
    sessions = 1;
    session_over = false;
    pending = stopped = answered_count = 0;
    loop = loop_new();
    engine_set_loop(loop);
    clock_timer = loop_timer_new(loop, tick, NULL);
    loop_timer_start(clock_timer, 0.010);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_set_loop(NULL);
    loop_timer_free(clock_timer);
    loop_free(loop);
    return 0;
}

static int start(void **state)
{
    struct error error = {0};

    (void)state;
    return engine_start(&error) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    engine_stop();
    return 0;
}

#define CONDITION(body)                                                                            \
    "define_applicable_condition('C') do |condition|\n" body "\nend\n"                             \
    "define_milter('child') { |milter| milter.applicable_conditions = ['C'] }\n"

static void asks_only_for_stages_with_a_stopper(void **state)
{
    struct configuration *configuration =
        load(CONDITION("condition.define_helo_stopper { |context, fqdn| true }"));
    const struct condition *condition = configuration->children[0].conditions[0];

    (void)state;
    for (int stage = 0; stage < CONDITION_STAGES; stage++) {
        assert_int_equal(condition_has_stopper(condition, (enum condition_stage)stage),
                         stage == CONDITION_HELO);
    }
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_RUN);
    configuration_release(configuration);
}

static void gives_each_kind_of_stopper_its_arguments(void **state)
{
    struct configuration *configuration = load(CONDITION(
        "condition.define_connect_stopper { |c, h, a| h == 'h' && a.to_s == 'inet:2525@[1.2.3.4]' "
        "}\n"
        "condition.define_helo_stopper { |c, fqdn| c.name == 'child' && fqdn == 'me' }\n"
        "condition.define_envelope_from_stopper { |c, from| from == '<a@b>' }\n"
        "condition.define_envelope_recipient_stopper { |c, to| to == '<c@d>' }\n"
        "condition.define_data_stopper { |*all| all.size == 1 }\n"
        "condition.define_header_stopper { |c, name, value| name == 'X' && value == \"\\u00e9\" }\n"
        "condition.define_end_of_header_stopper { |*all| all.size == 1 }\n"
        "condition.define_body_stopper { |c, chunk| chunk.encoding == Encoding::BINARY }\n"
        "condition.define_end_of_message_stopper { |*all| all.size == 1 }\n"));
    static const struct {
        enum condition_stage stage;
        const char *first, *second;
    } rows[] = {
        {CONDITION_HELO, "me", NULL},
        {CONDITION_ENVELOPE_FROM, "<a@b>", NULL},
        {CONDITION_ENVELOPE_RECIPIENT, "<c@d>", NULL},
        {CONDITION_DATA, NULL, NULL},
        {CONDITION_HEADER, "X", "\xc3\xa9"},
        {CONDITION_END_OF_HEADER, NULL, NULL},
        {CONDITION_BODY, "\xff\xfe", NULL},
        {CONDITION_END_OF_MESSAGE, NULL, NULL},
    };

    (void)state;
    assert_int_equal(ask_connect(configuration, "h", '4', "1.2.3.4"), CONDITION_STOP);
    assert_int_equal(ask_connect(configuration, "i", '4', "1.2.3.4"), CONDITION_RUN);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ask(configuration, rows[i].stage, rows[i].first, rows[i].second),
                         CONDITION_STOP);
    }
    assert_int_equal(ask(configuration, CONDITION_HELO, "you", NULL), CONDITION_RUN);
    configuration_release(configuration);
}

/* Every line of the text is Ruby that must be true in a DATA stopper. */
static void check_in_stopper(const char *ruby)
{
    char *text = memory_format("define_applicable_condition('C') { |condition|\n"
                               "  condition.define_data_stopper { |context| %s }\n}\n"
                               "define_milter('child') { |milter| "
                               "milter.applicable_conditions = ['C'] }\n",
                               ruby);
    struct configuration *configuration = load(text);

    if (ask(configuration, CONDITION_DATA, NULL, NULL) != CONDITION_STOP) {
        fail_msg("not true: %s", ruby);
    }
    configuration_release(configuration);
    free(text);
}

static void the_context_answers_every_question(void **state)
{
    (void)state;
    set_macro("v", "Postfix 3.7");
    set_macro("auth_type", "PLAIN");
    sessions = 12;
    statuses[CHILD] = (struct context_status){VERDICT_ACCEPT, false};
    statuses[OTHER] = (struct context_status){VERDICT_REJECT, true};
    check_in_stopper("context['v'] == 'Postfix 3.7' && context['none'].nil?");
    check_in_stopper("context.postfix? && context.authenticated?");
    check_in_stopper("context.n_processing_sessions == 12");
    check_in_stopper("context.accept? && !context.reject? && !context.quitted?");
    check_in_stopper("context.children['other'].reject? && context.children['other'].quitted?");
    check_in_stopper(
        "context.children['nobody'].nil? && context.children.names == %w[other child]");
    statuses[CHILD].verdict = VERDICT_TEMPORARY_FAILURE;
    check_in_stopper("context.temporary_failure?");
    statuses[CHILD].verdict = VERDICT_DISCARD;
    check_in_stopper("context.discard?");
    check_in_stopper("shelf = context.mail_transaction_shelf; shelf['k'] = [1, 'x']; "
                     "shelf['k'] == [1, 'x'] && shelf['l'].nil? && "
                     "shelf.each.to_a == [['k', [1, 'x']]]");
    check_in_stopper("context['stress'] = 'yes'; true");
    assert_string_equal(macro("stress"), "yes");
}

static void a_stale_context_raises(void **state)
{
    struct configuration *configuration =
        load(CONDITION("condition.define_helo_stopper { |context, _| $kept = context; false }\n"
                       "condition.define_data_stopper { $kept.name rescue "
                       "$!.is_a?(Milter::Manager::StaleContextError) }"));

    (void)state;
    assert_int_equal(ask(configuration, CONDITION_HELO, "me", NULL), CONDITION_RUN);
    session_over = true;
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_STOP);
    configuration_release(configuration);
}

static void socket_addresses_know_what_is_local(void **state)
{
    static const struct {
        char family;
        const char *address, *ruby;
    } rows[] = {
        {'4', "10.1.2.3", "a.ipv4? && a.local? && a.port == 2525 && a.address == '10.1.2.3'"},
        {'4', "8.8.8.8", "!a.local? && a.to_ip_address.to_s == '8.8.8.8'"},
        {'6', "IPv6:::1", "a.ipv6? && a.local? && a.to_s == 'inet6:2525@[::1]'"},
        {'6', "2001:db8::1", "!a.local? && a == Milter::SocketAddress::IPv6.new(a.address, 2525)"},
        {'6', "fd00::1", "a.local?"},
        {'L', "/run/x", "a.unix? && a.local? && a.path == '/run/x' && a.to_ip_address.nil?"},
        {'U', "", "a.unknown? && !a.local? && a.to_s == 'unknown' && a.to_ip_address.nil?"},
        {'4', "nonsense", "a.unknown?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = memory_format("define_applicable_condition('C') { |condition|\n"
                                   "condition.define_connect_stopper { |_, _, a| %s } }\n"
                                   "define_milter('x') { |m| m.applicable_conditions = ['C'] }\n",
                                   rows[i].ruby);
        struct configuration *configuration = load(text);

        if (ask_connect(configuration, "h", rows[i].family, rows[i].address) != CONDITION_STOP) {
            fail_msg("not true: %s", rows[i].ruby);
        }
        configuration_release(configuration);
        free(text);
    }
}

static void shipped_conditions_look_at_the_connection(void **state)
{
    static const struct {
        const char *condition, *host;
        char family;
        const char *address;
        enum condition_answer answer;
    } rows[] = {
        {"S25R", "unknown", '4', "8.8.8.8", CONDITION_RUN},
        {"S25R", "[8.8.8.8]", '4', "8.8.8.8", CONDITION_RUN},
        {"S25R", "mail.example.com", '4', "8.8.8.8", CONDITION_STOP},
        {"S25R", "ppp12345.example.com", '4', "8.8.8.8", CONDITION_RUN},
        {"S25R", "a12345.google.com", '4', "8.8.8.8", CONDITION_STOP},
        {"S25R", "white12345.test", '4', "8.8.8.8", CONDITION_STOP},
        {"S25R", "black.test", '4', "8.8.8.8", CONDITION_RUN},
        {"S25R", "unknown", '6', "2001:db8::1", CONDITION_STOP},
        {"Remote Network", "h", '4', "8.8.8.8", CONDITION_RUN},
        {"Remote Network", "h", '4', "192.168.1.1", CONDITION_STOP},
        {"Remote Network", "h", '4', "192.168.9.1", CONDITION_RUN},
        {"Remote Network", "h", '4', "203.0.113.9", CONDITION_STOP},
        {"Remote Network", "h", 'L', "/run/x", CONDITION_STOP},
        {"Remote Network", "h", 'U', "", CONDITION_STOP},
        {"No Stress", "h", '4', "8.8.8.8", CONDITION_RUN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = memory_format("s25r.add_whitelist('white12345.test')\n"
                                   "s25r.add_blacklist { |host| host == 'black.test' }\n"
                                   "remote_network.add_remote_address('192.168.9.0/24')\n"
                                   "remote_network.add_local_address('203.0.113.0/24')\n"
                                   "stress.threshold_n_connections = 5\n"
                                   "define_milter('x') { |m| m.applicable_conditions = ['%s'] }\n",
                                   rows[i].condition);
        struct configuration *configuration = load(text);

        if (ask_connect(configuration, rows[i].host, rows[i].family, rows[i].address) !=
            rows[i].answer) {
            fail_msg("%s: %s %s", rows[i].condition, rows[i].host, rows[i].address);
        }
        configuration_release(configuration);
        free(text);
    }
}

static void shipped_conditions_look_at_the_sender(void **state)
{
    struct configuration *authenticated =
        load("define_milter('x') { |m| m.applicable_conditions = ['Authenticated'] }\n");
    struct configuration *unauthenticated =
        load("define_milter('x') { |m| m.applicable_conditions = ['Unauthenticated'] }\n");
    struct configuration *trust =
        load("define_milter('x') { |m| m.applicable_conditions = ['Trust'] }\n");
    struct configuration *stress =
        load("stress.threshold_n_connections = 3\n"
             "define_milter('x') { |m| m.applicable_conditions = ['No Stress'] }\n"
             "define_milter('x') { |m| m.add_applicable_condition('Stress Notify') }\n");

    (void)state;
    assert_int_equal(ask(authenticated, CONDITION_ENVELOPE_FROM, "<>", NULL), CONDITION_STOP);
    assert_int_equal(ask(unauthenticated, CONDITION_ENVELOPE_FROM, "<>", NULL), CONDITION_RUN);
    set_macro("auth_authen", "me");
    assert_int_equal(ask(authenticated, CONDITION_ENVELOPE_FROM, "<>", NULL), CONDITION_RUN);
    assert_int_equal(ask(unauthenticated, CONDITION_ENVELOPE_FROM, "<>", NULL), CONDITION_STOP);

    assert_int_equal(ask(trust, CONDITION_ENVELOPE_FROM, "<a@example.com>", NULL), CONDITION_RUN);
    assert_null(macro("trusted_domain"));
    assert_int_equal(ask(trust, CONDITION_ENVELOPE_FROM, "<a@Gmail.com>", NULL), CONDITION_RUN);
    assert_string_equal(macro("trusted_domain"), "yes");

    assert_int_equal(ask_connect(stress, "h", '4', "1.2.3.4"), CONDITION_RUN);
    sessions = 3;
    assert_int_equal(ask_connect(stress, "h", '4', "1.2.3.4"), CONDITION_STOP);
    configuration_release(authenticated);
    configuration_release(unauthenticated);
    configuration_release(trust);
    configuration_release(stress);
}

static void restricts_accounts(void **state)
{
    struct configuration *configuration =
        load("define_milter('x')\n"
             "restrict_accounts_by_list('bob@example.com', /@test\\z/, milters: ['x'])\n");

    (void)state;
    assert_int_equal(ask(configuration, CONDITION_ENVELOPE_RECIPIENT, "<bob@example.com>", NULL),
                     CONDITION_RUN);
    assert_int_equal(ask(configuration, CONDITION_ENVELOPE_RECIPIENT, "<a@test>", NULL),
                     CONDITION_RUN);
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_RUN);
    assert_int_equal(ask(configuration, CONDITION_ENVELOPE_RECIPIENT, "<eve@x>", NULL),
                     CONDITION_STOP);
    assert_string_equal(macro("have-not-restricted-account"), "true");
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_STOP);

    /* The macros of the next recipient replace those of the last one. */
    set_macro("have-not-restricted-account", "");
    assert_int_equal(ask(configuration, CONDITION_ENVELOPE_RECIPIENT, "<bob@example.com>", NULL),
                     CONDITION_RUN);
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_STOP);
    configuration_release(configuration);
}

static void an_exception_counts_as_false(void **state)
{
    struct configuration *configuration =
        load("define_applicable_condition('A') { |c| c.define_data_stopper { nil.nothing } }\n"
             "define_applicable_condition('B') { |c| c.define_data_stopper { exit } }\n"
             "define_applicable_condition('C') { |c| c.define_data_stopper { |context| "
             "context['go'] } }\n"
             "define_applicable_condition('D') { |c| c.define_data_stopper {\n"
             "  raise \"\\xff\\u00e9\" } }\n"
             "define_applicable_condition('E') { |c| c.define_data_stopper {\n"
             "  sleep 0.01; raise Class.new(StandardError) { def message = raise('no') } } }\n"
             "define_milter('x') { |m| m.applicable_conditions = %w[A B D E C] }\n");

    (void)state;
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(stopped, 0);
    set_macro("go", "yes");
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(stopped, 1);
    configuration_release(configuration);
}

/*
 * Asks count DATA questions at once and waits for the answers, which must be
 * true.  A busy machine may hold up the clock as well, so there are three tries.
 */
static void ask_at_once(const struct configuration *configuration, unsigned count)
{
    for (int try = 0; try < 3 && (try == 0 || worst_slip >= 0.050); try++) {
        answered_count = stopped = 0;
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
        }
        run_loop();
        assert_int_equal(answered_count, count);
        assert_int_equal(stopped, count);
    }
    assert_true(worst_slip < 0.050);
}

static void a_sleeping_stopper_holds_up_nobody(void **state)
{
    struct configuration *configuration =
        load(CONDITION("condition.define_data_stopper { sleep 2; true }"));

    (void)state;
    ask_at_once(configuration, 100);
    assert_true(elapsed() >= 1.99 && elapsed() < 4.0);
    configuration_release(configuration);
}

/* A name server on the loop that answers every query after half a second. */
enum { QUERIES = 256, QUERY_SIZE = 512 };
struct query {
    char bytes[QUERY_SIZE + 16];
    size_t length;
    struct sockaddr_in peer;
    struct loop_timer *timer;
};
static int server_socket;
static struct query queries[QUERIES];
static unsigned query_count;

static void answer_query(void *owner)
{
    static const char answer[] = {'\xc0', 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2};
    struct query *query = owner;

    query->bytes[2] = (char)0x81; /* a response */
    query->bytes[3] = (char)0x80;
    query->bytes[7] = 1; /* with one answer */
    memcpy(query->bytes + query->length, answer, sizeof(answer));
    (void)sendto(server_socket, query->bytes, query->length + sizeof(answer), 0,
                 (const struct sockaddr *)&query->peer, sizeof(query->peer));
}

static void take_query(void *owner, unsigned events)
{
    struct query *query = &queries[query_count];
    socklen_t size = sizeof(query->peer);
    ssize_t length;

    (void)owner;
    (void)events;
    assert_true(query_count < QUERIES);
    length = recvfrom(server_socket, query->bytes, QUERY_SIZE, 0, (struct sockaddr *)&query->peer,
                      &size);
    assert_true(length > 12);
    query_count++;
    query->length = (size_t)length;
    query->timer = loop_timer_new(loop, answer_query, query);
    loop_timer_start(query->timer, 0.5);
}

static void a_slow_name_server_holds_up_nobody(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    struct loop_io *io;
    struct configuration *configuration;
    char *text;

    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server_socket, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(server_socket, (struct sockaddr *)&address, &size), 0);
    io = loop_io_new(loop, server_socket, take_query, NULL);
    loop_io_watch(io, LOOP_READ);

    text = memory_format(CONDITION("condition.define_data_stopper do\n"
                                   "  dns = Resolv::DNS.new(nameserver_port: "
                                   "[['127.0.0.1', %d]], ndots: 1)\n"
                                   "  dns.getaddress('listed.test.').to_s == '127.0.0.2'\n"
                                   "end"),
                         ntohs(address.sin_port));
    configuration = load(text);
    ask_at_once(configuration, 50);
    assert_true(elapsed() >= 0.49 && elapsed() < 3.0);

    for (unsigned i = 0; i < query_count; i++) {
        loop_timer_free(queries[i].timer);
    }
    loop_io_free(io);
    (void)close(server_socket);
    configuration_release(configuration);
    free(text);
}

static void what_blocks_elsewhere_suspends_the_question_only(void **state)
{
    static const char *const rows[] = {
        "Thread.new { sleep 0.05; 5 }.value == 5",
        "system('sleep 0.05') && `echo hi` == \"hi\\n\"",
        "Timeout.timeout(0.05) { sleep 4 } rescue $!.is_a?(Timeout::Error)",
        "q = Queue.new; Fiber.schedule { sleep 0.05; q << 3 }; q.pop == 3",
        "r, w = IO.pipe; Fiber.schedule { sleep 0.05; w.write('x') }; "
        "IO.select([r], nil, nil, 2) == [[r], [], []] && r.read(1) == 'x'",
        "s = TCPServer.new('127.0.0.1', 0); Fiber.schedule { sleep 0.05; x = s.accept; "
        "x.write('hi'); x.close }; x = TCPSocket.new('localhost', s.addr[1]); x.read == 'hi'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = memory_format(CONDITION("condition.define_data_stopper { %s }"), rows[i]);
        struct configuration *configuration = load(text);

        print_message("%s\n", rows[i]);
        ask_at_once(configuration, 1);
        configuration_release(configuration);
        free(text);
    }
}

static void a_passed_deadline_counts_as_false(void **state)
{
    struct configuration *configuration =
        load("manager.condition_timeout = 0.2\n"
             "define_applicable_condition('A') { |c| c.define_data_stopper { |context|\n"
             "  begin; sleep 10; ensure; context['ensured'] = 'yes'; end } }\n"
             "define_applicable_condition('B') { |c| c.define_data_stopper { sleep 0.1; true } }\n"
             "define_milter('x') { |m| m.applicable_conditions = %w[A B] }\n");

    (void)state;
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(stopped, 1);
    assert_string_equal(macro("ensured"), "yes");
    assert_true(elapsed() > 0.29 && elapsed() < 3.0);
    configuration_release(configuration);
}

static void a_stopper_that_ignores_its_deadline_is_left_behind(void **state)
{
    struct configuration *configuration =
        load("manager.condition_timeout = 0.1\n"
             "define_applicable_condition('A') { |c| c.define_data_stopper { |context|\n"
             "  begin; sleep 10; rescue Exception; sleep 10; context['late'] = 'yes'; end } }\n"
             "define_applicable_condition('B') { |c| c.define_data_stopper { true } }\n"
             "define_milter('x') { |m| m.applicable_conditions = %w[A B] }\n");

    (void)state;
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(stopped, 1);
    assert_true(elapsed() < 3.0);
    assert_null(macro("late"));
    configuration_release(configuration);
}

static void no_deadline_when_the_time_is_zero(void **state)
{
    struct configuration *configuration =
        load("manager.condition_timeout = 0\n" CONDITION("condition.define_data_stopper "
                                                         "{ sleep 0.2; true }"));

    (void)state;
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(stopped, 1);
    configuration_release(configuration);
}

static void stop_loop(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

static void a_cancelled_question_is_not_answered(void **state)
{
    struct configuration *configuration = load(CONDITION(
        "condition.define_data_stopper { begin; sleep 0.05; true; ensure; $ended = true; end }\n"
        "condition.define_helo_stopper { $ended }"));
    struct condition_question question = {.stage = CONDITION_DATA, .context = CHILD};
    struct condition_ticket *ticket;
    struct loop_timer *timer = loop_timer_new(loop, stop_loop, NULL);

    (void)state;
    assert_int_equal(ask_question(configuration, &question, &ticket), CONDITION_PENDING);
    condition_cancel(ticket);
    loop_timer_start(timer, 0.1);
    loop_run(loop);
    assert_int_equal(answered_count, 0);
    assert_int_equal(ask(configuration, CONDITION_HELO, "me", NULL), CONDITION_STOP);
    loop_timer_free(timer);
    configuration_release(configuration);
}

/* The snapshot may go while its question waits: the session cancels, then releases. */
static void a_snapshot_may_go_before_the_fiber_ends(void **state)
{
    struct configuration *configuration =
        load(CONDITION("condition.define_data_stopper { begin; sleep 5; rescue Exception; "
                       "sleep 0.05; end }"));
    struct condition_question question = {.stage = CONDITION_DATA, .context = CHILD};
    struct condition_ticket *ticket;
    struct loop_timer *timer = loop_timer_new(loop, stop_loop, NULL);

    (void)state;
    assert_int_equal(ask_question(configuration, &question, &ticket), CONDITION_PENDING);
    condition_cancel(ticket);
    configuration_release(configuration);
    loop_timer_start(timer, 0.1);
    loop_run(loop);
    assert_int_equal(answered_count, 0);
    loop_timer_free(timer);
}

/* What the observer heard: CONDITION OUTCOME [TEXT] [LINE of the stopper]; */
static void observe(void *owner, const struct condition_remark *remark)
{
    static const char *const outcomes[] = {"passed", "stopped", "raised", "timed out"};
    struct buffer *heard = owner;

    assert_int_equal(remark->context, CHILD);
    assert_int_equal(remark->stage, CONDITION_DATA);
    buffer_append_slice(heard, remark->condition);
    buffer_append_format(heard, " %s", outcomes[remark->outcome]);
    if (remark->text.length > 0 && remark->outcome == CONDITION_TIMED_OUT) {
        buffer_append_format(heard, " %.*s", (int)remark->text.length, remark->text.data);
    }
    if (remark->stopper != NULL) {
        assert_string_equal(remark->stopper->condition, "E");
        buffer_append_format(heard, " %d", remark->stopper->line);
    }
    buffer_append_string(heard, "; ");
}

static void an_observer_hears_of_each_condition(void **state)
{
    static const char text[] =
        "manager.condition_timeout = 0.1\n"
        "define_applicable_condition('A') { |c| c.define_data_stopper { false } }\n"
        "define_applicable_condition('B') { |c| c.define_data_stopper { raise 'no' } }\n"
        "define_applicable_condition('C') { |c| c.define_data_stopper { sleep } }\n"
        "define_applicable_condition('D') { |c| c.define_data_stopper { sleep 0.01; nil } }\n"
        "define_applicable_condition('E') { |c| c.define_data_stopper { true } }\n"
        "define_applicable_condition('F') { |c| c.define_data_stopper { true } }\n"
        "define_milter('x') { |m| m.applicable_conditions = %w[A B C D E F] }\n";
    struct configuration *configuration = load(text);
    struct buffer heard = {0};

    (void)state;
    condition_observe(observe, &heard);
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(stopped, 1);
    assert_true(slice_equal_string(buffer_slice(&heard),
                                   "A passed; B raised; C timed out no answer within 0.1 s; "
                                   "D passed; E stopped 7; "));
    buffer_reset(&heard);
    condition_observe(NULL, NULL);
    assert_int_equal(ask(configuration, CONDITION_DATA, NULL, NULL), CONDITION_PENDING);
    run_loop();
    assert_int_equal(buffer_length(&heard), 0);
    buffer_clear(&heard);
    configuration_release(configuration);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(asks_only_for_stages_with_a_stopper),
        TEST(gives_each_kind_of_stopper_its_arguments),
        TEST(the_context_answers_every_question),
        TEST(a_stale_context_raises),
        TEST(socket_addresses_know_what_is_local),
        TEST(shipped_conditions_look_at_the_connection),
        TEST(shipped_conditions_look_at_the_sender),
        TEST(restricts_accounts),
        TEST(an_exception_counts_as_false),
        TEST(a_sleeping_stopper_holds_up_nobody),
        TEST(a_slow_name_server_holds_up_nobody),
        TEST(what_blocks_elsewhere_suspends_the_question_only),
        TEST(a_passed_deadline_counts_as_false),
        TEST(a_stopper_that_ignores_its_deadline_is_left_behind),
        TEST(no_deadline_when_the_time_is_zero),
        TEST(a_cancelled_question_is_not_answered),
        TEST(a_snapshot_may_go_before_the_fiber_ends),
        TEST(an_observer_hears_of_each_condition),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
