"""Words of the configuration language that no other suite proves: loading,
milters and conditions by name, addresses, tables, accounts, the log
(configuration sections 1.2, 5 to 8)."""

import os
import re
import unittest

import wire
from case import ManagerCase, condition
from manager import TOP, run_to_end


class LanguageCase(ManagerCase):
    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def holds(self, text, *expressions):
        """A configuration in which all these Ruby expressions are true in the end."""
        self.write("milter-manager.conf", "\n".join(
            ["DIR = %r" % self.directory, text] +
            ["(%s) or raise %%q{%s}" % (one, one) for one in expressions]) + "\n")
        status, _, err = run_to_end("--config-dir", self.directory, "--show-config")
        self.assertEqual(0, status, err)


class Loading(LanguageCase):
    def test_load(self):
        self.write("list/2.conf", "$order << 2\n")
        self.write("list/1.conf", "$order << 1\n")
        self.write("three.conf", "$order << 3\n")
        self.holds("$order = []", 'load("list")', 'load("three.conf")', 'load("thr*.conf")',
                   'load("#{DIR}/three.conf")', "$order == [1, 2, 3, 3, 3]")

    def test_load_if_exist(self):
        self.write("there.conf", "$loaded = 1\n")
        self.holds("", 'load_if_exist("there.conf") == true', "$loaded == 1",
                   'load_if_exist("missing.conf") == false')


class Names(LanguageCase):
    def test_milters(self):
        self.holds('define_milter("a") { |milter| $milter = milter }\n'
                   'define_milter("b") { |milter| milter.enabled = false; milter.evaluation_mode = true\n'
                   '$other = milter }',
                   '$milter.name == "a"', 'defined_milters == ["a", "b"]', "$milter.enabled? == true",
                   "$other.enabled? == false", "$milter.evaluation_mode? == false",
                   "$other.evaluation_mode? == true")

    def test_conditions(self):
        self.holds('one = define_applicable_condition("One")\ndefine_applicable_condition("Two")',
                   'one.name == "One"', 'defined_applicable_conditions == ["One", "Two"]')

    def test_conditions_of_a_milter(self):
        self.child("a", define=False)
        self.child("b")
        before = condition("Stop", "helo", "name", "true") + condition("Go", "helo", "name", "false")
        for words, stopped in (('milter.applicable_conditions = ["Go", "Stop"]', True),
                               ('milter.add_applicable_condition("Stop")', True),
                               ('milter.applicable_conditions = ["Stop"]\n'
                                'milter.applicable_conditions = ["Go"]', False),
                               ('milter.applicable_conditions = ["Stop"]\n'
                                'milter.applicable_conditions = nil', False)):
            with self.subTest(words=words):
                self.start(before, after='define_milter("a") do |milter|\n'
                           'milter.connection_spec = "%s"\n%s\nend\n'
                           % (self.children["a"].spec, words))
                self.session().quit()
                session = self.children["a"].session()
                session.wait_closed()
                self.assertEqual(not stopped, "H" in session.letters())
                self._finish()


class Context(LanguageCase):
    def probed(self, mta, stage):
        """Ends the session; the condition's answer is in the macro {probe} of that stage."""
        mta.quit()
        session = self.children["probe"].session(len(self.mtas) - 1)
        session.wait_closed()
        return dict(session.macro_sets())[stage]["probe"]

    def start_probe(self, kind, arguments, expression):
        self.child("probe", applicable_conditions=["Probe"])
        self.child("other")
        self.start(condition("Probe", kind, arguments,
                             'context["probe"] = (%s).inspect; false' % expression))

    def test_other_children(self):
        self.start_probe("helo", "name", "[context.children.names, context.children.map(&:name),"
                         ' context.children["other"].name, context.children["none"]]')
        self.assertEqual('[["probe", "other"], ["probe", "other"], "other", nil]',
                         self.probed(self.session(), "H"))

    def test_addresses(self):
        self.start_probe("connect", "host, address", "[address.to_ip_address&.to_s,"
                         " (address.path if address.unix?), ($first ||= address) == address]")
        for command, expected in (
                (wire.connect("h", "4", 25, "192.0.2.45"), '["192.0.2.45", nil, true]'),
                (wire.connect("h", "4", 25, "192.0.2.45"), '["192.0.2.45", nil, true]'),
                (wire.connect("h", "4", 26, "192.0.2.45"), '["192.0.2.45", nil, false]'),
                (wire.connect("h", "6", 25, "2001:db8::1"), '["2001:db8::1", nil, false]'),
                (wire.connect("h", "L", 0, "/run/s"), '[nil, "/run/s", false]'),
                (wire.connect("h", "U"), "[nil, nil, false]")):
            mta = self.negotiated()
            mta.command(command)
            self.assertEqual(expected, self.probed(mta, "C"))


