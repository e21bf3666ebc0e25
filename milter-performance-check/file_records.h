/*
 * file_records - what became of each mail file: for the lists in front of the
 * report (tools.md section 3).
 *
 * In memory shared with the workers; each worker has its own.
 */
#ifndef MILTER_PERFORMANCE_CHECK_FILE_RECORDS_H
#define MILTER_PERFORMANCE_CHECK_FILE_RECORDS_H

#include "libcore/base/buffer.h"
#include "milter-performance-check/mails.h"
#include "milter-performance-check/measurement.h"

struct file_record {
    uint64_t slowest; /* nanoseconds; 0: no mail of it has ended */
    uint64_t rejected;
    uint64_t temporarily_failed;
};

/* Nothing for a mail that was made up. */
void file_records_note(struct file_record *records, const struct mail_result *result);
void file_records_merge(struct file_record *records, const struct file_record *others,
                        size_t count);
/*
 * The ten slowest, "Rejected mails:", "Temporary failed mails:", each followed by an
 * empty line; what is empty is left out.
 */
void file_records_append(struct buffer *output, const struct file_record *records,
                         const struct mails *mails);

#endif
