/*
 * log_line - takes the header of a line apart; what is left is what the manager said.
 *
 * The first byte tells which form it is.  Owns nothing but what the clock holds.
 */
#include "milter-manager-log-analyzer/log_line.h"

#include "milter-manager-log-analyzer/log_object.h"
#include "milter-manager-log-analyzer/log_time.h"
#include "milter-manager-log-analyzer/scan.h"

#define PROGRAM    "milter-manager"
#define STATISTICS "[statistics] "

void log_clock_begin(struct log_clock *clock, int64_t latest)
{
    clock->latest = latest;
    clock->previous = 0;
    clock->stamp_length = 0;
    buffer_reset(&clock->unescaped);
}

void log_clock_clear(struct log_clock *clock)
{
    buffer_clear(&clock->unescaped);
}

/* ---- what the manager writes itself */

/* What is said at level statistics, for lines that do not say their level. */
static bool looks_like_statistics(struct slice text)
{
    static const struct slice beginnings[] = {
        SLICE_LITERAL("[milter][end]["),
        SLICE_LITERAL("[session][end]["),
        SLICE_LITERAL("[milter][header][add]"),
        SLICE_LITERAL("[session][header][add]"),
        SLICE_LITERAL("[sessions][finished] "),
        SLICE_LITERAL("[session][disconnected]["),
        SLICE_LITERAL("[reply]["),
        SLICE_LITERAL("[abort]["),
        SLICE_LITERAL("[maintain][memory] "),
    };

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        if (scan_has(&text, beginnings[i].data, beginnings[i].length)) {
            return true;
        }
    }
    return false;
}

/* False: no level has that name (tools.md section 4.1). */
static bool level_find(struct slice name, struct log_record *record)
{
    static const struct {
        struct slice name;
        bool statistics, debug;
    } levels[] = {
        {SLICE_LITERAL("statistics"), true, false}, {SLICE_LITERAL("critical"), false, false},
        {SLICE_LITERAL("error"), false, false},     {SLICE_LITERAL("warning"), false, false},
        {SLICE_LITERAL("message"), false, false},   {SLICE_LITERAL("info"), false, false},
        {SLICE_LITERAL("debug"), false, true},      {SLICE_LITERAL("trace"), false, true},
        {SLICE_LITERAL("profile"), false, true},
    };

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (levels[i].name.length == name.length &&
            memcmp(levels[i].name.data, name.data, name.length) == 0) {
            record->statistics = levels[i].statistics;
            record->debug = levels[i].debug;
            return true;
        }
    }
    return false;
}

struct own_items {
    bool level, time;
};

/* "[...]": the level, the time, or the name, domain or PID, which tell nothing here. */
static bool take_item(struct log_clock *clock, struct slice *rest, struct own_items *items,
                      struct log_record *record)
{
    struct slice inside = {rest->data + 1, rest->length - 1}, item;

    if (!items->time && scan_is_digit(scan_peek(&inside)) && inside.length > 4 &&
        inside.data[4] == '-') {
        items->time = log_time_iso(clock, &inside, &record->time) && scan_byte(&inside, ']');
        *rest = inside;
        return items->time;
    }
    if (!scan_until(&inside, ']', &item)) {
        return false;
    }
    items->level = items->level || (!items->time && level_find(item, record));
    *rest = inside;
    return true;
}

/* "FILE:LINE: FUNCTION(): " */
static bool take_location(struct slice *rest)
{
    static const char end[] = "(): ";
    const char *found = memmem(rest->data, rest->length, end, sizeof(end) - 1);

    if (found == NULL) {
        return false;
    }
    scan_skip(rest, (size_t)(found - rest->data) + sizeof(end) - 1);
    return true;
}

/* The items in front of the text (tools.md section 4.2). */
static bool take_items(struct log_clock *clock, struct slice *rest, struct own_items *items,
                       struct log_record *record)
{
    do {
        if (!take_item(clock, rest, items, record)) {
            return false;
        }
        if (SCAN(rest, ": ")) {
            return items->time;
        }
        (void)scan_byte(rest, ' ');
    } while (scan_peek(rest) == '[');
    return items->time && take_location(rest);
}

/* "ESC[1;34m" in front, "ESC[0m" behind. */
static void drop_colour(struct slice *line)
{
    static const char end[] = "\033[0m";
    size_t length = sizeof(end) - 1;
    struct slice colour;

    if (scan_until(line, 'm', &colour) && line->length >= length &&
        memcmp(line->data + line->length - length, end, length) == 0) {
        line->length -= length;
    }
}

static enum log_line_kind read_own(struct log_clock *clock, struct slice line,
                                   struct log_record *record)
{
    struct own_items items = {false, false};

