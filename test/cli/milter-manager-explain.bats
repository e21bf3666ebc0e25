#!/usr/bin/env bats
# milter-manager --explain: what would happen to a mail, and that it is what
# happens to one.
# shellcheck disable=SC2030,SC2031,SC2154 # bats runs each test in a subshell, and sets stderr

bats_require_minimum_version 1.5.0

setup() {
    load tools.bash
    tools_setup
    MANAGER=$BIN/milter-manager
    CONF=$DIR/conf
    MAIN=$CONF/milter-manager.conf
    mkdir "$CONF"
    unset MILTER_MANAGER_CONFIG_DIR MILTER_DEFAULT_CONNECTION_SPEC MILTER_LOG_LEVEL
}

teardown() {
    tools_teardown
}

# The configuration, from standard input; nothing of it goes to syslog.
configure() {
    { echo 'log.use_syslog = false' && cat; } >"$MAIN"
}

# milters NAME[=CONDITION,...]... : appended to the configuration, with sockets of their own
milters() {
    local milter name conditions
    for milter; do
        name=${milter%%=*}
        conditions=${milter#"$name"}
        conditions=${conditions#=}
        cat >>"$MAIN" <<RUBY
define_milter("$name") do |milter|
  milter.connection_spec = "unix:$DIR/$name.sock"
  milter.applicable_conditions = "$conditions".split(",")
end
RUBY
    done
}

explain() {
    run --separate-stderr timeout 30 "$MANAGER" -c "$CONF" --explain "$@"
}

# The output from the line that begins with HEADING to the next empty one.
section() {
    sed -n "/^$1/,/^\$/p" <<<"$output"
}

decisions() {
    section Decisions | sed -n 's/^  //p' | grep -v '^none$' || true
}

# ---- the scenario

@test "what is not said is a default, and marked as one" {
    configure </dev/null
    explain --helo-fqdn me.example.net --envelope-recipient a@x --envelope-recipient b@x
    assert_success
    assert_line "  client     mx.example.net (default)"
    assert_line "  address    inet:50443@[192.168.123.123] (default)"
    assert_line "  helo       me.example.net"
    assert_line "  recipient  <a@x>"
    assert_line "  recipient  <b@x>"
    assert_line "  body       71 bytes (default)"
    assert_line --partial 'macros     {daemon_name}="milter-manager", '
    assert_equal "$(section Milters)" "Milters, in the order of the configuration:
  none"
}

@test "a mail says sender, recipients, header and body, also on standard input" {
    configure </dev/null
    printf 'From: Me <from@x>\nTo: to@x\nSubject: \033[31mred\n\nabc\n' >"$DIR/mail"
    explain --mail-file "$DIR/mail" --envelope-from "$(printf '<a\033@x>')"
    assert_success
    assert_line '  sender     <a\x1b@x>'
    assert_line "  recipient  <to@x> (from the mail)"
    assert_line "  header     3 fields (from the mail)"
    assert_line "  body       3 bytes (from the mail)"
    run --separate-stderr "$MANAGER" -c "$CONF" --explain --mail-file - <"$DIR/mail"
    assert_line "  sender     <from@x> (from the mail)"
}

@test "macros reach the conditions: given, of the authentication, of the recipient" {
    configure <<'RUBY'
define_applicable_condition("Told") do |condition|
  condition.define_envelope_recipient_stopper do |context, recipient|
    context["told"] = [context["i"], context["auth_authen"], context["rcpt_addr"],
                       context["client_name"], context.authenticated?, context.postfix?].inspect
    false
  end
end
RUBY
    milters a=Told
    explain --macro i=QUEUE --authenticated-name joe --macro connect:client_name=mx \
        --macro "v=Postfix 3.7"
    assert_success
    assert_line '    macro set by a condition: told = "["QUEUE", "joe", "<receiver@example.org>", "mx", true, true]" at envelope-recipient'
    assert_line '  macros     {auth_authen}="joe", i="QUEUE" at envelope-from'
}

@test "mistakes are one sentence and status 1" {
    configure </dev/null
    milters known
    refused() {
        local message=$1
        shift
        run --separate-stderr "$MANAGER" -c "$CONF" "$@"
        assert_failure 1
        assert_equal "$output" ""
        assert_equal "$stderr" "milter-manager: $message"
    }
    refused "--helo-fqdn: only goes with --explain" --helo-fqdn x
    refused "--assume: only goes with --explain" --assume a=b --show-config
    refused "--explain: does not go with --show-config" --explain --show-config
    refused "--mail-file: $DIR/none does not exist." --explain --mail-file "$DIR/none"
    refused '--assume: there is no milter "unknown"; the configuration has ["known"]' \
        --explain --assume unknown=reject
    printf 'define_milter("off") { |milter| milter.enabled = false }\n' >>"$MAIN"
    refused '--assume: the milter "off" is not enabled: it answers nothing' \
        --explain --assume off=reject
    echo 'manager.daemon = 3' >"$MAIN"
    refused "$MAIN:1: manager.daemon should be one of [true, false] but was 3" --explain
}

@test "nothing is listened on, written, or asked" {
    configure <<RUBY
manager.connection_spec = "unix:$DIR/manager.sock"
manager.pid_file = "$DIR/pid"
manager.daemon = true
manager.record_sessions = "$DIR/records"
log.path = "$DIR/log"
RUBY
    mkdir "$DIR/records"
    milters a
    # A listener that would tell.
    "$CLIENT" -s "unix:$DIR/a.sock" >"$DIR/a.out" 2>&1 3>&- &
    PEERS+=($!)
    wait_until test -S "$DIR/a.sock"
    explain
    assert_success
    assert_line "  the session would be kept"
    assert [ ! -e "$DIR/manager.sock" ]
    assert [ ! -e "$DIR/pid" ]
    assert [ ! -e "$DIR/log" ]
    assert_equal "$(ls "$DIR/records")" ""
    assert_equal "$stderr" ""
    refute grep -q . "$DIR/a.out"
}

# ---- conditions

@test "each stage: who is stopped, by what, where, and what it has seen" {
    local stage arguments seen envelope="connect, helo, envelope-from, envelope-recipient"
    local header="$envelope, data, header (2 times)"
    while IFS='|' read -r stage arguments seen; do
        configure <<RUBY
define_applicable_condition("Stop") do |condition|
  condition.description = "Stops always"
  condition.define_${stage//-/_}_stopper do |context$arguments|
    true
  end
end
RUBY
        milters stopped=Stop fine
        explain
        assert_success
        assert_line "  stopped: STOPPED at $stage"
        assert_line "    condition \"Stop\": asked at $stage, stops it at $stage ($MAIN:4)"
        assert_line "      Stops always"
        assert_line "    it has seen: $seen"
        assert_line "  fine: RUNS: sees the message to its end and answers continue"
        assert_equal "$(decisions | grep -v '"fine"')" \
            "milter \"stopped\" is stopped at $stage by the condition \"Stop\" ($MAIN:4)"
    done <<STAGES
connect|, host, address|nothing
helo|, fqdn|connect
envelope-from|, from|connect, helo
envelope|, from, recipients|$envelope
data||$envelope
header|, name, value|$envelope, data
end-of-header||$header
body|, chunk|$header, end-of-header
end-of-message||$header, end-of-header, body
STAGES
}

@test "recipients: some, all" {
    configure <<'RUBY'
define_applicable_condition("Not b") do |condition|
  condition.define_envelope_recipient_stopper { |_, recipient| recipient.start_with?("<b") }
end
RUBY
    milters "first=Not b" second
    explain --envelope-recipient a@x --envelope-recipient b@x --envelope-recipient bb@x
    assert_success
    assert_line "  first: PARTLY: sees the message to its end, but not all recipients, and answers continue"
    assert_line "    condition \"Not b\": asked at envelope-recipient (3 times), stops it at envelope-recipient ($MAIN:3) for <b@x> <bb@x>"
    assert_equal "$(decisions | grep -c 'is stopped at envelope-recipient .* for <bb\?@x>$')" 2
    explain --envelope-recipient b@x
    assert_line "  first: STOPPED for every recipient"
    assert_line "  second: RUNS: sees the message to its end and answers continue"
}

@test "conditions that wait, raise and take too long" {
    configure <<'RUBY'
manager.condition_timeout = 0.2
define_applicable_condition("Waits") do |condition|
  condition.define_helo_stopper { |_, fqdn| sleep 0.05; fqdn == "stop" }
end
define_applicable_condition("Raises") do |condition|
  condition.define_header_stopper { |_, name, _| raise "no such #{name}" }
  condition.define_end_of_header_stopper { exit 3 }
end
define_applicable_condition("Late") do |condition|
  condition.define_connect_stopper { sleep }
end
RUBY
    milters a=Late,Waits,Raises
    explain --header X:1 --header X:2 --header From:a --header "To: b"
    assert_success
    assert_line "  a: RUNS: sees the message to its end and answers continue"
    assert_line '    condition "Late": asked at connect'
    assert_line "      at connect: no answer within 0.2 s: counts as no stop"
    assert_line '    condition "Waits": asked at helo, lets it pass'
    assert_line '    condition "Raises": asked at header (4 times), end-of-header'
    assert_line "      at header: $MAIN:7: no such X (RuntimeError): counts as no stop, 2 times"
    assert_line "      at header: $MAIN:7: no such To (RuntimeError): counts as no stop"
    assert_line "      at end-of-header: $MAIN:8: \"exit\" or \"abort\" would end the program; take it away: counts as no stop"
    assert_regex "$stderr" '\[condition\]\[error\]\[header\] "Raises" for milter "a"'
    explain --helo-fqdn stop
    assert_line "  a: STOPPED at helo"
    assert_line '    condition "Raises": not asked'
}

@test "a condition on another milter's answer" {
    configure <<'RUBY'
define_applicable_condition("If scanned") do |condition|
  condition.define_end_of_message_stopper { |context| !context.children["scanner"].accept? }
end
RUBY
    milters scanner "archive=If scanned"
    explain
    assert_line "  archive: STOPPED at end-of-message"
    explain --assume scanner=accept
    assert_line "  assumed    scanner accept at end-of-message"
    assert_line "  archive: RUNS: sees the message to its end and answers continue"
}

@test "assumed answers and failures" {
    configure <<'RUBY'
define_milter("b") { |milter| milter.fallback_status = "temporary-failure" }
define_milter("c") { |milter| milter.evaluation_mode = true }
RUBY
    milters a b c
    explain --assume b=reject@helo
    assert_line "  b: ANSWERED reject at helo and sees no more of the message"
    assert_line "  a: CUT OFF: the mail is over before"
    assert_line "  helo: reject"
    assert_line "  so the mail is refused"
    explain --assume b=failure
    assert_line "  assumed    b cannot be reached"
    assert_line "  b: FAILED at connect: its fallback temporary-failure counts"
    assert_line "  so the mail is refused for now"
    explain --assume b=failure@body
    assert_line "  b: FAILED at body: its fallback temporary-failure counts"
    assert_line "  b: FAILED at body: its fallback temporary-failure counts"
    explain --assume c=discard
    assert_line "  c: RUNS: sees the message to its end and answers discard (evaluation mode: not obeyed)"
    assert_line "  so the mail passes"
    explain --assume a=discard --assume a=accept
    assert_line "  a: RUNS: sees the message to its end and answers accept"
    explain --assume a=reject@envelope-recipient --envelope-recipient x@x --envelope-recipient y@x
    assert_line "  envelope-recipient: reject for <x@x>"
    assert_line "  envelope-recipient: reject for <y@x>"
    assert_line "  so the mail is refused"
}

@test "milters that take no part, and the order of the configuration" {
    configure <<'RUBY'
define_milter("off") do |milter|
  milter.enabled = false
  milter.connection_spec = "inet:1@localhost"
end
define_milter("nowhere")
RUBY
    milters last
    explain
    assert_success
    assert_equal "$(section Milters)" "Milters, in the order of the configuration:
  off: DISABLED (milter.enabled is false)
  nowhere: NOT USED (it has no milter.connection_spec)
  last: RUNS: sees the message to its end and answers continue"
}

@test "the conditions of the recording" {
    configure <<RUBY
manager.record_sessions = "$DIR"
define_applicable_condition("Private") do |condition|
  condition.define_envelope_from_stopper { |_, from| from == "<boss@x>" }
end
manager.record_sessions_conditions = ["Private"]
RUBY
    milters a
    explain
    assert_line "  the session would be kept"
    assert_line '    condition "Private": asked at envelope-from, lets it pass'
    explain --envelope-from boss@x
    assert_line "  the session would not be kept"
    assert_line "    condition \"Private\": asked at envelope-from, is against it at envelope-from ($MAIN:4)"
}

@test "the log: warnings on standard error; more, or elsewhere, when asked for" {
    configure <<'RUBY'
define_applicable_condition("Talks") do |condition|
  condition.define_helo_stopper { Milter::Logger.warning("well"); Milter::Logger.message("so"); false }
end
RUBY
    milters a=Talks
    explain
    assert_regex "$stderr" ': well$'
    explain --log-level +info
    assert_regex "$stderr" '\[explain\] \[1\] milter "a" answered at end-of-message: continue'
    explain --log-path "$DIR/log" --log-level message
    assert_equal "$stderr" ""
    grep -q ': so$' "$DIR/log"
}

# ---- the proof

# Three milters, a manager that logs, a mail server; sets real to the decisions
# in the log.  What the second milter does stands in SECOND.
real_decisions() {
    local name options
    for name in first second third; do
        options=()
        [[ $name != second ]] || read -ra options <<<"${SECOND:-}"
        "$CLIENT" -s "unix:$DIR/$name.sock" --no-report-request "${options[@]}" \
            >"$DIR/$name.out" 2>&1 3>&- &
        PEERS+=($!)
    done
    for name in first second third; do
        wait_until test -S "$DIR/$name.sock"
    done
    "$MANAGER" -c "$CONF" --no-daemon -s "unix:$DIR/manager.sock" --log-level info \
        >"$DIR/log" 2>"$DIR/errors" 3>&- &
    PEERS+=($!)
    wait_until test -S "$DIR/manager.sock"
    "$SERVER" -s "unix:$DIR/manager.sock" "$@" >/dev/null
    tools_teardown # an orderly end: the whole log is written
    PEERS=()
    rm -f "$DIR"/*.sock
    real=$(sed -n 's/.*\[explain\] \[[0-9]*\] //p' "$DIR/log")
}

@test "what it says is what the log of a real session says" {
    configure <<'RUBY'
load("applicable-conditions/*.conf")
define_applicable_condition("Slow") do |condition|
  condition.define_helo_stopper { |_, fqdn| sleep 0.02; fqdn == "slow" }
  condition.define_data_stopper { |context| raise "boom" if context["j"]; false }
end
define_applicable_condition("Some") do |condition|
  condition.define_envelope_recipient_stopper { |_, recipient| recipient == "<no@x>" }
  condition.define_envelope_stopper { |_, from, all| from == "<many@x>" && all.size > 1 }
  condition.define_header_stopper { |_, name, value| name == "X-Stop" && value == "now" }
  condition.define_body_stopper { |_, chunk| chunk.include?("STOP") }
end
define_applicable_condition("After") do |condition|
  condition.define_end_of_message_stopper do |context|
    context.children["second"].quitted? || context["told"] == "yes"
  end
  condition.define_envelope_from_stopper do |context, from|
    context["told"] = "yes" if from == "<told@x>"
    false
  end
end
RUBY
    milters "first=Remote Network,Slow" "second=Some,Unauthenticated" "third=After"
    printf 'From: many@x\nTo: a@x\nTo: no@x\nSubject: x\nX-Stop: now\n\nbody\n' >"$DIR/mail"
    local scenario real stopped=0 count=0
    while read -r scenario; do
        eval "set -- ${scenario//MAIL/$DIR/mail}"
        real_decisions "$@"
        explain "$@"
        assert_success
        assert_equal "$(decisions)" "$real"
        stopped=$((stopped + $(grep -c 'is stopped' <<<"$real")))
        count=$((count + 1))
    done <<'SCENARIOS'
--helo-fqdn fast
--helo-fqdn slow --connect-address inet:1@[8.8.8.8]
--connect-address inet:1@[8.8.8.8] --envelope-recipient a@x --envelope-recipient no@x
--connect-address unknown --envelope-recipient no@x
--connect-address inet6:1@[2001:db8::1] --mail-file MAIL
--envelope-from told@x --body STOP --body more
--authenticated-name joe --authenticated-type PLAIN
--envelope-from many@x --header 'X-Stop: now' --header 'X: y'
SCENARIOS
    ((count == 8 && stopped >= 14))
}

@test "what it says of assumed answers is what the log says of such milters" {
    configure <<'RUBY'
define_applicable_condition("After") do |condition|
  condition.define_end_of_message_stopper do |context|
    context.children["second"].reject? || context.children["second"].quitted?
  end
end
RUBY
    milters first second third=After
    echo 'define_milter("second") { |milter| milter.fallback_status = "temporary-failure" }' >>"$MAIN"
    local assumed real SECOND count=0
    while read -r assumed SECOND; do
        real_decisions --envelope-recipient a@x --envelope-recipient b@x
        explain --assume "second=$assumed" --envelope-recipient a@x --envelope-recipient b@x
        assert_success
        assert_equal "$(decisions)" "$real"
        grep -q second <<<"$real"
        count=$((count + 1))
    done <<'ASSUMPTIONS'
reject@connect --action connect=reject
accept@helo --action helo=accept
discard@envelope-from --action envelope-from=discard
temporary-failure@envelope-recipient --action envelope-recipient=temporary-failure
accept@envelope-recipient --action envelope-recipient=accept
accept@header --action header=accept
reject@body --action body=reject
accept --action end-of-message=accept
failure@helo --close helo
failure@end-of-message --close end-of-message
ASSUMPTIONS
    ((count == 10))
}
