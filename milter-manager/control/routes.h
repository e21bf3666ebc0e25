/*
 * routes - which path and method mean what: matching, without knowing what.
 */
#ifndef MILTER_MANAGER_CONTROL_ROUTES_H
#define MILTER_MANAGER_CONTROL_ROUTES_H

#include "libcore/base/buffer.h"

#include <stdbool.h>

enum route_methods { ROUTE_GET = 1 << 0, ROUTE_POST = 1 << 1 };

struct answer;
/* Fills the answer. */
typedef void route_answer_fn(struct answer *answer);

struct route {
    const char *path; /* the star of "/children/{*}/enable", without braces, is one segment */
    unsigned methods;
    bool collects; /* needs the reports of all processes */
    route_answer_fn *answer;
};

enum route_outcome {
    ROUTE_FOUND,
    ROUTE_UNKNOWN,       /* 404 */
    ROUTE_OTHER_METHODS, /* 405: *found is the route, its methods are those allowed */
    ROUTE_MALFORMED,     /* 400: a percent sign without two digits, or a NUL */
};

/*
 * path: still percent-encoded.  segment: gets the bytes the star stands for,
 * decoded and ended by NUL.
 */
enum route_outcome route_find(const struct route *routes, unsigned count, const char *method,
                              const char *path, const struct route **found, struct buffer *segment);
/* "GET, HEAD" */
const char *route_allowed(const struct route *route);

#endif
