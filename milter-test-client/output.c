/*
 * output - standard output, whole events at a time.
 *
 * Not stdio: its buffer is written where it happens to be full, in the middle
 * of a line.  One standard output per process, hence one static state.
 */
#include "milter-test-client/output.h"

#include "libcore/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OUTPUT_ENOUGH = 64 * 1024 }; /* collected bytes that are worth a write */

static struct {
    struct buffer pending;
    int lock; /* a file that exists to be locked; valid while shared */
    bool shared;
    int failure; /* errno of the first failure */
} output;

bool output_share(struct error *error)
{
    if (output.shared) {
        return true;
    }
    output_flush(); /* or every process would write it */
    output.lock = memfd_create("output", MFD_CLOEXEC);
    if (output.lock < 0) {
        error_set_errno(error, "failed to make the lock of the output");
        return false;
    }
    output.shared = true;
    return true;
}

void output_append(struct slice text)
{
    buffer_append_slice(&output.pending, text);
    if (buffer_length(&output.pending) >= OUTPUT_ENOUGH) {
        output_flush();
    }
}

/* Locks of this kind belong to the process and end with it, so a dead one holds up nobody. */
static void output_turn(short type)
{
    struct flock turn = {.l_type = type, .l_whence = SEEK_SET};

    while (output.shared && fcntl(output.lock, F_SETLKW, &turn) != 0 && errno == EINTR) {
    }
}

/* False when nothing can be written. */
static bool output_write(struct buffer *pending)
{
    struct slice rest = buffer_slice(pending);
    ssize_t count = write(STDOUT_FILENO, rest.data, rest.length);

    if (count >= 0) {
        buffer_consume(pending, (size_t)count);
        return true;
    }
    if (errno == EAGAIN) {
        struct pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT};

        return poll(&writable, 1, -1) >= 0 || errno == EINTR;
    }
    return errno == EINTR;
}

void output_flush(void)
{
    if (buffer_length(&output.pending) == 0) {
        return;
    }
    output_turn(F_WRLCK);
    while (buffer_length(&output.pending) > 0) {
        if (!output_write(&output.pending)) {
            output.failure = output.failure == 0 ? errno : output.failure;
            buffer_reset(&output.pending);
        }
    }
    output_turn(F_UNLCK);
}

bool output_succeeded(struct error *error)
{
    if (output.failure == 0) {
        return true;
    }
    errno = output.failure;
    error_set_errno(error, "standard output");
    return false;
}
