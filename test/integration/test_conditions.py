"""Applicable conditions: the stoppers and their context (configuration 6,
manager-semantics 9 and 10)."""

import unittest

import wire
from case import ManagerCase, condition
from fake_child import Turns


class Stoppers(ManagerCase):
    """Section 9: each kind on the first, the second and the only child."""

    # kind: (arguments, expression, commands the stopped child has seen, reply when alone)
    KINDS = {
        "connect": ("host, address", 'host == "stop.example.org"', "O", wire.ACCEPT),
        "helo": ("fqdn", 'fqdn == "stop.example.org"', "OC", wire.ACCEPT),
        "envelope_from": ("from", 'from == "<stop@example.org>"', "OCH", wire.CONTINUE),
        "envelope": ("from, recipients",
                     'from == "<stop@example.org>" && recipients == ["<to@example.com>"]',
                     "OCHMR", wire.ACCEPT),
        "data": ("", "true", "OCHMR", wire.ACCEPT),
        "header": ("name, value", 'name == "X-Stop" && value == "now"', "OCHMRTL", wire.ACCEPT),
        "end_of_header": ("", "true", "OCHMRTLL", wire.ACCEPT),
        "body": ("chunk", 'chunk.include?("stop")', "OCHMRTLLNB", wire.ACCEPT),
        "end_of_message": ("", "true", "OCHMRTLLNBB", wire.ACCEPT),
    }
    STAGES = dict(zip(KINDS, "CHMTTLNBE"))

    def plan(self):
        return [wire.connect("stop.example.org"), wire.helo("stop.example.org"),
                wire.mail("<stop@example.org>"), wire.rcpt(), wire.DATA, wire.header("From", "a"),
                wire.header("X-Stop", "now"), wire.EOH, wire.body("1\r\n"), wire.body("stop\r\n"),
                wire.EOM]

    def run_plan(self, kind, names, expected_alone=None):
        """All children of names; those named `stopped` carry the condition."""
        self.fresh()
        arguments, expression, _, _ = self.KINDS[kind]
        for name in names:
            self.child(name, applicable_conditions=["Stop"] if name == "stopped" else [],
                       script={"E": [wire.add_header("X-Fine", "1"), wire.CONTINUE]})
        self.start(before=condition("Stop", kind, arguments, expression))
        mta = self.negotiated()
        occurrence = {"L": 2, "B": 2}.get(self.STAGES[kind], 1)
        for command in self.plan():
            letter = command[4:5].decode()
            if letter == self.STAGES[kind]:
                occurrence -= 1
            if expected_alone is not None and occurrence == 0:
                mta.command(command, expected_alone)
                break
            if letter == "E":
                mta.expect_end([wire.add_header("X-Fine", "1")])
            else:
                mta.command(command)
        return mta

    def check_stopped(self, kind, seen):
        session = self.children["stopped"].session()
        session.wait_closed()
        self.assertEqual(seen, session.letters().rstrip("Q").rstrip("A"),
                         "what the stopped child got")
        if kind not in ("connect", "helo", "envelope_from"):
            self.assertEqual(seen + "AQ", session.letters())

    def test_first_of_two(self):
        for kind, (_, _, seen, _) in self.KINDS.items():
            with self.subTest(kind=kind):
                mta = self.run_plan(kind, ("stopped", "fine"))
                mta.quit()
                self.check_stopped(kind, seen)
                fine = self.children["fine"].session()
                fine.wait_closed()
                self.assertEqual("OCHMRTLLNB", fine.letters()[:10])
                self.assertEqual(b"1\r\nstop\r\n", fine.body())

    def test_second_of_two(self):
        for kind, (_, _, seen, _) in self.KINDS.items():
            with self.subTest(kind=kind):
                mta = self.run_plan(kind, ("fine", "stopped"))
                mta.quit()
                session = self.children["stopped"].session()
                session.wait_closed()
                letters = session.letters().rstrip("Q").rstrip("A")
                # The replay has the field added by the first and one chunk, which holds the word.
                expected = {"end_of_header": "OCHMRTLLL", "body": "OCHMRTLLLN",
                            "end_of_message": "OCHMRTLLLNB"}.get(kind, seen)
                self.assertEqual(expected, letters)

    def test_alone(self):
        for kind, (_, _, seen, reply) in self.KINDS.items():
            with self.subTest(kind=kind):
                mta = self.run_plan(kind, ("stopped",), reply)
                mta.expect_nothing(0.02)
                mta.quit()
                self.check_stopped(kind, seen)

    def test_message_stoppers_are_for_one_message(self):
        self.child("stopped", applicable_conditions=["Stop"])
        self.child("fine")
        self.start(before=condition("Stop", "envelope_from", "from", 'from == "<stop@x>"'))
        mta = self.session()
        mta.message()
        mta.message(sender="<stop@x>")
        mta.message()
        mta.quit()
        self.children["stopped"].expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")
        self.children["fine"].expect_letters("OCH" + "MRTLLNBE" * 3 + "Q")

    def test_stopped_by_mail_alone_is_no_failure(self):
        # Section 17 row 4: each command once, with continue or accept; no fallback.
        self.child("stopped", applicable_conditions=["Stop"])
        self.start(before=condition("Stop", "envelope_from", "from", "true")
                   + 'manager.fallback_status = "reject"')
        mta = self.session()
        mta.command(wire.mail())
        for command in (wire.rcpt(), wire.DATA, wire.header("A", "b"), wire.EOH, wire.body("x"),
                        wire.EOM):
            mta.send(command)
            mta.expect_any(wire.CONTINUE, wire.ACCEPT)
        mta.expect_nothing(0.02)
        mta.quit()

    def test_recipients(self):
        stopped = self.child("stopped", applicable_conditions=["Stop"])
        fine = self.child("fine")
        self.start(before=condition("Stop", "envelope_recipient", "recipient",
                                    'recipient.start_with?("<stop")'))
        mta = self.session()
        mta.message(recipients=("<one@x>", "<stop@x>", "<two@x>"))
        mta.message(recipients=("<stop1@x>", "<stop2@x>"))
        mta.message(recipients=("<stop@x>", "<last@x>"))
        mta.quit()
        stopped.expect_letters("OCH" + "MRRTLLNBE" + "MA" + "MRTLLNBE" + "Q")
        stopped.session().expect_packets("R", [wire.rcpt("<one@x>"), wire.rcpt("<two@x>"),
                                               wire.rcpt("<last@x>")])
        fine.expect_letters("OCH" + "MRRRTLLNBE" + "MRRTLLNBE" * 2 + "Q")

    def test_all_recipients_of_the_only_child(self):
        self.child("stopped", applicable_conditions=["Stop"])
        self.start(before=condition("Stop", "envelope_recipient", "recipient", "true")
                   + 'manager.fallback_status = "reject"')
        mta = self.session()
        mta.command(wire.mail())
        mta.command(wire.rcpt())
        mta.send(wire.DATA)
        mta.expect_any(wire.CONTINUE, wire.ACCEPT)
        mta.quit()

    def test_conditions_do_not_depend_on_what_a_child_listens_to(self):
        # Field notes 2 row 4: the manager's events, whatever the child switched off.
        child = self.child("stopped", steps=wire.NO_CONNECT | wire.NO_HELO | wire.NO_RCPT | wire.NO_HEADERS,
                           applicable_conditions=["Stop"])
        self.child("fine")
        self.start(before=condition("Stop", "header", "name, value", 'name == "X-Stop"'))
        mta = self.session()
        mta.message(headers=(("X-Stop", "1"),))
        mta.message(headers=(("Other", "1"),))
        mta.quit()
        child.expect_letters("OMTAMTNBEQ")

    def test_data_stopper_without_a_data_command(self):
        # Field notes, bug classes: protocol <= 3 has no DATA; an emulated one runs the stopper.
        child = self.child("stopped", applicable_conditions=["Stop"])
        self.child("fine")
        self.start(before=condition("Stop", "data", "", "true"))
        mta = self.session()
        mta.envelope(data=False)
        mta.content()
        mta.expect_end()
        mta.quit()
        child.expect_letters("OCHMRAQ")

    def test_several_conditions_first_true_wins(self):
        child = self.child("stopped", applicable_conditions=["No", "Yes", "Never"])
        self.child("fine")
        log = self.path("asked")
        self.start(before="".join(
            condition(name, "helo", "fqdn", 'File.write("%s", "%s ", mode: "a"); %s' % (log, name, value))
            for name, value in (("No", "false"), ("Yes", "true"), ("Never", "true"))))
        self.session().quit()
        child.expect_letters("OCAQ" if "A" in child.session().letters() else "OCQ")
        with open(log, encoding="ascii") as asked:
            self.assertEqual("No Yes ", asked.read())

    def test_several_stoppers_of_one_kind(self):
        child = self.child("stopped", applicable_conditions=["Two"])
        self.child("fine")
        self.start(before="""
define_applicable_condition("Two") do |condition|
  condition.define_helo_stopper { |context, fqdn| fqdn == "one" }
  condition.define_helo_stopper { |context, fqdn| fqdn == "two" }
end
""")
        for number, (name, stopped) in enumerate((("one", True), ("two", True), ("three", False))):
            mta = self.negotiated()
            mta.open(name=name)
            mta.quit()
            session = child.session(number)
            session.wait_closed()
            self.assertEqual(not stopped, "H" in session.letters(), name)

    def test_nil_and_other_truth(self):
        self.child("stopped", applicable_conditions=["Truth"])
        self.child("fine")
        self.start(before=condition("Truth", "envelope_from", "from",
                                    '{"<nil>" => nil, "<zero>" => 0, "<no>" => false}[from]'))
        mta = self.session()
        for sender in ("<nil>", "<no>", "<zero>"):
            mta.message(sender=sender)
        mta.quit()
        self.children["stopped"].expect_letters("OCH" + "MRTLLNBE" * 2 + "Q")

    def test_exceptions_count_as_false(self):
        child = self.child("watched", applicable_conditions=["Broken"])
        self.start(before="""
define_applicable_condition("Broken") do |condition|
  condition.define_helo_stopper { |context, fqdn| raise "no good: #{fqdn}" }
  condition.define_envelope_from_stopper { |context, from| nil.missing_method }
  condition.define_envelope_recipient_stopper { |context| raise NotImplementedError, "later" }
  condition.define_end_of_header_stopper { |context| context.no_such_thing }
end
""")
        mta = self.session()
        mta.message()
        mta.quit()
        child.expect_letters("OCHMRTLLNBEQ")
        for pattern in ("no good: client.example.org", "missing_method", "later", "no_such_thing"):
            self.manager.wait_log(pattern)
        self.manager.wait_log(r"milter-manager\.conf:\d+")


