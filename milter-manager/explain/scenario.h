/*
 * scenario - the mail that --explain is about: client, envelope, content and
 * macros, with defaults for what nobody said.
 *
 * Defaults and meanings are those of milter-test-server (tools.md section 1).
 */
#ifndef MILTER_MANAGER_EXPLAIN_SCENARIO_H
#define MILTER_MANAGER_EXPLAIN_SCENARIO_H

#include "libcore/mail/message.h"
#include "libcore/net/connect_address.h"
#include "libcore/session/macro_store.h"
#include "milter-manager/explain/arguments.h"
#include "milter-manager/explain/assumption.h"

enum scenario_part {
    SCENARIO_HOST,
    SCENARIO_ADDRESS,
    SCENARIO_HELO,
    SCENARIO_SENDER,
    SCENARIO_RECIPIENTS,
    SCENARIO_HEADER,
    SCENARIO_BODY,
    SCENARIO_PARTS,
};

enum scenario_origin { ORIGIN_DEFAULT, ORIGIN_OPTION, ORIGIN_MAIL_FILE };

struct scenario {
    struct command_connect connect; /* its host is an argument's */
    char address[CONNECT_ADDRESS_TEXT];
    struct slice helo; /* an argument's */
    struct message message;
    struct macro_store macros;
    struct macro_store given_macros; /* those of them that options gave */
    enum scenario_origin origins[SCENARIO_PARTS];
    struct assumptions assumptions;
};

/*
 * Reads the mail file when there is one.  False with *error, which names the
 * option; the scenario is cleared then.  It must not be moved, and the arguments
 * must outlive it.
 */
bool scenario_init(struct scenario *scenario, const struct explain_arguments *arguments,
                   struct error *error);
void scenario_clear(struct scenario *scenario);

/*
 * Appends the commands of the mail, CONNECT to END_OF_MESSAGE, as packets with
 * header values as a filter sees them that negotiated nothing.
 */
void scenario_commands(const struct scenario *scenario, struct buffer *packets);

#endif
