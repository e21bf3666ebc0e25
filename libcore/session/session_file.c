/*
 * session_file - a conversation as readable text.
 *
 * Reads lines into steps; what a line's words stand for is session_line's
 * business.  Owns everything through the arena of the file.
 */
#include "libcore/session/session_file.h"

#include "libcore/base/duration.h"
#include "libcore/session/session_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WORDS = 1 << 20 }; /* words of one step: a body as base64 has many */

struct reader {
    struct session_file *file;
    session_file_load_fn *load;
    void *owner;
    struct slice rest;  /* of the text */
    unsigned line;      /* number of the line rest begins with */
    unsigned blamed;    /* number of the line a mistake is in */
    struct word *words; /* of the step being read */
    size_t word_count, word_capacity;
    struct slice pending; /* what "! part" left for "! rest" */
    bool closed;          /* "> close" was read */
    struct error *error;
};

/* ---- lines and words */

static struct slice take_line(struct slice *text)
{
    const char *end = memchr(text->data, '\n', text->length);
    struct slice line =
        slice_of(text->data, end != NULL ? (size_t)(end - text->data) + 1 : text->length);

    slice_skip(text, line.length);
    return line;
}

static struct slice without_line_end(struct slice line)
{
    while (line.length > 0 &&
           (line.data[line.length - 1] == '\n' || line.data[line.length - 1] == '\r')) {
        line.length--;
    }
    return line;
}

static struct slice without_indent(struct slice line)
{
    while (line.length > 0 &&
           (line.data[0] == ' ' || line.data[0] == '\t' || line.data[0] == '\r')) {
        slice_skip(&line, 1);
    }
    return line;
}

static bool is_comment(struct slice line)
{
    line = without_indent(line);
    return line.length == 0 || line.data[0] == '#';
}

/* A line of blanks alone is one, too; an indented comment is none. */
static bool is_continuation(struct slice text)
{
    bool indented = text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t');
    struct slice inner = without_indent(without_line_end(take_line(&text)));

    return indented && (inner.length == 0 || inner.data[0] != '#');
}

static void add_word(struct reader *reader, const struct word *word)
{
    if (reader->word_count == reader->word_capacity) {
        size_t capacity = reader->word_capacity > 0 ? reader->word_capacity * 2 : 16;
        struct word *words = arena_new(&reader->file->arena, capacity * sizeof(*words));

        if (reader->word_count > 0) {
            memcpy(words, reader->words, reader->word_count * sizeof(*words));
        }
        reader->words = words;
        reader->word_capacity = capacity;
    }
    reader->words[reader->word_count++] = *word;
}

/* How many lines begin before the byte. */
static unsigned lines_before(struct slice text, const char *byte)
{
    unsigned count = 0;

    for (const char *at = text.data; at < byte; at++) {
        count += *at == '\n' ? 1 : 0;
    }
    return count;
}

/* reader->blamed is the number of the first line of the text. */
static bool add_words(struct reader *reader, struct slice text)
{
    struct slice rest = text;
    struct word word;

    while (word_next(&rest, &reader->file->arena, &word, reader->error)) {
        if (reader->word_count == LINE_WORDS) {
            error_set(reader->error, ERROR_USAGE, "more than %d words", LINE_WORDS);
            return false;
        }
        add_word(reader, &word);
    }
    if (reader->error->code != ERROR_NONE) {
        reader->blamed += lines_before(text, rest.data);
        return false;
    }
    return reader->words != NULL;
}

static void drop_first_word(struct reader *reader)
{
    reader->words++;
    reader->word_count--;
    reader->word_capacity--;
}

static bool first_word_is(const struct reader *reader, const char *text)
{
    return reader->word_count > 0 && slice_equal_string(reader->words[0].text, text);
}

static bool refuse(const struct reader *reader, const char *sentence)
{
    error_set(reader->error, ERROR_USAGE, "%s", sentence);
    return false;
}

/* ---- steps */

static struct session_step *add_step(struct reader *reader, const struct session_step *step)
{
    struct session_file *file = reader->file;

