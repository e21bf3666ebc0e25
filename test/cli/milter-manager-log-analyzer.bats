#!/usr/bin/env bats
# milter-manager-log-analyzer as a user calls it: numbers, options, what goes wrong.
# shellcheck disable=SC2154,SC2030,SC2031 # $stderr is set by run; a test is a shell of its own

bats_require_minimum_version 1.5.0
load tools.bash

setup() {
    tools_setup
    ANALYZER=$BIN/milter-manager-log-analyzer
    WRITER=$BATS_TEST_DIRNAME/../integration/log_writer.py
    cd "$DIR" || return
}

teardown() {
    tools_teardown
    [ -z "${OPEN:-}" ] || rm -rf "$OPEN"
}

# write_log LINES [OPTION...] : log and counts, of the last hour but the last minutes
write_log() {
    local start=$((($(date +%s) - 3600) / 60 * 60))
    /usr/bin/python3 "$WRITER" --lines="$1" --start="$start" --rate=10 --counts=counts "${@:2}" >log
}

analyze() {
    run --separate-stderr "$ANALYZER" --output-directory=out "$@"
}

# The rows of the export as the writer has them; times in seconds.
exported() {
    "$ANALYZER" --output-directory="$1" --export=csv --since=-2h >rows.csv || return
    /usr/bin/python3 - <<'PYTHON' | LC_ALL=C sort
import csv, datetime
for row in list(csv.reader(open("rows.csv", encoding="utf-8")))[1:]:
    time, span, kind, name, item, value, peak = row
    assert span == "minute", row
    time = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
    print("%d,%s,%s,%s,%s" % (time.timestamp(), kind, name, item, value))
PYTHON
}

# assert_counts [DIRECTORY]
# shellcheck disable=SC2120
assert_counts() {
    exported "${1:-out}" >got
    [ -s got ] || fail "no numbers"
    diff <(LC_ALL=C sort counts) got || fail "other numbers than were written"
}

# sessions : all of them, as far as they are stored; a run may be writing
sessions() {
    "$ANALYZER" --output-directory=out --export=csv --since=-2h 2>/dev/null |
        awk -F, '$3 == "session" && $5 == "smtp" { sum += $6 } END { print sum + 0 }'
}

are_stored() {
    [ "$(sessions)" = "$1" ]
}

# add_sessions FILE COUNT
add_sessions() {
    local i stamp
    stamp=$(date -u -d '-10 minutes' +%Y-%m-%dT%H:%M:%SZ)
    for ((i = 0; i < $2; i++)); do
        echo "$stamp mx milter-manager[1]: [statistics] [session][end][quit][pass][0.1]($i)"
    done >>"$1"
}

@test "each minute has what the log says, to the unit; once" {
    write_log 8000
    analyze --log=log
    assert_success
    assert_equal "$output$stderr" ""
    assert_counts
    analyze log --log=log
    assert_success
    assert_counts
    [ -s out/index.html ]
}

@test "JSON has the rows of CSV" {
    write_log 3000 --form=json
    analyze --log=log
    assert_counts
    "$ANALYZER" --output-directory=out --export=json --since=-2h >export.json
    run /usr/bin/python3 - <<'PYTHON'
import csv, json
rows = list(csv.DictReader(open("rows.csv", encoding="utf-8")))
objects = json.load(open("export.json", encoding="utf-8"))
assert [{k: str(v) for k, v in o.items()} for o in objects] == rows
print(len(objects) > 100)
PYTHON
    assert_output True
}

@test "the log from a pipe, again and in parts" {
    local half
    write_log 4000
    half=$(sed -n '2000s/^\(.\{12\}\).*/\1/p' log)
    # Up to the end of a minute.
    awk -v half="$half" '{ if ($1 " " $2 " " substr($3, 1, 5) > half) exit; print }' log >part
    # shellcheck disable=SC2002 # a pipe is what is tried
    cat part | "$ANALYZER" --output-directory=out
    # shellcheck disable=SC2016
    run --separate-stderr sh -c 'cat log | "$1" --output-directory=out' - "$ANALYZER"
    assert_success
    assert_equal "$output" ""
    [[ $stderr =~ ^milter-manager-log-analyzer:\ not\ counted:\ [0-9]+\ lines\ older ]]
    assert_counts
    # shellcheck disable=SC2016
    run --separate-stderr sh -c 'cat log | "$1" --output-directory=out --quiet' - "$ANALYZER"
    assert_success
    assert_equal "$output$stderr" ""
    assert_counts
}

