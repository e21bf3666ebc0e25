/*
 * explain - milter-manager --explain: tells what would happen to a mail,
 * without any mail flowing and without touching any milter.
 */
#ifndef MILTER_MANAGER_EXPLAIN_EXPLAIN_H
#define MILTER_MANAGER_EXPLAIN_EXPLAIN_H

#include "milter-manager/options.h"

/*
 * The whole of it, after engine_start: loads the configuration, plays the
 * scenario of the options and prints to stream.  The log goes to standard error
 * unless the command line says otherwise; log.* of the configuration count for
 * nothing.  False: the message was printed.
 */
bool explain_run(const struct manager_options *options, FILE *stream);

#endif
