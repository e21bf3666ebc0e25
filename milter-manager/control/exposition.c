/*
 * exposition - metrics as text: OpenMetrics 1.0, and Prometheus' text format
 * 0.0.4 for who did not ask for OpenMetrics.
 *
 * Pure functions.  The two differ in how the family of a counter is called, and
 * in that only OpenMetrics knows units, infos and an end.
 */
#include "milter-manager/control/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const exposition_content_types[EXPOSITION_OPENMETRICS + 1] = {
    [EXPOSITION_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
    [EXPOSITION_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

static const struct {
    const char *ending; /* of the samples when there is but one kind */
    const char *types[EXPOSITION_OPENMETRICS + 1];
} exposition_types[] = {
    [EXPOSITION_COUNTER] = {"_total", {"counter", "counter"}},
    [EXPOSITION_GAUGE] = {"", {"gauge", "gauge"}},
    [EXPOSITION_HISTOGRAM] = {"", {"histogram", "histogram"}},
    [EXPOSITION_INFO] = {"_info", {"gauge", "info"}},
};

/* A line end would end the line, a quote the value. */
static void exposition_append_escaped(struct buffer *text, const char *value)
{
    static const char special[] = "\\\"\n", letters[] = "\\\"n";

    while (*value != '\0') {
        size_t plain = strcspn(value, special);
        const char *found;

        buffer_append(text, value, plain);
        value += plain;
        if (*value != '\0') {
            found = strchr(special, *value++);
            buffer_append_byte(text, '\\');
            buffer_append_byte(text, letters[found - special]);
        }
    }
}

void exposition_begin(struct buffer *text, enum exposition_format format,
                      const struct exposition_family *family)
{
    const char *ending =
        format == EXPOSITION_PROMETHEUS ? exposition_types[family->type].ending : "";

    buffer_append_format(text, "# HELP %s%s %s\n", family->name, ending, family->help);
    buffer_append_format(text, "# TYPE %s%s %s\n", family->name, ending,
                         exposition_types[family->type].types[format]);
    if (format == EXPOSITION_OPENMETRICS && family->unit != NULL) {
        buffer_append_format(text, "# UNIT %s %s\n", family->name, family->unit);
    }
}

static void exposition_append_name(struct buffer *text, const struct exposition_family *family,
                                   const char *ending, const struct exposition_label *labels)
{
    char separator = '{';

    buffer_append_string(text, family->name);
    buffer_append_string(text, ending != NULL ? ending : exposition_types[family->type].ending);
    for (; labels != NULL && labels->name != NULL; labels++) {
        buffer_append_byte(text, separator);
        buffer_append_string(text, labels->name);
        buffer_append_string(text, "=\"");
        exposition_append_escaped(text, labels->value);
        buffer_append_byte(text, '"');
        separator = ',';
    }
    if (separator == ',') {
        buffer_append_byte(text, '}');
    }
}

void exposition_count(struct buffer *text, const struct exposition_family *family,
                      const char *ending, const struct exposition_label *labels, uint64_t value)
{
    exposition_append_name(text, family, ending, labels);
    buffer_append_format(text, " %" PRIu64 "\n", value);
}

void exposition_format_number(double value, char *text)
{
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            return;
        }
    }
}

void exposition_number(struct buffer *text, const struct exposition_family *family,
                       const char *ending, const struct exposition_label *labels, double value)
{
    char number[32];

    exposition_append_name(text, family, ending, labels);
    exposition_format_number(value, number);
    buffer_append_format(text, " %s\n", number);
}

void exposition_end(struct buffer *text, enum exposition_format format)
{
    if (format == EXPOSITION_OPENMETRICS) {
        buffer_append_string(text, "# EOF\n");
    }
}
