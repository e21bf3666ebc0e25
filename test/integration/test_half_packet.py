"""Half a packet from the MTA is closed after reading_timeout x 10, at least 60 s
(manager-semantics 18).  By nature slow, so it has a file of its own; test/run: first"""

import time
import unittest

import wire
from case import ManagerCase


class HalfPacket(ManagerCase):
    def test_closed_after_a_minute_and_named(self):
        self.child("a", reading_timeout=1.0)
        first = self.negotiated("first")
        first.send(wire.connect()[:9])
        second = self.connect("second")
        second.send(wire.negotiate()[:3])
        idle = self.session("idle")
        started = time.monotonic()
        first.expect_closed(75)
        second.expect_closed(75)
        self.assert_within(58, 70, started, "closing")
        self.manager.wait_log(r"(?i)half|incomplete|unfinished|partial|part of a packet|timed? ?out|idle")
        idle.message()  # an idle session without half a packet stays
        idle.quit()


if __name__ == "__main__":
    unittest.main()
