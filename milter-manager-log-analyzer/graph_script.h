/*
 * graph_script - what gnuplot is to do for a chart.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_GRAPH_SCRIPT_H
#define MILTER_MANAGER_LOG_ANALYZER_GRAPH_SCRIPT_H

#include "milter-manager-log-analyzer/chart.h"
#include "milter-manager-log-analyzer/page.h"

#include "libcore/base/buffer.h"

/* Of the drawing in SVG, which has no text; a page gives it the width there is. */
enum { GRAPH_WIDTH = 720, GRAPH_HEIGHT = 200 };

/*
 * Appends the commands for one picture on standard output, after which others may follow: an SVG
 * of lines and areas in the colours that gnuplot_embed knows, or a PNG with axes, title and
 * legend (tools.md section 5.4).  updated: seconds since 1970, for that legend.
 */
void graph_script(struct buffer *script, const struct chart *chart, enum graph_format format,
                  int64_t updated);
/* Width and height of the picture in pixels. */
void graph_size(const struct chart *chart, enum graph_format format, unsigned size[2]);

#endif
