"""CONNECT to DATA: fan-out, aggregation, scopes (manager-semantics 3, 5, 8, 11, 17, 18)."""

import itertools
import unittest

import wire
from case import ManagerCase
from fake_child import Turns

Y4 = wire.reply_code("451 4.7.1 come back to %%s later")
Y5 = wire.reply_code("550-5.7.1 not\r\n550 5.7.1 here")
Y4B = wire.reply_code("450 without enhanced code")
Y5B = wire.reply_code("554 ")
ANSWERS = {"c": wire.CONTINUE, "a": wire.ACCEPT, "r": wire.REJECT, "t": wire.TEMPFAIL,
           "d": wire.DISCARD, "4": Y4, "5": Y5, "6": Y4B, "7": Y5B}
STRENGTH = {"d": 5, "r": 4, "5": 4, "7": 4, "t": 3, "4": 3, "6": 3, "c": 2, "a": 1}


def winner(answers):
    """Section 5.1: the strongest; the first in configuration order among equals."""
    return max(answers, key=lambda answer: STRENGTH[answer])


class Aggregation(ManagerCase):
    """Sections 5.1 to 5.3: every pair of answers at every concurrent stage.

    The children read their answer out of the command itself (or, at DATA, out of the sender):
    its first word has one letter per child.
    """

    def children_answering(self, stage, count=2):
        def script(index):
            def answer(packet):
                return ANSWERS[packet.fields()[0].decode().strip("<>")[index]]

            def answer_data(_packet):
                session = self.children["abc"[index]].session()
                return ANSWERS[session.of("M")[-1].fields()[0].decode().strip("<>")[index]]
            return {stage: answer_data if stage == "T" else answer}
        for index in range(count):
            self.child("abc"[index], script=script(index))

    def pairs(self, allowed="cartd4567"):
        return itertools.product(allowed, repeat=2)

    def check(self, mta, command, pair):
        expected = winner(pair)
        with self.subTest(a=pair[0], b=pair[1]):
            mta.command(command, ANSWERS[expected])

    def test_connect(self):
        self.children_answering("C")
        for pair in self.pairs():
            mta = self.negotiated()
            self.check(mta, wire.connect("".join(pair)), pair)
            mta.quit()

    def test_helo(self):
        self.children_answering("H")
        for pair in self.pairs():
            mta = self.negotiated()
            mta.command(wire.connect())
            self.check(mta, wire.helo("".join(pair)), pair)
            mta.quit()

    def test_mail(self):
        self.children_answering("M")
        mta = self.session()
        for pair in self.pairs():
            self.check(mta, wire.mail("<%s%s>" % pair), pair)
            mta.send(wire.ABORT)
        mta.quit()

    def test_rcpt(self):
        self.children_answering("R")
        mta = self.session()
        for pair in self.pairs():
            mta.command(wire.mail())
            self.check(mta, wire.rcpt("<%s%s>" % pair), pair)
            mta.send(wire.ABORT)
        mta.quit()

    def test_data(self):
        self.children_answering("T")
        mta = self.session()
        for pair in self.pairs():
            mta.commands(wire.mail("<%s%s>" % pair), wire.rcpt())
            self.check(mta, wire.DATA, pair)
            mta.send(wire.ABORT)
        mta.quit()

    def test_unknown(self):
        # Section 17 row 6: aggregated like CONNECT, but the children stay.
        self.children_answering("U")
        mta = self.session()
        pairs = list(self.pairs("crt4567"))
        for pair in pairs:
            self.check(mta, wire.unknown("".join(pair)), pair)
        mta.message()
        mta.quit()
        self.children["a"].expect_letters("OCH" + "U" * len(pairs) + "MRTLLNBEQ")
        self.children["b"].expect_letters("OCH" + "U" * len(pairs) + "MRTLLNBEQ")

    def test_three_children_order_decides_not_time(self):
        # The first in configuration order wins although it answers last (section 17 row 8).
        texts = [wire.reply_code("55%d 5.0.0 child %d" % (n, n)) for n in range(3)]
        self.child("a", script={"M": [0.2, texts[0]]})
        self.child("b", script={"M": [0.1, texts[1]]})
        self.child("c", script={"M": texts[2]})
        mta = self.session()
        mta.command(wire.mail(), texts[0])
        mta.quit()

    def test_bare_reject_before_a_text(self):
        self.child("a", script={"M": Turns(wire.REJECT, wire.TEMPFAIL)})
        self.child("b", script={"M": Turns(Y5, Y4)})
        mta = self.session()
        mta.command(wire.mail(), wire.REJECT)
        mta.command(wire.mail(), wire.TEMPFAIL)
        mta.quit()

    def test_commands_reach_all_children_at_the_same_time(self):
        for name in "abc":
            self.child(name, script={"M": [0.3, wire.CONTINUE]})
        mta = self.session()
        mta.command(wire.mail())
        self.assertLess(mta.last_wait, 0.6)
        mta.quit()


