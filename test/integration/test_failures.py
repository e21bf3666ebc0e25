"""Children that fail: only their own fallback, at that point, nothing else (manager-semantics 7,
17 rows 7 and 10, 18; field-notes 1).  test/run: first"""

import time
import unittest

import wire
from case import ManagerCase
from fake_child import CLOSE, DIE, RESET, SILENCE, STUCK, Turns

FALLBACKS = (("accept", wire.CONTINUE), ("reject", wire.REJECT),
             ("temporary-failure", wire.TEMPFAIL), ("discard", wire.DISCARD))
STAGES = "CHMRTLNBE"
SAYS = {"C": wire.connect(), "H": wire.helo(), "M": wire.mail(), "R": wire.rcpt(), "T": wire.DATA,
        "L": wire.header("From", "a@example.org"), "N": wire.EOH, "B": wire.body("Hi\r\n"),
        "E": wire.EOM}
MARK = wire.add_header("X-Other", "was here")


class Stages(ManagerCase):
    """A child fails in every way at every stage with every fallback; a healthy one stands beside
    it, before or after it in the order."""

    def walk(self, fallback, reply, how, order, **settings):
        """One manager, one MTA session for each stage."""
        self.fresh()
        for name in order:
            if name == "bad":
                bad = self.child("bad", fallback_status=fallback, **settings)
            else:
                good = self.child("good", script={"E": [MARK, wire.CONTINUE]})
        self.start()
        for number, stage in enumerate(STAGES):
            bad.script = {stage: how, "E": wire.CONTINUE}
            if stage == "E":
                bad.script["E"] = how
            with self.subTest(fallback=fallback, stage=stage, order=order):
                self.one_session(stage, reply)
                good_session = good.session(number)
                good_session.wait_closed()
                if reply == wire.CONTINUE:
                    good_session.expect_letters("OCHMRTLNBEQ")

    def one_session(self, stage, reply):
        """The MTA's half: each command with the answer due, up to the final one."""
        # Where the child is not the first its turn in the content comes with E.
        content = "LNBE"
        late = stage in content and self.defined[0].startswith('define_milter("good")')
        mta = self.negotiated()
        try:
            for letter in STAGES:
                decisive = letter == ("E" if late else stage)
                if letter == "E":
                    if reply == wire.CONTINUE:
                        mta.expect_end([MARK])
                    else:
                        mta.expect_end([], reply)
                    break
                mta.command(SAYS[letter], reply if decisive else wire.CONTINUE)
                if decisive and reply != wire.CONTINUE:
                    break
            mta.quit()
        finally:
            mta.close()

    def test_close(self):
        for fallback, reply in FALLBACKS:
            self.walk(fallback, reply, CLOSE, ("bad", "good"))

    def test_close_as_second(self):
        for fallback, reply in FALLBACKS:
            self.walk(fallback, reply, CLOSE, ("good", "bad"))

    def test_reset(self):
        for fallback, reply in FALLBACKS[:2]:
            self.walk(fallback, reply, RESET, ("bad", "good"), tcp=True)

    def test_timeout(self):
        for fallback, reply in FALLBACKS[:2]:
            self.walk(fallback, reply, SILENCE, ("bad", "good"), reading_timeout=0.25,
                      end_of_message_timeout=0.25)

    def test_timeout_as_second(self):
        self.walk("temporary-failure", wire.TEMPFAIL, SILENCE, ("good", "bad"), reading_timeout=0.25,
                  end_of_message_timeout=0.25)

    def test_unknown_letter(self):
        for fallback, reply in FALLBACKS[:2]:
            self.walk(fallback, reply, wire.packet("Z", b"?"), ("bad", "good"))

    def test_zero_length(self):
        self.walk("reject", wire.REJECT, b"\0\0\0\0", ("bad", "good"))

    def test_huge_length(self):
        self.walk("accept", wire.CONTINUE, b"\xff\xff\xff\xffc", ("bad", "good"))
        self.walk("reject", wire.REJECT, b"\x0b\xeb\xc2\x00c", ("bad", "good"))

    def test_half_a_packet_and_close(self):
        self.walk("temporary-failure", wire.TEMPFAIL, [b"\0\0\0\5yab", CLOSE], ("bad", "good"))

    def test_half_a_packet_and_silence(self):
        self.walk("accept", wire.CONTINUE, b"\0\0\0\5yab", ("bad", "good"), reading_timeout=0.25,
                  end_of_message_timeout=0.25)

    def test_connection_failure_reply(self):
        # Section 17 row 7: `f` is an error of the child.
        self.walk("reject", wire.REJECT, wire.CONN_FAIL, ("bad", "good"))
        self.walk("accept", wire.CONTINUE, wire.CONN_FAIL, ("bad", "good"))

    def test_text_of_another_server(self):
        self.walk("accept", wire.CONTINUE, b"HTTP/1.1 400 Bad Request\r\n\r\n", ("bad", "good"))

    def test_negotiation_in_the_middle(self):
        self.walk("reject", wire.REJECT, wire.negotiate(6, 0, 0), ("bad", "good"))


