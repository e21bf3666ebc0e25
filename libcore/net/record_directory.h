/*
 * record_directory - where recorded sessions are kept: one file each, readable
 * by its owner alone, for it holds mail.
 */
#ifndef LIBCORE_NET_RECORD_DIRECTORY_H
#define LIBCORE_NET_RECORD_DIRECTORY_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/* True when files can be made in the directory; *error says why not and what would help. */
bool record_directory_check(const char *directory, struct error *error);
/*
 * Saves the text as DIRECTORY/YYYYMMDDTHHMMSS.microseconds-PID-N.session, mode
 * 0600; the name sorts by time and is never used twice.
 */
bool record_directory_save(const char *directory, struct slice text, struct error *error);

#endif
