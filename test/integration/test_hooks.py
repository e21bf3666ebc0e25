"""Hooks of the configuration: connection checkers, maintenance, the event loop
(configuration.md section 3, manager-semantics.md section 12).  test/run: first"""

import os
import signal
import socket
import time
import unittest

import wire
from case import PATIENCE, ManagerCase
from manager import ender
from fake_child import SILENCE


class Checkers(ManagerCase):
    """Sessions whose SMTP client has gone."""

    def checked(self, body, more="", script=None, **how):
        self.child("slow", script={"H": SILENCE} if script is None else script, reading_timeout=30.0)
        self.start(before="manager.connection_check_interval = 1\n" + more + """
manager.define_connection_checker("test") do |context|
  %s
end
""" % body, **how)

    def waiting(self, name="MTA", **connect):
        mta = self.negotiated(name)
        mta.command(wire.connect(**connect))
        mta.send(wire.helo("client.example.org"))
        return mta

    def test_gone(self):
        self.checked("false")
        started = time.monotonic()
        mta = self.waiting()
        mta.expect(wire.TEMPFAIL, timeout=3 * PATIENCE)
        self.assert_within(0.5, 2.2, started, "the check")
        mta.expect_closed(3.0)
        self.children["slow"].session(0).wait_closed()
        self.children["slow"].expect_letters("OCHQ")
        self.manager.wait_log(r"\[session\]\[disconnected\]\[[\d.]+\]\(\d+\)$")
        self.manager.wait_log(r'\[connection-check\]\[disconnected\] "test": inet:\d+@\[[\d.]+\] has gone')

    def test_the_configured_answer(self):
        self.checked("false", 'manager.fallback_status_at_disconnect = "reject"\n')
        self.waiting().expect(wire.REJECT, timeout=3 * PATIENCE)

    def test_there(self):
        for body in ("true", "nil", "raise 'broken'", "context['nothing']", "exit", "sleep 100"):
            with self.subTest(body=body):
                self.fresh()
                self.checked("$asked = true; " + body, "manager.condition_timeout = 0.3\n")
                mta = self.waiting()
                with self.assertRaises(AssertionError):
                    mta.expect(wire.TEMPFAIL, timeout=2.2)
                if "raise" in body:
                    self.manager.wait_log(r'\[connection-check\]\[error\] "test": \S+milter-manager.conf:\d+: broken')
                if "sleep" in body:
                    self.manager.wait_log(r'\[connection-check\]\[timeout\] "test": no answer within 0.3 s: '
                                          "counts as connected")

    def test_all_have_to_agree(self):
        self.checked("true", """
manager.define_connection_checker("second") { |context| sleep 0.1; false }
manager.define_connection_checker("third") { |context| raise "never asked" }
""")
        self.waiting().expect(wire.TEMPFAIL, timeout=4 * PATIENCE)
        self.manager.wait_log(r'"second": .* has gone')
        self.assertEqual([], self.manager.log_lines("never asked"))

    def test_the_same_name_replaces(self):
        self.checked("$replaced = true", """
manager.define_connection_checker("test") { |context| raise "the former one" }
""")
        mta = self.waiting()
        time.sleep(1.5)
        self.assertEqual([], self.manager.log_lines("the former one"))
        mta.close()

    def test_what_it_sees(self):
        self.checked("""Milter::Logger.message("seen " + [context.smtp_client_address.to_s,
    context.smtp_client_address.local?, context.smtp_server_address.to_s, context["j"],
    context["nothing"].inspect, context.smtp_server_name].join(" ")); $kept = context; true""")
        mta = self.negotiated()
        mta.send(wire.macros("C", "j", "mx.example.org", "v", "Postfix 3.7"))
        mta.command(wire.connect())
        mta.send(wire.helo("client.example.org"))
        line = self.manager.wait_log("seen ", timeout=4)[0]
        self.assertRegex(line, r"seen inet:\d+@\[[\d.]+\] (true|false) unix: mx.example.org nil Postfix 3.7$")
        mta.close()

    def test_the_server_s_address(self):
        self.child("slow", script={"H": SILENCE}, reading_timeout=30.0)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.start(before="""
manager.connection_check_interval = 1
manager.define_connection_checker("test") { |c| Milter::Logger.message("from #{c.smtp_server_address}") }
""", spec="inet:%d@127.0.0.1" % port, wait=False)
        self.manager.address = ("127.0.0.1", port)
        self.manager.wait_log(r"\[client\]\[listen\]\[start\]")
        mta = self.waiting()
        mine = mta.socket.getsockname()[1]
        self.manager.wait_log(r"from inet:%d@\[127.0.0.1\]" % mine, timeout=4)
        mta.close()

    def test_a_context_kept_beyond_its_session(self):
        self.checked("""
  if $kept
    begin
      $kept["j"]
      Milter::Logger.message("still good")
    rescue StandardError => error
      Milter::Logger.message("stale: #{error.message}")
    end
  end
  $kept = context
  true""")
        mta = self.waiting()
        time.sleep(1.3)
        mta.close()
        mta = self.waiting()
        self.manager.wait_log("stale: the session of this context is over", timeout=4)
        mta.close()

    def test_idle_sessions_are_not_examined(self):
        self.checked("false", script={})
        mta = self.session()
        time.sleep(1.5)
        mta.message()
        mta.quit()
        self.assertEqual([], self.manager.log_lines(r"\[disconnected\]"))

    def test_thirty_at_a_time_and_each_in_its_turn(self):
        self.checked('Milter::Logger.message("asked #{context["i"]}"); true')
        mtas = []
        for number in range(70):
            mta = self.negotiated("MTA%d" % number)
            mta.send(wire.macros("C", "i", "S%02d" % number))
            mta.command(wire.connect())
            mta.send(wire.helo("x"))
            mtas.append(mta)
        lines = self.manager.wait_log("asked S", count=60, timeout=5)
        self.assertEqual(60, len({line.split()[-1] for line in lines[:60]}))
        lines = self.manager.wait_log("asked S", count=90, timeout=5)
        self.assertEqual(70, len({line.split()[-1] for line in lines[:90]}))
        for mta in mtas:
            mta.close()

    def test_one_that_waits_delays_nobody(self):
        self.checked("sleep 1.5; false", script={"H": SILENCE})
        mta = self.waiting()
        time.sleep(1.2)
        started = time.monotonic()
        other = self.negotiated("other")
        other.command(wire.connect())
        self.assert_within(0, 0.1, started, "another session")
        mta.expect(wire.TEMPFAIL, timeout=4 * PATIENCE)
        other.close()

    def test_reload_changes_them_for_new_sessions(self):
        self.checked("true")
        old = self.waiting("old")
        self.manager.write_configuration(self.configuration(before="""
manager.connection_check_interval = 1
manager.define_connection_checker("new") { false }
"""))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("generation 2 of the configuration is in force")
        new = self.waiting("new")
        new.expect(wire.TEMPFAIL, timeout=3 * PATIENCE)
        self.manager.wait_log(r"\[session\]\[disconnected\]")
        self.assertEqual(1, len(self.manager.log_lines(r"\[session\]\[disconnected\]")))
        old.close()

    def test_an_endless_checker(self):
        self.checked("loop { }", "manager.condition_timeout = 0.3\n")
        mta = self.waiting()
        self.manager.wait_log(r'\[connection-check\]\[timeout\] "test": \S+:\d+: it ran for 0.3 s without waiting '
                              "and was interrupted: counts as connected", timeout=4)
        mta.close()


