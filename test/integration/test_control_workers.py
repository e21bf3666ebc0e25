"""The controller of a manager with worker processes: what it tells when one of them is killed,
hangs or knows less than another, after a reload, after an upgrade and while it stops."""

import os
import re
import signal
import threading
import time

import wire
from fake_child import SILENCE
from manager import PATIENCE, ender, read_text, run_to_end
from transcript import Quiet
from test_control import ControlCase
from test_workers import wait_until


def value(text, name):
    """The sum of all samples of that name."""
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
               if re.match(re.escape(name) + r"[{ ]", line))


def exact(text, sample):
    """The value of one sample; None: there is none."""
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines()
                 if line.rpartition(" ")[0] == sample), None)


class WorkersCase(ControlCase):
    WORKERS = 2

    def serve_workers(self, before="", **how):
        self.serve('manager.n_workers = %d\nmanager.pid_file = "%s"\n%s'
                   % (self.WORKERS, self.path("pid"), before), **how)
        self.wait_status(lambda s: all(w["answered"] for w in s["workers"]))

    def workers(self):
        return [worker["pid"] for worker in self.status()["workers"]]

    def metrics(self):
        return self.ask("/metrics").text

    def wait_metric(self, name, wanted):
        wait_until(lambda: value(self.metrics(), name) == wanted, "%s is %s" % (name, wanted))

    def stopped(self, pid):
        """That process does nothing until the test ends, or SIGCONT."""
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.let_go, pid)

    @staticmethod
    def let_go(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def session_of(self, pid):
        """A session that this worker has."""
        for _ in range(200):
            before = {s["id"] for s in self.status()["sessions"]}
            mta = self.session()
            status = self.wait_status(lambda s: any(x["id"] not in before for x in s["sessions"]))
            new = [x for x in status["sessions"] if x["id"] not in before][0]
            if status["workers"][new["worker"]]["pid"] == pid:
                return mta
            mta.quit()
        raise AssertionError("no connection came to process %d" % pid)


class Silent(WorkersCase):
    def test_a_worker_that_hangs(self):
        self.child("a")
        self.serve_workers()
        hung, other = self.workers()
        self.stopped(hung)
        began = time.monotonic()
        status = self.status()
        self.assert_within(0.5, 15, began, "the status")
        self.assertEqual([(0, hung, False), (1, other, True)],
                         [(w["number"], w["pid"], w["answered"]) for w in status["workers"]])
        self.assertEqual(200, self.ask("/metrics").status)
        self.assertEqual(200, self.ask("/readyz").status)
        self.assertEqual(200, self.ask("/reload", "POST").status)
        self.assertEqual(200, self.ask("/children/a/disable", "POST").status)
        code, out, err = run_to_end("-c", self.directory, "--control", "status")
        self.assertEqual((0, ""), (code, err))
        self.assertRegex(out, r"(?m)^0 +%d +no answer " % hung)
        with self.subTest("and wakes up"):
            self.let_go(hung)
            self.wait_status(lambda s: s["workers"][0]["answered"])

    def test_many_questions_about_one_that_hangs(self):
        self.child("a")
        self.serve_workers()
        self.stopped(self.workers()[0])
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.ask("/status").status))
                   for _ in range(15)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([200] * 15, answers)
        self.assert_within(0.5, 30, began, "the answers")
        for _ in range(3):
            self.status()

    def test_a_stop_while_one_is_waited_for(self):
        self.child("a")
        self.serve_workers("manager.shutdown_timeout = 1")
        self.stopped(self.workers()[0])
        client = self.connection()
        client.request("GET", "/status")
        self.manager.signal(signal.SIGTERM)
        self.assertEqual(200, client.getresponse().status)
        client.close()
        self.assertEqual("stopping", self.status()["state"])
        self.assertEqual(1, self.manager.wait(30))  # one had to be killed
        self.manager = None


