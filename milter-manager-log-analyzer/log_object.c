/*
 * log_object - finds members of a JSON object without building a tree.
 *
 * As much of a check as is needed to know that the line is whole; owns nothing.
 */
#include "milter-manager-log-analyzer/log_object.h"

#include "milter-manager-log-analyzer/scan.h"

static const struct slice member_names[LOG_MEMBERS] = {
    [LOG_MEMBER_TIME] = SLICE_LITERAL("time"),
    [LOG_MEMBER_LEVEL] = SLICE_LITERAL("level"),
    [LOG_MEMBER_MESSAGE] = SLICE_LITERAL("message"),
    [LOG_MEMBER_CHILD] = SLICE_LITERAL("child"),
    [LOG_MEMBER_JOURNAL_TIME] = SLICE_LITERAL("__REALTIME_TIMESTAMP"),
    [LOG_MEMBER_JOURNAL_MESSAGE] = SLICE_LITERAL("MESSAGE"),
    [LOG_MEMBER_JOURNAL_IDENTIFIER] = SLICE_LITERAL("SYSLOG_IDENTIFIER"),
    [LOG_MEMBER_JOURNAL_COMMAND] = SLICE_LITERAL("_COMM"),
};

/* LOG_MEMBERS: one that says nothing here. */
static unsigned member_find(struct slice name)
{
    unsigned i = 0;

    while (i < LOG_MEMBERS && (member_names[i].length != name.length ||
                               memcmp(member_names[i].data, name.data, name.length) != 0)) {
        i++;
    }
    return i;
}

/* A string, behind its first quote; the quote at its end is taken too. */
static bool take_string(struct slice *rest, struct slice *string, bool *escaped)
{
    const char *begin = rest->data, *from = begin, *end = begin + rest->length;

    for (;;) {
        const char *quote = from < end ? memchr(from, '"', (size_t)(end - from)) : NULL;
        const char *back = quote;

        if (quote == NULL) {
            return false;
        }
        while (back > begin && back[-1] == '\\') {
            back--;
        }
        if ((quote - back) % 2 == 0) {
            *string = slice_of(begin, (size_t)(quote - begin));
            *escaped = string->length > 0 && memchr(begin, '\\', string->length) != NULL;
            scan_skip(rest, string->length + 1);
            return true;
        }
        from = quote + 1;
    }
}

/* An array or object, behind its bracket, and the bracket at its end. */
static bool take_nested(struct slice *rest, struct slice *inside)
{
    const char *begin = rest->data;
    struct slice string;
    bool escaped;

    for (size_t depth = 1; rest->length > 0;) {
        char byte = rest->data[0];

        scan_skip(rest, 1);
        if (byte == '"' && !take_string(rest, &string, &escaped)) {
            return false;
        }
        if (byte == '[' || byte == '{') {
            depth++;
        } else if ((byte == ']' || byte == '}') && --depth == 0) {
            *inside = slice_of(begin, (size_t)(rest->data - begin) - 1);
            return true;
        }
    }
    return false;
}

/* A number, true, false, null: nothing a line is made of. */
static bool skip_word(struct slice *rest)
{
    size_t i = 0;

    while (i < rest->length && rest->data[i] != ',' && rest->data[i] != '}') {
        i++;
    }
    scan_skip(rest, i);
    return i > 0;
}

static bool take_value(struct slice *rest, struct log_object *object, unsigned member)
{
    struct slice value = {NULL, 0};
    bool escaped = false, array = false;

    if (scan_byte(rest, '"')) {
        if (!take_string(rest, &value, &escaped)) {
            return false;
        }
    } else if (scan_byte(rest, '[')) {
        array = true;
        if (!take_nested(rest, &value)) {
            return false;
        }
    } else if (scan_byte(rest, '{')) {
        struct slice inside;

        if (!take_nested(rest, &inside)) {
            return false;
        }
    } else if (!skip_word(rest)) {
        return false;
    }
    if (member < LOG_MEMBERS) {
        object->members[member] = value;
        object->escaped[member] = escaped;
        object->array[member] = array;
    }
    return true;
}

