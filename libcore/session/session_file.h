/*
 * session_file - a conversation as readable text: what the MTA says, and what
 * the filter is expected to answer (milter-session(5)).
 *
 *   milter-session 1
 *   > negotiate 6 all all
 *   < negotiate *
 *   > connect mx.example.net inet 50443 192.0.2.1
 *   < continue
 *
 * A file is read into steps.  Every step keeps its text as it was written, so
 * that a file can be written again with only the expectations changed.
 */
#ifndef LIBCORE_SESSION_SESSION_FILE_H
#define LIBCORE_SESSION_SESSION_FILE_H

#include "libcore/base/word.h"
#include "libcore/wire/packet.h"
#include "libcore/wire/protocol.h"

#define SESSION_FILE_VERSION_LINE "milter-session 1"

enum session_step_kind {
    SESSION_STEP_TEXT,           /* the version line, a comment or an empty line */
    SESSION_STEP_SEND,           /* "> ...": a command, as an MTA would send it */
    SESSION_STEP_SEND_ANYWAY,    /* "! ...": a command, whatever an MTA would do */
    SESSION_STEP_SEND_BYTES,     /* "! hex", "! part", "! rest": bytes as they are */
    SESSION_STEP_CLOSE,          /* "> close": the MTA goes away */
    SESSION_STEP_EXPECT,         /* "< ...": a packet of the filter; "<? ...": it may be missing */
    SESSION_STEP_EXPECT_CLOSE,   /* "< close": the filter goes away */
    SESSION_STEP_EXPECT_NOTHING, /* "< nothing 200ms": the filter stays silent that long */
    SESSION_STEP_PAUSE,          /* "pause 200ms": the MTA waits */
    SESSION_STEP_TIMEOUT,        /* "timeout 5s": for every answer from here on */
};

/* All bytes belong to the file's arena. */
struct session_step {
    enum session_step_kind kind;
    unsigned line;        /* number of its first line, from 1 */
    struct slice text;    /* its lines, LF included; empty for all but the first packet of a body */
    double time;          /* "@0.120": seconds since the start of the session; negative: not said */
    double seconds;       /* PAUSE, TIMEOUT, EXPECT_NOTHING */
    struct packet packet; /* SEND, SEND_ANYWAY, and EXPECT when exact */
    enum command command; /* SEND and SEND_ANYWAY; COMMANDS when no command has that letter */
    bool verbatim;        /* a header value that holds its own blank */
    struct slice bytes;   /* SEND_BYTES */
    bool optional;        /* EXPECT: fine without */
    bool exact;           /* EXPECT: the packet is meant, not a pattern */
    struct word *words;   /* EXPECT, not exact; the first is the name of the reply */
    size_t word_count;
};

struct session_file {
    struct arena arena;
    struct session_step *steps;
    size_t count;
    size_t capacity;
};

/* Content of a file: word; appended to content.  path is NUL-terminated. */
typedef bool session_file_load_fn(void *owner, const char *path, struct buffer *content,
                                  struct error *error);

/*
 * Reads the text of a file.  name: for messages, "NAME:LINE: what is wrong".
 * On failure the file is cleared.  load gives the content of file: words.
 */
bool session_file_parse(struct session_file *file, const char *name, struct slice text,
                        session_file_load_fn *load, void *owner, struct error *error);
void session_file_clear(struct session_file *file);

/* True when the packet, or the line it is written as ("hex 00 ..." included), is what is expected.
 */
bool session_step_matches(const struct session_step *step, const struct packet *packet,
                          struct slice line);
/* True for an expectation that "continue" fulfils: it stands for a reply that is not owed, too. */
bool session_step_expects_continue(const struct session_step *step);

#endif
