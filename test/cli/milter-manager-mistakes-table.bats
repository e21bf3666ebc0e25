#!/usr/bin/env bats
# Wrong configurations in test/fixtures/mistakes.txt: each mistake is one line
# that says where, what is wrong and what would be right.
# test/run: not sanitized

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    MANAGER=${MILTER_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build}/bin/milter-manager
    TABLE=$BATS_TEST_DIRNAME/../fixtures/mistakes.txt
    DIR=$BATS_TEST_TMPDIR/conf
    MAIN=$DIR/milter-manager.conf
    mkdir "$DIR"
    unset MILTER_MANAGER_CONFIG_DIR MILTER_DEFAULT_CONNECTION_SPEC NO_SUCH_VARIABLE
}

# What the table says of the file that stands in front of the messages.
expected() {
    local version
    version=$(/usr/bin/ruby -e 'print RUBY_VERSION[/\d+\.\d+/]')
    sed "s|^|milter-manager: $MAIN:|; s|FILE|$MAIN|; s|Ruby VERSION|Ruby $version|" "$1"
}

@test "each mistake of a configuration is told, in one line, with its place and the way out" {
    local name count=0
    awk -v dir="$BATS_TEST_TMPDIR" '
        /^== / { n++; base = sprintf("%s/%03d", dir, n); print substr($0, 4) > (base ".name")
                 printf "" > (base ".conf"); next }
        /^-- / { print substr($0, 4) > (base ".messages"); next }
        n > 0  { print > (base ".conf") }' "$TABLE"
    for name in "$BATS_TEST_TMPDIR"/*.name; do
        cp "${name%.name}.conf" "$MAIN"
        run --separate-stderr timeout 10 "$MANAGER" -c "$DIR" -s "unix:$DIR/socket"
        assert_equal "$(cat "$name"): $status" "$(cat "$name"): 1"
        assert_equal "$(cat "$name")
$stderr" "$(cat "$name")
$(expected "${name%.name}.messages")"
        [ ! -e "$DIR/socket" ]
        count=$((count + 1))
    done
    ((count > 20))
}

@test "no trace of Ruby is shown, but its calls are logged when everything is" {
    printf 'def helper = nil.foo\nhelper\n' >"$MAIN"
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config
    assert_equal "$stderr" "milter-manager: $MAIN:1: nil has no \"foo\"; find out why it is nil, or test for nil first (from $MAIN:2)"
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config --verbose
    assert_regex "$stderr" "\[configuration\]\[backtrace\] $MAIN:1:in"
}

@test "a reload tells all mistakes and keeps the configuration" {
    : >"$MAIN"
    "$MANAGER" -c "$DIR" -s "unix:$DIR/socket" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    local pid=$! i
    for i in $(seq 200); do
        [ ! -S "$DIR/socket" ] || break
        sleep 0.05
    done
    printf 'manager.daemon = 3\nmanager.x = 1\n' >"$MAIN"
    kill -HUP "$pid"
    for i in $(seq 200); do
        ! grep -q 'stays as it was' "$BATS_TEST_TMPDIR/log" || break
        sleep 0.05
    done
    kill "$pid"
    wait "$pid"
    run cat "$BATS_TEST_TMPDIR/log"
    assert_line --partial "[configuration][error] $MAIN:1: manager.daemon should be one of"
    assert_line --partial "[configuration][error] $MAIN:2: unknown item: manager.x; milter-manager.conf(5) lists them"
    assert_line --partial "[manager][reload][signal][error] the files have 2 mistakes, told above; the configuration stays as it was"
    assert_equal "$(grep -c 'unknown item: manager.x' "$BATS_TEST_TMPDIR/log")" 1
    assert_equal "$(grep -c 'manager.daemon should be' "$BATS_TEST_TMPDIR/log")" 1
}

@test "misspelt members of a context and names of milters in stoppers are warned of" {
    cat >"$MAIN" <<'CONF'
define_milter("clamav")
define_applicable_condition("A") do |condition|
  condition.define_data_stopper do |context|
    context.children["clamva"].reject? || context.autenticated?
  end
  condition.define_connect_stopper { |context, host| [host].each { |context| context.upcase } }
  condition.define_helo_stopper { |_, context| context.size > 3 }
end
CONF
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config
    assert_success
    assert_regex "$stderr" "$MAIN:4: context.children\[\"clamva\"\] is always nil: no milter has that name \(did you mean \"clamav\"\?\)"
    assert_regex "$stderr" "$MAIN:4: unknown context member: context.autenticated\? \(did you mean context.authenticated\?\)"
    refute [ "$(grep -c context <<<"$stderr")" -ne 2 ]
}

@test "an item without the milter it belongs to is warned of" {
    cat >"$MAIN" <<'CONF'
define_milter("a") do |milter|
  milter.connection_spec = "inet:10026@localhost"
  enabled = false
  description = "used"
  milter.description = description
end
define_applicable_condition("A") { |it| description = "x" }
CONF
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config
    assert_success
    assert_regex "$stderr" "$MAIN:3: enabled = ... makes a variable and sets nothing; write milter.enabled = ..."
    assert_regex "$stderr" "$MAIN:7: description = ... makes a variable and sets nothing; write it.description = ..."
    refute [ "$(wc -l <<<"$stderr")" -ne 2 ]
}

@test "a variable that hides a word is warned of" {
    printf 'local = 1\ntrust = 2\n' >"$MAIN"
    run --separate-stderr "$MANAGER" -c "$DIR" --show-config
    assert_success
    assert_regex "$stderr" "$MAIN:2: trust = ... makes a variable that hides the word trust; give it another name\$"
    refute [ "$(wc -l <<<"$stderr")" -ne 1 ]
}
