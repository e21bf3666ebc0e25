/*
 * child_states - whether each child answers, as a family of metrics.  Owns nothing.
 */
#include "milter-manager/control/child_states.h"

#include "milter-manager/control/status.h"
#include "milter-manager/control/tally.h"

#include <string.h>

/* 1 or 0; negative: nobody knows. */
static int child_state(const json_t *reports, const char *child)
{
    const char *state = json_string_value(json_object_get(status_latest(reports, child), "state"));

    return state == NULL ? -1 : strcmp(state, "up") == 0 ? 1 : strcmp(state, "down") == 0 ? 0 : -1;
}

void child_states_write(struct buffer *text, enum exposition_format format,
                        const struct configuration *configuration, const json_t *reports)
{
    static const struct exposition_family family = {
        EXPOSITION_GAUGE, "milter_manager_child_up", NULL,
        "Whether the child answers; absent while nobody has needed it."};

    exposition_begin(text, format, &family);
    for (unsigned i = 0; i < configuration->child_count; i++) {
        int state = child_state(reports, configuration->children[i].name);
        const struct exposition_label labels[] = {{"child", configuration->children[i].name}, {0}};

        /* Those that are counted together have no state in common. */
        if (state >= 0 && tally_is_named(labels[0].value)) {
            exposition_count(text, &family, NULL, labels, (uint64_t)state);
        }
    }
}
