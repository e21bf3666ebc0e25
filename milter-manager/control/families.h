/*
 * families - the metrics by name: which figure of the tally is shown as what.
 */
#ifndef MILTER_MANAGER_CONTROL_FAMILIES_H
#define MILTER_MANAGER_CONTROL_FAMILIES_H

#include "milter-manager/control/exposition.h"
#include "milter-manager/control/sums.h"

/* All of them, with their samples. */
void families_write(struct buffer *text, enum exposition_format format, const struct sums *sums);

#endif
