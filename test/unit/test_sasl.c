/*
 * Logging in, against the server side of GNU SASL in the same process: what is
 * said, what a wrong password does, and what nonsense of a server does.
 */
#include "milter-performance-check/sasl.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct credentials ALICE = {"alice", "open: sesame"};
/* What the server knows of her. */
static const char *server_password;
static const char *server_iterations;

static int answer_server(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    (void)library;
    switch (property) {
    case GSASL_PASSWORD:
        return gsasl_property_set(session, GSASL_PASSWORD, server_password);
    case GSASL_SCRAM_ITER:
        return gsasl_property_set(session, GSASL_SCRAM_ITER, server_iterations);
    case GSASL_SCRAM_SALT:
        return gsasl_property_set(session, GSASL_SCRAM_SALT, "c2FsdHNhbHQ=");
    case GSASL_VALIDATE_SIMPLE:
        return strcmp(gsasl_property_fast(session, GSASL_AUTHID), ALICE.user) == 0 &&
                       strcmp(gsasl_property_fast(session, GSASL_PASSWORD), server_password) == 0
                   ? GSASL_OK
                   : GSASL_AUTHENTICATION_ERROR;
    default:
        return GSASL_NO_CALLBACK;
    }
}

struct fixture {
    struct sasl_context *context;
    Gsasl *server;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct error error = {0};

    server_password = ALICE.password;
    server_iterations = "4096";
    fixture.context = sasl_context_new(&error);
    assert_non_null(fixture.context);
    assert_int_equal(gsasl_init(&fixture.server), GSASL_OK);
    gsasl_callback_set(fixture.server, answer_server);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    const struct fixture *fixture = *state;

    sasl_context_free(fixture->context);
    gsasl_done(fixture->server);
    return 0;
}

/* The result of the server; *accepted: what our side thinks of that. */
static int log_in(const struct fixture *fixture, const char *mechanism, bool *accepted)
{
    struct error error = {0};
    Gsasl_session *server = NULL;
    struct sasl *sasl = sasl_new(fixture->context, mechanism, &ALICE, "mx.example.net", &error);
    struct buffer response = {0};
    int status = GSASL_NEEDS_MORE;

    assert_non_null(sasl);
    assert_int_equal(gsasl_server_start(fixture->server, mechanism, &server), GSASL_OK);
    if (sasl_client_first(sasl)) {
        assert_true(sasl_step(sasl, slice_of(NULL, 0), &response, &error));
    }
    for (int round = 0; round < 6 && status == GSASL_NEEDS_MORE; round++) {
        char *challenge = NULL;
        size_t length = 0;
        status = gsasl_step(server, response.data + response.start, buffer_length(&response),
                            &challenge, &length);
        buffer_reset(&response);
        if (status == GSASL_NEEDS_MORE || (status == GSASL_OK && length > 0)) {
            assert_true(sasl_step(sasl, slice_of(challenge, length), &response, &error));
        }
        gsasl_free(challenge);
    }
    *accepted = sasl_accepted(sasl, &error);
    gsasl_finish(server);
    buffer_clear(&response);
    sasl_free(sasl);
    return status;
}

static const char *const MECHANISMS[] = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                                         "SCRAM-SHA-256"};
enum { MECHANISM_COUNT = sizeof(MECHANISMS) / sizeof(MECHANISMS[0]) };

static void the_right_password_is_let_in(void **state)
{
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        bool accepted = false;
        assert_int_equal(log_in(*state, MECHANISMS[i], &accepted), GSASL_OK);
        assert_true(accepted);
    }
}

static void a_wrong_password_is_refused(void **state)
{
    server_password = "another";
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        bool accepted = false;
        assert_int_not_equal(log_in(*state, MECHANISMS[i], &accepted), GSASL_OK);
    }
}

/* What has been salted once must not be used for another password or count. */
static void salted_passwords_are_kept_apart(void **state)
{
    static const char *const ITERATIONS[] = {"4096", "4096", "5000", "4096"};
    bool accepted = false;

    for (size_t i = 0; i < sizeof(ITERATIONS) / sizeof(ITERATIONS[0]); i++) {
        server_iterations = ITERATIONS[i];
        assert_int_equal(log_in(*state, "SCRAM-SHA-256", &accepted), GSASL_OK);
        assert_int_equal(log_in(*state, "SCRAM-SHA-1", &accepted), GSASL_OK);
        assert_true(accepted);
    }
    server_password = "another";
    assert_int_not_equal(log_in(*state, "SCRAM-SHA-256", &accepted), GSASL_OK);
    assert_false(accepted);
}

