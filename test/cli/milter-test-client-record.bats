#!/usr/bin/env bats
# milter-test-client writes sessions down: --record, --output-format session, and
# that what it writes can be replayed.

bats_require_minimum_version 1.5.0

load client.bash

setup() {
    client_setup
    RECORDS=$DIR/records
    mkdir "$RECORDS"
}

teardown() {
    client_teardown
}

# records N : so many session files are there
records() {
    test "$(find "$RECORDS" -name '*.session' | wc -l)" = "$1"
}

# without_times FILE : the steps alone
without_times() {
    sed -e '/^#/d' -e 's/^@[0-9.]* //' "$1"
}

# replay FILE... : against the client that runs
replay() {
    "$SERVER" -s "$SPEC" --replay "$@"
}

@test "a session is recorded, one file a connection, for its owner alone" {
    client --record "$RECORDS" --no-report-request --action 'rcpt:bad@*=reply:550 5.1.1 who?' \
        --add-header X-A:b
    "$SERVER" -s "$SPEC" -r bad@example.org -r good@example.org -h 'Subject:Hi there' -b $'one\r\ntwo\r\n'
    wait_until records 1
    file=$(find "$RECORDS" -name '*.session')
    assert_equal "$(stat -c %a "$file")" 600
    assert_equal "$(head -n 1 "$file")" 'milter-session 1'
    assert_regex "$(sed -n 2p "$file")" '^# milter-test-client [0-9.]+, [0-9-]+T[0-9:]+Z, MTA at unix'
    assert_regex "$(grep 'negotiate 6' "$file" | head -n 1)" '^@0\.[0-9]{6} > negotiate 6 all all$'
    without_times "$file" >"$DIR/steps"
    run cat "$DIR/steps"
    assert_line '> macros envelope-recipient {rcpt_mailer}=rcpt_mailer {rcpt_host}=rcpt_host {rcpt_addr}=<bad@example.org>'
    assert_line '> envelope-recipient <bad@example.org>'
    assert_line '< reply "550 5.1.1 who?"'
    assert_line '> header Subject "Hi there"'
    assert_line '    "one\r\n"'
    assert_line '< add-header X-A b'
    assert_line '> quit'
    refute_line 'finished'

    # The client that answered so answers so again; any other does not.
    replay "$file"
    stop
    client --no-report-request
    run replay "$file"
    assert_failure 1
    assert_line --regexp '^-@[0-9.]+ < reply "550 5.1.1 who\?"$'
    assert_line --regexp '^-@[0-9.]+ < add-header X-A b$'
}

@test "what is printed as a session file is one" {
    client --output-format session --report-memory-profile
    "$SERVER" -s "$SPEC" --n-messages 2
    wait_until grep -q '^# memory: ' "$DIR/out"
    assert_equal "$(grep -c '> end-of-message' "$DIR/out")" 2
    cp "$DIR/out" "$DIR/printed.session"
    replay "$DIR/printed.session"
    records 0
}

@test "delayed answers, faults and garbage are recorded as they were" {
    client --record "$RECORDS" --no-report-request --delay helo=100ms --garbage mail --fail-every 2
    "$SERVER" -s "$SPEC"
    run "$SERVER" -s "$SPEC"
    assert_failure 1
    wait_until records 2
    run grep -h -A 1 '> helo' "$RECORDS"/*.session
    assert_line --regexp '^@0\.1[0-9]+ < continue$'
    run grep -l '< hex ' "$RECORDS"/*.session
    assert_equal "${#lines[@]}" 1
}

@test "leading blanks are left out of a record where they were agreed upon" {
    client --record "$RECORDS" --no-report-request --negotiate-steps header-value-with-leading-space
    "$SERVER" -s "$SPEC" -h 'Subject:Hi there'
    wait_until records 1
    grep -q '> header Subject "Hi there"$' "$RECORDS"/*.session
    # ... so that it can be played to a filter that sees it without.
    stop
    client
    replay "$RECORDS" --update
    replay "$RECORDS"
    stop
    assert_equal "$(grep -c '^header: <Subject: Hi there>$' "$DIR/out")" 2
}

@test "a mail server that vanishes, one that says nothing" {
    client --record "$RECORDS"
    mta 'O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff' "$CONNECT"
    mta
    wait_until records 1
    assert_equal "$(without_times "$RECORDS"/*.session | tail -n 3)" '> connect mx.test inet 50443 192.0.2.45
< continue
> close'
    replay "$RECORDS"
}

@test "what breaks the conversation is recorded, and breaks it again" {
    client --record "$RECORDS"
    mta 'O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff' "$CONNECT" 'raw:\xff\xff\xff\xffB' eof
    mta 'O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff' 'raw:\x00\x00\x00\x05Rabc\x00' eof
    wait_until records 2
    run grep -h '^@.* ! ' "$RECORDS"/*.session
    assert_line --regexp '! hex ff ff ff ff 42$'
    assert_line --regexp '! envelope-recipient abc$'
    for file in "$RECORDS"/*.session; do
        echo '< close' >>"$file"
        replay "$file"
    done
}

@test "a directory that cannot be used is told at the start" {
    run --separate-stderr "$CLIENT" -s "$SPEC" --record "$DIR/none"
    assert_failure 1
    assert_equal "$stderr" "milter-test-client: --record: cannot record sessions in $DIR/none: No such file or directory"
    : >"$DIR/file"
    run --separate-stderr "$CLIENT" -s "$SPEC" --record "$DIR/file"
    assert_failure 1
    assert_equal "$stderr" "milter-test-client: --record: cannot record sessions in $DIR/file: Not a directory"
    test ! -S "$SOCKET"
}

@test "a directory that goes away is told, and mail goes on" {
    client --record "$RECORDS"
    "$SERVER" -s "$SPEC" # it works: the look at the directory before that is over
    wait_until records 1
    rm -r "$RECORDS"
    "$SERVER" -s "$SPEC"
    wait_until grep -q "cannot write $RECORDS/.*: No such file or directory" "$DIR/err"
    run "$SERVER" -s "$SPEC"
    assert_success
}

@test "a daemon records in the directory that was meant" {
    (cd "$DIR" && "$CLIENT" -s "$SPEC" --record records --daemon --pid-file "$DIR/pid" 3>&-)
    PEERS+=("$(cat "$DIR/pid")")
    "$SERVER" -s "$SPEC"
    wait_until records 1
}

@test "workers record each on its own" {
    client --record "$RECORDS" --no-report-request --n-workers 3
    "$SERVER" -s "$SPEC" --threads 20
    wait_until records 20
    replay "$RECORDS" --jobs 5
}
