/*
 * session_line - one packet as a line of a session file, and back.
 *
 * Two tables say which form the payload of each letter has; writing and
 * reading go by the form, so what is written is what is read.
 */
#include "libcore/session/session_line.h"

#include "libcore/base/base64.h"
#include "libcore/wire/flags.h"
#include "libcore/wire/macro.h"

#include <stdint.h>
#include <string.h>

static const char indent[] = "    ";

enum {
    BASE64_LINE = 57, /* bytes that make 76 letters (RFC 2045 section 6.8) */
};

enum form {
    FORM_EMPTY,     /* no payload */
    FORM_TEXT,      /* bytes: any number of words, put together */
    FORM_STRINGS,   /* STR after STR */
    FORM_INDEXED,   /* a number, then STR after STR */
    FORM_CONNECT,   /* HOST inet|inet6 PORT ADDRESS, HOST unix PATH, HOST unknown */
    FORM_MACROS,    /* STAGE NAME=VALUE... */
    FORM_NEGOTIATE, /* VERSION ACTIONS STEPS [STAGE=NAMES...] */
    FORM_PACKET,    /* LETTER BYTES: any packet */
};

struct line_form {
    const char *name;
    char letter;
    enum form form;
    unsigned minimum, maximum; /* words behind the name */
    const char *usage;
};

enum { ANY = 1000000 };

static const struct line_form command_forms[] = {
    {"negotiate", 'O', FORM_NEGOTIATE, 3, ANY, "VERSION ACTIONS STEPS"},
    {"macros", 'D', FORM_MACROS, 1, ANY, "STAGE [NAME=VALUE...]"},
    {"connect", 'C', FORM_CONNECT, 2, 4,
     "HOST inet|inet6 PORT ADDRESS, HOST unix PATH or HOST unknown"},
    {"helo", 'H', FORM_STRINGS, 1, 1, "NAME"},
    {"envelope-from", 'M', FORM_STRINGS, 1, ANY, "ADDRESS [PARAMETER...]"},
    {"mail", 'M', FORM_STRINGS, 1, ANY, "ADDRESS [PARAMETER...]"},
    {"envelope-recipient", 'R', FORM_STRINGS, 1, ANY, "ADDRESS [PARAMETER...]"},
    {"rcpt", 'R', FORM_STRINGS, 1, ANY, "ADDRESS [PARAMETER...]"},
    {"data", 'T', FORM_EMPTY, 0, 0, ""},
    {"unknown", 'U', FORM_STRINGS, 1, 1, "COMMAND"},
    {"header", 'L', FORM_STRINGS, 2, 2, "NAME VALUE"},
    {SESSION_LINE_VERBATIM, 'L', FORM_STRINGS, 2, 2, "NAME VALUE"},
    {"end-of-header", 'N', FORM_EMPTY, 0, 0, ""},
    {"body", 'B', FORM_TEXT, 0, ANY, "TEXT..."},
    {"end-of-message", 'E', FORM_TEXT, 0, ANY, "[TEXT...]"},
    {"abort", 'A', FORM_EMPTY, 0, 0, ""},
    {"quit", 'Q', FORM_EMPTY, 0, 0, ""},
    {"quit-new-connection", 'K', FORM_EMPTY, 0, 0, ""},
    {"packet", '\0', FORM_PACKET, 1, ANY, "LETTER [BYTES...]"},
    {0},
};

