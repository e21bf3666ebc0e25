"""What an MTA, or anybody who found the socket, may send (manager-semantics 17 row 16, 18;
field-notes 1 and 4)."""

import struct
import time
import unittest

import wire
from case import ManagerCase
from fake_child import SILENCE

SESSION = [wire.negotiate(), wire.connect(), wire.helo(), wire.mail("<a@x>", "SIZE=1"), wire.rcpt(),
           wire.DATA, wire.header("From", "a"), wire.EOH, wire.body("Hi\r\n"), wire.EOM]


class Garbage(ManagerCase):
    def refused(self, data, pattern=None, after=()):
        """Closed at once with a line in the log, and nobody else is disturbed."""
        self.child("a")
        bystander = self.session("bystander")
        before = len(self.manager.log().splitlines())
        mta = self.negotiated()
        mta.commands(*after)
        started = time.monotonic()
        mta.send(data)
        mta.expect_closed(3.0)
        self.assert_within(0, 1.0, started, "closing")
        if pattern:
            self.manager.wait_log(pattern)
        deadline = time.monotonic() + 2
        while not [line for line in self.manager.log().splitlines()[before:] if "[end]" not in line]:
            self.assertLess(time.monotonic(), deadline, "nothing was logged")
            time.sleep(0.02)
        bystander.message()
        bystander.quit()
        self.assert_healthy()
        self.children["a"].session(1).wait_closed()

    def test_zero_length(self):
        self.refused(b"\0\0\0\0", r"(?i)length|empty")

    def test_largest_length(self):
        self.refused(b"\xff\xff\xff\xffC", r"4294967295|(?i:length|large|long|limit)")

    def test_200_megabytes(self):
        self.refused(struct.pack(">I", 200 * 1000 * 1000) + b"B", r"200000000|(?i:length|large|long|limit)")

    def test_unknown_letter(self):
        self.refused(wire.packet("X", b"what"), r"(?i)unknown|command")

    def test_reply_letter(self):
        self.refused(wire.CONTINUE, r"(?i)unknown|command")

    def test_http(self):
        self.refused(b"GET / HTTP/1.0\r\n\r\n")

    def test_smtp(self):
        self.refused(b"EHLO example.org\r\n")

    def test_tls(self):
        self.refused(bytes.fromhex("1603010200010001fc0303") + b"\x11" * 64)

    def test_in_the_middle_of_a_message(self):
        self.refused(b"\0\0\0\0", after=[wire.connect(), wire.helo(), wire.mail(), wire.rcpt()])
        session = self.children["a"].session(1)
        self.assertTrue(session.letters().startswith("OCHMR"))
        self.assertTrue(session.letters().endswith("Q"), session.letters())

    def test_memory_is_not_set_aside_for_a_promised_length(self):
        self.child("a")
        self.session().quit()
        before = self.manager.resident_kib()
        mtas = []
        for number in range(20):
            mta = self.negotiated("MTA%d" % number)
            mta.send(struct.pack(">I", 2 * 1024 * 1024) + b"B")
            mtas.append(mta)
        time.sleep(0.1)
        self.assertLess(self.manager.resident_kib() - before, 16 * 1024)

    def test_malformed_commands(self):
        bad = [wire.packet("C"), wire.packet("C", b"no nul"), wire.packet("C", b"host\0"),
               wire.packet("C", b"host\0004"), wire.packet("C", b"host\0004\0\x19no nul"),
               wire.packet("C", b"host\0Z\0\x19addr\0"), wire.packet("H"), wire.packet("M"),
               wire.packet("L"), wire.packet("L", b"name"), wire.packet("L", b"name\0no nul"),
               wire.packet("R"), wire.packet("B"), wire.packet("D"), wire.packet("U")]
        self.child("a")
        before = {"H": 1, "M": 2, "U": 2, "R": 3, "L": 4, "B": 5}
        for command in bad:
            with self.subTest(command=wire.show(command)):
                mta = self.negotiated()
                so_far = [wire.connect(), wire.helo(), wire.mail(), wire.rcpt(), wire.DATA]
                mta.commands(*so_far[:before.get(command[4:5].decode(), 0)])
                mta.send(command)
                # Liberal or strict, but never silent, stuck or answered twice.
                try:
                    came = mta.receive(0.5)
                except AssertionError:
                    came = "nothing"
                if came == "nothing":
                    self.assertEqual(b"D", command[4:5])
                elif came is not None:
                    self.assertIn(came.letter, "cart")
                    mta.expect_nothing(0.02)
                mta.close()
        self.assert_healthy()


