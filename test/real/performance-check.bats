#!/usr/bin/env bats
# milter-performance-check against Postfix: in plain text, with TLS, logged in by Dovecot, as
# another client, in pieces; what arrives is what was sent, and refusals of a filter are counted.

load helper

setup_file() {
    open_work
    start dovecot-auth "$WORK/dovecot"
    start test-client "$WORK/filter" "$WORK/filter/s.sock" --no-report-request \
        --action 'envelope-from:*refused@*=reply:550 5.7.1 not from there' \
        --action 'envelope-recipient:*later@*=temporary-failure' \
        --action 'header:X-Bad*=reject' \
        --action 'end-of-header=continue'
    local name
    for name in port port.filter port.tls port.proxy; do
        free_port >"$WORK/$name"
    done
    SASL=$WORK/dovecot/auth.sock \
        MORE_PORTS="$(cat "$WORK/port.filter") $WORK/filter/s.sock
$(cat "$WORK/port.tls") smtpd_tls_wrappermode=yes
$(cat "$WORK/port.proxy") smtpd_upstream_proxy_protocol=haproxy
" EXTRA='local_header_rewrite_clients =
inet_protocols = all' \
        start postfix "$WORK/postfix" "$(cat "$WORK/port")"
}

teardown_file() { close_work; }

setup() {
    skip_if_missing
    BOX=$WORK/postfix/mail/inbox/new
    LOG=$WORK/postfix/mail.log
    rm -rf "$WORK/postfix/mail/inbox"
    : >"$LOG"
    # Of the fixtures those that Postfix hands on unchanged.
    FILES=()
    local name
    for name in plain plain-crlf multipart folded eightbit latin1 long-header dots empty-body no-final-newline; do
        FILES+=("$MAILS/$name.eml")
    done
}

# check [OPTION...] : a run against Postfix; its output is in $WORK/out, its complaints in $WORK/err
check() {
    local status=0
    timeout 60 "$MILTER_BUILD_DIR/bin/milter-performance-check" --smtp-server="127.0.0.1:${PORT:-$(cat "$WORK/port")}" \
        --force-from=from@example.test --force-recipient="${TO:-to@other.test}" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    if [ "$status" != 0 ]; then
        cat "$WORK/out" "$WORK/err" >&2
    fi
    return "$status"
}

# all_well MAILS : nothing has failed
all_well() {
    has "$WORK/out" "^      N mails: +$1\$"
    has "$WORK/out" '^ Temporary failure:   0 '
    has "$WORK/out" '^            Reject:   0 '
    has "$WORK/out" '^             Error:   0 '
    [ ! -s "$WORK/err" ] || { cat "$WORK/err" >&2; return 1; }
}

# delivers OPTION... : all files arrive, byte for byte
delivers_files() {
    check "${FILES[@]}" "$@"
    all_well "${#FILES[@]}"
    "$REAL/same-content.py" "$BOX" "${FILES[@]}"
}

@test "in plain text, one mail after the other" {
    delivers_files --starttls=disable
    lacks "$LOG" 'TLS connection established'
}

@test "STARTTLS, because it is offered" {
    delivers_files --n-concurrent-connections=3
    has "$LOG" 'TLS connection established.*TLSv1\.3'
}

@test "STARTTLS with a verified certificate" {
    delivers_files --starttls=always --tls-verify --tls-ca="$WORK/postfix/etc/cert.pem"
    run check --n-mails=1 --starttls=always --tls-verify --fail-on=error
    [ "$status" = 1 ]
    has "$WORK/err" '[Cc]ertificate'
}

@test "implicit TLS" {
    PORT=$(cat "$WORK/port.tls") delivers_files --tls-wrapper
}

@test "pipelining, several mails on a connection" {
    delivers_files --starttls=disable --pipelining --messages-per-connection=4
    [ "$(grep -c ' connect from' "$LOG")" = 3 ]
}

@test "chunking" {
    "$MAILS/gen-large.sh" 3000000 >"$WORK/large.eml"
    FILES+=("$WORK/large.eml")
    delivers_files --chunking --starttls=disable
    has "$LOG" 'client=.*' # it took them
    FILES=("$WORK/large.eml" "$MAILS/dots.eml")
    delivers_files --chunking --pipelining --messages-per-connection=2
}

@test "names in UTF-8" {
    TO='bøb@other.test' check "$MAILS/smtputf8.eml" --n-mails=1 --force-from='änn@example.test'
    all_well 1
    "$REAL/same-content.py" "$BOX" "$MAILS/smtputf8.eml"
}

# logs_in MECHANISM NAME-IN-THE-LOG
logs_in() {
    check --n-mails=2 --auth-user=alice --auth-password=secret --auth-mechanism="$1"
    all_well 2
    [ "$(grep -c "sasl_method=$2, sasl_username=alice" "$LOG")" = 2 ] || { cat "$LOG" >&2; return 1; }
}

