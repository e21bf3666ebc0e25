/*
 * Tests of routes: paths, methods and what the star stands for.
 */
#include "milter-manager/control/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct route routes[] = {
    {"/", ROUTE_GET, false, NULL},
    {"/both", ROUTE_GET | ROUTE_POST, false, NULL},
    {"/milters/*/off", ROUTE_POST, false, NULL},
    {"/milters/*/on", ROUTE_POST, false, NULL},
};

static const struct {
    const char *method, *path;
    enum route_outcome outcome;
    int route; /* -1: none */
    const char *segment;
} cases[] = {
    {"GET", "/", ROUTE_FOUND, 0, ""},
    {"HEAD", "/", ROUTE_FOUND, 0, ""},
    {"POST", "/", ROUTE_OTHER_METHODS, 0, NULL},
    {"get", "/", ROUTE_OTHER_METHODS, 0, NULL},
    {"POST", "/both", ROUTE_FOUND, 1, ""},
    {"GET", "", ROUTE_UNKNOWN, -1, NULL},
    {"GET", "/both/", ROUTE_UNKNOWN, -1, NULL},
    {"POST", "/milters/a/off", ROUTE_FOUND, 2, "a"},
    {"POST", "/milters/a/on", ROUTE_FOUND, 3, "a"},
    {"GET", "/milters/a/on", ROUTE_OTHER_METHODS, 3, NULL},
    {"POST", "/milters/a%2Fb%20%22%0a%C3%a4/off", ROUTE_FOUND, 2, "a/b \"\n\xC3\xA4"},
    {"POST", "/milters/%2e%2E/off", ROUTE_FOUND, 2, ".."},
    {"POST", "/milters/a+b/off", ROUTE_FOUND, 2, "a+b"},
    {"POST", "/milters/a/b/off", ROUTE_UNKNOWN, -1, NULL},
    {"POST", "/milters//off", ROUTE_UNKNOWN, -1, NULL},
    {"POST", "/milters/a/offf", ROUTE_UNKNOWN, -1, NULL},
    {"POST", "/milters/", ROUTE_UNKNOWN, -1, NULL},
    {"POST", "/milters/%/off", ROUTE_MALFORMED, 2, NULL},
    {"POST", "/milters/%4/off", ROUTE_MALFORMED, 2, NULL},
    {"POST", "/milters/%g0/off", ROUTE_MALFORMED, 2, NULL},
    {"POST", "/milters/a%00b/off", ROUTE_MALFORMED, 2, NULL},
};

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct route *found = NULL;
        struct buffer segment = {0};

        if (route_find(routes, sizeof(routes) / sizeof(routes[0]), cases[i].method, cases[i].path,
                       &found, &segment) != cases[i].outcome) {
            fail_msg("%s %s", cases[i].method, cases[i].path);
        }
        assert_ptr_equal(found, cases[i].route < 0 ? NULL : &routes[cases[i].route]);
        if (cases[i].segment != NULL) {
            assert_string_equal(buffer_slice(&segment).data, cases[i].segment);
        }
        buffer_clear(&segment);
    }
}

static void test_allowed(void **state)
{
    (void)state;
    assert_string_equal(route_allowed(&routes[0]), "GET, HEAD");
    assert_string_equal(route_allowed(&routes[1]), "GET, HEAD, POST");
    assert_string_equal(route_allowed(&routes[2]), "POST");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_allowed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
