/*
 * test_mail_file - mail files (tools.md section 1.4): small inputs for each
 * rule and every mail of test/fixtures/mails.
 *
 * Runs in the top directory of the sources.
 */
#include "libcore/base/memory.h"
#include "libcore/mail/mail_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAILS "test/fixtures/mails/"

static const struct {
    const char *file;
    size_t fields;
    const char *sender;
    size_t recipients;
    const char *first_recipient;
    size_t body;
} mails[] = {
    {"bounce.eml", 8, "<MAILER-DAEMON@mx.example.test>", 1, "<alice@example.test>", 885},
    {"dkim-broken.eml", 9, "<alice@example.test>", 1, "<bob@example.test>", 139},
    {"dkim-signed.eml", 9, "<alice@example.test>", 1, "<bob@example.test>", 137},
    {"dots.eml", 5, "<alice@example.test>", 1, "<bob@example.test>", 90},
    {"eightbit.eml", 8, "<alice@example.test>", 1, "<bob@example.test>", 91},
    {"empty-body.eml", 5, "<alice@example.test>", 1, "<bob@example.test>", 0},
    {"folded.eml", 17, "<alice@example.test>", 1, "<bob@example.test>", 37},
    {"gtube.eml", 8, "<alice@example.test>", 1, "<bob@example.test>", 127},
    {"latin1.eml", 8, "<alice@example.test>", 1, "<bob@example.test>", 53},
    {"long-header.eml", 8, "<alice@example.test>", 2, "<bob@example.test>", 34},
    {"multipart.eml", 7, "<alice@example.test>", 1, "<bob@example.test>", 4788},
    {"no-body.eml", 5, "<alice@example.test>", 1, "<bob@example.test>", 0},
    {"no-final-newline.eml", 5, "<alice@example.test>", 1, "<bob@example.test>", 36},
    {"no-headers.eml", 0, NULL, 0, NULL, 62},
    {"plain-crlf.eml", 8, "<alice@example.test>", 1, "<bob@example.test>", 191},
    {"plain.eml", 8, "<alice@example.test>", 1, "<bob@example.test>", 180},
    {"smtputf8.eml", 8, "<j\xc3\xbcrgen@example.test>", 1,
     "<\xe7\x94\xa8\xe6\x88\xb7@example.test>", 71},
};

enum { MAIL_COUNT = sizeof(mails) / sizeof(mails[0]) };

static struct slice s(const char *text)
{
    return slice_from_string(text);
}

static void assert_slice(struct slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.data, expected, slice.length);
}

static void assert_field(const struct mail_file *mail, size_t position, const char *name,
                         const char *value)
{
    const struct header_field *field = header_list_at(&mail->headers, position);

    assert_non_null(field);
    assert_slice(field->name, name);
    assert_slice(field->value, value);
}

/* Every field stands in the file, in this order, with exactly these bytes. */
static void assert_fields_are_in_the_file(const struct mail_file *mail)
{
    struct slice rest = buffer_slice(&mail->content);

    for (size_t i = 0; i < mail->headers.count; i++) {
        const struct header_field *field = header_list_at(&mail->headers, i);

        assert_true(rest.length > field->name.length);
        assert_memory_equal(rest.data, field->name.data, field->name.length);
        slice_skip(&rest, field->name.length);
        assert_int_equal(rest.data[0], ':');
        slice_skip(&rest, 1);
        while (rest.data[0] == ' ' || rest.data[0] == '\t') {
            slice_skip(&rest, 1);
        }
        assert_true(rest.length > field->value.length);
        assert_memory_equal(rest.data, field->value.data, field->value.length);
        slice_skip(&rest, field->value.length);
        slice_skip(&rest, rest.data[0] == '\r' ? 2 : 1);
    }
    assert_true(rest.length == 0 || rest.data[0] == '\n' || rest.data[0] == '\r');
}

