#!/usr/bin/env bats
# A filter dies (kill -9) at every stage, hangs, or is not there: the mail gets that
# filter's fallback, the other filters' work is kept, the next mail is fine.
#
# Three filters on the C library, first, middle and last, obey only words addressed
# to them; middle is the one that dies.  One manager for each fallback_status.

load helper

setup_file() {
    local fallback ports=
    open_work
    NAME=first start magic "$WORK/children" "$WORK/children/first.sock" -a
    NAME=last start magic "$WORK/children" "$WORK/children/last.sock" -a
    revive
    for fallback in accept reject temporary-failure discard; do
        manager "$fallback" "$(
            child first "$WORK/children/first.sock" 'fallback_status = "temporary-failure"'
            child middle "$WORK/children/middle.sock" "fallback_status = \"$fallback\"" \
                'reading_timeout = 1' 'end_of_message_timeout = 1'
            child last "$WORK/children/last.sock" 'fallback_status = "temporary-failure"'
        )"
        free_port >"$WORK/port.$fallback"
        ports+="$(cat "$WORK/port.$fallback") $WORK/$fallback.sock"$'\n'
    done
    manager only "$(child middle "$WORK/children/middle.sock")"
    free_port >"$WORK/port.only"
    ports+="$(cat "$WORK/port.only") $WORK/only.sock"$'\n'
    MORE_PORTS=$ports start postfix "$WORK/postfix" "$(free_port)"
}

teardown_file() {
    close_work
}

setup() {
    skip_if_missing
    rm -rf "$WORK/postfix/mail/inbox"
}

# revive : the filter that dies runs (again)
revive() {
    NAME=middle start magic "$WORK/children" "$WORK/children/middle.sock" -a
}

kill_middle() {
    kill -9 "$(cat "$WORK/children/middle.pid")"
}

# deadly STAGE PORT [VERB] : sends the mail that makes middle do VERB at STAGE; as `send'
deadly() {
    local verb=${3:-crash} mail="$MAILS/plain.eml" options=() recipient=bob@other.test
    case $1 in
    connect) options=(-x "ADDR=192.0.2.9 NAME=middle-$verb.example.net") ;;
    helo) options=(-H "middle-$verb.example.net") ;;
    mail) options=(-f "middle-$verb@example.test") ;;
    rcpt) recipient=middle-$verb@other.test ;;
    data | eoh) options=(-f "middle-$1-$verb@example.test") ;;
    header) words plain "X-Magic-Now-middle: $verb" >"$WORK/deadly.eml" ;;
    body) cat "$mail" - <<<"middle-body-$verb" >"$WORK/deadly.eml" ;;
    eom) words plain 'X-Magic-middle: add-header X-Lost lost' "X-Magic-middle: $verb" >"$WORK/deadly.eml" ;;
    esac
    case $1 in
    header | body | eom) mail=$WORK/deadly.eml ;;
    esac
    send "${options[@]}" "$2" "$recipient" <"$mail"
}

# next_is_fine PORT : all three see the next mail
next_is_fine() {
    revive
    send "$1" bob@other.test <"$MAILS/plain.eml"
    arrived "$WORK/postfix" 1
    in_order "$WORK/arrived" 'X-Magic-Seen: name=first ' 'X-Magic-Seen: name=middle ' 'X-Magic-Seen: name=last '
}

others_worked() {
    arrived "$WORK/postfix" 1
    in_order "$WORK/arrived" 'X-Magic-Seen: name=first ' 'X-Magic-Seen: name=last '
    lacks "$WORK/arrived" 'X-Magic-Seen: name=middle|^X-Lost:'
}

