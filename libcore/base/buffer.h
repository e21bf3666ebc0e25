/*
 * buffer - a growable queue of bytes: append at the end, consume at the front.
 *
 * An all-zero struct is an empty buffer, so {0} initialises one.  A buffer
 * owns its memory until buffer_clear.
 */
#ifndef LIBCORE_BASE_BUFFER_H
#define LIBCORE_BASE_BUFFER_H

#include "libcore/base/slice.h"

#include <stdint.h>

struct buffer {
    char *data;
    size_t start; /* first byte not yet consumed */
    size_t end;   /* one past the last byte */
    size_t capacity;
};

/* Gives the memory back; the buffer is empty and usable afterwards. */
void buffer_clear(struct buffer *buffer);
/* Forgets the content, keeps the memory. */
void buffer_reset(struct buffer *buffer);

size_t buffer_length(const struct buffer *buffer);
/* The content; valid until the buffer is changed. */
struct slice buffer_slice(const struct buffer *buffer);

/* Room for length bytes at the end; call buffer_commit with what was used. */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_commit(struct buffer *buffer, size_t length);
/* Drops length bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t length);

void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_slice(struct buffer *buffer, struct slice slice);
void buffer_append_byte(struct buffer *buffer, char byte);
void buffer_append_string(struct buffer *buffer, const char *string);
/* Network byte order. */
void buffer_append_uint32(struct buffer *buffer, uint32_t value);
void buffer_append_uint16(struct buffer *buffer, uint16_t value);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
