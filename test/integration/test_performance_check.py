"""milter-performance-check: mails, envelopes and the report of tools.md section 3."""

import os
import re
import unittest

from performance_check import FIXTURES, PerformanceCase, fixture, normal
from smtp_server import Every, Turns

MAIL = b"Received: from client.example.org (x [192.0.2.1]) by mx\nFrom: Ann <ann@example.org>\n" \
       b"To: bob@example.net, \"Carol, C.\" <carol@example.net>\nCc: dan@example.net (Dan)\n" \
       b"Subject: x\n\nHello\n"


class Report(PerformanceCase):
    def test_the_form(self):
        server = self.server()
        run = self.run_check("--n-mails=3")
        summary = run.summary
        self.assertEqual((3, (0, 0, 0)), (summary.mails, summary.outcomes()))
        self.assertEqual(("", "", ""), (summary.before, summary.after, run.err))
        self.assertEqual(3, len(server.mails))
        self.assertLessEqual(summary.min, summary.average)
        self.assertLessEqual(summary.average, summary.max)

    def test_a_hundred_mails_are_sent_by_default(self):
        server = self.server()
        self.assert_outcomes(self.run_check(), 100)
        self.assertEqual(100, len(server.mails))

    def test_refusals_are_counted(self):
        self.server(script={"RCPT": Every(4, "550 5.7.1 not you"), "content": Every(5, "451 4.7.1 later")})
        run = self.run_check("--n-mails=40")
        self.assert_outcomes(run, 40, temporary=6, reject=10)
        self.assertNotIn("not you", run.out)

    def test_refusals_at_each_stage(self):
        for stage in ("connect", "EHLO", "MAIL", "RCPT", "DATA", "content"):
            for code, outcome in (("450 4.7.1", "temporary"), ("554 5.7.1", "reject")):
                script = {stage: code + " because"}
                if stage == "EHLO":
                    script["HELO"] = code + " because"
                server = self.server(script=script)
                with self.subTest(stage=stage, code=code):
                    run = self.run_check("--n-mails=2", "--report-failure-responses", to=[server])
                    self.assert_outcomes(run, 2, **{outcome: 2})
                    self.assertIn("  2 %s because\n" % code, run.out)

    def test_texts_of_failures(self):
        self.server(script={"RCPT": Turns("550 5.7.1 not you"), "content": Every(2, "451-4.7.1 not\r\n451 4.7.1 now")})
        run = self.run_check("--n-mails=2", "--report-failure-responses")
        self.assertRegex(run.out, r"(?m)^Rejects:\n  2 550 5\.7\.1 not you$")
        self.assertNotIn("Temporary failures:", run.out)
        self.servers[0].script["RCPT"] = None
        run = self.run_check("--n-mails=4", "--report-failure-responses")
        self.assertRegex(run.out, r"(?m)^Temporary failures:\n  2 451 4\.7\.1 not .*now$")
        self.assertNotIn("Rejects:", run.out)
        run = self.run_check("--n-mails=4", "--report-failure-responses", "--no-report-failure-responses")
        self.assertNotIn("4.7.1", run.out)

    def test_files_are_named(self):
        for name in ("good", "bad", "worse"):
            self.file("box/%s.eml" % name, MAIL.replace(b"ann", name.encode()))
        self.server(script={"MAIL": lambda command: "550 no" if b"<bad@" in command.line else
                            "450 later" if b"<worse@" in command.line else None})
        run = self.run_check(self.path("box"))
        self.assert_outcomes(run, 3, temporary=1, reject=1)
        before = run.summary.before
        self.assertRegex(before, r"(?m)^Rejected mails:\n\S*bad\.eml\n\n")
        self.assertRegex(before, r"(?m)^Temporary failed mails:\n\S*worse\.eml\n\n")
        self.assertRegex(before, r"\A( *\d+\.\d\d \(sec\): \S+\.eml\n){1,3}\n")

    def test_ten_slowest_files(self):
        for number in range(12):
            self.file("box/%02d.eml" % number, MAIL.replace(b"ann", b"a%02d" % number))
        self.server(script={"content": lambda command: [0.3, "250 Ok"] if b"a07" in command.mail.sender_command
                            else None})
        lines = self.run_check("--n-concurrent-connections=12", self.path("box")).summary.before.splitlines()
        self.assertEqual(11, len(lines), lines)
        self.assertRegex(lines[0], r"^ +0\.[3-9]\d \(sec\): \S*07\.eml$")
        self.assertEqual("", lines[10])
        self.assertEqual(sorted(lines[:10], reverse=True)[0][:5], lines[0][:5])


