/*
 * store_write - a batch of counts, written in one transaction.
 *
 * Counts come sorted by series and minute, so that the trees of the database are walked once.
 */
#include "milter-manager-log-analyzer/store_state.h"

static const int64_t positions_kept = 800 * 86400L; /* longer than anybody keeps logs */

bool store_begin(struct store *store, int64_t now, struct error *error)
{
    store->begun = store_run(store, store_statement(store, STATEMENT_BEGIN, error), error);
    store->now = now;
    return store->begun;
}

void store_count(struct store *store, int64_t time, const struct event_count *count)
{
    pending_add(store->pending, time, count);
}

size_t store_pending(const struct store *store)
{
    return pending_weight(store->pending);
}

void store_forget_before(struct store *store, int64_t before)
{
    size_t count = 0;

    (void)pending_take(store->pending, before, &count);
}

void store_abandon(struct store *store)
{
    pending_forget(store->pending);
    store->names_are_many = false;
    if (store->begun) {
        (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
        store->begun = false;
    }
}

/* ---- series */

/* A new name, where there are too many, is one of the others. */
static bool limit_names(struct store *store, struct pending_series *series, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_NAME_KNOWN, error);
    int64_t known = 0, count = 0;

    if (statement != NULL) {
        (void)sqlite3_bind_text(statement, 1, series->name, -1, SQLITE_STATIC);
    }
    if (!store_number(store, statement, &known, error)) {
        return false;
    }
    if (known != 0 || series->name[0] == '\0') {
        return true;
    }
    if (!store->names_are_many) {
        if (!store_number(store, store_statement(store, STATEMENT_NAME_COUNT, error), &count,
                          error)) {
            return false;
        }
        store->names_are_many = count >= STORE_CHILDREN;
    }
    series->name = store->names_are_many ? STORE_OTHERS : series->name;
    return true;
}

/* By one of both statements; its id stays 0 when it is not there. */
static bool find_or_add(struct store *store, enum store_statement which,
                        struct pending_series *series, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, which, error);
    char number[SERIES_ITEM_NAME];
    int result;

    if (statement == NULL) {
        return false;
    }
    (void)sqlite3_bind_text(statement, 1, series_info(series->kind)->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 2, series->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 3, series_item_name(series->kind, series->item, number), -1,
                            SQLITE_TRANSIENT);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        series->id = sqlite3_column_int64(statement, 0);
    } else if (which == STATEMENT_SERIES_ADD && result == SQLITE_DONE) {
        series->id = sqlite3_last_insert_rowid(store->database);
    }
    return store_finish(store, statement, result, error);
}

static bool find_series(struct store *store, struct pending_series *series, struct error *error)
{
    if (series->id == 0 && !find_or_add(store, STATEMENT_SERIES_FIND, series, error)) {
        return false;
    }
    if (series->id != 0) {
        return true;
    }
    return limit_names(store, series, error) &&
           find_or_add(store, STATEMENT_SERIES_FIND, series, error) &&
           (series->id != 0 || find_or_add(store, STATEMENT_SERIES_ADD, series, error));
}

/* ---- counts */

/* A span of one series that is being added up. */
struct sum {
    int64_t begin;
    int64_t value, peak; /* value 0: nothing yet */
};

struct writer {
    struct store *store;
    const struct pending_series *series;
    struct sum sums[STORE_SPANS];
};

static bool is_kept(const struct store *store, enum store_span span, int64_t time)
{
    int64_t kept = store_span_kept(span);

    return kept == 0 || time >= store->now - kept;
}

static sqlite3_stmt *adding(const struct writer *writer, enum store_span span, int64_t time,
                            int64_t value, struct error *error)
{
    unsigned base = writer->series->gauge ? STATEMENT_LARGEST : STATEMENT_ADD;
    sqlite3_stmt *statement =
        store_statement(writer->store, (enum store_statement)(base + (unsigned)span), error);

    if (statement != NULL) {
        (void)sqlite3_bind_int64(statement, 1, writer->series->id);
        (void)sqlite3_bind_int64(statement, 2, time);
        (void)sqlite3_bind_int64(statement, 3, value);
    }
    return statement;
}

