/*
 * fuzz_session_file - session files, and what the recorder makes of any bytes.
 *
 * The input is parsed as a session file.  What must hold for any input: the
 * texts of the steps add up to the input, what is exact matches itself and
 * reads back as the same packet when it is written again.  Then the input is
 * taken for a conversation: what the recorder writes is a session file of just
 * those packets.
 */
#include "libcore/session/recorder.h"
#include "libcore/session/session_file.h"
#include "libcore/session/session_line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

enum { LONG_FILE = 2 * PROTOCOL_CHUNK + 1 };

/* A file holds its own name; one that begins with L, again and again. */
static bool load(void *owner, const char *path, struct buffer *content, struct error *error)
{
    (void)owner;
    if (path[0] == '\0') {
        error_set(error, ERROR_USAGE, "no file has an empty name");
        return false;
    }
    do {
        buffer_append_string(content, path);
    } while (path[0] == 'L' && buffer_length(content) < LONG_FILE);
    return true;
}

static bool parse(struct session_file *file, struct slice text, struct error *error)
{
    return session_file_parse(file, "x", text, load, NULL, error);
}

static void check_texts(const struct session_file *file, struct slice text)
{
    unsigned line = 0;

    for (size_t i = 0; i < file->count; i++) {
        struct slice part = file->steps[i].text;

        require(part.length <= text.length);
        require(slice_equal(part, slice_of(text.data, part.length)));
        slice_skip(&text, part.length);
        require(file->steps[i].line >= line);
        line = file->steps[i].line;
    }
    require(text.length == 0);
}

/* The packet as a line, without its sign. */
static void append_line(struct buffer *line, const struct session_step *step)
{
    session_line_append(line,
                        step->kind == SESSION_STEP_EXPECT ? SESSION_SIDE_FILTER : SESSION_SIDE_MTA,
                        &step->packet);
}

static void check_written(const struct session_step *step)
{
    static const char *const signs[] = {
        [SESSION_STEP_SEND] = ">", [SESSION_STEP_SEND_ANYWAY] = "!", [SESSION_STEP_EXPECT] = "<"};
    struct buffer text = {0};
    struct session_file file;
    struct error error = {0};

    buffer_append_format(&text, "%s\n%s ", SESSION_FILE_VERSION_LINE, signs[step->kind]);
    append_line(&text, step);
    require(parse(&file, buffer_slice(&text), &error));
    require(file.count == 2 && file.steps[1].kind == step->kind);
    require(file.steps[1].packet.letter == step->packet.letter);
    require(slice_equal(file.steps[1].packet.payload, step->packet.payload));
    session_file_clear(&file);
    buffer_clear(&text);
}

/* One expectation against everything the file expects exactly. */
static void check_matching(const struct session_file *file, const struct session_step *step)
{
    for (size_t i = 0; i < file->count && i < 64; i++) {
        struct buffer line = {0};

        if (file->steps[i].kind != SESSION_STEP_EXPECT || !file->steps[i].exact) {
            continue;
        }
        append_line(&line, &file->steps[i]);
        require(session_step_matches(step, &file->steps[i].packet, buffer_slice(&line)) ||
                step != &file->steps[i]);
        buffer_clear(&line);
    }
    (void)session_step_matches(step, NULL, slice_from_string("hex 00 ff\n"));
    (void)session_step_expects_continue(step);
}

static void check_file(struct slice text)
{
    struct session_file file;
    struct error error = {0};

    if (!parse(&file, text, &error)) {
        require(error.code == ERROR_USAGE && strncmp(error.message, "x:", 2) == 0);
        return;
    }
    check_texts(&file, text);
    for (size_t i = 0; i < file.count; i++) {
        const struct session_step *step = &file.steps[i];
        bool sent = step->kind == SESSION_STEP_SEND || step->kind == SESSION_STEP_SEND_ANYWAY;

        if (sent || (step->kind == SESSION_STEP_EXPECT && step->exact)) {
            check_written(step);
        }
        if (step->kind == SESSION_STEP_EXPECT && i < 64) {
            check_matching(&file, step);
        }
    }
    session_file_clear(&file);
}

/* Every other packet of the input is a command, the others are answers. */
static void check_recording(struct slice input)
{
    struct recorder recorder;
    struct session_file file;
    struct error error = {0};
    struct packet packet;
    size_t said = 0;

    recorder_init(&recorder, (size_t)1 << 24, NULL, "who\nwhen");
    while (packet_next(&input, &packet, &error) == PACKET_READY) {
        if (said++ % 2 == 0) {
            recorder_command(&recorder, &packet);
        } else {
            struct buffer wire = {0};

            packet_append(&wire, packet.letter, packet.payload);
            recorder_replies(&recorder, buffer_slice(&wire));
            buffer_clear(&wire);
        }
    }
    if (input.length > 0) {
        recorder_replies(&recorder, input);
        said++;
    }
    error = (struct error){0};
    require(parse(&file, buffer_slice(&recorder.text), &error));
    require(file.count == 3 + said);
    session_file_clear(&file);
    recorder_clear(&recorder);
}

/* The C library multiplies x{9}{9}, x++ and (x+)+ out: not what is looked for. */
static bool explodes(struct slice input)
{
    unsigned signs = 0;
    bool slash = false;

    for (size_t i = 0; i < input.length; i++) {
        slash = slash || input.data[i] == '/';
        signs += input.data[i] == '+' ? 1 : input.data[i] == '{' ? 9 : 0;
    }
    return slash && signs > 8;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice input = slice_of(data, size);

    if (!explodes(input)) {
        check_file(input);
        check_recording(input);
    }
    return 0;
}