class Envelope(PerformanceCase):
    def one(self, *options, **how):
        """The mail that a run with these options sends."""
        if not self.servers:
            self.server()
        self.run_check("--n-mails=1", *options, **how)
        return self.servers[0].mails[-1]

    def test_defaults(self):
        mail = self.one()
        self.assertEqual(("from@example.com", ["to@example.com"], "localhost.localdomain"),
                         (mail.sender, mail.recipients, mail.helo))

    def test_options(self):
        mail = self.one("--helo-fqdn", "me.example.org", "--from", "a@x.test", "--recipient=b@x.test",
                        "--recipient", "c@x.test")
        self.assertEqual(("a@x.test", ["b@x.test", "c@x.test"], "me.example.org"),
                         (mail.sender, mail.recipients, mail.helo))
        self.assertIn(b"a@x.test", re.search(rb"(?m)^From: (.*)\r$", mail.content).group(1))

    def test_senders_in_turn(self):
        server = self.server()
        self.run_check("--n-mails=5", "--from=a@x.test", "--from=b@x.test", "--n-concurrent-connections=1")
        self.assertEqual(["a@x.test", "b@x.test", "a@x.test", "b@x.test", "a@x.test"],
                         [mail.sender for mail in server.mails])

    def test_of_a_file(self):
        path = self.file("one.eml", MAIL)
        mail = self.one(path, "--from=other@x.test", "--recipient=other@x.test", "--helo-fqdn=other.test")
        self.assertEqual(("ann@example.org", ["bob@example.net", "carol@example.net", "dan@example.net"],
                          "client.example.org"), (mail.sender, mail.recipients, mail.helo))

    def test_a_file_without_addresses(self):
        path = self.file("one.eml", b"Subject: x\n\nHello\n")
        mail = self.one(path, "--from=a@x.test", "--recipient=b@x.test", "--helo-fqdn=me.test")
        self.assertEqual(("a@x.test", ["b@x.test"], "me.test"), (mail.sender, mail.recipients, mail.helo))

    def test_forced(self):
        path = self.file("one.eml", MAIL)
        mail = self.one(path, "--force-from=a@x.test", "--force-recipient=b@x.test", "--force-recipient=c@x.test")
        self.assertEqual(("a@x.test", ["b@x.test", "c@x.test"]), (mail.sender, mail.recipients))
        self.assertEqual(normal(MAIL), mail.content)

    def test_the_empty_sender(self):
        mail = self.one("--force-from=")
        self.assertTrue(mail.sender_command.startswith(b"MAIL FROM:<>"), mail.sender_command)


class Content(PerformanceCase):
    def sent(self, content, *options, **how):
        """What arrives of a file with this content."""
        if not self.servers:
            self.server()
        self.run_check("--n-mails=1", self.file("mail.eml", content), "--force-from=a@x.test",
                       "--force-recipient=b@x.test", *options, **how)
        mail = self.servers[0].mails[-1]
        self.assertEqual(str(len(mail.content)), mail.parameters.get("SIZE"))
        return mail.content

    def test_line_ends(self):
        for content in (MAIL, MAIL.replace(b"\n", b"\r\n"), MAIL[:-1], MAIL.replace(b"\n", b"\r\n")[:-2],
                        b"A: b\n\none\r\ntwo\n\r\n\n", b"A: b\n\n", b"A: b\n"):
            with self.subTest(content=content):
                self.assertEqual(normal(content), self.sent(content))

    def test_dots(self):
        head = b"A: b\n\n"
        for body in (b".\n", b"..\n", b".x\n.\ny\n", b"x.\n.", b"\n.\r\n.\r\n", b".\r\n" * 50000, b"." * 100000 + b"\n"):
            with self.subTest(body=body[:20]):
                self.assertEqual(normal(head + body), self.sent(head + body))

    def test_all_bytes(self):
        body = bytes(byte for byte in range(256) if byte not in (10, 13)) * 7
        self.assertEqual(normal(b"A: b\n\n" + body), self.sent(b"A: b\n\n" + body))

    def test_a_large_mail(self):
        body = b"".join(b"%08d .line\n.%d\n" % (number, number) for number in range(30000))
        content = b"A: b\n\n" + body
        # Not assertEqual, which would print both.
        self.assertTrue(normal(content) == self.sent(content), "the content was changed")

    def test_fixtures(self):
        names = sorted(name for name in os.listdir(FIXTURES) if name.endswith(".eml"))
        server = self.server()
        self.run_check(*(os.path.join(FIXTURES, name) for name in names), "--force-from=a@x.test",
                       "--force-recipient=b@x.test", "--n-concurrent-connections=4")
        self.assertEqual(sorted(normal(fixture(name)) for name in names), sorted(mail.content for mail in server.mails))

    def test_standard_input(self):
        server = self.server()
        self.run_check("--n-mails=2", "-", stdin=MAIL)
        self.assertEqual([normal(MAIL)] * 2, [mail.content for mail in server.mails])

    def test_a_generated_mail(self):
        server = self.server()
        self.run_check("--n-mails=2", "--n-additional-lines=3", "--from=a@x.test", "--recipient=b@x.test")
        head, _, body = server.mails[0].content.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n"))
        self.assertEqual((b"1.0", b"7bit", b"milter-performance-check", b"test mail"),
                         tuple(fields[name] for name in (b"MIME-Version", b"Content-Transfer-Encoding",
                                                         b"X-Mailer", b"Subject")))
        self.assertRegex(fields[b"Content-Type"], rb"(?i)^text/plain; *charset=\"?us-ascii\"?$")
        for name in (b"Return-Path", b"Received", b"Message-Id", b"Date"):
            self.assertIn(name, fields)
        self.assertIn(b"a@x.test", fields[b"From"])
        self.assertIn(b"b@x.test", fields[b"To"])
        line = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n"
        self.assertEqual(b"Hello,\r\n\r\nThis is a test mail.\r\n" + 3 * line, body)
        identities = {re.search(rb"Message-Id: (.*)", mail.content).group(1) for mail in server.mails}
        self.assertEqual(2, len(identities))

    def test_directories_are_searched_and_sorted(self):
        for name in ("box/b.eml", "box/a/z.eml", "box/a/a.eml", "box/c"):
            self.file(name, MAIL.replace(b"ann", name.replace("/", ".").encode()))
        server = self.server()
        self.assert_outcomes(self.run_check(self.path("box"), "--n-mails=77", "--n-concurrent-connections=1"), 4)
        self.assertEqual(["box.a.a.eml", "box.a.z.eml", "box.b.eml", "box.c"],
                         [mail.sender.partition("@")[0] for mail in server.mails])

    def test_one_file_is_repeated(self):
        self.server()
        self.assert_outcomes(self.run_check(self.file("a.eml", MAIL), "--n-mails=7"), 7)

    def test_shuffle(self):
        for number in range(20):
            self.file("box/%02d" % number, MAIL.replace(b"ann", b"a%02d" % number))
        orders = []
        for options in ((), ("--shuffle", "--seed=1"), ("--shuffle", "--seed=1"), ("--shuffle", "--seed=2"),
                        ("--shuffle", "--no-shuffle")):
            server = self.server()
            self.run_check(self.path("box"), "--n-concurrent-connections=1", *options, to=[server])
            orders.append([mail.sender for mail in server.mails])
        self.assertEqual([sorted(orders[0])] * 5, [sorted(order) for order in orders])
        self.assertEqual((orders[0], orders[1]), (orders[4], orders[2]))
        self.assertEqual(3, len({tuple(order) for order in orders}))

    def test_sizes_by_distribution(self):
        server = self.server()
        self.run_check("--n-mails=60", "--size-distribution=2k:70,20k-40k:30", "--seed=3",
                       "--n-concurrent-connections=5")
        sizes = [len(mail.content) for mail in server.mails]
        small = [size for size in sizes if 1900 <= size <= 2200]
        large = [size for size in sizes if 19900 <= size <= 41200]
        self.assertEqual(60, len(small) + len(large), sizes)
        self.assertTrue(30 <= len(small) <= 53, sizes)
        self.assertGreater(len(set(large)), 5)


