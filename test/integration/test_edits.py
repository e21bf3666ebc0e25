"""Modification requests: order, atomicity, views, indexes (manager-semantics 6, 17 rows 9, 12
and 17, 18)."""

import time
import unittest

import wire
from case import ManagerCase
from fake_child import CLOSE, SILENCE, Turns
from message_model import Message

HEADERS = (("From", "a@example.org"), ("X-A", "1"), ("Subject", "s"), ("x-a", "2"), ("X-A", "3"))


class Forwarding(ManagerCase):
    def edits_of(self, *edits, verdict=wire.CONTINUE, **options):
        return self.child("c%d" % len(self.children), script={"E": [*edits, verdict]}, **options)

    def test_each_kind_byte_for_byte(self):
        edits = [
            wire.add_header("X-Add", "v"), wire.add_header("X-Empty", ""),
            wire.insert_header(0, "X-First", "1"), wire.insert_header(2 ** 31 + 5, "X-Far", "2"),
            wire.insert_header(1, "X-Fold", "a\n b"), wire.change_header(1, "Subject", "New\r\n line"),
            wire.change_header(2, "X-A", ""), wire.add_rcpt("<new@example.com>"),
            wire.add_rcpt_with("<n2@example.com>", "NOTIFY=NEVER ORCPT=rfc822;a@b"),
            wire.add_rcpt_with("<n3@example.com>", ""), wire.delete_rcpt("<to@example.com>"),
            wire.add_header(b"X-8bit", b"\xff\xfe"), wire.add_rcpt(b"<\xc3\xbc@example.com>"),
            wire.delete_rcpt("<new@example.com>"), wire.add_rcpt("<new@example.com>")]
        self.edits_of(*edits)
        mta = self.session()
        mta.message(headers=HEADERS, edits=edits)
        mta.quit()

    def test_sender(self):
        for edit in (wire.change_from("<new@example.org>"), wire.change_from("<>"),
                     wire.change_from("<new@example.org>", "RET=HDRS ENVID=1")):
            with self.subTest(edit=wire.show(edit)):
                self.fresh()
                self.edits_of(edit)
                self.start()
                mta = self.session()
                mta.message(edits=[edit])
                mta.quit()

    def test_order_of_all_kinds(self):
        # As asked for, child by child; the body last, then the quarantine.
        self.edits_of(wire.quarantine("first"), wire.add_rcpt("<1@x>"), wire.replace_body("x"),
                      wire.add_header("X-1", "1"), wire.delete_rcpt("<to@example.com>"),
                      wire.insert_header(0, "X-0", "0"))
        self.edits_of(wire.add_header("Y-1", "1"), wire.quarantine("second"), wire.add_rcpt("<2@x>"),
                      wire.change_header(1, "X-1", "2"))
        mta = self.session()
        mta.message(edits=[
            wire.add_rcpt("<1@x>"), wire.add_header("X-1", "1"), wire.delete_rcpt("<to@example.com>"),
            wire.insert_header(0, "X-0", "0"), wire.add_header("Y-1", "1"), wire.add_rcpt("<2@x>"),
            wire.change_header(1, "X-1", "2"), wire.replace_body("x"), wire.quarantine("second")])
        mta.quit()

    def test_last_sender_wins(self):
        self.edits_of(wire.change_from("<one@x>"), wire.change_from("<two@x>"))
        self.edits_of(wire.change_from("<three@x>", "RET=FULL"), wire.add_header("A", "b"))
        mta = self.session()
        mta.envelope()
        mta.content()
        edits, verdict = mta.finish()
        self.assertEqual(wire.CONTINUE, verdict)
        self.assertEqual([wire.change_from("<three@x>", "RET=FULL")],
                         [edit for edit in edits if edit[4:5] == b"e"])
        self.assertIn(wire.add_header("A", "b"), edits)
        mta.quit()

    def test_quarantine_directly_before_the_final_reply(self):
        self.edits_of(wire.quarantine("virus?"), wire.add_header("A", "b"), verdict=wire.ACCEPT)
        mta = self.session()
        mta.message(edits=[wire.add_header("A", "b"), wire.quarantine("virus?")], verdict=wire.ACCEPT)
        mta.quit()
        self.manager.wait_log(r"\[reply\]\[end-of-message\]\[quarantine\]")

    def test_nothing_goes_up_before_the_verdict(self):
        self.child("a", script={"E": [
            wire.add_rcpt("<new@x>"), wire.add_header("A", "b"), wire.quarantine("q"), 0.4,
            wire.CONTINUE]})
        self.child("b", script={"E": [0.3, wire.CONTINUE]})
        mta = self.session()
        mta.envelope()
        mta.content()
        mta.send(wire.EOM)
        mta.expect_nothing(0.3)
        self.assertEqual(([wire.add_rcpt("<new@x>"), wire.add_header("A", "b"), wire.quarantine("q")],
                          wire.CONTINUE), mta.answer())
        mta.quit()

    def test_progress_goes_up_at_once(self):
        self.child("a", script={"E": [wire.PROGRESS, 0.5, wire.CONTINUE]})
        self.child("b", script={"E": [wire.add_header("A", "b"), wire.PROGRESS, 0.5, wire.CONTINUE]})
        mta = self.session()
        mta.envelope()
        mta.content()
        mta.send(wire.EOM)
        mta.expect(wire.PROGRESS, timeout=0.3)
        mta.expect(wire.PROGRESS, timeout=0.8)
        self.assertEqual(([wire.add_header("A", "b")], wire.CONTINUE), mta.answer())
        mta.quit()

    def test_progress_restarts_the_end_of_message_timer(self):
        self.child("a", end_of_message_timeout=0.6, reading_timeout=0.6, fallback_status="reject",
                   script={"E": [*([0.3, wire.PROGRESS] * 5), wire.add_header("A", "b"), wire.CONTINUE]})
        mta = self.session()
        mta.message(edits=[wire.add_header("A", "b")])
        mta.quit()

    def test_evaluation_mode_drops_edits(self):
        self.edits_of(wire.add_header("X", "1"), wire.replace_body("x"), wire.add_rcpt("<x>"),
                      wire.change_from("<x>"), wire.quarantine("x"), wire.PROGRESS, evaluation_mode=True)
        later = self.edits_of(wire.add_header("Y", "1"))
        mta = self.session()
        mta.envelope()
        mta.content()
        mta.send(wire.EOM)
        mta.expect(wire.PROGRESS)
        self.assertEqual(([wire.add_header("Y", "1")], wire.CONTINUE), mta.answer())
        mta.quit()
        later.session().wait_closed()
        self.assertEqual(b"Hi\r\n", later.session().body())
        later.session().expect_packets("L", [wire.header("From", "a@example.org"),
                                             wire.header("Subject", "hello")])
        self.manager.wait_log(r"\[milter\]\[header\]\[add\]\(\d+\): <X>=<1>: c0")

    def test_statistics_of_added_headers(self):
        self.edits_of(wire.add_header("X-Add", "1"), wire.insert_header(0, "X-Ins", "2"),
                      wire.change_header(1, "Subject", "3"))
        mta = self.session()
        mta.message(edits=[wire.add_header("X-Add", "1"), wire.insert_header(0, "X-Ins", "2"),
                           wire.change_header(1, "Subject", "3")])
        mta.quit()
        for one in ("<X-Add>=<1>", "<X-Ins>=<2>", "<Subject>=<3>"):
            self.manager.wait_log(r"\[session\]\[header\]\[add\]\(\d+\): " + one)
            self.manager.wait_log(r"\[milter\]\[header\]\[add\]\(\d+\): " + one + ": c0")


