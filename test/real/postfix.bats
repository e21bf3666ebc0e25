#!/usr/bin/env bats
# Postfix hands its mail to milter-manager, which passes it through opendkim, a
# filter on the C library (c), one on python3-milter (py) and rspamd.

load helper

setup_file() {
    open_work
    start opendkim "$WORK/opendkim" "$WORK/opendkim/s.sock"
    start rspamd "$WORK/rspamd" "$WORK/rspamd/s.sock"
    NAME=c start magic "$WORK/c" "$WORK/c/s.sock" -m
    NAME=py LANG_=py start magic "$WORK/py" "$WORK/py/s.sock" -m
    manager four "$(
        for name in opendkim c py rspamd; do
            child $name "$WORK/$name/s.sock" 'fallback_status = "temporary-failure"'
        done
    )"
    # the signer last: it signs what the others leave
    manager signer "$(
        for name in c py opendkim; do
            child $name "$WORK/$name/s.sock" 'fallback_status = "temporary-failure"'
        done
    )"
    manager conditions "$(conditions)"
    free_port >"$WORK/port"
    free_port >"$WORK/port.signer"
    free_port >"$WORK/port.conditions"
    MORE_PORTS="$(cat "$WORK/port.signer") $WORK/signer.sock
$(cat "$WORK/port.conditions") $WORK/conditions.sock
" start postfix "$WORK/postfix" "$(cat "$WORK/port")" "$WORK/four.sock"
}

# Three filters, each with conditions: which sees which mail?
conditions() {
    cat <<'CONFIGURATION'
load("applicable-conditions/*.conf")
define_applicable_condition("No Lists") do |condition|
  condition.description = "Not for mailing lists"
  condition.define_header_stopper do |_context, name, _value|
    name.downcase == "list-id"
  end
end
define_applicable_condition("Not for Carol") do |condition|
  condition.define_envelope_recipient_stopper do |_context, recipient|
    recipient == "<carol@other.test>"
  end
end
define_applicable_condition("Tagged") do |condition|
  condition.define_envelope_from_stopper do |context, from|
    context["tag_of_sender"] = "seen-#{from.delete('<>')}"
    from.start_with?("<skip")
  end
end
CONFIGURATION
    child c "$WORK/c/s.sock" 'applicable_conditions = ["Remote Network", "No Lists"]'
    child py "$WORK/py/s.sock" 'applicable_conditions = ["Unauthenticated", "Not for Carol"]'
    child opendkim "$WORK/opendkim/s.sock" 'applicable_conditions = ["Tagged"]'
    child rspamd "$WORK/rspamd/s.sock" 'applicable_conditions = ["Authenticated"]'
}

teardown_file() {
    close_work
}

setup() {
    skip_if_missing
    rm -rf "$WORK/postfix/mail/inbox"
    PORT=$(cat "$WORK/port")
    PLAIN=$MAILS/plain.eml
}

@test "a mail arrives with the edits of all four, in their order" {
    send "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    # opendkim inserts at the top, the others append
    in_order "$WORK/arrived" '^DKIM-Signature: .*d=example.test; s=live' '^Received: ' '^Date: ' \
        '^X-Magic-Seen: name=c headers=9 ' '^X-Magic-Seen: name=py headers=10 ' '^X-Spamd-Result: ' '^Hello Bob,'
}

@test "every kind of edit of two filters arrives" {
    send "$PORT" bob@other.test gone@other.test < <(words plain \
        'X-Magic-c: insert-header 1 X-C inserted' 'X-Magic-c: change-header 1 Subject by c' \
        'X-Magic-c: delete-header 1 MIME-Version' 'X-Magic-c: add-rcpt extra@other.test' \
        'X-Magic-c: replace-body new body' 'X-Magic-py: append-body by py' \
        'X-Magic-py: change-header 1 X-C changed' 'X-Magic-py: del-rcpt <gone@other.test>' \
        'X-Magic-py: change-from new@example.test')
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 2
    has "$WORK/arrived" '^Delivered-To: bob@other.test'
    has "$WORK/arrived" '^Delivered-To: extra@other.test'
    lacks "$WORK/arrived" '^Delivered-To: gone|^MIME-Version|^Hello Bob|^X-C: inserted'
    [ "$(grep -c '^Return-Path: <new@example.test>' "$WORK/arrived")" = 2 ]
    in_order "$WORK/arrived" '^X-C: changed' '^Subject: by c' '^new body' '^by py'
}

