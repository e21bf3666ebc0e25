/*
 * plain_text - takes control characters out of what a peer says: they could move
 * the cursor, or more.  Owns nothing.
 */
#include "milter-performance-check/plain_text.h"

const char *plain_text_copy(struct slice text, char *copy, size_t size)
{
    size_t length = text.length < size ? text.length : size - 1;

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        copy[i] = byte < ' ' || byte == 0x7f ? '?' : text.data[i];
    }
    copy[length] = '\0';
    return copy;
}
