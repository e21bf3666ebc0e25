/*
 * server_arguments - the options that say where mails go and how we speak.
 */
#include "milter-performance-check/arguments.h"

#include "libcore/base/memory.h"
#include "libcore/smtp/xclient.h"
#include "milter-performance-check/sasl.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 1048576 };

static struct {
    struct option_strings servers;
    const char *port;
    const char *connect_host, *connect_address, *proxy_source, *tls_ca;
    const char *auth_user, *auth_password, *auth_mechanism, *auth_map;
    struct buffer xclient;
    enum smtp_starttls starttls;
    enum proxy_protocol proxy_protocol;
    bool starttls_given, tls_verify, tls_wrapper, pipelining, chunking, lmtp;
} given;

struct name {
    const char *name;
    int value;
};

static const struct name starttls_names[] = {
    {"auto", SMTP_STARTTLS_AUTO},
    {"always", SMTP_STARTTLS_ALWAYS},
    {"disable", SMTP_STARTTLS_NEVER},
    {NULL, 0},
};

static const struct name proxy_names[] = {
    {"v1", PROXY_PROTOCOL_V1},
    {"v2", PROXY_PROTOCOL_V2},
    {NULL, 0},
};

static const struct name *find_name(const struct name *names, const char *value)
{
    while (names->name != NULL && strcmp(names->name, value) != 0) {
        names++;
    }
    return names->name != NULL ? names : NULL;
}

static bool take_starttls(void *target, const char *value, struct error *error)
{
    const struct name *name = find_name(starttls_names, value);

    (void)target;
    if (name == NULL) {
        error_set(error, ERROR_USAGE, "unknown value <%s>; auto, always and disable are known",
                  value);
        return false;
    }
    given.starttls = (enum smtp_starttls)name->value;
    return true;
}

static bool take_proxy_protocol(void *target, const char *value, struct error *error)
{
    const struct name *name = find_name(proxy_names, value);

    (void)target;
    if (name == NULL) {
        error_set(error, ERROR_USAGE, "unknown version <%s>; v1 and v2 are known", value);
        return false;
    }
    given.proxy_protocol = (enum proxy_protocol)name->value;
    return true;
}

static bool take_mechanism(void *target, const char *value, struct error *error)
{
    (void)target;
    if (!sasl_mechanism_known(value)) {
        error_set(
            error, ERROR_USAGE,
            "unknown mechanism <%s>; auto, plain, login, cram-md5 and scram-sha-256 are known",
            value);
        return false;
    }
    given.auth_mechanism = value;
    return true;
}

static bool take_xclient(void *target, const char *value, struct error *error)
{
    const char *equals = strchr(value, '=');
    char *name;
    bool well;

    (void)target;
    if (equals == NULL) {
        error_set(error, ERROR_USAGE, "not NAME=VALUE: <%s>", value);
        return false;
    }
    name = memory_copy_bytes(value, (size_t)(equals - value));
    well = xclient_append(&given.xclient, name, equals + 1, error);
    free(name);
    return well;
}

