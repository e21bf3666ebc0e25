"""milter-performance-check: extensions of SMTP, TLS, logging in, XCLIENT, PROXY, LMTP, addresses."""

import itertools
import re
import socket
import subprocess
import unittest

from performance_check import PerformanceCase, normal
from smtp_server import Certificate, Trickle, refusing_port

EIGHT_BIT = "Subject: x\nFrom: a@x.test\nTo: b@x.test\n\nGrüße\n".encode()


class Extensions(PerformanceCase):
    def one(self, *options, **how):
        self.run_check("--n-mails=1", *options, **how)
        return self.servers[-1].mails[-1]

    def test_helo_when_ehlo_is_refused(self):
        server = self.server(extensions=None)
        mail = self.one("--helo-fqdn=me.test")
        self.assertEqual({}, mail.parameters)
        self.assertEqual([b"EHLO me.test", b"HELO me.test"], server.connections[0].dialogue.commands[:2])

    def test_nothing_that_is_not_offered(self):
        self.server(extensions=())
        mail = self.one("--pipelining", "--chunking", self.file("a", EIGHT_BIT))
        self.assertEqual({}, mail.parameters)
        self.assertEqual(normal(EIGHT_BIT), mail.content)

    def test_size_and_8bitmime(self):
        self.server()
        mail = self.one(self.file("a", EIGHT_BIT))
        self.assertEqual({"SIZE": str(len(mail.content)), "BODY": "8BITMIME"}, mail.parameters)
        self.assertNotEqual("8BITMIME", self.one().parameters.get("BODY"))

    def test_names_of_extensions_in_any_case(self):
        self.server(extensions=("size", "8bitmime", "x-Unknown with words", "PIPELINING"), script={
            "EHLO": "250-peer\r\n250-size 1000\r\n250-8bitMime\r\n250-X-UNKNOWN words\r\n250-AUTH=LOGIN\r\n250 Pipelining"})
        self.tolerated = "was not offered"
        self.assertIn("SIZE", self.one(self.file("a", EIGHT_BIT)).parameters)

    def test_smtputf8(self):
        path = self.file("a", "From: Änn <änn@exämple.org>\nTo: bob@x.test\n\nx\n")
        self.server()
        mail = self.one(path)
        self.assertEqual(("änn@exämple.org", True), (mail.sender, "SMTPUTF8" in mail.parameters))
        self.assertNotIn("SMTPUTF8", self.one().parameters)

    def test_pipelining(self):
        recipients = ["--recipient=r%d@x.test" % number for number in range(5)]
        behind = []     # what had come behind MAIL before that was answered
        server = self.server(script={"MAIL": lambda command: behind.append(bytes(command.connection.buffer))})
        for options, expected in (((), (0, 0)), (("--pipelining",), (5, 1))):
            self.assert_outcomes(self.run_check("--n-mails=1", *options, *recipients), 1)
            self.assertEqual(5, len(server.mails[-1].recipients))
            self.assertEqual(expected, (behind[-1].count(b"RCPT TO:"), behind[-1].count(b"DATA\r\n")))

    def test_pipelining_and_refusals(self):
        for stage, code, options in itertools.product(
                ("MAIL", "RCPT", "DATA"), ("450", "550"), (("--pipelining",), ("--pipelining", "--chunking"))):
            if stage == "DATA" and "--chunking" in options:
                continue
            server = self.server(script={stage: code + " no"}, chunking=True)
            with self.subTest(stage=stage, code=code, options=options):
                outcome = {"450": "temporary", "550": "reject"}[code]
                run = self.run_check("--n-mails=4", "--messages-per-connection=2", *options, to=[server])
                self.assert_outcomes(run, 4, **{outcome: 4})
                self.assertEqual([], server.mails)

    def test_pipelined_data_is_granted_without_recipients(self):
        # RFC 2920 section 3.1: the client sends a lonely dot, and no mail.
        server = self.server(script={"RCPT": "550 no", "DATA": "354 go"})
        run = self.run_check("--n-mails=2", "--pipelining", "--messages-per-connection=2")
        self.assert_outcomes(run, 2, reject=2)
        self.assertEqual([b""] * len(server.mails), [mail.content for mail in server.mails])

    def test_some_recipients_are_refused(self):
        for options in ((), ("--pipelining",), ("--chunking",)):
            server = self.server(chunking=True, script={
                "RCPT": lambda command: "550 no" if b"<b1@" in command.line else None})
            run = self.run_check("--n-mails=2", *options, *("--recipient=b%d@x.test" % number for number in range(3)),
                                 to=[server])
            self.assertEqual([["b0@x.test", "b2@x.test"]] * 2, [mail.recipients for mail in server.mails])
            self.assertEqual((0, 0), (run.summary.temporary, run.summary.error))

    def test_chunking(self):
        body = b"Subject: x\nFrom: a@x.test\nTo: b@x.test\n\n" + b".x\n..\n" * 1000 + (b"." * 900 + b"\n") * 1500
        server = self.server(chunking=True)
        for options in (("--chunking",), ("--chunking", "--pipelining")):
            self.run_check("--n-mails=2", *options, self.file("a", body))
            mail = server.mails[-1]
            self.assertTrue(normal(body) == mail.content, "the content was changed")
            self.assertEqual(len(mail.content), sum(mail.chunks))
            self.assertGreater(len(mail.chunks), 1)
        self.run_check("--n-mails=1", self.file("a", body))
        self.assertEqual([], server.mails[-1].chunks)

    def test_a_chunk_is_refused(self):
        for code, outcome in (("452 4.3.1 full", "temporary"), ("552 5.3.4 too big", "reject")):
            server = self.server(chunking=True, script={"BDAT": code})
            path = self.file("a", b"Subject: x\n\n" + b"x" * 70 + (b"x" * 900 + b"\n") * 1500)
            run = self.run_check("--n-mails=2", "--chunking", "--messages-per-connection=2", path, to=[server])
            self.assert_outcomes(run, 2, **{outcome: 2})
            self.assertEqual([], server.mails)

    def test_replies_in_pieces_and_in_lines(self):
        self.server(script={
            "connect": Trickle("220-peer.example.test\r\n220-does not want\r\n220 to be hurried"),
            "EHLO": Trickle("250-peer\r\n250-PIPELINING\r\n250 SIZE"),
            "MAIL": Trickle("250-2.1.0 a\r\n250 2.1.0 b"), "DATA": Trickle("354-go\r\n354 ahead"),
            "RCPT": "250", "content": "250-a\r\n250-b\r\n250 c", "QUIT": "221"})
        self.assert_outcomes(self.run_check("--n-mails=3", "--n-concurrent-connections=3"), 3)

    def test_several_mails_on_a_connection(self):
        server = self.server()
        self.run_check("--n-mails=7", "--messages-per-connection=3", "--n-concurrent-connections=1")
        self.assertEqual(3, len(server.connections))
        self.assertTrue(all(each.dialogue.quit for each in server.connections))
        server = self.server()
        self.run_check("--n-mails=3", to=[server])
        self.assertEqual(3, len(server.connections))


