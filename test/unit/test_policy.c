/*
 * Tests of policy: globs, which entry concerns a command, the answer to a
 * negotiation.
 */
#include "milter-test-client/policy.h"
#include "milter-test-client/policy_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct slice s(const char *text)
{
    return slice_from_string(text);
}

static void add_action(struct policy *policy, const char *value)
{
    struct error error = {0};

    if (!policy_options_action(policy, value, &error)) {
        fail_msg("%s: %s", value, error.message);
    }
}

static void test_glob(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "x", true},
        {"?", "", false},
        {"?", "x", true},
        {"a?c", "aBc", true},
        {"A*c", "abbbC", true},
        {"a*c", "abbbd", false},
        {"*spam*", "X-Spam: yes", true},
        {"*a*b*c", "xaxbxcxc", true},
        {"*a*b*c", "xaxcxbx", false},
        {"*.example.*", "mx.example.net", true},
        {"[a]", "a", false}, /* no classes */
        {"[a]", "[a]", true},
        {"a", "ab", false},
        {"ab", "a", false},
        {"*ab", "aab", true},
        {"a*", "a", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (policy_glob(s(cases[i].pattern), s(cases[i].text)) != cases[i].fits) {
            fail_msg("<%s> and <%s>", cases[i].pattern, cases[i].text);
        }
    }
}

/* Going back costs no more than the product of the lengths. */
static void test_glob_is_not_exponential(void **state)
{
    char text[60000];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_false(policy_glob(s("*a*a*a*a*a*a*a*a*a*a*a*a*b"), slice_of(text, sizeof(text))));
}

static struct command_packet command_of(enum command stage, const char *text)
{
    struct command_packet command = {.command = stage};

    command.text = s(text);
    return command;
}

static void test_first_action_wins(void **state)
{
    struct policy policy = {0};
    struct command_packet rcpt = {.command = COMMAND_RCPT};
    struct command_packet helo = command_of(COMMAND_HELO, "x");

    (void)state;
    add_action(&policy, "rcpt:good@*=accept");
    add_action(&policy, "rcpt=reject");
    add_action(&policy, "rcpt=discard");
    rcpt.envelope.address = s("<Good@example.org>");
    assert_int_equal(policy_reply(&policy, &rcpt, false).kind, REPLY_ACCEPT);
    rcpt.envelope.address = s("<bad@example.org>");
    assert_int_equal(policy_reply(&policy, &rcpt, false).kind, REPLY_REJECT);
    assert_int_equal(policy_reply(&policy, &helo, false).kind, REPLY_CONTINUE);
    policy_clear(&policy);
}

static enum reply_kind reply_to(const char *action, const struct command_packet *command,
                                bool leading_space)
{
    struct policy policy = {0};
    enum reply_kind kind;

    add_action(&policy, action);
    kind = policy_reply(&policy, command, leading_space).kind;
    policy_clear(&policy);
    return kind;
}

static void test_texts_of_the_stages(void **state)
{
    struct command_packet connect = {.command = COMMAND_CONNECT};
    struct command_packet mail = {.command = COMMAND_MAIL};
    struct command_packet header = {.command = COMMAND_HEADER};
    struct command_packet body = command_of(COMMAND_BODY, "one\r\nbuy pills\r\n");
    struct command_packet unknown = command_of(COMMAND_UNKNOWN, "FOO bar");

    (void)state;
    connect.connect = (struct command_connect){s("mx.test"), '6', 25, s("IPv6:2001:db8::1")};
    assert_int_equal(reply_to("connect:MX.*=reject", &connect, false), REPLY_REJECT);
    assert_int_equal(reply_to("connect:2001:db8:*=reject", &connect, false), REPLY_REJECT);
    assert_int_equal(reply_to("connect:IPv6:2001:db8:*=reject", &connect, false), REPLY_REJECT);
    assert_int_equal(reply_to("connect:2001=reject", &connect, false), REPLY_CONTINUE);

    mail.envelope.address = s("<a@b>");
    assert_int_equal(reply_to("mail:a@b=reject", &mail, false), REPLY_REJECT);
    assert_int_equal(reply_to("envelope-from:<a@b>=reject", &mail, false), REPLY_REJECT);
    assert_int_equal(reply_to("mail:=reject", &mail, false), REPLY_CONTINUE);
    mail.envelope.address = s("<>");
    assert_int_equal(reply_to("mail:=reject", &mail, false), REPLY_REJECT);
    assert_int_equal(reply_to("mail:<>=reject", &mail, false), REPLY_REJECT);

    header.header.name = s("Subject");
    header.header.value = s("a=b: c");
    assert_int_equal(reply_to("header:subject: A=B: c=reject", &header, false), REPLY_REJECT);
    header.header.value = s(" a=b: c");
    assert_int_equal(reply_to("header:subject: A=B: c=reject", &header, true), REPLY_REJECT);
    assert_int_equal(reply_to("header:subject: A=B: c=reject", &header, false), REPLY_CONTINUE);

    assert_int_equal(reply_to("body:BUY ?ills=discard", &body, false), REPLY_DISCARD);
    assert_int_equal(reply_to("body:sell=discard", &body, false), REPLY_CONTINUE);
    assert_int_equal(reply_to("unknown:foo*=reject", &unknown, false), REPLY_REJECT);
    assert_int_equal(reply_to("unknown:foo=reject", &unknown, false), REPLY_CONTINUE);
}

