/*
 * hash - bytes as a number, the same on every machine: FNV-1a with 64 bits.
 *
 * For tables and to know content again, not against those who want two to be the same.
 */
#ifndef LIBCORE_BASE_HASH_H
#define LIBCORE_BASE_HASH_H

#include "libcore/base/slice.h"

#include <stdint.h>

#define HASH_SEED UINT64_C(14695981039346656037)

/* seed: HASH_SEED, or the hash of the bytes in front. */
uint64_t hash_bytes(uint64_t seed, struct slice bytes);

#endif