EDITS = [wire.add_header("X-A", "1"), wire.insert_header(0, "X-I", "1"), wire.add_rcpt("<new@x>"),
         wire.delete_rcpt("<to@example.com>"), wire.change_from("<new@x>"),
         wire.replace_body("replaced"), wire.quarantine("q")]


class Atomicity(ManagerCase):
    """Section 18: nothing of a child before its verdict, nothing at all when the message is refused."""

    def after(self, tail, verdict, other_edits=(), **settings):
        self.child("a", script={"E": Turns([*EDITS, *tail])}, **settings)
        b = self.child("b", script={"E": Turns([wire.add_header("X-B", "1"), wire.CONTINUE])})
        mta = self.session()
        mta.message(edits=other_edits, verdict=verdict)
        return mta, b

    def test_edits_and_a_refusal(self):
        for reply in (wire.REJECT, wire.TEMPFAIL, wire.DISCARD, wire.reply_code("550 5.0.0 no")):
            with self.subTest(reply=wire.show(reply)):
                self.fresh()
                mta, b = self.after([reply], reply)
                # Nothing of it leaks into the next message.
                mta.message(edits=[wire.add_header("X-B", "1")])
                mta.quit()
                b.expect_letters("OCHMRTA" + "MRTLLNBEQ")

    def untouched(self, b):
        b.session().wait_closed()
        b.session().expect_packets("L", [wire.header("From", "a@example.org"),
                                         wire.header("Subject", "hello")])
        self.assertEqual(b"Hi\r\n", b.session().body())

    def test_edits_and_death(self):
        mta, b = self.after([CLOSE], wire.CONTINUE, [wire.add_header("X-B", "1")])
        mta.quit()
        self.untouched(b)

    def test_edits_and_half_an_edit_and_death(self):
        mta, b = self.after([wire.add_header("Y", "1")[:9], CLOSE], wire.CONTINUE,
                            [wire.add_header("X-B", "1")])
        mta.quit()
        self.untouched(b)

    def test_edits_and_silence(self):
        mta, b = self.after([SILENCE], wire.CONTINUE, [wire.add_header("X-B", "1")],
                            end_of_message_timeout=0.5, reading_timeout=0.5)
        mta.quit()
        self.untouched(b)

    def test_edits_and_garbage(self):
        mta, b = self.after([wire.packet("Z", b"what")], wire.CONTINUE, [wire.add_header("X-B", "1")])
        mta.quit()
        self.untouched(b)

    def test_edits_and_death_with_fallback_reject(self):
        mta, b = self.after([CLOSE], wire.REJECT, fallback_status="reject")
        mta.quit()
        b.expect_letters("OCHMRTAQ")

    def test_a_later_refusal_drops_the_edits_of_all(self):
        self.child("a", script={"E": [*EDITS, wire.ACCEPT]})
        self.child("b", script={"E": Turns([wire.add_header("X-B", "1"), wire.TEMPFAIL], wire.REJECT)})
        mta = self.session()
        mta.message(verdict=wire.TEMPFAIL)
        mta.message(verdict=wire.REJECT)
        mta.quit()

    def test_a_later_failure_with_fallback_reject(self):
        self.child("a", script={"E": [*EDITS, wire.CONTINUE]})
        self.child("b", script={"E": CLOSE}, fallback_status="temporary-failure")
        mta = self.session()
        mta.message(verdict=wire.TEMPFAIL)
        mta.quit()

    def test_edits_survive_accept(self):
        self.child("a", script={"E": [*EDITS, wire.ACCEPT]})
        self.child("b")
        mta = self.session()
        mta.message(edits=EDITS)
        mta.quit()


