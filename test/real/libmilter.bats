#!/usr/bin/env bats
# milter-test-server against filters on Sendmail's own library (in C, with and
# without its newer features, and in Python), against opendkim and rspamd: every
# outcome.  Then the same through the manager: the outcome is the same.

load helper

setup_file() {
    local name
    open_work
    NAME=c start magic "$WORK/children" "$WORK/children/c.sock" -m
    NAME=all start magic "$WORK/children" "$WORK/children/all.sock" -m -f all
    NAME=steps start magic "$WORK/children" "$WORK/children/steps.sock" \
        -x connect,helo,mail,rcpt,data,header,eoh,body,unknown
    NAME=py LANG_=py start magic "$WORK/children" "$WORK/children/py.sock"
    start opendkim "$WORK/opendkim" "$WORK/children/opendkim.sock"
    for name in c all steps py opendkim; do
        manager "$name" "$(child $name "$WORK/children/$name.sock" 'fallback_status = "temporary-failure"')"
    done
}

teardown_file() {
    close_work
}

untimed() {
    has "$WORK/timed" '^elapsed-time: [0-9.e+-]+ seconds$'
    sed '/^elapsed-time: /d' "$WORK/timed" >"$WORK/out"
}

# serve NAME OPTION... : the output is in $WORK/out, without the time
serve() {
    local name=$1
    shift
    : >"$WORK/children/$name.events"
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/children/$name.sock" "$@" >"$WORK/timed"
    untimed
}

# gives NAME STATUS OPTION... : the status line is exactly that
gives() {
    local name=$1 status=$2
    shift 2
    serve "$name" "$@"
    [ "$(head -n 1 "$WORK/out")" = "status: $status" ] || {
        echo "wanted: status: $status"
        cat "$WORK/out"
        return 1
    }
}

@test "a plain message passes, and the filter saw all of it" {
    local filter
    for filter in c py; do
        gives "$filter" pass --unknown 'XMAGIC and more'
        in_order "$WORK/children/$filter.events" 'connect host=mx.example.net family=inet addr=192.168.123.123 port=50443' \
            'helo name=delian' 'mail from=<sender@example.com>' 'rcpt to=<receiver@example.org>' \
            'unknown command=XMAGIC and more' 'data' 'header From: <sender@example.com>' \
            'header To: <receiver@example.org>' 'eoh' 'body bytes=' 'eom ' 'close'
    done
}

@test "a filter with every feature: no replies are waited for" {
    gives all pass -b one -b two -b three
    has "$WORK/children/all.events" 'header From: *<sender@example.com>'
    has "$WORK/children/all.events" 'eom headers=2 rcpts=1 '
}

@test "a filter that wants no step but the end of the message" {
    gives steps pass --output-message
    has "$WORK/out" '^\+ X-Magic-Seen: name=steps headers=0 rcpts=0 body=0 chunks=0'
    lacks "$WORK/children/steps.events" '\] (connect|helo|mail|rcpt|data|header|eoh|body) '
}

# at_each_step VERB STATUS : the filter does VERB at each step in turn
at_each_step() {
    local filter verb=$1 status=$2
    for filter in c py; do
        gives "$filter" "$status" --connect-host "magic-$verb.example.net"
        gives "$filter" "$status" --helo-fqdn "magic-$verb.example.net"
        gives "$filter" "$status" -f "magic-$verb@example.com"
        gives "$filter" "$status" -r "magic-$verb@example.org"
        gives "$filter" "$status" --unknown "magic-$verb"
        gives "$filter" "$status" -f "magic-data-$verb@example.com"
        gives "$filter" "$status" -h "X-Magic-Now:$verb"
        gives "$filter" "$status" -f "magic-eoh-$verb@example.com"
        gives "$filter" "$status" -b "magic-body-$verb"
        gives "$filter" "$status" -h "X-Magic:$verb"
    done
}

@test "reject at each step" { at_each_step reject reject; }
@test "temporary failure at each step" { at_each_step tempfail temporary-failure; }
@test "accept at each step" { at_each_step accept accept; }
@test "a 4xx code at each step" { at_each_step reply450 'temporary-failure [450]<4.7.1>(magic reply)'; }
@test "a 5xx code at each step" { at_each_step reply553 'reject [553]<5.7.1>(magic reply)'; }

@test "discard at each step of a message" {
    local filter
    for filter in c py; do
        gives "$filter" discard -f magic-discard@example.com
        gives "$filter" discard -r magic-discard@example.org
        gives "$filter" discard -f magic-data-discard@example.com
        gives "$filter" discard -h 'X-Magic-Now:discard'
        gives "$filter" discard -f magic-eoh-discard@example.com
        gives "$filter" discard -b magic-body-discard
        gives "$filter" discard -h 'X-Magic:discard'
    done
}

@test "one of three recipients is refused" {
    gives c pass -r a@example.org -r magic-reject@example.org -r b@example.org --output-message
    has "$WORK/out" 'X-Magic-Seen: name=c headers=2 rcpts=3 '
    has "$WORK/out" '^- RCPT TO:<magic-reject@example.org>'
}

@test "all recipients are refused: the last refusal counts, no message is sent" {
    gives c temporary-failure -r magic-reject@example.org -r magic-tempfail@example.org
    lacks "$WORK/children/c.events" 'data|header|eom'
    has "$WORK/children/c.events" 'abort'
}

@test "quarantine" {
    gives c quarantine -h 'X-Magic:quarantine to be looked at'
    has "$WORK/out" '^Quarantine reason: <to be looked at>$'
}

