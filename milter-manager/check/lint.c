/*
 * lint - the table of rules.
 *
 * A rule looks at one child or at the whole and adds findings.  It never asks
 * anybody: what the children said is in the probes.
 */
#include "milter-manager/check/lint.h"

#include "libcore/base/buffer.h"
#include "milter-manager/check/kind.h"
#include "milter-manager/check/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const struct configuration_child *child_at(const struct check *check, unsigned index)
{
    return &check->configuration->children[index];
}

static bool in_use(const struct check *check, unsigned index)
{
    return child_at(check, index)->enabled && child_at(check, index)->connection_spec != NULL;
}

/* Where the item was assigned, else where the child was defined. */
static struct location place_of(const struct check *check, unsigned index, const char *item)
{
    struct location location = {0};

    if (item != NULL) {
        location = configuration_child_location(check->configuration, index, item);
    }
    return location.line > 0 ? location
                             : configuration_child_location(check->configuration, index, NULL);
}

/* ---- one child */

static void lint_disabled(struct check *check, unsigned index)
{
    if (!child_at(check, index)->enabled) {
        findings_add(check->findings, FINDING_NOTE, place_of(check, index, "enabled"),
                     "milter \"%s\" is disabled: it is neither used nor asked",
                     child_at(check, index)->name);
    }
}

static void lint_evaluation(struct check *check, unsigned index)
{
    if (in_use(check, index) && child_at(check, index)->evaluation_mode) {
        findings_add(check->findings, FINDING_NOTE, place_of(check, index, "evaluation_mode"),
                     "milter \"%s\" is in evaluation mode: what it answers and changes is logged "
                     "and ignored",
                     child_at(check, index)->name);
    }
}

static const struct {
    enum finding_severity now, ever;
    const char *what;
} fallbacks[VERDICT_DISCARD + 1] = {
    [VERDICT_ACCEPT] = {FINDING_OK, FINDING_OK, ""}, /* lint_passing */
    [VERDICT_TEMPORARY_FAILURE] = {FINDING_WARNING, FINDING_OK, "its mail is put off"},
    [VERDICT_REJECT] = {FINDING_ERROR, FINDING_OK, "its mail is refused for good"},
    [VERDICT_DISCARD] = {FINDING_ERROR, FINDING_WARNING, "its mail is thrown away unseen"},
};

static bool failed(const struct check *check, unsigned index)
{
    enum probe_outcome outcome = check->probes[index].outcome;

    return outcome != PROBE_NEGOTIATED && outcome != PROBE_NOT_ASKED &&
           !child_at(check, index)->evaluation_mode;
}

static void lint_fallback(struct check *check, unsigned index)
{
    const struct configuration_child *child = child_at(check, index);
    enum finding_severity ever = fallbacks[child->fallback_status].ever;
    enum finding_severity now = fallbacks[child->fallback_status].now;
    struct location location = place_of(check, index, "fallback_status");

    if (now != FINDING_OK && failed(check, index)) {
        findings_add(check->findings, now, location,
                     "milter \"%s\" cannot be used and has fallback_status \"%s\": %s until it is "
                     "back",
                     child->name, verdict_name(child->fallback_status),
                     fallbacks[child->fallback_status].what);
    } else if (ever != FINDING_OK && in_use(check, index) && !child->evaluation_mode) {
        findings_add(check->findings, ever, location,
                     "milter \"%s\" has fallback_status \"%s\": whenever it fails, %s; "
                     "\"temporary-failure\" keeps the mail",
                     child->name, verdict_name(child->fallback_status),
                     fallbacks[child->fallback_status].what);
    }
}

static const char *unix_path(const struct socket_address *address)
{
    return ((const struct sockaddr_un *)(const void *)&address->storage)->sun_path;
}

static void lint_relative_path(struct check *check, unsigned index)
{
    const struct socket_address *address = &child_at(check, index)->address;

    if (in_use(check, index) && address->storage.ss_family == AF_UNIX &&
        unix_path(address)[0] != '/') {
        findings_add(check->findings, FINDING_WARNING, place_of(check, index, "connection_spec"),
                     "milter \"%s\": %s is a relative path, and the directory of a daemon is /; "
                     "write the whole path",
                     child_at(check, index)->name, child_at(check, index)->connection_spec);
    }
}

