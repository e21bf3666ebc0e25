#!/usr/bin/env bash
# What the suites of milter-test-client share: the program under test and the
# mail servers that talk to it.
# The suites use what is set here.
# shellcheck disable=SC2034

load tools.bash

client_setup() {
    tools_setup
    SOCKET=$DIR/client.sock
    SPEC=unix:$SOCKET
    CONNECT='Cmx.test\x004\xc5\x0b192.0.2.45\x00'
}

client_teardown() {
    tools_teardown
}

# client [OPTION...] : starts it on $SPEC; output in $DIR/out, errors in $DIR/err
client() {
    "$CLIENT" -s "$SPEC" "$@" >"$DIR/out" 2>"$DIR/err" 3>&- &
    PID=$!
    PEERS+=("$PID")
    wait_until test -S "$SOCKET"
}

# stop [SIGNAL] : ends it; its exit status is the result
stop() {
    kill -"${1:-TERM}" "$PID"
    wait "$PID"
}

mta() {
    /usr/bin/python3 "$BATS_TEST_DIRNAME/wire_peer.py" mta "$SPEC" "$@"
}

# The same beside the test; output in $DIR/mta
mta_in_background() {
    /usr/bin/python3 "$BATS_TEST_DIRNAME/wire_peer.py" mta "$SPEC" "$@" >"$DIR/mta" 2>&1 3>&- &
    MTA=$!
    PEERS+=("$MTA")
}

# A signal is taken in order only once the program has set itself up.
settled() {
    wait_until "$SERVER" -s "$SPEC"
}

free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

finished_count() {
    grep -c '^finished$' "$DIR/out"
}

# finished_are N : so many sessions are over
finished_are() {
    test "$(finished_count)" = "$1"
}
