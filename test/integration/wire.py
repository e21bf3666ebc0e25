"""The milter protocol in a few lines: building, cutting and printing packets.

Independent of the project's own C code on purpose: what the tests send and
expect is written from the protocol's description alone.
"""

import collections
import struct

# Steps of the negotiation (milter-protocol section 3.2).
NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT = 0x1, 0x2, 0x4, 0x8
NO_BODY, NO_HEADERS, NO_EOH = 0x10, 0x20, 0x40
NO_UNKNOWN, NO_DATA = 0x100, 0x200
NR_HEADER, NR_CONNECT, NR_HELO, NR_MAIL = 0x80, 0x1000, 0x2000, 0x4000
NR_RCPT, NR_DATA, NR_UNKNOWN, NR_EOH, NR_BODY = 0x8000, 0x10000, 0x20000, 0x40000, 0x80000
SKIP, RCPT_REJ, LEADSPC = 0x400, 0x800, 0x100000
NO_ANY = 0x37F
NR_ANY = 0xFF080
STEPS_ALL = 0x1FFFFF
ACTIONS_ALL = 0x1FF
ACTION_SETSYMLIST = 0x100

NO_EVENT_BITS = {
    "C": NO_CONNECT, "H": NO_HELO, "M": NO_MAIL, "R": NO_RCPT, "B": NO_BODY,
    "L": NO_HEADERS, "N": NO_EOH, "U": NO_UNKNOWN, "T": NO_DATA,
}
NO_REPLY_BITS = {
    "L": NR_HEADER, "C": NR_CONNECT, "H": NR_HELO, "M": NR_MAIL, "R": NR_RCPT,
    "T": NR_DATA, "U": NR_UNKNOWN, "N": NR_EOH, "B": NR_BODY,
}
REPLIED = "OCHMRTULNBE"        # commands that are answered
FINAL_REPLIES = "cartdys4f"    # what ends the answer to E

# Numbers of the stages in macro lists (section 3.6).
LIST_STAGES = {"C": 0, "H": 1, "M": 2, "R": 3, "T": 4, "E": 5, "N": 6}


def as_bytes(text):
    """Bytes of a str (as UTF-8) or of bytes."""
    return text if isinstance(text, bytes) else text.encode("utf-8")


def strings(*texts):
    """Each text followed by a NUL."""
    return b"".join(as_bytes(text) + b"\0" for text in texts)


def packet(letter, payload=b""):
    return struct.pack(">I", len(payload) + 1) + as_bytes(letter) + payload


class Packet(collections.namedtuple("Packet", "letter payload")):
    """One packet: a letter (str) and its payload (bytes)."""

    @property
    def wire(self):
        return packet(self.letter, self.payload)

    def fields(self):
        """The NUL-terminated strings of the payload."""
        return self.payload.split(b"\0")[:-1]

    def __str__(self):
        return show(self.wire)


def split(data):
    """The packets of a byte string, which must consist of whole ones."""
    packets = []
    while data:
        (length,) = struct.unpack(">I", data[:4])
        assert 1 <= length <= len(data) - 4, data
        packets.append(Packet(data[4:5].decode("latin-1"), data[5:4 + length]))
        data = data[4 + length:]
    return packets


def text_of(data, limit=160):
    text = "".join(chr(c) if 32 <= c < 127 and c != 92 else "\\x%02x" % c for c in data[:limit])
    text = text.replace("\\x00", "\\0").replace("\\x0d\\x0a", "\\r\\n").replace("\\x0a", "\\n")
    return text + ("... (%d bytes)" % len(data) if len(data) > limit else "")


def show(data):
    """A byte string of packets for a human reader."""
    shown, whole = [], len(data)
    while len(data) >= 5:
        if len(shown) == 12:
            return " | ".join(shown) + " | ... (%d bytes in all)" % whole
        (length,) = struct.unpack(">I", data[:4])
        if length < 1 or length > len(data) - 4:
            break
        letter, payload = chr(data[4]), data[5:4 + length]
        if letter == "O" and len(payload) >= 12:
            body = "version %d actions 0x%x steps 0x%x" % struct.unpack(">III", payload[:12])
            if payload[12:]:
                body += " lists " + text_of(payload[12:])
        else:
            body = text_of(payload)
        shown.append((letter + " " + body).rstrip())
        data = data[4 + length:]
    if data:
        shown.append("bytes " + data[:40].hex(" ") + (" ..." if len(data) > 40 else ""))
    return " | ".join(shown)


