/*
 * file_text - what a program under test has written to a file, and whether it
 * has a form.
 */
#include "test/unit/file_text.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

const char *file_text(const char *path)
{
    static char text[300 * 1024];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

void assert_matches(const char *subject, const char *expression)
{
    regex_t compiled;

    assert_int_equal(regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&compiled, subject, 0, NULL, 0) != 0) {
        fail_msg("<%s> does not match <%s>", subject, expression);
    }
    regfree(&compiled);
}
