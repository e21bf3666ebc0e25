/*
 * playback - what became of a session file.
 *
 * Owns the lines and answers through its arena.  Pure: no connection, no clock.
 */
#include "milter-test-server/playback.h"

#include "libcore/session/session_line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIFF_CONTEXT = 3,
    TABLE_MAXIMUM = 4000000, /* cells of the table of common answers */
};

void playback_clear(struct playback *playback)
{
    arena_clear(&playback->arena);
}

/* Room for one more; returns the array. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    void *larger;

    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity > 0 ? *capacity * 2 : 32;
    larger = arena_new(arena, *capacity * size);
    if (count > 0) {
        memcpy(larger, items, count * size);
    }
    return larger;
}

static void push_line(struct playback *playback, char mark, struct slice text)
{
    playback->lines = grow(&playback->arena, playback->lines, playback->count, &playback->capacity,
                           sizeof(*playback->lines));
    playback->lines[playback->count++] = (struct playback_line){mark, text};
    playback->differs = playback->differs || mark != ' ';
}

/* The last line of a file may lack its LF: with something behind it, it is a line that changes. */
static void end_last_line(struct playback *playback)
{
    struct playback_line *last = playback->count > 0 ? &playback->lines[playback->count - 1] : NULL;
    struct buffer ended = {0};

    if (last == NULL || last->mark != ' ' || last->text.data[last->text.length - 1] == '\n') {
        return;
    }
    last->mark = '-';
    buffer_append_slice(&ended, last->text);
    buffer_append_byte(&ended, '\n');
    push_line(playback, '+', arena_copy(&playback->arena, buffer_slice(&ended)));
    buffer_clear(&ended);
}

static void add_line(struct playback *playback, char mark, struct slice text)
{
    if (text.length > 0) {
        end_last_line(playback);
        push_line(playback, mark, text);
    }
}

void playback_add_text(struct playback *playback, struct slice text)
{
    add_line(playback, ' ', arena_copy(&playback->arena, text));
}

/* ---- answers */

static struct playback_answer *add_answer(struct playback *playback, enum playback_kind kind,
                                          struct buffer *line)
{
    struct playback_answer *answer;

    playback->answers = grow(&playback->arena, playback->answers, playback->answer_count,
                             &playback->answer_capacity, sizeof(*playback->answers));
    answer = &playback->answers[playback->answer_count++];
    *answer = (struct playback_answer){.line = arena_copy(&playback->arena, buffer_slice(line))};
    answer->kind = kind;
    buffer_clear(line);
    return answer;
}

void playback_add_packet(struct playback *playback, const struct packet *packet)
{
    struct buffer line = {0};
    struct playback_answer *answer;

    buffer_append_string(&line, "< ");
    session_line_append(&line, SESSION_SIDE_FILTER, packet);
    answer = add_answer(playback, PLAYBACK_PACKET, &line);
    answer->packet = (struct packet){packet->letter, arena_copy(&playback->arena, packet->payload)};
}

void playback_add_bytes(struct playback *playback, struct slice bytes)
{
    struct buffer line = {0};

    buffer_append_string(&line, "< ");
    session_line_append_hex(&line, bytes);
    (void)add_answer(playback, PLAYBACK_BYTES, &line);
}

void playback_add_close(struct playback *playback)
{
    struct buffer line = {0};

    buffer_append_string(&line, "< close\n");
    (void)add_answer(playback, PLAYBACK_CLOSE, &line);
}

void playback_add_nothing(struct playback *playback, const struct session_step *step)
{
    struct buffer line = {0};

    buffer_append_slice(&line, step->text);
    (void)add_answer(playback, PLAYBACK_NOTHING, &line);
}

void playback_add_note(struct playback *playback, const char *sentence)
{
    struct buffer line = {0};

    buffer_append_format(&line, "# %s\n", sentence);
    (void)add_answer(playback, PLAYBACK_NOTE, &line);
}

/* ---- comparing */

static bool matches(const struct session_step *step, const struct playback_answer *answer)
{
    struct slice line = answer->line;

    slice_skip(&line, 2); /* "< " */
    switch (step->kind) {
    case SESSION_STEP_EXPECT:
        return (answer->kind == PLAYBACK_PACKET &&
                session_step_matches(step, &answer->packet, line)) ||
               (answer->kind == PLAYBACK_BYTES && session_step_matches(step, NULL, line));
    case SESSION_STEP_EXPECT_CLOSE:
        return answer->kind == PLAYBACK_CLOSE;
    case SESSION_STEP_EXPECT_NOTHING:
        return answer->kind == PLAYBACK_NOTHING && slice_equal(answer->line, step->text);
    default:
        return false;
    }
}

