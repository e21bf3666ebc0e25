"""manager.record_sessions: what is kept, for whom, and that it replays."""

import glob
import os
import pwd
import re
import signal
import subprocess
import time
import unittest

import wire
from case import ManagerCase, condition, sanitized
from fake_child import CLOSE
from manager import BUILD, PATIENCE, PROGRAM, Manager, clean_environment, listening, run_to_end
from transcript import Quiet

TEST_SERVER = os.path.join(BUILD, "bin", "milter-test-server")
REMOTE = 'define_applicable_condition("Remote") do |condition|\n' \
         '  condition.define_connect_stopper { |context, host, address| address.local? }\nend\n'


def spoken(path):
    """What was said, without times and remarks."""
    with open(path, encoding="utf-8") as file:
        return [re.sub(r"^@[0-9.]+ ", "", line) for line in file if not line.startswith("#")]


class RecordingCase(ManagerCase):
    def setUp(self):
        super().setUp()
        self.records = self.path("records")
        os.mkdir(self.records)

    def record(self, *lines, conditions="", **how):
        """Starts the manager with recording on."""
        return self.start(before="%s\nmanager.record_sessions = %r\n%s"
                          % (conditions, self.records, "\n".join(lines)), **how)

    def files(self, directory=None):
        return sorted(glob.glob(os.path.join(directory or self.records, "*.session")))

    def only_file(self, directory=None):
        (path,) = self.files(directory)
        return path

    def text(self):
        with open(self.only_file(), encoding="utf-8") as file:
            return file.read()

    def wait_files(self, count):
        deadline = time.monotonic() + 5 * PATIENCE
        while len(self.files()) != count:
            self.assertLess(time.monotonic(), deadline, self.files())
            time.sleep(0.02)

    def replay(self, path):
        done = subprocess.run(
            [TEST_SERVER, "-s", "unix:" + self.manager.socket_path, "--replay", path],
            env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=20 * PATIENCE, check=False)
        self.assertEqual(0, done.returncode, done.stdout.decode("utf-8", "replace"))

    def assert_replays(self):
        """The recording passes, and replaying it is recorded as the same conversation."""
        path = self.only_file()
        self.replay(path)
        self.wait_files(2)
        (again,) = set(self.files()) - {path}
        self.assertEqual(spoken(path), spoken(again))


