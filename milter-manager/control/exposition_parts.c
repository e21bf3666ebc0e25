/*
 * exposition_parts - what the controller itself knows, as metrics.  Owns nothing.
 */
#include "milter-manager/control/exposition_parts.h"

#include "milter-manager/control/json_text.h"
#include "milter-manager/control/status.h"
#include "milter-manager/control/switches.h"

#include <string.h>

void exposition_label(struct buffer *text, const char *value)
{
    json_t *valid = json_text_or_null(value); /* UTF-8 is a must */

    buffer_append_byte(text, '"');
    for (const char *byte = json_string_value(valid); byte != NULL && *byte != '\0'; byte++) {
        if (*byte == '\n') {
            buffer_append_string(text, "\\n");
            continue;
        }
        if (*byte == '"' || *byte == '\\') {
            buffer_append_byte(text, '\\');
        }
        buffer_append_byte(text, *byte);
    }
    buffer_append_byte(text, '"');
    json_decref(valid);
}

static void exposition_family(struct buffer *text, const char *name, const char *help)
{
    buffer_append_format(text, "# TYPE milter_manager_%s gauge\n# HELP milter_manager_%s %s\n",
                         name, name, help);
}

static void exposition_manager(const struct exposition_source *source, struct buffer *text)
{
    exposition_family(text, "info", "Version of milter-manager.");
    buffer_append_string(text, "milter_manager_info{version=");
    exposition_label(text, MILTER_MANAGER_VERSION);
    buffer_append_string(text, "} 1\n");
    exposition_family(text, "start_time_seconds", "When the manager was started, in Unix time.");
    buffer_append_format(text, "milter_manager_start_time_seconds %lld\n",
                         (long long)source->started);
    exposition_family(text, "workers",
                      "Worker processes that have answered; 0 when one process "
                      "does everything.");
    buffer_append_format(
        text, "milter_manager_workers %zu\n",
        source->configuration->manager.n_workers == 0 ? 0 : json_array_size(source->reports));
    exposition_family(text, "configuration_generation",
                      "Number of the configuration in force; the first one is 1.");
    buffer_append_format(text, "milter_manager_configuration_generation %u\n",
                         source->configuration->generation);
}

/* One line for each child with a value. */
static void exposition_children(const struct exposition_source *source, struct buffer *text,
                                const char *name,
                                int (*value)(const struct exposition_source *source,
                                             const struct configuration_child *child))
{
    for (unsigned i = 0; i < source->configuration->child_count; i++) {
        const struct configuration_child *child = &source->configuration->children[i];
        int number = value(source, child);

        if (number >= 0) {
            buffer_append_format(text, "milter_manager_%s{child=", name);
            exposition_label(text, child->name);
            buffer_append_format(text, "} %d\n", number);
        }
    }
}

static int exposition_enabled(const struct exposition_source *source,
                              const struct configuration_child *child)
{
    (void)source;
    return child->enabled && child->connection_spec != NULL && !switches_disabled(child->name);
}

/* Negative: nobody knows. */
static int exposition_up(const struct exposition_source *source,
                         const struct configuration_child *child)
{
    const char *state =
        json_string_value(json_object_get(status_latest(source->reports, child->name), "state"));

    return state == NULL ? -1 : strcmp(state, "up") == 0 ? 1 : strcmp(state, "down") == 0 ? 0 : -1;
}

static void exposition_child_states(const struct exposition_source *source, struct buffer *text)
{
    exposition_family(text, "child_enabled",
                      "Whether new sessions use the child: by configuration and not switched off.");
    exposition_children(source, text, "child_enabled", exposition_enabled);
    exposition_family(text, "child_up", "Whether the child answers; absent while unknown.");
    exposition_children(source, text, "child_up", exposition_up);
}

exposition_part_fn *const exposition_parts[] = {exposition_manager, exposition_child_states};
const unsigned exposition_part_count = sizeof(exposition_parts) / sizeof(exposition_parts[0]);
