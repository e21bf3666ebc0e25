/*
 * memory - allocation that does not fail.
 *
 * Callers never see NULL: when the system is out of memory the program ends
 * with one sentence on stderr.
 */
#ifndef LIBCORE_BASE_MEMORY_H
#define LIBCORE_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for count objects of size bytes; free() it. */
void *memory_new(size_t count, size_t size);
/* realloc() to count objects of size bytes; the new part is not zeroed. */
void *memory_resize(void *pointer, size_t count, size_t size);
/*
 * Zeroed memory that stays the same for every process that is forked; for the
 * life of the program.  What nobody touches costs no memory.
 */
void *memory_new_shared(size_t size);
char *memory_copy_string(const char *string);
/* A NUL-terminated copy of length bytes. */
char *memory_copy_bytes(const void *bytes, size_t length);
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define NEW(type) ((type *)memory_new(1, sizeof(type)))

#endif
