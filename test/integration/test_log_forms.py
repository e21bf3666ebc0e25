"""Logs in every form count for what their writer says, whatever they are packed with."""

import bz2
import collections
import gzip
import io
import lzma
import os
import subprocess
import tempfile
import time
import unittest

import log_writer
from manager import BUILD

COUNTS = os.path.join(BUILD, "test", "fixtures", "log_counts")
ZONE = "CET-1CEST,M3.5.0,M10.5.0/3"


def in_zone():
    os.environ["TZ"] = ZONE
    time.tzset()


def counts_of(latest, *paths):
    """{(minute, kind, name, item): value}, added up as a reader of the counts would."""
    rows = subprocess.run([COUNTS, str(latest)] + list(paths), check=True, stdout=subprocess.PIPE,
                          env=dict(os.environ, TZ=ZONE), timeout=60).stdout.decode()
    counts = collections.Counter()
    for row in rows.splitlines():
        minute, kind, rest = row.split(",", 2)
        name, item, value, how = rest.rsplit(",", 3)
        key = (int(minute), kind, name, item)
        counts[key] = max(counts[key], int(value)) if how == "gauge" else counts[key] + int(value)
    return +counts


class Forms(unittest.TestCase):
    def setUp(self):
        zone = os.environ.get("TZ")
        self.addCleanup(time.tzset)
        self.addCleanup(lambda: os.environ.pop("TZ") if zone is None
                        else os.environ.update(TZ=zone))
        in_zone()
        directory = tempfile.TemporaryDirectory(prefix="log-forms.")
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "log")

    def write(self, opener, form, start=log_writer.START, lines=3000, rate=5):
        with opener(self.path, "wt") as output:
            return +log_writer.write(output, form, lines, start=start, rate=rate)

    def test_every_form(self):
        for form in log_writer.FORMS:
            with self.subTest(form=form):
                wanted = self.write(open, form)
                self.assertGreater(len({kind for _, kind, _, _ in wanted}), 8)
                self.assertEqual(counts_of(log_writer.START + 86400, self.path), wanted)

    def test_packed(self):
        for opener in (gzip.open, bz2.open, lzma.open):
            with self.subTest(opener=opener):
                wanted = self.write(opener, "syslog")
                self.assertEqual(counts_of(log_writer.START + 86400, self.path), wanted)

    def test_local_time_around_the_calendar(self):
        """Ten minutes on both sides: of New Year, and of the hours at which clocks are changed."""
        for what, moment in (("New Year", 1735686000), ("forth", 1711846800), ("back", 1729990800),
                             ("back, at its begin", 1729990800 - 3600),
                             ("back, at its end", 1729990800 + 3600)):
            with self.subTest(what):
                wanted = self.write(open, "syslog", start=moment - 600, lines=5000, rate=0.5)
                self.assertGreater(max(wanted)[0], moment + 300)
                self.assertEqual(counts_of(moment + 3600, self.path),
                                 wanted if what != "back, at its end" else wanted_late(wanted))

    def test_nothing_but_lines_of_others(self):
        with open(self.path, "w", encoding="utf-8") as output:
            output.write("May  1 10:00:00 mail postfix/smtpd[1]: [statistics] x\n\n\0\xff\n")
        self.assertEqual(counts_of(log_writer.START, self.path), {})


def wanted_late(wanted):
    """A log that begins in the second pass of the repeated hour says nowhere that it does: up to
    the end of that hour it is understood as the first."""
    moved = collections.Counter()
    for (minute, *rest), value in wanted.items():
        moved[(minute - 3600 if minute < 1729990800 + 3600 else minute, *rest)] = value
    return moved


class Writer(unittest.TestCase):
    def test_the_same_seed_gives_the_same_log(self):
        logs = []
        for _ in range(2):
            output = io.StringIO()
            log_writer.write(output, "file", 200, seed=3)
            logs.append(output.getvalue())
        self.assertEqual(logs[0], logs[1])


if __name__ == "__main__":
    unittest.main()
