/*
 * about - the fields of log lines that tell of a session or of a child in it.
 */
#ifndef MILTER_MANAGER_SESSION_ABOUT_H
#define MILTER_MANAGER_SESSION_ABOUT_H

#include "libcore/base/log.h"
#include "milter-manager/session/session.h"

/* For LOG_FIELDS. */
#define ABOUT_SESSION(session_)                                                                    \
    LOG_COUNT("session", (session_)->tag), LOG_SLICE("queue_id", session_queue_id(session_)),      \
        LOG_TEXT("peer", (session_)->peer)
#define ABOUT_CHILD(child_)                                                                        \
    ABOUT_SESSION((child_)->session), LOG_TEXT("child", (child_)->configuration->name),            \
        LOG_TEXT("endpoint", (child_)->configuration->connection_spec)

#endif
