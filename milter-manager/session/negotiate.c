/*
 * negotiate - the options of all children become one answer.
 *
 * The MTA is never promised silence or spared an event: a stopper or a later
 * child may need what one child does not, and what each child asked for is kept
 * in its own mta machine (manager-semantics sections 2 and 17 rows 1 to 3).
 */
#include "milter-manager/session/negotiate.h"

#include "libcore/base/memory.h"
#include "libcore/wire/macro.h"
#include "milter-manager/child/health.h"
#include "milter-manager/control/tally.h"
#include "milter-manager/session/about.h"
#include "milter-manager/session/child.h"
#include "milter-manager/session/explanation.h"

#include <stdlib.h>

/*
 * What MTAs send unasked (milter-protocol section 4.1): a list that replaces an
 * MTA's default must not take these from the children that listed nothing.
 */
static const struct {
    enum command stage;
    struct slice names;
} negotiate_default_macros[] = {
    {COMMAND_CONNECT, SLICE_LITERAL("j _ v {daemon_name} {daemon_addr} {if_name} {if_addr}")},
    {COMMAND_HELO,
     SLICE_LITERAL("{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}")},
    {COMMAND_MAIL, SLICE_LITERAL("i {auth_type} {auth_authen} {auth_ssf} {auth_author} "
                                 "{mail_mailer} {mail_host} {mail_addr}")},
    {COMMAND_RCPT, SLICE_LITERAL("i {rcpt_mailer} {rcpt_host} {rcpt_addr}")},
    {COMMAND_DATA, SLICE_LITERAL("i")},
    {COMMAND_END_OF_MESSAGE, SLICE_LITERAL("i {msg_id}")},
    {COMMAND_END_OF_HEADER, SLICE_LITERAL("i")},
};
enum {
    NEGOTIATE_MACRO_STAGES = sizeof(negotiate_default_macros) / sizeof(negotiate_default_macros[0])
};

struct slice negotiate_unasked_macros(enum command stage)
{
    for (unsigned i = 0; i < NEGOTIATE_MACRO_STAGES; i++) {
        if (negotiate_default_macros[i].stage == stage) {
            return negotiate_default_macros[i].names;
        }
    }
    return slice_of("", 0);
}

static bool negotiate_usable(struct session *session, const struct configuration_child *child)
{
    if (child->enabled && child->connection_spec == NULL) {
        log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("child", child->name)),
                  "[manager][error] milter without connection_spec is not used: %s", child->name);
    }
    if (!child->enabled || child->connection_spec == NULL) {
        return false;
    }
    if (session->host->switched_off != NULL && session->host->switched_off(child->name)) {
        explanation_switched_off(session, child);
        return false;
    }
    return true;
}

static void negotiate_make_children(struct session *session)
{
    const struct configuration *configuration = session->configuration;

    session->children = memory_new(configuration->child_count, sizeof(*session->children));
    session->child_count = 0;
    for (unsigned i = 0; i < configuration->child_count; i++) {
        if (negotiate_usable(session, &configuration->children[i])) {
            child_init(&session->children[session->child_count++], session,
                       &configuration->children[i]);
        }
    }
}

/* Appends to names what the child listed for the stage and is not in names yet. */
static bool negotiate_add_listed(const struct session_child *child, enum command stage,
                                 struct buffer *names)
{
    struct slice lists = buffer_slice(&child->mta.macro_lists), listed, name;
    enum command listed_stage;
    bool added = false;

    while (negotiation_list_next(&lists, &listed_stage, &listed)) {
        while (listed_stage == stage && macro_list_next(&listed, &name)) {
            if (!macro_list_contains(buffer_slice(names), name)) {
                buffer_append_byte(names, ' ');
                buffer_append_slice(names, name);
                added = true;
            }
        }
    }
    return added;
}

