/*
 * event_failure - failures of children and what they led to.
 *
 * A child that is down fails for every session, but is told of once, then hourly, and at the end
 * with how often it failed: that number counts then ("untold"), and while it grows it is a gauge.
 */
#include "milter-manager-log-analyzer/event_failure.h"

#include "milter-manager-log-analyzer/scan.h"

/* Causes, as the manager words them. */
static const struct failure_sentence {
    struct slice words;
    const char *item;
    unsigned ends; /* how many ": " stand behind the words, the one in front of the name included */
    bool quotes;   /* what a peer said stands there in quotes */
} sentences[] = {
    {SLICE_LITERAL(" (end_of_message_timeout)"), "end-of-message-timeout", 1, false},
    {SLICE_LITERAL(" (reading_timeout)"), "reading-timeout", 1, false},
    {SLICE_LITERAL(" timed out: nothing was taken for "), "writing-timeout", 1, false},
    {SLICE_LITERAL(" timed out after "), "connection-timeout", 1, false},
    {SLICE_LITERAL(" refused: "), "connection", 1, false},
    {SLICE_LITERAL(" failed: "), "connection", 1, false},
    {SLICE_LITERAL("connection closed by "), "closed", 1, false},
    {SLICE_LITERAL("failed to read from "), "closed", 2, false},
    {SLICE_LITERAL("failed to write to "), "closed", 2, false},
    {SLICE_LITERAL("the command is out of order for this child"), "protocol", 1, false},
    {SLICE_LITERAL("modification requests for one message"), "protocol", 1, false},
    {SLICE_LITERAL("discard is no answer there"), "protocol", 1, false},
    {SLICE_LITERAL(" although no reply is owed"), "protocol", 1, false},
    {SLICE_LITERAL(" is no answer to "), "protocol", 1, false},
    {SLICE_LITERAL("skip was not negotiated"), "protocol", 1, false},
    {SLICE_LITERAL("unknown reply "), "protocol", 1, false},
    {SLICE_LITERAL("malformed "), "protocol", 1, false},
    {SLICE_LITERAL("packet of "), "protocol", 1, false},
    {SLICE_LITERAL("the peer speaks "), "protocol", 1, false},
    {SLICE_LITERAL("macro lists of "), "protocol", 1, false},
    {SLICE_LITERAL("negotiation of "), "protocol", 1, false},
    {SLICE_LITERAL("negotiated version "), "protocol", 1, false},
    {SLICE_LITERAL(" of the milter protocol is not supported"), "protocol", 1, false},
    {SLICE_LITERAL("followed by a text, but was \""), "protocol", 1, true},
};

void event_add(struct event *event, enum series_kind kind, struct slice name, unsigned item,
               uint64_t value)
{
    for (size_t i = 0; i < event->count; i++) {
        struct event_count *count = &event->counts[i];

        if (count->kind == kind && count->item == item) { /* a record is about one child at most */
            count->value += value;
            return;
        }
    }
    if (event->count < EVENT_COUNTS) {
        event->counts[event->count++] = (struct event_count){kind, name, item, value};
    }
}

static void add_failure(struct event *event, struct slice name, struct slice item, uint64_t value)
{
    unsigned found;

    if (value > 0 && series_item_find(SERIES_MILTER_FAILURE, item, &found)) {
        event_add(event, SERIES_MILTER_FAILURE, name, found, value);
    }
}

static void add_failure_word(struct event *event, struct slice name, const char *item,
                             uint64_t value)
{
    add_failure(event, name, slice_from_string(item), value);
}

/* ---- where names begin */

/* Takes everything up to and with the words; false, rest untouched: they are not there. */
static bool take_through(struct slice *rest, struct slice words)
{
    const char *found = memmem(rest->data, rest->length, words.data, words.length);

    if (found == NULL) {
        return false;
    }
    scan_skip(rest, (size_t)(found - rest->data) + words.length);
    return true;
}

#define TAKE_THROUGH(rest, literal) take_through((rest), (struct slice)SLICE_LITERAL(literal))

/* The sentence whose words come first, as a child's name may hold those of another. */
static const struct failure_sentence *sentence_find(struct slice text, struct slice *behind)
{
    const struct failure_sentence *first = NULL;

    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        struct slice rest = text;

        if (take_through(&rest, sentences[i].words) &&
            (first == NULL ||
             rest.data - sentences[i].words.length < behind->data - first->words.length)) {
            first = &sentences[i];
            *behind = rest;
        }
    }
    return first;
}

static struct slice behind_last_colon(struct slice text)
{
    for (size_t i = text.length; i >= 2; i--) {
        if (text.data[i - 2] == ':' && text.data[i - 1] == ' ') {
            return slice_of(text.data + i, text.length - i);
        }
    }
    return slice_of("", 0);
}

/* text: "CAUSE: NAME". */
static struct slice cause_read(struct slice text, const char **item)
{
    struct slice rest = text;
    const struct failure_sentence *sentence = sentence_find(text, &rest);
    bool ends = sentence != NULL;

