/*
 * logging - the functions behind Milter::Logger.  Owns nothing.
 */
#include "libcore/base/log.h"

#include "libcore/base/memory.h"
#include "milter-manager/ruby/binding.h"

#include <stdlib.h>

static unsigned level_of(VALUE name)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"critical", LOG_LEVEL_CRITICAL}, {"error", LOG_LEVEL_ERROR},
        {"warning", LOG_LEVEL_WARNING},   {"message", LOG_LEVEL_MESSAGE},
        {"info", LOG_LEVEL_INFO},         {"debug", LOG_LEVEL_DEBUG},
        {"trace", LOG_LEVEL_TRACE},       {"statistics", LOG_LEVEL_STATISTICS},
        {"profile", LOG_LEVEL_PROFILE},
    };
    struct slice text = binding_slice(name);

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (slice_equal_string(text, levels[i].name)) {
            return levels[i].level;
        }
    }
    return 0;
}

static VALUE native_log_wanted(VALUE self, VALUE name)
{
    unsigned level = level_of(name);

    (void)self;
    return level != 0 && log_wants((enum log_level)level) ? Qtrue : Qfalse;
}

static VALUE native_log(VALUE self, VALUE name, VALUE message, VALUE file, VALUE line)
{
    unsigned level = level_of(name);
    struct slice text = binding_slice(message);

    (void)self;
    if (level != 0 && log_wants((enum log_level)level)) {
        struct slice place = binding_slice(file);
        char *file_text = memory_copy_bytes(place.data, place.length);

        log_write((enum log_level)level, file_text, FIX2INT(line), "ruby", "%.*s", (int)text.length,
                  text.data);
        free(file_text);
        if (forking_in_child()) { /* it has no loop to do it, and may end without notice */
            log_flush();
        }
    }
    return Qnil;
}

void logging_define(void)
{
    BINDING_DEFINE("log_wanted?", native_log_wanted, 1);
    BINDING_DEFINE("log", native_log, 4);
}
