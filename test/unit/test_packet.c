/*
 * Tests of packet: framing, limits and strangers (milter-protocol section 1).
 */
#include "libcore/wire/packet.h"

#include "libcore/wire/protocol.h"
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_takes_packet_after_packet(void **state)
{
    struct buffer stream = {0};
    struct slice input;
    struct packet packet;
    struct error error = {0};

    (void)state;
    bytes_append_hex(&stream, "00 00 00 01 54  00 00 00 05 42 48 69 0D 0A  00 00 00 02 44 48  00");
    input = buffer_slice(&stream);
    assert_int_equal(packet_next(&input, &packet, &error), PACKET_READY);
    assert_int_equal(packet.letter, 'T');
    assert_int_equal(packet.payload.length, 0);
    assert_int_equal(packet_next(&input, &packet, &error), PACKET_READY);
    assert_int_equal(packet.letter, 'B');
    assert_text(packet.payload, "Hi\r\n");
    assert_int_equal(packet_next(&input, &packet, &error), PACKET_READY);
    assert_int_equal(packet.letter, 'D');
    assert_text(packet.payload, "H");
    assert_int_equal(packet_next(&input, &packet, &error), PACKET_PARTIAL);
    assert_int_equal(input.length, 1);
    assert_int_equal(error.code, ERROR_NONE);
    buffer_clear(&stream);
}

/* Every prefix of a packet waits and leaves the input alone; the split inside the length too. */
static void test_every_prefix_is_partial(void **state)
{
    struct buffer whole = {0};

    (void)state;
    packet_append(&whole, 'L', BYTES("Subject\0Hi\0"));
    for (size_t length = 0; length < buffer_length(&whole); length++) {
        /* A block of its own, so that a sanitizer sees a read past the end. */
        char *prefix = malloc(length + 1);
        struct slice input;
        struct packet packet;
        struct error error = {0};

        memcpy(prefix + 1, whole.data, length);
        input = slice_of(prefix + 1, length);
        assert_int_equal(packet_next(&input, &packet, &error), PACKET_PARTIAL);
        assert_ptr_equal(input.data, prefix + 1);
        assert_int_equal(input.length, length);
        assert_int_equal(error.code, ERROR_NONE);
        free(prefix);
    }
    buffer_clear(&whole);
}

