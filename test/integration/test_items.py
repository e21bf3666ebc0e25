"""Items whose effect no other suite shows: each test fails when its item is
ignored (configuration sections 2, 3 and 5)."""

import fcntl
import grp
import os
import pwd
import re
import resource
import socket
import stat
import time
import unittest

import wire
from case import ManagerCase
from manager import Manager, run_to_end, sanitized

FINISHED = r"\[sessions\]\[finished\]"


class Package(ManagerCase):
    def test_platform_and_options(self):
        os.mkdir(self.path("defaults"))
        with open(self.path("defaults/here.conf"), "w", encoding="ascii") as file:
            file.write('raise "options" unless package.options == {"prefix" => "/usr", "rcddir" => "/rc"}\n'
                       'define_milter("from here")\n')
        self.start('package.platform = "here"\npackage.options = "prefix=/usr , rcddir = /rc"\n'
                   'raise "not loaded" unless load_default && defined_milters == ["from here"]\n')


@unittest.skipUnless(os.getuid() == 0, "only root can become somebody else")
class Privileges(ManagerCase):
    def identity(self):
        with open("/proc/%d/status" % self.manager.process.pid, encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file.read().splitlines())
        return lines["Uid"].split()[0], lines["Gid"].split()[0]

    def check(self, before, user, group):
        self.start(before)
        os.chmod(self.directory, 0o755)
        deadline = time.monotonic() + 5
        while self.identity() != (str(user), str(group)):  # it listens before it steps down
            self.assertLess(time.monotonic(), deadline, self.identity())
            time.sleep(0.01)

    def test_effective_user(self):
        nobody = pwd.getpwnam("nobody")
        self.check('security.effective_user = "nobody"', nobody.pw_uid, nobody.pw_gid)

    def test_effective_group(self):
        self.check('security.effective_user = "nobody"\nsecurity.effective_group = "daemon"',
                   pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid)

    def test_unix_socket_group(self):
        self.start('manager.unix_socket_group = "daemon"')
        found = os.stat(self.manager.socket_path)
        self.assertEqual((grp.getgrnam("daemon").gr_gid, 0o660),
                         (found.st_gid, stat.S_IMODE(found.st_mode)))


class Log(ManagerCase):
    def test_level(self):
        self.child("a")
        self.start('log.level = "error|info"')
        self.assert_healthy()
        self.manager.stop()
        self.assertEqual([], self.manager.log_lines(r"\[session\]\[end\]"))

    def receiver(self):
        """A socket at /dev/log, for one test at a time; skips where a real syslog has it."""
        # Others that want the same wait here.
        lock = os.open("/dev", os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        try:
            receiver.bind("/dev/log")
        except OSError as problem:
            self.skipTest("/dev/log cannot be used: %s" % problem)
        self.addCleanup(os.unlink, "/dev/log")
        os.chmod("/dev/log", 0o666)
        receiver.settimeout(0.2)
        return receiver

    def syslog(self, before):
        """What this manager sends to /dev/log until it has ended."""
        self.child("a")
        receiver = self.receiver()
        self.manager = Manager(self.directory, self.transcript)
        self.manager.write_configuration("%s\n%s" % (before, self.defined[-1]))
        self.addCleanup(self._finish)
        self.manager.start()
        self.assert_healthy()
        self.manager.stop()
        lines = []
        try:
            while True:
                lines.append(receiver.recv(65536).decode("utf-8", "replace"))
        except socket.timeout:
            return [line for line in lines if "milter-manager[%d]" % self.manager.process.pid in line]

    def test_syslog(self):
        self.assertTrue(self.syslog(""))

    def test_no_syslog(self):
        self.assertEqual([], self.syslog("log.use_syslog = false"))

    def test_syslog_facility(self):
        priorities = {int(re.match(r"<(\d+)>", line).group(1)) >> 3
                      for line in self.syslog('log.syslog_facility = "local3"')}
        self.assertEqual({19}, priorities)


class Socket(ManagerCase):
    def test_remove_unix_socket_on_create(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.path("manager.sock"))
            stale.listen(1)
        with open(self.path("milter-manager.conf"), "w", encoding="ascii") as file:
            file.write("log.use_syslog = false\nmanager.remove_unix_socket_on_create = false\n")
        # Ignored, it would listen and go on: the pid file of a directory that is none ends that.
        status, _, err = run_to_end("--config-dir", self.directory, "--no-daemon", "-s",
                                    "unix:" + self.path("manager.sock"), "--pid-file",
                                    self.path("none/pid"))
        self.assertEqual(1, status)
        self.assertIn("manager.sock", err)
        self.assertTrue(os.path.exists(self.path("manager.sock")))


class Finished(ManagerCase):
    """When the line of finished sessions is written; one session is open all the time."""

    def lines_soon(self, before, sessions):
        self.child("a")
        self.start(before)
        held = self.session("held")
        for _ in range(sessions):
            self.session().quit()
        self.manager.wait_log(r"\[session\]\[end\]", sessions)
        time.sleep(0.1)  # far less than the second after which it is written anyway
        lines = self.manager.log_lines(FINISHED)
        held.quit()
        return lines

    def test_maintenance_interval(self):
        lines = self.lines_soon("manager.maintenance_interval = 2", 4)
        self.assertEqual(["(+2)", "(+2)"], [re.search(r"\(\+\d+\)", line).group() for line in lines])

    def test_later_by_default(self):
        self.assertEqual([], self.lines_soon("", 4))

    def test_max_pending_finished_sessions(self):
        lines = self.lines_soon("manager.max_pending_finished_sessions = 2", 4)
        self.assertEqual(["(+3)"], [re.search(r"\(\+\d+\)", line).group() for line in lines])


class Descriptors(ManagerCase):
    def limit(self):
        return resource.prlimit(self.manager.process.pid, resource.RLIMIT_NOFILE)

    def test_max_file_descriptors(self):
        self.start("manager.max_file_descriptors = 77")
        self.assertEqual(77, self.limit()[0])

    def test_suspend_time_on_unacceptable(self):
        """No descriptor is left for a connection: accepting begins again after that time."""
        self.start("manager.suspend_time_on_unacceptable = 1")
        self.connect("first").negotiate()
        soft, hard = self.limit()
        pid = self.manager.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.manager.open_files(), hard))
        second = self.connect("second")
        second.send(wire.negotiate())
        self.manager.wait_log(r"\[client\]\[accept\]\[suspend\]")
        started = time.monotonic()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual("O", second.receive(4.0).letter)
        self.assert_within(0.5, 2.5, started, "accepting again")


