/*
 * test_mails - what a load test sends: files in their order, mails made up,
 * senders and recipients, sizes.
 */
#include "milter-performance-check/mails.h"

#include "libcore/base/memory.h"
#include "test/unit/bytes.h"
#include "test/unit/file_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/test_mails.XXXXXX";

static char *path_of(const char *name)
{
    return memory_format("%s/%s", top, name);
}

static void write_file(const char *name, struct slice content)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, content.length, file), content.length);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static int set_up(void **state)
{
    char *directory;

    (void)state;
    if (mkdtemp(top) == NULL) {
        return -1;
    }
    directory = path_of("mails");
    (void)mkdir(directory, 0700);
    free(directory);
    write_file("mails/1", BYTES("Received: from mx.example by x\nFrom: A <a@x>\nTo: b@x\n"
                                "Cc: c@x, b@x\n\n.dot\n"));
    write_file("mails/2", BYTES("Subject: nobody\n\n"));
    write_file("mails/3", BYTES("From: \nTo: Nobody Here, d@x\n\n\xe4\n"));
    write_file("mails/4", BYTES("garbage\0\r"));
    write_file("mails/5", BYTES(""));
    return 0;
}

static int tear_down(void **state)
{
    char *command = memory_format("rm -rf %s", top);
    int status = system(command);

    (void)state;
    free(command);
    return status;
}

/* Options whose lists must be given back. */
static struct mails_options options_for(const char *name)
{
    struct mails_options options = {.helo = "helo.example", .count = 7, .seed = 1};

    if (name != NULL) {
        char *path = path_of(name);

        option_strings_add(&options.paths, path);
    }
    return options;
}

static void clear_options(struct mails_options *options)
{
    for (size_t i = 0; i < options->paths.count; i++) {
        free((char *)(size_t)options->paths.items[i]);
    }
    option_strings_clear(&options->paths);
    option_strings_clear(&options->senders);
    option_strings_clear(&options->recipients);
    option_strings_clear(&options->forced_recipients);
}

static struct mails *new_mails(const struct mails_options *options)
{
    struct error error = {0};
    struct mails *mails = mails_new(options, &error);

    if (mails == NULL) {
        fail_msg("%s", error.message);
    }
    return mails;
}

