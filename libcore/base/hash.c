/*
 * hash - bytes as a number.  Pure functions.
 */
#include "libcore/base/hash.h"

uint64_t hash_bytes(uint64_t seed, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        seed = (seed ^ (unsigned char)bytes.data[i]) * UINT64_C(1099511628211);
    }
    return seed;
}
