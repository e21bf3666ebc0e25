#!/usr/bin/env bats
# milter-test-server: every form of its output, every way of failing, what is
# sent (tools.md section 1), against milter-test-client and scripted filters.

bats_require_minimum_version 1.5.0

load server.bash

setup() {
    server_setup
    MAILS=$BATS_TEST_DIRNAME/../fixtures/mails
}

teardown() {
    server_teardown
}

body_after() {
    sed -n '/^Body:-/,$p' <<<"$output" | tail -n +2
}

# ---- plain success

@test "a mail that passes" {
    client
    serve
    assert_success
    assert_line --index 0 'status: pass'
    assert_line --index 1 --regexp '^elapsed-time: [0-9.e-]+ seconds$'
    assert_equal "${#lines[@]}" 2
    assert_equal "$stderr" ''
}

@test "the defaults arrive at the filter" {
    client
    serve
    wait_until grep -q finished "$LOG"
    run grep -v '^negotiate' "$LOG"
    assert_output "$(
        cat <<'EXPECTED'
connect: host=<mx.example.net>, address=<inet:50443@[192.168.123.123]>
macros:
  daemon_name=milter-test-server
  if_name=localhost
  if_addr=127.0.0.1
  j=mail.example.com
helo: <delian>
macros:
  tls_version=0
  cipher=0
  cipher_bits=0
  cert_subject=cert_subject
  cert_issuer=cert_issuer
envelope-from: <<sender@example.com>>
macros:
  mail_mailer=mail_mailer
  mail_host=mail_host
  mail_addr=mail_addr
envelope-recipient: <<receiver@example.org>>
macros:
  rcpt_mailer=rcpt_mailer
  rcpt_host=rcpt_host
  rcpt_addr=<receiver@example.org>
data
macros:
  i=i
header: <From: <sender@example.com>>
header: <To: <receiver@example.org>>
end-of-header
macros:
  i=i
body: <La de da de da 1.
La de da de da 2.
La de da de da 3.
La de da de da 4.>
end-of-message
macros:
  i=i
finished
EXPECTED
    )"
}

@test "over inet, a path as spec, and every value by option" {
    local port
    port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$CLIENT" -s "inet:$port@127.0.0.1" >"$LOG" 2>&1 3>&- &
    PEERS+=($!)
    wait_until "$SERVER" -s "inet:$port@[127.0.0.1]"
    run "$SERVER" --connection-spec="inet:$port@localhost" --connect-host h.test \
        --connect-address 'inet6:25@[2001:db8::1]' --helo-fqdn helo.test --envelope-from f@test \
        --from f2@test --envelope-recipient '<r1@test>' --recipient r2@test --header 'Subject:hi' \
        --body one --body two --unknown 'FOO bar' --connect-macro '{if_name}:lo' \
        --envelope-from-macro x:y --authenticated-name me --authenticated-type PLAIN \
        --authenticated-author you --envelope-recipient-macro rcpt_addr:mine --data-macro i:1 \
        --end-of-header-macro i:2 --end-of-message-macro i:3 --helo-macro cipher:none
    assert_success
    wait_until eval '[ "$(grep -c "finished" "$LOG")" -ge 2 ]'
    run cat "$LOG"
    for line in 'connect: host=<h.test>, address=<inet6:25@[2001:db8::1]>' '  if_name=lo' \
        'helo: <helo.test>' '  cipher=none' 'envelope-from: <<f2@test>>' '  x=y' '  auth_authen=me' \
        '  auth_type=PLAIN' '  auth_author=you' 'envelope-recipient: <<r1@test>>' \
        'envelope-recipient: <<r2@test>>' '  rcpt_addr=mine' 'unknown: <FOO bar>' '  i=1' '  i=2' \
        '  i=3' 'header: <Subject: hi>' 'header: <From: <f2@test>>' 'header: <To: <r1@test>>' \
        'body: <one>' 'body: <two>'; do
        assert_line "$line"
    done
}

@test "a path is a unix socket" {
    filter
    run "$SERVER" -s "$SOCKET"
    assert_success
}

@test "client addresses: unix and unknown" {
    client
    serve --connect-address unix:/run/s
    serve --connect-address unknown
    wait_until eval '[ "$(grep -c "finished" "$LOG")" -eq 2 ]'
    run cat "$LOG"
    assert_line 'connect: host=<mx.example.net>, address=<unix:/run/s>'
    assert_line 'connect: host=<mx.example.net>, address=<unknown>'
}

