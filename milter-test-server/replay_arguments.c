/*
 * replay_arguments - the options of the replay.  Keeps what they say for as
 * long as the process.
 */
#include "milter-test-server/replay_arguments.h"

#include "libcore/base/option_value.h"

static struct {
    struct option_strings paths;
    enum replay_format format;
    unsigned jobs;
    bool update;
    bool keep_times;
    bool format_said, jobs_said;
} given = {.jobs = 1};

struct option_strings replay_words;

static bool take_format(void *target, const char *value, struct error *error)
{
    if (!replay_format_find(value, target)) {
        error_set(error, ERROR_USAGE, "unknown format <%s>; text, tap and junit are known", value);
        return false;
    }
    return true;
}

static bool take_jobs(void *target, const char *value, struct error *error)
{
    unsigned long jobs = 0;

    if (!option_parse_unsigned(value, 10000, &jobs, error)) {
        return false;
    }
    if (jobs == 0) {
        error_set(error, ERROR_USAGE, "at least one file is played at a time");
        return false;
    }
    *(unsigned *)target = (unsigned)jobs;
    return true;
}

const struct option_entry replay_entries[] = {
    {.name = "replay",
     .kind = OPTION_STRINGS,
     .target = &given.paths,
     .argument = "FILE",
     .help = "play a session file, or every *.session below a directory, and compare the answers; "
             "more files may follow the options"},
    {.name = "update",
     .kind = OPTION_FLAG,
     .target = &given.update,
     .help = "write what is answered into the files in place of what was expected"},
    {.name = "jobs",
     .kind = OPTION_CALLBACK,
     .callback = take_jobs,
     .target = &given.jobs,
     .given = &given.jobs_said,
     .argument = "N",
     .help = "play so many files at the same time (default 1)"},
    {.name = "format",
     .kind = OPTION_CALLBACK,
     .callback = take_format,
     .target = &given.format,
     .given = &given.format_said,
     .argument = "text|tap|junit",
     .help = "how the outcome is printed (default text)"},
    {.name = "keep-times",
     .kind = OPTION_FLAG,
     .target = &given.keep_times,
     .help = "send nothing before the time that stands in front of it"},
    {0},
};

const char *replay_arguments_idle(void)
{
    return given.paths.count > 0    ? NULL
           : given.update           ? "--update"
           : given.jobs_said        ? "--jobs"
           : given.format_said      ? "--format"
           : given.keep_times       ? "--keep-times"
           : replay_words.count > 0 ? replay_words.items[0]
                                    : NULL;
}

bool replay_arguments_take(struct replay_options *options)
{
    if (given.paths.count == 0) {
        return false;
    }
    for (size_t i = 0; i < replay_words.count; i++) {
        option_strings_add(&given.paths, replay_words.items[i]);
    }
    option_strings_clear(&replay_words);
    *options = (struct replay_options){
        .paths = given.paths.items,
        .path_count = given.paths.count,
        .format = given.format,
        .jobs = given.jobs,
        .update = given.update,
        .player = {.keep_times = given.keep_times},
    };
    return true;
}