class Shutdown(ManagerCase):
    """`4`: a temporary failure with 421 to the MTA (or `4` itself)."""

    def test_every_stage(self):
        for stage in STAGES:
            with self.subTest(stage=stage):
                self.fresh()
                self.child("bad" + stage, script={stage: wire.SHUTDOWN})
                self.child("good" + stage)
                self.start()
                mta = self.negotiated()
                for letter in STAGES:
                    mta.send(SAYS[letter])
                    if letter != stage:
                        mta.expect(wire.CONTINUE)
                        continue
                    came = mta.receive()
                    self.assertTrue(came is not None and (
                        came.wire == wire.SHUTDOWN
                        or came.letter == "y" and came.payload.startswith(b"421")), came)
                    break
                mta.expect_nothing(0.05)
                mta.quit()


class EachByte(ManagerCase):
    """The connection of a child breaks after each byte of its last answer."""

    def test_of_the_answer_to_the_end(self):
        answer = (wire.add_header("X-Bad", "1") + wire.replace_body("bad") + wire.add_rcpt("<bad@x>")
                  + wire.quarantine("bad") + wire.CONTINUE)
        bad = self.child("bad")
        good = self.child("good", script={"E": [MARK, wire.CONTINUE]})
        self.start()
        for length in range(len(answer)):
            self.transcript.lines.clear()
            bad.script["E"] = [answer[:length], CLOSE]
            mta = self.session("after %d bytes" % length)
            mta.message(edits=[MARK])
            mta.quit()
            good.session(length).wait_closed()
            self.assertEqual(b"Hi\r\n", good.session(length).body())