@test "ended at any moment, the next run goes on: nothing twice, nothing lost" {
    local i
    write_log 60000
    for i in 0.02 0.04 0.06 0.08 0.1 0.12; do
        timeout -s KILL "$i" "$ANALYZER" --quiet --output-directory=out --log=log || :
    done
    analyze --log=log --quiet
    assert_success
    assert_counts
    [ ! -e out/milter-manager.sqlite-journal ]
}

@test "ended in the middle of a pipe" {
    local pid
    write_log 8000
    mkfifo pipe
    "$ANALYZER" --quiet --output-directory=out <pipe 3>&- &
    pid=$!
    PEERS+=("$pid")
    exec 4>pipe # as long as it is open, the analyzer waits for more
    head -n 4000 log >&4
    kill -KILL "$pid"
    wait "$pid" || true
    exec 4>&-
    # shellcheck disable=SC2002 # a pipe is what is tried
    cat log | "$ANALYZER" --quiet --output-directory=out
    assert_counts
}

@test "runs at the same time take turns, and readers see what is whole" {
    local i pids=()
    write_log 20000
    for i in 1 2 3; do
        "$ANALYZER" --quiet --output-directory=out --log=log 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    assert_counts
    # A writer that does not end keeps no reader waiting.
    /usr/bin/python3 -c '
import sqlite3, time
database = sqlite3.connect("out/milter-manager.sqlite", isolation_level=None)
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM minute")
open("held", "w").close()
time.sleep(30)' 3>&- &
    PEERS+=($!)
    wait_until test -e held
    assert_counts
    analyze --no-update-db
    assert_success
}

@test "a log is followed over its rotations, and all is stored at the end" {
    local pid
    add_sessions log 3
    "$ANALYZER" --output-directory=out --log=log --follow 2>stderr 3>&- &
    pid=$!
    PEERS+=("$pid")
    wait_until are_stored 3
    wait_until test -s out/index.html
    add_sessions log 2
    mv log log.1
    add_sessions log.1 4
    echo '2024-05-01T10:00:00Z mx other[1]: another beginning' >log
    add_sessions log 10
    wait_until are_stored 19
    # Copied and emptied.
    add_sessions log 1
    cp log log.2
    echo '2024-05-01T10:00:01Z mx other[1]: and another' >log
    add_sessions log 20
    wait_until are_stored 40
    add_sessions log 60
    kill -TERM "$pid"
    wait "$pid"
    run cat stderr
    assert_output ""
    analyze --log=log
    assert_equal "$(sessions)" 100
}