class Maintenance(ManagerCase):
    def sessions(self, count):
        for _ in range(count):
            mta = self.session()
            mta.quit()

    def test_after_the_last_session(self):
        self.child("fine")
        self.start(before='manager.maintained { Milter::Logger.message("maintained") }\n'
                   "manager.report_memory_statistics\n")
        self.sessions(1)
        self.manager.wait_log(r"\]: maintained$")
        line = self.manager.wait_log(r"\[maintain\]\[memory\] \(\d+KB\) total:\d+ Proc:\d+ Fiber:\d+$")[0]
        size = int(line.split("(")[1].split("KB")[0])
        with open("/proc/%d/statm" % self.manager.process.pid, encoding="ascii") as statm:
            now = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
        self.assertLess(abs(now - size), now // 4)

    def test_every_so_many_sessions(self):
        self.child("fine")
        self.start(before='manager.maintenance_interval = 4\n'
                   'manager.maintained { Milter::Logger.message("maintained") }\n')
        stay = self.session("stay")
        self.sessions(8)
        self.manager.wait_log(r"\]: maintained$", count=2)
        self.sessions(3)
        self.manager.wait_log(r"\[sessions\]\[finished\] 11\(")
        self.assertEqual(2, len(self.manager.log_lines(r"\]: maintained$")))
        stay.quit()
        self.manager.wait_log(r"\]: maintained$", count=3)

    def test_errors_are_logged_only(self):
        self.child("fine")
        self.start(before='manager.maintained { raise "broken" }\nmanager.maintained { exit! }\n'
                   'manager.maintained { loop { } }\nmanager.condition_timeout = 0.3\n'
                   'manager.maintained { Milter::Logger.message("the last one") }\n')
        self.sessions(1)
        self.manager.wait_log(r"\[manager.maintained\]\[error\] \S+milter-manager.conf:2: broken \(RuntimeError\)")
        self.manager.wait_log(r"\[manager.maintained\]\[error\] \S+milter-manager.conf:3: exit! would harm")
        self.manager.wait_log(r"\[manager.maintained\]\[timeout\] \S+milter-manager.conf:4: it ran for 0.3 s")
        self.manager.wait_log("the last one")
        self.assert_healthy()

    def test_one_that_waits_delays_nobody_and_runs_once(self):
        self.child("fine")
        self.start(before='manager.maintained { Milter::Logger.message("begins"); sleep 1; '
                   'Milter::Logger.message("ends") }\n')
        started = time.monotonic()
        self.sessions(5)
        self.assert_within(0, 0.5, started, "five sessions")
        self.manager.wait_log("ends")
        self.assertEqual(1, len(self.manager.log_lines("begins")))
        self.sessions(1)
        self.manager.wait_log("begins", count=2)


class EventLoop(ManagerCase):
    def looped(self, body, more=""):
        self.child("fine")
        self.start(before=more + "manager.event_loop_created do |loop|\n%s\nend\n" % body)

    def test_timeouts_repeat_while_true(self):
        self.looped("""
  n = 0
  loop.add_timeout(0.1) { n += 1; Milter::Logger.message("tick #{n}"); n < 3 }
  tag = loop.add_timeout(0.1) { Milter::Logger.message("removed"); true }
  Milter::Logger.message("remove: #{loop.remove(tag)} #{loop.remove(tag)}")""")
        self.manager.wait_log("remove: true false")
        self.manager.wait_log("tick 3")
        time.sleep(0.3)
        self.assertEqual(3, len(self.manager.log_lines("tick")))
        self.assertEqual([], self.manager.log_lines(r"\]: removed"))

    def test_idle(self):
        self.looped("""
  n = 0
  loop.add_idle { n += 1; Milter::Logger.message("idle #{n}"); n < 5 }""")
        self.manager.wait_log("idle 5")
        self.assert_healthy()

    def test_descriptors(self):
        self.looped("""
  server = UNIXServer.new(%r)
  loop.watch_io(server, IO::READABLE) do |io, events|
    peer = io.accept
    sleep 0.05
    peer.puts("#{io.equal?(server)} #{events == IO::READABLE} #{peer.gets}")
    peer.close
    true
  end""" % self.path("echo.sock"), 'require "socket"\n')
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as peer:
                deadline = time.monotonic() + 5
                while True:
                    try:
                        peer.connect(self.path("echo.sock"))
                        break
                    except OSError:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.01)
                peer.settimeout(5)
                peer.sendall(b"hello\n")
                self.assertEqual(b"true true hello\n", peer.makefile("rb").read())
        self.assert_healthy()

    def test_errors(self):
        self.looped("""
  n = 0
  loop.add_timeout(0.05) { n += 1; raise "tick #{n}" if n < 3 }
  loop.add_idle { raise "idle" }
  begin
    loop.add_timeout("x") { }
  rescue ArgumentError => e
    Milter::Logger.message(e.message)
  end
  begin
    loop.watch_io($stdin, 64) { }
  rescue ArgumentError => e
    Milter::Logger.message(e.message)
  end
  begin
    loop.add_idle
  rescue ArgumentError => e
    Milter::Logger.message(e.message)
  end
  raise "at the end\"""")
        self.manager.wait_log(r"\[add_timeout at \S+milter-manager.conf:5\]\[error\] \S+:5: tick 2 \(RuntimeError\)")
        self.manager.wait_log(r"\[add_idle at \S+milter-manager.conf:6\]\[error\] \S+:6: idle \(RuntimeError\)")
        self.manager.wait_log('add_timeout: seconds should be a number from 0 but was "x"')
        self.manager.wait_log("watch_io: events should be IO::READABLE, IO::WRITABLE or both but was 64")
        self.manager.wait_log("add_idle needs a block")
        self.manager.wait_log(r"\[manager.event_loop_created\]\[error\] \S+milter-manager.conf:22: at the end")
        time.sleep(0.2)
        self.assertEqual(1, len(self.manager.log_lines(": idle ")))
        self.assert_healthy()

    def test_callbacks_wait_without_holding_up_anybody(self):
        self.looped("""
  loop.add_timeout(0) { sleep 0.2; Milter::Logger.message("slept"); true }
  loop.add_timeout(0.01) { system("sleep 0.1"); true }""")
        for _ in range(20):
            started = time.monotonic()
            mta = self.session()
            mta.message()
            mta.quit()
            self.assert_within(0, 0.15, started, "a session")
        self.manager.wait_log("slept", count=2)

    def test_reload_takes_the_callbacks_of_the_former_configuration(self):
        self.looped('loop.add_timeout(0.02) { Milter::Logger.message("old"); true }')
        self.manager.wait_log(r"\]: old", count=2)
        self.manager.write_configuration(self.configuration(
            before='manager.event_loop_created { |loop| loop.add_timeout(0.02) { Milter::Logger.message("new"); true } }'))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"\]: new", count=2)
        before = len(self.manager.log_lines(r"\]: old"))
        self.manager.wait_log(r"\]: new", count=6)
        self.assertEqual(before, len(self.manager.log_lines(r"\]: old")))
        # A configuration that is refused changes nothing.
        self.manager.write_configuration(self.configuration(before="manager.nonsense = 1"))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("the configuration stays as it was")
        count = len(self.manager.log_lines(r"\]: new"))
        self.manager.wait_log(r"\]: new", count=count + 2)

    def test_in_the_daemon(self):
        # After daemonising: timers, waits and the limit work in the final process.
        self.child("fine")
        self.start(before="""
manager.daemon = true
manager.condition_timeout = 0.3
manager.pid_file = %r
log.path = %r
manager.event_loop_created do |loop|
  loop.add_timeout(0.05) { Milter::Logger.message("tick in #{$$ == File.read(%r).to_i} #{`echo hello`}") }
  loop.add_timeout(0.1) { while true; end }
end
""" % (self.path("pid"), self.path("log"), self.path("pid")), options=("--daemon",), wait=False)
        self.manager.wait()
        with open(self.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        self.addCleanup(ender(pid))
        self.wait_text("tick in true hello")
        self.wait_text("it ran for 0.3 s without waiting and was interrupted")
        self.assert_healthy()
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5 * PATIENCE
        while os.path.exists("/proc/%d" % pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(os.path.exists("/proc/%d" % pid))

    def wait_text(self, text):
        deadline = time.monotonic() + 5 * PATIENCE
        while True:
            with open(self.path("log"), encoding="utf-8") as log:
                content = log.read()
            if text in content:
                return
            if time.monotonic() > deadline:
                self.fail("not in the log: %s\n%s" % (text, content))
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