# dies STAGE FALLBACK : and what is to come of it
dies() {
    local port
    port=$(cat "$WORK/port.$2")
    deadly "$1" "$port"
    grep -q '  crash' "$WORK/children/middle.events"
    case $2 in
    accept)
        replied '^<- 250 2.0.0 Ok: queued'
        others_worked
        ;;
    reject)
        replied '^<- 5'
        quiet "$WORK/postfix"
        ;;
    temporary-failure)
        replied '^<- 4'
        quiet "$WORK/postfix"
        ;;
    discard)
        replied '^<- 250 2.0.0 Ok: queued'
        lacks "$WORK/dialogue" '^<- [45]'
        quiet "$WORK/postfix"
        ;;
    esac
    next_is_fine "$port"
}

@test "killed at connect, fallback accept" { dies connect accept; }
@test "killed at connect, fallback reject" { dies connect reject; }
@test "killed at connect, fallback temporary-failure" { dies connect temporary-failure; }
@test "killed at helo, fallback accept" { dies helo accept; }
@test "killed at helo, fallback reject" { dies helo reject; }
@test "killed at helo, fallback temporary-failure" { dies helo temporary-failure; }
@test "killed at mail, fallback accept" { dies mail accept; }
@test "killed at mail, fallback reject" { dies mail reject; }
@test "killed at mail, fallback temporary-failure" { dies mail temporary-failure; }
@test "killed at mail, fallback discard" { dies mail discard; }
@test "killed at rcpt, fallback accept" { dies rcpt accept; }
@test "killed at rcpt, fallback reject" { dies rcpt reject; }
@test "killed at rcpt, fallback temporary-failure" { dies rcpt temporary-failure; }
@test "killed at data, fallback accept" { dies data accept; }
@test "killed at data, fallback reject" { dies data reject; }
@test "killed at data, fallback temporary-failure" { dies data temporary-failure; }
@test "killed at a header, fallback accept" { dies header accept; }
@test "killed at a header, fallback reject" { dies header reject; }
@test "killed at a header, fallback temporary-failure" { dies header temporary-failure; }
@test "killed at a header, fallback discard" { dies header discard; }
@test "killed at end of header, fallback accept" { dies eoh accept; }
@test "killed at end of header, fallback reject" { dies eoh reject; }
@test "killed at end of header, fallback temporary-failure" { dies eoh temporary-failure; }
@test "killed in the body, fallback accept" { dies body accept; }
@test "killed in the body, fallback reject" { dies body reject; }
@test "killed in the body, fallback temporary-failure" { dies body temporary-failure; }
@test "killed at end of message, fallback accept: its half-done edits are dropped" { dies eom accept; }
@test "killed at end of message, fallback reject" { dies eom reject; }
@test "killed at end of message, fallback temporary-failure" { dies eom temporary-failure; }
@test "killed at end of message, fallback discard" { dies eom discard; }

# dies_idle STEP FALLBACK PATTERN : killed between STEP and the next command
dies_idle() {
    local port
    port=$(cat "$WORK/port.$2")
    send -k "$1:$WORK/children/middle.pid" "$port" bob@other.test <"$MAILS/plain.eml"
    replied "$3"
    if [ "$2" = accept ]; then
        others_worked
    else
        quiet "$WORK/postfix"
    fi
    next_is_fine "$port"
}

@test "killed while idle after helo, fallback accept" { dies_idle helo accept '^<- 250 2.0.0 Ok: queued'; }
@test "killed while idle after helo, fallback reject" { dies_idle helo reject '^<- 550'; }
@test "killed while idle after helo, fallback temporary-failure" { dies_idle helo temporary-failure '^<- 451'; }
@test "killed while idle after mail, fallback accept" { dies_idle mail accept '^<- 250 2.0.0 Ok: queued'; }
@test "killed while idle after mail, fallback reject" { dies_idle mail reject '^<- 550'; }
@test "killed while idle after mail, fallback temporary-failure" { dies_idle mail temporary-failure '^<- 451'; }
@test "killed while idle after rcpt, fallback accept" { dies_idle rcpt accept '^<- 250 2.0.0 Ok: queued'; }
@test "killed while idle after rcpt, fallback reject" { dies_idle rcpt reject '^<- 550'; }
@test "killed while idle after rcpt, fallback temporary-failure" { dies_idle rcpt temporary-failure '^<- 451'; }
@test "killed while idle after data, fallback accept" { dies_idle data accept '^<- 250 2.0.0 Ok: queued'; }
@test "killed while idle after data, fallback temporary-failure" { dies_idle data temporary-failure '^<- 451'; }