class Security(PerformanceCase):
    def secured(self):
        return [bool(mail.secured) for mail in self.servers[-1].mails]

    def test_starttls(self):
        for offered, option, status, expected in (
                (True, (), 0, [True]), (True, ("--starttls=auto",), 0, [True]), (False, ("--starttls=auto",), 0, [False]),
                (True, ("--starttls=disable",), 0, [False]), (True, ("--starttls=always",), 0, [True]),
                (False, ("--starttls=always",), 0, [])):
            server = self.server(starttls=offered)
            with self.subTest(offered=offered, option=option):
                run = self.run_check("--n-mails=1", *option, to=[server], status=status)
                self.assertEqual(expected, self.secured())
                self.assertEqual(0 if expected else 1, run.summary.error)
        self.assertRegex(run.err, "(?i)starttls")

    def test_no_plain_text_after_starttls(self):
        # The answer to EHLO within TLS counts, not what was said before.
        server = self.server(starttls=True, xclient="NAME", mechanisms=("PLAIN",))
        self.run_check("--n-mails=1", "--auth-user=user", "--auth-password=secret", "--connect-host=h.test")
        commands = [line.split()[0] for line in server.connections[0].dialogue.commands]
        self.assertEqual([b"EHLO", b"STARTTLS", b"EHLO"], commands[:3])
        self.assertTrue(server.mails[0].secured)

    def test_injected_answer_before_tls(self):
        # Were it taken for the answer to EHLO within TLS, XCLIENT would be offered.
        self.server(starttls=True, script={"STARTTLS": ["220 go", b"250-injected\r\n250 XCLIENT NAME\r\n"]})
        self.assert_outcomes(self.run_check("--n-mails=1", "--connect-host=h.test"), 1, error=1)

    def test_tls_is_refused(self):
        server = self.server(starttls=True, script={"STARTTLS": "454 4.7.0 not now"})
        self.run_check("--n-mails=1", "--starttls=always")
        self.assertEqual([], server.mails)

    def test_verification(self):
        certificate = Certificate.get()
        server = self.server(starttls=True)
        by_name = "localhost:%d" % server.port
        for options, to, works in (((), server, True), (("--tls-verify",), server, False),
                                   (("--tls-verify", "--tls-ca=" + certificate.path), server, True),
                                   (("--tls-verify", "--tls-ca=" + certificate.path), by_name, True)):
            with self.subTest(options=options, to=to):
                run = self.run_check("--n-mails=1", *options, to=[to])
                self.assertEqual(0 if works else 1, run.summary.error)
        run = self.runs[1]
        self.assertRegex(run.err, "(?i)certificate")

    def test_implicit_tls(self):
        server = self.server(implicit_tls=True)
        run = self.run_check("--n-mails=2", "--tls-wrapper", "--report=text")
        self.assert_outcomes(run, 2)
        self.assertRegex(run.out, r"(?m)^ +TLS: 2 TLSv1\.[23] [A-Z0-9_-]+$")
        self.assertEqual([True, True], self.secured())
        self.assertEqual(normal(server.mails[0].content), server.mails[0].content)

    def test_implicit_tls_with_a_server_that_has_none(self):
        self.server(script={"connect": [0.05, "220 hello"]})
        self.tolerated = "."
        run = self.run_check("--n-mails=1", "--tls-wrapper", "--reading-timeout=2")
        self.assert_outcomes(run, 1, error=1)

    def test_large_mails_over_tls(self):
        server = self.server(starttls=True, chunking=True)
        content = b"Subject: x\n\n" + b"." * 100 + b"\n.\n" * 60000
        for options in ((), ("--chunking",)):
            self.run_check("--n-mails=1", self.file("a", content), *options)
            self.assertTrue(normal(content) == server.mails[-1].content, "the content was changed")

    def login(self, *options, mechanisms=("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"), **server):
        server = self.server(mechanisms=mechanisms, **server)
        run = self.run_check("--n-mails=1", "--auth-user=user", "--auth-password=secret", *options, to=[server])
        words = [line.split()[1].decode() for line in server.connections[0].dialogue.commands
                 if line.upper().startswith(b"AUTH ")]
        return run, words, [mail.user for mail in server.mails]

    def test_mechanisms(self):
        for option, word in (("plain", "PLAIN"), ("login", "LOGIN"), ("cram_md5", "CRAM-MD5"),
                             ("cram-md5", "CRAM-MD5"), ("scram-sha-256", "SCRAM-SHA-256")):
            with self.subTest(option=option):
                self.assertEqual(([word], ["user"]), self.login("--auth-mechanism=" + option)[1:])

    def test_the_best_mechanism_offered(self):
        for offered, word in ((("LOGIN",), "LOGIN"), (("LOGIN", "PLAIN"), "PLAIN"),
                              (("PLAIN", "LOGIN", "CRAM-MD5"), "CRAM-MD5")):
            with self.subTest(offered=offered):
                self.assertEqual(([word], ["user"]), self.login("--auth-mechanism=auto", mechanisms=offered)[1:])

    def test_login_fails(self):
        run, _, users = self.login("--auth-password=wrong", "--report-failure-responses")
        self.assert_outcomes(run, 1, reject=1)
        self.assertEqual([], users)
        self.assertIn("535 5.7.8 wrong", run.out)
        run = self.login("--auth-mechanism=cram-md5", mechanisms=("PLAIN",))[0]
        self.assert_outcomes(run, 1, error=1)
        self.assertRegex(run.err, "(?i)cram-md5")
        run = self.login(mechanisms=())[0]
        self.assert_outcomes(run, 1, error=1)
        self.assertIn("AUTH", run.err)

    def test_auth_map(self):
        servers = [self.server(mechanisms=("PLAIN",), users={name: "secret:of#" + name}) for name in ("ann", "bob")]
        servers.append(self.server(mechanisms=("PLAIN",)))
        path = self.file("map", "# who is who\n\n%s ann:secret:of#ann\n  # more\n%s\tbob:secret:of#bob\n" % (
            servers[0].address, servers[1].address))
        self.assert_outcomes(self.run_check("--n-mails=3", "--auth-map", path), 3)
        self.assertEqual(["ann", "bob", None], [server.mails[0].user for server in servers])

    def test_mistakes_in_an_auth_map(self):
        for line in ("127.0.0.1:25", "127.0.0.1 a:b", "127.0.0.1:25 nobody", "127.0.0.1:no-such-service a:b"):
            with self.subTest(line=line):
                self.assert_refused(r"map.*2", "--auth-map", self.file("map", "# a\n%s\n" % line))

    def test_logins_that_would_not_be_tried(self):
        path = self.file("map", "mx.test:25 a:b\n")
        self.assert_refused("map.*127.0.0.1:26", "--auth-map", path, to=["127.0.0.1:26"])
        self.assert_refused("--auth-user", "--auth-mechanism=plain")


