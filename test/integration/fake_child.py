"""The answering side of a test: scripted milters.

A script maps command letters to answers; what it does not name is answered
with continue, unless the child negotiated that no answer is due.  An answer is

    bytes      sent as they are (one packet, several, half of one, garbage)
    a number   so many seconds of silence, then what follows in the list
    CLOSE      ends the connection;  RESET does so with a connection reset
    SILENCE    no answer
    STUCK      no answer, and nothing is read any more
    DIE        ends all connections and stops listening, like a killed process
    a list     of these, one after the other
    Turns(...) the nth one for the nth time this command comes in a session
    a function called with the packet, returns one of the above
"""

import os
import select
import socket
import struct
import threading
import time

import wire
from transcript import Mismatch

CLOSE, RESET, SILENCE, STUCK, DIE = "CLOSE", "RESET", "SILENCE", "STUCK", "DIE"


class Turns:
    """Answers by number of occurrence in the session; continue when they run out."""

    def __init__(self, *answers):
        self.answers = answers

    def pick(self, number):
        return self.answers[number] if number < len(self.answers) else wire.CONTINUE


class ChildSession:
    """One connection from the manager, served by a thread of its own."""

    def __init__(self, child, number, connection):
        self.child = child
        self.number = number
        self.script = dict(child.script)
        self.socket = connection
        self.packets = []       # everything received, in order
        self.times = []         # when (monotonic), parallel to packets
        self.changed = threading.Condition()
        self.closed = False     # the connection is over
        self.peer_closed = False  # ... because the manager ended it
        self.answered = wire.Negotiation(6, 0, 0, {})
        self.name = child.name if number == 0 else "%s#%d" % (child.name, number + 1)
        self.thread = threading.Thread(target=self._run, daemon=True)

    # ---- the thread

    def _run(self):
        buffer = b""
        try:
            while True:
                while len(buffer) >= 4:
                    (length,) = struct.unpack(">I", buffer[:4])
                    if len(buffer) < 4 + length:
                        break
                    received, buffer = buffer[:4 + length], buffer[4 + length:]
                    self._handle(wire.split(received)[0])
                    if self.closed:
                        return
                data = self.socket.recv(262144)
                if not data:
                    self.peer_closed = True
                    break
                buffer += data
        except (OSError, ValueError) as error:
            self.peer_closed = isinstance(error, ConnectionError)
        finally:
            self.end("(closed by the manager)" if self.peer_closed else "(closed)")

    def _handle(self, received):
        # Noted before it is shown, so that waiting tests cannot miss it.
        self.child.transcript.packet(self.name, "<", received.wire)
        number = sum(1 for other in self.packets if other.letter == received.letter)
        with self.changed:
            self.packets.append(received)
            self.times.append(time.monotonic())
            self.changed.notify_all()
        if received.letter in self.script:
            self.perform(self.script[received.letter], received, number)
        elif received.letter == "O":
            self.perform(self.child.negotiation_for(received), received, number)
        elif received.letter in wire.REPLIED:
            if not self.answered.steps & wire.NO_REPLY_BITS.get(received.letter, 0):
                self.perform(wire.CONTINUE, received, number)
        elif received.letter == "Q":
            self.end("(close)")

    def perform(self, answer, received=None, number=0):
        if isinstance(answer, Turns):
            answer = answer.pick(number)
        if callable(answer):
            answer = answer(received)
        if isinstance(answer, (list, tuple)):
            for part in answer:
                self.perform(part, received, number)
        elif isinstance(answer, bytes):
            self.send(answer)
        elif isinstance(answer, (int, float)):
            self.child.stopped.wait(answer)
        elif answer == CLOSE:
            self.end("(close)")
        elif answer == RESET:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.end("(reset)")
        elif answer == DIE:
            self.child.kill()
        elif answer == STUCK:
            self.child.stopped.wait()
        else:
            assert answer == SILENCE, answer

    def send(self, data):
        """Also for tests that let a child speak without being asked."""
        if data[4:5] == b"O" and len(data) >= 17:
            self.answered = wire.Negotiation.decode(data[5:])
        self.child.transcript.packet(self.name, ">", data)
        self.socket.sendall(data)

    def end(self, why="(close)"):
        with self.changed:
            if not self.closed:
                self.closed = True
                self.child.transcript.note(self.name, "> " + why)
                try:
                    self.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                self.socket.close()
            self.changed.notify_all()

    # ---- what tests ask

    def letters(self):
        """Letters received so far, without the macros."""
        with self.changed:
            return "".join(one.letter for one in self.packets if one.letter != "D")

    def _wait(self, done, what, timeout):
        deadline = time.monotonic() + timeout
        with self.changed:
            while not done():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Mismatch("child %s expected: %s\nchild %s came:     %s" % (
                        self.name, what, self.name,
                        "".join(one.letter for one in self.packets if one.letter != "D")
                        + (" (closed)" if self.closed else "")), self.child.transcript)
                self.changed.wait(left)

    def wait_closed(self, timeout=5.0):
        self._wait(lambda: self.closed, "end of connection", timeout)

    def wait_for(self, letter, count=1, timeout=5.0):
        """Waits until that command has come so often; returns the packet."""
        def found():
            return [one for one in self.packets if one.letter == letter]
        self._wait(lambda: len(found()) >= count, "%d x %s" % (count, letter), timeout)
        return found()[count - 1]

    def expect_letters(self, expected, closed=True, timeout=5.0):
        """The whole session: exactly these commands (macros aside), then the end."""
        if closed:
            self.wait_closed(timeout)
        else:
            self._wait(lambda: len(self.letters_locked()) >= len(expected), expected, timeout)
        if self.letters() != expected:
            raise Mismatch("child %s expected: %s\nchild %s came:     %s" % (
                self.name, expected, self.name, self.letters()), self.child.transcript)

    def letters_locked(self):
        return [one for one in self.packets if one.letter != "D"]

    def of(self, letters):
        """Packets received with one of these letters."""
        with self.changed:
            return [one for one in self.packets if one.letter in letters]

    def expect_packets(self, letters, expected):
        """Of the packets with these letters exactly these must have come, byte for byte."""
        came = [one.wire for one in self.of(letters)]
        if came != list(expected):
            raise Mismatch("child %s expected:\n    %s\nchild %s came:\n    %s" % (
                self.name, "\n    ".join(map(wire.show, expected)),
                self.name, "\n    ".join(map(wire.show, came))), self.child.transcript)

    def body(self):
        """All body bytes received so far, whether in B or in E."""
        return b"".join(one.payload for one in self.of("BE"))

    def macro_sets(self):
        """List of (stage, names and values) in the order they came."""
        return [wire.parse_macros(one.payload) for one in self.of("D")]