    if (file->count == file->capacity) {
        size_t capacity = file->capacity > 0 ? file->capacity * 2 : 64;
        struct session_step *steps = arena_new(&file->arena, capacity * sizeof(*steps));

        if (file->count > 0) {
            memcpy(steps, file->steps, file->count * sizeof(*steps));
        }
        file->steps = steps;
        file->capacity = capacity;
    }
    file->steps[file->count] = *step;
    return &file->steps[file->count++];
}

/* "file:" words become their content. */
static bool load_files(struct reader *reader)
{
    for (size_t i = 0; i < reader->word_count; i++) {
        struct word *word = &reader->words[i];
        struct buffer content = {0};
        bool ok = true;

        if (word->kind == WORD_FILE) {
            ok = reader->load(reader->owner, word->text.data, &content, reader->error);
            *word = (struct word){WORD_LITERAL,
                                  arena_copy(&reader->file->arena, buffer_slice(&content))};
            buffer_clear(&content);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* The same where patterns are refused. */
static bool load_words(struct reader *reader)
{
    if (!load_files(reader)) {
        return false;
    }
    for (size_t i = 0; i < reader->word_count; i++) {
        if (reader->words[i].kind != WORD_LITERAL) {
            return refuse(reader, "what is sent cannot be a pattern; put the word in quotes");
        }
    }
    return true;
}

static bool encode(struct reader *reader, enum session_side side, struct session_step *step)
{
    struct buffer payload = {0};
    bool ok = session_line_encode(side, reader->words, reader->word_count, &step->packet.letter,
                                  &payload, reader->error);

    step->packet.payload = arena_copy(&reader->file->arena, buffer_slice(&payload));
    step->verbatim = first_word_is(reader, SESSION_LINE_VERBATIM);
    if (!ok || !command_from_letter(step->packet.letter, &step->command)) {
        step->command = COMMANDS;
    }
    buffer_clear(&payload);
    return ok;
}

/* A body longer than one packet may be becomes several; the step's text stays with the first. */
static void split_body(struct reader *reader, struct session_step step)
{
    struct slice rest = step.packet.payload;

    do {
        step.packet.payload =
            slice_of(rest.data, rest.length < PROTOCOL_CHUNK ? rest.length : PROTOCOL_CHUNK);
        slice_skip(&rest, step.packet.payload.length);
        (void)add_step(reader, &step);
        step.text.length = 0;
    } while (rest.length > 0);
}

static bool read_duration(struct reader *reader, struct session_step *step, const char *usage)
{
    if (reader->word_count != 2) {
        return refuse(reader, usage);
    }
    return duration_parse(reader->words[1].text, &step->seconds, reader->error);
}

static bool read_send(struct reader *reader, struct session_step *step)
{
    step->kind = SESSION_STEP_SEND;
    if (first_word_is(reader, "close")) {
        step->kind = SESSION_STEP_CLOSE;
        reader->closed = true;
        (void)add_step(reader, step);
        return reader->word_count == 1 || refuse(reader, "close wants nothing behind it");
    }
    if (!load_words(reader) || !encode(reader, SESSION_SIDE_MTA, step)) {
        return false;
    }
    if (step->command == COMMAND_BODY) {
        split_body(reader, *step);
    } else {
        (void)add_step(reader, step);
    }
    return true;
}

/* "part N COMMAND": the first N bytes of the packet, the rest waits for "rest". */
static bool read_part(struct reader *reader, struct session_step *step)
{
    struct buffer wire = {0};
    struct slice bytes;
    char *end;
    unsigned long length =
        reader->word_count > 2 ? strtoul(reader->words[1].text.data, &end, 10) : 0;

    if (reader->word_count < 3 || reader->words[1].text.data[0] < '0' ||
        reader->words[1].text.data[0] > '9' || *end != '\0') {
        return refuse(reader, "part wants a number of bytes and a command");
    }
    drop_first_word(reader);
    drop_first_word(reader);
    if (!load_words(reader) || !encode(reader, SESSION_SIDE_MTA, step)) {
        return false;
    }
    packet_append(&wire, step->packet.letter, step->packet.payload);
    bytes = arena_copy(&reader->file->arena, buffer_slice(&wire));
    buffer_clear(&wire);
    if (length >= bytes.length) {
        error_set(reader->error, ERROR_USAGE, "the packet has only %zu bytes: a part is less",
                  bytes.length);
        return false;
    }
    step->bytes = slice_of(bytes.data, length);
    slice_skip(&bytes, length);
    reader->pending = bytes;
    return true;
}

static const char hex_usage[] = "hex wants pairs of hexadecimal digits";

static bool read_hex(struct reader *reader, struct session_step *step)
{
    struct buffer bytes = {0};
    bool ok =
        session_line_encode_hex(reader->words + 1, reader->word_count - 1, &bytes, reader->error);

    step->bytes = arena_copy(&reader->file->arena, buffer_slice(&bytes));
    buffer_clear(&bytes);
    return ok && (step->bytes.length > 0 || refuse(reader, hex_usage));
}

static bool read_rest(struct reader *reader, struct session_step *step)
{
    step->bytes = reader->pending;
    reader->pending = slice_of("", 0);
    if (step->bytes.length == 0 || reader->word_count != 1) {
        return refuse(reader, "rest stands alone and behind a part");
    }
    return true;
}

static bool read_send_anyway(struct reader *reader, struct session_step *step)
{
    bool ok;

    step->kind = SESSION_STEP_SEND_BYTES;
    if (first_word_is(reader, "hex")) {
        ok = read_hex(reader, step);
    } else if (first_word_is(reader, "part")) {
        ok = read_part(reader, step);
    } else if (first_word_is(reader, "rest")) {
        ok = read_rest(reader, step);
    } else {
        step->kind = SESSION_STEP_SEND_ANYWAY;
        ok = load_words(reader) && encode(reader, SESSION_SIDE_MTA, step);
    }
    if (ok) {
        (void)add_step(reader, step);
    }
    return ok;
}

/* Words of one text that is no pattern are put together, as they are when it is written. */
static bool check_pattern(struct reader *reader, struct session_step *step)
{
    bool text = session_line_is_text(SESSION_SIDE_FILTER, reader->words[0].text);

    for (size_t i = 0; i < reader->word_count; i++) {
        if (!word_check(&reader->words[i], reader->error)) {
            return false;
        }
    }
    if (reader->words[0].kind == WORD_LITERAL && !first_word_is(reader, "hex") &&
        !session_line_knows(SESSION_SIDE_FILTER, reader->words[0].text)) {
        error_set(reader->error, ERROR_USAGE, "unknown reply <%s>", reader->words[0].text.data);
        return false;
    }
    if (text && reader->word_count > 2) {
        return refuse(reader, "a pattern stands for a whole text: one word");
    }
    step->words = reader->words;
    step->word_count = reader->word_count;
    return true;
}

static void add_hex(struct reader *reader, unsigned char byte)
{
    char text[3];

    (void)snprintf(text, sizeof(text), "%02x", (unsigned)byte);
    add_word(reader, &(struct word){WORD_LITERAL,
                                    arena_copy(&reader->file->arena, slice_from_string(text))});
}

/* Each byte a word of two small letters, as they are written when they are compared. */
static bool spread_hex(struct reader *reader)
{
    const struct word *words = reader->words;
    size_t count = reader->word_count, total = 0;
    struct buffer bytes = {0};
    bool ok = count > 1 || refuse(reader, hex_usage);

    reader->words = NULL;
    reader->word_count = reader->word_capacity = 0;
    add_word(reader, &words[0]);
    for (size_t i = 1; ok && i < count; i++) {
        const struct word word = words[i];

        buffer_reset(&bytes);
        if (word.kind != WORD_LITERAL) {
            add_word(reader, &word);
            continue;
        }
        ok = session_line_encode_hex(&word, 1, &bytes, reader->error);
        total += buffer_length(&bytes);
        for (size_t k = 0; ok && k < buffer_length(&bytes); k++) {
            add_hex(reader, (unsigned char)buffer_slice(&bytes).data[k]);
        }
    }
    buffer_clear(&bytes);
    if (ok && total > SESSION_LINE_HEX) {
        return refuse(reader, "at most 64 bytes are compared; * stands for those behind them");
    }
    return ok;
}

static bool read_pattern(struct reader *reader, struct session_step *step)
{
    return load_files(reader) && (!first_word_is(reader, "hex") || spread_hex(reader)) &&
           check_pattern(reader, step);
}

static bool read_expect(struct reader *reader, struct session_step *step)
{
    step->kind = SESSION_STEP_EXPECT;
    step->exact = !first_word_is(reader, "hex");
    for (size_t i = 0; i < reader->word_count; i++) {
        step->exact = step->exact &&
                      (reader->words[i].kind == WORD_LITERAL || reader->words[i].kind == WORD_FILE);
    }
    if (first_word_is(reader, "close")) {
        step->kind = SESSION_STEP_EXPECT_CLOSE;
        if (reader->word_count != 1) {
            return refuse(reader, "close wants nothing behind it");
        }
    } else if (first_word_is(reader, "nothing")) {
        step->kind = SESSION_STEP_EXPECT_NOTHING;
        if (!read_duration(reader, step, "nothing wants a length of time: nothing 200ms")) {
            return false;
        }
    } else if (step->exact) {
        if (!load_words(reader) || !encode(reader, SESSION_SIDE_FILTER, step)) {
            return false;
        }
    } else if (!read_pattern(reader, step)) {
        return false;
    }
    (void)add_step(reader, step);
    return true;
}

static bool read_optional(struct reader *reader, struct session_step *step)
{
    if (first_word_is(reader, "close") || first_word_is(reader, "nothing")) {
        return refuse(reader, "only a packet may be missing: <? has no close and no nothing");
    }
    step->optional = true;
    return read_expect(reader, step);
}

static bool read_wait(struct reader *reader, struct session_step *step, enum session_step_kind kind)
{
    step->kind = kind;
    if (!read_duration(reader, step,
                       kind == SESSION_STEP_PAUSE ? "pause wants a length of time: pause 200ms"
                                                  : "timeout wants a length of time: timeout 5s")) {
        return false;
    }
    (void)add_step(reader, step);
    return true;
}

/* "@SECONDS" in front. */
static bool read_time(struct reader *reader, struct session_step *step)
{
    struct slice text = reader->words[0].text;

    if (text.length < 2 || text.data[0] != '@') {
        return true;
    }
    slice_skip(&text, 1);
    drop_first_word(reader);
    return duration_parse(text, &step->time, reader->error) &&
           (reader->word_count > 0 || refuse(reader, "a time stands in front of a step"));
}

static bool read_step(struct reader *reader, struct session_step *step)
{
    static const struct {
        const char *sign;
        bool (*read)(struct reader *reader, struct session_step *step);
    } signs[] = {
        {">", read_send}, {"!", read_send_anyway}, {"<", read_expect}, {"<?", read_optional}};

    if (!read_time(reader, step)) {
        return false;
    }
    if (first_word_is(reader, "pause")) {
        return read_wait(reader, step, SESSION_STEP_PAUSE);
    }
    if (first_word_is(reader, "timeout")) {
        return read_wait(reader, step, SESSION_STEP_TIMEOUT);
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (!first_word_is(reader, signs[i].sign)) {
            continue;
        }
        drop_first_word(reader);
        if (reader->word_count == 0) {
            return refuse(reader, "a command or a reply is missing");
        }
        if (reader->closed) {
            return refuse(reader, "behind > close nothing can be said, and nothing is answered");
        }
        return signs[i].read(reader, step);
    }
    error_set(reader->error, ERROR_USAGE,
              "a line begins with > (the MTA), ! (sent anyway), < (the filter), pause, timeout or "
              "#: <%s>",
              reader->words[0].text.data);
    return false;
}

/* ---- the whole file */

static bool read_version(struct reader *reader, struct slice line, bool *seen)
{
    while (line.length > 0 && line.data[line.length - 1] == ' ') {
        line.length--;
    }
    if (!slice_equal_string(line, SESSION_FILE_VERSION_LINE)) {
        return refuse(
            reader, slice_starts_with(line, "milter-session ")
                        ? "this version of the format is not known; 1 is"
                        : "not a session file: its first line is to be \"" SESSION_FILE_VERSION_LINE
                          "\"");
    }
    *seen = true;
    return true;
}

/* Takes the next step with its continuation lines; comments and empty lines are steps, too. */
static bool read_lines(struct reader *reader, bool *version_seen)
{
    struct session_step step = {.line = reader->line, .time = -1, .text = {reader->rest.data, 0}};
    struct slice line = take_line(&reader->rest);

    reader->blamed = reader->line++;
    step.text.length = line.length;
    reader->words = NULL;
    reader->word_count = reader->word_capacity = 0;
    if (!*version_seen || is_comment(without_line_end(line))) {
        (void)add_step(reader, &step);
        return *version_seen || read_version(reader, without_line_end(line), version_seen);
    }
    while (is_continuation(reader->rest)) {
        step.text.length += take_line(&reader->rest).length;
        reader->line++;
    }
    return add_words(reader, step.text) && read_step(reader, &step);
}

bool session_file_parse(struct session_file *file, const char *name, struct slice text,
                        session_file_load_fn *load, void *owner, struct error *error)
{
    struct error found = {0};
    struct reader reader = {
        .file = file, .load = load, .owner = owner, .line = 1, .pending = {"", 0}, .error = &found};
    bool version_seen = false;

    *file = (struct session_file){.count = 0};
    reader.rest = arena_copy(&file->arena, text);
    while (found.code == ERROR_NONE && reader.rest.length > 0) {
        (void)read_lines(&reader, &version_seen);
    }
    if (found.code == ERROR_NONE && !version_seen) { /* an empty file */
        reader.blamed = 1;
        (void)read_version(&reader, slice_of("", 0), &version_seen);
    }
    if (found.code != ERROR_NONE) {
        error_set(error, ERROR_USAGE, "%s:%u: %s", name, reader.blamed, found.message);
        session_file_clear(file);
        return false;
    }
    return true;
}

void session_file_clear(struct session_file *file)
{
    arena_clear(&file->arena);
    *file = (struct session_file){.count = 0};
}

/* ---- comparing */

/* The words of a line as it was written, parts of a text put together. */
static size_t words_of(struct slice line, struct arena *arena, struct word *words, size_t maximum)
{
    struct error error = {0};
    size_t count = 0;

    while (count < maximum && word_next(&line, arena, &words[count], &error)) {
        count++;
    }
    return count;
}

static bool is_rest(const struct word *word)
{
    return word->kind == WORD_GLOB && slice_equal_string(word->text, "*");
}

static bool words_match(const struct session_step *step, const struct word *words, size_t count)
{
    size_t last = step->word_count - 1;

    for (size_t i = 0; i < step->word_count; i++) {
        if (i == last && is_rest(&step->words[i])) {
            return true;
        }
        if (i >= count || !word_matches(&step->words[i], words[i].text)) {
            return false;
        }
    }
    return count == step->word_count;
}

bool session_step_matches(const struct session_step *step, const struct packet *packet,
                          struct slice line)
{
    struct arena arena = {0};
    struct word *words;
    bool matches;

    if (step->exact) {
        return packet != NULL && packet->letter == step->packet.letter &&
               slice_equal(packet->payload, step->packet.payload);
    }
    if (session_line_is_text(SESSION_SIDE_FILTER, step->words[0].text) && packet != NULL) {
        struct word whole[] = {{WORD_LITERAL, {NULL, 0}}, {WORD_LITERAL, packet->payload}};

        (void)words_of(line, &arena, whole, 1);
        matches = words_match(step, whole, 2);
    } else {
        size_t maximum = line.length / 2 + 1;

        words = arena_new(&arena, maximum * sizeof(*words));
        matches = words_match(step, words, words_of(line, &arena, words, maximum));
    }
    arena_clear(&arena);
    return matches;
}

bool session_step_expects_continue(const struct session_step *step)
{
    const struct packet packet = {reply_info[REPLY_CONTINUE].letter, {"", 0}};

    return step->kind == SESSION_STEP_EXPECT &&
           session_step_matches(step, &packet, slice_from_string(reply_info[REPLY_CONTINUE].name));
}
