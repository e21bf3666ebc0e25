/*
 * palette - the colours of items, in the order of their table, and behind them the free ones.
 */
#include "milter-manager-log-analyzer/palette.h"

static const struct palette_colour free_colours[PALETTE_FREE] = {
    {"#0072b2", "#56a8e0"}, {"#d55e00", "#f0883e"}, {"#009e73", "#2fc495"}, {"#cc79a7", "#e59bc4"},
    {"#b58900", "#f0c040"}, {"#56b4e9", "#9fdcff"}, {"#7a4fa3", "#b08ad6"}, {"#7d858f", "#9aa3ae"},
};

static unsigned items_of(enum series_kind kind)
{
    const struct series_info *info = series_info(kind);

    return info->items != NULL ? (unsigned)info->item_count : 0;
}

unsigned palette_item(enum series_kind kind, unsigned item)
{
    unsigned number = 1 + item;

    for (enum series_kind before = 0; before < kind; before++) {
        number += items_of(before);
    }
    return number;
}

unsigned palette_free(unsigned number)
{
    return palette_item(SERIES_KINDS, number);
}

unsigned palette_end(void)
{
    return palette_free(PALETTE_FREE);
}

struct palette_colour palette_colour(unsigned colour)
{
    unsigned item = colour - 1;

    for (enum series_kind kind = 0; kind < SERIES_KINDS; kind++) {
        const struct series_info *info = series_info(kind);

        if (item < items_of(kind)) {
            return (struct palette_colour){info->items[item].light, info->items[item].dark};
        }
        item -= items_of(kind);
    }
    return free_colours[item % PALETTE_FREE];
}
