/*
 * client - the side that sends mail over SMTP and LMTP: a state machine without
 * I/O and without a clock (RFC 5321, 2033, 2920, 3030, 3207, 4954, 1870, 6152,
 * 6531 and Postfix's XCLIENT).
 *
 * The owner feeds it what the server says, and it appends what is to be said
 * to its output.  Whenever it cannot go on by itself it has a wish: handshake,
 * credentials, a mail.  Every answer becomes one event, with the time it took.
 * Times are the owner's nanoseconds.
 */
#ifndef LIBCORE_SMTP_CLIENT_H
#define LIBCORE_SMTP_CLIENT_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/smtp/extensions.h"
#include "libcore/smtp/reply.h"

/* What an answer is to.  The order is that of a session. */
enum smtp_phase {
    SMTP_PHASE_CONNECT, /* the greeting */
    SMTP_PHASE_TLS,
    SMTP_PHASE_XCLIENT,
    SMTP_PHASE_AUTH,
    SMTP_PHASE_HELO,
    SMTP_PHASE_MAIL,
    SMTP_PHASE_RCPT,
    SMTP_PHASE_DATA,    /* the DATA command */
    SMTP_PHASE_CONTENT, /* the message, from its first byte to the server's verdict */
    SMTP_PHASE_RESET,
    SMTP_PHASE_QUIT,
    SMTP_PHASES,
};

enum smtp_starttls { SMTP_STARTTLS_AUTO, SMTP_STARTTLS_ALWAYS, SMTP_STARTTLS_NEVER };

/* Shared by any number of clients, unchanged while they live. */
struct smtp_client_options {
    bool lmtp;
    bool secured; /* TLS before the first byte: STARTTLS is not asked for */
    enum smtp_starttls starttls;
    struct slice xclient; /* " NAME=host ADDR=..." for the command; empty: no XCLIENT */
    bool pipelining;      /* commands go out without waiting, where it is offered */
    bool chunking;        /* BDAT instead of DATA, where it is offered */
    size_t chunk_size;    /* bytes of one BDAT */
};

struct smtp_mail {
    struct slice sender;            /* without brackets; may be empty */
    const struct slice *recipients; /* without brackets, one at least */
    size_t recipient_count;
    struct slice head, body; /* the content is head, then body; lines end in CRLF, the last too */
    bool dots;               /* a line of it begins with a dot */
    bool eight_bit;          /* a byte of it is above 127 */
};

enum smtp_wish {
    SMTP_WISH_NOTHING,   /* an answer is to come */
    SMTP_WISH_HANDSHAKE, /* TLS now, then smtp_client_secured */
    SMTP_WISH_LOGIN,     /* smtp_client_login or smtp_client_fail */
    SMTP_WISH_RESPONSE,  /* to the challenge in the event: smtp_client_respond */
    SMTP_WISH_MAIL,      /* smtp_client_send or smtp_client_quit */
    SMTP_WISH_CLOSE,     /* the session is over: well after QUIT or when the server leaves while
                            nothing is on its way, else see smtp_client_error */
};

/* One answer. */
struct smtp_event {
    enum smtp_phase phase;
    struct smtp_reply reply; /* in the input */
    uint64_t elapsed;        /* since what it answers went into the output, or since start */
    bool partial; /* not the last answer of its phase, a challenge, a chunk taken; or one to nothing
                   */
    bool mail_ended; /* with this answer: see smtp_client_outcome */
};

/* What became of the last mail. */
struct smtp_outcome {
    unsigned code;   /* of the answer that decided: 250, or the refusal */
    size_t accepted; /* recipients that will get it */
    size_t refused;  /* recipients refused one by one, in RCPT or LMTP's last answers */
    char text[256];  /* the answer that decided, on one line */
};

struct smtp_client;

/* options must outlive it. */
struct smtp_client *smtp_client_new(const struct smtp_client_options *options);
void smtp_client_free(struct smtp_client *client);
/*
 * A new connection is being made since now: the greeting is to come.  Forgets everything before.
 * host_name is our own, for EHLO, and copied; logs_in: AUTH is wanted.
 */
void smtp_client_start(struct smtp_client *client, struct slice host_name, bool logs_in,
                       uint64_t now);

/*
 * Takes one answer off the front of input and does what follows from it.  False:
 * more bytes are needed, or nobody waits for an answer (ask for the wish).  A
 * mistake of the server makes the wish SMTP_WISH_CLOSE with an error.
 */
bool smtp_client_take(struct smtp_client *client, struct slice *input, uint64_t now,
                      struct smtp_event *event);
enum smtp_wish smtp_client_wish(const struct smtp_client *client);
/* What is to be written; the owner consumes it. */
struct buffer *smtp_client_output(struct smtp_client *client);

/* The handshake is done. */
void smtp_client_secured(struct smtp_client *client, uint64_t now);
/* "PLAIN LOGIN": the mechanisms offered. */
struct slice smtp_client_mechanisms(const struct smtp_client *client);
/* initial: NULL when the mechanism lets the server speak first; bytes, not base64.  One too long
 * for a command is said when the server asks for it. */
void smtp_client_login(struct smtp_client *client, const char *mechanism,
                       const struct slice *initial, uint64_t now);
/* The answer to the challenge; bytes, not base64.  NULL gives up ("*"). */
void smtp_client_respond(struct smtp_client *client, const struct slice *response);
/* mail and what it refers to must stay as they are until the mail has ended. */
void smtp_client_send(struct smtp_client *client, const struct smtp_mail *mail, uint64_t now);
void smtp_client_quit(struct smtp_client *client, uint64_t now);
/* The owner cannot go on (no mechanism, handshake failed): the wish becomes SMTP_WISH_CLOSE. */
void smtp_client_fail(struct smtp_client *client, const struct error *error);

/*
 * While content is left, call this when the output has run empty: appends the
 * next bytes, about limit.  False when there is none.
 */
bool smtp_client_fill(struct smtp_client *client, size_t limit);

/* Set once the session failed. */
const struct error *smtp_client_error(const struct smtp_client *client);
const struct smtp_outcome *smtp_client_outcome(const struct smtp_client *client);
/* A mail is on its way: given to smtp_client_send and not ended. */
bool smtp_client_busy(const struct smtp_client *client);
/* What is being waited for, for error messages: "greeting", "answer to RCPT TO", ... */
const char *smtp_client_stage(const struct smtp_client *client);

#endif
