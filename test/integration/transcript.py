"""What happened on all connections of a test, in one order, to show when it fails."""

import threading
import time

import wire


class Transcript:
    def __init__(self):
        self.started = time.monotonic()
        self.lines = []
        self.lock = threading.Lock()

    def note(self, who, text):
        with self.lock:
            self.lines.append("%8.3f  %-8s %s" % (time.monotonic() - self.started, who, text))

    def packet(self, who, direction, data):
        self.note(who, "%s %s" % (direction, wire.show(data)))

    def __str__(self):
        with self.lock:
            lines = list(self.lines)
        if len(lines) > 160:
            lines = lines[:40] + ["     ...  (%d lines)" % (len(lines) - 160)] + lines[-120:]
        return "\n".join(lines)


class Quiet(Transcript):
    """For thousands of sessions nobody reads about: keeps what was not as expected only."""

    def packet(self, who, direction, data):
        pass

    def note(self, who, text):
        if text.startswith("!"):
            super().note(who, text)


class Mismatch(AssertionError):
    """An expectation about packets that was not met, with the whole conversation."""

    def __init__(self, what, transcript):
        super().__init__("%s\n---- conversation (> sent by us, < received)\n%s" % (what, transcript))
