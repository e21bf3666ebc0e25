/*
 * configuration - building, counting and reading one snapshot.
 *
 * Owns the snapshot with all its strings, arrays and locations; conditions
 * belong to the engine, which is told when the last reference goes.  Never
 * reads a file and never runs configuration code.
 */
#include "milter-manager/config/configuration.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/config/details.h"
#include "milter-manager/config/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char recording_name[] = "manager.record_sessions";
static const char default_listen_spec[] = "inet:10025@[127.0.0.1]";

struct configuration *configuration_new(void)
{
    struct configuration *configuration = NEW(struct configuration);
    struct configuration_details *details = NEW(struct configuration_details);

    configuration->references = 1;
    configuration->details = details;
    details->items = memory_new(configuration_item_count, sizeof(details->items[0]));
    details->overridden = memory_new(configuration_item_count, sizeof(details->overridden[0]));
    for (unsigned i = 0; i < configuration_item_count; i++) {
        item_reset(&configuration_items[i], configuration);
    }
    configuration->recording.name = recording_name;
    return configuration;
}

struct configuration *configuration_reference(struct configuration *configuration)
{
    configuration->references++;
    return configuration;
}

static void clear_child(struct configuration *configuration, unsigned index)
{
    free(configuration->children[index].conditions);
    free(configuration->details->children[index].items);
    free(configuration->details->children[index].references);
}

void configuration_release(struct configuration *configuration)
{
    struct configuration_details *details;

    if (configuration == NULL || --configuration->references > 0) {
        return;
    }
    details = configuration->details;
    for (unsigned i = 0; i < configuration->child_count; i++) {
        clear_child(configuration, i);
    }
    free(configuration->recording.conditions);
    free(details->recording.references);
    if (details->engine_release != NULL) {
        details->engine_release(details->engine);
    }
    arena_clear(&details->arena);
    free(details->items);
    free(details->overridden);
    free(details->children);
    free(details->conditions);
    free(details);
    free(configuration->children);
    free(configuration->files);
    free(configuration);
}

const char *configuration_listen_spec(const struct configuration *configuration)
{
    const char *environment = getenv("MILTER_DEFAULT_CONNECTION_SPEC");

    if (configuration->manager.connection_spec != NULL) {
        return configuration->manager.connection_spec;
    }
    return environment != NULL && environment[0] != '\0' ? environment : default_listen_spec;
}

/* "group.name" -> row, or -1 */
static int find_key(const char *key)
{
    const char *dot = strchr(key, '.');
    char group[32];

    if (dot == NULL || (size_t)(dot - key) >= sizeof(group)) {
        return -1;
    }
    memcpy(group, key, (size_t)(dot - key));
    group[dot - key] = '\0';
    return item_find_global(group, dot + 1);
}

bool configuration_assigned(const struct configuration *configuration, const char *key)
{
    int row = find_key(key);

    return row >= 0 &&
           (configuration->details->items[row].line > 0 || configuration->details->overridden[row]);
}

struct location configuration_location(const struct configuration *configuration, const char *key)
{
    int row = find_key(key);

    return row < 0 ? (struct location){0} : configuration->details->items[row];
}

struct location configuration_child_location(const struct configuration *configuration,
                                             unsigned index, const char *name)
{
    const struct details_child *child = &configuration->details->children[index];
    int row = name == NULL ? -1 : item_find_child(name);

    return row < 0 ? child->location : child->items[row];
}

static struct location keep_location(struct configuration *configuration, struct location location)
{
    struct arena *arena = &configuration->details->arena;

    if (location.line > 0 && location.file != NULL) {
        location.file = arena_copy(arena, slice_from_string(location.file)).data;
    }
    return location;
}

static bool unknown_item(const char *group, const char *name, struct error *error)
{
    error_set(error, ERROR_USAGE, "unknown item: %s.%s", group, name);
    return false;
}

/* An assignment that leaves the default in place counts as none (section 10). */
static bool assign(struct configuration *configuration, const struct item *item, void *target,
                   const struct value *value, struct location location, struct location *kept,
                   struct error *error)
{
    if (!item_assign(item, target, value, &configuration->details->arena, error)) {
        return false;
    }
    *kept = item_is_default(item, target) ? (struct location){0}
                                          : keep_location(configuration, location);
    return true;
}

bool configuration_assign(struct configuration *configuration, const char *group, const char *name,
                          const struct value *value, struct location location, struct error *error)
{
    int row = item_find_global(group, name);

    return row < 0 ? unknown_item(group, name, error)
                   : assign(configuration, &configuration_items[row], configuration, value,
                            location, &configuration->details->items[row], error);
}

