#!/usr/bin/env bats
# The plugins of munin: what they answer, from a database that the log analyzer has made.
# test/run: not sanitized
# shellcheck disable=SC2154,SC2030,SC2031,SC2129,SC2001 # $stderr is set by run; a test is a shell of its own

bats_require_minimum_version 1.5.0
load tools.bash

setup() {
    tools_setup
    cd "$DIR" || return
    PLUGINS=$(cd "$BATS_TEST_DIRNAME/../../packaging/munin" && pwd)
    analyzer=$BIN/milter-manager-log-analyzer
    directory=$DIR/data
    export analyzer directory
}

# line SECONDS-AGO TEXT
line() {
    echo "$(date -u -d "@$((NOW - $1))" +%Y-%m-%dT%H:%M:%SZ) mx milter-manager[1]: [statistics] $2"
}

# Numbers of the last minutes, and others that are too old.
database() {
    local i
    NOW=$(date +%s)
    for i in 240 180 120; do
        line "$i" '[session][end][quit][pass][0.1](1)'
        line "$i" '[session][end][quit][reject][0.1](2)'
        line "$i" '[milter][end][quit][temporary-failure][0.1](3): name, "with" all'
    done >log
    line 180 '[session][end][quit][pass][0.1](4)' >>log
    line 180 '[sessions][finished] 9(+4) 7' >>log
    line 180 '[maintain][memory] (5432KB) total:1 Proc:2 GLib::Object:3' >>log
    line 180 '[milter][header][add](5): <X-Spam-Flag>=<YES>: spamass' >>log
    for i in 1 2 3 4; do line 7200 '[session][end][quit][pass][0.1](6)'; done >>log
    "$analyzer" --quiet --output-directory="$directory" --log=log
}

# plugin NAME [ARGUMENT] : as munin calls it, by a link for what a name ends with
plugin() {
    local file=$PLUGINS/$1
    [[ -e $file ]] || file=$PLUGINS/milter_manager_
    ln -sf "$file" "$1"
    run --separate-stderr "./$1" "${@:2}"
}

@test "sessions, status and report are those of a minute" {
    database
    plugin milter_manager_sessions
    assert_success
    assert_output "smtp.value 1.40
child.value 0.60
disconnected.value 0.00
concurrent.value 7"
    plugin milter_manager_status
    assert_line 'pass.value 0.80'
    assert_line 'reject.value 0.60'
    assert_line 'temporary_failure.value 0.00'
    plugin milter_manager_report
    assert_line 'spam.value 0.20'
    plugin milter_manager_memory
    assert_output "memory.value $((5432 * 1024))"
}

@test "a child, whatever it is called" {
    database
    plugin milter_manager_status suggest
    assert_success
    assert_output "sessions
status
report
milter_name___with__all"
    plugin milter_manager_milter_name___with__all
    assert_line 'temporary_failure.value 0.60'
    assert_line 'stop.value 0.00'
}

@test "each value has a label" {
    local name
    database
    for name in milter_manager_sessions milter_manager_status milter_manager_report \
        milter_manager_milter_x milter_manager_memory postfix_processes sendmail_processes; do
        plugin "$name" config
        assert_success
        assert_equal "$stderr" ""
        assert_line --regexp '^graph_title .'
        assert_line 'graph_category mail'
        sed -n 's/\.label .*//p' <<<"$output" >labels
        plugin "$name"
        assert_success
        assert_equal "$(sed 's/\.value [0-9.]*$//' <<<"$output")" "$(cat labels)"
    done
}

# The items of the database, from the table of the sources.
items_of() {
    sed -n "/ ${1}_items\[\] = {/,/^};/p" "$BATS_TEST_DIRNAME/../../milter-manager-log-analyzer/series.c" |
        sed -n 's/.*\(AREA\|LINE\|GAUGE\)("\([^"]*\)".*/\2/p' | tr - _
}

@test "no item that the analyzer counts is left out" {
    local kind
    for kind in session report; do
        plugin "milter_manager_${kind/session/sessions}" config
        sed -n 's/\.label .*//p' <<<"$output" >labels
        [ -s labels ]
        assert_equal "$(items_of "$kind")" "$(cat labels)"
    done
}

@test "whether they can be used" {
    plugin milter_manager_status autoconf
    assert_output --regexp '^no \(.*milter-manager.sqlite cannot be read\)$'
    plugin milter_manager_memory autoconf
    assert_output --regexp '^no \('
    database
    plugin milter_manager_status autoconf
    assert_output yes
    plugin milter_manager_memory autoconf
    assert_output yes
    analyzer=/none/analyzer plugin milter_manager_status autoconf
    assert_success
    assert_output 'no (/none/analyzer is not installed)'
    plugin sendmail_processes autoconf
    assert_output --regexp '^(yes|no \()'
    plugin postfix_processes autoconf
    assert_output --regexp '^(yes|no \()'
}

@test "without numbers they are unknown" {
    plugin milter_manager_status
    assert_failure
    assert_line 'pass.value U'
    plugin milter_manager_
    assert_failure
    [[ $stderr == *"link it as milter_manager_sessions"* ]]
    plugin milter_manager_memory nonsense
    assert_failure
}

@test "processes are counted by what they do" {
    mkdir bin
    cat >bin/ps <<'PS'
#!/bin/sh
case $* in
*ppid*)
    cat <<'ROWS'
    1     0 systemd
   10     1 master
   11    10 smtpd
   12    10 smtpd
   13    10 /usr/lib/postfix/sbin/qmgr
   14    10 trivial-rewrite
   15    10 anvil
   16     1 smtpd
ROWS
    ;;
*) printf '%s\n' systemd sendmail sendmail-mta sendmailer ;;
esac
PS
    chmod 755 bin/ps
    PATH=$PWD/bin:$PATH
    plugin postfix_processes
    assert_output "master.value 1
smtpd.value 2
smtp.value 0
cleanup.value 0
qmgr.value 1
pickup.value 0
local.value 0
bounce.value 0
trivial_rewrite.value 1
other.value 1"
    plugin sendmail_processes
    assert_output 'sendmail.value 2'
}