static void test_lengths_are_bounded(void **state)
{
    static const struct {
        const char *hex;
        enum packet_result result;
        const char *message;
    } rows[] = {
        {"00 00 00 00", PACKET_INVALID, "packet of length zero"},
        {"00 00 00 00 63", PACKET_INVALID, "packet of length zero"},
        {"00 00 00 01", PACKET_PARTIAL, ""},
        {"00 20 00 00", PACKET_PARTIAL, ""},
        {"00 20 00 01", PACKET_INVALID,
         "packet of 2097153 bytes is above the limit of 2097152 bytes"},
        {"7F FF FF FF 42", PACKET_INVALID,
         "packet of 2147483647 bytes is above the limit of 2097152 bytes"},
        {"80 00 00 00 42", PACKET_INVALID,
         "packet of 2147483648 bytes is above the limit of 2097152 bytes"},
        {"FF FF FF FF", PACKET_INVALID,
         "packet of 4294967295 bytes is above the limit of 2097152 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer stream = {0};
        struct slice input;
        struct packet packet;
        struct error error = {0};

        bytes_append_hex(&stream, rows[i].hex);
        input = buffer_slice(&stream);
        assert_int_equal(packet_next(&input, &packet, &error), rows[i].result);
        assert_string_equal(error.message, rows[i].message);
        assert_int_equal(error.code,
                         rows[i].result == PACKET_INVALID ? ERROR_PROTOCOL : ERROR_NONE);
        assert_int_equal(input.length, buffer_length(&stream));
        buffer_clear(&stream);
    }
}

static void test_the_largest_packet(void **state)
{
    struct buffer stream = {0};
    struct slice input;
    struct packet packet;
    struct error error = {0};
    size_t length = PROTOCOL_PACKET - 1;

    (void)state;
    memset(buffer_reserve(&stream, length + 5), 'x', length + 5);
    memcpy(stream.data,
           "\x00\x20\x00\x00"
           "b",
           5);
    buffer_commit(&stream, length + 5);
    input = buffer_slice(&stream);
    assert_int_equal(packet_next(&input, &packet, &error), PACKET_READY);
    assert_int_equal(packet.payload.length, length);
    assert_int_equal(input.length, 0);
    buffer_clear(&stream);
}

/* What operators connect to by mistake is named, as soon as the length is there. */
static void test_strangers_are_named(void **state)
{
    static const struct {
        struct slice start;
        const char *speaks;
    } rows[] = {
        {SLICE_LITERAL("HTTP/1.1 400 Bad Request\r\n"), "HTTP"},
        {SLICE_LITERAL("GET / HTTP/1.1\r\n"), "HTTP"},
        {SLICE_LITERAL("POST /checkv2 HTTP/1.1\r\n"), "HTTP"},
        {SLICE_LITERAL("220 mx.example.net ESMTP\r\n"), "SMTP"},
        {SLICE_LITERAL("220-mx.example.net\r\n"), "SMTP"},
        {SLICE_LITERAL("554 5.7.1 go away\r\n"), "SMTP"},
        {SLICE_LITERAL("421 4.3.2 busy\r\n"), "SMTP"},
        {SLICE_LITERAL("EHLO client.example.org\r\n"), "SMTP"},
        {SLICE_LITERAL("HELO client.example.org\r\n"), "SMTP"},
        {SLICE_LITERAL("UNKNOWN COMMAND\n"), "clamd"},
        {SLICE_LITERAL("PONG\n"), "clamd"},
        {SLICE_LITERAL("stream: OK\n"), "clamd"},
        {SLICE_LITERAL("\x16\x03\x01\x02\x00\x01"), "TLS"},
        {SLICE_LITERAL("\x16\x03\x03\x00\x7a\x02"), "TLS"},
        {SLICE_LITERAL("\x15\x03\x01\x00\x02\x02\x28"), "TLS"},
        {SLICE_LITERAL("\x15\x03\x03\x00\x02\x02\x28"), "TLS"},
        {SLICE_LITERAL("\x15\x03\x00\x00\x02\x02\x28"), "TLS"},
        {SLICE_LITERAL("<!DOCTYPE HTML>\n<html>"), "HTTP"}, /* http.server to a bad request */
        {SLICE_LITERAL("<html><head>"), "HTTP"},
        {SLICE_LITERAL("554-no\r\n"), "SMTP"},
        {SLICE_LITERAL("421-busy\r\n"), "SMTP"},
        {SLICE_LITERAL("500 5.5.2 what?\r\n"), "SMTP"},
        {SLICE_LITERAL("COMMAND READ TIMED OUT\n"), "clamd"},
        {SLICE_LITERAL("UNKNOWN COMMAND\0"), "clamd"},
        {SLICE_LITERAL("SPAMD/1.0 76 Bad header line"), "spamd"},
        {SLICE_LITERAL("* OK IMAP4rev1\r\n"), "IMAP"},
        {SLICE_LITERAL("+OK POP3\r\n"), "POP3"},
        {SLICE_LITERAL("SSH-2.0-OpenSSH\r\n"), "SSH"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t length = 0; length <= rows[i].start.length; length++) {
            struct slice input = slice_of(rows[i].start.data, length);
            struct packet packet;
            struct error error = {0};
            enum packet_result result = packet_next(&input, &packet, &error);

            if (length < 4) {
                assert_int_equal(result, PACKET_PARTIAL);
                continue;
            }
            assert_int_equal(result, PACKET_INVALID);
            assert_non_null(strstr(error.message, rows[i].speaks));
            assert_non_null(strstr(error.message, "not the milter protocol"));
        }
    }
}

/* begin and end count the parts, also when the buffer moves or grows in between. */
static void test_begin_and_end(void **state)
{
    struct buffer output = {0};
    struct buffer part = {0};
    size_t mark;

    (void)state;
    packet_append(&output, 'c', BYTES(""));
    packet_append(&output, 'y', BYTES("550 no\0"));
    assert_hex(buffer_slice(&output), "00 00 00 01 63 00 00 00 08 79 35 35 30 20 6E 6F 00");
    buffer_consume(&output, 5);
    mark = packet_begin(&output, 'h');
    buffer_append(&output, "X-A\0v\0", 6);
    packet_end(&output, mark);
    assert_hex(buffer_slice(&output),
               "00 00 00 08 79 35 35 30 20 6E 6F 00 00 00 00 07 68 58 2D 41 00 76 00");

    memset(buffer_reserve(&part, 100000), 'z', 100000);
    buffer_commit(&part, 100000);
    buffer_consume(&output, 12);
    mark = packet_begin(&output, 'b');
    buffer_append_slice(&output, buffer_slice(&part));
    packet_end(&output, mark);
    assert_int_equal(buffer_length(&output), 11 + 5 + 100000);
    assert_hex(slice_of(buffer_slice(&output).data, 17),
               "00 00 00 07 68 58 2D 41 00 76 00 00 01 86 A1 62 7A");
    mark = packet_begin(&part, 'T');
    packet_end(&part, mark);
    assert_hex(slice_of(buffer_slice(&part).data + 100000, 5), "00 00 00 01 54");
    buffer_clear(&part);
    buffer_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_packet_after_packet),
        cmocka_unit_test(test_every_prefix_is_partial),
        cmocka_unit_test(test_lengths_are_bounded),
        cmocka_unit_test(test_the_largest_packet),
        cmocka_unit_test(test_strangers_are_named),
        cmocka_unit_test(test_begin_and_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