class Views(ManagerCase):
    """Section 17 row 9: what later children see, and that the MTA arrives at the same message."""

    def views(self, *edits_of_children, headers=HEADERS):
        """Children with these header edits; compares each one's view, and the MTA's result, with
        what a single MTA would have done."""
        for number, edits in enumerate(edits_of_children):
            self.child("c%d" % number, script={"E": [*edits, wire.CONTINUE]})
        observer = self.child("observer")
        mta = self.session()
        mta.envelope()
        mta.content(headers=headers)
        edits, verdict = mta.finish()
        self.assertEqual(wire.CONTINUE, verdict)
        mta.quit()
        expected = Message(headers)
        for number, asked in enumerate([*edits_of_children, None]):
            child = self.children["c%d" % number] if asked is not None else observer
            child.session().wait_closed()
            seen = [tuple(text.decode() for text in one.fields()) for one in child.session().of("L")]
            self.assertEqual(expected.shown(), seen, "view of " + child.name)
            if asked is not None:
                expected.apply(asked)
        self.assertEqual(expected.fields, Message(headers).apply(edits).fields,
                         "what the MTA makes of " + " | ".join(map(wire.show, edits)))
        return edits

    def test_add_goes_to_the_end(self):
        self.views([wire.add_header("X-A", "4"), wire.add_header("New", "1")])

    def test_insert_first(self):
        self.views([wire.insert_header(0, "New", "1"), wire.insert_header(0, "New", "2")])

    def test_insert_at_one_is_behind_received(self):
        self.views([wire.insert_header(1, "New", "1")], [wire.insert_header(2, "Other", "1")])

    def test_insert_beyond_the_end(self):
        self.views([wire.insert_header(100, "New", "1"), wire.insert_header(6, "New", "2")])

    def test_inserts_in_a_row(self):
        self.views([wire.insert_header(0, "New", "1"), wire.insert_header(1, "New", "2"),
                    wire.insert_header(2, "New", "3"), wire.insert_header(3, "New", "4")])

    def test_inserts_of_several_children(self):
        self.views([wire.insert_header(0, "A", "1")], [wire.insert_header(0, "B", "1")],
                   [wire.insert_header(1, "C", "1")], [wire.insert_header(3, "D", "1")])

    def test_change_ignores_case(self):
        self.views([wire.change_header(2, "X-a", "two"), wire.change_header(3, "x-A", "three")])

    def test_change_index_zero_is_one(self):
        self.views([wire.change_header(0, "X-A", "one")])

    def test_change_of_a_missing_field_adds_it(self):
        self.views([wire.change_header(4, "X-A", "four"), wire.change_header(1, "New", "1")])

    def test_delete_from_the_highest(self):
        self.views([wire.change_header(3, "X-A", ""), wire.change_header(1, "X-A", "")])

    def test_delete_of_a_missing_field(self):
        self.views([wire.change_header(7, "X-A", ""), wire.change_header(1, "Nothing", "")])

    def test_later_child_counts_what_it_sees(self):
        self.views([wire.change_header(1, "X-A", "")],
                   [wire.change_header(1, "X-A", "was two"), wire.change_header(2, "X-A", "was three")],
                   [wire.change_header(2, "X-A", "")])

    def test_change_counts_inserted_fields(self):
        self.views([wire.insert_header(0, "X-A", "zero")],
                   [wire.change_header(1, "X-A", "changed zero"), wire.change_header(4, "x-a", "last")])

    def test_change_of_one_s_own_addition(self):
        self.views([wire.add_header("New", "1"), wire.change_header(1, "New", "2")],
                   [wire.change_header(1, "New", "3")])

    def test_headers_for_a_message_without_any(self):
        self.views([wire.add_header("New", "1"), wire.insert_header(0, "First", "1")], headers=())

    def test_duplicates_keep_their_places(self):
        same = (("Same", "x"),) * 5
        self.views([wire.change_header(3, "Same", "y"), wire.change_header(5, "Same", "")],
                   [wire.change_header(3, "Same", "z"), wire.insert_header(3, "Same", "x")], headers=same)

    def test_a_field_emptied_by_add_is_no_deletion(self):
        self.views([wire.add_header("Empty", "")])


