"""The process: start and its errors, signals, files (manager-semantics 15, 18;
milter-manager-cli; field-notes 1)."""

import os
import re
import signal
import socket
import stat
import subprocess
import time
import unittest

import wire
from case import ManagerCase, free_port
from fake_child import SILENCE
from manager import PROGRAM, Manager, clean_environment, ender, listening, read_text, run_to_end


class Start(ManagerCase):
    def run_with(self, configuration, *options, **how):
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write("log.use_syslog = false\n" + configuration)
        return run_to_end("--config-dir", self.directory, "--no-daemon", "-s",
                          "unix:" + self.path("manager.sock"), *options, **how)

    def refused(self, configuration, *patterns, options=(), **how):
        """Ends with status 1 and says why on stderr (not on stdout)."""
        status, out, err = self.run_with(configuration, *options, **how)
        self.assertEqual((1, ""), (status, "".join(
            line for line in out.splitlines() if "rror" in line)), out + err)
        for pattern in patterns:
            self.assertRegex(err, pattern)
        return err

    def test_version(self):
        with open(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
                os.path.abspath(__file__)))), "VERSION"), encoding="ascii") as file:
            version = file.read().strip()
        self.assertEqual((0, "milter-manager %s\n" % version, ""), run_to_end("--version"))

    def test_bad_option(self):
        status, _, err = run_to_end("--no-such-option")
        self.assertEqual(1, status)
        self.assertIn("--help", err)

    def test_errors_in_the_configuration_name_file_and_line(self):
        for text in ('manager.fallback_status = "x"\n', "this is no ruby (\n", "no_such_call 1\n",
                     'raise "broken"\n', 'manager.no_such_item = 1\n', 'security.privilege_mode = "maybe"\n',
                     'define_milter("a") { |milter| milter.connection_spec = "nonsense" }\n',
                     'define_milter("a") { |milter| milter.applicable_conditions = ["None"] }\n',
                     'define_milter("a") { |milter| milter.fallback_status = "never" }\n',
                     'manager.chunk_size = "many"\n', 'manager.connection_spec = "inet:99999999"\n'):
            with self.subTest(text=text):
                self.refused("\n\n" + text, r"milter-manager\.conf:4")

    def test_error_text_of_a_wrong_value(self):
        err = self.refused('manager.fallback_status = "x"\n')
        self.assertIn('manager.fallback_status should be one of ["accept", "reject", '
                      '"temporary-failure", "discard"] but was "x"', err)

    def test_cannot_listen(self):
        self.refused("", r"failed to listen", options=("-s", "unix:" + self.path("no/such/directory/s")))

    def test_bad_spec(self):
        self.refused("", r"(-s|--connection-spec): ", options=("-s", "nonsense:"))

    def test_too_long_socket_path(self):
        self.refused("", options=("-s", "unix:" + self.path("x" * 150)))

    def test_port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.refused("", r"failed to listen",
                         options=("-s", "inet:%d@[127.0.0.1]" % other.getsockname()[1]))

    def test_pid_file_not_writable(self):
        self.refused("", r"no/such", options=("--pid-file", self.path("no/such/pid")))
        self.assertFalse(os.path.exists(self.path("manager.sock")))

    def test_live_socket_is_an_error(self):
        self.start()
        self.refused("", r"manager\.sock")
        self.assertTrue(listening(self.manager.socket_path))
        self.assert_no_children()

    def assert_no_children(self):
        mta = self.connect()
        self.assertEqual(6, mta.negotiate().version)
        mta.close()

    def test_dead_socket_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.path("manager.sock"))
            stale.listen(1)
        self.assertTrue(os.path.exists(self.path("manager.sock")))
        self.start()
        self.assert_no_children()

    def test_plain_file_at_the_socket_path_is_kept(self):
        with open(self.path("manager.sock"), "w", encoding="ascii") as file:
            file.write("precious")
        self.refused("", r"manager\.sock")
        self.assertEqual("precious", read_text(self.path("manager.sock")))

    def test_directory_at_the_socket_path_is_kept(self):
        os.mkdir(self.path("manager.sock"))
        self.refused("", r"manager\.sock")
        self.assertTrue(os.path.isdir(self.path("manager.sock")))

    def test_killed_manager_leaves_a_socket_the_next_one_takes_over(self):
        self.start()
        self.manager.process.kill()
        self.manager.wait()
        self.assertTrue(os.path.exists(self.path("manager.sock")))
        self.start()
        self.assert_no_children()


