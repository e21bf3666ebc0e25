"""cases.py - the SMTP sessions of the differential tests, as data.

A case is one session: a group, a name, the steps for smtp_client.play() and what
the dialogue must show when the filters are attached directly, so that two
equally broken runs are not taken for equal results.  The greeting name tells
the case to the filters' logs: it is case-GROUP-NAME.example.net.

`early' marks a case that is refused or discarded before the message itself.
Postfix asks its filters one after the other and stops at the first refusal; the
manager asks all of them at once.  Then a later filter sees a command behind the
manager that it does not see directly (a recipient that an earlier one refused, say):
in sets of several filters what the children saw is not compared, nor how many
recipients they count.

`alone' marks a case for sets of one filter: Postfix asks no further filter once
one wants the mail in quarantine, while the manager, like Sendmail, goes on.
"""
import os
import re
import subprocess

from smtp_client import batch, bdat, data, drop, say, tls

HERE = os.path.dirname(os.path.abspath(__file__))
MAILS = os.path.join(HERE, '..', 'fixtures', 'mails')
QUEUED = r'^<- 250 2\.0\.0 Ok: queued'


class Case:
    def __init__(self, group, name, steps, want=QUEUED, early=False, alone=False):
        self.group, self.name, self.steps, self.want = group, name, steps, want
        self.early, self.alone = early, alone


def read(name):
    with open(os.path.join(MAILS, name), 'rb') as mail:
        return mail.read()


def with_headers(*lines, base='plain.eml'):
    """a mail with more header lines, before its Subject"""
    text = read(base)
    at = text.index(b'\nSubject') + 1
    return text[:at] + b''.join(line.encode() + b'\n' for line in lines) + text[at:]


def words(*wanted, base='plain.eml'):
    return with_headers(*('X-Magic: ' + word for word in wanted), base=base)


def message(mail, sender='alice@example.test', to=('bob@other.test',), mail_args='', raw=False):
    """one transaction; a recipient may bring its own parameters"""
    steps = [say('MAIL FROM:<%s>%s' % (sender, mail_args and ' ' + mail_args))]
    for recipient in to:
        address, _, args = recipient.partition(' ')
        steps.append(say('RCPT TO:<%s>%s' % (address, args and ' ' + args)))
    return steps + [say('DATA'), data(mail, raw)]


def greeting(name):
    return say('EHLO case-%s.example.net' % name)


def case(group, name, *transactions, **rest):
    steps = [greeting(group + '-' + name)]
    for transaction in transactions:
        steps += transaction
    return Case(group, name, steps + [say('QUIT')], **rest)


# ---- mails: whatever a mail may look like

def mail_cases():
    arguments = {'eightbit': 'BODY=8BITMIME', 'latin1': 'BODY=8BITMIME'}
    # rspamd refuses the one, the headers of the other are too long for opendkim and Sendmail
    wants = {'gtube': r'^<- (250 2\.0\.0 Ok: queued|554 5\.7\.1 Gtube)',
             'long-header': r'^<- (250 2\.0\.0 Ok: queued|451 4\.7\.1 Service|552 5\.6\.0 Headers)'}
    for file in sorted(os.listdir(MAILS)):
        name, extension = os.path.splitext(file)
        if extension != '.eml':
            continue
        mail = read(file)
        want = wants.get(name, QUEUED)
        if name == 'smtputf8':
            yield case('mails', name, message(mail, 'jürgen@example.test', ('用户@other.test',),
                                              'SMTPUTF8 BODY=8BITMIME'))
        elif name == 'bounce':
            yield case('mails', name, message(mail, ''))
        elif name == 'plain-crlf':
            yield case('mails', name, message(mail, raw=True))
        else:
            yield case('mails', name, message(mail, mail_args=arguments.get(name, '')), want=want)
    large = subprocess.run([os.path.join(MAILS, 'gen-large.sh'), '400000'], check=True,
                           stdout=subprocess.PIPE).stdout
    yield case('mails', 'large', message(large))
    head = read('empty-body.eml').rstrip(b'\n') + b'\n\n'
    # Sendmail takes no bare CR
    yield case('mails', 'control-bytes', message(head + b'a NUL \0 and a CR \r inside\n\1\2\x7f\n'),
               want=r'^<- (250 2\.0\.0 Ok: queued|421 4\.5\.0 Bare)')
    yield case('mails', 'blank-lines', message(head + b'\n\n\nafter three empty lines\n\n\n'))
    yield case('mails', 'long-line', message(head + b'x' * 5000 + b'\nend\n'))
    yield case('mails', 'exact-chunk', message(head + (b'y' * 63 + b'\n') * 1008 + b'z' * 1007 + b'\n'))
    yield case('mails', 'nothing', message(b''))


