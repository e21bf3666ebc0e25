"""The common frame of the tests: children, a manager and an MTA in a temporary directory.

    class Rejecting(ManagerCase):
        def test_reject_at_mail(self):
            self.child("a", script={"M": wire.REJECT})
            mta = self.session()
            mta.command(wire.mail(), wire.REJECT)
"""

import os
import random
import shutil
import socket
import tempfile
import time
import unittest

import wire
from fake_child import FakeChild
from manager import PATIENCE, Manager, sanitized  # noqa: F401 (for the tests)
from transcript import Mismatch, Transcript

SETTINGS = ("fallback_status", "evaluation_mode", "enabled", "connection_timeout",
            "writing_timeout", "reading_timeout", "end_of_message_timeout",
            "applicable_conditions")


def literal(value):
    """A Ruby literal."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"').replace("#", "\\#")
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(map(literal, value))
    return repr(value)


def free_port():
    """A TCP port nobody listens on, out of the range the system gives to clients."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def condition(name, kind, arguments, body):
    """Ruby that defines a condition of one stopper."""
    return """
define_applicable_condition("%s") do |condition|
  condition.define_%s_stopper do |context%s|
    %s
  end
end
""" % (name, kind, ", " + arguments if arguments else "", body)


class ManagerCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # Short, because unix socket paths have 107 bytes at most.
        self.directory = tempfile.mkdtemp(prefix="mm-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.transcript = Transcript()
        self.children = {}
        self.defined = []
        self.manager = None
        self.mtas = []

    # Every failure shows the conversation and what the manager wrote.
    def _explain(self, text):
        parts = [text, "---- conversation (> sent by us, < received)", str(self.transcript)]
        if self.manager is not None:
            parts.append(self.manager.output())
        return "\n".join(parts)

    def _formatMessage(self, msg, standardMsg):
        return self._explain(super()._formatMessage(msg, standardMsg))

    def _callTestMethod(self, method):
        try:
            return super()._callTestMethod(method)
        except (Mismatch, OSError) as problem:
            log = self.manager.output() if self.manager is not None else ""
            raise AssertionError("%s\n%s" % (
                problem if isinstance(problem, Mismatch) else self._explain(repr(problem)),
                log)) from problem

    # ---- parts

    def path(self, name):
        return os.path.join(self.directory, name)

    def child(self, name, script=None, *, tcp=False, define=True, negotiation=None, **options):
        """A scripted child, defined in the configuration under its name; settings of
        `milter.*` may be given by keyword, the rest goes to FakeChild."""
        settings = {key: options.pop(key) for key in SETTINGS if key in options}
        child = FakeChild(name, ("127.0.0.1", 0) if tcp else self.path(name + ".sock"),
                          self.transcript, script, **options)
        self.addCleanup(child.stop)
        if negotiation is not None:
            child.script["O"] = negotiation
        self.children[name] = child
        if define:
            self.define(name, child.spec, **settings)
        return child

    def define(self, name, spec, **settings):
        """A milter in the configuration, whether or not something listens there."""
        settings.setdefault("reading_timeout", 5.0)
        lines = ["define_milter(%s) do |milter|" % literal(name),
                 "  milter.connection_spec = %s" % literal(spec)]
        lines += ["  milter.%s = %s" % (key, literal(value)) for key, value in settings.items()]
        self.defined.append("\n".join(lines + ["end\n"]))

    def absent(self, name, **settings):
        """A milter whose socket does not exist."""
        self.define(name, "unix:" + self.path(name + ".sock"), **settings)

    def refusing(self, name, tcp=False, **settings):
        """A milter whose socket exists and refuses."""
        path = self.path(name + ".sock")
        if tcp:
            self.define(name, "inet:%d@127.0.0.1" % free_port(), **settings)
            return
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
        self.define(name, "unix:" + path, **settings)

    def configuration(self, before="", after=""):
        return "\n".join(["log.use_syslog = false", before, *self.defined, after, ""])

    def start(self, before="", after="", options=(), write=True, **how):
        """Starts the manager with all children defined so far.  before and after:
        configuration in front of and behind the define_milter blocks."""
        self.manager = Manager(self.directory, self.transcript)
        if write:
            self.manager.write_configuration(self.configuration(before, after))
        self.addCleanup(self._finish)
        return self.manager.start(*options, **how)

    def fresh(self):
        """Ends the manager and forgets the children, for a test that begins anew several times."""
        for mta in self.mtas:
            mta.socket.close()
        if self.manager is not None:
            self._finish()
        for child in self.children.values():
            child.stop()
        self.manager, self.defined, self.children, self.mtas = None, [], {}, []

    def _finish(self):
        """No test passes when the manager crashed, hung at its end or wrote to stderr
        what only a sanitizer or the Ruby interpreter in distress writes."""
        for mta in self.mtas:
            mta.socket.close()
        if self.manager is None or self.manager.process is None:
            return
        try:
            expected = 0
            if self.manager.running():
                status = self.manager.stop()
            else:
                status = self.manager.process.returncode
                expected = getattr(self, "expected_status", 0)
            self.assertEqual(expected, status, "exit status of milter-manager")
            for word in ("Sanitizer", "runtime error", "[BUG]", "Assertion"):
                self.assertNotIn(word, self.manager.errors())
        finally:
            self.manager.kill()

    # ---- sessions

    def connect(self, name="MTA", **options):
        if self.manager is None:
            self.start()
        mta = self.manager.connect(name, **options)
        self.mtas.append(mta)
        return mta

    def negotiated(self, name="MTA", version=6, actions=wire.ACTIONS_ALL, steps=wire.STEPS_ALL):
        mta = self.connect(name)
        mta.negotiation = mta.negotiate(version, actions, steps)
        return mta

    def session(self, name="MTA", host="client.example.org", **offer):
        """Negotiated, CONNECT and HELO done."""
        return self.negotiated(name, **offer).open(host)

    def assert_no_more_files(self, before, seconds=5.0):
        """The manager has, or comes back to, so many descriptors."""
        deadline = time.monotonic() + seconds
        while self.manager.open_files() > before and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.manager.open_files() > before:
            self.fail("descriptors are left open, there were %d:\n%s"
                      % (before, "\n".join(self.manager.open_file_names())))

    def assert_healthy(self):
        """A new session with one message passes: whatever happened is over."""
        mta = self.session("healthy")
        mta.message()
        mta.quit()

    def assert_within(self, least, most, since, what):
        took = time.monotonic() - since
        if not least <= took <= most * PATIENCE:
            self.fail("%s took %.3f s, should be %.2f to %.2f s" % (what, took, least, most))

    def fail(self, msg=None):
        raise self.failureException(self._explain(str(msg)))