class Files(ManagerCase):
    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def test_socket_mode_default(self):
        self.start()
        self.assertEqual(0o660, self.mode("manager.sock"))

    def test_socket_mode_of_the_configuration(self):
        self.start("manager.unix_socket_mode = 0600")
        self.assertEqual(0o600, self.mode("manager.sock"))

    def test_socket_mode_of_the_command_line(self):
        for number, (option, expected) in enumerate((("666", 0o666), ("0640", 0o640), ("ug=rw", 0o660),
                                                     ("a=rw", 0o666))):
            with self.subTest(option=option):
                if number:
                    self._finish()
                self.start("manager.unix_socket_mode = 0600", options=("--unix-socket-mode", option))
                self.assertEqual(expected, self.mode("manager.sock"))

    def test_socket_is_removed_at_the_end(self):
        self.start()
        self.assertEqual(0, self.manager.stop())
        self.assertFalse(os.path.exists(self.path("manager.sock")))

    def test_socket_is_kept_when_told_so(self):
        self.start("manager.remove_unix_socket_on_close = false")
        self.assertEqual(0, self.manager.stop())
        self.assertTrue(os.path.exists(self.path("manager.sock")))

    def test_pid_file(self):
        self.start('manager.pid_file = "%s"' % self.path("pid"))
        deadline = time.monotonic() + 30
        while not (os.path.exists(self.path("pid")) and read_text(self.path("pid"))):
            self.assertLess(time.monotonic(), deadline, "it is written once the socket is there")
            time.sleep(0.02)
        self.assertEqual("%d\n" % self.manager.process.pid, read_text(self.path("pid")))
        self.assertEqual(0o644, self.mode("pid"))
        self.assertEqual(0, self.manager.stop())
        self.assertFalse(os.path.exists(self.path("pid")))

    def test_signals_that_come_before_the_loop(self):
        """A thread of the configuration may get them; they count once the loop is there."""
        self.child("a")
        self.start('Thread.new { sleep }\n'
                   'unless $told\n  $told = true\n  system("kill -HUP #{Process.pid}; kill -USR1 #{Process.pid}")\n'
                   'end\n')
        self.manager.wait_log("generation 2 of the configuration is in force")
        self.assert_healthy()

    def test_tcp_listener(self):
        self.child("a")
        port = free_port()
        self.start(spec="inet:%d@[127.0.0.1]" % port, wait=False)
        self.manager.address = ("127.0.0.1", port)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.connect("probe").close()
                break
            except ConnectionRefusedError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
        self.assert_healthy()
        mta = self.session()
        mta.command(wire.mail())
        mta.reset()
        self.assert_healthy()

    def test_log_file_and_its_reopening(self):
        self.child("a")
        self.start('log.path = "%s"' % self.path("log"))
        self.assert_healthy()
        self.wait_for_text("log", r"\[session\]\[end\]")
        os.rename(self.path("log"), self.path("log.old"))
        self.manager.signal(signal.SIGUSR1)
        deadline = time.monotonic() + 5
        while not os.path.exists(self.path("log")):
            self.assertLess(time.monotonic(), deadline, "USR1 has not reopened the log file")
            time.sleep(0.02)
        old = read_text(self.path("log.old"))
        self.assert_healthy()
        self.wait_for_text("log", r"\[session\]\[end\]")
        self.assertEqual(old, read_text(self.path("log.old")))

    def wait_for_text(self, name, pattern):
        deadline = time.monotonic() + 5
        while not re.search(pattern, read_text(self.path(name))):
            self.assertLess(time.monotonic(), deadline, "no /%s/ in %s" % (pattern, name))
            time.sleep(0.02)

    def test_daemon(self):
        self.child("a")
        manager = self.manager = Manager(self.directory, self.transcript)
        manager.write_configuration(self.configuration('log.path = "%s"' % self.path("log")))
        status = subprocess.run(
            [PROGRAM, "--config-dir", self.directory, "--daemon", "--pid-file", self.path("pid"), "-s",
             "unix:" + manager.socket_path], env=clean_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20, check=False)
        self.assertEqual((0, b""), (status.returncode, status.stderr))
        # Exit 0 of the parent means that it listens; the pid file follows at once.
        self.assertTrue(listening(manager.socket_path))
        self.wait_for_text("pid", r"^\d+\n$")
        pid = int(read_text(self.path("pid")))
        self.addCleanup(ender(pid))
        self.assertEqual("/", os.readlink("/proc/%d/cwd" % pid))
        for number in range(3):
            self.assertEqual("/dev/null", os.readlink("/proc/%d/fd/%d" % (pid, number)))
        self.assert_healthy()
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while alive(pid):
            self.assertLess(time.monotonic(), deadline, "the daemon does not end")
            time.sleep(0.02)
        self.assertFalse(os.path.exists(self.path("pid")))
        self.assertFalse(os.path.exists(manager.socket_path))


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Stopping(ManagerCase):
    def test_idle(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.start()
                started = time.monotonic()
                self.manager.signal(number)
                self.assertEqual(0, self.manager.wait())
                self.assert_within(0, 1.0, started, "the end")

    def test_as_soon_as_the_socket_is_there(self):
        # Whoever sees the socket may send signals: none of them kills by its default action.
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1) * 4:
            with self.subTest(signal=number):
                self.start(wait=False)
                deadline = time.monotonic() + 15
                while not os.path.exists(self.manager.socket_path):
                    self.assertLess(time.monotonic(), deadline, "no socket")
                self.manager.signal(number)
                if number != signal.SIGTERM:
                    self.manager.wait_ready()
                    self.manager.signal(signal.SIGTERM)
                self.assertEqual(0, self.manager.wait())
                self.assertFalse(os.path.exists(self.manager.socket_path))

    def test_open_sessions_are_finished(self):
        child = self.child("a", script={"E": [0.2, wire.add_header("A", "b"), wire.CONTINUE]})
        mta = self.session()
        mta.envelope()
        self.manager.signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while listening(self.manager.socket_path):
            self.assertLess(time.monotonic(), deadline, "still accepts connections")
            time.sleep(0.02)
        with self.assertRaises(OSError):
            self.connect("too late")
        mta.content()
        mta.expect_end([wire.add_header("A", "b")])
        self.assertTrue(self.manager.running())
        mta.quit()
        self.assertEqual(0, self.manager.wait(3.0))
        child.expect_letters("OCHMRTLLNBEQ")

    def test_second_signal_is_immediate(self):
        self.child("a")
        mta = self.session()
        self.manager.signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertTrue(self.manager.running())
        self.manager.signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, self.manager.wait(2.0))
        self.expected_status = -signal.SIGTERM
        mta.close()

    def test_shutdown_timeout(self):
        child = self.child("a")
        self.start("manager.shutdown_timeout = 1.0")
        mta = self.session()
        started = time.monotonic()
        self.manager.signal(signal.SIGTERM)
        mta.expect_closed()
        self.assertEqual(0, self.manager.wait(3.0))
        self.assert_within(0.9, 2.0, started, "the end")
        child.expect_letters("OCHQ")
        self.manager.wait_log(r"(?i)shut|clos|timeout")

    def test_idle_connections_that_never_negotiated(self):
        self.start("manager.shutdown_timeout = 0.5")
        mta = self.connect()
        self.manager.signal(signal.SIGTERM)
        mta.expect_closed(3.0)
        self.assertEqual(0, self.manager.wait(3.0))

    def test_while_a_child_is_silent(self):
        self.child("a", script={"M": SILENCE}, reading_timeout=0.6, fallback_status="temporary-failure")
        mta = self.session()
        mta.send(wire.mail())
        self.children["a"].session().wait_for("M")
        self.manager.signal(signal.SIGTERM)
        mta.expect(wire.TEMPFAIL)
        mta.quit()
        self.assertEqual(0, self.manager.wait(3.0))

    def test_right_after_load(self):
        # Field notes 1: a dead-lock of the reference.
        self.child("a")
        self.start()
        for number in range(40):
            mta = self.session("MTA%d" % number)
            mta.message()
            mta.send(wire.QUIT)
            mta.close()
        self.manager.signal(signal.SIGTERM)
        self.assertEqual(0, self.manager.wait(3.0))

    def test_broken_pipe_is_ignored(self):
        self.child("a", script={"E": [0.1, *[wire.add_header("A", "b" * 1000)] * 500, wire.CONTINUE]})
        for _ in range(3):
            mta = self.session()
            mta.envelope()
            mta.content()
            mta.send(wire.EOM)
            mta.close()
        time.sleep(0.3)
        self.assertTrue(self.manager.running())
        mta = self.session()
        mta.envelope()
        mta.content()
        self.assertEqual(500, len(mta.finish()[0]))
        mta.quit()


