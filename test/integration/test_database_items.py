"""The items that say where a database is: what a PostgreSQL server hears when
the manager makes its first connection (configuration section 9)."""

import os
import socket
import struct
import unittest

from case import ManagerCase

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
ASKS_FOR_PASSWORD = b"R" + struct.pack(">II", 8, 3)


class FakeServer:
    """Speaks PostgreSQL's protocol until it knows who connects."""

    def __init__(self, listener):
        self.listener = listener
        listener.listen(5)
        listener.settimeout(10)

    def _exactly(self, connection, count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise AssertionError("the client has closed the connection")
            data += more
        return data

    def hear(self):
        """(user, database, password) of the next client."""
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(10)
            while True:
                (length,) = struct.unpack(">I", self._exactly(connection, 4))
                (code,) = struct.unpack(">I", self._exactly(connection, 4))
                rest = self._exactly(connection, length - 8)
                if code not in (SSL_REQUEST, GSS_REQUEST):
                    break
                connection.sendall(b"N")
            words = rest.split(b"\0")
            values = dict(zip(words[::2], words[1::2]))
            connection.sendall(ASKS_FOR_PASSWORD)
            self._exactly(connection, 1)
            (length,) = struct.unpack(">I", self._exactly(connection, 4))
            password = self._exactly(connection, length - 4).rstrip(b"\0")
            return tuple(text.decode() for text in (values[b"user"], values[b"database"], password))


class Items(ManagerCase):
    def heard(self, listener, *lines):
        self.addCleanup(listener.close)
        server = FakeServer(listener)
        self.start("\n".join(['database.type = "pg"', 'database.name = "mail"', 'database.user = "milter"',
                              'database.password = "secret"', *lines, "database.setup"]))
        return server.hear()

    def test_host_and_port(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.assertEqual(("milter", "mail", "secret"), self.heard(
            listener, 'database.host = "127.0.0.1"', "database.port = %d" % listener.getsockname()[1]))

    def test_path(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(self.directory, ".s.PGSQL.7"))
        self.assertEqual(("milter", "mail", "secret"), self.heard(
            listener, 'database.path = "%s"' % self.directory, "database.port = 7"))


if __name__ == "__main__":
    unittest.main()
