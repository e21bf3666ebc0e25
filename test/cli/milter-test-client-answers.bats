#!/usr/bin/env bats
# milter-test-client: verdicts, edits, negotiation, delays and faults, against
# milter-test-server and a scripted mail server.

bats_require_minimum_version 1.5.0

load client.bash

setup() {
    client_setup
    NO_REPLIES='O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff'
}

teardown() {
    client_teardown
}

# restart [OPTION...] : another client on the same socket
restart() {
    [[ -z ${PID:-} ]] || stop
    client "$@"
}

# session [OPTION...] : one message by milter-test-server
session() {
    run --separate-stderr "$SERVER" -s "$SPEC" "$@"
}

# status STATUS [OPTION...] : the outcome of that session
status() {
    local wanted=$1
    shift
    session "$@"
    assert_success
    assert_line --index 0 "status: $wanted"
}

# ---- verdicts

@test "--action: every verdict where it is allowed" {
    restart --action connect=reject
    status reject
    restart --action helo=tempfail
    status temporary-failure
    restart --action mail=discard
    status discard
    restart --action envelope-from=temporary-failure
    status temporary-failure
    restart --action data=accept
    status accept
    restart --action 'unknown=reply:500 5.5.1 what?'
    status 'reject [500]<5.5.1>(what?)' --unknown FOO
    restart --action header=reject
    status reject
    restart --action end-of-header=discard
    status discard
    restart --action body=reject
    status reject
    restart --action 'end-of-message=reply:451 4.7.1 later'
    status 'temporary-failure [451]<4.7.1>(later)'
    restart --action end-of-message=continue
    status pass
}

@test "--action: patterns, the first that fits counts" {
    restart --action 'rcpt:good@*=continue' --action 'rcpt:*@example.org=reply:550 5.1.1 who?' \
        --action 'header:X-Spam: *=discard' --action 'connect:192.0.*=reject' \
        --action 'connect:*.bad.*=tempfail' --action 'body:*buy*pills=reject' \
        --action 'mail:=reject' --action 'helo:?=accept'
    status pass -r good@example.org -r x@example.com
    status 'reject [550]<5.1.1>(who?)' -r bad@example.org
    status discard -r x@y -h 'x-spam: yes'
    status pass -r x@y -h 'X-Ham: yes'
    status reject -r x@y --connect-address 'inet:1@[192.0.2.1]'
    status temporary-failure -r x@y --connect-host mx.BAD.test
    status reject -r x@y -b 'first, ' -b 'Buy more pills now'
    status pass -r x@y -b 'pills buy'
    status reject -r x@y -f '<>'
    status accept -r x@y --helo-fqdn x
}

@test "--action: a reply of several lines" {
    restart --action 'rcpt=reply:550 5.7.1 no\n5.7.1 never'
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' Q
    assert_line "R: y$(printf '550-5.7.1 no\r\n550 5.7.1 never\0' | xxd -p -c 99)"
}

@test "--action body=skip, and what happens where skip was not negotiated" {
    restart --action body=skip
    session -b one -b two
    assert_equal "$(grep -c '^body' "$DIR/out")" 1
    restart --action body=skip --negotiate-steps none
    session -b one -b two
    assert_equal "$(grep -c '^body' "$DIR/out")" 2
    assert_equal "$(grep -c 'continue takes the place of skip, which was not negotiated (after body' "$DIR/err")" 1
}

@test "no verdict is given where no reply was negotiated" {
    restart --action header=reject --negotiate-steps no-reply-header
    run mta "$NO_REPLIES" "$CONNECT" 'M<a>\x00' 'R<b>\x00' \
        'raw:\x00\x00\x00\x05La\x00b\x00\x00\x00\x00\x05Lc\x00d\x00' N E Q eof
    assert_output --partial 'N: c
E: c
eof'
    assert_equal "$(cat "$DIR/err")" ''
}

