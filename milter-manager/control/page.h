/*
 * page - the status as a page for an operator's browser.
 *
 * A pure function: the JSON of GET /status in, HTML5 out that is well-formed XML too.  No script,
 * no foreign resource.  Links and forms are relative, so the page may be at "/" or behind a proxy
 * under any path that ends in a slash.  It sends POST reload and POST children/NAME/enable or
 * disable, NAME percent-encoded, and expects to be sent back (303).  Any page of the world can send
 * such a POST from an operator's browser: whoever takes them has to look at Origin or
 * Sec-Fetch-Site, which come with those of this page.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_H
#define MILTER_MANAGER_CONTROL_PAGE_H

#include "libcore/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#define PAGE_CONTENT_TYPE "text/html; charset=utf-8"
/* To be sent as Content-Security-Policy: whatever slipped into the page could do nothing. */
#define PAGE_SECURITY_POLICY                                                                       \
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "         \
    "frame-ancestors 'none'"

struct page_options {
    bool refresh; /* loads itself again every five seconds; false for "?refresh=off" */
    time_t now;   /* 0: what "started" and "uptime" add up to */
};

/*
 * Appends the page to html.  Members of status that lack or are of another type than they should
 * be are shown as unknown; NULL is a status without members.
 */
void page_render(const json_t *status, const struct page_options *options, struct buffer *html);

#endif
