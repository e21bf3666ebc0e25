/*
 * page_style - how pages look.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_STYLE_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_STYLE_H

#include "libcore/base/buffer.h"

/* Appends the style sheet, with the colours of the palette. */
void page_style(struct buffer *html);

#endif
