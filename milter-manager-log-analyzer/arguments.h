/*
 * arguments - the command line (tools.md section 5).
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_ARGUMENTS_H
#define MILTER_MANAGER_LOG_ANALYZER_ARGUMENTS_H

#include "milter-manager-log-analyzer/export.h"
#include "milter-manager-log-analyzer/page.h"

struct arguments {
    struct option_strings logs; /* patterns; "-": standard input */
    const char *directory;
    const char *title; /* NULL: none was given */
    bool update;
    bool follow;
    bool quiet;
    bool exports;
    enum export_format export_format;
    enum graph_format format;
    int64_t now;
    int64_t since, until; /* seconds since 1970; 0: not given */
};

/* Any outcome but OPTIONS_RUN: all has been said already. */
enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv);
void arguments_clear(struct arguments *arguments);

#endif
