"""What a service manager and this program tell each other: sockets by name, readiness, reload,
stopping, watchdog, the process that takes over (sd_listen_fds(3), sd_notify(3))."""

import os
import signal
import socket
import struct
import subprocess
import time
import unittest

from case import ManagerCase, free_port
from fake_mta import FakeMta
from manager import PATIENCE, PROGRAM, clean_environment, ender, read_text

# LISTEN_PID has to be the program's own number: the shell that sets it becomes the program.
EXEC = 'export LISTEN_PID=$$; exec "$0" "$@"'

with open(PROGRAM, "rb") as file:
    BUILT_IN = b"libsystemd.so" in file.read()


class ServiceCase(ManagerCase):
    def setUp(self):
        super().setUp()
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notifications.bind(self.path("notify"))
        self.notifications.settimeout(10 * PATIENCE)
        self.addCleanup(self.notifications.close)

    def told(self, wanted):
        """Waits until that line has been told; returns the whole message."""
        while True:
            message = self.notifications.recv(4096).decode().split("\n")
            if any(line.startswith(wanted) for line in message):
                return message

    def wait(self, condition):
        deadline = time.monotonic() + 10 * PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, os.listdir(self.directory))
            time.sleep(0.01)
    def received(self):
        """Who told what."""
        message, ((_, _, credentials),), _, _ = self.notifications.recvmsg(
            4096, socket.CMSG_SPACE(struct.calcsize("3i")))
        return struct.unpack("3i", credentials)[0], message

    def begin(self, configuration="", environment=None):
        self.child("a")
        self.start(configuration,
                   environment={"NOTIFY_SOCKET": self.path("notify"), **(environment or {})})


@unittest.skipUnless(BUILT_IN, "built without systemd")
class Notification(ServiceCase):
    def test_life(self):
        self.begin()
        pid = self.manager.process.pid
        self.assertIn("MAINPID=%d" % pid, self.told("READY=1"))
        self.told("STATUS=0 sessions, generation 1 of the configuration")
        self.manager.signal(signal.SIGHUP)
        self.assertRegex("\n".join(self.told("RELOADING=1")), r"MONOTONIC_USEC=\d+")
        self.told("READY=1")
        self.manager.signal(signal.SIGTERM)
        self.told("STOPPING=1")
        self.assertEqual(0, self.manager.wait())

    def test_a_reload_that_fails_ends_as_well(self):
        self.begin()
        self.told("READY=1")
        self.manager.write_configuration("manager.nonsense = 1\n")
        self.manager.signal(signal.SIGHUP)
        self.told("RELOADING=1")
        self.told("READY=1")

    def test_watchdog(self):
        self.begin("manager.n_workers = 1", {"WATCHDOG_USEC": "300000"})
        self.told("WATCHDOG=1")
        self.told("WATCHDOG=1")

    def test_upgrade_names_the_new_process(self):
        self.begin('manager.pid_file = "%s"' % self.path("pid"))
        self.told("READY=1")
        self.manager.signal(signal.SIGUSR2)
        (line,) = [one for one in self.told("MAINPID=") if one.startswith("MAINPID=")]
        new = int(line.partition("=")[2])
        self.addCleanup(ender(new))
        self.assertNotEqual(self.manager.process.pid, new)
        self.assertEqual(0, self.manager.wait())
        self.assertEqual(new, int(read_text(self.path("pid"))))

    def test_the_former_process_does_not_come_back(self):
        self.begin('manager.pid_file = "%s"' % self.path("pid"))
        self.told("READY=1")
        held = self.session("held")
        self.manager.signal(signal.SIGUSR2)
        (line,) = [one for one in self.told("MAINPID=") if one.startswith("MAINPID=")]
        new = int(line.partition("=")[2])
        self.addCleanup(ender(new))
        self.manager.wait_log(r"takes over")
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"\[reload\] not now")
        held.message()
        held.quit()
        self.assertEqual(0, self.manager.wait())
        self.notifications.setblocking(False)
        told = ""
        try:
            while True:
                told += self.notifications.recv(4096).decode() + "\n"
        except BlockingIOError:
            pass
        self.assertNotIn("MAINPID=%d\n" % self.manager.process.pid, told)
        self.assertNotIn("RELOADING", told)
    def test_after_an_upgrade_the_former_process_says_nothing_more(self):
        """A service manager that listens to the main process alone would complain each time."""
        self.begin('manager.pid_file = "%s"' % self.path("pid"), {"WATCHDOG_USEC": "150000"})
        self.told("READY=1")
        mta = self.connect()
        mta.negotiate()
        mta.open()
        self.manager.signal(signal.SIGUSR2)
        old = self.manager.process.pid
        sender = message = None
        while sender != old or b"MAINPID=" not in message:
            sender, message = self.received()
        new = int(message.partition(b"MAINPID=")[2])
        self.addCleanup(ender(new))
        for _ in range(5):
            sender, message = self.received()
            self.assertEqual(new, sender, message)
        mta.quit()
        self.assertEqual(0, self.manager.wait())



