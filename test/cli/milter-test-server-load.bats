#!/usr/bin/env bats
# milter-test-server with several messages, several sessions and under load:
# every option, what is sent, what is reported, what is counted when the filter
# stalls.  test/run: alone; test/run: not sanitized

bats_require_minimum_version 1.5.0

load server.bash

setup() {
    server_setup
}

teardown() {
    server_teardown
}

# letters : what was sent, a letter for each packet but for macros
letters() {
    sed -n 's/^\([A-CE-Z]\)\( .*\)\{0,1\}$/\1/p' "$LOG" | tr -d '\n'
}

# json EXPRESSION : of the report in $output, as Python sees it in r
json() {
    /usr/bin/python3 -c 'import json, sys; r = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' \
        "$output" "$1"
}

# holds EXPRESSION : of the report in $output
holds() {
    assert_equal "$1: $(json "$1")" "$1: True"
}

# ---- several messages

@test "--n-messages: MAIL to the end again and again, ABORT between" {
    filter
    serve --n-messages 3
    assert_success
    assert_line --index 0 'status: pass'
    assert_equal "${#lines[@]}" 2
    wait_until grep -q '^Q' "$LOG"
    assert_equal "$(letters)" OCHMRTLLNBEAMRTLLNBEAMRTLLNBEQ
}

@test "--n-messages: messages that fare differently have a line each" {
    filter 'E#1=y550 5.7.1 no\x00' 'E#3=a'
    serve --n-messages 3
    assert_success
    assert_line --index 0 'status: accept'
    assert_line --index 1 --regexp '^elapsed-time: '
    assert_line --index 2 'message 1 status: reject [550]<5.7.1>(no)'
    assert_line --index 3 'message 2 status: pass'
    assert_line --index 4 'message 3 status: accept'
    assert_equal "${#lines[@]}" 5
}

@test "--n-messages: a message refused before its end does not stop the next one" {
    filter 'R#1=r' 'M#2=t' 'E#2=q'
    serve --n-messages 3
    assert_success
    assert_line --index 0 'status: pass'
    assert_line 'message 1 status: reject'
    assert_line 'message 2 status: temporary-failure'
    wait_until grep -q '^Q' "$LOG"
    assert_equal "$(letters)" OCHMRAMAMRTLLNBEQ
}

@test "--n-messages: what is said at connect and helo stands for the whole connection" {
    local letter
    for letter in C H; do
        filter "$letter=a"
        serve --n-messages 2
        assert_success
        assert_line --index 0 'status: accept'
        assert_line 'messages: 0 of 2, the last answer ended the connection'
        wait_until grep -q '^Q' "$LOG"
        assert_equal "$(letters)" "$([[ $letter == C ]] && echo OCAQ || echo OCHAQ)"
    done
    filter 'R=y421 4.3.2 closing\x00'
    serve --n-messages 2
    assert_line --index 0 'status: temporary-failure [421]<4.3.2>(closing)'
    assert_line 'messages: 1 of 2, the last answer ended the connection'
}

@test "--n-messages: the message printed is the last one, with its own changes" {
    filter 'E#1=hX-A\x00first\x00|c' 'E#2=hX-B\x00second\x00|c'
    serve --n-messages 2 --output-message
    assert_success
    assert_line '+ X-B: second'
    refute_line '+ X-A: first'
}

# ---- parallel sessions

@test "--threads: 10, 100 and 1000 sessions at the same time" {
    local count
    client --no-report-request
    for count in 0 1 10 100 1000; do
        serve --threads "$count"
        assert_success
        assert_line --index 0 'status: pass'
        assert_line --index 1 --regexp '^elapsed-time: [0-9.e-]+ seconds$'
        assert_equal "${#lines[@]}" 2
        assert_equal "$stderr" ''
    done
}

@test "-t: sessions run at the same time, not one after the other" {
    /usr/bin/python3 - "$SOCKET" 3>&- <<'PYTHON' &
import socket, sys
# Says nothing before all five are there.
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + '.new')
listener.listen(10)
import os
os.rename(sys.argv[1] + '.new', sys.argv[1])
peers = [listener.accept()[0] for _ in range(5)]
for peer in peers:
    peer.recv(100)
    peer.sendall(b'\0\0\0\rO\0\0\0\6\0\0\0\0\0\0\x03\x7f')
