/*
 * value - a configuration value on its way into an item, and its notation.
 *
 * Values are transient: strings belong to whoever made the value.
 */
#ifndef MILTER_MANAGER_CONFIG_VALUE_H
#define MILTER_MANAGER_CONFIG_VALUE_H

#include "libcore/base/buffer.h"
#include "libcore/base/slice.h"

#include <stdbool.h>

enum value_kind {
    VALUE_NIL,
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_OTHER, /* something no item takes; string is its notation */
};

struct value {
    enum value_kind kind;
    bool boolean;
    long long integer;
    double number;
    struct slice string;
};

struct value value_nil(void);
struct value value_boolean(bool boolean);
struct value value_integer(long long integer);
struct value value_number(double number);
struct value value_string(const char *string);

/* Appends the notation of configuration section 10: "text", nil, true, 10, 297.0. */
void value_literal(const struct value *value, struct buffer *text);
void value_string_literal(struct slice string, struct buffer *text);
void value_number_literal(double number, struct buffer *text);

#endif
