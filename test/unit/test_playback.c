/*
 * Tests of playback: which lines are the same, missing and surplus, what goes
 * without saying, and that the difference turns the file into the updated one.
 */
#include "milter-test-server/playback.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD  "milter-session 1\n"
#define NAMES "--- x.session\n+++ unix:/s\n"

static void parse(struct session_file *file, struct slice text)
{
    struct error error = {0};

    if (!session_file_parse(file, "x", text, NULL, NULL, &error)) {
        fail_msg("%s", error.message);
    }
}

static bool is_sent(const struct session_step *step)
{
    return step->kind == SESSION_STEP_SEND;
}

static bool is_expected(const struct session_step *step)
{
    return step->kind == SESSION_STEP_EXPECT || step->kind == SESSION_STEP_EXPECT_CLOSE ||
           step->kind == SESSION_STEP_EXPECT_NOTHING;
}

static void add_answer(struct playback *playback, const struct session_step *answer)
{
    switch (answer->kind) {
    case SESSION_STEP_EXPECT:
        playback_add_packet(playback, &answer->packet);
        break;
    case SESSION_STEP_EXPECT_CLOSE:
        playback_add_close(playback);
        break;
    case SESSION_STEP_EXPECT_NOTHING:
        playback_add_nothing(playback, answer);
        break;
    default:
        break;
    }
}

struct play {
    struct session_file file, answers;
    struct playback playback;
    struct buffer diff, updated;
};

/*
 * Plays the text; answers is one, too, and what stands behind its nth command
 * is what is answered to the nth command.
 */
static void play_begin(struct play *play, struct slice text, struct slice answers, bool owed)
{
    size_t next = 0, i = 0;

    *play = (struct play){.diff = {NULL, 0, 0, 0}};
    parse(&play->file, text);
    parse(&play->answers, answers);
    while (i < play->file.count) {
        const struct session_step *step = &play->file.steps[i++];
        size_t block = i;

        playback_add_text(&play->playback, step->text);
        if (!is_sent(step)) {
            continue;
        }
        while (next < play->answers.count && !is_sent(&play->answers.steps[next])) {
            next++;
        }
        for (next++; next < play->answers.count && !is_sent(&play->answers.steps[next]); next++) {
            add_answer(&play->playback, &play->answers.steps[next]);
        }
        while (i < play->file.count && is_expected(&play->file.steps[i])) {
            i++;
        }
        playback_compare(&play->playback, &play->file.steps[block], i - block, owed);
    }
    playback_append_diff(&play->playback, "x.session", "unix:/s", &play->diff);
    playback_append_updated(&play->playback, &play->updated);
}

static void play_end(struct play *play)
{
    playback_clear(&play->playback);
    session_file_clear(&play->file);
    session_file_clear(&play->answers);
    buffer_clear(&play->diff);
    buffer_clear(&play->updated);
}

/* ---- the difference as a tool reads it */

static struct slice take_line(struct slice *text)
{
    const char *end = text->length > 0 ? memchr(text->data, '\n', text->length) : NULL;
    size_t length = end != NULL ? (size_t)(end - text->data) + 1 : text->length;
    struct slice line = slice_of(text->data, length);

    slice_skip(text, length);
    return line;
}

/* A line of the difference; its LF is not the text's when the next line says so. */
static struct slice take_marked(struct slice *diff, char *mark)
{
    struct slice line = take_line(diff);

    assert_true(line.length >= 2);
    *mark = line.data[0];
    slice_skip(&line, 1);
    if (slice_starts_with(*diff, "\\ No newline at end of file\n")) {
        (void)take_line(diff);
        line.length--;
    }
    return line;
}

/* The number behind the sign; *text stands behind it. */
static size_t take_number(const char **text, char sign)
{
    char *end;
    size_t number;

    assert_int_equal(**text, sign);
    number = strtoul(*text + 1, &end, 10);
    assert_true(end > *text + 1);
    *text = *end == ' ' ? end + 1 : end;
    return number;
}

static void apply_hunk(struct slice *diff, struct slice *text, size_t *line, size_t *new_next,
                       struct buffer *result)
{
    const char *head = take_line(diff).data + 3; /* "@@ " */
    size_t old_line = take_number(&head, '-'), old_count = take_number(&head, ',');
    size_t new_line = take_number(&head, '+'), new_count = take_number(&head, ',');

