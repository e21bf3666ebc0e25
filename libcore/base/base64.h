/*
 * base64 - bytes as text and back (RFC 4648 section 4).
 */
#ifndef LIBCORE_BASE_BASE64_H
#define LIBCORE_BASE_BASE64_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/* Appends bytes in the standard alphabet, padded, without line breaks. */
void base64_append(struct buffer *output, struct slice bytes);
/*
 * Appends the bytes text stands for; blanks and line breaks are passed over,
 * the padding may be missing.  False with *error on anything else; output is
 * then what it was.
 */
bool base64_decode(struct slice text, struct buffer *output, struct error *error);

#endif