@test "headers are appended, also of a name that exists" {
    filter
    serve -h A:1 -h B:2 -h A:3
    assert_equal "$(sent L)" 'A\x001\x00
B\x002\x00
A\x003\x00
From\x00<sender@example.com>\x00
To\x00<receiver@example.org>\x00'
}

# ---- what the filter answers

@test "verdicts at the end of the message" {
    local verdict
    for verdict in c:pass a:accept r:reject t:temporary-failure d:discard 4:temporary-failure; do
        rm -f "$SOCKET" "$LOG"
        filter "E=${verdict%%:*}"
        serve
        assert_success
        assert_line --index 0 "status: ${verdict#*:}"
    done
}

@test "verdicts at every stage end the session with ABORT and QUIT" {
    local letter
    for letter in C H M R T L N B; do
        rm -f "$SOCKET" "$LOG"
        filter "$letter=r"
        serve
        assert_success
        assert_line --index 0 'status: reject'
        wait_until grep -q '^Q' "$LOG"
        assert_equal "$(grep -v closed "$LOG" | tail -n 2 | cut -c1 | tr -d '\n')" AQ
    done
}

@test "reply codes: with and without enhanced code, without text, several lines" {
    local reply
    while IFS='=' read -r reply expected; do
        rm -f "$SOCKET" "$LOG"
        filter "E=y$reply\\x00"
        serve
        assert_success
        assert_line --index 0 "status: $expected"
    done <<'CASES'
550 5.7.1 no=reject [550]<5.7.1>(no)
451 4.3.2 later, 100%% sure=temporary-failure [451]<4.3.2>(later, 100%% sure)
554 plain text=reject [554]<(null)>(plain text)
550 =reject [550]<(null)>((null))
550 5.7.1=reject [550]<5.7.1>((null))
CASES
    rm -f "$SOCKET" "$LOG"
    filter 'E=y550-5.7.1 one\r\n550 5.7.1 two\x00'
    serve
    assert_line --index 0 'status: reject [550]<5.7.1>(one'
    assert_line --index 1 'two)'
}

@test "a refused recipient is dropped, the others go on" {
    filter 'R#1=y550 5.1.1 who\x00'
    serve -r a@x -r b@x --output-message
    assert_success
    assert_line --index 0 'status: pass [550]<5.1.1>(who)'
    assert_line '- RCPT TO:<a@x>'
    assert_line '+ RCPT TO:<b@x>'
    assert_equal "$(sent E)" ''
}

@test "all recipients refused: the last refusal counts and no data is sent" {
    filter 'R#1=r' 'R#2=y450 4.2.1 full\x00'
    serve -r a@x -r b@x
    assert_success
    assert_line --index 0 'status: temporary-failure [450]<4.2.1>(full)'
    wait_until grep -q '^Q' "$LOG"
    refute grep -q '^T' "$LOG"
    grep -q '^A' "$LOG"
}

@test "a bare verdict after a reply code is shown without the code" {
    filter 'R#1=y550 5.1.1 who\x00' E=r
    serve -r a@x -r b@x
    assert_line --index 0 'status: reject'
}

@test "421 and shutdown at a recipient end the session" {
    filter 'R=y421 4.3.2 closing\x00'
    serve -r a@x -r b@x
    assert_line --index 0 'status: temporary-failure [421]<4.3.2>(closing)'
    assert_equal "$(grep -c '^R' "$LOG")" 1
}

@test "accept and discard at a recipient end the session" {
    filter R=d
    serve -r a@x -r b@x
    assert_line --index 0 'status: discard'
}

@test "skip drops the rest of the body" {
    filter 'O=O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x00\x04\x00' B=s
    serve -b one -b two -b three
    assert_success
    assert_equal "$(sent B)" one
    grep -q '^E' "$LOG"
}

@test "quarantine shows the reason, but not for a refused mail" {
    filter 'E=qvirus?\x00|c'
    serve
    assert_line --index 0 'status: quarantine'
    assert_line --index 2 'Quarantine reason: <virus?>'
    rm -f "$SOCKET" "$LOG"
    filter 'E=qvirus?\x00|r'
    serve
    assert_line --index 0 'status: reject'
    refute_output --partial Quarantine
}

# ---- options of the filter