class Knowledge(WorkersCase):
    def test_a_worker_that_has_not_noticed_that_a_child_is_back(self):
        """One worker saw it down, the other one only before and after that."""
        self.child("a", fallback_status="accept")
        self.serve_workers()
        first, second = self.workers()
        self.session_of(second).quit()
        self.assertEqual("up", self.status()["children"][0]["state"])
        self.children["a"].kill()
        time.sleep(1.1)  # times are in seconds
        self.stopped(second)
        self.negotiated().command(wire.connect(), wire.ACCEPT)
        self.let_go(second)
        self.wait_status(lambda s: s["workers"][1]["answered"])
        child = self.status()["children"][0]
        self.assertEqual("down", child["state"])
        self.assertIn("connection to unix:", child["last_error"]["message"])
        self.wait_metric("milter_manager_child_up", 0)
        self.child("a", define=False)
        time.sleep(1.1)
        self.stopped(first)
        self.session().quit()
        self.let_go(first)
        self.wait_status(lambda s: s["workers"][0]["answered"])
        self.assertEqual("up", self.status()["children"][0]["state"])
        self.wait_metric("milter_manager_child_up", 1)

    def test_a_killed_worker(self):
        """What it had counted stays, what was open is gone, and its successor is told of."""
        self.child("a", script={"M": SILENCE}, reading_timeout=60)
        self.serve_workers()
        victim = self.workers()[0]
        waiting = self.session_of(victim)
        sessions = value(self.metrics(), "milter_manager_sessions_total")
        waiting.send(wire.mail())
        self.wait_status(lambda s: [x["waiting_for"] for x in s["sessions"]] == ["a"])
        self.wait_metric("milter_manager_child_connections_open", 1)
        os.kill(victim, signal.SIGKILL)
        status = self.wait_status(lambda s: s["workers"][0]["pid"] not in (0, victim)
                                  and s["workers"][0]["answered"])
        self.assertEqual(([], 0), (status["sessions"], status["sessions_open"]))
        text = self.metrics()
        self.assertEqual([sessions, 0, 0, 1, 2],
                         [value(text, "milter_manager_" + name)
                          for name in ("sessions_total", "sessions_open", "child_connections_open",
                                       "worker_restarts_total", "workers")])
        self.assertEqual(sessions, status["totals"]["sessions"])

    def test_two_hundred_idle_sessions(self):
        self.child("a")
        self.serve_workers()
        mtas = [self.manager.connect("idle", Quiet()) for _ in range(200)]
        for mta in mtas:
            mta.negotiate()
        status = self.wait_status(lambda s: s["sessions_open"] == 200)
        self.assertEqual(200, sum(w["sessions"] for w in status["workers"]))
        self.assertEqual(100, len({s["id"] for s in status["sessions"]}))
        ages = [s["age"] for s in status["sessions"]]
        self.assertEqual(sorted(ages, reverse=True), ages)
        self.wait_metric("milter_manager_sessions_open", 200)
        _, out, _ = run_to_end("-c", self.directory, "--control", "sessions")
        self.assertEqual((102, "... and 100 younger ones"), (len(out.splitlines()), out.splitlines()[-1]))
        for mta in mtas:
            mta.close()
        self.wait_status(lambda s: s["sessions_open"] == 0 and not s["sessions"])
        self.assertEqual("no session is open\n",
                         run_to_end("-c", self.directory, "--control", "sessions")[1])


