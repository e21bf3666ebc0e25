"""Per child: protocol version, no-event and no-reply bits, RCPT_REJ; macros; order of
commands (manager-semantics 3, 8, 11, 17 rows 3 and 16, 18)."""

import unittest

import wire
from case import ManagerCase
from fake_child import Turns

WHOLE = "OCHUMRTLLNBEQ"


class Steps(ManagerCase):
    def whole_session(self, mta=None):
        mta = mta or self.negotiated()
        mta.open()
        mta.command(wire.unknown())
        mta.message()
        mta.expect_nothing(0.05)
        mta.quit()

    def test_versions(self):
        for version in (2, 3, 4, 5, 6):
            self.child("v%d" % version, version=version, actions=0x3F)
        self.whole_session()
        for version, missing in ((2, "UT"), (3, "T"), (4, ""), (5, ""), (6, "")):
            expected = "".join(letter for letter in WHOLE if letter not in missing)
            with self.subTest(version=version):
                self.children["v%d" % version].expect_letters(expected)

    def test_version_2_alone_is_answered_for(self):
        self.child("old", version=2, actions=0x3F)
        self.whole_session()

    def test_no_event_bits(self):
        for letter, bit in wire.NO_EVENT_BITS.items():
            self.child("no" + letter, steps=bit)
        self.child("nothing", steps=wire.NO_ANY)
        self.whole_session()
        for letter in wire.NO_EVENT_BITS:
            with self.subTest(suppressed=letter):
                self.children["no" + letter].expect_letters(WHOLE.replace(letter, ""))
        self.children["nothing"].expect_letters("OEQ")

    def test_no_event_bits_each_alone(self):
        # With nobody else to ask, the manager answers for the child.
        for letter, bit in wire.NO_EVENT_BITS.items():
            with self.subTest(suppressed=letter):
                self.fresh()
                child = self.child("no" + letter, steps=bit)
                self.start()
                self.whole_session()
                child.expect_letters(WHOLE.replace(letter, ""))

    def test_no_reply_bits(self):
        for letter, bit in wire.NO_REPLY_BITS.items():
            self.child("nr" + letter, steps=bit)
        self.child("nothing", steps=wire.NR_ANY)
        self.whole_session()
        for child in self.children.values():
            with self.subTest(child=child.name):
                child.expect_letters(WHOLE)

    def test_no_reply_bits_each_alone(self):
        for letter, bit in wire.NO_REPLY_BITS.items():
            with self.subTest(suppressed=letter):
                self.fresh()
                child = self.child("nr" + letter, steps=bit)
                self.start()
                self.whole_session()
                child.expect_letters(WHOLE)

    def test_both_bits_count_once(self):
        self.child("both", steps=wire.NO_ANY | wire.NR_ANY)
        self.child("twice", steps=wire.NO_ANY | wire.NR_ANY)
        slow = self.child("slow", script={"M": [0.2, wire.reply_code("550 5.0.0 late")]})
        mta = self.session()
        mta.command(wire.mail(), wire.reply_code("550 5.0.0 late"))
        mta.quit()
        slow.expect_letters("OCHMQ")

    def test_no_reply_for_a_command_another_child_refuses(self):
        self.child("quiet", steps=wire.NR_ANY)
        self.child("loud", script={"M": Turns(wire.REJECT), "R": Turns(wire.TEMPFAIL)})
        mta = self.session()
        mta.command(wire.mail(), wire.REJECT)
        mta.command(wire.mail())
        mta.command(wire.rcpt(), wire.TEMPFAIL)
        mta.command(wire.rcpt())
        mta.quit()

    def test_rejected_recipients_only_for_those_who_asked(self):
        wants = self.child("wants", steps=wire.RCPT_REJ)
        plain = self.child("plain")
        mta = self.session()
        self.assertTrue(mta.negotiation.steps & wire.RCPT_REJ)
        mta.command(wire.mail())
        mta.command(wire.rcpt("<good@example.com>"))
        mta.send(wire.macros("R", "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1",
                             "{rcpt_addr}", "User unknown"))
        mta.send(wire.rcpt("<bad@example.com>"))
        self.assertEqual(1, len(mta.receive().wire) - 4, "one bare reply is due")
        mta.send(wire.macros("R", "{rcpt_mailer}", "local", "{rcpt_host}", "h",
                             "{rcpt_addr}", "other@example.com"))
        mta.command(wire.rcpt("<other@example.com>"))
        mta.command(wire.DATA)
        mta.content()
        mta.expect_end()
        mta.quit()
        wants.expect_letters("OCHMRRRTLLNBEQ")
        plain.expect_letters("OCHMRRTLLNBEQ")
        plain.session().expect_packets("R", [wire.rcpt("<good@example.com>"),
                                             wire.rcpt("<other@example.com>")])
        sets = dict(wants.session().macro_sets())
        self.assertEqual("local", sets["R"]["rcpt_mailer"])