# sign NAME FILE : sends FILE through the signer; what arrives is verified by opendkim
signature_holds() {
    local mail=$WORK/signed.eml
    send "$(cat "$WORK/port.signer")" bob@other.test
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1 "$mail"
    has "$mail" '^DKIM-Signature: .*s=live'
    # a client from elsewhere: now opendkim verifies; the trace of the delivery is not signed
    sed -i -e '/^Return-Path:/d' -e '/^X-Original-To:/d' -e '/^Delivered-To:/d' "$mail"
    send -x 'ADDR=192.0.2.77 NAME=client.example.net' "$PORT" bob@other.test <"$mail"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" '^Authentication-Results: mx.example.test;$'
    has "$WORK/arrived" 'dkim=pass .*header.s=live'
}

@test "opendkim's signature holds behind other filters: nothing edited" {
    signature_holds <"$PLAIN"
}

@test "opendkim's signature holds: folded, empty and repeated headers" {
    signature_holds <"$MAILS/folded.eml"
}

@test "opendkim's signature holds: signed headers changed and body replaced before" {
    signature_holds < <(words plain 'X-Magic-c: change-header 1 Subject by c' 'X-Magic-c: replace-body of c' \
        'X-Magic-py: append-body of py' 'X-Magic-py: change-header 1 To <new@example.test>')
}

@test "opendkim's signature holds: a large body made by a filter" {
    signature_holds < <(words plain 'X-Magic-c: fill-body 200000' 'X-Magic-py: append-body the end')
}

@test "opendkim verifies through the manager: pass and fail" {
    local client='ADDR=192.0.2.77 NAME=client.example.net'
    send -x "$client" "$PORT" bob@other.test <"$MAILS/dkim-signed.eml"
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" 'dkim=pass'
    send -x "$client" "$PORT" bob@other.test <"$MAILS/dkim-broken.eml"
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" 'dkim=fail'
}

@test "rspamd refuses: its words reach the client, nothing is delivered" {
    send "$PORT" bob@other.test <"$MAILS/gtube.eml"
    replied '^<- 554 5.7.1 Gtube'
    quiet "$WORK/postfix"
}

# refused VERB PATTERN : by c, then by py, at the end of the message
refused() {
    local who
    for who in c py; do
        send "$PORT" bob@other.test < <(words plain "X-Magic-$who: add-header X-Lost lost" "X-Magic-$who: $1")
        replied "$2"
        quiet "$WORK/postfix"
    done
}

@test "rejected" { refused reject '^<- 550 5.7.1 '; }
@test "temporarily refused" { refused tempfail '^<- 451 4.7.1 '; }
@test "rejected with a text" { refused 'reply 554 not 100% wanted' '^<- 554 5.7.1 not 100% wanted'; }
@test "rejected with three lines" {
    refused multi '^<- 554-5.7.1 first line'
    replied '^<- 554 5.7.1 100% last'
}
@test "discarded" { refused discard '^<- 250 2.0.0 Ok: queued'; }

@test "quarantined: on hold, with the edits of all" {
    local before queue_id
    before=$(held "$WORK/postfix")
    send "$PORT" bob@other.test < <(words plain 'X-Magic-c: quarantine to be looked at')
    replied '^<- 250 2.0.0 Ok: queued'
    quiet "$WORK/postfix"
    [ "$(held "$WORK/postfix")" = $((before + 1)) ]
    queue_id=$(sed -n 's/.*queued as //p' "$WORK/dialogue")
    postcat -c "$WORK/postfix/etc" -hbq "$queue_id" >"$WORK/held"
    in_order "$WORK/held" '^X-Magic-Seen: name=c ' '^X-Magic-Seen: name=py ' '^X-Spamd-Result: '
}

@test "quarantined by one, refused by a later one: only the refusal counts" {
    local before
    before=$(held "$WORK/postfix")
    send "$PORT" bob@other.test < <(words plain 'X-Magic-c: quarantine why' 'X-Magic-py: reject')
    replied '^<- 550 5.7.1 '
    quiet "$WORK/postfix"
    [ "$(held "$WORK/postfix")" = "$before" ]
}

@test "the stronger verdict of two filters at the same recipient" {
    send "$PORT" c-tempfail.py-reply553@other.test <"$PLAIN"
    replied '^<- 553 5.7.1 magic reply'
    quiet "$WORK/postfix"
}

