/*
 * page_part - what the sections of the page are made of: members of the status
 * that may lack, figures, times, foreign names, tables.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_PART_H
#define MILTER_MANAGER_CONTROL_PAGE_PART_H

#include "libcore/base/buffer.h"
#include "libcore/base/human.h"

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

struct page {
    const json_t *status;
    struct buffer *html;
    time_t now;
    bool refresh;
};

/* One column of a table; the label is repeated in each cell for narrow screens. */
struct page_column {
    const char *label;
    const char *class; /* "n": a figure, "s": short, "w": wide, "h": a card's heading */
    const char *title; /* explains the label; may be NULL */
};

/* NULL when there is none. */
const json_t *part_member(const json_t *object, const char *key);
/* NAN when there is none or it is no count. */
double part_number(const json_t *object, const char *key);
/* Empty when there is none; valid as long as object. */
struct slice part_string(const json_t *object, const char *key);
bool part_is(const json_t *object, const char *key, const char *value);
bool part_true(const json_t *object, const char *key);
bool part_false(const json_t *object, const char *key);

/* Literal HTML. */
void part_html(const struct page *page, const char *html);
void part_human(const struct page *page, struct human human);
/* A foreign word of any length on one line, whole in its title; an en dash when it is empty. */
void part_name(const struct page *page, struct slice name, const char *class);
/* A foreign text that wraps. */
void part_sentence(const struct page *page, struct slice text);
/* The time of a member as UTC and how long ago; as it is when it is no time. */
void part_time(const struct page *page, const json_t *object, const char *key);
/* A number that names something: without commas. */
void part_identifier(const struct page *page, double number);
/* "1 child", "3 children". */
void part_plural(const struct page *page, double count, const char *one, const char *many);

/* id names the section for links and, with "-title", for screen readers. */
void part_section(const struct page *page, const char *id, const char *title, const char *class);
void part_section_end(const struct page *page);

/* columns end with a NULL label. */
void part_table(const struct page *page, const char *caption, const struct page_column *columns);
void part_cell(const struct page *page, const struct page_column *column);
void part_cell_end(const struct page *page, const struct page_column *column);
void part_table_end(const struct page *page);
void part_row(const struct page *page, const char *class);
void part_row_end(const struct page *page);

#endif
