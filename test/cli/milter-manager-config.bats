#!/usr/bin/env bats
# milter-manager's options and --show-config (milter-manager-cli.md section 1,
# configuration.md section 10).

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    MANAGER=${MILTER_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build}/bin/milter-manager
    CONF=$BATS_TEST_DIRNAME/../../milter-manager/conf
    DIR=$BATS_TEST_TMPDIR/conf
    mkdir "$DIR"
    unset MILTER_MANAGER_CONFIG_DIR
}

# configure TEXT : the main file
configure() {
    printf '%s\n' "$1" >"$DIR/milter-manager.conf"
}

show() {
    run --separate-stderr "$MANAGER" --config-dir "$DIR" --show-config "$@"
}

# shown LITERAL-LINES : with their comment line
assert_shown() {
    local expected=$1
    case $'\n'"$output"$'\n' in
    *$'\n'"$expected"$'\n'*) ;;
    *) fail "not shown: $expected" ;;
    esac
}

without_locations() {
    grep -v '^ *#' "$1"
}

@test "the shipped configuration is found and shown" {
    # What is installed on this machine does not matter here.
    mkdir "$BATS_TEST_TMPDIR/nothing"
    printf 'package.options = "root=%s"\n' "$BATS_TEST_TMPDIR/nothing" |
        cat - "$CONF/milter-manager.conf" >"$DIR/milter-manager.conf"
    show
    assert_success
    assert_equal "${lines[0]}" "# default"
    assert_regex "${lines[1]}" '^package\.platform = (nil|"[a-z0-9]+")$'
    assert_equal "$(grep -c define_milter <<<"$output")" 0
    assert_output --partial 'define_applicable_condition("S25R") do |condition|'
    assert_equal "$stderr" ""
}

@test "the items of the shipped file are those of the tables (else: make reference)" {
    run diff <(sed -n '/^# All items/,$p' "$CONF/milter-manager.conf") \
        <("${MANAGER%/bin/*}/tools/config-reference" conf)
    assert_output ""
    # What is written by hand loads the conditions, the installed milters, the administrator's file.
    run grep -v '^#\|^$' "$CONF/milter-manager.conf"
    assert_output 'load("applicable-conditions/*.conf")
load_default
load_if_exist("milter-manager.local.conf")'
}

@test "the commented items of the shipped file are the defaults" {
    configure ""
    "$MANAGER" -c "$DIR" --show-config >"$BATS_TEST_TMPDIR/defaults"
    sed -n '/^# All items/,/^# A milter/s/^# \([a-z]*\.[a-z_]* = \)/\1/p' \
        "$CONF/milter-manager.conf" >"$DIR/milter-manager.conf"
    "$MANAGER" -c "$DIR" --show-config >"$BATS_TEST_TMPDIR/shown"
    run diff "$BATS_TEST_TMPDIR/defaults" "$BATS_TEST_TMPDIR/shown"
    assert_output ""
    # Every item is there; extra_options alone are never shown, and what was built in may differ.
    run diff <(without_locations "$BATS_TEST_TMPDIR/shown" | grep . | grep -v '^package' | sort) \
        <(grep -v '^database\.extra_options\|^package' "$DIR/milter-manager.conf" | sort)
    assert_output ""
}

@test "the commented milter of the shipped file has the defaults of a milter" {
    configure 'define_milter("NAME")'
    "$MANAGER" -c "$DIR" --show-config | without_locations - >"$BATS_TEST_TMPDIR/defaults"
    sed -n '/^# define_milter/,$s/^# \?//p' "$CONF/milter-manager.conf" >"$DIR/milter-manager.conf"
    "$MANAGER" -c "$DIR" --show-config | without_locations - >"$BATS_TEST_TMPDIR/shown"
    run diff "$BATS_TEST_TMPDIR/defaults" "$BATS_TEST_TMPDIR/shown"
    assert_success
}

@test "an item is shown with the place of its last assignment" {
    configure 'manager.max_connections = 3
manager.max_connections = 4'
    show
    assert_success
    assert_shown "# $DIR/milter-manager.conf:2
manager.max_connections = 4"
}

@test "the output is configuration that gives the same output" {
    configure 'load("applicable-conditions/*.conf")
manager.unix_socket_mode = 0600
manager.maintenance_interval = nil
log.level = "+debug"
manager.fallback_status = "Temporary_Failure"
define_milter("one") do |milter|
  milter.connection_spec = "unix:/run/one"
  milter.description = "a \"quoted\" \#{text} with ü"
  milter.applicable_conditions = ["S25R", "No Stress"]
  milter.reading_timeout = 0.5
end
stress.threshold_n_connections = 10'
    "$MANAGER" -c "$DIR" --show-config >"$BATS_TEST_TMPDIR/first"
    cp "$BATS_TEST_TMPDIR/first" "$DIR/milter-manager.conf"
    "$MANAGER" -c "$DIR" --show-config >"$BATS_TEST_TMPDIR/second"
    run diff <(without_locations "$BATS_TEST_TMPDIR/first") <(without_locations "$BATS_TEST_TMPDIR/second")
    assert_success
    cp "$BATS_TEST_TMPDIR/second" "$DIR/milter-manager.conf"
    "$MANAGER" -c "$DIR" --show-config >"$BATS_TEST_TMPDIR/third"
    run cmp "$BATS_TEST_TMPDIR/second" "$BATS_TEST_TMPDIR/third"
    assert_success
}

