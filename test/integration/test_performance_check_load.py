"""milter-performance-check: how much, when, by how many.  Waits for time to pass.

test/run: not sanitized; it measures time: test/run: alone"""

import re
import time
import unittest

from performance_check import PerformanceCase
from smtp_server import SILENCE


class Amount(PerformanceCase):
    def test_connections_at_a_time(self):
        server = self.server(script={"content": [0.1, "250 Ok"]})
        self.run_check("--n-mails=12", "--n-concurrent-connections=4")
        self.assertEqual(4, server.most_at_once)
        server = self.server(script={"content": [0.05, "250 Ok"]})
        self.run_check("--n-mails=3", "--n-concurrent-connections=50", to=[server])
        self.assertLessEqual(server.most_at_once, 3)

    def test_workers_send_the_whole_list_each(self):
        server = self.server()
        self.assert_outcomes(self.run_check("--n-workers=3", "--n-mails=20", "--n-concurrent-connections=2"), 60)
        self.assertEqual(60, len(server.mails))
        identities = {re.search(rb"Message-Id: *(\S+)", mail.content).group(1) for mail in server.mails}
        self.assertEqual(60, len(identities))

    def test_fifty_connections(self):
        server = self.server()
        self.assert_outcomes(self.run_check("--n-mails=500", "--n-concurrent-connections=50"), 500)
        self.assertEqual(500, len(server.delivered()))


