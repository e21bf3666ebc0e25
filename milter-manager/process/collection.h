/*
 * collection - gathers the answers of several workers to one question.
 *
 * It is complete when all have answered, or after a second: one that hangs is
 * missing then, which is an answer, too.
 */
#ifndef MILTER_MANAGER_PROCESS_COLLECTION_H
#define MILTER_MANAGER_PROCESS_COLLECTION_H

#include "libcore/net/loop.h"

#include <jansson.h>
#include <stdbool.h>

struct collections;

/* answers: an array; the callee's.  The collection is over. */
typedef void collection_complete_fn(void *owner, json_t *answers);
/* Asks worker number i for an answer of that number; false: it cannot be asked. */
typedef bool collection_ask_fn(void *owner, unsigned i, unsigned number);

struct collections *collections_new(struct loop *loop);
/* Those under way are completed with what has come. */
void collections_free(struct collections *collections);
/*
 * Asks count workers; complete is called from the loop, or at once when nobody can be asked.
 */
void collections_begin(struct collections *collections, unsigned count, collection_ask_fn *ask,
                       void *ask_owner, collection_complete_fn *complete, void *owner);
/* An answer has come: the callee's; NULL: what came was none.  Late ones are dropped. */
void collections_answer(struct collections *collections, unsigned number, json_t *answer);

#endif