@test "events the filter does not want are not sent, promised replies not waited for" {
    # no-helo, no-body, and no reply to connect, mail, rcpt, data, header, end of header
    filter 'O=O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x05\xd0\x92' C=silent M=silent R=silent \
        T=silent L=silent N=silent
    serve --reading-timeout 2
    assert_success
    assert_line --index 0 'status: pass'
    refute grep -q '^[HB]' "$LOG"
    assert_equal "$(grep -v -e listening -e closed "$LOG" | cut -c1 | tr -d '\n')" ODCDDMDRDTLLDNDEQ
}

@test "an older filter sees neither DATA nor UNKNOWN" {
    filter 'O=O\x00\x00\x00\x02\x00\x00\x00\x3f\x00\x00\x00\x00'
    serve --unknown FOO
    assert_success
    refute grep -q '^[TU]' "$LOG"
}

@test "the offer" {
    filter
    serve
    assert_equal "$(sent O)" '\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff'
    rm -f "$SOCKET" "$LOG"
    filter 'O=O\x00\x00\x00\x04\x00\x00\x01\xff\x00\x00\x00\x00'
    serve --negotiate-version 4
    assert_success
    assert_equal "$(sent O)" '\x00\x00\x00\x04\x00\x00\x01\xff\x00\x1f\xff\xff'
}

@test "leading blanks of values, when negotiated" {
    filter 'O=O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x10\x00\x00' 'E=hX-A\x00tight\x00|hX-B\x00 loose\x00|c'
    serve --output-message -h Subject:hi
    assert_equal "$(sent L | head -n 1)" 'Subject\x00 hi\x00'
    assert_line '+ X-A:tight'
    assert_line '+ X-B: loose'
}

@test "macro lists: only what was asked for, unknown ones named after themselves" {
    filter 'O=O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x00\x00\x00\x00\x00\x00\x00j {client_addr}\x00\x00\x00\x00\x05i {msg_id}\x00'
    serve
    assert_line --index 0 'status: pass'
    assert_equal "$(sent D | grep '^C')" 'Cj\x00mail.example.com\x00{client_addr}\x00client_addr\x00'
    assert_equal "$(sent D | grep '^E')" 'Ei\x00i\x00{msg_id}\x00msg_id\x00'
    assert_equal "$(sent D | grep '^T')" 'Ti\x00i\x00'
}

@test "more than was offered is ignored and told" {
    filter 'O=O\x00\x00\x00\x06\x00\x01\x01\xff\x00\x00\x00\x00'
    serve
    assert_success
    assert_line --index 0 'status: pass'
    assert_regex "$stderr" 'not offered, ignored: actions 0x10000, steps 0x0'
}

# ---- --output-message

@test "the message as it went in" {
    client
    serve --output-message -b 'BODY TEXT'
    assert_equal "$(tail -n +3 <<<"$output")" '
Envelope:------------------------------
  MAIL FROM:<sender@example.com>
  RCPT TO:<receiver@example.org>
Header:--------------------------------
  From: <sender@example.com>
  To: <receiver@example.org>
Body:----------------------------------
BODY TEXT'
}

@test "the message after every kind of edit" {
    filter 'E=hX-Added\x00end\x00|i\x00\x00\x00\x00X-Top\x00first\x00|i\x00\x00\x00\x02X-Two\x00third\x00|m\x00\x00\x00\x01Subject\x00new\x00|m\x00\x00\x00\x02x-dup\x00\x00|e<new@x>\x00SIZE=1\x00|+<more@x>\x00|2<arg@x>\x00NOTIFY=NEVER\x00|-<b@x>\x00|-<nobody@x>\x00|bnew |p|bbody|c'
    serve --output-message -r a@x -r b@x -h Subject:old -h X-Dup:1 -h X-Dup:2
    assert_success
    assert_equal "$(tail -n +3 <<<"$output")" '
Envelope:------------------------------
- MAIL FROM:<sender@example.com>
+ MAIL FROM:<new@x>
  RCPT TO:<a@x>
- RCPT TO:<b@x>
+ RCPT TO:<more@x>
+ RCPT TO:<arg@x>
Header:--------------------------------
+ X-Top: first
- Subject: old
+ Subject: new
+ X-Two: third
  X-Dup: 1
- X-Dup: 2
  From: <sender@example.com>
  To: <a@x>
+ X-Added: end
Body:----------------------------------
new body'
}

@test "a body replaced by nothing is empty" {
    filter 'E=b|c'
    serve --output-message
    assert_equal "$(body_after)" ''
}

