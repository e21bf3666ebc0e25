#!/usr/bin/env bats
# milter-test-client: what it prints, what it answers, how it starts and stops
# (tools.md section 2), against milter-test-server and a scripted mail server.

bats_require_minimum_version 1.5.0

load client.bash

setup() {
    client_setup
}

teardown() {
    client_teardown
}

# ---- what it prints and answers

@test "every event has its line, with the macros of that stage" {
    client
    run mta 'O\x00\x00\x00\x06\x00\x00\x00\x11\x00\x00\x05\x02' 'DCj\x00mx\x00{daemon_name}\x00d\x00' \
        "$CONNECT" DH 'Hhelo\x00' 'DM{mail_addr}\x00a@x\x00' 'M<a@x>\x00SIZE=1\x00' 'R<b@y>\x00' \
        'UFOO bar\x00' T 'DLi\x00Q1\x00' 'LSubject\x00hi\x00' 'LX-Empty\x00\x00' N 'Bone\r\ntwo' E A Q
    assert_success
    wait_until grep -q finished "$DIR/out"
    assert_equal "$(cat "$DIR/out")" "$(
        cat <<'EXPECTED'
negotiate: version=<6>, action=<add-headers|change-headers>, step=<no-helo|no-unknown|skip>
connect: host=<mx.test>, address=<inet:50443@[192.0.2.45]>
macros:
  j=mx
  daemon_name=d
helo: <helo>
envelope-from: <<a@x>>
macros:
  mail_addr=a@x
envelope-recipient: <<b@y>>
unknown: <FOO bar>
data
header: <Subject: hi>
macros:
  i=Q1
header: <X-Empty: >
end-of-header
EXPECTED
    )
body: <one"$'\r'"
two>
end-of-message
abort
finished"
    assert_equal "$(cat "$DIR/err")" ''
}

@test "all flags have names" {
    client
    run mta O Q
    wait_until grep -q finished "$DIR/out"
    assert_equal "$(head -n 1 "$DIR/out")" 'negotiate: version=<6>, action=<add-headers|change-body|add-envelope-recipient|delete-envelope-recipient|change-headers|quarantine|change-envelope-from|add-envelope-recipient-with-parameters|set-symbol-list>, step=<no-connect|no-helo|no-envelope-from|no-envelope-recipient|no-body|no-headers|no-end-of-header|no-reply-header|no-unknown|no-data|skip|envelope-recipient-rejected|no-reply-connect|no-reply-helo|no-reply-envelope-from|no-reply-envelope-recipient|no-reply-data|no-reply-unknown|no-reply-end-of-header|no-reply-body|header-value-with-leading-space>'
}

@test "the negotiation answer, and continue to everything" {
    client
    run mta O "$CONNECT" 'Hx\x00' 'M<>\x00' 'R<b@y>\x00' 'UX\x00' T 'LA\x00b\x00' N Bx Ex A Q eof
    assert_output 'O: O00000006000001ff00000400
C: c
H: c
M: c
R: c
U: c
T: c
L: c
N: c
B: c
E: c
eof'
    run mta 'O\x00\x00\x00\x02\x00\x00\x00\x3f\x00\x00\x00\x7f'
    assert_output 'O: O000000020000003f00000000'
}

@test "the addresses of clients" {
    client
    mta O 'Ch\x006\x00\x19IPv6:2001:db8::1\x00' Q
    mta O 'Ch\x006\x00\x192001:db8::2\x00' Q
    mta O 'Ch\x00L\x00\x00/run/s\x00' Q
    mta O 'Cunknown\x00U' Q
    wait_until finished_are 4
    run grep '^connect' "$DIR/out"
    assert_output 'connect: host=<h>, address=<inet6:25@[2001:db8::1]>
connect: host=<h>, address=<inet6:25@[2001:db8::2]>
connect: host=<h>, address=<unix:/run/s>
connect: host=<unknown>, address=<unknown>'
}

@test "the end of the message with data" {
    client
    mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' 'Elast words' Q
    wait_until grep -qxF 'end-of-message: <last words>' "$DIR/out"
}

