"""What operators meet: statistics lines, shipped conditions, privileges, limits, signals in every
state (tools 4.3, configuration 8, manager-semantics 15, field-notes 2)."""

import grp
import os
import pwd
import re
import resource
import signal
import stat
import time
import unittest

import wire
from case import ManagerCase, free_port, sanitized
from fake_child import CLOSE, SILENCE, Turns
from manager import Manager, run_to_end
from transcript import Quiet

STATES = ("start define-macro negotiate connect helo envelope-from envelope-recipient data unknown "
          "header end-of-header body end-of-message quit abort").split()
STATE = "(?:%s)(?:-replied)?" % "|".join(STATES)
STATUS = "(?:pass|accept|reject|discard|temporary-failure|quarantine|abort|error|skip|stop)"
NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e[-+][0-9]+)?"


class Statistics(ManagerCase):
    """The exact grammar of tools section 4.3."""

    def lines(self, word, count=1):
        return [line.split("]: ", 1)[1] for line in self.manager.wait_log(re.escape(word), count)]

    def test_session_and_child_lines(self):
        self.child("first one", script={"E": wire.ACCEPT})
        self.child("second")
        mta = self.session()
        mta.message()
        mta.quit()
        (session,) = self.lines("[session][end]")
        self.assertRegex(session, r"\A\[session\]\[end\]\[%s\]\[pass\]\[%s\]\(\d+\)\Z" % (STATE, NUMBER))
        for name, status in (("first one", "accept"), ("second", "pass")):
            (line,) = [one for one in self.lines("[milter][end]", 2) if one.endswith(": " + name)]
            self.assertRegex(line, r"\A\[milter\]\[end\]\[%s\]\[%s\]\[%s\]\(\d+\): %s\Z"
                             % (STATE, status, NUMBER, name))
        self.assertRegex(self.lines("[sessions][finished]")[0],
                         r"\A\[sessions\]\[finished\] \d+\(\+\d+\) \d+\Z")

    def test_tags_are_unique_and_grow(self):
        self.child("a")
        for number in range(3):
            self.session("MTA%d" % number).quit()
        tags = [int(re.search(r"\((\d+)\)", line).group(1)) for line in self.lines("[session][end]", 3)]
        self.assertEqual(sorted(set(tags)), tags)

    def test_status_words(self):
        for reply, word in ((wire.REJECT, "reject"), (wire.TEMPFAIL, "temporary-failure"),
                            (wire.DISCARD, "discard"), (wire.reply_code("550 no"), "reject"),
                            (wire.reply_code("450 no"), "temporary-failure")):
            with self.subTest(reply=wire.show(reply)):
                self.fresh()
                self.child("a", script={"E": reply})
                mta = self.session()
                mta.message(verdict=reply)
                mta.quit()
                self.manager.wait_log(r"\[session\]\[end\]\[%s\]\[%s\]" % (STATE, word))
                self.manager.wait_log(r"\[milter\]\[end\]\[%s\]\[%s\]\[%s\]\(\d+\): a$"
                                      % (STATE, word, NUMBER))

    def test_evaluated_children_show_their_real_status(self):
        self.child("tried", script={"E": wire.REJECT}, evaluation_mode=True)
        self.child("real")
        mta = self.session()
        mta.message()
        mta.quit()
        self.manager.wait_log(r"\[milter\]\[end\]\[%s\]\[reject\]\[%s\]\(\d+\): tried$" % (STATE, NUMBER))

    def test_stopped_children(self):
        self.child("stopped", applicable_conditions=["Stop"])
        self.child("fine")
        self.start(before='define_applicable_condition("Stop") { |condition|'
                   ' condition.define_helo_stopper { |context, fqdn| true } }')
        self.session().quit()
        self.manager.wait_log(r"\[milter\]\[end\]\[%s\]\[stop\]\[%s\]\(\d+\): stopped$" % (STATE, NUMBER))

    def test_every_session_and_every_child_has_one_line(self):
        self.child("a", script={"M": Turns(CLOSE)})
        self.absent("gone")
        self.child("b", script={"H": wire.ACCEPT})
        for number in range(3):
            mta = self.session("MTA%d" % number)
            mta.send(wire.mail())
            mta.receive()
            if number:
                mta.close()
            else:
                mta.quit()
        self.manager.wait_log(r"\[session\]\[end\]", 3)
        time.sleep(0.1)
        self.assertEqual(3, len(self.manager.log_lines(r"\[session\]\[end\]")))
        for name in ("a", "b", "gone"):
            self.assertEqual(3, len(self.manager.log_lines(r"\[milter\]\[end\].*: %s$" % name)), name)

    def test_values_cannot_forge_lines(self):
        self.child("a", script={"E": [
            wire.add_header("X-A", "x\n[2026-01-01T00:00:00.000000Z]: [session][end] forged"),
            wire.add_header("X-\x1b[31m", "\x1b[2J"), wire.CONTINUE]})
        mta = self.session()
        mta.envelope()
        mta.content()
        mta.finish()
        mta.quit()
        self.manager.wait_log(r"\[session\]\[end\]\[%s\]" % STATE)
        self.assertEqual([], self.manager.log_lines(r"^\[2026-01-01T00:00:00"))
        self.assertNotIn("\x1b", self.manager.log())