# ---- edits: every modification request, and combinations

EDITS = [
    ('add', 'add-header X-Added one'),
    ('add-folded', r'add-header X-Added one\n\ttwo\n three'),
    ('add-empty', 'add-header X-Added'),
    ('add-blanks', r'add-header X-Added \t two blanks'),
    ('add-existing', 'add-header Subject another subject'),
    ('add-utf8', 'add-header X-Added größe'),
    ('add-three', 'add-header X-Added one', 'add-header X-Added two', 'add-header X-Other three'),
    ('insert-0', 'insert-header 0 X-First inserted'),
    ('insert-1', 'insert-header 1 X-Second inserted'),
    ('insert-2', 'insert-header 2 X-Third inserted'),
    ('insert-5', 'insert-header 5 X-Sixth inserted'),
    ('insert-beyond', 'insert-header 500 X-Last inserted'),
    ('insert-existing', 'insert-header 1 Subject another subject'),
    ('insert-two', 'insert-header 0 X-First one', 'insert-header 0 X-First two'),
    ('insert-mixed', 'insert-header 3 X-A a', 'insert-header 1 X-B b', 'add-header X-C c',
     'insert-header 4 X-D d'),
    ('change', 'change-header 1 Subject changed subject'),
    ('change-0', 'change-header 0 Subject changed subject'),
    ('change-case', 'change-header 1 sUBJECT changed subject'),
    ('change-beyond', 'change-header 2 Subject changed subject'),
    ('change-missing', 'change-header 1 X-Missing value'),
    ('change-folded', r'change-header 1 Subject one\n two'),
    ('change-twice', 'change-header 1 Subject one', 'change-header 1 Subject two'),
    ('change-added', 'add-header X-Added one', 'change-header 1 X-Added two'),
    ('delete', 'delete-header 1 MIME-Version'),
    ('delete-case', 'delete-header 1 mime-VERSION'),
    ('delete-missing', 'delete-header 1 X-Missing'),
    ('delete-beyond', 'delete-header 3 Subject'),
    ('delete-added', 'add-header X-Added one', 'delete-header 1 X-Added'),
    ('delete-then-add', 'delete-header 1 Subject', 'add-header Subject back again'),
    ('headers-of-all-kinds', 'insert-header 1 X-I i', 'change-header 1 To <new@other.test>',
     'delete-header 1 Date', 'add-header X-A a', 'change-header 1 X-I j',
     'insert-header 3 X-K k', 'delete-header 1 MIME-Version'),
    ('body', r'replace-body line one\nline two'),
    ('body-empty', 'fill-body 0'),
    ('body-twice', 'replace-body first', 'replace-body second'),
    ('body-append', 'append-body a footer'),
    ('body-large', 'fill-body 300000'),
    ('body-dots', r'replace-body .\n..two\n.three'),
    ('rcpt-add', 'add-rcpt carol@other.test'),
    ('rcpt-add-brackets', 'add-rcpt <carol@other.test>'),
    ('rcpt-add-again', 'add-rcpt bob@other.test'),
    ('rcpt-add-par', 'add-rcpt-par <carol@other.test> NOTIFY=NEVER ORCPT=rfc822;dave@other.test'),
    ('rcpt-delete', 'add-rcpt carol@other.test', 'del-rcpt <bob@other.test>'),
    ('rcpt-delete-bare', 'add-rcpt carol@other.test', 'del-rcpt bob@other.test'),
    ('rcpt-delete-missing', 'del-rcpt <nobody@other.test>'),
    ('rcpt-delete-added', 'add-rcpt carol@other.test', 'del-rcpt carol@other.test'),
    ('rcpt-delete-and-back', 'del-rcpt <bob@other.test>', 'add-rcpt <bob@other.test>'),
    ('from', 'change-from new@example.test'),
    ('from-brackets', 'change-from <new@example.test>'),
    ('from-empty', 'change-from <>'),
    ('from-parameters', 'change-from <new@example.test> RET=HDRS ENVID=abc'),
    ('from-twice', 'change-from one@example.test', 'change-from two@example.test'),
    ('quarantine', 'quarantine kept for a look'),
    ('quarantine-and-edits', 'add-header X-Added one', 'quarantine why not', 'add-rcpt carol@other.test'),
    ('everything', 'insert-header 0 X-First inserted', 'change-header 1 Subject changed',
     'delete-header 1 MIME-Version', 'add-header X-Added one', 'change-from new@example.test',
     'add-rcpt carol@other.test', 'del-rcpt <bob@other.test>', r'replace-body new\nbody'),
    ('edits-then-accept', 'add-header X-Added one', 'replace-body new', 'accept'),
    ('progress', 'progress 1', 'add-header X-Added one'),
    ('unknown-word', 'no-such-word'),
]