@test "macros of a stage are printed once" {
    client
    mta O "$CONNECT" 'M<a>\x00' 'DRi\x001\x00' 'R<b>\x00' 'R<c>\x00' 'DRi\x002\x00' 'R<d>\x00' Q
    wait_until grep -q finished "$DIR/out"
    assert_equal "$(grep -A 2 "^envelope-recipient" "$DIR/out" | grep -v "^--")" 'envelope-recipient: <<b>>
macros:
  i=1
envelope-recipient: <<c>>
envelope-recipient: <<d>>
macros:
  i=2'
}

@test "several messages, ABORT anywhere, a second CONNECT, a new session by K" {
    client
    run mta O A A "$CONNECT" A 'M<1>\x00' A 'M<2>\x00' 'R<b>\x00' E 'M<3>\x00' 'R<b>\x00' T A \
        "$CONNECT" 'M<4>\x00' 'R<b>\x00' E A K "$CONNECT" 'M<5>\x00' A A Q eof
    assert_success
    refute_output --partial closed
    assert_line eof
    wait_until finished_are 2
    assert_equal "$(grep -v negotiate "$DIR/out" | sed 's/:.*<<\(.\)>>/\1/; s/: .*//')" "$(
        printf '%s\n' abort abort connect abort envelope-from1 abort envelope-from2 \
            envelope-recipientb end-of-message envelope-from3 envelope-recipientb data abort \
            connect envelope-from4 envelope-recipientb end-of-message abort finished connect \
            envelope-from5 abort abort finished
    )"
    assert_equal "$(cat "$DIR/err")" ''
}

@test "sessions at the same time" {
    client
    mta_in_background O "$CONNECT" 'Hslow\x00' wait:3 'M<slow>\x00' Q
    wait_until grep -q slow "$DIR/out"
    for _ in 1 2 3; do
        run "$SERVER" -s "$SPEC"
        assert_success
    done
    refute grep -q '<<slow>>' "$DIR/out"
    wait_until grep -q '<<slow>>' "$DIR/out"
}

@test "a reader of a pipe sees a line at once" {
    mkfifo "$DIR/pipe"
    "$CLIENT" -s "$SPEC" >"$DIR/pipe" 2>/dev/null 3>&- &
    PEERS+=($!)
    exec 7<"$DIR/pipe"
    wait_until test -S "$SOCKET"
    mta_in_background O wait:5 Q
    read -r -t 3 -u 7 line
    assert_regex "$line" '^negotiate: '
    exec 7<&-
}

@test "--no-report-request prints nothing" {
    client --no-report-request
    run "$SERVER" -s "$SPEC"
    assert_success
    stop
    assert_equal "$(cat "$DIR/out" "$DIR/err")" ''
}

@test "what cannot be printed is told at the end" {
    "$CLIENT" -s "$SPEC" >/dev/full 2>"$DIR/err" 3>&- &
    PID=$!
    PEERS+=("$PID")
    wait_until test -S "$SOCKET"
    settled
    local status=0
    stop || status=$?
    assert_equal "$status" 1
    assert_regex "$(cat "$DIR/err")" 'failed to print everything that was received: '
}

@test "replies may be collected, finished sessions be cleared one by one" {
    client --packet-buffer-size 65536 --max-pending-finished-sessions 1 --event-loop-backend libev
    run mta O "$CONNECT" 'raw:\x00\x00\x00\x03Hx\x00\x00\x00\x00\x04M<>\x00' reply reply Q eof
    assert_output --partial 'r: c
r: c
eof'
    for _ in 1 2 3; do
        run "$SERVER" -s "$SPEC"
        assert_success
    done
}

# ---- peers that break the rules: named on standard error, closed, the next one is served

# breaks PATTERN STEP... : the client closes and says why
breaks() {
    local pattern=$1
    shift
    run mta "$@" eof
    assert_output --partial eof
    wait_until grep -qE "^milter-test-client: .*$pattern.*\(after .*[0-9]+ bytes read, [0-9]+ written\)\$" "$DIR/err"
    : >"$DIR/err"
    run "$SERVER" -s "$SPEC"
    assert_success
}

@test "bytes that are no milter protocol" {
    client
    breaks 'SMTP' 'raw:EHLO mail.test\r\n'
    breaks 'HTTP' 'raw:GET / HTTP/1.0\r\n\r\n'
    breaks 'length' 'raw:\x00\x00\x00\x00'
    breaks 'limit' 'raw:\xff\xff\xff\xff'
    breaks 'unknown command' 'raw:\x00\x00\x00\x01?'
}

