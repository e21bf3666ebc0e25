/*
 * magic-milter: a filter on Sendmail's libmilter that does what the mail tells
 * it to do ("magic words", see README.md here) and logs every callback.
 *
 * It is a test double built on the library that real filters use; it never
 * decides anything by itself.  It owns its log file and one state per
 * connection.  magic-milter.py is the same on pymilter.
 *
 *   magic-milter -s SOCKET [-l LOG] [-n NAME] [-f FEATURES] [-x STEPS] [-a] [-m]
 *
 *   -s  inet:PORT@127.0.0.1 or unix:PATH
 *   -l  append the log there instead of standard output
 *   -n  name: in the log, in the header X-Magic-Seen, and for words addressed to it
 *   -f  comma list: nr (no replies wanted wherever that is possible), leadspc (keep
 *       the blank after the colon of a header), rcptrej (see refused recipients),
 *       skip (stop the body after its first chunk), symlist (ask for macros of its
 *       own choice), all
 *   -x  comma list of steps not wanted: connect helo mail rcpt data header eoh body unknown
 *   -a  obey only words addressed to NAME
 *   -m  log the macros too
 */
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

struct session {
    unsigned number;     /* of the connection, in order of arrival */
    int message;         /* messages seen on this connection */
    unsigned long steps; /* protocol bits in force */
    bool skip;
    char *sender;
    char **words; /* X-Magic values of this message */
    size_t word_count;
    size_t header_count, recipient_count, chunk_count;
    char *body;
    size_t body_length, body_capacity;
};

enum feature {
    FEATURE_NO_REPLY = 1,
    FEATURE_LEADING_SPACE = 2,
    FEATURE_REJECTED_RECIPIENTS = 4,
    FEATURE_SKIP = 8,
    FEATURE_MACRO_LIST = 16,
    FEATURE_ALL = 31
};

struct bit_name {
    const char *name;
    unsigned long bits;
};

static const struct bit_name feature_names[] = {
    {"nr", FEATURE_NO_REPLY}, {"leadspc", FEATURE_LEADING_SPACE},
    {"skip", FEATURE_SKIP},   {"rcptrej", FEATURE_REJECTED_RECIPIENTS},
    {"all", FEATURE_ALL},     {"symlist", FEATURE_MACRO_LIST},
};

static const struct bit_name step_names[] = {
    {"connect", SMFIP_NOCONNECT}, {"helo", SMFIP_NOHELO}, {"mail", SMFIP_NOMAIL},
    {"rcpt", SMFIP_NORCPT},       {"data", SMFIP_NODATA}, {"header", SMFIP_NOHDRS},
    {"eoh", SMFIP_NOEOH},         {"body", SMFIP_NOBODY}, {"unknown", SMFIP_NOUNKNOWN},
};

static const char macro_names[] =
    "j _ v i {daemon_name} {daemon_addr} {daemon_port} {if_name} {if_addr} {client_name} "
    "{client_addr} {client_ptr} {client_port} {client_connections} {client_resolve} {tls_version} "
    "{cipher} {cipher_bits} {cert_subject} {cert_issuer} {auth_type} {auth_authen} {auth_ssf} "
    "{auth_author} {mail_mailer} {mail_host} {mail_addr} {rcpt_mailer} {rcpt_host} {rcpt_addr} "
    "{nbadrcpts} {msg_id}";

#define NO_REPLY_STEPS                                                                             \
    (SMFIP_NR_HDR | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT |                \
     SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_EOH | SMFIP_NR_BODY)
#define ACTIONS                                                                                    \
    (SMFIF_ADDHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_CHGHDRS |               \
     SMFIF_QUARANTINE | SMFIF_CHGFROM | SMFIF_ADDRCPT_PAR)

/* No verdict: none of the values of sfsistat. */
#define NO_VERDICT ((sfsistat)-1)

static FILE *log_file;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned last_number;
static char *name = "magic";
static unsigned long features, unwanted_steps;
static bool only_addressed, show_macros;

static void *grow(void *block, size_t size)
{
    block = realloc(block, size);
    if (block == NULL) {
        abort();
    }
    return block;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(grow(NULL, size), text, size);
}

static void write_escaped(const char *line)
{
    static const char specials[] = "\n\r\t\\", letters[] = "nrt\\";

    for (; *line != '\0'; line++) {
        const char *special = strchr(specials, *line);
        unsigned char byte = (unsigned char)*line;

        if (special != NULL) {
            fprintf(log_file, "\\%c", letters[special - specials]);
        } else if (byte < 0x20 || byte == 0x7f) {
            fprintf(log_file, "\\x%02x", byte);
        } else {
            fputc(byte, log_file);
        }
    }
}