for peer in peers:
    peer.recv(10000)
    peer.sendall(b'\0\0\0\1c')
PYTHON
    PEERS+=($!)
    wait_until test -S "$SOCKET"
    serve -t 5 --reading-timeout 10
    assert_success
    assert_line --index 0 'status: pass'
}

@test "--threads: a failure has its own line and its number, the others are reported" {
    # One connection after another: the third and later ones find it closed.
    filter 'H#1=close'
    serve --threads 1
    assert_failure 1
    assert_equal "$output" ''
    client_of_three
    serve --threads 3 --reading-timeout 1
    assert_failure 1
    assert_line --index 0 'status: pass'
    assert_regex "$stderr" '^session 2: connection closed by unix:.* \(helo: 17 bytes read, '
    assert_equal "$(grep -c session <<<"$stderr")" 1
}

# Three connections in turn: passes, closes at HELO, rejects.
client_of_three() {
    rm -f "$SOCKET"
    /usr/bin/python3 - "$SOCKET" 3>&- <<'PYTHON' &
import os, socket, struct, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + '.new')
listener.listen(10)
os.rename(sys.argv[1] + '.new', sys.argv[1])
# Only HELO (and the end) are wanted.
options = struct.pack('>IcIII', 13, b'O', 6, 0, 0x37d)
def packet(peer):
    while True:
        head = peer.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return b''
        data = peer.recv(struct.unpack('>I', head)[0], socket.MSG_WAITALL)
        if data[:1] != b'D':
            return data
peers = [listener.accept()[0] for _ in range(3)]
for number, peer in enumerate(peers):
    packet(peer)
    peer.sendall(options)
    packet(peer)
    if number == 1:
        peer.close()
        continue
    peer.sendall(b'\0\0\0\1' + (b'c' if number == 0 else b'r'))
    if number == 0:
        packet(peer)
        peer.sendall(b'\0\0\0\1c')
PYTHON
    PEERS+=($!)
    wait_until test -S "$SOCKET"
}

@test "--threads: outcomes that differ are counted" {
    client_of_three
    serve --threads 3
    assert_line '1 sessions like session 1: status: pass'
    assert_line '1 sessions like session 3: status: reject'
}

@test "--threads: more than the system allows is refused at once" {
    run --separate-stderr bash -c 'ulimit -n 100; "$0" -s unix:/nowhere -t 200' "$SERVER"
    assert_failure 1
    assert_equal "$stderr" \
        'milter-test-server: 200 sessions at a time need 232 open files, the limit is 100 (see ulimit -n)'
}

# ---- load: how much and how fast

@test "--n-sessions: so many, no more" {
    client
    serve --n-sessions 57 --report json
    assert_success
    holds 'r["sessions"]["started"] == 57 == r["sessions"]["completed"]'
    holds 'r["sessions"]["failed"] == 0 and r["failures"] == []'
    holds 'r["concurrency"] == 10 and r["rate"] is None and r["stopped"] is None'
    holds 'r["latency"]["session"]["count"] == 57 == r["latency"]["negotiate"]["count"]'
    holds 'r["latency"]["header"]["count"] == 114'
    holds '"start-delay" not in r["latency"]'
    wait_until eval '[ "$(grep -c "finished" "$LOG")" -eq 57 ]'
}

@test "--n-messages counts inside each connection" {
    client
    serve --n-sessions 4 --n-messages 3 --report json
    assert_success
    holds 'r["messages"]["count"] == 12 == r["latency"]["end-of-message"]["count"]'
    holds 'r["messages_per_session"] == 3 and r["verdicts"]["pass"] == 12'
    assert_equal "$(grep -c '^envelope-from' "$LOG")" 12
    assert_equal "$(grep -c '^connect' "$LOG")" 4
}