bool playback_satisfied(const struct playback *playback, const struct session_step *expected,
                        size_t count)
{
    size_t a = 0;

    for (size_t e = 0; e < count; e++) {
        if (expected[e].kind == SESSION_STEP_TEXT || expected[e].optional) {
            continue;
        }
        while (a < playback->answer_count && !matches(&expected[e], &playback->answers[a])) {
            a++;
        }
        if (a == playback->answer_count) {
            return false;
        }
        a++;
    }
    return true;
}

bool playback_reply_ended(const struct playback *playback)
{
    const struct playback_answer *last;
    enum reply_kind kind;

    if (playback->answer_count == 0) {
        return false;
    }
    last = &playback->answers[playback->answer_count - 1];
    return last->kind != PLAYBACK_PACKET || !reply_from_letter(last->packet.letter, &kind) ||
           (!reply_info[kind].edit && kind != REPLY_PROGRESS);
}

struct comparison {
    struct playback *playback;
    const struct session_step *expected;
    size_t count;
    bool owed;
    bool negotiation_expected;
};

/* A line only one side has. */
static void add_expected(const struct comparison *comparison, size_t index)
{
    const struct session_step *step = &comparison->expected[index];
    bool given = step->kind == SESSION_STEP_TEXT || step->optional ||
                 (!comparison->owed && session_step_expects_continue(step));

    add_line(comparison->playback, given ? ' ' : '-', step->text);
}

/* What need not be written down: progress, and a plain answer that was owed. */
static bool goes_without_saying(const struct comparison *comparison,
                                const struct playback_answer *answer)
{
    if (answer->kind != PLAYBACK_PACKET) {
        return false;
    }
    if (answer->packet.letter == reply_info[REPLY_NEGOTIATE].letter) {
        return comparison->owed && !comparison->negotiation_expected;
    }
    return answer->packet.letter == reply_info[REPLY_PROGRESS].letter ||
           (comparison->owed && answer->packet.letter == reply_info[REPLY_CONTINUE].letter);
}

static void add_actual(const struct comparison *comparison, size_t index)
{
    const struct playback_answer *answer = &comparison->playback->answers[index];

    if (!goes_without_saying(comparison, answer)) {
        add_line(comparison->playback, '+', answer->line);
    }
}

/*
 * The longest common subsequence of [e, count) and [a, answer_count), as
 * table[e][a]: the classic way, fine for the few answers a command has.
 */
static uint32_t *common_table(const struct comparison *comparison, size_t from)
{
    const struct playback *playback = comparison->playback;
    size_t rows = comparison->count - from, columns = playback->answer_count - from;
    uint32_t *table;

    if ((rows + 1) * (columns + 1) > TABLE_MAXIMUM) {
        return NULL;
    }
    table = calloc((rows + 1) * (columns + 1), sizeof(*table));
    for (size_t e = rows; table != NULL && e-- > 0;) {
        for (size_t a = columns; a-- > 0;) {
            uint32_t *cell = &table[e * (columns + 1) + a];
            uint32_t down = cell[columns + 1], right = cell[1];

            *cell = matches(&comparison->expected[from + e], &playback->answers[from + a])
                        ? cell[columns + 2] + 1
                    : down > right ? down
                                   : right;
        }
    }
    return table;
}

static void compare_from(const struct comparison *comparison, size_t from, const uint32_t *table)
{
    const struct playback *playback = comparison->playback;
    size_t columns = playback->answer_count - from, e = from, a = from;

    while (table != NULL && e < comparison->count && a < playback->answer_count) {
        const uint32_t *cell = &table[(e - from) * (columns + 1) + (a - from)];

        if (matches(&comparison->expected[e], &playback->answers[a]) &&
            *cell == cell[columns + 2] + 1) {
            add_line(comparison->playback, ' ', comparison->expected[e].text);
            e++;
            a++;
        } else if (cell[columns + 1] >= cell[1]) {
            add_expected(comparison, e++);
        } else {
            add_actual(comparison, a++);
        }
    }
    while (e < comparison->count) {
        add_expected(comparison, e++);
    }
    while (a < playback->answer_count) {
        add_actual(comparison, a++);
    }
}

