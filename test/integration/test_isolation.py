"""What conditions do to the process they run in: it harms their own session at most, is said in the
log, and everybody else goes on being served.  test/run: first"""

import os
import signal
import time
import unittest

import wire
from case import PATIENCE, ManagerCase, condition, sanitized
from manager import ender

LIMIT = 0.5  # s, manager.condition_timeout of these tests


ENDS = "\"exit\" or \"abort\" would end the program"


class IsolationCase(ManagerCase):
    def wild(self, body, before="", timeout=LIMIT):
        """A manager with one milter whose HELO is asked about by that body; two children, so that
        the session has somebody else too."""
        self.child("watched", applicable_conditions=["Wild"])
        self.child("fine")
        self.start(before="%s\nmanager.condition_timeout = %g\n" % (before, timeout) +
                   condition("Wild", "helo", "fqdn", "return_value = (%s)\n    return_value" % body))

    def helo(self, patience=5.0):
        mta = self.negotiated()
        mta.command(wire.connect())
        mta.send(wire.helo("wild.example.org"))
        mta.expect(wire.CONTINUE, timeout=patience * PATIENCE)
        return mta

    def served(self, mta):
        """The session itself and another one have all the rest."""
        mta.message()
        mta.quit()
        self.assert_healthy()

    def pids(self):
        """The manager's process and its descendants."""
        found, pid = [], self.manager.process.pid
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as children:
                found += [int(child) for child in children.read().split()]
        return found

    def wait_no_children(self):
        deadline = time.monotonic() + 5 * PATIENCE
        while self.pids():
            if time.monotonic() > deadline:
                self.fail("processes are left: %s" % self.pids())
            time.sleep(0.01)


class Refused(IsolationCase):
    """What would end the process or take it over."""

    def test_words(self):
        words = {  # what is said, as a regular expression
            "exit!": "exit! would harm milter-manager: refused; use return",
            "Process.exit!(3)": "exit! would harm milter-manager",
            "Kernel.exit!": "exit! would harm milter-manager",
            "exec('/bin/true')": "exec would harm milter-manager: refused; use system or spawn",
            "Process.exec('/bin/true')": "exec would harm milter-manager",
            "Kernel.exec({'A' => 'b'}, '/bin/true', chdir: '/')": "exec would harm milter-manager",
            "Process.daemon": "Process.daemon would harm milter-manager: refused; use spawn",
            "Process.daemon(true, true)": "Process.daemon would harm milter-manager",
            "trap('TERM') { }": r'trap\("TERM"\) would harm milter-manager',
            "Signal.trap(:SIGHUP, 'IGNORE')": r'trap\("HUP"\) would harm milter-manager',
            "trap(14, 'IGNORE')": r'trap\("ALRM"\) would harm milter-manager',
            "trap('PIPE', 'SYSTEM_DEFAULT')": r'trap\("PIPE"\) would harm milter-manager',
            "trap(:SIGCHLD, 'IGNORE')": r'trap\("CHLD"\) would harm milter-manager',
            "trap('CLD', 'IGNORE')": r'trap\("(CLD|CHLD)"\) would harm milter-manager',
            "trap('XFSZ', 'SYSTEM_DEFAULT')": r'trap\("XFSZ"\) would harm milter-manager',
            "Fiber.set_scheduler(nil)": "Fiber.set_scheduler would harm milter-manager",
            "Thread.abort_on_exception = true": "abort_on_exception would harm milter-manager",
            "Thread.current.abort_on_exception = true": "abort_on_exception would harm milter-manager",
            "exit": ENDS,
            "exit(3)": ENDS,
            "abort('so long')": ENDS,
            "Thread.current.kill": ENDS,
            "Thread.main.kill": ENDS,
            "Thread.exit": ENDS,
            "throw(:nothing)": r"uncaught throw :nothing",
            "Fiber.yield": r"\(FiberError\)",
            "begin; 1; ensure; raise 'in ensure'; end": r"in ensure \(RuntimeError\)",
            "raise Exception, 'bare'": r"bare \(Exception\)",
            "Thread.new { Thread.main.raise('x') }.join": "Thread.main.raise would harm",
        }
        self.child("watched", applicable_conditions=["Wild"])
        self.start(before="manager.condition_timeout = 5\n" + condition(
            "Wild", "helo", "fqdn", "case fqdn\n%s    end\n    false" % "".join(
                "    when %r then (%s)\n" % (str(number), word) for number, word in enumerate(words))))
        for number, (word, message) in enumerate(words.items()):
            with self.subTest(word=word):
                mta = self.negotiated()
                mta.command(wire.connect())
                mta.command(wire.helo(str(number)), wire.CONTINUE)
                mta.message()
                mta.quit()
                self.manager.wait_log(r"\[condition\]\[error\]\[helo\] \"Wild\" for milter \"watched\": "
                                      r"\S+milter-manager\.conf:%d: .*%s" % (7 + number, message))
        self.assert_healthy()

    def test_threads_that_exit(self):
        self.wild("[Thread.new { exit }, Thread.start { abort('bye') }, Thread.fork { Thread.main.kill },"
                  " Thread.new { Thread.exit }, Thread.new { Thread.current.kill }].each(&:join); false",
                  timeout=5)
        mta = self.helo()
        self.served(mta)
        self.manager.wait_log(r"\[ruby\] thread: \S+milter-manager.conf:\d+: " + ENDS, count=3)

    def test_in_the_files_themselves(self):
        self.child("fine")
        self.start()
        for number, word in enumerate(("exit!", "exec('/bin/true')", "exit", "Process.daemon"), 1):
            self.manager.write_configuration(self.configuration(before=word))
            self.manager.signal(signal.SIGHUP)
            self.manager.wait_log(r"\[configuration\]\[error\] \S+milter-manager.conf:2: ", count=number)
            self.manager.wait_log(r"1 mistake, told above; the configuration stays as it was", count=number)
        self.manager.write_configuration(self.configuration(before="pid = fork and Process.wait(pid)"))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("generation 2 of the configuration is in force")
        self.wait_no_children()
        self.assert_healthy()


