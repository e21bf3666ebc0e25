#!/usr/bin/python3
"""magic-milter.py - the magic words of README.md on pymilter.

    magic-milter.py -s SOCKET [-l LOG] [-n NAME] [-a] [-m]

SOCKET is inet:PORT@127.0.0.1 or unix:PATH.  -a: obey only words addressed to
NAME.  -m: log the macros too.  The log has the same lines as magic-milter.c writes.
pymilter sits on the same C library but negotiates by itself: no -f or -x here.
"""
import argparse
import os
import re
import signal
import socket
import sys
import threading
import time

import Milter

MACROS = """j _ v i {daemon_name} {daemon_addr} {daemon_port} {if_name} {if_addr}
{client_name} {client_addr} {client_ptr} {client_port} {client_connections}
{client_resolve} {tls_version} {cipher} {cipher_bits} {cert_subject}
{cert_issuer} {auth_type} {auth_authen} {auth_ssf} {auth_author} {mail_mailer}
{mail_host} {mail_addr} {rcpt_mailer} {rcpt_host} {rcpt_addr} {nbadrcpts}
{msg_id}""".split()
VERB = r'(reject|tempfail|discard|accept|reply\d+|multi|sleep\d+|crash)'
FIXED = {'reject': Milter.REJECT, 'tempfail': Milter.TEMPFAIL,
         'discard': Milter.DISCARD, 'accept': Milter.ACCEPT}
lock = threading.Lock()
opt = None
out = None
count = 0