DUPLICATES = [
    ('change-second', 'change-header 2 X-Same changed'),
    ('change-third-case', 'change-header 3 x-same changed'),
    ('delete-second', 'delete-header 2 X-Same'),
    ('delete-all', 'delete-header 3 X-Same', 'delete-header 2 X-Same', 'delete-header 1 X-Same'),
    ('delete-from-front', 'delete-header 1 X-Same', 'delete-header 1 X-Same'),
    ('delete-and-change', 'delete-header 1 X-Same', 'change-header 2 X-Same was third'),
    ('insert-and-change', 'insert-header 1 X-Same zeroth', 'change-header 2 X-Same was first'),
    ('add-and-change', 'add-header X-Same fourth', 'change-header 4 X-Same changed'),
    ('change-received', 'change-header 1 Received changed'),
    ('delete-received', 'delete-header 2 Received', 'delete-header 1 Received'),
    ('change-folded', 'change-header 1 References <one@example.test>'),
    ('change-empty', 'change-header 1 X-Empty full'),
]


def edit_cases():
    for name, *wanted in EDITS:
        yield case('edits', name, message(words(*wanted)), alone='quarantine' in name or name == 'progress')
    for name, *wanted in DUPLICATES:
        yield case('edits', 'same-' + name, message(words(*wanted, base='folded.eml')))
    for base in ('no-body', 'empty-body', 'no-final-newline', 'dots', 'multipart'):
        for name, wanted in (('add', 'add-header X-Added one'), ('append', 'append-body a footer'),
                             ('insert', 'insert-header 1 X-In one'), ('cut', 'fill-body 0')):
            yield case('edits', base + '-' + name, message(words(wanted, base=base + '.eml')))


# ---- replies: every verdict at every stage

VERBS = {
    'reject': r'^<- 5', 'tempfail': r'^<- 4', 'reply450': r'^<- 450 4\.7\.1 (<\S+>\.\.\. )?magic reply',
    'reply553': r'^<- 553 5\.7\.1 (<\S+>\.\.\. )?magic reply', 'reply421': r'^<- 421', 'multi': r'^<- 554.5\.7\.1 ',
    'discard': r'^<- 250', 'accept': r'^<- 250 2\.0\.0 Ok: queued',
}
PLAIN = read('plain.eml')