class ReplyTexts(ManagerCase):
    """Sections 5.3 and 17 row 8: raw bytes of the deciding child, for that command only."""

    def test_bytes_are_untouched(self):
        texts = (b"550 5.7.1 no", b"550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c", b"550 100%% of %s",
                 b"450 4.2.0 x", b"554 ", b"421 4.3.2 closing", b"550 4.7.1 other class",
                 b"550 5.7.1 gr\xc3\xbc\xc3\x9f \xff", b"550 nothing but words here",
                 b"550 5.7.1 " + b"x" * 900)
        # The number of the text is the local part of the command's address.
        def answer(packet):
            number = packet.fields()[0].decode().strip("<>")
            return wire.reply_code(texts[int(number)]) if number.isdigit() else wire.CONTINUE
        self.child("plain")
        self.child("texts", script={"M": answer, "R": answer})
        mta = self.session()
        for number, text in enumerate(texts):
            mta.command(wire.mail("<%d>" % number), wire.reply_code(text))
        mta.command(wire.mail("<from>"))
        for number, text in enumerate(texts):
            mta.command(wire.rcpt("<%d>" % number), wire.reply_code(text))
        mta.quit()

    def test_a_text_is_not_repeated_later(self):
        self.child("a", script={"M": Turns(Y5, wire.REJECT, Y4, wire.TEMPFAIL),
                                "R": Turns(Y4, wire.TEMPFAIL, Y5, wire.REJECT),
                                "E": Turns(Y5, wire.REJECT, wire.CONTINUE)})
        mta = self.session()
        for reply in (Y5, wire.REJECT, Y4, wire.TEMPFAIL):
            mta.command(wire.mail(), reply)
        mta.command(wire.mail())
        for reply in (Y4, wire.TEMPFAIL, Y5, wire.REJECT):
            mta.command(wire.rcpt(), reply)
        mta.send(wire.ABORT)
        mta.message(verdict=Y5)
        mta.message(verdict=wire.REJECT)
        mta.message()
        mta.quit()

    def test_a_weaker_text_does_not_stick(self):
        self.child("a", script={"M": Y4})
        self.child("b", script={"M": Turns(Y5, wire.REJECT)})
        mta = self.session()
        mta.command(wire.mail(), Y5)
        mta.command(wire.mail(), wire.REJECT)
        mta.quit()

    def test_malformed_texts_cost_only_that_child(self):
        bad = (wire.packet("y", b"550 no NUL at the end"), wire.packet("y"), wire.packet("y", b"\0"),
               wire.reply_code("abc 5.7.1 no"), wire.reply_code("250 2.0.0 ok"), wire.reply_code("55"))
        for number, answer in enumerate(bad):
            self.child("bad%d" % number, script={"M": answer})
        fine = self.child("fine")
        mta = self.session()
        mta.message()
        mta.quit()
        for number in range(len(bad)):
            # The manager may say goodbye to it but sends nothing else.
            self.assertEqual("OCHM", self.children["bad%d" % number].session().letters().rstrip("AQ"))
            self.manager.wait_log(r"\bbad%d\b" % number)
        fine.expect_letters("OCHMRTLLNBEQ")


