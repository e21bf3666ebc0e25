"""The connection checker that looks at the table of TCP connections, with a
real connection of a client that goes away (configuration section 8.4)."""

import socket
import time
import unittest

import wire
from case import ManagerCase
from fake_child import SILENCE


class Netstat(ManagerCase):
    def setUp(self):
        super().setUp()
        # The mail server's side of a client's connection.
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()
        self.addCleanup(self.client.close)
        self.addCleanup(self.server.close)

    def waiting(self):
        """A session of that client whose MAIL is not answered."""
        self.child("silent", script={"M": SILENCE}, reading_timeout=30)
        self.start('manager.use_netstat_connection_checker(1)\n'
                   'manager.fallback_status_at_disconnect = "reject"\n')
        mta = self.negotiated()
        mta.command(wire.connect("client.example.org", "4", self.client.getsockname()[1], "127.0.0.1"))
        mta.command(wire.helo())
        mta.send(wire.mail())
        return mta

    def test_a_client_that_has_gone(self):
        mta = self.waiting()
        mta.expect_nothing(2.2)  # it is asked about, and still there
        self.client.close()
        started = time.monotonic()
        mta.expect(wire.REJECT, timeout=6)
        self.assert_within(0, 3, started, "noticing it")
        mta.expect_closed()


if __name__ == "__main__":
    unittest.main()
