/*
 * answers - the table of what can be asked, and the answers.
 *
 * Owns nothing; what is to be done, the host does.
 */
#include "milter-manager/control/answers.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/config/show.h"
#include "milter-manager/control/child_states.h"
#include "milter-manager/control/json_text.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/control/page.h"
#include "milter-manager/control/status.h"
#include "milter-manager/control/switches.h"

#include <stdlib.h>
#include <string.h>

static const char answer_plain[] = "text/plain; charset=utf-8";
static const char answer_json_type[] = "application/json";

static void answer_json(struct answer *answer, json_t *json, size_t flags)
{
    char *text = json_dumps(json, flags);

    answer->type = answer_json_type;
    buffer_append_string(&answer->body, text == NULL ? "null" : text);
    buffer_append_byte(&answer->body, '\n');
    free(text);
    json_decref(json);
}

void answer_error(struct answer *answer, unsigned status, const char *sentence)
{
    answer->status = status;
    answer_json(answer, json_pack("{s:o}", "error", json_text_or_null(sentence)), 0);
}

static const char *answer_state(const struct answer *answer)
{
    static const char *const names[] = {[CONTROL_STARTING] = "starting",
                                        [CONTROL_RUNNING] = "running",
                                        [CONTROL_STOPPING] = "stopping"};

    return names[answer->host->state(answer->host_owner)];
}

/* ---- reading ---- */

static json_t *answer_collected(const struct answer *answer)
{
    json_t *totals = metrics_json(), *status;
    struct status_source source = {
        .configuration = answer->host->configuration(answer->host_owner),
        .reports = answer->reports,
        .state = answer_state(answer),
        .listen = answer->listen,
        .started = answer->started,
        .uptime = answer->uptime,
        .totals = totals,
        .history = answer->history,
    };

    source.mishap = answer->host->mishap(answer->host_owner, &source.mishap_sentence);
    status = status_json(&source);
    json_decref(totals);
    return status;
}

static void answer_status(struct answer *answer)
{
    answer_json(answer, answer_collected(answer), JSON_INDENT(1));
}

static void answer_page(struct answer *answer)
{
    const struct page_options options = {.refresh = answer->refresh, .now = time(NULL)};
    json_t *status = answer_collected(answer);

    answer->type = PAGE_CONTENT_TYPE;
    page_render(status, &options, &answer->body);
    json_decref(status);
}

static void answer_metrics(struct answer *answer)
{
    enum exposition_format format =
        answer->open_metrics ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS;

    answer->type = exposition_content_types[format];
    metrics_write(&answer->body, format);
    child_states_write(&answer->body, format, answer->host->configuration(answer->host_owner),
                       answer->reports);
    exposition_end(&answer->body, format);
}

static void answer_configuration(struct answer *answer)
{
    answer->type = answer_plain;
    configuration_format(answer->host->configuration(answer->host_owner), SHOW_TO_CLIENTS,
                         &answer->body);
}

static void answer_health(struct answer *answer)
{
    answer->type = answer_plain;
    buffer_append_string(&answer->body, "ok\n");
}

static void answer_readiness(struct answer *answer)
{
    bool running = answer->host->state(answer->host_owner) == CONTROL_RUNNING;

    answer->type = answer_plain;
    answer->status = running ? 200 : 503;
    buffer_append_format(&answer->body, "%s\n", running ? "ok" : answer_state(answer));
}

/* ---- changing ---- */

/* A browser is led back to the page: relative, for proxies with a path of their own. */
static void answer_lead_back(struct answer *answer, const char *page)
{
    if (answer->for_browser) {
        answer->status = 303;
        answer->location = page;
    }
}

static void answer_done(struct answer *answer, const char *page, json_t *json)
{
    answer_lead_back(answer, page);
    answer_json(answer, json, 0);
}

static void answer_reload(struct answer *answer)
{
    struct error error = {0};

    if (answer->host->state(answer->host_owner) == CONTROL_STOPPING) {
        answer_error(answer, 409, "the manager is stopping");
        return;
    }
    log_message("[control][reload] asked for by a client of the controller");
    if (!answer->host->reload(answer->host_owner, &error)) {
        answer_error(answer, 500, error.message);
        answer_lead_back(answer, "./"); /* where the mistake is told */
        return;
    }
    answer_done(answer, "./",
                json_pack("{s:i}", "generation",
                          (int)answer->host->configuration(answer->host_owner)->generation));
}

static void answer_switch(struct answer *answer, bool off)
{
    const struct configuration *configuration = answer->host->configuration(answer->host_owner);
    const char *child = answer->segment;

    /* One that a reload has taken away may still be switched on. */
    if (configuration_find_child(configuration, child) < 0 && (off || !switches_disabled(child))) {
        char *sentence = memory_format("there is no milter \"%.200s\"", child);

        answer_error(answer, 404, sentence);
        free(sentence);
        return;
    }
    if (off && !switches_disable(child)) {
        answer_error(answer, 409,
                     "it cannot be switched off: its name is too long, or 256 milters are "
                     "switched off; disable it in the configuration");
        return;
    }
    if (!off) {
        switches_enable(child);
    }
    metrics_configuration(configuration);
    log_event(LOG_LEVEL_MESSAGE, LOG_FIELDS(LOG_TEXT("child", child)), "[control][%s] %s \"%s\"",
              off ? "disable" : "enable",
              off ? "new sessions go without milter"
                  : "new sessions go by what the configuration says of milter",
              child);
    answer_done(
        answer, "../../",
        json_pack("{s:o, s:b}", "child", json_text_or_null(child), "switched_off", (int)off));
}

static void answer_disable(struct answer *answer)
{
    answer_switch(answer, true);
}

static void answer_enable(struct answer *answer)
{
    answer_switch(answer, false);
}

const struct route answers_routes[] = {
    {"/", ROUTE_GET, true, answer_page},
    {"/status", ROUTE_GET, true, answer_status},
    {"/metrics", ROUTE_GET, true, answer_metrics},
    {"/configuration", ROUTE_GET, false, answer_configuration},
    {"/healthz", ROUTE_GET, false, answer_health},
    {"/readyz", ROUTE_GET, false, answer_readiness},
    {"/reload", ROUTE_POST, false, answer_reload},
    {"/children/*/disable", ROUTE_POST, false, answer_disable},
    {"/children/*/enable", ROUTE_POST, false, answer_enable},
};
const unsigned answers_route_count = sizeof(answers_routes) / sizeof(answers_routes[0]);
