"""milter-performance-check and servers that die, refuse, talk nonsense or say nothing: each mail is
counted, each kind of trouble named once, and no run hangs."""

import resource
import socket
import ssl
import subprocess
import time
import unittest

from performance_check import Figures, PerformanceCase
from smtp_server import CLOSE, DIE, ENDLESS, RESET, SILENCE, Every, Stall, Turns, refusing_port

STAGES = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "mid-content", "content")
LARGE = b"Subject: x\n\n" + (b"x" * 70 + b"\n") * 20000


class Faults(PerformanceCase):
    def failing(self, script, *options, mails=3, error=None, words="", **how):
        """All mails of a run (or so many) end with an error that names the server and has these words."""
        server = self.server(script=script, **how)
        run = self.run_check("--n-mails=%d" % mails, "--n-concurrent-connections=3",
                             "--reading-timeout=5", *options, to=[server])
        self.assert_outcomes(run, mails, error=mails if error is None else error)
        self.assertIn(server.address, run.err)
        self.assertRegex(run.err, "(?i)" + words)
        self.assertLess(run.seconds, 5, "waited where there was nothing to wait for")
        return run

    def test_closing(self):
        for stage in STAGES:
            for how, words in ((CLOSE, "clos|reset"), (RESET, "reset|clos")):
                with self.subTest(stage=stage, how=how):
                    path = [self.file("large", LARGE)] if stage == "mid-content" else []
                    run = self.failing({stage: how, "HELO": how}, "--report-failure-responses", *path, mails=9,
                                       words=words)
                    self.assertRegex(run.out, r"(?m)^Errors:\n  ")
                    # Closed, reset, broken pipe: the kernel says it in three ways at most.
                    self.assertLessEqual(len(run.err.splitlines()), 3, "each kind is told once")

    def test_closing_while_pipelining_and_in_chunks(self):
        path = self.file("large", LARGE)
        for stage in ("MAIL", "RCPT", "DATA", "BDAT"):
            for options in (("--pipelining",), ("--pipelining", "--chunking")):
                if (stage == "DATA") == ("--chunking" in options) or (stage == "BDAT" and "--chunking" not in options):
                    continue
                with self.subTest(stage=stage, options=options):
                    self.failing({stage: CLOSE}, *options, path, chunking=True, words="clos|reset")

    def test_closing_during_tls_and_login(self):
        self.failing({"STARTTLS": CLOSE}, starttls=True, words="clos|reset")
        self.failing({"STARTTLS": ["220 go", b"no TLS at all, sorry\r\n" * 5]}, starttls=True, words="tls|ssl")
        self.failing({"STARTTLS": ["220 go", CLOSE]}, starttls=True, words="clos|reset|tls")
        for stage in ("AUTH", "login"):
            self.failing({stage: CLOSE}, "--auth-user=user", "--auth-password=secret", mechanisms=("PLAIN",),
                         words="clos|reset")
        self.failing({"AUTH": "334 !!! no base64 !!!"}, "--auth-user=user", "--auth-password=secret",
                     "--auth-mechanism=cram-md5", mechanisms=("CRAM-MD5",))
        self.tolerated = "unknown command"

    def test_garbage(self):
        for garbage in (b"\0\1\2\xff\xfe\r\n", b"hello there\r\n", b"99 no\r\n", b"600 no\r\n", b"250_x\r\n", b"\r\n",
                        b"HTTP/1.1 400 Bad Request\r\n\r\n", b"250-a\r\n251 b\r\n", b"999999999999999999 x\r\n"):
            for stage in ("connect", "EHLO", "MAIL", "content"):
                with self.subTest(garbage=garbage, stage=stage):
                    run = self.failing({stage: [garbage, CLOSE]}, mails=2)
                    self.assertFalse([byte for byte in run.err if ord(byte) < 32 and byte != "\n"], repr(run.err))

    def test_an_answer_that_makes_no_sense_here(self):
        for stage, answer in (("DATA", "250 what?"), ("content", "354 go on"), ("MAIL", "354 go"), ("EHLO", "354 go")):
            with self.subTest(stage=stage):
                self.failing({stage: [answer, 0.05, CLOSE], "HELO": CLOSE})

    def test_answers_without_end(self):
        for stage in ("connect", "EHLO", "MAIL", "content"):
            with self.subTest(stage=stage):
                server = self.server(script={stage: ENDLESS})
                run = self.run_check("--n-mails=1", "--reading-timeout=10", to=[server])
                self.assert_outcomes(run, 1, error=1)
                self.assertLess(run.seconds, 5)
                self.assertTrue(server.settle())
                self.assertLess(server.connections[0].wire_out, 20000000)
                many = b"250-" + b"x" * 70 + b"\r\n"
                run = self.failing({stage: [many * 5000, SILENCE]}, mails=1)

    def test_answers_that_nobody_asked_for(self):
        self.server(script={"connect": ["220 hello"] + ["250 again"] * 9})
        self.tolerated = "did not wait"     # it cannot know which answer is to what
        run = self.run_check("--n-mails=2", "--reading-timeout=5")
        self.assertEqual(2, run.summary.mails)

    def test_silence(self):
        # All at the same time: each waits for its time-out.
        begun, runs = time.monotonic(), []
        for stage in STAGES[:5] + ("content", "QUIT", "STARTTLS", "login"):
            server = self.server(script={stage: SILENCE, "HELO": SILENCE}, starttls=stage == "STARTTLS",
                                 mechanisms=("PLAIN",) if stage == "login" else ())
            login = ["--auth-user=user", "--auth-password=secret"] if stage == "login" else []
            runs.append((stage, self.start_check("--n-mails=2", "--n-concurrent-connections=2",
                                                 "--reading-timeout=0.4", *login, to=[server])))
        for stage, process in runs:
            with self.subTest(stage=stage):
                run = self.finish_check(process)
                self.assert_outcomes(run, 2, error=0 if stage == "QUIT" else 2)
                if stage != "QUIT":
                    self.assertRegex(run.err, "(?i)time|answer|0.4")
        self.assertGreaterEqual(time.monotonic() - begun, 0.4)

    def test_silence_is_not_waited_for_twice(self):
        # That the kernel has taken our command is no sign of life.
        servers = [self.server(script={stage: SILENCE}) for stage in ("EHLO", "MAIL")]
        run = self.run_check("--n-mails=2", "--n-concurrent-connections=2", "--reading-timeout=2", to=servers)
        self.assertLess(run.seconds, 3.8)

    def test_a_server_that_reads_nothing(self):
        # The kernel takes the connection and a part of the content; nobody reads it.
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        process = self.start_check("--n-mails=1", "--reading-timeout=0.4",
                                   to=["127.0.0.1:%d" % listener.getsockname()[1]])
        peer, _ = listener.accept()
        self.addCleanup(peer.close)
        peer.sendall(b"220 hello\r\n")
        self.assert_outcomes(self.finish_check(process), 1, error=1)
        server = self.server(script={"mid-content": SILENCE})
        run = self.run_check("--n-mails=1", "--reading-timeout=0.4", self.file("a", b"A: b\n\n" + (b"x" * 900 + b"\n") * 12000),
                             to=[server])
        self.assert_outcomes(run, 1, error=1)
        self.assertRegex(run.err, r"nothing was taken within 0\.4 seconds \(--reading-timeout\), \d+ bytes")

    def test_a_slow_server_is_no_error(self):
        # Each answer within the time-out, all of them together far beyond it.
        self.server(script={stage: [0.2, answer] for stage, answer in (
            ("connect", "220 a"), ("MAIL", "250 a"), ("RCPT", "250 a"), ("DATA", "354 a"), ("content", "250 a"))})
        self.assert_outcomes(self.run_check("--n-mails=1", "--reading-timeout=0.8"), 1)

    def test_a_server_that_reads_slowly_is_not_silent(self):
        # Long after our system has all of the message, the server still takes it.
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        self.addCleanup(listener.close)
        process = self.start_check("--n-mails=1", "--reading-timeout=1",
                                   self.file("a", b"A: b\n\n" + (b"x" * 900 + b"\n") * 3000),
                                   to=["127.0.0.1:%d" % listener.getsockname()[1]])
        peer, _ = listener.accept()
        self.addCleanup(peer.close)
        peer.settimeout(10)
        peer.sendall(b"220 a\r\n")
        for answer in (b"250 a\r\n", b"250 a\r\n", b"250 a\r\n", b"354 a\r\n"):
            peer.recv(1000)
            peer.sendall(answer)
        end = b""
        while not end.endswith(b"\r\n.\r\n"):
            piece = peer.recv(32768)
            if not piece:
                break
            end = (end + piece)[-5:]
            time.sleep(0.03)
        peer.sendall(b"250 a\r\n")
        peer.recv(1000)
        peer.sendall(b"221 a\r\n")
        self.assert_outcomes(self.finish_check(process), 1)

    def test_refused_connections(self):
        bound = refusing_port()
        self.addCleanup(bound.close)
        name = "127.0.0.1:%d" % bound.getsockname()[1]
        run = self.run_check("--n-mails=20", "--n-concurrent-connections=4", "--report-failure-responses", to=[name])
        self.assert_outcomes(run, 20, error=20)
        self.assertRegex(run.err, r"(?i)\A[^\n]*%s[^\n]*refused[^\n]*\n\Z" % name)
        self.assertRegex(run.out, r"(?im)^Errors:\n  20 .*refused")
        run = self.run_check("--n-mails=2", to=["unix:" + self.path("nothing")])
        self.assert_outcomes(run, 2, error=2)
        self.assertIn(self.path("nothing"), run.err)

    def test_no_port_is_left(self):
        within = ["unshare", "--net", "sh", "-c", 'ip link set lo up && '
                  'echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range && exec "$@"', "sh"]
        if subprocess.run([*within, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no network of its own can be had here")
        code = ("import socket, subprocess, sys\n"
                "server = socket.create_server(('127.0.0.1', 25))\n"
                "taken = [socket.create_connection(('127.0.0.1', 25)) for _ in range(2)]\n"
                "sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)\n")
        done = subprocess.run([*within, "python3", "-c", code, *self.command(["--n-mails=2"], to=["127.0.0.1"])],
                              capture_output=True, check=False, text=True)
        self.assertRegex(done.stderr, r"\A[^\n]*no port of this machine is left[^\n]*ip_local_port_range[^\n]*\n\Z")

    def test_a_server_dies_under_load(self):
        server = self.server(script={"content": lambda command: DIE if command.total == 30 else None})
        run = self.run_check("--n-mails=100", "--n-concurrent-connections=5")
        self.assertTrue(server.dead)
        taken = len(server.delivered())
        self.assertTrue(30 <= taken <= 35, taken)
        self.assert_outcomes(run, 100, error=100 - taken)
        self.assertRegex(run.err, "(?i)refused")
        self.assertLess(len(run.err.splitlines()), 12, "each kind of trouble once:\n" + run.err)

    def test_a_server_leaves_with_421(self):
        server = self.server(script={"content": Every(4, "250 taken", "421 4.3.2 shutting down", CLOSE)})
        run = self.run_check("--n-mails=20", "--messages-per-connection=100", "--n-concurrent-connections=2")
        # What was taken was taken; a mail that met the 421 has failed for the time being.
        self.assertEqual(len(server.delivered()), 20 - sum(run.summary.outcomes()))
        self.assertEqual(20, run.summary.mails)
        for stage in ("connect", "EHLO", "MAIL", "RCPT", "DATA", "content"):
            server = self.server(script={stage: ["421 4.3.2 too busy", CLOSE], "HELO": ["421 4.3.2 too busy", CLOSE]})
            with self.subTest(stage=stage):
                run = self.run_check("--n-mails=3", "--messages-per-connection=9", to=[server])
                self.assert_outcomes(run, 3, temporary=3)

    def test_closing_after_each_mail_though_more_was_to_come(self):
        server = self.server(script={"content": ["250 taken", CLOSE]})
        run = self.run_check("--n-mails=6", "--messages-per-connection=3", "--n-concurrent-connections=1")
        self.assertEqual(6, run.summary.mails)
        self.assertEqual(6 - run.summary.error, len(server.delivered()))

    def test_leaving_while_nothing_is_under_way_is_no_trouble(self):
        # The next mail is due when the server has long left: with a word, or as TLS does.
        ends = {"content": ["250 taken", 0.1, "421 4.4.2 idle", CLOSE]}
        run = self.run_check("--n-mails=3", "--interval=0.4", "--messages-per-connection=9", to=[self.server(script=ends)])
        self.assert_outcomes(run, 3)
        self.assertEqual("", run.err)

        def ends_tls(command):
            command.connection.write(b"250 taken\r\n")
            try:
                command.connection.tls.engine.unwrap()
            except ssl.SSLWantReadError:
                pass
            command.connection.tls._sent()  # pylint: disable=protected-access
            return [CLOSE]
        for options in ((), ("--messages-per-connection=9", "--interval=0.1")):
            server = self.server(implicit_tls=True, script={"content": ends_tls})
            run = self.run_check("--n-mails=3", "--tls-wrapper", *options, to=[server])
            self.assertEqual((3, ""), (len(server.mails), run.err))
            self.assert_outcomes(run, 3)

    def test_closing_instead_of_goodbye(self):
        for how in (CLOSE, RESET, "500 5.5.1 what?", SILENCE):
            server = self.server(script={"QUIT": how})
            with self.subTest(how=how):
                self.assert_outcomes(self.run_check("--n-mails=2", "--reading-timeout=0.3", to=[server]), 2)

    def test_refusals_do_not_disturb_the_next_mail(self):
        for stage in ("MAIL", "RCPT", "DATA", "content"):
            for options in ((), ("--pipelining",)):
                server = self.server(script={stage: Turns("550 no", None, "450 later")})
                with self.subTest(stage=stage, options=options):
                    run = self.run_check("--n-mails=4", "--messages-per-connection=4", "--n-concurrent-connections=1",
                                         *options, to=[server])
                    self.assert_outcomes(run, 4, reject=1, temporary=1)
                    self.assertEqual((2, 1), (len(server.delivered()), len(server.connections)))

    def test_a_server_that_wants_no_early_talker(self):
        server = self.server(script={"connect": [0.1, "220 now"]}, strict=True)
        self.assert_outcomes(self.run_check("--n-mails=2", "--pipelining", "--n-concurrent-connections=2"), 2)
        self.assertEqual([], server.violations)

    def test_fewer_descriptors_than_connections(self):
        server = self.server()
        command = self.command(["--n-mails=40", "--n-concurrent-connections=200"])
        done = subprocess.run(command, capture_output=True, check=False, timeout=30, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
        # Either it says before it begins that this cannot be, or all of it is done or counted.
        if done.returncode == 0:
            self.assertIn("N mails:     40", done.stdout)
        else:
            self.assertRegex(done.stderr, "(?i)descriptor|files|ulimit|connections")
            self.assertEqual([], server.mails)


class Stalls(PerformanceCase):
    """The whole server stands still once, for a second."""

    def test_open_loop_shows_it_and_closed_loop_hides_it(self):
        runs = []
        for options in (("--rate=200", "--n-concurrent-connections=10"), ("--n-concurrent-connections=1",)):
            path = self.path("report%d.csv" % len(runs))
            server = self.server(script={"content": Stall(20)})
            runs.append((path, self.start_check("--n-mails=200", "--report=text", "--report=csv:" + path, *options,
                                                to=[server])))
        for path, process in runs:
            self.assert_outcomes(self.finish_check(process), 200)
        opened, closed = (Figures(path) for path, _ in runs)
        self.assertEqual((200, 200), (opened["whole-mail", "count"], closed["whole-mail", "count"]))
        self.assertGreater(opened["whole-mail", "p99"], 0.7)
        self.assertGreater(opened["whole-mail", "p50"], 0.2)
        self.assertGreater(closed["whole-mail", "max"], 0.9)
        self.assertLess(closed["whole-mail", "p99"], 0.5)


if __name__ == "__main__":
    unittest.main()
