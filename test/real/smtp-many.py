#!/usr/bin/python3
"""smtp-many.py PORT SENDER... <MAIL - the mail from each sender, all in one session,
with RSET after a refusal; prints the dialogue."""
import sys

from smtp_client import data, play, say


def main():
    mail = sys.stdin.buffer.read()
    steps = [say('EHLO client.example.net')]
    for sender in sys.argv[2:]:
        steps += [say('MAIL FROM:<%s>' % sender), say('RCPT TO:<bob@other.test>'), say('DATA'),
                  data(mail), say('RSET')]
    sys.stdout.write(play(int(sys.argv[1]), steps + [say('QUIT')]))


if __name__ == '__main__':
    main()
