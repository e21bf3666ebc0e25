"""milter-performance-check: reports beyond the specified one, statistics, what fails a run."""

import csv
import io
import json
import os
import re
import stat
import unittest
from html.parser import HTMLParser

from performance_check import PerformanceCase, Summary
from smtp_server import Every


class Formats(PerformanceCase):
    def test_text_follows_the_summary(self):
        self.server(script={"RCPT": Every(5, "550 5.7.1 not you")})
        run = self.run_check("--n-mails=20", "--report=text")
        self.assert_outcomes(run, 20, reject=4)
        self.assertEqual("", run.summary.before)
        head = re.search(r"(?m)^.*\bcount +min +mean +p50 +p90 +p99 +p99\.9 +max$", run.summary.after)
        self.assertIsNotNone(head, run.out)
        for name in ("connect", "helo", "whole-mail", "mail", "rcpt", "data", "content", "quit"):
            self.assertRegex(run.summary.after, r"(?m)^%s +\d+( +\d+\.\d+){7}$" % name)
        self.assertRegex(run.summary.after, "5xx|5XX")

    def test_a_row_for_each_phase(self):
        self.server(starttls=True, mechanisms=("PLAIN",), xclient="NAME")
        run, figures = self.measured("--n-mails=8", "--messages-per-connection=2", "--auth-user=user",
                                     "--auth-password=secret", "--recipient=a@x.test", "--recipient=b@x.test",
                                     "--connect-host=h.test", "--n-concurrent-connections=2")
        self.assert_outcomes(run, 8)
        for name, count in (("connect", 4), ("auth", 4), ("mail", 8), ("whole-mail", 8), ("rcpt", 16), ("data", 8), ("content", 8),
                            ("quit", 4)):
            self.assertEqual(count, figures[name, "count"], name)
        for name in ("connect", "tls", "auth", "helo", "whole-mail", "mail", "rcpt", "data", "content", "quit"):
            row = [figures[name, column] for column in ("min", "p50", "p90", "p99", "p99.9", "max")]
            self.assertEqual(sorted(row), row, name)
            self.assertTrue(0 <= row[0] <= figures[name, "mean"] <= row[-1] < 5, name)

    def test_latency_is_where_it_arises(self):
        self.server(script={"RCPT": [0.08, "250 Ok"]})
        _, figures = self.measured("--n-mails=3")
        self.assertGreater(figures["rcpt", "min"], 0.07)
        self.assertLess(figures["data", "p50"], 0.07)
        self.assertGreater(figures["whole-mail", "min"], 0.07)

    def test_json(self):
        self.server(script={"MAIL": Every(4, "450 4.7.1 later")})
        run = self.run_check("--n-mails=8", "--report=json")
        document = json.loads(run.out)
        self.assertEqual((8, (2, 0, 0)), (Summary(run.err).mails, Summary(run.err).outcomes()))
        text = json.dumps(document)
        self.assertIn("p99", text)
        self.assertIn("450 4.7.1 later", text)

    def test_csv_on_standard_output(self):
        self.server()
        run = self.run_check("--n-mails=4", "--report=csv")
        rows = list(csv.reader(io.StringIO(run.out)))
        self.assertTrue(all(len(row) == len(rows[0]) for row in rows))
        self.assertEqual(4, Summary(run.err).mails)

    def test_several_reports_in_files(self):
        self.server()
        names = {kind: self.path("report." + kind) for kind in ("text", "json", "csv")}
        run = self.run_check("--n-mails=4", *("--report=%s:%s" % pair for pair in names.items()))
        self.assertEqual(("", "", ""), (run.summary.before, run.summary.after, run.err))
        with open(names["json"], encoding="utf-8") as file:
            json.load(file)
        with open(names["text"], encoding="utf-8") as file:
            self.assertIn("p99.9", file.read())
        with open(names["csv"], encoding="utf-8") as file:
            self.assertIn("p99.9", file.readline())

    def test_hostile_answers_in_reports(self):
        hostile = "550 <script>alert(1)</script> \x1b[31m\" \\ & ü\udcff,="
        self.server(script={"MAIL": hostile})
        names = {kind: self.path("report." + kind) for kind in ("text", "json", "html")}
        run = self.run_check("--n-mails=2", "--report-failure-responses",
                             *("--report=%s:%s" % pair for pair in names.items()))
        self.assertNotIn("\x1b", run.out + run.err)
        with open(names["json"], encoding="utf-8") as file:
            self.assertNotIn("\x1b", json.dumps(json.load(file), ensure_ascii=False))
        with open(names["html"], encoding="utf-8") as file:
            self.assertNotIn("<script>alert", file.read())

    def test_html_is_one_whole_file(self):
        self.server()
        path = self.path("report.html")
        self.run_check("--n-mails=50", "--report=html:" + path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tags, sources = [], []

        class Reader(HTMLParser):
            def handle_starttag(self, tag, attrs):
                tags.append(tag)
                sources.extend(value for name, value in attrs if name in ("src", "href", "xlink:href"))
        Reader().feed(text)
        self.assertGreaterEqual(tags.count("svg"), 1)
        self.assertEqual([], [source for source in sources if source and not re.match("#|data:", source)])

    def test_a_report_that_cannot_be_written(self):
        server = self.server()
        for option in ("--report=json:/nonexistent/report", "--report-statistics-data=/nonexistent/data"):
            run = self.run_check("--n-mails=3", option, status=2)
            self.assertIn("/nonexistent/", run.err)
        self.assertEqual([], server.mails, "this can be told before the first mail")

    def test_a_report_in_the_place_of_a_directory(self):
        # Never a device: tests run as root, and a report that is renamed to its place replaces it.
        server = self.server()
        os.mkdir(self.path("directory"))
        for option in ("--report=json:", "--report-statistics-data="):
            run = self.run_check("--n-mails=3", option + self.path("directory"), status=2)
            self.assertIn(self.path("directory"), run.err)
        self.assertTrue(os.path.isdir(self.path("directory")))
        self.assertEqual([], server.mails)

    def test_a_report_into_a_pipe(self):
        # What is there and no plain file is written to, not replaced.
        self.server()
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.run_check("--n-mails=3", "--report=csv:" + pipe)
        self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode), "the pipe was replaced")
        self.assertIn(b"p99.9", os.read(reader, 65536))


