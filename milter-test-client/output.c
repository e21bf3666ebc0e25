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
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OUTPUT_ENOUGH = 64 * 1024 }; /* collected bytes that are worth a write */

static struct {
    struct buffer pending;
    int lock; /* a file that exists to be locked; valid while shared */
    bool shared;
    unsigned interruptions; /* signals while it waited */
    int failure;            /* errno of the first failure */
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

/*
 * A signal while nobody reads: the first one may find the reader slow, the
 * second means that it is not worth waiting for.
 */
static bool output_waits_on(void)
{
    return errno == EINTR && ++output.interruptions < 2;
}

/*
 * Locks of this kind belong to the process and end with it, so a dead one holds
 * up nobody.  False: it was not worth waiting for.
 */
static bool output_turn(short type)
{
    struct flock turn = {.l_type = type, .l_whence = SEEK_SET};

    while (output.shared && fcntl(output.lock, F_SETLKW, &turn) != 0) {
        if (!output_waits_on()) {
            return false;
        }
    }
    return true;
}

/* Never waits in write(), which the loop's signals do not interrupt.  False when nothing can be
 * written. */
static bool output_write(struct buffer *pending)
{
    struct pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT};
    struct slice rest = buffer_slice(pending);
    ssize_t count;

    if (poll(&writable, 1, -1) < 0) {
        return output_waits_on();
    }
    /* A pipe that can be written to takes that much at once. */
    count = write(STDOUT_FILENO, rest.data, rest.length < PIPE_BUF ? rest.length : PIPE_BUF);
    if (count >= 0) {
        buffer_consume(pending, (size_t)count);
        return true;
    }
    return errno == EAGAIN || errno == EINTR;
}

static void output_fail(void)
{
    output.failure = output.failure == 0 ? errno : output.failure;
    buffer_reset(&output.pending);
}

void output_flush(void)
{
    if (output.interruptions > 1) { /* given up: nobody waits for the reader again */
        buffer_reset(&output.pending);
    }
    if (buffer_length(&output.pending) == 0) {
        return;
    }
    if (!output_turn(F_WRLCK)) {
        output_fail();
        return;
    }
    while (buffer_length(&output.pending) > 0) {
        if (!output_write(&output.pending)) {
            output_fail();
        }
    }
    (void)output_turn(F_UNLCK);
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
