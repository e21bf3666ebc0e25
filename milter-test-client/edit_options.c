/*
 * edit_options - edits as users write them.  Reads the file of a new body and
 * nothing else; what is made of the values lives in the policy's arena.
 */
#include "milter-test-client/edit_options.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "libcore/base/option_value.h"
#include "libcore/mail/mail_address.h"

#include <stdlib.h>
#include <string.h>

static bool append_edit(struct policy *policy, const struct reply *edit)
{
    policy->edits = memory_resize(policy->edits, policy->edit_count + 1, sizeof(*policy->edits));
    policy->edits[policy->edit_count++] = *edit;
    return true;
}

/* ---- headers */

static bool refuse_header(const char *value, const char *expected, struct error *error)
{
    error_set(error, ERROR_USAGE, "not a header field: <%s>; %s is expected", value, expected);
    return false;
}

/* NAME:VALUE. */
static bool parse_field(const char *text, struct reply *edit)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || colon == text) {
        return false;
    }
    edit->name = slice_of(text, (size_t)(colon - text));
    edit->value = slice_from_string(colon[1] == ' ' ? colon + 2 : colon + 1);
    return true;
}

/* What stands behind "N:", or NULL. */
static const char *parse_index(const char *text, struct reply *edit, struct error *error)
{
    const char *colon = strchr(text, ':');
    unsigned long number = 0;
    char *digits;
    bool ok;

    if (colon == NULL) {
        error_set(error, ERROR_USAGE, "no ':' behind the number of the header field: <%s>", text);
        return NULL;
    }
    digits = memory_copy_bytes(text, (size_t)(colon - text));
    ok = option_parse_unsigned(digits, INT32_MAX, &number, error);
    free(digits);
    edit->index = (uint32_t)number;
    return ok ? colon + 1 : NULL;
}

bool edit_options_add_header(struct policy *policy, const char *value, struct error *error)
{
    struct reply edit = {.kind = REPLY_ADD_HEADER};

    return parse_field(value, &edit) ? append_edit(policy, &edit)
                                     : refuse_header(value, "NAME:VALUE", error);
}

static bool add_numbered(struct policy *policy, enum reply_kind kind, const char *value,
                         struct error *error)
{
    struct reply edit = {.kind = kind};
    const char *field = parse_index(value, &edit, error);

    if (field == NULL) {
        return false;
    }
    return parse_field(field, &edit) ? append_edit(policy, &edit)
                                     : refuse_header(value, "N:NAME:VALUE", error);
}

bool edit_options_insert_header(struct policy *policy, const char *value, struct error *error)
{
    return add_numbered(policy, REPLY_INSERT_HEADER, value, error);
}

bool edit_options_change_header(struct policy *policy, const char *value, struct error *error)
{
    return add_numbered(policy, REPLY_CHANGE_HEADER, value, error);
}

/* On the wire a change to nothing. */
bool edit_options_delete_header(struct policy *policy, const char *value, struct error *error)
{
    struct reply edit = {.kind = REPLY_CHANGE_HEADER, .value = {"", 0}};
    const char *name = parse_index(value, &edit, error);

    if (name == NULL) {
        return false;
    }
    if (name[0] == '\0' || strchr(name, ':') != NULL) {
        return refuse_header(value, "N:NAME", error);
    }
    edit.name = slice_from_string(name);
    return append_edit(policy, &edit);
}

/* ---- envelope */

static bool refuse_address(const char *value, const char *expected, struct error *error)
{
    error_set(error, ERROR_USAGE, "not an address: <%s>; %s is expected", value, expected);
    return false;
}

/* ADDRESS [ARGUMENTS]; false without an address. */
static bool parse_address(struct policy *policy, const char *value, struct reply *edit)
{
    size_t length = strcspn(value, " ");
    const char *arguments = value + length + strspn(value + length, " ");

    if (length == 0) {
        return false;
    }
    edit->text = mail_address_add_brackets(&policy->arena, slice_of(value, length));
    if (*arguments != '\0') {
        edit->arguments = slice_from_string(arguments);
    }
    return true;
}

bool edit_options_change_from(struct policy *policy, const char *value, struct error *error)
{
    struct reply edit = {.kind = REPLY_CHANGE_FROM};

    return parse_address(policy, value, &edit)
               ? append_edit(policy, &edit)
               : refuse_address(value, "ADDRESS or 'ADDRESS ARGUMENTS'", error);
}

bool edit_options_add_recipient(struct policy *policy, const char *value, struct error *error)
{
    struct reply edit = {.kind = REPLY_ADD_RECIPIENT};

    if (!parse_address(policy, value, &edit)) {
        return refuse_address(value, "ADDRESS or 'ADDRESS ARGUMENTS'", error);
    }
    if (edit.arguments.data != NULL) {
        edit.kind = REPLY_ADD_RECIPIENT_WITH_PARAMETERS;
    }
    return append_edit(policy, &edit);
}

bool edit_options_delete_recipient(struct policy *policy, const char *value, struct error *error)
{
    struct reply edit = {.kind = REPLY_DELETE_RECIPIENT};

    if (!parse_address(policy, value, &edit) || edit.arguments.data != NULL) {
        return refuse_address(value, "ADDRESS alone", error);
    }
    return append_edit(policy, &edit);
}

/* ---- the rest */

/* How mail travels: no LF without its CR. */
static void append_with_crlf(struct buffer *output, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\n' && (i == 0 || text.data[i - 1] != '\r')) {
            buffer_append_byte(output, '\r');
        }
        buffer_append_byte(output, text.data[i]);
    }
}

/* At least one chunk, so that a body can be replaced by none; CR and LF stay together. */
static void append_chunks(struct policy *policy, struct slice body)
{
    do {
        size_t length = body.length < PROTOCOL_CHUNK ? body.length : PROTOCOL_CHUNK;

        if (length < body.length && body.data[length - 1] == '\r') {
            length--;
        }
        append_edit(policy, &(struct reply){.kind = REPLY_REPLACE_BODY,
                                            .text = slice_of(body.data, length)});
        slice_skip(&body, length);
    } while (body.length > 0);
}

bool edit_options_replace_body(struct policy *policy, const char *value, struct error *error)
{
    struct buffer content = {0}, body = {0};
    bool ok = strcmp(value, "-") != 0;

    if (!ok) {
        error_set(error, ERROR_USAGE, "standard input cannot be the new body; name a file");
    } else {
        ok = file_read(value, "new body", &content, error);
    }
    if (ok) {
        append_with_crlf(&body, buffer_slice(&content));
        append_chunks(policy, arena_copy(&policy->arena, buffer_slice(&body)));
    }
    buffer_clear(&content);
    buffer_clear(&body);
    return ok;
}

bool edit_options_quarantine(struct policy *policy, const char *value, struct error *error)
{
    if (value[0] == '\0') {
        error_set(error, ERROR_USAGE, "a reason is needed, e.g. 'looks odd'");
        return false;
    }
    return append_edit(policy,
                       &(struct reply){.kind = REPLY_QUARANTINE, .text = slice_from_string(value)});
}
