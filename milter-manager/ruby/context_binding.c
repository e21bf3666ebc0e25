/*
 * context_binding - the functions of session/context.h for Ruby.
 *
 * Each takes the handle first and returns false when it is stale; the Ruby
 * class Context turns that into StaleContextError.  Owns nothing.
 */
#include "milter-manager/session/context.h"

#include "milter-manager/ruby/binding.h"

static uint64_t handle_of(VALUE number)
{
    return FIXNUM_P(number) ? (uint64_t)FIX2LONG(number)
                            : (RB_TYPE_P(number, T_BIGNUM) ? NUM2ULL(number) : CONTEXT_NONE);
}

/* nil for "there is none" */
static VALUE optional_string(struct slice slice)
{
    return slice.data == NULL ? Qnil : binding_string(slice);
}

static VALUE native_name(VALUE self, VALUE handle)
{
    struct slice name;

    (void)self;
    return context_name(handle_of(handle), &name) ? binding_string(name) : Qfalse;
}

static VALUE native_macro(VALUE self, VALUE handle, VALUE name)
{
    struct slice value = {0};

    (void)self;
    return context_macro(handle_of(handle), binding_slice(name), &value) ? optional_string(value)
                                                                         : Qfalse;
}

static VALUE native_set_macro(VALUE self, VALUE handle, VALUE name, VALUE value)
{
    (void)self;
    return context_set_macro(handle_of(handle), binding_slice(name), binding_slice(value)) ? Qtrue
                                                                                           : Qfalse;
}

/* The verdict's number, plus QUITTED when the child is out. */
enum { QUITTED = 256 };

static VALUE native_status(VALUE self, VALUE handle)
{
    struct context_status status;

    (void)self;
    if (!context_status(handle_of(handle), &status)) {
        return Qfalse;
    }
    return INT2FIX((int)status.verdict + (status.quitted ? QUITTED : 0));
}

static VALUE native_child(VALUE self, VALUE handle, VALUE name)
{
    uint64_t other = CONTEXT_NONE;

    (void)self;
    if (!context_child(handle_of(handle), binding_slice(name), &other)) {
        return Qfalse;
    }
    return other == CONTEXT_NONE ? Qnil : ULL2NUM(other);
}

static VALUE native_child_name(VALUE self, VALUE handle, VALUE index)
{
    struct slice name = {0};

    (void)self;
    return context_child_name(handle_of(handle), (unsigned)FIX2INT(index), &name)
               ? optional_string(name)
               : Qfalse;
}

static VALUE native_shelf_get(VALUE self, VALUE handle, VALUE key)
{
    struct slice value = {0};

    (void)self;
    return context_shelf_get(handle_of(handle), binding_slice(key), &value) ? optional_string(value)
                                                                            : Qfalse;
}

static VALUE native_shelf_set(VALUE self, VALUE handle, VALUE key, VALUE value)
{
    (void)self;
    return context_shelf_set(handle_of(handle), binding_slice(key), binding_slice(value)) ? Qtrue
                                                                                          : Qfalse;
}

/* [key, value], nil at the end. */
static VALUE native_shelf_entry(VALUE self, VALUE handle, VALUE index)
{
    struct slice key = {0};
    struct slice value = {0};

    (void)self;
    if (!context_shelf_entry(handle_of(handle), (unsigned)FIX2INT(index), &key, &value)) {
        return Qfalse;
    }
    return key.data == NULL ? Qnil : rb_assoc_new(binding_string(key), binding_string(value));
}

/* [family, port, address] */
static VALUE address_to_ruby(const struct context_address *address)
{
    return rb_ary_new_from_args(3, rb_str_new(&address->family, 1), UINT2NUM(address->port),
                                binding_string(address->address));
}

static VALUE native_client_address(VALUE self, VALUE handle)
{
    struct context_address address;

    (void)self;
    return context_client_address(handle_of(handle), &address) ? address_to_ruby(&address) : Qfalse;
}

static VALUE native_server_address(VALUE self, VALUE handle)
{
    struct context_address address;

    (void)self;
    return context_server_address(handle_of(handle), &address) ? address_to_ruby(&address) : Qfalse;
}

static VALUE native_processing_sessions(VALUE self)
{
    (void)self;
    return UINT2NUM(context_processing_sessions());
}

void context_binding_define(void)
{
    static const struct {
        const char *name;
        int value;
    } constants[] = {
        {"VERDICT_ACCEPT", VERDICT_ACCEPT},
        {"VERDICT_TEMPORARY_FAILURE", VERDICT_TEMPORARY_FAILURE},
        {"VERDICT_REJECT", VERDICT_REJECT},
        {"VERDICT_DISCARD", VERDICT_DISCARD},
        {"QUITTED", QUITTED},
    };

    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        rb_define_const(binding_module, constants[i].name, INT2FIX(constants[i].value));
    }
    BINDING_DEFINE("context_name", native_name, 1);
    BINDING_DEFINE("context_macro", native_macro, 2);
    BINDING_DEFINE("context_set_macro", native_set_macro, 3);
    BINDING_DEFINE("context_status", native_status, 1);
    BINDING_DEFINE("context_child", native_child, 2);
    BINDING_DEFINE("context_child_name", native_child_name, 2);
    BINDING_DEFINE("context_shelf_get", native_shelf_get, 2);
    BINDING_DEFINE("context_shelf_set", native_shelf_set, 3);
    BINDING_DEFINE("context_shelf_entry", native_shelf_entry, 2);
    BINDING_DEFINE("client_address", native_client_address, 1);
    BINDING_DEFINE("server_address", native_server_address, 1);
    BINDING_DEFINE("processing_sessions", native_processing_sessions, 0);
}