/* One line for each call. */
__attribute__((format(printf, 2, 3))) static void note(const struct session *session,
                                                       const char *format, ...)
{
    char *line = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0) {
        abort();
    }
    va_end(arguments);
    pthread_mutex_lock(&log_lock);
    fprintf(log_file, "%s[%u.%d] ", name, session->number, session->message);
    write_escaped(line);
    fputc('\n', log_file);
    fflush(log_file);
    pthread_mutex_unlock(&log_lock);
    free(line);
}

static void note_macros(SMFICTX *context, const struct session *session)
{
    const char *next = macro_names;
    char symbol[32];
    int length;

    while (show_macros && sscanf(next, "%31s%n", symbol, &length) == 1) {
        const char *value = smfi_getsymval(context, symbol);

        if (value != NULL) {
            note(session, "  macro %s=%s", symbol, value);
        }
        next += length;
    }
}

static struct session *session_of(SMFICTX *context)
{
    struct session *session = smfi_getpriv(context);

    if (session == NULL) {
        session = memset(grow(NULL, sizeof *session), 0, sizeof *session);
        pthread_mutex_lock(&log_lock);
        session->number = ++last_number;
        pthread_mutex_unlock(&log_lock);
        smfi_setpriv(context, session);
    }
    return session;
}

/* ---- verbs: what may be asked for at any step */

static sfsistat reply_with_code(SMFICTX *context, int code, const char *text)
{
    char digits[16], enhanced[24];
    char *doubled, *to;

    if (text == NULL || *text == '\0') {
        text = "magic reply";
    }
    /* A lone % is dropped by Postfix and spoils the text for Sendmail. */
    doubled = to = grow(NULL, strlen(text) * 2 + 1);
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            *to++ = '%';
        }
        *to++ = *text;
    }
    *to = '\0';
    snprintf(digits, sizeof digits, "%d", code);
    snprintf(enhanced, sizeof enhanced, "%d.7.1", code / 100);
    smfi_setreply(context, digits, enhanced, doubled);
    free(doubled);
    return code / 100 == 5 ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static sfsistat do_reply(SMFICTX *context, int number)
{
    return reply_with_code(context, number, NULL);
}

static sfsistat do_multi(SMFICTX *context, int number)
{
    (void)number;
    smfi_setmlreply(context, "554", "5.7.1", "first line", "second line", "100%% last", NULL);
    return SMFIS_REJECT;
}

static sfsistat do_sleep(SMFICTX *context, int number)
{
    note(session_of(context), "  sleep %d", number);
    sleep((unsigned)number);
    return SMFIS_CONTINUE;
}

static sfsistat do_crash(SMFICTX *context, int number)
{
    (void)number;
    note(session_of(context), "  crash");
    kill(getpid(), SIGKILL);
    return SMFIS_CONTINUE;
}

static const struct verb {
    const char *name;
    sfsistat verdict; /* when there is no function */
    sfsistat (*run)(SMFICTX *context, int number);
} verbs[] = {
    {"reject", SMFIS_REJECT, NULL},   {"tempfail", SMFIS_TEMPFAIL, NULL},
    {"discard", SMFIS_DISCARD, NULL}, {"accept", SMFIS_ACCEPT, NULL},
    {"reply", 0, do_reply},           {"multi", 0, do_multi},
    {"sleep", 0, do_sleep},           {"crash", 0, do_crash},
};

/* The verb that text begins with; NO_VERDICT when it begins with none. */
static sfsistat obey(SMFICTX *context, const char *text)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        size_t length = strlen(verbs[i].name);

        if (strncmp(text, verbs[i].name, length) != 0) {
            continue;
        }
        if (verbs[i].run == NULL) {
            return verbs[i].verdict;
        }
        return verbs[i].run(context, (int)strtol(text + length, NULL, 10));
    }
    return NO_VERDICT;
}

static sfsistat find_key(SMFICTX *context, const char *text, const char *who, const char *stage)
{
    char key[64];

    snprintf(key, sizeof key, "%s-%s%s", who, stage, *stage != '\0' ? "-" : "");
    while ((text = strstr(text, key)) != NULL) {
        sfsistat verdict;

        text += strlen(key);
        verdict = obey(context, text);
        if (verdict != NO_VERDICT) {
            return verdict;
        }
    }
    return NO_VERDICT;
}

