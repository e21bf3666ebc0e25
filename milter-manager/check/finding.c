/*
 * finding - prints what a check finds out and counts it.
 *
 * Owns nothing.  Text may come from files and peers: control characters never
 * reach the terminal.
 */
#include "milter-manager/check/finding.h"

#include "libcore/base/buffer.h"
#include "libcore/base/log_format.h"
#include "libcore/base/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *colour;
} severities[FINDING_SEVERITIES] = {
    [FINDING_OK] = {"ok", "\033[32m"},
    [FINDING_NOTE] = {"note", "\033[36m"},
    [FINDING_WARNING] = {"warning", "\033[33m"},
    [FINDING_ERROR] = {"error", "\033[1;31m"},
};
static const char colour_end[] = "\033[0m";

void findings_init(struct findings *findings, FILE *stream, bool colour)
{
    memset(findings, 0, sizeof(*findings));
    findings->stream = stream;
    findings->colour = colour;
}

void findings_group(struct findings *findings, const char *heading)
{
    findings->group = heading;
}

/* The text of format, harmless; to be freed. */
static char *safe_text(const char *format, va_list arguments)
{
    char *raw = NULL, *text;
    struct buffer safe = {0};

    if (vasprintf(&raw, format, arguments) < 0) {
        abort();
    }
    log_format_message(&safe, slice_from_string(raw));
    text = memory_copy_bytes(buffer_slice(&safe).data, buffer_length(&safe));
    buffer_clear(&safe);
    free(raw);
    return text;
}

static void print_group(struct findings *findings)
{
    if (findings->group != NULL) {
        (void)fprintf(findings->stream, "%s%s\n", findings->any ? "\n" : "", findings->group);
        findings->group = NULL;
    }
    findings->any = true;
}

void findings_add(struct findings *findings, enum finding_severity severity,
                  struct location location, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = safe_text(format, arguments);
    va_end(arguments);
    print_group(findings);
    (void)fprintf(findings->stream, "  %s%s:%s%*s",
                  findings->colour ? severities[severity].colour : "", severities[severity].name,
                  findings->colour ? colour_end : "", (int)(9 - strlen(severities[severity].name)),
                  "");
    if (location.line > 0) {
        (void)fprintf(findings->stream, "%s:%d: ", location.file, location.line);
    }
    (void)fprintf(findings->stream, "%s\n", text);
    findings->counts[severity]++;
    free(text);
}

void findings_detail(struct findings *findings, bool marked, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = safe_text(format, arguments);
    va_end(arguments);
    (void)fprintf(findings->stream, "          %s %s\n", marked ? ">" : " ", text);
    free(text);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

int findings_finish(struct findings *findings)
{
    unsigned errors = findings->counts[FINDING_ERROR];
    unsigned warnings = findings->counts[FINDING_WARNING];

    (void)fprintf(findings->stream, "%s%u error%s, %u warning%s\n", findings->any ? "\n" : "",
                  errors, plural(errors), warnings, plural(warnings));
    if (errors > 0) {
        return 2;
    }
    return warnings > 0 ? 1 : 0;
}
