/*
 * store_schema - the tables, and how a database of an earlier version gets those of today.
 */
#include "milter-manager-log-analyzer/store_state.h"

/* A step that was in a release never changes: the next change is another step. */
const char *const store_steps[] = {
    /* 0 to 1 */
    "CREATE TABLE series(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, "
    "item TEXT NOT NULL, UNIQUE(kind, name, item));"
    "CREATE INDEX series_name ON series(name);"
    "CREATE TABLE minute(series INTEGER NOT NULL, time INTEGER NOT NULL, "
    "value INTEGER NOT NULL, PRIMARY KEY(series, time)) WITHOUT ROWID;"
    "CREATE TABLE five_minutes(series INTEGER NOT NULL, time INTEGER NOT NULL, "
    "value INTEGER NOT NULL, peak INTEGER NOT NULL, PRIMARY KEY(series, time)) WITHOUT ROWID;"
    "CREATE TABLE hour(series INTEGER NOT NULL, time INTEGER NOT NULL, "
    "value INTEGER NOT NULL, peak INTEGER NOT NULL, PRIMARY KEY(series, time)) WITHOUT ROWID;"
    "CREATE TABLE day(series INTEGER NOT NULL, time INTEGER NOT NULL, "
    "value INTEGER NOT NULL, peak INTEGER NOT NULL, PRIMARY KEY(series, time)) WITHOUT ROWID;"
    "CREATE TABLE file(id INTEGER PRIMARY KEY, path TEXT NOT NULL, device INTEGER NOT NULL, "
    "inode INTEGER NOT NULL, head_length INTEGER NOT NULL, head_hash INTEGER NOT NULL, "
    "offset INTEGER NOT NULL, clock INTEGER NOT NULL, packed INTEGER NOT NULL, "
    "seen INTEGER NOT NULL);"
    "CREATE INDEX file_head ON file(head_length, head_hash);"
    "CREATE TABLE state(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
};
const int store_step_count = (int)(sizeof(store_steps) / sizeof(store_steps[0]));

/* The first column of the only row. */
static bool ask(const struct store *store, const char *question, int *answer, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(store->database, question, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;

    if (good) {
        *answer = sqlite3_column_int(statement, 0);
    } else {
        store_failed(store, error);
    }
    (void)sqlite3_finalize(statement);
    return good;
}

static bool find_version(const struct store *store, int *version, int newest, struct error *error)
{
    int tables = 0;

    if (!ask(store, "PRAGMA user_version", version, error) ||
        !ask(store, "SELECT count(*) FROM sqlite_master", &tables, error)) {
        return false;
    }
    if (*version > newest) {
        error_set(error, ERROR_USAGE,
                  "%s was written by a newer milter-manager-log-analyzer (schema %d, this one "
                  "knows %d); install that, or use another --output-directory",
                  store->path, *version, newest);
        return false;
    }
    if (*version < 0 || (*version == 0 && tables > 0)) {
        error_set(error, ERROR_USAGE,
                  "%s is a database of another program; use another --output-directory",
                  store->path);
        return false;
    }
    return true;
}

static bool execute(const struct store *store, const char *text, struct error *error)
{
    return sqlite3_exec(store->database, text, NULL, NULL, NULL) == SQLITE_OK ||
           store_failed(store, error);
}

static bool take_steps(const struct store *store, const char *const *steps, int count,
                       struct error *error)
{
    char version_text[64];
    int version = 0;

    /* Again, for another process may have taken them meanwhile. */
    if (!find_version(store, &version, count, error)) {
        return false;
    }
    for (; version < count; version++) {
        if (!execute(store, steps[version], error)) {
            return false;
        }
    }
    (void)sqlite3_snprintf((int)sizeof(version_text), version_text, "PRAGMA user_version = %d",
                           version);
    return execute(store, version_text, error);
}

bool store_bring_up(struct store *store, const char *const *steps, int count, struct error *error)
{
    int version = 0;

    if (!find_version(store, &version, count, error)) {
        return false;
    }
    if (version == count) {
        return true;
    }
    if (store->reads_only) {
        error_set(error, ERROR_USAGE,
                  version == 0 ? "there are no numbers yet in %s; a run that reads a log adds them"
                               : "%s was written by an older milter-manager-log-analyzer; a run "
                                 "that reads a log brings it up to date",
                  store->path);
        return false;
    }
    if (!execute(store, "BEGIN IMMEDIATE", error)) {
        return false;
    }
    if (!take_steps(store, steps, count, error) || !execute(store, "COMMIT", error)) {
        (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    return true;
}