@test "--concurrency: so many at a time, no more" {
    /usr/bin/python3 - "$SOCKET" "$LOG" 3>&- <<'PYTHON' &
import os, select, socket, sys
# Says nothing to anybody before a quarter second has passed without a new one.
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + '.new')
listener.listen(100)
os.rename(sys.argv[1] + '.new', sys.argv[1])
while True:
    peers = []
    while select.select([listener], [], [], 0.25 if peers else None)[0]:
        peers.append(listener.accept()[0])
    with open(sys.argv[2], 'a') as log:
        print(len(peers), file=log, flush=True)
    for peer in peers:
        peer.recv(100)
        peer.sendall(b'\0\0\0\rO\0\0\0\6\0\0\0\0\0\0\x03\x7f')
        peer.recv(10000)
        peer.sendall(b'\0\0\0\1c')
PYTHON
    PEERS+=($!)
    wait_until test -S "$SOCKET"
    serve --n-sessions 16 --concurrency 8
    assert_success
    assert_equal "$(sort -u "$LOG")" 8
}

@test "--duration: that long, then what runs may end" {
    client --no-report-request
    serve --duration 700ms --report json
    assert_success
    holds '0.7 <= r["elapsed"] < 1.5'
    holds 'r["sessions"]["started"] == r["sessions"]["completed"] > 20'
}

@test "--rate: as many as were asked for, on time" {
    client --no-report-request
    serve --rate 200 --duration 2s --report json
    assert_success
    holds 'r["sessions"]["completed"] == 400'
    holds '198 <= r["sessions"]["per_second"] <= 202'
    holds 'r["rate"] == 200 and r["concurrency"] == 1000'
    holds 'r["latency"]["start-delay"]["count"] == 400'
}

@test "--rate with --n-sessions: whatever ends first" {
    client --no-report-request
    serve --rate 100 --duration 60s --n-sessions 20 --report json
    assert_success
    holds 'r["sessions"]["completed"] == 20 and 0.15 < r["elapsed"] < 5'
}

@test "--rate: a filter that stalls is charged with everybody it kept waiting" {
    # 1000 sessions, 200 a second; the filter stands still for half a second.  A
    # tool that waits for the filter before it goes on would see few slow sessions.
    client --no-report-request
    (
        sleep 2
        kill -STOP "${PEERS[0]}"
        sleep 0.5
        kill -CONT "${PEERS[0]}"
    ) 3>&- &
    PEERS+=($!)
    serve --rate 200 --duration 5s --report json
    assert_success
    holds 'r["sessions"]["completed"] == 1000'
    holds '196 <= r["sessions"]["per_second"] <= 204'
    # A tenth of all came while it stood: the slowest waited all the time, every
    # other one in proportion.
    holds '0.45 <= r["latency"]["session"]["max"] < 2'
    holds '0.35 <= r["latency"]["session"]["p99"] < 2'
    holds 'r["latency"]["session"]["p50"] < 0.1'
}

@test "--rate: waiting for a free place counts as well" {
    # One at a time: those due while the filter stands never get to it.
    client --no-report-request
    (
        sleep 1
        kill -STOP "${PEERS[0]}"
        sleep 0.5
        kill -CONT "${PEERS[0]}"
    ) 3>&- &
    PEERS+=($!)
    serve --rate 100 --duration 3s --concurrency 1 --report json
    assert_success
    holds 'r["sessions"]["completed"] == 300'
    holds 'r["latency"]["session"]["max"] >= 0.45'
    holds 'r["latency"]["session"]["p90"] >= 0.15'
    holds 'r["latency"]["start-delay"]["max"] >= 0.4'
    # Only one session at a time can have met the standing filter.
    holds 'sum(r["latency"][s]["max"] > 0.3 for s in r["latency"] if r["latency"][s]["count"]) <= 4'
}

# ---- load: mails