static const struct line_form reply_forms[] = {
    {"negotiate", 'O', FORM_NEGOTIATE, 3, ANY, "VERSION ACTIONS STEPS [STAGE=MACROS...]"},
    {"continue", 'c', FORM_EMPTY, 0, 0, ""},
    {"accept", 'a', FORM_EMPTY, 0, 0, ""},
    {"reject", 'r', FORM_EMPTY, 0, 0, ""},
    {"temporary-failure", 't', FORM_EMPTY, 0, 0, ""},
    {"discard", 'd', FORM_EMPTY, 0, 0, ""},
    {"reply", 'y', FORM_STRINGS, 1, 1, "TEXT"},
    {"skip", 's', FORM_EMPTY, 0, 0, ""},
    {"connection-failure", 'f', FORM_EMPTY, 0, 0, ""},
    {"shutdown", '4', FORM_EMPTY, 0, 0, ""},
    {"progress", 'p', FORM_EMPTY, 0, 0, ""},
    {"quarantine", 'q', FORM_STRINGS, 1, 1, "REASON"},
    {"add-header", 'h', FORM_STRINGS, 2, 2, "NAME VALUE"},
    {"insert-header", 'i', FORM_INDEXED, 3, 3, "INDEX NAME VALUE"},
    {"change-header", 'm', FORM_INDEXED, 3, 3, "INDEX NAME VALUE"},
    {"change-from", 'e', FORM_STRINGS, 1, 2, "ADDRESS [PARAMETERS]"},
    {"add-recipient", '+', FORM_STRINGS, 1, 1, "ADDRESS"},
    {"add-recipient-with-parameters", '2', FORM_STRINGS, 1, 2, "ADDRESS [PARAMETERS]"},
    {"delete-recipient", '-', FORM_STRINGS, 1, 1, "ADDRESS"},
    {"replace-body", 'b', FORM_TEXT, 0, ANY, "TEXT..."},
    {"packet", '\0', FORM_PACKET, 1, ANY, "LETTER [BYTES...]"},
    {0},
};

static const struct line_form *forms_of(enum session_side side)
{
    return side == SESSION_SIDE_MTA ? command_forms : reply_forms;
}

static const struct line_form *form_by_name(enum session_side side, struct slice name)
{
    for (const struct line_form *form = forms_of(side); form->name != NULL; form++) {
        if (slice_equal_string(name, form->name)) {
            return form;
        }
    }
    return NULL;
}

/* The first of that letter is the one that is written. */
static const struct line_form *form_by_letter(enum session_side side, char letter)
{
    for (const struct line_form *form = forms_of(side); form->name != NULL; form++) {
        if (form->letter == letter && form->form != FORM_PACKET) {
            return form;
        }
    }
    return NULL;
}

bool session_line_is_text(enum session_side side, struct slice name)
{
    const struct line_form *form = form_by_name(side, name);

    return form != NULL && form->form == FORM_TEXT;
}

bool session_line_knows(enum session_side side, struct slice name)
{
    return form_by_name(side, name) != NULL;
}

/* ---- names of stages, families and bits */

static const struct {
    char letter;
    const char *name;
    bool addressed; /* a port and an address follow */
} families[] = {
    {'4', "inet", true},
    {'6', "inet6", true},
    {'L', "unix", false},
    {'U', "unknown", false},
};

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

static const char *stage_name(char letter)
{
    const struct line_form *form = form_by_letter(SESSION_SIDE_MTA, letter);

    return form != NULL ? form->name : NULL;
}

static bool stage_by_name(struct slice name, char *letter)
{
    const struct line_form *form = form_by_name(SESSION_SIDE_MTA, name);

    if (form == NULL || form->letter == '\0') {
        return false;
    }
    *letter = form->letter;
    return true;
}

