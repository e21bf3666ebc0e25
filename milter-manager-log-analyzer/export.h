/*
 * export - the numbers for other programs: CSV or JSON on standard output.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_EXPORT_H
#define MILTER_MANAGER_LOG_ANALYZER_EXPORT_H

#include "milter-manager-log-analyzer/store.h"

enum export_format { EXPORT_CSV, EXPORT_JSON };

/*
 * Rows "time,span,kind,name,item,value,peak" from the finest span that holds since to until; time
 * in UTC.  since 0: from the oldest; until 0: to the newest.  JSON: an array of objects.
 */
bool export_write(struct store *store, enum export_format format, int64_t now, int64_t since,
                  int64_t until, struct error *error);

#endif
