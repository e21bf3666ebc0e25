"""The frame of the tests of milter-performance-check: servers, runs, what a run prints."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from manager import BUILD, PATIENCE, clean_environment
from smtp_server import SmtpServer

PROGRAM = os.path.join(BUILD, "bin", "milter-performance-check")
FIXTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures", "mails")

SUMMARY = re.compile(r"""Total:
      N mails: (?P<mails>[ \d]{5}\d)
 Elapsed time: (?P<elapsed>[ \d]{2}\d\.\d\d) \(sec\)
   Throughput: (?P<throughput>[ \d]{2,}\d\.\d\d) \(mails/sec\)

Per mail:
          Max: (?P<max>[ \d]{2}\d\.\d\d) \(sec\)
          Min: (?P<min>[ \d]{2}\d\.\d\d) \(sec\)
      Average: (?P<average>[ \d]{2}\d\.\d\d) \(sec\)

Status:
 Temporary failure: (?P<temporary>[ \d]{2}\d) \((?P<temporary_share>[ \d]{2}\d\.\d\d)%\)
            Reject: (?P<reject>[ \d]{2}\d) \((?P<reject_share>[ \d]{2}\d\.\d\d)%\)
             Error: (?P<error>[ \d]{2}\d) \((?P<error_share>[ \d]{2}\d\.\d\d)%\)
""")


class Summary:
    """The report of tools.md section 3, in exactly its form."""

    def __init__(self, text):
        found = SUMMARY.search(text)
        if found is None:
            raise AssertionError("no report in the form of the specification:\n" + text)
        self.before, self.after = text[:found.start()], text[found.end():]
        for name, value in found.groupdict().items():
            setattr(self, name, float(value) if "." in value else int(value))

    def outcomes(self):
        """(temporary failures, rejects, errors)"""
        return self.temporary, self.reject, self.error


class Run:
    def __init__(self, command, status, out, err, seconds):
        self.command, self.status, self.out, self.err, self.seconds = command, status, out, err, seconds

    @property
    def summary(self):
        return Summary(self.out)

    def __str__(self):
        return "%s\n---- status %s after %.2f s\n---- stdout\n%s\n---- stderr\n%s" % (
            " ".join(self.command), self.status, self.seconds, self.out[-6000:], self.err[-6000:])


class PerformanceCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # Short, because unix socket paths have 107 bytes at most.
        self.directory = tempfile.mkdtemp(prefix="mm-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.servers = []
        self.runs = []
        self.tolerated = None   # a regular expression of violations that a test provokes
        self.addCleanup(self._finish)

    def _finish(self):
        """No test passes when the client broke a rule of the protocol, or a script a rule of Python."""
        for server in self.servers:
            server.stop()
            self.assertEqual([], server.problems)
            wrong = [text for text in server.violations
                     if self.tolerated is None or not re.search(self.tolerated, text)]
            self.assertEqual([], wrong[:5], "the client must not do this")

    def _formatMessage(self, msg, standardMsg):
        text = super()._formatMessage(msg, standardMsg)
        return "\n".join([text, *("==== " + str(run) for run in self.runs[-1:])])

    # ---- parts

    def path(self, name):
        return os.path.join(self.directory, name)

    def file(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def server(self, *where, **options):
        server = SmtpServer(*where, **options)
        self.servers.append(server)
        return server

    def json(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    # ---- runs

    def command(self, options, to=None):
        """to: servers or addresses; without: all servers of the test."""
        names = [each if isinstance(each, str) else each.address
                 for each in (self.servers if to is None else to)]
        return [PROGRAM, *("--smtp-server=" + name for name in names), *map(str, options)]

    def run_check(self, *options, to=None, status=0, stdin=None, timeout=20.0, environment=None):
        """Runs the program to its end, which must have this status."""
        command, begun = self.command(options, to), time.monotonic()
        try:
            done = subprocess.run(command, input=stdin if stdin is not None else b"", capture_output=True,
                                  timeout=timeout * PATIENCE, check=False, cwd=self.directory,
                                  env=clean_environment(environment))
        except subprocess.TimeoutExpired as late:
            raise AssertionError("hangs: %s\n%s\n%s" % (" ".join(command), late.stdout, late.stderr)) from None
        return self._ended(Run(command, done.returncode, done.stdout.decode("utf-8", "replace"),
                               done.stderr.decode("utf-8", "replace"), time.monotonic() - begun), status)

    def start_check(self, *options, to=None):
        """Starts the program; for finish_check."""
        process = subprocess.Popen(self.command(options, to), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.directory,
                                   env=clean_environment())
        process.begun = time.monotonic()
        self.addCleanup(self._kill, process)
        return process

    def finish_check(self, process, status=0, timeout=20.0, sends=None):
        """sends: a signal to end it with."""
        if sends is not None:
            process.send_signal(sends)
        try:
            out, err = process.communicate(timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("hangs: %s\n%r" % (process.args, process.communicate())) from None
        return self._ended(Run(process.args, process.returncode, out.decode("utf-8", "replace"),
                               err.decode("utf-8", "replace"), time.monotonic() - process.begun), status)

    def interrupt(self, process, status=0):
        return self.finish_check(process, status, sends=signal.SIGINT)

    @staticmethod
    def _kill(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def _ended(self, run, status):
        self.runs.append(run)
        if status is not None:
            self.assertEqual(status, run.status, "exit status")
        for word in ("Sanitizer", "runtime error", "Assertion"):
            self.assertNotIn(word, run.err)
        return run

    def wait_until(self, true, timeout=10.0):
        deadline = time.monotonic() + timeout * PATIENCE
        while not true():
            if time.monotonic() > deadline:
                self.fail("waited in vain")
            time.sleep(0.005)

    # ---- what is to be seen

    def assert_outcomes(self, run, mails, temporary=0, reject=0, error=0):
        summary = run.summary
        self.assertEqual((mails, (temporary, reject, error)), (summary.mails, summary.outcomes()))
        for count, share in ((temporary, summary.temporary_share), (reject, summary.reject_share),
                             (error, summary.error_share)):
            self.assertAlmostEqual(100.0 * count / mails if mails else 0, share, delta=0.006)

    def assert_refused(self, message, *options, to=("127.0.0.1:1",)):
        """The arguments are unusable: status 2, a sentence, nothing on standard output."""
        run = self.run_check(*options, to=to, status=2)
        self.assertRegex(run.err, message)
        self.assertEqual("", run.out)

    def measured(self, *options, **how):
        """(run, its Figures)"""
        path = self.path("report.csv")
        run = self.run_check("--report=text", "--report=csv:" + path, *options, **how)
        return run, Figures(path)


class Figures:
    """The report in CSV: figures["whole-mail", "p99"], in seconds; the one place that knows its names."""

    def __init__(self, path):
        with open(path, encoding="utf-8", newline="") as file:
            self.rows = {row["name"]: row for row in csv.DictReader(file)}

    def __getitem__(self, key):
        """name: connect, tls, ..., mail (the command), whole-mail; column: count min mean p50 p90 p99 p99.9 max."""
        name, column = key
        return float(self.rows[name][column] or "nan")


def normal(content):
    """What has to arrive of a file with this content."""
    content = re.sub(rb"\r?\n", b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def fixture(name):
    with open(os.path.join(FIXTURES, name), "rb") as file:
        return file.read()
