/*
 * connect_address - the client of a mail as operators write it, for CONNECT.
 *
 * A connection specification, or the word unknown.
 */
#ifndef LIBCORE_NET_CONNECT_ADDRESS_H
#define LIBCORE_NET_CONNECT_ADDRESS_H

#include "libcore/net/connection_spec.h"
#include "libcore/wire/command.h"

/* Room for the text of every address. */
enum { CONNECT_ADDRESS_TEXT = 128 };

/*
 * Sets family, port and address of *connect, the host name stays.  The address
 * stands in text, which must live as long as *connect.  False with the *error
 * of connection_spec_parse.
 */
bool connect_address_parse(const char *spec, struct command_connect *connect,
                           char text[CONNECT_ADDRESS_TEXT], struct error *error);

#endif
