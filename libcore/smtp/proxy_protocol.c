/*
 * proxy_protocol - writes the header of the PROXY protocol (proxy-protocol.txt of
 * HAProxy, sections 2.1 and 2.2).  Owns nothing; it never reads such a header.
 */
#include "libcore/smtp/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum {
    VERSION_2_LOCAL = 0x20,
    VERSION_2_PROXY = 0x21,
    TRANSPORT_NONE = 0x00,
    TRANSPORT_TCP4 = 0x11,
    TRANSPORT_TCP6 = 0x21
};

static const char SIGNATURE[] = {'\r', '\n', '\r', '\n', '\0', '\r',
                                 '\n', 'Q',  'U',  'I',  'T',  '\n'};

struct end {
    int family;
    unsigned char address[sizeof(struct in6_addr)];
    size_t length; /* bytes of the address */
    uint16_t port;
};

static struct end end_of(const struct sockaddr_storage *address)
{
    struct end end = {.family = AF_UNSPEC};

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *inet = (const void *)address;
        end.family = AF_INET;
        end.length = sizeof(inet->sin_addr);
        end.port = ntohs(inet->sin_port);
        memcpy(end.address, &inet->sin_addr, end.length);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *inet6 = (const void *)address;
        /* A socket for both families shows IPv4 like this. */
        bool mapped = IN6_IS_ADDR_V4MAPPED(&inet6->sin6_addr);
        size_t skipped = mapped ? sizeof(struct in6_addr) - sizeof(struct in_addr) : 0;
        end.family = mapped ? AF_INET : AF_INET6;
        end.length = sizeof(struct in6_addr) - skipped;
        end.port = ntohs(inet6->sin6_port);
        memcpy(end.address, inet6->sin6_addr.s6_addr + skipped, end.length);
    }
    return end;
}

static void append_address(struct buffer *output, const struct end *end)
{
    char text[INET6_ADDRSTRLEN];

    (void)inet_ntop(end->family, end->address, text, sizeof(text));
    if (end->family == AF_INET || strchr(text, '.') == NULL) {
        buffer_append_string(output, text);
        return;
    }
    /* "::192.0.2.1": the protocol has groups of hexadecimal digits only. */
    for (size_t i = 0; i < end->length; i += 2) {
        buffer_append_format(output, "%s%x", i == 0 ? "" : ":",
                             (unsigned)(end->address[i] << 8 | end->address[i + 1]));
    }
}

static void append_version_1(struct buffer *output, const struct end *source,
                             const struct end *destination)
{
    buffer_append_string(output, source->family == AF_INET ? "PROXY TCP4 " : "PROXY TCP6 ");
    append_address(output, source);
    buffer_append_byte(output, ' ');
    append_address(output, destination);
    buffer_append_format(output, " %u %u\r\n", source->port, destination->port);
}

static void append_version_2(struct buffer *output, const struct end *source,
                             const struct end *destination)
{
    buffer_append_byte(output, (char)VERSION_2_PROXY);
    buffer_append_byte(output, (char)(source->family == AF_INET ? TRANSPORT_TCP4 : TRANSPORT_TCP6));
    buffer_append_uint16(output, (uint16_t)(2 * source->length + 2 * sizeof(uint16_t)));
    buffer_append(output, source->address, source->length);
    buffer_append(output, destination->address, destination->length);
    buffer_append_uint16(output, source->port);
    buffer_append_uint16(output, destination->port);
}

void proxy_protocol_append(struct buffer *output, enum proxy_protocol version,
                           const struct sockaddr_storage *source,
                           const struct sockaddr_storage *destination)
{
    struct end from = end_of(source);
    struct end to = end_of(destination);
    bool known = from.family != AF_UNSPEC && from.family == to.family;

    switch (version) {
    case PROXY_PROTOCOL_NONE:
        return;
    case PROXY_PROTOCOL_V1:
        if (known) {
            append_version_1(output, &from, &to);
        } else {
            buffer_append_string(output, "PROXY UNKNOWN\r\n");
        }
        return;
    case PROXY_PROTOCOL_V2:
        buffer_append(output, SIGNATURE, sizeof(SIGNATURE));
        if (known) {
            append_version_2(output, &from, &to);
        } else {
            buffer_append_byte(output, (char)VERSION_2_LOCAL);
            buffer_append_byte(output, (char)TRANSPORT_NONE);
            buffer_append_uint16(output, 0);
        }
        return;
    }
}