class Counts(WorkersCase):
    def test_reloads(self):
        self.child("a")
        self.serve_workers()
        good = read_text(self.manager.configuration_path)

        def reloads():
            return [exact(self.metrics(), 'milter_manager_reloads_total{result="%s"}' % result)
                    for result in ("success", "failure")]
        self.assertEqual([0, 0], reloads())
        self.assertEqual(200, self.ask("/reload", "POST").status)
        self.manager.signal(signal.SIGHUP)
        wait_until(lambda: reloads() == [2, 0], "two reloads")
        self.manager.write_configuration(good + "nonsense(\n")
        self.refused(500, self.ask("/reload", "POST"))
        self.assertEqual([2, 1], reloads())
        self.assertEqual(3, value(self.metrics(), "milter_manager_configuration_generation"))
        self.assertEqual(1, run_to_end("--control", "reload", "--control-spec",
                                       "unix:" + self.path("control"))[0])
        self.assertEqual([2, 2], reloads())

    def test_suspensions(self):
        self.child("a")
        self.serve_workers("manager.max_connections = 1\n"
                           "manager.suspend_time_on_unacceptable = 1")
        held = [self.connect("held %d" % number) for number in range(2)]
        for mta in held:
            mta.negotiate()
        name = "milter_manager_accept_suspensions_total"
        said = self.manager.wait_log(r"\[client\]\[accept\]\[suspend\]", 2)
        self.assertEqual(len(said), value(self.metrics(), name))
        for mta in held:
            mta.close()
        self.manager.wait_log(r"\[client\]\[accept\]\[resume\]", 2)
        self.assertEqual(len(said), value(self.metrics(), name))

    def test_what_was_counted_is_what_happened(self):
        """Three messages in three sessions, by whichever worker."""
        self.child("a", script={"R": lambda packet: wire.REJECT if b"bad" in packet.payload
                                else wire.CONTINUE})
        self.serve_workers()
        for number in range(3):
            mta = self.session("MTA %d" % number)
            mta.command(wire.mail())
            mta.command(wire.rcpt("<bad@example.com>"), wire.REJECT)
            mta.command(wire.rcpt("<good@example.com>"))
            mta.command(wire.DATA)
            mta.content()
            mta.expect_end()
            mta.quit()
        self.wait_status(lambda s: s["sessions_open"] == 0)
        text = self.metrics()
        replies = 'milter_manager_replies_total{stage="%s",verdict="%s"}'
        verdicts = 'milter_manager_child_verdicts_total{child="a",stage="%s",verdict="%s"}'
        for name, wanted in (("milter_manager_sessions_total", 3),
                             ("milter_manager_messages_total", 3),
                             ('milter_manager_child_messages_total{child="a"}', 3),
                             (replies % ("envelope-recipient", "reject"), 3),
                             (replies % ("envelope-recipient", "continue"), 3),
                             (replies % ("end-of-message", "continue"), 3),
                             (verdicts % ("envelope-recipient", "reject"), 3),
                             (verdicts % ("end-of-message", "continue"), 3)):
            self.assertEqual(wanted, exact(text, name), name)
        self.assertEqual(0, value(text, "milter_manager_child_failures_total"))
        totals = self.status()["totals"]
        self.assertEqual((3, 3, 3, 0), (totals["sessions"], totals["messages"],
                                        totals["verdicts"]["reject"], totals["failures"]))
        self.assertEqual(totals["bytes_received"], value(text, "milter_manager_received_bytes_total"))

    def test_no_series_twice(self):
        """Names that cannot be told apart as text, or are too long, have no series of their own."""
        for number, name in enumerate(('"a\\xff".dup', '"a\\xfe".dup', '"L" * 400', '"L" * 4000',
                                       '"L" * 4001')):
            self.defined.append('define_milter(%s) { |m| m.connection_spec = "unix:%s" }\n'
                                % (name, self.path("none%d" % number)))
        self.child("b")
        self.serve_workers()
        self.session().quit()
        self.wait_metric("milter_manager_child_up", 1)
        samples = [line.rpartition(" ")[0] for line in self.metrics().splitlines()
                   if not line.startswith("#")]
        self.assertEqual(sorted(set(samples)), sorted(samples))
        self.assertEqual({'child="(others)"', 'child="b"'},
                         set(re.findall(r'child="[^"]*"', "\n".join(samples))))


class Upgrade(WorkersCase):
    def test_only_the_new_process_answers(self):
        """The former one, which finishes a session, would say that it is stopping."""
        self.child("a")
        self.serve_workers()
        old = self.manager.process.pid
        held = self.session("held")
        self.ask("/children/a/disable", "POST")
        kept = self.connection()
        self.assertEqual(200, self.ask("/readyz", connection=kept).status)
        self.manager.signal(signal.SIGUSR2)
        wait_until(lambda: read_text(self.path("pid")).strip() not in ("", str(old)), "a new process")
        new = int(read_text(self.path("pid")))
        self.addCleanup(ender(new))
        self.manager.wait_log(r"\[master\]\[upgrade\] process %d takes over" % new)
        for _ in range(20):
            self.assertEqual(new, self.status()["pid"])
            self.assertEqual((200, "ok\n"), (self.ask("/readyz").status, self.ask("/readyz").text))
        self.assertTrue(self.status()["children"][0]["switched_off"])
        with self.subTest("a connection that was there"):
            self.assertEqual("close", self.ask("/readyz", connection=kept).headers["Connection"])
        held.message()
        held.quit()
        self.assertEqual(0, self.manager.wait())
        self.assertEqual(new, self.status()["pid"])