    for (unsigned i = 0; ends && i < sentence->ends; i++) {
        ends = sentence->quotes ? TAKE_THROUGH(&rest, "\": ") : TAKE_THROUGH(&rest, ": ");
    }
    if (sentence != NULL) {
        *item = sentence->item;
    }
    return ends ? rest : behind_last_colon(text);
}

/* ---- lines */

/* "[STATE][FALLBACK] [TAG] " of failures; some have no fallback. */
static void take_brackets(struct slice *rest, struct slice *fallback)
{
    struct slice word, text = *rest;

    *fallback = slice_of("", 0);
    while (scan_byte(&text, '[') && scan_until(&text, ']', &word)) {
        *fallback = word;
        *rest = text;
    }
    if (SCAN(rest, " [") && scan_until(rest, ']', &word)) {
        (void)scan_byte(rest, ' ');
    }
}

static struct slice name_of(const struct log_record *record, struct slice name)
{
    return record->child.length > 0 ? record->child : name;
}

/* item: what the brackets said, NULL: nothing. */
static void read_failure(const struct log_record *record, struct slice rest, const char *item,
                         struct event *event)
{
    const char *worded = "error";
    struct slice fallback;

    take_brackets(&rest, &fallback);
    struct slice name = name_of(record, cause_read(rest, &worded));
    if (name.length > 0) {
        add_failure_word(event, name, item != NULL ? item : worded, 1);
        add_failure(event, name, fallback, 1);
    }
}

/* "[connection][STATE][FALLBACK] ...": late in what. */
static void read_timeout(const struct log_record *record, struct slice rest, struct event *event)
{
    static const struct {
        struct slice words;
        const char *item;
    } kinds[] = {
        {SLICE_LITERAL("[connection]"), "connection-timeout"},
        {SLICE_LITERAL("[reading]"), "reading-timeout"},
        {SLICE_LITERAL("[writing]"), "writing-timeout"},
        {SLICE_LITERAL("[end-of-message]"), "end-of-message-timeout"},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (scan_text(&rest, kinds[i].words.data, kinds[i].words.length)) {
            read_failure(record, rest, kinds[i].item, event);
            return;
        }
    }
}

/* A reminder is one of the failures whose number it tells. */
static void read_down(const struct log_record *record, struct slice rest, struct event *event)
{
    struct slice fallback, name = rest;
    const char *item = "connection";
    uint64_t count = 1;
    bool first = TAKE_THROUGH(&name, "; further failures are counted until it answers: ");

    if (!first) {
        uint64_t seconds;

        if (!TAKE_THROUGH(&name, "; down for ") || !scan_number(&name, &seconds) ||
            !SCAN(&name, " seconds with ") || !scan_number(&name, &count) ||
            !SCAN(&name, " failures: ")) {
            return;
        }
    }
    name = name_of(record, name);
    if (name.length == 0) {
        return;
    }
    if (first) {
        take_brackets(&rest, &fallback);
        (void)cause_read(rest, &item);
        add_failure_word(event, name, item, 1);
        add_failure(event, name, fallback, 1);
    }
    add_failure_word(event, name, "down", count);
}

/* "SPEC: answers again after N failures in S seconds: NAME"; the first one was told. */
static void read_up(const struct log_record *record, struct slice rest, struct event *event)
{
    uint64_t count;

    if (TAKE_THROUGH(&rest, ": answers again after ") && scan_number(&rest, &count) && count > 0 &&
        TAKE_THROUGH(&rest, " seconds: ") && name_of(record, rest).length > 0) {
        add_failure_word(event, name_of(record, rest), "untold", count - 1);
        add_failure_word(event, name_of(record, rest), "down", count);
    }
}

/* " SPEC: and N more failures in the last minute: NAME" */
static bool read_more(const struct log_record *record, struct slice rest, struct event *event)
{
    uint64_t count;

    if (!TAKE_THROUGH(&rest, ": and ") || !scan_number(&rest, &count) ||
        !(SCAN(&rest, " more failures in the last minute: ") ||
          SCAN(&rest, " more failure in the last minute: "))) {
        return false;
    }
    if (name_of(record, rest).length > 0) {
        add_failure_word(event, name_of(record, rest), "untold", count);
    }
    return true;
}

void event_failure_read(const struct log_record *record, struct slice rest, struct event *event)
{
    if (SCAN(&rest, "[timeout]")) {
        read_timeout(record, rest, event);
    } else if (SCAN(&rest, "[down]")) {
        read_down(record, rest, event);
    } else if (SCAN(&rest, "[up]")) {
        read_up(record, rest, event);
    } else if (SCAN(&rest, "[error]")) {
        /* A body that cannot be kept is no failure of the child. */
        if (!SCAN_HAS(&rest, "[replace-body]") &&
            (scan_peek(&rest) == '[' || !read_more(record, rest, event))) {
            read_failure(record, rest, NULL, event);
        }
    }
}