const struct option_entry server_entries[] = {
    {.name = "smtp-server",
     .kind = OPTION_STRINGS,
     .target = &given.servers,
     .argument = "SERVER",
     .help = "HOST, HOST:PORT, [ADDRESS]:PORT or unix:PATH (localhost); several take turns"},
    {.name = "smtp-port",
     .kind = OPTION_STRING,
     .target = &given.port,
     .argument = "PORT",
     .help = "port of servers that name none (25; 24 with --lmtp, 465 with --tls-wrapper)"},
    {.name = "lmtp", .kind = OPTION_FLAG, .target = &given.lmtp, .help = "speak LMTP"},
    {.name = "pipelining",
     .kind = OPTION_FLAG,
     .target = &given.pipelining,
     .help = "send MAIL, RCPT and DATA in one go where the server offers PIPELINING"},
    {.name = "chunking",
     .kind = OPTION_FLAG,
     .target = &given.chunking,
     .help = "send the message by BDAT where the server offers CHUNKING"},
    {.name = "starttls",
     .kind = OPTION_CALLBACK,
     .callback = take_starttls,
     .given = &given.starttls_given,
     .argument = "auto|always|disable",
     .help = "whether to use TLS (auto: where the server offers it)"},
    {.name = "tls-wrapper",
     .kind = OPTION_FLAG,
     .target = &given.tls_wrapper,
     .help = "begin with TLS, as on port 465"},
    {.name = "tls-verify",
     .kind = OPTION_FLAG,
     .target = &given.tls_verify,
     .help = "the server's certificate must be valid and have its name"},
    {.name = "tls-ca",
     .kind = OPTION_STRING,
     .target = &given.tls_ca,
     .argument = "FILE",
     .help = "certificates to trust with --tls-verify, a file or directory (the system's)"},
    {.name = "auth-user",
     .kind = OPTION_STRING,
     .target = &given.auth_user,
     .argument = "USER",
     .help = "log in as USER"},
    {.name = "auth-password",
     .kind = OPTION_STRING,
     .target = &given.auth_password,
     .argument = "PASSWORD",
     .help = "with that password; others see it in the list of processes, see --auth-map"},
    {.name = "auth-mechanism",
     .kind = OPTION_CALLBACK,
     .callback = take_mechanism,
     .argument = "auto|plain|login|cram-md5|scram-sha-256",
     .help = "how (auto: the first the server offers of scram-sha-256, cram-md5, plain, login)"},
    {.name = "auth-map",
     .kind = OPTION_STRING,
     .target = &given.auth_map,
     .argument = "FILE",
     .help = "users of servers, lines SERVER:PORT USER:PASSWORD"},
    {.name = "connect-host",
     .kind = OPTION_STRING,
     .target = &given.connect_host,
     .argument = "HOST",
     .help = "client name to pretend by XCLIENT"},
    {.name = "connect-address",
     .kind = OPTION_STRING,
     .target = &given.connect_address,
     .argument = "ADDRESS",
     .help = "client address to pretend by XCLIENT"},
    {.name = "xclient",
     .kind = OPTION_CALLBACK,
     .callback = take_xclient,
     .argument = "NAME=VALUE",
     .help = "any attribute to pretend by XCLIENT: NAME, ADDR, PORT, HELO, LOGIN, PROTO; may be "
             "given several times"},
    {.name = "proxy-protocol",
     .kind = OPTION_CALLBACK,
     .callback = take_proxy_protocol,
     .argument = "v1|v2",
     .help = "begin as a proxy does, with HAProxy's PROXY protocol"},
    {.name = "proxy-source",
     .kind = OPTION_STRING,
     .target = &given.proxy_source,
     .argument = "ADDRESS[:PORT]",
     .help = "client address to pretend by --proxy-protocol (our own)"},
    {0},
};

/* ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT; without a name to look up. */
static bool parse_source(const char *text, struct socket_address *address, struct error *error)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(text, ':');
    bool bare = colon == NULL || (text[0] != '[' && strchr(text, ':') != colon);
    struct slice host = slice_of(text, bare ? strlen(text) : (size_t)(colon - text));
    struct addrinfo *found = NULL;
    char *name;
    int status;

    if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']') {
        host = slice_of(host.data + 1, host.length - 2);
    }
    name = memory_copy_bytes(host.data, host.length);
    status = getaddrinfo(name, bare ? "0" : colon + 1, &hints, &found);
    free(name);
    if (status != 0) {
        error_set(error, ERROR_USAGE, "--proxy-source: not ADDRESS or ADDRESS:PORT: <%s>", text);
        return false;
    }
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool check_xclient(struct plan *plan, struct error *error)
{
    const struct {
        const char *option, *name, *value;
    } attributes[] = {
        {"--connect-host", "NAME", given.connect_host},
        {"--connect-address", "ADDR", given.connect_address},
    };

    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        struct error trouble = {0};

        if (attributes[i].value != NULL &&
            !xclient_append(&given.xclient, attributes[i].name, attributes[i].value, &trouble)) {
            error_set(error, ERROR_USAGE, "%s: %s", attributes[i].option, trouble.message);
            return false;
        }
    }
    plan->client.xclient = buffer_slice(&given.xclient);
    return true;
}