class Settings(LanguageCase):
    LOAD = 'load("applicable-conditions/*.conf")\n'

    def used(self, name, before, **packets):
        """Whether a milter with that condition sees HELO, MAIL."""
        self.child("a", applicable_conditions=[name])
        self.child("b")
        self.start(self.LOAD + before)
        mta = self.negotiated()
        mta.command(packets.get("connect", wire.connect()))
        mta.command(wire.helo())
        mta.command(wire.mail(packets.get("sender", "<from@example.org>")))
        mta.quit()
        session = self.children["a"].session()
        session.wait_closed()
        sets = [names for _, names in session.macro_sets()]
        self.fresh()
        return "M" in session.letters(), sets

    def test_s25r_of_other_families(self):
        client = wire.connect("p1234-ab12.tokyo.example.ne.jp", "6", 25, "2001:db8::1")
        self.assertFalse(self.used("S25R", "", connect=client)[0])
        self.assertFalse(self.used("S25R", "s25r.only_check_ipv4 = true", connect=client)[0])
        self.assertTrue(self.used("S25R", "s25r.only_check_ipv4 = false", connect=client)[0])
        self.assertTrue(self.used("S25R", "s25r.check_only_ipv4 = false", connect=client)[0])

    def test_s25r_block(self):
        host = wire.connect("unknown")
        self.assertTrue(self.used("S25R", "", connect=host)[0])
        self.assertFalse(self.used("S25R", 's25r.add_whitelist { |name| name == "unknown" }', connect=host)[0])

    def test_trusted_domains_of_a_file(self):
        path = self.write("trusted", "# comment\n\nExample.ORG\n/\\Amail\\d/\n")
        before = 'trust.clear\ntrust.load_envelope_from_domains("%s")' % path
        trusted = [{"trusted_domain": "yes"}]
        self.assertEqual(trusted, self.used("Trust", before)[1])
        self.assertEqual(trusted, self.used("Trust", before, sender="<a@MAIL7.example.com>")[1])
        self.assertEqual([], self.used("Trust", before, sender="<a@gmail.com>")[1])
        self.assertEqual(trusted, self.used("Trust", "", sender="<a@gmail.com>")[1])


class Accounts(LanguageCase):
    def test_generic(self):
        watched = self.child("watched")
        other = self.child("other")
        self.start(after='restrict_accounts_generic(milters: ["watched"]) do |context, recipient|\n'
                   'recipient.start_with?("<in") && context.name == "watched"\nend\n')
        mta = self.session()
        mta.message(recipients=("<in1@x>",))
        mta.message(recipients=("<in1@x>", "<out@x>"))
        mta.message(recipients=("<out@x>", "<in1@x>"))
        mta.quit()
        watched.session().wait_closed()
        self.assertEqual(1, watched.session().letters().count("E"))
        self.assertEqual(3, other.session().letters().count("E"))

    def test_names_and_defaults(self):
        self.holds('define_milter("a")\ndefine_milter("b")\n'
                   'restrict_accounts_by_list("x@y", /z/)\n'
                   'restrict_accounts_by_list("x@y", condition_name: "Mine", milters: ["b"])\n'
                   'restrict_accounts_generic(milters: ["a"]) { true }\n'
                   'define_milter("a") { |milter| $a = milter.applicable_conditions }\n'
                   'define_milter("b") { |milter| $b = milter.applicable_conditions }',
                   '$a == ["Restrict Accounts by List: [\\"x@y\\", /z/]", "Restrict Accounts"]',
                   '$b == ["Restrict Accounts by List: [\\"x@y\\", /z/]", "Mine"]')


