/*
 * markup - foreign bytes in a page or on a terminal: escaped for the place where they stand.
 *
 * What a reader could not see, or what would change how its neighbours are
 * shown (control characters, marks of direction, invisible characters, bytes
 * that are no UTF-8), is spelt out: \x1b, \u{202e}.  The result is valid UTF-8
 * in HTML and in XML.
 */
#ifndef LIBCORE_BASE_MARKUP_H
#define LIBCORE_BASE_MARKUP_H

#include "libcore/base/buffer.h"

/* Between tags; what is spelt out is marked, so that nobody can imitate it. */
void markup_text(struct buffer *html, struct slice text);
/* Between double quotes. */
void markup_attribute(struct buffer *html, struct slice text);
/* On a terminal: only what is not visible is spelt out. */
void markup_plain(struct buffer *text, struct slice from);
/* One segment of a URL's path: everything but RFC 3986's unreserved characters as %XX. */
void markup_path(struct buffer *html, struct slice text);
/* Whether a browser keeps it as one segment: "", "." and ".." would vanish. */
bool markup_is_segment(struct slice text);

#endif
