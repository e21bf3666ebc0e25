/*
 * exposition_parts - the parts of GET /metrics, in their order.
 *
 * Each writes whole families of metrics, and only those.
 */
#ifndef MILTER_MANAGER_CONTROL_EXPOSITION_PARTS_H
#define MILTER_MANAGER_CONTROL_EXPOSITION_PARTS_H

#include "libcore/base/buffer.h"
#include "milter-manager/config/configuration.h"

#include <jansson.h>

struct exposition_source {
    const struct configuration *configuration;
    const json_t *reports; /* report.h */
    time_t started;
};

typedef void exposition_part_fn(const struct exposition_source *source, struct buffer *text);

extern exposition_part_fn *const exposition_parts[];
extern const unsigned exposition_part_count;

/* A label's value, in quotes. */
void exposition_label(struct buffer *text, const char *value);

#endif
