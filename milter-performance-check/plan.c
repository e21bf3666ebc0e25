/*
 * plan - all a run is told by its command line.
 */
#include "milter-performance-check/plan.h"

void plan_complete(struct plan *plan, uint64_t mails)
{
    plan->mail_limit = plan->flood || plan->ramps ? 0 : mails;
    if (plan->period > 0) {
        plan->rate = (double)mails / plan->period;
    }
}
