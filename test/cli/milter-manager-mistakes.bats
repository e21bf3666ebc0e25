#!/usr/bin/env bats
# Mistakes an administrator makes: one sentence that names the place, the cause
# and, where there is one, the way out; exit status 1.

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    MANAGER=${MILTER_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build}/bin/milter-manager
    DIR=$BATS_TEST_TMPDIR/conf
    MAIN=$DIR/milter-manager.conf
    mkdir "$DIR"
    : >"$MAIN"
    unset MILTER_MANAGER_CONFIG_DIR MILTER_DEFAULT_CONNECTION_SPEC
}

# refused MESSAGE [OPTION...]
refused() {
    local message=$1
    shift
    run --separate-stderr timeout 10 "$MANAGER" --config-dir "$DIR" "$@"
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $message"
}

# mistake LINE MESSAGE : LINE is the second one of the main file
mistake() {
    printf '\n%s\n' "$1" >"$MAIN"
    refused "$MAIN:2: $2" --show-config
}

@test "misspelt words and items are named, with what may have been meant" {
    mistake 'mannager.daemon = true' 'unknown word: mannager (did you mean manager?)'
    mistake 'manager.conection_spec = nil' \
        'unknown item: manager.conection_spec (did you mean manager.connection_spec?)'
    mistake 'define_milter("a") { |milter| milter.enabeld = true }' \
        'unknown item: milter.enabeld (did you mean milter.enabled?)'
    mistake 'manager.effective_user = "mail"' \
        'unknown item: manager.effective_user (did you mean security.effective_user?)'
    mistake 'define_applicable_condition("a") { |condition| condition.define_ehlo_stopper {} }' \
        'unknown item: condition.define_ehlo_stopper (did you mean condition.define_helo_stopper?)'
}

@test "wrong values are shown with what is wanted" {
    mistake 'manager.daemon = 3' 'manager.daemon should be one of [true, false] but was 3'
    mistake 'manager.unix_socket_mode = 010000' \
        'manager.unix_socket_mode should be an integer from 0 to 07777 but was 010000'
    mistake 'define_milter("a") { |milter| milter.reading_timeout = 0 }' \
        'milter.reading_timeout should be a number of seconds above 0 but was 0'
    mistake 'define_milter("a") { |milter| milter.connection_spec = "inet:x@localhost" }' \
        'milter.connection_spec: port number has invalid character: <inet:x@localhost>: <x>'
    mistake 'define_milter("a") { |milter| milter.add_applicable_condition("S52R") }' \
        'applicable condition should be one of [] but was "S52R"'
    mistake 'remote_network.add_local_address("10.0.0.0/99")' \
        'remote_network: "10.0.0.0/99" is neither an address nor a network: invalid length'
}

@test "files that are missing or not readable" {
    mistake 'load("/nothing.conf")' "/nothing.conf doesn't exist."
    mistake 'trust.load_envelope_from_domains("/nonexistent")' \
        'trust.load_envelope_from_domains: /nonexistent: No such file or directory'
    mistake 'Milter::Manager::PostfixCIDRTable.load("/nonexistent")' \
        '/nonexistent: No such file or directory'
    rm "$MAIN"
    mkdir "$MAIN"
    refused "$MAIN: Is a directory" --show-config
}

@test "a file that is no text is refused, not read up to its first zero byte" {
    printf 'manager.daemon = false\n\0\0\nmanager.x = 1\n' >"$MAIN"
    refused "$MAIN:2: here stands a zero byte: the file is damaged or no text; restore it, or save it as UTF-8" --show-config
    printf 'manager.daemon = false\n' | iconv -t UTF-16 >"$MAIN"
    refused "$MAIN:1: the file is in UTF-16; save it as UTF-8" --show-config
    printf 'trust.load_envelope_from_domains("%s/domains")\n' "$DIR" >"$MAIN"
    printf 'example.org\n' | iconv -t UTF-16 >"$DIR/domains"
    refused "$MAIN:1: trust.load_envelope_from_domains: $DIR/domains:1: the file is in UTF-16; save it as UTF-8" --show-config
    printf 'Milter::Manager::PostfixRegexpTable.load("%s/domains")\n' "$DIR" >"$MAIN"
    refused "$MAIN:1: $DIR/domains:1: the file is in UTF-16; save it as UTF-8" --show-config
    mkdir "$DIR/more"
    printf 'load("more")\n' >"$MAIN"
    printf 'manager.max_connections = 5\n' >"$DIR/more/a.conf"
    printf 'b0VIM\0' >"$DIR/more/.a.conf.swp"
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config
    assert_success
    assert_equal "$stderr" ""
    assert_line "manager.max_connections = 5"
}

@test "the XML of a Windows editor is read, or refused, but not ignored" {
    local custom=$DIR/milter-manager.custom.conf
    printf '\xEF\xBB\xBF<configuration><manager><max-connections>5</max-connections></manager></configuration>\n' >"$custom"
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config
    assert_success
    assert_line "manager.max_connections = 5"
    printf '<configuration/>\n' | iconv -t UTF-16 >"$custom"
    refused "$custom:1: the file is in UTF-16; save it as UTF-8" --show-config
}