class Macros(ManagerCase):
    def sets(self, child, number=-1):
        session = child.session(number)
        session.wait_closed()
        return session.macro_sets()

    def test_every_stage_reaches_every_child_before_its_command(self):
        a = self.child("a")
        b = self.child("b")
        mta = self.negotiated()
        plan = [("C", wire.connect()), ("H", wire.helo()), ("M", wire.mail()), ("R", wire.rcpt()),
                ("T", wire.DATA), ("L", wire.header("A", "1")), ("N", wire.EOH),
                ("B", wire.body("x\r\n")), ("E", wire.EOM)]
        for stage, command in plan:
            mta.send(wire.macros(stage, "i", "queue-" + stage, "{long_name}", ""))
            mta.command(command)
        mta.quit()
        for child in (a, b):
            child.session().wait_closed()
            packets = child.session().packets
            for stage, _ in plan:
                place = next(n for n, one in enumerate(packets) if one.letter == stage)
                before = packets[place - 1]
                self.assertEqual("D", before.letter, "in front of %s to %s" % (stage, child.name))
                self.assertEqual((stage, {"i": "queue-" + stage, "long_name": ""}),
                                 wire.parse_macros(before.payload))

    def test_names_are_sorted_and_braced(self):
        child = self.child("a")
        mta = self.session()
        mta.send(wire.macros("M", "{mail_addr}", "x", "i", "1", "auth_type", "PLAIN"))
        mta.command(wire.mail())
        mta.quit()
        child.session().wait_closed()
        child.session().expect_packets("D", [
            wire.macros("M", "{auth_type}", "PLAIN", "i", "1", "{mail_addr}", "x")])

    def test_a_later_set_replaces_the_whole_earlier_one(self):
        child = self.child("a")
        mta = self.session()
        mta.send(wire.macros("M", "i", "1", "{auth_type}", "PLAIN"), wire.macros("M", "i", "2"))
        mta.command(wire.mail())
        mta.quit()
        self.assertEqual([("M", {"i": "2"})], self.sets(child))

    def test_letter_only_and_odd_packets_are_harmless(self):
        self.child("a")
        mta = self.negotiated()
        mta.send(wire.packet("D", b"C"))
        mta.command(wire.connect())
        mta.send(wire.packet("D", b"H"), wire.packet("D", b"Xi\x001\0"))
        mta.command(wire.helo())
        mta.send(wire.packet("D", b"U"))
        mta.command(wire.unknown())
        mta.send(wire.packet("D", b"Mi\0no value"), wire.packet("D", b"Mi\0"))
        mta.command(wire.mail())
        mta.send(wire.macros("L", "i", "1"), wire.macros("Z", "i", "1"))
        mta.command(wire.rcpt())
        mta.quit()

    def test_letter_only_packet_clears_the_stage(self):
        child = self.child("a")
        mta = self.session()
        mta.send(wire.macros("M", "i", "1"), wire.packet("D", b"M"))
        mta.command(wire.mail())
        mta.quit()
        self.assertEqual([], [one for one in self.sets(child) if one[1]])

    def test_sets_of_switched_off_commands_are_still_sent(self):
        child = self.child("a", steps=wire.NO_HELO | wire.NO_MAIL | wire.NO_RCPT)
        mta = self.negotiated()
        mta.command(wire.connect())
        for stage, command in (("H", wire.helo()), ("M", wire.mail()), ("R", wire.rcpt())):
            mta.send(wire.macros(stage, "{x}", stage))
            mta.command(command)
        mta.command(wire.DATA)
        mta.content()
        mta.expect_end()
        mta.quit()
        self.assertEqual([("H", {"x": "H"}), ("M", {"x": "M"}), ("R", {"x": "R"})], self.sets(child))

    def test_a_message_does_not_inherit_macros(self):
        child = self.child("a")
        mta = self.session()
        for stage, command in (("M", wire.mail()), ("R", wire.rcpt()), ("T", wire.DATA)):
            mta.send(wire.macros(stage, "i", "first"))
            mta.command(command)
        mta.content()
        mta.send(wire.macros("E", "i", "first"))
        mta.expect_end()
        mta.message()
        mta.quit()
        self.assertEqual(["M", "R", "T", "E"], [stage for stage, _ in self.sets(child)])

    def test_replay_repeats_the_last_sets(self):
        self.child("a")
        later = self.child("b")
        mta = self.session()
        mta.envelope()
        mta.send(wire.macros("L", "i", "header"))
        mta.command(wire.header("A", "1"))
        mta.send(wire.macros("N", "i", "eoh"))
        mta.command(wire.EOH)
        mta.send(wire.macros("B", "i", "body"))
        mta.command(wire.body("x\r\n"))
        mta.send(wire.macros("E", "i", "end"))
        mta.expect_end()
        mta.quit()
        self.assertEqual({"L": {"i": "header"}, "N": {"i": "eoh"}, "B": {"i": "body"},
                          "E": {"i": "end"}}, dict(self.sets(later)))

    def test_values_are_bytes(self):
        child = self.child("a")
        mta = self.session()
        mta.send(wire.macros("M", "{xy}", b"\xff\xfe%s\r\n"))
        mta.command(wire.mail())
        mta.quit()
        child.session().wait_closed()
        child.session().expect_packets("D", [wire.macros("M", "{xy}", b"\xff\xfe%s\r\n")])