void playback_compare(struct playback *playback, const struct session_step *expected, size_t count,
                      bool owed)
{
    struct comparison comparison = {playback, expected, count, owed, false};
    uint32_t *table;
    size_t same = 0;

    for (size_t i = 0; i < count; i++) {
        const struct session_step *step = &expected[i];

        comparison.negotiation_expected =
            comparison.negotiation_expected ||
            (step->kind == SESSION_STEP_EXPECT &&
             (step->exact ? step->packet.letter == reply_info[REPLY_NEGOTIATE].letter
                          : slice_equal_string(step->words[0].text, "negotiate")));
    }
    while (same < count && same < playback->answer_count &&
           matches(&expected[same], &playback->answers[same])) {
        add_line(playback, ' ', expected[same++].text);
    }
    table = common_table(&comparison, same);
    compare_from(&comparison, same, table);
    free(table);
    playback->answer_count = 0;
}

/* ---- showing */

void playback_append_updated(const struct playback *playback, struct buffer *output)
{
    for (size_t i = 0; i < playback->count; i++) {
        if (playback->lines[i].mark != '-') {
            buffer_append_slice(output, playback->lines[i].text);
        }
    }
}

/* The marked lines one by one. */
struct diff_line {
    char mark;
    struct slice text;
};

static struct diff_line *split_lines(const struct playback *playback, struct arena *arena,
                                     size_t *count)
{
    struct diff_line *lines = NULL;
    size_t capacity = 0;

    *count = 0;
    for (size_t i = 0; i < playback->count; i++) {
        struct slice rest = playback->lines[i].text;

        while (rest.length > 0) {
            const char *end = memchr(rest.data, '\n', rest.length);
            size_t length = end != NULL ? (size_t)(end - rest.data) + 1 : rest.length;

            lines = grow(arena, lines, *count, &capacity, sizeof(*lines));
            lines[(*count)++] = (struct diff_line){playback->lines[i].mark, {rest.data, length}};
            slice_skip(&rest, length);
        }
    }
    return lines;
}

/* One past the last line of the hunk that begins at from: differences at most 2 * DIFF_CONTEXT
 * apart. */
static size_t hunk_end(const struct diff_line *lines, size_t count, size_t from)
{
    size_t end = from, same = 0;

    for (size_t i = from; i < count && same <= 2 * DIFF_CONTEXT; i++) {
        same = lines[i].mark == ' ' ? same + 1 : 0;
        end = same == 0 ? i + 1 : end;
    }
    end += DIFF_CONTEXT;
    return end < count ? end : count;
}

static void append_hunk(struct buffer *output, const struct diff_line *lines, size_t count,
                        size_t old_line, size_t new_line)
{
    size_t old_count = 0, new_count = 0;

    for (size_t i = 0; i < count; i++) {
        old_count += lines[i].mark != '+' ? 1 : 0;
        new_count += lines[i].mark != '-' ? 1 : 0;
    }
    buffer_append_format(output, "@@ -%zu,%zu +%zu,%zu @@\n", old_line, old_count, new_line,
                         new_count);
    for (size_t i = 0; i < count; i++) {
        struct slice text = lines[i].text;

        buffer_append_byte(output, lines[i].mark);
        buffer_append_slice(output, text);
        if (text.data[text.length - 1] != '\n') {
            buffer_append_string(output, "\n\\ No newline at end of file\n");
        }
    }
}

void playback_append_diff(const struct playback *playback, const char *name, const char *peer,
                          struct buffer *output)
{
    size_t count, old_line = 1, new_line = 1, next = 0;
    struct arena arena = {0};
    struct diff_line *lines;

    if (!playback->differs) {
        return;
    }
    lines = split_lines(playback, &arena, &count);
    buffer_append_format(output, "--- %s\n+++ %s\n", name, peer);
    while (next < count) {
        size_t change = next, begin, end;

        while (change < count && lines[change].mark == ' ') {
            change++;
        }
        begin = change > next + DIFF_CONTEXT ? change - DIFF_CONTEXT : next;
        end = change < count ? hunk_end(lines, count, change) : count;
        old_line += begin - next; /* what is passed over is on both sides */
        new_line += begin - next;
        if (change < count) {
            append_hunk(output, lines + begin, end - begin, old_line, new_line);
        }
        for (size_t i = begin; i < end; i++) {
            old_line += lines[i].mark != '+' ? 1 : 0;
            new_line += lines[i].mark != '-' ? 1 : 0;
        }
        next = end;
    }
    arena_clear(&arena);
}
