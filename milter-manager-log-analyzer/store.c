/*
 * store - the numbers, in an SQLite database: opening, waiting, failing.
 *
 * A rollback journal, not a write-ahead log: who may only read the directory can read, and one file
 * is all there is.  Everything is written in one go at the end of a batch.
 */
#include "milter-manager-log-analyzer/store.h"

#include "libcore/base/clock.h"
#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/store_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    WRITER_WAITS = 600,    /* seconds: until a long first run of somebody else gives way */
    READER_WAITS = 60,     /* as long as a slow disk may take for a batch */
    POLL_MILLISECONDS = 5, /* between attempts: a batch of others ends within some of these */
    CACHE_KIB = 8192,
};

static const struct {
    const char *name;
    int64_t seconds, kept;
} spans[STORE_SPANS] = {
    [STORE_MINUTE] = {"minute", 60, 10 * 86400L},
    [STORE_FIVE_MINUTES] = {"five_minutes", 300, 70 * 86400L},
    [STORE_HOUR] = {"hour", 3600, 731 * 86400L},
    [STORE_DAY] = {"day", 86400, 0},
};

int64_t store_span_seconds(enum store_span span)
{
    return spans[span].seconds;
}

int64_t store_span_kept(enum store_span span)
{
    return spans[span].kept;
}

const char *store_span_name(enum store_span span)
{
    return spans[span].name;
}

/* ---- what went wrong */

bool store_failed(const struct store *store, struct error *error)
{
    const char *path = store->path;
    const char *reason = sqlite3_errmsg(store->database);
    int code = sqlite3_extended_errcode(store->database);
    int number = sqlite3_system_errno(store->database);

    switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        error_set(
            error, ERROR_SYSTEM,
            "%s is damaged (%s). Move it away (mv %s %s.damaged): the next run begins anew from "
            "the logs that are still there",
            path, reason, path, path);
        break;
    case SQLITE_FULL:
        error_set(error, ERROR_SYSTEM,
                  "%s cannot grow: no space is left on its file system. What was stored before is "
                  "there; the next run goes on from it",
                  path);
        break;
    case SQLITE_IOERR:
        error_set(
            error, ERROR_SYSTEM,
            "%s cannot be read or written (%s %d%s%s): the disk, its quota, or a limit of the "
            "size of files (ulimit -f)? What was stored before is there; the next run goes on "
            "from it",
            path, reason, code >> 8, number == 0 ? "" : ": ", number == 0 ? "" : strerror(number));
        break;
    case SQLITE_BUSY:
        error_set(error, ERROR_TIMEOUT,
                  "%s is being written by another process for more than %d s; is a run of "
                  "milter-manager-log-analyzer stuck? (fuser %s)",
                  path, store->reads_only ? READER_WAITS : WRITER_WAITS, path);
        break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        error_set(error, ERROR_SYSTEM,
                  "cannot %s %s: %s%s%s. The user of this process needs access to the file and, "
                  "for writing, to its directory",
                  store->reads_only ? "read" : "write", path, reason, number == 0 ? "" : ": ",
                  number == 0 ? "" : strerror(number));
        break;
    default:
        error_set(error, ERROR_SYSTEM, "%s: %s%s%s", path, reason, number == 0 ? "" : ": ",
                  number == 0 ? "" : strerror(number));
    }
    return false;
}

/* SQLite asks whether to try again to get a lock. */
static int wait_for_lock(void *owner, int attempts)
{
    struct store *store = owner;
    const struct timespec pause = {.tv_nsec = POLL_MILLISECONDS * 1000000L};
    uint64_t limit = store->reads_only ? READER_WAITS : WRITER_WAITS;
    uint64_t now = clock_nanoseconds();

    if (attempts == 0) {
        store->waiting = now;
    }
    if (now - store->waiting > limit * 1000000000u) {
        return 0;
    }
    (void)nanosleep(&pause, NULL);
    return 1;
}

/* ---- statements: what SQLite 3.24 understands */

