"""The event loop driven by GLib (manager.event_loop_backend)."""

import unittest

import test_envelope
import test_hooks
import test_process
from case import ManagerCase
from manager import PROGRAM, run_to_end

with open(PROGRAM, "rb") as program:
    BUILT_IN = b"g_main_context_iteration" in program.read()
HERE = 'manager.event_loop_backend = "glib"'

# A source in GLib's default context, as a library would have it.
SOURCE = """
require "fiddle"
closure = Class.new(Fiddle::Closure) do
  def call(_data)
    Milter::Logger.message("GLib's turn, depth #{Fiddle::Function.new(Fiddle.dlopen(nil)["g_main_depth"], [], Fiddle::TYPE_INT).call}")
    1
  end
end
$tick = closure.new(Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP])
Fiddle::Function.new(Fiddle.dlopen(nil)["g_timeout_add"],
                     [Fiddle::TYPE_INT, Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP], Fiddle::TYPE_INT)
  .call(20, $tick, nil)
"""


@unittest.skipUnless(BUILT_IN, "built without GLib")
class Sources(ManagerCase):
    def test_sources_of_others_have_their_turns(self):
        self.child("a")
        self.start(HERE + SOURCE)
        self.manager.wait_log(r"GLib's turn, depth [1-9]", 3)
        self.assert_healthy()
        count = len(self.manager.log_lines(r"GLib's turn"))
        self.manager.wait_log(r"GLib's turn", count + 3)


@unittest.skipIf(BUILT_IN, "built with GLib")
class Without(ManagerCase):
    def test_it_is_refused(self):
        status, out, err = run_to_end("--event-loop-backend", "glib", "--show-config")
        self.assertEqual((1, ""), (status, out))
        self.assertIn("without GLib", err)


class Glib:
    """The tests of other suites, with GLib."""

    def start(self, before="", after="", options=(), **how):
        return super().start(before, after, (*options, "--event-loop-backend=glib"), **how)


class Envelope(Glib, test_envelope.Aggregation):
    pass


class Hooks(Glib, test_hooks.EventLoop):
    pass


class Stopping(Glib, test_process.Stopping):
    pass


# What a loop may do wrong: wait for too long, for nothing, or not at all.
BORROWED = (Envelope("test_commands_reach_all_children_at_the_same_time"), Hooks("test_idle"),
            Hooks("test_timeouts_repeat_while_true"), Hooks("test_descriptors"),
            Stopping("test_open_sessions_are_finished"), Stopping("test_right_after_load"))


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite(map(loader.loadTestsFromTestCase, (Sources, Without)))
    if BUILT_IN:
        suite.addTests(BORROWED)
    return suite
