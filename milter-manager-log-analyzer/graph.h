/*
 * graph - charts drawn by gnuplot.
 *
 * Charts that are added before the next graph_start are drawn together by one gnuplot, beside
 * those started before: while one is busy, the next charts can be made.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_GRAPH_H
#define MILTER_MANAGER_LOG_ANALYZER_GRAPH_H

#include "milter-manager-log-analyzer/chart.h"
#include "milter-manager-log-analyzer/page.h"

struct graphs;

struct graphs *graphs_new(enum graph_format format, int64_t updated);
/* Its number, for graphs_picture. */
size_t graphs_add(struct graphs *graphs, const struct chart *chart);
void graphs_start(struct graphs *graphs);
/* Waits for all.  False with *error: some could not be drawn. */
bool graphs_finish(struct graphs *graphs, struct error *error);
/* The content of a file; empty when it could not be drawn.  Belongs to graphs. */
struct slice graphs_picture(const struct graphs *graphs, size_t number);
void graphs_free(struct graphs *graphs);

#endif
