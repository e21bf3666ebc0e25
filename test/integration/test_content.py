"""Headers, body and end of message through a chain of children (manager-semantics 4, 6, 17)."""

import os
import resource
import time
import unittest

import wire
from case import ManagerCase
from fake_child import Turns

HEADERS = (("From", "a@example.org"), ("Subject", "one"), ("X-Last", "z"))


def lines(count, width=70):
    """A body of so many bytes at least, each line different."""
    made = b"".join(b"%08d %s\r\n" % (n, b"x" * (width - 11)) for n in range(count // width + 1))
    return made[:count]


def chunks_of(data, size=65535):
    return tuple(data[offset:offset + size] for offset in range(0, len(data), size))


class LiveAndReplay(ManagerCase):
    def test_one_after_the_other(self):
        a = self.child("a")
        b = self.child("b")
        c = self.child("c")
        mta = self.session()
        mta.envelope()
        mta.content(HEADERS, (b"first\r\n", b"second\r\n"))
        a.session().wait_for("B", 2)
        self.assertEqual("OCHMRTLLLNBB", a.session().letters())
        self.assertEqual("OCHMRT", b.session().letters())
        mta.expect_end()
        mta.quit()
        expected = [wire.header(*one) for one in HEADERS] + [wire.EOH]
        for child in (a, b, c):
            child.session().wait_closed()
            child.session().expect_packets("LN", expected)
            self.assertEqual(b"first\r\nsecond\r\n", child.session().body())
            self.assertEqual(1, len(child.session().of("E")))

    def test_order_of_events_across_children(self):
        self.child("a", script={"E": [0.2, wire.CONTINUE]})
        self.child("b", script={"E": [0.2, wire.CONTINUE]})
        c = self.child("c")
        mta = self.session()
        mta.message()
        mta.quit()
        sessions = [child.session() for child in self.children.values()]
        c.session().wait_closed()
        ends = [session.times[[p.letter for p in session.packets].index("E")] for session in sessions]
        firsts = [session.times[[p.letter for p in session.packets].index("L")] for session in sessions]
        self.assertGreater(firsts[1], ends[0] + 0.19)
        self.assertGreater(firsts[2], ends[1] + 0.19)

    def drop(self, script, expected_of_a, **options):
        """The first child drops out with `accept`: the second catches up and is live."""
        a = self.child("a", script=script, **options)
        b = self.child("b")
        c = self.child("c")
        mta = self.session()
        mta.envelope()
        mta.content(HEADERS, (b"1\r\n", b"2\r\n", b"3\r\n"))
        # How the part before is cut into chunks in a replay is the manager's business.
        self.assertEqual(b"1\r\n2\r\n3\r\n", b.session().body(), "b is live")
        self.assertEqual("OCHMRT", c.session().letters(), "c still waits")
        mta.expect_end()
        mta.quit()
        a.expect_letters(expected_of_a + "Q")
        for child in (b, c):
            child.session().wait_closed()
            child.session().expect_packets("LN", [wire.header(*one) for one in HEADERS] + [wire.EOH])
            self.assertEqual(b"1\r\n2\r\n3\r\n", child.session().body())
            self.assertIn("NB", child.session().letters())

    def test_drop_at_first_header(self):
        self.drop({"L": wire.ACCEPT}, "OCHMRTL")

    def test_drop_at_second_header(self):
        self.drop({"L": Turns(wire.CONTINUE, wire.ACCEPT)}, "OCHMRTLL")

    def test_drop_at_end_of_header(self):
        self.drop({"N": wire.ACCEPT}, "OCHMRTLLLN")

    def test_drop_at_first_chunk(self):
        self.drop({"B": wire.ACCEPT}, "OCHMRTLLLNB")

    def test_drop_at_last_chunk(self):
        self.drop({"B": Turns(wire.CONTINUE, wire.CONTINUE, wire.ACCEPT)}, "OCHMRTLLLNBBB")

    def test_drop_one_after_the_other(self):
        a = self.child("a", script={"L": wire.ACCEPT})
        b = self.child("b", script={"N": wire.ACCEPT})
        c = self.child("c", script={"B": wire.ACCEPT})
        d = self.child("d")
        mta = self.session()
        mta.message()
        mta.quit()
        for child, letters in ((a, "L"), (b, "LLN"), (c, "LLNB"), (d, "LLNBE")):
            child.expect_letters("OCHMRT" + letters + "Q")

    def test_drop_while_replayed(self):
        # b and c leave in the replay behind a's E; d still gets everything.
        self.child("a")
        b = self.child("b", script={"L": Turns(wire.CONTINUE, wire.ACCEPT)})
        c = self.child("c", script={"B": wire.ACCEPT})
        d = self.child("d", script={"E": [wire.add_header("X-D", "1"), wire.CONTINUE]})
        mta = self.session()
        mta.message(edits=[wire.add_header("X-D", "1")])
        mta.quit()
        for child, letters in ((b, "LL"), (c, "LLNB"), (d, "LLNBE")):
            child.expect_letters("OCHMRT" + letters + "Q")

    def refused(self, script_b, reply):
        """b refuses in its replay: that is the answer to E, and c is told to forget it."""
        a = self.child("a")
        b = self.child("b", script=script_b)
        c = self.child("c")
        mta = self.session()
        mta.message(verdict=reply)
        mta.message()
        mta.quit()
        letter = next(iter(script_b))
        first = {"L": "L", "N": "LLN", "B": "LLNB", "E": "LLNBE"}[letter]
        a.expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")
        b.expect_letters("OCHMRT" + first + "MRTLLNBEQ")
        c.expect_letters("OCHMRTAMRTLLNBEQ")

    def test_reject_in_replayed_header(self):
        self.refused({"L": Turns(wire.REJECT)}, wire.REJECT)

    def test_text_in_replayed_end_of_header(self):
        self.refused({"N": Turns(wire.reply_code("451 4.0.0 x"))}, wire.reply_code("451 4.0.0 x"))

    def test_discard_in_replayed_body(self):
        self.refused({"B": Turns(wire.DISCARD)}, wire.DISCARD)

    def test_temporary_failure_at_replayed_end(self):
        self.refused({"E": Turns(wire.TEMPFAIL)}, wire.TEMPFAIL)

    def test_reject_of_the_live_child(self):
        for letter, commands in (("L", []), ("N", [wire.header("A", "b")]),
                                 ("B", [wire.header("A", "b"), wire.EOH])):
            with self.subTest(stage=letter):
                self.fresh()
                self.child("a" + letter, script={letter: Turns(wire.reply_code("550 5.0.0 x"))})
                b = self.child("b" + letter)
                self.start()
                mta = self.session()
                mta.envelope()
                mta.commands(*commands)
                mta.command({"L": wire.header("A", "b"), "N": wire.EOH, "B": wire.body("x")}[letter],
                            wire.reply_code("550 5.0.0 x"))
                if letter == "L":
                    mta.send(wire.ABORT)
                mta.message()
                mta.quit()
                b.expect_letters("OCHMRTAMRTLLNBEQ")

    def test_final_reply_is_the_strongest(self):
        self.child("a", script={"E": Turns(wire.ACCEPT, wire.ACCEPT, wire.CONTINUE)})
        self.child("b", script={"E": Turns(wire.ACCEPT, wire.CONTINUE, wire.ACCEPT)})
        mta = self.session()
        mta.message(verdict=wire.ACCEPT)
        mta.message(verdict=wire.CONTINUE)
        mta.message(verdict=wire.CONTINUE)
        mta.quit()

    def test_kinds_never_sent_are_not_replayed_but_for_the_end_of_header(self):
        self.child("a")
        b = self.child("b")
        mta = self.session()
        for headers, eoh, chunks, expected in (
                ((), True, (), "NE"), ((("A", "b"),), True, (), "LNE"), ((), True, (b"x\r\n",), "NBE"),
                ((), False, (), "NE")):
            before = len(b.session().letters())
            mta.envelope()
            mta.content(headers, chunks)
            mta.expect_end()
            self.assertEqual("MRT" + expected, b.session().letters()[before:])
        mta.quit()

    def test_children_with_switched_off_content(self):
        first = self.child("first")
        nobody = self.child("nobody", steps=wire.NO_BODY)
        noheaders = self.child("noheaders", steps=wire.NO_HEADERS)
        noeoh = self.child("noeoh", steps=wire.NO_EOH)
        nothing = self.child("nothing", steps=wire.NO_BODY | wire.NO_HEADERS | wire.NO_EOH)
        quiet = self.child("quiet", steps=wire.NR_HEADER | wire.NR_EOH | wire.NR_BODY)
        mta = self.session()
        mta.message(headers=HEADERS, chunks=(b"1", b"2"))
        mta.quit()
        # Live chunks come as they are; a replayed body is cut anew.
        first.expect_letters("OCHMRTLLLNBBEQ")
        for child, letters in ((nobody, "LLLNE"), (noheaders, "NBE"), (noeoh, "LLLBE"),
                               (nothing, "E"), (quiet, "LLLNBE")):
            with self.subTest(child=child.name):
                child.expect_letters("OCHMRT" + letters + "Q")

    def test_first_child_switched_off_content(self):
        self.child("nothing", steps=wire.NO_BODY | wire.NO_HEADERS | wire.NO_EOH)
        later = self.child("later")
        mta = self.session()
        mta.message()
        mta.quit()
        later.expect_letters("OCHMRTLLNBEQ")


class Skip(ManagerCase):
    def test_the_rest_of_the_body_is_swallowed(self):
        a = self.child("a", steps=wire.SKIP, script={"B": Turns(wire.CONTINUE, wire.SKIPPED)})
        b = self.child("b")
        mta = self.session()
        for _ in range(2):  # and the second message starts afresh, without an ABORT between
            mta.message(chunks=(b"1\r\n", b"2\r\n", b"3\r\n", b"4\r\n"))
        mta.quit()
        a.session().wait_closed()
        self.assertEqual([b"1\r\n", b"2\r\n", b"1\r\n", b"2\r\n", b"3\r\n", b"4\r\n"],
                         [one.payload for one in a.session().of("B")])
        self.assertEqual(2, len(a.session().of("E")))
        self.assertEqual(b"1\r\n2\r\n3\r\n4\r\n" * 2, b.session().body())

    def test_skip_in_the_replay(self):
        self.child("a")
        b = self.child("b", steps=wire.SKIP, script={"B": wire.SKIPPED})
        c = self.child("c")
        self.start("manager.chunk_size = 10")
        mta = self.session()
        mta.message(chunks=(lines(100),))
        mta.quit()
        b.expect_letters("OCHMRTLLNBEQ")
        self.assertEqual(lines(100), c.session().body())

    def test_not_negotiated_is_a_protocol_error(self):
        a = self.child("a", script={"B": wire.SKIPPED}, fallback_status="temporary-failure")
        self.child("b", steps=wire.SKIP)
        mta = self.session()
        mta.envelope()
        mta.command(wire.header("A", "b"))
        mta.command(wire.EOH)
        mta.command(wire.body("x"), wire.TEMPFAIL)
        mta.quit()
        a.session().wait_closed()

    def test_not_offered_is_not_negotiated(self):
        self.child("a", script={"B": wire.SKIPPED}, steps=wire.SKIP, fallback_status="reject")
        mta = self.session(steps=0x37F)
        mta.envelope()
        mta.command(wire.EOH)
        mta.command(wire.body("x"), wire.REJECT)
        mta.quit()


class LeadingSpace(ManagerCase):
    """Protocol 5.6: converted per child, both ways."""

    SENT = ((b"A", b" one"), (b"B", b"  two"), (b"C", b"\ttab"), (b"D", b"none"), (b"E", b""),
            (b"F", b" "), (b"G", b" folded\n again"))

    def stripped(self, value):
        return value[1:] if value.startswith(b" ") else value

    def test_headers_downwards(self):
        for order in (("plain", "exact"), ("exact", "plain")):
            with self.subTest(order=order):
                self.fresh()
                for name in order:
                    self.child(name, steps=wire.LEADSPC if name == "exact" else 0)
                self.start()
                mta = self.session()
                self.assertEqual(wire.LEADSPC, mta.negotiation.steps)
                mta.message(headers=self.SENT)
                mta.quit()
                for name in order:
                    self.children[name].session().wait_closed()
                    self.children[name].session().expect_packets("L", [
                        wire.header(key, value if name == "exact" else self.stripped(value))
                        for key, value in self.SENT])

    def test_not_offered_upstream(self):
        exact = self.child("exact", steps=wire.LEADSPC)
        mta = self.session(steps=0x37F)
        mta.message(headers=((b"A", b"one"), (b"B", b" two")))
        mta.quit()
        exact.session().wait_closed()
        exact.session().expect_packets("L", [wire.header("A", "one"), wire.header("B", " two")])

    def test_edits_upwards_and_to_the_next(self):
        self.child("plain", script={"E": [
            wire.add_header("P-Add", "v"), wire.insert_header(0, "P-Insert", "v\n w"),
            wire.change_header(1, "A", "changed"), wire.CONTINUE]})
        exact = self.child("exact", steps=wire.LEADSPC, script={"E": [
            wire.add_header("E-Add", " v"), wire.add_header("E-Bare", "v"), wire.CONTINUE]})
        last = self.child("last")
        mta = self.session()
        mta.message(headers=((b"A", b" one"),), edits=[
            wire.add_header("P-Add", " v"), wire.insert_header(0, "P-Insert", " v\n w"),
            wire.change_header(1, "A", " changed"),
            wire.add_header("E-Add", " v"), wire.add_header("E-Bare", "v")])
        mta.quit()
        exact.session().wait_closed()
        exact.session().expect_packets("L", [
            wire.header("P-Insert", " v\n w"), wire.header("A", " changed"),
            wire.header("P-Add", " v")])
        last.session().wait_closed()
        last.session().expect_packets("L", [
            wire.header("P-Insert", "v\n w"), wire.header("A", "changed"), wire.header("P-Add", "v"),
            wire.header("E-Add", "v"), wire.header("E-Bare", "v")])

    def test_a_deletion_stays_a_deletion(self):
        self.child("plain", script={"E": [wire.change_header(1, "A", ""), wire.CONTINUE]})
        self.child("exact", steps=wire.LEADSPC)
        mta = self.session()
        mta.message(headers=((b"A", b" one"),), edits=[wire.change_header(1, "A", "")])
        mta.quit()


class Values(ManagerCase):
    def both(self, headers=HEADERS, chunks=(b"x\r\n",), **session):
        a = self.child("a")
        b = self.child("b")
        mta = self.session(**session)
        mta.message(headers=headers, chunks=chunks)
        mta.quit()
        for child in (a, b):
            child.session().wait_closed()
            child.session().expect_packets("L", [wire.header(*one) for one in headers])
            self.assertEqual(b"".join(chunks), child.session().body())

    def test_header_values_are_opaque(self):
        self.both(headers=(
            (b"Folded", b"a\n\tb\n c"), (b"Crlf", b"a\r\n b"), (b"Cr", b"a\rb"), (b"Empty", b""),
            (b"Name-with-blanks  ", b"v"), (b"Eight", b"\xff\xfe\x80"), (b"Percent", b"%s%n%%"),
            (b"Same", b"1"), (b"same", b"2"), (b"SAME", b"1")))

    def test_long_header_values(self):
        for size in (65500, 65536, 200000):
            with self.subTest(size=size):
                self.fresh()
                self.both(headers=((b"Long", b"v" * size), (b"After", b"1")))

    def test_many_headers(self):
        self.both(headers=tuple((b"H%d" % n, b"value %d" % n) for n in range(2000)))

    def test_no_header_and_no_body(self):
        self.both(headers=(), chunks=())

    def test_body_bytes(self):
        self.both(chunks=(b"\0", b"a\0b\0\0", b"line\r", b"\nnext\r\n.\r\n..", bytes(range(256)), b"no end"))

    def test_large_chunks(self):
        data = lines(3 * 65535 + 17)
        self.both(chunks=chunks_of(data))

    def test_chunk_larger_than_a_filter_may_get(self):
        # Each child gets packets of at most 65535 bytes of body whatever the MTA sends.
        data = lines(200000)
        self.both(chunks=(data,))
        for child in self.children.values():
            self.assertLessEqual(max(len(one.payload) for one in child.session().of("B")), 65535)


class EndWithData(ManagerCase):
    """Section 17 row 5: the data of E become a chunk of their own."""

    def test_children_get_a_chunk_and_an_empty_end(self):
        a = self.child("a")
        b = self.child("b")
        nobody = self.child("nobody", steps=wire.NO_BODY)
        mta = self.session()
        mta.envelope()
        mta.content(chunks=(b"1\r\n",))
        mta.expect_end(data=b"2\0\r\n")
        mta.quit()
        for child in (a, b):
            child.session().wait_closed()
            self.assertEqual(b"1\r\n2\0\r\n", child.session().body())
            child.session().expect_packets("E", [wire.EOM])
        nobody.session().wait_closed()
        nobody.session().expect_packets("BE", [wire.EOM])

    def test_without_any_chunk_before(self):
        a = self.child("a", script={"B": [wire.CONTINUE], "E": [wire.replace_body("new"), wire.CONTINUE]})
        b = self.child("b")
        mta = self.session()
        mta.envelope()
        mta.command(wire.EOH)
        mta.expect_end([wire.replace_body("new")], data=b"old")
        mta.quit()
        a.expect_letters("OCHMRTNBEQ")
        b.expect_letters("OCHMRTNBEQ")
        self.assertEqual(b"old", a.session().body())
        self.assertEqual(b"new", b.session().body())

    def test_the_chunk_may_be_refused(self):
        self.child("a", script={"B": wire.REJECT})
        b = self.child("b")
        mta = self.session()
        mta.envelope()
        mta.command(wire.EOH)
        mta.expect_end(verdict=wire.REJECT, data=b"bad")
        mta.quit()
        b.expect_letters("OCHMRTAQ")

    def test_after_skip(self):
        a = self.child("a", steps=wire.SKIP, script={"B": wire.SKIPPED})
        b = self.child("b")
        mta = self.session()
        mta.envelope()
        mta.content(chunks=(b"1\r\n",))
        mta.expect_end(data=b"2\r\n")
        mta.quit()
        a.expect_letters("OCHMRTLLNBEQ")
        b.session().wait_closed()
        self.assertEqual(b"1\r\n2\r\n", b.session().body())


class Sizes(ManagerCase):
    def test_chunk_size(self):
        self.child("a")
        b = self.child("b")
        self.start("manager.chunk_size = 1000")
        data = lines(10500)
        mta = self.session()
        mta.message(chunks=chunks_of(data, 4096))
        mta.quit()
        b.session().wait_closed()
        self.assertEqual([1000] * 10 + [500], [len(one.payload) for one in b.session().of("B")])
        self.assertEqual(data, b.session().body())

    def test_big_body_with_replacement(self):
        """Beyond 5 MiB, so through a temporary file, which is gone afterwards."""
        data = lines(6 * 1024 * 1024 + 123)
        other = lines(7 * 1024 * 1024, width=50)
        replaced = [wire.replace_body(chunk) for chunk in chunks_of(other)]
        self.child("a", script={"E": Turns([*replaced, wire.CONTINUE])})
        b = self.child("b", script={"E": Turns([wire.add_header("X-B", "1"), wire.CONTINUE])})
        temporary = self.path("tmp")
        os.mkdir(temporary)
        self.start(environment={"TMPDIR": temporary})
        before = self.manager.files_at_rest()
        mta = self.session()
        mta.envelope()
        mta.content(chunks=chunks_of(data))
        edits, verdict = mta.finish(timeout=30)
        self.assertEqual(wire.CONTINUE, verdict)
        self.assertEqual([wire.add_header("X-B", "1")], edits[:1])
        self.assertEqual({b"b"}, {edit[4:5] for edit in edits[1:]})
        self.assertTrue(b"".join(edit[5:] for edit in edits[1:]) == other, "replaced body differs")
        self.assertLessEqual(max(len(edit) for edit in edits[1:]), 65535 + 5)
        self.assertTrue(b.session().body() == other, "b has not seen a's body")
        self.assertEqual([], os.listdir(temporary))
        mta.message()  # nothing of it is left
        mta.quit()
        self.assert_no_more_files(before)

    def test_big_body_unchanged(self):
        data = lines(12 * 1024 * 1024 + 1)
        self.child("a")
        b = self.child("b")
        mta = self.session()
        mta.envelope()
        mta.content(chunks=chunks_of(data))
        mta.expect_end(timeout=30)
        mta.quit()
        b.session().wait_closed()
        self.assertTrue(b.session().body() == data, "the body has changed")


class NoRoom(ManagerCase):
    """The manager itself cannot keep the body: manager.fallback_status (section 18)."""

    def no_room(self, **how):
        self.child("a")
        b = self.child("b")
        self.start('manager.fallback_status = "temporary-failure"', **how)
        mta = self.session()
        mta.envelope()
        mta.command(wire.header("A", "b"))
        mta.command(wire.EOH)
        for _ in range(200):
            mta.send(wire.body(b"x" * 65535))
            if mta.expect_any(wire.CONTINUE, wire.TEMPFAIL) == wire.TEMPFAIL:
                break
        else:
            self.fail("thirteen megabytes were taken")
        mta.expect_nothing(0.05)
        mta.message()  # the next one fits
        mta.quit()
        b.expect_letters("OCHMRTAMRTLLNBEQ")
        said = [line for line in self.manager.log().splitlines() if "][end]" not in line]
        self.assertGreater(len(said), 1, "nothing is said about it")

    def test_no_temporary_directory(self):
        self.no_room(environment={"TMPDIR": self.path("missing")})

    def test_file_size_limit(self):
        self.no_room(limits={resource.RLIMIT_FSIZE: 6 * 1024 * 1024})


class DataEmulation(ManagerCase):
    """Section 3: an MTA of version 4 or later that says no DATA."""

    def test_data_runs_before_the_first_content(self):
        a = self.child("a")
        b = self.child("b")
        old = self.child("old", version=3, actions=0x3F)
        no_data = self.child("no_data", steps=wire.NO_DATA)
        mta = self.session()
        for _ in range(2):
            mta.envelope(data=False)
            mta.content()
            mta.expect_end()
        mta.quit()
        for child in (a, b):
            child.expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")
        for child in (old, no_data):
            child.expect_letters("OCH" + "MRLLNBE" * 2 + "Q")

    def test_its_refusal_answers_the_pending_command(self):
        text = wire.reply_code("550 5.0.0 no data")
        self.child("a", script={"T": Turns(text, wire.CONTINUE, wire.TEMPFAIL)})
        b = self.child("b")
        mta = self.session()
        mta.envelope(data=False)
        mta.command(wire.header("A", "b"), text)
        mta.send(wire.ABORT)
        mta.envelope(data=False)
        mta.command(wire.EOH)
        mta.expect_end()
        mta.envelope(data=False)
        mta.command(wire.EOM, wire.TEMPFAIL)
        mta.quit()
        b.expect_letters("OCHMRTA" + "MRTNE" + "MRTAQ")

    def test_accept_of_one_child(self):
        a = self.child("a", script={"T": wire.ACCEPT})
        b = self.child("b")
        mta = self.session()
        mta.envelope(data=False)
        mta.content()
        mta.expect_end()
        mta.quit()
        a.expect_letters("OCHMRTQ")
        b.expect_letters("OCHMRTLLNBEQ")

    def test_older_mta_has_no_data(self):
        child = self.child("a")
        mta = self.session(version=3, actions=0x3F, steps=0x17F)
        mta.envelope(data=False)
        mta.content()
        mta.expect_end()
        mta.quit()
        child.expect_letters("OCHMRLLNBEQ")


if __name__ == "__main__":
    unittest.main()