#define ADD_TO(span)                                                                               \
    "INSERT INTO " span "(series, time, value, peak) VALUES(?1, ?2, ?3, ?4) "                      \
    "ON CONFLICT(series, time) DO UPDATE SET value = min(value + excluded.value, 1 << 60), "       \
    "peak = max(peak, excluded.peak)"
#define LARGEST_OF(span)                                                                           \
    "INSERT INTO " span "(series, time, value, peak) VALUES(?1, ?2, ?3, ?4) "                      \
    "ON CONFLICT(series, time) DO UPDATE SET value = max(value, excluded.value), "                 \
    "peak = max(peak, excluded.peak)"
#define PRUNE(span) "DELETE FROM " span " WHERE series IN (SELECT id FROM series) AND time < ?1"

static const char *const texts[STATEMENTS] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_SERIES_FIND] = "SELECT id FROM series WHERE kind = ?1 AND name = ?2 AND item = ?3",
    [STATEMENT_SERIES_ADD] = "INSERT INTO series(kind, name, item) VALUES(?1, ?2, ?3)",
    [STATEMENT_NAME_KNOWN] = "SELECT EXISTS(SELECT 1 FROM series WHERE name = ?1)",
    [STATEMENT_NAME_COUNT] = "SELECT count(DISTINCT name) FROM series WHERE name <> ''",
    [STATEMENT_ADD + STORE_MINUTE] =
        "INSERT INTO minute(series, time, value) VALUES(?1, ?2, ?3) "
        "ON CONFLICT(series, time) DO UPDATE SET value = min(value + excluded.value, 1 << 50)",
    [STATEMENT_ADD + STORE_FIVE_MINUTES] = ADD_TO("five_minutes"),
    [STATEMENT_ADD + STORE_HOUR] = ADD_TO("hour"),
    [STATEMENT_ADD + STORE_DAY] = ADD_TO("day"),
    [STATEMENT_MINUTE_GET] = "SELECT value FROM minute WHERE series = ?1 AND time = ?2",
    [STATEMENT_LARGEST + STORE_MINUTE] =
        "INSERT INTO minute(series, time, value) VALUES(?1, ?2, ?3) "
        "ON CONFLICT(series, time) DO UPDATE SET value = max(value, excluded.value)",
    [STATEMENT_LARGEST + STORE_FIVE_MINUTES] = LARGEST_OF("five_minutes"),
    [STATEMENT_LARGEST + STORE_HOUR] = LARGEST_OF("hour"),
    [STATEMENT_LARGEST + STORE_DAY] = LARGEST_OF("day"),
    [STATEMENT_PRUNE + STORE_MINUTE] = PRUNE("minute"),
    [STATEMENT_PRUNE + STORE_FIVE_MINUTES] = PRUNE("five_minutes"),
    [STATEMENT_PRUNE + STORE_HOUR] = PRUNE("hour"),
    [STATEMENT_FILE_FIND] =
        "SELECT id, device, inode, head_length, head_hash, offset, clock, packed, seen FROM file "
        "WHERE head_length < ?1 OR (head_length = ?1 AND head_hash = ?2) "
        "ORDER BY head_length DESC, (device = ?3 AND inode = ?4) DESC, offset DESC",
    [STATEMENT_FILE_SEEN] = "UPDATE file SET seen = ?2 WHERE id = ?1",
    [STATEMENT_FILE_ADD] = "INSERT INTO file(path, device, inode, head_length, head_hash, offset, "
                           "clock, packed, seen) VALUES(?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10, ?9)",
    [STATEMENT_FILE_SET] =
        "UPDATE file SET path = ?2, device = ?3, inode = ?4, head_length = ?5, "
        "head_hash = ?6, offset = ?7, clock = ?8, packed = ?10, seen = ?9 WHERE id = ?1",
    [STATEMENT_FILE_PRUNE] = "DELETE FROM file WHERE seen < ?1",
    [STATEMENT_FILE_YOUNGEST] = "SELECT max(clock) FROM file",
    [STATEMENT_STATE_GET] = "SELECT value FROM state WHERE key = ?1",
    [STATEMENT_STATE_SET] = "INSERT INTO state(key, value) VALUES(?1, ?2) "
                            "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
};