class Replay(RecordingCase):
    def test_a_message_with_edits(self):
        self.child("a", script={"E": [wire.add_header("X-A", "with a blank"), wire.CONTINUE]})
        self.child("b", script={"E": [wire.insert_header(0, "X-B", "\t\x01\xe4"),
                                      wire.change_header(1, "Subject", ""),
                                      wire.add_rcpt("<x@y>"), wire.replace_body(b"new\0\xff\r\n"),
                                      wire.quarantine("look at it"), wire.ACCEPT]})
        self.record()
        mta = self.negotiated()
        mta.send(wire.macros("C", j="mx.example.com", _="client [192.0.2.1]"))
        mta.open()
        mta.send(wire.macros("M", i="4XyZ"))
        mta.envelope()
        mta.content()
        mta.finish()
        mta.quit()
        self.assert_replays()

    def test_nul_and_eight_bit_bytes(self):
        self.child("a", script={"E": [wire.add_header("X", b"\xff\xfe"), wire.CONTINUE]})
        self.record()
        mta = self.session()
        mta.message(headers=(("Subject", b" \xe4\xf6\xfc \x80\x01\""), (b"X-\xff", b"")),
                    chunks=(bytes(range(256)) * 20, b"\0", b"# > < @1 quit\n\n    \"\\\r\n.\r\n"),
                    edits=[wire.add_header("X", b"\xff\xfe")])
        mta.quit()
        self.assert_replays()

    def test_progress_and_a_child_that_dies(self):
        self.child("slow", script={"E": [wire.PROGRESS, wire.PROGRESS, wire.CONTINUE]})
        self.child("dying", script={"E": CLOSE}, fallback_status="temporary-failure")
        self.record()
        mta = self.session()
        mta.message(verdict=wire.TEMPFAIL)
        mta.message()  # without the one that died
        mta.quit()
        self.replay(self.only_file())

    def test_refusals_and_several_messages(self):
        self.child("a", script={
            "M": lambda packet: (wire.reply_code("451 4.7.1 later") if b"later" in packet.payload
                                 else wire.CONTINUE),
            "R": lambda packet: (wire.reply_code("550-5.1.1 no\r\n550 5.1.1 100%% no")
                                 if b"nobody" in packet.payload else wire.CONTINUE),
            "E": lambda packet: wire.REJECT if packet.payload else wire.DISCARD})
        self.record()
        mta = self.session()
        mta.command(wire.unknown("XFOO bar"))
        mta.command(wire.mail("<later@x>"), wire.reply_code("451 4.7.1 later"))
        mta.command(wire.mail("<a@x>", "SIZE=10", "BODY=8BITMIME"))
        mta.send(wire.ABORT)
        mta.command(wire.mail("<b@x>"))
        mta.command(wire.rcpt("<nobody@y>"), wire.reply_code("550-5.1.1 no\r\n550 5.1.1 100%% no"))
        mta.commands(wire.rcpt("<somebody@y>"), wire.DATA)
        mta.content()
        mta.expect_end([], wire.DISCARD)
        mta.message(verdict=wire.DISCARD)
        mta.quit()
        self.assert_replays()

    def test_several_sessions_on_one_connection(self):
        self.child("a", script={"C": lambda packet: (wire.ACCEPT if b"friend" in packet.payload
                                                     else wire.CONTINUE)})
        self.record()
        mta = self.session()
        mta.message()
        mta.send(wire.QUIT_NC)
        mta.command(wire.connect("friend"), wire.ACCEPT)
        mta.send(wire.QUIT_NC)
        mta.open()
        mta.message()
        mta.quit()
        self.assertEqual(3, self.text().count("\n# [session][end]["))
        self.assert_replays()

    def test_an_old_mta_that_goes_away(self):
        self.child("a")
        self.record()
        mta = self.session(version=2, actions=0x1F, steps=0x7F)
        mta.commands(wire.mail(), wire.rcpt(), wire.header("A", "b"))
        mta.close()
        self.manager.wait_log(r"\[session\]\[end\]")
        self.wait_files(1)
        self.assertIn("\n# [session][end][abort][abort][", self.text())
        self.replay(self.only_file())



