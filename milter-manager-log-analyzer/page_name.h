/*
 * page_name - names of files and anchors for children, whose own names may hold anything.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_NAME_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_NAME_H

#include <stddef.h>

/* "milter-NAME.html"; free it. */
char *page_name_of_child(const char *name);
/* Of a picture: "milter.status.NAME.day.png"; name "": "milter-manager.status.day.png".  Free it.
 */
char *page_name_of_picture(const char *file, const char *name, const char *tag);
/* "last-day-milter--status--x": lower case, blanks and colons as '-' (tools.md section 5.5).  Free
 * it. */
char *page_name_id(const char *range, const char *title);

#endif