sqlite3_stmt *store_statement(struct store *store, enum store_statement which, struct error *error)
{
    sqlite3_stmt **statement = store->statements + which;

    if (*statement == NULL &&
        sqlite3_prepare_v3(store->database, texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement,
                           NULL) != SQLITE_OK) {
        store_failed(store, error);
    }
    return *statement;
}

bool store_finish(const struct store *store, sqlite3_stmt *statement, int result,
                  struct error *error)
{
    bool good = result == SQLITE_DONE || result == SQLITE_ROW || store_failed(store, error);

    (void)sqlite3_reset(statement);
    return good;
}

bool store_run(struct store *store, sqlite3_stmt *statement, struct error *error)
{
    return statement != NULL && store_finish(store, statement, sqlite3_step(statement), error);
}

bool store_number(struct store *store, sqlite3_stmt *statement, int64_t *number,
                  struct error *error)
{
    int result;

    *number = 0;
    if (statement == NULL) {
        return false;
    }
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *number = sqlite3_column_int64(statement, 0);
    }
    return store_finish(store, statement, result, error);
}

/* ---- opening */

static bool set_up(struct store *store, struct error *error)
{
    char settings[128];

    (void)sqlite3_extended_result_codes(store->database, 1);
    (void)sqlite3_busy_handler(store->database, wait_for_lock, store);
    (void)sqlite3_snprintf((int)sizeof(settings), settings,
                           "PRAGMA cache_size = -%d; PRAGMA query_only = %d", CACHE_KIB,
                           store->reads_only ? 1 : 0);
    return sqlite3_exec(store->database, settings, NULL, NULL, NULL) == SQLITE_OK ||
           store_failed(store, error);
}

/* Asked for early: SQLite would say so only when a whole batch has been read. */
static bool check_access(const struct store *store, struct error *error)
{
    if (file_is_foreign_link(store->path)) {
        error_set(
            error, ERROR_USAGE,
            "%s is a link that another user has made and may lead anywhere; remove it, or use "
            "another --output-directory",
            store->path);
        return false;
    }
    if (store->reads_only && access(store->path, F_OK) != 0 && errno == ENOENT) {
        error_set(error, ERROR_USAGE,
                  "there are no numbers yet: %s does not exist. A run that reads a log makes it",
                  store->path);
        return false;
    }
    return true;
}

static bool check_writable(const struct store *store, const char *directory, struct error *error)
{
    if (store->reads_only) {
        return true;
    }
    if (sqlite3_db_readonly(store->database, "main") == 1) {
        error_set(error, ERROR_SYSTEM,
                  "cannot write %s: the user of this process may only read it (or its file "
                  "system); --no-update-db draws what is there",
                  store->path);
        return false;
    }
    if (access(directory, W_OK | X_OK) != 0) {
        error_set_errno(error, "cannot write to the directory %s, where %s is", directory,
                        store->path);
        return false;
    }
    return true;
}

/* SQLite would take as a URI what begins with "file:". */
static char *database_path(const char *directory)
{
    bool plain = directory[0] == '/' || directory[0] == '.';

    return memory_format("%s%s/milter-manager.sqlite", plain ? "" : "./", directory);
}

struct store *store_open(const char *directory, bool reads_only, struct error *error)
{
    struct store *store = NEW(struct store);
    int flags = SQLITE_OPEN_READWRITE | (reads_only ? 0 : SQLITE_OPEN_CREATE);

    store->path = database_path(directory);
    store->reads_only = reads_only;
    store->pending = pending_new();
    /* Also for reading: a batch that was cut off by the end of a process is taken back. */
    if (!check_access(store, error)) {
        store_close(store);
        return NULL;
    }
    if (sqlite3_open_v2(store->path, &store->database, flags, NULL) != SQLITE_OK) {
        store_failed(store, error);
        store_close(store);
        return NULL;
    }
    if (!set_up(store, error) || !check_writable(store, directory, error) ||
        !store_bring_up(store, store_steps, store_step_count, error)) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    (void)sqlite3_close(store->database);
    pending_free(store->pending);
    free(store->path);
    free(store);
}