/* Looks for magic-VERB and NAME-VERB, or magic-STAGE-VERB and NAME-STAGE-VERB. */
static sfsistat find(SMFICTX *context, const char *text, const char *stage)
{
    sfsistat verdict = NO_VERDICT;

    if (text == NULL) {
        return SMFIS_CONTINUE;
    }
    if (!only_addressed) {
        verdict = find_key(context, text, "magic", stage);
    }
    if (verdict == NO_VERDICT) {
        verdict = find_key(context, text, name, stage);
    }
    return verdict == NO_VERDICT ? SMFIS_CONTINUE : verdict;
}

/* Whether the header is PREFIX (for everybody) or PREFIX-NAME. */
static bool is_for_me(const char *header, const char *prefix)
{
    size_t length = strlen(prefix);

    if (strcasecmp(header, prefix) == 0) {
        return !only_addressed;
    }
    return strncasecmp(header, prefix, length) == 0 && header[length] == '-' &&
           strcasecmp(header + length + 1, name) == 0;
}

static sfsistat answer(const struct session *session, sfsistat verdict, unsigned long no_reply_bit)
{
    return (session->steps & no_reply_bit) != 0 ? SMFIS_NOREPLY : verdict;
}

/* ---- sessions */

static void forget_message(struct session *session)
{
    for (size_t i = 0; i < session->word_count; i++) {
        free(session->words[i]);
    }
    free(session->words);
    free(session->sender);
    free(session->body);
    session->words = NULL;
    session->sender = NULL;
    session->body = NULL;
    session->word_count = session->header_count = session->recipient_count = 0;
    session->body_length = session->body_capacity = session->chunk_count = 0;
}

