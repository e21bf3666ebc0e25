"""The asking side of a test: an MTA that says exactly what it is told to."""

import socket
import struct
import time

import wire
from transcript import Mismatch

TIMEOUT = 5.0  # how long an answer may take unless the test says otherwise


def open_socket(address, timeout):
    """address: a path, or (host, port)."""
    if isinstance(address, str):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(timeout)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


class FakeMta:
    def __init__(self, address, transcript, name="MTA", timeout=TIMEOUT):
        self.transcript = transcript
        self.name = name
        self.timeout = timeout
        self.buffer = b""
        self.last_wait = 0.0  # seconds the last answer took
        self.socket = open_socket(address, timeout)

    # ---- bytes

    def send(self, *data):
        data = b"".join(data)
        self.transcript.packet(self.name, ">", data)
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def trickle(self, data):
        """Sends one byte at a time."""
        self.transcript.packet(self.name, "> (byte by byte)", data)
        for offset in range(len(data)):
            self.socket.sendall(data[offset:offset + 1])

    def _packet(self):
        """The next whole packet of the buffer, or None."""
        if len(self.buffer) < 4:
            return None
        (length,) = struct.unpack(">I", self.buffer[:4])
        if length < 1 or length > 4 * 1048576:
            raise self.mismatch("a packet with a possible length", "length %d" % length)
        if len(self.buffer) < 4 + length:
            return None
        data, self.buffer = self.buffer[:4 + length], self.buffer[4 + length:]
        self.transcript.packet(self.name, "<", data)
        return wire.split(data)[0]

    def receive(self, timeout=None):
        """The next packet; None at the end of the connection."""
        started = time.monotonic()
        deadline = started + (self.timeout if timeout is None else timeout)
        while True:
            found = self._packet()
            if found is not None:
                self.last_wait = time.monotonic() - started
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.mismatch("a packet", "nothing within %.2f s" % (deadline - started))
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(262144)
            except socket.timeout:
                continue
            except ConnectionError:
                data = b""
            if not data:
                if self.buffer:
                    raise self.mismatch("whole packets", "half a packet before the end: %s"
                                        % self.buffer[:40].hex(" "))
                self.transcript.note(self.name, "< (closed)")
                self.last_wait = time.monotonic() - started
                return None
            self.buffer += data

    # ---- expectations

    def mismatch(self, expected, came):
        self.transcript.note(self.name, "! expected %s, came %s" % (expected, came))
        return Mismatch("%s expected: %s\n%s came:     %s" % (self.name, expected, self.name, came),
                        self.transcript)

    def expect(self, *expected, timeout=None):
        """Each of expected (bytes of one packet) must come, in this order."""
        for data in expected:
            came = self.receive(timeout)
            if came is None or came.wire != data:
                raise self.mismatch(wire.show(data), "end of connection" if came is None else str(came))

    def expect_any(self, *possible, timeout=None):
        """One of possible must come; returns it."""
        came = self.receive(timeout)
        if came is None or came.wire not in possible:
            raise self.mismatch(" or ".join(wire.show(data) for data in possible),
                                "end of connection" if came is None else str(came))
        return came.wire

    def expect_closed(self, timeout=None):
        came = self.receive(timeout)
        if came is not None:
            raise self.mismatch("end of connection", str(came))

    def expect_nothing(self, seconds=0.1):
        """Nothing may come for so long, and the connection stays open."""
        try:
            came = self.receive(seconds)
        except Mismatch:
            return
        raise self.mismatch("nothing", "end of connection" if came is None else str(came))

    def command(self, data, expected=wire.CONTINUE, timeout=None):
        self.send(data)
        self.expect(expected, timeout=timeout)

    def commands(self, *packets, expected=wire.CONTINUE):
        """One after the other, each with the same answer."""
        for data in packets:
            self.command(data, expected)

    # ---- shorthands

    def negotiate(self, version=6, actions=wire.ACTIONS_ALL, steps=wire.STEPS_ALL, timeout=None):
        """Offers; returns the decoded answer."""
        self.send(wire.negotiate(version, actions, steps))
        came = self.receive(timeout)
        if came is None or came.letter != "O" or len(came.payload) < 12:
            raise self.mismatch("O", "end of connection" if came is None else str(came))
        return wire.Negotiation.decode(came.payload)

    def open(self, host="client.example.org", name="client.example.org"):
        """CONNECT and HELO, both answered with continue."""
        self.commands(wire.connect(host), wire.helo(name))
        return self

    def envelope(self, sender="<from@example.org>", recipients=("<to@example.com>",), data=True):
        self.command(wire.mail(sender))
        for recipient in recipients:
            self.command(wire.rcpt(recipient))
        if data:
            self.command(wire.DATA)

    def content(self, headers=(("From", "a@example.org"), ("Subject", "hello")), chunks=(b"Hi\r\n",)):
        """Headers, end of header and body, all answered with continue; not E."""
        for name, value in headers:
            self.command(wire.header(name, value))
        self.command(wire.EOH)
        for chunk in chunks:
            self.command(wire.body(chunk))

    def finish(self, data=b"", timeout=None):
        """Sends E; returns (list of edit packets, final reply) as bytes; PROGRESS is skipped."""
        self.send(wire.eom(data))
        return self.answer(timeout)

    def answer(self, timeout=None):
        edits = []
        while True:
            came = self.receive(timeout)
            if came is None:
                raise self.mismatch("the final reply to E", "end of connection")
            if came.letter in wire.FINAL_REPLIES:
                return edits, came.wire
            if came.letter != "p":
                edits.append(came.wire)

    def expect_end(self, edits=(), verdict=wire.CONTINUE, data=b"", timeout=None):
        """Sends E and compares everything that comes back."""
        came = self.finish(data, timeout)
        if came != (list(edits), verdict):
            raise self.mismatch(
                "\n    " + "\n    ".join(wire.show(packet) for packet in [*edits, verdict]),
                "\n    " + "\n    ".join(wire.show(packet) for packet in [*came[0], came[1]]))

    def message(self, sender="<from@example.org>", recipients=("<to@example.com>",), edits=(),
                verdict=wire.CONTINUE, **content):
        """A whole message whose only interesting answer is the one to E."""
        self.envelope(sender, recipients)
        self.content(**content)
        self.expect_end(edits, verdict)

    def quit(self):
        """Says goodbye and sees the connection close without another packet."""
        self.send(wire.QUIT)
        self.expect_closed()
        self.close()

    def close(self):
        if self.socket.fileno() >= 0:
            self.transcript.note(self.name, "> (close)")
        self.socket.close()

    def reset(self):
        """Closes so that the other side sees a connection reset (TCP)."""
        self.transcript.note(self.name, "> (reset)")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
