"""Thousands of conditions wait: others do not notice, neither while they wait nor when the time of
all is over at once.  Measures time; test/run: alone"""

import re
import time
import unittest

import wire
from case import PATIENCE, ManagerCase, condition
from transcript import Quiet

SPIN = """
    spin = lambda { from = Process.clock_gettime(1); nil while Process.clock_gettime(1) - from < 0.004 }
"""


class ManyWaiting(ManagerCase):
    def begin(self, body, before=""):
        self.transcript = Quiet()
        self.child("watched", applicable_conditions=["Slow"])
        self.start(before=before + condition("Slow", "helo", "fqdn", SPIN + body))

    def waiting(self, number, name="slow"):
        """That many sessions whose HELO is looked at."""
        mtas = [self.negotiated("MTA") for _ in range(number)]
        for mta in mtas:
            mta.command(wire.connect())
        for mta in mtas:
            mta.send(wire.helo(name))
        return mtas

    def longest_wait(self, seconds, meanwhile=None):
        mta = self.negotiated("quick")
        mta.command(wire.connect())
        if meanwhile:
            meanwhile.send(wire.helo("go"))
        worst, deadline = 0.0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            mta.command(wire.helo("quick"))
            worst = max(worst, mta.last_wait)
            time.sleep(0.005)
        mta.quit()
        return worst

    def test_the_time_of_many_is_over_at_once(self):
        self.begin('next false unless fqdn == "slow"\n begin; sleep 9; ensure; spin.call; end',
                   "manager.condition_timeout = 1.0\n")
        mtas = self.waiting(200)
        worst = self.longest_wait(2.5)
        for mta in mtas:
            mta.expect(wire.CONTINUE)
        self.assertLess(worst, 0.3 * PATIENCE, "0.8 s of work were done in one go")
        self.manager.wait_log("no answer within", count=200)

    def test_many_may_go_on_at_once(self):
        self.begin('$queue ||= Thread::Queue.new\n'
                   '    case fqdn\n'
                   '    when "slow" then $queue.pop; spin.call; true\n'
                   '    when "go" then 200.times { $queue << 1 }; true\n'
                   '    else false\n'
                   '    end')
        mtas = self.waiting(200)
        starter = self.negotiated("starter")
        starter.command(wire.connect())
        worst = self.longest_wait(1.5, starter)
        for mta in [*mtas, starter]:
            mta.expect(wire.ACCEPT)
        self.assertLess(worst, 0.3 * PATIENCE, "0.8 s of work were done in one go")

    def test_garbage_is_collected_seldom(self):
        """Each time the stacks of all who wait are looked through."""
        self.begin("$kept ||= Array.new(300_000) { Object.new }\n"
                   "    3.times { GC.start }\n"
                   "    before = GC.count\n"
                   "    3_000_000.times { Object.new }\n"
                   '    Milter::Logger.message("[collected] #{GC.count - before} times")\n'
                   "    true")
        for mta in self.waiting(1):
            mta.expect(wire.ACCEPT)
        line, = self.manager.wait_log(r"\[collected\]")
        self.assertLess(int(re.search(r"\] (\d+) times", line).group(1)), 14, line)

    def test_programs_see_no_settings_of_the_collector(self):
        self.begin("Milter::Logger.message('[environment] ' + `env | grep -c RUBY_GC`.strip)\n    true")
        for mta in self.waiting(1):
            mta.expect(wire.ACCEPT)
        self.manager.wait_log(r"\[environment\] 0")

    def test_more_than_ten_thousand(self):
        """Ten thousand wait; one more has its turn at once."""
        self.begin('next false unless fqdn == "slow"\n'
                   '    wait = Struct.new(:ticket) do\n'
                   '      def run = sleep(9)\n'
                   '      def give_up(_fiber) = nil\n'
                   '      def cancel = nil\n'
                   '      def answered? = false\n'
                   '      def answer = nil\n'
                   '      def start = Milter::Manager::Engine.take_fiber.transfer(self)\n'
                   '      def begin_waiting = nil\n'
                   '      def adopt(_fiber) = false\n'
                   '    end\n'
                   '    Milter::Manager::Engine.scheduler.after(0, lambda { |_|\n'
                   '      10_000.times { |number| Milter::Manager::Engine.send(:put, wait.new(-number)) }\n'
                   '    })\n'
                   '    false')
        for mta in self.waiting(1):
            mta.expect(wire.CONTINUE)
        time.sleep(0.5)
        self.assertLess(self.longest_wait(2.0), 1.0 * PATIENCE)


if __name__ == "__main__":
    unittest.main()