def reply_cases():
    for verb, want in VERBS.items():
        early = verb != 'accept'
        # Discard is no answer at connect or helo: Postfix warns and goes on with the
        # filter, Sendmail without any, the manager without that one (postfix.bats).
        if verb != 'discard':
            yield Case('replies', 'helo-' + verb, [
                say('EHLO case-replies-helo-%s.magic-%s.example.net' % (verb, verb)),
                *message(PLAIN), say('QUIT')], want, early)
            # Postfix does not show a client the text of a refusal at connect
            connect_want = want if verb == 'accept' else r'^<- [45]'
            yield Case('replies', 'connect-' + verb, [
                greeting('replies-connect-' + verb),
                say('XCLIENT ADDR=192.0.2.9 NAME=case-replies-connect-%s.magic-%s.example.net' % (verb, verb)),
                greeting('replies-connect-' + verb), *message(PLAIN), say('QUIT')], connect_want, early)
        for stage in ('', 'data-', 'eoh-'):
            yield case('replies', '%s%s' % (stage or 'mail-', verb),
                       message(PLAIN, 'magic-%s%s@example.test' % (stage, verb)),
                       want=want, early=early and stage != 'eoh-')
        yield case('replies', 'rcpt-' + verb, message(PLAIN, to=('magic-%s@other.test' % verb,)),
                   want=want, early=early)
        yield case('replies', 'one-rcpt-of-three-' + verb,
                   message(PLAIN, to=('bob@other.test', 'magic-%s@other.test' % verb, 'carol@other.test')),
                   want=r'^<- (250 2\.0\.0 Ok: queued|421)', early=early)
        yield case('replies', 'header-' + verb, message(with_headers('X-Magic-Now: ' + verb)), want=want)
        yield case('replies', 'body-' + verb, message(PLAIN + b'magic-body-%s\n' % verb.encode()), want=want)
        yield case('replies', 'eom-' + verb, message(words(verb)), want=want)
        yield case('replies', 'edits-then-' + verb, message(words(
            'add-header X-Lost lost', 'add-rcpt lost@other.test', 'replace-body lost', verb)), want=want)
        if verb not in ('discard', 'accept'):
            yield Case('replies', 'unknown-' + verb, [
                greeting('replies-unknown-' + verb), say('magic-%s and more' % verb),
                *message(PLAIN), say('QUIT')], want, early)
    yield case('replies', 'eom-text', message(words('reply 554 refused at the end')),
               want=r'^<- 554 5\.7\.1 refused at the end')
    yield case('replies', 'eom-percent', message(words('reply 451 100% of %s')),
               want=r'^<- 451 4\.7\.1 100% of %s')
    yield case('replies', 'quarantine-then-reject', message(words('quarantine why', 'reject')),
               want=r'^<- 55[04] 5\.7\.1', alone=True)
    yield case('replies', 'quarantine-then-discard', message(words('quarantine why', 'discard')),
               alone=True)
    yield case('replies', 'empty-sender', message(words('add-header X-Added one', base='bounce.eml'), ''))
    yield case('replies', 'unknown-command', [say('XMAGIC harmless'), say('NOOP')], message(PLAIN))


# ---- sessions: several messages, and everything between them

def session_cases():
    edited = words('add-header X-Added one', 'replace-body another body')
    refused = words('reject')
    yield case('sessions', 'three-plain', message(PLAIN), message(PLAIN), message(PLAIN))
    yield case('sessions', 'edited-then-plain', message(edited), message(PLAIN))
    yield case('sessions', 'edited-then-no-body', message(edited), message(read('no-body.eml')))
    yield case('sessions', 'refused-then-plain', message(refused), message(PLAIN))
    yield case('sessions', 'accepted-then-edited', message(words('accept')), message(edited))
    yield case('sessions', 'discarded-then-plain', message(words('discard')), message(PLAIN))
    yield case('sessions', 'quarantined-then-plain', message(words('quarantine why')), message(PLAIN),
               alone=True)
    yield case('sessions', 'every-outcome', message(edited), message(words('tempfail')), message(PLAIN),
               message(words('multi')), message(words('accept')), message(words('discard')),
               message(with_headers('X-Magic-Now: reply553')), message(edited))
    yield case('sessions', 'accept-at-mail-then-edited',
               message(PLAIN, 'magic-accept@example.test'), message(edited))
    yield case('sessions', 'reject-at-mail-then-edited',
               message(PLAIN, 'magic-reject@example.test'), [say('RSET')], message(edited), early=True)
    yield case('sessions', 'all-recipients-refused',
               message(PLAIN, to=('magic-reject@other.test', 'magic-tempfail@other.test')),
               [say('RSET')], message(edited), early=True)
    yield case('sessions', 'refused-by-postfix', message(PLAIN, to=('bob@other.test', 'refused@other.test', 'no domain@')),
               message(PLAIN))
    yield case('sessions', 'only-recipient-refused-by-postfix', message(PLAIN, to=('refused@other.test',)),
               message(PLAIN))
    yield case('sessions', 'reset-after-mail', [say('MAIL FROM:<a@example.test>'), say('RSET')], message(PLAIN))
    yield case('sessions', 'reset-after-rcpt', [say('MAIL FROM:<a@example.test>'),
                                                say('RCPT TO:<b@other.test>'), say('RSET')], message(edited))
    yield case('sessions', 'greeting-again', message(PLAIN), [greeting('sessions-greeting-again')], message(PLAIN))
    yield case('sessions', 'greeting-inside', [say('MAIL FROM:<a@example.test>'),
                                               greeting('sessions-greeting-inside')], message(PLAIN))
    yield Case('sessions', 'helo', [say('HELO case-sessions-helo.example.net'), *message(PLAIN), say('QUIT')])
    yield case('sessions', 'nothing-at-all', want=r'^<- 221')
    yield case('sessions', 'hang-up-after-rcpt', [say('MAIL FROM:<a@example.test>'),
                                                  say('RCPT TO:<b@other.test>'), drop()], want=r'^-> .hangs up')
    yield case('sessions', 'hang-up-after-mail', message(edited), [drop()])
    yield case('sessions', 'starttls', [tls(), greeting('sessions-starttls')], message(edited))
    yield case('sessions', 'pipelining', [batch(
        'MAIL FROM:<a@example.test>', 'RCPT TO:<b@other.test>', 'RCPT TO:<c@other.test>', 'DATA'),
        data(PLAIN)])
    body = words('append-body a footer').replace(b'\n', b'\r\n')
    yield case('sessions', 'chunks', [
        say('MAIL FROM:<a@example.test>'), say('RCPT TO:<b@other.test>'),
        bdat(body[:300]), bdat(body[300:301]), bdat(body[301:], last=True)], message(PLAIN))
    yield case('sessions', 'xclient', [
        say('XCLIENT ADDR=192.0.2.77 NAME=client.example.net'), greeting('sessions-xclient')], message(edited))
    yield case('sessions', 'xclient-ipv6', [
        say('XCLIENT ADDR=IPV6:2001:db8::77 NAME=six.example.net'), greeting('sessions-xclient-ipv6')], message(edited))
    yield case('sessions', 'xclient-unknown', [
        say('XCLIENT ADDR=192.0.2.78 NAME=[UNAVAILABLE]'), greeting('sessions-xclient-unknown')], message(PLAIN))


