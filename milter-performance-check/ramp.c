/*
 * ramp - rates tried one after another.  Pure functions.
 */
#include "milter-performance-check/ramp.h"

#include <math.h>
#include <stdlib.h>

/* What a server that keeps up may do. */
static const double bearable_failures = 0.01; /* of the mails */
static const double bearable_growth = 10;     /* of p99 over that of the first step */
static const double bearable_p99 = 0.1;       /* seconds; what is faster is no trouble */

/* A number above 0 up to the end, a colon. */
static bool take_rate(const char **text, char end, double *rate)
{
    char *behind;

    /* strtod would take blanks, signs, "inf" and hexadecimal numbers too. */
    if ((**text < '0' || **text > '9') && **text != '.') {
        return false;
    }
    *rate = strtod(*text, &behind);
    if (*behind != end || !isfinite(*rate) || *rate <= 0) {
        return false;
    }
    *text = end == '\0' ? behind : behind + 1;
    return true;
}

bool ramp_parse(const char *text, struct ramp *ramp, struct error *error)
{
    struct ramp parsed = {.step_seconds = ramp->step_seconds};
    const char *rest = text;

    if (!take_rate(&rest, ':', &parsed.from) || !take_rate(&rest, ':', &parsed.to) ||
        !take_rate(&rest, '\0', &parsed.step)) {
        error_set(error, ERROR_USAGE,
                  "invalid ramp: <%s>: it must be FROM:TO:STEP, mails a second above 0, as in "
                  "100:1000:50",
                  text);
        return false;
    }
    if (parsed.to < parsed.from) {
        error_set(error, ERROR_USAGE, "invalid ramp: <%s>: it must end at %g mails/s or more", text,
                  parsed.from);
        return false;
    }
    if ((parsed.to - parsed.from) / parsed.step >= RAMP_STEPS) {
        error_set(error, ERROR_USAGE,
                  "invalid ramp: <%s>: it has more than %d steps; a wider STEP makes it shorter",
                  text, (int)RAMP_STEPS);
        return false;
    }
    *ramp = parsed;
    return true;
}

unsigned ramp_step_count(const struct ramp *ramp)
{
    /* Steps such as 0.1 do not add up exactly. */
    double steps = floor((ramp->to - ramp->from) / ramp->step + 1e-6) + 1;

    return steps < RAMP_STEPS ? (unsigned)steps : RAMP_STEPS;
}

double ramp_rate(const struct ramp *ramp, unsigned step)
{
    return ramp->from + step * ramp->step;
}

static double seconds_taken(const struct ramp_step *step)
{
    return step->ended > step->started ? (double)(step->ended - step->started) / 1e9 : 0;
}

double ramp_achieved(const struct ramp_step *step)
{
    double seconds = seconds_taken(step);

    return seconds > 0 ? (double)(step->sent + step->failed) / seconds : 0;
}

static double seconds_of(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e9;
}

/*
 * The last mail was over long after it was due, and so was every other one: a few slow mails are
 * no queue.  What mails take of themselves is seen in the fastest of the first step.
 */
static bool piled_up(const struct ramp_step *step, const struct ramp_step *first,
                     double step_seconds)
{
    double bearable = 3 * seconds_of(first->mail.minimum) + 0.05 * step_seconds + 0.05;

    return seconds_taken(step) > step_seconds + 2 * bearable &&
           seconds_of(histogram_percentile(&step->mail, 50)) > bearable;
}

static bool too_slow(const struct ramp_step *step, const struct ramp_step *first, double max_p99)
{
    double limit = max_p99;

    if (limit <= 0) {
        limit = bearable_growth * seconds_of(histogram_percentile(&first->mail, 99));
        limit = limit > bearable_p99 ? limit : bearable_p99;
    }
    return seconds_of(histogram_percentile(&step->mail, 99)) > limit;
}

void ramp_judge(struct ramp_step *step, const struct ramp_step *first, double step_seconds,
                double max_p99)
{
    double mails = (double)(step->sent + step->failed);

    step->overload = NULL;
    if (mails < 1) {
        step->overload = "no mail ended";
    } else if ((double)step->failed > bearable_failures * mails) {
        step->overload = "mails failed";
    } else if (piled_up(step, first, step_seconds)) {
        step->overload = "mails piled up";
    } else if (too_slow(step, first, max_p99)) {
        step->overload = "mails took too long";
    }
}

void ramp_interrupt(struct ramp_step *step)
{
    step->interrupted = true;
    step->overload = "interrupted";
}

unsigned ramp_judged(const struct ramp_step *steps, unsigned count)
{
    return count > 0 && steps[count - 1].interrupted ? count - 1 : count;
}

const struct ramp_step *ramp_knee(const struct ramp_step *steps, unsigned count)
{
    unsigned good = 0;

    while (good < count && steps[good].overload == NULL) {
        good++;
    }
    return good > 0 ? steps + good - 1 : NULL;
}