    if (scan_peek(&line) == '\033') {
        drop_colour(&line);
    }
    if (scan_peek(&line) != '[' || !take_items(clock, &line, &items, record)) {
        return LOG_LINE_BROKEN;
    }
    record->text = line;
    if (!items.level) {
        record->statistics = looks_like_statistics(line);
    }
    return LOG_LINE_RECORD;
}

/* ---- what others wrote down for it */

static enum log_line_kind read_own_object(struct log_clock *clock, const struct log_object *object,
                                          struct log_record *record)
{
    struct slice time = object->members[LOG_MEMBER_TIME];

    if (!log_time_iso(clock, &time, &record->time) || time.length > 0) {
        return LOG_LINE_BROKEN;
    }
    record->text = log_object_text(object, LOG_MEMBER_MESSAGE, &clock->unescaped);
    record->child = log_object_text(object, LOG_MEMBER_CHILD, &clock->unescaped);
    if (object->members[LOG_MEMBER_LEVEL].data == NULL ||
        !level_find(object->members[LOG_MEMBER_LEVEL], record)) {
        record->statistics = looks_like_statistics(record->text);
    }
    return LOG_LINE_RECORD;
}

/* A manager that logs to standard output writes its own form into the journal or syslog. */
static bool read_nested(struct log_clock *clock, struct slice text, struct log_record *record)
{
    struct log_record nested = *record;
    struct log_object object;

    if (SCAN_HAS(&text, "{\"time\":\"")) {
        if (!log_object_read(text, &object) || object.members[LOG_MEMBER_MESSAGE].data == NULL ||
            read_own_object(clock, &object, &nested) != LOG_LINE_RECORD) {
            return false;
        }
    } else if (read_own(clock, text, &nested) != LOG_LINE_RECORD) {
        return false;
    }
    *record = nested;
    return true;
}

/* "[ID 702911 mail.notice] " of Solaris. */
static void drop_message_id(struct slice *text)
{
    struct slice rest = *text, inside;

    if (SCAN(&rest, "[ID ") && scan_until(&rest, ']', &inside)) {
        (void)scan_byte(&rest, ' ');
        *text = rest;
    }
}

/* What stands behind the program's name: record->time is known. */
static enum log_line_kind read_text(struct log_clock *clock, struct slice text,
                                    struct log_record *record)
{
    if (SCAN_HAS(&text, "[ID ")) {
        drop_message_id(&text);
    }
    if (SCAN(&text, STATISTICS)) {
        record->statistics = true;
    } else if (!SCAN_HAS(&text, "[children]") && read_nested(clock, text, record)) {
        return LOG_LINE_RECORD;
    }
    record->text = text;
    return LOG_LINE_RECORD;
}

/* "milter-manager[PID]: " at the front; a line that ends in the middle of it was cut off. */
static enum log_line_kind take_program(struct slice *rest)
{
    static const char program[] = PROGRAM;
    size_t length = sizeof(program) - 1;
    struct slice pid;

    if (!SCAN(rest, PROGRAM)) {
        return rest->length < length && memcmp(rest->data, program, rest->length) == 0
                   ? LOG_LINE_BROKEN
                   : LOG_LINE_FOREIGN;
    }
    if (scan_byte(rest, '[') && !scan_until(rest, ']', &pid)) {
        return LOG_LINE_BROKEN;
    }
    if (!scan_byte(rest, ':')) {
        return rest->length == 0 ? LOG_LINE_BROKEN : LOG_LINE_FOREIGN;
    }
    (void)scan_byte(rest, ' ');
    return LOG_LINE_RECORD;
}

/* Behind the stamp: " HOST PROGRAM[PID]: TEXT". */
static enum log_line_kind read_syslog(struct log_clock *clock, struct slice rest,
                                      struct log_record *record)
{
    struct slice host;

    if (!scan_byte(&rest, ' ') || !scan_until(&rest, ' ', &host)) {
        return LOG_LINE_BROKEN;
    }
    enum log_line_kind kind = take_program(&rest);
    return kind == LOG_LINE_RECORD ? read_text(clock, rest, record) : kind;
}

/* "-", or elements "[ID NAME="VALUE"]" without blanks between them; in values \" \\ \]. */
static bool take_structured_data(struct slice *rest)
{
    if (scan_byte(rest, '-')) {
        return true;
    }
    if (scan_peek(rest) != '[') {
        return false;
    }
    while (scan_byte(rest, '[')) {
        bool quoted = false;

        while (rest->length > 0 && (quoted || rest->data[0] != ']')) {
            if (quoted && rest->data[0] == '\\' && rest->length > 1) {
                scan_skip(rest, 1);
            } else if (rest->data[0] == '"') {
                quoted = !quoted;
            }
            scan_skip(rest, 1);
        }
        if (!scan_byte(rest, ']')) {
            return false;
        }
    }
    return true;
}

