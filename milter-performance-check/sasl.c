/*
 * sasl - logging in, by GNU SASL.
 *
 * Owns the sessions of the library, and the salted passwords of SCRAM: they are
 * dear on purpose, and the same for each connection (RFC 5802 section 3 allows to
 * keep them).  Never shows a password.
 */
#include "milter-performance-check/sasl.h"

#include "libcore/base/memory.h"
#include "milter-performance-check/plain_text.h"

#include <ctype.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A server that wants more would stop the whole load for seconds.  RFC 7677 wants 4096 at
     * least. */
    ITERATIONS_MAXIMUM = 1000000,
    SALTED_KEPT = 64, /* of the last users */
    OFFER_SHOWN = 200,
};

static const struct mechanism {
    const char *name;
    bool automatic; /* taken without being asked for by name, in this order */
    bool client_first;
} MECHANISMS[] = {
    {"SCRAM-SHA-256", true, true}, {"CRAM-MD5", true, false},    {"PLAIN", true, true},
    {"LOGIN", true, false},        {"SCRAM-SHA-1", false, true},
};
enum { MECHANISM_COUNT = sizeof(MECHANISMS) / sizeof(MECHANISMS[0]) };

/* What PBKDF2 has made of a password. */
struct salted {
    char *key;      /* mechanism, iterations, user, password, salt */
    char *password; /* hexadecimal */
};

struct sasl_context {
    Gsasl *library;
    struct salted salted[SALTED_KEPT];
    size_t next; /* to be replaced */
};

struct sasl {
    struct sasl_context *context;
    Gsasl_session *session;
    const struct mechanism *mechanism;
    const struct credentials *credentials;
    bool finished;
    bool too_dear; /* the server wants too many iterations */
    bool remembered;
};

/* ---- mechanisms */

/* "scram_sha_256" is SCRAM-SHA-256. */
static bool is_name_of(const char *wanted, const char *name)
{
    for (; *wanted != '\0' && *name != '\0'; wanted++, name++) {
        char letter = *wanted == '_' ? '-' : (char)toupper((unsigned char)*wanted);
        if (letter != *name) {
            return false;
        }
    }
    return *wanted == *name;
}

static bool is_automatic(const char *wanted)
{
    return wanted == NULL || is_name_of(wanted, "AUTO");
}

static const struct mechanism *find_mechanism(const char *wanted)
{
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        if (is_name_of(wanted, MECHANISMS[i].name)) {
            return &MECHANISMS[i];
        }
    }
    return NULL;
}

bool sasl_mechanism_known(const char *wanted)
{
    return is_automatic(wanted) || find_mechanism(wanted) != NULL;
}

static bool is_offered(struct slice offered, const char *name)
{
    while (offered.length > 0) {
        size_t length = 0;
        while (length < offered.length && !slice_blank_byte(offered.data[length])) {
            length++;
        }
        if (slice_equal_ignoring_case(slice_of(offered.data, length), slice_from_string(name))) {
            return true;
        }
        slice_skip(&offered, length + 1);
    }
    return false;
}

static void set_error_of_offer(const char *wanted, struct slice offered, struct error *error)
{
    char shown[OFFER_SHOWN];
    plain_text_copy(offered, shown, sizeof(shown));

    if (offered.length == 0) {
        error_set(error, ERROR_PROTOCOL,
                  "the server offers no way to log in: many do so only after STARTTLS");
    } else if (wanted == NULL) {
        error_set(error, ERROR_PROTOCOL,
                  "the server offers no way to log in that is tried by itself, but %s", shown);
    } else {
        error_set(error, ERROR_PROTOCOL, "the server does not offer to log in by %s, but by %s",
                  wanted, shown);
    }
}

const char *sasl_choose(const char *wanted, struct slice offered, struct error *error)
{
    bool automatic = is_automatic(wanted);
    const struct mechanism *only = automatic ? NULL : find_mechanism(wanted);

    if (!automatic && only == NULL) {
        error_set(error, ERROR_USAGE, "there is no way to log in by %s", wanted);
        return NULL;
    }
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        const struct mechanism *mechanism = &MECHANISMS[i];
        if ((only == NULL ? mechanism->automatic : mechanism == only) &&
            is_offered(offered, mechanism->name)) {
            return mechanism->name;
        }
    }
    set_error_of_offer(only == NULL ? NULL : only->name, offered, error);
    return NULL;
}

