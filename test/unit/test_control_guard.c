/*
 * Tests of guard: the token, the names of the host, pages of other sites.
 */
#include "milter-manager/control/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct guard open_socket = {0};
static const struct guard loopback = {.check_host = true, .host = "mx.example"};
static const struct guard secret = {.token = "correct-horse"};

static const struct {
    const struct guard *guard;
    struct guard_question question;
    enum guard_decision decision;
} cases[] = {
    {&open_socket, {.host = "evil.example"}, GUARD_PASS},
    {&open_socket, {.changes = true, .host = "a"}, GUARD_PASS},
    {&open_socket, {.changes = true, .host = "a", .origin = "http://b"}, GUARD_FOREIGN_SITE},
    {&loopback, {.host = "localhost:8025"}, GUARD_PASS},
    {&loopback, {.host = "[::1]:8025"}, GUARD_PASS},
    {&loopback, {.host = "[::1"}, GUARD_FOREIGN_HOST},
    {&loopback, {.host = "MX.example:1"}, GUARD_PASS},
    {&loopback, {.host = "mx.example.evil"}, GUARD_FOREIGN_HOST},
    {&loopback, {.host = ""}, GUARD_FOREIGN_HOST},
    {&loopback, {.host = NULL}, GUARD_PASS},
    {&secret, {.host = "evil.example"}, GUARD_NEEDS_TOKEN},
    {&secret, {.authorization = "Bearer correct-horse", .host = "any"}, GUARD_PASS},
    {&secret, {.authorization = "BEARER   correct-horse"}, GUARD_PASS},
    {&secret, {.authorization = "Bearercorrect-horse"}, GUARD_NEEDS_TOKEN},
    {&secret, {.authorization = "Bearer correct-hors"}, GUARD_NEEDS_TOKEN},
    {&secret, {.authorization = "Bearer correct-horsecorrect-horse"}, GUARD_NEEDS_TOKEN},
    {&secret, {.authorization = "Bearer "}, GUARD_NEEDS_TOKEN},
    {&secret, {.authorization = "Basic eDpjb3JyZWN0LWhvcnNl"}, GUARD_PASS},        /* x:... */
    {&secret, {.authorization = "Basic Y29ycmVjdC1ob3JzZQ=="}, GUARD_NEEDS_TOKEN}, /* no colon */
    {&secret, {.authorization = "Basic ===="}, GUARD_NEEDS_TOKEN},
    {&secret,
     {.changes = true, .authorization = "Bearer correct-horse", .fetch_site = "cross-site"},
     GUARD_FOREIGN_SITE},
    {&loopback, {.changes = true, .host = "localhost", .fetch_site = "same-origin"}, GUARD_PASS},
    {&loopback, {.changes = true, .host = "localhost", .fetch_site = "none"}, GUARD_PASS},
    {&loopback,
     {.changes = true, .host = "localhost", .fetch_site = "same-site"},
     GUARD_FOREIGN_SITE},
    {&loopback, {.host = "localhost", .fetch_site = "cross-site"}, GUARD_PASS},
    {&loopback,
     {.changes = true, .host = "localhost:1", .origin = "http://localhost:1"},
     GUARD_PASS},
    {&loopback,
     {.changes = true, .host = "localhost:1", .origin = "http://localhost:2"},
     GUARD_FOREIGN_SITE},
    {&loopback, {.changes = true, .host = NULL, .origin = "http://"}, GUARD_FOREIGN_SITE},
    {&loopback, {.changes = true, .host = "localhost", .origin = "null"}, GUARD_FOREIGN_SITE},
};

static void test_decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum guard_decision decision = guard_decide(cases[i].guard, &cases[i].question);

        if (decision != cases[i].decision) {
            fail_msg("case %zu: %d, not %d", i, (int)decision, (int)cases[i].decision);
        }
        assert_true((guard_sentence(decision) == NULL) == (decision == GUARD_PASS));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