static void every_mail_of_the_fixtures(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAIL_COUNT; i++) {
        char *path = memory_format(MAILS "%s", mails[i].file);
        struct mail_file mail;
        struct error error = {0};
        struct slice content;

        print_message("# %s\n", path);
        assert_true(mail_file_read(&mail, path, &error));
        assert_int_equal(mail.headers.count, mails[i].fields);
        assert_int_equal(mail.recipient_count, mails[i].recipients);
        if (mails[i].sender == NULL) {
            assert_null(mail.sender.data);
        } else {
            assert_slice(mail.sender, mails[i].sender);
            assert_slice(mail.recipients[0], mails[i].first_recipient);
        }
        assert_fields_are_in_the_file(&mail);
        content = buffer_slice(&mail.content);
        assert_int_equal(mail.body.length, mails[i].body);
        if (mail.body.length > 0) {
            if (content.data[content.length - 1] == '\n') {
                content.length--;
            }
            assert_ptr_equal(mail.body.data + mail.body.length, content.data + content.length);
        }
        mail_file_clear(&mail);
        free(path);
    }
}

static void no_mail_of_the_fixtures_is_forgotten(void **state)
{
    DIR *directory = opendir(MAILS);
    struct dirent *entry;
    size_t count = 0;

    (void)state;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        size_t length = strlen(entry->d_name);

        if (length > 4 && strcmp(entry->d_name + length - 4, ".eml") == 0) {
            count++;
        }
    }
    (void)closedir(directory);
    assert_int_equal(count, MAIL_COUNT);
}

static void blanks_and_folding(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_read(&mail, MAILS "folded.eml", &error));
    assert_field(&mail, 1, "Received",
                 "from desk (desk.example.net [192.0.2.5])\n"
                 "        by client.example.net; Tue, 3 Nov 2026 09:15:01 +0100");
    assert_field(&mail, 6, "Subject",
                 "A subject that goes on\n  over a second line with two blanks\n"
                 "\tand a third that begins with a tab");
    assert_field(&mail, 7, "X-Empty", "");
    assert_field(&mail, 8, "X-Blank-Value", "");
    assert_field(&mail, 9, "X-No-Blank", "value right after the colon");
    assert_field(&mail, 10, "X-Three-Blanks", "value after three blanks");
    assert_field(&mail, 11, "X-Tab", "value after a tab");
    assert_field(&mail, 12, "X-Trailing", "value with two blanks at its end  ");
    assert_field(&mail, 15, "x-same", "third, in lower case");
    mail_file_clear(&mail);
}

static void huge_headers_are_whole(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_read(&mail, MAILS "long-header.eml", &error));
    assert_true(header_list_at(&mail.headers, 6)->value.length > 48000);
    /* The first blank-delimited word, comma and all. */
    assert_slice(mail.recipients[1], "<user0001@example.test,>");
    mail_file_clear(&mail);
}

static void carriage_returns(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_parse(
        &mail, s("A: 1\r\nB: x\r\n y\r\n z\nC: x\n y\r\nD: a\rb\r\r\n\r\nbody\r\nend\r\n"),
        &error));
    assert_int_equal(mail.headers.count, 4);
    assert_field(&mail, 0, "A", "1");
    assert_field(&mail, 1, "B", "x\r\n y\n z");
    assert_field(&mail, 2, "C", "x\r\n y");
    assert_field(&mail, 3, "D", "a\rb\r");
    assert_slice(mail.body, "body\r\nend\r");
    mail_file_clear(&mail);
}

static void an_mbox_line_is_skipped_once(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_parse(&mail, s("From a@x Tue Nov  3\nA: 1\n\nFrom here\n"), &error));
    assert_int_equal(mail.headers.count, 1);
    assert_null(mail.sender.data);
    assert_slice(mail.body, "From here");
    mail_file_clear(&mail);
    assert_false(mail_file_parse(&mail, s("From a\nFrom b\nA: 1\n"), &error));
    assert_string_equal(error.message, "invalid header: From b");
}

static void only_exact_names_make_the_envelope(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_parse(&mail,
                                s("from: <no@x>\nTO: <no@x>\nTo: Bob <b@x>\nFrom: a@x\nTo: c@x d\n"
                                  "Cc: <no@x>\nX-To: <no@x>\nFrom : <no@x>\n"),
                                &error));
    assert_slice(mail.sender, "<a@x>");
    assert_int_equal(mail.recipient_count, 2);
    assert_slice(mail.recipients[0], "<b@x>");
    assert_slice(mail.recipients[1], "<c@x>");
    assert_int_equal(mail.headers.count, 8);
    assert_field(&mail, 7, "From ", "<no@x>");
    mail_file_clear(&mail);
}

