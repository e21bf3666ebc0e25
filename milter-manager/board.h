/*
 * board - the few numbers the processes of the manager have in common: how many
 * sessions there are, how many there have been, and which number comes next.
 */
#ifndef MILTER_MANAGER_BOARD_H
#define MILTER_MANAGER_BOARD_H

/* Numbers that are unique among all processes of this start: 1, 2, ... */
enum board_sequence { BOARD_SESSION_TAG, BOARD_MILTER_TAG, BOARD_SEQUENCES };

/* Once, before the first process is forked; without it a process is alone. */
void board_open(void);

unsigned board_next(enum board_sequence sequence);
/* So many more sessions have been disposed of; returns how many of all processes by now. */
unsigned long board_finish(unsigned sessions);

/* Sessions of all processes (control/tally.h). */
unsigned board_sessions(void);
/* The number of the master's configuration. */
unsigned board_generation(void);
/* Of the worker that has the fewest. */
unsigned board_fewest_sessions(void);

#endif