class Endless(IsolationCase):
    """Code that never waits is interrupted after manager.condition_timeout."""

    def endless(self, body, message, times=1.0, **how):
        self.wild(body, **how)
        started = time.monotonic()
        mta = self.helo()
        self.assert_within(LIMIT * 0.9, LIMIT * times + 0.7, started, "the answer to HELO")
        self.manager.wait_log(r"\[condition\]\[timeout\]\[helo\] \"Wild\" for milter \"watched\": " + message)
        self.served(mta)

    INTERRUPTED = (r"\S+milter-manager.conf:\d+: it ran for 0.5 s without waiting and was interrupted: "
                   r"counts as false")

    def test_loop(self):
        self.endless("loop { }", self.INTERRUPTED)

    def test_while(self):
        self.endless("(while true; end)", self.INTERRUPTED)

    def test_rescue_of_ordinary_errors(self):
        self.endless("(while true; begin; Integer('x'); rescue; end; end)", self.INTERRUPTED)

    def test_regexp(self):
        self.endless("('a' * 60 + '!') =~ /\\A(a|aa|aaa|a?)*\\z/", self.INTERRUPTED)

    def test_recursion_in_an_enumerator(self):
        self.endless("Enumerator.new { |y| loop { } }.next", self.INTERRUPTED)

    def test_loop_after_waiting(self):
        self.wild("sleep 0.1; loop { }")
        mta = self.helo()
        self.manager.wait_log("it ran for 0.5 s without waiting|no answer within 0.5 s")
        self.served(mta)

    def test_loop_in_a_scheduled_fiber(self):
        self.wild("Fiber.schedule { loop { } }; false")
        mta = self.helo()
        self.served(mta)

    def test_what_cannot_be_interrupted_is_left_behind(self):
        self.endless("(while true; begin; loop { }; rescue Exception; end; end)",
                     "no answer within 0.5 s: counts as false", times=3.0)

    def test_loop_in_ensure(self):
        self.endless("begin; loop { }; ensure; loop { }; end", "no answer within 0.5 s", times=3.0)

    def test_blocking_system_call(self):
        os.mkfifo(self.path("fifo"))
        self.wild("File.open(%r) { }; true" % self.path("fifo"))
        mta = self.helo()
        self.manager.wait_log("it ran for 0.5 s without waiting and was interrupted")
        self.served(mta)

    def test_others_that_wait_meanwhile_keep_their_answers(self):
        self.child("watched", applicable_conditions=["Wild", "Patient"])
        self.start(before="manager.condition_timeout = 1.0\n" + condition(
            "Wild", "helo", "fqdn", "fqdn == 'wild' and loop { }") + condition(
                "Patient", "helo", "fqdn", "fqdn == 'patient' and (sleep 0.3; true)"))
        patient, wild = self.negotiated("patient"), self.negotiated("wild")
        for mta in (patient, wild):
            mta.command(wire.connect())
        patient.send(wire.helo("patient"))
        time.sleep(0.05)
        wild.send(wire.helo("wild"))
        patient.expect_any(wire.ACCEPT, wire.CONTINUE)
        wild.expect(wire.CONTINUE)
        self.assertEqual([], self.manager.log_lines('"Patient"'))
        self.assert_healthy()

    def test_many_times(self):
        # What is left behind costs memory, not processor time or descriptors.
        self.wild("begin; loop { }; ensure; loop { }; end", timeout=0.05)
        before = self.manager.open_files()
        for _ in range(3):
            self.helo().quit()
        self.assert_no_more_files(before)
        with open("/proc/%d/stat" % self.manager.process.pid, encoding="ascii") as stat:
            busy = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
        time.sleep(0.5)
        with open("/proc/%d/stat" % self.manager.process.pid, encoding="ascii") as stat:
            busy = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) - busy
        self.assertLess(busy, 20, "ticks in half a second of idleness")

    def test_no_limit(self):
        self.wild("(stop = Process.clock_gettime(1) + 0.8; nil until Process.clock_gettime(1) > stop; false)",
                  timeout=0)
        self.served(self.helo())
        self.assertEqual([], self.manager.log_lines(r"\[timeout\]"))


    def test_threads_that_never_wait(self):
        self.wild("$threads ||= Array.new(10) { Thread.new { loop { } } }; false", timeout=5)
        self.helo().quit()
        self.manager.wait_log(r"\[ruby\] threads have computed for 5.0 s without waiting: they get a tenth of "
                              "the time now", timeout=15)
        started = time.monotonic()
        for _ in range(20):  # at a second for each they would be at it for 20
            mta = self.session()
            mta.message()
            mta.quit()
        self.assert_within(0, 8, started, "20 sessions")


