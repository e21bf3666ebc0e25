/*
 * policy - what milter-test-client answers: verdicts, edits, delays and faults
 * as tables, and which of them concerns a command.
 *
 * Filled by policy_options, asked by the session.  In every table the first
 * entry that fits wins.
 */
#ifndef MILTER_TEST_CLIENT_POLICY_H
#define MILTER_TEST_CLIENT_POLICY_H

#include "libcore/base/arena.h"
#include "libcore/wire/command.h"
#include "libcore/wire/negotiation.h"
#include "libcore/wire/reply.h"

/* Which commands an entry is for. */
struct policy_match {
    enum command stage;
    struct slice pattern; /* a glob; data NULL: every command of the stage */
};

struct policy_action {
    struct policy_match match;
    struct reply reply;
};

struct policy_delay {
    struct policy_match match;
    double seconds;
    double jitter; /* up to so many seconds less or more */
};

/* What happens in the place of a reply. */
enum policy_fault {
    FAULT_NONE,
    FAULT_CLOSE,   /* the connection is closed */
    FAULT_GARBAGE, /* bytes that are no packet */
    FAULT_PARTIAL, /* the first half of the reply, then nothing */
    FAULT_HANG,    /* nothing */
    FAULTS,
};

struct policy_fault_entry {
    struct policy_match match;
    enum policy_fault fault;
};

/* A word of the answer to a negotiation: (offered & kept) | claimed. */
struct policy_flags {
    bool given; /* false: the answer is the default */
    uint32_t kept;
    uint32_t claimed; /* offered or not */
};

struct policy {
    struct arena arena; /* what was made of the options' values */
    struct policy_action *actions;
    size_t action_count;
    struct policy_delay *delays;
    size_t delay_count;
    struct policy_fault_entry *faults;
    size_t fault_count;
    struct reply *edits; /* header values without the blank in front */
    size_t edit_count;
    double progress;     /* seconds between two PROGRESS; 0: none are sent */
    unsigned fail_every; /* faults only in every Nth session; 0: in each */
    unsigned version;    /* 0: the MTA's */
    struct policy_flags answer_actions;
    struct policy_flags answer_steps;
    bool requests_macros;
    struct buffer requested[COMMANDS]; /* names separated by blanks */
    bool requested_at[COMMANDS];
};

/*
 * True when the glob ('*' and '?', ASCII case ignored) fits the whole text; a
 * long text costs at most the product of both lengths.
 */
bool policy_glob(struct slice pattern, struct slice text);
/* True when commands of that stage have a text a pattern can be held against. */
bool policy_stage_has_text(enum command stage);
/* leading_space: header values hold their own blank, as negotiated. */
bool policy_matches(const struct policy_match *match, const struct command_packet *command,
                    bool leading_space);

/* The verdict for a command: continue when no action fits. */
struct reply policy_reply(const struct policy *policy, const struct command_packet *command,
                          bool leading_space);
/* session: 1 is the first. */
enum policy_fault policy_fault(const struct policy *policy, const struct command_packet *command,
                               bool leading_space, unsigned long session);
/* Seconds before the reply; random: 0 to 1, says where in the jitter. */
double policy_delay(const struct policy *policy, const struct command_packet *command,
                    bool leading_space, double random);
/*
 * The answer to an offer that negotiation_accept_offer has seen; the macro
 * lists are appended to lists, to which the answer points.
 */
struct negotiation policy_negotiate(const struct policy *policy, const struct negotiation *offer,
                                    struct buffer *lists);

/* Everything a policy holds. */
void policy_clear(struct policy *policy);
/* "close", "garbage", ...; NULL for FAULT_NONE. */
const char *policy_fault_name(enum policy_fault fault);

#endif
