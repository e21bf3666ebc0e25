/*
 * Advice: each rule with a configuration that calls for it and one that does not.
 */
#include "milter-manager/check/lint.h"

#include "libcore/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHILDREN = 4 };

/* A child of a configuration, and what it answered. */
struct row {
    const char *name, *spec;
    const char *item; /* one more item, NULL: none */
    struct value value;
    enum probe_outcome outcome;
    uint32_t actions;
    const char *condition;
};

static struct configuration *configuration;
static struct probe probes[CHILDREN];

static void assign(unsigned index, const char *item, struct value value, int line)
{
    struct error error = {0};

    if (!configuration_assign_child(configuration, index, item, &value,
                                    (struct location){.file = "f", .line = line}, &error)) {
        fail_msg("%s", error.message);
    }
}

static void build_child(const struct row *row)
{
    int line = (int)configuration->child_count * 10 + 10;
    unsigned index = configuration_define_child(configuration, row->name,
                                                (struct location){.file = "f", .line = line});
    struct error error = {0};

    if (row->spec != NULL) {
        assign(index, "connection_spec", value_string(row->spec), line + 1);
    }
    if (row->item != NULL) {
        assign(index, row->item, row->value, line + 2);
    }
    if (row->condition != NULL) {
        configuration_define_condition(configuration, row->condition, NULL, (struct location){0});
        assert_true(configuration_add_child_condition(configuration, index, row->condition,
                                                      (struct location){0}, &error));
    }
    probes[index] =
        (struct probe){.outcome = row->outcome, .answer = {.version = 6, .actions = row->actions}};
}

/* All advice but on the defaults of time-outs, one line each. */
static char *advice_on(const struct row *rows)
{
    FILE *stream;
    struct findings findings;
    struct check check = {.findings = &findings, .probes = probes};
    char *text = NULL, *kept = memory_copy_string("");
    size_t size;

    configuration = configuration_new();
    for (unsigned i = 0; i < CHILDREN && rows[i].name != NULL; i++) {
        build_child(&rows[i]);
    }
    check.configuration = configuration;
    stream = open_memstream(&text, &size);
    findings_init(&findings, stream, false);
    lint_run(&check);
    (void)fclose(stream);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "  note:     connecting and", 26) != 0) {
            char *longer = memory_format("%s%s\n", kept, line);

            free(kept);
            kept = longer;
        }
    }
    free(text);
    configuration_release(configuration);
    return kept;
}

static void advises(const struct row *rows, const char *expected)
{
    char *advice = advice_on(rows);

    assert_string_equal(advice, expected);
    free(advice);
}

static void single_children(void **state)
{
    (void)state;
    advises((struct row[]){{0}}, "  warning:  no milter is in use: all mail passes as it is; "
                                 "define_milter adds one\n");
    advises((struct row[]){{"a", "inet:1@127.0.0.1", .outcome = PROBE_NEGOTIATED}, {0}}, "");
    advises((struct row[]){{"a", "inet:1@127.0.0.1", .outcome = PROBE_NEGOTIATED},
                           {"b", "inet:2@127.0.0.1", "enabled", value_boolean(false),
                            .outcome = PROBE_NOT_ASKED},
                           {0}},
            "  note:     f:22: milter \"b\" is disabled: it is neither used nor asked\n");
    advises((struct row[]){{"a", "inet:1@127.0.0.1", "evaluation_mode", value_boolean(true),
                            .outcome = PROBE_UNREACHABLE},
                           {0}},
            "  note:     f:12: milter \"a\" is in evaluation mode: what it answers and changes is "
            "logged and ignored\n");
    advises((struct row[]){{"a", "unix:run/a", .outcome = PROBE_NEGOTIATED}, {0}},
            "  warning:  f:11: milter \"a\": unix:run/a is a relative path, and the directory of a "
            "daemon is /; write the whole path\n");
    advises((struct row[]){{"a", "inet:10025@127.0.0.1", .outcome = PROBE_NEGOTIATED}, {0}},
            "  error:    f:11: milter \"a\": inet:10025@127.0.0.1 is where milter-manager itself "
            "listens: every mail would go round in a circle; correct one of the two\n");
}