class Time(PerformanceCase):
    def test_paces(self):
        """All at the same time: they mostly wait.  How many mails, and in how long they begin."""
        paces = ((6, 0.3, ("--interval=60ms", "--n-mails=6")), (6, 0.3, ("--interval=0.06", "--n-mails=6")),
                 (10, 0.45, ("--period=0.5s", "--n-mails=10", "--n-concurrent-connections=3")),
                 (30, 0.58, ("--rate=50", "--n-mails=30")),
                 (30, 0.56, ("--rate=50", "--n-mails=15", "--n-workers=2")))
        under_way = []
        for mails, seconds, options in paces:
            server = self.server()
            under_way.append((server, mails, seconds, self.start_check(*options, to=[server])))
        for server, mails, seconds, process in under_way:
            with self.subTest(options=process.args):
                self.assert_outcomes(self.finish_check(process), mails)
                times = [connection.opened for connection in server.connections]
                self.assertTrue(0.8 * seconds < max(times) - min(times) < seconds + 2, sorted(times))

    def test_flood_for_a_time(self):
        server = self.server()
        run = self.run_check("--flood=0.4s")
        self.assertTrue(0.3 < run.seconds < 3, run.seconds)
        self.assertGreater(run.summary.mails, 5)
        self.assertEqual(len(server.delivered()), run.summary.mails - sum(run.summary.outcomes()))

    def test_flood_begins_again_behind_the_last_file(self):
        for name in "ab":
            self.file("box/" + name, b"From: %s@x.test\n\nx\n" % name.encode())
        server = self.server()
        self.run_check("--flood=0.2", "--n-concurrent-connections=1", self.path("box"))
        senders = [mail.sender for mail in server.mails]
        self.assertGreater(len(senders), 4)
        self.assertEqual((["a@x.test", "b@x.test"] * len(senders))[:len(senders)], senders)

    def test_flood_without_end_until_interrupted(self):
        server = self.server()
        process = self.start_check("--flood", "--n-workers=2")
        self.wait_until(lambda: len(server.mails) > 30)
        run = self.interrupt(process)
        self.assertGreaterEqual(run.summary.mails, 30)

    def test_workers_end_with_a_parent_that_is_killed(self):
        server = self.server()
        process = self.start_check("--flood", "--n-workers=2", "--messages-per-connection=100000000")
        self.wait_until(lambda: len(server.connections) == 2 and len(server.mails) > 20)
        process.kill()
        process.wait()
        self.assertTrue(server.settle(15), "workers flood on with nobody to end them")

    def test_an_interrupted_step_of_a_ramp_has_no_verdict(self):
        server = self.server()
        process = self.start_check("--ramp=40:80:40", "--ramp-step=0.5s", "--report=text",
                                   "--report=json:" + self.path("report.json"))
        self.wait_until(lambda: len(server.mails) > 22)
        run = self.interrupt(process)
        self.assertRegex(run.out, r"(?m)^ *40\.0 .*keeps up$")
        self.assertRegex(run.out, r"(?m)^ *80\.0 .*interrupted$")
        self.assertIn("Knee: not reached; the server kept up with 40 mails/s", run.out)
        ramp = self.json("report.json")["ramp"]
        self.assertEqual((40.0, False), (ramp["knee"], ramp["knee_reached"]))

    def test_interrupted_while_nothing_answers(self):
        server = self.server(script={"MAIL": SILENCE})
        process = self.start_check("--n-mails=5")
        self.wait_until(lambda: server.totals.get("MAIL"))
        begun = time.monotonic()
        run = self.finish_check(process, status=None, sends=2)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertIn("Total:", run.out)

    def test_warm_up_is_not_counted(self):
        server = self.server(script={"content": lambda command: [0.3, "250 Ok"] if command.total == 0 else None})
        run, figures = self.measured("--warm-up=0.25", "--rate=40", "--n-mails=30")
        self.assertGreaterEqual(len(server.mails), run.summary.mails + 5)
        self.assertEqual(30, run.summary.mails)
        self.assertEqual(run.summary.mails, figures["whole-mail", "count"])
        self.assertLess(figures["whole-mail", "max"], 0.25)

    def test_a_connection_of_the_warm_up_is_not_counted(self):
        # One handshake begins before measuring does and ends behind that.
        self.server(starttls=True, script={
            "STARTTLS": lambda command: [0.5, "220 go ahead"] if command.total == 0 else None})
        run, figures = self.measured("--warm-up=0.25", "--n-mails=3", "--report=json:" + self.path("report.json"))
        report = self.json("report.json")
        self.assertEqual([3, 3, 3], [figures[name, "count"] for name in ("connect", "tls", "session")])
        self.assertLess(figures["tls", "max"], 60)
        self.assertEqual({"tried": 3, "failed": 0}, report["connections"])
        self.assertEqual(3, run.summary.mails)

    def test_bytes_of_the_warm_up_are_not_counted(self):
        server = self.server()
        self.run_check("--warm-up=0.25", "--n-mails=3", "--messages-per-connection=1000000",
                       "--report=json:" + self.path("report.json"))
        report = self.json("report.json")
        self.assertEqual(1, len(server.connections))
        self.assertEqual(3, report["replies"]["content"]["2xx"])
        self.assertLess(report["bytes"]["out"], report["bytes"]["content"] + 3 * 500)
        self.assertGreater(report["bytes"]["out"], report["bytes"]["content"])

    def test_workers_whose_turn_is_behind_the_warm_up(self):
        self.server()
        run = self.run_check("--warm-up=0.2", "--rate=6", "--n-workers=3", "--n-mails=2",
                             "--report=json:" + self.path("report.json"))
        mails = self.json("report.json")["mails"]
        self.assertEqual((6, 6, 6), (run.summary.mails, mails["started"], mails["ended"]))

    def test_ramp_finds_the_knee(self):
        # One connection and 10 ms for each mail: 100 mails a second are the most.
        server = self.server(script={"content": [0.01, "250 Ok"]})
        run = self.run_check("--ramp=20:300:140", "--ramp-step=0.4s", "--n-concurrent-connections=1",
                             "--report=text", timeout=10)
        rates = re.findall(r"(?m)^ *(20|160|300)\.0 +\d", run.out)
        self.assertIn(rates, (["20", "160"], ["20", "160", "300"]))
        self.assertRegex(run.out, r"(?m)^ *20\.0 .*keeps up")
        self.assertNotRegex(run.out, r"(?m)^ *300\.0 .*keeps up")
        self.assertRegex(run.out, r"(?i)knee|keeps? up with 20")
        self.assertGreater(len(server.mails), 40)

    def test_ramp_over_connections_that_are_kept(self):
        # None of them ends between the steps: there is nothing else that would begin the next one.
        self.server()
        run = self.run_check("--ramp=20:40:20", "--ramp-step=0.2s", "--messages-per-connection=100",
                             "--report=text")
        self.assertRegex(run.out, r"(?m)^ *40\.0 +\d")

    def test_periodic_table(self):
        self.server()
        run = self.run_check("--report-periodically=0.2s", "--n-mails=30", "--rate=50")
        table, _, rest = run.out.partition("\n\n")
        lines = table.splitlines()
        self.assertEqual("%8s %5s %7s %6s %6s %6s %5s %5s %5s" % (
            "Time", "Sent", "mails/s", "Max(s)", "Min(s)", "Avg(s)", "4XX", "5XX", "Error"), lines[0])
        self.assertGreaterEqual(len(lines), 3)
        row = re.compile(r"^\d\d:\d\d:\d\d [ \d]{4}\d [ .\d]{7} ([ .\d-]{6} ){3}[ \d]{4}\d [ \d]{4}\d [ \d]{4}\d$")
        for line in lines[1:]:
            self.assertRegex(line, row)
        self.assertEqual(30, sum(int(line.split()[1]) for line in lines[1:]))
        self.assertTrue(rest.startswith("Total:\n"), rest)

    def test_periodic_table_each_second(self):
        self.server(script={"MAIL": "450 later", "content": None})
        run = self.run_check("--report-periodically", "--n-mails=4", "--interval=0.3")
        rows = [line.split() for line in run.out.partition("\n\n")[0].splitlines()[1:]]
        self.assertIn(len(rows), (1, 2))
        self.assertEqual(4, sum(int(row[6]) for row in rows))


if __name__ == "__main__":
    unittest.main()
