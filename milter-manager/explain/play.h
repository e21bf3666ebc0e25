/*
 * play - plays a scenario: a real session of the manager between a virtual MTA
 * and virtual children, on the event loop because conditions may wait.
 */
#ifndef MILTER_MANAGER_EXPLAIN_PLAY_H
#define MILTER_MANAGER_EXPLAIN_PLAY_H

#include "milter-manager/explain/account.h"
#include "milter-manager/explain/virtual_child.h"
#include "milter-manager/explain/virtual_mta.h"

struct play {
    struct loop *loop;
    struct session *session;
    struct account *account;
    struct virtual_mta mta;
    struct virtual_child *children; /* as many as the configuration has */
    unsigned child_count;
    struct loop_task turn;   /* of the MTA */
    struct loop_task ending; /* of the session */
    struct error error;
};

/*
 * Runs the loop until the mail is through.  False with *error when the session
 * said something that is no answer.  Afterwards the play holds what was seen and
 * answered, the account what was heard; clear it in any case.
 */
bool play_run(struct play *play, struct loop *loop, struct configuration *configuration,
              const struct scenario *scenario, struct account *account, struct error *error);
void play_clear(struct play *play);

#endif
