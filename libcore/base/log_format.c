/*
 * log_format - names of levels, line layout, time stamps, colours.
 *
 * Owns the text of the current second.  Never writes a line anywhere and never
 * decides whether one is wanted.
 */
#include "libcore/base/log_format.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

struct name_flag {
    const char *name;
    unsigned flag;
};

static const struct name_flag LEVEL_NAMES[] = {
    {"critical", LOG_LEVEL_CRITICAL},
    {"error", LOG_LEVEL_ERROR},
    {"warning", LOG_LEVEL_WARNING},
    {"message", LOG_LEVEL_MESSAGE},
    {"info", LOG_LEVEL_INFO},
    {"debug", LOG_LEVEL_DEBUG},
    {"trace", LOG_LEVEL_TRACE},
    {"statistics", LOG_LEVEL_STATISTICS},
    {"profile", LOG_LEVEL_PROFILE},
    {"all", LOG_LEVEL_ALL},
    {"default", LOG_LEVEL_DEFAULT},
    {"none", 0},
    {NULL, 0},
};

static const struct name_flag ITEM_NAMES[] = {
    {"level", LOG_ITEM_LEVEL},
    {"domain", LOG_ITEM_DOMAIN},
    {"time", LOG_ITEM_TIME},
    {"name", LOG_ITEM_NAME},
    {"pid", LOG_ITEM_PID},
    {"location", LOG_ITEM_LOCATION},
    {"all", LOG_ITEM_ALL},
    {"none", 0},
    {NULL, 0},
};

static const struct level_look {
    unsigned level;
    int priority;
    const char *colour; /* SGR parameters */
} LEVEL_LOOKS[] = {
    {LOG_LEVEL_CRITICAL, LOG_CRIT, "1;37;41"}, {LOG_LEVEL_ERROR, LOG_ERR, "1;31"},
    {LOG_LEVEL_WARNING, LOG_WARNING, "33"},    {LOG_LEVEL_MESSAGE, LOG_NOTICE, "32"},
    {LOG_LEVEL_INFO, LOG_INFO, "36"},          {LOG_LEVEL_DEBUG, LOG_DEBUG, "34"},
    {LOG_LEVEL_TRACE, LOG_DEBUG, "35"},        {LOG_LEVEL_STATISTICS, LOG_NOTICE, "1;34"},
    {LOG_LEVEL_PROFILE, LOG_DEBUG, "1;36"},
};

static const struct level_look *find_look(unsigned level)
{
    size_t last = sizeof(LEVEL_LOOKS) / sizeof(LEVEL_LOOKS[0]) - 1;
    size_t i = 0;

    while (i < last && LEVEL_LOOKS[i].level != level) {
        i++;
    }
    return &LEVEL_LOOKS[i];
}

int log_level_priority(enum log_level level)
{
    return find_look(level)->priority;
}

/* Expressions. */

static const struct name_flag *find_name(const struct name_flag *names, const char *name,
                                         size_t length)
{
    for (; names->name != NULL; names++) {
        if (strlen(names->name) == length && memcmp(names->name, name, length) == 0) {
            return names;
        }
    }
    return NULL;
}

/* Appends " <name>" forms as the message wants them: <a>|<b>. */
static void append_unknown(char *unknown, size_t size, const char *name, size_t length)
{
    size_t used = strlen(unknown);
    int precision = length < size ? (int)length : (int)size;

    snprintf(unknown + used, size - used, "%s<%.*s>", used > 0 ? "|" : "", precision, name);
}

static bool parse_flags(const struct name_flag *names, const char *type, const char *expression,
                        unsigned *flags, struct error *error)
{
    char unknown[256] = "";
    bool relative = expression[0] == '+' || expression[0] == '-';
    unsigned result = relative ? *flags : 0;

    for (const char *name = expression; *name != '\0';) {
        char sign = *name;
        if (sign == '+' || sign == '-') {
            name++;
        }
        size_t length = strcspn(name, "|");
        const struct name_flag *found = find_name(names, name, length);
        if (found == NULL) {
            append_unknown(unknown, sizeof(unknown), name, length);
        } else if (sign == '-') {
            result &= ~found->flag;
        } else {
            result |= found->flag;
        }
        name += length;
        name += *name == '|' ? 1 : 0;
    }
    if (unknown[0] != '\0') {
        error_set(error, ERROR_USAGE, "unknown flag names: [%s](%s)", unknown, type);
        return false;
    }
    *flags = result;
    return true;
}

