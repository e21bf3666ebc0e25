/*
 * board - the few numbers the processes of the manager share: how many sessions
 * there are, how many there have been, and which number comes next.
 *
 * A process that nobody has given a place has a board of its own.
 */
#ifndef MILTER_MANAGER_BOARD_H
#define MILTER_MANAGER_BOARD_H

/* Numbers that are unique among all processes of this start: 1, 2, ... */
enum board_sequence { BOARD_SESSION_TAG, BOARD_MILTER_TAG, BOARD_SEQUENCES };

/* Once, before the first process is forked: places 0 to count - 1. */
void board_open(unsigned count);
/* This process has that place; nothing is being processed there. */
void board_enter(unsigned place);
/* The process of that place has died, and its sessions with it. */
void board_leave(unsigned place);

unsigned board_next(enum board_sequence sequence);

void board_session_began(void);
void board_session_ended(void);
/* Sessions of this process, and of all of them. */
unsigned board_own_sessions(void);
unsigned board_sessions(void);
/* Of the worker (places 1 and up) that has the fewest. */
unsigned board_fewest_sessions(void);
/* So many more have been disposed of; returns how many of all processes by now. */
unsigned long board_finish(unsigned sessions);

#endif