/* ---- salted passwords */

static void free_secret(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
}

/* Only in the callback and after a step: the server's first message has set them.  Owned by the
 * caller. */
static char *salted_key(const struct sasl *sasl, const char *iterations)
{
    const char *salt = gsasl_property_fast(sasl->session, GSASL_SCRAM_SALT);
    return memory_format("%s %s %zu %zu %s%s%s", sasl->mechanism->name, iterations,
                         strlen(sasl->credentials->user), strlen(sasl->credentials->password),
                         sasl->credentials->user, sasl->credentials->password,
                         salt == NULL ? "" : salt);
}

static struct salted *find_salted(struct sasl_context *context, const char *key)
{
    for (size_t i = 0; i < SALTED_KEPT; i++) {
        struct salted *salted = &context->salted[i];
        if (salted->key != NULL && strcmp(salted->key, key) == 0) {
            return salted;
        }
    }
    return NULL;
}

/* What the library has worked out is kept for the next exchange. */
static void keep_salted(struct sasl *sasl)
{
    const char *iterations = gsasl_property_fast(sasl->session, GSASL_SCRAM_ITER);
    const char *password = gsasl_property_fast(sasl->session, GSASL_SCRAM_SALTED_PASSWORD);
    struct sasl_context *context = sasl->context;

    if (sasl->remembered || iterations == NULL || password == NULL) {
        return;
    }
    sasl->remembered = true;
    struct salted *salted = &context->salted[context->next];
    context->next = (context->next + 1) % SALTED_KEPT;
    free_secret(salted->key);
    free_secret(salted->password);
    salted->key = salted_key(sasl, iterations);
    salted->password = memory_copy_string(password);
}

/* The client asks for it before it asks for the password. */
static int give_salted_password(struct sasl *sasl)
{
    const char *iterations = gsasl_property_fast(sasl->session, GSASL_SCRAM_ITER);
    if (iterations == NULL) {
        return GSASL_NO_CALLBACK;
    }
    if (strtoul(iterations, NULL, 10) > ITERATIONS_MAXIMUM) {
        sasl->too_dear = true;
        return GSASL_NO_CALLBACK;
    }
    char *key = salted_key(sasl, iterations);
    const struct salted *salted = find_salted(sasl->context, key);
    free_secret(key);
    if (salted == NULL) {
        return GSASL_NO_CALLBACK;
    }
    sasl->remembered = true;
    return gsasl_property_set(sasl->session, GSASL_SCRAM_SALTED_PASSWORD, salted->password);
}

/* ---- exchange */

static int give_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    struct sasl *sasl = gsasl_session_hook_get(session);

    (void)library;
    switch (property) {
    case GSASL_SCRAM_SALTED_PASSWORD:
        return give_salted_password(sasl);
    case GSASL_PASSWORD:
        return sasl->too_dear
                   ? GSASL_NO_CALLBACK
                   : gsasl_property_set(session, GSASL_PASSWORD, sasl->credentials->password);
    default:
        /* Without channel binding and without a second identity. */
        return GSASL_NO_CALLBACK;
    }
}

struct sasl_context *sasl_context_new(struct error *error)
{
    Gsasl *library = NULL;
    int status = gsasl_init(&library);

    if (status != GSASL_OK) {
        error_set(error, ERROR_SYSTEM, "GNU SASL cannot be used: %s", gsasl_strerror(status));
        return NULL;
    }
    struct sasl_context *context = NEW(struct sasl_context);
    context->library = library;
    gsasl_callback_set(library, give_property);
    return context;
}

void sasl_context_free(struct sasl_context *context)
{
    if (context == NULL) {
        return;
    }
    for (size_t i = 0; i < SALTED_KEPT; i++) {
        free_secret(context->salted[i].key);
        free_secret(context->salted[i].password);
    }
    gsasl_done(context->library);
    free(context);
}

