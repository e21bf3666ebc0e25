/*
 * show - writes the --show-config output from the tables of items.
 *
 * Pure formatting: reads a snapshot, owns nothing, knows no item by name
 * except where the lists of conditions stand.
 */
#include "milter-manager/config/show.h"

#include "milter-manager/config/details.h"
#include "milter-manager/config/item.h"

#include <string.h>

static void show_location(const struct location *location, const char *indent, struct buffer *text)
{
    if (location->line > 0) {
        buffer_append_format(text, "%s# %s:%d\n", indent, location->file, location->line);
    } else {
        buffer_append_format(text, "%s# default\n", indent);
    }
}

static void show_item(const struct item *item, const void *target, const struct location *location,
                      const char *indent, enum show_to reader, struct buffer *text)
{
    static const struct location nowhere;
    unsigned hidden = reader == SHOW_TO_CLIENTS ? ITEM_SECRET | ITEM_PASSWORD : ITEM_SECRET;

    show_location((item->flags & ITEM_ALWAYS_DEFAULT) != 0 ? &nowhere : location, indent, text);
    if ((item->flags & hidden) != 0 && !item_is_default(item, target)) {
        buffer_append_format(text, "%s# %s.%s is set and not shown\n", indent, item->group,
                             item->name);
        return;
    }
    buffer_append_format(text, "%s%s.%s = ", indent, item->group, item->name);
    item_literal(item, target, text);
    buffer_append_byte(text, '\n');
}

static void show_global_items(const struct configuration *configuration, enum show_to reader,
                              struct buffer *text)
{
    for (unsigned i = 0; i < configuration_item_count; i++) {
        const struct item *item = &configuration_items[i];

        if (i > 0 && strcmp(item->group, configuration_items[i - 1].group) != 0) {
            buffer_append_byte(text, '\n');
        }
        show_item(item, configuration, &configuration->details->items[i], "", reader, text);
    }
    buffer_append_byte(text, '\n');
}

static void show_condition(const struct details_condition *condition, struct buffer *text)
{
    struct value description = value_string(condition->description);

    show_location(&condition->location, "", text);
    buffer_append_string(text, "define_applicable_condition(");
    value_string_literal(slice_from_string(condition->name), text);
    buffer_append_string(text, ") do |condition|\n");
    show_location(&condition->description_location, "  ", text);
    buffer_append_string(text, "  condition.description = ");
    value_literal(&description, text);
    buffer_append_string(text, "\nend\n\n");
}

static void show_conditions(const char *name, const struct configuration_child *child,
                            const struct details_child *details, const char *indent,
                            struct buffer *text)
{
    static const struct location nowhere;

    if (child->condition_count == 0) {
        show_location(&nowhere, indent, text);
        buffer_append_format(text, "%s%s = []\n", indent, name);
        return;
    }
    buffer_append_format(text, "%s%s = [\n", indent, name);
    for (unsigned i = 0; i < child->condition_count; i++) {
        buffer_append_string(text, indent);
        show_location(&details->references[i].location, "  ", text);
        buffer_append_format(text, "%s  ", indent);
        value_string_literal(slice_from_string(details->references[i].name), text);
        buffer_append_string(text, ",\n");
    }
    buffer_append_format(text, "%s]\n", indent);
}

static void show_child(const struct configuration_child *child, const struct details_child *details,
                       enum show_to reader, struct buffer *text)
{
    show_location(&details->location, "", text);
    buffer_append_string(text, "define_milter(");
    value_string_literal(slice_from_string(child->name), text);
    buffer_append_string(text, ") do |milter|\n");
    for (unsigned i = 0; i < child_item_count; i++) {
        if (strcmp(child_items[i].name, "command") == 0) {
            show_conditions("milter.applicable_conditions", child, details, "  ", text);
        }
        show_item(&child_items[i], child, &details->items[i], "  ", reader, text);
    }
    buffer_append_string(text, "end\n\n");
}

void configuration_format(const struct configuration *configuration, enum show_to reader,
                          struct buffer *text)
{
    const struct configuration_details *details = configuration->details;

    show_global_items(configuration, reader, text);
    for (unsigned i = 0; i < details->condition_count; i++) {
        show_condition(&details->conditions[i], text);
    }
    /* Not among the items: what it names has to be defined first. */
    show_conditions("manager.record_sessions_conditions", &configuration->recording,
                    &details->recording, "", text);
    buffer_append_byte(text, '\n');
    for (unsigned i = 0; i < configuration->child_count; i++) {
        show_child(&configuration->children[i], &details->children[i], reader, text);
    }
    /* Every group ends in a blank line; the last one is not wanted. */
    text->end--;
}

bool configuration_show(const struct configuration *configuration, FILE *stream)
{
    struct buffer text = {0};
    struct slice bytes;
    bool written;

    configuration_format(configuration, SHOW_TO_READERS, &text);
    bytes = buffer_slice(&text);
    written = fwrite(bytes.data, 1, bytes.length, stream) == bytes.length && fflush(stream) == 0;
    buffer_clear(&text);
    return written;
}