@test "--mail-file: mails and directories of mails in turn" {
    mkdir -p "$DIR/mails/b/c"
    printf 'From: one@x\nTo: r1@x\nSubject: 1\n\nfirst\n' >"$DIR/mails/a"
    printf 'From: two@x\nTo: r2@x\nSubject: 2\n\nsecond\n' >"$DIR/mails/b/c/x"
    printf 'Subject: 3\n\nthird\n' >"$DIR/mails/c"
    printf 'From: four@x\n\n' >"$DIR/single"
    mkfifo "$DIR/mails/fifo"
    ln -s . "$DIR/mails/loop"
    filter
    serve --n-sessions 2 --n-messages 3 --concurrency 1 -h 'X: y' -m "$DIR/mails" -m "$DIR/single"
    assert_success
    wait_until eval '[ "$(grep -c "^Q" "$LOG")" -eq 2 ]'
    assert_equal "$(sed -n 's/^M //p' "$LOG" | tr '\n' ' ')" \
        '<one@x>\x00 <two@x>\x00 <sender@example.com>\x00 <four@x>\x00 <one@x>\x00 <two@x>\x00 '
    assert_equal "$(sed -n 's/^B //p' "$LOG" | tr '\n' ' ')" 'first second third first second '
    assert_equal "$(grep -c '^L X' "$LOG")" 6
    assert_equal "$(grep -c '^R <r1@x>' "$LOG")" 2
}

@test "--mail-file: later options override each mail, as for a single one" {
    printf 'From: one@x\nTo: r1@x\n\n' >"$DIR/a"
    printf 'From: two@x\nTo: r2@x\n\n' >"$DIR/b"
    filter
    serve --n-sessions 2 --concurrency 1 -f before@x -m "$DIR/a" -m "$DIR/b" -r after@x
    assert_success
    wait_until eval '[ "$(grep -c "^Q" "$LOG")" -eq 2 ]'
    assert_equal "$(sed -n 's/^[MR] //p' "$LOG" | tr '\n' ' ')" \
        '<one@x>\x00 <after@x>\x00 <two@x>\x00 <after@x>\x00 '
}

@test "--mail-file: several of them without load are one message, a directory is refused" {
    printf 'Subject: 1\n\nfirst\n' >"$DIR/a"
    printf 'Subject: 2\n\nsecond\n' >"$DIR/b"
    filter
    serve -m "$DIR/a" -m "$DIR/b"
    assert_success
    assert_equal "$(grep -c '^L Subject' "$LOG")" 2
    serve -m "$DIR"
    assert_failure 1
    assert_equal "$stderr" \
        "milter-test-server: --mail-file: $DIR is a directory: its mails are sent with --n-sessions, --duration or --rate"
}

@test "--mail-file under load: what cannot be used is named" {
    mkdir "$DIR/empty" "$DIR/broken"
    printf 'no header\n' >"$DIR/broken/mail"
    serve --n-sessions 1 -m "$DIR/empty"
    assert_failure 1
    assert_equal "$stderr" \
        "milter-test-server: --mail-file: there is no file in the directory $DIR/empty"
    serve --n-sessions 1 -m "$DIR/broken"
    assert_failure 1
    assert_equal "$stderr" \
        "milter-test-server: --mail-file: $DIR/broken/mail: invalid header: no header"
    serve --n-sessions 1 -m "$DIR/none"
    assert_failure 1
    assert_equal "$stderr" "milter-test-server: --mail-file: $DIR/none does not exist."
}

# ---- load: the report

@test "--report text: rates, verdicts, a table" {
    filter 'R#1=r' 'E#1=y550 5.7.1 no\x00' 'E#2=q'
    serve --n-sessions 3 --concurrency 1 -r a@x -r b@x
    assert_success
    assert_line --index 0 --regexp '^sessions: 3 completed, 0 failed, in [0-9.]+ seconds$'
    assert_line 'messages: 3'
    assert_line --regexp '^sessions/s: [0-9.]+$'
    assert_line --regexp '^bytes/s in: [1-9][0-9]*$'
    assert_line --regexp '^verdicts: .*reject [13]'
    assert_line --regexp '^verdicts at envelope-recipient: reject [13]$'
    assert_line --regexp '^milliseconds +count +min +mean +p50 +p90 +p99 +p99.9 +max$'
    assert_line --regexp '^envelope-recipient +6( +[0-9]+\.[0-9]{3}){7}$'
    assert_line --regexp '^session +3( +[0-9]+\.[0-9]{3}){7}$'
    assert_equal "$stderr" ''
}

