/*
 * view - the numbers of a range, bin by bin.  Owns its numbers; what has none takes no memory.
 */
#include "milter-manager-log-analyzer/view.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

static size_t item_count(enum series_kind kind)
{
    const struct series_info *info = series_info(kind);

    return info->items != NULL ? info->item_count : LATENCY_BUCKETS;
}

static bool is_gauge(enum series_kind kind, unsigned item)
{
    const struct series_info *info = series_info(kind);

    return info->items != NULL && info->items[item].gauge;
}

/* More than any machine counts in a day: sums of what a damaged database holds stay in their types.
 */
static const uint64_t most = UINT64_C(1) << 44;

static uint64_t within(uint64_t value)
{
    return value < most ? value : most;
}

/* Rows come in order: it is the last one, or a new one. */
static struct view_series *series_of(struct view *view, const struct store_row *row)
{
    struct view_series *last = view->count > 0 ? view->series + view->count - 1 : NULL;

    if (last != NULL && last->kind == row->kind && strcmp(last->name, row->name) == 0) {
        return last;
    }
    view->series = (struct view_series *)memory_resize(view->series, view->count + 1,
                                                       sizeof(struct view_series));
    last = view->series + view->count++;
    last->kind = row->kind;
    last->name = memory_copy_string(row->name);
    last->item_count = item_count(row->kind);
    last->items = (struct view_item *)memory_new(last->item_count, sizeof(struct view_item));
    return last;
}

static void take_row(void *owner, const struct store_row *row)
{
    struct view *view = (struct view *)owner;
    const struct range *range = &view->range;
    uint64_t value = within(row->value), peak = within(row->peak);
    struct view_series *series;
    struct view_item *item;
    double *bin;

    if (row->time < range->from || row->time >= range->until || row->kind >= SERIES_KINDS ||
        row->item >= item_count(row->kind)) {
        return;
    }
    series = series_of(view, row);
    item = series->items + row->item;
    if (item->bins == NULL) {
        item->bins = (double *)memory_new(range->bins, sizeof(double));
    }
    bin = item->bins + (row->time - range->from) / range->step;
    item->total += value;
    item->peak = peak > item->peak ? peak : item->peak;
    if (!is_gauge(row->kind, row->item)) {
        *bin += (double)value;
    } else if ((double)peak > *bin) {
        *bin = (double)peak;
    }
}

bool view_load(struct store *store, const struct range *range, enum series_kind kind,
               struct view *view, struct error *error)
{
    *view = (struct view){.range = *range};
    return store_read(store, range->span, kind, NULL, range->from, range->until, take_row, view,
                      error);
}

void view_clear(struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        for (size_t j = 0; j < view->series[i].item_count; j++) {
            free(view->series[i].items[j].bins);
        }
        free(view->series[i].items);
        free(view->series[i].name);
    }
    free(view->series);
    *view = (struct view){0};
}

const struct view_series *view_find(const struct view *view, enum series_kind kind,
                                    const char *name)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->series[i].kind == kind && strcmp(view->series[i].name, name) == 0) {
            return view->series + i;
        }
    }
    return NULL;
}

static const struct view_item *item_of(const struct view_series *series, const char *item)
{
    static const struct view_item nothing = {0};
    unsigned number;

    if (series == NULL || !series_item_find(series->kind, slice_from_string(item), &number)) {
        return &nothing;
    }
    return series->items + number;
}

uint64_t view_total(const struct view_series *series, const char *item)
{
    return item_of(series, item)->total;
}

uint64_t view_peak(const struct view_series *series, const char *item)
{
    return item_of(series, item)->peak;
}

bool view_is_stacked(enum series_kind kind, size_t item)
{
    const struct series_info *info = series_info(kind);

    return info->items == NULL || (!info->items[item].gauge && !info->items[item].line);
}

uint64_t view_sum(const struct view_series *series)
{
    uint64_t sum = 0;

    for (size_t i = 0; series != NULL && i < series->item_count; i++) {
        sum += view_is_stacked(series->kind, i) ? series->items[i].total : 0;
    }
    return sum;
}

double view_percentile(const struct view_series *series, long bin, double percent)
{
    uint64_t counts[LATENCY_BUCKETS] = {0};

    for (size_t i = 0; series != NULL && i < series->item_count && i < LATENCY_BUCKETS; i++) {
        const struct view_item *item = series->items + i;

        if (bin == VIEW_ALL) {
            counts[i] = item->total;
        } else if (item->bins != NULL) {
            counts[i] = (uint64_t)item->bins[bin];
        }
    }
    return latency_percentile(counts, percent);
}