# ---- parameters: the envelope byte for byte

def parameter_cases():
    yield case('parameters', 'size', message(PLAIN, mail_args='SIZE=12345'))
    yield case('parameters', 'body', message(PLAIN, mail_args='BODY=8BITMIME SIZE=77'))
    yield case('parameters', 'dsn', message(
        PLAIN, to=('bob@other.test NOTIFY=FAILURE,DELAY ORCPT=rfc822;Bob+2B@other.test',
                   'carol@other.test NOTIFY=NEVER', 'dave@other.test'),
        mail_args='RET=HDRS ENVID=QQ314159'))
    yield case('parameters', 'smtputf8', message(
        read('smtputf8.eml'), 'jürgen@example.test', ('用户@other.test',), 'BODY=8BITMIME SMTPUTF8'))
    yield case('parameters', 'empty-sender', message(PLAIN, '', mail_args='SIZE=100'))
    yield case('parameters', 'odd-addresses', message(
        PLAIN, '"quoted string"@example.test', ('"a b"@other.test', 'UPPER+tag@Other.TEST', 'x%y@other.test')))
    yield case('parameters', 'source-route', message(PLAIN, to=('@relay.test:bob@other.test',)))
    yield case('parameters', 'many-recipients', message(PLAIN, to=['r%d@other.test' % n for n in range(25)]))
    yield case('parameters', 'three-messages', message(PLAIN, mail_args='SIZE=1'),
               message(PLAIN, '', mail_args='BODY=7BIT'), message(PLAIN))
    yield case('parameters', 'xclient', [
        say('XCLIENT ADDR=192.0.2.77 NAME=client.example.net'), greeting('parameters-xclient')],
        message(PLAIN, mail_args='SIZE=99'))


# ---- chains: words addressed to one filter of several (c, py)

