/*
 * sendmail_headers: numbers of fields that several filters delete and change.
 */
#include "libcore/mail/sendmail_headers.h"

#include "libcore/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <string.h>

struct step {
    unsigned origin; /* which filter, 1.. */
    char kind;
    uint32_t index;
    const char *name, *value;
    uint32_t upstream; /* the index Sendmail has to be told */
};

/* Every list begins as A=1 B=2 A=3 A=4. */
static const struct {
    const char *what;
    struct step steps[4];
    const char *expected;
} rules[] = {
    {"the first of a name", {{1, 'm', 1, "a", "9", 1}}, "A=9 B=2 A=3 A=4"},
    {"two filters delete their first",
     {{1, 'm', 1, "A", "", 1}, {2, 'm', 1, "A", "", 2}},
     "B=2 A=4"},
    {"one filter counts what it deleted itself",
     {{1, 'm', 1, "A", "", 1}, {1, 'm', 2, "A", "", 2}},
     "B=2 A=4"},
    {"a third filter sees one left",
     {{1, 'm', 1, "A", "", 1}, {2, 'm', 2, "A", "", 3}, {3, 'm', 1, "A", "9", 2}},
     "B=2 A=9"},
    {"deleting twice is deleting once",
     {{1, 'm', 1, "A", "", 1}, {1, 'm', 1, "A", "", 1}},
     "B=2 A=3 A=4"},
    {"a change brings a field back",
     {{1, 'm', 1, "A", "", 1}, {1, 'm', 1, "A", "9", 1}},
     "A=9 B=2 A=3 A=4"},
    {"beyond the end is behind the deleted ones too",
     {{1, 'm', 1, "B", "", 1}, {2, 'm', 1, "B", "", 2}},
     "A=1 A=3 A=4"},
    {"a change beyond the end adds before the first of its name",
     {{1, 'm', 9, "A", "9", 4}},
     "A=9 A=1 B=2 A=3 A=4"},
    {"an added field stands before the first of its name",
     {{1, 'h', 0, "B", "9", 0}, {2, 'm', 1, "B", "8", 1}},
     "A=1 B=8 B=2 A=3 A=4"},
    {"an added field of a new name stands at the end",
     {{1, 'h', 0, "C", "9", 0}},
     "A=1 B=2 A=3 A=4 C=9"},
    {"an added field stands before a deleted one",
     {{1, 'm', 1, "A", "", 1}, {2, 'h', 0, "A", "9", 0}, {3, 'm', 2, "A", "8", 3}},
     "A=9 B=2 A=8 A=4"},
    {"an inserted field counts from then on",
     {{1, 'i', 0, "A", "9", 0}, {2, 'm', 2, "A", "", 2}},
     "A=9 B=2 A=3 A=4"},
    {"the name keeps its spelling", {{1, 'm', 1, "b", "9", 1}}, "A=1 B=9 A=3 A=4"},
};

static void list_show(const struct header_list *list, struct buffer *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->fields[i].deleted_by == HEADER_ORIGIN_MTA) {
            buffer_append_string(text, buffer_length(text) > 0 ? " " : "");
            buffer_append_slice(text, list->fields[i].name);
            buffer_append_string(text, "=");
            buffer_append_slice(text, list->fields[i].value);
        }
    }
    buffer_append_byte(text, '\0');
}

static void test_rules(void **state)
{
    static const char *const start[][2] = {{"A", "1"}, {"B", "2"}, {"A", "3"}, {"A", "4"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct arena arena = {0};
        struct header_list list;
        struct buffer text = {0};

        header_list_init(&list, &arena);
        for (size_t k = 0; k < 4; k++) {
            header_list_append(&list, slice_from_string(start[k][0]),
                               slice_from_string(start[k][1]), HEADER_ORIGIN_MTA);
        }
        for (const struct step *step = rules[i].steps; step->kind != '\0'; step++) {
            struct edit edit = {.kind = (enum edit_kind)step->kind,
                                .origin = step->origin,
                                .index = step->index,
                                .name = slice_from_string(step->name),
                                .value = slice_from_string(step->value)};
            uint32_t upstream = sendmail_headers_index(&list, &edit);

            if (upstream != step->upstream) {
                fail_msg("%s: index %u instead of %u", rules[i].what, upstream, step->upstream);
            }
            sendmail_headers_apply(&list, &edit);
        }
        list_show(&list, &text);
        if (strcmp(text.data, rules[i].expected) != 0) {
            fail_msg("%s: %s instead of %s", rules[i].what, text.data, rules[i].expected);
        }
        buffer_clear(&text);
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
