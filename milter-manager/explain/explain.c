/*
 * explain - milter-manager --explain.  Owns loop, configuration and scenario
 * for as long as it takes; opens no socket of its own and writes no file.
 */
#include "milter-manager/explain/explain.h"

#include "libcore/base/log.h"
#include "milter-manager/explain/report.h"
#include "milter-manager/ruby/engine.h"

#include <stdlib.h>

static void explain_complain(void *owner, const char *message)
{
    (void)owner;
    (void)fprintf(stderr, "milter-manager: %s\n", message);
}

/* What a milter is told and answers stands in the report: here only what is wrong. */
static void explain_choose_log(const struct manager_options *options)
{
    struct error error = {0};

    if (options->log_path == NULL) {
        (void)log_set_path("/dev/stderr", &error);
    }
    if (options->log_level == NULL && getenv("MILTER_LOG_LEVEL") == NULL) {
        log_set_levels(LOG_LEVEL_CRITICAL | LOG_LEVEL_ERROR | LOG_LEVEL_WARNING);
    }
}

static bool explain_print(const struct buffer *text, FILE *stream)
{
    struct slice bytes = buffer_slice(text);

    log_flush();
    if (fwrite(bytes.data, 1, bytes.length, stream) == bytes.length && fflush(stream) == 0) {
        return true;
    }
    perror("milter-manager: failed to write the explanation");
    return false;
}

static bool explain_play(struct configuration *configuration, const struct scenario *scenario,
                         FILE *stream, struct error *error)
{
    struct loop *loop = loop_new();
    struct account account;
    struct play play;
    struct buffer text = {0};
    bool ok;

    engine_set_loop(loop);
    account_init(&account, configuration);
    ok = play_run(&play, loop, configuration, scenario, &account, error);
    if (ok) {
        report_format(scenario, &account, &play, &text);
        ok = explain_print(&text, stream);
    }
    play_clear(&play);
    account_clear(&account);
    buffer_clear(&text);
    engine_set_loop(NULL);
    loop_free(loop);
    return ok;
}

static bool explain_load(const struct manager_options *options, const struct scenario *scenario,
                         FILE *stream, struct error *error)
{
    struct error reported = {0}; /* already, each message of it */
    struct configuration *configuration =
        manager_options_load(options, explain_complain, NULL, NULL, &reported);
    struct error cause = {0};
    bool ok;

    if (configuration == NULL) {
        return false;
    }
    ok = assumptions_check(&scenario->assumptions, configuration, &cause);
    if (!ok) {
        error_set(error, cause.code, "--assume: %s", cause.message);
    }
    ok = ok && explain_play(configuration, scenario, stream, error);
    configuration_release(configuration);
    return ok;
}

bool explain_run(const struct manager_options *options, FILE *stream)
{
    struct scenario scenario;
    struct error error = {0};
    bool ok;

    explain_choose_log(options);
    if (!scenario_init(&scenario, options->explain, &error)) {
        explain_complain(NULL, error.message);
        return false;
    }
    ok = explain_load(options, &scenario, stream, &error);
    scenario_clear(&scenario);
    if (!ok && error.code != ERROR_NONE) {
        explain_complain(NULL, error.message);
    }
    return ok;
}
