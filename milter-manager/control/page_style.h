/*
 * page_style - how the page looks.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_STYLE_H
#define MILTER_MANAGER_CONTROL_PAGE_STYLE_H

/* The content of the style element; holds no "<" and no "&". */
extern const char page_style[];

#endif