@test "refused at each step of the session" {
    send -H c-reject.example.net "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 550 5.7.1 '
    send -f py-tempfail@example.test "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 451 4.7.1 '
    send "$PORT" c-reply553@other.test <"$PLAIN"
    replied '^<- 553 5.7.1 magic reply'
    send -f py-data-reject@example.test "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 550 5.7.1 '
    send -x 'ADDR=192.0.2.9 NAME=c-reject.example.net' "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 5'
    send "$PORT" bob@other.test < <(words plain 'X-Magic-Now-py: reject')
    replied '^<- 550 5.7.1 '
    send "$PORT" bob@other.test < <(cat "$PLAIN" && echo c-body-tempfail)
    replied '^<- 451 4.7.1 '
    quiet "$WORK/postfix"
}

@test "discard at helo is no answer: the mail goes on without that filter, and the manager says so" {
    send -H c-discard.example.net "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" '^X-Magic-Seen: name=py '
    lacks "$WORK/arrived" '^X-Magic-Seen: name=c '
    [ "$(grep -c '\[error\].* discard .*: c$' "$WORK/four/manager.log")" = 1 ]
}

@test "twenty mails in one session" {
    send -n 20 "$PORT" bob@other.test < <(words folded 'X-Magic-c: change-header 2 X-Same changed')
    [ "$(grep -c '^<- 250 2.0.0 Ok: queued' "$WORK/dialogue")" = 20 ]
    arrived "$WORK/postfix" 20
    [ "$(grep -c '^X-Same: changed' "$WORK/arrived")" = 20 ]
    # each exactly as the first: nothing is left over from the one before
    [ "$(grep '^X-Magic-Seen' "$WORK/arrived" | sort | uniq -c | awk '{ print $1 }' | sort -u)" = 20 ]
    [ "$(grep '^X-Magic-Seen' "$WORK/arrived" | sort -u | wc -l)" = 2 ]
}

@test "mails of every outcome in one session" {
    local senders=() sender
    for sender in alice c-reject alice py-tempfail py-accept alice; do
        senders+=("$sender@example.test")
    done
    "$REAL/smtp-many.py" "$PORT" "${senders[@]}" <"$PLAIN" >"$WORK/dialogue"
    [ "$(grep -c '^<- 250 2.0.0 Ok: queued' "$WORK/dialogue")" = 4 ]
    arrived "$WORK/postfix" 4
    [ "$(grep -c '^X-Magic-Seen: name=c ' "$WORK/arrived")" = 4 ]
    [ "$(grep -c '^X-Magic-Seen: name=py ' "$WORK/arrived")" = 3 ]
}

# body_of FILE : what follows the first empty line
body_of() { sed '1,/^\r*$/d' "$1"; }

@test "10 MB, every byte in its place" {
    "$MAILS/gen-large.sh" 10485760 >"$WORK/large.eml"
    send "$PORT" bob@other.test <"$WORK/large.eml"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    cmp <(body_of "$WORK/large.eml") <(body_of "$WORK/arrived")
    # c was given it all
    has "$WORK/arrived" '^X-Magic-Seen: name=c .* body=106'
}

@test "10 MB and a footer by each of two filters" {
    "$MAILS/gen-large.sh" 10485760 |
        sed -e '/^Subject:/a X-Magic: append-body a footer' >"$WORK/large.eml"
    send "$(cat "$WORK/port.signer")" bob@other.test <"$WORK/large.eml"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    cmp <(body_of "$WORK/large.eml" && printf 'a footer\na footer\n') <(body_of "$WORK/arrived")
}

@test "a client that hangs up in the middle leaves nothing behind" {
    local count
    for count in 1 2 3; do
        timeout 5 bash -c "exec 9<>/dev/tcp/127.0.0.1/$PORT; printf 'EHLO x\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@other.test>\r\nDATA\r\nSubject: half\r\n' >&9; sleep 0.$count"
    done
    send "$PORT" bob@other.test <"$PLAIN"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
}

@test "forty clients at once" {
    smtp-source -s 40 -m 200 -l 3000 -f alice@example.test -t bob@other.test "127.0.0.1:$PORT"
    arrived "$WORK/postfix" 200
    [ "$(grep -c '^X-Magic-Seen: name=c ' "$WORK/arrived")" = 200 ]
    [ "$(grep -c '^X-Magic-Seen: name=py ' "$WORK/arrived")" = 200 ]
    [ "$(grep -c '^X-Spamd-Result: ' "$WORK/arrived")" = 200 ]
    [ "$(grep -c '^DKIM-Signature: ' "$WORK/arrived")" = 200 ]
}

