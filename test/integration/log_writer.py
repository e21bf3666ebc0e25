#!/usr/bin/python3
"""Logs of a busy manager in every form they come in, with what they count for.

    log_writer.py --form=syslog --lines=1000000 >mail.log
    log_writer.py --form=json --counts=counts.csv >manager.log

The same seed gives the same log.  What it counts for is written down while it is made, not read
back: rows "time,kind,name,item,value", time the second a minute begins with, gauges with the
largest value of the minute, sorted.
"""

import argparse
import collections
import datetime
import json
import math
import random
import sys
import time

START = 1714557600  # 2024-05-01T10:00:00Z
CHILDREN = ("spamass", "clamav", "opendkim", "name: with colons")
HOST = "mail.example.com"
PID = 4711
STATUSES = ("pass",) * 12 + ("accept",) * 4 + ("reject", "reject", "temporary-failure", "discard",
                                               "quarantine", "abort", "error")
STATES = ("end-of-message",) * 6 + ("connect", "envelope-from", "envelope-recipient", "data", "quit")
CAUSES = (  # kind of the line, cause, item
    ("timeout][reading", "unix:/run/c.sock: no reply for 10 seconds (reading_timeout)",
     "reading-timeout"),
    ("timeout][connection", "connection to inet:10025@[::1] timed out after 5 seconds",
     "connection-timeout"),
    ("timeout][writing", "writing to inet:1@[127.0.0.1] timed out: nothing was taken for 10 seconds,"
     " 17 bytes are left", "writing-timeout"),
    ("timeout][end-of-message", "unix:/run/c.sock: no final reply for 300 seconds "
     "(end_of_message_timeout)", "end-of-message-timeout"),
    ("error", "connection closed by unix:/run/c.sock", "closed"),
    ("error", "failed to read from inet:1@[127.0.0.1]: Connection reset by peer", "closed"),
    ("error", "inet:10026@127.0.0.1: unknown reply 'Z'", "protocol"),
    ("down", "connection to inet:1@[127.0.0.1] refused: Connection refused; further failures are "
     "counted until it answers", "connection"),
)
HEADERS = (  # name, value, report items
    ("X-Spam-Flag", "YES", ("spam",)),
    ("X-Spam-Status", "Yes, score=9 tests=BAYES_99,\n URIBL_BLACK,URIBL_RED version=3", ("uribl",)),
    ("Authentication-Results", "mx.example; spf=pass smtp.mailfrom=a@b.example;\n\tdkim=fail (bad; "
     "dkim=pass) header.d=b.example", ("spf-pass", "dkim-fail")),
    ("Authentication-Results", "mx.example; dkim=neutral (verification failed) header.i=@b; "
     "dkim-adsp=pass", ("dkim-fail", "dkim-adsp-pass")),
    ("X-Virus-Status", "Infected with Eicar", ("virus",)),
    ("X-Greylist", "Delayed for 00:05:00 by milter-greylist-4.6", ("greylisting-pass",)),
    ("X-Greylist", "Message whitelisted by tarpit 65s", ("tarpitting-pass",)),
    ("X-Greylist", "Sender is SPF-compliant, not delayed", ("spf-pass",)),
    ("DKIM-Filter", "OpenDKIM Filter v2.11.0", ()),
)
FOREIGN = ("postfix/smtpd", "dovecot", "postfix/qmgr", "milter-greylist")


def bucket(seconds):
    """Which of the four buckets of each doubling, the first of which ends at a 16th of a ms."""
    if seconds <= 0.001 / 16:
        return 0
    return min(103, math.ceil(4 * math.log2(seconds * 16000)))