    assert_int_equal(strncmp(head, "@@\n", 3), 0);
    assert_int_equal(new_line, *new_next + (old_line - *line));
    assert_true(old_line >= *line);
    for (; *line < old_line; ++*line) {
        buffer_append_slice(result, take_line(text));
        ++*new_next;
    }
    while (old_count + new_count > 0) {
        char mark;
        struct slice marked = take_marked(diff, &mark);

        if (mark != '+') {
            assert_bytes(marked, take_line(text));
            ++*line;
            old_count--;
        }
        if (mark != '-') {
            buffer_append_slice(result, marked);
            ++*new_next;
            new_count--;
        }
    }
}

static void check_applies(const struct play *play, struct slice text)
{
    struct slice diff = buffer_slice(&play->diff);
    struct buffer result = {0};
    size_t line = 1, new_next = 1;

    assert_int_equal(diff.length > 0, play->playback.differs);
    if (diff.length > 0) {
        assert_true(slice_starts_with(diff, NAMES));
        slice_skip(&diff, sizeof(NAMES) - 1);
    }
    while (diff.length > 0) {
        apply_hunk(&diff, &text, &line, &new_next, &result);
    }
    buffer_append_slice(&result, text);
    assert_bytes(buffer_slice(&result), buffer_slice(&play->updated));
    buffer_clear(&result);
}

/* ---- cases */

