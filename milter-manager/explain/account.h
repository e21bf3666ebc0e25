/*
 * account - what is heard about the milters while a scenario is played: what
 * their conditions said, what became of them, which macros were set.
 */
#ifndef MILTER_MANAGER_EXPLAIN_ACCOUNT_H
#define MILTER_MANAGER_EXPLAIN_ACCOUNT_H

#include "milter-manager/session/explanation.h"

/* An exception, or a deadline that passed. */
struct account_trouble {
    enum condition_stage stage;
    struct buffer text;
    unsigned times;
};

enum { ACCOUNT_TROUBLES = 8 }; /* different ones of one condition that are kept */

/* One condition of one milter. */
struct account_condition {
    const char *name;
    unsigned asked[CONDITION_STAGES];
    const struct condition_stopper *stopper; /* the last that said true, NULL: none */
    struct buffer stopped_recipients;        /* " <a@b>" for each it has stopped */
    struct account_trouble troubles[ACCOUNT_TROUBLES];
    unsigned trouble_count; /* different ones that are kept */
    unsigned troubled;      /* questions that ended so */
};

/* One milter of the configuration, or the recording of sessions. */
struct account_child {
    const struct configuration_child *configuration;
    struct account_condition *conditions;    /* as many as the configuration has */
    bool used;                               /* it took part */
    const struct condition_stopper *stopper; /* that took it out of the mail, NULL: none */
    unsigned recipients_stopped;
    bool answered; /* something else than "go on", or the whole message */
    bool failed;
    enum command command; /* where it answered or failed last */
    enum verdict verdict;
    struct buffer macros; /* one line for each that a condition has set, NUL behind each */
};

struct account {
    struct session *session; /* whom it is about; NULL: nobody yet */
    const struct configuration *configuration;
    struct account_child *children; /* as many as the configuration has */
    struct account_child recording;
    struct buffer decisions; /* one line each, as in the log */
    bool recorded;           /* the session would be kept (manager.record_sessions) */
};

void account_init(struct account *account, const struct configuration *configuration);
void account_clear(struct account *account);

/* The milter of a session's child; NULL for the recording. */
struct account_child *account_child_of(struct account *account, const struct session_child *child);

/* For the three whom a play hears. */
void account_take_explanation(struct account *account, const struct explanation *explanation);
void account_take_remark(struct account *account, const struct condition_remark *remark);
void account_take_macro(struct account *account, const struct session_child *child,
                        enum command stage, struct slice name, struct slice value);

#endif
