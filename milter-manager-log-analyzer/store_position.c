/*
 * store_position - how far logs were read, by what they begin with.
 */
#include "libcore/base/buffer.h"
#include "libcore/base/markup.h"
#include "milter-manager-log-analyzer/store_state.h"

static const int64_t seen_is_written_after = 86400; /* seconds: not with each run */
static const char begin_key[] = "pipe begin", until_key[] = "pipe until";

/* *seen: when it was there last. */
static bool find(struct store *store, const struct source *source, struct store_position *position,
                 int64_t *seen, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_FILE_FIND, error);
    struct source_identity identity = {0};
    int result;

    if (statement == NULL) {
        return false;
    }
    source_identify(source, &identity);
    (void)sqlite3_bind_int64(statement, 1, (int64_t)identity.head_length);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)identity.head_hash);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)identity.device);
    (void)sqlite3_bind_int64(statement, 4, (int64_t)identity.inode);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct source_identity was = {
            .device = (uint64_t)sqlite3_column_int64(statement, 1),
            .inode = (uint64_t)sqlite3_column_int64(statement, 2),
            .head_length = (uint64_t)sqlite3_column_int64(statement, 3),
            .head_hash = (uint64_t)sqlite3_column_int64(statement, 4),
        };

        if (source_begins_like(source, &was)) {
            position->id = sqlite3_column_int64(statement, 0);
            position->offset = (uint64_t)sqlite3_column_int64(statement, 5);
            position->clock = sqlite3_column_int64(statement, 6);
            position->packed = (uint64_t)sqlite3_column_int64(statement, 7);
            *seen = sqlite3_column_int64(statement, 8);
            break;
        }
    }
    return store_finish(store, statement, result, error);
}

bool store_find_position(struct store *store, const struct source *source,
                         struct store_position *position, struct error *error)
{
    sqlite3_stmt *statement;
    int64_t seen = 0;

    *position = (struct store_position){0};
    if (!find(store, source, position, &seen, error) || position->id == 0) {
        return false;
    }
    if (!store->begun || store->now - seen < seen_is_written_after) {
        return true;
    }
    statement = store_statement(store, STATEMENT_FILE_SEEN, error);
    if (statement != NULL) {
        (void)sqlite3_bind_int64(statement, 1, position->id);
        (void)sqlite3_bind_int64(statement, 2, store->now);
    }
    return store_run(store, statement, error);
}

bool store_set_position(struct store *store, const char *path,
                        const struct source_identity *identity, struct store_position *position,
                        struct error *error)
{
    sqlite3_stmt *statement =
        store_statement(store, position->id == 0 ? STATEMENT_FILE_ADD : STATEMENT_FILE_SET, error);
    struct buffer text = {0};
    bool good;

    if (statement == NULL) {
        return false;
    }
    markup_plain(&text, slice_from_string(path));
    if (position->id != 0) {
        (void)sqlite3_bind_int64(statement, 1, position->id);
    }
    (void)sqlite3_bind_text(statement, 2, buffer_slice(&text).data, (int)buffer_length(&text),
                            SQLITE_TRANSIENT);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)identity->device);
    (void)sqlite3_bind_int64(statement, 4, (int64_t)identity->inode);
    (void)sqlite3_bind_int64(statement, 5, (int64_t)identity->head_length);
    (void)sqlite3_bind_int64(statement, 6, (int64_t)identity->head_hash);
    (void)sqlite3_bind_int64(statement, 7, (int64_t)position->offset);
    /* A line of the future would keep all that pipes bring until then from being counted. */
    (void)sqlite3_bind_int64(statement, 8,
                             position->clock < store->now ? position->clock : store->now);
    (void)sqlite3_bind_int64(statement, 9, store->now);
    (void)sqlite3_bind_int64(statement, 10, (int64_t)position->packed);
    good = store_run(store, statement, error);
    if (good && position->id == 0) {
        position->id = sqlite3_last_insert_rowid(store->database);
    }
    buffer_clear(&text);
    return good;
}

static sqlite3_stmt *of_state(struct store *store, enum store_statement which, const char *key,
                              struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, which, error);

    if (statement != NULL) {
        (void)sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    }
    return statement;
}

bool store_pipes(struct store *store, struct store_pipes *pipes, struct error *error)
{
    return store_number(store, of_state(store, STATEMENT_STATE_GET, begin_key, error),
                        &pipes->begin, error) &&
           store_number(store, of_state(store, STATEMENT_STATE_GET, until_key, error),
                        &pipes->until, error) &&
           store_number(store, store_statement(store, STATEMENT_FILE_YOUNGEST, error),
                        &pipes->files, error);
}

static bool set_state(struct store *store, const char *key, int64_t number, struct error *error)
{
    sqlite3_stmt *statement = of_state(store, STATEMENT_STATE_SET, key, error);

    if (statement != NULL) {
        (void)sqlite3_bind_int64(statement, 2, number);
    }
    return store_run(store, statement, error);
}

bool store_set_pipes(struct store *store, const struct store_pipes *pipes, struct error *error)
{
    return set_state(store, begin_key, pipes->begin, error) &&
           set_state(store, until_key, pipes->until, error);
}
