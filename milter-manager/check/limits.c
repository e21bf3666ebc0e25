/*
 * limits - the time-outs of Postfix and Sendmail as a table.
 *
 * Children are connected and asked at the same time up to the content, which
 * goes through them one after the other: there their time-outs add up.
 */
#include "milter-manager/check/limits.h"

#include "libcore/base/buffer.h"
#include "milter-manager/config/item.h"

#include <string.h>

struct limit {
    const char *stage;
    const char *items[2]; /* of a child; their sum is one child's time */
    bool in_sequence;     /* the children's times add up; else the longest counts */
    double postfix, sendmail;
    const char *postfix_name, *sendmail_name;
};

static const struct limit limits[] = {
    {"connecting and negotiating",
     {"connection_timeout", "reading_timeout"},
     false,
     30,
     10,
     "milter_connect_timeout",
     "R"},
    {"a command", {"reading_timeout", NULL}, false, 30, 10, "milter_command_timeout", "R"},
    {"the end of a message",
     {"end_of_message_timeout", NULL},
     true,
     300,
     300,
     "milter_content_timeout",
     "E"},
};

struct total {
    double seconds;
    bool chosen;              /* some value is above the default */
    struct location location; /* of one that is */
    struct buffer terms;      /* "a" 297 s + "b" 297 s */
};

static double default_of(const char *item)
{
    return child_items[item_find_child(item)].number;
}

static double child_seconds(const struct check *check, const struct limit *limit, unsigned index,
                            struct total *total)
{
    double seconds = 0;

    for (unsigned i = 0; i < 2 && limit->items[i] != NULL; i++) {
        struct value value = value_nil();
        struct location location =
            configuration_child_location(check->configuration, index, limit->items[i]);

        (void)configuration_child_value(check->configuration, index, limit->items[i], &value);
        seconds += value.number;
        if (location.line > 0 && value.number > default_of(limit->items[i])) {
            total->chosen = true;
            total->location = location;
        }
    }
    return seconds;
}

static void add_term(struct total *total, const char *name, double seconds)
{
    buffer_append_format(&total->terms, "%s\"%s\" %g s",
                         buffer_length(&total->terms) > 0 ? " + " : "", name, seconds);
}

static void sum_up(const struct check *check, const struct limit *limit, struct total *total)
{
    for (unsigned i = 0; i < check->configuration->child_count; i++) {
        const struct configuration_child *child = &check->configuration->children[i];
        struct total one = {0};
        double seconds;

        if (!child->enabled || child->connection_spec == NULL) {
            continue;
        }
        seconds = child_seconds(check, limit, i, &one);
        if (!limit->in_sequence && seconds <= total->seconds) {
            continue;
        }
        if (!limit->in_sequence) {
            buffer_reset(&total->terms);
            total->seconds = 0;
            total->chosen = false;
        }
        add_term(total, child->name, seconds);
        total->seconds += seconds;
        total->chosen |= one.chosen;
        total->location = one.chosen ? one.location : total->location;
    }
}

static void report(struct check *check, const struct limit *limit, const struct total *total)
{
    struct buffer who = {0};
    struct slice terms = buffer_slice(&total->terms);

    if (total->seconds > limit->postfix) {
        buffer_append_format(&who, "Postfix waits %g s (%s)", limit->postfix, limit->postfix_name);
    }
    if (total->seconds > limit->sendmail) {
        buffer_append_format(&who, "%sSendmail %s%g s (%s:)", buffer_length(&who) > 0 ? ", " : "",
                             buffer_length(&who) > 0 ? "" : "waits ", limit->sendmail,
                             limit->sendmail_name);
    }
    if (buffer_length(&who) > 0) {
        struct slice text = buffer_slice(&who);

        findings_add(
            check->findings, total->chosen ? FINDING_WARNING : FINDING_NOTE,
            total->chosen ? total->location : (struct location){0},
            "%s may take %g s (%s%s%s: %.*s); %.*s by default: a milter that hangs makes "
            "it give up first; lower the time-outs%s, or raise the mail server's",
            limit->stage, total->seconds, limit->items[0], limit->items[1] != NULL ? " and " : "",
            limit->items[1] != NULL ? limit->items[1] : "", (int)terms.length, terms.data,
            (int)text.length, text.data, limit->in_sequence ? " so that their sum fits" : "");
    }
    buffer_clear(&who);
}

void limits_check(struct check *check)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct total total = {0};

        sum_up(check, &limits[i], &total);
        report(check, &limits[i], &total);
        buffer_clear(&total.terms);
    }
}