static void nothing_but_what_is_needed_is_said(void **state)
{
    const struct fixture *fixture = *state;
    static const struct {
        const char *mechanism, *challenge, *response;
        size_t length;
    } CASES[] = {
        {"PLAIN", "", "\0alice\0open: sesame", 19},
        {"LOGIN", "Username:", "alice", 5},
        {"LOGIN", "", "alice", 5},
        {"SCRAM-SHA-256", "", "n,,n=alice,r=", 13}, /* no channel binding */
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error error = {0};
        struct buffer response = {0};
        struct sasl *sasl = sasl_new(fixture->context, CASES[i].mechanism, &ALICE, "mx", &error);
        assert_true(sasl_step(sasl, slice_from_string(CASES[i].challenge), &response, &error));
        assert_true(buffer_length(&response) >= CASES[i].length);
        assert_memory_equal(response.data + response.start, CASES[i].response, CASES[i].length);
        buffer_clear(&response);
        sasl_free(sasl);
    }
}

/* Steps once when the client is first, then with the challenge; "%s" is our nonce. */
static void assert_refused(const struct fixture *fixture, const char *mechanism,
                           const char *challenge, size_t length, const char *message)
{
    struct error error = {0};
    struct buffer response = {0}, filled = {0};
    struct sasl *sasl = sasl_new(fixture->context, mechanism, &ALICE, "mx", &error);

    if (sasl_client_first(sasl)) {
        assert_true(sasl_step(sasl, slice_of(NULL, 0), &response, &error));
    }
    buffer_append_byte(&response, '\0');
    const char *nonce = strstr(response.data + response.start, "r=");
    if (nonce != NULL && strncmp(challenge, "%s", 2) == 0) {
        buffer_append_string(&filled, nonce);
        buffer_append(&filled, challenge + 2, length - 2);
    } else {
        buffer_append(&filled, challenge, length);
    }
    buffer_reset(&response);
    assert_false(sasl_step(sasl, buffer_slice(&filled), &response, &error));
    assert_int_equal(buffer_length(&response), 0);
    assert_string_equal(error.message, message);
    /* Nor afterwards. */
    assert_false(sasl_accepted(sasl, NULL) && strcmp(mechanism, "PLAIN") != 0);
    buffer_clear(&response);
    buffer_clear(&filled);
    sasl_free(sasl);
}

static void nonsense_of_the_server_is_named(void **state)
{
#define NONSENSE ": the challenge of the server makes no sense"
#define UNPROVED                                                                                   \
    ": the server has not proved that it knows the password: it is not the one it should be, or "  \
    "in disorder"
#define BYTES(text) (text), sizeof(text) - 1
    static const struct {
        const char *mechanism, *challenge;
        size_t length;
        const char *message;
    } CASES[] = {
        {"SCRAM-SHA-256", BYTES("hello"), "SCRAM-SHA-256" NONSENSE},
        {"SCRAM-SHA-256", BYTES("\0\0\0"), "SCRAM-SHA-256" NONSENSE},
        {"SCRAM-SHA-256", BYTES("r=,s=,i="), "SCRAM-SHA-256" NONSENSE},
        {"SCRAM-SHA-256", BYTES("%s,s=c2FsdA==,i=-4"), "SCRAM-SHA-256" NONSENSE},
        {"SCRAM-SHA-256", BYTES("r=other,s=c2FsdA==,i=4096"), "SCRAM-SHA-256" UNPROVED},
        {"SCRAM-SHA-256", BYTES("%sserver,s=c2FsdA==,i=1000001"),
         "SCRAM-SHA-256: the server wants the password to be hashed more than 1000000 times"},
        {"SCRAM-SHA-1", BYTES("%sserver,s=c2FsdA==,i=4294967295"),
         "SCRAM-SHA-1: the server wants the password to be hashed more than 1000000 times"},
        {"PLAIN", BYTES("more"), "PLAIN: the server asks once more when all has been said"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_refused(*state, CASES[i].mechanism, CASES[i].challenge, CASES[i].length,
                       CASES[i].message);
    }
}

static void a_server_without_proof_is_not_believed(void **state)
{
    static const char *const FINALS[] = {
        "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=", "e=other-error", ""};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(FINALS) / sizeof(FINALS[0]); i++) {
        struct error error = {0};
        struct buffer response = {0}, first = {0};
        struct sasl *sasl = sasl_new(fixture->context, "SCRAM-SHA-256", &ALICE, "mx", &error);

        assert_true(sasl_step(sasl, slice_of(NULL, 0), &response, &error));
        buffer_append_byte(&response, '\0');
        buffer_append_format(&first, "%sx,s=c2FsdA==,i=4096",
                             strstr(response.data + response.start, "r="));
        buffer_reset(&response);
        assert_true(sasl_step(sasl, buffer_slice(&first), &response, &error));
        assert_false(sasl_accepted(sasl, &error));
        assert_string_equal(error.message, "SCRAM-SHA-256: the server lets us in without a proof "
                                           "that it knows the password");
        error_clear(&error);
        assert_false(sasl_step(sasl, slice_from_string(FINALS[i]), &response, &error));
        assert_int_equal(error.code, ERROR_PROTOCOL);
        assert_false(sasl_accepted(sasl, NULL));
        buffer_clear(&response);
        buffer_clear(&first);
        sasl_free(sasl);
    }
}