class Body(ManagerCase):
    def bodies(self, *replacements, chunks=(b"old\r\n",)):
        """Children replacing the body with these chunks (None: not at all); returns the edits."""
        for number, parts in enumerate(replacements):
            edits = [wire.replace_body(part) for part in parts or ()]
            self.child("c%d" % number, script={"E": Turns([*edits, wire.CONTINUE])})
        last = self.child("last")
        mta = self.session()
        mta.envelope()
        mta.content(chunks=chunks)
        edits, verdict = mta.finish()
        self.assertEqual(wire.CONTINUE, verdict)
        # The next message shows that nothing is left of this one.
        mta.message(chunks=())
        mta.message(chunks=(b"fresh",))
        mta.quit()
        last.session().wait_closed()
        current = b"".join(chunks)
        for number, parts in enumerate(replacements):
            seen = self.children["c%d" % number].session().body()
            self.assertEqual(current + b"fresh", seen, "body for c%d" % number)
            current = current if parts is None else b"".join(parts)
        self.assertEqual(current + b"fresh", last.session().body())
        self.assertEqual(set(), {edit[4:5] for edit in edits} - {b"b"})
        return edits

    def test_one(self):
        self.assertEqual([wire.replace_body("new")], self.bodies([b"new"]))

    def test_several_chunks_are_one_body(self):
        edits = self.bodies([b"one\r\n", b"two\0\r\n", b"three"])
        self.assertEqual(b"one\r\ntwo\0\r\nthree", b"".join(edit[5:] for edit in edits))

    def test_later_child_replaces_again(self):
        edits = self.bodies([b"first"], [b"second ", b"again"])
        self.assertEqual(b"second again", b"".join(edit[5:] for edit in edits))

    def test_only_the_first_replaces(self):
        edits = self.bodies([b"first"], None)
        self.assertEqual(b"first", b"".join(edit[5:] for edit in edits))

    def test_empty_replacement(self):
        self.assertEqual([wire.replace_body("")], self.bodies([b""]))

    def test_empty_then_filled(self):
        edits = self.bodies([b""], [b"filled"])
        self.assertEqual(b"filled", b"".join(edit[5:] for edit in edits))

    def test_filled_then_empty(self):
        self.assertEqual([wire.replace_body("")], self.bodies([b"filled"], [b""]))

    def test_body_for_a_message_without_one(self):
        edits = self.bodies([b"given"], [b"other"], chunks=())
        self.assertEqual(b"other", b"".join(edit[5:] for edit in edits))

    def test_no_replacement_no_body_packet(self):
        self.assertEqual([], self.bodies(None, None))

    def test_interrupted_series_is_one_series_upstream(self):
        self.child("a", script={"E": [
            wire.replace_body("1"), wire.add_header("A", "b"), wire.PROGRESS, wire.replace_body("2"),
            wire.CONTINUE]})
        mta = self.session()
        mta.envelope()
        mta.content()
        edits, _ = mta.finish()
        self.assertEqual(wire.add_header("A", "b"), edits[0])
        self.assertEqual(b"12", b"".join(edit[5:] for edit in edits[1:]))
        self.assertEqual({b"b"}, {edit[4:5] for edit in edits[1:]})
        mta.quit()

    def test_packet_larger_than_a_chunk_is_accepted(self):
        data = b"y" * 200000
        edits = self.bodies([data])
        self.assertEqual(data, b"".join(edit[5:] for edit in edits))
        self.assertLessEqual(max(len(edit) for edit in edits), 65535 + 5)


