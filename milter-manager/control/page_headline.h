/*
 * page_headline - the one sentence an operator looks for, and what else needs
 * attention, the worst first.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_HEADLINE_H
#define MILTER_MANAGER_CONTROL_PAGE_HEADLINE_H

#include "milter-manager/control/page_part.h"

/* The headline alone, as text for the title of the window. */
void page_headline_title(const struct page *page);
void page_headline(const struct page *page);

#endif
