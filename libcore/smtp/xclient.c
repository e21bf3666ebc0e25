/*
 * xclient - the arguments of Postfix's XCLIENT command.
 *
 * Owns nothing.  What the command may say is a table; whether a server takes an
 * attribute it announces in its answer to EHLO, which is not known here.
 */
#include "libcore/smtp/xclient.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    NAME_MAXIMUM = 255,                                      /* of NAME and HELO, before xtext */
    ARGUMENTS_MAXIMUM = 512 - (int)sizeof("XCLIENT\r\n") + 1 /* RFC 5321 section 4.5.3.1.4 */
};

#define UNAVAILABLE "[UNAVAILABLE]"
#define TEMPUNAVAIL "[TEMPUNAVAIL]"
#define IPV6_PREFIX "IPV6:"

/* Writes the value as the command wants it, or says what is wrong with it. */
typedef bool value_fn(struct buffer *output, const char *name, const char *value,
                      struct error *error);

/* RFC 3461 section 4: what is not printable ASCII, '+' and '=' become "+" and two digits. */
static void append_xtext(struct buffer *output, const char *value)
{
    for (; *value != '\0'; value++) {
        unsigned char byte = (unsigned char)*value;
        if (byte >= '!' && byte <= '~' && byte != '+' && byte != '=') {
            buffer_append_byte(output, *value);
        } else {
            buffer_append_format(output, "+%02X", byte);
        }
    }
}

static bool append_text(struct buffer *output, const char *name, const char *value,
                        struct error *error)
{
    (void)name;
    (void)error;
    append_xtext(output, value);
    return true;
}

static bool append_name(struct buffer *output, const char *name, const char *value,
                        struct error *error)
{
    if (strlen(value) > NAME_MAXIMUM) {
        error_set(error, ERROR_USAGE, "XCLIENT %s is too long: %zu bytes, %d are allowed", name,
                  strlen(value), NAME_MAXIMUM);
        return false;
    }
    append_xtext(output, value);
    return true;
}

static bool append_address(struct buffer *output, const char *name, const char *value,
                           struct error *error)
{
    struct in6_addr bytes;
    char text[INET6_ADDRSTRLEN];
    size_t prefix = strlen(IPV6_PREFIX);
    bool prefixed = strncasecmp(value, IPV6_PREFIX, prefix) == 0;

    if (!prefixed && inet_pton(AF_INET, value, &bytes) == 1) {
        append_xtext(output, value);
        return true;
    }
    if (inet_pton(AF_INET6, prefixed ? value + prefix : value, &bytes) != 1) {
        error_set(error, ERROR_USAGE,
                  "XCLIENT %s must be an IPv4 or IPv6 address without brackets, or %s: <%s>", name,
                  UNAVAILABLE, value);
        return false;
    }
    (void)inet_ntop(AF_INET6, &bytes, text, sizeof(text));
    buffer_append_format(output, "%s%s", IPV6_PREFIX, text);
    return true;
}

static bool append_port(struct buffer *output, const char *name, const char *value,
                        struct error *error)
{
    unsigned port = 0;
    size_t digits = strspn(value, "0123456789");

    for (size_t i = 0; i < digits && port <= UINT16_MAX; i++) {
        port = port * 10 + (unsigned)(value[i] - '0');
    }
    if (value[digits] != '\0' || port > UINT16_MAX) {
        error_set(error, ERROR_USAGE, "XCLIENT %s must be a number from 0 to 65535, or %s: <%s>",
                  name, UNAVAILABLE, value);
        return false;
    }
    buffer_append_format(output, "%u", port);
    return true;
}

static bool append_protocol(struct buffer *output, const char *name, const char *value,
                            struct error *error)
{
    static const char *const PROTOCOLS[] = {"SMTP", "ESMTP"};

    for (size_t i = 0; i < sizeof(PROTOCOLS) / sizeof(PROTOCOLS[0]); i++) {
        if (strcasecmp(value, PROTOCOLS[i]) == 0) {
            buffer_append_string(output, PROTOCOLS[i]);
            return true;
        }
    }
    error_set(error, ERROR_USAGE, "XCLIENT %s must be SMTP or ESMTP: <%s>", name, value);
    return false;
}

/* Postfix's XCLIENT_README, "XCLIENT Command syntax". */
static const struct attribute {
    const char *name;
    value_fn *append;
    bool unavailable, temporarily; /* may be the word instead of a value */
} ATTRIBUTES[] = {
    {"NAME", append_name, true, true},         {"ADDR", append_address, true, false},
    {"PORT", append_port, true, false},        {"HELO", append_name, true, false},
    {"LOGIN", append_text, true, false},       {"PROTO", append_protocol, false, false},
    {"DESTADDR", append_address, true, false}, {"DESTPORT", append_port, true, false},
};

static const struct attribute *find_attribute(const char *name)
{
    for (size_t i = 0; i < sizeof(ATTRIBUTES) / sizeof(ATTRIBUTES[0]); i++) {
        if (strcasecmp(name, ATTRIBUTES[i].name) == 0) {
            return &ATTRIBUTES[i];
        }
    }
    return NULL;
}

static bool append_value(struct buffer *output, const struct attribute *attribute,
                         const char *value, struct error *error)
{
    if (value[0] == '\0') {
        error_set(error, ERROR_USAGE, "XCLIENT %s has no value", attribute->name);
        return false;
    }
    if (attribute->unavailable && strcasecmp(value, UNAVAILABLE) == 0) {
        buffer_append_string(output, UNAVAILABLE);
        return true;
    }
    if (attribute->temporarily && strcasecmp(value, TEMPUNAVAIL) == 0) {
        buffer_append_string(output, TEMPUNAVAIL);
        return true;
    }
    return attribute->append(output, attribute->name, value, error);
}

bool xclient_append(struct buffer *arguments, const char *name, const char *value,
                    struct error *error)
{
    const struct attribute *attribute = find_attribute(name);
    if (attribute == NULL) {
        error_set(error, ERROR_USAGE,
                  "XCLIENT knows NAME, ADDR, PORT, HELO, LOGIN, PROTO, DESTADDR and DESTPORT, "
                  "not <%s>",
                  name);
        return false;
    }
    struct buffer text = {0};
    bool good = append_value(&text, attribute, value, error);
    size_t length = buffer_length(arguments) + 2 + strlen(attribute->name) + buffer_length(&text);
    if (good && length > ARGUMENTS_MAXIMUM) {
        error_set(error, ERROR_USAGE,
                  "XCLIENT with %s is too long for one command: %zu bytes of arguments, %d are "
                  "allowed",
                  attribute->name, length, ARGUMENTS_MAXIMUM);
        good = false;
    }
    if (good) {
        buffer_append_format(arguments, " %s=", attribute->name);
        buffer_append_slice(arguments, buffer_slice(&text));
    }
    buffer_clear(&text);
    return good;
}
