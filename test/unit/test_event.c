/*
 * Tests of events: every statistics line, the older ones, failures of children, and header fields.
 */
#include "milter-manager-log-analyzer/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "KIND NAME ITEM VALUE; ...", sorted as they come; the name in brackets. */
static const char *counts_of(struct slice text, bool statistics, const char *child)
{
    static char result[2048];
    const struct log_record record = {
        .statistics = statistics, .text = text, .child = slice_from_string(child)};
    struct event event;
    size_t used = 0;

    result[0] = '\0';
    bool any = event_read(&record, &event);
    assert_int_equal(any, event.count > 0);
    for (size_t i = 0; i < event.count; i++) {
        const struct event_count *count = &event.counts[i];
        const struct series_info *info = series_info(count->kind);
        char bucket[16];

        (void)snprintf(bucket, sizeof(bucket), "b%u", count->item);
        used += (size_t)snprintf(result + used, sizeof(result) - used, "%s%s(%.*s) %s %llu",
                                 i > 0 ? "; " : "", info->name, (int)count->name.length,
                                 count->name.data,
                                 info->items == NULL ? bucket : info->items[count->item].name,
                                 (unsigned long long)count->value);
    }
    return result;
}

static void expect(bool statistics, const char *text, const char *wanted)
{
    const char *counts = counts_of(slice_from_string(text), statistics, NULL);

    if (strcmp(counts, wanted) != 0) {
        fail_msg("%s\n  counts for <%s>\n  and not for <%s>", text, counts, wanted);
    }
}

static void test_statistics_lines(void **state)
{
    static const char *const lines[][2] = {
        {"[session][end][end-of-message-replied][pass][1](7)",
         "session() smtp 1; status() pass 1; latency() b56 1"},
        {"[session][end][quit][temporary-failure][0](7)",
         "session() smtp 1; status() temporary-failure 1; latency() b0 1"},
        {"[session][end][quit][unheard-of][1e-05](7)", "session() smtp 1; latency() b0 1"},
        {"[session][end][1.25e+02](7)", "session() smtp 1; latency() b84 1"},
        {"[session][end][quit][stop][-1](7)", "session() smtp 1"},
        {"[session][disconnected][0.5](7)", "session() disconnected 1"},
        {"[milter][end][connect][stop][0.001](8): a: b (c)",
         "session() child 1; milter-status(a: b (c)) stop 1; milter-latency(a: b (c)) b16 1"},
        {"[milter][end][0.001](8): spamass", "session() child 1; milter-latency(spamass) b16 1"},
        {"[sessions][finished] 29(+3) 17", "session() concurrent 17"},
        {"[reply][end-of-message][quarantine](7)", "status() quarantine 1"},
        {"[reply][envelope-from][reject]", "status() reject 1"},
        {"[reply][end-of-message][continue]", "status() pass 1"},
        {"[reply][header][continue]", ""},
        {"[abort][data]", "status() abort 1"},
        {"[maintain][memory] (5432KB) total:1 Proc:2 GLib::Object:3", "memory() memory 5432"},
        {"[session][header][add](7): <X-Spam-Flag>=<YES>", ""},
        {"[milter][header][add](8): <X-Spam-Flag>=<YES>: a: b",
         "report() spam 1; milter-report(a: b) spam 1"},
        {"[milter][header][add](8): <X-Other>=<YES>: a", ""},
        /* What mails make of it. */
        {"[milter][header][add](8): <X-Spam-Flag>=<a>: b>: spamass", ""},
        {"[milter][header][add](8): <X-Virus-Status>=<Infected (<a>: b)>: clamav",
         "report() virus 1; milter-report(clamav) virus 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect(true, lines[i][0], lines[i][1]);
        expect(false, lines[i][0], "");
    }
}

static void test_lines_that_are_cut_off_count_for_nothing(void **state)
{
    static const char *const lines[] = {
        "[milter][end][end-of-message][pass][0.001](8): ",
        "[milter][header][add](8): <X-Spam-Flag>=<YES>: ",
        "[sessions][finished] 29(+3) ",
        "[session][disconnected][0.5](7",
        "[maintain][memory] (5432K",
        "[reply][end-of-message][quarantine",
        "[children][down][helo][accept] [1] x; further failures are counted until it answers: ",
        "[children][timeout][reading][data][accept] [3] no reply for 1 seconds (reading_timeout): ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (size_t end = 0; end <= strlen(lines[i]); end++) {
            bool statistics = strncmp(lines[i], "[children]", 10) != 0;

            assert_string_equal(counts_of(slice_of(lines[i], end), statistics, NULL), "");
        }
    }
}