class Levels(ManagerCase):
    def test_none(self):
        self.child("a")
        self.start('log.level = "none"')
        self.assert_healthy()
        self.assertEqual("", self.manager.log())

    def test_debug_lines_of_loading(self):
        self.start(environment={"MILTER_LOG_LEVEL": "all"})
        for word in ("start", "end"):
            self.manager.wait_log(r"\[configuration\]\[load\]\[%s\] <%s>" % (
                word, re.escape(self.manager.configuration_path)))

    def test_without_statistics(self):
        self.child("a")
        self.start('log.level = "-statistics"')
        self.assert_healthy()
        self.assertNotIn("[session][end]", self.manager.log())

    def test_line_items(self):
        self.child("a")
        self.start(environment={"MILTER_LOG_ITEM": "level|time|name|pid"})
        self.assert_healthy()
        line = self.manager.wait_log(r"\[session\]\[end\]")[0]
        self.assertRegex(line, r"\A\[statistics\]\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\] "
                         r"\[milter-manager\]\[%d\]: \[session\]\[end\]" % self.manager.process.pid)


class ShippedConditions(ManagerCase):
    LOAD = 'load("applicable-conditions/*.conf")\n'

    def used(self, condition, plan, before=""):
        """plan: (host, connect packet or None, MAIL macros or None, is the child used?)"""
        self.child("watched", applicable_conditions=[condition])
        self.child("other")
        self.start(before=self.LOAD + before)
        for number, (connect, macros, expected) in enumerate(plan):
            mta = self.negotiated("MTA%d" % number)
            mta.command(connect)
            mta.command(wire.helo())
            if macros:
                mta.send(wire.macros("M", *macros))
            mta.command(wire.mail())
            mta.quit()
            session = self.children["watched"].session(number)
            session.wait_closed()
            self.assertEqual(expected, "M" in session.letters(),
                             "%s %s" % (wire.show(connect), macros))

    def test_s25r(self):
        host = wire.connect
        self.used("S25R", [
            (host("mx.example.org"), None, False), (host("unknown"), None, True),
            (host("[192.0.2.1]"), None, True), (host("dhcp-12-34.example.net"), None, True),
            (host("mail-1234.google.com"), None, False),
            (host("p1234-ab12.tokyo.example.ne.jp"), None, True),
            (host("p1234-ab12.tokyo.example.ne.jp", "6", 25, "2001:db8::1"), None, False),
            (host("white-1-2-3.example.net"), None, False), (host("black.example.net"), None, True)],
            before='s25r.add_whitelist("white-1-2-3.example.net")\n'
                   's25r.add_blacklist(/\\Ablack/)\n')

    def test_remote_network(self):
        def host(address, family="4"):
            return wire.connect("h", family, 25, address)
        self.used("Remote Network", [
            (host("192.0.2.45"), None, True), (host("127.0.0.1"), None, False),
            (host("10.1.2.3"), None, False), (host("192.168.7.7"), None, True),
            (host("198.51.100.7"), None, False), (host("2001:db8::1", "6"), None, True),
            (host("::1", "6"), None, False), (wire.connect("localhost", "L", 0, "/run/s"), None, False),
            (wire.connect("unknown", "U"), None, False)],
            before='remote_network.add_local_address("198.51.100.0/24")\n'
                   'remote_network.add_remote_address("192.168.7.7")\n')

    def test_authenticated(self):
        host = wire.connect()
        self.used("Authenticated", [(host, None, False), (host, ("{auth_type}", "PLAIN"), True),
                                    (host, ("{auth_authen}", "me"), True)])

    def test_unauthenticated(self):
        host = wire.connect()
        self.used("Unauthenticated", [(host, None, True), (host, ("{auth_type}", "PLAIN"), False)])

    def macros_of(self, condition, before, sender="<from@example.org>", held=0):
        self.child("watched", applicable_conditions=[condition])
        self.start(before=self.LOAD + before)
        for number in range(held):
            self.negotiated("held%d" % number)
        mta = self.negotiated()
        mta.open()
        mta.command(wire.mail(sender))
        mta.quit()
        session = self.children["watched"].session(held)
        session.wait_closed()
        return [names for _, names in session.macro_sets()]

    def test_trust(self):
        before = "trust.clear\ntrust.add_envelope_from_domain(\"example.org\")\n"
        self.assertEqual([{"trusted_domain": "yes"}],
                         self.macros_of("Trust", before, "<from@EXAMPLE.org>"))
        self.fresh()
        self.assertEqual([], self.macros_of("Trust", before, "<from@gmail.com>"))

    def test_stress_notify(self):
        before = "stress.threshold_n_connections = 3\n"
        self.assertEqual([], self.macros_of("Stress Notify", before))
        self.fresh()
        self.assertEqual([{"stress": "yes"}], self.macros_of("Stress Notify", before, held=2))

    def test_no_stress(self):
        self.child("watched", applicable_conditions=["No Stress"])
        self.child("other")
        self.start(before=self.LOAD + "stress.threshold_n_connections = 2\n")
        self.session("one")
        self.session("two")
        self.children["watched"].session(0).wait_for("H")
        self.assertNotIn("C", self.children["watched"].session(1).letters())

    def test_restrict_accounts(self):
        self.child("watched")
        self.child("other")
        self.start(before=self.LOAD,
                   after='restrict_accounts_by_list("only@example.com", /\\Aany@/, milters: ["watched"])')
        mta = self.session()
        mta.message(recipients=("<only@example.com>",))
        mta.message(recipients=("<else@example.com>",))
        mta.message(recipients=("<any@where>", "<else@example.com>"))
        mta.quit()
        watched = self.children["watched"].session()
        watched.wait_closed()
        self.assertEqual("LLNBE", watched.letters()[6:11])
        self.assertEqual([wire.rcpt("<only@example.com>"), wire.rcpt("<any@where>")],
                         [one.wire for one in watched.of("R")])


