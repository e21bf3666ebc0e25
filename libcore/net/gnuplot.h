/*
 * gnuplot - a plot as the content of an SVG element, drawn by a child process.
 */
#ifndef LIBCORE_NET_GNUPLOT_H
#define LIBCORE_NET_GNUPLOT_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/*
 * Runs gnuplot, found by PATH, without a shell and without the user's own settings, on the
 * script; appends what it writes.  False with *error when it cannot be run, fails, or says
 * nothing for half a minute.  Waits; not for the event loop.
 */
bool gnuplot_run(struct slice script, struct buffer *output, struct error *error);

/*
 * Appends what stands within the SVG element that gnuplot has written, so that it can be part of
 * a page beside others: black and grey become var(--text) and var(--grid), the colour 0x0000NN
 * var(--cN), the names of its parts begin with prefix.  False with *error: it is no whole one.
 */
bool gnuplot_embed(struct slice svg, const char *prefix, struct buffer *html, struct error *error);

#endif
