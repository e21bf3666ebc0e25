/*
 * page_children - each child: does it answer, how fast, with what, and the
 * button that takes it out.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_CHILDREN_H
#define MILTER_MANAGER_CONTROL_PAGE_CHILDREN_H

#include "milter-manager/control/page_part.h"

void page_children(const struct page *page);

#endif