class Scopes(ManagerCase):
    """Section 5.2: who is out of what, and for how long."""

    def test_accept_at_connect_is_for_the_session(self):
        a = self.child("a", script={"C": wire.ACCEPT})
        b = self.child("b")
        mta = self.session()
        mta.message()
        mta.quit()
        a.expect_letters("OCQ")
        b.expect_letters("OCHMRTLLNBEQ")

    def test_accept_at_helo_is_for_the_session(self):
        a = self.child("a", script={"H": wire.ACCEPT})
        b = self.child("b")
        mta = self.session()
        mta.message()
        mta.quit()
        a.expect_letters("OCHQ")
        b.expect_letters("OCHMRTLLNBEQ")

    def test_reject_at_connect_and_helo_ends_that_child(self):
        for stage in "CH":
            with self.subTest(stage=stage):
                self.fresh()
                a = self.child("a" + stage, script={stage: wire.REJECT})
                b = self.child("b" + stage)
                self.start()
                mta = self.negotiated()
                if stage == "C":
                    mta.command(wire.connect(), wire.REJECT)
                else:
                    mta.command(wire.connect())
                    mta.command(wire.helo(), wire.REJECT)
                mta.quit()
                a.expect_letters("OC%sQ" % ("" if stage == "C" else "H"))
                self.assertIn("C", b.session().letters())

    def test_discard_at_connect_is_an_error_of_that_child(self):
        a = self.child("a", script={"C": wire.DISCARD})
        self.child("b")
        mta = self.negotiated()
        mta.command(wire.connect(), wire.DISCARD)
        mta.quit()
        a.session().wait_closed()
        self.manager.wait_log(r"\ba\b")

    def test_accept_in_a_message_is_for_that_message(self):
        for stage in "MRT":
            self.child(stage, script={stage: Turns(wire.ACCEPT)})
        other = self.child("other")
        mta = self.session()
        mta.message()
        mta.message()
        mta.quit()
        for stage, first in (("M", "M"), ("R", "MR"), ("T", "MRT")):
            self.children[stage].expect_letters("OCH" + first + "MRTLLNBEQ")
        other.expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")

    def test_everybody_accepts(self):
        # Section 17 row 4: by decision, so the fallback has no say; one answer per command.
        for stage in "MRT":
            with self.subTest(stage=stage):
                self.fresh()
                for name in "ab":
                    self.child(name + stage, script={stage: Turns(wire.ACCEPT)})
                self.start('manager.fallback_status = "reject"')
                mta = self.session()
                accepted = False
                for command in (wire.mail(), wire.rcpt(), wire.DATA, wire.header("A", "1"),
                                wire.EOH, wire.body("x"), wire.EOM):
                    if accepted:
                        mta.send(command)
                        mta.expect_any(wire.CONTINUE, wire.ACCEPT)
                    else:
                        accepted = command[4:5] == stage.encode()
                        mta.command(command, wire.ACCEPT if accepted else wire.CONTINUE)
                mta.message()  # both are back
                mta.quit()

    def test_everybody_accepts_the_session(self):
        for name in "ab":
            self.child(name, script={"C": wire.ACCEPT})
        self.start('manager.fallback_status = "reject"')
        mta = self.negotiated()
        mta.command(wire.connect(), wire.ACCEPT)
        for command in (wire.helo(), wire.mail(), wire.rcpt(), wire.DATA, wire.EOH, wire.EOM,
                        wire.mail()):
            mta.send(command)
            mta.expect_any(wire.CONTINUE, wire.ACCEPT)
        mta.expect_nothing()
        mta.quit()

    def ends_the_message(self, stage, reply, expected_of_others):
        a = self.child("a", script={stage: Turns(reply)})
        b = self.child("b")
        mta = self.session()
        for command in (wire.mail(), wire.rcpt(), wire.DATA):
            last = command[4:5].decode() == stage
            mta.command(command, reply if last else wire.CONTINUE)
            if last:
                break
        mta.message()
        mta.quit()
        a.expect_letters("OCH" + "MRT"[:"MRT".index(stage) + 1] + "MRTLLNBEQ")
        b.expect_letters("OCH" + expected_of_others + "AMRTLLNBEQ")

    def test_reject_at_mail_aborts_the_others(self):
        self.ends_the_message("M", wire.REJECT, "M")

    def test_temporary_failure_at_mail_aborts_the_others(self):
        self.ends_the_message("M", wire.TEMPFAIL, "M")

    def test_reply_code_at_mail_aborts_the_others(self):
        self.ends_the_message("M", Y5, "M")

    def test_discard_at_mail_aborts_the_others(self):
        self.ends_the_message("M", wire.DISCARD, "M")

    def test_discard_at_rcpt_ends_the_message(self):
        self.ends_the_message("R", wire.DISCARD, "MR")

    def test_reject_at_data_aborts_the_others(self):
        self.ends_the_message("T", wire.REJECT, "MRT")

    def test_discard_at_data_aborts_the_others(self):
        self.ends_the_message("T", wire.DISCARD, "MRT")

    def test_refused_recipients_do_not_end_the_message(self):
        a = self.child("a", script={"R": Turns(wire.REJECT, wire.TEMPFAIL, Y5, Y4)})
        b = self.child("b")
        mta = self.session()
        mta.command(wire.mail())
        for number, reply in enumerate((wire.REJECT, wire.TEMPFAIL, Y5, Y4, wire.CONTINUE)):
            mta.command(wire.rcpt("<r%d@example.com>" % number), reply)
        mta.command(wire.DATA)
        mta.content()
        mta.expect_end()
        mta.quit()
        for child in (a, b):
            child.expect_letters("OCHMRRRRRTLLNBEQ")

    def test_a_child_that_refused_all_its_recipients_is_aborted_at_data(self):
        # Its refusals do not reach the MTA because it is only evaluated (section 5.4).
        a = self.child("a", script={"R": wire.REJECT}, evaluation_mode=True)
        b = self.child("b")
        mta = self.session()
        mta.message()
        mta.quit()
        a.expect_letters("OCHMRAQ")
        b.expect_letters("OCHMRTLLNBEQ")

    def test_the_same_without_a_data_command(self):
        a = self.child("a", script={"R": wire.REJECT}, evaluation_mode=True)
        b = self.child("b")
        mta = self.session(version=3, actions=0x3F, steps=0x17F)
        mta.commands(wire.mail(), wire.rcpt())
        mta.content()
        mta.expect_end()
        mta.quit()
        a.expect_letters("OCHMRAQ")
        b.expect_letters("OCHMRLLNBEQ")

    def test_mixed_verdicts_for_each_recipient_over_three_messages(self):
        def answers(which):
            return lambda packet: wire.REJECT if which in packet.fields()[0].decode() else wire.CONTINUE
        a = self.child("a", script={"R": answers("a")})
        b = self.child("b", script={"R": answers("b")})
        mta = self.session()
        for _ in range(3):
            mta.command(wire.mail())
            mta.command(wire.rcpt("<a@x>"), wire.REJECT)
            mta.command(wire.rcpt("<b@x>"), wire.REJECT)
            mta.command(wire.rcpt("<ok@x>"))
            mta.command(wire.DATA)
            mta.content()
            mta.expect_end()
        mta.quit()
        for child in (a, b):
            child.expect_letters("OCH" + "MRRRTLLNBE" * 3 + "Q")

    def test_evaluation_mode_counts_as_accept(self):
        for stage, reply in (("M", wire.REJECT), ("R", wire.TEMPFAIL), ("T", wire.DISCARD), ("E", Y5)):
            self.child(stage, script={stage: reply}, evaluation_mode=True)
        real = self.child("real")
        mta = self.session()
        mta.message()
        mta.quit()
        real.expect_letters("OCHMRTLLNBEQ")
        self.children["M"].expect_letters("OCHMQ")

    def test_evaluation_mode_at_connect(self):
        self.child("tried", script={"C": wire.REJECT}, evaluation_mode=True)
        real = self.child("real")
        mta = self.session()
        mta.message()
        mta.quit()
        real.expect_letters("OCHMRTLLNBEQ")