@test "commands out of order" {
    client
    breaks 'connect.*out of order' 'raw:\x00\x00\x00\x0cCx\x004\x00\x001.2.3\x00'
    breaks 'envelope-recipient.*out of order' O "$CONNECT" 'raw:\x00\x00\x00\x04R<>\x00'
    breaks 'negotiate.*out of order' O 'raw:\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00'
    breaks 'version 1' 'raw:\x00\x00\x00\x0dO\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00'
}

@test "a mail server that goes away without QUIT" {
    client
    mta O "$CONNECT" close
    wait_until grep -q 'connection closed by .*(after connect, ' "$DIR/err"
    assert_equal "$(tail -n 1 "$DIR/out")" finished
    : >"$DIR/err"
    mta close
    run "$SERVER" -s "$SPEC"
    assert_success
    assert_equal "$(cat "$DIR/err")" ''
}

# ---- start and stop

@test "TERM and INT stop in order and remove the socket" {
    local signal
    for signal in TERM INT; do
        client
        settled
        stop $signal
        assert [ ! -e "$SOCKET" ]
    done
}

@test "a running session is finished first, nothing new is taken" {
    client
    mta_in_background O "$CONNECT" wait:1 'Hlate\x00' Q
    wait_until grep -q '^connect' "$DIR/out"
    kill -TERM "$PID"
    wait_until test ! -e "$SOCKET"
    run --separate-stderr "$SERVER" -s "$SPEC"
    assert_failure 1
    wait "$MTA"
    wait "$PID"
    assert_equal "$(tail -n 1 "$DIR/mta")" 'H: c'
    assert_equal "$(tail -n 2 "$DIR/out")" 'helo: <late>
finished'
}

@test "a second signal ends it at once" {
    client
    mta_in_background O "$CONNECT" wait:30
    wait_until grep -q '^connect' "$DIR/out"
    kill -TERM "$PID"
    wait_until test ! -e "$SOCKET"
    local status=0
    kill -TERM "$PID"
    wait "$PID" || status=$?
    assert_equal "$status" 143
}

@test "where it listens: option, environment" {
    local port
    port=$(free_port)
    MILTER_DEFAULT_CONNECTION_SPEC=inet:$port@127.0.0.1 "$CLIENT" >"$DIR/out" 2>&1 3>&- &
    PEERS+=($!)
    SPEC=inet:$port@127.0.0.1 settled
    MILTER_DEFAULT_CONNECTION_SPEC=nonsense client
    settled
    MILTER_DEFAULT_CONNECTION_SPEC=nonsense run --separate-stderr "$CLIENT"
    assert_failure 1
    assert_regex "$stderr" "MILTER_DEFAULT_CONNECTION_SPEC: spec doesn't have colon: <nonsense>"
}

@test "mode and group of the unix socket" {
    client
    assert_equal "$(stat -c %a "$SOCKET")" 660
    stop
    client --unix-socket-mode ug=rwx --unix-socket-group "$(id -gn)"
    wait_until eval '[ "$(stat -c %a "$SOCKET")" = 770 ]'
    assert_equal "$(stat -c %G "$SOCKET")" "$(id -gn)"
    stop
    client --unix-socket-mode=0600 --socket-group-name "$(id -gn)"
    wait_until eval '[ "$(stat -c %a "$SOCKET")" = 600 ]'
    assert_regex "$(cat "$DIR/err")" '--socket-group-name is deprecated'
}

@test "a socket that is alive, a plain file, a missing directory: no start" {
    client
    run --separate-stderr "$CLIENT" -s "$SPEC"
    assert_failure 1
    assert_equal "$output" ''
    assert_regex "$stderr" '^milter-test-client: failed to listen: '
    settled
    echo precious >"$DIR/plain"
    run --separate-stderr "$CLIENT" -s "unix:$DIR/plain"
    assert_failure 1
    assert_equal "$(cat "$DIR/plain")" precious
    run --separate-stderr "$CLIENT" -s "unix:$DIR/none/x"
    assert_failure 1
    assert_regex "$stderr" 'failed to listen: .*No such file or directory'
}

