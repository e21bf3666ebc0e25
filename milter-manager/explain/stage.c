/*
 * stage - the commands of a mail by their names.  A table.
 */
#include "milter-manager/explain/stage.h"

#include "libcore/base/buffer.h"

static const struct {
    enum command command;
    bool macros;
} stages[] = {
    {COMMAND_CONNECT, true},       {COMMAND_HELO, true},  {COMMAND_MAIL, true},
    {COMMAND_RCPT, true},          {COMMAND_DATA, true},  {COMMAND_HEADER, false},
    {COMMAND_END_OF_HEADER, true}, {COMMAND_BODY, false}, {COMMAND_END_OF_MESSAGE, true},
};
enum { STAGE_COUNT = sizeof(stages) / sizeof(stages[0]) };

static void stage_refuse(struct slice name, enum stage_set set, struct error *error)
{
    struct buffer names = {0};

    for (unsigned i = 0; i < STAGE_COUNT; i++) {
        if (set == STAGES_ANSWERED || stages[i].macros) {
            buffer_append_format(&names, "%s%s", i > 0 ? ", " : "",
                                 command_info[stages[i].command].name);
        }
    }
    error_set(error, ERROR_USAGE, "unknown stage <%.*s>: it should be one of %.*s",
              (int)name.length, name.data, (int)buffer_length(&names), buffer_slice(&names).data);
    buffer_clear(&names);
}

bool stage_parse(struct slice name, enum stage_set set, enum command *stage, struct error *error)
{
    for (unsigned i = 0; i < STAGE_COUNT; i++) {
        *stage = stages[i].command;
        if ((set == STAGES_ANSWERED || stages[i].macros) &&
            slice_equal_string(name, command_info[stages[i].command].name)) {
            return true;
        }
    }
    stage_refuse(name, set, error);
    return false;
}