@test "mail from the command line of the machine, without SMTP" {
    /usr/sbin/sendmail -C "$WORK/postfix/etc" -f alice@example.test bob@other.test < <(words plain 'X-Magic-py: append-body by py')
    arrived "$WORK/postfix" 1
    in_order "$WORK/arrived" '^X-Magic-Seen: name=c ' '^X-Magic-Seen: name=py ' '^X-Spamd-Result: ' '^by py'
    /usr/sbin/sendmail -C "$WORK/postfix/etc" -f alice@example.test magic-discard@other.test <"$PLAIN"
    quiet "$WORK/postfix"
}

# ---- conditions: c not for local clients and lists; py not for users who logged in
# and not for Carol; opendkim not for senders called skip; rspamd for users only

conditional() {
    send "$@"
    replied '^<- 250 2.0.0 Ok: queued'
}

seen_by() {
    local who
    for who in c py opendkim rspamd; do
        case $who in
        c | py) pattern="^X-Magic-Seen: name=$who " ;;
        opendkim) pattern='^DKIM-Signature: .*s=live|^Authentication-Results: ' ;;
        rspamd) pattern='^X-Spamd-Result: ' ;;
        esac
        case " $* " in
        *" $who "*) has "$WORK/arrived" "$pattern" ;;
        *) lacks "$WORK/arrived" "$pattern" ;;
        esac
    done
}

@test "conditions: a client of the local network" {
    conditional "$(cat "$WORK/port.conditions")" bob@other.test <"$PLAIN"
    arrived "$WORK/postfix" 1
    seen_by py opendkim
}

@test "conditions: a client of a remote network" {
    conditional -x 'ADDR=192.0.2.77 NAME=client.example.net' "$(cat "$WORK/port.conditions")" bob@other.test <"$PLAIN"
    arrived "$WORK/postfix" 1
    seen_by c py opendkim
}

@test "conditions: a header stops one filter" {
    conditional -x 'ADDR=192.0.2.77 NAME=client.example.net' "$(cat "$WORK/port.conditions")" bob@other.test \
        < <(words plain 'List-Id: <list.example.net>' 'X-Magic-c: reject')
    arrived "$WORK/postfix" 1
    seen_by py opendkim
}

@test "conditions: a user who logged in" {
    conditional -x 'ADDR=192.0.2.77 NAME=client.example.net LOGIN=alice' "$(cat "$WORK/port.conditions")" bob@other.test <"$PLAIN"
    arrived "$WORK/postfix" 1
    seen_by c opendkim rspamd
}

@test "conditions: one recipient is not shown" {
    : >"$WORK/py/py.events"
    conditional "$(cat "$WORK/port.conditions")" bob@other.test carol@other.test <"$PLAIN"
    arrived "$WORK/postfix" 2
    has "$WORK/arrived" '^X-Magic-Seen: name=py .* rcpts=1 '
    has "$WORK/py/py.events" 'rcpt to=<bob@other.test>'
    lacks "$WORK/py/py.events" 'rcpt to=<carol@other.test>'
}

@test "conditions: a sender stops one filter, for that message only" {
    "$REAL/smtp-many.py" "$(cat "$WORK/port.conditions")" skip@example.test alice@example.test <"$PLAIN" >"$WORK/dialogue"
    [ "$(grep -c '^<- 250 2.0.0 Ok: queued' "$WORK/dialogue")" = 2 ]
    arrived "$WORK/postfix" 2
    [ "$(grep -c '^DKIM-Signature: ' "$WORK/arrived")" = 1 ]
    [ "$(grep -c '^X-Magic-Seen: name=py ' "$WORK/arrived")" = 2 ]
}

@test "Postfix and the managers had nothing to complain of" {
    local name
    # but for the one complaint each that the test above asks for
    grep -v 'DISCARD action is not allowed' "$WORK/postfix/mail.log" >"$WORK/log"
    lacks "$WORK/log" 'warning: milter'
    for name in four signer conditions; do
        has "$WORK/$name/manager.log" .
        grep -v ' discard .*: c$' "$WORK/$name/manager.log" >"$WORK/log"
        lacks "$WORK/log" '\[(error|critical|warning|timeout)\]'
    done
}

@test "a manager that is told to stop ends at once, with no session left, and leaves no socket" {
    "$REAL/stop.sh" "$WORK/four"
    [ ! -e "$WORK/four.sock" ]
    lacks "$WORK/four/manager.log" 'ERROR: |runtime error|Sanitizer'
}
