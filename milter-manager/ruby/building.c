/*
 * building - the configuration functions for Ruby.
 *
 * Owns the Ruby side of each snapshot, which goes with the snapshot's last
 * reference.  Values are carried, not judged: the table of items decides.
 */
#include "milter-manager/ruby/building.h"

#include "libcore/base/memory.h"
#include "milter-manager/ruby/binding.h"

#include <stdlib.h>

#ifndef MILTER_MANAGER_PREFIX
#define MILTER_MANAGER_PREFIX "/usr/local"
#endif

/* The Ruby side of one snapshot: released with it. */
struct snapshot {
    VALUE configuration;
    struct condition **conditions;
    unsigned condition_count;
};

/* What the functions below work on; NULL outside of a load. */
static struct configuration *building;
static struct snapshot *building_snapshot;

static void snapshot_release(void *owner)
{
    struct snapshot *snapshot = owner;

    for (unsigned i = 0; i < snapshot->condition_count; i++) {
        condition_free(snapshot->conditions[i]);
    }
    binding_drop(&snapshot->configuration);
    free(snapshot->conditions);
    free(snapshot);
}

/* Values and strings from Ruby.  Copies: Ruby strings need not end in NUL. */

static char *string_copy(VALUE string)
{
    struct slice bytes = binding_slice(string);

    return memory_copy_bytes(bytes.data, bytes.length);
}

static struct value value_from_ruby(VALUE object, VALUE notation)
{
    switch (rb_type(object)) {
    case T_NIL:
        return value_nil();
    case T_TRUE:
    case T_FALSE:
        return value_boolean(RTEST(object));
    case T_FIXNUM:
        return value_integer(FIX2LONG(object));
    case T_FLOAT:
        return value_number(RFLOAT_VALUE(object));
    case T_STRING:
        return (struct value){.kind = VALUE_STRING, .string = binding_slice(object)};
    default:
        return (struct value){.kind = VALUE_OTHER, .string = binding_slice(notation)};
    }
}

static VALUE value_to_ruby(const struct value *value)
{
    switch (value->kind) {
    case VALUE_BOOLEAN:
        return value->boolean ? Qtrue : Qfalse;
    case VALUE_INTEGER:
        return LL2NUM(value->integer);
    case VALUE_NUMBER:
        return rb_float_new(value->number);
    case VALUE_STRING:
        return binding_string(value->string);
    case VALUE_NIL:
    case VALUE_OTHER:
        break;
    }
    return Qnil;
}

/* nil for success, else the message; every assigning function returns this. */
static VALUE outcome(bool success, const struct error *error)
{
    return success ? Qnil : binding_string(slice_from_string(error->message));
}

static VALUE not_building(void)
{
    return binding_string(
        slice_from_string("the configuration can only be changed while it is loaded"));
}