# ---- edits

@test "edits leave in the order of the options, before the reply" {
    printf 'new\nbody\n' >"$DIR/body"
    restart --quarantine odd --add-header 'X-A: a' --insert-header 0:X-B:b \
        --change-header '1:Subject:c' --delete-header 2:To --change-from 'new@x SIZE=1' \
        --add-recipient a@x --add-recipient '<b@x> NOTIFY=NEVER' --delete-recipient c@x \
        --replace-body "$DIR/body" --action end-of-message=accept
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' E reply reply reply reply reply reply reply reply \
        reply reply Q
    assert_success
    assert_equal "$(sed -n '/^E/,$s/^.: \(.\)\(.*\)/\1 \2/p' <<<"$output" |
        while read -r letter hex; do echo "$letter $(xxd -r -p <<<"$hex" | tr '\0\r\n' '|^~')"; done)" \
        'q odd|
h X-A|a|
i ||||X-B|b|
m |||'$'\x01''Subject|c|
m |||'$'\x02''To||
e <new@x>|SIZE=1|
+ <a@x>|
2 <b@x>|NOTIFY=NEVER|
- <c@x>|
b new^~body^~
a '
}

@test "what milter-test-server makes of the edits" {
    printf 'new' >"$DIR/body"
    restart --add-header 'X-A: a' --change-from new@x --add-recipient d@x \
        --delete-recipient receiver@example.org --replace-body "$DIR/body"
    session --output-message
    assert_line '+ MAIL FROM:<new@x>'
    assert_line '- RCPT TO:<receiver@example.org>'
    assert_line '+ RCPT TO:<d@x>'
    assert_line '+ X-A: a'
    assert_line new
}

@test "values get their blank when that was negotiated" {
    restart --add-header 'X-A: a' --delete-header 1:X-B --negotiate-steps all
    run mta 'O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x10\x00\x00' "$CONNECT" 'M<a>\x00' 'R<b>\x00' \
        E reply reply Q
    assert_line "E: h$(printf 'X-A\0 a\0' | xxd -p)"
    assert_line "r: m$(printf '\0\0\0\001X-B\0\0' | xxd -p)"
}

@test "an edit the MTA does not offer is left out, and told once" {
    restart --add-header X:1 --add-header X:2 --quarantine q --add-recipient 'a P=1'
    run mta 'O\x00\x00\x00\x02\x00\x00\x00\x20\x00\x00\x00\x00' "$CONNECT" 'M<a>\x00' 'R<b>\x00' \
        E reply 'M<a>\x00' 'R<b>\x00' E reply Q
    assert_output --partial 'E: q7100
r: c
M: c'
    assert_equal "$(grep -c 'add-header is left out: the MTA does not offer the action add-headers (after end-of-message, [0-9]* bytes read, [0-9]* written)$' "$DIR/err")" 1
    assert_equal "$(grep -c 'add-recipient-with-parameters is left out' "$DIR/err")" 1
    assert_equal "$(wc -l <"$DIR/err")" 2
}

@test "a large body travels in chunks" {
    head -c 150000 /dev/zero | tr '\0' x >"$DIR/body"
    restart --replace-body "$DIR/body"
    session --output-message
    assert_equal "$(tail -n 1 <<<"$output" | tr -d '\n' | wc -c)" 150000
}

# ---- negotiation

# negotiates ANSWER OPTION... : the answer to a full offer
negotiates() {
    local answer=$1
    shift
    restart "$@"
    run mta O Q
    assert_output "O: O$answer"
}

@test "the answer to a negotiation" {
    negotiates 000000020000003f00000000 --negotiate-version 2
    negotiates 000000060000002100000400 --negotiate-actions 'add-headers|quarantine'
    negotiates 000000060000000000000000 --negotiate-actions none --negotiate-steps none
    negotiates 00000006000001ff001fffff --negotiate-steps all
    negotiates 00000006000001ff00000006 --negotiate-steps 0x6
    restart --negotiate-actions 'all,!quarantine' --negotiate-steps 'no-helo|!no-data'
    run mta 'O\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x01' Q
    assert_output 'O: O000000030000002100000200'
}