class Idle(ManagerCase):
    """A child that dies while it owes nothing: its fallback at the next command it would have got."""

    def killed_after(self, stage, fallback, reply, order=("bad", "good")):
        self.fresh()
        for name in order:
            self.child(name, fallback_status=fallback if name == "bad" else "accept",
                       script={"E": [MARK, wire.CONTINUE]} if name == "good" else None)
        bad, good = self.children["bad"], self.children["good"]
        self.start()
        mta = self.negotiated()
        at = STAGES.index(stage)
        for letter in STAGES[:at + 1]:
            mta.command(SAYS[letter])
        bad.kill()
        time.sleep(0.05)
        mta.expect_nothing(0.02)
        for letter in STAGES[at + 1:]:
            # The one whose turn has not come gets its next command in the replay, with E.
            late = order[0] == "good" and letter in "LNB" and stage in "TLNB"
            if letter == "E":
                if reply == wire.CONTINUE:
                    mta.expect_end([MARK])
                else:
                    mta.expect_end([], reply)
            elif reply == wire.CONTINUE or late:
                mta.command(SAYS[letter])
            else:
                mta.command(SAYS[letter], reply)
                break
        mta.quit()
        good.session().wait_closed()
        if reply == wire.CONTINUE:
            good.expect_letters("OCHMRTLNBEQ")

    def test_an_unknown_command_does_not_use_up_the_fallback(self):
        # Any SMTP client can send one: the mail behind it would pass unfiltered.
        self.child("bad", fallback_status="temporary-failure")
        self.child("good")
        self.start()
        mta = self.session()
        self.children["bad"].kill()
        time.sleep(0.05)
        mta.command(wire.unknown("FOO"))
        mta.command(SAYS["M"], wire.TEMPFAIL)
        mta.quit()

    def test_first_child(self):
        for stage in STAGES[:-1]:
            for fallback, reply in FALLBACKS:
                with self.subTest(after=stage, fallback=fallback):
                    self.killed_after(stage, fallback, reply)

    def test_second_child(self):
        for stage in "HRTLB":
            for fallback, reply in FALLBACKS[:3]:
                with self.subTest(after=stage, fallback=fallback):
                    self.killed_after(stage, fallback, reply, ("good", "bad"))

    def test_between_two_messages(self):
        for fallback, reply in FALLBACKS:
            with self.subTest(fallback=fallback):
                self.fresh()
                bad = self.child("bad", fallback_status=fallback)
                good = self.child("good")
                self.start()
                mta = self.session()
                mta.message()
                bad.session(0).end()
                time.sleep(0.05)
                mta.command(wire.mail(), reply)
                mta.send(wire.ABORT)
                mta.quit()
                self.assertIn("LLNBE", good.session(0).letters())
                # A new session has the child again.
                self.assert_healthy()
                bad.expect_letters("OCHMRTLLNBEQ", 1)

    def test_the_fallback_counts_once(self):
        bad = self.child("bad", fallback_status="temporary-failure")
        self.child("good")
        mta = self.session()
        mta.message()
        bad.session(0).end()
        time.sleep(0.05)
        mta.command(wire.mail(), wire.TEMPFAIL)
        mta.message()  # it is out now; the other one decides
        mta.quit()

    def test_closing_after_accept_is_no_error(self):
        for stage in "CHMRTLNBE":
            with self.subTest(stage=stage):
                self.fresh()
                self.child("leaving", script={stage: [wire.ACCEPT, CLOSE]}, fallback_status="reject")
                good = self.child("good", script={"E": [MARK, wire.CONTINUE]})
                self.start()
                mta = self.negotiated()
                mta.commands(wire.connect(), wire.helo())
                mta.envelope()
                mta.content()
                mta.expect_end([MARK])
                mta.quit()
                good.expect_letters("OCHMRTLLNBEQ")

    def test_closing_after_reject_at_connect_is_no_error(self):
        self.child("leaving", script={"C": [wire.REJECT, CLOSE]})
        self.child("good")
        mta = self.negotiated()
        mta.command(wire.connect(), wire.REJECT)
        mta.expect_nothing(0.05)
        mta.quit()

    def test_failure_at_unknown_command_has_no_effect(self):
        self.child("bad", script={"U": CLOSE}, fallback_status="reject")
        self.child("good", script={"E": [MARK, wire.CONTINUE]})
        mta = self.session()
        mta.command(wire.unknown())
        mta.quit()

    def test_not_closing_after_quit(self):
        # A child that ignores QUIT keeps neither the MTA nor a descriptor of ours.
        child = self.child("deaf", script={"Q": SILENCE}, reading_timeout=0.5)
        self.start()
        before = self.manager.files_at_rest()
        for _ in range(5):
            mta = self.session()
            mta.quit()
        for number in range(5):
            child.session(number).wait_closed(3.0)
        self.assert_no_more_files(before)


class Surplus(ManagerCase):
    """Replies nobody owes: a protocol error of that child (section 18)."""

    def test_two_replies_for_one_command(self):
        self.child("bad", script={"H": wire.CONTINUE + wire.REJECT}, fallback_status="temporary-failure")
        self.child("good", script={"H": [0.1, wire.CONTINUE]})
        mta = self.session()
        self.children["bad"].session().wait_closed()
        mta.command(wire.mail(), wire.TEMPFAIL)
        mta.quit()

    def test_reply_out_of_nowhere(self):
        bad = self.child("bad", fallback_status="reject")
        self.child("good")
        mta = self.session()
        bad.session().send(wire.CONTINUE)
        bad.session().wait_closed()
        mta.expect_nothing(0.05)
        mta.command(wire.mail(), wire.REJECT)
        mta.quit()

    def test_surplus_after_the_final_reply(self):
        self.child("bad", script={"E": [wire.CONTINUE, wire.REJECT]})
        self.child("good", script={"E": [MARK, wire.CONTINUE]})
        mta = self.session()
        mta.envelope()
        mta.content()
        mta.expect_end([MARK])
        mta.expect_nothing(0.05)
        mta.quit()

    def test_reply_although_none_was_due(self):
        bad = self.child("bad", steps=wire.NR_HELO, script={"H": wire.CONTINUE},
                         fallback_status="temporary-failure")
        self.child("good")
        mta = self.session()
        bad.session().wait_closed()
        mta.command(wire.mail(), wire.TEMPFAIL)
        mta.quit()

    def test_answers_to_macros_and_abort(self):
        for letter in "DA":
            with self.subTest(letter=letter):
                self.fresh()
                bad = self.child("bad", script={letter: wire.CONTINUE})
                good = self.child("good")
                self.start()
                mta = self.session()
                mta.command(wire.mail())
                mta.send(wire.ABORT)
                mta.send(wire.macros("M", "i", "1"))
                mta.command(wire.mail())
                bad.session().wait_closed()
                mta.expect_nothing(0.05)
                mta.command(wire.rcpt())
                mta.quit()
                good.expect_letters("OCHMAMRAQ")


