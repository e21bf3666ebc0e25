/*
 * failure - the sentence a user reads when a session failed.  Pure functions.
 */
#include "milter-test-server/failure.h"

#include <string.h>

/* Said of a peer that has not sent a single byte: what operators connect to by mistake. */
static const char closed_hint[] =
    "; a peer that hangs up without a word may speak TLS or another protocol, refuse this client,"
    " or not take the version offered (--negotiate-version)";
static const char silent_hint[] =
    "; a peer that never says a word may not be a milter but wait for a line, as HTTP servers and"
    " clamd do";

/* The system's words at the end of a sentence of the stream. */
static const char *system_words(const struct error *cause)
{
    const char *colon = strrchr(cause->message, ':');

    return colon != NULL && colon[1] == ' ' ? colon + 2 : cause->message;
}

void failure_to_connect(struct error *error, const char *spec, double seconds,
                        const struct error *cause)
{
    if (cause->code == ERROR_TIMEOUT) {
        error_set(error, ERROR_TIMEOUT,
                  "connection timeout: %s did not take the connection within %g seconds", spec,
                  seconds);
    } else {
        error_set(error, cause->code, "Failed to connect to %s: %s", spec, system_words(cause));
    }
}

void failure_of_silence(struct error *error, const struct failure *failure, const char *limit)
{
    error_set(error, ERROR_TIMEOUT,
              "%s timeout: no answer from %s for %g seconds (%s: %zu bytes read, %zu bytes"
              " written)%s",
              limit, failure->peer, failure->seconds, failure->stage, failure->bytes_read,
              failure->bytes_written, failure->bytes_read == 0 ? silent_hint : "");
}

void failure_describe(struct error *error, const struct failure *failure, const char *sentence)
{
    /* A peer that hangs up on the first packet does so by closing or by resetting. */
    bool wordless = failure->bytes_read == 0 &&
                    (failure->code == ERROR_CLOSED || failure->code == ERROR_SYSTEM);

    error_set(error, failure->code, "%s (%s: %zu bytes read, %zu bytes written)%s", sentence,
              failure->stage, failure->bytes_read, failure->bytes_written,
              wordless ? closed_hint : "");
}
