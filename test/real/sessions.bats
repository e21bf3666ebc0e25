#!/usr/bin/env bats
# The corner cases of the protocol as session files (fixtures/sessions, one for
# each row of the checklist) against filters on Sendmail's library in C and in
# Python, and against the manager with them behind.  Then what only the manager
# has to bear (fixtures/sessions-strict), and session files recorded from a real
# MTA played to a real filter.

load helper

setup_file() {
    local name
    open_work
    NAME=c start magic "$WORK/children" "$WORK/children/c.sock"
    NAME=py LANG_=py start magic "$WORK/children" "$WORK/children/py.sock"
    NAME=all start magic "$WORK/children" "$WORK/children/all.sock" -f all
    NAME=steps start magic "$WORK/children" "$WORK/children/steps.sock" \
        -x connect,helo,mail,rcpt,data,header,eoh,body,unknown
    for name in c py all steps; do
        manager "$name" "$(child $name "$WORK/children/$name.sock" 'fallback_status = "temporary-failure"')"
    done
}

teardown_file() {
    close_work
}

# replay SOCKET FILE... : all of them are answered as expected
replay() {
    local socket=$1
    shift
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/$socket" --jobs 30 --replay "$@" >"$WORK/out" 2>&1 || {
        cat "$WORK/out"
        return 1
    }
}

@test "every row of the checklist is there" {
    [ "$(find "$SESSIONS" -name '[0-9][0-9]-*.session' | wc -l)" -eq 25 ]
}

@test "the checklist against a C filter" {
    replay children/c.sock "$SESSIONS"
    has "$WORK/out" '^25 passed, 0 failed'
}

@test "the checklist against a Python filter" {
    replay children/py.sock "$SESSIONS"
    has "$WORK/out" '^25 passed, 0 failed'
}

@test "the checklist against the manager" {
    local name
    for name in c py; do
        replay "$name.sock" "$SESSIONS"
        has "$WORK/out" '^25 passed, 0 failed'
    done
}

@test "what the filter was told: parameters, families, macros" {
    NAME=told start magic "$WORK/told" "$WORK/told/told.sock" -m
    manager told "$(child told "$WORK/told/told.sock")"
    local socket
    for socket in told/told.sock told.sock; do
        : >"$WORK/told/told.events"
        replay "$socket" "$SESSIONS/06-envelope-arguments.session"
        in_order "$WORK/told/told.events" 'mail from=<>' 'arg SIZE=1024' 'arg BODY=8BITMIME' 'arg SMTPUTF8' \
            'rcpt to=<to@example.org>' 'arg NOTIFY=SUCCESS,DELAY' 'arg ORCPT=rfc822;to@example.org' \
            'mail from=<from@example.com>' 'arg RET=HDRS' 'arg ENVID=QQ314159' 'rcpt to=<"odd name"@example.org>'
        : >"$WORK/told/told.events"
        replay "$socket" "$SESSIONS/07-connection-families.session"
        in_order "$WORK/told/told.events" 'connect host=unknown family=unknown' \
            'connect host=localhost family=unix addr=/run/client.sock' \
            'connect host=\[IPv6:2001:db8::1\] family=inet6 addr=2001:db8::1 port=50443' \
            'connect host=\[2001:db8::1\] family=inet6 addr=2001:db8::1 port=50443' \
            'family=inet addr=192.0.2.1 port=0' 'port=65535'
        : >"$WORK/told/told.events"
        replay "$socket" "$SESSIONS/22-macro-names.session"
        in_order "$WORK/told/told.events" 'macro \{tls_version\}=TLSv1.3' \
            'macro i=4F00BA12' 'macro \{auth_authen\}=some one' \
            'macro \{rcpt_addr\}=other@example.org' 'macro \{msg_id\}=<1@example.com>'
    done
}

@test "a filter with every feature: no replies, skip, macro lists" {
    local socket
    for socket in children/all.sock all.sock; do
        replay "$socket" "$SESSIONS"/{08-no-reply,18-skip,23-long-negotiation}.session
    done
}

@test "a filter that wants no event" {
    local socket
    for socket in children/steps.sock steps.sock; do
        replay "$socket" "$SESSIONS/09-no-events.session"
    done
}

@test "what only the manager has to bear" {
    local name
    for name in c py; do
        replay "$name.sock" "$SESSIONS-strict"
    done
}

# recorded DIR : waits for the session with a message in it (XCLIENT makes a second
# one, without); names its file
recorded() {
    local tries=0
    while [ $tries -lt 200 ]; do
        ! grep -l -r '> end-of-message' "$1" || return 0
        sleep 0.05
        tries=$((tries + 1))
    done
    return 1
}

@test "a session of Postfix that milter-test-client has recorded is played to opendkim" {
    local port file
    port=$(free_port)
    mkdir -p "$WORK/records"
    start opendkim "$WORK/opendkim" "$WORK/opendkim/s.sock"
    start test-client "$WORK/client" "$WORK/client/s.sock" --record "$WORK/records"
    start postfix "$WORK/postfix" "$port" "$WORK/client/s.sock"
    "$REAL/smtp-send.py" -x 'ADDR=192.0.2.77 NAME=client.example.net' "$port" bob@example.test \
        <"$MAILS/dkim-signed.eml" >"$WORK/dialogue"
    file=$(recorded "$WORK/records")
    [ "$(stat -c %a "$file")" = 600 ]
    in_order "$file" '^milter-session 1$' '> macros connect .*j=' '> connect client.example.net inet ' \
        '> macros data i=' '> header DKIM-Signature "v=1;' '> body$' '> end-of-message' '> quit$'

    # The filter that recorded it continued everywhere: opendkim's own answers are taken over once ...
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/opendkim/s.sock" --replay "$file" --update >"$WORK/out"
    has "$WORK/out" '^updated '
    has "$file" '< insert-header .*Authentication-Results'
    has "$file" 'dkim=pass'
    # ... and are the same from then on,
    replay opendkim/s.sock "$file"
    has "$WORK/out" '^1 passed, 0 failed'
    # until a header is changed.
    sed -i 's/header Subject .*/header Subject "Something else"/' "$file"
    if replay opendkim/s.sock "$file"; then
        return 1
    fi
    in_order "$WORK/out" '^--- .*\.session$' '^\+\+\+ unix:.*/opendkim/s.sock$' '^-.*dkim=pass' '^\+.*dkim=fail' \
        '^0 passed, 1 failed'
    # The same holds with the manager between them.
    manager opendkim "$(child opendkim "$WORK/opendkim/s.sock" 'fallback_status = "temporary-failure"')"
    sed -i 's/header Subject .*/header Subject "Signed with the test key"/' "$file"
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/opendkim.sock" --replay "$file" --update >"$WORK/out"
    has "$file" 'dkim=pass'
}
