/*
 * exchange - one question to a controller and its answer.
 *
 * Owns its connection while it runs and the answer's body; it blocks, with a
 * time limit, for it is used where nothing else goes on.
 */
#include "milter-manager/control/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { EXCHANGE_LARGEST = 64 * 1024 * 1024, EXCHANGE_PIECE = 16 * 1024 }; /* bytes */

/* ---- the answer ---- */

/* Takes a line without its end. */
static bool exchange_line(struct slice *input, struct slice *line)
{
    const char *end = input->length == 0 ? NULL : memchr(input->data, '\n', input->length);

    if (end == NULL) {
        return false;
    }
    *line = slice_of(input->data, (size_t)(end - input->data));
    slice_skip(input, line->length + 1);
    if (line->length > 0 && line->data[line->length - 1] == '\r') {
        line->length--;
    }
    return true;
}

static bool exchange_number(struct slice text, unsigned long *number)
{
    size_t digits = 0;

    *number = 0;
    while (digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9' &&
           digits < 9) {
        *number = *number * 10 + (unsigned long)(text.data[digits++] - '0');
    }
    return digits > 0;
}

static bool exchange_strange(struct error *error, const char *what)
{
    error_set(error, ERROR_PROTOCOL, "what answers is no controller of milter-manager: %s", what);
    return false;
}

bool exchange_parse(struct exchange *exchange, struct slice input, struct error *error)
{
    static const char length_name[] = "content-length:";
    unsigned long status, length = 0;
    bool length_known = false;
    struct slice line;

    if (!exchange_line(&input, &line) || !slice_starts_with(line, "HTTP/1.") || line.length < 12) {
        return exchange_strange(error, "it does not speak HTTP");
    }
    slice_skip(&line, sizeof("HTTP/1.1"));
    if (!exchange_number(line, &status)) {
        return exchange_strange(error, "its status line has no number");
    }
    while (exchange_line(&input, &line) && line.length > 0) {
        if (line.length >= sizeof(length_name) &&
            strncasecmp(line.data, length_name, sizeof(length_name) - 1) == 0) {
            slice_skip(&line, sizeof(length_name) - 1);
            while (line.length > 0 && line.data[0] == ' ') {
                slice_skip(&line, 1);
            }
            length_known = exchange_number(line, &length);
        }
    }
    if (!length_known || length > input.length) {
        return exchange_strange(error, "its answer has been cut off");
    }
    exchange->status = (unsigned)status;
    buffer_append(&exchange->body, input.data, length);
    return true;
}

/* ---- the connection ---- */

static void exchange_request(const struct exchange *exchange, struct buffer *text)
{
    buffer_append_format(text, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                         exchange->method, exchange->path);
    if (exchange->token != NULL) {
        buffer_append_format(text, "Authorization: Bearer %s\r\n", exchange->token);
    }
    if (strcmp(exchange->method, "POST") == 0) {
        buffer_append_string(text, "Content-Length: 0\r\n");
    }
    buffer_append_string(text, "\r\n");
}

static bool exchange_failed(const struct exchange *exchange, struct error *error, const char *what)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS) {
        error_set(error, ERROR_TIMEOUT, "%s: nothing within %g s", what, exchange->patience);
    } else {
        error_set_errno(error, "%s", what);
    }
    return false;
}

static bool exchange_send(const struct exchange *exchange, int fd, struct error *error)
{
    struct buffer request = {0};
    bool sent = true;

    exchange_request(exchange, &request);
    while (sent && buffer_length(&request) > 0) {
        ssize_t written =
            send(fd, buffer_slice(&request).data, buffer_length(&request), MSG_NOSIGNAL);

        if (written >= 0) {
            buffer_consume(&request, (size_t)written);
        } else if (errno != EINTR) {
            sent = exchange_failed(exchange, error, "cannot send");
        }
    }
    buffer_clear(&request);
    return sent;
}

static bool exchange_receive(const struct exchange *exchange, int fd, struct buffer *answer,
                             struct error *error)
{
    for (;;) {
        ssize_t got = recv(fd, buffer_reserve(answer, EXCHANGE_PIECE), EXCHANGE_PIECE, 0);

        if (got > 0) {
            buffer_commit(answer, (size_t)got);
        }
        if (buffer_length(answer) > EXCHANGE_LARGEST) {
            return exchange_strange(error, "its answer has no end");
        }
        if (got == 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return exchange_failed(exchange, error, "no answer");
        }
    }
}

static int exchange_connect(const struct exchange *exchange, struct error *error)
{
    const struct socket_address *address = exchange->address;
    const struct timeval limit = {.tv_sec = (time_t)exchange->patience};
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        (void)exchange_failed(exchange, error, "cannot make a socket");
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)(const void *)&address->storage, address->length) !=
        0) {
        (void)exchange_failed(exchange, error, "cannot connect");
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool exchange_run(struct exchange *exchange, struct error *error)
{
    struct buffer answer = {0};
    int fd = exchange_connect(exchange, error);
    bool done;

    if (fd < 0) {
        return false;
    }
    done = exchange_send(exchange, fd, error) && exchange_receive(exchange, fd, &answer, error) &&
           exchange_parse(exchange, buffer_slice(&answer), error);
    (void)close(fd);
    buffer_clear(&answer);
    return done;
}

void exchange_clear(struct exchange *exchange)
{
    buffer_clear(&exchange->body);
}
