/*
 * routes - matches path and method with a table.  Owns nothing.
 */
#include "milter-manager/control/routes.h"

#include "libcore/base/word.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned method;
} route_methods[] = {{"GET", ROUTE_GET}, {"HEAD", ROUTE_GET}, {"POST", ROUTE_POST}};

static unsigned route_method(const char *name)
{
    for (size_t i = 0; i < sizeof(route_methods) / sizeof(route_methods[0]); i++) {
        if (strcmp(route_methods[i].name, name) == 0) {
            return route_methods[i].method;
        }
    }
    return 0;
}

const char *route_allowed(const struct route *route)
{
    return route->methods == ROUTE_POST  ? "POST"
           : route->methods == ROUTE_GET ? "GET, HEAD"
                                         : "GET, HEAD, POST";
}

static bool route_decode(struct slice encoded, struct buffer *decoded)
{
    for (size_t i = 0; i < encoded.length; i++) {
        char byte = encoded.data[i];

        if (byte == '%') {
            int high = i + 2 < encoded.length ? word_hex_digit(encoded.data[i + 1]) : -1;
            int low = high < 0 ? -1 : word_hex_digit(encoded.data[i + 2]);

            if (low < 0) {
                return false;
            }
            byte = (char)(high * 16 + low);
            i += 2;
        }
        if (byte == '\0') {
            return false;
        }
        buffer_append_byte(decoded, byte);
    }
    buffer_append_byte(decoded, '\0');
    return true;
}

/* True when path has the form of pattern; *star is what the star stands for. */
static bool route_matches(const char *pattern, const char *path, struct slice *star)
{
    const char *wild = strchr(pattern, '*');
    size_t before, length = strlen(path);

    *star = slice_of("", 0);
    if (wild == NULL) {
        return strcmp(pattern, path) == 0;
    }
    before = (size_t)(wild - pattern);
    if (length <= before || strncmp(pattern, path, before) != 0) {
        return false;
    }
    *star = slice_of(path + before, strcspn(path + before, "/"));
    return star->length > 0 && strcmp(wild + 1, path + before + star->length) == 0;
}

enum route_outcome route_find(const struct route *routes, unsigned count, const char *method,
                              const char *path, const struct route **found, struct buffer *segment)
{
    unsigned wanted = route_method(method);
    enum route_outcome outcome = ROUTE_UNKNOWN;
    struct slice star;

    for (unsigned i = 0; i < count; i++) {
        if (!route_matches(routes[i].path, path, &star)) {
            continue;
        }
        *found = &routes[i];
        if ((routes[i].methods & wanted) != 0) {
            return route_decode(star, segment) ? ROUTE_FOUND : ROUTE_MALFORMED;
        }
        outcome = ROUTE_OTHER_METHODS;
    }
    return outcome;
}