static void fallbacks_of_what_cannot_be_used(void **state)
{
    static const struct {
        const char *fallback, *advice;
        enum probe_outcome outcome;
    } rows[] = {
        {"accept",
         "  note:     mail passes without \"a\" until it is back: fallback_status is \"accept\"\n",
         PROBE_SILENT},
        {"temporary-failure",
         "  warning:  f:12: milter \"a\" cannot be used and has fallback_status "
         "\"temporary-failure\": its mail is put off until it is back\n",
         PROBE_UNREACHABLE},
        {"reject",
         "  error:    f:12: milter \"a\" cannot be used and has fallback_status \"reject\": its "
         "mail is refused for good until it is back\n",
         PROBE_CLOSED},
        {"discard",
         "  error:    f:12: milter \"a\" cannot be used and has fallback_status \"discard\": its "
         "mail is thrown away unseen until it is back\n",
         PROBE_INVALID},
        {"discard",
         "  warning:  f:12: milter \"a\" has fallback_status \"discard\": whenever it fails, its "
         "mail is thrown away unseen; \"temporary-failure\" keeps the mail\n",
         PROBE_NEGOTIATED},
        {"reject", "", PROBE_NEGOTIATED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        advises((struct row[]){{"a", "inet:1@127.0.0.1", "fallback_status",
                                value_string(rows[i].fallback), .outcome = rows[i].outcome},
                               {0}},
                rows[i].advice);
    }
}

static void children_beside_each_other(void **state)
{
    const char *signature = "  warning:  f:10: milter \"dkim-sign\" comes before \"b\", which may "
                            "change the header: a signature made before that becomes invalid; sign "
                            "last, or keep your own mail from \"b\" (condition "
                            "\"Unauthenticated\")\n";
    struct value short_time = value_number(100);
    struct row order[] = {{"opendmarc", "inet:1@127.0.0.1", "end_of_message_timeout", short_time,
                           .outcome = PROBE_NEGOTIATED},
                          {"opendkim", "inet:2@127.0.0.1", "end_of_message_timeout", short_time,
                           .outcome = PROBE_NEGOTIATED},
                          {0}};
    struct row signer[] = {{"dkim-sign", "inet:1@127.0.0.1", "end_of_message_timeout", short_time,
                            .outcome = PROBE_NEGOTIATED},
                           {"b", "inet:2@127.0.0.1", "end_of_message_timeout", short_time,
                            .outcome = PROBE_NEGOTIATED, .actions = ACTION_CHANGE_HEADERS},
                           {0}};
    struct row twice[] = {
        {"a", "unix:/run/a", "end_of_message_timeout", short_time, .outcome = PROBE_NEGOTIATED},
        {"b", "local:/run/a", "end_of_message_timeout", short_time, .outcome = PROBE_NEGOTIATED},
        {0}};

    (void)state;
    advises(order,
            "  warning:  f:20: milter \"opendkim\" comes after \"opendmarc\", and DMARC needs "
            "what it finds out; define it before\n");
    order[1].name = "opendkim-signer";
    advises(order, "");
    advises(signer, signature);
    signer[1].condition = "Unauthenticated";
    advises(signer, "");
    signer[1].condition = NULL;
    signer[1].actions = ACTION_ADD_HEADERS;
    advises(signer, "");
    signer[1].actions = ACTION_CHANGE_HEADERS;
    signer[0].name = "opendkim"; /* it verifies as well, and others change headers after that */
    advises(signer, "");
    advises(twice,
            "  warning:  f:21: milter \"b\" has the same connection_spec as \"a\": each mail "
            "goes through it twice; correct one of the two, or remove it\n");
}

static void time_outs_of_mail_servers(void **state)
{
    struct row rows[] = {
        {"a", "inet:1@127.0.0.1", "reading_timeout", value_number(20), .outcome = PROBE_NEGOTIATED},
        {0}};
    struct row sum[] = {{"a", "inet:1@127.0.0.1", "end_of_message_timeout", value_number(299),
                         .outcome = PROBE_NEGOTIATED},
                        {"b", "inet:2@127.0.0.1", .outcome = PROBE_NEGOTIATED},
                        {0}};

    (void)state;
    advises(
        rows,
        "  warning:  f:12: connecting and negotiating may take 317 s (connection_timeout and "
        "reading_timeout: \"a\" 317 s); Postfix waits 30 s (milter_connect_timeout), Sendmail 10 "
        "s (R:) by default: a milter that hangs makes it give up first; lower the time-outs, or "
        "raise the mail server's\n"
        "  warning:  f:12: a command may take 20 s (reading_timeout: \"a\" 20 s); Sendmail waits "
        "10 s (R:) by default: a milter that hangs makes it give up first; lower the time-outs, "
        "or raise the mail server's\n");
    advises(sum,
            "  warning:  f:12: the end of a message may take 596 s (end_of_message_timeout: "
            "\"a\" 299 s + \"b\" 297 s); Postfix waits 300 s (milter_content_timeout), Sendmail "
            "300 s (E:) by default: a milter that hangs makes it give up first; lower the "
            "time-outs so that their sum fits, or raise the mail server's\n");
    sum[0].value = value_number(3);
    advises(sum, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_children),
        cmocka_unit_test(fallbacks_of_what_cannot_be_used),
        cmocka_unit_test(children_beside_each_other),
        cmocka_unit_test(time_outs_of_mail_servers),
    };

    (void)unsetenv("MILTER_DEFAULT_CONNECTION_SPEC");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