@test "--request-macros sends the lists in the order of the wire" {
    negotiates "00000006000001ff00000400$(printf '\0\0\0\0j {daemon_name}\0\0\0\0\005i\0\0\0\0\006\0' | xxd -p -c 99)" \
        --request-macros end-of-header: --request-macros end-of-message:i \
        --request-macros 'connect:j daemon_name'
    session
    assert_success
    refute grep -q if_name "$DIR/out"
    run mta 'O\x00\x00\x00\x06\x00\x00\x00\xff\x00\x00\x00\x00' Q
    assert_output 'O: O00000006000000ff00000000'
    assert_regex "$(cat "$DIR/err")" 'the list of macros is left out: the MTA does not offer the action set-symbol-list'
}

# ---- delays

@test "--delay holds up its session alone, --progress tells the MTA" {
    restart --delay 'helo:slow=4s' --delay 'end-of-message=1900ms+-100ms' --progress 700ms
    mta_in_background O "$CONNECT" 'Hslow\x00' Q
    wait_until grep -q slow "$DIR/out"
    run mta O "$CONNECT" 'Hfast\x00' 'M<a>\x00' 'R<b>\x00' E reply reply Q
    assert_output --partial 'H: c
M: c
R: c
E: p
r: p
r: c'
    refute grep -q 'H: c' "$DIR/mta"
    wait "$MTA"
    assert grep -q 'H: c' "$DIR/mta"
}

@test "--delay negotiate, and --progress without a delay" {
    restart --delay negotiate=300ms --progress 10s
    session
    assert_success
    assert_regex "$output" 'elapsed-time: 0\.[3-9]'
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' E reply Q
    assert_output --partial 'E: p
r: c'
}

@test "ABORT, QUIT and the end of the connection end a delay" {
    restart --delay 'end-of-message=60s' --add-header X:y
    # The reply that is owed comes at once, without edits; then the next message.
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' 'raw:\x00\x00\x00\x01E' wait:0.3 A reply 'M<c>\x00' Q eof
    assert_output --partial 'r: c
M: c
eof'
    assert_equal "$(tail -n 4 "$DIR/out")" 'end-of-message
abort
envelope-from: <<c>>
finished'
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' 'raw:\x00\x00\x00\x01E' Q eof
    assert_output --partial eof
    assert_equal "$(cat "$DIR/err")" ''
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' 'raw:\x00\x00\x00\x01E' close
    wait_until grep -q 'connection closed by .*(after end-of-message, ' "$DIR/err"
    stop
}

# ---- faults

@test "--close at every stage" {
    local stage
    for stage in negotiate connect helo mail rcpt data unknown header end-of-header body \
        end-of-message; do
        restart --close "$stage"
        session --unknown FOO
        assert_failure 1
        assert_regex "$output$stderr" 'connection closed by'
    done
}

@test "edits have left when a fault takes the place of the reply" {
    local fault
    for fault in close garbage partial; do
        restart --add-header X:y "--$fault" end-of-message
        run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' E eof
        assert_line 'E: h58007900'
        if [[ $fault = close ]]; then
            assert_line eof
        else
            assert_line 'not the end'
        fi
    done
}

@test "--close where no reply is due" {
    restart --close 'header:X-Bad*' --negotiate-steps no-reply-header
    run mta "$NO_REPLIES" "$CONNECT" 'M<a>\x00' 'R<b>\x00' 'raw:\x00\x00\x00\x09LX-Bad\x00\x00' eof
    assert_output --partial eof
}

@test "--garbage" {
    restart --garbage body:pills
    session -b 'buy pills'
    assert_failure 1
    assert_regex "$output$stderr" 'breaks the protocol: packet of 4294967295 bytes'
    status pass -b hello
}