static void assert_refused(const struct mails_options *options, const char *sentence)
{
    struct error error = {0};

    assert_null(mails_new(options, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    assert_non_null(strstr(error.message, sentence));
}

/* ---- files */

static const struct {
    const char *helo, *sender, *recipients[3];
    struct slice content;
    bool dots, eight_bit;
} expected[] = {
    {"mx.example",
     "a@x",
     {"b@x", "c@x"},
     SLICE_LITERAL("Received: from mx.example by x\r\nFrom: A <a@x>\r\nTo: b@x\r\n"
                   "Cc: c@x, b@x\r\n\r\n.dot\r\n"),
     true,
     false},
    {"helo.example", "s1@x", {"r@x"}, SLICE_LITERAL("Subject: nobody\r\n\r\n"), false, false},
    {"helo.example",
     "s2@x",
     {"d@x"},
     SLICE_LITERAL("From: \r\nTo: Nobody Here, d@x\r\n\r\n\xe4\r\n"),
     false,
     true},
    {"helo.example", "s3@x", {"r@x"}, SLICE_LITERAL("garbage\0\r\r\n"), false, false},
    {"helo.example", "s1@x", {"r@x"}, SLICE_LITERAL(""), false, false},
};

static void assert_mail(const struct mail *mail, size_t file)
{
    size_t count = 0;

    assert_int_equal(mail->file, file);
    assert_text(mail->helo, expected[file].helo);
    assert_int_equal(mail->smtp.head.length, 0);
    assert_bytes(mail->smtp.body, expected[file].content);
    assert_int_equal(mail->size, expected[file].content.length);
    assert_int_equal(mail->smtp.dots, expected[file].dots);
    assert_int_equal(mail->smtp.eight_bit, expected[file].eight_bit);
    for (; count < 3 && expected[file].recipients[count] != NULL; count++) {
        assert_text(mail->smtp.recipients[count], expected[file].recipients[count]);
    }
    assert_int_equal(mail->smtp.recipient_count, count);
}

static void files_are_sent_as_they_are(void **state)
{
    struct mails_options options = options_for("mails");
    struct mail mail = {0};
    struct mails *mails;

    (void)state;
    option_strings_add(&options.senders, "s1@x");
    option_strings_add(&options.senders, "<s2@x>");
    option_strings_add(&options.senders, "Third <s3@x>");
    option_strings_add(&options.recipients, "r@x");
    mails = new_mails(&options);
    assert_int_equal(mails_count(mails), 5);
    assert_int_equal(mails_file_count(mails), 5);
    for (size_t i = 0; i < 5; i++) {
        mails_take(mails, i, &mail);
        assert_mail(&mail, i);
        assert_text(mail.smtp.sender, expected[i].sender);
        assert_non_null(strstr(mails_file_name(mails, i), "/mails/"));
    }
    assert_matches(mails_warning(mails),
                   "^1 of 5 mail files have an address .* the first is in .*/mails/3: "
                   "\"Nobody Here\"$");
    /* The next pass: a turn for each mail without a sender. */
    mails_take(mails, 5, &mail);
    assert_text(mail.smtp.sender, "a@x");
    mails_take(mails, 6, &mail);
    assert_text(mail.smtp.sender, "s2@x");
    mails_take(mails, 9, &mail);
    assert_text(mail.smtp.sender, "s2@x");
    mails_take(mails, 11, &mail);
    assert_text(mail.smtp.sender, "s3@x");
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
}

static void forced_addresses_win(void **state)
{
    struct mails_options options = options_for("mails");
    struct mail mail = {0};
    struct mails *mails;

    (void)state;
    option_strings_add(&options.senders, "s1@x");
    option_strings_add(&options.recipients, "r@x");
    option_strings_add(&options.forced_recipients, "f1@x");
    option_strings_add(&options.forced_recipients, "f2@x");
    options.forced_sender = "<>";
    mails = new_mails(&options);
    for (size_t i = 0; i < 5; i++) {
        mails_take(mails, i, &mail);
        assert_int_equal(mail.smtp.sender.length, 0);
        assert_int_equal(mail.smtp.recipient_count, 2);
        assert_text(mail.smtp.recipients[0], "f1@x");
        assert_text(mail.smtp.recipients[1], "f2@x");
        assert_bytes(mail.smtp.body, expected[i].content);
    }
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
}

static void one_file_is_sent_again_and_again(void **state)
{
    struct mails_options options = options_for("mails/2");
    struct mail mail = {0};
    struct mails *mails;
    const char *content;

    (void)state;
    option_strings_add(&options.senders, "s1@x");
    option_strings_add(&options.senders, "s2@x");
    options.shuffle = true; /* of one */
    mails = new_mails(&options);
    assert_int_equal(mails_count(mails), 7);
    assert_int_equal(mails_file_count(mails), 1);
    assert_null(mails_warning(mails));
    mails_take(mails, 0, &mail);
    assert_text(mail.smtp.sender, "s1@x");
    assert_text(mail.smtp.recipients[0], "to@example.com");
    content = mail.smtp.body.data;
    mails_take(mails, 1, &mail);
    assert_text(mail.smtp.sender, "s2@x");
    assert_ptr_equal(mail.smtp.body.data, content); /* in memory once */
    mails_take(mails, 1000000, &mail);
    assert_text(mail.smtp.sender, "s1@x");
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
}

static void every_shuffled_pass_has_all_files_in_its_own_order(void **state)
{
    enum { FILES = 5, PASSES = 20 };
    struct mails_options options = options_for("mails");
    struct mails *mails, *again, *other;
    unsigned in_order = 0, like_the_last = 0, like_the_other = 0;
    size_t last[FILES] = {0};

    (void)state;
    options.shuffle = true;
    mails = new_mails(&options);
    again = new_mails(&options);
    options.seed++;
    other = new_mails(&options);
    for (uint64_t pass = 0; pass < PASSES; pass++) {
        size_t order[FILES], elsewhere[FILES], seen = 0, sorted = 0;
        struct mail mail = {0};

        for (size_t i = 0; i < FILES; i++) {
            mails_take(mails, pass * FILES + i, &mail);
            order[i] = mail.file;
            seen |= (size_t)1 << mail.file;
            sorted += mail.file == i ? 1 : 0;
            mails_take(again, pass * FILES + i, &mail);
            assert_int_equal(mail.file, order[i]);
            mails_take(other, pass * FILES + i, &mail);
            elsewhere[i] = mail.file;
        }
        assert_int_equal(seen, (1 << FILES) - 1);
        in_order += sorted == FILES ? 1 : 0;
        like_the_last += memcmp(order, last, sizeof(last)) == 0 ? 1 : 0;
        like_the_other += memcmp(order, elsewhere, sizeof(order)) == 0 ? 1 : 0;
        memcpy(last, order, sizeof(last));
    }
    assert_in_range(in_order, 0, 3);
    assert_in_range(like_the_last, 0, 3);
    assert_in_range(like_the_other, 0, 3);
    mails_free(mails);
    mails_free(again);
    mails_free(other);
    clear_options(&options);
}

static void a_mail_comes_from_standard_input(void **state)
{
    struct mails_options options = options_for(NULL);
    char *path = path_of("mails/1");
    int input = dup(STDIN_FILENO);
    struct mail mail = {0};
    struct mails *mails;

    (void)state;
    option_strings_add(&options.paths, memory_copy_string("-"));
    assert_non_null(freopen(path, "r", stdin));
    mails = new_mails(&options);
    if (input >= 0) {
        (void)dup2(input, STDIN_FILENO);
        (void)close(input);
    }
    assert_string_equal(mails_file_name(mails, 0), "-");
    mails_take(mails, 3, &mail);
    assert_mail(&mail, 0);
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
    free(path);
}

/* ---- what is refused */

static void files_that_cannot_be_read_are_named(void **state)
{
    struct mails_options options = options_for("missing");
    struct mails_options unreadable = options_for(NULL);
    struct mails_options huge = options_for("huge");
    struct error error = {0};

    (void)state;
    assert_refused(&options, "/missing does not exist.");
    clear_options(&options);
    /* A regular file that fails to be read, even for root. */
    option_strings_add(&unreadable.paths, memory_copy_string("/proc/self/mem"));
    assert_null(mails_new(&unreadable, &error));
    assert_matches(error.message, "^cannot read mail file /proc/self/mem: ");
    clear_options(&unreadable);
    write_file("huge", BYTES("x"));
    assert_int_equal(truncate(huge.paths.items[0], ((off_t)1 << 30) + 1), 0);
    assert_refused(&huge, "/huge is too large: more than 1024 MiB");
    assert_int_equal(unlink(huge.paths.items[0]), 0);
    clear_options(&huge);
}

static void options_that_would_do_nothing_are_refused(void **state)
{
    struct mails_options options = options_for("mails");

    (void)state;
    options.additional_lines = 1;
    assert_refused(&options, "--n-additional-lines is for generated mails, but mail files are");
    options.additional_lines = 0;
    options.size_distribution = "1k";
    assert_refused(&options, "--size-distribution is for generated mails, but mail files are");
    clear_options(&options);
    options = options_for(NULL);
    options.additional_lines = 1;
    options.size_distribution = "1k";
    assert_refused(&options, "--size-distribution and --n-additional-lines both say");
    options.size_distribution = NULL;
    options.additional_lines = 16268816;
    assert_refused(&options, "--n-additional-lines 16268816 makes mails of more than 1 GiB");
    clear_options(&options);
}

static void wrong_addresses_and_names_are_refused(void **state)
{
    struct mails_options options = options_for(NULL);
    char long_name[257] = "";

    (void)state;
    options.forced_sender = "a b@x";
    assert_refused(&options, "--force-from \"a b@x\": this is no address");
    options.forced_sender = NULL;
    option_strings_add(&options.senders, "a@x");
    option_strings_add(&options.senders, "a@x\r\nDATA");
    assert_refused(&options, "--from \"a@x\\r\\nDATA\": an address has no line breaks");
    option_strings_clear(&options.senders);
    option_strings_add(&options.recipients, "");
    assert_refused(&options, "--recipient: the address is empty");
    option_strings_clear(&options.recipients);
    option_strings_add(&options.forced_recipients, "<>");
    assert_refused(&options, "--force-recipient: the address is empty");
    option_strings_clear(&options.forced_recipients);
    options.helo = "a\r\nQUIT";
    assert_refused(&options, "--helo-fqdn: a host name has no blanks");
    options.helo = "";
    assert_refused(&options, "--helo-fqdn: a host name has 1 to 255 bytes, not 0");
    memset(long_name, 'a', sizeof(long_name) - 1);
    options.helo = long_name;
    assert_refused(&options, "--helo-fqdn: a host name has 1 to 255 bytes, not 256");
    options.helo = "a";
    options.size_distribution = "big";
    assert_refused(&options, "size not understood: big");
    clear_options(&options);
}

/* ---- mails made up */

static char *content_of(const struct mail *mail)
{
    struct buffer content = {0};
    char *text;

    buffer_append_slice(&content, mail->smtp.head);
    buffer_append_slice(&content, mail->smtp.body);
    assert_int_equal(mail->size, buffer_length(&content));
    text = memory_copy_bytes(buffer_slice(&content).data, buffer_length(&content));
    buffer_clear(&content);
    return text;
}

#define LINE "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n"
#define DATE "[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} [+-][0-9]{4}"

static void a_generated_mail_has_all_fields(void **state)
{
    struct mails_options options = options_for(NULL);
    struct mail mail = {0};
    struct mails *mails;
    char *content;

    (void)state;
    option_strings_add(&options.recipients, "a@x");
    option_strings_add(&options.recipients, "B <b@x>");
    options.additional_lines = 2;
    mails = new_mails(&options);
    assert_int_equal(mails_count(mails), 7);
    assert_int_equal(mails_file_count(mails), 0);
    mails_take(mails, 3, &mail);
    assert_text(mail.helo, "helo.example");
    assert_text(mail.smtp.sender, "from@example.com");
    assert_int_equal(mail.smtp.recipient_count, 2);
    assert_text(mail.smtp.recipients[1], "b@x");
    assert_true(mail.file == MAILS_NO_FILE);
    assert_false(mail.smtp.dots);
    assert_false(mail.smtp.eight_bit);
    content = content_of(&mail);
    assert_matches(content, "^Return-Path: <from@example.com>\r\n"
                            "Received: from helo.example\r\n"
                            "\tby [A-Za-z0-9.-]+ \\(milter-performance-check\\);\r\n"
                            "\t" DATE "\r\n"
                            "Date: " DATE "\r\n"
                            "From: from@example.com\r\n"
                            "To: a@x,\r\n\tb@x\r\n"
                            "Subject: test mail\r\n"
                            "Message-Id: <[0-9a-f.]+@[A-Za-z0-9.-]+>\r\n"
                            "MIME-Version: 1.0\r\n"
                            "Content-Type: text/plain; charset=US-ASCII\r\n"
                            "Content-Transfer-Encoding: 7bit\r\n"
                            "X-Mailer: milter-performance-check\r\n"
                            "\r\n"
                            "Hello,\r\n\r\nThis is a test mail.\r\n" LINE LINE "$");
    free(content);
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
}

/* What stands between brackets behind "Message-Id: ". */
static void copy_id(const struct mail *mail, char *id, size_t size)
{
    const char *start = memmem(mail->smtp.head.data, mail->smtp.head.length, "Message-Id: <", 13);

    assert_non_null(start);
    (void)snprintf(id, size, "%.*s", (int)strcspn(start, ">"), start);
}

static void message_ids_are_unique_among_mails_runs_and_workers(void **state)
{
    enum { IDS = 5 };
    struct mails_options options = options_for(NULL);
    struct mails *mails = new_mails(&options), *next_run = new_mails(&options);
    char(*ids)[128] = memory_new_shared(IDS * sizeof(*ids));
    struct mail mail = {0};
    pid_t child;

    (void)state;
    mails_take(mails, 0, &mail);
    copy_id(&mail, ids[0], sizeof(ids[0]));
    mails_take(mails, 1, &mail);
    copy_id(&mail, ids[1], sizeof(ids[1]));
    mails_take(mails, 18446744073709551615U, &mail);
    copy_id(&mail, ids[2], sizeof(ids[2]));
    mails_take(next_run, 0, &mail);
    copy_id(&mail, ids[3], sizeof(ids[3]));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        mails_take(mails, 0, &mail);
        copy_id(&mail, ids[4], sizeof(ids[4]));
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (size_t i = 0; i < IDS; i++) {
        assert_true(strlen(ids[i]) > 20);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(ids[i], ids[k]);
        }
    }
    mail_clear(&mail);
    mails_free(mails);
    mails_free(next_run);
    clear_options(&options);
}

/* The stamp in Date:, whose zone is the one given. */
static time_t date_of(const struct mail *mail, const char *zone, long offset)
{
    const char *date = memmem(mail->smtp.head.data, mail->smtp.head.length, "\r\nDate: ", 8);
    struct tm tm = {0};

    assert_non_null(date);
    date = strptime(date + 8, "%a, %d %b %Y %H:%M:%S ", &tm);
    assert_non_null(date);
    assert_memory_equal(date, zone, strlen(zone));
    return timegm(&tm) - offset;
}

static void dates_have_the_zone_and_are_now(void **state)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    struct mails_options options = options_for(NULL);
    struct mails *mails;
    struct mail mail = {0};
    time_t before, first, next;

    (void)state;
    (void)setenv("TZ", "XXX+3:30", 1);
    tzset();
    mails = new_mails(&options);
    before = time(NULL);
    mails_take(mails, 0, &mail);
    first = date_of(&mail, "-0330\r\n", -12600);
    assert_in_range(first, before, time(NULL));
    /* A date is kept for a second, and no longer. */
    while (time(NULL) == first) {
        (void)nanosleep(&pause, NULL);
    }
    before = time(NULL);
    mails_take(mails, 1, &mail);
    next = date_of(&mail, "-0330\r\n", -12600);
    assert_in_range(next, before, time(NULL));
    (void)unsetenv("TZ");
    tzset();
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
}

