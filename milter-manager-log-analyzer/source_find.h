/*
 * source_find - which logs are meant, and in which order they were written.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SOURCE_FIND_H
#define MILTER_MANAGER_LOG_ANALYZER_SOURCE_FIND_H

#include "libcore/base/error.h"
#include "libcore/base/options.h"

/*
 * The files that patterns mean, oldest first: names as they are, "mail.log*" as a shell would, and
 * of a rotated set mail.log.3.gz before mail.log.2.gz before mail.log.1 before mail.log (also with
 * dates: mail.log-20240501, mail-20240501.log).  Sets come in the order in which they are named; a
 * file with two names comes once.  False with *error naming what is not there or is a directory.
 */
bool source_find(const struct option_strings *patterns, struct option_strings *paths,
                 struct error *error);
/* Gives back the paths source_find has found. */
void source_find_clear(struct option_strings *paths);

#endif
