#!/usr/bin/env bats
# --log-format, and the log file as programs that rotate and read it see it.

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    BIN=${MILTER_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build}/bin
    MANAGER=$BIN/milter-manager
    DIR=$BATS_TEST_TMPDIR/conf
    MAIN=$DIR/milter-manager.conf
    LOG=$BATS_TEST_TMPDIR/log
    mkdir "$DIR"
    echo 'log.use_syslog = false' >"$MAIN"
    unset MILTER_MANAGER_CONFIG_DIR MILTER_DEFAULT_CONNECTION_SPEC
    unset MILTER_LOG_LEVEL MILTER_LOG_PATH MILTER_LOG_ITEM MILTER_LOG_COLORIZE
    pid=
}

teardown() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
}

start() {
    "$MANAGER" -c "$DIR" -s "unix:$DIR/socket" "$@" >"$BATS_TEST_TMPDIR/output" 2>&1 3>&- &
    pid=$!
    within "[ -S '$DIR/socket' ]"
}

within() {
    timeout 10 sh -c "until $1; do sleep 0.05; done"
}

# Every line is one object with these members; prints the messages.
messages() {
    /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    line = json.loads(line.decode("utf-8", "strict"))
    assert {"time", "level", "pid", "message"} <= set(line), line
    print(line["message"])' "$1"
}

@test "SIGUSR1 opens a JSON log anew and no line is split or lost" {
    start --log-format=json "--log-path=$LOG"
    "$BIN/milter-test-server" -s "unix:$DIR/socket"
    within "grep -q '(1)\"' '$LOG'"
    mv "$LOG" "$LOG.1"
    kill -USR1 "$pid"
    within "[ -e '$LOG' ]"
    "$BIN/milter-test-server" -s "unix:$DIR/socket"
    within "grep -q '(2)\"' '$LOG'"
    kill "$pid"
    wait "$pid"
    pid=
    run messages "$LOG.1"
    assert_success
    assert_line --regexp '^\[session\]\[end\].*\(1\)$'
    refute_line --regexp '^\[session\]\[end\].*\(2\)$'
    run messages "$LOG"
    assert_success
    assert_line --regexp '^\[session\]\[end\].*\(2\)$'
    assert_line --partial '[manager][shutdown] Terminated'
    assert_equal "$(cat "$BATS_TEST_TMPDIR/output")" ""
}

@test "what is logged before the configuration is read has the form of --log-format" {
    run --separate-stderr "$MANAGER" -c "$DIR/absent" --log-format json --show-config
    messages <(printf '%s\n' "$stderr") | grep 'load.*No such file or directory'
    # Also about an option that comes later, and over what the file says.
    echo 'log.format = "json"' >>"$MAIN"
    start --log-format=text
    within "grep -q '^\[.*listen' '$BATS_TEST_TMPDIR/output'"
}

@test "an unknown form is refused with those that are known" {
    run "$MANAGER" --log-format=xml
    assert_failure 1
    assert_output "milter-manager: --log-format: unknown log format: <xml> available values: [json|text]"
}

@test "a user or group that does not exist is told with its place" {
    [ "$(id -u)" -eq 0 ] || skip "only root changes its user"
    printf 'security.effective_user = "no-such-user"\n' >>"$MAIN"
    run --separate-stderr "$MANAGER" -c "$DIR" -s "unix:$DIR/socket"
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $MAIN:2: failed to drop privilege: security.effective_user: failed to find password entry for effective user: no-such-user"
    run --separate-stderr "$MANAGER" -c "$DIR" -s "unix:$DIR/socket" --user=nor-this
    assert_failure 1
    assert_equal "$stderr" "milter-manager: failed to drop privilege: security.effective_user: failed to find password entry for effective user: nor-this"
    sed -i 's/.*effective_user.*/security.effective_group = "no-such-group"/' "$MAIN"
    run --separate-stderr "$MANAGER" -c "$DIR" -s "unix:$DIR/socket"
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $MAIN:2: failed to drop privilege: security.effective_group: failed to find group entry for: no-such-group"
}