@unittest.skipIf(sanitized(), "the sanitizer keeps SIGSEGV to itself")
class Recursion(IsolationCase):
    """Methods written in C call themselves until the stack of the machine is at its end."""

    def recursive(self, body):
        self.wild(body, timeout=5)
        self.served(self.helo())
        self.manager.wait_log(r"\[condition\]\[error\]\[helo\] .*something calls itself without end")

    def test_inspect(self):
        self.recursive("thing = Class.new { def inspect = [self].inspect }; thing.new.inspect")

    def test_comparison(self):
        self.recursive("thing = Class.new { include Comparable; def <=>(other) = [self] <=> [other] };"
                       " [thing.new, thing.new].sort")

    def test_deep_data(self):
        self.recursive("deep = []; 200_000.times { deep = [deep] }; Marshal.dump(deep.hash); deep.inspect")

    def test_after_waiting(self):
        started = time.monotonic()
        self.recursive("sleep 0.01; thing = Class.new { def inspect = [self].inspect }; thing.new.inspect")
        self.assert_within(0, 3, started, "the answer, which is not to wait for the deadline")

    def test_again_and_again(self):
        self.wild("thing = Class.new { def inspect = [self].inspect }; thing.new.inspect", timeout=5)
        for _ in range(1000):  # on the machine's stack one in some hundred hung in malloc
            self.helo().quit()
        self.assert_healthy()