@test "a dead socket is replaced" {
    client
    settled
    kill -KILL "$PID"
    wait "$PID" || true
    assert [ -S "$SOCKET" ]
    client
    settled
}

@test "the pid file" {
    client --pid-file "$DIR/pid"
    wait_until test -s "$DIR/pid"
    assert_equal "$(cat "$DIR/pid")" "$PID"
    settled
    stop
    assert [ ! -e "$DIR/pid" ]
    run --separate-stderr "$CLIENT" -s "$SPEC" --pid-file "$DIR/none/pid"
    assert_failure 1
    assert_regex "$stderr" 'failed to write the pid file: '
    assert [ ! -e "$SOCKET" ]
}

@test "a daemon listens when its starter has returned, relative paths included" {
    cd "$DIR"
    run "$CLIENT" --daemon -s unix:client.sock --pid-file pid 3>&-
    assert_success
    assert_output ''
    local daemon
    daemon=$(cat "$DIR/pid")
    run "$SERVER" -s "$SPEC"
    assert_success
    run "$CLIENT" --daemon -s "$SPEC" 3>&-
    assert_failure 1
    assert_output --partial 'failed to listen'
    kill -TERM "$daemon"
    wait_until test ! -e "$DIR/pid"
    wait_until test ! -e "$SOCKET"
}

@test "--no-daemon cancels --daemon" {
    client --daemon --no-daemon --pid-file "$DIR/pid"
    wait_until test -s "$DIR/pid"
    assert_equal "$(cat "$DIR/pid")" "$PID"
}

@test "user and group" {
    [ "$(id -u)" -eq 0 ] || skip 'needs root'
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$DIR"
    client -u nobody -g "$(id -gn nobody)"
    settled
    assert_equal "$(stat -c %U "$SOCKET")" nobody
    assert_equal "$(stat -c %U "/proc/$PID")" nobody
    stop
    rm -f "$SOCKET"
    client --user-id 65534 --group-name daemon
    settled
    assert_equal "$(awk '/^Gid:/ { print $2 }' "/proc/$PID/status")" "$(id -g daemon)"
    stop
    rm -f "$SOCKET"
    client --group-id "$(id -g daemon)"
    settled
    assert_equal "$(awk '/^Uid:/ { print $2 }' "/proc/$PID/status")" 0
    assert_equal "$(awk '/^Gid:/ { print $2 }' "/proc/$PID/status")" "$(id -g daemon)"
    stop
    run --separate-stderr "$CLIENT" -s "$SPEC" --user-name no-such-user
    assert_failure 1
    assert_regex "$stderr" 'failed to drop privilege: .*no-such-user'
}

# ---- log

@test "the log: level, path, verbose, quiet" {
    client --log-level all --log-path "$DIR/log"
    settled
    stop
    run cat "$DIR/log"
    assert_line --partial "[client][listen][start] <$SPEC>"
    assert_line --partial '[client][helo]'
    client -v
    settled
    stop
    run cat "$DIR/out"
    assert_line --partial '[client][helo]'
    client -v -q
    settled
    stop
    run cat "$DIR/out"
    refute_output --partial '[client]'
}

@test "syslog options" {
    client --syslog --syslog-facility local3
    settled
    stop
    run --separate-stderr "$CLIENT" --syslog-facility kitchen
    assert_failure 1
    assert_regex "$stderr" '--syslog-facility: unknown syslog facility: <kitchen>'
}

# ---- options

@test "bad options" {
    local arguments pattern
    while IFS='=' read -r arguments pattern; do
        # shellcheck disable=SC2086
        run --separate-stderr "$CLIENT" $arguments
        assert_failure 1
        assert_equal "$output" ''
        assert_regex "$stderr" "$pattern"
    done <<'CASES'
-s foo=--connection-spec: spec doesn't have colon: <foo>
--n-workers 2000=--n-workers: too big
--output-format xml=--output-format: unknown format <xml>; text, json and session are known
--event-loop-backend glib=--event-loop-backend: .*glib
--event-loop-backend x=unknown event loop backend: <x> available values: \[glib\|libev\]
--unix-socket-mode 888=--unix-socket-mode: must be 0-7: '8': <888>
--user-id me=--user-id: invalid .*<me>
--group-id me=--group-id: invalid .*<me>
--log-level loud=--log-level: .*loud
--log-path /no/such/directory/log=--log-path: .*No such file
--packet-buffer-size x=--packet-buffer-size: invalid integer value: <
--no-such-option=--no-such-option: unknown option
CASES
}

