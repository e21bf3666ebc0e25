/*
 * page_verdicts - shares of verdicts as a bar.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_VERDICTS_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_VERDICTS_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/view.h"

/* status: of a child or of the manager, with something in it. */
void page_verdict_bar(struct buffer *html, const struct view_series *status);
/* What the colours of the children's bars stand for: those there are. */
void page_verdict_key(struct buffer *html, const struct view *view);

#endif
