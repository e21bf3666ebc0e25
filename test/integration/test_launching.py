"""Children that root starts with their commands when they cannot be reached
(manager-semantics sections 13 and 17 row 15)."""

import os
import pwd
import re
import signal
import time
import unittest

import wire
from case import ManagerCase
from manager import BUILD, ender

ROOT = os.getuid() == 0
MILTER = os.path.join(BUILD, "bin", "milter-test-client")
STARTUP = 10.0  # longer than any machine takes; nobody waits for its end


def alive(pid):
    """Runs, and is no zombie."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Launching(ManagerCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)  # for milters that are not root
        self.enders = {}
        self.addCleanup(self.end_processes)

    def is_ours(self, pid):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                return self.directory.encode() in file.read()
        except OSError:
            return False

    def note(self, *pids):
        """These are ended with the test."""
        self.enders.update((pid, ender(pid)) for pid in pids if pid not in self.enders)

    def end_processes(self):
        for name in os.listdir(self.directory):
            if name.endswith(".pids"):  # some a test may not have looked at
                self.note(*[pid for pid in self.launched(name[:-5], note=False) if self.is_ours(pid)])
        for end in self.enders.values():
            end()

    def script(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    def milter(self, name="a", before="", options="", **settings):
        """A child that a script starts, which notes each start and becomes a milter."""
        script = self.script(name + ".sh", 'echo $$ >>%s\n%s\nexec %s -s "$1" --unix-socket-mode 666\n' % (
            self.path(name + ".pids"), before, MILTER))
        settings = {"command": script, "startup_time": STARTUP,
                    "command_options": ("unix:%s %s" % (self.path(name + ".sock"), options)).strip(),
                    "fallback_status": "temporary-failure", **settings}
        self.define(name, "unix:" + self.path(name + ".sock"), **settings)

    def launched(self, name="a", note=True):
        """The process numbers of all starts."""
        try:
            with open(self.path(name + ".pids"), encoding="ascii") as file:
                pids = [int(line) for line in file]
        except FileNotFoundError:
            return []
        if note:
            self.note(*pids)
        return pids

    def start(self, before="", after="", options=(), **how):
        return super().start("security.privilege_mode = true\n" + before, after, options, **how)

    def wait(self, condition, what, seconds=10):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.fail("not within %g s: %s" % (seconds, what))
            time.sleep(0.01)

    def launcher(self):
        """The process number of the launcher."""
        for entry in os.listdir("/proc"):
            try:
                with open("/proc/%s/comm" % entry, encoding="ascii") as file:
                    if file.read() != "milter-launcher\n":
                        continue
                with open("/proc/%s/cmdline" % entry, "rb") as file:
                    if self.directory.encode() in file.read().split(b"\0"):
                        return int(entry)
            except (OSError, ValueError):
                continue
        return None

    def refused_mail(self):
        mta = self.negotiated("down")
        mta.command(wire.connect(), wire.TEMPFAIL)
        mta.socket.close()


@unittest.skipUnless(ROOT, "only root starts milters")
class Commands(Launching):
    def test_command_of_a_child_that_is_down(self):
        self.milter()
        self.child("b")
        self.start(environment={"MILTER_LOG_ITEM": "time|name|pid"})
        self.assert_healthy()
        self.assertEqual(1, len(self.launched()))
        line, = self.manager.wait_log(r"\[launcher\]\[launch\]\[a\]")
        self.assertRegex(line, r"milter-manager-process-launcher\]\[\d+\].*process %d, user root: <%s unix:"
                         % (self.launched()[0], re.escape(self.path("a.sh"))))
        # It is up: nobody waits, nothing is run.
        self.assert_healthy()
        self.assertEqual(1, len(self.launched()))

    def test_startup_time(self):
        self.milter(startup_time=0.3, before="exec sleep 60")
        self.start()
        since = time.monotonic()
        self.refused_mail()
        self.assert_within(0.29, 4, since, "looks at the child until the time is over")
        self.launched()

    def test_a_child_that_starts_quickly_is_not_waited_for_longer(self):
        self.milter(startup_time=60.0)
        self.start()
        since = time.monotonic()
        self.assert_healthy()
        self.assert_within(0, 20, since, "a milter that is there at once")
        self.launched()

    def test_identity_and_surroundings(self):
        out = self.path("out")
        self.milter(before='{ id; pwd; umask; env; ls /proc/$$/fd; readlink /proc/$$/fd/0; '
                           'grep -E "^(Sig(Blk|Ign)|Groups|CapEff)" /proc/self/status; '
                           'printf "<%%s>" "$@"; } >%s' % out,
                    options="'two words' \"it's\" \\$HOME", user_name="nobody")
        os.environ["MARK"] = "not inherited"
        self.addCleanup(os.environ.pop, "MARK")
        self.start()
        self.assert_healthy()
        with open(out, encoding="utf-8") as file:
            text = file.read()
        pid, = self.launched()
        nobody = pwd.getpwnam("nobody")
        self.assertIn("uid=%d(nobody) gid=%d" % (nobody.pw_uid, nobody.pw_gid), text)
        self.assertNotIn("root", text)
        self.assertRegex(text, r"\nGroups:\t%d \n" % nobody.pw_gid)
        self.assertRegex(text, r"\nCapEff:\t0+\n")
        self.assertRegex(text, r"\n/\n0022\n")
        self.assertNotIn("MARK", text)
        self.assertIn("\nUSER=nobody\n", text)
        self.assertIn("\nHOME=%s\n" % nobody.pw_dir, text)
        self.assertRegex(text, r"\nPATH=/usr/local/sbin:")
        self.assertRegex(text, r"\n0\n1\n((10|11|12|2)\n)+/dev/null\n")
        blocked, ignored = re.search(r"\nSigBlk:\t(\w+)\nSigIgn:\t(\w+)\n", text).groups()
        self.assertEqual(0, int(blocked, 16))
        self.assertEqual(0, int(ignored, 16) & ~(3 << 31))  # 32 and 33 are those of libc alone
        self.assertTrue(text.endswith("<unix:%s><two words><it's><$HOME>" % self.path("a.sock")), text)
        self.assertEqual(pid, os.getsid(pid))

    def test_supplementary_groups_are_those_of_the_user(self):
        self.milter(before="id -G >%s" % self.path("out"))
        before = os.getgroups()
        os.setgroups([3, 4])
        try:
            self.start()
        finally:
            os.setgroups(before)
        self.assert_healthy()
        with open(self.path("out"), encoding="ascii") as file:
            self.assertFalse({"3", "4"} & set(file.read().split()))

    def test_manager_that_has_given_up_root(self):
        self.milter(before="id -u >%s" % self.path("out"))
        self.start('security.effective_user = "nobody"\n')
        self.assert_healthy()
        with open(self.path("out"), encoding="ascii") as file:
            self.assertEqual("0\n", file.read())
        # The mode is of the start: a process that is not root any more reloads.
        os.kill(self.launched()[0], signal.SIGKILL)
        self.manager.wait_log(r"\[launcher\]\[end\]\[a\].*killed by signal 9")
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"generation 2")
        time.sleep(STARTUP)
        self.assert_healthy()
        self.assertEqual(2, len(self.launched()))

    def test_output_is_logged_at_debug_level(self):
        self.milter(before='echo "to stdout"; echo "to stderr" >&2; printf "half "; echo line; '
                           'i=0; while [ $i -lt 300 ]; do echo "$i"; i=$((i+1)); done')
        self.start('log.level = "+debug"\n')
        self.assert_healthy()
        self.manager.wait_log(r"\[launcher\]\[output\]\[a\] to stdout$")
        self.manager.wait_log(r"\[launcher\]\[output\]\[a\] to stderr$")
        self.manager.wait_log(r"\[launcher\]\[output\]\[a\] half line$")
        self.assertLess(len(self.manager.log_lines(r"\[launcher\]\[output\]")), 250)

    def test_sessions_that_wait_ask_once_and_others_go_on(self):
        self.milter("a", before="exec sleep 60", startup_time=1.0)
        self.start()
        waiting = [self.connect("waiting %d" % number) for number in range(3)]
        for mta in waiting:
            mta.send(wire.negotiate())
        self.manager.wait_log(r"\[launcher\]\[launch\]\[a\]")
        for mta in waiting:
            self.assertEqual("O", mta.receive(timeout=10).letter)
            mta.command(wire.connect(), wire.TEMPFAIL)
        self.assertEqual(1, len(self.launched()))
        self.assertEqual([], self.manager.log_lines(r"\[launcher\]\[refused\]"))
        # Still down, and still running: said, not started again.
        self.refused_mail()
        self.manager.wait_log(r"\[launcher\]\[refused\]\[a\] already launched: process %d" % self.launched()[0])
        self.assertEqual(1, len(self.launched()))

    def test_what_cannot_be_run(self):
        self.milter("a", command="/nowhere/at/all", startup_time=0.05)
        self.milter("b", user_name="no-such-user", startup_time=0.05)
        self.milter("c", command=self.directory, startup_time=0.05)
        self.milter("d", command="no-such-program-anywhere", startup_time=0.05)
        self.milter("e", command="  ", command_options="", startup_time=0.05)
        self.start()
        self.refused_mail()
        for name, reason in (("a", r"cannot execute </nowhere/at/all>: No such file"),
                             ("b", r"there is no user <no-such-user>"),
                             ("c", r"cannot execute <%s>: Is a directory" % re.escape(self.directory)),
                             ("d", r"cannot execute <no-such-program-anywhere>, looked for in /usr/local/sbin.*: No such"),
                             ("e", r"conf:\d+: there is no program in the command")):
            self.manager.wait_log(r"\[launcher\]\[error\]\[%s\] .*%s" % (name, reason))
        self.assertEqual([], self.launched("b"))

    def test_a_reload_cannot_have_other_commands_run(self):
        self.milter("a", startup_time=0.05)
        self.start()
        self.defined = []
        self.milter("a", options="other", startup_time=0.05)
        self.milter("new", startup_time=0.05)
        self.manager.write_configuration(self.configuration("security.privilege_mode = true"))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"the command of \"new\" is new: it takes effect at the next start")
        self.manager.wait_log(r"the command of \"a\" is new")
        self.refused_mail()
        self.manager.wait_log(r"\[launcher\]\[refused\]\[a\] its command or user_name is another one")
        self.manager.wait_log(r"\[launcher\]\[refused\]\[new\] there was no such command")
        self.assertEqual([], self.launched("a") + self.launched("new"))

    def test_the_launcher_ends_with_the_manager_and_what_it_has_run_goes_on(self):
        self.milter(before="(while :; do echo x; sleep 0.02; done) & echo $! >%s" % self.path("noisy"))
        self.start()
        self.assert_healthy()
        with open(self.path("noisy"), encoding="ascii") as file:
            noisy = int(file.read())
        self.note(noisy)
        launcher = self.launcher()
        self.assertIsNotNone(launcher)
        with open("/proc/%d/status" % launcher, encoding="ascii") as file:
            self.assertRegex(file.read(), r"\nPPid:\t1\n")
        self.expected_status = -signal.SIGKILL
        self.manager.process.kill()
        self.manager.process.wait()
        self.wait(lambda: not alive(launcher), "the end of the launcher")
        time.sleep(0.1)
        self.assertTrue(alive(self.launched()[0]))
        self.assertTrue(alive(noisy), "a program that prints was killed")

    def test_the_log_file_is_opened_anew(self):
        self.milter(startup_time=0.05, command="/nowhere")
        self.start('log.path = "%s"\n' % self.path("log"))
        self.manager.stdout_path = self.path("log")
        os.rename(self.path("log"), self.path("log.1"))
        self.manager.signal(signal.SIGUSR1)
        self.wait(lambda: os.path.exists(self.path("log")), "the new log file")
        self.refused_mail()
        self.manager.wait_log(r"\[launcher\]\[error\]\[a\] cannot execute </nowhere>")

    def test_a_launcher_that_was_killed(self):
        self.milter(startup_time=0.05)
        self.start()
        self.wait(lambda: self.launcher() is not None, "the launcher")
        pid = self.launcher()
        os.kill(pid, signal.SIGKILL)
        # It loses its name before its socket is closed.
        self.wait(lambda: not alive(pid), "the end of the launcher")
        self.refused_mail()
        self.manager.wait_log(r"the process that starts milters has ended; start milter-manager again")
        self.assertEqual([], self.launched())


class Nobody(Launching):
    """Where nothing can be started there is no launcher, and nobody waits."""

    def check(self, before, **settings):
        self.milter(startup_time=30.0, **settings)
        ManagerCase.start(self, before)
        since = time.monotonic()
        self.refused_mail()
        self.assert_within(0, 10, since, "a session with a child that is down")
        self.assertIsNone(self.launcher())
        self.assertEqual([], self.launched())

    def test_no_privilege_mode(self):
        self.check("")

    def test_no_command(self):
        self.check("security.privilege_mode = true", command="", command_options="")
