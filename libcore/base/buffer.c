/*
 * buffer - a growable queue of bytes: append at the end, consume at the front.
 *
 * Owns one block of memory.  Consumed space is reused before the block grows,
 * so a connection in steady state allocates nothing.
 */
#include "libcore/base/buffer.h"

#include "libcore/base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_MINIMUM = 256 };

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_reset(struct buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

struct slice buffer_slice(const struct buffer *buffer)
{
    return buffer->data == NULL ? slice_of("", 0)
                                : slice_of(buffer->data + buffer->start, buffer_length(buffer));
}

/* Room is made by moving the content down when that is cheap, else in a larger block. */
static void buffer_make_room(struct buffer *buffer, size_t length)
{
    size_t used = buffer_length(buffer);
    size_t capacity = buffer->capacity < BUFFER_MINIMUM ? BUFFER_MINIMUM : buffer->capacity;
    char *larger;

    if (buffer->start >= used && buffer->capacity - used >= length && buffer->data != NULL) {
        memmove(buffer->data, buffer->data + buffer->start, used);
    } else {
        while (capacity - used < length) {
            capacity *= 2;
        }
        larger = memory_resize(NULL, capacity, 1);
        if (buffer->data != NULL) {
            memcpy(larger, buffer->data + buffer->start, used);
        }
        free(buffer->data);
        buffer->data = larger;
        buffer->capacity = capacity;
    }
    buffer->start = 0;
    buffer->end = used;
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
    if (buffer->data == NULL || buffer->capacity - buffer->end < length) {
        buffer_make_room(buffer, length);
    }
    return buffer->data + buffer->end;
}

void buffer_commit(struct buffer *buffer, size_t length)
{
    assert(buffer->capacity - buffer->end >= length);
    buffer->end += length;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
    assert(length <= buffer_length(buffer));
    buffer->start += length;
    if (buffer->start == buffer->end) {
        buffer_reset(buffer);
    }
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    if (length > 0) {
        memcpy(buffer_reserve(buffer, length), data, length);
        buffer_commit(buffer, length);
    }
}

void buffer_append_slice(struct buffer *buffer, struct slice slice)
{
    buffer_append(buffer, slice.data, slice.length);
}

void buffer_append_byte(struct buffer *buffer, char byte)
{
    buffer_append(buffer, &byte, 1);
}

void buffer_append_string(struct buffer *buffer, const char *string)
{
    buffer_append(buffer, string, strlen(string));
}

void buffer_append_uint32(struct buffer *buffer, uint32_t value)
{
    const unsigned char bytes[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                   (unsigned char)(value >> 8), (unsigned char)value};

    buffer_append(buffer, bytes, sizeof(bytes));
}

void buffer_append_uint16(struct buffer *buffer, uint16_t value)
{
    const unsigned char bytes[] = {(unsigned char)(value >> 8), (unsigned char)value};

    buffer_append(buffer, bytes, sizeof(bytes));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    (void)vsnprintf(buffer_reserve(buffer, (size_t)length + 1), (size_t)length + 1, format, again);
    va_end(again);
    buffer_commit(buffer, (size_t)length);
}
