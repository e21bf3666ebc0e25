/*
 * charset - bodies in other character sets, shown as UTF-8.
 */
#ifndef MILTER_TEST_SERVER_CHARSET_H
#define MILTER_TEST_SERVER_CHARSET_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/* The charset= parameter of a Content-Type value: quoted, or up to ';' or a blank. */
bool charset_find(struct slice content_type, struct slice *charset);
/* Appends text as UTF-8; false with *error when it is not in that character set. */
bool charset_convert(struct slice text, struct slice charset, struct buffer *output,
                     struct error *error);

#endif