/* The MTA's defaults and all that is listed, for stages where a child wants more than defaults. */
static void negotiate_merge_macros(const struct session *session, struct buffer *lists)
{
    struct buffer names = {0};

    for (unsigned i = 0; i < NEGOTIATE_MACRO_STAGES; i++) {
        bool more = false;

        buffer_reset(&names);
        buffer_append_slice(&names, negotiate_default_macros[i].names);
        for (unsigned k = 0; k < session->child_count; k++) {
            if (session->children[k].state == CHILD_READY) {
                more |= negotiate_add_listed(&session->children[k],
                                             negotiate_default_macros[i].stage, &names);
            }
        }
        if (more) {
            negotiation_list_append(lists, negotiate_default_macros[i].stage, buffer_slice(&names));
        }
    }
    buffer_clear(&names);
}

static void negotiate_answer(struct session *session)
{
    const struct negotiation *offer = &session->front.offer;
    struct negotiation answer = {.version = offer->version, .actions = offer->actions};
    struct buffer lists = {0};

    for (unsigned i = 0; i < session->child_count; i++) {
        if (session->children[i].state == CHILD_READY) {
            answer.steps |= session->children[i].mta.answer.steps & STEP_YES;
        }
    }
    answer.steps &= offer->steps;
    if ((offer->actions & ACTION_SET_MACRO_LIST) != 0) {
        negotiate_merge_macros(session, &lists);
    }
    answer.macro_lists = buffer_slice(&lists);
    filter_negotiate(&session->front, &answer);
    buffer_clear(&lists);
}

static void negotiate_finish_when_settled(struct session *session)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        if (session->children[i].state == CHILD_CONNECTING ||
            session->children[i].state == CHILD_NEGOTIATING) {
            return;
        }
    }
    session->activity = SESSION_IDLE;
    if (session->waiting) {
        session_resume_waiting(session);
        return;
    }
    negotiate_answer(session);
    session->last_replied = true;
    if (session->front_held) {
        session->host->resume_front(session);
    }
}

void negotiate_begin(struct session *session)
{
    session->activity = SESSION_NEGOTIATING;
    negotiate_make_children(session);
    for (unsigned i = 0; i < session->child_count; i++) {
        session->host->connect_child(&session->children[i]);
    }
    negotiate_finish_when_settled(session);
}

void negotiate_child_connected(struct session_child *child, struct buffer *output)
{
    child->mta.output = output;
    child->state = CHILD_NEGOTIATING;
    child->busy_since = child->session->host->now(child->session);
    counter_increment(&child->tally->connections_open);
    child->last_command = COMMAND_NEGOTIATE;
    mta_negotiate(&child->mta, &child->session->front.offer);
    child->session->host->expect_child(child, child->configuration->reading_timeout);
}

/* rspamd and others claim more than was offered: dropped, and said once per configuration. */
static void negotiate_warn_surplus(const struct session_child *child)
{
    const struct negotiation *surplus = &child->mta.surplus;
    struct configuration *configuration = child->session->configuration;
    bool *warned =
        &configuration->children[child->configuration - configuration->children].surplus_warned;

    if ((surplus->actions == 0 && surplus->steps == 0) || *warned) {
        return;
    }
    *warned = true;
    log_event(LOG_LEVEL_WARNING, LOG_FIELDS(ABOUT_CHILD(child), LOG_TEXT("stage", "negotiate")),
              "[children][negotiate][warning] [%u] answered actions 0x%lx and steps 0x%lx that "
              "were not offered; they are ignored: %s",
              child->session->tag, (unsigned long)surplus->actions, (unsigned long)surplus->steps,
              child->configuration->name);
}

void negotiate_child_answered(struct session_child *child)
{
    child->session->host->expect_child(child, 0);
    child->state = CHILD_READY;
    health_reached(child->configuration->name, child->configuration->connection_spec, time(NULL),
                   child->session->host->now(child->session));
    negotiate_warn_surplus(child);
    negotiate_finish_when_settled(child->session);
}

void negotiate_child_failed(struct session_child *child, enum child_failure failure,
                            const char *cause)
{
    child_expire(child, failure, cause);
    child->fallback_due = true;
    negotiate_finish_when_settled(child->session);
}