@test "--help, -h, -? and --version" {
    for option in --help -h '-?'; do
        run --separate-stderr "$CLIENT" "$option"
        assert_success
        assert_equal "$stderr" ''
        assert_line --index 0 'Usage: milter-test-client [OPTION...]'
    done
    for option in connection-spec log-level log-path verbose quiet syslog syslog-facility daemon \
        no-daemon user user-id user-name group group-id group-name unix-socket-group \
        unix-socket-mode n-workers event-loop-backend packet-buffer-size pid-file \
        max-pending-finished-sessions action add-header insert-header change-header delete-header \
        change-from add-recipient delete-recipient replace-body quarantine progress \
        negotiate-version negotiate-actions negotiate-steps request-macros delay close garbage \
        partial hang fail-every output-format no-report-request report-memory-profile version help; do
        assert_output --partial -- "--$option"
    done
    run "$CLIENT" --version
    assert_success
    assert_output "$(cat "$BATS_TEST_DIRNAME/../../VERSION")"
}

@test "a standard output nobody reads any more stops nobody's mail" {
    mkfifo "$DIR/pipe"
    "$CLIENT" -s "$SPEC" --pid-file "$DIR/pid" >"$DIR/pipe" 2>"$DIR/err" 3>&- &
    PID=$!
    PEERS+=("$PID")
    : <"$DIR/pipe"
    wait_until test -S "$SOCKET"
    run "$SERVER" -s "$SPEC"
    assert_success
    assert_line 'status: pass'
    status=0
    stop || status=$?
    assert_equal "$status" 1
    assert_equal "$(cat "$DIR/err")" 'milter-test-client: failed to print everything that was received: standard output: Broken pipe'
    test ! -e "$SOCKET"
    test ! -e "$DIR/pid"
}

@test "a standard output that is stalled ends with the second signal" {
    mkfifo "$DIR/pipe"
    sleep 60 <"$DIR/pipe" 3>&- &
    PEERS+=("$!")
    "$CLIENT" -s "$SPEC" >"$DIR/pipe" 2>"$DIR/err" 3>&- &
    PID=$!
    PEERS+=("$PID")
    wait_until test -S "$SOCKET"
    head -c 60000 /dev/zero | tr '\0' x >"$DIR/chunk"
    "$SERVER" -s "$SPEC" --all-timeouts 1 -b "$(cat "$DIR/chunk")" -b "$(cat "$DIR/chunk")" || true
    kill -TERM "$PID"
    sleep 0.2 # two signals of a kind at once are one
    kill -TERM "$PID"
    status=0
    wait "$PID" || status=$?
    assert_equal "$status" 1
    assert_regex "$(cat "$DIR/err")" 'failed to print everything that was received: standard output: Interrupted'
    kill -0 "${PEERS[0]}" # the reader that does not read is still there
}

@test "an MTA that does not wait for its reply is not listened to for ever" {
    client --hang helo --no-report-request
    run /usr/bin/python3 - "$SOCKET" <<'PYTHON'
import socket, struct, sys
def packet(letter, payload=b''):
    return struct.pack('>I', len(payload) + 1) + letter + payload
mta = socket.socket(socket.AF_UNIX)
mta.settimeout(20)
mta.connect(sys.argv[1])
mta.sendall(packet(b'O', struct.pack('>III', 6, 0x1ff, 0x1fffff)))
mta.recv(100)
mta.sendall(packet(b'C', b'x\0U'))
mta.recv(100)
mta.sendall(packet(b'H', b'x\0'))
sent = 0
try:
    while sent < 100 << 20:
        mta.sendall(packet(b'U', b'x' * 65000 + b'\0'))
        sent += 65000
except OSError:
    pass
print(sent < 50 << 20)
PYTHON
    assert_output True
    wait_until grep -q 'while one is owed; the connection is closed' "$DIR/err"
}
