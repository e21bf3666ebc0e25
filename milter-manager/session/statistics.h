/*
 * statistics - the statistics lines the log analyzer reads (tools.md section 4.3).
 */
#ifndef MILTER_MANAGER_SESSION_STATISTICS_H
#define MILTER_MANAGER_SESSION_STATISTICS_H

#include "milter-manager/session/session.h"

/* Once per child: written at the first call only. */
void statistics_child_end(struct session_child *child);
void statistics_session_end(struct session *session);
/* A connection checker found that the SMTP client has gone. */
void statistics_session_disconnected(const struct session *session);
/* A child asked to add, insert or change a header (also in evaluation mode). */
void statistics_child_header(const struct session_child *child, struct slice name,
                             struct slice value);
/* A header was added, inserted or changed towards the MTA. */
void statistics_session_header(const struct session *session, struct slice name,
                               struct slice value);
void statistics_quarantine(const struct session *session);
/*
 * A batch of sessions was disposed of; finished: how many in this batch.  The
 * line has the sums of all processes.
 */
void statistics_sessions_finished(unsigned finished);

#endif