class Daemon(ServiceCase):
    def test_relative_paths_begin_where_it_was_started(self):
        """A daemon leaves its directory; reload, upgrade and end find the files all the same."""
        self.manager = None
        with open(self.path("milter-manager.conf"), "w", encoding="ascii") as file:
            file.write('manager.connection_spec = "unix:relative.sock"\n'
                       'manager.pid_file = "pid"\nlog.path = "log"\n')
        self.assertEqual(0, subprocess.run(
            [PROGRAM, "-c", ".", "--daemon"], env=clean_environment(), cwd=self.directory,
            stdin=subprocess.DEVNULL, timeout=20 * PATIENCE, check=False).returncode)
        old = int(read_text(self.path("pid")))
        self.addCleanup(ender(old))
        os.kill(old, signal.SIGHUP)
        self.wait(lambda: "generation 2" in read_text(self.path("log")))
        os.rename(self.path("log"), self.path("log.1"))
        os.kill(old, signal.SIGUSR1)
        self.wait(lambda: os.path.exists(self.path("log")))
        os.kill(old, signal.SIGUSR2)
        self.wait(lambda: int(read_text(self.path("pid"))) != old)
        new = int(read_text(self.path("pid")))
        self.addCleanup(ender(new))
        self.assertEqual("/", os.readlink("/proc/%d/cwd" % new))
        os.kill(new, signal.SIGTERM)
        self.wait(lambda: sorted(os.listdir(self.directory)) == ["log", "log.1",
                                                                 "milter-manager.conf", "notify"])

    def test_a_stop_is_heard_from_the_first_moment(self):
        """Also while the interpreter starts, which has signals on its mind, too."""
        self.manager = None
        with open(self.path("milter-manager.conf"), "w", encoding="ascii") as file:
            file.write("sleep 30\n")
        for number in range(10):
            process = subprocess.Popen(
                [PROGRAM, "-c", self.directory, "--no-daemon"], env=clean_environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.addCleanup(ender(process.pid))
            time.sleep(0.004 * number)
            process.terminate()
            self.assertEqual(-signal.SIGTERM, process.wait(10 * PATIENCE), number)


class Activation(ServiceCase):
    def activate(self, sockets, names=None, configuration=""):
        """Starts the program with these sockets as descriptors 3, 4, ..."""
        self.child("a")
        with open(self.path("milter-manager.conf"), "w", encoding="ascii") as file:
            file.write(self.configuration(configuration, ""))
        environment = clean_environment({"LISTEN_FDS": str(len(sockets))})
        if names is not None:
            environment["LISTEN_FDNAMES"] = names

        def arrange():
            copies = [os.dup(one.fileno()) for one in sockets]
            for number, copy in enumerate(copies):
                os.dup2(copy, 3 + number)

        with open(self.path("log"), "wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", EXEC, PROGRAM, "-c", self.directory, "--no-daemon"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                pass_fds=range(3, 3 + len(sockets)), preexec_fn=arrange)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path("given.sock"))
        listener.listen(16)
        self.addCleanup(listener.close)
        return listener

    def serves(self, path):
        mta = FakeMta(path, self.transcript, "MTA", timeout=10 * PATIENCE)
        mta.negotiate()
        mta.open()
        mta.message()
        mta.quit()

    def test_by_name(self):
        process = self.activate([self.listen()], "milter")
        self.serves(self.path("given.sock"))
        process.terminate()
        self.assertEqual(0, process.wait(10 * PATIENCE))
        self.assertTrue(os.path.exists(self.path("given.sock")))

    def test_a_single_one_needs_no_name(self):
        self.activate([self.listen()])
        self.serves(self.path("given.sock"))

    def test_tcp_whatever_the_configuration_says(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.activate([listener], "milter",
                      'manager.connection_spec = "inet:%d@127.0.0.1"' % free_port())
        self.serves(listener.getsockname())

    def test_its_path_stays(self):
        """The service manager goes on listening there, for the next start, whatever the
        configuration says; an upgrade changes nothing about it."""
        process = self.activate([self.listen()], "milter",
                                'manager.connection_spec = "unix:%s"\nmanager.pid_file = "%s"'
                                % (self.path("other.sock"), self.path("pid")))
        self.serves(self.path("given.sock"))
        given = os.stat(self.path("given.sock"))
        for _ in range(2):
            old = int(read_text(self.path("pid")))
            os.kill(old, signal.SIGUSR2)
            self.wait(lambda old=old: int(read_text(self.path("pid"))) != old)
            self.addCleanup(ender(int(read_text(self.path("pid")))))
            self.serves(self.path("given.sock"))
        self.assertEqual(0, process.wait(10 * PATIENCE))
        self.assertTrue(os.path.exists(self.path("given.sock")))
        os.kill(int(read_text(self.path("pid"))), signal.SIGTERM)
        self.wait(lambda: not os.path.exists(self.path("pid")))
        self.assertEqual(given.st_ino, os.stat(self.path("given.sock")).st_ino)
        self.assertFalse(os.path.exists(self.path("other.sock")))
    def upgrade(self):
        old = int(read_text(self.path("pid")))
        os.kill(old, signal.SIGUSR2)
        deadline = time.monotonic() + 10 * PATIENCE
        while int(read_text(self.path("pid"))) == old and time.monotonic() < deadline:
            time.sleep(0.01)
        new = int(read_text(self.path("pid")))
        self.assertNotEqual(old, new)
        self.addCleanup(ender(new))
        return new

    def test_an_upgrade_listens_where_the_configuration_says(self):
        self.activate([], None, 'manager.connection_spec = "unix:%s"\nmanager.pid_file = "%s"'
                      % (self.path("old.sock"), self.path("pid")))
        deadline = time.monotonic() + 10 * PATIENCE
        while not os.path.exists(self.path("pid")) and time.monotonic() < deadline:
            time.sleep(0.01)
        with open(self.path("milter-manager.conf"), "a", encoding="ascii") as file:
            file.write('\nmanager.connection_spec = "unix:%s"\n' % self.path("new.sock"))
        self.upgrade()
        self.serves(self.path("new.sock"))

    def test_the_end_leaves_their_paths(self):
        """The service manager goes on listening there, to start the program when it is needed."""
        control = socket.socket(socket.AF_UNIX)
        control.bind(self.path("control.sock"))
        control.listen(16)
        self.addCleanup(control.close)
        process = self.activate([self.listen(), control], "milter:controller",
                                'manager.pid_file = "%s"' % self.path("pid"))
        self.serves(self.path("given.sock"))
        status = subprocess.run([PROGRAM, "--control", "status", "--control-spec",
                                 "unix:" + self.path("control.sock")], text=True, check=True,
                                env=clean_environment(), capture_output=True).stdout
        self.assertIn(" on unix:%s, " % self.path("given.sock"), status)
        new = self.upgrade()
        self.assertEqual(0, process.wait(10 * PATIENCE))
        os.kill(new, signal.SIGTERM)
        deadline = time.monotonic() + 10 * PATIENCE
        while os.path.exists(self.path("pid")) and time.monotonic() < deadline:
            time.sleep(0.01)
        for name in ("given.sock", "control.sock"):
            self.assertTrue(os.path.exists(self.path(name)), name)
        self.assertNotIn("[error]", read_text(self.path("log")))

    def refused(self, sockets, names, message):
        process = self.activate(sockets, names)
        self.assertEqual(1, process.wait(10 * PATIENCE))
        self.assertIn(message, read_text(self.path("log")))

    def test_unknown_name(self):
        self.refused([self.listen(), socket.socket()], "milter:smtp",
                     "a socket was handed over whose name means nothing here: <smtp>")

    def test_no_listening_socket(self):
        self.refused([socket.socket()], "milter",
                     "the socket handed over is no listening stream socket")

    def test_no_socket(self):
        with open(self.path("file"), "wb") as file:
            self.refused([file], "milter", "the descriptor handed over is no socket")


if __name__ == "__main__":
    unittest.main()
