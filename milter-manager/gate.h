/*
 * gate - when connections of the MTA are taken: never more than there is room
 * for (manager-semantics section 15, 17 row 15).
 *
 * Without room it waits, so that connections queue in the kernel, or refuses
 * them (manager.when_full); it says so once, not once for each connection, and
 * goes on at the first end of a session.
 */
#ifndef MILTER_MANAGER_GATE_H
#define MILTER_MANAGER_GATE_H

#include "libcore/net/listener.h"
#include "milter-manager/config/configuration.h"

struct gate;

/* Closed until gate_open. */
struct gate *gate_new(struct loop *loop);
void gate_free(struct gate *gate);
/* The limits of that configuration count from now on; the reference stays the caller's. */
void gate_configure(struct gate *gate, const struct configuration *configuration);
/* So many descriptors are for others. */
void gate_reserve(struct gate *gate, unsigned descriptors);
/* The listener stays the caller's; NULL: there is none any more. */
void gate_watch(struct gate *gate, struct listener *listener);
void gate_open(struct gate *gate);

/*
 * In a worker: true when a connection that has come is this process' to take.
 * One with more sessions than another leaves it to that, for a moment.
 */
bool gate_willing(struct gate *gate);
/* A connection has come: false: it is to be closed at once, there is no room. */
bool gate_admit(struct gate *gate);
/* A session has begun, has ended. */
void gate_entered(struct gate *gate);
void gate_left(struct gate *gate);
/* Accepting failed for lack of descriptors or memory. */
void gate_exhausted(struct gate *gate, int error_number);

#endif
