#!/usr/bin/python3
"""differential.py - the same SMTP sessions twice: filters attached directly, and
through the manager.

    differential.py [--sendmail] OUT --direct PORT DIR --via PORT DIR [--events NAME DIRECT VIA]...
                    [--hasty NAME]... [--requested MACRO]... [--unchecked GROUP]...
                    [--alone] GROUP...

PORT is an smtpd of the postfix that start-postfix.sh runs in DIR, or that of the
sendmail that start-sendmail.sh runs there.  --events:
the logs of the magic filter NAME on both sides.  --hasty: that filter promises no
replies; Postfix does not wait for it, so how much it sees of a session that ends
early is chance, and only sessions with a whole message are compared.  --requested:
a macro that one filter of the set asks for; Postfix then gives it to that filter, but
the manager to every filter that did not ask for a list of its own.  --unchecked:
the filters of this set do not obey every word of GROUP, so what the dialogue should
show is not looked for.  --alone: the set is one filter.

The results are text files, made so that `diff -r OUT/direct OUT/via' says what differs:

    OUT/SIDE/delivered/GROUP.CASE   dialogue, every delivered mail, held mail, what
                                    postfix logged about its filters
    OUT/SIDE/seen/GROUP.CASE        what each magic filter saw
    OUT/direct-wrong                cases whose direct run does not show what it should

Normalised is what two runs of the same cannot have in common, and nothing else:
queue ids, times within the run, client ports, a signature's t= and b=, connection
numbers in the filters' logs, the hours in rspamd's DATE_IN_PAST.
"""
import argparse
import concurrent.futures
import email.utils
import glob
import os
import re
import shutil
import subprocess
import sys
import time

from cases import cases
from smtp_client import play


