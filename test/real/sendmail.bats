#!/usr/bin/env bats
# The differential rule with Sendmail as the MTA: what it delivers, answers and
# queues through the manager equals what it does with the same filters attached
# directly, and the filters see the same.
#
# Sendmail's packages conflict with Postfix; they are fetched and unpacked below the
# build directory, not installed.  Where that is not possible the tests are skipped,
# in CI too: it is no fault of this machine when the archive cannot be reached.

load helper

# SET: filters, in their order
declare -gA SETS=(
    [one]="c"
    [three]="py c opendkim"
)

sendmail() {
    local status=0
    [ ! -e "$WORK/missing" ] || return 0
    "$REAL/start-sendmail.sh" "$@" 2>"$WORK/start.err" || status=$?
    if [ $status = 77 ] && grep -q 'cannot download' "$WORK/start.err"; then
        skip_all "$(cat "$WORK/start.err")"
    elif [ $status = 77 ]; then
        missing "$(cat "$WORK/start.err")"
    elif [ $status != 0 ]; then
        cat "$WORK/start.err" >&2
        return 1
    fi
}

socket() {
    case $2 in
    opendkim) echo "$WORK/$2/s.sock" ;;
    *) echo "$WORK/$1/$2.sock" ;;
    esac
}

setup_file() {
    local side set filter direct configuration
    open_work
    export SENDMAIL_ROOT=$MILTER_BUILD_DIR/sendmail
    start opendkim "$WORK/opendkim" "$WORK/opendkim/s.sock"
    for side in direct via; do
        NAME=c start magic "$WORK/$side" "$WORK/$side/c.sock" -m
        NAME=py LANG_=py start magic "$WORK/$side" "$WORK/$side/py.sock" -m
    done
    for set in "${!SETS[@]}"; do
        direct=()
        configuration=
        for filter in ${SETS[$set]}; do
            direct+=("$(socket direct "$filter")")
            configuration+=$(child "$filter" "$(socket via "$filter")" 'fallback_status = "temporary-failure"')$'\n'
        done
        manager "m-$set" "$configuration"
        free_port >"$WORK/direct.$set"
        free_port >"$WORK/via.$set"
        sendmail "$WORK/sendmail-direct-$set" "$(cat "$WORK/direct.$set")" "${direct[@]}"
        sendmail "$WORK/sendmail-via-$set" "$(cat "$WORK/via.$set")" "$WORK/m-$set.sock"
    done
}

teardown_file() {
    close_work
}

# run_set SET : all its sessions, once
run_set() {
    local filter groups='mails edits replies sessions parameters' options=()
    [ ! -e "$WORK/out/$1/done" ] || return 0
    for filter in ${SETS[$1]}; do
        [ "$filter" = opendkim ] || options+=(--events "$filter" "$WORK/direct/$filter.events" "$WORK/via/$filter.events")
    done
    case ${SETS[$1]} in
    *' '*) groups+=' chains' ;;
    *) options+=(--alone) ;;
    esac
    # shellcheck disable=SC2086
    "$REAL/differential.py" --sendmail "$WORK/out/$1" $groups "${options[@]}" \
        --direct "$(cat "$WORK/direct.$1")" "$WORK/sendmail-direct-$1" \
        --via "$(cat "$WORK/via.$1")" "$WORK/sendmail-via-$1"
    touch "$WORK/out/$1/done"
}

@test "Sendmail: one filter: mails" { delivers one mails; }
@test "Sendmail: one filter: edits" { delivers one edits; }
@test "Sendmail: one filter: replies" { delivers one replies; }
@test "Sendmail: one filter: sessions" { delivers one sessions; }
@test "Sendmail: one filter: envelope parameters" { delivers one parameters; }
@test "Sendmail: one filter: what it sees" { sees one; }

@test "Sendmail: Python, C, opendkim: mails" { delivers three mails; }
@test "Sendmail: Python, C, opendkim: edits" { delivers three edits; }
@test "Sendmail: Python, C, opendkim: replies" { delivers three replies; }
@test "Sendmail: Python, C, opendkim: sessions" { delivers three sessions; }
@test "Sendmail: Python, C, opendkim: envelope parameters" { delivers three parameters; }
@test "Sendmail: Python, C, opendkim: edits that meet" { delivers three chains; }
@test "Sendmail: Python, C, opendkim: what they see" { sees three; }

@test "Sendmail: edits arrive" {
    local box mail
    rm -f "$WORK"/sendmail-via-three/mail/new/*
    send "$(cat "$WORK/via.three")" bob@other.test gone@other.test < <(words plain \
        'X-Magic-c: insert-header 0 X-First inserted' 'X-Magic-c: change-header 1 Subject changed' \
        'X-Magic-c: delete-header 1 MIME-Version' 'X-Magic-py: add-header X-Added one' \
        'X-Magic-py: add-rcpt extra@other.test' 'X-Magic-py: del-rcpt <gone@other.test>' \
        'X-Magic-py: change-from new@example.test' 'X-Magic-c: replace-body line one\nline two')
    replied '^<- 250 2.0.0 .* Message accepted'
    box=$WORK/sendmail-via-three/mail/new
    for _ in {1..100}; do
        mail=$(grep -ls '^X-Env-To: .*extra@other.test' "$box"/* | tail -n 1)
        [ -z "$mail" ] || break
        sleep 0.05
    done
    in_order "$mail" '^X-Env-From: .*new@example.test' '^DKIM-Signature: ' '^X-First: inserted' '^Subject: changed' \
        '^X-Added: one' '^line one' '^line two'
    has "$mail" '^X-Env-To: .*extra@other.test'
    lacks "$mail" '^MIME-Version|^X-Env-To: .*gone'
}

@test "Sendmail: a reject and a temporary failure" {
    send "$(cat "$WORK/via.three")" bob@other.test < <(words plain 'X-Magic-c: reply 554 refused at the end')
    replied '^<- 554 5.7.1 refused at the end'
    send -f py-tempfail@example.test "$(cat "$WORK/via.three")" bob@other.test <"$MAILS/plain.eml"
    replied '^<- 451 4.3.2 '
}

@test "Sendmail: the managers had nothing to complain of" {
    local set
    for set in "${!SETS[@]}"; do
        has "$WORK/m-$set/manager.log" .
        lacks "$WORK/m-$set/manager.log" '\[(error|critical|warning|timeout)\]'
    done
}