class NextMessage(ManagerCase):
    """Section 17 row 12: nothing of one message is left for the next, with or without ABORT."""

    def messages(self, script, firsts, **settings):
        """firsts: list of (commands, replies...) is the first message, then two ordinary ones."""
        for abort in (False, True):
            with self.subTest(abort=abort):
                self.fresh()
                self.child("a%d" % abort, script=dict(script), **settings)
                b = self.child("b%d" % abort)
                self.start()
                mta = self.session()
                firsts(mta)
                for _ in range(2):
                    if abort:
                        mta.send(wire.ABORT)
                    mta.message(headers=(("Own", "2"),), chunks=(b"own\r\n",))
                mta.quit()
                b.session().wait_closed()
                ends = b.session().letters()
                self.assertTrue(ends.endswith("MRTLNBEMRTLNBEQ"), ends)
                self.assertTrue(b.session().body().endswith(b"own\r\nown\r\n"))

    def test_refusals_at_the_end(self):
        for reply in (wire.REJECT, wire.TEMPFAIL, wire.DISCARD, wire.reply_code("550 5.0.0 x")):
            self.messages({"E": Turns(reply)}, lambda mta, reply=reply: mta.message(verdict=reply))

    def test_refusals_in_the_content(self):
        def refused_header(mta):
            mta.envelope()
            mta.command(wire.header("A", "b"), wire.REJECT)

        def refused_body(mta):
            mta.envelope()
            mta.command(wire.EOH)
            mta.command(wire.body("x"), wire.TEMPFAIL)
        self.messages({"L": Turns(wire.REJECT)}, refused_header)
        self.messages({"B": Turns(wire.TEMPFAIL)}, refused_body)

    def test_all_edits(self):
        self.messages({"E": Turns([*EDITS, wire.CONTINUE])}, lambda mta: mta.message(edits=EDITS))

    def test_accept_everywhere(self):
        for stage in "LNBE":
            self.messages({stage: Turns(wire.ACCEPT)}, lambda mta: mta.message())

    def test_skip(self):
        self.messages({"B": Turns(wire.SKIPPED)}, lambda mta: mta.message(chunks=(b"1", b"2")),
                      steps=wire.SKIP)

    def test_refused_recipients(self):
        def first(mta):
            mta.command(wire.mail())
            mta.command(wire.rcpt(), wire.REJECT)
            mta.send(wire.ABORT)
        self.messages({"R": Turns(wire.REJECT)}, first)

    def test_abort_in_the_content(self):
        def first(mta):
            mta.envelope()
            mta.content(headers=(("Old", "1"),), chunks=(b"old\r\n",))
            mta.send(wire.ABORT)
        self.messages({}, first)

    def test_mail_after_a_message_cut_by_mail(self):
        # Not even an ABORT in front of the next MAIL.
        child = self.child("a", script={"M": Turns(wire.REJECT, wire.TEMPFAIL)})
        mta = self.session()
        mta.command(wire.mail(), wire.REJECT)
        mta.command(wire.mail(), wire.TEMPFAIL)
        mta.message()
        mta.quit()
        child.expect_letters("OCHMMMRTLLNBEQ")

    def test_many_messages(self):
        self.child("a", script={"E": [wire.add_header("X-A", "1"), wire.CONTINUE]})
        self.child("b", script={"E": [wire.replace_body("b"), wire.ACCEPT]})
        mta = self.session()
        started = time.monotonic()
        for _ in range(200):
            mta.message(edits=[wire.add_header("X-A", "1"), wire.replace_body("b")])
        mta.quit()
        self.assert_within(0, 10, started, "200 messages")


