/*
 * load_options - the options of several messages, and of load.
 */
#ifndef MILTER_TEST_SERVER_LOAD_OPTIONS_H
#define MILTER_TEST_SERVER_LOAD_OPTIONS_H

#include "libcore/base/options.h"

#include <stdint.h>

enum load_format { LOAD_TEXT, LOAD_JSON, LOAD_CSV };

struct load_options {
    bool wanted;                   /* the three below: one at least was given */
    uint64_t sessions;             /* 0: no limit */
    double duration;               /* seconds; 0: no limit */
    double rate;                   /* sessions a second; 0: as fast as they end */
    unsigned concurrency;          /* sessions at a time */
    unsigned messages_per_session; /* at least 1; not only for load */
    enum load_format format;
};

extern const struct option_entry load_entries[];

/* After parsing: what was given, checked; NULL with *error. */
const struct load_options *load_options_check(struct error *error);

#endif