class Tables(LanguageCase):
    def test_cidr(self):
        self.write("cidr", "# comment\n\n10.0.0.0/8 LOCAL\n192.0.2.1\tONE\n  with more\n2001:db8::/32 SIX\n")
        self.holds('table = Milter::Manager::PostfixCIDRTable.load("#{DIR}/cidr")\n'
                   'more = Milter::Manager::PostfixCIDRTable.new\nmore.parse("192.0.2.0/24 OK", "more")',
                   'table.find("10.1.2.3") == "LOCAL"', 'table.find("192.0.2.1") == "ONE with more"',
                   'table.find("192.0.2.2").nil?', 'more.find("192.0.2.2") == "OK"',
                   'table.find(Milter::SocketAddress::IPv6.new("2001:db8::5", 1)) == "SIX"',
                   'table.find(IPAddr.new("10.0.0.1")) == "LOCAL"', 'table.find("no address").nil?')

    def test_regexp(self):
        self.write("regexp", "/^subject: buy (.*)/ REJECT $1\nif /^in/\n/(side)/ INSIDE ${1}$(1)$$\nendif\n"
                   "/^CASE/i UPPER\nif !/^in/\n/^outside/ NOT in\nendif\n")
        self.holds('table = Milter::Manager::PostfixRegexpTable.load("#{DIR}/regexp")\n'
                   'more = Milter::Manager::PostfixRegexpTable.new\nmore.parse("/^a.b$/m JOINED", "more")',
                   'table.find("Subject: BUY now") == "REJECT now"',
                   'table.find("in side") == "INSIDE sideside$"', 'table.find("in other").nil?',
                   'table.find("case").nil?', 'table.find("CASE") == "UPPER"',
                   'table.find("outside") == "NOT in"', 'more.find("a\\nb") == "JOINED"')

    def test_cidr_not_and_if(self):
        self.write("cidr", "if !10.0.0.0/8\n  # no more of the line before\n!192.0.2.0/24 FAR\nENDIF\n"
                   "IF 10.0.0.0/8\nif 10.1.0.0/16\n[10.1.1.1] ONE\nendif\n10.0.0.0/8 LOCAL\nendif\n"
                   "[2001:db8::]/32 SIX\n")
        self.holds('table = Milter::Manager::PostfixCIDRTable.load("#{DIR}/cidr")',
                   'table.find("8.8.8.8") == "FAR"', 'table.find("192.0.2.1").nil?',
                   'table.find("10.1.1.1") == "ONE"', 'table.find("10.1.1.2") == "LOCAL"',
                   'table.find("2001:db8::1") == "SIX"', 'table.find("2001::1").nil?')

    def test_comments_and_delimiters(self):
        self.write("regexp", "/^foo/ FOO\n # no more of the line before\n\tbar\n!|a/b| NOT\n%x\\%y% PERCENT\n")
        self.holds('table = Milter::Manager::PostfixRegexpTable.load("#{DIR}/regexp")',
                   'table.find("foo") == "FOO bar"', 'table.find("b") == "NOT"',
                   'table.find("a/b").nil?', 'table.find("a/b x%y") == "PERCENT"')

    def test_no_regular_file(self):
        os.mkfifo(self.path("fifo"))
        for call in ("Milter::Manager::PostfixCIDRTable.load", "Milter::Manager::PostfixRegexpTable.load",
                     "load", "load_if_exist", "trust.load_envelope_from_domains"):
            for path in (self.path("fifo"), "/dev/zero"):
                with self.subTest(call=call, path=path):
                    self.write("milter-manager.conf", '%s("%s")\n' % (call, path))
                    status, _, err = run_to_end("--config-dir", self.directory, "--show-config")
                    self.assertEqual(1, status)
                    self.assertIn("%s: it should be a regular file" % path, err)

    def test_mistakes(self):
        for text, kind, message in (("10.0.0.0/8", "CIDR", ":2: invalid format <10.0.0.0/8>"),
                                    ("10.0.0.0/99 X", "CIDR", ": <10.0.0.0/99>: <10.0.0.0/99 X>"),
                                    ("10.0.0.1/8 X", "CIDR", ":2: the address has bits behind the length: "
                                     "<10.0.0.1/8>: <10.0.0.1/8 X>"),
                                    ("10.0.0.0/255.0.0.0 X", "CIDR", ":2: invalid length: <10.0.0.0/255.0.0.0>"),
                                    ("host X", "CIDR", ":2: invalid address: <host>: <host X>"),
                                    ("if ::/0", "CIDR", ":2: endif is missing: <if>: <if ::/0>"),
                                    ("/a/", "Regexp", ":2: invalid format </a/>"),
                                    ("/a/q X", "Regexp", ":2: invalid flag: <q>: </a/q X>"),
                                    ("endif", "Regexp", ":2: if is missing: <endif>: <endif>")):
            with self.subTest(text=text):
                path = self.write("table", "\n%s\n" % text)
                self.write("milter-manager.conf",
                           'Milter::Manager::Postfix%sTable.load("%s")\n' % (kind, path))
                status, _, err = run_to_end("--config-dir", self.directory, "--show-config")
                self.assertEqual(1, status)
                self.assertIn(message, err)


