/*
 * store_state - what the files of the store share.  Nobody else includes it.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_STORE_STATE_H
#define MILTER_MANAGER_LOG_ANALYZER_STORE_STATE_H

#include "milter-manager-log-analyzer/pending.h"
#include "milter-manager-log-analyzer/store.h"

#include <sqlite3.h>

enum store_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_SERIES_FIND,
    STATEMENT_SERIES_ADD,
    STATEMENT_NAME_KNOWN,
    STATEMENT_NAME_COUNT,
    /* In the order of the spans. */
    STATEMENT_ADD,
    STATEMENT_LARGEST = STATEMENT_ADD + STORE_SPANS,
    STATEMENT_PRUNE = STATEMENT_LARGEST + STORE_SPANS,
    STATEMENT_MINUTE_GET = STATEMENT_PRUNE + STORE_SPANS,
    STATEMENT_FILE_FIND,
    STATEMENT_FILE_SEEN,
    STATEMENT_FILE_ADD,
    STATEMENT_FILE_SET,
    STATEMENT_FILE_PRUNE,
    STATEMENT_STATE_GET,
    STATEMENT_STATE_SET,
    STATEMENT_FILE_YOUNGEST,
    STATEMENTS,
};

struct store {
    sqlite3 *database;
    char *path;
    bool reads_only;
    bool begun;
    uint64_t waiting;    /* clock_nanoseconds since when a lock is waited for */
    int64_t now;         /* of store_begin */
    bool names_are_many; /* no child more: they are never fewer again */
    struct pending *pending;
    sqlite3_stmt *statements[STATEMENTS]; /* prepared when first needed */
};

/* Says what SQLite's last failure means for the operator; returns false. */
bool store_failed(const struct store *store, struct error *error);
/* Ready for binding; NULL with *error.  Give it back with store_finish. */
sqlite3_stmt *store_statement(struct store *store, enum store_statement which, struct error *error);
/* Runs a statement that gives no rows. */
bool store_run(struct store *store, sqlite3_stmt *statement, struct error *error);
/* The one number that a statement gives; 0 when it gives none. */
bool store_number(struct store *store, sqlite3_stmt *statement, int64_t *number,
                  struct error *error);
/* Of a statement that was stepped: gives it back; false with *error when the last step failed. */
bool store_finish(const struct store *store, sqlite3_stmt *statement, int result,
                  struct error *error);

/* The schema's versions: each step leads from the version of its index to the next. */
extern const char *const store_steps[];
extern const int store_step_count;
/* Brings an open database up to version count; a newer one, and a foreign one, are refused. */
bool store_bring_up(struct store *store, const char *const *steps, int count, struct error *error);

#endif
