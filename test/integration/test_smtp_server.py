"""The scripted mail server itself, against Python's smtplib and Postfix's smtp-source.

test/run: not sanitized"""

import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from smtp_server import CLOSE, DIE, ENDLESS, SILENCE, Certificate, Every, SmtpServer, Trickle, Turns

MESSAGE = b"Subject: x\r\n\r\n.\r\n..dots\r\nlast\r\n"


class Peer(unittest.TestCase):
    def server(self, *where, **options):
        server = SmtpServer(*where, **options)
        self.addCleanup(server.stop)
        return server

    def client(self, server, kind=smtplib.SMTP, **options):
        client = kind("127.0.0.1", server.port, timeout=10, **options)
        self.addCleanup(client.close)
        return client

    def raw(self, server):
        peer = socket.create_connection(("127.0.0.1", server.port), 5)
        self.addCleanup(peer.close)
        return peer

    def assert_clean(self, server):
        self.assertEqual([], server.violations)
        self.assertEqual([], server.problems)

    def test_content_and_envelope(self):
        server = self.server()
        client = self.client(server)
        client.sendmail("a@x.test", ["b@x.test", "c@x.test"], MESSAGE)
        client.quit()
        self.assertEqual(MESSAGE, server.mails[0].content)
        self.assertEqual(("a@x.test", ["b@x.test", "c@x.test"]), (server.mails[0].sender, server.mails[0].recipients))
        self.assertEqual(str(len(MESSAGE)), server.mails[0].parameters["SIZE"])
        self.assertTrue(server.settle())
        self.assertEqual(b"quit", server.connections[0].dialogue.commands[-1])
        self.assert_clean(server)

    def test_helo_when_there_is_no_ehlo(self):
        server = self.server(extensions=None)
        self.client(server).sendmail("a@x.test", "b@x.test", MESSAGE)
        self.assertEqual({}, server.mails[0].parameters)
        self.assert_clean(server)

    def test_tls_and_logins(self):
        server = self.server(starttls=True, mechanisms=("PLAIN", "LOGIN", "CRAM-MD5"))
        context = ssl.create_default_context(cafile=Certificate.get().path)
        for mechanism in ("plain", "login", "cram_md5"):
            client = self.client(server)
            client.starttls(context=context)
            client.ehlo()
            client.user, client.password = "user", "secret"
            client.auth(mechanism.upper().replace("_", "-"), getattr(client, "auth_" + mechanism))
            client.sendmail("a@x.test", "b@x.test", MESSAGE)
            self.assertEqual(("user", "TLSv1.3"), (server.mails[-1].user, server.mails[-1].secured[0]))
            client.quit()
        client = self.client(server)
        self.assertRaises(smtplib.SMTPAuthenticationError, client.login, "user", "wrong")
        self.assert_clean(server)

    def test_implicit_tls(self):
        server = self.server(implicit_tls=True)
        context = ssl.create_default_context(cafile=Certificate.get().path)
        self.client(server, smtplib.SMTP_SSL, context=context).sendmail("a@x.test", "b@x.test", MESSAGE)
        self.assertEqual(MESSAGE, server.mails[0].content)

    def test_lmtp_on_a_unix_socket(self):
        directory = tempfile.mkdtemp(prefix="mm-", dir="/tmp")
        self.addCleanup(shutil.rmtree, directory)
        server = self.server(directory + "/s", lmtp=True, script={
            "content": lambda command: "550 no" if command.recipient == 1 else None})
        client = smtplib.LMTP(directory + "/s")
        self.addCleanup(client.close)
        client.ehlo()
        client.mail("a@x.test")
        client.rcpt("b@x.test")
        client.rcpt("c@x.test")
        self.assertEqual((250, b"2.0.0 Ok: taken"), client.data(MESSAGE))
        self.assertEqual((550, b"no"), client.getreply())
        self.assertEqual([250, 550], server.mails[0].codes)
        self.assertEqual(["LHLO"], [line.split()[0].decode().upper() for line in
                                    server.connections[0].dialogue.commands[:1]])

    def test_scripts(self):
        server = self.server(script={
            "MAIL": Turns("450 later", None), "RCPT": Every(2, "550 no"), "NOOP": Trickle("250-a\r\n250 b"),
            "content": ["250 taken", "421 bye", CLOSE]})
        client = self.client(server)
        client.ehlo()
        self.assertEqual(450, client.mail("a@x.test")[0])
        self.assertEqual(250, client.mail("a@x.test")[0])
        self.assertEqual([250, 550, 250], [client.rcpt("b@x.test")[0] for _ in range(3)])
        self.assertEqual((250, b"a\nb"), client.noop())
        self.assertEqual(250, client.data(MESSAGE)[0])
        self.assertEqual(421, client.getreply()[0])
        self.assertRaises(smtplib.SMTPServerDisconnected, client.noop)
        self.assertEqual(2, len(server.mails[0].recipients))
        self.assert_clean(server)

    def test_never_and_without_end(self):
        server = self.server(script={"EHLO": SILENCE, "HELO": ENDLESS, "NOOP": DIE})
        peer = self.raw(server)
        peer.sendall(b"HELO x\r\n")
        received = 0
        while received < 1000000:
            received += len(peer.recv(65536))
        peer.close()
        peer = self.raw(server)
        peer.recv(100)
        peer.sendall(b"EHLO x\r\n")
        peer.settimeout(0.1)
        self.assertRaises(socket.timeout, peer.recv, 1)
        self.raw(server).sendall(b"NOOP\r\n")
        peer.settimeout(5)
        self.assertEqual(b"", peer.recv(1))
        self.assertRaises(OSError, self.raw, server)

    def test_mid_content(self):
        server = self.server(script={"mid-content": CLOSE})
        client = self.client(server)
        self.assertRaises((smtplib.SMTPServerDisconnected, OSError), client.sendmail, "a@x.test", "b@x.test",
                          b"x\r\n" * 1000000)
        self.assertEqual([], server.mails)

    def test_chunks(self):
        server = self.server(chunking=True)
        peer = self.raw(server)
        peer.sendall(b"EHLO x\r\n")
        time.sleep(0.02)
        peer.sendall(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 3\r\n.\r\nBDAT 2 LAST\r\nx\nQUIT\r\n")
        text = b""
        while b"221 " not in text:
            text += peer.recv(1000)
        self.assertEqual((b".\r\nx\n", [3, 2]), (server.mails[0].content, server.mails[0].chunks))

    def test_violations_are_seen(self):
        for said, what in ((b"EHLO x\r\nMAIL FROM:<a@x>\r\n", "did not wait"),
                           (b"MAIL FROM:<a@x>\n", "LF alone"), (b"HELP\r\n", "unknown"),
                           (b"MAIL FROM:<a@x> SIZE=3\r\n", "SIZE was not offered")):
            server = self.server(script={"connect": [0.05, "220 now"]}, strict=True, extensions=())
            peer = self.raw(server)
            peer.sendall(said)
            text = b""
            while piece := peer.recv(1000):
                text += piece
            self.assertIn(b"503 ", text)
            self.assertIn("spoke before the greeting", server.violations[0])
            server = self.server(extensions=())
            peer = self.raw(server)
            peer.recv(100)
            peer.sendall(said + b"QUIT\r\n")
            while peer.recv(1000):
                pass
            self.assertIn(what, "\n".join(server.violations))
        server = self.server()
        peer = self.raw(server)
        peer.sendall(b"HELO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n")
        while b"354 " not in peer.recv(1000):
            pass
        peer.sendall(b".dot\r\nbare\nlf\r\n.\r\n")
        peer.recv(1000)
        self.assertIn("a dot that is not doubled", "\n".join(server.violations))
        self.assertIn("bare CR or LF", "\n".join(server.violations))

    def test_proxy_headers(self):
        v2 = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11, 0, 12]) + bytes([192, 0, 2, 1, 127, 0, 0, 1, 1, 0, 0, 25])
        for header, expected in ((b"PROXY TCP4 192.0.2.1 127.0.0.1 256 25\r\n", (1, "192.0.2.1", 256)),
                                 (b"PROXY UNKNOWN\r\n", (1, None, None)), (v2, (2, "192.0.2.1", 256))):
            server = self.server(proxy=True)
            peer = self.raw(server)
            peer.sendall(header)
            self.assertIn(b"220 ", peer.recv(100))
            self.assertEqual(expected, server.connections[0].dialogue.proxy)
            self.assert_clean(server)

    @unittest.skipUnless(shutil.which("smtp-source"), "no smtp-source (apt package postfix)")
    def test_smtp_source(self):
        server = self.server()
        subprocess.run(["smtp-source", "-s", "50", "-m", "1000", "-f", "a@x.test", "-t", "b@x.test",
                        "127.0.0.1:%d" % server.port], check=True, timeout=60)
        self.assertTrue(server.settle())
        self.assertEqual(1000, len(server.delivered()))
        self.assert_clean(server)


if __name__ == "__main__":
    unittest.main()
