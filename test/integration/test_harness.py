"""The harness itself: a fake MTA talks to a fake child, no manager between."""

import tempfile
import time
import unittest

import wire
from fake_child import CLOSE, DIE, SILENCE, FakeChild, Turns
from fake_mta import FakeMta
from transcript import Mismatch, Transcript


class Harness(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="mm-", dir="/tmp")
        self.addCleanup(directory.cleanup)
        self.path = directory.name + "/child.sock"
        self.transcript = Transcript()

    def pair(self, script=None, **options):
        child = FakeChild("child", self.path, self.transcript, script, **options)
        self.addCleanup(child.stop)
        mta = FakeMta(self.path, self.transcript, timeout=2.0)
        self.addCleanup(mta.close)
        return mta, child

    def test_packets_of_the_specification(self):
        self.assertEqual(bytes.fromhex("0000000D4F00000006000001FF001FFFFF"), wire.negotiate())
        self.assertEqual(bytes.fromhex("0000000A43756E6B6E6F776E0055"), wire.connect("unknown", "U"))
        self.assertEqual(bytes.fromhex("0000001F523C746F406578616D706C652E636F6D3E00"
                                       "4E4F544946593D4E4556455200"),
                         wire.rcpt("<to@example.com>", "NOTIFY=NEVER"))
        self.assertEqual(bytes.fromhex("0000000B690000000058 2D4100 7600".replace(" ", "")),
                         wire.insert_header(0, "X-A", "v"))
        self.assertEqual(bytes.fromhex("000000274F00000006000001010000000000000000"
                                       "6A207B6461656D6F6E5F6E616D657D0000000005 6900".replace(" ", "")),
                         wire.negotiate(6, 0x101, 0, [("C", "j {daemon_name}"), ("E", "i")]))

    def test_whole_session(self):
        mta, child = self.pair(script={"E": [wire.add_header("X-A", "1"), wire.ACCEPT]})
        answer = mta.negotiate()
        self.assertEqual((6, wire.ACTIONS_ALL, 0, {}), tuple(answer))
        mta.open()
        mta.message(edits=[wire.add_header("X-A", "1")], verdict=wire.ACCEPT)
        mta.quit()
        child.expect_letters("OCHMRTLLNBEQ")
        self.assertEqual(b"Hi\r\n", child.session().body())

    def test_no_reply_bits_are_honoured(self):
        mta, child = self.pair(steps=wire.NR_HEADER)
        mta.negotiate()
        mta.open()
        mta.envelope()
        mta.send(wire.header("A", "1"))
        mta.expect_nothing()
        mta.command(wire.EOH)
        child.session().wait_for("N")

    def test_script_parts(self):
        mta, child = self.pair(script={
            "C": [0.2, wire.REJECT], "H": Turns(wire.TEMPFAIL),
            "M": lambda packet: wire.reply_code("550 " + packet.fields()[0].decode()),
            "R": [wire.CONTINUE[:3], 0.05, wire.CONTINUE[3:]], "T": SILENCE, "L": CLOSE})
        mta.negotiate()
        started = time.monotonic()
        mta.command(wire.connect(), wire.REJECT)
        self.assertGreater(time.monotonic() - started, 0.19)
        mta.command(wire.helo(), wire.TEMPFAIL)
        mta.command(wire.helo())
        mta.command(wire.mail("<x@y>"), wire.reply_code("550 <x@y>"))
        mta.command(wire.rcpt())
        mta.send(wire.DATA)
        mta.expect_nothing()
        mta.send(wire.header("A", "b"))
        mta.expect_closed()
        child.session().wait_closed()

    def test_a_dead_child_refuses(self):
        mta, _ = self.pair(script={"H": DIE})
        mta.negotiate()
        mta.command(wire.connect())
        mta.send(wire.helo())
        mta.expect_closed()
        with self.assertRaises(OSError):
            FakeMta(self.path, self.transcript)

    def test_a_failure_tells_the_conversation(self):
        mta, child = self.pair(script={"H": wire.TEMPFAIL})
        mta.negotiate()
        mta.command(wire.connect())
        with self.assertRaises(Mismatch) as caught:
            mta.command(wire.helo("name"))
        text = str(caught.exception)
        for part in ("MTA expected: c", "MTA came:     t", "> H name\\0", "child    < H name\\0"):
            self.assertIn(part, text)
        with self.assertRaises(Mismatch) as caught:
            child.session().expect_letters("OCM", closed=False)
        self.assertIn("child child came:     OCH", str(caught.exception))

    def test_silence_is_a_failure(self):
        mta, _ = self.pair(script={"O": SILENCE})
        mta.send(wire.negotiate())
        with self.assertRaises(Mismatch):
            mta.expect(wire.CONTINUE, timeout=0.05)

    def test_macros_are_read_without_braces(self):
        parsed = wire.parse_macros(wire.split(wire.macros("M", "i", "1", "{auth_type}", ""))[0].payload)
        self.assertEqual(("M", {"i": "1", "auth_type": ""}), parsed)


if __name__ == "__main__":
    unittest.main()