@test "what may not be seen does not count as absent, neither at the start nor at a reload" {
    [ "$(id -u)" = 0 ] || skip "only root can become somebody else"
    chmod 755 "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR" "$DIR"
    mkdir -m 700 "$DIR/secret"
    printf 'manager.max_connections = 5\n' >"$DIR/secret/a.conf"
    local refusal="Permission denied: user nobody, who reads the configuration now, cannot tell whether it is there; let that user enter its directory"
    local pattern pid
    for pattern in 'a.conf' '*.conf'; do
        printf 'load_if_exist("secret/%s")\n' "$pattern" >"$MAIN"
        run --separate-stderr setpriv --reuid=nobody --clear-groups "$MANAGER" -c "$DIR" --show-config
        assert_failure 1
        assert_equal "$stderr" "milter-manager: $MAIN:1: $DIR/secret/$pattern: $refusal"
    done
    run --separate-stderr setpriv --reuid=nobody --clear-groups "$MANAGER" -c "$DIR/secret" --show-config
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $DIR/secret/milter-manager.conf: $refusal"

    printf 'security.effective_user = "nobody"\nlog.use_syslog = false\n' >>"$MAIN"
    "$MANAGER" -c "$DIR" -s "unix:$DIR/socket" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    pid=$!
    timeout 10 sh -c 'until [ -S "$1" ]; do sleep 0.05; done' - "$DIR/socket"
    kill -HUP "$pid"
    timeout 10 sh -c 'until grep -q "configuration stays as it was" "$1"; do sleep 0.05; done' - "$BATS_TEST_TMPDIR/log" || true
    kill "$pid"
    wait "$pid" || true
    run cat "$BATS_TEST_TMPDIR/log"
    assert_line --partial "$MAIN:1: $DIR/secret/*.conf: $refusal"
    assert_line --partial "the configuration stays as it was"
}

@test "a syntax error has its line" {
    printf 'manager.daemon = false\nmanager.daemon = (\n' >"$MAIN"
    run --separate-stderr "$MANAGER" --config-dir "$DIR" --show-config
    assert_failure 1
    assert_equal "$stderr" "milter-manager: $MAIN:2: syntax error: \"(\" has no end; write the missing \")\""
}

@test "what is wrong without being refused is a warning" {
    printf 'package.platform = "none"\nload_default\n' >"$MAIN"
    run --separate-stderr "$MANAGER" --config-dir "$DIR" --show-config
    assert_success
    assert_regex "$stderr" "load_default: defaults/none.conf doesn't exist"

    printf 'define_milter("a")\n' >"$MAIN"
    run --separate-stderr "$MANAGER" --config-dir "$DIR" --show-config
    assert_success
    assert_regex "$stderr" 'milter "a" has no connection_spec: it is not used'

    printf 's25r.add_whitelist("*.example.org")\n' >"$MAIN"
    run --separate-stderr "$MANAGER" --config-dir "$DIR" --show-config
    assert_success
    assert_regex "$stderr" "$MAIN:1: s25r: the name \"[*].example.org\" never matches: .* such as /..example..org.z/\$"

    run --separate-stderr "$MANAGER" --config-dir "$BATS_TEST_TMPDIR/mistyped" --show-config
    assert_success
    assert_regex "$stderr" "--config-dir: <$BATS_TEST_TMPDIR/mistyped>: No such file or directory"
}

@test "warnings and errors do not overwrite each other in a file" {
    printf 'package.platform = "none"\nload_default\nmanager.x = 1\n' >"$MAIN"
    run bash -c '"$1" --config-dir "$2" --show-config 2>"$3"' - \
        "$MANAGER" "$DIR" "$BATS_TEST_TMPDIR/errors"
    assert_failure 1
    run cat "$BATS_TEST_TMPDIR/errors"
    assert_equal "${#lines[@]}" 2
    assert_line --partial "load_default: defaults/none.conf doesn't exist"
    assert_line "milter-manager: $MAIN:3: unknown item: manager.x; milter-manager.conf(5) lists them"
}

@test "sockets and pid files that cannot be" {
    local path=$BATS_TEST_TMPDIR/file
    : >"$path"
    refused "failed to listen: path exists and is not a socket: <$path>" -s "unix:$path"
    refused "failed to listen: directory of unix socket is not usable: </nonexistent>: No such file or directory" \
        -s unix:/nonexistent/socket
    refused "failed to create pid file: </nonexistent/pid>: No such file or directory" \
        -s "unix:$BATS_TEST_TMPDIR/s" --pid-file /nonexistent/pid
    MILTER_DEFAULT_CONNECTION_SPEC=nonsense \
        refused "failed to listen: MILTER_DEFAULT_CONNECTION_SPEC: spec doesn't have colon: <nonsense>"
}

@test "a level relative to the default is just that" {
    run --separate-stderr "$MANAGER" -c "$DIR" --log-level=+debug --show-config
    assert_success
    assert_line 'log.level = "critical|error|warning|message|debug|statistics"'
    assert_regex "$stderr" '\[configuration\]\[load\]\[start\]'
    refute [ -n "$(grep -F '[trace]' <<<"$stderr")" ]
}
