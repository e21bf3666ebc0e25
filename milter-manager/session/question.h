/*
 * question - what stoppers are asked about a command of the MTA.
 */
#ifndef MILTER_MANAGER_SESSION_QUESTION_H
#define MILTER_MANAGER_SESSION_QUESTION_H

#include "libcore/wire/command.h"
#include "milter-manager/session/condition.h"

/* False when there is no stopper for the command. */
bool question_stage(enum command command, enum condition_stage *stage);
/*
 * The question of the stage with the command's arguments, which point into the
 * command; a header's value without the blank behind the colon is the caller's
 * business.  The command must have a stage.
 */
void question_init(struct condition_question *question, const struct command_packet *command);
/* The question about the whole envelope, which comes before that of DATA; nothing is copied. */
void question_init_envelope(struct condition_question *question, struct slice sender,
                            const struct slice *recipients, unsigned recipient_count);

#endif