/* total: what the minute comes to, as far as it is known. */
static bool add_minute(const struct writer *writer, int64_t time, int64_t value, int64_t *total,
                       struct error *error)
{
    struct store *store = writer->store;
    sqlite3_stmt *statement;

    *total = value;
    if (!is_kept(store, STORE_MINUTE, time)) {
        return true;
    }
    if (!store_run(store, adding(writer, STORE_MINUTE, time, value, error), error)) {
        return false;
    }
    statement = store_statement(store, STATEMENT_MINUTE_GET, error);
    if (statement != NULL) {
        (void)sqlite3_bind_int64(statement, 1, writer->series->id);
        (void)sqlite3_bind_int64(statement, 2, time);
    }
    return store_number(store, statement, total, error);
}

static bool write_sum(struct writer *writer, enum store_span span, struct error *error)
{
    struct sum *sum = writer->sums + span;
    sqlite3_stmt *statement;

    if (sum->value == 0 || !is_kept(writer->store, span, sum->begin + store_span_seconds(span))) {
        sum->value = 0;
        return true;
    }
    statement = adding(writer, span, sum->begin, sum->value, error);
    if (statement == NULL) {
        return false;
    }
    (void)sqlite3_bind_int64(statement, 4, sum->peak);
    *sum = (struct sum){0};
    return store_run(writer->store, statement, error);
}

static bool add_count(struct writer *writer, const struct pending_count *count, struct error *error)
{
    int64_t time = (int64_t)count->minute * 60;
    int64_t value = (int64_t)count->value;
    int64_t total = 0;

    if (!add_minute(writer, time, value, &total, error)) {
        return false;
    }
    for (enum store_span span = STORE_FIVE_MINUTES; span < STORE_SPANS; span++) {
        struct sum *sum = writer->sums + span;
        int64_t begin = time - time % store_span_seconds(span);

        if (sum->begin != begin && !write_sum(writer, span, error)) {
            return false;
        }
        sum->begin = begin;
        sum->value = !writer->series->gauge ? sum->value + value
                     : total > sum->value   ? total
                                            : sum->value;
        sum->peak = total > sum->peak ? total : sum->peak;
    }
    return true;
}

static bool write_sums(struct writer *writer, struct error *error)
{
    for (enum store_span span = STORE_FIVE_MINUTES; span < STORE_SPANS; span++) {
        if (!write_sum(writer, span, error)) {
            return false;
        }
    }
    return true;
}

static bool write_counts(struct store *store, const struct pending_count *counts, size_t count,
                         struct error *error)
{
    struct writer writer = {.store = store};

    for (size_t i = 0; i < count; i++) {
        if (i == 0 || counts[i].series != counts[i - 1].series) {
            struct pending_series *series = pending_series(store->pending, counts[i].series);

            if (!write_sums(&writer, error) || !find_series(store, series, error)) {
                return false;
            }
            writer.series = series;
        }
        if (!add_count(&writer, counts + i, error)) {
            return false;
        }
    }
    return write_sums(&writer, error);
}

bool store_commit_before(struct store *store, int64_t before, struct error *error)
{
    size_t count = 0;
    const struct pending_count *counts = pending_take(store->pending, before, &count);

    if (!write_counts(store, counts, count, error) ||
        !store_run(store, store_statement(store, STATEMENT_COMMIT, error), error)) {
        store_abandon(store);
        return false;
    }
    store->begun = false;
    pending_trim(store->pending);
    return true;
}

bool store_commit(struct store *store, struct error *error)
{
    return store_commit_before(store, INT64_MAX, error);
}

bool store_prune(struct store *store, int64_t now, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_FILE_PRUNE, error);

    if (statement != NULL) {
        (void)sqlite3_bind_int64(statement, 1, now - positions_kept);
    }
    if (!store_run(store, statement, error)) {
        return false;
    }
    for (unsigned span = 0; span < STORE_SPANS; span++) {
        int64_t kept = store_span_kept((enum store_span)span);

        if (kept == 0) {
            continue;
        }
        statement = store_statement(store, (enum store_statement)(STATEMENT_PRUNE + span), error);
        if (statement == NULL) {
            return false;
        }
        (void)sqlite3_bind_int64(statement, 1,
                                 now - kept - store_span_seconds((enum store_span)span));
        if (!store_run(store, statement, error)) {
            return false;
        }
    }
    return true;
}