@test "logging in with PLAIN" { logs_in plain PLAIN; }
@test "logging in with LOGIN" { logs_in login LOGIN; }
@test "logging in with CRAM-MD5" { logs_in cram-md5 CRAM-MD5; }
@test "logging in with SCRAM-SHA-256" { logs_in scram-sha-256 SCRAM-SHA-256; }

@test "logging in as the file of accounts says, with a mechanism of its own choice" {
    echo "127.0.0.1:$(cat "$WORK/port") alice:secret" >"$WORK/map"
    check --n-mails=1 --auth-map="$WORK/map"
    all_well 1
    has "$LOG" 'sasl_username=alice'
}

@test "a wrong password is refused and counted" {
    check --n-mails=1 --auth-user=alice --auth-password=wrong --auth-mechanism=plain --report-failure-responses
    has "$WORK/out" '^            Reject:   1 \(100\.00%\)'
    has "$WORK/out" '^  1 535 5\.7\.8'
}

@test "XCLIENT: as another client" {
    check --n-mails=1 --connect-host=client.example.net --connect-address=192.0.2.7 --xclient=HELO=other.example.net \
        --auth-user=alice --auth-password=secret
    all_well 1
    has "$LOG" 'client=client\.example\.net\[192\.0\.2\.7\]'
    # an address in IPv6, and the user's name instead of logging in
    check --n-mails=1 --connect-host=six.example.net --connect-address=2001:db8::7 --xclient=LOGIN=bob
    all_well 1
    has "$LOG" 'client=six\.example\.net\[2001:db8::7\]'
    has "$LOG" 'sasl_username=bob'
}

@test "the PROXY protocol: as another client" {
    local version
    for version in v1 v2; do
        PORT=$(cat "$WORK/port.proxy") check --n-mails=1 --proxy-protocol=$version --proxy-source=127.0.0.9:4711
        all_well 1
        has "$LOG" 'client=.*\[127\.0\.0\.9\]'
        : >"$LOG"
    done
}

@test "what a filter refuses is counted right" {
    PORT=$(cat "$WORK/port.filter")
    mkdir -p "$WORK/mixed"
    local number
    for number in 1 2 3 4 5 6; do
        { echo "X-Number: $number"; cat "$MAILS/plain.eml"; } >"$WORK/mixed/good$number.eml"
    done
    { echo 'X-Bad: yes'; cat "$MAILS/plain.eml"; } >"$WORK/mixed/bad.eml"
    check "$WORK/mixed" --report-failure-responses --pipelining
    has "$WORK/out" '^      N mails:      7$'
    has "$WORK/out" '^            Reject:   1 \( 14\.29%\)'
    has "$WORK/out" '^ Temporary failure:   0 '
    in_order "$WORK/out" '^Rejected mails:' '/bad\.eml$' '^Total:'
    "$REAL/same-content.py" "$BOX" "$WORK"/mixed/good*.eml
    check --n-mails=3 --force-from=refused@example.test --report-failure-responses
    has "$WORK/out" '^            Reject:   3 \(100\.00%\)'
    has "$WORK/out" '^  3 550 5\.7\.1 not from there$'
    TO=later@other.test check --n-mails=3 --report-failure-responses --chunking --pipelining
    has "$WORK/out" '^ Temporary failure:   3 \(100\.00%\)'
    has "$WORK/out" '^  3 4[0-9][0-9] '
    TO=later@other.test run check --n-mails=1 --fail-on=4xx
    [ "$status" = 1 ]
}

@test "what Postfix itself refuses is counted right, other recipients get their mail" {
    check --n-mails=2 --force-recipient=refused@other.test --pipelining
    has "$WORK/out" '^             Error:   0 '
    arrived "$WORK/postfix" 2
    has "$WORK/arrived" '^X-Original-To: to@other.test'
}

@test "Postfix is not there any more: counted, named, no waiting" {
    PORT=$(free_port)
    check --n-mails=5 --report-failure-responses
    has "$WORK/out" '^             Error:   5 \(100\.00%\)'
    has "$WORK/err" "127\.0\.0\.1:$PORT.*refused"
}

@test "smtp-sink takes a few hundred mails beside smtp-source" {
    run "${REAL%/real}/bench/performance-check.sh" -r 1 -n 500 -c 20
    echo "$output"
    [ "$status" = 0 ]
    [[ $output =~ 'median ratio: '([0-9]+)\.([0-9][0-9]) ]]
    # Not a measurement, which this machine may be too busy for: only that nothing waits.
    [ "$((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]}))" -ge 10 ]
}
