/*
 * policy_options - the values of the options that fill a policy.
 *
 * Each function takes the value of one option.  False with *error when it is
 * wrong; the sentence says what would be right.  Values must outlive the policy.
 */
#ifndef MILTER_TEST_CLIENT_POLICY_OPTIONS_H
#define MILTER_TEST_CLIENT_POLICY_OPTIONS_H

#include "milter-test-client/policy.h"

/* STAGE[:PATTERN]=VERDICT; the verdict begins behind the last '=' that a known one follows. */
bool policy_options_action(struct policy *policy, const char *value, struct error *error);
/* STAGE[:PATTERN]=DURATION[+-JITTER], also with a plus-minus sign. */
bool policy_options_delay(struct policy *policy, const char *value, struct error *error);
/* STAGE[:PATTERN], negotiate included. */
bool policy_options_fault(struct policy *policy, enum policy_fault fault, const char *value,
                          struct error *error);
/* DURATION, more than 0. */
bool policy_options_progress(struct policy *policy, const char *value, struct error *error);
/* N from 1. */
bool policy_options_fail_every(struct policy *policy, const char *value, struct error *error);

bool policy_options_version(struct policy *policy, const char *value, struct error *error);
/* Names joined with '|' or ',', all, none, 0x...; '!' in front: claimed even if not offered. */
bool policy_options_answer_actions(struct policy *policy, const char *value, struct error *error);
bool policy_options_answer_steps(struct policy *policy, const char *value, struct error *error);
/* STAGE:NAMES, separated by blanks or commas. */
bool policy_options_request_macros(struct policy *policy, const char *value, struct error *error);

#endif
