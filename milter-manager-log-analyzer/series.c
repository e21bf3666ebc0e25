/*
 * series - the table of what is counted, and latency buckets.
 *
 * Pure functions.  The colours are about those of Okabe and Ito, lighter or darker so that areas
 * that lie on each other look different (CIE76 distance 25 or more) also to people who see no red,
 * no green or no blue, as Machado, Oliveira and Fernandes compute it.
 */
#include "milter-manager-log-analyzer/series.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define AREA(name, label, light, dark)                                                             \
    {                                                                                              \
        name, label, light, dark, false, false                                                     \
    }
#define LINE(name, label, light, dark)                                                             \
    {                                                                                              \
        name, label, light, dark, false, true                                                      \
    }
#define GAUGE(name, label, light, dark)                                                            \
    {                                                                                              \
        name, label, light, dark, true, true                                                       \
    }

#define ITEMS(table) (table), sizeof(table) / sizeof((table)[0])

static const struct series_item session_items[] = {
    LINE("smtp", "SMTP", "#000000", "#ffffff"),
    LINE("child", "Milters", "#0072b2", "#56b4e9"),
    LINE("disconnected", "Disconnected", "#d55e00", "#e8730f"),
    GAUGE("concurrent", "Concurrent", "#999999", "#8a8a8a"),
};

#define STATUSES                                                                                   \
    AREA("pass", "Pass", "#2f6fb5", "#4a7fd0"), AREA("accept", "Accept", "#b8e2fb", "#b8e2fb"),    \
        AREA("reject", "Reject", "#c0392b", "#b84300"),                                            \
        AREA("discard", "Discard", "#f0e442", "#f7e08c"),                                          \
        AREA("temporary-failure", "Temp-Fail", "#767676", "#8a8a8a"),                              \
        AREA("quarantine", "Quarantine", "#c98a00", "#c98a00"),                                    \
        AREA("abort", "Abort", "#4b2e83", "#6a3d9a"),                                              \
        AREA("error", "Error", "#e3a2c6", "#e3a2c6"),

static const struct series_item status_items[] = {STATUSES};
static const struct series_item milter_status_items[] = {
    STATUSES AREA("stop", "Stop", "#00483a", "#00604a"),
};

static const struct series_item report_items[] = {
    AREA("spam", "spam", "#c0392b", "#a33b00"),
    AREA("virus", "virus", "#f7e08c", "#d9c400"),
    AREA("uribl", "uribl", "#4b2e83", "#8c3f6f"),
    AREA("greylisting-pass", "greylisting-pass", "#b5b5b5", "#d5d5d5"),
    AREA("spf-pass", "SPF-pass", "#00483a", "#00604a"),
    AREA("spf-fail", "SPF-fail", "#f2b8a0", "#ffd2be"),
    AREA("sender-id-pass", "Sender ID-pass", "#007a5c", "#007a5c"),
    AREA("sender-id-fail", "Sender ID-fail", "#c98a00", "#c98a00"),
    AREA("dkim-pass", "DKIM-pass", "#1f5fa8", "#4a7fd0"),
    AREA("dkim-fail", "DKIM-fail", "#d9c400", "#f0e442"),
    AREA("dkim-adsp-pass", "DKIM ADSP-pass", "#7cc8f2", "#8fd3ff"),
    AREA("dkim-adsp-fail", "DKIM ADSP-fail", "#7a3300", "#8a5a2b"),
    AREA("tarpitting-pass", "tarpitting-pass", "#e4d9f5", "#b39ddb"),
};

/* What happened, then what it led to, then how many failures in a row there have been. */
static const struct series_item failure_items[] = {
    AREA("connection", "Not reached", "#d55e00", "#b84300"),
    AREA("connection-timeout", "Late: connecting", "#f7e08c", "#f7e08c"),
    AREA("writing-timeout", "Late: writing", "#8c3f6f", "#6a3d9a"),
    AREA("reading-timeout", "Late: answering", "#f2b134", "#e69f00"),
    AREA("end-of-message-timeout", "Late: final answer", "#1f5fa8", "#4a7fd0"),
    AREA("closed", "Connection lost", "#8fd3ff", "#8fd3ff"),
    AREA("protocol", "Protocol", "#cc79a7", "#cc79a7"),
    AREA("error", "Other", "#00483a", "#00604a"),
    AREA("untold", "Told as a number", "#c4c4c4", "#d5d5d5"),
    LINE("accept", "Fallback: accept", "#56b4e9", "#56b4e9"),
    LINE("temporary-failure", "Fallback: Temp-Fail", "#000000", "#ffffff"),
    LINE("reject", "Fallback: reject", "#d55e00", "#e8730f"),
    LINE("discard", "Fallback: discard", "#5b2a4c", "#cc79a7"),
    GAUGE("down", "Failures since it is down", "#999999", "#f0e442"),
};