@test "--export prints the numbers and nothing else, and changes nothing" {
    local before
    write_log 500
    analyze --log=log
    before=$(sha256sum out/*)
    analyze --export=csv --since=-2h
    assert_success
    assert_equal "${lines[0]}" time,span,kind,name,item,value,peak
    assert_equal "$stderr" ""
    assert_equal "$(sha256sum out/*)" "$before"
    analyze --export csv --since=-2h --until=-90m
    assert_output time,span,kind,name,item,value,peak
    analyze --export json --until 1999-01-01
    assert_output '[
]'
    # Older than minutes are kept: a day then.
    analyze --export csv --since=2020-01-01
    assert_line --regexp '^[0-9T:-]+Z,minute,'
    # shellcheck disable=SC2016
    run --separate-stderr sh -c '"$1" --output-directory=out --export=csv >/dev/full' - "$ANALYZER"
    assert_failure 1
    [[ $stderr == *"cannot write to standard output: No space left on device"* ]]
}

@test "--since and --until" {
    add_sessions log 5
    analyze --log=log --since=-5m
    assert_success
    [[ $stderr == "milter-manager-log-analyzer: not counted: 5 lines outside --since and --until." ]]
    assert_equal "$(sessions)" 0
    rm -r out
    analyze --log=log --until=-20m
    assert_success
    assert_equal "$(sessions)" 0
    analyze --log=log
    assert_equal "$(sessions)" 5
}

@test "unusable arguments: 2, and what is wrong" {
    local arguments sentence
    while IFS='|' read -r arguments sentence; do
        # shellcheck disable=SC2086
        run --separate-stderr "$ANALYZER" $arguments </dev/null
        assert_failure 2
        assert_equal "$output" ""
        [[ $stderr == *"$sentence"* ]] || fail "$arguments: $stderr"
    done <<'TABLE'
--nonsense|unknown option
--log|missing argument
--log=|the name of a log is empty
--output-directory=|the name is empty
--since=yesterday|--since: no time: <yesterday>
--until=2024-02-30|--until: no time: <2024-02-30>
--since=-1h --until=-2h|--since is not before --until
--since=2999-01-01|--since is not past: 2999-01-01
--title=|--title: it is empty
--format=gif|--format: neither svg nor png: <gif>
--export=xml|--export: neither csv nor json: <xml>
--update-db --no-update-db|either --update-db or --no-update-db
--no-update-db --log=x|--no-update-db reads no log
--no-update-db x|--no-update-db reads no log
--no-update-db --follow|--no-update-db reads no log
--export=csv --log=x|--export only prints
--export=csv --update-db|--export only prints
--export=csv --follow|--export only prints
--export=csv --title=x|--export draws no page
--export=csv --format=svg|--export draws no graphs
--follow|--follow needs a file
--follow -|--follow needs files
--follow --until=-1h x|--follow does not end
- --log=-|standard input can be read only once
TABLE
    [ ! -e milter-manager.sqlite ]
    [ ! -e index.html ]
}

@test "--help and --version" {
    run "$ANALYZER" --help
    assert_success
    assert_line --partial --output-directory=DIRECTORY
    run "$ANALYZER" --version
    assert_output "milter-manager-log-analyzer $(cat "$BATS_TEST_DIRNAME/../../VERSION")"
}

@test "without numbers there is nothing to draw or print" {
    local option
    for option in --no-update-db --export=csv; do
        analyze "$option"
        assert_failure 1
        [[ $stderr == *"out: No such file or directory" ]]
    done
    mkdir out
    analyze --no-update-db
    assert_failure 1
    [[ $stderr == *"out/milter-manager.sqlite does not exist. A run that reads a log makes it" ]]
    [ -z "$(ls out)" ]
}

@test "a log that cannot be read does not keep the others from being read" {
    add_sessions log 5
    analyze --log=nowhere --log=log
    assert_failure 1
    [[ $stderr == *nowhere* ]]
    assert_equal "$(sessions)" 5
    [ -s out/index.html ]
}

@test "a log of somebody else" {
    for ((i = 0; i < 5; i++)); do echo "2024-05-01T10:00:0${i}Z mx postfix/qmgr[1]: removed"; done >log
    analyze --log=log
    assert_success
    assert_equal "$stderr" "milter-manager-log-analyzer: none of 5 lines is of milter-manager: is it the log it writes to?"
    # What a log grew by need not be of it.
    add_sessions log 1
    analyze --log=log
    echo '2024-05-01T10:00:09Z mx postfix/qmgr[1]: removed' >>log
    analyze --log=log
    assert_success
    assert_equal "$stderr" ""
}

@test "names of children may be anything" {
    local name stamp
    stamp=$(date -u -d '-10 minutes' +%Y-%m-%dT%H:%M:%SZ)
    for name in "'; DROP TABLE minute; --" "'" "it''s" "'quoted'" '"' '`touch made`' '$(touch made)' \
        "''; system 'touch made'; #" '../../up' '<b>' '%s%n' $'\xff\xfe' '$data' '\'; do
        echo "$stamp mx milter-manager[1]: [statistics] [milter][end][quit][pass][0.1](1): $name"
    done >log
    analyze --log=log
    assert_equal "$output$stderr" ""
    assert_success
    run "$ANALYZER" --output-directory=out --export=csv --since=-2h
    assert_equal "$(grep -c ',minute,milter-status,.*,pass,1,1$' <<<"$output")" 14
    [ ! -e made ] && [ ! -e out/made ]
}

@test "a database that is damaged is left alone, and the way out is said" {
    write_log 500
    mkdir out
    yes 'this is no database' | head -c 40000 >out/milter-manager.sqlite
    cp out/milter-manager.sqlite before
    analyze --log=log
    assert_failure 1
    [[ $stderr == *"is damaged (file is not a database)"*"Move it away (mv "* ]]
    cmp before out/milter-manager.sqlite
    [ "$(ls out)" = milter-manager.sqlite ]
    mv out/milter-manager.sqlite out/milter-manager.sqlite.damaged
    analyze --log=log
    assert_success
    assert_counts
    # Damaged in its middle.
    printf '%8000s' x | dd of=out/milter-manager.sqlite bs=1 seek=4096 conv=notrunc status=none
    add_sessions log 5
    analyze --log=log
    assert_failure 1
    [[ $stderr == *"is damaged (database disk image is malformed)"* ]]
}

@test "no space left: what was stored stays, the next run goes on" {
    [[ $(id -u) = 0 ]] || skip "root is needed"
    mkdir small
    unshare --mount true || skip "no mount is possible"
    write_log 30000
    # shellcheck disable=SC2016
    run --separate-stderr unshare --mount sh -c '
        mount -t tmpfs -o size=200k none small && head -n 1000 log >small/part &&
        "$1" --quiet --output-directory=small --log=small/part && cat log >part.new; cat small/part >/dev/null
        rm -f small/*.html; cp small/milter-manager.sqlite before
        "$1" --quiet --output-directory=small --log=log; echo "status $?"
        rm small/part
        cp small/milter-manager.sqlite after; mkdir out; cp small/milter-manager.sqlite out/' - "$ANALYZER"
    [[ $stderr == *"cannot grow: no space is left"* ]] || fail "$stderr"
    [[ $output == *"status 1" ]]
    analyze --log=log
    assert_success
    assert_counts
}

@test "a directory that may not be written" {
    [[ $(id -u) = 0 ]] || skip "root is needed"
    # The directory of tests is closed to others.
    OPEN=$(mktemp -d)
    chmod 755 "$OPEN"
    cp "$ANALYZER" "$OPEN/analyzer"
    cd "$OPEN"
    as_nobody() { run --separate-stderr setpriv --reuid=65534 --clear-groups ./analyzer "$@"; }
    add_sessions log 5
    mkdir out
    as_nobody --output-directory=out --log=log
    assert_failure 1
    [[ $stderr == *"cannot write ./out/milter-manager.sqlite"* ]]
    as_nobody --output-directory=out/new --log=log
    assert_failure 1
    [[ $stderr == *"cannot make the directory out/new: Permission denied" ]]
    # Reading is what others may.
    analyze --log=log
    as_nobody --output-directory=out --export=csv --since=-1h
    assert_success
    assert_equal "$stderr" ""
    assert_line --partial session
    as_nobody --output-directory=out --log=log
    assert_failure 1
    [[ $stderr == *"may only read it"* ]]
}

@test "what others have put into the directory" {
    [[ $(id -u) = 0 ]] || skip "root is needed"
    add_sessions log 5
    mkdir out
    echo precious >precious
    ln -s ../precious out/index.html
    chown -h 65534 out/index.html
    analyze --log=log
    assert_success
    assert_equal "$(cat precious)" precious
    [ -f out/index.html ] && [ ! -L out/index.html ]
    # A link of one's own is followed.
    : >page.html
    ln -sf ../page.html out/index.html
    analyze --no-update-db
    assert_success
    [ -L out/index.html ] && [ -s page.html ]
    ln -sf ../nowhere out/milter-manager.sqlite
    chown -h 65534 out/milter-manager.sqlite
    analyze --log=log
    assert_failure 1
    [[ $stderr == *"is a link that another user has made"*"remove it"* ]]
    [ ! -e nowhere ]
    rm out/milter-manager.sqlite out/index.html
    mkfifo out/index.html
    run --separate-stderr timeout 60 "$ANALYZER" --output-directory=out --log=log
    assert_failure 1
    [[ $stderr == *"out/index.html: what is there is no file"* ]]
}

@test "the directory is made, with those above it" {
    add_sessions log 5
    run "$ANALYZER" --output-directory=a/b/c/ log
    assert_success
    [ -s a/b/c/milter-manager.sqlite ]
    run "$ANALYZER" --output-directory=log log
    assert_failure 1
    assert_output --partial 'log is no directory'
}
