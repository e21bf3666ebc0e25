#!/usr/bin/python3
"""same-content.py [-n TIMES] MAILDIR FILE... - what was delivered is what was sent.

Each FILE must have arrived TIMES times (default 1), and nothing else: what a maildir's mails
hold behind the lines that Postfix has put in front (Return-Path, X-Original-To, Delivered-To
and its own Received:) is compared byte for byte, line ends apart, which a maildir has none of
its own.  The mails are removed.  Exit status 1 with what is wrong on standard output.
"""
import collections
import os
import re
import sys
import time

FRONT = re.compile(rb'(?:(?:Return-Path|X-Original-To|Delivered-To): [^\n]*\n)+'
                   rb'Received: [^\n]*\n(?:[ \t][^\n]*\n)*')


def lines(content):
    content = content.replace(b'\r\n', b'\n')
    return content if content.endswith(b'\n') else content + b'\n'


def main(arguments):
    times = 1
    if arguments[0] == '-n':
        times, arguments = int(arguments[1]), arguments[2:]
    box, names = arguments[0], arguments[1:]
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = os.listdir(box) if os.path.isdir(box) else []
        if len(found) >= times * len(names):
            break
        time.sleep(0.05)
    got = collections.Counter()
    for name in found:
        path = os.path.join(box, name)
        with open(path, 'rb') as file:
            content = file.read()
        front = FRONT.match(content)
        got[content[front.end():] if front else content] += 1
        os.unlink(path)
    wrong = len(found) != times * len(names)
    if wrong:
        print('%d mails have arrived, not %d' % (len(found), times * len(names)))
    # Files that differ in line ends alone are one and the same here.
    wanted = collections.defaultdict(list)
    for name in names:
        with open(name, 'rb') as file:
            wanted[lines(file.read())].append(name)
    for content, same in wanted.items():
        count = got.pop(content, 0)
        if count != times * len(same):
            print('%s has arrived %d times, not %d' % (' or '.join(same), count, times * len(same)))
            wrong = True
    for content, count in got.items():
        print('%d times, though never sent: %r' % (count, content[:300]))
        wrong = True
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