@test "a folded field is shown line by line" {
    filter 'E=hX-Fold\x00one\n\ttwo\x00|c'
    serve --output-message
    assert_line '+ X-Fold: one'
    assert_line $'+ \ttwo'
}

@test "colours: on demand, and not into a pipe" {
    filter 'E=hX-A\x00v\x00|e<n@x>\x00|c'
    local value
    for value in --color --color=yes --color=true; do
        serve --output-message $value
        assert_line $'\e[01;32m+ X-A: v\e[00m'
        assert_line $'\e[01;31m- MAIL FROM:<sender@example.com>\e[00m'
        assert_line '  To: <receiver@example.org>'
    done
    for value in --color=no --color=false --color=auto --verbose; do
        MILTER_LOG_LEVEL=none serve --output-message $value
        assert_line '+ X-A: v'
    done
}

@test "colours: on a terminal that has them" {
    script -qec true /dev/null >/dev/null || skip "this machine has no pseudo-terminals"
    filter 'E=hX-A\x00v\x00|e<n@x>\x00|c'
    TERM=xterm run script -qec "$SERVER -s $SOCKET --output-message" /dev/null
    assert_output --partial $'\e[01;32m+ X-A: v\e[00m'
    TERM=dumb EMACS='' run script -qec "$SERVER -s $SOCKET --output-message" /dev/null
    refute_output --partial $'\e['
}

@test "a body in another character set is shown as UTF-8" {
    filter
    serve --output-message -h 'Content-Type:text/plain; charset="iso-8859-1"; x=y' -b $'caf\xe9'
    assert_equal "$(body_after)" 'café'
    serve --output-message -h 'Content-Type:text/plain; charset=utf-8; x=y' -b $'caf\xe9'
    assert_line 'Error:---------------------------------'
    assert_line --partial 'cannot convert the body from utf-8 to UTF-8: '
    assert_line '---------------------------------------'
    serve --output-message -h 'Content-Type:text/plain; charset=no-such-set' -b text
    assert_line "cannot convert the body: unknown character set 'no-such-set'"
    assert_line text
}

# ---- mail files

@test "a mail file gives envelope, header and body" {
    filter
    printf 'From x\nFrom: Joe <joe@x>\nTo: a@y (A)\nto: not@envelope\nTo: <b@y>\nSubject: one\n two\nX-Tab:\t v\n\nline 1\r\n\nlast\n' >"$DIR/mail"
    serve -h X-First:1 -r gone@z -m "$DIR/mail"
    assert_success
    assert_equal "$(sent M)" '<joe@x>\x00'
    assert_equal "$(sent R)" '<a@y>\x00
<b@y>\x00'
    assert_equal "$(sent L)" 'X-First\x001\x00
From\x00Joe <joe@x>\x00
To\x00a@y (A)\x00
to\x00not@envelope\x00
To\x00<b@y>\x00
Subject\x00one\n two\x00
X-Tab\x00v\x00'
    assert_equal "$(sent B)" 'line 1\r\n\nlast'
}

@test "options behind a mail file override its envelope, from standard input too" {
    filter
    printf 'From: joe@x\nTo: a@y\n\nbody\n' >"$DIR/mail"
    run "$SERVER" -s "$SOCKET" -r old@z -m - -f '' -r new@z -r more@z <"$DIR/mail"
    assert_success
    assert_equal "$(sent M)" '<>\x00'
    assert_equal "$(sent R)" '<new@z>\x00
<more@z>\x00'
    assert_equal "$(sent B)" body
}

@test "a long body is cut at line ends into chunks every filter reads" {
    filter
    { printf 'Subject: long\n\n'; seq -f 'line %06g' 20000; } >"$DIR/mail"
    serve -m "$DIR/mail" --output-message
    assert_success
    assert_equal "$(body_after | cksum)" "$(seq -f 'line %06g' 20000 | cksum)"
    run sent B
    assert_equal "${#lines[@]}" 4
    for line in "${lines[@]::3}"; do
        assert_regex "$line" '\\n$'
    done
}

@test "bodies without any byte send no BODY" {
    filter
    serve -m "$MAILS/no-body.eml"
    assert_success
    serve -b ''
    assert_success
    refute grep -q '^B' "$LOG"
}

