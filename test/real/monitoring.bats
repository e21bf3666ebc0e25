#!/usr/bin/env bats
# A real Prometheus scrapes a manager with two workers: it takes the whole text, with names of
# children that are hard to take, and its figures are what has happened.

load helper

HOSTILE='quote" back\\slash\nline <b>{x="y"} 1'

setup_file() {
    open_work
    free_port >"$WORK/control"
    free_port >"$WORK/port"
    start test-client "$WORK/child" "$WORK/child/s.sock"
    manager manager "
manager.n_workers = 2
controller.connection_spec = \"inet:$(cat "$WORK/control")@[127.0.0.1]\"
$(child good "$WORK/child/s.sock")
define_milter('$HOSTILE'.gsub('\\\\n', %(\\n))) { |milter| milter.connection_spec = \"unix:$WORK/none\" }
define_milter(%(\\xff\\xfe)) { |milter| milter.connection_spec = \"unix:$WORK/none\" }
define_milter(%(\\xff\\xfd)) { |milter| milter.connection_spec = \"unix:$WORK/none\" }
define_milter('long' * 300) { |milter| milter.connection_spec = \"unix:$WORK/none\" }
"
    start prometheus "$WORK/prometheus" "$(cat "$WORK/port")" "$(cat "$WORK/control")" \
        "$(realpath "$REAL/../../doc/monitoring/alerts.yml")"
    [ ! -e "$WORK/missing" ] || return 0
    local number
    for number in 1 2 3; do
        "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/manager.sock" >"$WORK/session.$number"
    done
}

teardown_file() { close_work; }

metrics() { curl -sS "http://127.0.0.1:$(cat "$WORK/control")/metrics" "$@"; }

# ask PATH [CURL'S OPTION...] : the answer of Prometheus' HTTP API
ask() {
    local path=$1
    shift
    curl -sS "http://127.0.0.1:$(cat "$WORK/port")/api/v1/$path" "$@"
}

# becomes VALUE QUERY : waits until the query has one result, and that
becomes() {
    local tries=0 found=
    until [ "$found" = "$1" ]; do
        if [ $tries -gt 200 ]; then
            echo "$2 is $found, not $1" >&2
            ask targets >&2
            return 1
        fi
        sleep 0.1
        found=$(ask query -G --data-urlencode "query=$2" | /usr/bin/python3 -c '
import json, sys
print(" ".join(result["value"][1] for result in json.load(sys.stdin)["data"]["result"]))')
        tries=$((tries + 1))
    done
}

@test "Prometheus takes what it is given" {
    becomes 1 'up{job="milter-manager"}'
    ask targets | /usr/bin/python3 -c '
import json, sys
for target in json.load(sys.stdin)["data"]["activeTargets"]:
    assert target["health"] == "up" and not target["lastError"], target'
}

@test "its figures are what has happened" {
    becomes 3 'milter_manager_sessions_total'
    becomes 3 'milter_manager_child_messages_total{child="good"}'
    becomes 3 'sum(milter_manager_child_verdicts_total{child="good",stage="end-of-message"})'
    becomes 2 'milter_manager_workers'
    becomes 1 'milter_manager_child_up{child="good"}'
    becomes 3 'count(milter_manager_resident_memory_bytes > 0)'
    # The histogram is one: its counts never go down from bucket to bucket.
    becomes 3 'milter_manager_child_reply_seconds_count{child="good",stage="end-of-message"}'
    becomes 3 'milter_manager_child_reply_seconds_bucket{child="good",stage="end-of-message",le="+Inf"}'
}

@test "a child is found by its name, whatever that is" {
    becomes 0 'milter_manager_child_up{child="quote\" back\\slash\nline <b>{x=\"y\"} 1"}'
    becomes 3 'milter_manager_child_failures_total{child="quote\" back\\slash\nline <b>{x=\"y\"} 1",reason="connect"}'
    becomes 9 'sum(milter_manager_child_failures_total{child="(others)"})'
}

@test "the text is clean" {
    command -v promtool >/dev/null
    metrics >"$WORK/text"
    run promtool check metrics <"$WORK/text"
    [ "$status" = 0 ]
    [ -z "$output" ]
    metrics -H 'Accept: application/openmetrics-text; version=1.0.0' >"$WORK/openmetrics"
    [ "$(tail -n 1 "$WORK/openmetrics")" = "# EOF" ]
    # Both formats have the same samples.
    diff <(grep -v '^#' "$WORK/text" | sed 's/ [^ ]*$//') \
        <(grep -v '^#' "$WORK/openmetrics" | sed 's/ [^ ]*$//')
}

@test "the list in doc/metrics.md has what the manager exposes, and nothing else" {
    metrics | /usr/bin/python3 "$REAL/../cli/monitoring.py" exposed
}

@test "the alerts are loaded, and the one about a child that is down is on its way" {
    ask rules | /usr/bin/python3 -c '
import json, sys
rules = [rule for group in json.load(sys.stdin)["data"]["groups"] for rule in group["rules"]]
assert len(rules) >= 10 and all(rule["health"] in ("ok", "unknown") for rule in rules), rules'
    local tries=0
    until ask alerts | grep -q '"alertname":"MilterManagerChildDown"'; do
        [ $((tries += 1)) -lt 200 ]
        sleep 0.1
    done
}

@test "the proxy that monitoring.md describes lets nothing but the metrics through" {
    local proxy words
    command -v haproxy >/dev/null || missing "haproxy is not installed"
    skip_if_missing
    proxy=$(free_port)
    mkdir -p "$WORK/haproxy"
    {
        printf 'defaults\n    timeout connect 3s\n    timeout client 3s\n    timeout server 3s\n'
        awk '/^```haproxy/ { inside = 1; next } /^```/ { inside = 0 } inside' "$REAL/../../doc/monitoring.md" |
            sed "s,127.0.0.1:10080,127.0.0.1:$proxy,
                s,unix@/run/milter-manager/control.sock,127.0.0.1:$(cat "$WORK/control"),"
    } >"$WORK/haproxy/haproxy.cfg"
    (
        # shellcheck source=/dev/null
        . "$REAL/lib.sh"
        spawn "$WORK/haproxy" haproxy haproxy -db -f "$WORK/haproxy/haproxy.cfg"
        wait_for "$WORK/haproxy" haproxy 10 listening "$proxy"
    )
    for words in "200 metrics" "403 status" "403 -XPOST reload" "403 -XPOST metrics"; do
        # shellcheck disable=SC2086 # an option and a path
        set -- $words
        [ "$(curl -sS -o "$WORK/body" -w '%{http_code}' ${3:+"$2"} "http://127.0.0.1:$proxy/${!#}")" = "$1" ]
    done
}

@test "a worker is killed: counters go on" {
    local victim
    victim=$(curl -sS "http://127.0.0.1:$(cat "$WORK/control")/status" |
        /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["workers"][0]["pid"])')
    kill -9 "$victim"
    becomes 1 'milter_manager_worker_restarts_total'
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/manager.sock" >"$WORK/session.4"
    becomes 4 'milter_manager_sessions_total'
    becomes 0 'resets(milter_manager_sessions_total[5m])'
    becomes 1 'up{job="milter-manager"}'
}