class Trickle(ManagerCase):
    def test_byte_by_byte(self):
        child = self.child("a", script={"E": [wire.add_header("A", "b"), wire.CONTINUE]})
        mta = self.connect()
        for packet in SESSION:
            mta.trickle(packet)
            if packet == SESSION[0]:
                self.assertEqual("O", mta.receive().letter)
            elif packet != wire.EOM:
                mta.expect(wire.CONTINUE)
        self.assertEqual(([wire.add_header("A", "b")], wire.CONTINUE), mta.answer())
        mta.trickle(wire.ABORT + wire.QUIT)
        mta.expect_closed()
        child.expect_letters("OCHMRTLNBEQ")
        child.session().expect_packets("CHMRTLNBE", SESSION[1:])

    def test_replies_byte_by_byte(self):
        def slowly(packet):
            return [part for byte in packet for part in (bytes([byte]), 0.001)]
        self.child("a", script={letter: slowly(wire.CONTINUE) for letter in "CHMRTLNB"},
                   negotiation=slowly(wire.negotiate(6, 0x1FF, 0)))
        self.children["a"].script["E"] = slowly(wire.add_header("A", "b") + wire.replace_body("x")
                                                + wire.CONTINUE)
        mta = self.session()
        mta.message(edits=[wire.add_header("A", "b"), wire.replace_body("x")])
        mta.quit()

    def test_commands_in_one_write_with_macros_and_aborts(self):
        child = self.child("a")
        mta = self.connect()
        mta.send(wire.negotiate())
        mta.receive()
        mta.send(wire.macros("C", "j", "x"), wire.connect())
        mta.expect(wire.CONTINUE)
        mta.send(wire.macros("H", "{x}", "1"), wire.helo())
        mta.expect(wire.CONTINUE)
        mta.send(wire.ABORT, wire.macros("M", "i", "1"), wire.mail())
        mta.expect(wire.CONTINUE)
        mta.send(wire.ABORT, wire.ABORT, wire.QUIT)
        mta.expect_closed()
        child.expect_letters("OCHMAQ")

    def test_pipelined_commands_are_answered_in_order(self):
        # Nobody may do it, but then nothing gets lost or mixed up.
        self.child("a", script={"M": [0.05, wire.CONTINUE], "R": [wire.REJECT]})
        mta = self.negotiated()
        mta.send(wire.connect(), wire.helo(), wire.mail(), wire.rcpt("<1>"), wire.rcpt("<2>"))
        mta.expect(wire.CONTINUE, wire.CONTINUE, wire.CONTINUE, wire.REJECT, wire.REJECT)
        mta.expect_nothing(0.05)
        mta.quit()


class SlowReader(ManagerCase):
    """An MTA that takes its time to read holds up itself only."""

    def test_large_answer_is_read_late(self):
        data = b"x" * 65535
        self.child("a", script={"E": [*[wire.replace_body(data)] * 300, wire.CONTINUE]})
        mta = self.session("slow")
        mta.envelope()
        mta.content()
        mta.send(wire.EOM)
        self.children["a"].session().wait_for("E")
        self.children["a"].script["E"] = wire.CONTINUE
        started = time.monotonic()
        for _ in range(5):
            self.assert_healthy()
        self.assert_within(0, 1.5, started, "five other sessions")
        edits, verdict = mta.answer(10)
        self.assertEqual((300 * 65535, wire.CONTINUE), (sum(len(one) - 5 for one in edits), verdict))
        mta.quit()

    def test_never_read_and_gone(self):
        self.child("a", script={"E": [*[wire.replace_body(b"x" * 65535)] * 300, wire.CONTINUE]})
        self.start()
        before = self.manager.files_at_rest()
        mta = self.session("gone")
        mta.envelope()
        mta.content()
        mta.send(wire.EOM)
        self.children["a"].session().wait_for("E")
        time.sleep(0.2)
        mta.close()
        self.children["a"].session().wait_closed(3.0)
        self.assert_no_more_files(before)


class Leaving(ManagerCase):
    """The MTA closes or dies after each packet, and in the middle of each."""

    def leave(self, how, cut=False):
        child = self.child("a", script={"E": [0.05, wire.CONTINUE]})
        self.start()
        before = self.manager.files_at_rest()
        for length in range(1, len(SESSION) + 1):
            mta = self.connect("MTA%d" % length)
            for packet in SESSION[:length - 1]:
                mta.send(packet)
                mta.receive()
            last = SESSION[length - 1]
            mta.send(last[:len(last) - 1 if cut else None])
            if length % 2:
                time.sleep(0.02)
            how(mta)
        for session in child.sessions:
            session.wait_closed(3.0)
        self.assert_no_more_files(before)
        self.assert_healthy()

    def test_close_with_a_reply_owed(self):
        self.leave(lambda mta: mta.close())

    def test_close_inside_a_packet(self):
        self.leave(lambda mta: mta.close(), cut=True)

    def test_quit_with_a_reply_owed(self):
        self.leave(lambda mta: mta.send(wire.QUIT))

    def test_close_after_each_byte(self):
        child = self.child("a")
        self.start()
        before = self.manager.files_at_rest()
        data = b"".join(SESSION)
        for length in range(len(data)):
            self.transcript.lines.clear()
            mta = self.connect("%d bytes" % length)
            mta.send(data[:length])
            mta.close()
        self.assert_no_more_files(before)
        for session in child.sessions:
            session.wait_closed(3.0)
        self.assert_healthy()

    def test_close_before_the_first_byte(self):
        self.child("a")
        self.start()
        for _ in range(20):
            self.connect().close()
        self.assert_healthy()

    def test_leaving_while_a_child_is_silent(self):
        child = self.child("a", script={"M": SILENCE, "E": SILENCE}, reading_timeout=20.0)
        mta = self.session()
        mta.send(wire.mail())
        child.session().wait_for("M")
        mta.close()
        child.session().wait_closed(2.0)

    def test_abort_while_a_child_owes_the_answer_to_the_end(self):
        # Postfix drops the message (the client hung up) and goes on with the session or leaves.
        child = self.child("a", script={"E": [0.3, wire.add_header("A", "b"), wire.CONTINUE]})
        mta = self.session()
        child.script["E"] = wire.CONTINUE  # for the sessions after this one
        mta.envelope()
        mta.content()
        mta.send(wire.EOM, wire.ABORT, wire.QUIT)
        deadline = time.monotonic() + 3
        while mta.receive(deadline - time.monotonic()) is not None:
            pass
        child.session().wait_closed(2.0)
        self.assert_healthy()


if __name__ == "__main__":
    unittest.main()