bool log_object_read(struct slice line, struct log_object *object)
{
    struct slice rest = line, name;
    bool escaped;

    memset(object, 0, sizeof(*object));
    if (!scan_byte(&rest, '{')) {
        return false;
    }
    do {
        scan_blanks(&rest);
        if (!scan_byte(&rest, '"') || !take_string(&rest, &name, &escaped)) {
            return false;
        }
        scan_blanks(&rest);
        if (!scan_byte(&rest, ':')) {
            return false;
        }
        scan_blanks(&rest);
        if (!take_value(&rest, object, member_find(name))) {
            return false;
        }
        scan_blanks(&rest);
    } while (scan_byte(&rest, ','));
    return scan_byte(&rest, '}');
}

/* ---- what members say */

static void put_character(struct buffer *buffer, uint32_t character)
{
    char bytes[4];
    size_t count = 0;

    if (character < 0x80) {
        bytes[count++] = (char)character;
    } else if (character < 0x800) {
        bytes[count++] = (char)(0xc0 | character >> 6);
        bytes[count++] = (char)(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        bytes[count++] = (char)(0xe0 | character >> 12);
        bytes[count++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (character & 0x3f));
    } else {
        bytes[count++] = (char)(0xf0 | character >> 18);
        bytes[count++] = (char)(0x80 | (character >> 12 & 0x3f));
        bytes[count++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (character & 0x3f));
    }
    buffer_append(buffer, bytes, count);
}

static bool take_hex(struct slice *rest, uint32_t *number)
{
    static const char digits[] = "0123456789abcdef";

    *number = 0;
    if (rest->length < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        char byte = rest->data[i];
        const char *digit =
            byte == '\0' ? NULL : strchr(digits, byte >= 'A' && byte <= 'F' ? byte | 0x20 : byte);

        if (digit == NULL) {
            return false;
        }
        *number = *number << 4 | (uint32_t)(digit - digits);
    }
    scan_skip(rest, 4);
    return true;
}

/* Behind "\u": half of a pair alone is no character. */
static void put_code(struct buffer *buffer, struct slice *rest)
{
    static const uint32_t replacement = 0xfffd;
    uint32_t high, low;

    if (!take_hex(rest, &high)) {
        high = replacement;
    } else if (high >= 0xd800 && high < 0xe000) {
        struct slice behind = *rest;

        if (high < 0xdc00 && SCAN(&behind, "\\u") && take_hex(&behind, &low) && low >= 0xdc00 &&
            low < 0xe000) {
            *rest = behind;
            high = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        } else {
            high = replacement;
        }
    }
    put_character(buffer, high);
}

static void unescape(struct buffer *buffer, struct slice rest)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    struct slice plain;

    while (scan_until(&rest, '\\', &plain)) {
        char letter = scan_peek(&rest);
        const char *found = letter == '\0' ? NULL : strchr(letters, letter);

        buffer_append_slice(buffer, plain);
        if (rest.length == 0) {
            break;
        }
        scan_skip(&rest, 1);
        if (letter == 'u') {
            put_code(buffer, &rest);
        } else {
            buffer_append_byte(buffer, found != NULL ? bytes[found - letters] : letter);
        }
    }
    buffer_append_slice(buffer, rest);
}

/* "91, 115, 116": journalctl writes so what is no UTF-8 or has control characters. */
static void take_bytes(struct buffer *buffer, struct slice rest)
{
    uint64_t number;

    do {
        scan_blanks(&rest);
        if (!scan_number(&rest, &number)) {
            break;
        }
        buffer_append_byte(buffer, (char)(number & 0xff));
        scan_blanks(&rest);
    } while (scan_byte(&rest, ','));
}

struct slice log_object_text(const struct log_object *object, enum log_member member,
                             struct buffer *buffer)
{
    struct slice value = object->members[member];
    size_t before = buffer_length(buffer);
    bool escaped = object->escaped[member];

    if (object->array[member]) {
        struct slice first = value;

        scan_blanks(&first);
        if (!scan_byte(&first, '"')) {
            take_bytes(buffer, value);
            struct slice all = buffer_slice(buffer);
            return slice_of(all.data + before, all.length - before);
        }
        /* A field that was set more than once: what it was first. */
        if (!take_string(&first, &value, &escaped)) {
            return slice_of("", 0);
        }
    }
    if (value.data == NULL || !escaped) {
        return value;
    }
    unescape(buffer, value);
    struct slice all = buffer_slice(buffer);
    return slice_of(all.data + before, all.length - before);
}