static void senders_take_turns(void **state)
{
    struct mails_options options = options_for(NULL);
    struct mails *mails;
    struct mail mail = {0};
    char *content;

    (void)state;
    option_strings_add(&options.senders, "s1@x");
    option_strings_add(&options.senders, "");
    option_strings_add(&options.senders, "s\xc3\xbc@x");
    mails = new_mails(&options);
    mails_take(mails, 4, &mail);
    assert_int_equal(mail.smtp.sender.length, 0);
    content = content_of(&mail);
    assert_matches(content, "^Return-Path: <>\r\n.*\r\nFrom: MAILER-DAEMON@helo.example\r\n");
    free(content);
    mails_take(mails, 5, &mail);
    assert_text(mail.smtp.sender, "s\xc3\xbc@x");
    assert_true(mail.smtp.eight_bit);
    mails_take(mails, 6, &mail);
    assert_text(mail.smtp.sender, "s1@x");
    assert_false(mail.smtp.eight_bit);
    mails_free(mails);
    options.forced_sender = "f@x";
    mails = new_mails(&options);
    mails_take(mails, 5, &mail);
    assert_text(mail.smtp.sender, "f@x");
    mail_clear(&mail);
    mails_free(mails);
    clear_options(&options);
}

/* Lines end in CRLF, no CR or LF is alone, and what the mail says of dots is true. */
static void assert_sound(const struct mail *mail)
{
    char *content = content_of(mail);
    bool dots = false;

    for (size_t i = 0; i < mail->size; i++) {
        assert_true(content[i] != '\n' || (i > 0 && content[i - 1] == '\r'));
        assert_true(content[i] != '\r' || content[i + 1] == '\n');
        dots |= content[i] == '.' && i > 0 && content[i - 1] == '\n';
    }
    assert_true(mail->size > 2 && content[mail->size - 1] == '\n');
    assert_int_equal(dots, mail->smtp.dots);
    free(content);
}