static void what_cannot_be_prepared_is_named(void **state)
{
    static const struct credentials LATIN = {"m\xfcller", "x"};
    const struct fixture *fixture = *state;
    struct error error = {0};
    struct buffer response = {0};
    struct sasl *sasl = sasl_new(fixture->context, "CRAM-MD5", &LATIN, "mx", &error);

    assert_false(sasl_step(sasl, slice_from_string("<1.2@mx>"), &response, &error));
    assert_string_equal(error.message, "CRAM-MD5: user name or password is not UTF-8 or has "
                                       "characters that are not allowed");
    buffer_clear(&response);
    sasl_free(sasl);
}

static void the_strongest_offered_is_chosen(void **state)
{
    static const struct {
        const char *wanted, *offered, *chosen;
    } CASES[] = {
        {NULL, "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256", "SCRAM-SHA-256"},
        {"auto", "LOGIN plain cram-md5 GSSAPI", "CRAM-MD5"},
        {"AUTO", "LOGIN  PLAIN ", "PLAIN"},
        {"auto", "XLOGIN LOGIN", "LOGIN"},
        {"plain", "LOGIN PLAIN CRAM-MD5", "PLAIN"},
        {"login", "LOGIN PLAIN CRAM-MD5", "LOGIN"},
        {"cram_md5", "LOGIN PLAIN CRAM-MD5", "CRAM-MD5"},
        {"Cram-Md5", "CRAM-MD5", "CRAM-MD5"},
        {"scram_sha_256", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "SCRAM-SHA-256"},
        {"scram-sha-1", "SCRAM-SHA-1", "SCRAM-SHA-1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error error = {0};
        const char *chosen =
            sasl_choose(CASES[i].wanted, slice_from_string(CASES[i].offered), &error);
        assert_non_null(chosen);
        assert_string_equal(chosen, CASES[i].chosen);
        assert_true(sasl_mechanism_known(CASES[i].wanted));
    }
}

static void what_is_not_offered_is_said(void **state)
{
    static const struct {
        const char *wanted, *offered, *message;
    } CASES[] = {
        {NULL, "", "the server offers no way to log in: many do so only after STARTTLS"},
        {"auto", "GSSAPI SCRAM-SHA-1",
         "the server offers no way to log in that is tried by itself, but GSSAPI SCRAM-SHA-1"},
        {"scram_sha_256", "PLAIN \033[2JLOGIN",
         "the server does not offer to log in by SCRAM-SHA-256, but by PLAIN ?[2JLOGIN"},
        {"plain", "PLAINER", "the server does not offer to log in by PLAIN, but by PLAINER"},
        {"ntlm", "NTLM", "there is no way to log in by ntlm"},
        {"plai", "PLAIN", "there is no way to log in by plai"},
        {"", "PLAIN", "there is no way to log in by "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error error = {0};
        assert_null(sasl_choose(CASES[i].wanted, slice_from_string(CASES[i].offered), &error));
        assert_string_equal(error.message, CASES[i].message);
    }
    assert_false(sasl_mechanism_known("ntlm"));
    assert_false(sasl_mechanism_known("cram_md55"));
    assert_false(sasl_mechanism_known(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_right_password_is_let_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_password_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(salted_passwords_are_kept_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_but_what_is_needed_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_of_the_server_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_without_proof_is_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_prepared_is_named, set_up, tear_down),
        cmocka_unit_test(the_strongest_offered_is_chosen),
        cmocka_unit_test(what_is_not_offered_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
