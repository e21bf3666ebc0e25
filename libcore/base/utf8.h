/*
 * utf8 - where a character ends (RFC 3629 section 4).
 */
#ifndef LIBCORE_BASE_UTF8_H
#define LIBCORE_BASE_UTF8_H

#include "libcore/base/slice.h"

/* Bytes of the sequence at the front of text, which is not empty; 0 when there is none. */
size_t utf8_length(struct slice text);

#endif
