#!/usr/bin/python3
"""The other side of a milter conversation, doing what its arguments say.

    wire_peer.py filter SPEC LOG [LETTER[#N]=REPLY|REPLY...]
    wire_peer.py mta SPEC STEP...

filter: answers one connection after another and writes each packet to LOG as
LETTER and repr of its payload.  Commands not named are answered with c, O with
version 6, all actions, no steps.  LETTER#N is the Nth command of that letter.

mta: sends each STEP and prints `LETTER: REPLY` for those that are answered.

REPLY, STEP: a packet, LETTER and payload with Python escapes, or one of
    raw:BYTES  bytes as they are       close      close the connection
    wait:S     sleep                   silent     answer nothing to this
    reply      (mta) read one packet   eof        (mta) wait for the end of file
"""
import socket
import struct
import sys
import time

NEGOTIATION = struct.pack('>III', 6, 0x1FF, 0)


def unescape(text):
    return text.encode('latin-1', 'backslashreplace').decode('unicode_escape').encode('latin-1')


def packet(letter, payload=b''):
    return struct.pack('>I', len(payload) + 1) + letter + payload


def encode(item):
    if item.startswith('raw:'):
        return unescape(item[4:])
    return packet(item[:1].encode(), unescape(item[1:]))


def read_exactly(connection, length):
    data = b''
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            return None
        data += more
    return data


def read_packet(connection):
    head = read_exactly(connection, 4)
    if head is None:
        return None
    data = read_exactly(connection, struct.unpack('>I', head)[0])
    return None if data is None else (data[:1].decode(), data[1:])


def address(spec):
    if spec.startswith('unix:'):
        return socket.AF_UNIX, spec[5:]
    port, host = spec[5:].split('@')
    return socket.AF_INET, (host, int(port))


class Filter:
    def __init__(self, log, script):
        self.log = log
        self.script = dict(item.split('=', 1) for item in script)
        self.seen = {}

    def answer(self, letter):
        self.seen[letter] = self.seen.get(letter, 0) + 1
        for key in (f'{letter}#{self.seen[letter]}', letter):
            if key in self.script:
                return self.script[key].split('|')
        return {'O': ['O'], 'D': [], 'A': [], 'Q': [], 'K': []}.get(letter, ['c'])

    def session(self, connection):
        while (item := read_packet(connection)) is not None:
            print(item[0], repr(item[1])[2:-1], file=self.log, flush=True)
            for reply in self.answer(item[0]):
                if reply == 'close':
                    return
                if reply.startswith('wait:'):
                    time.sleep(float(reply[5:]))
                elif reply == 'O':
                    connection.sendall(packet(b'O', NEGOTIATION))
                elif reply != 'silent':
                    connection.sendall(encode(reply))


def run_filter(spec, log, script):
    family, where = address(spec)
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(where)
    listener.listen()
    with open(log, 'w', encoding='ascii') as output:
        print('listening', file=output, flush=True)
        while True:
            connection, _ = listener.accept()
            try:
                Filter(output, script).session(connection)
            except OSError:
                pass
            print('closed', file=output, flush=True)
            connection.close()


def run_mta(spec, steps):
    family, where = address(spec)
    connection = socket.socket(family)
    connection.settimeout(10)
    connection.connect(where)
    for step in steps:
        if step == 'close':
            break
        if step.startswith('wait:'):
            time.sleep(float(step[5:]))
            continue
        if step == 'eof':
            print('eof' if connection.recv(1) == b'' else 'not the end', flush=True)
            continue
        if step == 'O':
            connection.sendall(packet(b'O', struct.pack('>III', 6, 0x1FF, 0x1FFFFF)))
        elif step != 'reply':
            connection.sendall(encode(step))
        if step == 'reply' or (step[0] not in 'DAQK' and not step.startswith('raw:')):
            reply = read_packet(connection)
            text = 'closed' if reply is None else reply[0] + reply[1].hex()
            print(f'{step[0]}: {text}', flush=True)
    connection.close()


if __name__ == '__main__':
    if sys.argv[1] == 'filter':
        run_filter(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        run_mta(sys.argv[2], sys.argv[3:])