class Side:
    """one postfix"""
    queued = r'queued as (\w+)'
    received = r'(?m)^\tby mx\.example\.test \(Postfix\) with \w+ id (\w+)'
    box = 'mail/inbox'

    def __init__(self, name, port, directory, events, opt):
        self.name, self.port, self.directory, self.events = name, int(port), directory, events
        self.out = os.path.join(opt.out, name)
        self.hasty, self.alone, self.requested = opt.hasty, opt.alone, opt.requested
        self.offsets = {path: os.path.getsize(path) for path in [*self.logs(), *events.values()]}
        self.dialogues = {}
        self.queue_ids = {}
        self.start = time.time()
        for path in glob.glob(os.path.join(directory, self.box, 'new/*')):
            os.unlink(path)

    def logs(self):
        return [os.path.join(self.directory, 'mail.log')]

    def waiting(self):
        """the mails in the queue, but for those on hold"""
        return [name for part in ('maildrop', 'incoming', 'active', 'deferred')
                for _, _, names in os.walk(os.path.join(self.directory, 'queue', part)) for name in names]

    # ---- running

    def run(self, wanted):
        for case in wanted:
            dialogue = play(self.port, case.steps)
            self.dialogues[case] = dialogue
            for queue_id in re.findall(self.queued, dialogue):
                self.queue_ids[queue_id] = case
        self.wait_for_delivery()

    def wait_for_delivery(self):
        deadline = time.time() + 30
        while self.waiting():
            if time.time() > deadline:
                raise TimeoutError('%s: mail is stuck in the queue: %s' % (self.name, ' '.join(self.waiting())))
            time.sleep(0.05)

    # ---- normalising

    def normal(self, text):
        text = re.sub(r'\b(?:%s)\b' % '|'.join(self.queue_ids) if self.queue_ids else r'(?!)', 'QUEUE-ID', text)
        text = re.sub(r'\w{3}, [ \d]\d \w{3} \d{4} \d\d:\d\d:\d\d (?:[+-]\d{4} \(\w+\)|GMT)', self.now, text)
        text = re.sub(r'<\d{14}\.\w+@mx\.example\.test>', '<NOW.QUEUE-ID@mx.example.test>', text)
        text = re.sub(r'(DATE_IN_PAST\([\d.]+\))\[\d+\]', r'\1[HOURS]', text)
        text = re.sub(r'(X-Rspamd-Queue-Id:) \w+', r'\1 QUEUE-ID', text)
        return re.sub(r'(?m)^(?:.*header )?DKIM-Signature:.*(?:\n[ \t].*)*', self.signature, text)

    def now(self, match):
        """a time of this run; other times stay"""
        text = match.group(0)
        then = email.utils.parsedate_to_datetime(text).timestamp()
        return 'NOW' if abs(then - self.start) < 3600 else text

    @staticmethod
    def signature(match):
        text = match.group(0)
        if 's=live' not in text:
            return text
        text = re.sub(r'(\\t|[\s;])t=\d+;', r'\1t=TIME;', text)
        return re.sub(r'(\\t|[\s;])b=[^;]*$', r'\1b=SIGNATURE', text)

    # ---- collecting

    def new_lines(self, path):
        with open(path, 'rb') as log:
            log.seek(self.offsets[path])
            return log.read().decode('utf-8', 'surrogateescape').splitlines()

    def held(self, queue_id):
        found = glob.glob(os.path.join(self.directory, 'queue/hold/**', queue_id), recursive=True)
        if not found:
            return ''
        text = subprocess.run(['postcat', '-c', os.path.join(self.directory, 'etc'), found[0]],
                              check=True, stdout=subprocess.PIPE).stdout.decode('utf-8', 'surrogateescape')
        # the second number is where the message begins: the ports have 4 or 5 digits
        text = re.sub(r'(?m)^(message_size: +\d+) +\d+', r'\1 OFFSET', text)
        text = re.sub(r'(?m)^(\*\*\* .*) \S+ \*\*\*$', r'\1 FILE ***', text)
        text = re.sub(r'(?m)^(message_arrival_time|create_time|named_attribute: (?:create_time|'
                      r'log_client_port|client_port|server_port|log_ident)[=:]).*', r'\1 NORMALISED', text)
        return text

    def collect(self, wanted):
        parts = {case: ['==== dialogue\n' + self.dialogues[case]] for case in wanted}
        unclaimed = []
        mails = {case: [] for case in wanted}
        for path in glob.glob(os.path.join(self.directory, self.box, 'new/*')):
            with open(path, 'rb') as mail:
                text = mail.read().decode('utf-8', 'surrogateescape')
            received = re.search(self.received, text)
            case = self.queue_ids.get(received.group(1) if received else None)
            (mails[case] if case in mails else unclaimed).append('==== delivered\n' + self.normal(text))
        for case in wanted:
            parts[case] += sorted(mails[case])
        for queue_id, case in self.queue_ids.items():
            held = self.held(queue_id)
            if held:
                parts[case].append('==== held\n' + self.normal(held))
        self.collect_log(parts, unclaimed)
        for case in wanted:
            text = self.normal(''.join(parts[case]))
            self.write('delivered', case, without_counts(text) if case.early and not self.alone else text)
        self.write_file('delivered', 'unclaimed', ''.join(sorted(unclaimed)))

    def collect_log(self, parts, unclaimed):
        """what postfix says about its filters; its complaints about them belong to no case"""
        labels = {'%s-%s' % (case.group, case.name): case for case in parts}
        for line in [line for log in self.logs() for line in self.new_lines(log)]:
            line = line.split(']: ', 1)[-1]
            if 'milter-' in line:
                label = re.search(r'\bcase-([a-z0-9-]+?)(?:\.magic-\w+)?\.example\.net', line)
                case = self.queue_ids.get(line.split(':')[0]) or labels.get(label.group(1) if label else None)
                line = re.sub(r'^\w{10,}:', 'QUEUE-ID:', line)
                (parts[case] if case else unclaimed).append('==== log %s\n' % line)
            elif 'warning:' in line and 'milter' in line:
                unclaimed.append('==== warning %s\n' % re.sub(r'unix:\S+?(:|$)', r'SOCKET\1', line))

    def collect_events(self, wanted, child):
        """the log of one filter, cut into cases by the greeting names in it"""
        connections = {}
        for line in self.new_lines(self.events[child]):
            match = re.match(r'\S+?\[(\d+)\.(\d+)\] (.*)$', line, re.S)
            connections.setdefault(int(match.group(1)), []).append('[%s] %s' % match.group(2, 3))
        labels = {'%s-%s' % (case.group, case.name): case for case in wanted}
        found = {}
        for number in sorted(connections):
            text = '\n'.join(connections[number])
            label = re.search(r'(?:helo name|connect host)=case-([a-z0-9-]+?)(?:\.magic-\w+)?\.example\.net', text)
            case = labels.get(label.group(1)) if label else None
            text = re.sub(r'(\] connect .* port)=\d+', r'\1=PORT', text)
            text = re.sub(r'(  macro i)=\w+', r'\1=QUEUE-ID', text)
            # whether libmilter tells of an abort just before the end is chance
            text = re.sub(r'\[\d+\] abort\n(?=\[\d+\] close$)', '', text)
            for macro in self.requested:
                text = re.sub(r'\[\d+\]   macro \{%s\}=.*\n' % macro, '', text)
            if child in self.hasty and '] eom ' not in text:
                continue
            found.setdefault(case, []).append('---- connection\n%s\n' % self.normal(text))
        return {case: ''.join(texts) for case, texts in found.items()}

    def write(self, kind, case, text):
        self.write_file(kind, '%s.%s' % (case.group, case.name), text)

    def write_file(self, kind, name, text):
        os.makedirs(os.path.join(self.out, kind), exist_ok=True)
        with open(os.path.join(self.out, kind, name), 'wb') as file:
            file.write(text.encode('utf-8', 'surrogateescape'))


