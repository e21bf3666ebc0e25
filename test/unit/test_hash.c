/* The hash has the values of FNV-1a, which databases keep. */
#include "libcore/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void known_values(void **state)
{
    (void)state;
    assert_true(hash_bytes(HASH_SEED, slice_of("", 0)) == UINT64_C(0xcbf29ce484222325));
    assert_true(hash_bytes(HASH_SEED, slice_from_string("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_bytes(HASH_SEED, slice_from_string("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void in_pieces(void **state)
{
    uint64_t first = hash_bytes(HASH_SEED, slice_from_string("foo"));

    (void)state;
    assert_true(hash_bytes(first, slice_from_string("bar")) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_values), cmocka_unit_test(in_pieces)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
