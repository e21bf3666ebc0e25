#!/usr/bin/env bats
# milter-manager --check-config: the report, its exit status, the rights it
# asks with, and that nothing is left behind.

bats_require_minimum_version 1.5.0
load tools.bash

setup() {
    tools_setup
    MANAGER=$BIN/milter-manager
    # The directory of bats may be closed to others; users other than root are to get in.
    PLACE=$(mktemp -d /tmp/milter-check.XXXXXX)
    chmod 755 "$PLACE"
    CONF=$PLACE/conf
    MAIN=$CONF/milter-manager.conf
    mkdir "$CONF"
    unset MILTER_MANAGER_CONFIG_DIR MILTER_DEFAULT_CONNECTION_SPEC MILTER_LOG_COLORIZE
}

teardown() {
    tools_teardown
    rm -rf "$PLACE"
}

configure() {
    cat >"$MAIN"
}

# check [OPTION...] : $PLACE is $ in the output
check() {
    run --separate-stderr timeout 20 "$MANAGER" -c "$CONF" -s "unix:$PLACE/own" --check-config "$@"
    output=${output//$PLACE/$}
    mapfile -t lines <<<"$output"
}

# child NAME [OPTION...] : listens at $PLACE/NAME
child() {
    local name=$1
    shift
    "$CLIENT" -s "unix:$PLACE/$name" "$@" >/dev/null 2>&1 3>&- &
    CHILD=$!
    PEERS+=("$CHILD")
    # Not only bound: its mode is set by then.
    wait_until listening "$PLACE/$name"
}

listening() {
    ss -Hlx | grep -qF " $1 "
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "only root can become somebody else"
}

@test "a configuration without a fault: the whole report, status 0" {
    child a
    configure <<CONF
define_milter("a") do |milter|
  milter.connection_spec = "unix:$PLACE/a"
  milter.connection_timeout = 3
  milter.reading_timeout = 5
end
CONF
    check
    assert_success
    assert_equal "$stderr" ""
    assert_output "Configuration
  ok:       no mistakes; milters defined: 1

Own places
  ok:       can listen on unix:\$/own

Milters, asked as user $(id -un)
  ok:       \$/conf/milter-manager.conf:2: milter \"a\": unix:\$/a: version 6, actions all, steps skip

0 errors, 0 warnings"
}

@test "all kinds of faults at once, status 2; advice alone, status 1" {
    configure <<CONF
manager.deamon = true
manager.chunk_size = 0
raise "oh"
define_milter("away") do |milter|
  milter.connection_spec = "unix:$PLACE/away"
  milter.fallback_status = "reject"
end
define_milter("nowhere")
CONF
    check --pid-file "$PLACE/none/pid"
    assert_failure 2
    assert_line '  error:    $/conf/milter-manager.conf:1: unknown item: manager.deamon (did you mean manager.daemon?)'
    assert_line '  error:    $/conf/milter-manager.conf:2: manager.chunk_size should be an integer from 1 to 65535 but was 0'
    assert_line '  error:    $/conf/milter-manager.conf:3: oh (RuntimeError)'
    assert_line '  warning:  $/conf/milter-manager.conf:8: milter "nowhere" has no connection_spec: it is not used'
    assert_line '  error:    manager.pid_file $/none/pid: directory $/none does not exist; make it, or correct the path'
    assert_line '  error:    $/conf/milter-manager.conf:5: milter "away": cannot connect to unix:$/away: $/away does not exist; is the milter running, and told to listen there?'
    assert_line '          > $/away'
    assert_line '  error:    $/conf/milter-manager.conf:6: milter "away" cannot be used and has fallback_status "reject": its mail is refused for good until it is back'
    assert_line '6 errors, 1 warning'

    configure </dev/null
    check
    assert_failure 1
    assert_line '  warning:  no milter is in use: all mail passes as it is; define_milter adds one'
    assert_line '0 errors, 1 warning'
}

@test "nothing listens, nothing is written, nothing is left" {
    child a
    mkdir "$PLACE/sessions"
    configure <<CONF
manager.pid_file = "$PLACE/pid"
manager.daemon = true
manager.record_sessions = "$PLACE/sessions"
log.path = "$PLACE/log"
define_milter("a") { |milter| milter.connection_spec = "unix:$PLACE/a" }
CONF
    check
    assert_success
    assert_line '  ok:       $/conf/milter-manager.conf:1: manager.pid_file $/pid can be made'
    assert_line '  ok:       $/conf/milter-manager.conf:4: log.path $/log can be made'
    assert_line '  ok:       $/conf/milter-manager.conf:3: manager.record_sessions $/sessions can be written'
    run find "$PLACE" -mindepth 1 ! -name milter-manager.conf
    assert_equal "$(sort <<<"$output")" "$(printf '%s\n' "$PLACE/a" "$PLACE/conf" "$PLACE/sessions")"
}

@test "an unusable directory of records" {
    configure <<CONF
manager.record_sessions = "$MAIN"
CONF
    check
    assert_failure 2
    assert_line '  error:    $/conf/milter-manager.conf:1: manager.record_sessions: $/conf/milter-manager.conf is a file, not a directory; correct the path'
}

@test "the listening address: own program, another one, a dead socket, no socket, no directory" {
    configure </dev/null
    child own
    check
    assert_line '  error:    unix:$/own is in use by another program; end that one (ss -lxtnp names it), or listen somewhere else'
    kill "$CHILD"
    wait "$CHILD" || true
    /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$PLACE/own.dead"
    check -s "unix:$PLACE/own.dead"
    assert_line '  ok:       can listen on unix:$/own.dead; the socket that an earlier run has left will be replaced'
    test -S "$PLACE/own.dead"

    "$MANAGER" -c "$CONF" -s "unix:$PLACE/mine" >/dev/null 2>&1 3>&- &
    PEERS+=("$!")
    wait_until test -S "$PLACE/mine"
    check -s "unix:$PLACE/mine"
    assert_line "  ok:       unix:\$/mine is in use by the milter-manager that runs as process $!"

    check -s "unix:$MAIN"
    assert_line --partial 'cannot listen on unix:$/conf/milter-manager.conf: $/conf/milter-manager.conf exists and is not a socket; remove it'
    check -s "unix:$PLACE/none/own"
    assert_line '  error:    cannot listen on $/none/own: directory $/none does not exist; make it, or correct the path'
    check -s "inet:10025@192.0.2.77"
    assert_line --partial 'cannot listen on inet:10025@192.0.2.77: Cannot assign requested address; no interface of this machine has that address'
}

@test "the mode of the own socket written without its 0" {
    configure <<<'manager.unix_socket_mode = 660'
    check
    assert_line '  warning:  $/conf/milter-manager.conf:1: manager.unix_socket_mode is 01224, with which nobody can connect as usual; write it with a 0 in front: 0660'
    configure <<<'manager.unix_socket_mode = 0060'
    check
    assert_line '  warning:  $/conf/milter-manager.conf:1: manager.unix_socket_mode is 060, with which nobody can connect as usual; write it with a 0 in front: 0660'
    configure <<<'manager.unix_socket_mode = 0666'
    check
    refute_line --partial unix_socket_mode
}

@test "an internet address in use by another program" {
    local port
    port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    configure </dev/null
    check -s "inet:$port@127.0.0.1"
    assert_line "  ok:       can listen on inet:$port@127.0.0.1"
    "$CLIENT" -s "inet:$port@127.0.0.1" >/dev/null 2>&1 3>&- &
    PEERS+=("$!")
    wait_until "$SERVER" -s "inet:$port@127.0.0.1"
    check -s "inet:$port@127.0.0.1"
    assert_line --partial "inet:$port@127.0.0.1 is in use by another program"
}

@test "children are asked with the rights of the user that will run the program" {
    need_root
    child a
    chmod 777 "$PLACE/a"
    mkdir "$PLACE/closed"
    child closed/b
    chmod 777 "$PLACE/closed/b"
    chmod 750 "$PLACE/closed"
    chgrp mail "$PLACE/closed"
    configure <<CONF
security.effective_user = "nobody"
define_milter("a") { |milter| milter.connection_spec = "unix:$PLACE/a" }
define_milter("b") { |milter| milter.connection_spec = "unix:$PLACE/closed/b" }
CONF
    check --pid-file "$PLACE/pid"
    assert_failure 2
    assert_line 'Milters, asked as user nobody'
    assert_line --partial 'milter "a": unix:$/a: version 6'
    assert_line --partial 'milter "b": cannot connect to unix:$/closed/b: $/closed 0750 root:mail: user nobody is not in group mail; put the user into it (usermod -aG mail nobody)'
    assert_line '          > $/closed 0750 root:mail'
    assert_line --partial 'manager.pid_file $/pid: $ 0755 root:root: only its owner may make files in it, user nobody is another one'
    check -g mail
    assert_success
    assert_line --partial 'milter "b": unix:$/closed/b: version 6'

    run setpriv --reuid=nobody --regid=nogroup --clear-groups "$MANAGER" -c "$CONF" \
        -s inet:0@127.0.0.1 --check-config --user mail
    assert_failure 2
    assert_line --partial 'security.effective_user has no effect on what user nobody starts; check as root'
    assert_line 'Milters, asked as user nobody'

    check -u no-such-user
    assert_failure 2
    assert_line --partial 'failed to find password entry for effective user: no-such-user; make that user or group'
    refute_line --partial 'Milters, asked as'
}

@test "what a child negotiates is named" {
    child a --negotiate-version 4 --negotiate-actions 'add-headers|quarantine' --negotiate-steps no-body
    configure <<CONF
define_milter("a") { |milter| milter.connection_spec = "unix:$PLACE/a" }
CONF
    check
    assert_success
    assert_line --partial 'milter "a": unix:$/a: version 4, actions add-headers|quarantine, steps no-body'
}

@test "a child that hangs is waited for, and that is told" {
    child a
    kill -STOP "$CHILD"
    configure <<CONF
define_milter("a") do |milter|
  milter.connection_spec = "unix:$PLACE/a"
  milter.reading_timeout = 2.5
end
CONF
    check
    assert_failure 2
    assert_line --partial 'milter "a": unix:$/a: no answer within 2.5 seconds; is it a milter, and does it hang?'
    assert_equal "$stderr" 'milter-manager: after 2 s still waiting for "a"'
}

@test "colours only on a terminal, or when they are asked for" {
    configure </dev/null
    check
    refute_output --partial $'\e['
    MILTER_LOG_COLORIZE=console check
    assert_output --partial $'\e[32mok:\e[0m'
    run env TERM=xterm script -qec "$MANAGER -c $CONF -s unix:$PLACE/own --check-config" /dev/null
    assert_output --partial $'\e[32mok:\e[0m'
}

@test "a report that cannot be written is a failure" {
    configure </dev/null
    run bash -c '"$1" -c "$2" --check-config >/dev/full' - "$MANAGER" "$CONF"
    assert_failure 2
    assert_output --partial 'failed to write the report'
}

@test "commands that start milters: usable, unusable, not in use" {
    need_root
    child a
    printf '#!/bin/sh\n' >"$PLACE/for-root"
    chmod 700 "$PLACE/for-root"
    configure <<CONF
security.privilege_mode = true
%w[good other missing plain private nobody empty].each do |name|
  define_milter(name) do |milter|
    milter.connection_spec = "unix:$PLACE/a"
    milter.enabled = false
  end
end
define_milter("good") { |milter| milter.command = "true"; milter.command_options = "-x 'a b'" }
define_milter("other") { |milter| milter.command = "/bin/true"; milter.user_name = "nobody" }
define_milter("missing") { |milter| milter.command = "no/such/program" }
define_milter("plain") { |milter| milter.command = "/etc/passwd" }
define_milter("private") { |milter| milter.command = "$PLACE/for-root"; milter.user_name = "nobody" }
define_milter("nobody") { |milter| milter.command = "true"; milter.user_name = "no-such-user" }
define_milter("empty") { |milter| milter.command = " " }
CONF
    check
    assert_failure 2
    assert_line "  ok:       \$/conf/milter-manager.conf:8: milter \"good\": when it is down, user root runs <true -x 'a b'>"
    assert_line --partial 'milter "other": when it is down, user nobody runs </bin/true>'
    assert_line --partial 'milter "missing" cannot be started as user root: cannot execute </no/such/program>: No such file or directory; correct command or user_name'
    assert_line --partial 'milter "plain" cannot be started as user root: cannot execute </etc/passwd>: Permission denied'
    assert_line --partial 'milter "private" cannot be started as user nobody: cannot execute <$/for-root>: Permission denied'
    assert_line --partial 'milter "nobody" cannot be started as user no-such-user: there is no user <no-such-user>'
    assert_line --partial 'milter "empty" cannot be started as user root: there is no program in the command < >'
    sed -i '1d' "$MAIN"
    check
    assert_line --partial 'milter "good" has a command, which is not run: security.privilege_mode is false'
    echo 'define_milter("down") { |milter| milter.connection_spec = "unix:$PLACE/d"; milter.command = "true" }' |
        sed "s,\$PLACE,$PLACE," >>"$MAIN"
    check
    assert_line --partial 'error:    $/conf/milter-manager.conf:14: milter "down": cannot connect to unix:$/d: $/d does not exist'
    echo 'security.privilege_mode = true' >>"$MAIN"
    check
    assert_line --partial 'note:     $/conf/milter-manager.conf:14: milter "down": connection to unix:$/d failed: No such file or directory; its command is run when a mail needs it'
}

@test "the controller's place: free, no directory, in the way, in use, no group, the same" {
    check_controller() {
        configure <<CONF
controller.connection_spec = "$1"
controller.unix_socket_group = $2
CONF
        check
    }
    mkdir "$PLACE/directory"
    child taken
    check_controller "unix:$PLACE/control" nil
    assert_line '  ok:       $/conf/milter-manager.conf:1: controller: can listen on unix:$/control'
    check_controller "unix:$PLACE/none/control" nil
    assert_failure 1
    assert_line '  warning:  $/conf/milter-manager.conf:1: controller: cannot listen on $/none/control: directory $/none does not exist; make it, or correct the path'
    check_controller "unix:$PLACE/directory" nil
    assert_line '  warning:  $/conf/milter-manager.conf:1: controller: cannot listen on unix:$/directory: $/directory exists and is not a socket; remove it, or listen somewhere else'
    check_controller "unix:$PLACE/taken" nil
    assert_line '  warning:  $/conf/milter-manager.conf:1: controller: unix:$/taken is in use by another program; end that one (ss -lxtnp names it), or listen somewhere else'
    check_controller "unix:$PLACE/control" '"no-such-group"'
    assert_line '  warning:  $/conf/milter-manager.conf:2: controller.unix_socket_group: there is no group no-such-group; make it (groupadd) or name another one'
    check_controller "unix:$PLACE/own" nil
    assert_line '  warning:  $/conf/milter-manager.conf:1: controller: cannot listen on unix:$/own: that is where mail servers connect to (manager.connection_spec); choose another port or path'
}
