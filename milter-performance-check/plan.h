/*
 * plan - all a run is told by its command line; unchanged while it runs.
 */
#ifndef MILTER_PERFORMANCE_CHECK_PLAN_H
#define MILTER_PERFORMANCE_CHECK_PLAN_H

#include "libcore/net/connection_spec.h"
#include "libcore/smtp/client.h"
#include "libcore/smtp/proxy_protocol.h"
#include "milter-performance-check/mails.h"
#include "milter-performance-check/ramp.h"
#include "milter-performance-check/server.h"

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_CSV, REPORT_HTML, REPORT_FORMATS };

/* --report FORMAT[:FILE] */
struct report_wanted {
    enum report_format format;
    const char *path; /* NULL: standard output */
};

/* --fail-on */
enum { FAIL_ON_4XX = 1, FAIL_ON_5XX = 2, FAIL_ON_ERROR = 4 };

struct plan {
    /* what is sent, and where */
    struct mails_options mails;
    struct servers servers;
    struct smtp_client_options client;
    bool tls_verify;
    const char *tls_ca;
    const char *auth_mechanism; /* NULL: auto */
    enum proxy_protocol proxy_protocol;
    struct socket_address proxy_source; /* length 0: our own address */
    double reading_timeout;             /* seconds; also to connect and to write */

    /* how much, when */
    unsigned connections; /* at a time */
    unsigned workers;
    unsigned mails_per_connection;
    uint64_t mail_limit; /* of each worker; 0: none */
    double rate;         /* mails a second of each worker; 0: as fast as connections allow */
    double period;       /* seconds all mails are to be spread over; 0: none */
    bool flood;          /* the list of mails has no end */
    double duration;     /* seconds; 0: none */
    double warm_up;      /* seconds */
    bool ramps;
    struct ramp ramp;

    /* what is told */
    const struct report_wanted *reports;
    size_t report_count;
    const char *statistics_path; /* NULL: none */
    double report_interval;      /* seconds; 0: no periodic table */
    bool failure_responses;
    unsigned fail_on;
    double max_p99;           /* seconds; 0: any */
    const char *command_line; /* as typed, for reports */
};

/* What follows from the number of mails in one pass of the list: limit and rate. */
void plan_complete(struct plan *plan, uint64_t mails);

#endif
