/*
 * exposition - metrics as text: OpenMetrics 1.0, and Prometheus' text format
 * 0.0.4 for who did not ask for OpenMetrics.
 *
 * Pure functions that append to a buffer.  Usage: one exposition_family, then
 * its samples; a family stands in the text once.
 */
#ifndef MILTER_MANAGER_CONTROL_EXPOSITION_H
#define MILTER_MANAGER_CONTROL_EXPOSITION_H

#include "libcore/base/buffer.h"

#include <stdint.h>

enum exposition_format {
    EXPOSITION_PROMETHEUS,  /* text/plain; version=0.0.4 */
    EXPOSITION_OPENMETRICS, /* application/openmetrics-text; version=1.0.0 */
};

/* For Content-Type. */
extern const char *const exposition_content_types[EXPOSITION_OPENMETRICS + 1];

enum exposition_type {
    EXPOSITION_COUNTER,   /* samples are called NAME_total */
    EXPOSITION_GAUGE,     /* NAME */
    EXPOSITION_HISTOGRAM, /* NAME_bucket, NAME_count, NAME_sum */
    EXPOSITION_INFO,      /* NAME_info */
};

struct exposition_family {
    enum exposition_type type;
    const char *name; /* without the ending of its samples; with the unit at its end */
    const char *unit; /* "seconds", "bytes"; NULL: none */
    const char *help; /* one sentence */
};

struct exposition_label {
    const char *name, *value; /* value: UTF-8; NULL ends the labels */
};

enum { EXPOSITION_LABELS = 5 };

/* HELP, TYPE and UNIT of a family; its samples follow. */
void exposition_begin(struct buffer *text, enum exposition_format format,
                      const struct exposition_family *family);
/* ending: "_bucket" and the like; NULL: the only one the type has.  labels end with name NULL. */
void exposition_count(struct buffer *text, const struct exposition_family *family,
                      const char *ending, const struct exposition_label *labels, uint64_t value);
void exposition_number(struct buffer *text, const struct exposition_family *family,
                       const char *ending, const struct exposition_label *labels, double value);
/* Behind everything. */
void exposition_end(struct buffer *text, enum exposition_format format);

/* Writes a number so that reading it gives the same one; text has 32 bytes. */
void exposition_format_number(double value, char *text);

#endif
