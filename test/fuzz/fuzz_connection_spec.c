/*
 * fuzz_connection_spec - what operators write as an address.
 *
 * The input is one specification.  What must hold: an error has a sentence; an
 * accepted address prints in bounds, and what is printed is the same address.
 * Hosts that are no numbers are left out: nobody is to be asked for their names.
 */
#include "libcore/base/memory.h"
#include "libcore/net/connection_spec.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* True when the host, if there is one, is a number of the family the protocol names. */
static bool asks_no_resolver(const char *spec)
{
    const char *host = strchr(spec, '@');
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr number;
    size_t length;

    if (host == NULL || strncmp(spec, "inet", 4) != 0) {
        return true;
    }
    host++;
    length = strlen(host);
    if (host[0] == '[' && length >= 2 && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(text)) {
        return length == 0 || length > 255; /* refused before anybody is asked */
    }
    memcpy(text, host, length);
    return inet_pton(spec[4] == '6' ? AF_INET6 : AF_INET, text, &number) == 1;
}

static void check_printed(const struct socket_address *address)
{
    char text[SOCKET_ADDRESS_TEXT], again[SOCKET_ADDRESS_TEXT];
    struct socket_address parsed;
    struct error error = {0};

    require(socket_address_format(address, text) == text);
    require(memchr(text, '\0', sizeof(text)) != NULL);
    require(connection_spec_parse(text, &parsed, &error));
    require(parsed.length == address->length);
    require(memcmp(&parsed.storage, &address->storage, address->length) == 0);
    require(strcmp(socket_address_format(&parsed, again), text) == 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *spec = memory_copy_bytes(data, size);
    struct socket_address address;
    struct error error = {0};

    if (asks_no_resolver(spec)) {
        if (connection_spec_parse(spec, &address, &error)) {
            require(error.code == ERROR_NONE && address.length > 0);
            check_printed(&address);
        } else {
            require(error.code == ERROR_USAGE && error.message[0] != '\0');
        }
    }
    free(spec);
    return 0;
}
