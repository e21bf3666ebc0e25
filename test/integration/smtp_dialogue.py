"""The protocol of smtp_server.py: what a client says is recorded, judged and answered.

Stages of a script, asked with a Command:

    connect EHLO HELO LHLO STARTTLS AUTH XCLIENT MAIL RCPT DATA BDAT RSET NOOP QUIT other
    login        the last word of an authentication
    mid-content  when a byte of content, after DATA, has come
    content      after the content; of LMTP for each recipient that was accepted
"""

import re
import time

import smtp_login

VERBS = ("EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "XCLIENT", "MAIL", "RCPT", "DATA", "BDAT", "RSET",
         "NOOP", "QUIT")
# Nothing may follow these before they are answered, pipelining or not (RFC 2920, 3207, 4954).
LAST_IN_GROUP = ("EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "XCLIENT", "DATA", "NOOP", "QUIT")


class Command:
    """What a script's function is asked with."""

    def __init__(self, connection, stage, line, mail, count, total, recipient=None):
        self.connection = connection
        self.stage = stage
        self.line = line            # as it came, without CRLF; for mid-content and content b""
        self.mail = mail            # the Mail under way, or None
        self.count = count          # how often this stage came before on this connection,
        self.total = total          # and to the server
        self.recipient = recipient  # number in the mail, at RCPT and LMTP's content


class Mail:
    """One transaction whose content has come as a whole."""

    def __init__(self, dialogue, line):
        self.connection = dialogue.connection
        self.helo, self.user, self.secured = dialogue.helo, dialogue.user, dialogue.secured_with
        self.xclient, self.proxy = dict(dialogue.xclient), dialogue.proxy
        self.sender_command = line      # b"MAIL FROM:<a@b> SIZE=12"
        self.recipient_commands = []    # all, refused ones too
        self.recipients = []            # those accepted, without brackets
        self.content = b""
        self.chunks = []                # sizes of BDAT
        self.codes = []                 # answers to the content
        self.started, self.ended = time.monotonic(), None

    @property
    def sender(self):
        return address_of(self.sender_command)

    @property
    def parameters(self):
        """{"SIZE": "12"} of MAIL."""
        words = self.sender_command.rpartition(b">")[2].decode("utf-8", "replace").split()
        return dict(word.upper().partition("=")[::2] for word in words)


def address_of(line):
    found = re.match(rb"(?:MAIL FROM|RCPT TO):<([^>]*)>", line, re.I)
    return found.group(1).decode("utf-8", "surrogateescape") if found else None


def proxy_of(header):
    """(version, source, source port) of a PROXY header; None: of nobody in particular."""
    import socket  # pylint: disable=import-outside-toplevel
    if header.startswith(b"PROXY "):
        words = header.decode().split()
        return (1, None, None) if words[1] == "UNKNOWN" else (1, words[2], int(words[4]))
    family, block = header[13] >> 4, header[16:]
    if header[12] & 15 == 0 or family not in (1, 2):
        return (2, None, None)
    length = 4 if family == 1 else 16
    return (2, socket.inet_ntop(socket.AF_INET if family == 1 else socket.AF_INET6, block[:length]),
            int.from_bytes(block[2 * length:2 * length + 2], "big"))


class Dialogue:
    def __init__(self, connection, server):
        self.connection = connection
        self.server = server
        self.commands = []          # every line as it came, without CRLF
        self.secured_with = None    # ("TLSv1.3", cipher)
        self.proxy = None           # what proxy_of says
        self.proxy_header = b""
        self.xclient = {}
        self.quit = False
        self.counts = {}
        self.mode = self._proxy if server.proxy else self._command
        self.greeted = False
        self.wanted = 0             # bytes of a chunk; of content: those searched for its end
        self.content_begun = False
        self.chunk_is_last = False
        self.login = None
        self._forget()

    def _forget(self):
        """As before EHLO."""
        self.helo = self.user = self.mail = None
        self.extended = False

    # ---- what the connection tells

    def begin(self):
        if self.server.proxy and not self.proxy_header:
            return
        self._answer("connect", "220 peer.example.test ESMTP", self._greeted)

    def secured(self, version, cipher):
        self.secured_with = (version, cipher)
        self._forget()
        if not self.greeted:
            self.begin()

    def step(self, buffer):
        """Takes one thing off the buffer; false: more has to come."""
        return self.mode(buffer)

    # ---- answers

    def _answer(self, stage, default, after=lambda code: None, *, line=b"", recipient=None):
        count = self.counts.get(stage, 0)
        self.counts[stage] = count + 1
        total = self.server.count(stage)
        answer = self.server.script.get(stage)
        if callable(answer):
            answer = answer(Command(self.connection, stage, line, self.mail, count, total, recipient))
        self.connection.perform([default if answer is None else answer], after)
        return True

    def _violation(self, text):
        self.server.violations.append("connection %d: %s" % (self.connection.number, text))
        if self.server.strict:
            self.connection.write(b"503 5.5.1 protocol error\r\n")
            self.connection.leaving = True

    def _greeted(self, _code):
        self.greeted = True
        if self.connection.buffer:
            self._violation("spoke before the greeting: %r" % bytes(self.connection.buffer[:60]))

    # ---- modes

    def _proxy(self, buffer):
        if buffer[:12] == b"\r\n\r\n\0\r\nQUIT\n":
            end = 16 + int.from_bytes(buffer[14:16], "big") if len(buffer) >= 16 else len(buffer) + 1
        else:
            end = buffer.find(b"\r\n") + 2
        if end < 2 or end > len(buffer):
            return False
        self.proxy_header = bytes(buffer[:end])
        del buffer[:end]
        try:
            self.proxy = proxy_of(self.proxy_header)
        except (ValueError, IndexError, OSError) as problem:
            self._violation("PROXY header %r: %s" % (self.proxy_header, problem))
        self.mode = self._command
        if self.server.implicit_tls:
            self.connection.start_tls()
            rest = bytes(buffer)
            buffer.clear()
            buffer += self.connection.tls.read(rest) if rest else b""
        else:
            self.begin()
        return True

    def _line(self, buffer):
        end = buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(buffer[:end + 1])
        del buffer[:end + 1]
        if not line.endswith(b"\r\n"):
            self._violation("a command ends with LF alone: %r" % line)
        return line.rstrip(b"\r\n")

    def _command(self, buffer):
        line = self._line(buffer)
        if line is None:
            return False
        self.commands.append(line)
        verb = line.split(b" ", 1)[0].split(b":", 1)[0].decode("ascii", "replace").upper()
        if b"\r" in line or b"\0" in line:
            self._violation("CR or NUL in a command: %r" % line)
        if len(line) > 2000:
            self._violation("a command of %d bytes" % len(line))
        if verb not in VERBS:
            self._violation("unknown command: %r" % line[:60])
            return self._answer("other", "500 5.5.2 what?", line=line)
        if buffer and (verb in LAST_IN_GROUP or not (self._offers("PIPELINING") or verb == "BDAT")):
            self._violation("did not wait for the answer to %s: %r" % (verb, bytes(buffer[:60])))
        return getattr(self, "_" + verb.lower())(line)

    def _offers(self, extension):
        return self.extended and any(line.split()[0] == extension for line in self._extensions())

    def _extensions(self):
        server = self.server
        lines = list(server.extensions or ())
        if server.starttls and not self.secured_with:
            lines.append("STARTTLS")
        if server.mechanisms and not self.user:
            lines.append("AUTH " + " ".join(server.mechanisms))
        if server.xclient:
            lines.append("XCLIENT " + server.xclient)
        if server.chunking:
            lines.append("CHUNKING")
        return lines

    # ---- commands before a mail

    def _ehlo(self, line):
        if self.server.extensions is None:
            return self._answer("EHLO", "502 5.5.1 not implemented", line=line)
        lines = ["peer.example.test", *self._extensions()]
        reply = "\r\n".join("250%s%s" % ("-" if each is not lines[-1] else " ", each) for each in lines)

        def after(code):
            if code == 250:
                self.helo, self.extended, self.mail = line[5:].decode("utf-8", "replace"), True, None
        return self._answer(line[:4].decode().upper(), reply, after, line=line)

    def _lhlo(self, line):
        if not self.server.lmtp:
            self._violation("LHLO to an SMTP server")
        return self._ehlo(line)

    def _helo(self, line):
        if self.server.lmtp:
            self._violation("HELO to an LMTP server")

        def after(code):
            if code == 250:
                self.helo, self.extended, self.mail = line[5:].decode("utf-8", "replace"), False, None
        return self._answer("HELO", "250 peer.example.test", after, line=line)

    def _starttls(self, line):
        if not self._offers("STARTTLS"):
            self._violation("STARTTLS was not offered")
            return self._answer("STARTTLS", "502 5.5.1 no", line=line)

        def after(code):
            if code == 220:
                self.connection.flush()
                self.connection.buffer.clear()
                self.connection.start_tls()
        return self._answer("STARTTLS", "220 2.0.0 go ahead", after, line=line)

    def _auth(self, line):
        words = line.decode("ascii", "replace").split()
        mechanism = words[1].upper() if len(words) > 1 else ""
        if not self._offers("AUTH") or mechanism not in self.server.mechanisms:
            self._violation("AUTH %s was not offered" % mechanism)
            return self._answer("AUTH", "504 5.5.4 no", line=line)

        def after(code):
            if code:    # the script has refused it
                return
            self.login = smtp_login.begin(mechanism, self.server.users, words[2:])
            self._login_step(None)
        return self._answer("AUTH", b"", after, line=line)

    def _login_line(self, buffer):
        line = self._line(buffer)
        if line is None:
            return False
        self.commands.append(line)
        self._login_step(line)
        return True

    def _login_step(self, line):
        self.mode = self._command
        try:
            challenge = self.login.send(line)
        except StopIteration as done:
            user = done.value

            def after(code):
                if code == 235:
                    self.user = user
            self._answer("login", "235 2.7.0 welcome" if user else "535 5.7.8 wrong", after)
            return
        self.mode = self._login_line
        self.connection.perform(["334 " + challenge], lambda code: None)

    def _xclient(self, line):
        if not self._offers("XCLIENT"):
            self._violation("XCLIENT was not offered")
        given = dict(word.partition("=")[::2] for word in line.decode("ascii", "replace").split()[1:])
        for name in given:
            if name.upper() not in self.server.xclient.split():
                self._violation("XCLIENT %s was not offered" % name)

        def after(code):
            if code == 220:
                self.xclient.update(given)
                self._forget()
        return self._answer("XCLIENT", "220 peer.example.test ESMTP", after, line=line)

    # ---- a mail

    def _mail(self, line):
        if self.helo is None:
            self._violation("MAIL before EHLO")
        if self.mail is not None:
            self._violation("MAIL within a mail")
        mail = Mail(self, line)
        if mail.sender is None:
            self._violation("no MAIL command: %r" % line)
        needed = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "AUTH": "AUTH"}
        for name in mail.parameters:
            if not self._offers(needed.get(name, name)):
                self._violation("%s was not offered: %r" % (name, line))
        self._judge_address(mail, line)

        def after(code):
            if code == 250:
                self.mail = mail
        return self._answer("MAIL", "250 2.1.0 Ok", after, line=line)

    def _judge_address(self, mail, line):
        if any(byte > 127 for byte in line) and "SMTPUTF8" not in mail.parameters:
            self._violation("8 bit without SMTPUTF8: %r" % line)

    def _rcpt(self, line):
        if self.mail is None:
            if not self._offers("PIPELINING"):
                self._violation("RCPT without MAIL")
            return self._answer("RCPT", "503 5.5.1 need MAIL", line=line)
        mail, number = self.mail, len(self.mail.recipient_commands)
        mail.recipient_commands.append(line)
        if address_of(line) is None:
            self._violation("no RCPT command: %r" % line)
        self._judge_address(mail, line)

        def after(code):
            if code // 100 == 2:
                mail.recipients.append(address_of(line))
        return self._answer("RCPT", "250 2.1.5 Ok", after, line=line, recipient=number)

    def _data(self, line):
        ready = self.mail is not None and self.mail.recipients
        if not ready and not self._offers("PIPELINING"):
            self._violation("DATA without recipients")

        def after(code):
            if code == 354 and self.mail is not None:
                self.mode, self.wanted, self.content_begun = self._content, 0, False
        return self._answer("DATA", "354 go ahead" if ready else "503 5.5.1 need RCPT", after, line=line)

    def _content(self, buffer):
        if buffer and not self.content_begun:
            self.content_begun = True
            if "mid-content" in self.server.script:
                return self._answer("mid-content", b"")
        if buffer[:3] == b".\r\n":
            end, raw = 3, b""
        else:
            end = buffer.find(b"\r\n.\r\n", max(0, self.wanted - 4))
            if end < 0:
                self.wanted = len(buffer)
                return False
            raw, end = bytes(buffer[:end + 2]), end + 5
        del buffer[:end]
        if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
            self._violation("bare CR or LF in the content")
        if re.search(rb"(?:\A|\n)\.(?!\.)", raw):
            self._violation("a dot that is not doubled")
        if buffer and not self._offers("PIPELINING"):
            self._violation("did not wait for the answer to the content")
        content = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:]
        self.mode = self._command
        self._end_of_mail(content)
        return True

    def _bdat(self, line):
        words = line.upper().split()
        try:
            self.wanted, self.chunk_is_last = int(words[1]), words[2:] == [b"LAST"]
        except (IndexError, ValueError):
            self._violation("no BDAT command: %r" % line)
            return self._answer("BDAT", "501 5.5.4 no", line=line)
        if not self._offers("CHUNKING"):
            self._violation("CHUNKING was not offered")
        self.mode = self._chunk
        return True

    def _chunk(self, buffer):
        if len(buffer) < self.wanted:
            return False
        chunk = bytes(buffer[:self.wanted])
        del buffer[:self.wanted]
        self.mode = self._command
        if self.mail is None or not self.mail.recipients:
            return self._answer("BDAT", "503 5.5.1 need RCPT")
        self.mail.content += chunk
        self.mail.chunks.append(len(chunk))
        if self.chunk_is_last:
            self._end_of_mail(self.mail.content)
            return True

        def after(code):
            if code // 100 != 2:
                self.mail = None
        return self._answer("BDAT", "250 2.0.0 %d octets" % len(chunk), after)

    def _end_of_mail(self, content):
        mail, mail.content = self.mail, content
        mail.ended = time.monotonic()
        if any(byte > 127 for byte in content) and self._offers("8BITMIME") and \
                mail.parameters.get("BODY") != "8BITMIME":
            self._violation("8 bit content without BODY=8BITMIME")
        self.server.mails.append(mail)
        left = list(range(len(mail.recipients))) if self.server.lmtp else [None]

        def next_answer(code=None):
            if code is not None:
                mail.codes.append(code)
            if not left:
                self.mail = None
                return
            good = "250 2.0.0 Ok: taken" if mail.recipients else "554 5.5.1 for nobody"
            self._answer("content", good, next_answer, recipient=left.pop(0))
        next_answer()

    # ---- the rest

    def _rset(self, line):
        def after(code):
            if code == 250:
                self.mail = None
        return self._answer("RSET", "250 2.0.0 Ok", after, line=line)

    def _noop(self, line):
        return self._answer("NOOP", "250 2.0.0 Ok", line=line)

    def _quit(self, line):
        self.quit = True

        def after(_code):
            self.connection.leaving = True
        return self._answer("QUIT", "221 2.0.0 Bye", after, line=line)