@test "the mails of the fixtures go through" {
    local mail
    client
    for mail in "$MAILS"/*.eml; do
        serve -m "$mail" --output-message
        assert_success
        assert_line --index 0 'status: pass'
        refute_line --regexp '^[-+] '
    done
}

@test "mail files that cannot be used" {
    run --separate-stderr "$SERVER" -s "$SOCKET" -m "$DIR/none"
    assert_failure 1
    assert_regex "$stderr" "$DIR/none does not exist\.\$"
    printf 'Subject: x\n: nameless\n\n' >"$DIR/mail"
    run --separate-stderr "$SERVER" -s "$SOCKET" -m "$DIR/mail"
    assert_failure 1
    assert_regex "$stderr" 'invalid header: : nameless$'
    printf 'From: <open\n\n' >"$DIR/mail"
    run --separate-stderr "$SERVER" -s "$SOCKET" -m "$DIR/mail"
    assert_failure 1
    assert_regex "$stderr" 'invalid mail address: <open$'
}

# ---- failures: one sentence on standard error, nothing on standard output, exit 1

# refused PATTERN : the last run failed with that sentence
refused() {
    assert_failure 1
    assert_equal "$output" ''
    assert_regex "$stderr" "$1"
    assert_equal "$(wc -l <<<"$stderr")" 1
}

@test "nobody there" {
    serve
    refused "^Failed to connect to unix:$SOCKET: No such file or directory\$"
    run --separate-stderr "$SERVER" -s inet:1@127.0.0.1
    refused '^Failed to connect to inet:1@127.0.0.1: Connection refused$'
    run --separate-stderr "$SERVER"
    refused '^Failed to connect: no filter is named'
}

@test "connection timeout" {
    # A listener whose backlog is full takes no more connections.
    /usr/bin/python3 - "$SOCKET" 3>&- <<'PYTHON' &
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
held = socket.socket(socket.AF_UNIX)
held.connect(sys.argv[1])
open(sys.argv[1] + '.ready', 'w').close()
time.sleep(60)
PYTHON
    PEERS+=($!)
    wait_until test -e "$SOCKET.ready"
    serve --connection-timeout 0.3
    refused "^connection timeout: unix:$SOCKET .*0\.3 seconds"
}

@test "reading timeout, at the negotiation and at a command" {
    filter O=silent
    serve --reading-timeout 0.3
    refused "^reading timeout: no answer from unix:$SOCKET for 0\.3 seconds \(negotiate: 0 bytes read, 17 bytes written\); .* wait for a line"
    rm -f "$SOCKET" "$LOG"
    filter N=silent
    serve --reading-timeout 1
    refused '^reading timeout: .*\(end-of-header: [0-9]+ bytes read, [0-9]+ bytes written\)$'
    wait_until grep -q '^Q' "$LOG"
    assert_equal "$(grep -v closed "$LOG" | tail -n 2 | cut -c1 | tr -d '\n')" AQ
}

@test "half a packet is no answer" {
    filter 'H=raw:\x00\x00'
    serve --all-timeouts 1
    refused '^reading timeout: .*\(helo: '
}

@test "end-of-message timeout, prolonged by progress" {
    filter E=silent
    serve --end-of-message-timeout 0.3
    refused '^end-of-message timeout: .* for 0\.3 seconds \(end-of-message: '
    rm -f "$SOCKET" "$LOG"
    filter 'E=wait:0.8|p|wait:0.8|c'
    serve --end-of-message-timeout 1.5 --reading-timeout 1
    assert_success
    rm -f "$SOCKET" "$LOG"
    filter 'E=wait:1.5|c'
    serve --reading-timeout 1
    assert_success
}

@test "writing timeout" {
    # no-reply-body: the body is written without waiting; nobody reads it
    filter 'O=O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x08\x00\x00' 'N=c|wait:30'
    head -c 3000000 /dev/zero | tr '\0' 'x' | fold >"$DIR/body"
    { printf 'Subject: x\n\n'; cat "$DIR/body"; } >"$DIR/mail"
    serve --writing-timeout 0.3 -m "$DIR/mail"
    refused '^writing timeout: writing to .* timed out: .*bytes written\)$'
}

@test "the peer closes" {
    local letter
    for letter in C:connect R:envelope-recipient L:header E:end-of-message; do
        rm -f "$SOCKET" "$LOG"
        filter "${letter%:*}=close"
        serve
        refused "^connection closed by unix:$SOCKET \(${letter#*:}: [0-9]+ bytes read, [0-9]+ bytes written\)\$"
    done
}

@test "the peer closes without a word: what that may mean" {
    filter O=close
    serve
    refused "^connection closed by unix:$SOCKET \(negotiate: 0 bytes read, 17 bytes written\); .*TLS.*--negotiate-version"
}

@test "the peer closes behind its last word" {
    filter 'C=r|close'
    serve
    assert_success
    assert_line --index 0 'status: reject'
}

@test "the peer speaks something else" {
    while IFS='=' read -r bytes words; do
        rm -f "$SOCKET" "$LOG"
        filter "O=raw:$bytes"
        serve
        refused "^unix:$SOCKET breaks the protocol: .*$words.*\(negotiate: "
    done <<'CASES'
220 mail.example.com ESMTP\r\n=SMTP
HTTP/1.1 400 Bad Request\r\n\r\n=HTTP
<!DOCTYPE HTML>\n=HTTP
UNKNOWN COMMAND\x00=clamd
UNKNOWN COMMAND\n=clamd
COMMAND READ TIMED OUT\n=clamd
\x15\x03\x01\x00\x02\x02\x46=TLS
\x00\x00\x00\x00=length
\xff\xff\xff\xff=above the limit
\x00\x00\x00\x01?=unknown reply
\x00\x00\x00\x02Ox=
CASES
}

@test "answers nobody asked for" {
    filter 'H=raw:\x00\x00\x00\x01c\x00\x00\x00\x01c'
    serve
    refused 'breaks the protocol: 5 bytes nobody asked for behind the reply to helo \('
    rm -f "$SOCKET" "$LOG"
    filter 'M=hX-A\x00v\x00'
    serve
    refused 'breaks the protocol: .*\(envelope-from: '
    rm -f "$SOCKET" "$LOG"
    filter H=f
    serve
    refused 'breaks the protocol: .*connection-failure.*\(helo: '
}

@test "bad options" {
    local arguments pattern
    while IFS='=' read -r arguments pattern; do
        # shellcheck disable=SC2086
        run --separate-stderr "$SERVER" $arguments
        assert_failure 1
        assert_equal "$output" ''
        assert_regex "$stderr" "$pattern"
    done <<'CASES'
-s foo=spec doesn't have colon: <foo>
-s inet:=spec doesn't have content: <inet:>
-s tcp:1=protocol must be 'unix', 'inet' or 'inet6': <tcp:1>: <tcp>
-s inet:99999=port number should be less than 65536: <inet:99999>: <99999>
--connect-address nonsense=--connect-address: spec doesn't have colon
--connect-macro x=macro name and value delimiter ':' doesn't exist: <x>
--end-of-message-macro x=macro name and value delimiter ':' doesn't exist: <x>
-h x=headers option should be 'NAME:VALUE'
--color blue=Invalid color value: blue
--reading-timeout soon=--reading-timeout: .*soon
--negotiate-version six=--negotiate-version: .*six
-t two=-t: invalid integer value: <two>
--no-such-option=--no-such-option: unknown option
--helo-fqdn=--helo-fqdn: missing argument
CASES
}

@test "--help, -? and --version" {
    run --separate-stderr "$SERVER" --help
    assert_success
    assert_equal "$stderr" ''
    for option in name connection-spec negotiate-version connect-host connect-address connect-macro \
        helo-fqdn helo-macro envelope-from envelope-from-macro envelope-recipient \
        envelope-recipient-macro data-macro header end-of-header-macro body end-of-message-macro \
        unknown authenticated-name authenticated-type authenticated-author mail-file \
        output-message color connection-timeout reading-timeout writing-timeout \
        end-of-message-timeout all-timeouts threads verbose version help; do
        assert_output --partial -- "--$option"
    done
    refute_output --regexp -- '--(from|recipient)[= ]'
    run "$SERVER" '-?'
    assert_success
    run "$SERVER" --version
    assert_success
    assert_output "milter-test-server $(cat "$BATS_TEST_DIRNAME/../../VERSION")"
}

@test "--verbose logs the conversation under the name given" {
    filter
    serve --verbose --name tester
    assert_success
    assert_line --partial '[tester][helo]'
    MILTER_LOG_LEVEL=none serve --verbose
    assert_equal "${#lines[@]}" 2
}

@test "a report that cannot be written is a failure" {
    filter
    run bash -c '"$1" -s "$2" >/dev/full' - "$SERVER" "$SOCKET"
    assert_failure 1
    assert_output --partial 'failed to write the report'
}
