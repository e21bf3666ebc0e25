/*
 * edit_options - the values of the options that ask for edits at the end of a
 * message.  Each appends to the edits of the policy, in the order of the calls.
 *
 * False with *error when the value is wrong.
 */
#ifndef MILTER_TEST_CLIENT_EDIT_OPTIONS_H
#define MILTER_TEST_CLIENT_EDIT_OPTIONS_H

#include "milter-test-client/policy.h"

/* NAME:VALUE; one blank in front of the value is left out. */
bool edit_options_add_header(struct policy *policy, const char *value, struct error *error);
/* N:NAME:VALUE */
bool edit_options_insert_header(struct policy *policy, const char *value, struct error *error);
bool edit_options_change_header(struct policy *policy, const char *value, struct error *error);
/* N:NAME */
bool edit_options_delete_header(struct policy *policy, const char *value, struct error *error);
/* ADDRESS [ARGUMENTS]; angle brackets are added. */
bool edit_options_change_from(struct policy *policy, const char *value, struct error *error);
bool edit_options_add_recipient(struct policy *policy, const char *value, struct error *error);
/* ADDRESS */
bool edit_options_delete_recipient(struct policy *policy, const char *value, struct error *error);
/* The content of the file, read now; line ends become CRLF. */
bool edit_options_replace_body(struct policy *policy, const char *value, struct error *error);
bool edit_options_quarantine(struct policy *policy, const char *value, struct error *error);

#endif
