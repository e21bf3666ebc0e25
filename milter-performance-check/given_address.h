/*
 * given_address - an address of the command line, with or without angle
 * brackets and a display name: "joe@example.com", "Joe <joe@example.com>".
 */
#ifndef MILTER_PERFORMANCE_CHECK_GIVEN_ADDRESS_H
#define MILTER_PERFORMANCE_CHECK_GIVEN_ADDRESS_H

#include "libcore/base/arena.h"
#include "libcore/base/error.h"

/*
 * option: "--from", for the sentence.  null_sender: "" and "<>" are the empty address, else they
 * are refused, as is anything but one address.  The address is in the arena, without brackets.
 */
bool given_address_parse(const char *option, const char *text, bool null_sender,
                         struct arena *arena, struct slice *address, struct error *error);

#endif
