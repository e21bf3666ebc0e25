/*
 * memory_profile - how much memory the process uses.
 *
 * Asks the system and the allocator, so a figure that neither knows is left out.
 */
#include "milter-test-client/memory_profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { FIGURES = 5 };

struct figure {
    const char *name;
    unsigned long kilobytes;
    bool known;
    bool detail;
};

/* False where the system does not say. */
static bool resident_kilobytes(unsigned long *kilobytes)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    bool found = false;

    while (status != NULL && !found && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            *kilobytes = strtoul(line + 6, NULL, 10);
            found = true;
        }
    }
    if (status != NULL) {
        (void)fclose(status);
    }
    return found;
}

static void take_figures(struct figure figures[FIGURES])
{
    figures[0].name = "rss";
    figures[0].known = resident_kilobytes(&figures[0].kilobytes);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 info = mallinfo2();

    figures[1] = (struct figure){"allocated", (info.uordblks + info.hblkhd) / 1024, true, false};
    figures[2] = (struct figure){"arena", info.arena / 1024, true, true};
    figures[3] = (struct figure){"mmapped", info.hblkhd / 1024, true, true};
    figures[4] = (struct figure){"free", info.fordblks / 1024, true, true};
#endif
}

static bool wants_details(void)
{
    const char *value = getenv("MILTER_MEMORY_PROFILE");

    return value != NULL && strcmp(value, "yes") == 0;
}

static void append_head(struct buffer *output, bool json)
{
    struct timespec now;

    if (!json) {
        buffer_append_string(output, "memory:");
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    buffer_append_format(output, "{\"time\": %lld.%06ld, \"event\": \"memory\"",
                         (long long)now.tv_sec, now.tv_nsec / 1000);
}

static void append_figures(struct buffer *output, const struct figure *figures, bool detail,
                           bool json)
{
    for (size_t i = 0; i < FIGURES; i++) {
        if (figures[i].known && figures[i].detail == detail) {
            buffer_append_format(output, json ? ", \"%s_kb\": %lu" : " %s=%luKB", figures[i].name,
                                 figures[i].kilobytes);
        }
    }
}

void memory_profile_append(struct buffer *output, unsigned long sessions, bool json)
{
    struct figure figures[FIGURES] = {0};

    take_figures(figures);
    append_head(output, json);
    append_figures(output, figures, false, json);
    buffer_append_format(output, json ? ", \"sessions\": %lu" : " sessions=%lu", sessions);
    if (wants_details()) {
        append_figures(output, figures, true, json);
    }
    buffer_append_string(output, json ? "}\n" : "\n");
}