static void ask_for_macros(SMFICTX *context)
{
    static const struct {
        int stage;
        const char *names;
    } lists[] = {
        {SMFIM_CONNECT, "j {client_addr} {client_name}"},
        {SMFIM_HELO, "{tls_version}"},
        {SMFIM_ENVFROM, "i {mail_addr}"},
        {SMFIM_ENVRCPT, "{rcpt_addr}"},
        {SMFIM_DATA, "i"},
        {SMFIM_EOM, "i {msg_id}"},
        {SMFIM_EOH, "i"},
    };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char names[64];

        snprintf(names, sizeof names, "%s", lists[i].names);
        smfi_setsymlist(context, lists[i].stage, names);
    }
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long offered_actions,
                             unsigned long offered_steps, unsigned long unused2,
                             unsigned long unused3, unsigned long *actions, unsigned long *steps,
                             unsigned long *zero2, unsigned long *zero3)
{
    static const struct {
        unsigned long feature, bits;
    } wishes[] = {
        {FEATURE_NO_REPLY, NO_REPLY_STEPS},
        {FEATURE_LEADING_SPACE, SMFIP_HDR_LEADSPC},
        {FEATURE_REJECTED_RECIPIENTS, SMFIP_RCPT_REJ},
        {FEATURE_SKIP, SMFIP_SKIP},
    };
    struct session *session = session_of(context);
    bool lists = (features & FEATURE_MACRO_LIST) != 0 && (offered_actions & SMFIF_SETSYMLIST) != 0;

    (void)unused2;
    (void)unused3;
    session->steps = unwanted_steps & offered_steps;
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        if ((features & wishes[i].feature) != 0) {
            session->steps |= wishes[i].bits & offered_steps;
        }
    }
    session->skip = (session->steps & SMFIP_SKIP) != 0;
    *actions = offered_actions & (ACTIONS | (lists ? SMFIF_SETSYMLIST : 0U));
    *steps = session->steps;
    *zero2 = *zero3 = 0;
    note(session, "negotiate offered actions=%#lx steps=%#lx asked actions=%#lx steps=%#lx",
         offered_actions, offered_steps, *actions, *steps);
    if (lists) {
        ask_for_macros(context);
    }
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *peer)
{
    struct session *session = session_of(context);
    char address[128] = "-";
    unsigned port = 0;
    const char *family = "unknown";

    if (peer != NULL && peer->sa_family == AF_INET) {
        const struct sockaddr_in *inet = (const struct sockaddr_in *)peer;

        inet_ntop(AF_INET, &inet->sin_addr, address, sizeof address);
        port = ntohs(inet->sin_port);
        family = "inet";
    } else if (peer != NULL && peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *inet6 = (const struct sockaddr_in6 *)peer;

        inet_ntop(AF_INET6, &inet6->sin6_addr, address, sizeof address);
        port = ntohs(inet6->sin6_port);
        family = "inet6";
    } else if (peer != NULL && peer->sa_family == AF_UNIX) {
        snprintf(address, sizeof address, "%s", ((const struct sockaddr_un *)peer)->sun_path);
        family = "unix";
    }
    note(session, "connect host=%s family=%s addr=%s port=%u", host, family, address, port);
    note_macros(context, session);
    return answer(session, find(context, host, ""), SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *context, char *helo)
{
    struct session *session = session_of(context);

    note(session, "helo name=%s", helo);
    note_macros(context, session);
    return answer(session, find(context, helo, ""), SMFIP_NR_HELO);
}

static void note_arguments(const struct session *session, char **arguments)
{
    for (; *arguments != NULL; arguments++) {
        note(session, "  arg %s", *arguments);
    }
}

static sfsistat on_mail(SMFICTX *context, char **arguments)
{
    struct session *session = session_of(context);

    forget_message(session);
    session->message++;
    session->sender = copy_text(arguments[0]);
    note(session, "mail from=%s", arguments[0]);
    note_arguments(session, arguments + 1);
    note_macros(context, session);
    return answer(session, find(context, arguments[0], ""), SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *context, char **arguments)
{
    struct session *session = session_of(context);

    session->recipient_count++;
    note(session, "rcpt to=%s", arguments[0]);
    note_arguments(session, arguments + 1);
    note_macros(context, session);
    return answer(session, find(context, arguments[0], ""), SMFIP_NR_RCPT);
}

static sfsistat on_data(SMFICTX *context)
{
    struct session *session = session_of(context);

    note(session, "data");
    note_macros(context, session);
    return answer(session, find(context, session->sender, "data"), SMFIP_NR_DATA);
}

static sfsistat on_unknown(SMFICTX *context, const char *command)
{
    struct session *session = session_of(context);

    note(session, "unknown command=%s", command);
    return answer(session, find(context, command, ""), SMFIP_NR_UNKN);
}

static sfsistat on_header(SMFICTX *context, char *field, char *value)
{
    struct session *session = session_of(context);
    sfsistat verdict = SMFIS_CONTINUE;

    session->header_count++;
    note(session, "header %s:%s%s", field, (session->steps & SMFIP_HDR_LEADSPC) != 0 ? "" : " ",
         value);
    value += strspn(value, " \t");
    if (is_for_me(field, "X-Magic")) {
        session->words = grow(session->words, (session->word_count + 1) * sizeof *session->words);
        session->words[session->word_count++] = copy_text(value);
    } else if (is_for_me(field, "X-Magic-Now")) {
        verdict = obey(context, value);
        if (verdict == NO_VERDICT) {
            verdict = SMFIS_CONTINUE;
        }
    }
    return answer(session, verdict, SMFIP_NR_HDR);
}

static sfsistat on_eoh(SMFICTX *context)
{
    struct session *session = session_of(context);

    note(session, "eoh");
    return answer(session, find(context, session->sender, "eoh"), SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    struct session *session = session_of(context);
    sfsistat verdict;

    session->chunk_count++;
    if (session->body_length + length + 1 > session->body_capacity) {
        session->body_capacity = (session->body_length + length + 1) * 2;
        session->body = grow(session->body, session->body_capacity);
    }
    memcpy(session->body + session->body_length, chunk, length);
    session->body_length += length;
    session->body[session->body_length] = '\0';
    note(session, "body bytes=%zu", length);
    verdict = find(context, session->body + session->body_length - length, "body");
    if (verdict == SMFIS_CONTINUE && session->skip) {
        verdict = SMFIS_SKIP;
    }
    return answer(session, verdict, SMFIP_NR_BODY);
}

/* ---- words: what may be asked for at the end of the message */

/* Cuts the next blank-separated word off *line. */
static char *next_word(char **line)
{
    char *word;

    *line += strspn(*line, " ");
    word = *line;
    *line += strcspn(*line, " ");
    if (**line != '\0') {
        *(*line)++ = '\0';
    }
    return word;
}

/* The rest of the line, with \n, \t and \\ unescaped in place. */
static char *rest_of(char *line)
{
    static const char letters[] = "nt\\", specials[] = "\n\t\\";
    char *from, *to;

    line += strspn(line, " ");
    for (from = to = line; *from != '\0'; from++) {
        const char *letter = NULL;

        if (*from == '\\' && from[1] != '\0') {
            letter = strchr(letters, from[1]);
        }
        if (letter != NULL) {
            *to++ = specials[letter - letters];
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return line;
}

/* A body of the text's lines, with CRLF ends. */
static char *as_body(const char *text)
{
    char *body = grow(NULL, strlen(text) * 2 + 3);
    char *to = body;

    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            *to++ = '\r';
        }
        *to++ = *text;
    }
    memcpy(to, "\r\n", 3);
    return body;
}

static int word_add_header(SMFICTX *context, char *line)
{
    char *field = next_word(&line);

    return smfi_addheader(context, field, rest_of(line));
}

static int word_insert_header(SMFICTX *context, char *line)
{
    int index = (int)strtol(next_word(&line), NULL, 10);
    char *field = next_word(&line);

    return smfi_insheader(context, index, field, rest_of(line));
}

static int word_change_header(SMFICTX *context, char *line)
{
    int index = (int)strtol(next_word(&line), NULL, 10);
    char *field = next_word(&line);

    return smfi_chgheader(context, field, index, rest_of(line));
}

static int word_delete_header(SMFICTX *context, char *line)
{
    int index = (int)strtol(next_word(&line), NULL, 10);

    return smfi_chgheader(context, next_word(&line), index, NULL);
}

static int word_add_recipient(SMFICTX *context, char *line)
{
    return smfi_addrcpt(context, next_word(&line));
}

static int word_add_recipient_with(SMFICTX *context, char *line)
{
    char *address = next_word(&line);

    return smfi_addrcpt_par(context, address, rest_of(line));
}

static int word_delete_recipient(SMFICTX *context, char *line)
{
    return smfi_delrcpt(context, next_word(&line));
}

static int word_change_from(SMFICTX *context, char *line)
{
    char *address = next_word(&line);
    char *arguments = rest_of(line);

    return smfi_chgfrom(context, address, *arguments != '\0' ? arguments : NULL);
}

static int replace_body(SMFICTX *context, const char *body, size_t length)
{
    unsigned char *bytes = memcpy(grow(NULL, length + 1), body, length);
    int result = smfi_replacebody(context, bytes, (int)length);

    free(bytes);
    return result;
}

static int word_replace_body(SMFICTX *context, char *line)
{
    char *body = as_body(rest_of(line));
    int result = replace_body(context, body, strlen(body));

    free(body);
    return result;
}

static int word_append_body(SMFICTX *context, char *line)
{
    struct session *session = session_of(context);
    char *addition = as_body(rest_of(line));
    int result = MI_SUCCESS;

    if (session->body != NULL) {
        result = replace_body(context, session->body, session->body_length);
    }
    if (result == MI_SUCCESS) {
        result = replace_body(context, addition, strlen(addition));
    }
    free(addition);
    return result;
}

static int word_fill_body(SMFICTX *context, char *line)
{
    static const char filler[] =
        "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmno\r\n";
    size_t step = sizeof filler - 1;
    size_t wanted = (size_t)strtoul(next_word(&line), NULL, 10);
    size_t length = 0;
    char *body = grow(NULL, wanted + step);
    int result;

    for (; length < wanted; length += step) {
        memcpy(body + length, filler, step);
    }
    result = replace_body(context, body, length);
    free(body);
    return result;
}

static int word_quarantine(SMFICTX *context, char *line)
{
    return smfi_quarantine(context, rest_of(line));
}

static int word_progress(SMFICTX *context, char *line)
{
    int result = MI_SUCCESS;

    for (long left = strtol(next_word(&line), NULL, 10); left > 0; left--) {
        result = smfi_progress(context);
        sleep(1);
    }
    return result;
}

static const struct word {
    const char *name;
    int (*run)(SMFICTX *context, char *line);
} words[] = {
    {"add-header", word_add_header},       {"insert-header", word_insert_header},
    {"change-header", word_change_header}, {"delete-header", word_delete_header},
    {"add-rcpt", word_add_recipient},      {"add-rcpt-par", word_add_recipient_with},
    {"del-rcpt", word_delete_recipient},   {"change-from", word_change_from},
    {"replace-body", word_replace_body},   {"append-body", word_append_body},
    {"fill-body", word_fill_body},         {"quarantine", word_quarantine},
    {"progress", word_progress},
};

/* Does one X-Magic line; a verdict in it replaces *verdict. */
static void do_line(SMFICTX *context, struct session *session, char *line, sfsistat *verdict)
{
    char *word = next_word(&line);
    int result = MI_SUCCESS;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i].name) == 0) {
            result = words[i].run(context, line);
            note(session, "  did %s %s", word, result == MI_SUCCESS ? "ok" : "FAILED");
            return;
        }
    }
    if (strcmp(word, "reply") == 0) {
        int code = (int)strtol(next_word(&line), NULL, 10);

        *verdict = reply_with_code(context, code, rest_of(line));
    } else {
        sfsistat asked = obey(context, word);

        if (asked == NO_VERDICT) {
            note(session, "  unknown word %s", word);
            return;
        }
        *verdict = asked;
    }
    note(session, "  did %s ok", word);
}