def escape(text):
    named = {'\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\'}
    return ''.join(named.get(c) or (c if ord(c) >= 32 and ord(c) != 127
                                    else '\\x%02x' % ord(c)) for c in text)


def raw(text):
    """bytes as the wire had them"""
    return text.encode('utf-8', 'surrogateescape')


def unescape(text):
    return re.sub(r'\\([nt\\])', lambda m: {'n': '\n', 't': '\t', '\\': '\\'}[m.group(1)],
                  text.lstrip(' '))


class Magic(Milter.Base):
    def __init__(self):
        global count
        with lock:
            count += 1
            self.number = count
        self.messages = 0
        self.reset()

    def reset(self):
        self.sender = ''
        self.words = []
        self.headers = self.rcpts = self.chunks = 0
        self.text = b''

    def note(self, text):
        with lock:
            out.write(raw('%s[%d.%d] %s\n' % (opt.n, self.number, self.messages, escape(text))))
            out.flush()

    def macros(self):
        if opt.m:
            for name in MACROS:
                value = self.getsymval(name)
                if value is not None:
                    self.note('  macro %s=%s' % (name, value))

    def verb(self, word, text='magic reply'):
        if word in FIXED:
            return FIXED[word]
        if word.startswith('reply'):
            code = word[5:]
            self.setreply(code, code[0] + '.7.1', (text or 'magic reply').replace('%', '%%'))
            return Milter.REJECT if code[0] == '5' else Milter.TEMPFAIL
        if word == 'multi':
            self.setreply('554', '5.7.1', 'first line', 'second line', '100%% last')
            return Milter.REJECT
        if word.startswith('sleep'):
            self.note('  sleep ' + word[5:])
            time.sleep(int(word[5:]))
            return Milter.CONTINUE
        if word == 'crash':
            self.note('  crash')
            os.kill(os.getpid(), signal.SIGKILL)
        return None

    def find(self, text, stage=''):
        for who in [opt.n] if opt.a else ['magic', opt.n]:
            match = re.search(who + '-' + stage + VERB, text)
            if match:
                return self.verb(match.group(1))
        return Milter.CONTINUE

    @staticmethod
    def for_me(name, prefix):
        """the header is PREFIX (for everybody) or PREFIX-NAME"""
        name, prefix = name.lower(), prefix.lower()
        return (name == prefix and not opt.a) or name == prefix + '-' + opt.n.lower()

    def connect(self, host, family, address):
        kind = {socket.AF_INET: 'inet', socket.AF_INET6: 'inet6',
                socket.AF_UNIX: 'unix'}.get(family, 'unknown')
        if isinstance(address, tuple):
            addr, port = address[0], address[1]
        else:
            addr, port = address or '-', 0
        self.note('connect host=%s family=%s addr=%s port=%d' % (host, kind, addr, port))
        self.macros()
        return self.find(host)

    def hello(self, name):
        self.note('helo name=' + name)
        self.macros()
        return self.find(name)

    def envfrom(self, sender, *args):
        self.reset()
        self.messages += 1
        self.sender = sender
        self.note('mail from=' + sender)
        for arg in args:
            self.note('  arg ' + arg)
        self.macros()
        return self.find(sender)

    def envrcpt(self, rcpt, *args):
        self.rcpts += 1
        self.note('rcpt to=' + rcpt)
        for arg in args:
            self.note('  arg ' + arg)
        self.macros()
        return self.find(rcpt)

    def data(self):
        self.note('data')
        self.macros()
        return self.find(self.sender, 'data-')

    def unknown(self, command):
        self.note('unknown command=' + command)
        return self.find(command)

    @Milter.decode('bytes')
    def header(self, name, value):
        value = value.decode('utf-8', 'surrogateescape')
        self.headers += 1
        self.note('header %s: %s' % (name, value))
        if self.for_me(name, 'X-Magic'):
            self.words.append(value.lstrip(' \t'))
        elif self.for_me(name, 'X-Magic-Now'):
            match = re.match(VERB, value.lstrip(' \t'))
            if match:
                return self.verb(match.group(1))
        return Milter.CONTINUE

    def eoh(self):
        self.note('eoh')
        return self.find(self.sender, 'eoh-')

    def body(self, chunk):
        self.chunks += 1
        self.text += chunk
        self.note('body bytes=%d' % len(chunk))
        return self.find(chunk.decode('latin-1'), 'body-')

    def act(self, line):
        word, _, tail = line.partition(' ')
        tail = tail.lstrip(' ')

        def cut(n):
            parts = tail.split(' ', n)
            return parts[:n] + [unescape(parts[n]) if len(parts) > n else '']

        if word == 'add-header':
            self.addheader(*cut(1))
        elif word == 'insert-header':
            index, name, value = cut(2)
            self.addheader(name, value, int(index))
        elif word == 'change-header':
            index, name, value = cut(2)
            self.chgheader(name, int(index), value)
        elif word == 'delete-header':
            index, name, _ = cut(2)
            self.chgheader(name, int(index), None)
        elif word == 'add-rcpt':
            self.addrcpt(tail)
        elif word == 'add-rcpt-par':
            self.addrcpt(*cut(1))
        elif word == 'del-rcpt':
            self.delrcpt(tail)
        elif word == 'change-from':
            sender, args = cut(1)
            self.chgfrom(sender, args or None)
        elif word == 'replace-body':
            self.replacebody(raw(unescape(tail).replace('\n', '\r\n') + '\r\n'))
        elif word == 'append-body':
            if self.text:
                self.replacebody(self.text)
            self.replacebody(raw(unescape(tail).replace('\n', '\r\n') + '\r\n'))
        elif word == 'fill-body':
            line = b'0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmno\r\n'
            self.replacebody(line * -(-int(tail) // len(line)))
        elif word == 'quarantine':
            self.quarantine(unescape(tail))
        elif word == 'progress':
            for _ in range(int(tail)):
                self.progress()
                time.sleep(1)
        elif word == 'reply':
            code, text = cut(1)
            return self.verb('reply' + code, text)
        elif re.fullmatch(VERB, word):
            return self.verb(word)
        else:
            self.note('  unknown word ' + word)
        return None

    def eom(self):
        self.note('eom headers=%d rcpts=%d body=%d chunks=%d'
                  % (self.headers, self.rcpts, len(self.text), self.chunks))
        self.macros()
        result = Milter.CONTINUE
        for line in self.words:
            word = line.partition(' ')[0]
            try:
                answer = self.act(line)
                done = 'ok'
                if answer is not None:
                    result = answer
            except Milter.error:
                done = 'FAILED'
            self.note('  did %s %s' % (word, done))
        self.addheader('X-Magic-Seen', 'name=%s headers=%d rcpts=%d body=%d chunks=%d'
                       % (opt.n, self.headers, self.rcpts, len(self.text), self.chunks))
        self.reset()
        return result

    def abort(self):
        self.note('abort')
        self.reset()
        return Milter.CONTINUE

    def close(self):
        self.note('close')
        return Milter.CONTINUE


def main():
    global opt, out
    cli = argparse.ArgumentParser()
    cli.add_argument('-s', required=True, metavar='SOCKET')
    cli.add_argument('-l', metavar='LOG')
    cli.add_argument('-n', default='magic', metavar='NAME')
    cli.add_argument('-a', action='store_true')
    cli.add_argument('-m', action='store_true')
    opt = cli.parse_args()
    out = open(opt.l, 'ab', buffering=0) if opt.l else os.fdopen(1, 'wb', buffering=0)
    Milter.factory = Magic
    Milter.set_flags(Milter.ADDHDRS | Milter.CHGBODY | Milter.ADDRCPT | Milter.DELRCPT
                     | Milter.CHGHDRS | Milter.QUARANTINE | Milter.CHGFROM
                     | Milter.ADDRCPT_PAR)
    Milter.runmilter(opt.n, opt.s, 7210)


if __name__ == '__main__':
    sys.exit(main())