static const struct {
    const char *what, *text, *answers, *updated;
} cases[] = {
    {"the same", "> helo a\n< add-header X y\n< accept\n", "> helo a\n< add-header X y\n< accept\n",
     "> helo a\n< add-header X y\n< accept\n"},
    {"nothing at all", "", "", ""},
    {"nothing expected, continue", "> helo a\n", "> helo a\n< continue\n", "> helo a\n"},
    {"nothing expected, progress", "> helo a\n", "> helo a\n< progress\n< continue\n",
     "> helo a\n"},
    {"nothing expected, negotiate", "> negotiate 6 all all\n",
     "> negotiate 6 all all\n< negotiate 6 none none\n", "> negotiate 6 all all\n"},
    {"another negotiation", "> negotiate 6 all all\n< negotiate 6 all *\n",
     "> negotiate 6 all all\n< negotiate 6 none none\n",
     "> negotiate 6 all all\n< negotiate 6 none none\n"},
    {"nothing expected, reject", "> helo a\n> quit\n", "> helo a\n< reject\n> quit\n",
     "> helo a\n< reject\n> quit\n"},
    {"another reply", "> helo a\n< accept\n", "> helo a\n< reject\n", "> helo a\n< reject\n"},
    {"continue in place of a reply", "> helo a\n< accept\n", "> helo a\n< continue\n",
     "> helo a\n"},
    {"missing in front", "> helo a\n< add-header X y\n< accept\n", "> helo a\n< accept\n",
     "> helo a\n< accept\n"},
    {"missing in the middle", "> helo a\n< add-header A 1\n< add-header B 2\n< accept\n",
     "> helo a\n< add-header A 1\n< accept\n", "> helo a\n< add-header A 1\n< accept\n"},
    {"surplus", "> helo a\n< add-header A 1\n< accept\n",
     "> helo a\n< add-header A 1\n< add-header B 2\n< accept\n",
     "> helo a\n< add-header A 1\n< add-header B 2\n< accept\n"},
    {"patterns and times stay", "> helo a\n@1 < add-header A *\n< add-header B 2\n< acc*\n",
     "> helo a\n< add-header A 1\n< add-header B 3\n< accept\n",
     "> helo a\n@1 < add-header A *\n< add-header B 3\n< acc*\n"},
    {"comments stay", "# a\n> helo a\n< accept\n\n# b\n> quit\n", "> helo a\n< reject\n> quit\n",
     "# a\n> helo a\n< reject\n\n# b\n> quit\n"},
    {"lines of several lines", "> helo a\n< replace-body\n    \"a\\n\"\n    \"b\\n\"\n< accept\n",
     "> helo a\n< replace-body\n    \"a\\n\"\n    \"c\\n\"\n< accept\n",
     "> helo a\n< replace-body\n    \"a\\n\"\n    \"c\\n\"\n< accept\n"},
    {"a body that is cut otherwise", "> helo a\n< replace-body \"a\\n\" \"b\\n\"\n",
     "> helo a\n< replace-body \"a\\nb\\n\"\n", "> helo a\n< replace-body \"a\\n\" \"b\\n\"\n"},
    {"a close", "> helo a\n< accept\n", "> helo a\n< close\n", "> helo a\n< close\n"},
    {"an expected close", "> helo a\n< close\n", "> helo a\n< close\n", "> helo a\n< close\n"},
    {"an expected silence", "> helo a\n< nothing 1s\n< accept\n",
     "> helo a\n< nothing 1s\n< accept\n", "> helo a\n< nothing 1s\n< accept\n"},
    {"a broken silence", "> helo a\n< nothing 1s\n< accept\n", "> helo a\n< accept\n",
     "> helo a\n< accept\n"},
    {"no LF at the end", "> helo a\n< accept", "> helo a\n< accept\n", "> helo a\n< accept"},
    {"no LF at an expectation that changes", "> helo a\n< accept", "> helo a\n< reject\n",
     "> helo a\n< reject\n"},
    {"no LF before an answer", "> helo a", "> helo a\n< reject\n", "> helo a\n< reject\n"},
    {"no LF at an expectation before an answer", "> helo a\n< add-header A *",
     "> helo a\n< add-header A 1\n< reject\n", "> helo a\n< add-header A *\n< reject\n"},
    {"no LF where it is missing", "> helo a\n< reject\n< accept", "> helo a\n< reject\n",
     "> helo a\n< reject\n"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer text = {0}, answers = {0}, updated = {0};
        struct play play;

        buffer_append_format(&text, HEAD "%s", cases[i].text);
        buffer_append_format(&answers, HEAD "%s", cases[i].answers);
        buffer_append_format(&updated, HEAD "%s", cases[i].updated);
        play_begin(&play, buffer_slice(&text), buffer_slice(&answers), true);
        if (!slice_equal(buffer_slice(&play.updated), buffer_slice(&updated)) ||
            play.playback.differs != (strcmp(cases[i].text, cases[i].updated) != 0)) {
            fail_msg("%s:\n%.*s", cases[i].what, (int)buffer_length(&play.updated),
                     play.updated.data);
        }
        check_applies(&play, buffer_slice(&text));
        play_end(&play);
        buffer_clear(&text);
        buffer_clear(&answers);
        buffer_clear(&updated);
    }
}

static void test_diff(void **state)
{
    static const char text[] = HEAD "# 2\n# 3\n# 4\n> helo a\n< accept\n# 7\n# 8\n# 9\n# 10\n# 11\n"
                                    "# 12\n# 13\n# 14\n> quit";
    struct play play;

    (void)state;
    play_begin(&play, slice_from_string(text),
               slice_from_string(HEAD "> helo a\n< reject\n> quit\n< close\n"), true);
    assert_text(buffer_slice(&play.diff), NAMES "@@ -3,7 +3,7 @@\n"
                                                " # 3\n"
                                                " # 4\n"
                                                " > helo a\n"
                                                "-< accept\n"
                                                "+< reject\n"
                                                " # 7\n"
                                                " # 8\n"
                                                " # 9\n"
                                                "@@ -12,4 +12,5 @@\n"
                                                " # 12\n"
                                                " # 13\n"
                                                " # 14\n"
                                                "-> quit\n"
                                                "\\ No newline at end of file\n"
                                                "+> quit\n"
                                                "+< close\n");
    play_end(&play);
}

/* A reply that is not owed cannot be asked for: an expected continue counts as given. */
static void test_not_owed(void **state)
{
    struct play play;

    (void)state;
    play_begin(&play, slice_from_string(HEAD "> helo a\n< continue\n< *\n"),
               slice_from_string(HEAD), false);
    assert_false(play.playback.differs);
    play_end(&play);
    play_begin(&play, slice_from_string(HEAD "> helo a\n< accept\n"), slice_from_string(HEAD),
               false);
    assert_true(play.playback.differs);
    play_end(&play);
    play_begin(&play, slice_from_string(HEAD "> helo a\n< continue\n"), slice_from_string(HEAD),
               true);
    assert_true(play.playback.differs);
    play_end(&play);
}