static void test_faults_and_delays(void **state)
{
    struct command_packet helo = command_of(COMMAND_HELO, "slow");
    struct command_packet end = command_of(COMMAND_END_OF_MESSAGE, "");
    struct policy policy = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(policy_fault(&policy, &helo, false, 1), FAULT_NONE);
    assert_true(policy_options_fault(&policy, FAULT_HANG, "helo:slow", &error));
    assert_true(policy_options_fault(&policy, FAULT_CLOSE, "helo", &error));
    assert_int_equal(policy_fault(&policy, &helo, false, 1), FAULT_HANG);
    helo.text = s("other");
    assert_int_equal(policy_fault(&policy, &helo, false, 1), FAULT_CLOSE);
    assert_true(policy_options_fail_every(&policy, "3", &error));
    assert_int_equal(policy_fault(&policy, &helo, false, 2), FAULT_NONE);
    assert_int_equal(policy_fault(&policy, &helo, false, 6), FAULT_CLOSE);
    assert_int_equal(policy_fault(&policy, &end, false, 6), FAULT_NONE);

    assert_true(policy_options_delay(&policy, "helo=2s+-500ms", &error));
    assert_float_equal((float)policy_delay(&policy, &helo, false, 0), 1.5F, 1e-6);
    assert_float_equal((float)policy_delay(&policy, &helo, false, 0.5), 2.0F, 1e-6);
    assert_float_equal((float)policy_delay(&policy, &helo, false, 1), 2.5F, 1e-6);
    assert_float_equal((float)policy_delay(&policy, &end, false, 1), 0.0F, 1e-6);
    assert_true(policy_options_delay(&policy,
                                     "end-of-message=1ms\xc2\xb1"
                                     "2ms",
                                     &error));
    assert_float_equal((float)policy_delay(&policy, &end, false, 0), 0.0F,
                       1e-6); /* never negative */
    policy_clear(&policy);

    assert_true(policy_options_fail_every(&policy, "2", &error));
    assert_int_equal(policy_fault(&policy, &end, false, 1), FAULT_NONE);
    assert_int_equal(policy_fault(&policy, &end, false, 2), FAULT_CLOSE);
    assert_int_equal(policy_fault(&policy, &helo, false, 2), FAULT_NONE);
    policy_clear(&policy);
}

static void test_negotiation(void **state)
{
    const struct negotiation offer = {.version = 6, .actions = 0x1ff, .steps = 0x1fffff};
    const struct negotiation small = {.version = 2, .actions = 0x3f, .steps = 0x7f};
    struct policy policy = {0};
    struct buffer lists = {0};
    struct error error = {0};
    struct negotiation answer = policy_negotiate(&policy, &offer, &lists);

    (void)state;
    assert_int_equal(answer.version, 6);
    assert_int_equal(answer.actions, 0x1ff);
    assert_int_equal(answer.steps, STEP_SKIP);
    assert_int_equal(answer.macro_lists.length, 0);
    assert_int_equal(policy_negotiate(&policy, &small, &lists).version, 2);

    assert_true(policy_options_version(&policy, "4", &error));
    assert_true(
        policy_options_answer_actions(&policy, "add-headers,quarantine,!change-body", &error));
    assert_true(policy_options_answer_steps(&policy, "no-helo|!skip", &error));
    answer = policy_negotiate(&policy, &offer, &lists);
    assert_int_equal(answer.version, 4);
    assert_int_equal(answer.actions, 0x23);
    assert_int_equal(answer.steps, STEP_NO_HELO | STEP_SKIP);
    answer = policy_negotiate(
        &policy, &(struct negotiation){.version = 3, .actions = 1, .steps = 1}, &lists);
    assert_int_equal(answer.version, 3);
    assert_int_equal(answer.actions, 0x03);
    assert_int_equal(answer.steps, STEP_SKIP);
    policy_clear(&policy);
    buffer_clear(&lists);
}

static void test_macro_lists(void **state)
{
    const struct negotiation offer = {.version = 6, .actions = 0x1ff, .steps = 0};
    struct negotiation poor = {.version = 6, .actions = 0x0ff, .steps = 0};
    static const char expected[] = "\0\0\0\0j {daemon_name} {if_addr}\0\0\0\0\5i\0\0\0\0\6";
    struct policy policy = {0};
    struct buffer lists = {0};
    struct error error = {0};
    struct negotiation answer;

    (void)state;
    assert_true(policy_options_request_macros(&policy, "end-of-header:", &error));
    assert_true(policy_options_request_macros(&policy, "end-of-message:i", &error));
    assert_true(policy_options_request_macros(&policy, "connect:j,{daemon_name}", &error));
    assert_true(policy_options_request_macros(&policy, "connect:if_addr", &error));
    assert_true(policy_options_answer_actions(&policy, "none", &error));
    answer = policy_negotiate(&policy, &offer, &lists);
    assert_int_equal(answer.actions, ACTION_SET_MACRO_LIST);
    assert_int_equal(answer.macro_lists.length, sizeof(expected));
    assert_memory_equal(answer.macro_lists.data, expected, sizeof(expected));
    buffer_reset(&lists);
    assert_int_equal(policy_negotiate(&policy, &poor, &lists).macro_lists.length, 0);
    policy_clear(&policy);
    buffer_clear(&lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_glob_is_not_exponential),
        cmocka_unit_test(test_first_action_wins),
        cmocka_unit_test(test_texts_of_the_stages),
        cmocka_unit_test(test_faults_and_delays),
        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_macro_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
