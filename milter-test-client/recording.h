/*
 * recording - a connection written down as a session file: saved in a
 * directory, printed as it goes on, or both (milter-session(5)).
 */
#ifndef MILTER_TEST_CLIENT_RECORDING_H
#define MILTER_TEST_CLIENT_RECORDING_H

#include "libcore/base/error.h"
#include "libcore/session/recorder.h"

struct recording {
    struct recorder recorder; /* give it to the filter machine */
    const char *directory;    /* NULL: not saved */
    bool prints;
    size_t printed; /* bytes of the text */
};

/* directory must outlive the recording, may be NULL; peer: for the head of the file. */
void recording_begin(struct recording *recording, const char *directory, bool prints,
                     const char *peer);
/* Prints what has been added since the last call; nothing when it is not printed. */
void recording_print(struct recording *recording);
/* The MTA went away without QUIT. */
void recording_close(struct recording *recording);
/* Saves and forgets; a connection that said nothing leaves no file.  False with *error. */
bool recording_end(struct recording *recording, struct error *error);

#endif