class Peers(PerformanceCase):
    def test_xclient(self):
        server = self.server(xclient="NAME ADDR PORT PROTO HELO LOGIN")
        self.run_check("--n-mails=1", "--connect-host=client.test", "--connect-address=192.0.2.7",
                       "--xclient=PORT=4711", "--xclient", "LOGIN=a b")
        self.assertEqual({"NAME": "client.test", "ADDR": "192.0.2.7", "PORT": "4711", "LOGIN": "a+20b"},
                         server.mails[0].xclient)
        commands = [line.split()[0] for line in server.connections[0].dialogue.commands]
        self.assertEqual([b"EHLO", b"XCLIENT", b"EHLO", b"MAIL"], commands[:4])
        self.run_check("--n-mails=1", "--connect-address=2001:db8::1")
        self.assertEqual("IPV6:2001:db8::1", server.mails[1].xclient["ADDR"])

    def test_xclient_is_not_offered(self):
        self.server()
        run = self.run_check("--n-mails=2", "--connect-host=client.test")
        self.assert_outcomes(run, 2, error=2)
        self.assertIn("XCLIENT", run.err)

    def test_xclient_is_refused(self):
        self.server(xclient="NAME", script={"XCLIENT": "550 5.7.0 not you"})
        self.assert_outcomes(self.run_check("--n-mails=1", "--connect-host=client.test"), 1, reject=1)

    def test_proxy_protocol(self):
        server = self.server(proxy=True)
        for option, expected in ((("v1",), (1, "127.0.0.1")), (("v2",), (2, "127.0.0.1")),
                                 (("v1", "--proxy-source=192.0.2.5:4711"), (1, "192.0.2.5", 4711)),
                                 (("v2", "--proxy-source=192.0.2.5:4711"), (2, "192.0.2.5", 4711)),
                                 (("v2", "--proxy-source=192.0.2.6"), (2, "192.0.2.6"))):
            with self.subTest(option=option):
                self.assert_outcomes(self.run_check("--n-mails=1", "--proxy-protocol", *option), 1)
                self.assertEqual(expected, server.mails[-1].proxy[:len(expected)])
        self.assertNotEqual(0, server.mails[-1].proxy[2], "no client has this port")

    def test_proxy_protocol_for_a_client_of_another_family(self):
        # How a proxy reaches the server says nothing about how clients reach the proxy.
        for server in (self.server(proxy=True), self.server(self.path("s"), proxy=True)):
            for version, source in itertools.product((1, 2), ("2001:db8::9", "192.0.2.9")):
                with self.subTest(version=version, source=source, server=server.address):
                    self.run_check("--n-mails=1", "--proxy-protocol=v%d" % version, "--proxy-source=" + source,
                                   to=[server])
                    self.assertEqual((version, source), server.mails[-1].proxy[:2])

    def test_proxy_protocol_and_implicit_tls(self):
        server = self.server(proxy=True, implicit_tls=True)
        self.assert_outcomes(self.run_check("--n-mails=1", "--tls-wrapper", "--proxy-protocol=v2"), 1)
        self.assertTrue(server.mails[0].secured)

    def test_lmtp(self):
        server = self.server(self.path("s"), lmtp=True, chunking=True)
        for options in ((), ("--pipelining",), ("--chunking",)):
            self.assert_outcomes(self.run_check("--lmtp", "--n-mails=4", "--messages-per-connection=2", *options,
                                                "--recipient=a@x.test", "--recipient=b@x.test"), 4)
        self.assertEqual([[250, 250]] * 12, [mail.codes for mail in server.mails])

    def test_lmtp_refuses_one_recipient(self):
        server = self.server(self.path("s"), lmtp=True, script={
            "content": lambda command: "450 4.2.2 full" if command.recipient == 1 else None})
        run = self.run_check("--lmtp", "--n-mails=2", "--messages-per-connection=2", "--recipient=a@x.test",
                             "--recipient=b@x.test", "--recipient=c@x.test")
        self.assertEqual([[250, 450, 250]] * 2, [mail.codes for mail in server.mails])
        self.assertEqual((0, 0), (run.summary.reject, run.summary.error))
        server.script["content"] = "550 5.2.1 nobody"
        run = self.run_check("--lmtp", "--n-mails=2", "--recipient=a@x.test", "--recipient=b@x.test")
        self.assert_outcomes(run, 2, reject=2)

    def test_forms_of_addresses(self):
        server = self.server()
        unix = self.server(self.path("s"))
        for name in ("127.0.0.1:%d", "[127.0.0.1]:%d", "localhost:%d", "inet:%d@127.0.0.1", "inet:%d@[127.0.0.1]"):
            with self.subTest(name=name):
                self.assert_outcomes(self.run_check("--n-mails=1", to=[name % server.port]), 1)
        for name in ("127.0.0.1", "localhost"):
            self.assert_outcomes(self.run_check("--n-mails=1", "--smtp-port", server.port, to=[name]), 1)
        self.assert_outcomes(self.run_check("--n-mails=1", "--smtp-port=%d" % server.port, to=[]), 1)
        self.assertEqual(8, len(server.mails))
        self.assert_outcomes(self.run_check("--n-mails=1", to=["unix:" + self.path("s")]), 1)
        self.assertEqual(1, len(unix.mails))

    def test_ipv6(self):
        try:
            probe = socket.create_server(("::1", 0), family=socket.AF_INET6)
            probe.close()
        except OSError:
            self.skipTest("no IPv6 here")
        server = self.server("::1")
        for name in (server.address, "inet6:%d@[::1]" % server.port):
            self.assert_outcomes(self.run_check("--n-mails=1", to=[name]), 1)
        self.run_check("--n-mails=1", "--smtp-port=%d" % server.port, to=["::1"])
        proxied = self.server("::1", proxy=True)
        self.assert_outcomes(self.run_check("--n-mails=1", "--proxy-protocol=v2", "--proxy-source=[2001:db8::9]:99",
                                            to=[proxied]), 1)
        self.assertEqual((2, "2001:db8::9", 99), proxied.mails[0].proxy)

    def test_the_first_of_two_addresses_does_not_answer(self):
        # Two connections wait for it when the first learns that the other address works.
        server = self.server("127.0.0.2")
        hosts = self.file("hosts", "127.0.0.1 two.test\n127.0.0.2 two.test\n")
        within = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
        known = subprocess.run([*within, "getent", "ahosts", "two.test"], capture_output=True, check=False)
        if re.findall(rb"(?m)^(\S+) +STREAM", known.stdout) != [b"127.0.0.1", b"127.0.0.2"]:
            self.skipTest("no name can be given two addresses here")
        deaf = socket.create_server(("127.0.0.1", server.port), backlog=0)
        self.addCleanup(deaf.close)
        for _ in range(3):      # until there is no room left to wait in
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", server.port))
            self.addCleanup(waiting.close)
        options = ["--n-mails=3", "--interval=0.2", "--n-concurrent-connections=3", "--reading-timeout=0.7"]
        done = subprocess.run([*within, *self.command(options, to=["two.test:%d" % server.port])],
                              capture_output=True, check=False, text=True)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual(3, len(server.mails))

    def test_several_servers_in_turn(self):
        servers = [self.server(), self.server(), self.server(self.path("s"))]
        self.run_check("--n-mails=9")
        self.assertEqual([3, 3, 3], [len(server.mails) for server in servers])

    def test_one_of_several_servers_is_down(self):
        good, gone = self.server(), refusing_port()
        self.addCleanup(gone.close)
        name = "127.0.0.1:%d" % gone.getsockname()[1]
        run = self.run_check("--n-mails=6", to=[good, name])
        self.assert_outcomes(run, 6, error=3)
        self.assertEqual(1, run.err.count(name), "told once")


if __name__ == "__main__":
    unittest.main()