/* A listener at any address is reached at every one. */
static bool same_address(const struct socket_address *one, const struct socket_address *other,
                         bool any)
{
    const struct sockaddr_in *a = (const void *)&one->storage, *b = (const void *)&other->storage;
    const struct sockaddr_in6 *c = (const void *)&one->storage, *d = (const void *)&other->storage;

    if (one->length == 0 || one->storage.ss_family != other->storage.ss_family) {
        return false;
    }
    switch (one->storage.ss_family) {
    case AF_UNIX:
        return strcmp(unix_path(one), unix_path(other)) == 0;
    case AF_INET:
        return a->sin_port == b->sin_port && (a->sin_addr.s_addr == b->sin_addr.s_addr ||
                                              (any && b->sin_addr.s_addr == htonl(INADDR_ANY)));
    default:
        return c->sin6_port == d->sin6_port &&
               (memcmp(&c->sin6_addr, &d->sin6_addr, sizeof(c->sin6_addr)) == 0 ||
                (any && IN6_IS_ADDR_UNSPECIFIED(&d->sin6_addr)));
    }
}

static void lint_loop(struct check *check, unsigned index)
{
    const char *own = configuration_listen_spec(check->configuration);
    struct socket_address address;
    struct error ignored = {0};

    if (in_use(check, index) && connection_spec_parse(own, &address, &ignored) &&
        same_address(&child_at(check, index)->address, &address, true)) {
        findings_add(
            check->findings, FINDING_ERROR, place_of(check, index, "connection_spec"),
            "milter \"%s\": %s is where milter-manager itself listens: every mail would go "
            "round in a circle; correct one of the two",
            child_at(check, index)->name, child_at(check, index)->connection_spec);
    }
}

static void lint_same_spec(struct check *check, unsigned index)
{
    for (unsigned i = 0; in_use(check, index) && i < index; i++) {
        if (in_use(check, i) &&
            same_address(&child_at(check, index)->address, &child_at(check, i)->address, false)) {
            findings_add(check->findings, FINDING_WARNING,
                         place_of(check, index, "connection_spec"),
                         "milter \"%s\" has the same connection_spec as \"%s\": each mail goes "
                         "through it twice; correct one of the two, or remove it",
                         child_at(check, index)->name, child_at(check, i)->name);
            return;
        }
    }
}

/* ---- the order of children */

static unsigned kind_of(const struct check *check, unsigned index)
{
    const struct configuration_child *child = child_at(check, index);

    return in_use(check, index) ? kind_guess(child->name, child->connection_spec) : 0;
}

static void lint_dmarc(struct check *check, unsigned index)
{
    if ((kind_of(check, index) & (KIND_DKIM_VERIFIER | KIND_SPF)) == 0) {
        return;
    }
    for (unsigned i = 0; i < index; i++) {
        if ((kind_of(check, i) & KIND_DMARC) != 0) {
            findings_add(check->findings, FINDING_WARNING, place_of(check, index, NULL),
                         "milter \"%s\" comes after \"%s\", and DMARC needs what it finds out; "
                         "define it before",
                         child_at(check, index)->name, child_at(check, i)->name);
            return;
        }
    }
}

