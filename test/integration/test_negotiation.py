"""What the manager agrees with the MTA and with every child (manager-semantics 2, 17, 18)."""

import struct
import time
import unittest

import wire
from case import ManagerCase
from fake_child import CLOSE, SILENCE, FakeChild

POSTFIX_CONNECT = ["j", "{daemon_name}", "{daemon_addr}", "v", "_"]


class MergedAnswer(ManagerCase):
    """Section 2.2."""

    def answer(self, version=6, actions=wire.ACTIONS_ALL, steps=wire.STEPS_ALL):
        self.mta = self.connect()
        return self.mta.negotiate(version, actions, steps)

    def test_plain_child(self):
        self.child("a")
        self.assertEqual((6, wire.ACTIONS_ALL, 0, {}), tuple(self.answer()))

    def test_actions_are_as_offered_whatever_children_want(self):
        self.child("a", actions=0x01)
        self.child("b", actions=0)
        for offered in (wire.ACTIONS_ALL, 0x3F, 0x01):
            with self.subTest(offered=hex(offered)):
                self.assertEqual(offered, self.answer(actions=offered).actions)

    def test_every_event_is_wanted(self):
        self.child("a", steps=wire.NO_ANY)
        self.assertEqual(0, self.answer().steps)

    def test_no_reply_is_never_promised(self):
        self.child("a", steps=wire.NR_ANY)
        self.child("b", steps=wire.NR_ANY)
        self.assertEqual(0, self.answer().steps)

    def test_one_child_is_enough_for_yes_bits(self):
        for number, bit in enumerate((wire.SKIP, wire.RCPT_REJ, wire.LEADSPC)):
            with self.subTest(bit=hex(bit)):
                for mta in self.mtas:
                    mta.close()
                self.fresh()
                self.child("plain%d" % number)
                self.child("wants%d" % number, steps=bit)
                self.assertEqual(bit, self.answer().steps)

    def test_yes_bits_of_several_children_add_up(self):
        self.child("a", steps=wire.SKIP)
        self.child("b", steps=wire.LEADSPC)
        self.assertEqual(wire.SKIP | wire.LEADSPC, self.answer().steps)

    def test_yes_bits_not_offered_are_not_answered(self):
        self.child("a", steps=wire.SKIP | wire.RCPT_REJ | wire.LEADSPC)
        self.assertEqual(0, self.answer(steps=0x37F).steps)

    def test_version_is_not_lowered_to_the_children_s(self):
        self.child("a", version=2, actions=0x3F)
        self.assertEqual(6, self.answer().version)

    def test_version_above_6_is_taken_as_6(self):
        child = self.child("a")
        self.assertEqual(6, self.answer(version=7).version)
        self.assertEqual(6, wire.Negotiation.decode(child.session().wait_for("O").payload).version)

    def test_older_mta(self):
        child = self.child("a")
        for version, actions, steps in ((2, 0x3F, 0x7F), (3, 0x3F, 0x17F), (4, 0x3F, 0x37F)):
            with self.subTest(version=version):
                answer = self.answer(version, actions, steps)
                self.assertEqual((version, actions, 0, {}), tuple(answer))
                self.mta.quit()
        self.assertEqual(3, len(child.sessions))

    def test_maximum_data_size_bits_are_never_answered(self):
        child = self.child("a", steps=0x10000000)
        self.assertEqual(0, self.answer(steps=wire.STEPS_ALL | 0x10000000).steps)
        self.mta.open()
        child.session().wait_for("H")

    def test_children_are_offered_what_the_mta_offered(self):
        # Section 17 row 3: not narrowed by what others answered earlier.
        a = self.child("a", steps=wire.NO_ANY, actions=1)
        b = self.child("b", negotiation=[0.2, wire.negotiate(6, 1, 0)])
        self.answer(6, 0x1FF, 0x1FF7FF)
        for child in (a, b):
            self.assertEqual(wire.negotiate(6, 0x1FF, 0x1FF7FF), child.session().packets[0].wire)

    def test_offer_longer_than_twelve_bytes(self):
        self.child("a")
        mta = self.connect()
        mta.send(wire.packet("O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF) + b"\0\0\0\5x\0"))
        self.assertEqual("O", mta.receive().letter)
        mta.open()


class Refused(ManagerCase):
    def refuse(self, data, pattern):
        self.child("a")
        mta = self.connect()
        mta.send(data)
        mta.expect_closed(2.0)
        lines = [line for line in self.manager.wait_log(pattern) if "][end]" not in line]
        self.assertEqual(1, len(lines), lines)
        self.assert_healthy()

    def test_version_1(self):
        self.refuse(wire.negotiate(1, 0x0F, 0x3F), r"version")

    def test_short_offer(self):
        self.refuse(wire.packet("O", b"\0\0\0\6\0\0"), r"(?i)negotiat")

    def test_no_offer_at_all(self):
        self.refuse(wire.connect(), r"(?i)connect.*(order|expected|negotiat)|(order|expected|negotiat).*connect")

    def test_second_offer(self):
        self.child("a")
        mta = self.session()
        mta.send(wire.negotiate())
        mta.expect_closed(2.0)
        self.manager.wait_log(r"(?i)negotiat")
        self.assert_healthy()


class MacroLists(ManagerCase):
    """Section 3.6 of the protocol, 17 row 2 and 18."""

    def setUp(self):
        super().setUp()
        self.sets = ("j", "mx.example.net", "{daemon_name}", "mx1", "{client_name}", "c.example.org",
                     "v", "Postfix 3.7")

    def lists_for(self, *lists, actions=wire.ACTIONS_ALL):
        for number, wanted in enumerate(lists):
            self.child("c%d" % number, lists=wanted)
        self.mta = self.connect()
        return self.mta.negotiate(actions=actions).lists

    def test_defaults_do_not_override(self):
        self.assertEqual({}, self.lists_for([("C", "j {daemon_name}"), ("E", "i")]))

    def test_a_macro_that_is_no_default_is_asked_for_with_the_defaults(self):
        lists = self.lists_for([("C", "j {client_name}")], [("M", "{client_addr}, i")])
        for stage, wanted in (("C", [*POSTFIX_CONNECT, "{client_name}"]),
                              ("M", ["{client_addr}", "i", "{auth_type}", "{auth_authen}",
                                     "{mail_addr}"])):
            self.assertIn(stage, lists)
            for name in wanted:
                self.assertIn(name, lists[stage], "stage %s" % stage)
            self.assertEqual(len(set(lists[stage])), len(lists[stage]), "duplicates")

    def test_not_offered_not_asked(self):
        self.assertEqual({}, self.lists_for([("C", "{client_name}")], actions=0xFF))

    def connect_macros_of(self, **options):
        child = self.child("a", **options)
        mta = self.negotiated()
        mta.send(wire.macros("C", *self.sets))
        mta.command(wire.connect())
        mta.send(wire.macros("H", "{tls_version}", "TLSv1.3"))
        mta.command(wire.helo())
        mta.quit()
        session = child.session(0)
        session.wait_closed()
        return dict(session.macro_sets())

    def test_listed_stage_gets_exactly_those_names(self):
        sets = self.connect_macros_of(lists=[("C", "j {client_name} {absent}")])
        self.assertEqual({"j": "mx.example.net", "client_name": "c.example.org"}, sets["C"])

    def test_unlisted_stage_gets_everything(self):
        sets = self.connect_macros_of(lists=[("C", "j")])
        self.assertEqual({"tls_version": "TLSv1.3"}, sets["H"])

    def test_braces_do_not_matter(self):
        sets = self.connect_macros_of(lists=[("C", "{j} daemon_name")])
        self.assertEqual({"j": "mx.example.net", "daemon_name": "mx1"}, sets["C"])

    def test_commas_separate_too(self):
        sets = self.connect_macros_of(lists=[("C", "j, {daemon_name},v")])
        self.assertEqual({"j", "daemon_name", "v"}, set(sets["C"]))

    def test_empty_list_means_no_macros(self):
        sets = self.connect_macros_of(lists=[("C", "")])
        self.assertNotIn("C", sets)
        self.assertIn("H", sets)

    def test_unknown_stage_and_cut_list_do_no_harm(self):
        for number, tail in enumerate((struct.pack(">I", 9) + b"x\0", b"\0\0\0\1j", b"\0\0")):
            with self.subTest(tail=tail):
                child = self.child("c%d" % number)
                child.script["O"] = wire.packet("O", struct.pack(">III", 6, 0x1FF, 0) + tail)
        mta = self.session()
        mta.quit()
        for child in self.children.values():
            child.expect_letters("OCHQ")


class OddChildren(ManagerCase):
    def test_higher_version_than_offered(self):
        odd = self.child("a", negotiation=wire.negotiate(7, 0x1FF, 0))
        fine = self.child("b")
        mta = self.session()
        mta.message()
        mta.quit()
        self.assertNotIn("C", odd.session().letters())
        fine.expect_letters("OCHMRTLLNBEQ")
        self.manager.wait_log(r"version.*\ba\b|\ba\b.*version")

    def test_version_1_answered(self):
        odd = self.child("a", negotiation=wire.negotiate(1, 0xF, 0), fallback_status="reject")
        mta = self.negotiated()
        mta.command(wire.connect(), wire.REJECT)
        self.assertEqual("O", odd.session().letters()[:1])
        self.assertNotIn("C", odd.session().letters())

    def test_bits_not_offered_are_dropped_with_one_warning(self):
        odd = self.child("surplus", negotiation=wire.negotiate(6, 0x1FF, 0x40000000 | wire.NO_HELO))
        for number in range(3):
            mta = self.session("MTA%d" % number, actions=0x3F, steps=0x37F)
            mta.quit()
            odd.expect_letters("OCQ", number)
        time.sleep(0.1)
        self.assertEqual(1, len(self.manager.wait_log(r"warning.*surplus")))

    def test_answer_is_no_negotiation(self):
        for name, answer in (("c", wire.CONTINUE), ("short", wire.packet("O", b"\0\0\0\6")),
                             ("garbage", b"220 mail.example.org ESMTP\r\n"),
                             ("zero", b"\0\0\0\0")):
            self.child(name, negotiation=answer)
        fine = self.child("fine")
        started = time.monotonic()
        mta = self.session()
        self.assert_within(0, 1.0, started, "a session with four broken children")
        mta.message()
        mta.quit()
        fine.expect_letters("OCHMRTLLNBEQ")
        for name in ("c", "short", "garbage", "zero"):
            self.assertEqual("O", self.children[name].session().letters().rstrip("Q"))

    def test_answer_in_pieces(self):
        whole = wire.negotiate(6, 0x1FF, wire.NO_HELO, [("C", "j")])
        child = self.child("a", negotiation=[
            part for offset in range(0, len(whole), 3) for part in (whole[offset:offset + 3], 0.01)])
        mta = self.session()
        mta.quit()
        child.expect_letters("OCQ")

    def test_children_are_negotiated_with_at_the_same_time(self):
        for name in "abcd":
            self.child(name, negotiation=[0.4, wire.negotiate(6, 0x1FF, 0)])
        self.start()
        started = time.monotonic()
        self.negotiated()
        self.assert_within(0.35, 0.8, started, "four slow negotiations")


class RspamdProxy(ManagerCase):
    """Field notes section 5: answers all no-reply bits and claims every action."""

    def rspamd(self, name="rspamd"):
        def negotiation(offer):
            if wire.Negotiation.decode(offer.payload).version < 6 or len(offer.payload) != 12:
                return CLOSE
            return wire.negotiate(6, 0x1FF, wire.NR_ANY)
        return self.child(name, negotiation=negotiation,
                          script={"E": [wire.add_header("X-Spam", "no"), wire.ACCEPT]})

    def test_alone(self):
        child = self.rspamd()
        mta = self.session()
        for _ in range(2):
            mta.message(edits=[wire.add_header("X-Spam", "no")], verdict=wire.ACCEPT)
        mta.quit()
        child.expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")

    def test_beside_an_ordinary_child(self):
        child = self.rspamd()
        other = self.child("other", script={"E": wire.CONTINUE})
        mta = self.session()
        mta.message(edits=[wire.add_header("X-Spam", "no")])
        mta.message(edits=[wire.add_header("X-Spam", "no")])
        mta.expect_nothing()
        mta.quit()
        child.expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")
        other.expect_letters("OCH" + "MRTLLLNBE" * 2 + "Q")

    def test_as_later_child(self):
        self.child("first")
        child = self.rspamd()
        mta = self.session()
        mta.message(edits=[wire.add_header("X-Spam", "no")])
        mta.message(edits=[wire.add_header("X-Spam", "no")])
        mta.quit()
        child.expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")

    def test_older_mta_costs_only_this_child(self):
        self.rspamd()
        other = self.child("other")
        mta = self.negotiated(version=2, actions=0x3F, steps=0x7F)
        mta.open()
        mta.commands(wire.mail(), wire.rcpt())
        mta.content()
        mta.expect_end()
        mta.quit()
        other.expect_letters("OCHMRLLNBEQ")


class NobodyThere(ManagerCase):
    """No child, absent children, children that fail before CONNECT (sections 2.3, 17 row 1, 18)."""

    def offered_no_replies(self):
        mta = self.connect()
        started = time.monotonic()
        answer = mta.negotiate()
        self.assert_within(0, 0.5, started, "the negotiation")
        self.assertEqual(0, answer.steps)
        return mta

    def test_no_child_configured(self):
        self.start()
        mta = self.offered_no_replies()
        mta.command(wire.connect(), wire.ACCEPT)
        mta.expect_nothing()
        mta.quit()

    def test_no_child_configured_and_an_mta_that_goes_on(self):
        self.start()
        mta = self.offered_no_replies()
        mta.command(wire.connect(), wire.ACCEPT)
        for command in (wire.helo(), wire.mail(), wire.rcpt(), wire.DATA, wire.header("A", "b"),
                        wire.EOH, wire.body("x\r\n"), wire.EOM, wire.mail()):
            mta.send(command)
            mta.expect_any(wire.ACCEPT, wire.CONTINUE)
        mta.expect_nothing()
        mta.quit()

    def test_manager_fallback_counts_when_no_child_is_configured(self):
        for number, (status, reply) in enumerate((("reject", wire.REJECT),
                                                  ("temporary-failure", wire.TEMPFAIL))):
            with self.subTest(status=status):
                if number:
                    self._finish()
                self.start('manager.fallback_status = "%s"' % status)
                mta = self.offered_no_replies()
                mta.command(wire.connect(), reply)
                mta.expect_nothing()
                mta.quit()

    def test_all_disabled(self):
        child = self.child("a", enabled=False)
        self.start('manager.fallback_status = "temporary-failure"')
        mta = self.offered_no_replies()
        mta.command(wire.connect(), wire.TEMPFAIL)
        mta.quit()
        self.assertEqual(0, len(child.sessions))

    def test_disabled_child_is_not_used(self):
        unused = self.child("unused", enabled=False)
        used = self.child("used")
        self.session().quit()
        used.expect_letters("OCHQ")
        self.assertEqual(0, len(unused.sessions))

    def test_forms_of_the_connection_spec(self):
        v4 = self.child("v4", tcp=True)
        local = self.child("local", tcp=True, define=False)
        self.define("local", "inet:%d@localhost" % local.address[1])
        path = self.child("path", define=False)
        self.define("path", "local:" + path.address)
        children = [v4, local, path]
        try:
            v6 = FakeChild("v6", ("::1", 0), self.transcript)
            self.addCleanup(v6.stop)
            self.define("v6", v6.spec)
            children.append(v6)
        except OSError:
            pass  # a machine without IPv6
        self.session().quit()
        for child in children:
            child.expect_letters("OCHQ")

    def test_child_without_connection_spec_is_not_used(self):
        self.defined.append('define_milter("nowhere") { |milter| milter.description = "no spec" }')
        used = self.child("used")
        self.session().quit()
        used.expect_letters("OCHQ")
        self.manager.wait_log(r"nowhere")

    def fallbacks(self, define, manager="accept", other=False, replies=None):
        """One manager, MTA sessions for each fallback in turn (a reload apart)."""
        for number, (fallback, reply) in enumerate(replies):
            with self.subTest(fallback=fallback):
                self.defined = []
                if number:
                    self._finish()
                define(fallback)
                if other:
                    self.child("other%d" % number)
                self.start('manager.fallback_status = "%s"' % manager)
                started = time.monotonic()
                mta = self.offered_no_replies()
                mta.command(wire.connect(), reply)
                self.assert_within(0, 0.5, started, "negotiation and CONNECT")
                mta.expect_nothing(0.05)
                if reply == wire.CONTINUE:
                    mta.command(wire.helo())
                    mta.message()
                mta.quit()

    ALL = (("accept", wire.CONTINUE), ("reject", wire.REJECT),
           ("temporary-failure", wire.TEMPFAIL), ("discard", wire.DISCARD))

    def test_absent_beside_a_healthy_one(self):
        self.fallbacks(lambda fallback: self.absent("gone", fallback_status=fallback),
                       other=True, replies=self.ALL)

    def test_refusing_beside_a_healthy_one(self):
        self.fallbacks(lambda fallback: self.refusing("gone", fallback_status=fallback),
                       other=True, replies=self.ALL)

    def test_refusing_tcp_beside_a_healthy_one(self):
        self.fallbacks(lambda fallback: self.refusing("gone", tcp=True, fallback_status=fallback),
                       other=True, replies=self.ALL)

    def test_closing_at_once_beside_a_healthy_one(self):
        def define(fallback):
            self.child("closing", negotiation=CLOSE, fallback_status=fallback)
        self.fallbacks(define, other=True, replies=self.ALL)

    def test_all_absent(self):
        # Out by failure with fallback accept: the manager's own fallback decides.
        self.fallbacks(lambda fallback: self.absent("gone", fallback_status=fallback),
                       manager="temporary-failure",
                       replies=(("accept", wire.TEMPFAIL), ("reject", wire.REJECT),
                                ("discard", wire.DISCARD)))

    def test_all_absent_default(self):
        self.fallbacks(lambda fallback: self.absent("gone", fallback_status=fallback),
                       replies=(("accept", wire.ACCEPT),))

    def test_strongest_of_several_absent_ones(self):
        self.absent("first", fallback_status="temporary-failure")
        self.absent("second", fallback_status="reject")
        self.child("fine")
        mta = self.offered_no_replies()
        mta.command(wire.connect(), wire.REJECT)
        mta.quit()

    def test_a_child_that_comes_back_is_used_again(self):
        self.absent("late", fallback_status="temporary-failure")
        mta = self.negotiated()
        mta.command(wire.connect(), wire.TEMPFAIL)
        mta.quit()
        late = self.child("late", define=False)
        mta = self.session()
        mta.quit()
        late.expect_letters("OCHQ")


class Silent(ManagerCase):
    """A child that accepts the connection and says nothing: its reading_timeout."""

    def silent(self, fallback, reply):
        self.child("silent", negotiation=SILENCE, reading_timeout=0.5, fallback_status=fallback)
        other = self.child("other")
        self.start()
        started = time.monotonic()
        mta = self.negotiated()
        self.assert_within(0.4, 1.5, started, "the negotiation")
        mta.command(wire.connect(), reply, timeout=0.5)
        self.manager.wait_log(r"(?i)(timeout|timed out).*silent")
        return mta, other

    def test_fallback_accept(self):
        mta, other = self.silent("accept", wire.CONTINUE)
        mta.command(wire.helo())
        mta.message()
        mta.quit()
        other.expect_letters("OCHMRTLLNBEQ")
        self.assertNotIn("C", self.children["silent"].session().letters())

    def test_fallback_reject(self):
        self.silent("reject", wire.REJECT)[0].quit()

    def test_fallback_temporary_failure(self):
        self.silent("temporary-failure", wire.TEMPFAIL)[0].quit()

    def test_mta_leaves_while_a_child_is_silent(self):
        child = self.child("silent", negotiation=SILENCE, reading_timeout=3.0)
        mta = self.connect()
        mta.send(wire.negotiate())
        child.session().wait_for("O")
        mta.close()
        child.session().wait_closed(timeout=2.0)


if __name__ == "__main__":
    unittest.main()
