/*
 * connect_address - the client of a mail as operators write it.  Owns nothing.
 */
#include "libcore/net/connect_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static void connect_address_take(const struct socket_address *address,
                                 struct command_connect *connect, char text[CONNECT_ADDRESS_TEXT])
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;
    const struct sockaddr_un *local = (const void *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_INET:
        connect->family = '4';
        connect->port = ntohs(inet->sin_port);
        (void)inet_ntop(AF_INET, &inet->sin_addr, text, CONNECT_ADDRESS_TEXT);
        break;
    case AF_INET6:
        connect->family = '6';
        connect->port = ntohs(inet6->sin6_port);
        (void)inet_ntop(AF_INET6, &inet6->sin6_addr, text, CONNECT_ADDRESS_TEXT);
        break;
    default:
        connect->family = 'L';
        connect->port = 0;
        (void)snprintf(text, CONNECT_ADDRESS_TEXT, "%s", local->sun_path);
        break;
    }
    connect->address = slice_from_string(text);
}

bool connect_address_parse(const char *spec, struct command_connect *connect,
                           char text[CONNECT_ADDRESS_TEXT], struct error *error)
{
    struct socket_address address;

    if (strcmp(spec, "unknown") == 0) {
        connect->family = 'U';
        return true;
    }
    if (!connection_spec_parse(spec, &address, error)) {
        return false;
    }
    connect_address_take(&address, connect, text);
    return true;
}