struct sasl *sasl_new(struct sasl_context *context, const char *mechanism,
                      const struct credentials *credentials, const char *host, struct error *error)
{
    struct sasl *sasl = NEW(struct sasl);
    int status = GSASL_UNKNOWN_MECHANISM;

    sasl->context = context;
    sasl->credentials = credentials;
    sasl->mechanism = find_mechanism(mechanism);
    if (sasl->mechanism != NULL) {
        status = gsasl_client_start(context->library, sasl->mechanism->name, &sasl->session);
    }
    if (status == GSASL_OK) {
        gsasl_session_hook_set(sasl->session, sasl);
        status = gsasl_property_set(sasl->session, GSASL_AUTHID, credentials->user);
    }
    if (status == GSASL_OK) {
        status = gsasl_property_set(sasl->session, GSASL_SERVICE, "smtp");
    }
    if (status == GSASL_OK) {
        status = gsasl_property_set(sasl->session, GSASL_HOSTNAME, host);
    }
    if (status != GSASL_OK) {
        error_set(error, ERROR_SYSTEM, "GNU SASL cannot log in by %s: %s", mechanism,
                  gsasl_strerror(status));
        sasl_free(sasl);
        return NULL;
    }
    return sasl;
}

void sasl_free(struct sasl *sasl)
{
    if (sasl == NULL) {
        return;
    }
    if (sasl->session != NULL) {
        gsasl_finish(sasl->session);
    }
    free(sasl);
}

bool sasl_client_first(const struct sasl *sasl)
{
    return sasl->mechanism->client_first;
}

static bool is_scram(const struct sasl *sasl)
{
    return strncmp(sasl->mechanism->name, "SCRAM", 5) == 0;
}

static void set_step_error(const struct sasl *sasl, int status, struct error *error)
{
    const char *name = sasl->mechanism->name;

    if (sasl->too_dear) {
        error_set(error, ERROR_PROTOCOL,
                  "%s: the server wants the password to be hashed more than %d times", name,
                  (int)ITERATIONS_MAXIMUM);
    } else if (status == GSASL_MECHANISM_CALLED_TOO_MANY_TIMES) {
        error_set(error, ERROR_PROTOCOL, "%s: the server asks once more when all has been said",
                  name);
    } else if (status == GSASL_SASLPREP_ERROR) {
        error_set(error, ERROR_USAGE,
                  "%s: user name or password is not UTF-8 or has characters that are not allowed",
                  name);
    } else if (status == GSASL_AUTHENTICATION_ERROR && is_scram(sasl)) {
        error_set(error, ERROR_PROTOCOL,
                  "%s: the server has not proved that it knows the password: it is not the one it "
                  "should be, or in disorder",
                  name);
    } else if (status == GSASL_MECHANISM_PARSE_ERROR) {
        error_set(error, ERROR_PROTOCOL, "%s: the challenge of the server makes no sense", name);
    } else {
        error_set(error, ERROR_PROTOCOL, "%s: %s", name, gsasl_strerror(status));
    }
}

bool sasl_step(struct sasl *sasl, struct slice challenge, struct buffer *response,
               struct error *error)
{
    /* The library's parsers get a string that ends. */
    char *input = memory_copy_bytes(challenge.data, challenge.length);
    char *output = NULL;
    size_t length = 0;
    int status = GSASL_MECHANISM_CALLED_TOO_MANY_TIMES;

    if (!sasl->finished) {
        status = gsasl_step(sasl->session, challenge.length == 0 ? NULL : input, challenge.length,
                            &output, &length);
    }
    free(input);
    bool good = status == GSASL_OK || status == GSASL_NEEDS_MORE;
    if (good) {
        buffer_append(response, output, length);
        sasl->finished = status == GSASL_OK;
        keep_salted(sasl);
    } else {
        set_step_error(sasl, status, error);
    }
    gsasl_free(output);
    return good;
}

bool sasl_accepted(const struct sasl *sasl, struct error *error)
{
    if (sasl->finished) {
        return true;
    }
    if (is_scram(sasl)) {
        error_set(error, ERROR_PROTOCOL,
                  "%s: the server lets us in without a proof that it knows the password",
                  sasl->mechanism->name);
    } else {
        error_set(error, ERROR_PROTOCOL, "%s: the server lets us in before all has been said",
                  sasl->mechanism->name);
    }
    return false;
}