/* The header may be a digit longer or shorter from run to run; from its length on every size is
 * met. */
static void sizes_are_met_byte_by_byte(void **state)
{
    struct mails_options options = options_for(NULL);
    struct mails *mails;
    struct mail mail = {0};
    size_t head, off = 0, dots = 0;

    (void)state;
    mails = new_mails(&options);
    mails_take(mails, 0, &mail);
    head = mail.smtp.head.length;
    mails_free(mails);
    for (size_t size = head - 4; size < head + 250; size++) {
        char text[32];
        size_t minimum;

        (void)snprintf(text, sizeof(text), "%zu", size);
        options.size_distribution = text;
        mails = new_mails(&options);
        mails_take(mails, 0, &mail);
        assert_sound(&mail);
        minimum = (size_t)((const char *)memmem(mail.smtp.head.data, mail.smtp.head.length,
                                                "\r\n\r\n", 4) -
                           mail.smtp.head.data) +
                  4;
        if (size >= minimum) {
            assert_in_range(mail.size, size - 1, size);
            off += size - mail.size;
        } else {
            assert_int_equal(mail.size, minimum);
        }
        dots += mail.smtp.dots ? 1 : 0;
        mails_free(mails);
    }
    assert_in_range(off, 1, 5); /* where CR and LF would be parted */
    assert_true(dots > 0);      /* the full stop of the sentence alone */
    mail_clear(&mail);
    clear_options(&options);
}