class Misplaced(ManagerCase):
    """An edit outside E, or one that cannot be read, is a protocol error of that child."""

    def wrong(self, stage, answer):
        with self.subTest(stage=stage, answer=wire.show(answer)):
            self.fresh()
            self.child("wrong", script={stage: [answer, wire.CONTINUE]}, fallback_status="accept")
            fine = self.child("fine", script={"E": [wire.add_header("X", "1"), wire.CONTINUE]})
            self.start()
            mta = self.session()
            mta.message(edits=[wire.add_header("X", "1")])
            mta.quit()
            fine.expect_letters("OCHMRTLLNBEQ")
            self.children["wrong"].session().wait_closed()
            self.manager.wait_log(r"\bwrong\b")

    def test_header_outside(self):
        for stage in "MRTLNB":
            self.wrong(stage, wire.add_header("A", "b"))

    def test_others_outside(self):
        for answer in (wire.add_rcpt("<x>"), wire.replace_body("x"), wire.quarantine("q"),
                       wire.change_from("<x>"), wire.delete_rcpt("<x>")):
            self.wrong("M", answer)

    def test_malformed(self):
        for answer in (wire.packet("h"), wire.packet("h", b"name"), wire.packet("h", b"name\0value"),
                       wire.packet("i", b"\0\0"), wire.packet("m", b"\0\0\0\1name\0"),
                       wire.packet("+"), wire.packet("-", b"no nul"), wire.packet("q", b"no nul"),
                       wire.packet("e")):
            self.wrong("E", answer)

    def test_progress_is_tolerated_anywhere(self):
        child = self.child("a", script={stage: [wire.PROGRESS, wire.CONTINUE] for stage in "MRTLNB"})
        mta = self.session()
        mta.envelope(data=False)
        mta.send(wire.DATA)
        came = [mta.receive().wire]
        if came[0] == wire.PROGRESS:
            came.append(mta.receive().wire)
        self.assertEqual(wire.CONTINUE, came[-1])
        mta.quit()
        child.session().wait_closed()



if __name__ == "__main__":
    unittest.main()
