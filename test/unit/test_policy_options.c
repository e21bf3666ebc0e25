/*
 * Tests of policy_options and edit_options: values that are taken, values that
 * are refused and with which sentence.
 */
#include "milter-test-client/edit_options.h"
#include "milter-test-client/policy_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_slice(struct slice slice, const char *text)
{
    if (!slice_equal_string(slice, text)) {
        fail_msg("<%.*s> instead of <%s>", (int)slice.length, slice.data, text);
    }
}

static void test_actions(void **state)
{
    static const struct {
        const char *value;
        enum command stage;
        const char *pattern; /* NULL: none */
        enum reply_kind kind;
        const char *text;
    } cases[] = {
        {"connect=accept", COMMAND_CONNECT, NULL, REPLY_ACCEPT, ""},
        {"connect:[::1]:2=tempfail", COMMAND_CONNECT, "[::1]:2", REPLY_TEMPORARY_FAILURE, ""},
        {"mail=temporary-failure", COMMAND_MAIL, NULL, REPLY_TEMPORARY_FAILURE, ""},
        {"envelope-recipient:=discard", COMMAND_RCPT, "", REPLY_DISCARD, ""},
        {"header:A: b=c=continue", COMMAND_HEADER, "A: b=c", REPLY_CONTINUE, ""},
        {"header:A: accept=reject=accept", COMMAND_HEADER, "A: accept=reject", REPLY_ACCEPT, ""},
        {"body=skip", COMMAND_BODY, NULL, REPLY_SKIP, ""},
        {"data=reply:451 4.7.1 later", COMMAND_DATA, NULL, REPLY_CODE, "451 4.7.1 later"},
        {"data=reply:550 a=b", COMMAND_DATA, NULL, REPLY_CODE, "550 a=b"},
        {"rcpt=reply:550 5.7.1 no\\nnever", COMMAND_RCPT, NULL, REPLY_CODE,
         "550-5.7.1 no\r\n550 5.7.1 never"},
        {"rcpt=reply:550 one\\n\\nthree", COMMAND_RCPT, NULL, REPLY_CODE,
         "550-one\r\n550-\r\n550 three"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy policy = {0};
        struct error error = {0};
        const struct policy_action *action;

        assert_true(policy_options_action(&policy, cases[i].value, &error));
        assert_int_equal(policy.action_count, 1);
        action = &policy.actions[0];
        assert_int_equal(action->match.stage, cases[i].stage);
        assert_int_equal(action->match.pattern.data == NULL, cases[i].pattern == NULL);
        assert_slice(action->match.pattern, cases[i].pattern == NULL ? "" : cases[i].pattern);
        assert_int_equal(action->reply.kind, cases[i].kind);
        assert_slice(action->reply.text, cases[i].text);
        policy_clear(&policy);
    }
}

typedef bool parse_fn(struct policy *policy, const char *value, struct error *error);

struct refusal {
    const char *value;
    const char *sentence; /* a part of it */
};

static void assert_refused(parse_fn *parse, const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct policy policy = {0};
        struct error error = {0};

        if (parse(&policy, refusals[i].value, &error)) {
            fail_msg("<%s> was taken", refusals[i].value);
        }
        if (strstr(error.message, refusals[i].sentence) == NULL) {
            fail_msg("<%s>: %s", refusals[i].value, error.message);
        }
        policy_clear(&policy);
    }
}

#define REFUSED(parse, ...)                                                                        \
    do {                                                                                           \
        static const struct refusal refusals[] = {__VA_ARGS__};                                    \
        assert_refused(parse, refusals, sizeof(refusals) / sizeof(refusals[0]));                   \
    } while (0)