class Context(ManagerCase):
    """What a stopper learns: it answers through macros the child gets."""

    def probe(self, kind, arguments, expression, **child):
        """A condition that puts the inspected expression into the macro {probe}."""
        self.child("probe", applicable_conditions=["Probe"], **child)
        self.child("other")
        return condition("Probe", kind, arguments, 'context["probe"] = (%s).inspect; false' % expression)

    def probed(self, stage):
        session = self.children["probe"].session()
        session.wait_closed()
        found = [names["probe"] for letter, names in session.macro_sets()
                 if letter == stage and "probe" in names]
        self.assertEqual(1, len(found), session.macro_sets())
        return found[0]

    def test_name(self):
        self.start(before=self.probe("helo", "fqdn", "[context.name, fqdn]"))
        self.session().quit()
        self.assertEqual('["probe", "client.example.org"]', self.probed("H"))

    def test_arguments(self):
        for kind, arguments, stage, expected in (
                ("envelope_from", "from", "M", '"<from@example.org>"'),
                ("envelope_recipient", "recipient", "R", '"<to@example.com>"')):
            with self.subTest(kind=kind):
                self.fresh()
                self.start(before=self.probe(kind, arguments, arguments))
                mta = self.session()
                mta.message()
                mta.quit()
                self.assertEqual(expected, self.probed(stage))

    def test_header_values_are_as_the_child_gets_them(self):
        self.child("plain", applicable_conditions=["Probe"])
        self.child("exact", steps=wire.LEADSPC, applicable_conditions=["Probe"])
        self.start(before=condition("Probe", "header", "name, value",
                                    'context["probe"] = [name, value].inspect; false'))
        mta = self.session()
        mta.message(headers=(("A", " v\n w"),))
        mta.quit()
        for name, expected in (("plain", '["A", "v\\n w"]'), ("exact", '["A", " v\\n w"]')):
            session = self.children[name].session()
            session.wait_closed()
            self.assertEqual([("L", {"probe": expected})], session.macro_sets())

    def test_addresses(self):
        cases = (
            (wire.connect("h", "4", 25, "192.0.2.45"),
             '["192.0.2.45", 25, "inet:25@[192.0.2.45]", false, true, false, false, false]'),
            (wire.connect("h", "4", 25, "10.1.2.3"),
             '["10.1.2.3", 25, "inet:25@[10.1.2.3]", true, true, false, false, false]'),
            (wire.connect("h", "6", 25, "IPv6:2001:db8::1"),
             '["2001:db8::1", 25, "inet6:25@[2001:db8::1]", false, false, true, false, false]'),
            (wire.connect("h", "6", 25, "::1"),
             '["::1", 25, "inet6:25@[::1]", true, false, true, false, false]'),
            (wire.connect("h", "6", 25, "fd00::1"),
             '["fd00::1", 25, "inet6:25@[fd00::1]", true, false, true, false, false]'),
            (wire.connect("localhost", "L", 0, "/run/s"),
             '[nil, nil, "unix:/run/s", true, false, false, true, false]'),
            (wire.connect("unknown", "U"),
             '[nil, nil, "unknown", false, false, false, false, true]'))
        self.start(before=self.probe(
            "connect", "host, address",
            "[(address.address rescue nil), (address.port rescue nil), address.to_s, address.local?,"
            " address.ipv4?, address.ipv6?, address.unix?, address.unknown?]"))
        for number, (command, expected) in enumerate(cases):
            with self.subTest(command=wire.show(command)):
                mta = self.negotiated()
                mta.command(command)
                mta.quit()
                session = self.children["probe"].session(number)
                session.wait_closed()
                self.assertEqual([("C", {"probe": expected})], session.macro_sets())

    def test_macros_of_all_stages_so_far(self):
        self.start(before=self.probe(
            "envelope_recipient", "recipient",
            '[context["j"], context["{j}"], context["i"], context["{auth_type}"],'
            ' context["auth_type"], context["rcpt_addr"], context["nothing"]]'))
        mta = self.negotiated()
        mta.send(wire.macros("C", "j", "mx", "i", "early"))
        mta.command(wire.connect())
        mta.command(wire.helo())
        mta.send(wire.macros("M", "i", "later", "{auth_type}", "PLAIN"))
        mta.command(wire.mail())
        mta.send(wire.macros("R", "{rcpt_addr}", "to@example.com"))
        mta.command(wire.rcpt())
        mta.quit()
        self.assertEqual('["mx", "mx", "later", "PLAIN", "PLAIN", "to@example.com", nil]',
                         self.probed("R"))

    def test_a_macro_set_is_for_this_child_and_stage(self):
        self.child("a", applicable_conditions=["Set"])
        self.child("b")
        self.start(before=condition("Set", "envelope_from", "from",
                                    'context["{mine}"] = "yes"; context["i"] = "changed"; false'))
        mta = self.session()
        mta.send(wire.macros("M", "i", "real", "{other}", "1"))
        mta.command(wire.mail())
        mta.command(wire.rcpt())
        mta.quit()
        for name, expected in (("a", {"i": "changed", "mine": "yes", "other": "1"}),
                               ("b", {"i": "real", "other": "1"})):
            session = self.children[name].session()
            session.wait_closed()
            self.assertEqual([("M", expected)], session.macro_sets())

    def test_a_macro_set_passes_the_child_s_list(self):
        self.start(before=self.probe("helo", "fqdn", "1", lists=[("H", "{tls_version}")]))
        mta = self.negotiated()
        mta.command(wire.connect())
        mta.send(wire.macros("H", "{tls_version}", "TLSv1.3"))
        mta.command(wire.helo())
        mta.quit()
        session = self.children["probe"].session()
        session.wait_closed()
        self.assertEqual([("H", {"tls_version": "TLSv1.3"})], session.macro_sets())

    def test_postfix_and_authentication(self):
        self.start(before=self.probe("envelope_from", "from", "[context.postfix?, context.authenticated?]"))
        for number, (v, auth, expected) in enumerate((
                ("Postfix 3.7.11", "PLAIN", "[true, true]"), ("postfix", None, "[true, false]"),
                ("8.17.1", "CRAM-MD5", "[false, true]"))):
            mta = self.negotiated()
            mta.send(wire.macros("C", "v", v))
            mta.command(wire.connect())
            mta.command(wire.helo())
            if auth:
                mta.send(wire.macros("M", "{auth_type}", auth))
            mta.command(wire.mail())
            mta.quit()
            session = self.children["probe"].session(number)
            session.wait_closed()
            self.assertEqual(expected, dict(session.macro_sets())["M"]["probe"])

    def test_authenticated_by_name(self):
        self.start(before=self.probe("envelope_from", "from", "context.authenticated?"))
        mta = self.session()
        mta.send(wire.macros("M", "{auth_authen}", "somebody"))
        mta.command(wire.mail())
        mta.quit()
        self.assertEqual("true", self.probed("M"))

    def test_number_of_sessions(self):
        self.start(before=self.probe("helo", "fqdn", "context.n_processing_sessions"))
        held = [self.negotiated("held%d" % number) for number in range(3)]
        mta = self.negotiated()
        mta.open()
        mta.quit()
        session = self.children["probe"].session(3)
        session.wait_closed()
        self.assertEqual("4", dict(session.macro_sets())["H"]["probe"])
        for one in held:
            one.quit()

    def test_own_status(self):
        self.child("probe", applicable_conditions=["Status"], script={"R": wire.REJECT})
        self.child("other")
        self.start(before=condition(
            "Status", "envelope_recipient", "recipient",
            'context["probe"] = [context.reject?, context.temporary_failure?, context.accept?,'
            ' context.discard?, context.quitted?].inspect; false'))
        mta = self.session()
        mta.command(wire.mail())
        mta.command(wire.rcpt(), wire.REJECT)
        mta.command(wire.rcpt(), wire.REJECT)
        mta.quit()
        session = self.children["probe"].session()
        session.wait_closed()
        self.assertEqual(["[false, false, false, false, false]", "[true, false, false, false, false]"],
                         [names["probe"] for _, names in session.macro_sets()])

    def test_status_of_another_child(self):
        answers = Turns(wire.ACCEPT, wire.REJECT, wire.TEMPFAIL, wire.CONTINUE)
        self.child("first", script={"M": answers}, evaluation_mode=True)
        self.child("probe", applicable_conditions=["Other"])
        self.start(before=condition(
            "Other", "envelope_recipient", "recipient",
            'first = context.children["first"]; context["probe"] = [first.accept?, first.reject?,'
            ' first.temporary_failure?, context.children["nobody"]].inspect; false'))
        mta = self.session()
        for _ in range(4):
            mta.message()
        mta.quit()
        session = self.children["probe"].session()
        session.wait_closed()
        self.assertEqual(["[true, false, false, nil]", "[false, true, false, nil]",
                          "[false, false, true, nil]", "[false, false, false, nil]"],
                         [names["probe"] for stage, names in session.macro_sets() if stage == "R"])

    def test_status_of_an_earlier_child_in_the_content(self):
        self.child("first", script={"E": Turns(wire.ACCEPT, wire.CONTINUE)})
        second = self.child("second", applicable_conditions=["Unless accepted"])
        self.start(before=condition("Unless accepted", "header", "name, value",
                                    'context.children["first"].accept?'))
        mta = self.session()
        mta.message(verdict=wire.ACCEPT)
        mta.message()
        mta.quit()
        second.expect_letters("OCHMRTAMRTLLNBEQ")

    def test_quitted(self):
        self.child("gone", script={"C": wire.ACCEPT})
        self.child("probe", applicable_conditions=["Other"])
        self.start(before=condition(
            "Other", "helo", "fqdn", 'context["probe"] = [context.children["gone"].quitted?,'
            ' context.quitted?].inspect; false'))
        self.session().quit()
        self.assertEqual("[true, false]", self.probed("H"))

    def test_shelf_is_shared_and_cleared(self):
        self.child("writer", applicable_conditions=["Write"])
        self.child("probe", applicable_conditions=["Read"])
        self.start(before=condition(
            "Write", "envelope_from", "from",
            'context.mail_transaction_shelf["sender"] = from if from != "<quiet>"; false') + condition(
            "Read", "envelope_recipient", "recipient",
            'context["probe"] = context.mail_transaction_shelf["sender"].inspect; false'))
        mta = self.session()
        mta.message(sender="<one>")
        mta.message(sender="<quiet>")  # a message that ended normally leaves nothing
        mta.commands(wire.mail("<two>"), wire.rcpt())
        mta.send(wire.ABORT)
        mta.message(sender="<quiet>")
        mta.quit()
        session = self.children["probe"].session()
        session.wait_closed()
        self.assertEqual(['"<one>"', "nil", '"<two>"', "nil"],
                         [names["probe"] for stage, names in session.macro_sets() if stage == "R"])

    def test_shelf_keeps_data(self):
        self.child("probe", applicable_conditions=["Keep"])
        self.start(before="""
define_applicable_condition("Keep") do |condition|
  condition.define_envelope_from_stopper do |context, from|
    context.mail_transaction_shelf["list"] = [1, "two", nil, {"k" => 2.5}]
    context.mail_transaction_shelf["other"] = true
    false
  end
  condition.define_data_stopper do |context|
    pairs = []
    context.mail_transaction_shelf.each { |key, value| pairs << [key, value] }
    context["probe"] = pairs.sort_by(&:first).inspect
    false
  end
end
""")
        mta = self.session()
        mta.message()
        mta.quit()
        self.assertEqual('[["list", [1, "two", nil, {"k"=>2.5}]], ["other", true]]', self.probed("T"))


if __name__ == "__main__":
    unittest.main()