bool log_level_parse(const char *expression, unsigned *levels, struct error *error)
{
    return parse_flags(LEVEL_NAMES, "log level", expression[0] == '\0' ? "default" : expression,
                       levels, error);
}

bool log_item_parse(const char *expression, unsigned *items, struct error *error)
{
    return parse_flags(ITEM_NAMES, "log item", expression, items, error);
}

const char *log_level_format(unsigned levels, char *text, unsigned size)
{
    size_t used = 0;

    snprintf(text, size, "%s", (levels & LOG_LEVEL_ALL) == 0 ? "none" : "");
    for (const struct name_flag *name = LEVEL_NAMES; name->flag != LOG_LEVEL_ALL; name++) {
        if ((levels & name->flag) != 0 && used < size) {
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "|" : "", name->name);
        }
    }
    return text;
}

/* Lines. */

void log_format_message(struct buffer *buffer, struct slice message)
{
    char *text = buffer_reserve(buffer, message.length + 1);

    for (size_t i = 0; i < message.length; i++) {
        char byte = message.data[i];
        if (byte == '\n' || byte == '\r') {
            byte = ' ';
        } else if (((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f) {
            byte = '?';
        }
        text[i] = byte;
    }
    buffer_commit(buffer, message.length);
}

void log_format_time(struct buffer *buffer)
{
    static time_t second = (time_t)-1;
    static char text[64];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &utc);
        second = now.tv_sec;
    }
    buffer_append_string(buffer, text);
    char fraction[7];
    long microseconds = now.tv_nsec / 1000;
    for (int i = 5; i >= 0; i--) {
        fraction[i] = (char)('0' + microseconds % 10);
        microseconds /= 10;
    }
    fraction[6] = 'Z';
    buffer_append(buffer, fraction, sizeof(fraction));
}

static void append_bracketed(struct buffer *buffer, const char *text)
{
    buffer_append_byte(buffer, '[');
    buffer_append_string(buffer, text);
    buffer_append_byte(buffer, ']');
}

const char *log_level_name(enum log_level level)
{
    const struct name_flag *name = LEVEL_NAMES;

    while (name->flag != (unsigned)level && name->flag != LOG_LEVEL_ALL) {
        name++;
    }
    return name->name;
}

static void append_items(struct buffer *buffer, unsigned items, enum log_level level,
                         const struct log_place *place, const char *program)
{
    size_t before = buffer_length(buffer);

    if ((items & LOG_ITEM_LEVEL) != 0) {
        append_bracketed(buffer, log_level_name(level));
    }
    if ((items & LOG_ITEM_DOMAIN) != 0) {
        append_bracketed(buffer, program);
    }
    if ((items & LOG_ITEM_TIME) != 0) {
        buffer_append_byte(buffer, '[');
        log_format_time(buffer);
        buffer_append_byte(buffer, ']');
    }
    if ((items & (LOG_ITEM_NAME | LOG_ITEM_PID)) != 0 && buffer_length(buffer) > before) {
        buffer_append_byte(buffer, ' ');
    }
    if ((items & LOG_ITEM_NAME) != 0) {
        append_bracketed(buffer, program);
    }
    if ((items & LOG_ITEM_PID) != 0) {
        buffer_append_format(buffer, "[%ld]", (long)getpid());
    }
    bool any = buffer_length(buffer) > before;
    if ((items & LOG_ITEM_LOCATION) != 0) {
        buffer_append_format(buffer, "%s%s:%d: %s(): ", any ? " " : "", place->file, place->line,
                             place->function);
    } else if (any) {
        buffer_append_string(buffer, ": ");
    }
}

void log_format_line(struct buffer *buffer, unsigned items, bool colour, enum log_level level,
                     const struct log_place *place, const char *program, struct slice message)
{
    if (colour) {
        buffer_append_string(buffer, "\033[");
        buffer_append_string(buffer, find_look(level)->colour);
        buffer_append_byte(buffer, 'm');
    }
    append_items(buffer, items, level, place, program);
    log_format_message(buffer, message);
    buffer_append_string(buffer, colour ? "\033[0m\n" : "\n");
}

void log_format_syslog_time(struct buffer *buffer, time_t now)
{
    static const char MONTHS[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static time_t second = (time_t)-1;
    static char text[64];

    if (now != second) {
        struct tm local;
        localtime_r(&now, &local);
        snprintf(text, sizeof(text), "%s %2d %02d:%02d:%02d", MONTHS[local.tm_mon], local.tm_mday,
                 local.tm_hour, local.tm_min, local.tm_sec);
        second = now;
    }
    buffer_append_string(buffer, text);
}
