"""A name server that answers as it is told: late, never, wrongly, too long.

    server = DnsServer(lambda question: a("127.0.0.2", ttl=60) if question.name == "..." else NXDOMAIN)

What the function returns: a Reply, None (no answer at all), or a list of Replies, sent in turn."""

import collections
import ipaddress
import socket
import struct
import threading

A, CNAME, SOA, PTR, AAAA = 1, 5, 6, 12, 28

Question = collections.namedtuple("Question", "name type transport number")
Reply = collections.namedtuple(
    "Reply", "code records authority truncated delay lie", defaults=(0, (), (), False, 0.0, None))
# lie: a word that build() knows, or a function from the packet to what is sent instead.
# A record is (name or "" for that of the question, type, ttl, data).


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def a(*addresses, ttl=60, **more):
    return Reply(records=[("", A, ttl, socket.inet_aton(address)) for address in addresses], **more)


def alias(target, address, ttl=60, address_ttl=60):
    return Reply(records=[("", CNAME, ttl, encode_name(target)),
                          (target, A, address_ttl, socket.inet_aton(address))])


def pointer(name, ttl=60, **more):
    return Reply(records=[("", PTR, ttl, encode_name(name))], **more)


def soa(minimum, ttl=3600):
    return ("example.org", SOA, ttl, encode_name("ns.example.org") + encode_name("root.example.org")
            + struct.pack(">5I", 1, 2, 3, 4, minimum))


def nothing(minimum, code=3):
    return Reply(code=code, authority=[soa(minimum)])


NXDOMAIN = Reply(code=3)
SERVFAIL = Reply(code=2)
REFUSED = Reply(code=5)


def reversed_name(address, zone):
    address = ipaddress.ip_address(address)
    if address.version == 4:
        return ".".join(reversed(str(address).split("."))) + "." + zone
    return ".".join(reversed(address.exploded.replace(":", ""))) + "." + zone


def parse(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii"))
        at += packet[at] + 1
    return ".".join(labels), struct.unpack(">H", packet[at + 1:at + 3])[0], packet[12:at + 5]


def build(packet, reply):
    number, question = packet[:2], parse(packet)[2]
    if reply.lie == "id":
        number = bytes([number[0] ^ 0x55, number[1]])
    if reply.lie == "question":
        question = encode_name("other.example.org") + question[-4:]
    flags = 0x8180 | reply.code | (0x0200 if reply.truncated else 0)
    if reply.lie == "no answer":
        flags &= 0x7FFF
    parts = [number, struct.pack(">5H", flags, 1, len(reply.records), len(reply.authority), 0), question]
    for name, kind, ttl, data in [*reply.records, *reply.authority]:
        parts.append((encode_name(name) if name else b"\xc0\x0c")
                     + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data)
    packet = b"".join(parts)
    if callable(reply.lie):
        return reply.lie(packet)
    return packet[:20] if reply.lie == "cut" else packet


class DnsServer:
    def __init__(self, answer, address="127.0.0.1", port=0):
        self.answer = answer
        self.questions = []
        self.counts = collections.Counter()
        self.ports = set()
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        while True:
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.udp.bind((address, port))
            self.tcp = socket.socket(family)
            try:
                self.tcp.bind(self.udp.getsockname())
                break
            except OSError:
                self.stop()
                if port:
                    raise
        self.tcp.listen(64)
        self.port = self.udp.getsockname()[1]
        self.spec = "[%s]:%d" % (address, self.port) if ":" in address else "%s:%d" % (address, self.port)
        for run in (self.run_udp, self.run_tcp):
            threading.Thread(target=run, daemon=True).start()

    def stop(self):
        self.udp.close()
        self.tcp.close()

    def asked(self, name=None, transport=None):
        with self.lock:
            return [question for question in self.questions if name in (None, question.name)
                    and transport in (None, question.transport)]

    def replies(self, packet, transport):
        name, kind, _ = parse(packet)
        name = name.lower()
        with self.lock:
            question = Question(name, kind, transport, self.counts[name, kind])
            self.counts[name, kind] += 1
            self.questions.append(question)
        replies = self.answer(question)
        return replies if isinstance(replies, list) else [replies] if replies else []

    def run_udp(self):
        try:
            while True:
                packet, peer = self.udp.recvfrom(4096)
                with self.lock:
                    self.ports.add(peer[1])
                for reply in self.replies(packet, "udp"):
                    if reply.delay:
                        threading.Timer(reply.delay, self.send, (packet, reply, peer)).start()
                    else:
                        self.send(packet, reply, peer)
        except OSError:
            pass

    def send(self, packet, reply, peer):
        try:
            if reply.lie == "source":
                with socket.socket(self.udp.family, socket.SOCK_DGRAM) as other:
                    other.sendto(build(packet, reply), peer)
            else:
                self.udp.sendto(build(packet, reply), peer)
        except OSError:
            pass

    def run_tcp(self):
        try:
            while True:
                peer, _ = self.tcp.accept()
                threading.Thread(target=self.serve_tcp, args=(peer,), daemon=True).start()
        except OSError:
            pass

    def serve_tcp(self, peer):
        with peer:
            try:
                length = struct.unpack(">H", peer.recv(2, socket.MSG_WAITALL))[0]
                packet = peer.recv(length, socket.MSG_WAITALL)
                for reply in self.replies(packet, "tcp"):
                    answer = build(packet, reply)
                    threading.Event().wait(reply.delay)
                    peer.sendall(struct.pack(">H", len(answer)) + answer)
            except (OSError, struct.error):
                pass