static bool parse_number(struct slice text, uint32_t maximum, uint32_t *number, struct error *error)
{
    uint64_t value = 0;
    bool good = text.length > 0 && text.length <= 10;

    for (size_t i = 0; good && i < text.length; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (!good || value > maximum) {
        error_set(error, ERROR_USAGE, "not a number from 0 to %lu: <%.*s>", (unsigned long)maximum,
                  (int)text.length, text.data);
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

/* ---- writing: false when the payload is not of the form */

static bool take_uint32(struct slice *input, uint32_t *value)
{
    const unsigned char *bytes = (const void *)input->data;

    if (input->length < 4) {
        return false;
    }
    *value =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    slice_skip(input, 4);
    return true;
}

void session_line_append_word(struct buffer *output, struct slice text)
{
    const char *end;

    buffer_append_byte(output, ' ');
    if (!word_is_text(text)) {
        word_append(output, text);
        return;
    }
    while (text.length > 0 && (end = memchr(text.data, '\n', text.length - 1)) != NULL) {
        size_t length = (size_t)(end - text.data) + 1;

        word_append_quoted(output, slice_of(text.data, length));
        buffer_append_format(output, "\\\n%s", indent);
        slice_skip(&text, length);
    }
    word_append(output, text);
}

/* NAME=VALUE as one word. */
static void append_pair(struct buffer *output, struct slice name, struct slice value)
{
    buffer_append_byte(output, ' ');
    word_append(output, name);
    buffer_append_byte(output, '=');
    if (value.length > 0) {
        word_append(output, value);
    }
}

static bool write_strings(struct buffer *output, struct slice payload, const struct line_form *form)
{
    struct slice text;
    unsigned count = form->form == FORM_INDEXED ? 1 : 0;

    while (slice_take_string(&payload, &text)) {
        session_line_append_word(output, text);
        count++;
    }
    return payload.length == 0 && count >= form->minimum && count <= form->maximum;
}

static bool write_indexed(struct buffer *output, struct slice payload, const struct line_form *form)
{
    uint32_t index;

    if (!take_uint32(&payload, &index)) {
        return false;
    }
    buffer_append_format(output, " %lu", (unsigned long)index);
    return write_strings(output, payload, form);
}

static bool write_connect(struct buffer *output, struct slice payload)
{
    struct slice host, address;
    unsigned family = 0, port;

    if (!slice_take_string(&payload, &host) || payload.length == 0) {
        return false;
    }
    session_line_append_word(output, host);
    while (family < FAMILIES && families[family].letter != payload.data[0]) {
        family++;
    }
    slice_skip(&payload, 1);
    if (family == FAMILIES) {
        return false;
    }
    buffer_append_format(output, " %s", families[family].name);
    if (families[family].letter == 'U') {
        return payload.length == 0;
    }
    if (payload.length < 2) {
        return false;
    }
    port = (unsigned)(unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1];
    slice_skip(&payload, 2);
    if (families[family].addressed) {
        buffer_append_format(output, " %u", port);
    } else if (port != 0) {
        return false;
    }
    if (!slice_take_string(&payload, &address)) {
        return false;
    }
    session_line_append_word(output, address);
    return payload.length == 0;
}

static bool write_macros(struct buffer *output, struct slice payload)
{
    struct slice name, value;

    if (payload.length == 0 || stage_name(payload.data[0]) == NULL) {
        return false;
    }
    buffer_append_format(output, " %s", stage_name(payload.data[0]));
    slice_skip(&payload, 1);
    while (slice_take_string(&payload, &name)) {
        if (!slice_take_string(&payload, &value) || name.length == 0 ||
            memchr(name.data, '=', name.length) != NULL) {
            return false;
        }
        append_pair(output, name, value);
    }
    return payload.length == 0;
}

/* The stages of macro lists in the order of their numbers (milter-protocol section 3.6). */
static const char list_stages[] = "CHMRTEN";

static bool write_negotiate(struct buffer *output, struct slice payload)
{
    uint32_t version, actions, steps, stage;
    struct slice names;

    if (!take_uint32(&payload, &version) || !take_uint32(&payload, &actions) ||
        !take_uint32(&payload, &steps)) {
        return false;
    }
    buffer_append_format(output, " %lu ", (unsigned long)version);
    flags_append(output, FLAGS_ACTIONS, actions);
    buffer_append_byte(output, ' ');
    flags_append(output, FLAGS_STEPS, steps);
    while (payload.length > 0) {
        if (!take_uint32(&payload, &stage) || stage >= sizeof(list_stages) - 1 ||
            !slice_take_string(&payload, &names)) {
            return false;
        }
        append_pair(output, slice_from_string(stage_name(list_stages[stage])), names);
    }
    return true;
}

/* A text of several lines stands below its name, a line each; other bytes as base64. */
static void write_text(struct buffer *output, struct slice text)
{
    bool readable = word_is_text(text);
    const char *line_end = text.length > 0 ? memchr(text.data, '\n', text.length) : NULL;
    bool one_line = readable && (line_end == NULL || line_end == text.data + text.length - 1);

    while (text.length > 0) {
        struct slice part = text;
        const char *end = readable ? memchr(text.data, '\n', text.length) : NULL;

        if (end != NULL) {
            part.length = (size_t)(end - text.data) + 1;
        } else if (!readable && part.length > BASE64_LINE) {
            part.length = BASE64_LINE;
        }
        buffer_append_format(output, "%s", one_line ? " " : "\n");
        buffer_append_string(output, one_line ? "" : indent);
        if (readable) {
            word_append_quoted(output, part);
        } else {
            buffer_append_string(output, "base64:");
            base64_append(output, part);
        }
        slice_skip(&text, part.length);
    }
}

static bool write_form(struct buffer *output, const struct line_form *form, struct slice payload)
{
    switch (form->form) {
    case FORM_EMPTY:
        return payload.length == 0;
    case FORM_TEXT:
        write_text(output, payload);
        return true;
    case FORM_STRINGS:
        return write_strings(output, payload, form);
    case FORM_INDEXED:
        return write_indexed(output, payload, form);
    case FORM_CONNECT:
        return write_connect(output, payload);
    case FORM_MACROS:
        return write_macros(output, payload);
    case FORM_NEGOTIATE:
        return write_negotiate(output, payload);
    case FORM_PACKET:
        break;
    }
    return false;
}

void session_line_append(struct buffer *output, enum session_side side, const struct packet *packet)
{
    const struct line_form *form = form_by_letter(side, packet->letter);
    size_t before = buffer_length(output);

    if (form != NULL) {
        buffer_append_string(output, form->name);
    }
    if (form == NULL || !write_form(output, form, packet->payload)) {
        output->end = output->start + before;
        buffer_append_string(output, "packet ");
        word_append(output, slice_of(&packet->letter, 1));
        write_text(output, packet->payload);
    }
    buffer_append_byte(output, '\n');
}

void session_line_append_hex(struct buffer *output, struct slice bytes)
{
    buffer_append_string(output, "hex");
    for (size_t i = 0; i < bytes.length && i < SESSION_LINE_HEX; i++) {
        buffer_append_format(output, " %02x", (unsigned)(unsigned char)bytes.data[i]);
    }
    buffer_append_string(output, bytes.length > SESSION_LINE_HEX ? " *\n" : "\n");
}

/* ---- reading */

static void append_string(struct buffer *payload, struct slice text)
{
    buffer_append_slice(payload, text);
    buffer_append_byte(payload, '\0');
}

static void read_strings(struct buffer *payload, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        append_string(payload, words[i].text);
    }
}

static bool read_indexed(struct buffer *payload, const struct word *words, size_t count,
                         struct error *error)
{
    uint32_t index;

    if (!parse_number(words[0].text, UINT32_MAX, &index, error)) {
        return false;
    }
    buffer_append_uint32(payload, index);
    read_strings(payload, words + 1, count - 1);
    return true;
}

static bool read_connect(struct buffer *payload, const struct word *words, size_t count,
                         struct error *error)
{
    uint32_t port = 0;
    unsigned family = 0;

    while (family < FAMILIES && !slice_equal_string(words[1].text, families[family].name)) {
        family++;
    }
    if (family == FAMILIES || count != (families[family].addressed       ? 4U
                                        : families[family].letter == 'L' ? 3U
                                                                         : 2U)) {
        error_set(error, ERROR_USAGE,
                  "connect wants HOST inet|inet6 PORT ADDRESS, HOST unix PATH or HOST unknown");
        return false;
    }
    if (families[family].addressed && !parse_number(words[2].text, 65535, &port, error)) {
        return false;
    }
    append_string(payload, words[0].text);
    buffer_append_byte(payload, families[family].letter);
    if (families[family].letter != 'U') {
        buffer_append_uint16(payload, (uint16_t)port);
        append_string(payload, words[count - 1].text);
    }
    return true;
}

/* Splits NAME=VALUE. */
static bool split_pair(struct slice word, struct slice *name, struct slice *value,
                       struct error *error)
{
    const char *sign = memchr(word.data, '=', word.length);

    if (sign == NULL || sign == word.data) {
        error_set(error, ERROR_USAGE, "NAME=VALUE is wanted: <%.*s>", (int)word.length, word.data);
        return false;
    }
    *name = slice_of(word.data, (size_t)(sign - word.data));
    *value = slice_of(sign + 1, word.length - name->length - 1);
    return true;
}

static bool unknown_stage(struct slice name, struct error *error)
{
    error_set(error, ERROR_USAGE,
              "unknown stage <%.*s>; connect helo envelope-from envelope-recipient data header "
              "end-of-header body end-of-message unknown are known",
              (int)name.length, name.data);
    return false;
}

static bool read_macros(struct buffer *payload, const struct word *words, size_t count,
                        struct error *error)
{
    char letter;

    if (!stage_by_name(words[0].text, &letter)) {
        return unknown_stage(words[0].text, error);
    }
    buffer_append_byte(payload, letter);
    for (size_t i = 1; i < count; i++) {
        struct slice name, value;

        if (!split_pair(words[i].text, &name, &value, error)) {
            return false;
        }
        macro_pair_append(payload, name, value);
    }
    return true;
}

static bool read_list(struct buffer *payload, struct slice word, struct error *error)
{
    struct slice name, value;
    const char *number;
    char letter;

    if (!split_pair(word, &name, &value, error)) {
        return false;
    }
    if (!stage_by_name(name, &letter) || (number = strchr(list_stages, letter)) == NULL) {
        return unknown_stage(name, error);
    }
    buffer_append_uint32(payload, (uint32_t)(number - list_stages));
    append_string(payload, value);
    return true;
}

static bool read_negotiate(struct buffer *payload, const struct word *words, size_t count,
                           struct error *error)
{
    uint32_t version, actions, steps;

    if (!parse_number(words[0].text, UINT32_MAX, &version, error) ||
        !flags_parse(FLAGS_ACTIONS, words[1].text, &actions, error) ||
        !flags_parse(FLAGS_STEPS, words[2].text, &steps, error)) {
        return false;
    }
    buffer_append_uint32(payload, version);
    buffer_append_uint32(payload, actions);
    buffer_append_uint32(payload, steps);
    for (size_t i = 3; i < count; i++) {
        if (!read_list(payload, words[i].text, error)) {
            return false;
        }
    }
    return true;
}

static bool read_packet(struct buffer *payload, const struct word *words, size_t count,
                        char *letter, struct error *error)
{
    if (words[0].text.length != 1) {
        error_set(error, ERROR_USAGE, "packet wants one letter first: <%.*s>",
                  (int)words[0].text.length, words[0].text.data);
        return false;
    }
    *letter = words[0].text.data[0];
    for (size_t i = 1; i < count; i++) {
        buffer_append_slice(payload, words[i].text);
    }
    return true;
}

static bool read_form(struct buffer *payload, const struct line_form *form,
                      const struct word *words, size_t count, char *letter, struct error *error)
{
    switch (form->form) {
    case FORM_EMPTY:
        return true;
    case FORM_TEXT:
        for (size_t i = 0; i < count; i++) {
            buffer_append_slice(payload, words[i].text);
        }
        return true;
    case FORM_STRINGS:
        read_strings(payload, words, count);
        return true;
    case FORM_INDEXED:
        return read_indexed(payload, words, count, error);
    case FORM_CONNECT:
        return read_connect(payload, words, count, error);
    case FORM_MACROS:
        return read_macros(payload, words, count, error);
    case FORM_NEGOTIATE:
        return read_negotiate(payload, words, count, error);
    case FORM_PACKET:
        return read_packet(payload, words, count, letter, error);
    }
    return false;
}

static bool has_nul(const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memchr(words[i].text.data, '\0', words[i].text.length) != NULL) {
            return true;
        }
    }
    return false;
}