static void test_refused_actions(void **state)
{
    (void)state;
    REFUSED(policy_options_action, {"", "no verdict in <>"}, {"connect", "no verdict in <connect>"},
            {"connect=no", "accept, reject, temporary-failure, discard, skip, continue and "
                           "reply:CODE TEXT are verdicts"},
            {"connect=Accept", "no verdict"}, {"connekt=accept", "unknown stage <connekt>"},
            {"=accept", "unknown stage <>"}, {"negotiate=accept", "unknown stage <negotiate>"},
            {"abort=accept", "unknown stage <abort>"},
            {"header=skip", "skip is not allowed at header; accept, reject, temporary-failure, "
                            "discard, continue and reply:CODE TEXT are"},
            {"unknown=discard", "discard is not allowed at unknown; accept, reject, "
                                "temporary-failure, continue and reply:CODE TEXT are"},
            {"data:x=accept", "data has no text"}, {"end-of-header:*=accept", "has no text"},
            {"rcpt=reply:", "not a reply: <>"}, {"rcpt=reply:550", "not a reply"},
            {"rcpt=reply:250 ok", "a code from 400 to 599"}, {"rcpt=reply:550-no", "not a reply"},
            {"rcpt=reply:650 no", "not a reply"}, {"rcpt=reply:5x0 no", "not a reply"},
            {"rcpt=reply:550 a\nb", "not a reply"}, {"rcpt=reply:550 a\rb", "not a reply"});
}

static void test_refused_times(void **state)
{
    (void)state;
    REFUSED(policy_options_delay, {"helo", "no '=' in <helo>"}, {"helo=", "not a length of time"},
            {"helo=fast", "not a length of time: <fast>"}, {"helo=1s+-x", "not a length of time"},
            {"helo=1s+-", "not a length of time"}, {"helo=-1s", "not a length of time"},
            {"quit=1s", "unknown stage <quit>; negotiate, connect"},
            {"negotiate:x=1s", "negotiate has no text"});
    REFUSED(policy_options_progress, {"0", "too short: <0>"}, {"x", "not a length of time"});
    REFUSED(policy_options_fail_every, {"0", "1 means every session"}, {"-1", "larger than 0"},
            {"x", "invalid integer"});
}

static void test_refused_negotiations(void **state)
{
    (void)state;
    REFUSED(policy_options_version, {"1", "version 1 of the protocol is not spoken"},
            {"7", "too big"}, {"", "invalid integer"});
    REFUSED(policy_options_answer_actions, {"no-helo", "unknown action <no-helo>"},
            {"", "unknown action <>"}, {"all|", "unknown action <>"}, {"!", "unknown action <>"},
            {"0x", "unknown action <0x>"});
    REFUSED(policy_options_answer_steps, {"no-helo,!nix", "unknown step <nix>"});
    REFUSED(policy_options_request_macros, {"connect", "no ':' in <connect>"},
            {"body:i", "macros cannot be requested for body"}, {"x:i", "unknown stage <x>"});
}

static void test_edits(void **state)
{
    struct policy policy = {0};
    struct error error = {0};
    const struct reply *edits;

    (void)state;
    assert_true(edit_options_add_header(&policy, "X-A: b: c", &error));
    assert_true(edit_options_insert_header(&policy, "0:X-B:b", &error));
    assert_true(edit_options_change_header(&policy, "2:X-C:  c", &error));
    assert_true(edit_options_delete_header(&policy, "3:X-D", &error));
    assert_true(edit_options_change_from(&policy, "a@b", &error));
    assert_true(edit_options_change_from(&policy, "<>  SIZE=1 BODY=7BIT", &error));
    assert_true(edit_options_add_recipient(&policy, "<a@b>", &error));
    assert_true(edit_options_add_recipient(&policy, "c@d NOTIFY=NEVER", &error));
    assert_true(edit_options_delete_recipient(&policy, "a@b", &error));
    assert_true(edit_options_quarantine(&policy, "looks odd", &error));
    edits = policy.edits;
    assert_int_equal(policy.edit_count, 10);
    assert_int_equal(edits[0].kind, REPLY_ADD_HEADER);
    assert_slice(edits[0].name, "X-A");
    assert_slice(edits[0].value, "b: c");
    assert_int_equal(edits[1].kind, REPLY_INSERT_HEADER);
    assert_int_equal(edits[1].index, 0);
    assert_int_equal(edits[2].kind, REPLY_CHANGE_HEADER);
    assert_int_equal(edits[2].index, 2);
    assert_slice(edits[2].value, " c");
    assert_int_equal(edits[3].kind, REPLY_CHANGE_HEADER);
    assert_slice(edits[3].name, "X-D");
    assert_slice(edits[3].value, "");
    assert_slice(edits[4].text, "<a@b>");
    assert_null(edits[4].arguments.data);
    assert_slice(edits[5].text, "<>");
    assert_slice(edits[5].arguments, "SIZE=1 BODY=7BIT");
    assert_int_equal(edits[6].kind, REPLY_ADD_RECIPIENT);
    assert_slice(edits[6].text, "<a@b>");
    assert_int_equal(edits[7].kind, REPLY_ADD_RECIPIENT_WITH_PARAMETERS);
    assert_slice(edits[7].arguments, "NOTIFY=NEVER");
    assert_slice(edits[8].text, "<a@b>");
    assert_slice(edits[9].text, "looks odd");
    policy_clear(&policy);
}