static void test_notes_and_bytes(void **state)
{
    struct playback playback = {.differs = false};
    struct session_file file;
    struct buffer text = {0};
    char garbage[100];

    (void)state;
    memset(garbage, 0, sizeof(garbage));
    parse(&file, slice_from_string(HEAD "< hex 00 *\n< hex 01\n"));
    playback_add_bytes(&playback, slice_of(garbage, sizeof(garbage)));
    playback_add_note(&playback, "no answer for 1 seconds");
    playback_compare(&playback, file.steps + 1, 2, true);
    playback_append_updated(&playback, &text);
    assert_text(buffer_slice(&text), "< hex 00 *\n# no answer for 1 seconds\n");
    assert_true(playback.differs);
    playback_clear(&playback);
    session_file_clear(&file);
    buffer_clear(&text);
}

/* count expectations or answers of one command, every step-th of them left out. */
static void append_headers(struct buffer *text, size_t count, size_t step)
{
    buffer_append_string(text, HEAD "> end-of-message\n");
    for (size_t i = 0; i < count; i++) {
        if (i % step != step - 1) {
            buffer_append_format(text, "< add-header X%zu y\n", i);
        }
    }
    buffer_append_string(text, "< accept\n");
}

static void check_many(size_t count)
{
    struct buffer text = {0}, answers = {0};
    struct play play;

    append_headers(&text, count, 7);
    append_headers(&answers, count, 5);
    play_begin(&play, buffer_slice(&text), buffer_slice(&answers), true);
    assert_bytes(buffer_slice(&play.updated), buffer_slice(&answers));
    check_applies(&play, buffer_slice(&text));
    play_end(&play);
    play_begin(&play, buffer_slice(&text), buffer_slice(&text), true);
    assert_false(play.playback.differs);
    play_end(&play);
    buffer_clear(&text);
    buffer_clear(&answers);
}

static void test_many_answers(void **state)
{
    (void)state;
    check_many(1000);
    check_many(5000); /* more than are compared each with each */
}

static void append_random(struct buffer *text, uint32_t *seed, bool comments)
{
    static const char *const lines[] = {"< continue\n",
                                        "< accept\n",
                                        "< add-header A 1\n",
                                        "< add-header B 2\n",
                                        "< replace-body \"a\\n\" \"b\\n\"\n",
                                        "< progress\n",
                                        "< add-header * 1\n",
                                        "< a*\n"};

    buffer_append_string(text, HEAD);
    for (unsigned command = 0; command < 6; command++) {
        while (comments && random_next(seed) % 3 > 0) {
            buffer_append_string(text, "# comment\n");
        }
        buffer_append_string(text, "> helo a\n");
        while (random_next(seed) % 3 > 0) {
            buffer_append_string(text, lines[random_next(seed) % (comments ? 8 : 6)]);
        }
    }
}

/* Whatever differs: the difference turns the old file into the new one. */
static void test_any_difference(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct buffer text = {0}, answers = {0}, again = {0};
        struct play play, second;

        append_random(&text, &seed, true);
        append_random(&answers, &seed, false);
        text.end -= random_next(&seed) % 2; /* without the last LF */
        play_begin(&play, buffer_slice(&text), buffer_slice(&answers), true);
        check_applies(&play, buffer_slice(&text));
        buffer_append_slice(&again, buffer_slice(&play.updated));
        play_begin(&second, buffer_slice(&again), buffer_slice(&answers), true);
        if (second.playback.differs) {
            fail_msg("round %u: an updated file differs:\n%.*s", round,
                     (int)buffer_length(&second.diff), second.diff.data);
        }
        play_end(&second);
        play_end(&play);
        buffer_clear(&text);
        buffer_clear(&answers);
        buffer_clear(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_not_owed),     cmocka_unit_test(test_notes_and_bytes),
        cmocka_unit_test(test_many_answers), cmocka_unit_test(test_any_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
