/*
 * answer_arguments - the options that say what is answered: verdicts, edits,
 * the negotiation, delays and faults.
 */
#ifndef MILTER_TEST_CLIENT_ANSWER_ARGUMENTS_H
#define MILTER_TEST_CLIENT_ANSWER_ARGUMENTS_H

#include "libcore/base/options.h"
#include "milter-test-client/policy.h"

extern const struct option_entry action_entries[];
extern const struct option_entry edit_entries[];
extern const struct option_entry negotiation_entries[];
extern const struct option_entry fault_entries[];

/* What the options said, after options_parse; now the caller's. */
struct policy answer_arguments_take(void);

#endif