class Arguments(PerformanceCase):
    def test_help_and_version(self):
        for option in ("-h", "--help"):
            run = self.run_check(option, to=[])
            for name in ("--smtp-server", "--n-mails", "--rate", "--ramp", "--report", "--fail-on", "--lmtp"):
                self.assertIn(name, run.out)
        self.assertRegex(self.run_check("--version", to=[]).out, r"\Amilter-performance-check \d+\.\d+\.\d+\n\Z")

    def test_unusable_arguments(self):
        for options in (("--n-mails=x",), ("--n-mails=-1",), ("--n-workers=0",), ("--n-concurrent-connections=0",),
                        ("--starttls=perhaps",), ("--auth-mechanism=magic",), ("--report=pdf",),
                        ("--fail-on=3xx",), ("--max-p99=soon",), ("--ramp=1:2",), ("--ramp=9:2:1",),
                        ("--ramp=1:2:1", "--n-mails=5"),
                        ("--rate=-1",), ("--proxy-protocol=v3",), ("--xclient=FOO=1",), ("--xclient=NAME",),
                        ("--size-distribution=many",), ("--period=1", "--interval=1"), ("--interval=1 year",),
                        ("--smtp-port=no-such-service",), ("--auth-map=/nonexistent/map",), ("/nonexistent/mail",),
                        ("--reading-timeout=x",), ("--connect-address=elephant",), ("--no-such-option",),
                        ("--auth-user=a",), ("--from=a@x\r\nDATA",), ("--messages-per-connection=0",),
                        ("--tls-ca=/nonexistent/ca", "--tls-verify")):
            with self.subTest(options=options):
                self.assert_refused(r"\A(milter-performance-check: )?\S.+\n", *options)

    def test_a_server_that_cannot_be(self):
        for name, word in (("unix:", "unix:"), ("127.0.0.1:99999", "99999"), ("[::1", "::1"),
                           ("127.0.0.1:no-such-service", "no-such-service")):
            with self.subTest(name=name):
                self.assert_refused(re.escape(word), "--n-mails=1", to=[name])

    def test_an_empty_directory(self):
        os.mkdir(self.path("empty"))
        self.assert_refused("empty", self.path("empty"))


if __name__ == "__main__":
    unittest.main()
