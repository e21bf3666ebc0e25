/*
 * file_records - what became of each mail file.
 */
#include "milter-performance-check/file_records.h"

enum { SLOWEST = 10 }; /* files that are listed */

void file_records_note(struct file_record *records, const struct mail_result *result)
{
    struct file_record *record;
    uint64_t elapsed = result->ended > result->due ? result->ended - result->due : 1;

    if (result->file == MAILS_NO_FILE) {
        return;
    }
    record = records + result->file;
    if (elapsed > record->slowest) {
        record->slowest = elapsed;
    }
    record->rejected += result->outcome == OUTCOME_REJECT ? 1 : 0;
    record->temporarily_failed += result->outcome == OUTCOME_TEMPORARY_FAILURE ? 1 : 0;
}

void file_records_merge(struct file_record *records, const struct file_record *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (others[i].slowest > records[i].slowest) {
            records[i].slowest = others[i].slowest;
        }
        records[i].rejected += others[i].rejected;
        records[i].temporarily_failed += others[i].temporarily_failed;
    }
}

/* Puts the file where it belongs among the slowest so far; returns how many there are. */
static size_t insert(size_t slowest[SLOWEST], size_t count, const struct file_record *records,
                     size_t file)
{
    size_t place = count;

    while (place > 0 && records[slowest[place - 1]].slowest < records[file].slowest) {
        place--;
    }
    if (place == SLOWEST) {
        return count;
    }
    count = count < SLOWEST ? count + 1 : SLOWEST;
    for (size_t i = count - 1; i > place; i--) {
        slowest[i] = slowest[i - 1];
    }
    slowest[place] = file;
    return count;
}

static void append_slowest(struct buffer *output, const struct file_record *records,
                           const struct mails *mails)
{
    size_t slowest[SLOWEST] = {0};
    size_t count = 0;

    for (size_t file = 0; file < mails_file_count(mails); file++) {
        if (records[file].slowest > 0) {
            count = insert(slowest, count, records, file);
        }
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(output, "%5.2f (sec): %s\n", (double)records[slowest[i]].slowest / 1e9,
                             mails_file_name(mails, slowest[i]));
    }
    if (count > 0) {
        buffer_append_byte(output, '\n');
    }
}

static uint64_t rejected(const struct file_record *record)
{
    return record->rejected;
}

static uint64_t temporarily_failed(const struct file_record *record)
{
    return record->temporarily_failed;
}

static void append_list(struct buffer *output, const char *title,
                        uint64_t (*count_of)(const struct file_record *record),
                        const struct file_record *records, const struct mails *mails)
{
    bool any = false;

    for (size_t file = 0; file < mails_file_count(mails); file++) {
        if (count_of(records + file) > 0) {
            buffer_append_format(output, "%s%s\n", any ? "" : title, mails_file_name(mails, file));
            any = true;
        }
    }
    if (any) {
        buffer_append_byte(output, '\n');
    }
}

void file_records_append(struct buffer *output, const struct file_record *records,
                         const struct mails *mails)
{
    append_slowest(output, records, mails);
    append_list(output, "Rejected mails:\n", rejected, records, mails);
    append_list(output, "Temporary failed mails:\n", temporarily_failed, records, mails);
}