# ---- commands

class Negotiation(collections.namedtuple("Negotiation", "version actions steps lists")):
    """A decoded O packet; lists maps stage letters to lists of names."""

    @classmethod
    def decode(cls, payload):
        version, actions, steps = struct.unpack(">III", payload[:12])
        letters = {number: letter for letter, number in LIST_STAGES.items()}
        lists, rest = {}, payload[12:]
        while len(rest) >= 4:
            (stage,) = struct.unpack(">I", rest[:4])
            names, _, rest = rest[4:].partition(b"\0")
            lists[letters.get(stage, stage)] = names.decode("latin-1").split()
        return cls(version, actions, steps, lists)


def negotiate(version=6, actions=ACTIONS_ALL, steps=STEPS_ALL, lists=()):
    """lists: pairs of a stage letter (or number) and the text of its names."""
    payload = struct.pack(">III", version, actions, steps)
    for stage, names in lists:
        payload += struct.pack(">I", LIST_STAGES.get(stage, stage)) + strings(names)
    return packet("O", payload)


def macros(stage, *names_and_values, **short):
    """D packet; pairs of names (with braces where the wire has them) and values."""
    texts = list(names_and_values)
    for name, value in short.items():
        texts += [name, value]
    return packet("D", as_bytes(stage) + strings(*texts))


def connect(host="client.example.org", family="4", port=50443, address="192.0.2.45"):
    payload = strings(host) + as_bytes(family)
    if family != "U":
        payload += struct.pack(">H", port) + strings(address)
    return packet("C", payload)


def helo(name="client.example.org"):
    return packet("H", strings(name))


def mail(address="<from@example.org>", *arguments):
    return packet("M", strings(address, *arguments))


def rcpt(address="<to@example.com>", *arguments):
    return packet("R", strings(address, *arguments))


def unknown(line="FOO bar"):
    return packet("U", strings(line))


def header(name, value):
    return packet("L", strings(name, value))


def body(data):
    return packet("B", as_bytes(data))


def eom(data=b""):
    return packet("E", as_bytes(data))


DATA, EOH, EOM = packet("T"), packet("N"), packet("E")
ABORT, QUIT, QUIT_NC = packet("A"), packet("Q"), packet("K")

# ---- replies

CONTINUE, ACCEPT, REJECT = packet("c"), packet("a"), packet("r")
TEMPFAIL, DISCARD, SKIPPED = packet("t"), packet("d"), packet("s")
PROGRESS, SHUTDOWN, CONN_FAIL = packet("p"), packet("4"), packet("f")


def reply_code(text):
    return packet("y", strings(text))


# ---- edits

def add_header(name, value):
    return packet("h", strings(name, value))


def insert_header(index, name, value):
    return packet("i", struct.pack(">I", index) + strings(name, value))


def change_header(index, name, value):
    return packet("m", struct.pack(">I", index) + strings(name, value))


def change_from(address, *arguments):
    return packet("e", strings(address, *arguments))


def add_rcpt(address):
    return packet("+", strings(address))


def add_rcpt_with(address, arguments):
    return packet("2", strings(address, arguments))


def delete_rcpt(address):
    return packet("-", strings(address))


def replace_body(data):
    return packet("b", as_bytes(data))


def quarantine(reason):
    return packet("q", strings(reason))


def parse_macros(payload):
    """Stage letter and dict of a D packet; names without braces."""
    texts = [text.decode("utf-8", "replace") for text in payload[1:].split(b"\0")[:-1]]
    names = [name[1:-1] if name.startswith("{") else name for name in texts[::2]]
    return payload[:1].decode("latin-1"), dict(zip(names, texts[1::2]))
