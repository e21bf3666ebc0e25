/*
 * guard - who may ask the controller for something.  Owns nothing.
 */
#include "milter-manager/control/guard.h"

#include "libcore/base/base64.h"
#include "libcore/base/buffer.h"

#include <string.h>
#include <strings.h>

/* ---- the token ---- */

/* The time it takes tells nothing of where the two differ. */
static bool guard_equal(struct slice given, const char *token)
{
    size_t length = strlen(token);
    unsigned difference = given.length == length ? 0 : 1;

    for (size_t i = 0; i < given.length; i++) {
        difference |= (unsigned)(unsigned char)given.data[i] ^
                      (unsigned)(unsigned char)token[length == 0 ? 0 : i % length];
    }
    return difference == 0;
}

/* What stands behind the name of the scheme; NULL: it is another one. */
static const char *guard_scheme(const char *authorization, const char *scheme)
{
    size_t length = strlen(scheme);

    if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ') {
        return NULL;
    }
    return authorization + length + strspn(authorization + length, " ");
}

/* Browsers ask for a user name as well: any will do. */
static bool guard_basic(const char *encoded, const char *token)
{
    struct buffer decoded = {0};
    bool equal = false;

    if (base64_decode(slice_from_string(encoded), &decoded, NULL)) {
        struct slice credentials = buffer_slice(&decoded);
        const char *colon =
            credentials.length == 0 ? NULL : memchr(credentials.data, ':', credentials.length);

        if (colon != NULL) {
            slice_skip(&credentials, (size_t)(colon - credentials.data) + 1);
            equal = guard_equal(credentials, token);
        }
    }
    buffer_clear(&decoded);
    return equal;
}

static bool guard_knows(const struct guard *guard, const char *authorization)
{
    const char *given;

    if (authorization == NULL) {
        return false;
    }
    given = guard_scheme(authorization, "Bearer");
    if (given != NULL) {
        return guard_equal(slice_from_string(given), guard->token);
    }
    given = guard_scheme(authorization, "Basic");
    return given != NULL && guard_basic(given, guard->token);
}

/* ---- the name ---- */

/* "NAME", "NAME:PORT", "[ADDRESS]:PORT": without the port. */
static struct slice guard_host_name(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');

    if (end == NULL) {
        return slice_from_string(host);
    }
    return slice_of(host, (size_t)(end - host) + (host[0] == '[' ? 1 : 0));
}

static bool guard_host_is_ours(const struct guard *guard, const char *host)
{
    static const char *const always[] = {"localhost", "127.0.0.1", "[::1]"};
    struct slice name;

    if (host == NULL) {
        return true; /* HTTP/1.0: no browser */
    }
    name = guard_host_name(host);
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (slice_equal_ignoring_case(name, slice_from_string(always[i]))) {
            return true;
        }
    }
    return guard->host != NULL && slice_equal_ignoring_case(name, slice_from_string(guard->host));
}

/* ---- the site ---- */

/* "http://HOST" of the page that asks against the Host it asks. */
static bool guard_same_origin(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; host != NULL && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i]);

        if (strncasecmp(origin, schemes[i], length) == 0) {
            return strcasecmp(origin + length, host) == 0;
        }
    }
    return false;
}

/* Only browsers send these fields, and no page can change them. */
static bool guard_site_is_ours(const struct guard_question *question)
{
    if (question->fetch_site != NULL) {
        return strcmp(question->fetch_site, "same-origin") == 0 ||
               strcmp(question->fetch_site, "none") == 0;
    }
    return question->origin == NULL || guard_same_origin(question->origin, question->host);
}

enum guard_decision guard_decide(const struct guard *guard, const struct guard_question *question)
{
    if (guard->token == NULL && guard->check_host && !guard_host_is_ours(guard, question->host)) {
        return GUARD_FOREIGN_HOST;
    }
    if (guard->token != NULL && !guard_knows(guard, question->authorization)) {
        return GUARD_NEEDS_TOKEN;
    }
    if (question->changes && !guard_site_is_ours(question)) {
        return GUARD_FOREIGN_SITE;
    }
    return GUARD_PASS;
}

const char *guard_sentence(enum guard_decision decision)
{
    static const char *const sentences[] = {
        [GUARD_NEEDS_TOKEN] = "this needs the token of controller.token: \"Authorization: Bearer "
                              "TOKEN\", or the token as the password of any user",
        [GUARD_FOREIGN_HOST] = "the Host of the request is none of this controller's: ask for "
                               "localhost, or set controller.token",
        [GUARD_FOREIGN_SITE] = "a page of another site may not do that",
    };

    return sentences[decision];
}
