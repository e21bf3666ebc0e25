/*
 * store_read - the numbers, read.
 */
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/store_state.h"

#include <stdlib.h>
#include <string.h>

/* For statements that are made for one call. */
static sqlite3_stmt *prepare(const struct store *store, const char *text, struct error *error)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(store->database, text, -1, &statement, NULL) != SQLITE_OK) {
        store_failed(store, error);
    }
    return statement;
}

static bool close_statement(const struct store *store, sqlite3_stmt *statement, int result,
                            struct error *error)
{
    bool good = store_finish(store, statement, result, error);

    (void)sqlite3_finalize(statement);
    return good;
}

static bool find_kind(const char *name, enum series_kind *kind)
{
    for (unsigned i = 0; i < SERIES_KINDS; i++) {
        if (strcmp(series_info((enum series_kind)i)->name, name) == 0) {
            *kind = (enum series_kind)i;
            return true;
        }
    }
    return false;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text == NULL ? "" : text;
}

/* Rows of series this program does not know are left out: they are of another version. */
static void give_row(sqlite3_stmt *statement, store_row_fn *row, void *owner)
{
    struct store_row found = {
        .name = text_of(statement, 1),
        .time = sqlite3_column_int64(statement, 3),
        .value = (uint64_t)sqlite3_column_int64(statement, 4),
        .peak = (uint64_t)sqlite3_column_int64(statement, 5),
    };

    if (find_kind(text_of(statement, 0), &found.kind) &&
        series_item_find(found.kind, slice_from_string(text_of(statement, 2)), &found.item)) {
        row(owner, &found);
    }
}

bool store_read(struct store *store, enum store_span span, enum series_kind kind, const char *name,
                int64_t from, int64_t until, store_row_fn *row, void *owner, struct error *error)
{
    /* CROSS JOIN: series outside, so that the order is that of the indexes. */
    char *text = memory_format("SELECT kind, name, item, time, value, %s FROM series CROSS JOIN %s "
                               "ON series = id WHERE time >= ?1 AND time < ?2%s%s "
                               "ORDER BY kind, name, item, time",
                               span == STORE_MINUTE ? "value" : "peak", store_span_name(span),
                               kind == SERIES_KINDS ? "" : " AND kind = ?3",
                               name == NULL ? "" : " AND name = ?4");
    sqlite3_stmt *statement = prepare(store, text, error);
    int result;

    free(text);
    if (statement == NULL) {
        return false;
    }
    (void)sqlite3_bind_int64(statement, 1, from);
    (void)sqlite3_bind_int64(statement, 2, until);
    if (kind != SERIES_KINDS) {
        (void)sqlite3_bind_text(statement, 3, series_info(kind)->name, -1, SQLITE_STATIC);
    }
    if (name != NULL) {
        (void)sqlite3_bind_text(statement, 4, name, -1, SQLITE_TRANSIENT);
    }
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        give_row(statement, row, owner);
    }
    return close_statement(store, statement, result, error);
}

bool store_children(struct store *store, struct option_strings *names, struct error *error)
{
    /* The bytes decide the order, not a locale. */
    sqlite3_stmt *statement =
        prepare(store, "SELECT DISTINCT name FROM series WHERE name <> '' ORDER BY name", error);
    int result;

    if (statement == NULL) {
        return false;
    }
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        option_strings_add(names, memory_copy_string(text_of(statement, 0)));
    }
    return close_statement(store, statement, result, error);
}

/* The one number that a statement asks for; 0 when there is none. */
static bool ask_time(const struct store *store, const char *text, int64_t *time,
                     struct error *error)
{
    sqlite3_stmt *statement = prepare(store, text, error);
    int result;

    *time = 0;
    if (statement == NULL) {
        return false;
    }
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *time = sqlite3_column_int64(statement, 0);
    }
    return close_statement(store, statement, result, error);
}

bool store_newest(struct store *store, int64_t *time, struct error *error)
{
    *time = 0;
    for (unsigned span = 0; span < STORE_SPANS && *time == 0; span++) {
        char *text =
            memory_format("SELECT max((SELECT max(time) FROM %s WHERE series = id)) FROM series",
                          store_span_name((enum store_span)span));
        bool good = ask_time(store, text, time, error);

        free(text);
        if (!good) {
            return false;
        }
    }
    return true;
}

bool store_oldest(struct store *store, int64_t *time, struct error *error)
{
    return ask_time(store, "SELECT min((SELECT min(time) FROM day WHERE series = id)) FROM series",
                    time, error);
}