@test "--report csv: one row for each stage" {
    client --no-report-request
    serve --n-sessions 5 --report csv
    assert_success
    assert_line --index 0 'stage,count,min,mean,p50,p90,p99,p99.9,max'
    assert_equal "$(cut -d, -f1 <<<"$output" | tr '\n' ' ')" \
        'stage negotiate connect helo envelope-from envelope-recipient data unknown header end-of-header body end-of-message message session '
    assert_line --regexp '^session,5(,0\.[0-9]{9}){7}$'
    assert_line 'unknown,0,,,,,,,'
}

@test "--report csv: failures are told on standard error" {
    filter H=close
    serve --n-sessions 2 --report csv
    assert_failure 1
    assert_equal "${#lines[@]}" 14
    assert_regex "$stderr" '^2 sessions failed: connection closed by unix:.* \(helo: [0-9]+ bytes read, '
}

@test "failures are grouped, name everything, and make the exit status 1" {
    filter O=silent
    serve --n-sessions 4 --concurrency 2 --reading-timeout 0.2 --report json
    assert_failure 1
    holds 'r["sessions"]["failed"] == 4 and sum(f["count"] for f in r["failures"]) == 4'
    holds '"reading timeout: no answer from unix:'"$SOCKET"' for 0.2 seconds (negotiate: 0 bytes read" in r["failures"][0]["text"]'
}

@test "nobody there: said at once, not a million times" {
    serve --duration 20s
    assert_failure 1
    assert_line 'stopped: no session reached the filter'
    assert_line "10 sessions failed: Failed to connect to unix:$SOCKET: No such file or directory"
}

@test "a filter that dies is not asked a million times, and measured again when it is back" {
    client --no-report-request
    (
        sleep 0.5
        kill -KILL "${PEERS[0]}"
        sleep 0.7
        rm -f "$SOCKET"
        exec "$CLIENT" -s "unix:$SOCKET" --no-report-request
    ) >/dev/null 2>&1 3>&- &
    PEERS+=($!)
    serve --duration 3s --concurrency 4 --report json
    assert_failure 1
    holds '4 <= r["sessions"]["failed"] < 100'
    holds 'any("Failed to connect to unix:'"$SOCKET"': Connection refused" == f["text"] for f in r["failures"])'
    holds 'r["stopped"] is None and 3 <= r["elapsed"] < 4 and r["latency"]["session"]["max"] < 3'
    holds 'r["sessions"]["completed"] > 40'
}

@test "an answer at connect counts as one verdict and no message" {
    filter C=a
    serve --n-sessions 2 --n-messages 5 --report json
    assert_success
    holds 'r["messages"]["count"] == 0 and r["verdicts"]["accept"] == 2'
    holds 'r["stage_verdicts"] == {"connect": {"accept": 2}}'
    holds 'r["latency"]["session"]["count"] == 2'
}

@test "a report that cannot be written is a failure" {
    client --no-report-request
    run bash -c '"$0" -s "unix:$1" --n-sessions 2 >/dev/full' "$SERVER" "$SOCKET"
    assert_failure 1
    assert_output --partial 'failed to write the report'
}

# ---- load: interrupts and terminals

@test "an interrupt stops new sessions and reports what there is" {
    client --no-report-request
    "$SERVER" -s "unix:$SOCKET" --rate 50 --report json >"$DIR/report" 2>"$DIR/errors" 3>&- &
    local pid=$!
    PEERS+=("$pid")
    sleep 1
    kill -INT "$pid"
    wait "$pid"
    output=$(<"$DIR/report")
    holds 'r["stopped"] == "interrupted" and 20 <= r["sessions"]["completed"] <= 200'
    holds 'r["sessions"]["started"] == r["sessions"]["completed"]'
    assert_equal "$(<"$DIR/errors")" ''
}