class Log:
    """Lines (time, level, text) of the manager, None for a level: somebody else's."""

    def __init__(self, seed=1, start=START, rate=20):
        self.random = random.Random(seed)
        self.now = float(start)
        self.rate = rate  # sessions a second
        self.tag = 0
        self.counts = collections.Counter()
        self.memory_told = 0

    def count(self, kind, name, item, value=1, gauge=False):
        key = (int(self.now) // 60 * 60, kind, name, item)
        self.counts[key] = max(self.counts[key], value) if gauge else self.counts[key] + value

    def elapsed(self):
        text = "%g" % self.random.lognormvariate(-5, 2)
        return text, bucket(float(text))

    def header(self, child):
        name, value, items = self.random.choice(HEADERS)
        for item in items:
            self.count("report", "", item)
            self.count("milter-report", child, item)
        yield "statistics", "[milter][header][add](%d): <%s>=<%s>: %s" % (self.tag, name, value,
                                                                        child)
        yield "statistics", "[session][header][add](%d): <%s>=<%s>" % (self.tag, name, value)

    def failure(self, child):
        fallback = self.random.choice(("accept", "temporary-failure", "reject", "discard"))
        kind, cause, item = self.random.choice(CAUSES)
        self.count("milter-failure", child, item)
        self.count("milter-failure", child, fallback)
        if kind == "down":
            self.count("milter-failure", child, "down", gauge=True)
        yield "error", "[children][%s][envelope-from][%s] [%d] %s: %s" % (kind, fallback, self.tag,
                                                                        cause, child)
        if self.random.random() < 0.3:
            more = self.random.randint(1, 40)
            self.count("milter-failure", child, "untold", more)
            yield "error", "[children][error] unix:/run/c.sock: and %d more failure%s in the last " \
                "minute: %s" % (more, "" if more == 1 else "s", child)

    def milter(self, child):
        state = self.random.choice(STATES)
        status = self.random.choice(STATUSES + ("stop",))
        elapsed, place = self.elapsed()
        self.count("session", "", "child")
        self.count("milter-latency", child, "b%d" % place)
        self.count("milter-status", child, status)
        yield "statistics", "[milter][end][%s][%s][%s](%d): %s" % (state, status, elapsed, self.tag,
                                                                 child)

    def session(self):
        self.tag += 1
        for child in CHILDREN:
            if self.random.random() < 0.15:
                yield from self.header(child)
            if self.random.random() < 0.002:
                yield from self.failure(child)
            yield from self.milter(child)
        elapsed, place = self.elapsed()
        if self.random.random() < 0.01:
            self.count("session", "", "disconnected")
            yield "statistics", "[session][disconnected][%s](%d)" % (elapsed, self.tag)
        status = self.random.choice(STATUSES)
        self.count("session", "", "smtp")
        self.count("status", "", status)
        self.count("latency", "", "b%d" % place)
        yield "statistics", "[session][end][%s-replied][%s][%s](%d)" % (
            self.random.choice(STATES), status, elapsed, self.tag)
        if self.random.random() < 0.3:
            processing = self.random.randint(0, 80)
            self.count("session", "", "concurrent", processing, gauge=True)
            yield "statistics", "[sessions][finished] %d(+1) %d" % (self.tag, processing)

    def maintenance(self):
        size = self.random.randint(5000, 60000)
        self.memory_told = int(self.now) // 60
        self.count("memory", "", "memory", size, gauge=True)
        yield "statistics", "[maintain][memory] (%dKB) total:26817 Proc:165 Fiber:2" % size

    def lines(self, count, foreign=0.2):
        """That many of (seconds, level, text)."""
        made = 0
        while True:
            self.now += self.random.expovariate(self.rate)
            texts = list(self.session())
            if int(self.now) // 60 != self.memory_told:
                texts += self.maintenance()
            for level, text in texts:
                while foreign > 0 and self.random.random() < foreign:
                    yield self.now, None, "4AB%06X: from=<a@b.example>, [statistics] size=%d" % (
                        self.random.randrange(1 << 24), self.random.randrange(1 << 20))
                    made += 1
                yield self.now, level, text
                made += 1
            if made >= count:  # whole sessions, as they are counted already
                return


# ---- forms: (seconds, level, text, name of the program) to a line; None: has no such lines


def plain(text):
    """As log_format_message does."""
    return "".join(" " if byte in "\r\n" else byte if byte >= " " or byte == "\t" else "?"
                   for byte in text)


def with_level(level, text):
    return ("[statistics] " if level == "statistics" else "") + plain(text)


def iso(seconds, fraction="", zone="Z"):
    offset = 0 if zone == "Z" else int(zone[:3]) * 3600
    stamp = datetime.datetime.fromtimestamp(int(seconds) + offset, datetime.timezone.utc)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S") + fraction + zone


def micro(seconds):
    return ".%06d" % (seconds % 1 * 1e6)


def syslog(seconds, level, text, program):
    local = time.localtime(seconds)
    return "%s %2d %s %s %s[%d]: %s" % (time.strftime("%b", local), local.tm_mday,
                                        time.strftime("%H:%M:%S", local), HOST, program, PID,
                                        with_level(level, text))


def solaris(seconds, level, text, program):
    head, _, rest = syslog(seconds, level, text, program).partition("]: ")
    return head + "]: [ID 702911 mail.notice] " + rest


def rsyslog(seconds, level, text, program):
    return "%s %s %s[%d]: %s" % (iso(seconds, micro(seconds), "+02:00"), HOST, program, PID,
                                 with_level(level, text))


def rfc5424(seconds, level, text, program):
    return "<21>1 %s %s %s %d - [timeQuality tzKnown=\"1\" note=\"a\\]b\"] %s" % (
        iso(seconds, micro(seconds)), HOST, program, PID, with_level(level, text))


def short_iso(seconds, level, text, program):
    return "%s %s %s[%d]: %s" % (iso(seconds, "", "+0200"), HOST, program, PID,
                                 with_level(level, text))


def journal_json(seconds, level, text, program):
    text = with_level(level, text)
    entry = {"__CURSOR": "s=1;i=2", "__REALTIME_TIMESTAMP": "%d" % (seconds * 1e6), "PRIORITY": "5",
             "_PID": str(PID), "SYSLOG_IDENTIFIER": program, "_HOSTNAME": HOST, "MESSAGE": text}
    if int(seconds * 1e6) % 20 == 0:  # as journalctl writes what is no text
        entry["MESSAGE"] = list(text.encode())
    return json.dumps(entry)


def own(seconds, level, text, program):
    if program != "milter-manager":
        return None
    return "[%s]: %s" % (iso(seconds, micro(seconds)), plain(text))


def own_all(seconds, level, text, program):
    if program != "milter-manager":
        return None
    return "[%s][%s][%s] [%s][%d] milter-manager/some/file.c:35: some_function(): %s" % (
        level, program, iso(seconds, micro(seconds)), program, PID, plain(text))


def own_json(seconds, level, text, program):
    if program != "milter-manager":
        return None
    entry = {"time": iso(seconds, micro(seconds)), "level": level, "pid": PID, "message": text,
             "session": 7, "peer": "[192.0.2.1]:2525"}
    if text.startswith(("[milter]", "[children]")):
        entry["child"] = next(child for child in CHILDREN if text.endswith(": " + child))
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


FORMS = {"syslog": syslog, "solaris": solaris, "rsyslog": rsyslog, "rfc5424": rfc5424,
         "short-iso": short_iso, "journal-json": journal_json, "file": own, "file-all": own_all,
         "json": own_json}


def write(output, form, count, seed=1, start=START, rate=20):
    """Writes a log and returns its counts: {(minute, kind, name, item): value}."""
    log = Log(seed, start, rate)
    others = random.Random(seed + 1)
    has_foreign = FORMS[form](start, "message", "", "another") is not None
    for seconds, level, text in log.lines(count, 0.2 if has_foreign else 0):
        program = "milter-manager" if level else others.choice(FOREIGN)
        output.write(FORMS[form](seconds, level, text, program) + "\n")
    return log.counts


def write_counts(output, counts):
    for (minute, kind, name, item), value in sorted(counts.items()):
        if value > 0:
            output.write("%d,%s,%s,%s,%d\n" % (minute, kind, name, item, value))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--form", choices=sorted(FORMS), default="syslog")
    parser.add_argument("--lines", type=int, default=10000, help="about that many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=START, help="seconds since 1970")
    parser.add_argument("--rate", type=float, default=20, help="sessions a second")
    parser.add_argument("--counts", metavar="FILE")
    options = parser.parse_args()
    counts = write(sys.stdout, options.form, options.lines, options.seed, options.start,
                   options.rate)
    if options.counts:
        with open(options.counts, "w", encoding="utf-8") as output:
            write_counts(output, counts)


if __name__ == "__main__":
    main()