class Timeouts(ManagerCase):
    def test_reading_timeout_is_kept(self):
        self.child("slow", script={"M": SILENCE}, reading_timeout=0.6, fallback_status="temporary-failure")
        mta = self.session()
        started = time.monotonic()
        mta.command(wire.mail(), wire.TEMPFAIL)
        self.assert_within(0.55, 1.2, started, "the answer to MAIL")
        mta.quit()
        self.manager.wait_log(r"(?i)(timeout|timed out).*slow")

    def test_slow_but_in_time(self):
        self.child("slow", script={stage: [0.2, wire.CONTINUE] for stage in STAGES}, reading_timeout=0.5)
        mta = self.session()
        mta.message()
        mta.quit()
        self.children["slow"].expect_letters("OCHMRTLLNBEQ")

    def test_a_trickled_reply_counts_from_the_command(self):
        # One byte now and then must not keep the reading timer alive for ever.
        self.child("drip", script={"M": [part for byte in wire.reply_code("550 5.7.1 " + "x" * 40)
                                         for part in (bytes([byte]), 0.2)]},
                   reading_timeout=0.6, fallback_status="reject")
        mta = self.session()
        started = time.monotonic()
        mta.command(wire.mail(), wire.REJECT)
        self.assert_within(0.3, 2.0, started, "the answer to MAIL")
        mta.quit()

    def test_end_of_message_timeout(self):
        self.child("slow", script={"E": SILENCE}, reading_timeout=0.3, end_of_message_timeout=0.9,
                   fallback_status="reject")
        mta = self.session()
        mta.envelope()
        mta.content()
        started = time.monotonic()
        mta.expect_end(verdict=wire.REJECT)
        self.assert_within(0.8, 1.6, started, "the answer to E")
        mta.quit()

    def test_end_of_message_may_take_longer_than_reading_timeout(self):
        self.child("slow", script={"E": [0.8, MARK, 0.4, wire.CONTINUE]}, reading_timeout=0.3,
                   end_of_message_timeout=3.0)
        mta = self.session()
        mta.message(edits=[MARK])
        mta.quit()

    def test_edits_do_not_restart_the_end_of_message_timer(self):
        # Section 7: counted from E or the last PROGRESS.
        self.child("endless", script={"E": [*([MARK, 0.2] * 20), wire.CONTINUE]}, reading_timeout=0.5,
                   end_of_message_timeout=0.7, fallback_status="reject")
        mta = self.session()
        mta.envelope()
        mta.content()
        started = time.monotonic()
        mta.expect_end(verdict=wire.REJECT)
        self.assert_within(0.6, 1.4, started, "the answer to E")
        mta.quit()

    def test_silence_at_an_unknown_command_has_no_effect(self):
        self.child("silent", script={"U": SILENCE}, reading_timeout=0.4, fallback_status="reject")
        self.child("good", script={"U": wire.reply_code("502 5.5.2 what?"), "E": [MARK, wire.CONTINUE]})
        mta = self.session()
        started = time.monotonic()
        mta.command(wire.unknown(), wire.reply_code("502 5.5.2 what?"))
        self.assert_within(0.3, 1.2, started, "the answer to the unknown command")
        mta.quit()

    def test_writing_timeout(self):
        # The child reads nothing any more; without replies due, only the writes can fail.
        self.child("stuck", steps=wire.NR_BODY | wire.NR_EOH | wire.NR_HEADER, script={"N": STUCK},
                   writing_timeout=0.5, reading_timeout=30.0, fallback_status="temporary-failure")
        mta = self.session()
        mta.envelope()
        mta.command(wire.EOH)
        started = time.monotonic()
        for _ in range(100):
            mta.send(wire.body(b"x" * 65535))
            if mta.expect_any(wire.CONTINUE, wire.TEMPFAIL) == wire.TEMPFAIL:
                break
        else:
            mta.expect_end(verdict=wire.TEMPFAIL)
        self.assert_within(0.3, 3.0, started, "the body")
        mta.quit()

    def test_connection_timeout(self):
        # A full accept queue: the connection attempt gets no answer at all.
        import socket
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
            self.addCleanup(filler.close)
        time.sleep(0.05)
        self.define("full", "inet:%d@127.0.0.1" % listener.getsockname()[1], connection_timeout=0.6,
                    fallback_status="temporary-failure")
        self.child("good")
        self.start()
        started = time.monotonic()
        mta = self.negotiated()
        mta.command(wire.connect(), wire.TEMPFAIL)
        self.assert_within(0.5, 1.6, started, "negotiation and CONNECT")
        mta.quit()
        self.manager.wait_log(r"(?i)(timeout|timed out).*full")

    def test_several_children_time_out_at_the_same_time(self):
        for name in "abc":
            self.child(name, script={"M": SILENCE}, reading_timeout=0.5, fallback_status="accept")
        good = self.child("good")
        mta = self.session()
        started = time.monotonic()
        mta.message()
        self.assert_within(0.4, 1.2, started, "a message with three silent children")
        mta.quit()
        good.expect_letters("OCHMRTLLNBEQ")

    def test_content_timeouts_go_on_with_the_rest(self):
        # Section 17 row 10: the others see the whole message, edits before it are kept.
        self.child("first", script={"E": [wire.add_header("X-First", "1"), wire.CONTINUE]})
        self.child("hangs", script={"N": SILENCE}, reading_timeout=0.4)
        last = self.child("last", script={"E": [wire.add_header("X-Last", "1"), wire.CONTINUE]})
        mta = self.session()
        mta.message(edits=[wire.add_header("X-First", "1"), wire.add_header("X-Last", "1")])
        mta.quit()
        last.expect_letters("OCHMRTLLLNBEQ")


