"""A mail server that does what a test wants: SMTP or LMTP, as good or as bad as its script.

One thread serves all connections (about two thousand mails a second), so a script that
sleeps stalls everybody.  What was received is in `connections` and `mails`, byte for byte;
what a client must not do is in `violations`.  The protocol itself is in smtp_dialogue.py,
which also says what the stages of a script are called.  An answer in a script is

    "550 5.7.1 no"   a reply; CRLF is added; "250-a\\r\\n250 b" has two lines
    bytes            sent as they are
    a number         so many seconds of silence, then what follows in the list
    CLOSE            ends the connection;  RESET does so with a connection reset
    SILENCE          no answer, for ever
    DIE              ends all connections and stops listening, like a killed process
    Trickle(TEXT)    a reply byte by byte
    ENDLESS          a reply whose line never ends
    None             what a good server says
    a list           of these, one after the other
    Turns(...)       the nth one for the nth time this stage comes on a connection
    Every(K, ...)    that for each Kth time this stage comes to the server, else None
    a function       called with the smtp_dialogue.Command, returns one of the above
"""

import atexit
import heapq
import selectors
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

from smtp_dialogue import Dialogue

CLOSE, RESET, SILENCE, DIE, ENDLESS = "CLOSE", "RESET", "SILENCE", "DIE", "ENDLESS"
WORDS = (CLOSE, RESET, SILENCE, DIE, ENDLESS)
EXTENSIONS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


class Trickle:
    def __init__(self, text, pause=0.001):
        self.text, self.pause = text, pause


class Turns:
    def __init__(self, *answers):
        self.answers = answers

    def __call__(self, command):
        return self.answers[command.count] if command.count < len(self.answers) else None


class Every:
    def __init__(self, number, *answers):
        self.number, self.answers = number, list(answers)

    def __call__(self, command):
        return self.answers if command.total % self.number == self.number - 1 else None


class Stall:
    """Stalls the whole server once, when this stage comes for the nth time."""

    def __init__(self, at, seconds=1.0):
        self.at, self.seconds = at, seconds

    def __call__(self, command):
        if command.total == self.at:
            time.sleep(self.seconds)


class Certificate:
    """Made once, for localhost and 127.0.0.1, signed by itself."""

    _made = None

    def __init__(self):
        directory = tempfile.mkdtemp(prefix="mm-tls-", dir="/tmp")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        self.path, self.key = directory + "/certificate.pem", directory + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.path],
                       check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @classmethod
    def get(cls):
        if cls._made is None:
            cls._made = cls()
        return cls._made