class Arguments(ManagerCase):
    """Section 17 row 16: byte for byte."""

    def test_everything_of_the_envelope(self):
        a = self.child("a")
        b = self.child("b")
        commands = [
            wire.connect("[IPv6:2001:db8::1]", "6", 50443, "IPv6:2001:db8::1"),
            wire.helo("[192.0.2.1]"),
            wire.mail("<kou@example.com>", "SIZE=1024", "BODY=8BITMIME", "SMTPUTF8", "ENVID=a+2Bb"),
            wire.rcpt("<to@example.com>", "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;a@b"),
            wire.rcpt(b"<gr\xc3\xbc\xc3\x9fe@example.com>"),
            wire.rcpt(b"<\xff\xfe@example.com>", "X="),
            wire.rcpt("no-brackets@example.com"),
            wire.rcpt('<"quoted blank"@example.com>'),
            wire.mail("<>"),
            wire.mail("<>", "BODY=7BIT", ""),
            wire.mail("<" + "x" * 5000 + "@example.com>"),
            wire.unknown("XYZZY  two  blanks\ttab"),
            wire.helo(""),
        ]
        mta = self.negotiated()
        for command in commands:
            if command[4:5] == b"M":
                mta.send(wire.ABORT)
            mta.command(command)
        mta.quit()
        for child in (a, b):
            child.session().wait_closed()
            child.session().expect_packets("CHMRU", commands)

    def test_connect_families(self):
        child = self.child("a")
        forms = [wire.connect("unknown", "U"), wire.connect("localhost", "L", 0, "/run/s"),
                 wire.connect("h", "4", 0, "127.0.0.1"), wire.connect("", "4", 1, "192.0.2.1"),
                 wire.connect("h", "6", 25, "2001:db8::1"), wire.connect("[h]", "6", 25, "ipv6:::1"),
                 wire.connect("h", "L", 0, "/" + "long" * 100)]
        for number, form in enumerate(forms):
            mta = self.negotiated()
            mta.command(form)
            mta.quit()
            child.session(number).wait_closed()
            child.session(number).expect_packets("C", [form])

    def test_trailing_bytes_are_no_error(self):
        self.child("a")
        mta = self.session()
        mta.envelope(data=False)
        mta.command(wire.packet("T", b"x"))
        mta.command(wire.header("A", "b"))
        mta.command(wire.packet("N", b"y"))
        mta.command(wire.body("z"))
        mta.expect_end()
        mta.send(wire.packet("A", b"x"))
        mta.message()
        mta.send(wire.packet("Q", b"x"))
        mta.expect_closed()


if __name__ == "__main__":
    unittest.main()
