/*
 * Tests of the scenario of --explain: defaults, what beats what, where macros
 * go, the commands that come of it, assumptions and mistakes.
 */
#include "milter-manager/explain/scenario.h"

#include "libcore/base/memory.h"
#include "libcore/wire/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char mail_path[] = "/tmp/test_explain_scenario.XXXXXX";

static void write_mail(const char *text)
{
    FILE *file = fopen(mail_path, "w");

    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static int set_up(void **state)
{
    int fd = mkstemp(mail_path);

    (void)state;
    if (fd < 0) {
        return -1;
    }
    (void)close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(mail_path);
}

static void add(struct option_strings *strings, const char *text)
{
    option_strings_add(strings, text);
}

static void clear_arguments(struct explain_arguments *arguments)
{
    option_strings_clear(&arguments->recipients);
    option_strings_clear(&arguments->headers);
    option_strings_clear(&arguments->bodies);
    option_strings_clear(&arguments->macros);
    option_strings_clear(&arguments->assumptions);
    *arguments = (struct explain_arguments){.wanted = true};
}

/* "C H M R R T L N B E" with what stands in the first string of each, as far as it is text. */
static char *commands_of(const struct scenario *scenario)
{
    struct buffer packets = {0}, text = {0};
    struct slice rest;
    struct packet packet;
    char *result;

    scenario_commands(scenario, &packets);
    rest = buffer_slice(&packets);
    while (packet_next(&rest, &packet, NULL) == PACKET_READY) {
        struct slice first = packet.payload;

        (void)slice_take_string(&packet.payload, &first);
        buffer_append_format(&text, "%c(%.*s) ", packet.letter, (int)first.length, first.data);
    }
    result = memory_copy_bytes(buffer_slice(&text).data, buffer_length(&text));
    buffer_clear(&packets);
    buffer_clear(&text);
    return result;
}

static void assert_commands(const struct scenario *scenario, const char *expected)
{
    char *commands = commands_of(scenario);

    assert_string_equal(commands, expected);
    free(commands);
}

static void assert_macro(const struct scenario *scenario, enum command stage, const char *name,
                         const char *expected)
{
    struct slice value;
    bool found =
        macro_pair_find(macro_store_get(&scenario->macros, stage), slice_from_string(name), &value);

    if (expected == NULL) {
        assert_false(found);
        return;
    }
    assert_true(found);
    assert_true(slice_equal_string(value, expected));
}

static void begin(struct scenario *scenario, const struct explain_arguments *arguments)
{
    struct error error = {0};

    if (!scenario_init(scenario, arguments, &error)) {
        fail_msg("%s", error.message);
    }
}

static void test_defaults(void **state)
{
    const struct explain_arguments arguments = {.wanted = true};
    struct scenario scenario;

    (void)state;
    begin(&scenario, &arguments);
    assert_commands(&scenario,
                    "C(mx.example.net) H(delian) M(<sender@example.com>) "
                    "R(<receiver@example.org>) T() L(From) L(To) N() "
                    "B(La de da de da 1.\nLa de da de da 2.\nLa de da de da 3.\nLa de da de da 4.) "
                    "E() ");
    assert_int_equal(scenario.connect.family, '4');
    assert_int_equal(scenario.connect.port, 50443);
    assert_string_equal(scenario.address, "192.168.123.123");
    for (unsigned part = 0; part < SCENARIO_PARTS; part++) {
        assert_int_equal(scenario.origins[part], ORIGIN_DEFAULT);
    }
    assert_macro(&scenario, COMMAND_CONNECT, "j", "mail.example.com");
    assert_macro(&scenario, COMMAND_CONNECT, "v", NULL);
    scenario_clear(&scenario);
}

static void test_options_beat_the_mail(void **state)
{
    struct explain_arguments arguments = {.mail_file = mail_path};
    struct scenario scenario;

    (void)state;
    write_mail("From: a@x\nTo: b@x\nTo: c@x\nSubject: hi\n\nfrom the file\n");
    begin(&scenario, &arguments);
    assert_commands(&scenario, "C(mx.example.net) H(delian) M(<a@x>) R(<b@x>) R(<c@x>) T() "
                               "L(From) L(To) L(To) L(Subject) N() B(from the file) E() ");
    assert_int_equal(scenario.origins[SCENARIO_SENDER], ORIGIN_MAIL_FILE);
    assert_int_equal(scenario.origins[SCENARIO_BODY], ORIGIN_MAIL_FILE);
    scenario_clear(&scenario);

    arguments.sender = "";
    arguments.helo = "h";
    add(&arguments.recipients, "z@x");
    add(&arguments.headers, "X-First: 1");
    add(&arguments.bodies, "1");
    add(&arguments.bodies, "2");
    begin(&scenario, &arguments);
    assert_commands(&scenario, "C(mx.example.net) H(h) M(<>) R(<z@x>) T() L(X-First) L(From) L(To) "
                               "L(To) L(Subject) N() B(1) B(2) E() ");
    assert_int_equal(scenario.origins[SCENARIO_SENDER], ORIGIN_OPTION);
    assert_int_equal(scenario.origins[SCENARIO_RECIPIENTS], ORIGIN_OPTION);
    scenario_clear(&scenario);
    clear_arguments(&arguments);
}

static void test_macros_go_where_they_belong(void **state)
{
    struct explain_arguments arguments = {.authenticated_name = "joe"};
    struct scenario scenario;

    (void)state;
    add(&arguments.macros, "i=Q1");             /* known to MTAs at MAIL, and there are defaults */
    add(&arguments.macros, "{client_name}=mx"); /* nobody sends it unasked */
    add(&arguments.macros, "helo:verify=OK=x"); /* a stage is said */
    add(&arguments.macros, "tls_version=a:b");  /* the colon is the value's */
    add(&arguments.macros, "data:i=Q2");        /* the last one counts */
    begin(&scenario, &arguments);
    assert_macro(&scenario, COMMAND_CONNECT, "i", NULL);
    assert_macro(&scenario, COMMAND_MAIL, "i", "Q1");
    assert_macro(&scenario, COMMAND_DATA, "i", "Q2");
    assert_macro(&scenario, COMMAND_END_OF_MESSAGE, "i", "Q1");
    assert_macro(&scenario, COMMAND_CONNECT, "client_name", "mx");
    assert_macro(&scenario, COMMAND_HELO, "verify", "OK=x");
    assert_macro(&scenario, COMMAND_HELO, "tls_version", "a:b");
    assert_macro(&scenario, COMMAND_HELO, "cipher", "0");
    assert_macro(&scenario, COMMAND_MAIL, "auth_authen", "joe");
    scenario_clear(&scenario);
    clear_arguments(&arguments);
}

static void test_assumptions(void **state)
{
    struct explain_arguments arguments = {.wanted = true};
    struct scenario scenario;
    const struct assumption *assumption;

    (void)state;
    add(&arguments.assumptions, "a=b=reject");
    add(&arguments.assumptions, "c=temporary_failure@helo");
    add(&arguments.assumptions, "c=Discard@helo");
    add(&arguments.assumptions, "d=failure");
    add(&arguments.assumptions, "d=failure@body");
    begin(&scenario, &arguments);
    assumption = assumptions_find(&scenario.assumptions, "a=b", COMMAND_END_OF_MESSAGE);
    assert_non_null(assumption);
    assert_int_equal(assumption->verdict, VERDICT_REJECT);
    assumption = assumptions_find(&scenario.assumptions, "c", COMMAND_HELO);
    assert_int_equal(assumption->verdict, VERDICT_DISCARD);
    assert_null(assumptions_find(&scenario.assumptions, "c", COMMAND_END_OF_MESSAGE));
    assert_true(assumptions_find(&scenario.assumptions, "d", COMMAND_NEGOTIATE)->fails);
    assert_true(assumptions_find(&scenario.assumptions, "d", COMMAND_BODY)->fails);
    scenario_clear(&scenario);
    clear_arguments(&arguments);
}

static void assert_refused(struct explain_arguments *arguments, const char *message)
{
    struct scenario scenario;
    struct error error = {0};

    assert_false(scenario_init(&scenario, arguments, &error));
    assert_string_equal(error.message, message);
    clear_arguments(arguments);
}

static void test_mistakes(void **state)
{
    struct explain_arguments arguments = {.connect_address = "1.2.3.4"};

    (void)state;
    assert_refused(&arguments, "--connect-address: spec doesn't have colon: <1.2.3.4>");
    add(&arguments.macros, "novalue");
    assert_refused(&arguments, "--macro: a macro should be [STAGE:]NAME=VALUE but was <novalue>");
    add(&arguments.macros, "helo:=x");
    assert_refused(&arguments, "--macro: a macro should be [STAGE:]NAME=VALUE but was <helo:=x>");
    add(&arguments.macros, "body:a=x");
    assert_refused(&arguments,
                   "--macro: unknown stage <body>: it should be one of connect, helo, "
                   "envelope-from, envelope-recipient, data, end-of-header, end-of-message");
    add(&arguments.headers, ":x");
    assert_refused(&arguments, "--header: a header should be NAME:VALUE but was <:x>");
    arguments.mail_file = "/nonexistent/mail";
    assert_refused(&arguments, "--mail-file: /nonexistent/mail does not exist.");
    add(&arguments.assumptions, "a");
    assert_refused(&arguments,
                   "--assume: an assumption should be NAME=VERDICT[@STAGE] but was <a>");
    add(&arguments.assumptions, "a=maybe");
    assert_refused(&arguments, "--assume: unknown verdict <maybe>: it should be one of accept, "
                               "reject, temporary-failure, discard, failure");
    add(&arguments.assumptions, "a=reject@quit");
    assert_refused(&arguments,
                   "--assume: unknown stage <quit>: it should be one of connect, helo, "
                   "envelope-from, envelope-recipient, data, header, end-of-header, body, "
                   "end-of-message");
}

static void test_a_field_that_no_packet_holds(void **state)
{
    struct explain_arguments arguments = {.mail_file = mail_path};
    FILE *file = fopen(mail_path, "w");

    (void)state;
    assert_non_null(file);
    (void)fputs("X-Long: ", file);
    for (unsigned i = 0; i < PROTOCOL_PACKET; i++) {
        (void)putc('x', file);
    }
    (void)fputs("\n\n", file);
    (void)fclose(file);
    assert_refused(&arguments, "--mail-file: a header field has 2097159 bytes; 2096128 fit into a "
                               "packet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_options_beat_the_mail),
        cmocka_unit_test(test_macros_go_where_they_belong),
        cmocka_unit_test(test_assumptions),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_a_field_that_no_packet_holds),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