class SendmailSide(Side):
    queued = r'250 2\.0\.0 (\w+) Message accepted'
    received = r'(?m)^\tby mx\.example\.test \(.*\) with \w+ id (\w+)'
    box = 'mail'

    def logs(self):
        return []

    def files(self, kind):
        return glob.glob(os.path.join(self.directory, 'queue', kind + '*'))

    def waiting(self):
        # q: queued; d of a mail that is not on hold (h): on its way
        held = {os.path.basename(path)[2:] for path in self.files('h')}
        return self.files('q') + [path for path in self.files('d') if os.path.basename(path)[2:] not in held]

    def held(self, queue_id):
        found = [path for path in self.files('hf') + self.files('df') if path.endswith(queue_id)]
        text = ''
        for path in sorted(found, reverse=True):
            with open(path, 'rb') as file:
                text += file.read().decode('utf-8', 'surrogateescape')
        # T: creation, K: last try, I: inode, P: priority
        return re.sub(r'(?m)^([TKIP])[\d/]+$', r'\1 NORMALISED', text)

    def normal(self, text):
        text = re.sub(r'(?m)^(<- 220 mx.example.test ESMTP Sendmail \S+; ).*', r'\1NOW', text)
        return re.sub(r'\b\d{12}\.(\w{14})\b', r'NOW.\1', super().normal(text))


def without_counts(text):
    text = re.sub(r'(name=\w+ headers=\d+) rcpts=\d+', r'\1', text)
    return re.sub(r'(?m)^\t(?:FORGED_RECIPIENTS|RCPT_COUNT_\w+)\(.*\n', '', text)


def places(case):
    """the case inserts a header at an index: Sendmail counts fields that no filter is
    shown, so where it is in the eyes of the next filter cannot be known"""
    return any(step[0] == 'data' and re.search(rb'insert-header [1-9]', step[1]) for step in case.steps)


def settled(sides, wait=5):
    """the filters log the end of a connection a little later than the client sees it"""
    deadline = time.time() + wait
    while time.time() < deadline:
        if all(balanced(side.new_lines(path)) for side in sides for path in side.events.values()):
            return
        time.sleep(0.05)


def balanced(lines):
    numbers = {re.match(r'\S+?\[(\d+)\.', line).group(1) for line in lines}
    closed = {re.match(r'\S+?\[(\d+)\.', line).group(1) for line in lines if line.endswith('] close')}
    return numbers == closed


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument('--sendmail', action='store_true')
    cli.add_argument('out')
    cli.add_argument('groups', nargs='+')
    cli.add_argument('--direct', nargs=2, required=True)
    cli.add_argument('--via', nargs=2, required=True)
    cli.add_argument('--alone', action='store_true')
    cli.add_argument('--hasty', action='append', default=[])
    cli.add_argument('--unchecked', action='append', default=[])
    cli.add_argument('--requested', action='append', default=[])
    cli.add_argument('--events', nargs=3, action='append', default=[])
    opt = cli.parse_args()
    wanted = cases(opt.groups, opt.alone, opt.sendmail)
    kind = SendmailSide if opt.sendmail else Side
    os.makedirs(opt.out, exist_ok=True)
    sides = [kind('direct', *opt.direct, {name: direct for name, direct, _ in opt.events}, opt),
             kind('via', *opt.via, {name: via for name, _, via in opt.events}, opt)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda side: side.run(wanted), sides))
    settled(sides)
    for side in sides:
        side.collect(wanted)
        seen = {}
        for child in side.events:
            for case, text in side.collect_events(wanted, child).items():
                if case is None or opt.alone or not (case.early or opt.sendmail and places(case)):
                    seen.setdefault(case, []).append('======== %s\n%s' % (child, text))
        for case, texts in seen.items():
            if case is not None:
                side.write('seen', case, ''.join(texts))
            elif opt.alone:
                side.write_file('seen', 'no-greeting', ''.join(texts))
    wrong = [case for case in wanted if not re.search(case.want, sides[0].dialogues[case], re.M)
             and case.group not in opt.unchecked]
    with open(os.path.join(opt.out, 'direct-wrong'), 'w') as file:
        file.writelines('%s.%s: no %s\n' % (case.group, case.name, case.want) for case in wrong)


if __name__ == '__main__':
    main()