@test "an interrupt does not wait for ever for a filter that is silent" {
    filter O=silent
    "$SERVER" -s "unix:$SOCKET" --n-sessions 5 --all-timeouts 0 --report json >"$DIR/report" 3>&- &
    local pid=$! status=0
    PEERS+=("$pid")
    sleep 0.3
    kill -INT "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 1
    output=$(<"$DIR/report")
    holds 'r["failures"] == [{"count": 5, "text": r["failures"][0]["text"]}]'
    holds '"interrupted before unix:'"$SOCKET"' had answered (negotiate: 0 bytes read" in r["failures"][0]["text"]'
}

@test "a second interrupt kills" {
    filter O=silent
    "$SERVER" -s "unix:$SOCKET" --n-sessions 5 --all-timeouts 0 >"$DIR/report" 3>&- &
    local pid=$! status=0
    PEERS+=("$pid")
    sleep 0.3
    kill -INT "$pid"
    sleep 0.2
    kill -INT "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 130
    assert_equal "$(<"$DIR/report")" ''
}

@test "a terminal sees how far it is, and nothing is left of it" {
    client --no-report-request
    /usr/bin/python3 - "$SERVER" "unix:$SOCKET" "$DIR/terminal" <<'PYTHON'
import os, pty, subprocess, sys
master, slave = pty.openpty()
process = subprocess.Popen([sys.argv[1], '-s', sys.argv[2], '--rate', '50', '--duration', '1.3s'],
                           stdout=subprocess.DEVNULL, stderr=slave)
os.close(slave)
seen = b''
try:
    while data := os.read(master, 1000):
        seen += data
except OSError:
    pass
assert process.wait() == 0
open(sys.argv[3], 'wb').write(seen)
PYTHON
    run cat "$DIR/terminal"
    assert_output --regexp $'\r\e\\[K[0-9]+ s: [0-9]+ sessions, [0-9]+/s, 0 failed, [0-9]+ running, p99 [0-9.]+ ms\r'
    assert_output --regexp $'\r\e\\[K$'
    refute_output --partial $'\n'
}

# ---- options

@test "options of load that make no sense" {
    local arguments pattern
    while IFS='=' read -r arguments pattern; do
        # shellcheck disable=SC2086
        run --separate-stderr "$SERVER" -s unix:/nowhere $arguments
        assert_failure 1
        assert_equal "$output" ''
        assert_regex "$stderr" "^milter-test-server: $pattern"
    done <<'CASES'
--n-messages 0=--n-messages: a session sends one message at least
--n-sessions 0=--n-sessions: 0 sessions send nothing
--n-sessions x=--n-sessions: .*<x>
--duration 0=--duration: not above 0 and up to 31622400 seconds: <0>
--duration 9999999999999h=--duration: not above 0 and up to 31622400 seconds
--duration soon=--duration: not a length of time: <soon>
--rate 0=--rate: not a number of sessions a second
--rate fast=--rate: not a number of sessions a second above 0, up to 1000000: <fast>
--rate 1000001=--rate: not a number of sessions a second
--rate 1 --concurrency 0=--concurrency: with 0 sessions at a time nothing is sent
--rate 1 --report xml=--report: not a form of the report: <xml>; it is text, json or csv
--rate 1 --threads 3=--threads: under load --concurrency says
--rate 1 --output-message=--output-message: under load no message is printed
--report json=--report: is for load alone
--concurrency 5=--concurrency: is for load alone
CASES
}

@test "every option is in the manual page, and every option there is one" {
    local page=$BATS_TEST_DIRNAME/../../man/milter-test-server.1 option known count=0
    known=$("$SERVER" --help | grep -o -- '--[a-z][a-z-]*' | sort -u)
    for option in $known; do
        grep -Eq -- "Fl ${option#-}( |\$)" "$page" || fail "not in the page: $option"
        count=$((count + 1))
    done
    for option in $(grep -o -- 'Fl -[a-z][a-z-]*' "$page" | sed 's/^Fl /-/'); do
        grep -qxF -- "$option" <<<"$known" || fail "no option: $option"
    done
    ((count > 35))
}
