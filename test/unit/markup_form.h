/*
 * markup_form - whether a page is well-formed: every element is closed in
 * order, every attribute is quoted, nothing stands raw that opens something.
 * For the tests of the page and for its fuzzer.
 */
#ifndef TEST_UNIT_MARKUP_FORM_H
#define TEST_UNIT_MARKUP_FORM_H

#include "libcore/base/slice.h"

#include <stdlib.h>
#include <string.h>

enum { MARKUP_FORM_DEPTH = 32 };

struct markup_form {
    const char *at, *end;
    struct slice open[MARKUP_FORM_DEPTH];
    unsigned depth;
};

static inline bool markup_form_name(struct markup_form *form, struct slice *name)
{
    const char *begin = form->at;

    while (form->at < form->end &&
           strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", *form->at) &&
           *form->at != '\0') {
        form->at++;
    }
    *name = slice_of(begin, (size_t)(form->at - begin));
    return name->length > 0;
}

static inline bool markup_form_take(struct markup_form *form, const char *text)
{
    size_t length = strlen(text);

    if ((size_t)(form->end - form->at) < length || memcmp(form->at, text, length) != 0) {
        return false;
    }
    form->at += length;
    return true;
}

/* Between the name of a tag and its end. */
static inline const char *markup_form_attributes(struct markup_form *form)
{
    struct slice name;

    while (markup_form_take(form, " ")) {
        if (!markup_form_name(form, &name) || !markup_form_take(form, "=\"")) {
            return "an attribute without a name or a value";
        }
        if (name.length > 2 && strncmp(name.data, "on", 2) == 0) {
            return "an attribute that is a script";
        }
        while (form->at < form->end && *form->at != '"') {
            if (*form->at == '<') {
                return "a raw < in an attribute";
            }
            form->at++;
        }
        if (!markup_form_take(form, "\"")) {
            return "an attribute without an end";
        }
    }
    return NULL;
}

static inline const char *markup_form_tag(struct markup_form *form)
{
    bool closes = markup_form_take(form, "/");
    const char *fault;
    struct slice name;

    if (!markup_form_name(form, &name)) {
        return "a raw <";
    }
    if (slice_equal_string(name, "script") || slice_equal_string(name, "img")) {
        return "an element the page does not have";
    }
    if (closes) {
        return form->depth > 0 && slice_equal(form->open[--form->depth], name) &&
                       markup_form_take(form, ">")
                   ? NULL
                   : "an element closed that was not opened last";
    }
    fault = markup_form_attributes(form);
    if (fault != NULL || markup_form_take(form, "/>")) {
        return fault;
    }
    if (form->depth == MARKUP_FORM_DEPTH || !markup_form_take(form, ">")) {
        return "a tag without an end, or too deep";
    }
    form->open[form->depth++] = name;
    return NULL;
}

/* What is wrong with the page, NULL when nothing is; *place: where. */
static inline const char *markup_form_fault(struct slice page, const char **place)
{
    struct markup_form form = {.at = page.data, .end = page.data + page.length};
    const char *fault = NULL;

    *place = form.at;
    if (!markup_form_take(&form, "<!DOCTYPE html>\n")) {
        return "no document type";
    }
    while (fault == NULL && form.at < form.end) {
        unsigned char byte = (unsigned char)*form.at;

        *place = form.at++;
        if (byte == '<') {
            fault = markup_form_tag(&form);
        } else if (byte < ' ' && byte != '\n') {
            fault = "a control character";
        }
    }
    return fault != NULL ? fault : form.depth > 0 ? "an element that is not closed" : NULL;
}

#endif
