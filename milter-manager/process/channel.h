/*
 * channel - questions of the master to one worker, and the answers: lines over a
 * pair of sockets.
 *
 *   master -> worker   NUMBER
 *   worker -> master   NUMBER JSON
 *
 * The number tells late answers from those that are waited for.  The end of the
 * connection is how the one learns of the death of the other.
 */
#ifndef MILTER_MANAGER_PROCESS_CHANNEL_H
#define MILTER_MANAGER_PROCESS_CHANNEL_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"

#include <jansson.h>

/* Both ends, before the fork; false with *error. */
bool channel_open(int ends[2], struct error *error);

/* ---- the master's end */

struct channel;

/* report: the callee's; NULL: what came was no answer. */
typedef void channel_answered_fn(void *owner, struct channel *channel, unsigned number,
                                 json_t *report);
/* The worker has closed its end, or died. */
typedef void channel_ended_fn(void *owner, struct channel *channel);

/* Takes over fd.  worker: its number, for messages and the owner. */
struct channel *channel_new(struct loop *loop, int fd, unsigned worker,
                            channel_answered_fn *answered, channel_ended_fn *ended, void *owner);
unsigned channel_worker(const struct channel *channel);
/* False: it does not read what was asked before. */
bool channel_ask(struct channel *channel, unsigned number);
void channel_free(struct channel *channel);

/* ---- the worker's end */

struct channel_service;

/* A new reference. */
typedef json_t *channel_report_fn(void *owner);

/* Takes over fd; answers each question with report(owner). */
struct channel_service *channel_serve(struct loop *loop, int fd, channel_report_fn *report,
                                      void *owner);
void channel_service_free(struct channel_service *service);

#endif
