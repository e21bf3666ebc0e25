/*
 * tls_server - a server that speaks TLS in memory, with a certificate of its own.
 */
#ifndef TEST_UNIT_TLS_SERVER_H
#define TEST_UNIT_TLS_SERVER_H

#include "libcore/base/buffer.h"

#include <stdbool.h>

struct tls_server_options {
    const char *common_name;   /* NULL: "test" */
    const char *names;         /* "DNS:mail.example.net,IP:127.0.0.1"; NULL: none */
    long valid_from, valid_to; /* seconds from now; both 0: for an hour */
    int version;               /* the only one, TLS1_2_VERSION; 0: any */
    bool wants_certificate;    /* of the client, which has none */
    bool weak;                 /* a key of 1024 bits (RSA) */
};

struct tls_server;

struct tls_server *tls_server_new(const struct tls_server_options *options);
void tls_server_free(struct tls_server *server);
/* The certificate, as PEM; its hashed name is "9d66eef0.0". */
void tls_server_write_certificate(const struct tls_server *server, const char *path);
void tls_server_hashed_name(const struct tls_server *server, char name[16]);

/*
 * Takes what the client has sent, and appends what it is answered; what the client
 * has said goes to plain.  False: TLS has failed.
 */
bool tls_server_receive(struct tls_server *server, struct slice encrypted, struct buffer *output,
                        struct buffer *plain);
void tls_server_send(struct tls_server *server, struct slice plain, struct buffer *output);
void tls_server_close(struct tls_server *server, struct buffer *output);
/* The client has taken its leave. */
bool tls_server_was_left(const struct tls_server *server);
/* The name the client has asked for; NULL: none. */
const char *tls_server_asked_for(const struct tls_server *server);

#endif