static void test_failures_of_children(void **state)
{
#define COUNTS(item, fallback)                                                                     \
    "milter-failure(a: b) " item " 1; milter-failure(a: b) " fallback " 1"
    static const char *const lines[][2] = {
        {"[children][timeout][connection][negotiate][accept] [7] connection to inet:1@[::1] timed "
         "out after 5 seconds: a: b",
         COUNTS("connection-timeout", "accept")},
        {"[children][timeout][reading][data][temporary-failure] [7] unix:/s: no reply for 1 "
         "seconds "
         "(reading_timeout): a: b",
         COUNTS("reading-timeout", "temporary-failure")},
        {"[children][timeout][writing][body][reject] [7] writing to unix:/s timed out: nothing was "
         "taken for 1 seconds, 2 bytes are left: a: b",
         COUNTS("writing-timeout", "reject")},
        {"[children][timeout][end-of-message][end-of-message][discard] [7] unix:/s: no final reply "
         "for 1 seconds (end_of_message_timeout): a: b",
         COUNTS("end-of-message-timeout", "discard")},
        {"[children][error][connect][accept] [7] connection to unix:/s failed: No such file or "
         "directory: a: b",
         COUNTS("connection", "accept")},
        {"[children][error][connect][accept] [7] connection closed by unix:/s: a: b",
         COUNTS("closed", "accept")},
        {"[children][error][connect][accept] [7] failed to read from unix:/s: Connection reset by "
         "peer: a: b",
         COUNTS("closed", "accept")},
        {"[children][error][connect][accept] [7] unix:/s: unknown reply 'Z': a: b",
         COUNTS("protocol", "accept")},
        {"[children][error][connect][accept] [7] unix:/s: reply code must be 4xx or 5xx followed "
         "by "
         "a text, but was \"1: 2\": a: b",
         COUNTS("protocol", "accept")},
        {"[children][error][connect][accept] [7] an older sentence: with a cause: b",
         "milter-failure(b) error 1; milter-failure(b) accept 1"},
        {"[children][error][helo] [7] unix:/s: discard is no answer there: a: b",
         "milter-failure(a: b) protocol 1"},
        {"[children][error][replace-body] [7] disk full: a: b", ""},
        {"[children][down][negotiate][accept] [1] connection to inet:1@[127.0.0.1] refused: "
         "Connection refused; further failures are counted until it answers: a: b",
         COUNTS("connection", "accept") "; milter-failure(a: b) down 1"},
        {"[children][down][negotiate][accept] [1] unix:/s: no reply for 1 seconds "
         "(reading_timeout); further failures are counted until it answers: a: b",
         COUNTS("reading-timeout", "accept") "; milter-failure(a: b) down 1"},
        {"[children][down][negotiate][accept] [1] x refused: y; down for 3600 seconds with 42 "
         "failures: a: b",
         "milter-failure(a: b) down 42"},
        {"[children][up] unix:/s: answers again after 43 failures in 3601.5 seconds: a: b",
         "milter-failure(a: b) untold 42; milter-failure(a: b) down 43"},
        {"[children][up] unix:/s: answers again after 1 failure in 1.5 seconds: a: b",
         "milter-failure(a: b) down 1"},
        {"[children][error] unix:/s: and 5 more failures in the last minute: a: b",
         "milter-failure(a: b) untold 5"},
        {"[children][error] unix:/s: and 1 more failure in the last minute: a: b",
         "milter-failure(a: b) untold 1"},
        {"[children][add-header] [7] ignored in evaluation mode: a: b", ""},
        {"[session][error] [7] [192.0.2.1]:25: a: b", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect(false, lines[i][0], lines[i][1]);
    }
}

/* What the manager's JSON says of the child is better than what its sentence lets guess. */
static void test_the_child_that_is_named_apart(void **state)
{
    static const char sentence[] = "[children][error][data][accept] [7] an: older: sentence: a: b";
    struct log_record record = {.text = slice_from_string(sentence), .debug = true};
    struct event event;

    (void)state;
    assert_string_equal(counts_of(record.text, false, "a: b"), COUNTS("error", "accept"));
    assert_string_equal(counts_of(slice_from_string("[milter][header][add](8): <X-Spam-Flag>=<YES>:"
                                                    " a"),
                                  true, "whole name"),
                        "report() spam 1; milter-report(whole name) spam 1");
    assert_false(event_read(&record, &event));
}

/* Items of the report, each once for the manager and once for the milter. */
static void test_header_fields(void **state)
{
    static const char *const fields[][3] = {
        {"X-Spam", "yes", "spam 1"},
        {"x-spam-flag", " YES ", "spam 1"},
        {"X-Spam-Flag", "NO", ""},
        {"X-Spam-Flag", "yesterday", ""},
        {"X-Spam-Status", "Yes, score=9 tests=A,\n\tURIBL_B,URIBL_C version=1", "uribl 1"},
        {"X-Spam-Status", "Yes, tests=[A=1.2, URIBL_B=0.5] autolearn=no", "uribl 1"},
        {"X-Spam-Status", "No, tests=A,NOURIBL_B autolearn=no URIBL_C", ""},
        {"X-Spam-Status", "No, score=1 URIBL_A", ""},
        {"X-Greylist", "Delayed for 00:05:00 by milter-greylist", "greylisting-pass 1"},
        {"X-Greylist", "was Delayed for", ""},
        {"X-Greylist", "Message whitelisted by\n\ttarpit 65s", "tarpitting-pass 1"},
        {"X-Greylist", "Message whitelisted by tarpit soon", ""},
        {"X-Greylist", "Sender is SPF-compliant, not delayed", "spf-pass 1"},
        {"X-Greylist", "Sender passed SPF test", "spf-pass 1"},
        {"X-Virus-Status", "Infected with Eicar", "virus 1"},
        {"X-Virus-Status", "Clean, not Infected", ""},
        {"Authentication-Results", "a.example; spf=pass smtp.mailfrom=b@c", "spf-pass 1"},
        {"Authentication-Results",
         "a.example;\n spf=hardfail;\n\tsender-id=fail; dkim=neutral "
         "(verification failed) header.i=@b; dkim-adsp=Pass",
         "spf-fail 1; sender-id-fail 1; dkim-fail 1; dkim-adsp-pass 1"},
        {"Authentication-Results",
         "a; dkim=pass (1; dkim=pass (x) \\) y) header.d=a; DKIM/1 = pass;"
         " dkim=neutral (no; reason)",
         "dkim-pass 2"},
        {"Authentication-Results", "a; dkim=fail reason=\"bad; spf=pass\" header.b=spf=pass",
         "dkim-fail 1"},
        {"Authentication-Results", "spf=pass (not yet; results) 1; dmarc=pass; none", ""},
        {"Authentication-Results", "a; spf=softfail; dkim=passed; spf=", ""},
        {"Authentication-Results", "a; spf=pass (cut; dkim=pass", "spf-pass 1"},
        {"Authentication-Results", "a; x=\"spf=pass", ""},
        {"Authentication-Results", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char line[512], wanted[512] = "";
        char items[256];
        char *rest = items;

        (void)snprintf(line, sizeof(line), "[milter][header][add](1): <%s>=<%s>: m", fields[i][0],
                       fields[i][1]);
        (void)snprintf(items, sizeof(items), "%s", fields[i][2]);
        for (char *item = strtok_r(items, ";", &rest); item != NULL;
             item = strtok_r(NULL, ";", &rest)) {
            size_t used = strlen(wanted);

            item += *item == ' ';
            (void)snprintf(wanted + used, sizeof(wanted) - used,
                           "%sreport() %s; milter-report(m) %s", used > 0 ? "; " : "", item, item);
        }
        expect(true, line, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_lines),
        cmocka_unit_test(test_lines_that_are_cut_off_count_for_nothing),
        cmocka_unit_test(test_failures_of_children),
        cmocka_unit_test(test_the_child_that_is_named_apart),
        cmocka_unit_test(test_header_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