class Connection:
    """Bytes of one connection, and the answers that are under way; the rest is the dialogue's."""

    def __init__(self, server, number, peer):
        self.server = server
        self.number = number
        self.socket = peer
        self.dialogue = Dialogue(self, server)
        self.buffer = bytearray()   # received, not yet taken by the dialogue
        self.output = bytearray()   # to be sent
        self.wire_out = 0           # bytes the kernel has taken
        self.busy = False           # an answer is not complete: nothing is taken
        self.over = False           # no more answers, by the script
        self.endless = False
        self.deaf = False           # nothing is read either: too much has come meanwhile
        self.leaving = False        # to be closed when output is sent
        self.closed = None          # "server" or "client"
        self.tls = None
        self.opened = time.monotonic()
        self.ended = None

    # ---- answers

    def perform(self, answers, after):
        """Gives the answers one by one; then after(code of the first reply, or 0)."""
        if self.over:
            return
        self.busy = True
        self._go_on(list(answers), 0, after)

    def _go_on(self, answers, code, after):
        while answers:
            answer = answers.pop(0)
            if self.closed:
                return
            if isinstance(answer, (list, tuple)):
                answers[:0] = answer
            elif answer in WORDS:
                self.over = True
                getattr(self, "_" + answer.lower())()
                after(code)
                return
            elif isinstance(answer, str):
                code = code or number_of(answer)
                self.write(answer.encode("utf-8", "surrogateescape") + b"\r\n")
            elif isinstance(answer, bytes):
                self.write(answer)
            elif isinstance(answer, (int, float)):
                self.flush()
                self.server.later(answer, lambda: self._resume(answers, code, after))
                return
            elif isinstance(answer, Trickle):
                answers[:0] = [part for byte in answer.text.encode() + b"\r\n"
                               for part in (answer.pause, bytes([byte]))]
                code = code or number_of(answer.text)
            elif answer is not None:
                raise TypeError("no answer: %r" % (answer,))
        self.busy = False
        after(code)

    def _resume(self, answers, code, after):
        if not self.closed:
            if self.deaf:
                self.deaf = False
                self.server.watch(self, False)
            self._go_on(answers, code, after)
            self.process()

    def _close(self):
        self.leaving = True

    def _reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.output.clear()
        self.leaving = True

    def _silence(self):
        pass

    def _endless(self):
        self.endless = True

    def _die(self):
        self.server.die()

    # ---- bytes

    def write(self, data):
        if self.tls is not None and self.tls.open:
            self.tls.write(data)
        else:
            self.output += data

    def start_tls(self):
        self.tls = Tls(self, self.server.tls_context)

    def receive(self):
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end("client")
            return
        if self.tls is not None:
            data = self.tls.read(data)
        self.buffer += data
        self.process()
        if self.busy and len(self.buffer) > 262144 and not self.closed:
            self.deaf = True
            self.server.unwatch(self)

    def process(self):
        while not (self.busy or self.leaving or self.closed) and self.dialogue.step(self.buffer):
            pass
        self.flush()

    def flush(self):
        if self.closed:
            return
        if self.endless and len(self.output) < 65536:
            self.write(b"x" * 65536 if self.wire_out else b"250 " + b"x" * 65532)
        try:
            while self.output:
                sent = self.socket.send(self.output)
                self.wire_out += sent
                del self.output[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.end("client")
            return
        if self.leaving and not self.output:
            self.end("server")
            return
        self.server.watch(self, bool(self.output) or self.endless)

    def end(self, by):
        if not self.closed:
            self.closed, self.ended = by, time.monotonic()
            self.server.forget(self)
            self.socket.close()


def number_of(reply):
    last = reply.rsplit("\n", 1)[-1]
    return int(last[:3]) if last[:3].isdigit() else 0


class Tls:
    """TLS over what the connection's socket receives and sends."""

    def __init__(self, connection, context):
        self.connection = connection
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.open = False
        self.failed = None

    def _sent(self):
        self.connection.output += self.outgoing.read()

    def read(self, data):
        self.incoming.write(data)
        plain = bytearray()
        try:
            if not self.open:
                self.engine.do_handshake()
                self.open = True
                self._sent()
                self.connection.dialogue.secured(self.engine.version(), self.engine.cipher()[0])
            while True:
                piece = self.engine.read(65536)
                if not piece:
                    break
                plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as problem:
            self.failed = str(problem)
            self.connection.leaving = True
        self._sent()
        return bytes(plain)

    def write(self, data):
        self.engine.write(data)
        self._sent()


class SmtpServer:
    """Listens from the first moment on.

    where       "127.0.0.1", "::1" or the path of a unix socket
    script      answers by stage
    extensions  lines of the EHLO answer; None: EHLO is refused, HELO works
    starttls    STARTTLS is offered;  implicit_tls: the handshake comes first
    mechanisms  of AUTH, for `users`: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
    xclient     attributes offered, "NAME ADDR PORT"
    chunking, lmtp, proxy (a PROXY header comes first)
    strict      a violation is answered with 503 and the end of the connection
    """

    def __init__(self, where="127.0.0.1", *, script=None, extensions=EXTENSIONS, starttls=False,
                 implicit_tls=False, mechanisms=(), users=None, xclient="", chunking=False, lmtp=False,
                 proxy=False, strict=False, backlog=512):
        self.script = dict(script or {})
        self.extensions = extensions
        self.starttls, self.implicit_tls = starttls, implicit_tls
        self.mechanisms, self.users = list(mechanisms), dict(users or {"user": "secret"})
        self.xclient, self.chunking, self.lmtp, self.proxy = xclient, chunking, lmtp, proxy
        self.strict = strict
        self.connections, self.mails, self.violations, self.problems = [], [], [], []
        self.totals = {}
        self.most_at_once = 0
        self.dead = False
        self.tls_context = None
        if starttls or implicit_tls:
            certificate = Certificate.get()
            self.tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls_context.load_cert_chain(certificate.path, certificate.key)
        self._alive = set()
        self._timers, self._timer_number = [], 0
        self._selector = selectors.DefaultSelector()
        self._listen(where, backlog)
        self._ear, self._mouth = socket.socketpair()
        self._selector.register(self._ear, selectors.EVENT_READ, None)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _listen(self, where, backlog):
        family = (socket.AF_UNIX if "/" in where else socket.AF_INET6 if ":" in where else socket.AF_INET)
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(where if family == socket.AF_UNIX else (where, 0))
        self._listener.listen(backlog)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._listener)
        self.port = None if family == socket.AF_UNIX else self._listener.getsockname()[1]
        # As --smtp-server takes it.
        self.address = ("unix:" + where if family == socket.AF_UNIX else
                        "[%s]:%d" % (where, self.port) if family == socket.AF_INET6 else
                        "%s:%d" % (where, self.port))

    # ---- what was received

    def delivered(self):
        """The mails that were answered with 2xx."""
        return [mail for mail in self.mails if any(200 <= code < 300 for code in mail.codes)]

    def settle(self, timeout=5.0):
        """Waits until all connections are over; true when they are."""
        deadline = time.monotonic() + timeout
        while self._alive and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self._alive

    # ---- the thread

    def _run(self):
        while not self._stopping:
            wait = None if not self._timers else max(0, self._timers[0][0] - time.monotonic())
            for key, events in self._selector.select(wait):
                try:
                    self._serve(key.data, events)
                except Exception as problem:  # pylint: disable=broad-except
                    # A mistake of a test's script must not look like one of the client.
                    self.problems.append(problem)
                    if isinstance(key.data, Connection):
                        key.data.end("server")
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
        for connection in list(self._alive):
            connection.end("server")
        for each in (self._listener, self._ear, self._mouth):
            each.close()
        self._selector.close()

    def _serve(self, what, events):
        if what is None:
            self._ear.recv(64)
        elif what is self._listener:
            self._accept()
        elif not what.closed:
            if events & selectors.EVENT_READ:
                what.receive()
            if events & selectors.EVENT_WRITE and not what.closed:
                what.flush()

    def _accept(self):
        try:
            peer, _ = self._listener.accept()
        except OSError:
            return
        peer.setblocking(False)
        if peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self, len(self.connections), peer)
        self.connections.append(connection)
        self._alive.add(connection)
        self.most_at_once = max(self.most_at_once, len(self._alive))
        self._selector.register(peer, selectors.EVENT_READ, connection)
        if self.implicit_tls and not self.proxy:
            connection.start_tls()
        else:
            connection.dialogue.begin()
            connection.process()

    # ---- for connections

    def later(self, seconds, call):
        self._timer_number += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_number, call))

    def watch(self, connection, writing):
        if connection.deaf:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        key = self._selector.get_map().get(connection.socket)
        if key is None:
            self._selector.register(connection.socket, events, connection)
        elif key.events != events:
            self._selector.modify(connection.socket, events, connection)

    def unwatch(self, connection):
        if connection.socket in self._selector.get_map():
            self._selector.unregister(connection.socket)

    def forget(self, connection):
        self._alive.discard(connection)
        self.unwatch(connection)

    def count(self, stage):
        number = self.totals.get(stage, 0)
        self.totals[stage] = number + 1
        return number

    def die(self):
        self.dead = True
        self._selector.unregister(self._listener)
        self._listener.close()
        for connection in list(self._alive):
            connection.end("server")

    def stop(self):
        self._stopping = True
        try:
            self._mouth.send(b"x")
        except OSError:
            pass
        self._thread.join(10)


def refusing_port():
    """A socket that is bound and does not listen: connections to its port are refused while it
    lives, and no other process gets it."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound
