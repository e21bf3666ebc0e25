#!/usr/bin/env bash
# What the suites of milter-test-server share: the filters it talks to.

load tools.bash

server_setup() {
    tools_setup
    SOCKET=$DIR/filter.sock
    LOG=$DIR/filter.log
}

server_teardown() {
    tools_teardown
}

# filter [LETTER=REPLY...] : a scripted filter on $SOCKET, in place of the one before
filter() {
    rm -f "$SOCKET" "$LOG"
    /usr/bin/python3 "$BATS_TEST_DIRNAME/wire_peer.py" filter "unix:$SOCKET" "$LOG" "$@" 3>&- &
    PEERS+=($!)
    wait_until grep -q listening "$LOG"
}

# client [OPTION...] : milter-test-client on $SOCKET, any number of connections
client() {
    "$CLIENT" -s "unix:$SOCKET" "$@" >"$LOG" 2>&1 3>&- &
    PEERS+=($!)
    wait_until test -S "$SOCKET"
}

# serve [OPTION...] : the server against $SOCKET; standard error in $stderr
serve() {
    run --separate-stderr "$SERVER" -s "unix:$SOCKET" "$@"
}

# sent LETTER : the payloads of the packets with that letter, one a line
sent() {
    sed -n "s/^$1 //p" "$LOG"
}
