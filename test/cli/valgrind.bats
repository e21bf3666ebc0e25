#!/usr/bin/env bats
# The daemon under valgrind: mail with and without conditions, a dying filter, a reload.
# test/run: alone

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    command -v valgrind >/dev/null || skip "valgrind is not installed"
    top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    bin=${MILTER_BUILD_DIR:-$top/build}/bin
    if grep -q __asan_init "$bin/milter-manager"; then
        skip "valgrind and the address sanitizer exclude each other"
    fi
    dir=$(mktemp -d /tmp/mm-valgrind.XXXXXX)
    pids=()
}

teardown() {
    local pid
    for pid in "${pids[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
    done
    rm -rf "$dir"
}

# wait_for SECONDS COMMAND...
wait_for() {
    local tries=$(($1 * 20))
    shift
    until "$@"; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

client() {
    "$bin/milter-test-client" -s "unix:$dir/$1.sock" --no-report-request >"$dir/$1.log" 2>&1 3>&- &
    pids+=($!)
    wait_for 10 test -S "$dir/$1.sock"
}

@test "no invalid access and no leak of our own" {
    client first
    client second
    cat >"$dir/milter-manager.conf" <<CONF
log.use_syslog = false
load("applicable-conditions/*.conf")
define_applicable_condition("Slow") do |condition|
  condition.define_helo_stopper { |context, fqdn| sleep 0.2; fqdn == "stop" }
  condition.define_header_stopper { |context, name, value| name == "X-Stop" }
end
define_milter("first") { |m| m.connection_spec = "unix:$dir/first.sock"; m.applicable_conditions = ["Trust", "Slow"] }
define_milter("second") { |m| m.connection_spec = "unix:$dir/second.sock" }
define_milter("absent") { |m| m.connection_spec = "unix:$dir/absent.sock" }
CONF
    valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
        --show-leak-kinds=definite --suppressions="$top/test/valgrind.supp" \
        "$bin/milter-manager" --config-dir "$dir" --no-daemon -s "unix:$dir/manager.sock" \
        >"$dir/manager.log" 2>"$dir/valgrind.log" 3>&- &
    manager=$!
    pids+=("$manager")
    wait_for 60 test -S "$dir/manager.sock"

    for options in "" "--helo-fqdn stop" "--header X-Stop:1" "-f a@gmail.com -r b@x -r c@x"; do
        # shellcheck disable=SC2086 # several words
        run "$bin/milter-test-server" -s "unix:$dir/manager.sock" $options --all-timeouts 60
        assert_success
        assert_line "status: pass"
    done
    kill -HUP "$manager"
    wait_for 60 grep -q 'generation 2 of the configuration' "$dir/manager.log"
    kill -9 "${pids[0]}"
    run "$bin/milter-test-server" -s "unix:$dir/manager.sock" --all-timeouts 60
    assert_success

    kill "$manager"
    status=0
    wait "$manager" || status=$?
    cat "$dir/valgrind.log"
    [ "$status" -eq 0 ]
    [ ! -s "$dir/valgrind.log" ]
}