class Order(ManagerCase):
    def test_helo_again(self):
        child = self.child("a")
        mta = self.session()
        mta.command(wire.helo("after.starttls"))
        mta.message()
        mta.command(wire.helo("third"))
        mta.message()
        mta.quit()
        child.expect_letters("OCHH" + "MRTLLNBE" + "H" + "MRTLLNBEQ")

    def test_helo_inside_a_message(self):
        # Postfix: the HELO first, then the ABORT; Sendmail the other way round.
        a = self.child("a")
        self.child("b")
        mta = self.session()
        mta.commands(wire.mail(), wire.rcpt(), wire.helo("again"))
        mta.send(wire.ABORT)
        mta.message()
        mta.commands(wire.mail(), wire.rcpt())
        mta.send(wire.ABORT)
        mta.command(wire.helo("again"))
        mta.message()
        mta.quit()
        a.session().wait_closed()
        self.assertEqual(3, len(a.session().of("H")))
        self.assertEqual(2, len(a.session().of("E")))

    def test_no_helo_at_all(self):
        child = self.child("a")
        mta = self.negotiated()
        mta.command(wire.connect())
        mta.message()
        mta.quit()
        child.expect_letters("OCMRTLLNBEQ")

    def new_session(self, between, verdict=wire.CONTINUE):
        """A second CONNECT on the MTA's connection: all children take part again."""
        a = self.child("a", script={"H": lambda packet: wire.ACCEPT
                                    if packet.fields()[0] == b"out" else wire.CONTINUE})
        b = self.child("b", script={"E": verdict})
        mta = self.negotiated()
        mta.commands(wire.connect("first"), wire.helo("out"))
        mta.message(verdict=verdict)
        mta.send(between)
        mta.commands(wire.connect("second"), wire.helo("in"))
        mta.message()  # a is back and says continue, which is stronger than accept
        mta.quit()
        for child in (a, b):
            for session in child.sessions:
                session.wait_closed()
            connects = [one.wire for session in child.sessions for one in session.of("C")]
            self.assertEqual([wire.connect("first"), wire.connect("second")], connects)
            ends = sum(len(session.of("E")) for session in child.sessions)
            self.assertEqual(1 if child is a else 2, ends, child.name)

    def test_connect_after_quit_nc(self):
        self.new_session(wire.QUIT_NC)

    def test_connect_after_quit_nc_after_accept(self):
        self.new_session(wire.QUIT_NC, wire.ACCEPT)

    def test_connect_again_without_quit_nc(self):
        self.new_session(b"")

    def test_quit_nc_clears_macros(self):
        child = self.child("a")
        mta = self.negotiated()
        mta.send(wire.macros("C", "{one}", "1"))
        mta.command(wire.connect("first"))
        mta.send(wire.QUIT_NC)
        mta.command(wire.connect("second"))
        mta.quit()
        for session in child.sessions:
            session.wait_closed()
        sets = [one for session in child.sessions for one in session.macro_sets()]
        self.assertEqual([("C", {"one": "1"})], sets)

    def test_new_beginnings_inside_a_message(self):
        """CONNECT, QUIT_NC and CONNECT, HELO, MAIL without ABORT: the open message is over."""
        self.child("a")
        last = self.child("b")
        message = [wire.mail(), wire.rcpt(), wire.DATA, wire.header("A", "b"), wire.EOH, wire.body("x")]
        expected = []
        for length in (1, 2, 3, 6):
            for nc, command, old, new in (
                    (b"", wire.connect("second"), "AQ", "OC"), (wire.QUIT_NC, wire.connect("second"), "AQ", "OC"),
                    (b"", wire.helo("again"), "AH", None), (b"", wire.ABORT, "A", None)):
                mta = self.session()
                mta.commands(*message[:length])
                mta.send(nc, command)
                if command != wire.ABORT:
                    mta.expect(wire.CONTINUE)
                mta.message(headers=(), chunks=(b"own\r\n",))
                mta.quit()
                # The later child has seen the envelope only.
                expected.append("OCH" + "MRT"[:length] + old + ("" if new else "MRTNBEQ"))
                if new:
                    expected.append(new + "MRTNBEQ")
        for session in last.sessions:
            session.wait_closed()
        self.assertEqual(expected, [session.letters() for session in last.sessions])

    def test_abort_anywhere(self):
        child = self.child("a")
        mta = self.negotiated()
        mta.send(wire.ABORT, wire.ABORT)
        mta.command(wire.connect())
        mta.send(wire.ABORT)
        mta.command(wire.helo())
        mta.send(wire.ABORT, wire.ABORT)
        steps = [wire.mail(), wire.rcpt(), wire.DATA, wire.header("A", "1"), wire.EOH,
                 wire.body("x\r\n")]
        for length in range(1, len(steps) + 1):
            mta.commands(*steps[:length])
            mta.send(wire.ABORT)
            mta.expect_nothing(0.02)
        mta.message()
        mta.send(wire.ABORT, wire.ABORT, wire.QUIT)
        mta.expect_closed()
        letters = "MRTLNB"
        child.expect_letters("OCH" + "".join(letters[:n] + "A" for n in range(1, 7)) + "MRTLLNBEQ")

    def test_abort_while_later_children_wait(self):
        self.child("a")
        b = self.child("b")
        mta = self.session()
        mta.envelope()
        mta.content()
        mta.send(wire.ABORT)
        mta.message(headers=(("Second", "2"),), chunks=(b"second\r\n",))
        mta.quit()
        b.expect_letters("OCHMRTAMRTLNBEQ")
        self.assertEqual(b"second\r\n", b.session().body())

    def test_unknown_anywhere(self):
        child = self.child("a", script={"U": wire.reply_code("502 5.5.2 what?")})
        mta = self.negotiated()
        what = wire.reply_code("502 5.5.2 what?")
        mta.command(wire.connect())
        mta.command(wire.unknown(), what)
        mta.command(wire.helo())
        mta.command(wire.unknown(), what)
        mta.command(wire.mail())
        mta.command(wire.unknown(), what)
        mta.command(wire.rcpt())
        mta.command(wire.unknown(), what)
        mta.command(wire.DATA)
        mta.content()
        mta.expect_end()
        mta.command(wire.unknown(), what)
        mta.quit()
        child.expect_letters("OCUHUMURUTLLNBEUQ")

    def test_quit_in_the_middle(self):
        for number, commands in enumerate((
                [], [wire.mail()], [wire.mail(), wire.rcpt()], [wire.mail(), wire.rcpt(), wire.DATA],
                [wire.mail(), wire.rcpt(), wire.DATA, wire.header("A", "b"), wire.EOH])):
            with self.subTest(after=len(commands)):
                if not number:
                    child = self.child("a")
                mta = self.session()
                mta.commands(*commands)
                mta.quit()
                session = child.session(number)
                session.wait_closed()
                self.assertEqual("Q", session.letters()[-1])

    def test_mta_vanishes(self):
        child = self.child("a")
        for number, commands in enumerate((
                [], [wire.mail()], [wire.mail(), wire.rcpt(), wire.DATA, wire.header("A", "b")])):
            with self.subTest(after=len(commands)):
                mta = self.session()
                mta.commands(*commands)
                mta.close()
                session = child.session(number)
                session.wait_closed(2.0)
                self.assertEqual("Q", session.letters()[-1])

    def out_of_order(self, *commands):
        self.child("a")
        mta = self.negotiated()
        mta.commands(*commands[:-1])
        mta.send(commands[-1])
        mta.expect_closed(2.0)
        self.assert_healthy()

    def test_mail_before_connect(self):
        self.out_of_order(wire.mail())

    def test_rcpt_before_mail(self):
        self.out_of_order(wire.connect(), wire.helo(), wire.rcpt())

    def test_data_before_rcpt(self):
        self.out_of_order(wire.connect(), wire.helo(), wire.mail(), wire.DATA)

    def test_end_of_message_before_mail(self):
        self.out_of_order(wire.connect(), wire.helo(), wire.EOM)

    def test_header_after_end_of_header(self):
        self.out_of_order(wire.connect(), wire.helo(), wire.mail(), wire.rcpt(), wire.DATA,
                          wire.header("A", "b"), wire.EOH, wire.header("C", "d"))

    def test_out_of_order_warns_once_with_peer_and_command(self):
        self.out_of_order(wire.connect(), wire.helo(), wire.rcpt())
        lines = self.manager.log_lines(r"(?i)envelope-recipient|rcpt|\bR\b")
        warnings = [line for line in lines if "[statistics]" not in line and "[end]" not in line]
        self.assertEqual(1, len(warnings), warnings)


if __name__ == "__main__":
    unittest.main()
