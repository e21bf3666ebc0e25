/*
 * recording - a connection written down as a session file.  Owns the text.
 */
#include "milter-test-client/recording.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "libcore/net/record_directory.h"
#include "milter-test-client/output.h"

#include <stdint.h>
#include <stdlib.h>

void recording_begin(struct recording *recording, const char *directory, bool prints,
                     const char *peer)
{
    char stamp[CLOCK_STAMP];
    char *comment = memory_format("milter-test-client %s, %s, MTA at %s", MILTER_MANAGER_VERSION,
                                  clock_stamp(stamp), peer);

    *recording = (struct recording){.directory = directory, .prints = prints};
    recorder_init(&recording->recorder, SIZE_MAX, clock_seconds, comment);
    free(comment);
}

void recording_print(struct recording *recording)
{
    struct slice text = buffer_slice(&recording->recorder.text);

    if (!recording->prints || !recording->recorder.any) {
        return;
    }
    slice_skip(&text, recording->printed);
    output_append(text);
    recording->printed += text.length;
    if (recording->directory == NULL) {
        buffer_reset(&recording->recorder.text); /* nobody needs it any more */
        recording->printed = 0;
    }
}

void recording_close(struct recording *recording)
{
    if (recording->recorder.any) {
        recorder_close(&recording->recorder);
    }
}

bool recording_end(struct recording *recording, struct error *error)
{
    bool ok = true;

    recording_print(recording);
    if (recording->directory != NULL && recording->recorder.any) {
        ok = record_directory_save(recording->directory, buffer_slice(&recording->recorder.text),
                                   error);
    }
    recorder_clear(&recording->recorder);
    return ok;
}