static sfsistat on_eom(SMFICTX *context)
{
    struct session *session = session_of(context);
    sfsistat verdict = SMFIS_CONTINUE;
    char seen[256];

    snprintf(seen, sizeof seen, "headers=%zu rcpts=%zu body=%zu chunks=%zu", session->header_count,
             session->recipient_count, session->body_length, session->chunk_count);
    note(session, "eom %s", seen);
    note_macros(context, session);
    for (size_t i = 0; i < session->word_count; i++) {
        do_line(context, session, session->words[i], &verdict);
    }
    snprintf(seen, sizeof seen, "name=%s headers=%zu rcpts=%zu body=%zu chunks=%zu", name,
             session->header_count, session->recipient_count, session->body_length,
             session->chunk_count);
    smfi_addheader(context, "X-Magic-Seen", seen);
    forget_message(session);
    return verdict;
}

static sfsistat on_abort(SMFICTX *context)
{
    struct session *session = session_of(context);

    note(session, "abort");
    forget_message(session);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
    struct session *session = smfi_getpriv(context);

    if (session != NULL) {
        note(session, "close");
        forget_message(session);
        free(session);
        smfi_setpriv(context, NULL);
    }
    return SMFIS_CONTINUE;
}

/* ---- start */

static bool parse_list(char *list, const struct bit_name *names, size_t count, unsigned long *bits)
{
    for (char *item = strtok(list, ","); item != NULL; item = strtok(NULL, ",")) {
        size_t i = 0;

        while (i < count && strcmp(item, names[i].name) != 0) {
            i++;
        }
        if (i == count) {
            fprintf(stderr, "magic-milter: unknown word %s\n", item);
            return false;
        }
        *bits |= names[i].bits;
    }
    return true;
}

