/*
 * Findings: lines, groups, sums, exit status, nothing harmful to a terminal;
 * the guess of what a milter does.
 */
#include "milter-manager/check/finding.h"

#include "milter-manager/check/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t text_size;

static void lines_have_severity_place_and_group(void **state)
{
    const struct location here = {.file = "/etc/x.conf", .line = 7};
    const struct location nowhere = {0};
    FILE *stream = open_memstream(&text, &text_size);
    struct findings findings;

    (void)state;
    findings_init(&findings, stream, false);
    findings_group(&findings, "Empty");
    findings_group(&findings, "First");
    findings_add(&findings, FINDING_OK, nowhere, "%d fine", 2);
    findings_add(&findings, FINDING_ERROR, here, "a \033[31mtrick\nof a peer");
    findings_detail(&findings, false, "/run");
    findings_detail(&findings, true, "/run/x");
    findings_group(&findings, "Second");
    findings_add(&findings, FINDING_NOTE, here, "n");
    findings_add(&findings, FINDING_WARNING, here, "w");
    assert_int_equal(findings_finish(&findings), 2);
    (void)fclose(stream);
    assert_string_equal(text, "First\n"
                              "  ok:       2 fine\n"
                              "  error:    /etc/x.conf:7: a ?[31mtrick of a peer\n"
                              "            /run\n"
                              "          > /run/x\n"
                              "\nSecond\n"
                              "  note:     /etc/x.conf:7: n\n"
                              "  warning:  /etc/x.conf:7: w\n"
                              "\n1 error, 1 warning\n");
    free(text);
}

static void ends_with(enum finding_severity severity, int expected_status, const char *expected)
{
    FILE *stream = open_memstream(&text, &text_size);
    struct findings findings;
    int status;

    findings_init(&findings, stream, true);
    findings_add(&findings, severity, (struct location){0}, "x");
    status = findings_finish(&findings);
    (void)fclose(stream);
    assert_int_equal(status, expected_status);
    assert_string_equal(text, expected);
    free(text);
}

static void the_worst_finding_decides(void **state)
{
    (void)state;
    ends_with(FINDING_OK, 0, "  \033[32mok:\033[0m       x\n\n0 errors, 0 warnings\n");
    ends_with(FINDING_NOTE, 0, "  \033[36mnote:\033[0m     x\n\n0 errors, 0 warnings\n");
    ends_with(FINDING_WARNING, 1, "  \033[33mwarning:\033[0m  x\n\n0 errors, 1 warning\n");
    ends_with(FINDING_ERROR, 2, "  \033[1;31merror:\033[0m    x\n\n1 error, 0 warnings\n");
}

static void kinds_are_guessed_from_names_and_places(void **state)
{
    static const struct {
        const char *name, *spec;
        unsigned kinds;
    } rows[] = {
        {"opendkim", NULL, KIND_DKIM_SIGNER | KIND_DKIM_VERIFIER},
        {"DKIM-Signing", "unix:/x", KIND_DKIM_SIGNER},
        {"opendkim-verify", NULL, KIND_DKIM_VERIFIER},
        {"first", "unix:/run/opendmarc/opendmarc.sock", KIND_DMARC},
        {"pyspf-milter", "inet:1", KIND_SPF},
        {"clamav-milter", "unix:/run/clamav/milter", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(kind_guess(rows[i].name, rows[i].spec), rows[i].kinds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_severity_place_and_group),
        cmocka_unit_test(the_worst_finding_decides),
        cmocka_unit_test(kinds_are_guessed_from_names_and_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
