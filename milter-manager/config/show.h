/*
 * show - a configuration as text that is itself configuration (section 10).
 */
#ifndef MILTER_MANAGER_CONFIG_SHOW_H
#define MILTER_MANAGER_CONFIG_SHOW_H

#include "libcore/base/buffer.h"
#include "milter-manager/config/configuration.h"

#include <stdio.h>

enum show_to {
    SHOW_TO_READERS, /* of the files */
    SHOW_TO_CLIENTS, /* of the controller, who may be others: no passwords */
};

/* Appends the --show-config output to text. */
void configuration_format(const struct configuration *configuration, enum show_to reader,
                          struct buffer *text);
/* Writes it to stream; false when that failed (errno says why). */
bool configuration_show(const struct configuration *configuration, FILE *stream);

#endif
