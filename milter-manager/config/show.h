/*
 * show - a configuration as text that is itself configuration (section 10).
 */
#ifndef MILTER_MANAGER_CONFIG_SHOW_H
#define MILTER_MANAGER_CONFIG_SHOW_H

#include "libcore/base/buffer.h"
#include "milter-manager/config/configuration.h"

#include <stdio.h>

/* Appends the --show-config output to text. */
void configuration_format(const struct configuration *configuration, struct buffer *text);
/* Writes it to stream; false when that failed (errno says why). */
bool configuration_show(const struct configuration *configuration, FILE *stream);

#endif
