#!/usr/bin/env bats
# milter-test-client --n-workers: processes that share the socket, their
# supervisor, one output.

bats_require_minimum_version 1.5.0

load client.bash

setup() {
    client_setup
}

teardown() {
    client_teardown
}

workers() {
    pgrep -P "$PID"
}

# there_are N : so many workers
there_are() {
    test "$(workers | wc -l)" = "$1"
}

# sessions N : one after the other
sessions() {
    local i
    for i in $(seq "$1"); do
        "$SERVER" -s "$SPEC" "${@:2}" >/dev/null || return 1
    done
}

@test "workers serve and stop in order, the parent cleans up" {
    local signal pids pid
    for signal in TERM INT; do
        client --n-workers 3 --pid-file "$DIR/pid"
        wait_until there_are 3
        assert_equal "$(cat "$DIR/pid")" "$PID"
        sessions 5
        pids=$(workers)
        stop "$signal"
        assert [ ! -e "$SOCKET" ]
        assert [ ! -e "$DIR/pid" ]
        for pid in $pids; do
            refute kill -0 "$pid"
        done
    done
    assert_equal "$(finished_count)" 5
    assert_equal "$(cat "$DIR/err")" ''
}

@test "a worker that dies is replaced" {
    local victim
    client --n-workers 2
    wait_until there_are 2
    victim=$(workers | head -n 1)
    kill -KILL "$victim"
    wait_until grep -q "worker [01] (process $victim) was killed by signal 9 (Killed); the next one follows" "$DIR/err"
    wait_until there_are 2
    refute grep -qx "$victim" <(workers)
    sessions 5
    assert [ -S "$SOCKET" ]
    stop
}

@test "a running session is finished first, a second signal ends it at once" {
    local status=0
    client --n-workers 2
    mta_in_background O "$CONNECT" wait:1 'Hlate\x00' Q
    wait_until grep -q '^connect' "$DIR/out"
    kill -TERM "$PID"
    wait_until test ! -e "$SOCKET"
    wait "$PID"
    assert_equal "$(tail -n 2 "$DIR/out")" 'helo: <late>
finished'
    client --n-workers 2
    mta_in_background O "$CONNECT" wait:30
    wait_until grep -q '^connect' "$DIR/out"
    kill -TERM "$PID"
    wait_until test ! -e "$SOCKET"
    kill -TERM "$PID"
    wait "$PID" || status=$?
    assert_equal "$status" 1
    assert_regex "$(cat "$DIR/err")" 'failed to stop in order: stopped a second time'
}

@test "no worker outlives the parent" {
    local pids
    client --n-workers 2
    wait_until there_are 2
    pids=$(workers)
    kill -KILL "$PID"
    wait "$PID" || true
    # shellcheck disable=SC2086
    wait_until bash -c '! ps -o stat= -p "$1" | grep -qv "^Z"' - "${pids//$'\n'/,}"
}

# Lines longer than what a pipe takes at once, from several processes, to a slow reader.
@test "events of different workers are not mixed" {
    local body first second
    body=$(head -c 30000 /dev/zero | tr '\0' b)
    mkfifo "$DIR/pipe"
    "$CLIENT" -s "$SPEC" --n-workers 4 --output-format json >"$DIR/pipe" 2>"$DIR/err" 3>&- &
    PID=$!
    PEERS+=("$PID")
    (sleep 0.5 && cat) <"$DIR/pipe" >"$DIR/lines" 3>&- &
    PEERS+=($!)
    wait_until test -S "$SOCKET"
    sessions 20 -b "$body" 3>&- &
    first=$!
    sessions 20 -b "$body" 3>&- &
    second=$!
    wait "$first"
    wait "$second"
    stop
    wait_until bash -c '[ "$(grep -c "finished" "$1")" = 40 ]' - "$DIR/lines"
    run /usr/bin/python3 -c '
import json, sys
sessions = {}
for line in open(sys.argv[1], encoding="utf-8"):
    event = json.loads(line)
    sessions.setdefault(event["session"], []).append(event["event"])
print(sorted(sessions) == list(range(1, 41)), len(set(map(tuple, sessions.values()))))' "$DIR/lines"
    assert_output 'True 1'
}

@test "--fail-every counts the sessions of all workers" {
    local i failures=0
    client --n-workers 3 --fail-every 4
    for i in $(seq 12); do
        "$SERVER" -s "$SPEC" >/dev/null 2>&1 || failures=$((failures + 1))
    done
    assert_equal "$failures" 3
}

@test "a daemon with workers" {
    run "$CLIENT" --daemon -s "$SPEC" --pid-file "$DIR/pid" --n-workers 2 3>&-
    assert_success
    PID=$(cat "$DIR/pid")
    sessions 3
    there_are 2
    kill -TERM "$PID"
    wait_until test ! -e "$DIR/pid"
    assert [ ! -e "$SOCKET" ]
}

@test "workers as another user" {
    [ "$(id -u)" -eq 0 ] || skip 'needs root'
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$DIR"
    client --n-workers 2 -u nobody
    wait_until there_are 2
    sessions 2
    assert_equal "$(stat -c %U "/proc/$(workers | head -n 1)")" nobody
}

@test "INT and then TERM are each a first one" {
    client --n-workers 2 --delay helo=500ms
    settled
    mta_in_background 'O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff' "$CONNECT" 'Hx\x00'
    wait_until grep -q '^helo: <x>' "$DIR/out"
    kill -INT "$PID"
    kill -TERM "$PID"
    wait "$PID"
    refute_regex "$(cat "$DIR/err")" 'stopped a second time'
}

@test "workers whose output nobody reads end at the second signal" {
    mkfifo "$DIR/pipe"
    sleep 60 <"$DIR/pipe" 3>&- &
    PEERS+=("$!")
    "$CLIENT" -s "$SPEC" --n-workers 1 >"$DIR/pipe" 2>"$DIR/err" 3>&- &
    PID=$!
    PEERS+=("$PID")
    wait_until test -S "$SOCKET"
    head -c 60000 /dev/zero | tr '\0' x >"$DIR/chunk"
    "$SERVER" -s "$SPEC" --all-timeouts 1 $(printf -- '-b %s ' $(for _ in 1 2 3 4; do cat "$DIR/chunk"; echo; done)) || true
    kill -TERM "$PID"
    sleep 0.2 # two signals of a kind at once are one
    kill -TERM "$PID"
    status=0
    wait "$PID" || status=$?
    assert_equal "$status" 1
    assert_regex "$(cat "$DIR/err")" 'stopped a second time: the workers were ended at once'
}
