/*
 * bytes - packets in tests: written and compared as hex, as the specification
 * prints them.
 */
#ifndef TEST_UNIT_BYTES_H
#define TEST_UNIT_BYTES_H

#include "libcore/base/buffer.h"

#include <stdint.h>

/* A slice of a literal, NULs inside included. */
#define BYTES(text) slice_of((text), sizeof(text) - 1)

/* Appends the bytes of "00 0A ff"; blanks do not matter. */
void bytes_append_hex(struct buffer *buffer, const char *hex);
/* Fails unless actual is what the hex says; prints both as hex. */
void assert_hex(struct slice actual, const char *hex);
/* Fails unless actual is the text. */
void assert_text(struct slice actual, const char *text);
void assert_bytes(struct slice actual, struct slice expected);

/* The same numbers on every machine: a test that fails fails again. */
uint32_t random_next(uint32_t *state);

#endif