class Statistics(PerformanceCase):
    def test_a_row_for_each_mail(self):
        server = self.server()
        path = self.path("data.csv")
        self.run_check("--n-mails=5", "--n-workers=2", "--report-statistics-data", path)
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual("wall clock time,response time,message size", lines[0])
        self.assertEqual(11, len(lines))
        for line in lines[1:]:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:?\d\d)?,\d+\.\d+,\d+$")
        times = [line.split(",")[0] for line in lines[1:]]
        self.assertEqual(sorted(times), times)
        self.assertEqual({len(mail.content) for mail in server.mails}, {int(line.split(",")[2]) for line in lines[1:]})


class Verdict(PerformanceCase):
    def test_fail_on(self):
        scripts = {"4xx": {"MAIL": Every(3, "450 later")}, "5xx": {"RCPT": Every(3, "550 no")},
                   "error": {"content": Every(3, "CLOSE")}}
        for kind, script in scripts.items():
            server = self.server(script=script)
            for option, status in (([], 0), (["--fail-on=4xx,5xx,error"], 1), (["--fail-on=" + kind], 1),
                                   (["--fail-on=" + ",".join(set(scripts) - {kind})], 0)):
                server.totals.clear()
                with self.subTest(kind=kind, option=option):
                    run = self.run_check("--n-mails=6", *option, to=[server], status=status)
                    self.assertEqual(2, sum(run.summary.outcomes()))
                    (self.assertRegex if status else self.assertNotRegex)(run.err, r"2 mails.*--fail-on")

    def test_fail_on_nothing_found(self):
        self.server()
        self.assertEqual("", self.run_check("--n-mails=3", "--fail-on=4xx,5xx,error", "--max-p99=60s").err)

    def test_max_p99(self):
        self.server(script={"content": [0.1, "250 Ok"]})
        self.assertRegex(self.run_check("--n-mails=2", "--max-p99=50ms", status=1).err, r"p99.*50.*--max-p99")
        self.run_check("--n-mails=2", "--max-p99=20")


if __name__ == "__main__":
    unittest.main()