class Reload(ManagerCase):
    def reload(self, configuration, pattern=None):
        self.manager.write_configuration(configuration)
        self.manager.signal(signal.SIGHUP)
        if pattern:
            self.manager.wait_log(pattern)

    def children_in_use(self):
        """The names of the children a new session talks to."""
        counts = {name: len(child.sessions) for name, child in self.children.items()}
        mta = self.session("probe")
        mta.quit()
        return [name for name, child in self.children.items() if len(child.sessions) > counts[name]]

    def wait_in_use(self, expected):
        deadline = time.monotonic() + 5
        while True:
            used = self.children_in_use()
            if used == expected:
                return
            self.assertLess(time.monotonic(), deadline, "children in use: %s, not %s" % (used, expected))
            time.sleep(0.05)

    def test_new_sessions_get_the_new_children(self):
        self.child("old", script={"E": [wire.add_header("X", "old"), wire.CONTINUE]})
        self.start()
        running = self.session("running")
        self.defined = []
        self.child("new", script={"E": [wire.add_header("X", "new"), wire.CONTINUE]})
        self.reload(self.configuration())
        self.wait_in_use(["new"])
        running.message(edits=[wire.add_header("X", "old")])
        running.quit()
        self.children["old"].expect_letters("OCHMRTLLNBEQ", 0)
        mta = self.session()
        mta.message(edits=[wire.add_header("X", "new")])
        mta.quit()

    def test_a_broken_configuration_changes_nothing(self):
        self.child("old")
        self.start()
        before = self.configuration()
        self.child("new")
        after = self.configuration()
        broken = (after + "\nthis is no ruby (\n", after + "\nno_such_call 1\n",
                  after + '\nmanager.fallback_status = "x"\n', after + '\nraise "no"\n',
                  'remove_milter("old")\n' + after + "\n1 / 0\n", after + '\nload("missing.conf")\n',
                  after + "\nexit\n")
        for number, text in enumerate(broken):
            with self.subTest(number=number):
                log = len(self.manager.log())
                self.reload(text)
                deadline = time.monotonic() + 5
                while not re.search(r"(?i)error|failed", self.manager.log()[log:]):
                    self.assertLess(time.monotonic(), deadline, "nothing is logged")
                    time.sleep(0.02)
                self.assertTrue(self.manager.running())
                self.assertEqual(["old"], self.children_in_use())
        self.manager.wait_log(r"milter-manager\.conf:\d+")
        self.reload(after)
        self.wait_in_use(["old", "new"])
        self.reload(before)
        self.wait_in_use(["old"])

    def test_command_line_and_socket_stay(self):
        self.child("old")
        self.start(options=("--pid-file", self.path("pid")))
        inode = os.stat(self.manager.socket_path).st_ino
        self.reload(self.configuration('manager.connection_spec = "unix:%s"\nmanager.pid_file = "%s"'
                                       % (self.path("other.sock"), self.path("other.pid"))))
        self.wait_in_use(["old"])
        self.assertEqual(inode, os.stat(self.manager.socket_path).st_ino)
        self.assertFalse(os.path.exists(self.path("other.sock")))
        self.assertEqual("%d\n" % self.manager.process.pid, read_text(self.path("pid")))

    def test_removed_conditions_and_children_do_not_disturb_running_sessions(self):
        self.child("old", applicable_conditions=["Stop"])
        self.start(before="""
define_applicable_condition("Stop") do |condition|
  condition.define_envelope_from_stopper { |context, from| from == "<stop@x>" }
end
""")
        running = self.session("running")
        self.defined = []
        self.child("new")
        self.reload(self.configuration())
        self.wait_in_use(["new"])
        running.command(wire.mail("<stop@x>"))
        running.send(wire.ABORT)
        running.message()
        running.quit()
        self.children["old"].expect_letters("OCHMRTLLNBEQ", 0)

    def test_many_reloads_leak_nothing(self):
        self.child("a")
        self.start()
        self.assert_healthy()
        for _ in range(20):
            self.manager.signal(signal.SIGHUP)
            self.assert_healthy()
        before, files = self.manager.resident_kib(), self.manager.open_files()
        for _ in range(60):
            self.manager.signal(signal.SIGHUP)
            self.assert_healthy()
        self.assertLessEqual(self.manager.open_files(), files)
        self.assertLess(self.manager.resident_kib(), before * 1.25 + 4096)


