"""The numbers of milter-manager-log-analyzer are those of a busy manager's log, to the unit and
minute by minute, as awk counts them."""

import csv
import datetime
import json
import os
import subprocess
import time
import unittest

from case import PATIENCE, ManagerCase
from manager import BUILD, clean_environment, listening

ANALYZER, CLIENT, SERVER = (os.path.join(BUILD, "bin", "milter-" + name)
                            for name in ("manager-log-analyzer", "test-client", "test-server"))
SESSIONS = 300
# Lines "MINUTE TEXT" to rows "MINUTE,kind,name,item,value".
AWK = r"""
function add(kind, name, item, value) { sum[minute "," kind "," name "," item] += value }
function most(kind, name, item, value,    key) {
    key = minute "," kind "," name "," item
    if (value > sum[key]) sum[key] = value
}
{
    minute = $1
    text = substr($0, length($1) + 2)
    name = text
    sub(/.*\): /, "", name)
    split(text, word, /[][]+/)
}
text ~ /^\[session\]\[end\]/ { add("session", "", "smtp", 1); add("status", "", word[5], 1) }
text ~ /^\[milter\]\[end\]/ { add("session", "", "child", 1); add("milter-status", name, word[5], 1) }
text ~ /^\[milter\]\[header\]\[add\].*<X-Spam-Flag>=<YES>/ {
    sub(/.*>: /, "", name)
    add("report", "", "spam", 1)
    add("milter-report", name, "spam", 1)
}
text ~ /^\[sessions\]\[finished\]/ { most("session", "", "concurrent", $NF) }
text ~ /^\[children\]\[down\]/ {
    add("milter-failure", $NF, "connection", 1)
    add("milter-failure", $NF, word[5], 1)
    most("milter-failure", $NF, "down", 1)
}
text ~ /^\[children\]\[error\]\[/ {
    add("milter-failure", $NF, "closed", 1)
    add("milter-failure", $NF, word[5], 1)
}
text ~ /^\[children\]\[error\] .*: and [0-9]+ more failure/ {
    match(text, /: and [0-9]+/)
    add("milter-failure", $NF, "untold", substr(text, RSTART + 6, RLENGTH - 6) + 0)
}
END { for (key in sum) if (sum[key] > 0) print key "," sum[key] }
"""


def minute_of(time):
    return int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()) // 60 * 60


class Busy(ManagerCase):
    def run_child(self, name, *options):
        path = self.path(name + ".sock")
        process = subprocess.Popen(
            [CLIENT, "--no-report-request", "-s", "unix:" + path, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.define(name, "unix:" + path, fallback_status="temporary-failure")
        deadline = time.monotonic() + 10 * PATIENCE
        while not listening(path):
            self.assertLess(time.monotonic(), deadline, "milter-test-client does not listen")
            time.sleep(0.02)

    def make_log(self, *options):
        """Of a manager whose children mark, break off, refuse and are not there."""
        self.run_child("marks", "--add-header=X-Spam-Flag:YES")
        self.run_child("breaks", "--close=data", "--fail-every=5")
        self.run_child("refuses", "--action=end-of-message=reject")
        self.absent("absent")
        self.start(options=options)
        subprocess.run([SERVER, "-s", "unix:" + self.manager.socket_path, "--n-sessions=%d" % SESSIONS,
                        "--rate=200"], check=True, stdout=subprocess.DEVNULL, timeout=60 * PATIENCE,
                       env=clean_environment())
        self.manager.wait_log(r"\[session\]\[end\]", SESSIONS)
        self.manager.stop()
        with open(self.manager.stdout_path, encoding="utf-8") as file:
            return file.read().splitlines()

    def numbers(self):
        """{"MINUTE,kind,name,item,value"} of the log, without latencies."""
        def run(*options):
            return subprocess.run([ANALYZER, "--quiet", "--output-directory=" + self.path("page"), *options],
                                  check=True, stdout=subprocess.PIPE, timeout=60 * PATIENCE).stdout.decode()

        run(self.manager.stdout_path)
        return {"%d,%s,%s,%s,%s" % (minute_of(row["time"]), row["kind"], row["name"], row["item"], row["value"])
                for row in csv.DictReader(run("--export=csv", "--since=-2h").splitlines())
                if not row["kind"].endswith("latency")}

    def counted(self, lines):
        """The same of (time, text)."""
        text = "".join("%d %s\n" % (minute_of(time), text) for time, text in lines)
        rows = subprocess.run(["awk", AWK], input=text.encode(), check=True, stdout=subprocess.PIPE).stdout
        return set(rows.decode().splitlines())

    def assert_numbers(self, lines):
        wanted = self.counted(lines)
        for item in ("session,,smtp", "status,,reject", "status,,temporary-failure", "report,,spam",
                     "milter-failure,breaks,closed", "milter-failure,breaks,untold", "milter-failure,absent,down"):
            self.assertIn(item, {row.partition(",")[2].rpartition(",")[0] for row in wanted})
        self.assertEqual(SESSIONS, sum(int(row.rpartition(",")[2]) for row in wanted if ",session,,smtp," in row))
        self.assertEqual(wanted, self.numbers())

    def test_text(self):
        self.assert_numbers([line[1:].split("]: ", 1) for line in self.make_log()])

    def test_json(self):
        objects = [json.loads(line) for line in self.make_log("--log-format", "json")]
        self.assert_numbers([(each["time"], each["message"]) for each in objects])


if __name__ == "__main__":
    unittest.main()
