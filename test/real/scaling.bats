#!/usr/bin/env bats
# Two managers behind a real HAProxy that is configured as doc/scaling-haproxy.md
# says: they share the load, one that is about to stop gets no more sessions, one
# that is killed loses no mail.

load helper

setup_file() {
    open_work
    command -v haproxy >/dev/null || missing "haproxy is not installed"
    [ ! -e "$WORK/missing" ] || return 0
    local name
    for name in mx1 mx2; do
        start test-client "$WORK/child-$name" "$WORK/child-$name/s.sock" --add-header "X-Manager:$name"
        free_port >"$WORK/control.$name"
        one_of_them $name
    done
    free_port >"$WORK/front"
    balancer
    free_port >"$WORK/port"
    start postfix "$WORK/postfix" "$(cat "$WORK/port")" "inet:$(cat "$WORK/front")@127.0.0.1"
}

teardown_file() { close_work; }

# one_of_them NAME : the manager of that name, with its controller
one_of_them() {
    manager "$1" "
controller.connection_spec = \"inet:$(cat "$WORK/control.$1")@[127.0.0.1]\"
controller.token = \"2f6c81d0...\"
$(child child "$WORK/child-$1/s.sock" 'fallback_status = "temporary-failure"')"
}

# The configuration of the document, with our places in it.
balancer() {
    mkdir -p "$WORK/haproxy"
    awk '/^```haproxy/ { inside = 1; next } /^```/ { inside = 0 } inside' \
        "$REAL/../../doc/scaling-haproxy.md" >"$WORK/haproxy/as-documented.cfg"
    haproxy -c -f "$WORK/haproxy/as-documented.cfg" >"$WORK/haproxy/check" 2>&1
    sed -e "s,127.0.0.1:10025,127.0.0.1:$(cat "$WORK/front")," \
        -e "s,server mx1 .*,server mx1 unix@$WORK/mx1.sock check addr 127.0.0.1 port $(cat "$WORK/control.mx1")," \
        -e "s,server mx2 .*,server mx2 unix@$WORK/mx2.sock check addr 127.0.0.1 port $(cat "$WORK/control.mx2")," \
        -e "s,^global,&\n    stats socket $WORK/haproxy/admin.sock mode 600 level admin," \
        "$WORK/haproxy/as-documented.cfg" >"$WORK/haproxy/haproxy.cfg"
    (
        # shellcheck source=/dev/null
        . "$REAL/lib.sh"
        spawn "$WORK/haproxy" haproxy haproxy -db -f "$WORK/haproxy/haproxy.cfg"
        wait_for "$WORK/haproxy" haproxy 10 listening "$(cat "$WORK/front")"
    )
    state mx1 UP
    state mx2 UP
}

# state NAME UP|DOWN [CHECK] : waits until HAProxy says so, by a check that came to CHECK
# (default: a response).  Before the first one it takes a server for up.
state() {
    local tries=0
    until /usr/bin/python3 -c '
import csv, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"show stat\n")
rows = csv.DictReader(s.makefile().read().lstrip("# ").splitlines())
sys.exit(not any(r["svname"] == sys.argv[2] and r["status"] == sys.argv[3] and
                 r["check_status"].lstrip("* ").startswith(sys.argv[4]) for r in rows))
' "$WORK/haproxy/admin.sock" "$1" "$2" "${3:-L7}"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            echo "HAProxy does not take $1 for $2" >&2
            return 1
        fi
        sleep 0.05
    done
}

# a_session NAME : one that the manager of that name has to finish, until it is halted
a_session() {
    mkdir -p "$WORK/held"
    (
        # shellcheck source=/dev/null
        . "$REAL/lib.sh"
        spawn "$WORK/held" session /usr/bin/python3 -c '
import socket, struct, sys, time
mta = socket.socket(socket.AF_UNIX)
mta.connect(sys.argv[1])
mta.sendall(struct.pack(">IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF))
mta.recv(100)
open(sys.argv[2], "w").close()
time.sleep(600)
' "$WORK/$1.sock" "$WORK/held/ready"
        wait_for "$WORK/held" session 10 test -e "$WORK/held/ready"
    )
}

# mails COUNT : so many, one session each; prints how many each manager had
mails() {
    local number
    for ((number = 0; number < $1; number++)); do
        "$REAL/smtp-send.py" "$(cat "$WORK/port")" bob@other.test <"$MAILS/plain.eml" >"$WORK/dialogue"
    done
    arrived "$WORK/postfix" "$1"
    echo "mx1 $(grep -c '^X-Manager: mx1' "$WORK/arrived") mx2 $(grep -c '^X-Manager: mx2' "$WORK/arrived")"
}

@test "the load is shared" {
    run mails 6
    [ "$status" = 0 ]
    [[ $output =~ mx1\ ([0-9]+)\ mx2\ ([0-9]+) ]]
    ((BASH_REMATCH[1] + BASH_REMATCH[2] == 6 && BASH_REMATCH[1] > 0 && BASH_REMATCH[2] > 0))
}

@test "a manager that finishes its sessions gets no more mail" {
    a_session mx1
    kill -TERM "$(cat "$WORK/mx1/manager.pid")"
    state mx1 DOWN L7STS
    run mails 4
    [ "$output" = "mx1 0 mx2 4" ]
    "$REAL/stop.sh" -9 "$WORK/held"
    one_of_them mx1
    state mx1 UP
}

@test "a manager that is upgraded stays in service" {
    local process='' tries=0
    a_session mx1
    kill -USR2 "$(cat "$WORK/mx1/manager.pid")"
    until [ -n "$process" ]; do
        [ $((tries += 1)) -lt 200 ]
        sleep 0.05
        process=$(sed -n 's/.*\[upgrade\] process \([0-9]*\) takes over.*/\1/p' "$WORK/mx1/manager.log")
    done
    (
        # shellcheck source=/dev/null
        . "$REAL/lib.sh"
        note_pid "$WORK/mx1" manager "$process" # the one to be ended
    )
    # Longer than two checks that fail would take.
    sleep 3
    state mx1 UP
    run mails 4
    [ "$status" = 0 ]
    [[ $output =~ mx1\ [1-9] ]]
    "$REAL/stop.sh" -9 "$WORK/held"
}

@test "one is killed while mail comes: what was accepted arrives, the rest is tried again" {
    local number accepted=0
    for ((number = 0; number < 20; number++)); do
        if [ "$number" = 5 ]; then
            "$REAL/stop.sh" -9 "$WORK/mx2"
        fi
        # A client sends again what is deferred.
        until "$REAL/smtp-send.py" "$(cat "$WORK/port")" bob@other.test <"$MAILS/plain.eml" >"$WORK/dialogue"; do
            has "$WORK/dialogue" ' 4[0-9][0-9] |^4[0-9][0-9]|[^0-9]4[0-9][0-9][ -]'
            sleep 0.2
        done
        accepted=$((accepted + 1))
    done
    arrived "$WORK/postfix" "$accepted"
    [ "$(grep -c '^X-Manager: ' "$WORK/arrived")" = "$accepted" ]
    [ "$(grep -c '^X-Manager: mx1' "$WORK/arrived")" -ge 15 ]
}
