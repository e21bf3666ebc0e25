/*
 * graph - charts drawn by gnuplot.
 *
 * Starting gnuplot takes as long as three pictures: one draws many.  A thread waits for each; it
 * touches nothing but its batch.
 */
#include "milter-manager-log-analyzer/graph.h"

#include "libcore/base/memory.h"
#include "libcore/net/gnuplot.h"
#include "milter-manager-log-analyzer/graph_script.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES = 16 };

struct batch {
    size_t first, count; /* of pictures */
    struct buffer script, output;
    struct error error;
    pthread_t thread;
    bool threaded, drawn;
};

struct graphs {
    enum graph_format format;
    int64_t updated;
    struct batch batches[BATCHES];
    size_t batch; /* where charts are added now */
    struct slice *pictures;
    size_t count;
};

struct graphs *graphs_new(enum graph_format format, int64_t updated)
{
    struct graphs *graphs = NEW(struct graphs);

    graphs->format = format;
    graphs->updated = updated;
    return graphs;
}

size_t graphs_add(struct graphs *graphs, const struct chart *chart)
{
    struct batch *batch = graphs->batches + graphs->batch;

    graph_script(&batch->script, chart, graphs->format, graphs->updated);
    batch->first = batch->count == 0 ? graphs->count : batch->first;
    batch->count++;
    graphs->pictures =
        (struct slice *)memory_resize(graphs->pictures, graphs->count + 1, sizeof(struct slice));
    graphs->pictures[graphs->count] = slice_of(NULL, 0);
    return graphs->count++;
}

static void *draw(void *owner)
{
    struct batch *batch = (struct batch *)owner;

    batch->drawn = gnuplot_run(buffer_slice(&batch->script), &batch->output, &batch->error);
    return NULL;
}

void graphs_start(struct graphs *graphs)
{
    struct batch *batch = graphs->batches + graphs->batch;

    if (batch->count == 0 || graphs->batch + 1 == BATCHES) {
        return; /* the last one is drawn by graphs_finish */
    }
    batch->threaded = pthread_create(&batch->thread, NULL, draw, batch) == 0;
    graphs->batch++;
}

/* ---- one picture after the other in what gnuplot wrote */

/* Bytes of the SVG at the front, 0: none. */
static size_t svg_length(struct slice output)
{
    static const char end[] = "</svg>";
    const char *last = memmem(output.data, output.length, end, strlen(end));

    return last != NULL ? (size_t)(last - output.data) + strlen(end) : 0;
}

/* The same of a PNG: chunks of length, name, data and checksum, the last is IEND (RFC 2083). */
static size_t png_length(struct slice output)
{
    enum { SIGNATURE = 8, AROUND = 12 };
    size_t at = SIGNATURE;

    while (at + AROUND <= output.length) {
        const unsigned char *chunk = (const unsigned char *)output.data + at;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 |
                        (size_t)chunk[3];

        if (length > output.length - at - AROUND) {
            return 0;
        }
        at += length + AROUND;
        if (memcmp(chunk + 4, "IEND", 4) == 0) {
            return at;
        }
    }
    return 0;
}

static bool split(struct graphs *graphs, const struct batch *batch, struct error *error)
{
    struct slice rest = buffer_slice(&batch->output);

    for (size_t i = 0; i < batch->count; i++) {
        size_t length = rest.length == 0              ? 0
                        : graphs->format == GRAPH_SVG ? svg_length(rest)
                                                      : png_length(rest);

        if (length == 0) {
            error_set(error, ERROR_SYSTEM,
                      "gnuplot drew %zu of %zu graphs; try it with another version", i,
                      batch->count);
            return false;
        }
        graphs->pictures[batch->first + i] = slice_of(rest.data, length);
        slice_skip(&rest, length);
    }
    return true;
}

bool graphs_finish(struct graphs *graphs, struct error *error)
{
    bool ok = true;

    for (size_t i = 0; i < BATCHES; i++) {
        struct batch *batch = graphs->batches + i;

        if (batch->count == 0) {
            continue;
        }
        if (batch->threaded) {
            (void)pthread_join(batch->thread, NULL);
        } else {
            (void)draw(batch);
        }
        buffer_clear(&batch->script);
        if (!batch->drawn) {
            error_set(error, batch->error.code, "%s", batch->error.message);
        }
        ok = split(graphs, batch, error) && batch->drawn && ok;
    }
    return ok;
}

struct slice graphs_picture(const struct graphs *graphs, size_t number)
{
    return graphs->pictures[number];
}

void graphs_free(struct graphs *graphs)
{
    for (size_t i = 0; i < BATCHES; i++) {
        buffer_clear(&graphs->batches[i].script);
        buffer_clear(&graphs->batches[i].output);
    }
    free(graphs->pictures);
    free(graphs);
}