/* Conditions that keep mail of one's own users, which is what gets signed, from a child. */
static bool leaves_own_mail_alone(const struct check *check, unsigned index)
{
    static const char *const conditions[] = {"Unauthenticated", "Remote Network", "S25R"};
    const char *name;

    for (unsigned position = 0;
         (name = configuration_child_condition(check->configuration, index, position)) != NULL;
         position++) {
        for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
            if (strcmp(name, conditions[i]) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Who also verifies has to come early; then only a changed body is worth a word. */
static void lint_signer(struct check *check, unsigned index)
{
    unsigned kind = kind_of(check, index);
    uint32_t harm = (kind & KIND_DKIM_VERIFIER) != 0 ? ACTION_CHANGE_BODY
                                                     : ACTION_CHANGE_BODY | ACTION_CHANGE_HEADERS;

    for (unsigned i = index + 1;
         (kind & KIND_DKIM_SIGNER) != 0 && i < check->configuration->child_count; i++) {
        uint32_t actions =
            check->probes[i].outcome == PROBE_NEGOTIATED ? check->probes[i].answer.actions : 0;

        if (in_use(check, i) && (actions & harm) != 0 && !child_at(check, i)->evaluation_mode &&
            !leaves_own_mail_alone(check, i)) {
            findings_add(check->findings, FINDING_WARNING, place_of(check, index, NULL),
                         "milter \"%s\" comes before \"%s\", which may change %s: a signature made "
                         "before that becomes invalid; sign last, or keep your own mail from "
                         "\"%s\" (condition \"Unauthenticated\")",
                         child_at(check, index)->name, child_at(check, i)->name,
                         (actions & ACTION_CHANGE_BODY) != 0 ? "the body" : "the header",
                         child_at(check, i)->name);
            return;
        }
    }
}

static void lint_surplus(struct check *check, unsigned index)
{
    const struct negotiation *surplus = &check->probes[index].surplus;

    if (surplus->actions != 0 || surplus->steps != 0) {
        findings_add(
            check->findings, FINDING_NOTE, place_of(check, index, NULL),
            "milter \"%s\" claims actions 0x%lx and steps 0x%lx that no mail server offers; "
            "they are ignored",
            child_at(check, index)->name, (unsigned long)surplus->actions,
            (unsigned long)surplus->steps);
    }
}

/* ---- the whole */

static void lint_nobody(struct check *check)
{
    bool any = false;

    for (unsigned i = 0; i < check->configuration->child_count; i++) {
        any |= in_use(check, i);
    }
    if (!any) {
        findings_add(check->findings, FINDING_WARNING, (struct location){0},
                     "no milter is in use: all mail passes as it is; define_milter adds one");
    }
}

/* The mode whose octal digits are the decimal ones of number; 0: there is none. */
static unsigned mode_meant(unsigned number)
{
    enum { DECIMAL = 10, OCTAL = 8 };
    unsigned mode = 0;

    for (unsigned place = 1; number > 0; number /= DECIMAL, place *= OCTAL) {
        if (number % DECIMAL >= OCTAL) {
            return 0;
        }
        mode += number % DECIMAL * place;
    }
    return mode;
}

static bool mode_usable(unsigned mode)
{
    enum { OWNER = 0600, ALL = 0777 };

    return (mode & OWNER) == OWNER && mode <= ALL;
}

/* To Ruby 660 is 01224, which shuts out those it was meant for. */
static void lint_socket_mode(struct check *check)
{
    unsigned mode = check->configuration->manager.unix_socket_mode;
    unsigned meant = mode_usable(mode_meant(mode)) ? mode_meant(mode) : 0660;

    if (strncmp(configuration_listen_spec(check->configuration), "inet", strlen("inet")) != 0 &&
        !mode_usable(mode)) {
        findings_add(check->findings, FINDING_WARNING,
                     configuration_location(check->configuration, "manager.unix_socket_mode"),
                     "manager.unix_socket_mode is %#o, with which nobody can connect as usual; "
                     "write it with a 0 in front: %#o",
                     mode, meant);
    }
}

/* The mail that passes where a milter is missing. */
static void lint_passing(struct check *check)
{
    struct buffer names = {0};

    for (unsigned i = 0; i < check->configuration->child_count; i++) {
        if (failed(check, i) && child_at(check, i)->fallback_status == VERDICT_ACCEPT) {
            buffer_append_format(&names, "%s\"%s\"", buffer_length(&names) > 0 ? ", " : "",
                                 child_at(check, i)->name);
        }
    }
    if (buffer_length(&names) > 0) {
        findings_add(check->findings, FINDING_NOTE, (struct location){0},
                     "mail passes without %.*s until it is back: fallback_status is \"accept\"",
                     (int)buffer_length(&names), buffer_slice(&names).data);
    }
    buffer_clear(&names);
}

typedef void child_rule_fn(struct check *check, unsigned index);
typedef void whole_rule_fn(struct check *check);

static whole_rule_fn *const whole_rules[] = {lint_nobody, lint_socket_mode, limits_check,
                                             lint_passing};
static child_rule_fn *const child_rules[] = {
    lint_loop,   lint_same_spec, lint_relative_path, lint_fallback,   lint_dmarc,
    lint_signer, lint_surplus,   lint_disabled,      lint_evaluation,
};

void lint_run(struct check *check)
{
    for (size_t rule = 0; rule < sizeof(whole_rules) / sizeof(whole_rules[0]); rule++) {
        whole_rules[rule](check);
    }
    for (unsigned i = 0; i < check->configuration->child_count; i++) {
        for (size_t rule = 0; rule < sizeof(child_rules) / sizeof(child_rules[0]); rule++) {
            child_rules[rule](check, i);
        }
    }
}
