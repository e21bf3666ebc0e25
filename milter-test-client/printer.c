/*
 * printer - what was received, as lines.  Bytes are shown as they came; the
 * caller writes the buffer out.
 */
#include "milter-test-client/printer.h"

#include "libcore/wire/macro.h"
#include "libcore/wire/negotiation.h"

#include <strings.h>

static void append_bracketed(struct buffer *output, const char *label, struct slice value)
{
    buffer_append_string(output, label);
    buffer_append_byte(output, '<');
    buffer_append_slice(output, value);
    buffer_append_byte(output, '>');
}

typedef const char *flag_name_fn(unsigned bit_number);

/* Bits without a name are shown as a number, so nothing that was offered is hidden. */
static void append_flags(struct buffer *output, const char *label, uint32_t flags,
                         flag_name_fn *name_of)
{
    const char *separator = "";

    buffer_append_string(output, label);
    buffer_append_byte(output, '<');
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t flag = (uint32_t)1 << bit;
        const char *name = name_of(bit);

        if ((flags & flag) == 0) {
            continue;
        }
        buffer_append_string(output, separator);
        if (name != NULL) {
            buffer_append_string(output, name);
        } else {
            buffer_append_format(output, "0x%x", (unsigned)flag);
        }
        separator = "|";
    }
    buffer_append_byte(output, '>');
}

static void print_negotiate(struct buffer *output, const struct command_packet *event)
{
    struct negotiation offer = {.version = 0};

    (void)negotiation_decode(event->text, &offer, NULL); /* the machine has checked it */
    buffer_append_format(output, "negotiate: version=<%u>", (unsigned)offer.version);
    append_flags(output, ", action=", offer.actions, action_name);
    append_flags(output, ", step=", offer.steps, step_name);
}

void printer_address(struct buffer *output, const struct command_connect *connect)
{
    static const char prefix[] = "IPv6:";
    struct slice address = connect->address;

    if (connect->family == 'L') {
        buffer_append_string(output, "unix:");
        buffer_append_slice(output, address);
    } else if (connect->family == 'U') {
        buffer_append_string(output, "unknown");
    } else {
        if (address.length >= sizeof(prefix) - 1 &&
            strncasecmp(address.data, prefix, sizeof(prefix) - 1) == 0) {
            slice_skip(&address, sizeof(prefix) - 1);
        }
        buffer_append_format(output, "%s:%u@[", connect->family == '6' ? "inet6" : "inet",
                             (unsigned)connect->port);
        buffer_append_slice(output, address);
        buffer_append_byte(output, ']');
    }
}

static void print_connect(struct buffer *output, const struct command_packet *event)
{
    append_bracketed(output, "connect: host=", event->connect.host);
    buffer_append_string(output, ", address=<");
    printer_address(output, &event->connect);
    buffer_append_byte(output, '>');
}

static void print_text(struct buffer *output, const struct command_packet *event)
{
    append_bracketed(output, ": ", event->text);
}

static void print_envelope(struct buffer *output, const struct command_packet *event)
{
    append_bracketed(output, ": ", event->envelope.address);
}

static void print_header(struct buffer *output, const struct command_packet *event)
{
    buffer_append_string(output, ": <");
    buffer_append_slice(output, event->header.name);
    buffer_append_string(output, ": ");
    buffer_append_slice(output, event->header.value);
    buffer_append_byte(output, '>');
}

static void print_end_of_message(struct buffer *output, const struct command_packet *event)
{
    if (event->text.length > 0) {
        print_text(output, event);
    }
}

/* own_name: what is printed is the whole line; else it follows the command's name. */
static const struct {
    void (*print)(struct buffer *output, const struct command_packet *event);
    bool own_name;
} printers[COMMANDS] = {
    [COMMAND_NEGOTIATE] = {print_negotiate, true},
    [COMMAND_CONNECT] = {print_connect, true},
    [COMMAND_HELO] = {print_text, false},
    [COMMAND_MAIL] = {print_envelope, false},
    [COMMAND_RCPT] = {print_envelope, false},
    [COMMAND_HEADER] = {print_header, false},
    [COMMAND_BODY] = {print_text, false},
    [COMMAND_END_OF_MESSAGE] = {print_end_of_message, false},
    [COMMAND_UNKNOWN] = {print_text, false},
};

void printer_command(struct buffer *output, const struct command_packet *event)
{
    enum command command = event->command;

    if (command == COMMAND_MACRO || command == COMMAND_QUIT ||
        command == COMMAND_QUIT_NEW_CONNECTION) {
        return;
    }
    if (!printers[command].own_name) {
        buffer_append_string(output, command_info[command].name);
    }
    if (printers[command].print != NULL) {
        printers[command].print(output, event);
    }
    buffer_append_byte(output, '\n');
}

void printer_macros(struct buffer *output, struct slice pairs)
{
    struct slice name, value;
    bool first = true;

    while (macro_pair_next(&pairs, &name, &value)) {
        buffer_append_string(output, first ? "macros:\n  " : "  ");
        buffer_append_slice(output, macro_bare_name(name));
        buffer_append_byte(output, '=');
        buffer_append_slice(output, value);
        buffer_append_byte(output, '\n');
        first = false;
    }
}

void printer_finished(struct buffer *output)
{
    buffer_append_string(output, "finished\n");
}