@unittest.skipUnless(os.getuid() == 0, "only root can become somebody else")
class Privileges(ManagerCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        os.mkdir(self.path("run"))
        self.nobody = pwd.getpwnam("nobody")
        os.chown(self.path("run"), self.nobody.pw_uid, self.nobody.pw_gid)

    def status(self):
        with open("/proc/%d/status" % self.manager.process.pid, encoding="ascii") as file:
            return dict(line.split(":", 1) for line in file.read().splitlines())

    def start_in_run(self, *options, **how):
        self.manager = Manager(self.directory, self.transcript)
        self.manager.socket_path = self.manager.address = self.path("run/manager.sock")
        self.manager.write_configuration(self.configuration())
        self.addCleanup(self._finish)
        return self.manager.start(*options, **how)

    def check(self, user, group):
        deadline = time.monotonic() + 5
        while self.status()["Uid"].split()[0] == "0":  # it listens before it steps down
            self.assertLess(time.monotonic(), deadline, "still root")
            time.sleep(0.01)
        status = self.status()
        self.assertEqual([str(user)] * 4, status["Uid"].split())
        self.assertEqual([str(group)] * 4, status["Gid"].split())
        self.assertIn(status["Groups"].split(), ([], [str(group)]))

    def test_user(self):
        child = self.child("a")
        os.chmod(child.address, 0o777)
        self.start_in_run("--user", "nobody", "--pid-file", self.path("run/pid"))
        self.check(self.nobody.pw_uid, self.nobody.pw_gid)
        self.assertEqual(self.nobody.pw_uid, os.stat(self.manager.socket_path).st_uid)
        self.assert_healthy()
        self.assertEqual(0, self.manager.stop())
        self.assertEqual([], os.listdir(self.path("run")))

    def test_user_and_group_by_number(self):
        child = self.child("a")
        os.chmod(child.address, 0o777)
        self.start_in_run("-u", str(self.nobody.pw_uid), "-g", "daemon")
        self.check(self.nobody.pw_uid, grp.getgrnam("daemon").gr_gid)
        self.assert_healthy()

    def test_nobody_configured_stays_root(self):
        self.child("a")
        self.start()
        self.assertEqual(["0"] * 4, self.status()["Uid"].split())
        self.assert_healthy()
        self.assertEqual(0, self.manager.stop())
        self.assertFalse(os.path.exists(self.manager.socket_path))

    def test_unknown_user(self):
        with open(self.path("milter-manager.conf"), "w", encoding="ascii") as file:
            file.write('log.use_syslog = false\nsecurity.effective_user = "no-such-user"\n')
        status, _, err = run_to_end("--config-dir", self.directory, "--no-daemon", "-s",
                                    "unix:" + self.path("run/manager.sock"))
        self.assertEqual(1, status)
        self.assertIn("no-such-user", err)
        self.assertEqual([], os.listdir(self.path("run")))

    def test_socket_group(self):
        self.start_in_run("--unix-socket-group", "daemon")
        found = os.stat(self.manager.socket_path)
        self.assertEqual((grp.getgrnam("daemon").gr_gid, 0o660),
                         (found.st_gid, stat.S_IMODE(found.st_mode)))


class Limits(ManagerCase):
    def test_max_connections(self):
        self.child("a")
        self.start("manager.max_connections = 2\nmanager.suspend_time_on_unacceptable = 1")
        one, two = self.session("one"), self.session("two")
        third = self.connect("third")
        third.send(wire.negotiate())
        third.expect_nothing(0.3)
        two.message()  # nobody else is held up
        one.quit()
        self.assertEqual("O", third.receive(3.0).letter)
        third.open()
        third.message()
        self.manager.wait_log(r"\[client\]\[accept\]\[suspend\]")

    def test_less_room_after_a_reload(self):
        """Nobody is refused who may wait."""
        self.child("a")
        self.start("manager.suspend_time_on_unacceptable = 1")
        open_ones = [self.session("MTA %d" % number) for number in range(3)]
        self.manager.write_configuration(self.configuration("manager.max_connections = 1\n"
                                                            "manager.suspend_time_on_unacceptable = 1"))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("generation 2 of the configuration is in force")
        one_more = self.session("one more")  # it was on its way
        waiting = self.connect("waiting")
        waiting.send(wire.negotiate())
        waiting.expect_nothing(0.3)
        for mta in [*open_ones, one_more]:
            mta.message()
            mta.quit()
        self.assertEqual("O", waiting.receive(5.0).letter)

    def test_refuse_when_full(self):
        self.child("a")
        self.start("manager.max_connections = 1\nmanager.refuse_when_full = true\n"
                   "manager.suspend_time_on_unacceptable = 1")
        one = self.session("one")
        for number in range(20):
            refused = self.connect("refused %d" % number)
            refused.expect_closed()
        one.message()
        one.quit()
        self.manager.wait_log(r"\[session\]\[end\]")
        next_one = self.session("next")
        next_one.message()
        next_one.quit()
        self.manager.wait_log(r"\[client\]\[accept\]\[resume\] .*; refused: 20$")
        self.assertEqual(1, len(self.manager.log_lines(r"\[client\]\[accept\]\[refuse\]")))

    def test_few_descriptors_and_many_connections(self):
        """They queue, it is said once, and the next session after the load is served at once."""
        self.child("a")
        self.start("manager.suspend_time_on_unacceptable = 1",
                   limits={resource.RLIMIT_NOFILE: 64})
        mtas = [self.manager.connect("MTA%d" % number, Quiet()) for number in range(200)]
        for mta in mtas:
            mta.send(wire.negotiate())
        for mta in mtas:
            self.assertEqual("O", mta.receive(10.0).letter)
            mta.close()
        started = time.monotonic()
        self.session("next").message()
        self.assert_within(0, 1.0, started, "the next session")
        self.manager.wait_log(r"\[client\]\[accept\]\[resume\]")
        self.assertEqual(1, len(self.manager.log_lines(r"\[client\]\[accept\]\[suspend\]")))
        self.assertEqual([], self.manager.log_lines("children.*error|Too many open files"))

    def test_a_thousand_recipients(self):
        child = self.child("a", script={"R": lambda packet: wire.REJECT if b"13" in packet.payload
                                        else wire.CONTINUE})
        mta = self.session()
        mta.command(wire.mail())
        for number in range(1000):
            mta.command(wire.rcpt("<%d@example.com>" % number),
                        wire.REJECT if "13" in str(number) else wire.CONTINUE)
        mta.command(wire.DATA)
        mta.content()
        mta.expect_end()
        mta.quit()
        self.assertEqual(1000, len(child.session().of("R")))

    def test_a_thousand_edits(self):
        edits = [wire.add_header("X-%d" % number, "v" * 100) for number in range(1000)]
        self.child("a", script={"E": [b"".join(edits), wire.CONTINUE]})
        later = self.child("b")
        mta = self.session()
        mta.message(edits=edits)
        mta.quit()
        later.session().wait_closed()
        self.assertEqual(1002, len(later.session().of("L")))

    def mad(self, answer):
        """A child gone mad is an error of that child, said so, not the end of the memory; and what
        it asked for is not done in part."""
        self.child("mad", script={"E": answer}, fallback_status="accept")
        self.child("fine", script={"E": [wire.add_header("Y", "1"), wire.CONTINUE]})
        self.start()
        mta = self.session()
        mta.message(edits=[wire.add_header("Y", "1")])
        mta.quit()
        said = [line for line in self.manager.wait_log(r"\bmad\b")
                if "[header][add]" not in line and "[milter][end]" not in line]
        self.assertTrue(said, "nobody says what was wrong with it")
        if not sanitized():  # the address sanitizer keeps what was freed
            self.assertLess(self.manager.resident_kib(), 256 * 1024)

    def test_too_many_edits(self):
        self.mad([*[wire.add_header("X", "v") * 1000] * 12, wire.CONTINUE])

    def test_too_large_edits(self):
        self.mad([*[wire.add_header("X", b"v" * 1500000)] * 200, wire.CONTINUE])

    def test_many_macros(self):
        child = self.child("a")
        mta = self.session()
        names = [text for number in range(500) for text in ("{m%03d}" % number, "v" * 50)]
        mta.send(wire.macros("M", *names))
        mta.command(wire.mail())
        mta.quit()
        child.session().wait_closed()
        self.assertEqual(500, len(child.session().macro_sets()[0][1]))


class Latency(ManagerCase):
    def test_no_artificial_delay_over_tcp(self):
        # Field notes 1 and 3: Nagle and delayed acknowledgements cost 40 ms for each packet.
        for name in "ab":
            self.child(name, tcp=True, script={"E": [wire.add_header("A", "b"), wire.CONTINUE]})
        port = free_port()
        self.start(spec="inet:%d@[127.0.0.1]" % port, wait=False)
        self.manager.wait_log(r"\[client\]\[listen\]\[start\]", timeout=15.0)
        self.manager.address = ("127.0.0.1", port)
        mta = self.session()
        started = time.monotonic()
        for _ in range(30):
            mta.send(wire.macros("M", "i", "1"), wire.mail())
            mta.expect(wire.CONTINUE)
            mta.commands(wire.rcpt(), wire.DATA)
            mta.content()
            mta.expect_end([wire.add_header("A", "b")] * 2)
        self.assert_within(0, 4.0, started, "thirty messages")
        mta.quit()


class Chained(ManagerCase):
    """A manager is a well-behaved filter: one may be the child of another."""

    def test_two_managers(self):
        os.mkdir(self.path("inner"))
        self.child("inner a", script={"E": [wire.add_header("X-A", "1"), wire.insert_header(1, "X-B", "2"),
                                            wire.add_rcpt("<new@x>"), wire.CONTINUE]})
        self.child("inner b", steps=wire.SKIP, script={
            "B": wire.SKIPPED, "E": [wire.replace_body("new body"), wire.quarantine("q"), wire.CONTINUE],
            "R": lambda packet: wire.reply_code("550-5.1.1 no\r\n550 5.1.1 no") if b"bad" in packet.payload
            else wire.CONTINUE})
        inner = Manager(self.path("inner"), self.transcript)
        inner.write_configuration(self.configuration())
        inner.start()
        self.addCleanup(inner.kill)
        self.defined = []
        self.child("before")
        self.define("inner", "unix:" + inner.socket_path)
        last = self.child("last")
        mta = self.session()
        for _ in range(3):
            mta.command(wire.mail("<a@x>", "SIZE=1"))
            mta.command(wire.rcpt("<bad@x>"), wire.reply_code("550-5.1.1 no\r\n550 5.1.1 no"))
            mta.command(wire.rcpt("<good@x>", "NOTIFY=NEVER"))
            mta.command(wire.DATA)
            mta.content(chunks=(b"1\r\n", b"2\r\n"))
            mta.expect_end([wire.add_header("X-A", "1"), wire.insert_header(1, "X-B", "2"),
                            wire.add_rcpt("<new@x>"), wire.replace_body("new body"), wire.quarantine("q")])
        mta.quit()
        last.session().wait_closed()
        self.assertEqual([wire.header("X-B", "2"), wire.header("From", "a@example.org"),
                          wire.header("Subject", "hello"), wire.header("X-A", "1")],
                         [one.wire for one in last.session().of("L")][:4])
        self.assertEqual(b"new body" * 3, last.session().body())
        self.assertEqual(0, inner.stop())


class SignalsInEveryState(ManagerCase):
    """HUP and USR1 with a session in each state; TERM with sessions in all states at once."""

    STEPS = [wire.negotiate(), wire.connect(), wire.helo(), wire.mail(), wire.rcpt(), wire.DATA,
             wire.header("A", "b"), wire.EOH, wire.body("x\r\n"), wire.EOM]

    def advance(self, mta, steps):
        for step in steps:
            mta.send(step)
            self.assertIn(mta.receive().letter, "Oc")

    def sessions_in_all_states(self):
        mtas = []
        for length in range(len(self.STEPS)):
            mta = self.connect("at%d" % length)
            self.advance(mta, self.STEPS[:length])
            mtas.append(mta)
        return mtas

    def test_harmless_ones(self):
        child = self.child("a")
        self.start()
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
            with self.subTest(signal=number):
                mtas = self.sessions_in_all_states()
                self.manager.signal(number)
                time.sleep(0.05)
                for length, mta in enumerate(mtas):
                    self.advance(mta, self.STEPS[length:])
                    mta.quit()
        for session in child.sessions:
            session.expect_letters("OCHMRTLNBEQ")

    def test_graceful_end(self):
        child = self.child("a")
        self.start()
        mtas = self.sessions_in_all_states()
        self.manager.signal(signal.SIGTERM)
        time.sleep(0.1)
        # What never said a word is no session that would have to be finished.
        for length, mta in list(enumerate(mtas))[1:]:
            self.advance(mta, self.STEPS[length:])
            mta.quit()
        mtas[0].close()
        self.assertEqual(0, self.manager.wait(3.0))
        for session in child.sessions:
            session.expect_letters("OCHMRTLNBEQ")

    def test_end_while_a_child_owes_replies(self):
        self.child("a", script={stage: Turns(SILENCE) for stage in "M"}, reading_timeout=0.5)
        self.child("b")
        mta = self.session()
        mta.send(wire.mail())
        self.children["a"].session().wait_for("M")
        self.manager.signal(signal.SIGHUP)
        self.manager.signal(signal.SIGTERM)
        mta.expect(wire.CONTINUE)
        mta.command(wire.rcpt())
        mta.quit()
        self.assertEqual(0, self.manager.wait(3.0))


if __name__ == "__main__":
    unittest.main()