static bool check_tls(struct plan *plan, struct error *error)
{
    if (given.tls_wrapper && given.starttls_given) {
        error_set(error, ERROR_USAGE,
                  "--tls-wrapper and --starttls: TLS begins in one of the two ways");
        return false;
    }
    if (given.tls_verify && !given.tls_wrapper && given.starttls == SMTP_STARTTLS_NEVER) {
        error_set(error, ERROR_USAGE, "--tls-verify: without TLS there is no certificate");
        return false;
    }
    if (given.tls_ca != NULL && !given.tls_verify) {
        error_set(error, ERROR_USAGE, "--tls-ca: is for --tls-verify alone");
        return false;
    }
    plan->client.secured = given.tls_wrapper;
    plan->client.starttls = given.starttls;
    plan->tls_verify = given.tls_verify;
    plan->tls_ca = given.tls_ca;
    return true;
}

static bool check_proxy(struct plan *plan, struct error *error)
{
    if (given.proxy_source != NULL) {
        if (given.proxy_protocol == PROXY_PROTOCOL_NONE) {
            error_set(error, ERROR_USAGE, "--proxy-source: is for --proxy-protocol alone");
            return false;
        }
        if (!parse_source(given.proxy_source, &plan->proxy_source, error)) {
            return false;
        }
    }
    plan->proxy_protocol = given.proxy_protocol;
    return true;
}

static bool check_auth_map(struct plan *plan, struct error *error)
{
    if (!servers_read_auth_map(&plan->servers, given.auth_map, error)) {
        return false;
    }
    for (size_t i = 0; i < plan->servers.count; i++) {
        if (plan->servers.each[i].credentials.user != NULL) {
            return true;
        }
    }
    error_set(error, ERROR_USAGE,
              "--auth-map: no line of %s is for a server of this run, such as %s: servers are "
              "compared as they are written",
              given.auth_map, plan->servers.each[0].name);
    return false;
}

static bool check_credentials(struct plan *plan, struct error *error)
{
    if ((given.auth_user == NULL) != (given.auth_password == NULL)) {
        error_set(error, ERROR_USAGE, "--auth-user and --auth-password: one needs the other");
        return false;
    }
    if (given.auth_mechanism != NULL && given.auth_user == NULL && given.auth_map == NULL) {
        error_set(error, ERROR_USAGE, "--auth-mechanism: is for --auth-user or --auth-map alone");
        return false;
    }
    for (size_t i = 0; i < plan->servers.count; i++) {
        plan->servers.each[i].credentials =
            (struct credentials){given.auth_user, given.auth_password};
    }
    plan->auth_mechanism = given.auth_mechanism;
    return given.auth_map == NULL || check_auth_map(plan, error);
}

bool server_arguments_check(struct plan *plan, struct error *error)
{
    const char *port = given.lmtp ? "24" : given.tls_wrapper ? "465" : "25";

    if (given.servers.count == 0) {
        option_strings_add(&given.servers, "localhost");
    }
    if (!check_xclient(plan, error) || !check_tls(plan, error) || !check_proxy(plan, error) ||
        !servers_resolve(&plan->servers, &given.servers, given.port != NULL ? given.port : port,
                         error)) {
        return false;
    }
    plan->client.lmtp = given.lmtp;
    plan->client.pipelining = given.pipelining;
    plan->client.chunking = given.chunking;
    plan->client.chunk_size = CHUNK_SIZE;
    return check_credentials(plan, error);
}

void server_arguments_clear(void)
{
    option_strings_clear(&given.servers);
    buffer_clear(&given.xclient);
}
