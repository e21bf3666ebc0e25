/*
 * palette - the number of each colour in pages and pictures, and what it is.  Pure functions.
 *
 * Pages have them as variables, "--c17", so that they differ in light and dark.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PALETTE_H
#define MILTER_MANAGER_LOG_ANALYZER_PALETTE_H

#include "milter-manager-log-analyzer/series.h"

/* Of children and percentiles; told apart also by those who see few colours. */
enum { PALETTE_FREE = 8 };

struct palette_colour {
    const char *light, *dark; /* "#rrggbb" */
};

/* Numbers begin with 1 and end before palette_end. */
unsigned palette_item(enum series_kind kind, unsigned item);
/* number below PALETTE_FREE */
unsigned palette_free(unsigned number);
unsigned palette_end(void);
struct palette_colour palette_colour(unsigned colour);

#endif
