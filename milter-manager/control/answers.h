/*
 * answers - what the controller says to each request it lets pass.
 */
#ifndef MILTER_MANAGER_CONTROL_ANSWERS_H
#define MILTER_MANAGER_CONTROL_ANSWERS_H

#include "milter-manager/control/control.h"
#include "milter-manager/control/history.h"
#include "milter-manager/control/routes.h"

extern const struct route answers_routes[];
extern const unsigned answers_route_count;

struct answer {
    const struct control_host *host;
    void *host_owner;
    const char *segment;   /* of the path: the child's name */
    const json_t *reports; /* of a route that collects */
    bool for_browser;      /* a form was sent: its page is to be shown again */
    bool open_metrics;     /* the client asks for that format */
    bool refresh;          /* the page loads itself again */
    const struct history *history;
    const char *listen; /* the spec in use */
    time_t started;
    double uptime; /* s */

    unsigned status; /* 200 unless something else is set */
    const char *type;
    const char *location;
    struct buffer body; /* the callee appends, the caller clears */
};

/* {"error": SENTENCE} */
void answer_error(struct answer *answer, unsigned status, const char *sentence);

#endif