class Messages(IsolationCase):
    """What an exception says is code of its class."""

    def speechless(self, methods, patience=5.0):
        self.wild("kind = Class.new(StandardError) { %s }; raise kind" % methods)
        self.served(self.helo(patience))
        self.manager.wait_log(r"\[helo\] \"Wild\" for milter \"watched\": "
                              "(an exception that cannot say what it is|no answer within)")

    def test_endless(self):
        self.speechless("def message = loop { }")

    def test_endless_for_good(self):
        self.speechless("def message; loop { }; rescue Exception; retry; end")

    def test_endless_name(self):
        self.speechless("def self.to_s = loop { }")

    def test_name_that_raises(self):
        self.speechless("def self.to_s = raise(self)")

    def test_nobody_waits_for_it(self):
        self.wild("Fiber.schedule { raise Class.new(StandardError) { def message = loop { } } }; false", timeout=5)
        self.served(self.helo())
        self.manager.wait_log(r"\[ruby\] Fiber.schedule: an exception that cannot say what it is")


class Strayed(IsolationCase):
    """What changes something of Ruby's own."""

    def test_name_of_the_program(self):
        self.wild("$0 = 'another name' * 1000; Process.setproctitle('x' * 5000); false", timeout=5)
        self.served(self.helo())

    def test_fiber_that_is_never_returned_to(self):
        # Control comes back to the loop past the scheduler: the turn has ended all the same.
        self.wild("Fiber.new { Fiber.new { }.transfer }.resume; false")
        started = time.monotonic()
        mta = self.helo()
        self.assert_within(LIMIT * 0.9, LIMIT + 0.5, started, "the answer to HELO")
        self.manager.wait_log("no answer within 0.5 s: counts as false")
        self.served(mta)
        self.assertEqual([], self.manager.log_lines("ConditionOverrun"))


class AtTheEnd(IsolationCase):
    """Code that runs when the manager ends does not keep it from ending."""

    def ends(self, body):
        self.wild(body, timeout=5)
        self.helo().quit()
        started = time.monotonic()
        self.assertEqual(0, self.manager.stop())
        self.assert_within(4.5, 7, started, "the end")
        self.assertIn("Ruby code that runs at the end goes on for too long", self.manager.errors())

    def test_at_exit(self):
        self.ends("at_exit { begin; loop { }; rescue Exception; retry; end }; false")

    def test_thread(self):
        self.ends("Thread.new { begin; sleep; ensure; loop { }; end }; sleep 0.1; false")

    def test_what_ends_is_waited_for(self):
        self.wild("at_exit { sleep 0.3; File.write(%r, 'x') }; false" % self.path("mark"), timeout=5)
        self.helo().quit()
        self.assertEqual(0, self.manager.stop())
        self.assertTrue(os.path.exists(self.path("mark")))
        self.assertEqual("", self.manager.errors())