@test "the command line wins and the place stays that of the file" {
    configure 'manager.pid_file = "/run/file.pid"
manager.daemon = true'
    show --pid-file /run/option.pid --no-daemon -s unix:/run/option --unix-socket-mode 0600 \
        -u 12 -g 34 --unix-socket-group mail --packet-buffer-size 99 \
        --max-pending-finished-sessions 7 --log-level 'error|info' --log-path /tmp/x.log \
        --log-format json \
        --syslog-facility local1 --event-loop-backend libev --n-workers 0
    assert_success
    assert_shown "# $DIR/milter-manager.conf:1
manager.pid_file = \"/run/option.pid\""
    assert_shown "# $DIR/milter-manager.conf:2
manager.daemon = false"
    assert_shown '# default
manager.connection_spec = "unix:/run/option"'
    assert_shown 'manager.unix_socket_mode = 0600'
    assert_shown 'security.effective_user = "12"'
    assert_shown 'security.effective_group = "34"'
    assert_shown 'manager.unix_socket_group = "mail"'
    assert_shown 'manager.packet_buffer_size = 99'
    assert_shown 'manager.max_pending_finished_sessions = 7'
    assert_shown 'log.level = "error|info"'
    assert_shown 'log.path = "/tmp/x.log"'
    assert_shown 'log.format = "json"'
    assert_shown 'log.syslog_facility = "local1"'
}

@test "verbose and quiet are log levels, the last one wins" {
    configure ""
    show --quiet --verbose
    assert_shown 'log.level = "critical|error|warning|message|info|debug|trace|statistics|profile"'
    show --verbose --quiet
    assert_shown 'log.level = "none"'
    show --socket-group-name mail
    assert_shown 'manager.unix_socket_group = "mail"'
    [[ $stderr == *deprecated* ]]
}

@test "nothing but configuration goes to standard output" {
    configure 'Milter::Logger.error("a line of the log")'
    show --verbose
    assert_success
    refute_output --partial "a line of the log"
    [[ $stderr == *"a line of the log"* ]]
}

@test "a mistake in a file ends the start with its place" {
    configure '
manager.fallback_status = "x"'
    run --separate-stderr "$MANAGER" --config-dir "$DIR" -s "unix:$BATS_TEST_TMPDIR/socket"
    assert_failure 1
    assert_output ""
    [[ $stderr == *"$DIR/milter-manager.conf:2: manager.fallback_status should be one of"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/socket" ]
    show
    assert_failure 1
    assert_output ""
}

@test "the load path: option, environment, compiled in" {
    mkdir "$BATS_TEST_TMPDIR/environment"
    echo 'define_milter("environment")' >"$BATS_TEST_TMPDIR/environment/milter-manager.conf"
    export MILTER_MANAGER_CONFIG_DIR=$BATS_TEST_TMPDIR/environment
    show
    assert_output --partial 'define_milter("environment")'
    configure 'define_milter("option")'
    show
    assert_output --partial 'define_milter("option")'
    refute_output --partial 'define_milter("environment")'
}

@test "bad values of options are named and end with 1" {
    local rows=(
        "-s|foo:x|-s: "
        "--user-id|x|--user-id: invalid integer value: <x>"
        "--n-workers|1001|--n-workers: too big: <1001>: parsed=<1001>, max=<1000>"
        "--n-workers|-1|--n-workers: must be larger than 0 or equal to 0: "
        "--event-loop-backend|x|--event-loop-backend: unknown event loop backend: <x> available values: [glib|libev]"
        "--log-level|x|--log-level: unknown flag names: [<x>]"
        "--unix-socket-mode|9|--unix-socket-mode: must be 0-7: '9': <9>"
        "--syslog-facility|x|--syslog-facility: unknown syslog facility: <x>"
    )
    local row option value message
    for row in "${rows[@]}"; do
        IFS='|' read -r option value message <<<"$row"
        run --separate-stderr "$MANAGER" "$option=$value"
        [ "$option" != -s ] || run --separate-stderr "$MANAGER" -s "$value"
        assert_failure 1
        assert_output ""
        [[ $stderr == *"$message"* ]] || fail "$stderr"
    done
    run --separate-stderr "$MANAGER" --nonsense
    assert_failure 1
    [[ $stderr == *--nonsense*--help* ]]
}

@test "the event loop of GLib is taken where it was built in, and refused by name elsewhere" {
    configure ""
    show --event-loop-backend glib
    if grep -q g_main_context_iteration "$MANAGER"; then
        assert_success
        assert_output --partial 'manager.event_loop_backend = "glib"'
    else
        assert_failure 1
        [[ $stderr == *"without GLib"* ]]
    fi
}

@test "help and version" {
    run --separate-stderr "$MANAGER" --version
    assert_success
    assert_output --regexp '^milter-manager [0-9.]+$'
    for option in --help -h '-?'; do
        run --separate-stderr "$MANAGER" "$option"
        assert_success
        assert_output --partial "--show-config"
        refute_output --partial "--connection-spec"
    done
    run --separate-stderr "$MANAGER" --help-milter
    assert_success
    assert_output --partial "--connection-spec"
    refute_output --partial "--show-config"
    run --separate-stderr "$MANAGER" --help-all
    assert_output --partial "--connection-spec"
    assert_output --partial "--show-config"
}
