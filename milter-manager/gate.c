/*
 * gate - when connections of the MTA are taken.
 *
 * Owns the timers and the count of sessions; never waits itself.
 */
#include "milter-manager/gate.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/process.h"
#include "milter-manager/board.h"
#include "milter-manager/control/tally.h"

#include <stdlib.h>
#include <string.h>

enum {
    GATE_OWN_DESCRIPTORS = 24, /* log, loop, Ruby, listeners, temporary files */
    GATE_SLACK = 8,            /* an eighth more sessions than another worker are no matter */
};

/* Enough for a worker that sleeps to wake up; nobody notices it if that hangs. */
static const double gate_courtesy = 0.001;

struct gate {
    struct loop *loop;
    struct listener *listener;
    const struct configuration *configuration;
    unsigned sessions;
    unsigned reserved;         /* descriptors */
    unsigned long turned_away; /* while there was no room */
    bool suspended;
    bool told;       /* that there is no room */
    bool stood_back; /* the next connection is this process' in any case */
    struct loop_timer *retry;
    struct loop_timer *calm;     /* there has been room for a while */
    struct loop_timer *courtesy; /* another worker has had its chance */
};

/*
 * More sessions than the descriptors suffice for would only fail to reach their
 * children.
 */
static unsigned gate_maximum(const struct gate *gate)
{
    unsigned configured = gate->configuration->manager.max_connections;
    unsigned long descriptors = process_descriptor_limit();
    unsigned long own = GATE_OWN_DESCRIPTORS + gate->reserved;
    unsigned long possible =
        descriptors <= own ? 1 : (descriptors - own) / (gate->configuration->child_count + 1UL);

    if (possible == 0) {
        possible = 1;
    }
    return configured > 0 && configured < possible ? configured : (unsigned)possible;
}

static bool gate_full(const struct gate *gate)
{
    return gate->sessions >= gate_maximum(gate);
}

/* Whoever comes is closed at once, instead of waiting. */
static bool gate_refuses(const struct gate *gate)
{
    return gate->configuration->manager.refuse_when_full && gate_full(gate);
}

/* At least a second: an item of 0 must not keep the loop turning. */
static double gate_pause(const struct gate *gate)
{
    unsigned seconds = gate->configuration->manager.suspend_time_on_unacceptable;

    return seconds > 0 ? seconds : 1;
}

/* ---- what is said of it */

static void gate_tell(struct gate *gate, const char *reason)
{
    loop_timer_stop(gate->calm);
    if (!gate->told) {
        gate->told = true;
        gate->turned_away = 0;
        log_event(LOG_LEVEL_WARNING,
                  LOG_FIELDS(LOG_COUNT("sessions", gate->sessions),
                             LOG_COUNT("maximum", gate_maximum(gate))),
                  "%s", reason);
    }
}

static void gate_tell_full(struct gate *gate)
{
    bool refuse = gate->configuration->manager.refuse_when_full;
    char *reason =
        memory_format("[client][accept][%s] too many processing connection: %u, max: %u; %s",
                      refuse ? "refuse" : "suspend", gate->sessions, gate_maximum(gate),
                      refuse ? "connections are refused until a session ends"
                             : "connections wait until a session ends");

    gate_tell(gate, reason);
    free(reason);
}

static void gate_calmed(void *owner)
{
    struct gate *gate = owner;

    gate->told = false;
    if (gate->turned_away > 0) {
        log_warning("[client][accept][resume] resume accepting connection; refused: %lu",
                    gate->turned_away);
    } else {
        log_warning("[client][accept][resume] resume accepting connection.");
    }
}

/* ---- open and shut */

static void gate_suspend(struct gate *gate)
{
    gate->suspended = true;
    counter_increment(&tally()->suspensions);
    if (gate->listener != NULL) {
        listener_suspend(gate->listener);
    }
    loop_timer_start(gate->retry, gate_pause(gate));
}

static void gate_resume(struct gate *gate)
{
    loop_timer_stop(gate->retry);
    if (gate->told && !loop_timer_active(gate->calm)) {
        loop_timer_start(gate->calm, gate_pause(gate));
    }
    if (gate->suspended && gate->listener != NULL) {
        gate->suspended = false;
        listener_resume(gate->listener);
    }
}

/* After a lack of descriptors, and when a reload has made room. */
static void gate_retry(void *owner)
{
    struct gate *gate = owner;

    if (gate_full(gate) && !gate_refuses(gate)) {
        loop_timer_start(gate->retry, gate_pause(gate));
    } else {
        gate_resume(gate);
    }
}

/* ---- side by side with other workers */

static void gate_step_forward(void *owner)
{
    struct gate *gate = owner;

    if (!gate->suspended && gate->listener != NULL) {
        listener_resume(gate->listener);
    }
}

bool gate_willing(struct gate *gate)
{
    unsigned fewest = board_fewest_sessions();

    if (gate->stood_back || gate->sessions <= fewest + fewest / GATE_SLACK) {
        gate->stood_back = false;
        return true;
    }
    gate->stood_back = true;
    listener_suspend(gate->listener);
    loop_timer_start(gate->courtesy, gate_courtesy);
    return false;
}

/* ---- sessions */

/* Not refused are those, too, that come when a reload has just taken away the room for them. */
bool gate_admit(struct gate *gate)
{
    if (!gate_refuses(gate)) {
        return true;
    }
    gate_tell_full(gate);
    gate->turned_away++;
    return false;
}

void gate_entered(struct gate *gate)
{
    gate->sessions++;
    if (gate_full(gate) && !gate_refuses(gate)) {
        gate_tell_full(gate);
        gate_suspend(gate);
    }
}

void gate_left(struct gate *gate)
{
    gate->sessions--;
    if (!gate_full(gate)) {
        gate_resume(gate);
    }
}

void gate_exhausted(struct gate *gate, int error_number)
{
    char *reason = memory_format("[client][accept][suspend] too many file is opened. suspend "
                                 "accepting connection in %g seconds: %s",
                                 gate_pause(gate), strerror(error_number));

    gate_tell(gate, reason);
    free(reason);
    gate_suspend(gate);
}

/* ---- life */

struct gate *gate_new(struct loop *loop)
{
    struct gate *gate = NEW(struct gate);

    gate->loop = loop;
    gate->retry = loop_timer_new(loop, gate_retry, gate);
    gate->calm = loop_timer_new(loop, gate_calmed, gate);
    gate->courtesy = loop_timer_new(loop, gate_step_forward, gate);
    return gate;
}

void gate_free(struct gate *gate)
{
    loop_timer_free(gate->retry);
    loop_timer_free(gate->calm);
    loop_timer_free(gate->courtesy);
    free(gate);
}

void gate_configure(struct gate *gate, const struct configuration *configuration)
{
    gate->configuration = configuration;
}

void gate_reserve(struct gate *gate, unsigned descriptors)
{
    gate->reserved = descriptors;
}

void gate_watch(struct gate *gate, struct listener *listener)
{
    gate->listener = listener;
    gate->suspended = true;
    if (listener != NULL) {
        listener_suspend(listener);
    } else {
        loop_timer_stop(gate->retry);
    }
}

void gate_open(struct gate *gate)
{
    gate_resume(gate);
}