static const struct series_item memory_items[] = {
    {"memory", "Memory", "#0072b2", "#56b4e9", true, false},
};

static const struct series_info infos[SERIES_KINDS] = {
    [SERIES_SESSION] = {"session", "Sessions", "sessions/min", false, ITEMS(session_items)},
    [SERIES_STATUS] = {"status", "milter manager: status", "sessions/min", false,
                       ITEMS(status_items)},
    [SERIES_REPORT] = {"report", "milter manager: report", "mails/min", false, ITEMS(report_items)},
    [SERIES_LATENCY] = {"latency", "milter manager: latency", "seconds", false, NULL,
                        LATENCY_BUCKETS},
    [SERIES_MILTER_STATUS] = {"milter-status", "milter: status", "sessions/min", true,
                              ITEMS(milter_status_items)},
    [SERIES_MILTER_REPORT] = {"milter-report", "milter: report", "mails/min", true,
                              ITEMS(report_items)},
    [SERIES_MILTER_LATENCY] = {"milter-latency", "milter: latency", "seconds", true, NULL,
                               LATENCY_BUCKETS},
    [SERIES_MILTER_FAILURE] = {"milter-failure", "milter: failures", "failures/min", true,
                               ITEMS(failure_items)},
    [SERIES_MEMORY] = {"memory", "milter manager: memory", "KB", false, ITEMS(memory_items)},
};

const struct series_info *series_info(enum series_kind kind)
{
    return &infos[kind];
}

const char *series_item_name(enum series_kind kind, unsigned item, char number[SERIES_ITEM_NAME])
{
    if (infos[kind].items != NULL) {
        return infos[kind].items[item].name;
    }
    snprintf(number, SERIES_ITEM_NAME, "b%u", item);
    return number;
}

/* "b0" to "b103", without zeros in front. */
static bool bucket_find(struct slice name, unsigned *bucket)
{
    if (name.length < 2 || name.length > 4 || (name.data[0] | 0x20) != 'b' ||
        (name.data[1] == '0' && name.length > 2)) {
        return false;
    }
    *bucket = 0;
    for (size_t i = 1; i < name.length; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
        *bucket = *bucket * 10 + (unsigned)(name.data[i] - '0');
    }
    return *bucket < LATENCY_BUCKETS;
}

bool series_item_find(enum series_kind kind, struct slice name, unsigned *item)
{
    const struct series_info *info = &infos[kind];

    if (info->items == NULL) {
        return bucket_find(name, item);
    }
    for (unsigned i = 0; i < info->item_count; i++) {
        const char *own = info->items[i].name;

        if (name.length > 0 && own[0] == (name.data[0] | 0x20) && strlen(own) == name.length &&
            strncasecmp(own, name.data, name.length) == 0) {
            *item = i;
            return true;
        }
    }
    return false;
}

/* ---- latency */

static const double latency_shortest = 0.001 / 16, latency_longest = 3600;

double latency_bucket_limit(unsigned bucket)
{
    return bucket + 1 >= LATENCY_BUCKETS ? latency_longest : latency_shortest * exp2(bucket / 4.0);
}

unsigned latency_bucket(double seconds)
{
    /* 2^(1/4), 2^(2/4), 2^(3/4), halved as frexp has numbers from a half to one */
    static const double quarters[] = {0.5, 0.59460355750136051, 0.70710678118654757,
                                      0.84089641525371450};
    int exponent;

    if (!(seconds > latency_shortest)) {
        return 0;
    }
    if (seconds >= latency_longest) {
        return LATENCY_BUCKETS - 1;
    }
    double fraction = frexp(seconds / latency_shortest, &exponent);
    unsigned bucket = ((unsigned)exponent - 1) * 4;
    for (unsigned i = 0; i < 4; i++) {
        bucket += fraction > quarters[i];
    }
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

double latency_percentile(const uint64_t counts[LATENCY_BUCKETS], double percent)
{
    double total = 0, before = 0, lower = 0;

    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        total += (double)counts[i];
    }
    double wanted = total * percent / 100;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        double upper = latency_bucket_limit(i), count = (double)counts[i];

        if (count > 0 && before + count >= wanted) {
            return lower + (upper - lower) * (wanted > before ? (wanted - before) / count : 0);
        }
        before += count;
        lower = upper;
    }
    return 0;
}
