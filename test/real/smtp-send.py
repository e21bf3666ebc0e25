#!/usr/bin/python3
"""smtp-send.py - send the mail on standard input by SMTP, and print the dialogue.

    smtp-send.py [-x 'ADDR=192.0.2.77 NAME=client.example.net'] [-H HELO]
                 [-f FROM] [-F MAIL-PARAMETERS] [-n COUNT] [-k STEP:PIDFILE]
                 PORT RCPT... < MAIL

-x sends XCLIENT, -F e.g. 'SMTPUTF8 BODY=8BITMIME', -n COUNT times in one session,
-k kills (-9) the process of PIDFILE when STEP (helo, mail, rcpt, data) has been
answered for the first time.  Exit status: 0, or 4 or 5: the class of the first refusal.
"""
import argparse
import os
import re
import signal
import sys

from smtp_client import call, data, play, say


def kill(pid_file):
    with open(pid_file) as file:
        os.kill(int(file.read()), signal.SIGKILL)


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument('-x')
    cli.add_argument('-H', default='client.example.net')
    cli.add_argument('-f', default='alice@example.test')
    cli.add_argument('-F', default='')
    cli.add_argument('-n', type=int, default=1)
    cli.add_argument('-k', default=':')
    cli.add_argument('port', type=int)
    cli.add_argument('rcpt', nargs='+')
    opt = cli.parse_args()
    mail = sys.stdin.buffer.read()
    greeting = say('EHLO ' + opt.H)
    steps = [greeting]
    if opt.x:
        steps += [say('XCLIENT ' + opt.x), greeting]
    killing = {'helo': len(steps)}
    for _ in range(opt.n):
        steps.append(say('MAIL FROM:<%s>%s' % (opt.f, opt.F and ' ' + opt.F)))
        killing.setdefault('mail', len(steps))
        steps += [say('RCPT TO:<%s>' % rcpt) for rcpt in opt.rcpt]
        killing.setdefault('rcpt', len(steps))
        steps.append(say('DATA'))
        killing.setdefault('data', len(steps))
        steps.append(data(mail))
    step, _, pid_file = opt.k.partition(':')
    if step:
        steps.insert(killing[step], call(lambda: kill(pid_file)))
    dialogue = play(opt.port, steps + [say('QUIT')], timeout=60)
    sys.stdout.write(dialogue)
    refusal = re.search(r'^<- ([45])\d\d|^<- (connection closed)', dialogue, re.M)
    return int(refusal.group(1) or 4) if refusal else 0


if __name__ == '__main__':
    sys.exit(main())