class Guide(LanguageCase):
    """What doc/configuration.md promises."""

    def test_the_verdict_of_a_milter_on_trial_decides_about_others(self):
        with open(os.path.join(TOP, "doc/configuration.md"), encoding="utf-8") as file:
            (example,) = re.findall(r"```ruby\n(define_milter\(\"clamav-milter\"\) do \|milter\|\n"
                                    r".*?evidence.*?)```", file.read(), re.DOTALL)
        scanner = self.child("clamav", define=False, script={"E": wire.REJECT})
        evidence = self.child("evidence", define=False)
        rspamd = self.child("rspamd", define=False)
        for spec, child in (("unix:/run/clamav/clamav-milter.ctl", scanner),
                            ("inet:10033@localhost", evidence), ("inet:11332@localhost", rspamd)):
            self.assertIn(spec, example)
            example = example.replace(spec, child.spec)
        self.start(after=example)
        mta = self.session()
        mta.message()
        scanner.script["E"] = wire.CONTINUE
        mta.quit()
        clean = self.session("clean")
        clean.message()
        clean.quit()
        for child, seen in ((evidence, [1, 0]), (rspamd, [0, 1])):
            for number, count in enumerate(seen):
                session = child.session(number)
                session.wait_closed()
                self.assertEqual(count, session.letters().count("E"), child.name)


class Logger(LanguageCase):
    def test_every_level(self):
        levels = ("critical", "error", "warning", "message", "info", "debug", "trace", "statistics",
                  "profile")
        body = "; ".join('Milter::Logger.%s("text of %s")' % (level, level) for level in levels)
        self.child("a", applicable_conditions=["Log"])
        self.start(condition("Log", "helo", "name", body + '; Milter::Logger.warn { "a block" }; false'),
                   environment={"MILTER_LOG_ITEM": "level|time", "MILTER_LOG_LEVEL": "all"})
        self.session().quit()
        for level in levels:
            self.manager.wait_log(r"^\[%s\].*text of %s$" % (level, level))
        self.manager.wait_log(r"^\[warning\].*a block$")


if __name__ == "__main__":
    unittest.main()