static void many_recipients(void **state)
{
    struct buffer content = {0};
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        buffer_append_format(&content, "To: <r%d@x>\n", i);
    }
    assert_true(mail_file_parse(&mail, buffer_slice(&content), &error));
    assert_int_equal(mail.recipient_count, 1000);
    assert_slice(mail.recipients[0], "<r0@x>");
    assert_slice(mail.recipients[999], "<r999@x>");
    mail_file_clear(&mail);
    buffer_clear(&content);
}

static void a_folded_address(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_parse(&mail, s("From: Alice\n <a@x>\nTo:\n <b@x>\n\n"), &error));
    assert_slice(mail.sender, "<a@x>");
    assert_slice(mail.recipients[0], "<b@x>");
    assert_field(&mail, 1, "To", "\n <b@x>");
    mail_file_clear(&mail);
}

static void wrong_input_is_named(void **state)
{
    static const struct {
        const char *content;
        const char *sentence;
    } wrong[] = {
        {"no colon here\n", "invalid header: no colon here"},
        {"A: 1\r\nno colon here\r\n\r\n", "invalid header: no colon here"},
        {" continues nothing\n", "invalid header:  continues nothing"},
        {"-A: 1\n", "invalid header: -A: 1"},
        {"_A: 1\n", "invalid header: _A: 1"},
        {": 1\n", "invalid header: : 1"},
        {"\xc3\xa4: 1\n", "invalid header: \xc3\xa4: 1"},
        {"From: <a@x\n", "invalid mail address: <a@x"},
        {"A: 1\nTo: B <b\n\nbody", "invalid mail address: B <b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct mail_file mail;
        struct error error = {0};

        assert_false(mail_file_parse(&mail, s(wrong[i].content), &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_string_equal(error.message, wrong[i].sentence);
        assert_null(mail.arena.blocks);
        assert_null(mail.content.data);
    }
}

static void nuls_stay_in_the_body_and_not_in_headers(void **state)
{
    static const char body[] = "A: 1\n\n\0x\0\n\0";
    static const char header[] = "A: 1\0\n\n";
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_parse(&mail, slice_of(body, sizeof(body) - 1), &error));
    assert_int_equal(mail.body.length, 5);
    assert_memory_equal(mail.body.data, "\0x\0\n\0", 5);
    mail_file_clear(&mail);
    assert_false(mail_file_parse(&mail, slice_of(header, sizeof(header) - 1), &error));
    assert_string_equal(error.message, "invalid header: A: 1");
}

static void where_the_body_begins_and_ends(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"\n", ""},
        {"\n\n", ""},
        {"\n\n\n", "\n"},
        {"\r\n\r\n", "\r"},
        {"A: 1", ""},
        {"A: 1\n", ""},
        {"A: 1\n\n", ""},
        {"A: 1\n\nx", "x"},
        {"A: 1\n\nx\n", "x"},
        {"A: 1\n\nx\n\n", "x\n"},
        {"A: 1\n\n\nx", "\nx"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mail_file mail;
        struct error error = {0};

        assert_true(mail_file_parse(&mail, s(cases[i][0]), &error));
        assert_slice(mail.body, cases[i][1]);
        assert_int_equal(mail.headers.count, cases[i][0][0] == 'A' ? 1 : 0);
        mail_file_clear(&mail);
    }
}

static void a_line_of_blanks_does_not_end_the_header(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_true(mail_file_parse(&mail, s("A: 1\n \n\t\nB: 2\n\nbody"), &error));
    assert_field(&mail, 0, "A", "1\n \n\t");
    assert_field(&mail, 1, "B", "2");
    assert_slice(mail.body, "body");
    mail_file_clear(&mail);
}

static void chunks_end_at_line_ends(void **state)
{
    static const struct {
        const char *body;
        size_t limit;
        const char *chunks[5];
    } cases[] = {
        {"", 4, {NULL}},
        {"abcd", 4, {"abcd"}},
        {"ab\ncd\nef", 4, {"ab\n", "cd\n", "ef"}},
        {"ab\ncd\nef", 6, {"ab\ncd\n", "ef"}},
        {"ab\ncd\nef", 8, {"ab\ncd\nef"}},
        {"abc\nd", 4, {"abc\n", "d"}},
        {"abcdefghij", 4, {"abcd", "efgh", "ij"}},
        {"a\nbcdefgh\ni", 4, {"a\n", "bcde", "fgh\n", "i"}},
        {"\n\n\n", 2, {"\n\n", "\n"}},
        {"abc", 1, {"a", "b", "c"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice rest = s(cases[i].body);

        for (size_t k = 0; k < 5 && cases[i].chunks[k] != NULL; k++) {
            assert_slice(mail_file_take_chunk(&rest, cases[i].limit), cases[i].chunks[k]);
        }
        assert_int_equal(mail_file_take_chunk(&rest, cases[i].limit).length, 0);
    }
}

static void a_large_body_in_chunks_of_the_protocol(void **state)
{
    struct buffer content = {0};
    struct mail_file mail;
    struct error error = {0};
    struct slice rest;
    size_t total = 0, count = 0;

    (void)state;
    buffer_append_string(&content, "A: 1\n\n");
    for (int i = 0; i < 20000; i++) {
        buffer_append_format(&content, "%08d a line of the large body\n", i);
    }
    assert_true(mail_file_parse(&mail, buffer_slice(&content), &error));
    for (rest = mail.body; rest.length > 0; count++) {
        struct slice chunk = mail_file_take_chunk(&rest, MAIL_FILE_CHUNK);

        assert_in_range(chunk.length, 1, MAIL_FILE_CHUNK);
        assert_ptr_equal(chunk.data, mail.body.data + total);
        total += chunk.length;
        if (rest.length > 0) {
            assert_int_equal(chunk.data[chunk.length - 1], '\n');
            assert_true(chunk.length > MAIL_FILE_CHUNK - 40);
        }
    }
    assert_int_equal(total, mail.body.length);
    assert_int_equal(count, 11); /* 1927 lines of 34 bytes in each */
    mail_file_clear(&mail);
    buffer_clear(&content);
}

static void a_missing_file(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_false(mail_file_read(&mail, "/nonexistent/mail.eml", &error));
    assert_int_equal(error.code, ERROR_USAGE);
    assert_string_equal(error.message, "/nonexistent/mail.eml does not exist.");
}

static void a_directory_is_no_mail(void **state)
{
    struct mail_file mail;
    struct error error = {0};

    (void)state;
    assert_false(mail_file_read(&mail, "/", &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_null(mail.content.data);
}

static void standard_input(void **state)
{
    int saved = dup(STDIN_FILENO);
    int file = open(MAILS "plain.eml", O_RDONLY);
    struct mail_file from_stdin, from_path;
    struct error error = {0};
    bool ok;

    (void)state;
    assert_true(saved >= 0 && file >= 0);
    assert_int_equal(dup2(file, STDIN_FILENO), STDIN_FILENO);
    ok = mail_file_read(&from_stdin, "-", &error);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    (void)close(saved);
    (void)close(file);
    assert_true(ok);
    assert_true(mail_file_read(&from_path, MAILS "plain.eml", &error));
    assert_true(slice_equal(buffer_slice(&from_stdin.content), buffer_slice(&from_path.content)));
    assert_true(slice_equal(from_stdin.body, from_path.body));
    mail_file_clear(&from_stdin);
    mail_file_clear(&from_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mail_of_the_fixtures),
        cmocka_unit_test(no_mail_of_the_fixtures_is_forgotten),
        cmocka_unit_test(blanks_and_folding),
        cmocka_unit_test(huge_headers_are_whole),
        cmocka_unit_test(carriage_returns),
        cmocka_unit_test(an_mbox_line_is_skipped_once),
        cmocka_unit_test(only_exact_names_make_the_envelope),
        cmocka_unit_test(many_recipients),
        cmocka_unit_test(a_folded_address),
        cmocka_unit_test(wrong_input_is_named),
        cmocka_unit_test(nuls_stay_in_the_body_and_not_in_headers),
        cmocka_unit_test(where_the_body_begins_and_ends),
        cmocka_unit_test(a_line_of_blanks_does_not_end_the_header),
        cmocka_unit_test(chunks_end_at_line_ends),
        cmocka_unit_test(a_large_body_in_chunks_of_the_protocol),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(a_directory_is_no_mail),
        cmocka_unit_test(standard_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
