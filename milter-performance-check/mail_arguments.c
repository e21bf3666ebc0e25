/*
 * mail_arguments - the options that say what is sent.
 */
#include "milter-performance-check/arguments.h"

#include "libcore/base/option_value.h"

#include <time.h>
#include <unistd.h>

struct option_strings mail_paths;

enum { N_MAILS = 100 };

static struct mails_options given = {.helo = "localhost.localdomain", .count = N_MAILS};
static bool seed_given, count_given;

static bool take_seed(void *target, const char *value, struct error *error)
{
    unsigned long seed = 0;

    (void)target;
    if (!option_parse_unsigned(value, UINT32_MAX, &seed, error)) {
        return false;
    }
    given.seed = seed;
    return true;
}

const struct option_entry mail_entries[] = {
    {.name = "from",
     .kind = OPTION_STRINGS,
     .target = &given.senders,
     .argument = "FROM",
     .help = "sender of mails that name none, several are used in turn (from@example.com)"},
    {.name = "force-from",
     .kind = OPTION_STRING,
     .target = &given.forced_sender,
     .argument = "FROM",
     .help = "sender of every mail, whatever it says"},
    {.name = "recipient",
     .kind = OPTION_STRINGS,
     .target = &given.recipients,
     .argument = "RCPT",
     .help = "recipient of mails that name none, may be given several times (to@example.com)"},
    {.name = "force-recipient",
     .kind = OPTION_STRINGS,
     .target = &given.forced_recipients,
     .argument = "RCPT",
     .help = "recipient of every mail, whatever it says; may be given several times"},
    {.name = "helo-fqdn",
     .kind = OPTION_STRING,
     .target = &given.helo,
     .argument = "FQDN",
     .help = "name to introduce ourselves by where the mail has no usable Received: field "
             "(localhost.localdomain)"},
    {.name = "n-mails",
     .kind = OPTION_UNSIGNED,
     .target = &given.count,
     .given = &count_given,
     .argument = "N",
     .help = "how many mails, when none or one file is given (100)"},
    {.name = "n-additional-lines",
     .kind = OPTION_UNSIGNED,
     .target = &given.additional_lines,
     .maximum = 10000000,
     .argument = "N",
     .help = "so many lines more in a mail that is made up (0)"},
    {.name = "size-distribution",
     .kind = OPTION_STRING,
     .target = &given.size_distribution,
     .argument = "SIZE[-SIZE][:WEIGHT],...",
     .help = "sizes of mails that are made up: 2k:70,10k-100k:25,5m:5"},
    {.name = "shuffle",
     .kind = OPTION_FLAG,
     .target = &given.shuffle,
     .help = "send the mail files in random order"},
    {.name = "no-shuffle",
     .kind = OPTION_FLAG_OFF,
     .target = &given.shuffle,
     .help = "send the mail files in the order of their names (default)"},
    {.name = "seed",
     .kind = OPTION_CALLBACK,
     .callback = take_seed,
     .given = &seed_given,
     .argument = "N",
     .help = "where randomness begins: the same number gives the same order and sizes"},
    {0},
};

bool mail_arguments_check(struct plan *plan, struct error *error)
{
    if (given.count == 0) {
        error_set(error, ERROR_USAGE, "--n-mails: with 0 mails nothing is measured");
        return false;
    }
    if (!seed_given) {
        given.seed = (uint64_t)time(NULL) ^ ((uint64_t)getpid() << 32);
    }
    if (given.shuffle && mail_paths.count == 0) {
        error_set(error, ERROR_USAGE, "--shuffle: without mail files there is nothing to shuffle");
        return false;
    }
    given.paths = mail_paths;
    plan->mails = given;
    return true;
}

bool mail_arguments_counted(void)
{
    return count_given;
}

void mail_arguments_clear(void)
{
    option_strings_clear(&mail_paths);
    option_strings_clear(&given.senders);
    option_strings_clear(&given.recipients);
    option_strings_clear(&given.forced_recipients);
}