static bool parse_option(int option, char **socket_spec)
{
    switch (option) {
    case 's':
        *socket_spec = optarg;
        return true;
    case 'l':
        log_file = fopen(optarg, "a");
        if (log_file == NULL) {
            perror(optarg);
        }
        return log_file != NULL;
    case 'f':
        return parse_list(optarg, feature_names, sizeof feature_names / sizeof *feature_names,
                          &features);
    case 'x':
        return parse_list(optarg, step_names, sizeof step_names / sizeof *step_names,
                          &unwanted_steps);
    case 'n':
        name = optarg;
        return true;
    case 'a':
        only_addressed = true;
        return true;
    case 'm':
        show_macros = true;
        return true;
    default:
        return false;
    }
}

static bool listen_on(char *socket_spec)
{
    struct smfiDesc filter = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags =
            ACTIONS | ((features & FEATURE_MACRO_LIST) != 0 ? (unsigned long)SMFIF_SETSYMLIST : 0U),
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_rcpt,
        .xxfi_header = on_header,
        .xxfi_eoh = on_eoh,
        .xxfi_body = on_body,
        .xxfi_eom = on_eom,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_unknown = on_unknown,
        .xxfi_data = on_data,
        .xxfi_negotiate = on_negotiate,
    };

    return smfi_setconn(socket_spec) == MI_SUCCESS && smfi_register(filter) == MI_SUCCESS &&
           smfi_opensocket(1) == MI_SUCCESS;
}

int main(int argc, char **argv)
{
    char *socket_spec = NULL;
    int option;

    log_file = stdout;
    while ((option = getopt(argc, argv, "s:l:n:f:x:am")) != -1) {
        if (!parse_option(option, &socket_spec)) {
            return 2;
        }
    }
    if (socket_spec == NULL) {
        fprintf(stderr, "magic-milter: -s SOCKET is needed\n");
        return 2;
    }
    if (!listen_on(socket_spec)) {
        fprintf(stderr, "magic-milter: cannot listen on %s\n", socket_spec);
        return 1;
    }
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
