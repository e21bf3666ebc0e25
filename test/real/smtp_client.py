"""smtp_client.py - plays one scripted SMTP session byte for byte.

A script is a list of steps, made by the functions below:

    say(TEXT)             one command line, and its reply
    data(BYTES)           a message with CRLF ends and stuffed dots, if DATA was granted
    data(BYTES, raw=True) the same without touching the bytes
    batch(LINE...)        several commands in one write, then all their replies
    bdat(BYTES, last)     one chunk of RFC 3030
    tls()                 STARTTLS
    drop()                closes the connection without a word
    call(FUNCTION)        something to be done between two commands

play() returns the dialogue as text: `-> command', `<- reply'.  It goes on after
a refusal, as a careless client would; it ends when the server hangs up.
"""
import re
import socket
import ssl


def say(text):
    return ('say', text)


def data(content, raw=False):
    return ('data', content if raw else dress(content))


def batch(*lines):
    return ('batch', lines)


def bdat(content, last=False):
    return ('bdat', content, last)


def tls():
    return ('tls',)


def drop():
    return ('drop',)


def call(function):
    return ('call', function)


def dress(content):
    """as a client sends it: CRLF ends, dots stuffed, the final dot not included"""
    content = re.sub(b'\r?\n', b'\r\n', content)
    if content and not content.endswith(b'\r\n'):
        content += b'\r\n'
    return re.sub(rb'(?m)^\.', b'..', content)


class Closed(Exception):
    pass


class Player:
    def __init__(self, port, timeout):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout)
        self.file = self.socket.makefile('rwb')
        self.lines = []
        self.code = 0

    def note(self, text):
        self.lines.append(text)

    def send(self, content):
        try:
            self.file.write(content)
            self.file.flush()
        except OSError:
            raise Closed() from None

    def reply(self):
        while True:
            try:
                line = self.file.readline()
            except socket.timeout:
                self.note('<- no reply in time')
                raise Closed() from None
            except OSError:
                line = b''
            if not line:
                self.note('<- connection closed')
                raise Closed()
            self.note('<- ' + line.decode('utf-8', 'surrogateescape').rstrip('\r\n'))
            if line[3:4] != b'-':
                self.code = int(line[:3])
                return

    def say(self, text):
        self.note('-> ' + text)
        self.send(text.encode('utf-8', 'surrogateescape') + b'\r\n')
        self.reply()

    def data(self, content):
        if self.code != 354:
            self.note('-> (nothing: DATA was refused)')
            return
        self.note('-> (%d bytes)' % len(content))
        self.send(content + b'.\r\n')
        self.reply()

    def batch(self, lines):
        for line in lines:
            self.note('-> ' + line)
        self.send(b''.join(line.encode() + b'\r\n' for line in lines))
        for _ in lines:
            self.reply()

    def bdat(self, content, last):
        command = 'BDAT %d%s' % (len(content), ' LAST' if last else '')
        self.note('-> ' + command)
        self.send(command.encode() + b'\r\n' + content)
        self.reply()

    def tls(self):
        self.say('STARTTLS')
        if self.code == 220:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
            self.file = self.socket.makefile('rwb')

    def drop(self):
        self.note('-> (hangs up)')
        raise Closed()

    def call(self, function):
        function()


def play(port, steps, timeout=30):
    player = Player(port, timeout)
    try:
        player.reply()
        for step in steps:
            getattr(player, step[0])(*step[1:])
    except Closed:
        pass
    finally:
        player.file.close()
        player.socket.close()
    return '\n'.join(player.lines) + '\n'
