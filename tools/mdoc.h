/*
 * mdoc - writes the texts of the tables (milter-manager/config/words.h) in the
 * language of manual pages.
 */
#ifndef TOOLS_MDOC_H
#define TOOLS_MDOC_H

#include <stdio.h>

/* One argument of a macro, in quotes. */
void mdoc_argument(const char *text, FILE *out);
/* A paragraph, with a full stop at its end, one sentence in each line. */
void mdoc_text(const char *text, FILE *out);

#endif