/* Behind "<PRI>1 ": "STAMP HOST PROGRAM PID MESSAGEID DATA TEXT" (RFC 5424 section 6). */
static enum log_line_kind read_rfc5424(struct log_clock *clock, struct slice rest,
                                       struct log_record *record)
{
    struct slice host, program, pid, id;

    if (!log_time_iso(clock, &rest, &record->time) || !scan_byte(&rest, ' ') ||
        !scan_until(&rest, ' ', &host) || !scan_until(&rest, ' ', &program)) {
        return LOG_LINE_BROKEN;
    }
    if (program.length != sizeof(PROGRAM) - 1 || !SCAN_HAS(&program, PROGRAM)) {
        return LOG_LINE_FOREIGN;
    }
    if (!scan_until(&rest, ' ', &pid) || !scan_until(&rest, ' ', &id) ||
        !take_structured_data(&rest) || (rest.length > 0 && !scan_byte(&rest, ' '))) {
        return LOG_LINE_BROKEN;
    }
    (void)SCAN(&rest, "\xef\xbb\xbf");
    return read_text(clock, rest, record);
}

static enum log_line_kind read_journal(struct log_clock *clock, const struct log_object *object,
                                       struct log_record *record)
{
    struct buffer *unescaped = &clock->unescaped;
    struct slice time = object->members[LOG_MEMBER_JOURNAL_TIME];
    struct slice program = log_object_text(
        object,
        object->members[LOG_MEMBER_JOURNAL_IDENTIFIER].data != NULL ? LOG_MEMBER_JOURNAL_IDENTIFIER
                                                                    : LOG_MEMBER_JOURNAL_COMMAND,
        unescaped);
    uint64_t microseconds;

    if (!scan_number(&time, &microseconds) || time.length > 0) {
        return LOG_LINE_BROKEN;
    }
    record->time = (int64_t)(microseconds / 1000000);
    if (program.length != sizeof(PROGRAM) - 1 || !SCAN_HAS(&program, PROGRAM)) {
        return LOG_LINE_FOREIGN;
    }
    if (object->members[LOG_MEMBER_JOURNAL_MESSAGE].data == NULL) {
        return LOG_LINE_BROKEN; /* null: longer than journalctl shows without --all */
    }
    return read_text(clock, log_object_text(object, LOG_MEMBER_JOURNAL_MESSAGE, unescaped), record);
}

static enum log_line_kind read_object(struct log_clock *clock, struct slice line,
                                      struct log_record *record)
{
    struct log_object object;

    buffer_reset(&clock->unescaped);
    /* A message may hold an object in turn; "\u" that is none becomes three bytes. */
    (void)buffer_reserve(&clock->unescaped, line.length * 4);
    if (!log_object_read(line, &object)) {
        return LOG_LINE_BROKEN;
    }
    if (object.members[LOG_MEMBER_JOURNAL_TIME].data != NULL) {
        return read_journal(clock, &object, record);
    }
    if (object.members[LOG_MEMBER_TIME].data == NULL ||
        object.members[LOG_MEMBER_MESSAGE].data == NULL) {
        return LOG_LINE_FOREIGN;
    }
    return read_own_object(clock, &object, record);
}

/* ---- lines */

/* "<PRI>" of a line as it was on its way, "1 " of RFC 5424. */
static enum log_line_kind read_stamped(struct log_clock *clock, struct slice line,
                                       struct log_record *record)
{
    struct slice priority;

    if (scan_byte(&line, '<') && !scan_until(&line, '>', &priority)) {
        return LOG_LINE_BROKEN;
    }
    if (SCAN(&line, "1 ")) {
        return read_rfc5424(clock, line, record);
    }
    bool understood = scan_is_digit(scan_peek(&line))
                          ? log_time_iso(clock, &line, &record->time)
                          : log_time_traditional(clock, &line, &record->time);
    return understood ? read_syslog(clock, line, record) : LOG_LINE_BROKEN;
}

enum log_line_kind log_line_read(struct log_clock *clock, struct slice line,
                                 struct log_record *record)
{
    enum log_line_kind kind;

    *record = (struct log_record){.text = {"", 0}, .child = {"", 0}};
    if (line.length == 0) {
        return LOG_LINE_FOREIGN;
    }
    switch (line.data[0]) {
    case '[':
    case '\033':
        kind = read_own(clock, line, record);
        break;
    case '{':
        kind = read_object(clock, line, record);
        break;
    case '-':
        return SCAN_HAS(&line, "-- ") ? LOG_LINE_FOREIGN : LOG_LINE_BROKEN;
    default:
        kind = read_stamped(clock, line, record);
    }
    if (kind != LOG_LINE_BROKEN) {
        clock->previous = record->time;
    }
    return kind;
}