static void test_refused_edits(void **state)
{
    (void)state;
    REFUSED(edit_options_add_header, {"X", "NAME:VALUE is expected"}, {":v", "NAME:VALUE"});
    REFUSED(edit_options_insert_header, {"X:v", "invalid integer value"},
            {"1:X", "N:NAME:VALUE is expected"}, {"1::v", "N:NAME:VALUE is expected"},
            {"1", "no ':' behind the number"}, {"-1:X:v", "larger than 0"},
            {"4294967296:X:v", "too big"});
    REFUSED(edit_options_change_header, {":X:v", "invalid integer value"});
    REFUSED(edit_options_delete_header, {"1:", "N:NAME is expected"},
            {"1:X:v", "N:NAME is expected"}, {"X", "no ':' behind the number"});
    REFUSED(edit_options_change_from, {"", "not an address"}, {" a", "not an address"});
    REFUSED(edit_options_delete_recipient, {"a b", "ADDRESS alone is expected"});
    REFUSED(edit_options_quarantine, {"", "a reason is needed"});
    REFUSED(edit_options_replace_body, {"-", "standard input cannot be"},
            {"/no/such/file", "/no/such/file does not exist"});
}

/* A policy with the content as its new body. */
static struct policy replace_body(const char *content, size_t length)
{
    char path[] = "/tmp/test-policy-options-XXXXXX";
    int fd = mkstemp(path);
    struct policy policy = {0};
    struct error error = {0};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), (ssize_t)length);
    close(fd);
    assert_true(edit_options_replace_body(&policy, path, &error));
    (void)unlink(path);
    return policy;
}

static void test_bodies(void **state)
{
    static char large[70000];
    struct policy policy = replace_body("a\nb\r\nc", 6);

    (void)state;
    assert_int_equal(policy.edit_count, 1);
    assert_slice(policy.edits[0].text, "a\r\nb\r\nc");
    policy_clear(&policy);

    policy = replace_body("", 0);
    assert_int_equal(policy.edit_count, 1);
    assert_int_equal(policy.edits[0].text.length, 0);
    policy_clear(&policy);

    memset(large, 'x', sizeof(large));
    large[65534] = '\n'; /* its CR would be the last byte of the first chunk */
    policy = replace_body(large, sizeof(large));
    assert_int_equal(policy.edit_count, 2);
    assert_int_equal(policy.edits[0].text.length, 65534);
    assert_int_equal(policy.edits[1].text.length, 70001 - 65534);
    assert_memory_equal(policy.edits[1].text.data, "\r\nx", 3);
    policy_clear(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions),       cmocka_unit_test(test_refused_actions),
        cmocka_unit_test(test_refused_times), cmocka_unit_test(test_refused_negotiations),
        cmocka_unit_test(test_edits),         cmocka_unit_test(test_refused_edits),
        cmocka_unit_test(test_bodies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
