#!/usr/bin/env bats
# milter-manager --control: what it prints, its exit status, and its messages
# when the manager is not there, is another one, or does not let it.

bats_require_minimum_version 1.5.0
load tools.bash

setup() {
    tools_setup
    MANAGER=$BIN/milter-manager
    PLACE=$(mktemp -d /tmp/milter-control.XXXXXX)
    unset MILTER_MANAGER_CONFIG_DIR MILTER_DEFAULT_CONNECTION_SPEC MILTER_MANAGER_CONTROL_TOKEN
    cat >"$PLACE/milter-manager.conf" <<CONF
log.use_syslog = false
manager.connection_spec = "unix:$PLACE/own"
controller.connection_spec = "unix:$PLACE/control"
define_milter("a b") { |milter| milter.connection_spec = "unix:$PLACE/a" }
CONF
}

teardown() {
    tools_teardown
    rm -rf "$PLACE"
}

start() {
    "$MANAGER" -c "$PLACE" --no-daemon >"$PLACE/log" 2>&1 3>&- &
    PEERS+=("$!")
    wait_until grep -q '\[control\]\[listen\]' "$PLACE/log"
}

control() {
    run --separate-stderr timeout 30 "$MANAGER" -c "$PLACE" --control "$@"
    output=${output//$PLACE/$} stderr=${stderr//$PLACE/$}
    mapfile -t lines <<<"$output"
}

@test "every command of a manager at rest" {
    start
    control status
    assert_success
    assert_line --regexp '^milter-manager [0-9.]+, running for [0-9.]+s on unix:\$/own, open sessions: 0$'
    assert_line --regexp '^configuration 1 of 20[-0-9:TZ]+, \$$'
    assert_line --regexp '^manager +[0-9]+ +[0-9.]+s +0 +[0-9.]+MiB$'
    assert_line --regexp '^a b +unknown .* unix:\$/a$'
    control sessions
    assert_success
    assert_output "no session is open"
    control health
    assert_success
    assert_output "ok"
    control metrics
    assert_success
    assert_line 'milter_manager_child_enabled{child="a b"} 1'
    control configuration
    assert_success
    assert_line 'define_milter("a b") do |milter|'
    control disable "a b"
    assert_success
    assert_output --partial "milter a b is switched off"
    control status
    assert_line --regexp '^a b +switched off '
    control enable "a b"
    assert_success
    control reload
    assert_success
    assert_output "reloaded: generation 2 of the configuration is in force"
}

@test "--json prints what the manager says" {
    start
    control status --json
    assert_success
    /usr/bin/python3 -c 'import json, sys; assert json.load(sys.stdin)["state"] == "running"' <<<"$output"
    control disable "a b" --json
    assert_output '{"child": "a b", "switched_off": true}'
}

@test "what is refused has status 1 and a reason" {
    start
    control disable nobody
    assert_failure 1
    assert_equal "$stderr" 'milter-manager: there is no milter "nobody"'
    echo 'nonsense (' >>"$PLACE/milter-manager.conf"
    control reload
    assert_failure 1
    [[ $stderr =~ ^milter-manager:\ \$/milter-manager.conf:5: ]]
    control status
    assert_success
    assert_output --partial 'has FAILED: $/milter-manager.conf:5: '
}

@test "words that make no command" {
    local words
    control nonsense
    assert_failure 1
    assert_equal "$stderr" "milter-manager: --control: unknown command: nonsense; it should be one of status, sessions, metrics, configuration, health, reload, enable, disable"
    control disable
    assert_failure 1
    assert_equal "$stderr" "milter-manager: --control disable takes the name of one milter, not 0 words"
    control reload now
    assert_failure 1
    assert_equal "$stderr" "milter-manager: --control reload takes nothing behind it, not 1 words"
    for words in "--json" "--control-spec inet:1"; do
        # shellcheck disable=SC2086
        run --separate-stderr "$MANAGER" -c "$PLACE" $words
        assert_failure 1
        assert_equal "$stderr" "milter-manager: ${words%% *}: only goes with --control"
    done
    control status --show-config
    assert_failure 1
    assert_equal "$stderr" "milter-manager: --control: does not go with --show-config"
}

@test "nobody answers: status 2" {
    control status
    assert_failure 2
    assert_equal "$stderr" 'milter-manager: the controller at <unix:$/control> does not answer: cannot connect: No such file or directory; does the manager run, with this controller.connection_spec?'
    control status --control-spec "inet:1@127.0.0.1"
    assert_failure 2
    assert_regex "$stderr" 'the controller at <inet:1@127.0.0.1> does not answer: .*Connection refused'
    control status --control-spec nonsense
    assert_failure 2
    assert_regex "$stderr" '^milter-manager: --control-spec: '
    echo 'controller.connection_spec = nil' >>"$PLACE/milter-manager.conf"
    control status
    assert_failure 2
    assert_equal "$stderr" 'milter-manager: the configuration has no controller: set controller.connection_spec and start the manager anew, or name the place with --control-spec'
    echo 'nonsense (' >"$PLACE/milter-manager.conf"
    control status
    assert_failure 2
    assert_regex "$stderr" 'does not tell where the controller is: \$/milter-manager.conf:1: .*--control-spec$'
}

@test "another user hears whom the socket is for: status 2" {
    [[ $(id -u) = 0 ]] || skip "root is needed"
    local directory
    directory=$(mktemp -d /tmp/mm-control.XXXXXX)
    chmod 755 "$directory"
    "$CLIENT" -s "unix:$directory/control" >/dev/null 2>&1 3>&- &
    PEERS+=("$!")
    wait_until test -S "$directory/control"
    chmod 600 "$directory/control"
    run --separate-stderr setpriv --reuid nobody --regid nogroup --clear-groups \
        "$MANAGER" --control status --control-spec "unix:$directory/control"
    rm -r "$directory"
    assert_failure 2
    assert_equal "${stderr/$directory/\$}" "milter-manager: the controller at <unix:\$/control> is closed to user nobody: $directory/control 0600 root:root; ask as root or as the user of the manager, or open it to a group with controller.unix_socket_group"
}

@test "somebody else answers: status 2" {
    "$CLIENT" -s "unix:$PLACE/control" >/dev/null 2>&1 3>&- &
    PEERS+=("$!")
    wait_until test -S "$PLACE/control"
    control status
    assert_failure 2
    assert_regex "$stderr" 'the controller at <unix:\$/control> does not answer: '
}

@test "a token: of the configuration, of the environment, wrong" {
    echo 'controller.token = "open-sesame"' >>"$PLACE/milter-manager.conf"
    start
    control health
    assert_success
    MILTER_MANAGER_CONTROL_TOKEN=open-sesami control health
    assert_failure 1
    assert_equal "$stderr" 'milter-manager: the controller at <unix:$/control> refuses this token: it stands in controller.token of its configuration; MILTER_MANAGER_CONTROL_TOKEN takes it too'
    control health --control-spec "unix:$PLACE/control"
    assert_failure 1
    assert_regex "$stderr" 'refuses to answer without the token'
    MILTER_MANAGER_CONTROL_TOKEN=open-sesame control health --control-spec "unix:$PLACE/control"
    assert_success
}