class Forked(IsolationCase):
    """A forked process runs what stands behind its fork and ends; it is no second manager."""

    def test_with_a_block(self):
        self.wild("pid = fork { File.write(%r, 'x'); sleep 0.05; exit! 7 }; Process.wait(pid);"
                  " $?.exitstatus == 7 ? false : raise('wrong')" % self.path("mark"), timeout=5)
        self.served(self.helo())
        self.assertTrue(os.path.exists(self.path("mark")))
        self.wait_no_children()
        self.assertEqual([], self.manager.log_lines(r"\[error\]"))

    def test_without_a_block(self):
        self.wild("pid = fork; File.write('%s' + (pid ? 'parent' : 'child'), $$.to_s); Process.wait(pid) if pid;"
                  " false" % self.path(""), timeout=5)
        self.served(self.helo())
        self.assertTrue(os.path.exists(self.path("child")))
        self.wait_no_children()
        self.assertEqual([], self.manager.log_lines(r"\[error\]"))

    def test_the_error_of_a_child_is_told(self):
        self.wild("pid = fork; raise 'in the child' unless pid; Process.wait(pid); $?.exitstatus == 1 ? false :"
                  " raise('wrong')", timeout=5)
        self.served(self.helo())
        self.manager.wait_log(r"\[ruby\] forked process: \S+milter-manager.conf:\d+: in the child")
        self.assertNotIn("unexpected", self.manager.errors())  # Ruby's own words
        self.wait_no_children()

    def test_children_that_stay_hold_no_connection(self):
        self.wild("fork { File.write(%r, 'x'); sleep 60 }; false" % self.path("mark"), timeout=5)
        mta = self.helo()
        pid = self.pids()[0]
        deadline = time.monotonic() + 5 * PATIENCE
        while not os.path.exists(self.path("mark")) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.addCleanup(ender(pid))
        sockets = [name for name in self.links(pid) if name.startswith("socket:")]
        self.assertEqual([], sockets)
        self.served(mta)
        self.children["watched"].session(0).wait_closed()
        self.assertEqual(0, self.manager.stop())
        os.kill(pid, 0)

    def test_children_end_by_signals(self):
        self.wild("pid = fork { sleep 60 }; Process.kill(:TERM, pid); Process.wait(pid); $?.termsig == 15 ? false"
                  " : raise('wrong')", timeout=5)
        self.served(self.helo())
        self.assertEqual([], self.manager.log_lines(r"\[error\]"))

    def test_what_a_child_waits_for_is_its_own(self):
        self.wild("pid = fork { sleep 0.05; `true`; Thread.new { sleep 0.01 }.join; loop { break }; exit!(9) };"
                  " Process.wait(pid); $?.exitstatus == 9 ? false : raise('wrong')", timeout=5)
        self.served(self.helo())
        self.assertEqual([], self.manager.log_lines(r"\[error\]"))

    def test_a_child_is_not_interrupted(self):
        self.wild("pid = fork { stop = Time.now + 1; nil until Time.now > stop; exit!(5) }; Process.wait(pid);"
                  " $?.exitstatus == 5 ? false : raise('wrong')", timeout=5,
                  before='manager.condition_timeout = 0.3')
        self.served(self.helo())
        self.assertEqual([], self.manager.log_lines(r"\[error\]|\[timeout\]"))

    def test_a_child_may_exec(self):
        self.wild("pid = fork { exec('/bin/sh', '-c', 'exit 4') }; Process.wait(pid);"
                  " $?.exitstatus == 4 ? false : raise('wrong')", timeout=5)
        self.served(self.helo())
        self.assertEqual([], self.manager.log_lines(r"\[error\]"))

    def links(self, pid):
        found = []
        for number in os.listdir("/proc/%d/fd" % pid):
            try:
                found.append(os.readlink("/proc/%d/fd/%s" % (pid, number)))
            except OSError:
                pass
        return found


class Programs(IsolationCase):
    """Programs are run without holding up anybody."""

    def test_ways_to_run_one(self):
        ways = {
            "system": "system('sleep 0.4; exit 3') == false && $?.exitstatus == 3",
            "backquote": "`sleep 0.4; echo x` == \"x\\n\" && $?.success?",
            "spawn": "Process.wait(spawn('sleep 0.4')) && $?.success?",
            "wait2": "Process.wait2(spawn('sleep 0.4; exit 2'))[1].exitstatus == 2",
            "popen": "IO.popen(['sh', '-c', 'sleep 0.4; echo y'], &:read) == \"y\\n\"",
            "detach": "Process.detach(spawn('sleep 0.4')).value.success?",
            "fork popen": "IO.popen('-') { |io| io ? io.read == 'z' : (sleep 0.4; print 'z') }",
        }
        self.child("watched", applicable_conditions=["Run"])
        self.start(before="manager.condition_timeout = 5\n" + condition(
            "Run", "helo", "fqdn", "case fqdn\n%s    else true\n    end or raise('wrong: ' + fqdn)\n    false" % "".join(
                "    when %r then %s\n" % (name, code) for name, code in ways.items())))
        for name in ways:
            with self.subTest(way=name):
                waiting = self.negotiated(name)
                waiting.command(wire.connect())
                started = time.monotonic()
                waiting.send(wire.helo(name))
                other = self.session("other")
                other.message()
                other.quit()
                self.assert_within(0, 0.3, started, "another session")
                waiting.expect(wire.CONTINUE)
                self.assert_within(0.35, 1.0, started, "the program")
                waiting.quit()
        self.assertEqual([], self.manager.log_lines(r"\[error\]"))


if __name__ == "__main__":
    unittest.main()