class ShowConfig(ManagerCase):
    def show(self, directory, *options):
        return run_to_end("--config-dir", directory, "--show-config", *options)

    def round_trip(self, text, *options):
        """The output, fed back as configuration, gives the same items."""
        first, second = self.path("first"), self.path("second")
        for directory, content in ((first, text), (second, None)):
            os.mkdir(directory)
            with open(os.path.join(directory, "milter-manager.conf"), "w", encoding="utf-8") as file:
                file.write(shown[1] if content is None else content)
            shown = self.show(directory, *options)
            # That the conditions in the output have no stoppers may be said.
            self.assertEqual(0, shown[0], shown[2])
            self.assertNotIn("rror", shown[2])
        third = self.path("third")
        os.mkdir(third)
        with open(os.path.join(third, "milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write(shown[1])
        again = self.show(third, *options)
        self.assertEqual(shown[1].replace(second, "DIR"), again[1].replace(third, "DIR"))
        return shown[1]

    def test_defaults(self):
        shown = self.round_trip("")
        self.assertIn("manager.unix_socket_mode = 0660", shown)
        self.assertIn('manager.fallback_status = "accept"', shown)

    def test_everything(self):
        shown = self.round_trip("""
log.level = "all"
log.use_syslog = false
manager.connection_spec = "inet:10025@[127.0.0.1]"
manager.unix_socket_mode = 0600
manager.fallback_status = "temporary-failure"
manager.chunk_size = 1000
manager.max_connections = 17
manager.condition_timeout = 2.5
define_applicable_condition("C \\"quoted\\" \#{x}") do |condition|
  condition.description = "what it is"
  condition.define_helo_stopper { |context, fqdn| true }
end
define_milter("b") do |milter|
  milter.connection_spec = "unix:/run/b \\"x\\".sock"
  milter.description = "sp\u00e9cial \\n\\t"
  milter.enabled = false
  milter.fallback_status = "reject"
  milter.evaluation_mode = true
  milter.applicable_conditions = ["C \\"quoted\\" \#{x}"]
  milter.reading_timeout = 1.5
  milter.end_of_message_timeout = 200
end
define_milter("a") { |milter| milter.connection_spec = "inet:10026@localhost" }
""")
        self.assertLess(shown.index('define_milter("b")'), shown.index('define_milter("a")'))
        for item in ("milter.reading_timeout = 1.5", "milter.end_of_message_timeout = 200.0",
                     'milter.fallback_status = "reject"', "manager.unix_socket_mode = 0600"):
            self.assertIn(item, shown)

    def test_broken_configuration(self):
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write('\nmanager.fallback_status = "x"\n')
        status, _, err = self.show(self.directory)
        self.assertEqual(1, status)
        self.assertRegex(err, r"milter-manager\.conf:2")

    def test_order_of_redefined_children_is_kept(self):
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write('define_milter("x") { |milter| milter.connection_spec = "unix:/x" }\n'
                       'define_milter("y") { |milter| milter.connection_spec = "unix:/y" }\n'
                       'define_milter("x") { |milter| milter.description = "again" }\n'
                       'define_milter("z") { |milter| milter.connection_spec = "unix:/z" }\n'
                       'remove_milter("z")\n')
        status, out, err = self.show(self.directory)
        self.assertEqual((0, ""), (status, err))
        self.assertEqual(["x", "y"], re.findall(r'define_milter\("(\w+)"\)', out))
        self.assertIn('milter.connection_spec = "unix:/x"', out)
        self.assertIn('milter.description = "again"', out)


if __name__ == "__main__":
    unittest.main()
