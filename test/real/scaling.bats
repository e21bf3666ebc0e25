#!/usr/bin/env bats
# Two managers behind a real HAProxy that is configured as doc/scaling-haproxy.md
# says: they share the load, one that is about to stop gets no more sessions, one
# that is killed loses no mail.
#
# /readyz of the two is played, so that it changes when the test wants.

load helper

setup_file() {
    open_work
    command -v haproxy >/dev/null || missing "haproxy is not installed"
    [ ! -e "$WORK/missing" ] || return 0
    local name
    for name in mx1 mx2; do
        start test-client "$WORK/child-$name" "$WORK/child-$name/s.sock" --add-header "X-Manager:$name"
        manager $name "$(child child "$WORK/child-$name/s.sock" 'fallback_status = "temporary-failure"')"
        free_port >"$WORK/ready.$name"
        echo 200 >"$WORK/status.$name"
        readiness $name
    done
    free_port >"$WORK/front"
    balancer
    free_port >"$WORK/port"
    start postfix "$WORK/postfix" "$(cat "$WORK/port")" "inet:$(cat "$WORK/front")@127.0.0.1"
}

teardown_file() { close_work; }

# readiness NAME : what GET /readyz of the controller would say
readiness() {
    mkdir -p "$WORK/http-$1"
    (
        # shellcheck source=/dev/null
        . "$REAL/lib.sh"
        spawn "$WORK/http-$1" http /usr/bin/python3 -c '
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.path == "/readyz" and self.headers["Authorization"] == "Bearer 2f6c..."
        self.send_response(int(open(sys.argv[2]).read()) if right else 401)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
' "$(cat "$WORK/ready.$1")" "$WORK/status.$1"
        wait_for "$WORK/http-$1" http 10 listening "$(cat "$WORK/ready.$1")"
    )
}

# The configuration of the document, with our places in it.
balancer() {
    mkdir -p "$WORK/haproxy"
    awk '/^```haproxy/ { inside = 1; next } /^```/ { inside = 0 } inside' \
        "$REAL/../../doc/scaling-haproxy.md" >"$WORK/haproxy/as-documented.cfg"
    haproxy -c -f "$WORK/haproxy/as-documented.cfg" >"$WORK/haproxy/check" 2>&1
    sed -e "s,127.0.0.1:10025,127.0.0.1:$(cat "$WORK/front")," \
        -e "s,server mx1 .*,server mx1 unix@$WORK/mx1.sock check addr 127.0.0.1 port $(cat "$WORK/ready.mx1")," \
        -e "s,server mx2 .*,server mx2 unix@$WORK/mx2.sock check addr 127.0.0.1 port $(cat "$WORK/ready.mx2")," \
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

# state NAME UP|DOWN : waits until HAProxy says so
state() {
    local tries=0
    until /usr/bin/python3 -c '
import csv, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"show stat\n")
rows = csv.DictReader(s.makefile().read().lstrip("# ").splitlines())
# Checked at least once: before that HAProxy takes a server for up.
sys.exit(not any(r["svname"] == sys.argv[2] and r["status"] == sys.argv[3] and r["check_status"].startswith("L7")
                 or r["svname"] == sys.argv[2] and r["status"] == sys.argv[3] == "DOWN" for r in rows))
' "$WORK/haproxy/admin.sock" "$1" "$2"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            echo "HAProxy does not take $1 for $2" >&2
            return 1
        fi
        sleep 0.05
    done
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

@test "a manager that is not ready gets no more mail" {
    echo 503 >"$WORK/status.mx1"
    state mx1 DOWN
    run mails 4
    [ "$output" = "mx1 0 mx2 4" ]
    echo 200 >"$WORK/status.mx1"
    state mx1 UP
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
