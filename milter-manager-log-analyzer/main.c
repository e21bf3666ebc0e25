#include "libcore/base/options.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    static const struct option_entry entries[] = {
        {.name = "help", .letter = 'h', .kind = OPTION_HELP, .help = "show this help"},
        {0},
    };
    static const struct option_group group = {.title = "Options", .entries = entries};
    const struct option_program program = {
        .name = "milter-manager-log-analyzer", .groups = &group, .group_count = 1};

    return options_parse(&program, argc, argv) == OPTIONS_RUN ? EXIT_SUCCESS : EXIT_FAILURE;
}