@test "killed in the first of three messages of a session, fallback accept: the others get all but its edits" {
    local port
    port=$(cat "$WORK/port.accept")
    send -n 3 "$port" bob@other.test < <(words plain 'X-Magic-Now-middle: crash')
    [ "$(grep -c '^<- 250 2.0.0 Ok: queued' "$WORK/dialogue")" = 3 ]
    arrived "$WORK/postfix" 3
    [ "$(grep -c 'X-Magic-Seen: name=first ' "$WORK/arrived")" = 3 ]
    [ "$(grep -c 'X-Magic-Seen: name=last ' "$WORK/arrived")" = 3 ]
    lacks "$WORK/arrived" 'X-Magic-Seen: name=middle'
    next_is_fine "$port"
}

@test "killed at one recipient of three, fallback reject: that one is refused, the mail arrives" {
    local port
    port=$(cat "$WORK/port.reject")
    send "$port" bob@other.test middle-crash@other.test carol@other.test <"$MAILS/plain.eml"
    [ "$(grep -c '^<- 550' "$WORK/dialogue")" = 1 ]
    arrived "$WORK/postfix" 2
    [ "$(grep -c 'X-Magic-Seen: name=last ' "$WORK/arrived")" = 2 ]
    lacks "$WORK/arrived" 'X-Magic-Seen: name=middle'
    next_is_fine "$port"
}

@test "the only filter dies, fallback accept: the mail passes as it is" {
    local port
    port=$(cat "$WORK/port.only")
    deadly header "$port"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    lacks "$WORK/arrived" 'X-Magic-Seen'
    revive
    send "$port" bob@other.test <"$MAILS/plain.eml"
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" 'X-Magic-Seen: name=middle '
}

# hangs STAGE FALLBACK : longer than its time-out
hangs() {
    local port
    port=$(cat "$WORK/port.$2")
    SECONDS=0
    deadly "$1" "$port" sleep4
    [ $SECONDS -le 3 ]
    case $2 in
    accept)
        replied '^<- 250 2.0.0 Ok: queued'
        others_worked
        ;;
    *)
        replied '^<- 4'
        quiet "$WORK/postfix"
        ;;
    esac
    kill_middle
    next_is_fine "$port"
}

@test "hangs at mail, fallback accept" { hangs mail accept; }
@test "hangs at mail, fallback temporary-failure" { hangs mail temporary-failure; }
@test "hangs at a header, fallback accept" { hangs header accept; }
@test "hangs at end of message, fallback accept" { hangs eom accept; }
@test "hangs at end of message, fallback temporary-failure" { hangs eom temporary-failure; }

# absent FALLBACK PATTERN : nobody listens
absent() {
    local port
    port=$(cat "$WORK/port.$1")
    kill_middle
    SECONDS=0
    send "$port" bob@other.test <"$MAILS/plain.eml"
    [ $SECONDS -le 2 ]
    replied "$2"
    if [ "$1" = accept ]; then
        others_worked
    else
        quiet "$WORK/postfix"
    fi
    next_is_fine "$port"
}

@test "not running, fallback accept: no waiting" { absent accept '^<- 250 2.0.0 Ok: queued'; }
@test "not running, fallback reject: no waiting" { absent reject '^<- 5'; }
@test "not running, fallback temporary-failure: no waiting" { absent temporary-failure '^<- 4'; }

@test "Postfix had nothing to complain of" {
    lacks "$WORK/postfix/mail.log" 'warning: milter'
}
