/*
 * collection - gathers the answers of several workers to one question.
 */
#include "milter-manager/process/collection.h"

#include "libcore/base/memory.h"

#include <stdlib.h>

static const double collection_patience = 1.0; /* s */

struct collection {
    struct collections *collections;
    struct collection *next;
    unsigned number;
    unsigned awaited;
    json_t *answers;
    struct loop_timer *timer;
    collection_complete_fn *complete;
    void *owner;
};

struct collections {
    struct loop *loop;
    struct collection *first;
    unsigned last_number;
};

struct collections *collections_new(struct loop *loop)
{
    struct collections *collections = NEW(struct collections);

    collections->loop = loop;
    return collections;
}

static void collection_free(struct collection *collection)
{
    struct collection **place = &collection->collections->first;

    while (*place != collection) {
        place = &(*place)->next;
    }
    *place = collection->next;
    loop_timer_free(collection->timer);
    json_decref(collection->answers);
    free(collection);
}

static void collection_end(void *owner)
{
    struct collection *collection = owner;
    collection_complete_fn *complete = collection->complete;
    void *complete_owner = collection->owner;
    json_t *answers = json_incref(collection->answers);

    collection_free(collection);
    complete(complete_owner, answers);
}

void collections_free(struct collections *collections)
{
    if (collections == NULL) {
        return;
    }
    while (collections->first != NULL) {
        collection_end(collections->first);
    }
    free(collections);
}

void collections_begin(struct collections *collections, unsigned count, collection_ask_fn *ask,
                       void *ask_owner, collection_complete_fn *complete, void *owner)
{
    struct collection *collection = NEW(struct collection);

    *collection = (struct collection){
        .collections = collections,
        .next = collections->first,
        .number = ++collections->last_number,
        .answers = json_array(),
        .timer = loop_timer_new(collections->loop, collection_end, collection),
        .complete = complete,
        .owner = owner,
    };
    collections->first = collection;
    for (unsigned i = 0; i < count; i++) {
        collection->awaited += ask(ask_owner, i, collection->number) ? 1 : 0;
    }
    if (collection->awaited == 0) {
        collection_end(collection);
    } else {
        loop_timer_start(collection->timer, collection_patience);
    }
}

void collections_answer(struct collections *collections, unsigned number, json_t *answer)
{
    struct collection *collection = collections->first;

    while (collection != NULL && collection->number != number) {
        collection = collection->next;
    }
    if (collection == NULL || answer == NULL) {
        json_decref(answer);
        return;
    }
    (void)json_array_append_new(collection->answers, answer);
    if (--collection->awaited == 0) {
        collection_end(collection);
    }
}