@test "every edit shows in the message" {
    gives c pass --output-message -r receiver@example.org -r gone@example.org \
        -h 'Subject:old' -h 'X-Gone:gone' -h 'X-Magic:insert-header 0 X-First one' -h 'X-Magic:add-header X-Last one\n two' \
        -h 'X-Magic:change-header 1 subject new' -h 'X-Magic:delete-header 1 X-Gone' \
        -h 'X-Magic:change-from <new@example.com>' -h 'X-Magic:add-rcpt <more@example.org>' \
        -h 'X-Magic:add-rcpt-par <par@example.org> NOTIFY=NEVER' -h 'X-Magic:del-rcpt <gone@example.org>' \
        -h 'X-Magic:replace-body new\nbody'
    in_order "$WORK/out" '^- MAIL FROM:<sender@example.com>' '^\+ MAIL FROM:<new@example.com>' \
        '^  RCPT TO:<receiver@example.org>' '^[+] RCPT TO:<more@example.org>' '^[+] RCPT TO:<par@example.org>' '^\+ X-First: one' \
        '^[+-] [sS]ubject: ' '^- X-Gone: gone' '^\+ X-Last: one' '^\+  two' '^new' '^body'
    has "$WORK/out" '^- RCPT TO:<gone@example.org>'
    has "$WORK/out" '^\+ [sS]ubject: new'
    has "$WORK/out" '^- Subject: old'
}

@test "edits of a message that is refused do not count" {
    gives c 'reject [554]<5.7.1>(no)' -h 'X-Magic:add-header X-Lost lost' -h 'X-Magic:reply 554 no'
}

@test "progress keeps the end of the message alive" {
    gives c pass --end-of-message-timeout 2 -h 'X-Magic:progress 3'
}

@test "a filter that sleeps too long, one that dies, one that is not there" {
    local server=("$MILTER_BUILD_DIR/bin/milter-test-server")
    run "${server[@]}" -s "unix:$WORK/children/c.sock" --reading-timeout 1 -f magic-sleep3@example.com
    [ "$status" = 1 ]
    [[ $output = *'reading timeout'* ]]
    NAME=mortal start magic "$WORK/children" "$WORK/children/mortal.sock"
    run "${server[@]}" -s "unix:$WORK/children/mortal.sock" -r magic-crash@example.org
    [ "$status" = 1 ]
    [ -n "$output" ]
    run "${server[@]}" -s "unix:$WORK/children/mortal.sock"
    [ "$status" = 1 ]
    [[ $output = *'Connection refused'* ]]
}

@test "mail files" {
    local mail
    for mail in plain folded multipart long-header no-body no-final-newline dots latin1; do
        gives c pass -m "$MAILS/$mail.eml"
        grep -q 'header .*Subject: ' "$WORK/children/c.events"
    done
}

@test "opendkim signs what milter-test-server sends" {
    gives opendkim accept --output-message --connect-host localhost --connect-address 'inet:1234@[127.0.0.1]' \
        -m "$MAILS/plain.eml"
    has "$WORK/out" '^\+ DKIM-Signature: .*d=example.test; s=live'
}

# alike NAME OPTION... : the outcome through the manager is that of the filter itself
alike() {
    local name=$1
    echo "$@"
    serve "$@"
    mv "$WORK/out" "$WORK/direct"
    shift
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/$name.sock" "$@" >"$WORK/timed"
    untimed
    # an inserted signature is another each second
    sed -i -e '/^+ \tt=\|^+ \t \{0,1\}[bh]*=\|^+ \t /d' "$WORK/direct" "$WORK/out"
    diff -u "$WORK/direct" "$WORK/out"
}

@test "through the manager: every verdict at every step" {
    local filter verb
    for filter in c all steps py; do
        for verb in reject tempfail accept reply450 reply553 multi; do
            alike "$filter" --connect-host "magic-$verb.example.net"
            alike "$filter" --helo-fqdn "magic-$verb.example.net"
            alike "$filter" -f "magic-$verb@example.com"
            alike "$filter" -r "magic-$verb@example.org"
            alike "$filter" -r "magic-$verb@example.org" -r other@example.org --output-message
            alike "$filter" --unknown "magic-$verb"
            alike "$filter" -f "magic-data-$verb@example.com"
            alike "$filter" -h "X-Magic-Now:$verb"
            alike "$filter" -f "magic-eoh-$verb@example.com"
            alike "$filter" -b "magic-body-$verb" -b more
            alike "$filter" -h "X-Magic:$verb"
        done
    done
}

@test "through the manager: edits" {
    local filter
    for filter in c all py; do
        alike "$filter" --output-message -h 'X-Magic:insert-header 1 X-First one' -h 'X-Magic:change-header 1 From <new@example.com>'
        alike "$filter" --output-message -h 'X-Magic:replace-body one\ntwo' -h 'X-Magic:quarantine why'
        alike "$filter" --output-message -h 'X-Magic:add-rcpt <more@example.org>' -h 'X-Magic:change-from <new@example.com>'
        alike "$filter" --output-message -h 'X-Magic:append-body footer' -b "$(seq 1 20000)" -b "$(seq 1 20000)"
        alike "$filter" --output-message -m "$MAILS/folded.eml" -h 'X-Magic:delete-header 2 X-Same'
    done
}

@test "through the manager: mail files" {
    local filter mail
    for filter in c all steps py opendkim; do
        for mail in plain folded multipart long-header no-body no-final-newline dots latin1 smtputf8; do
            alike "$filter" --output-message -m "$MAILS/$mail.eml"
        done
    done
}
