/*
 * item - the one table of configuration items: name, type, default, check, target, text.
 *
 * Everything that is known of an item stands in its row; defaults, checking,
 * reading back, --show-config, the shipped file and the manual page follow from
 * it (configuration sections 1-5, 9).
 */
#ifndef MILTER_MANAGER_CONFIG_ITEM_H
#define MILTER_MANAGER_CONFIG_ITEM_H

#include "libcore/base/arena.h"
#include "libcore/base/error.h"
#include "milter-manager/config/value.h"

#include <stddef.h>

enum item_type {
    ITEM_STRING,   /* const char *, NULL for nil */
    ITEM_SPEC,     /* the same, checked as a connection spec */
    ITEM_CHOICE,   /* the same, one of choices */
    ITEM_USER,     /* the same; an integer is taken as a number of a user or group */
    ITEM_BOOLEAN,  /* bool */
    ITEM_UNSIGNED, /* unsigned within minimum..maximum */
    ITEM_MODE,     /* unsigned, written in octal */
    ITEM_PORT,     /* int, -1 for nil */
    ITEM_SECONDS,  /* double within minimum..maximum */
    ITEM_FALLBACK, /* enum verdict */
    ITEM_LEVELS,   /* unsigned set of log levels */
};

enum item_flag {
    ITEM_CLAMPED = 1 << 0,            /* above maximum means maximum */
    ITEM_NIL_IS_ZERO = 1 << 1,        /* nil means 0, and 0 is shown as nil */
    ITEM_TEXT_BOOLEAN = 1 << 2,       /* "true" and "false" are taken too */
    ITEM_ALWAYS_DEFAULT = 1 << 3,     /* shown with the comment "default" whatever it is */
    ITEM_POSITIVE = 1 << 4,           /* seconds: 0 is refused */
    ITEM_UNDERSCORE_IS_DASH = 1 << 5, /* choice: any case, '_' same as '-' */
    ITEM_COMMAND_LINE = 1 << 6,       /* string: words quoted as for a shell */
    ITEM_SECRET = 1 << 7,             /* visible ASCII; never shown, not even in messages */
    ITEM_PASSWORD = 1 << 8,           /* shown to who can read the files, to no others */
};

struct item {
    const char *group; /* "manager"; "milter" for those of a child */
    const char *name;
    enum item_type type;
    unsigned flags;
    size_t offset;         /* in struct configuration or struct configuration_child */
    size_t address_offset; /* ITEM_SPEC: where the parsed address goes; 0: nowhere */
    const char *text;      /* defaults, by type */
    double number;
    double minimum, maximum;
    const char *const *choices;   /* ITEM_CHOICE: NULL at the end */
    const char *only_default_why; /* anything but the default is refused with this */
    const char *summary;          /* one line for the shipped file, without a full stop */
    const char *details;          /* more for the manual page, or NULL; see words.h for its form */
};

/* The rows, in the order of --show-config: items.c. */
extern const struct item configuration_items[];
extern const unsigned configuration_item_count;
extern const struct item child_items[];
extern const unsigned child_item_count;

/* Index in the table or -1. */
int item_find_global(const char *group, const char *name);
int item_find_child(const char *name);

/* target is the struct the offset is relative to; strings are copied into arena. */
void item_reset(const struct item *item, void *target);
bool item_assign(const struct item *item, void *target, const struct value *value,
                 struct arena *arena, struct error *error);
bool item_is_default(const struct item *item, const void *target);
/* The current value; its string belongs to the target. */
struct value item_value(const struct item *item, const void *target);
/* As --show-config writes it. */
void item_literal(const struct item *item, const void *target, struct buffer *text);

#endif