def chain_cases():
    def addressed(*pairs, base='plain.eml'):
        return with_headers(*('X-Magic-%s: %s' % pair for pair in pairs), base=base)

    def chain(name, *pairs, base='plain.eml', **rest):
        return case('chains', name, message(addressed(*pairs, base=base)), **rest)

    yield chain('change-what-the-other-added', ('c', 'add-header X-Both one'), ('py', 'change-header 1 X-Both two'))
    yield chain('delete-what-the-other-added', ('c', 'add-header X-Both one'), ('py', 'delete-header 1 X-Both'))
    yield chain('change-what-the-other-inserted', ('c', 'insert-header 1 X-Both one'),
                ('py', 'change-header 1 X-Both two'))
    yield chain('insert-both', ('c', 'insert-header 2 X-C c'), ('py', 'insert-header 2 X-Py py'))
    yield chain('insert-first-both', ('c', 'insert-header 0 X-C c'), ('py', 'insert-header 0 X-Py py'))
    yield chain('insert-behind', ('c', 'insert-header 1 X-C c'), ('py', 'insert-header 4 X-Py py'))
    yield chain('change-both', ('c', 'change-header 1 Subject one'), ('py', 'change-header 1 Subject two'))
    yield chain('delete-and-change', ('c', 'delete-header 1 X-Same'), ('py', 'change-header 1 X-Same was second'),
                base='folded.eml')
    yield chain('delete-and-delete', ('c', 'delete-header 1 X-Same'), ('py', 'delete-header 1 X-Same'),
                base='folded.eml')
    yield chain('insert-and-change-second', ('c', 'insert-header 1 X-Same zeroth'),
                ('py', 'change-header 2 X-Same was first'), base='folded.eml')
    yield chain('delete-and-insert', ('c', 'delete-header 1 Date'), ('py', 'insert-header 3 X-Py py'))
    yield chain('body-then-footer', ('c', r'replace-body one\ntwo'), ('py', 'append-body footer'))
    yield chain('footer-then-footer', ('c', 'append-body one'), ('py', 'append-body two'))
    yield chain('body-both', ('c', 'replace-body one'), ('py', 'replace-body two'))
    yield chain('body-of-nothing', ('c', 'replace-body one'), ('py', 'append-body two'), base='no-body.eml')
    yield chain('cut-then-footer', ('c', 'fill-body 0'), ('py', 'append-body footer'))
    yield chain('large-then-footer', ('c', 'fill-body 200000'), ('py', 'append-body footer'))
    yield chain('recipients', ('c', 'add-rcpt carol@other.test'), ('py', 'del-rcpt carol@other.test'))
    yield chain('recipients-crossed', ('c', 'del-rcpt <bob@other.test>'), ('py', 'add-rcpt bob@other.test'))
    yield chain('sender-both', ('c', 'change-from one@example.test'), ('py', 'change-from two@example.test'))
    yield chain('edits-then-refusal', ('c', 'add-header X-Lost lost'), ('py', 'reply 554 no'), want=r'^<- 554 5\.7\.1 no')
    yield chain('refusal-then-edits', ('c', 'reply 451 later'), ('py', 'add-header X-Lost lost'),
                want=r'^<- 451 4\.7\.1 later')
    yield chain('progress', ('c', 'progress 1'), ('py', 'add-header X-Py py'))
    yield chain('accept-then-edits', ('c', 'accept'), ('py', 'add-header X-Py py'))
    yield chain('edits-then-accept', ('c', 'add-header X-C c'), ('py', 'accept'))
    yield case('chains', 'accept-at-header', message(with_headers('X-Magic-Now-c: accept', 'X-Magic-py: append-body x')))
    yield case('chains', 'reject-at-header', message(with_headers('X-Magic-Now-py: multi')), want=r'^<- 554')
    yield case('chains', 'accept-at-mail', message(words('add-header X-A a'), 'c-accept@example.test'), message(PLAIN))
    yield case('chains', 'accept-at-rcpt', message(words('add-header X-A a'), to=('py-accept@other.test',)), message(PLAIN))
    yield case('chains', 'accept-in-body', message(PLAIN + b'c-body-accept\n'), message(PLAIN))
    yield case('chains', 'reject-one-recipient', message(words('add-header X-A a'), to=(
        'bob@other.test', 'c-reject@other.test', 'py-reply450@other.test')), early=True)
    yield case('chains', 'reject-all-recipients', message(PLAIN, to=('c-reject@other.test', 'py-reject@other.test')),
               message(PLAIN), early=True)


GROUPS = {
    'mails': mail_cases, 'edits': edit_cases, 'replies': reply_cases,
    'sessions': session_cases, 'parameters': parameter_cases, 'chains': chain_cases,
}


def cases(groups, alone, sendmail=False):
    """`alone': for a set of one filter; `sendmail': only what that can do (no XCLIENT,
    no BDAT, no SMTPUTF8), and what it says instead of Postfix"""
    found = [one for group in groups for one in GROUPS[group]() if alone or not one.alone]
    if sendmail:
        found = [one for one in found if not any(
            step[0] == 'bdat' or step[0] == 'say' and re.search('^XCLIENT|SMTPUTF8', step[1])
            for step in one.steps)]
        for one in found:
            one.want = one.want.replace(r'Ok: queued', r'\w+ Message accepted')
    return found