class Everybody(ManagerCase):
    """All children fail with fallback accept: manager.fallback_status answers (section 18)."""

    def test_at_each_stage(self):
        for stage in "CHMRTLNBE":
            with self.subTest(stage=stage):
                self.fresh()
                for name in "ab":
                    self.child(name, script={stage: CLOSE})
                self.start('manager.fallback_status = "temporary-failure"')
                mta = self.negotiated()
                for letter in STAGES[:STAGES.index(stage)]:
                    mta.command(SAYS[letter])
                # In the content the second child fails when its turn comes.
                mta.command(SAYS[stage], wire.TEMPFAIL)
                mta.expect_nothing(0.05)
                mta.quit()

    def test_default_is_accept(self):
        self.child("a", script={"M": CLOSE})
        mta = self.session()
        mta.command(wire.mail(), wire.ACCEPT)
        mta.quit()

    def test_one_failed_and_one_accepted(self):
        # Not every child is out by failure: accept, by decision.
        self.child("a", script={"M": CLOSE})
        self.child("b", script={"M": wire.ACCEPT})
        self.start('manager.fallback_status = "temporary-failure"')
        mta = self.session()
        mta.command(wire.mail(), wire.ACCEPT)
        mta.quit()

    def test_the_next_session_is_fine(self):
        child = self.child("a", script={"M": DIE}, fallback_status="temporary-failure")
        mta = self.session()
        mta.command(wire.mail(), wire.TEMPFAIL)
        mta.quit()
        child.thread.join()
        self.child("a", define=False)
        self.assert_healthy()


class Log(ManagerCase):
    def test_failures_name_child_and_reason(self):
        for name, script in (("closes", CLOSE), ("garbage", wire.packet("Z")), ("silent", SILENCE),
                             ("turns", Turns(b"\xff\xff\xff\xff"))):
            self.child(name, script={"M": script}, reading_timeout=0.3)
        self.absent("absent")
        mta = self.session()
        mta.command(wire.mail(), wire.ACCEPT)
        mta.quit()
        for name in ("closes", "garbage", "silent", "turns", "absent"):
            lines = [line for line in self.manager.wait_log(r"\b%s\b" % name)
                     if "[milter][end]" not in line]
            self.assertTrue(lines, "nothing but statistics about %s in\n%s" % (name, self.manager.log()))


    def test_form_of_the_lines(self):
        # Tools section 4.2.
        self.child("closes", script={"M": CLOSE}, fallback_status="reject")
        self.child("silent", script={"M": SILENCE}, fallback_status="temporary-failure", reading_timeout=0.3)
        mta = self.session()
        mta.command(wire.mail(), wire.REJECT)
        mta.quit()
        self.manager.wait_log(r"\]: \[children\]\[error\]\[envelope-from\]\[reject\] \[\d+\] .*: closes$")
        self.manager.wait_log(r"\]: \[children\]\[timeout\]\[reading\].* \[\d+\] .*: silent$")


if __name__ == "__main__":
    unittest.main()