class LoadPath(ManagerCase):
    def test_custom_configuration_directory(self):
        os.mkdir(self.path("custom"))
        with open(self.path("custom/mine.conf"), "w", encoding="ascii") as file:
            file.write('manager.fallback_status = "reject"\n')
        self.start('manager.custom_configuration_directory = "%s"\nload("mine.conf")\n'
                   % self.path("custom"))
        # No child is enabled: the fallback is the answer.
        mta = self.negotiated()
        mta.command(wire.connect(), wire.REJECT)


class Buffer(ManagerCase):
    @unittest.skipIf(sanitized(), "memory of a sanitized program")
    def test_packet_buffer_size(self):
        """So much of a replaced body is collected while the mail server does not read."""
        size = 24 * 1048576
        chunk = wire.replace_body(b"x" * 60000)
        self.child("a", script={"E": [chunk] * (size // 60000) + [wire.CONTINUE]})
        grown = []
        for before in ("", "manager.packet_buffer_size = %d" % (2 * size)):
            if grown:
                self.fresh()
                self.child("a", script={"E": [chunk] * (size // 60000) + [wire.CONTINUE]})
            self.start(before)
            mta = self.session()
            mta.envelope()
            mta.content()
            least = self.manager.resident_kib()
            mta.send(wire.EOM)
            self.children["a"].session().wait_for("E")
            grown.append(self.most_kib(least))
            mta.reset()
        self.assertLess(grown[0], size // 2 // 1024)
        self.assertGreater(grown[1], size // 2 // 1024)

    def most_kib(self, least):
        """KiB it has grown once it grows no more."""
        found, same = 0, 0
        while same < 15:
            time.sleep(0.05)
            now = self.manager.resident_kib() - least
            same = same + 1 if now <= found + 256 else 0
            found = max(found, now)
        return found


class Milters(ManagerCase):
    def test_connection_spec(self):
        self.child("a")
        self.start()
        self.session().quit()
        self.children["a"].expect_letters("OCHQ")

    def test_shown(self):
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write('define_milter("a") do |milter|\n  milter.description = "for people"\nend\n')
        _, out, _ = run_to_end("--config-dir", self.directory, "--show-config")
        self.assertIn('milter.description = "for people"\n', out)


if __name__ == "__main__":
    unittest.main()