class FakeChild:
    """A milter that listens on a path or on (host, port); port 0 is chosen by the system."""

    def __init__(self, name, address, transcript, script=None, version=6,
                 actions=wire.ACTIONS_ALL, steps=0, lists=(), backlog=512):
        self.name = name
        self.transcript = transcript
        self.script = dict(script or {})
        self.version, self.actions, self.steps, self.lists = version, actions, steps, lists
        self.sessions = []
        self.changed = threading.Condition()
        self.stopped = threading.Event()
        self.unix = isinstance(address, str)
        if self.unix and os.path.exists(address):
            os.unlink(address)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.listener = socket.socket(socket.AF_UNIX if self.unix else family, socket.SOCK_STREAM)
        if not self.unix:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(backlog)
        self.address = address if self.unix else self.listener.getsockname()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def spec(self):
        if self.unix:
            return "unix:" + self.address
        kind = "inet6" if ":" in self.address[0] else "inet"
        return "%s:%d@[%s]" % (kind, self.address[1], self.address[0])

    def negotiation_for(self, offer):
        """Answers what it was made with, within the offer as far as the version goes."""
        offered = wire.Negotiation.decode(offer.payload)
        return wire.negotiate(min(self.version, offered.version), self.actions & offered.actions,
                              self.steps, self.lists)

    def _run(self):
        poll = select.poll()
        try:
            poll.register(self.listener, select.POLLIN)
            while not self.stopped.is_set():
                if not poll.poll(50):
                    continue
                connection, _ = self.listener.accept()
                if not self.unix:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.changed:
                    if self.stopped.is_set():
                        connection.close()
                        return
                    session = ChildSession(self, len(self.sessions), connection)
                    # Listed first: whoever sees its answers finds it there.
                    self.sessions.append(session)
                    session.thread.start()
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass  # the listener was closed

    def session(self, number=-1, timeout=5.0):
        """The session of that number (0 = first, default: the latest), once it exists."""
        wanted = number + 1 if number >= 0 else 1
        deadline = time.monotonic() + timeout
        with self.changed:
            while len(self.sessions) < wanted:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Mismatch("child %s expected: connection number %d\nchild %s came:     %d"
                                   % (self.name, wanted, self.name, len(self.sessions)),
                                   self.transcript)
                self.changed.wait(left)
            return self.sessions[number]

    def expect_letters(self, expected, number=-1, closed=True, timeout=5.0):
        self.session(number).expect_letters(expected, closed, timeout)

    def kill(self):
        """Like kill -9: the listener and all connections are gone at once."""
        self.transcript.note(self.name, "> (killed)")
        self.stopped.set()
        # poll in another thread does not notice a close, so shut down first.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.changed:
            sessions = list(self.sessions)
        for session in sessions:
            session.end("(killed)")

    def stop(self):
        self.stopped.set()
        self.listener.close()
        with self.changed:
            sessions = list(self.sessions)
        for session in sessions:
            session.end("(stopped)")