static VALUE native_assign(VALUE self, VALUE group, VALUE name, VALUE object, VALUE notation,
                           VALUE file, VALUE line)
{
    struct error error = {0};
    struct value value = value_from_ruby(object, notation);
    char *texts[] = {string_copy(group), string_copy(name), string_copy(file)};
    VALUE result = Qnil;

    (void)self;
    if (building == NULL) {
        result = not_building();
    } else {
        struct location location = {.file = texts[2], .line = FIX2INT(line)};

        result = outcome(
            configuration_assign(building, texts[0], texts[1], &value, location, &error), &error);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    return result;
}

static VALUE native_value(VALUE self, VALUE group, VALUE name)
{
    struct value value = value_nil();
    char *group_text = string_copy(group);
    char *name_text = string_copy(name);

    (void)self;
    if (building != NULL) {
        (void)configuration_value(building, group_text, name_text, &value);
    }
    free(group_text);
    free(name_text);
    return value_to_ruby(&value);
}

static VALUE native_define_child(VALUE self, VALUE name, VALUE file, VALUE line)
{
    char *name_text = string_copy(name);
    char *file_text = string_copy(file);
    VALUE result = Qnil;

    (void)self;
    if (building == NULL) {
        result = not_building();
    } else {
        (void)configuration_define_child(
            building, name_text, (struct location){.file = file_text, .line = FIX2INT(line)});
    }
    free(name_text);
    free(file_text);
    return result;
}

static VALUE native_remove_child(VALUE self, VALUE name)
{
    char *text = string_copy(name);
    bool removed = building != NULL && configuration_remove_child(building, text);

    (void)self;
    free(text);
    return removed ? Qtrue : Qfalse;
}

static VALUE native_child_names(VALUE self)
{
    VALUE names = rb_ary_new();

    (void)self;
    for (unsigned i = 0; building != NULL && i < building->child_count; i++) {
        rb_ary_push(names, binding_string(slice_from_string(building->children[i].name)));
    }
    return names;
}

/* Index of the child, or -1 when there is none (any more). */
static int find_child(VALUE name)
{
    char *text = string_copy(name);
    int found = building == NULL ? -1 : configuration_find_child(building, text);

    free(text);
    return found;
}

/* The same for what has conditions: nil is the recording of sessions. */
static int find_owner(VALUE name)
{
    return NIL_P(name) && building != NULL ? CONFIGURATION_RECORDING : find_child(name);
}

static VALUE no_such_child(void)
{
    return building == NULL ? not_building()
                            : binding_string(slice_from_string("the milter was removed"));
}

static VALUE native_assign_child(VALUE self, VALUE child, VALUE name, VALUE object, VALUE notation,
                                 VALUE file, VALUE line)
{
    struct error error = {0};
    struct value value = value_from_ruby(object, notation);
    int index = find_child(child);
    char *name_text;
    char *file_text;
    bool success;

    (void)self;
    if (index < 0) {
        return no_such_child();
    }
    name_text = string_copy(name);
    file_text = string_copy(file);
    success = configuration_assign_child(
        building, (unsigned)index, name_text, &value,
        (struct location){.file = file_text, .line = FIX2INT(line)}, &error);
    free(name_text);
    free(file_text);
    return outcome(success, &error);
}

/* The child is as detection found it: its command is the system's, not the administrator's. */
static VALUE native_child_detected(VALUE self, VALUE child)
{
    int index = find_child(child);

    (void)self;
    if (index >= 0) {
        building->children[index].detected_command = building->children[index].command;
    }
    return Qnil;
}

static VALUE native_child_value(VALUE self, VALUE child, VALUE name)
{
    struct value value = value_nil();
    int index = find_child(child);

    (void)self;
    if (index >= 0) {
        char *text = string_copy(name);

        (void)configuration_child_value(building, (unsigned)index, text, &value);
        free(text);
    }
    return value_to_ruby(&value);
}

static VALUE native_clear_child_conditions(VALUE self, VALUE child)
{
    int index = find_owner(child);

    (void)self;
    if (index < 0) {
        return no_such_child();
    }
    configuration_clear_child_conditions(building, (unsigned)index);
    return Qnil;
}

static VALUE native_add_child_condition(VALUE self, VALUE child, VALUE name, VALUE file, VALUE line)
{
    struct error error = {0};
    int index = find_owner(child);
    char *name_text;
    char *file_text;
    bool success;

    (void)self;
    if (index < 0) {
        return no_such_child();
    }
    name_text = string_copy(name);
    file_text = string_copy(file);
    success = configuration_add_child_condition(
        building, (unsigned)index, name_text,
        (struct location){.file = file_text, .line = FIX2INT(line)}, &error);
    free(name_text);
    free(file_text);
    return outcome(success, &error);
}

static VALUE native_child_conditions(VALUE self, VALUE child)
{
    VALUE names = rb_ary_new();
    int index = find_owner(child);
    const char *name;

    (void)self;
    for (unsigned i = 0;
         index >= 0 && (name = configuration_child_condition(building, (unsigned)index, i)) != NULL;
         i++) {
        rb_ary_push(names, binding_string(slice_from_string(name)));
    }
    return names;
}

static VALUE native_define_condition(VALUE self, VALUE name, VALUE object, VALUE file, VALUE line)
{
    struct snapshot *snapshot = building_snapshot;
    struct condition *condition;
    char *name_text;
    char *file_text;

    (void)self;
    if (building == NULL) {
        return not_building();
    }
    name_text = string_copy(name);
    file_text = string_copy(file);
    condition = condition_new(object, name_text);
    snapshot->conditions = memory_resize(snapshot->conditions, snapshot->condition_count + 1,
                                         sizeof(struct condition *));
    snapshot->conditions[snapshot->condition_count++] = condition;
    configuration_define_condition(building, name_text, condition,
                                   (struct location){.file = file_text, .line = FIX2INT(line)});
    free(name_text);
    free(file_text);
    return Qnil;
}

/* description nil: none.  file nil: the default. */
static VALUE native_describe_condition(VALUE self, VALUE name, VALUE description, VALUE file,
                                       VALUE line)
{
    char *texts[] = {string_copy(name), string_copy(description), string_copy(file)};
    VALUE result = Qnil;

    (void)self;
    if (building == NULL) {
        result = not_building();
    } else {
        configuration_describe_condition(
            building, texts[0], NIL_P(description) ? NULL : texts[1],
            (struct location){.file = texts[2], .line = NIL_P(line) ? 0 : FIX2INT(line)});
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    return result;
}

/* The number of the stopper in answers, or a message. */
static VALUE native_add_condition_stopper(VALUE self, VALUE name, VALUE stage, VALUE file,
                                          VALUE line)
{
    char *name_text = string_copy(name);
    char *file_text = string_copy(file);
    struct condition *condition =
        building == NULL ? NULL : configuration_find_condition(building, name_text);
    VALUE number = Qnil;

    (void)self;
    if (condition != NULL) {
        number = ULL2NUM(condition_add_stopper(condition, (enum condition_stage)FIX2INT(stage),
                                               file_text, FIX2INT(line)));
    }
    free(name_text);
    free(file_text);
    return condition == NULL ? not_building() : number;
}

/* "FILE:LINE" where the milter or, with condition true, the condition was defined; nil: unknown. */
static VALUE native_place(VALUE self, VALUE condition, VALUE name)
{
    char *text = string_copy(name);
    struct location location = {0};
    int index = RTEST(condition) ? -1 : find_child(name);
    VALUE result = Qnil;

    (void)self;
    if (index >= 0) {
        location = configuration_child_location(building, (unsigned)index, NULL);
    } else if (RTEST(condition) && building != NULL) {
        location = configuration_condition_location(building, text);
    }
    if (location.line > 0) {
        char *place = memory_format("%s:%d", location.file, location.line);

        result = binding_string(slice_from_string(place));
        free(place);
    }
    free(text);
    return result;
}

/* What relative names of databases are relative to. */
static VALUE native_prefix(VALUE self)
{
    (void)self;
    return binding_string(slice_from_string(MILTER_MANAGER_PREFIX));
}

/* A bit of enum configuration_hook. */
static VALUE native_want_hook(VALUE self, VALUE hook)
{
    (void)self;
    if (building == NULL) {
        return not_building();
    }
    building->hooks |= FIX2UINT(hook);
    return Qnil;
}

static VALUE native_note_file(VALUE self, VALUE path)
{
    char *text = string_copy(path);

    (void)self;
    if (building != NULL) {
        configuration_note_file(building, text);
    }
    free(text);
    return Qnil;
}

void building_define(void)
{
    BINDING_DEFINE("note_file", native_note_file, 1);
    BINDING_DEFINE("place", native_place, 2);
    BINDING_DEFINE("prefix", native_prefix, 0);
    BINDING_DEFINE("want_hook", native_want_hook, 1);
    rb_define_const(binding_module, "HOOK_CONNECTION_CHECK", INT2FIX(HOOK_CONNECTION_CHECK));
    rb_define_const(binding_module, "HOOK_MAINTAINED", INT2FIX(HOOK_MAINTAINED));
    rb_define_const(binding_module, "HOOK_LOOP_CREATED", INT2FIX(HOOK_LOOP_CREATED));
    BINDING_DEFINE("assign", native_assign, 6);
    BINDING_DEFINE("value", native_value, 2);
    BINDING_DEFINE("define_child", native_define_child, 3);
    BINDING_DEFINE("remove_child", native_remove_child, 1);
    BINDING_DEFINE("child_names", native_child_names, 0);
    BINDING_DEFINE("assign_child", native_assign_child, 6);
    BINDING_DEFINE("child_detected", native_child_detected, 1);
    BINDING_DEFINE("child_value", native_child_value, 2);
    BINDING_DEFINE("clear_child_conditions", native_clear_child_conditions, 1);
    BINDING_DEFINE("add_child_condition", native_add_child_condition, 4);
    BINDING_DEFINE("child_conditions", native_child_conditions, 1);
    BINDING_DEFINE("define_condition", native_define_condition, 4);
    BINDING_DEFINE("describe_condition", native_describe_condition, 4);
    BINDING_DEFINE("add_condition_stopper", native_add_condition_stopper, 4);
}

struct configuration *building_begin(void)
{
    struct snapshot *snapshot = NEW(struct snapshot);

    snapshot->configuration = Qnil;
    binding_keep(&snapshot->configuration);
    building = configuration_new();
    building_snapshot = snapshot;
    configuration_set_engine(building, snapshot, snapshot_release);
    return building;
}

void building_keep(VALUE object)
{
    building_snapshot->configuration = object;
}

VALUE building_object(const struct configuration *configuration)
{
    const struct snapshot *snapshot = configuration_engine(configuration);

    return snapshot == NULL ? Qnil : snapshot->configuration;
}

void building_end(void)
{
    building = NULL;
    building_snapshot = NULL;
}
