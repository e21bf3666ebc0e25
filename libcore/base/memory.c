/*
 * memory - allocation that does not fail.
 *
 * Owns nothing; ends the process when there is no memory left, because no
 * caller could do anything better than that halfway through a mail: the MTA
 * sees a closed connection and applies its own default action.
 */
#include "libcore/base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *memory_check(void *pointer, size_t size)
{
    if (pointer == NULL) {
        (void)fprintf(stderr, "out of memory: cannot allocate %zu bytes\n", size);
        abort();
    }
    return pointer;
}

void *memory_new(size_t count, size_t size)
{
    void *pointer = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

    return memory_check(pointer, size);
}

void *memory_resize(void *pointer, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return memory_check(NULL, SIZE_MAX);
    }
    return memory_check(realloc(pointer, count * size == 0 ? 1 : count * size), count * size);
}

void *memory_new_shared(size_t size)
{
    const int protection = PROT_READ | PROT_WRITE;
    const int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    /* cppcheck-suppress invalidFunctionArg ; POSIX wants no descriptor here */
    void *pointer = mmap(NULL, size, protection, flags, -1, 0);

    if (pointer == MAP_FAILED) {
        (void)memory_check(NULL, size);
    }
    return pointer;
}

char *memory_copy_string(const char *string)
{
    return memory_copy_bytes(string, strlen(string));
}

char *memory_copy_bytes(const void *bytes, size_t length)
{
    char *copy = memory_resize(NULL, length + 1, 1);

    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    copy[length] = '\0';
    return copy;
}

char *memory_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    va_end(arguments);
    return memory_check(text, strlen(format));
}