bool session_line_encode(enum session_side side, const struct word *words, size_t count,
                         char *letter, struct buffer *payload, struct error *error)
{
    const struct line_form *form = form_by_name(side, words[0].text);

    if (form == NULL) {
        error_set(error, ERROR_USAGE, "unknown %s <%.*s>",
                  side == SESSION_SIDE_MTA ? "command" : "reply", (int)words[0].text.length,
                  words[0].text.data);
        return false;
    }
    if (count - 1 < form->minimum || count - 1 > form->maximum) {
        error_set(error, ERROR_USAGE, "%s wants %s", form->name,
                  form->usage[0] != '\0' ? form->usage : "nothing behind it");
        return false;
    }
    if (form->form != FORM_TEXT && form->form != FORM_PACKET && has_nul(words + 1, count - 1)) {
        error_set(error, ERROR_USAGE, "a NUL byte cannot be part of this; use packet");
        return false;
    }
    *letter = form->letter;
    return read_form(payload, form, words + 1, count - 1, letter, error);
}

bool session_line_encode_hex(const struct word *words, size_t count, struct buffer *bytes,
                             struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct slice text = words[i].text;

        for (size_t k = 0; k < text.length; k += 2) {
            int high = word_hex_digit(text.data[k]);
            int low = k + 1 < text.length ? word_hex_digit(text.data[k + 1]) : -1;

            if (high < 0 || low < 0) {
                error_set(error, ERROR_USAGE, "not pairs of hexadecimal digits: <%.*s>",
                          (int)text.length, text.data);
                return false;
            }
            buffer_append_byte(bytes, (char)(high << 4 | low));
        }
    }
    return true;
}
