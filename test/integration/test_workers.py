"""Worker processes, reload and upgrade under load (manager-semantics 15, 17 row 15)."""

import json
import os
import resource
import signal
import subprocess
import threading
import time
import unittest

import wire
from case import ManagerCase, sanitized
from manager import PATIENCE, PROGRAM, clean_environment, ender, read_text, started_at
from transcript import Mismatch, Quiet

# Keeps a new process from getting ready as long as the file is there.
SLOW = 'sleep 0.05 while File.exist?("%s")\n'


def children_of(pid):
    """Processes whose parent that is."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(name))
    return sorted(found)


def alive(pid):
    """A process that has ended and that nobody has waited for does not count."""
    return started_at(pid) is not None


def wait_until(condition, what, timeout=10.0):
    deadline = time.monotonic() + timeout * PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it has not come to that: " + what)
        time.sleep(0.01)


class Load(threading.Thread):
    """Sessions one after the other until told to stop; what went wrong is kept.  The child rejects
    every other recipient: a verdict that is lost or changed is seen."""

    def __init__(self, manager, number):
        super().__init__(daemon=True)
        self.manager = manager
        self.number = number
        self.sessions = 0
        self.failures = []
        self.stopping = False
        self.started = []

    def session(self):
        mta = self.manager.connect("load", Quiet())
        try:
            mta.negotiate()
            mta.open()
            for recipient, expected in (("good", wire.CONTINUE), ("bad", wire.REJECT)):
                mta.command(wire.mail())
                mta.command(wire.rcpt("<%s@example.com>" % recipient), expected)
                if expected == wire.CONTINUE:
                    mta.command(wire.DATA)
                    mta.content()
                    mta.expect_end()
                else:
                    mta.send(wire.ABORT)
            mta.quit()
            self.sessions += 1
        finally:
            mta.close()

    def run(self):
        while not self.stopping:
            began = time.monotonic()
            try:
                self.session()
            except (Mismatch, OSError, AssertionError) as problem:
                self.failures.append((began, time.monotonic(), str(problem).split("\n", 1)[0]))

    def stop(self):
        self.stopping = True
        self.join(20 * PATIENCE)


class UnderLoad(ManagerCase):
    def prepare(self, configuration="", **options):
        self.child("a", script={"R": lambda packet: wire.REJECT if b"bad" in packet.payload
                                else wire.CONTINUE})
        self.start("manager.pid_file = \"%s\"\n%s" % (self.path("pid"), configuration), **options)

    def load(self, count=4):
        loads = [Load(self.manager, number) for number in range(count)]
        for one in loads:
            one.start()
            self.addCleanup(one.stop)
        return loads

    def master(self):
        """By the pid file, which is empty for a moment while another process writes it."""
        wait_until(lambda: read_text(self.path("pid")).strip(), "a pid file")
        return int(read_text(self.path("pid")).strip() or self.master())

    def finish(self, loads):
        for one in loads:
            one.stop()
        return [failure for one in loads for failure in one.failures]


class Workers(UnderLoad):
    def test_a_killed_worker_is_replaced(self):
        """Within a second, and nobody but its own sessions notices."""
        self.prepare("manager.n_workers = 2")
        pid = self.manager.process.pid
        wait_until(lambda: len(children_of(pid)) == 2, "two workers")
        held = [self.session("held %d" % number) for number in range(6)]
        loads = self.load(2)
        wait_until(lambda: all(one.sessions > 3 for one in loads), "load")
        victim = children_of(pid)[0]
        killed = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in children_of(pid) and len(children_of(pid)) == 2,
                   "a new worker")
        self.assert_within(0, 1.0, killed, "the replacement")
        before = [one.sessions for one in loads]
        wait_until(lambda: all(one.sessions > old + 3 for one, old in zip(loads, before)), "load")
        for began, ended, problem in self.finish(loads):
            self.assertTrue(began <= killed + 0.1 and ended >= killed, problem)
        alive = 0
        for mta in held:
            try:
                mta.message()
                mta.quit()
                alive += 1
            except (Mismatch, OSError, AssertionError):
                mta.close()
        self.assertGreater(alive, 0, "sessions of the other worker")
        self.manager.wait_log(r"\[master\]\[worker\]\[error\] worker \d \(process %d\) was killed by "
                              r"signal 9" % victim)

    def test_a_worker_that_hangs_is_told_of_once(self):
        self.prepare("manager.n_workers = 2")
        pid = self.manager.process.pid
        wait_until(lambda: len(children_of(pid)) == 2, "two workers")
        victim = children_of(pid)[0]
        os.kill(victim, signal.SIGSTOP)
        self.addCleanup(os.kill, victim, signal.SIGCONT)
        self.manager.wait_log(r"\[master\]\[worker\]\[error\] worker \d \(process %d\) does not "
                              r"answer" % victim, timeout=15)
        os.kill(victim, signal.SIGCONT)
        self.manager.wait_log(r"\[master\]\[worker\] worker \d answers again", timeout=15)
        self.assertEqual(1, len(self.manager.log_lines("does not answer")))

    def test_signals_reach_every_worker(self):
        self.prepare('manager.n_workers = 3\ndefine_milter("nowhere")')
        pid = self.manager.process.pid
        wait_until(lambda: len(children_of(pid)) == 3, "three workers")
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"generation 2 of the configuration is in force", 4)
        self.assertEqual(2, len(self.manager.log_lines("has no connection_spec")), "at the start, at the reload")
        held = self.session("held")
        workers = children_of(pid)
        self.manager.signal(signal.SIGTERM)
        wait_until(lambda: len(children_of(pid)) == 1, "the end of those without a session")
        held.message()
        held.quit()
        self.assertEqual(0, self.manager.wait())
        self.assertEqual([], [one for one in workers if alive(one)])
        self.assertFalse(os.path.exists(self.path("pid")))
        self.assertFalse(os.path.exists(self.manager.socket_path))

    def test_a_reload_that_fails_reaches_nobody(self):
        self.prepare("manager.n_workers = 1")
        self.manager.write_configuration("manager.nonsense = 1\n")
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"the configuration stays as it was")
        self.session().message()
        self.assertEqual(1, len(self.manager.log_lines(r"stays as it was")))

    def test_numbers_are_unique_and_sums_are_of_all(self):
        self.prepare("manager.n_workers = 2")
        for one in [self.session("MTA %d" % number) for number in range(8)]:
            one.quit()
        ends = self.manager.wait_log(r"\[session\]\[end\]", 8)
        self.assertEqual({"(%d)" % number for number in range(1, 9)},
                         {line[line.rindex("("):] for line in ends})
        self.manager.wait_log(r"\[sessions\]\[finished\] 8\(\+\d+\) 0$")

    def test_a_worker_that_dies_at_once_does_not_keep_the_machine_busy(self):
        self.prepare('manager.n_workers = 1\n'
                     'manager.event_loop_created { |_loop| Process.kill(:KILL, Process.pid) }')
        pid = self.manager.process.pid
        time.sleep(1.2)
        deaths = len(self.manager.log_lines(r"\[worker\]\[error\] worker 0 .*killed by signal 9"))
        self.assertTrue(2 <= deaths <= 6, deaths)
        self.assertEqual(0, self.manager.stop())
        self.assertEqual([], children_of(pid))

    def test_connections_are_spread(self):
        self.prepare("manager.n_workers = 2")
        pid = self.manager.process.pid
        wait_until(lambda: len(children_of(pid)) == 2, "two workers")
        files = {worker: len(os.listdir("/proc/%d/fd" % worker)) for worker in children_of(pid)}
        for number in range(40):
            self.session("MTA %d" % number)
        shares = [len(os.listdir("/proc/%d/fd" % worker)) - old for worker, old in files.items()]
        self.assertGreaterEqual(min(shares), 30, shares)  # 80 descriptors, 40 each at best

    def test_children_that_were_ignored(self):
        """Whoever started the program may have let nobody learn of a death."""
        previous = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            self.prepare("manager.n_workers = 1")
        finally:
            signal.signal(signal.SIGCHLD, previous)
        pid = self.manager.process.pid
        wait_until(lambda: len(children_of(pid)) == 1, "a worker")
        (victim,) = children_of(pid)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: children_of(pid) not in ([], [victim]), "another one")
        self.assertEqual(0, self.manager.stop())

    def test_a_worker_without_a_channel_serves(self):
        self.prepare("manager.n_workers = 1")
        pid = self.manager.process.pid
        wait_until(lambda: len(children_of(pid)) == 1, "a worker")
        (victim,) = children_of(pid)
        used = max(map(int, os.listdir("/proc/%d/fd" % pid)))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 1, 1024))
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: children_of(pid) not in ([], [victim]), "another one")
        (worker,) = children_of(pid)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (1024, 1024))
        self.manager.wait_log(r"failed to create a pair of sockets")
        self.assert_healthy()
        self.assertEqual([worker], children_of(pid))

    def test_a_killed_master_is_no_second_signal(self):
        """Its workers are told of its death, and finish what they were told to finish before."""
        self.prepare("manager.n_workers = 1")
        pid = self.manager.process.pid
        held = self.session("held")
        (worker,) = children_of(pid)
        self.addCleanup(ender(worker))
        self.manager.signal(signal.SIGTERM)
        self.manager.wait_log(r"sessions to finish first: 1", 2)
        self.manager.kill()
        self.expected_status = -signal.SIGKILL
        held.message()
        held.quit()
        wait_until(lambda: not alive(worker), "the end of the worker")


class Reload(UnderLoad):
    def test_many_reloads_under_load(self):
        self.prepare("manager.n_workers = 1")
        loads = self.load(2)
        for number in range(30):
            self.manager.signal(signal.SIGHUP)
            time.sleep(0.02)
        self.manager.wait_log(r"\[manager\]\[reload\] generation", 2)
        self.assertEqual([], self.finish(loads))


class Upgrade(UnderLoad):
    def upgrade(self):
        old = self.master()
        os.kill(old, signal.SIGUSR2)
        wait_until(lambda: self.master() != old, "a new process")
        new = self.master()
        self.addCleanup(ender(new))
        return new

    def stop_last(self):
        pid = self.master()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), "the end of the last process")
        self.assertFalse(os.path.exists(self.path("pid")))
        self.assertFalse(os.path.exists(self.manager.socket_path))

    def test_under_load(self):
        """No connection is refused, no verdict lost or changed."""
        for workers in (0, 2):
            with self.subTest(workers=workers):
                self.fresh()
                self.prepare("manager.n_workers = %d" % workers)
                loads = self.load(3)
                for _ in range(3):
                    before = sum(one.sessions for one in loads)
                    self.upgrade()
                    wait_until(lambda before=before: sum(one.sessions for one in loads) > before + 5,
                               "sessions after the upgrade")
                self.assertEqual([], self.finish(loads))
                self.assertEqual(0, self.manager.wait())
                self.stop_last()

    def test_sessions_of_the_old_process_are_finished(self):
        self.prepare()
        held = self.session("held")
        self.upgrade()
        self.manager.wait_log(r"takes over, this one finishes its sessions: 1")
        new = self.session("new")
        new.message()
        new.quit()
        held.message()
        held.quit()
        self.assertEqual(0, self.manager.wait())
        self.stop_last()

    def test_a_new_process_that_fails_changes_nothing(self):
        self.prepare()
        self.manager.write_configuration("manager.nonsense = 1\n")
        self.manager.signal(signal.SIGUSR2)
        self.manager.wait_log(r"\[upgrade\]\[error\] the new process is not ready: it ended with "
                              r"status 1: .*/milter-manager.conf:1: .*nonsense")
        self.assertEqual(self.manager.process.pid, self.master())
        self.session().message()

    def test_a_new_process_that_could_not_log_is_not_wanted(self):
        """Root has opened the file, and the user it has become since cannot."""
        self.prepare()
        self.manager.write_configuration(self.configuration(
            'log.path = "%s/nowhere/log"' % self.directory))
        self.manager.signal(signal.SIGUSR2)
        self.manager.wait_log(r"not ready: it ended with status 1: failed to open log file: <.*>")
        self.session().message()

    def test_a_stop_ends_the_new_process(self):
        self.prepare("sleep 30 if File.exist?(\"%s\")" % self.path("slow"))
        with open(self.path("slow"), "w", encoding="ascii"):
            pass
        self.manager.signal(signal.SIGUSR2)
        wait_until(lambda: len(children_of(self.manager.process.pid)) == 1, "a new process")
        (new,) = children_of(self.manager.process.pid)
        self.assertEqual(0, self.manager.stop())
        wait_until(lambda: not alive(new), "its end")

    @unittest.skipIf(sanitized(), "memory of a sanitized program")
    def test_no_descriptor_is_left_behind(self):
        self.prepare("manager.n_workers = 1")
        self.session("first").quit()  # the worker serves, and the master has its channel
        files = len(os.listdir("/proc/%d/fd" % self.manager.process.pid))
        for _ in range(3):
            new = self.upgrade()
        wait_until(lambda: len(children_of(new)) == 1, "its worker")
        mta = self.session()
        mta.message()
        mta.quit()
        wait_until(lambda: len(os.listdir("/proc/%d/fd" % new)) <= files, "as many descriptors")
        self.manager.wait()
        self.stop_last()

    def touch(self, name):
        with open(self.path(name), "w", encoding="ascii"):
            pass

    def begin_slow_upgrade(self):
        """A new process that is not ready as long as the file "slow" is there."""
        old = self.master()
        before = children_of(old)
        self.touch("slow")
        os.kill(old, signal.SIGUSR2)
        wait_until(lambda: len(children_of(old)) > len(before), "a new process")
        (new,) = set(children_of(old)) - set(before)
        self.addCleanup(ender(new))
        return old, new

    def test_a_worker_forked_during_an_upgrade_has_no_part_in_it(self):
        self.prepare("manager.n_workers = 2\n" + SLOW % self.path("slow"))
        wait_until(lambda: len(children_of(self.manager.process.pid)) == 2, "workers")
        for _ in range(3):
            old = self.master()
            victims = children_of(old)
            old, new = self.begin_slow_upgrade()
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
            wait_until(lambda: len(set(children_of(old)) - {new}) == 2
                       and not set(children_of(old)) & set(victims), "new workers")
            held = self.session("held")
            os.unlink(self.path("slow"))
            wait_until(lambda: self.master() == new, "the new process")
            wait_until(lambda: len(children_of(new)) == 2, "its workers")
            held.message()
            held.quit()
            wait_until(lambda: not alive(old), "the end of the old process")
        self.assertEqual([], self.manager.log_lines(r"not ready|signal (6|11) |in order"))
        self.assertEqual(0, self.manager.wait())
        self.stop_last()

    def test_the_controller_is_the_new_process(self):
        self.prepare('controller.connection_spec = "unix:%s"' % self.path("control"))
        held = self.session("held")
        new = self.upgrade()
        self.manager.wait_log(r"takes over")
        for _ in range(20):
            status = subprocess.run(
                [PROGRAM, "-c", self.directory, "--control", "status", "--json"],
                env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                timeout=20 * PATIENCE, check=True)
            self.assertEqual([new], [json.loads(status.stdout)["pid"]])
        held.message()
        held.quit()
        self.assertEqual(0, self.manager.wait())
        self.stop_last()

    def test_one_signal_to_the_former_process_is_the_first(self):
        """Who stops everything, or does what other servers want at an upgrade, costs no session."""
        for workers in (0, 1):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(workers=workers, number=number):
                    self.fresh()
                    self.prepare("manager.n_workers = %d" % workers)
                    held = self.session("held")
                    self.upgrade()
                    self.manager.wait_log(r"takes over")
                    self.manager.signal(number)
                    time.sleep(0.3)
                    held.message()
                    held.quit()
                    self.assertEqual(0, self.manager.wait())
                    self.stop_last()

    def test_a_new_process_that_fails_late_leaves_the_sockets(self):
        """It has taken the sockets over already: their paths are the former one's all the same."""
        self.prepare('controller.connection_spec = "unix:%s"' % self.path("control"))
        self.manager.write_configuration(self.configuration(
            'manager.pid_file = "%s/nowhere/pid"\ncontroller.connection_spec = "unix:%s"'
            % (self.directory, self.path("control"))))
        self.manager.signal(signal.SIGUSR2)
        self.manager.wait_log(r"\[upgrade\]\[error\] the new process is not ready")
        self.assertTrue(os.path.exists(self.path("control")))
        mta = self.session()
        mta.message()
        mta.quit()
        self.assertEqual(0, self.manager.stop())
        self.assertFalse(os.path.exists(self.manager.socket_path))
        self.assertFalse(os.path.exists(self.path("control")))

    def test_reloads_do_not_end_a_process_that_begins(self):
        self.prepare(SLOW % self.path("slow"))
        old = self.master()
        for _ in range(3):
            old = self.master()
            os.kill(old, signal.SIGUSR2)
            wait_until(lambda: children_of(old), "a new process")
            (new,) = children_of(old)
            self.addCleanup(ender(new))
            while alive(new) and self.master() == old:
                try:
                    os.kill(new, signal.SIGHUP)
                except ProcessLookupError:
                    pass
                time.sleep(0.002)
            wait_until(lambda: self.master() == new, "the new process")
            wait_until(lambda: not alive(old), "the end")
        self.assertEqual(0, self.manager.wait())
        self.stop_last()

    def test_a_new_address_leaves_no_path_of_the_former_one(self):
        self.prepare('controller.connection_spec = "unix:%s"' % self.path("control"))
        self.manager.write_configuration(self.configuration(
            'manager.pid_file = "%s"\ncontroller.connection_spec = "unix:%s"'
            % (self.path("pid"), self.path("control.new"))))
        self.upgrade()
        self.assertEqual(0, self.manager.wait())
        self.assertFalse(os.path.exists(self.path("control")))
        self.assertTrue(os.path.exists(self.path("control.new")))
        self.stop_last()
        self.assertFalse(os.path.exists(self.path("control.new")))

    def test_a_reload_meanwhile_reaches_the_new_process(self):
        """It has read the files already, as they were before."""
        self.prepare('File.write("%s", Process.pid.to_s)\n%s'
                     % (self.path("loading"), SLOW % self.path("slow")))
        old, new = self.begin_slow_upgrade()
        wait_until(lambda: read_text(self.path("loading")) == str(new), "it to read the files")
        self.manager.write_configuration(self.configuration(
            'manager.pid_file = "%s"' % self.path("pid")))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"generation 2 of the configuration is in force")
        os.unlink(self.path("slow"))
        self.manager.wait_log(r"generation 2 of the configuration is in force", 2)
        self.assertEqual(0, self.manager.wait())
        self.stop_last()


if __name__ == "__main__":
    unittest.main()
