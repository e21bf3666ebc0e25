/*
 * guard - who may ask the controller for something.
 *
 * Pure: a question and what is known of the listener in, a decision out.
 */
#ifndef MILTER_MANAGER_CONTROL_GUARD_H
#define MILTER_MANAGER_CONTROL_GUARD_H

#include <stdbool.h>

struct guard {
    const char *token; /* controller.token; NULL: whoever can connect may ask */
    /*
     * A page of any site can make a browser connect to loopback, under a name of its own: then
     * the name has to be ours.
     */
    bool check_host;
    const char *host; /* as configured, "localhost" and the addresses are fine anyway; or NULL */
};

/* Header fields, NULL: not there. */
struct guard_question {
    bool changes; /* something; not GET or HEAD */
    const char *authorization, *host, *origin, *fetch_site;
};

enum guard_decision {
    GUARD_PASS,
    GUARD_NEEDS_TOKEN,  /* none, or another one: 401 */
    GUARD_FOREIGN_HOST, /* DNS rebinding: 403 */
    GUARD_FOREIGN_SITE, /* a page of another site would change something: 403 */
};

enum guard_decision guard_decide(const struct guard *guard, const struct guard_question *question);
/* The sentence for the client; NULL for GUARD_PASS. */
const char *guard_sentence(enum guard_decision decision);

#endif