class Files(RecordingCase):
    def test_names_mode_and_remarks(self):
        self.child("a", script={"E": wire.REJECT})
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.record()
        for number in range(3):
            mta = self.session("MTA%d" % number)
            mta.message(verdict=wire.REJECT)
            self.assertEqual(number, len(self.files()))  # not before the end
            mta.quit()
        for path in self.files():
            self.assertEqual(0o100600, os.stat(path).st_mode)
            self.assertRegex(os.path.basename(path), r"\A\d{8}T\d{6}\.\d{6}-\d+-\d+\.session\Z")
        ends = [line.split("]: ", 1)[1] for line in self.manager.wait_log(r"\[session\]\[end\]", 3)]
        for path, end in zip(self.files(), ends):
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
            self.assertEqual("milter-session 1", lines[0])
            self.assertRegex(lines[1], r"\A# milter-manager \d+\.\d+\.\d+")
            self.assertRegex(lines[2], r"\A# began \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
            self.assertEqual("# peer: MTA on the unix socket", lines[3])
            self.assertEqual("# session " + re.search(r"\(\d+\)\Z", end).group(), lines[4])
            self.assertEqual("# " + end, lines[-1])

    def test_a_probe_leaves_nothing(self):
        self.child("a")
        self.record()
        self.connect("probe").close()
        self.assert_healthy()
        self.assertEqual(1, len(self.files()))

    def test_limit(self):
        self.child("a")
        self.record("manager.record_sessions_limit = 5000")
        mta = self.session()
        for _ in range(20):
            mta.message(chunks=(b"x" * 60000, b"\0" * 60000))
        mta.quit()
        self.assertLessEqual(os.path.getsize(self.only_file()), 5000)
        self.assertIn("\n# the rest is left out: more than ", self.text())
        self.assertIn("\n# [session][end][end-of-message-replied][pass][", self.text())

    def test_a_body_up_to_the_default_limit(self):
        self.child("a")
        self.record()
        mta = self.session()
        mta.message(chunks=[os.urandom(65535)] * 3)
        mta.message(chunks=[b"line\r\n" * 10000] * 30)
        mta.quit()
        self.assertLessEqual(os.path.getsize(self.only_file()), 1048576)

    def test_failing_and_working_again(self):
        self.child("a")
        self.record()
        os.rmdir(self.records)
        for _ in range(3):
            self.assert_healthy()
        (line,) = self.manager.wait_log(r"\[record\]\[error\]")
        self.assertRegex(line, r"cannot write %s/\S+\.session: No such file or directory "
                         r"\(as user ID %d\)" % (self.records, os.geteuid()))
        os.mkdir(self.records)
        for _ in range(2):
            self.assert_healthy()
        self.assertEqual(1, len(self.manager.wait_log(r"\[record\] sessions are recorded in .* again")))
        self.assertEqual(1, len(self.manager.log_lines(r"\[record\]\[error\]")))
        self.assertEqual(2, len(self.files()))

    def test_directory_that_is_none(self):
        self.child("a")
        open(self.path("file"), "w", encoding="ascii").close()
        message = "cannot record sessions in %s: %s (as user ID %d)"
        for path, reason in (
                (self.path("absent"),
                 ": " + message % (self.path("absent"), "No such file or directory", os.geteuid())),
                (self.path("file"),
                 ": " + message % (self.path("file"), "Not a directory", os.geteuid())),
                ("", ' should name a directory but was ""')):
            with self.subTest(path=path):
                manager = Manager(self.directory, self.transcript)
                manager.write_configuration(
                    self.configuration("manager.record_sessions = %r" % path))
                status, _, errors = run_to_end("-c", self.directory, "-s",
                                               "unix:" + manager.socket_path)
                self.assertEqual(1, status)
                self.assertEqual("milter-manager: manager.record_sessions%s\n" % reason, errors)
                self.assertFalse(os.path.exists(manager.socket_path))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_the_user_it_runs_as_must_be_able_to_write(self):
        nobody = pwd.getpwnam("nobody")
        os.chmod(self.directory, 0o755)
        os.chmod(self.records, 0o755)
        self.child("a")
        manager = Manager(self.directory, self.transcript)
        manager.write_configuration(
            self.configuration("manager.record_sessions = %r" % self.records))
        status, _, errors = run_to_end("-c", self.directory, "-s", "unix:" + manager.socket_path,
                                       "-u", "nobody")
        self.assertEqual(1, status)
        self.assertIn("cannot record sessions in %s: Permission denied (as user ID %d)\n"
                      % (self.records, nobody.pw_uid), errors)
        os.chown(self.records, nobody.pw_uid, -1)
        os.chmod(self.path("a.sock"), 0o777)
        self.start(options=("-u", "nobody"), write=False)
        self.assert_healthy()
        self.assertEqual(nobody.pw_uid, os.stat(self.only_file()).st_uid)

    def test_relative_directory_of_a_daemon(self):
        self.child("a")
        manager = Manager(self.directory, self.transcript)
        manager.write_configuration(self.configuration(
            'log.path = %r\nmanager.record_sessions = "records"' % self.path("log")))
        status = subprocess.run(
            [PROGRAM, "-c", self.directory, "--daemon", "--pid-file", self.path("pid"), "-s",
             "unix:" + manager.socket_path], env=clean_environment(), cwd=self.directory,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=20, check=False).returncode
        self.assertEqual(0, status)
        with open(self.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        try:
            mta = manager.connect()
            mta.negotiate()
            mta.open()
            mta.quit()
        finally:
            os.kill(pid, signal.SIGTERM)
        self.assertTrue(self.only_file())
        deadline = time.monotonic() + 10
        while listening(manager.socket_path):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


class Reload(RecordingCase):
    def reload(self, before, pattern=r"\[manager\]\[reload\]"):
        count = len(self.manager.log_lines(pattern))
        self.manager.write_configuration(self.configuration(before))
        self.manager.signal(signal.SIGHUP)
        return self.manager.wait_log(pattern, count + 1)[-1]

    def test_running_sessions_keep_their_setting(self):
        other = self.path("other")
        os.mkdir(other)
        self.child("a")
        self.start()
        silent = self.session("before")
        self.reload("manager.record_sessions = %r" % self.records)
        recorded = self.session("recorded")
        self.reload("manager.record_sessions = %r" % other)
        elsewhere = self.session("elsewhere")
        self.reload("")
        for mta in (silent, recorded, elsewhere, self.session("after")):
            mta.message()
            mta.quit()
        self.only_file()
        self.only_file(other)

    def test_a_directory_that_cannot_be_written_changes_nothing(self):
        self.child("a")
        self.record()
        line = self.reload("manager.record_sessions = %r" % self.path("absent"))
        self.assertIn("cannot record sessions in %s: No such file or directory (as user ID %d); the "
                      "configuration stays as it was" % (self.path("absent"), os.geteuid()), line)
        self.assert_healthy()
        self.only_file()


class Conditions(RecordingCase):
    def test_connect(self):
        self.child("a")
        self.record('manager.add_record_sessions_condition("Remote")', conditions=REMOTE)
        for address, count in (("192.0.2.45", 1), ("10.1.2.3", 1), ("127.0.0.1", 1), ("192.0.2.1", 2)):
            mta = self.negotiated()
            mta.commands(wire.connect(address=address), wire.helo())
            mta.message()
            mta.quit()
            self.assertEqual(count, len(self.files()), address)

    def test_any_stage_and_any_message(self):
        stages = (("helo", "name", "name == 'stop'"), ("envelope_from", "from", "from == '<stop>'"),
                  ("envelope_recipient", "to", "to == '<stop>'"),
                  ("data", "", "context['i'] == 'stop'"),
                  ("header", "name, value", "name + value == 'Astop'"),
                  ("body", "chunk", "chunk.end_with?('stop')"))
        self.child("a", steps=wire.LEADSPC)
        self.record(
            "manager.record_sessions_conditions = %s" % ["C-" + stage[0] for stage in stages],
            conditions="".join(condition("C-" + kind, kind, arguments, body)
                               for kind, arguments, body in stages).replace("'", '"'))
        cases = ({}, {"name": "stop"}, {"sender": "<stop>"}, {"recipient": "<stop>"}, {"i": "stop"},
                 {"value": "stop"}, {"chunk": b"stop"}, {"last": b"stop"})
        for case in cases:
            with self.subTest(case=case):
                before = len(self.files())
                mta = self.negotiated()
                mta.open(name=case.get("name", "helo"))
                mta.message()
                mta.commands(wire.mail(case.get("sender", "<a>")),
                             wire.rcpt(case.get("recipient", "<b>")))
                mta.send(wire.macros("T", i=case.get("i", "1")))
                mta.command(wire.DATA)
                mta.content([("A", b" " + wire.as_bytes(case.get("value", "x")))],
                            [case.get("chunk", b"x")])
                mta.expect_end(data=case.get("last", b""))
                mta.message()
                mta.quit()
                self.assertEqual(before if case else before + 1, len(self.files()))

    def test_children_are_not_concerned(self):
        child = self.child("a")
        self.record('manager.record_sessions_conditions = ["Never"]',
                    conditions=condition("Never", "connect", "host, address", "true"))
        mta = self.session()
        mta.message()
        mta.quit()
        child.expect_letters("OCHMRTLLNBEQ")
        self.assertEqual([], self.files())

    def test_shipped_conditions(self):
        self.child("a")
        self.record('manager.record_sessions_conditions = ["Remote Network", "Unauthenticated"]\n'
                    'restrict_accounts_by_list("me@example.com", milters: [], condition_name: "Me")\n'
                    'manager.add_record_sessions_condition("Me")',
                    conditions='load("%s/milter-manager/conf/applicable-conditions/*.conf")\n'
                               % os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
        for user, recipients, kept in (("", ["<me@example.com>"], 1), ("u", ["<me@example.com>"], 0),
                                       ("", ["<me@example.com>", "<you@example.com>"], 0)):
            before = len(self.files())
            mta = self.session()
            if user:
                mta.send(wire.macros("M", auth_authen=user))
            mta.message(recipients=recipients)
            mta.quit()
            self.assertEqual(before + kept, len(self.files()), (user, recipients))

    def test_one_that_raises_stops_nothing(self):
        self.child("a")
        self.record('manager.record_sessions_conditions = ["Broken"]',
                    conditions=condition("Broken", "helo", "name", "raise 'no ' + context.name"))
        self.assert_healthy()
        self.only_file()
        self.manager.wait_log(r'\[condition\]\[error\]\[helo\] "Broken" for manager.record_sessions: '
                              r'\S+:\d+: no manager.record_sessions \(RuntimeError\)')

    def test_one_without_stoppers_is_warned_of(self):
        self.record('manager.record_sessions_conditions = ["Empty"]',
                    conditions='define_applicable_condition("Empty")')
        self.manager.wait_log('condition "Empty" has no stopper: it stops nothing')

    def test_unknown_name(self):
        self.child("a")
        self.manager = Manager(self.directory, self.transcript)
        for line, message in (
                ('manager.record_sessions_conditions = ["Remote", "Remoet"]',
                 'applicable condition should be one of ["Remote"] but was "Remoet" '
                 '(did you mean "Remote"?)'),
                ('manager.add_record_sessions_condition("Policy")',
                 'applicable condition should be one of ["Remote"] but was "Policy"'),
                ("manager.record_session_conditions = []",
                 "unknown item: manager.record_session_conditions "
                 "(did you mean manager.record_sessions_conditions?)")):
            self.manager.write_configuration(REMOTE + line)
            status, _, errors = run_to_end("-c", self.directory, "--show-config")
            self.assertEqual(1, status)
            self.assertEqual("milter-manager: %s:4: %s\n"
                             % (self.manager.configuration_path, message), errors)
        self.manager = None

    def test_shown_in_a_form_that_reads_back(self):
        self.manager = Manager(self.directory, self.transcript)
        self.manager.write_configuration(
            REMOTE + 'manager.record_sessions = "x"\nmanager.record_sessions_limit = 5000\n'
            'manager.add_record_sessions_condition("Remote")')
        status, shown, errors = run_to_end("-c", self.directory, "--show-config")
        self.assertEqual((0, ""), (status, errors))
        self.assertIn('\nmanager.record_sessions = "x"\n', shown)
        self.assertIn('\nmanager.record_sessions_conditions = [\n  # %s:6\n  "Remote",\n]\n'
                      % self.manager.configuration_path, shown)
        self.manager.write_configuration(shown)
        _, again, _ = run_to_end("-c", self.directory, "--show-config")
        remarks = re.compile(r"^ *#.*\n", re.MULTILINE)
        self.assertEqual(remarks.sub("", shown), remarks.sub("", again))
        self.manager = None


class Waiting(RecordingCase):
    SLOW = condition("Slow", "connect", "host, address", "sleep 0.4; host == 'stop'").replace("'", '"')

    def slow(self):
        self.child("a")
        self.record('manager.record_sessions_conditions = ["Slow"]', conditions=self.SLOW)

    def test_the_session_does_not_wait(self):
        self.slow()
        start = time.monotonic()
        kept, stopped = self.session("kept"), self.session("stopped", host="stop")
        for mta in (kept, stopped):
            mta.message()
        self.assert_within(0, 0.3, start, "two messages")
        time.sleep(0.6 * PATIENCE)
        for mta in (kept, stopped):
            mta.message()
            mta.quit()
        self.assertEqual(2, self.text().count(" > end-of-message\n"))
        self.assertIn(" > connect client.example.org ", self.text())

    def test_an_end_before_the_answer(self):
        self.slow()
        self.assert_healthy()
        time.sleep(0.6 * PATIENCE)
        self.assert_healthy()
        self.assertEqual([], self.files())
        self.assertEqual([], self.manager.log_lines("error"))


class Load(RecordingCase):
    def test_nothing_grows(self):
        self.transcript = Quiet()
        child = self.child("a")
        self.record('manager.record_sessions_conditions = ["Slow", "Odd"]',
                    "manager.record_sessions_limit = 100000",
                    conditions=condition("Slow", "connect", "host, address", "sleep 0.02; false")
                    + condition("Odd", "header", "name, value", 'value == "stop"'))

        def round_of_sessions(count):
            for number in range(count):
                mta = self.session("MTA")
                mta.message(headers=[("A", "stop" if number % 3 == 0 else "go")],
                            chunks=[b"x" * 50000] * 3)
                if number % 2 == 0:
                    time.sleep(0.03)
                    mta.send(wire.QUIT)
                mta.close()
            self.mtas.clear()
            child.sessions.clear()

        round_of_sessions(60)
        first, files = self.manager.resident_kib(), self.manager.files_at_rest()
        round_of_sessions(240)
        self.assert_no_more_files(files)
        if not sanitized():
            self.assertLess(self.manager.resident_kib(), first * 1.10 + 1024)
        count = len(self.files())
        self.assertTrue(40 <= count <= 200, count)
        self.assertEqual(count, len(os.listdir(self.records)))
        for path in self.files():
            self.assertLessEqual(os.path.getsize(path), 100000)


if __name__ == "__main__":
    unittest.main()
