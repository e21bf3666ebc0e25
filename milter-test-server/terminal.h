/*
 * terminal - whether colours make sense on standard output.
 */
#ifndef MILTER_TEST_SERVER_TERMINAL_H
#define MILTER_TEST_SERVER_TERMINAL_H

#include <stdbool.h>

/* Standard output is a terminal, and TERM or EMACS say that it shows colours. */
bool terminal_has_colours(void);

#endif