@test "--partial sends half of what was to come" {
    restart --partial rcpt --partial negotiate --action 'rcpt=reply:550 no' --fail-every 2
    run mta O Q
    assert_output 'O: O00000006000001ff00000400'
    mta_in_background 'raw:\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x01\xff\x00\x00\x00\x00' eof
    wait "$MTA" || true
    assert_equal "$(cat "$DIR/mta")" 'not the end'
    restart --partial rcpt --action 'rcpt=reply:550 no'
    session --all-timeouts 0.5
    assert_failure 1
    assert_regex "$output$stderr" 'reading timeout: .*\(envelope-recipient: '
}

@test "--hang answers nothing any more, and takes ABORT and QUIT" {
    restart --hang rcpt
    session --all-timeouts 0.5
    assert_failure 1
    assert_regex "$output$stderr" 'reading timeout'
    run mta O "$CONNECT" 'M<a>\x00' 'raw:\x00\x00\x00\x05R<b>\x00' A \
        'raw:\x00\x00\x00\x05M<c>\x00' Q eof
    assert_output --partial 'M: c
eof'
    wait_until finished_are 2
    assert_equal "$(tail -n 4 "$DIR/out")" 'envelope-recipient: <<b>>
abort
envelope-from: <<c>>
finished'
}

@test "--hang at the end of the message goes on with --progress" {
    restart --hang end-of-message --progress 100ms --add-header X:y
    run mta O "$CONNECT" 'M<a>\x00' 'R<b>\x00' E reply reply reply A wait:0.3 Q eof
    assert_output --partial 'E: p
r: h580079'
    assert_output --partial 'r: p
r: p
eof'
}

@test "--fail-every" {
    restart --close rcpt --delay helo=1ms --fail-every 3
    status pass
    status pass
    session
    assert_failure 1
    status pass
    restart --fail-every 2
    status pass
    session
    assert_failure 1
    assert_regex "$output$stderr" 'connection closed by .*\(end-of-message: '
    # Looking whether somebody listens is no session.
    mta close
    status pass
}

# ---- JSON

# json EXPRESSION : of every line, d is the object
json() {
    /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    d = json.loads(line)
    value = eval(sys.argv[2])
    if value is not None:
        print(value)' "$DIR/out" "$1"
}

@test "--output-format json" {
    restart --output-format json --action 'header:X-Bad: *=reply:550 5.7.1 no' \
        --add-header X:y --delay 'body=1ms' --report-memory-profile
    run mta O 'DCj\x00mx\x00{daemon_name}\x00d\x00' "$CONNECT" 'Hh\xff\x00' 'M<a@x>\x00SIZE=1\x00' \
        'R<b@y>\x00' 'UFOO\x00' T 'LX-Bad\x00\xc3\xa4\x00' A 'M<>\x00' 'R<b>\x00' N 'Bone\x00two' E \
        reply K "$CONNECT" Q
    assert_success
    wait_until grep -q memory "$DIR/out"
    run json 'd["event"]'
    assert_output "$(printf '%s\n' negotiate connect helo envelope-from envelope-recipient unknown \
        data header abort envelope-from envelope-recipient end-of-header body end-of-message \
        finished connect finished memory)"
    run json 'd.get("session")'
    assert_equal "$(tr '\n' ' ' <<<"$output")" '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 2 '
    run json 'd["macros"] if "macros" in d else None'
    assert_output "{'j': 'mx', 'daemon_name': 'd'}"
    run json '(d["host"], d["address"], d["reply"]) if d["event"] == "connect" else None'
    assert_line --index 0 "('mx.test', 'inet:50443@[192.0.2.45]', 'continue')"
    run json 'd["fqdn"] if d["event"] == "helo" else None'
    assert_output "{'base64': 'aP8='}"
    run json '(d["address"], d["arguments"]) if d["event"] == "envelope-from" else None'
    assert_line --index 0 "('<a@x>', ['SIZE=1'])"
    run json '(d["name"], d["value"], d["reply"]) if d["event"] == "header" else None'
    assert_output "('X-Bad', 'ä', '550 5.7.1 no')"
    run json '(d["data"], d["delay"], d["reply"]) if d["event"] == "body" else None'
    assert_output "('one\\x00two', 0.001, 'continue')"
    run json '(d["edits"], d["reply"]) if d["event"] == "end-of-message" else None'
    assert_output "(['add-header'], 'continue')"
    run json 'd["reply"]["steps"] if d["event"] == "negotiate" else None'
    assert_output "['skip']"
    run json 'abs(d["time"] - __import__("time").time()) < 60'
    refute_line False
}