bool configuration_override(struct configuration *configuration, const char *key,
                            const struct value *value, struct error *error)
{
    int row = find_key(key);

    if (row < 0) {
        return unknown_item("", key, error);
    }
    configuration->details->overridden[row] = true;
    return item_assign(&configuration_items[row], configuration, value,
                       &configuration->details->arena, error);
}

bool configuration_value(const struct configuration *configuration, const char *group,
                         const char *name, struct value *value)
{
    int row = item_find_global(group, name);

    if (row < 0) {
        return false;
    }
    *value = item_value(&configuration_items[row], configuration);
    return true;
}

int configuration_find_child(const struct configuration *configuration, const char *name)
{
    for (unsigned i = 0; i < configuration->child_count; i++) {
        if (strcmp(configuration->children[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

unsigned configuration_define_child(struct configuration *configuration, const char *name,
                                    struct location location)
{
    struct configuration_details *details = configuration->details;
    int found = configuration_find_child(configuration, name);
    unsigned index = configuration->child_count;
    struct configuration_child *child;

    if (found >= 0) {
        return (unsigned)found;
    }
    configuration->children =
        memory_resize(configuration->children, index + 1, sizeof(configuration->children[0]));
    details->children = memory_resize(details->children, index + 1, sizeof(details->children[0]));
    configuration->child_count++;

    child = &configuration->children[index];
    memset(child, 0, sizeof(*child));
    child->name = arena_copy(&details->arena, slice_from_string(name)).data;
    for (unsigned i = 0; i < child_item_count; i++) {
        item_reset(&child_items[i], child);
    }
    details->children[index] = (struct details_child){
        .location = keep_location(configuration, location),
        .items = memory_new(child_item_count, sizeof(struct location)),
    };
    return index;
}

bool configuration_remove_child(struct configuration *configuration, const char *name)
{
    struct configuration_details *details = configuration->details;
    int found = configuration_find_child(configuration, name);
    unsigned index = (unsigned)found;
    size_t behind;

    if (found < 0) {
        return false;
    }
    clear_child(configuration, index);
    behind = configuration->child_count - index - 1;
    memmove(&configuration->children[index], &configuration->children[index + 1],
            behind * sizeof(configuration->children[0]));
    memmove(&details->children[index], &details->children[index + 1],
            behind * sizeof(details->children[0]));
    configuration->child_count--;
    return true;
}

bool configuration_assign_child(struct configuration *configuration, unsigned index,
                                const char *name, const struct value *value,
                                struct location location, struct error *error)
{
    int row = item_find_child(name);

    return row < 0
               ? unknown_item("milter", name, error)
               : assign(configuration, &child_items[row], &configuration->children[index], value,
                        location, &configuration->details->children[index].items[row], error);
}

bool configuration_child_value(const struct configuration *configuration, unsigned index,
                               const char *name, struct value *value)
{
    int row = item_find_child(name);

    if (row < 0) {
        return false;
    }
    *value = item_value(&child_items[row], &configuration->children[index]);
    return true;
}

static struct configuration_child *conditions_of(const struct configuration *configuration,
                                                 unsigned index)
{
    /* The snapshot is still being built: its children may be changed. */
    return index == CONFIGURATION_RECORDING ? &((struct configuration *)configuration)->recording
                                            : &configuration->children[index];
}

static struct details_child *details_of(const struct configuration *configuration, unsigned index)
{
    struct configuration_details *details = configuration->details;

    return index == CONFIGURATION_RECORDING ? &details->recording : &details->children[index];
}

void configuration_clear_child_conditions(struct configuration *configuration, unsigned index)
{
    conditions_of(configuration, index)->condition_count = 0;
}

static const struct details_condition *find_condition(const struct configuration *configuration,
                                                      const char *name)
{
    const struct configuration_details *details = configuration->details;

    for (unsigned i = 0; i < details->condition_count; i++) {
        if (strcmp(details->conditions[i].name, name) == 0) {
            return &details->conditions[i];
        }
    }
    return NULL;
}

static bool refuse_condition(const struct configuration *configuration, const char *name,
                             struct error *error)
{
    const struct configuration_details *details = configuration->details;
    struct buffer message = {0};

    buffer_append_string(&message, "applicable condition should be one of [");
    for (unsigned i = 0; i < details->condition_count; i++) {
        buffer_append_string(&message, i == 0 ? "" : ", ");
        value_string_literal(slice_from_string(details->conditions[i].name), &message);
    }
    buffer_append_string(&message, "] but was ");
    value_string_literal(slice_from_string(name), &message);
    error_set(error, ERROR_USAGE, "%.*s", (int)buffer_length(&message),
              buffer_slice(&message).data);
    buffer_clear(&message);
    return false;
}

bool configuration_add_child_condition(struct configuration *configuration, unsigned index,
                                       const char *name, struct location location,
                                       struct error *error)
{
    const struct details_condition *found = find_condition(configuration, name);
    struct configuration_child *child = conditions_of(configuration, index);
    struct details_child *details = details_of(configuration, index);
    unsigned count = child->condition_count;

    if (found == NULL) {
        return refuse_condition(configuration, name, error);
    }
    for (unsigned i = 0; i < count; i++) {
        if (child->conditions[i] == found->condition) {
            return true;
        }
    }
    child->conditions = memory_resize(child->conditions, count + 1, sizeof(struct condition *));
    details->references =
        memory_resize(details->references, count + 1, sizeof(details->references[0]));
    child->conditions[count] = found->condition;
    details->references[count] = (struct details_reference){
        .name = found->name,
        .location = keep_location(configuration, location),
    };
    child->condition_count++;
    return true;
}

const char *configuration_child_condition(const struct configuration *configuration, unsigned index,
                                          unsigned position)
{
    return position < conditions_of(configuration, index)->condition_count
               ? details_of(configuration, index)->references[position].name
               : NULL;
}

void configuration_define_condition(struct configuration *configuration, const char *name,
                                    struct condition *condition, struct location location)
{
    struct configuration_details *details = configuration->details;
    unsigned count = details->condition_count;

    details->conditions =
        memory_resize(details->conditions, count + 1, sizeof(details->conditions[0]));
    details->conditions[count] = (struct details_condition){
        .name = arena_copy(&details->arena, slice_from_string(name)).data,
        .condition = condition,
        .location = keep_location(configuration, location),
    };
    details->condition_count++;
}

struct location configuration_condition_location(const struct configuration *configuration,
                                                 const char *name)
{
    const struct details_condition *found = find_condition(configuration, name);

    return found == NULL ? (struct location){0} : found->location;
}

struct condition *configuration_find_condition(const struct configuration *configuration,
                                               const char *name)
{
    const struct details_condition *found = find_condition(configuration, name);

    return found == NULL ? NULL : found->condition;
}

const char *configuration_condition_description(const struct configuration *configuration,
                                                const char *name)
{
    const struct details_condition *found = find_condition(configuration, name);

    return found == NULL ? NULL : found->description;
}

void configuration_describe_condition(struct configuration *configuration, const char *name,
                                      const char *description, struct location location)
{
    struct configuration_details *details = configuration->details;

    for (unsigned i = 0; i < details->condition_count; i++) {
        struct details_condition *condition = &details->conditions[i];

        if (strcmp(condition->name, name) != 0) {
            continue;
        }
        condition->description =
            description == NULL ? NULL
                                : arena_copy(&details->arena, slice_from_string(description)).data;
        condition->description_location =
            description == NULL ? (struct location){0} : keep_location(configuration, location);
    }
}

void configuration_set_engine(struct configuration *configuration, void *engine,
                              void (*release)(void *engine))
{
    configuration->details->engine = engine;
    configuration->details->engine_release = release;
}

void *configuration_engine(const struct configuration *configuration)
{
    return configuration->details->engine;
}

void configuration_note_file(struct configuration *configuration, const char *path)
{
    struct arena *arena = &configuration->details->arena;

    for (unsigned i = 0; i < configuration->file_count; i++) {
        if (strcmp(configuration->files[i], path) == 0) {
            return;
        }
    }
    configuration->files = memory_resize(configuration->files, configuration->file_count + 1,
                                         sizeof(configuration->files[0]));
    configuration->files[configuration->file_count++] =
        arena_copy(arena, slice_from_string(path)).data;
}

bool configuration_check(const struct configuration *configuration, struct error *error)
{
    struct location location = configuration_location(configuration, "controller.connection_spec");
    const struct socket_address *address = &configuration->controller.address;
    char place[PATH_MAX + 16] = "";

    if (configuration->controller.connection_spec == NULL ||
        configuration->controller.token != NULL || socket_address_is_local(address)) {
        return true;
    }
    if (location.line > 0) {
        (void)snprintf(place, sizeof(place), "%s:%d: ", location.file, location.line);
    }
    error_set(error, ERROR_USAGE,
              "%scontroller.connection_spec = \"%s\" lets other hosts connect: set "
              "controller.token, or listen on a unix socket or on inet:PORT@[127.0.0.1]",
              place, configuration->controller.connection_spec);
    return false;
}

void configuration_complete(struct configuration *configuration)
{
    static unsigned last_generation;

    if (geteuid() != 0) {
        /* Only root can start programs for others (milter-manager-cli.md section 2). */
        configuration->security.privilege_mode = false;
    }
    configuration->generation = ++last_generation;
    configuration->loaded = time(NULL);
}
