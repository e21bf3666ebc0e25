#!/usr/bin/env bats
# miltertest (of OpenDKIM) plays the MTA: first against the filters themselves, so
# that its scripts are known to be right, then against the manager with them behind.

load helper

setup_file() {
    local name
    open_work
    command -v miltertest >"$WORK/found" || missing "no miltertest (apt package miltertest)"
    NAME=c start magic "$WORK/children" "$WORK/children/c.sock"
    NAME=py LANG_=py start magic "$WORK/children" "$WORK/children/py.sock"
    start opendkim "$WORK/opendkim" "$WORK/children/opendkim.sock"
    for name in c py opendkim; do
        manager "$name" "$(child $name "$WORK/children/$name.sock" 'fallback_status = "temporary-failure"')"
    done
    NAME=idle start magic "$WORK/children" "$WORK/children/idle.sock" -a
    # the words are for the last of three, and for the first of three
    manager last "$(
        for name in opendkim idle c; do
            child $name "$WORK/children/$name.sock"
        done
    )"
    manager first "$(
        for name in c idle opendkim; do
            child $name "$WORK/children/$name.sock"
        done
    )"
}

teardown_file() {
    close_work
}

# script SOCKET NAME CASE
script() {
    miltertest -D socket="unix:$1" -D name="$2" -D wanted="$3" -s "$REAL/miltertest-words.lua" >"$WORK/out" 2>&1 || {
        cat "$WORK/out"
        return 1
    }
    has "$WORK/out" "^done $3$"
}

words_case() {
    local name
    for name in c py; do
        script "$WORK/children/$name.sock" $name "$1"
        script "$WORK/$name.sock" $name "$1"
    done
}

@test "a plain message" { words_case plain; }
@test "every edit" { words_case edits; }
@test "every verdict at the end of the message" { words_case verdicts; }
@test "refusals at each step" { words_case each_step; }
@test "three messages" { words_case three_messages; }
@test "a client of unknown family" { words_case unknown_family; }
@test "an MTA that hangs up in the middle" { words_case rude; }

@test "one filter of three: every edit" {
    script "$WORK/first.sock" c edits
    script "$WORK/last.sock" c edits
}

@test "one filter of three: every verdict at the end of the message" {
    script "$WORK/first.sock" c refusals
    script "$WORK/last.sock" c refusals
}

# a header is shown to the first filter at once, to the others at the end of the message
@test "the first filter of three: refusals at each step" {
    script "$WORK/first.sock" c each_step
}

@test "one filter of three: three messages" {
    script "$WORK/first.sock" c three_messages
    script "$WORK/last.sock" c three_messages
}

# The same cases as session files (fixtures/sessions-opendkim) have to agree.
@test "opendkim verifies and signs: pass, fail, none, signed" {
    local socket
    for socket in children/opendkim.sock opendkim.sock last.sock first.sock; do
        miltertest -D socket="unix:$WORK/$socket" -D mails="$MAILS" -s "$REAL/opendkim-verify.lua" >"$WORK/out" 2>&1 || {
            cat "$WORK/out"
            return 1
        }
        in_order "$WORK/out" '^dkim-signed.eml: dkim=pass' '^dkim-broken.eml: dkim=fail' '^plain.eml: dkim=none' \
            '^folded.eml: dkim=none' '^eightbit.eml: dkim=none' '^plain.eml: d=example.test'
    done
    for socket in children/opendkim.sock opendkim.sock; do
        "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/$socket" \
            --replay "$SESSIONS-opendkim" >"$WORK/out" || {
            cat "$WORK/out"
            return 1
        }
        has "$WORK/out" '^6 passed, 0 failed'
    done
}
