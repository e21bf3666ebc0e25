/*
 * page_part - what pages are made of.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_PART_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_PART_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/page_site.h"

/* Up to where the body's content begins.  heading: h1; where: the name of the child, "" on the
 * index. */
void part_begin(struct buffer *html, const struct page_site *site, const char *where);
void part_end(struct buffer *html, const struct page_site *site);

/* Foreign words. */
void part_text(struct buffer *html, const char *text);
/* On one line, whole in its title. */
void part_name(struct buffer *html, const char *name);
/* A link to the child's page around its name. */
void part_child(struct buffer *html, const char *name);
/* The same around another text. */
void part_link(struct buffer *html, const char *name, const char *text);
/* "Mon 23 Nov 14:05", in local time; format as of strftime. */
void part_time(struct buffer *html, int64_t time, const char *format);

/* One range with its graphs: those of the index (name NULL), or of one child. */
void part_section(struct buffer *html, const struct page_site *site,
                  const struct page_section *section, const char *name);
/* The list of ranges with their graphs. */
void part_contents(struct buffer *html, const struct page_site *site, const char *name);

#endif