@test "--output-format json: faults" {
    restart --output-format json --close rcpt --hang helo:x
    session
    session --all-timeouts 0.2 --helo-fqdn x
    wait_until grep -q '"fault": "hang"' "$DIR/out"
    run json '(d["event"], d["reply"], d["fault"]) if "fault" in d else None'
    assert_output "('envelope-recipient', None, 'close')
('helo', None, 'hang')"
}

# ---- memory

@test "--report-memory-profile" {
    restart --report-memory-profile --no-report-request
    session
    session
    wait_until grep -q sessions=2 "$DIR/out"
    assert_regex "$(head -n 1 "$DIR/out")" '^memory: rss=[0-9]+KB allocated=[0-9]+KB sessions=1$'
    assert_regex "$(tail -n 1 "$DIR/out")" 'sessions=2$'
    stop
    MILTER_MEMORY_PROFILE=yes client --report-memory-profile
    session
    wait_until grep -q memory "$DIR/out"
    assert_regex "$(tail -n 2 "$DIR/out")" \
        'finished
memory: rss=[0-9]+KB allocated=[0-9]+KB sessions=1 arena=[0-9]+KB mmapped=[0-9]+KB free=[0-9]+KB$'
}

# ---- mistakes

@test "values that are refused" {
    local arguments pattern
    while IFS='|' read -r option value pattern; do
        run --separate-stderr "$CLIENT" "$option" "$value"
        assert_failure 1
        assert_equal "$output" ''
        assert_regex "$stderr" "^milter-test-client: $option: $pattern"
    done <<'CASES'
--action|connect|no verdict in <connect>; STAGE\[:PATTERN\]=VERDICT is expected
--action|connekt=accept|unknown stage <connekt>; connect, helo, .* are known
--action|header=skip|skip is not allowed at header; accept, .* are$
--action|unknown=discard|discard is not allowed at unknown; accept, .* are$
--action|rcpt=reply:250 ok|not a reply: <250 ok>
--add-header|X|not a header field: <X>; NAME:VALUE is expected
--insert-header|x:X:y|invalid integer value
--change-header|1:X|not a header field: <1:X>; N:NAME:VALUE is expected
--delete-header|1:X:y|not a header field: <1:X:y>; N:NAME is expected
--change-from||not an address
--add-recipient||not an address
--delete-recipient|a b|not an address
--replace-body|-|standard input cannot be the new body
--replace-body|/no/such/file|/no/such/file does not exist
--quarantine||a reason is needed
--progress|0|too short
--negotiate-version|1|version 1 of the protocol is not spoken here
--negotiate-version|7|too big
--negotiate-actions|x|unknown action <x>
--negotiate-steps|x|unknown step <x>
--request-macros|connect|no ':' in <connect>
--delay|connect|no '=' in <connect>
--delay|connect=soon|not a length of time: <soon>
--close|quit|unknown stage <quit>; negotiate, .* are known
--garbage|x|unknown stage
--partial|x|unknown stage
--hang|data:x|data has no text
--fail-every|0|0 is no number of sessions
CASES
}