static void sizes_follow_the_distribution(void **state)
{
    struct mails_options options = options_for(NULL);
    struct mails *mails, *again;
    struct mail mail = {0}, same = {0};
    size_t small = 0, large = 0;

    (void)state;
    options.size_distribution = "2k:3,1m-2m";
    mails = new_mails(&options);
    again = new_mails(&options);
    for (uint64_t i = 0; i < 400; i++) {
        mails_take(mails, i, &mail);
        mails_take(again, i, &same);
        assert_int_equal(mail.size, same.size);
        small += mail.size == 2048 ? 1 : 0;
        large += mail.size >= 1 << 20 && mail.size <= 2 << 20 ? 1 : 0;
    }
    assert_int_equal(small + large, 400);
    assert_in_range(large, 60, 140);
    mail_clear(&mail);
    mail_clear(&same);
    mails_free(mails);
    mails_free(again);
    clear_options(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_sent_as_they_are),
        cmocka_unit_test(forced_addresses_win),
        cmocka_unit_test(one_file_is_sent_again_and_again),
        cmocka_unit_test(every_shuffled_pass_has_all_files_in_its_own_order),
        cmocka_unit_test(a_mail_comes_from_standard_input),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(options_that_would_do_nothing_are_refused),
        cmocka_unit_test(wrong_addresses_and_names_are_refused),
        cmocka_unit_test(a_generated_mail_has_all_fields),
        cmocka_unit_test(message_ids_are_unique_among_mails_runs_and_workers),
        cmocka_unit_test(dates_have_the_zone_and_are_now),
        cmocka_unit_test(senders_take_turns),
        cmocka_unit_test(sizes_are_met_byte_by_byte),
        cmocka_unit_test(sizes_follow_the_distribution),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
