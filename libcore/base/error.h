/*
 * error - what went wrong, as a value: a code and a sentence for the operator.
 *
 * The sentence says who, what, which peer, errno and what was expected.  The
 * first error set wins, so the cause is not hidden by its consequences.
 */
#ifndef LIBCORE_BASE_ERROR_H
#define LIBCORE_BASE_ERROR_H

enum error_code {
    ERROR_NONE,
    ERROR_USAGE,    /* the user's input: options, configuration, files */
    ERROR_SYSTEM,   /* the operating system refused */
    ERROR_PROTOCOL, /* the peer broke the protocol */
    ERROR_TIMEOUT,  /* the peer took too long */
    ERROR_CLOSED,   /* the peer went away */
};

struct error {
    enum error_code code;
    char message[512];
};

/* Sets *error unless it is NULL or already set.  Long sentences are cut. */
void error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As error_set with ERROR_SYSTEM, followed by ": " and the text of errno. */
void error_set_errno(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void error_clear(struct error *error);

#endif
