#!/bin/sh
# start-postfix.sh DIR SMTP_PORT [MILTER_SPEC...]
#
# A private postfix: smtpd on 127.0.0.1:SMTP_PORT, everything below DIR.
# MILTER_SPEC: /path, unix:/path, inet:PORT@HOST, inet:HOST:PORT, PORT, or a
# literal postfix "{ inet:..., default_action=accept }".
# Delivery: every recipient goes to the maildir DIR/mail/inbox/new (one file a
# recipient; Return-Path, X-Original-To and Delivered-To tell the envelope).
#
# Environment:
#   RELAY=HOST:PORT        hand everything to that SMTP server instead
#   RELAY=discard          accept and drop everything (load tests)
#   DEFAULT_ACTION=tempfail    milter_default_action (accept reject quarantine)
#   MILTER_TIMEOUT=20s     milter_command_timeout and milter_content_timeout
#   SASL=unix-socket-path  dovecot auth socket: AUTH offered (start-dovecot-auth.sh)
#   TLS=no                 no STARTTLS (default: self-signed certificate)
#   MAXPROC=20             smtpd process limit
#   EXTRA='a=b
#          c=d'            more main.cf lines, appended last
#   MORE_PORTS='PORT [NAME=VALUE] SPEC...
#               ...'       more smtpds, each with milters (and one setting) of its own
#   EXTRA_IPV6=1           listen on [::1] too
# Must be run by root.  Log: DIR/mail.log.  Stop: stop.sh DIR.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need postfix postfix postconf
need openssl openssl
[ $# -ge 2 ] || die "usage: $0 DIR SMTP_PORT [MILTER_SPEC...]"
D=$(absdir "$1"); PORT=$2; shift 2
halt "$D" postfix
check_sock "$PORT"
SBIN=/usr/lib/postfix/sbin

# milter_list SPEC... : as smtpd_milters wants it
milter_list() {
    _list=
    for m; do _list="$_list${_list:+,}$(pspec "$m")"; done
    echo "$_list"
}

more_ports() {
    printf '%s' "${MORE_PORTS:-}" | while read -r _port _specs; do
        _setting=
        case $_specs in
        [a-z]*_*=*) _setting="-o ${_specs%% *}"; _specs=${_specs#"${_specs%% *}"} ;;
        esac
        # shellcheck disable=SC2086
        echo "127.0.0.1:$_port inet n - n - ${MAXPROC:-20} smtpd $_setting -o smtpd_milters=$(milter_list $_specs)"
    done
}

milters=$(milter_list "$@")

mkdir -p "$D/etc" "$D/queue" "$D/data" "$D/mail"
chown root "$D/etc" "$D/queue"; chmod 755 "$D/etc" "$D/queue"
chown postfix "$D/data"; chmod 700 "$D/data"
chown nobody "$D/mail"; chmod 755 "$D/mail"

if [ "${TLS:-yes}" != no ] && [ ! -s "$D/etc/key.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -days 30 -subj /CN=mx.example.test -addext subjectAltName=DNS:mx.example.test,IP:127.0.0.1 \
        -keyout "$D/etc/key.pem" -out "$D/etc/cert.pem" 2>"$D/openssl.log"
    chmod 600 "$D/etc/key.pem"
fi

cat >"$D/etc/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $D/queue
data_directory = $D/data
daemon_directory = $SBIN
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = $D/mail.log
maillog_file_prefixes = $D
myhostname = mx.example.test
mydomain = example.test
myorigin = example.test
mydestination =
mynetworks = 127.0.0.0/8, [::1]/128
inet_interfaces = loopback-only
inet_protocols = $([ -n "${EXTRA_IPV6:-}" ] && echo all || echo ipv4)
alias_maps =
alias_database =
local_recipient_maps =
# no resolver is ever asked
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_client_restrictions =
smtpd_recipient_restrictions = check_recipient_access inline:{{refused@other.test=REJECT not wanted here}}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8, [::1]/128
smtpd_authorized_xforward_hosts = 127.0.0.0/8, [::1]/128
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_error_sleep_time = 0
enable_long_queue_ids = yes
smtputf8_enable = yes
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_milters = $milters
non_smtpd_milters = $milters
milter_protocol = 6
milter_default_action = ${DEFAULT_ACTION:-tempfail}
milter_connect_timeout = 5s
milter_command_timeout = ${MILTER_TIMEOUT:-20s}
milter_content_timeout = ${MILTER_TIMEOUT:-20s}
EOF
case ${RELAY:-} in
'') cat >>"$D/etc/main.cf" <<EOF
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = $D/mail
virtual_minimum_uid = 100
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
EOF
    ;;
discard) cat >>"$D/etc/main.cf" <<EOF
relay_domains = static:all
relay_transport = discard:
default_transport = discard:
EOF
    ;;
*) cat >>"$D/etc/main.cf" <<EOF
relay_domains = static:all
relay_transport = smtp:[${RELAY%:*}]:${RELAY##*:}
default_transport = smtp:[${RELAY%:*}]:${RELAY##*:}
smtp_tls_security_level = none
smtp_connection_cache_on_demand = no
EOF
    ;;
esac
if [ "${TLS:-yes}" != no ]; then cat >>"$D/etc/main.cf" <<EOF
smtpd_tls_security_level = may
smtpd_tls_cert_file = $D/etc/cert.pem
smtpd_tls_key_file = $D/etc/key.pem
smtpd_tls_loglevel = 1
smtpd_tls_ask_ccert = yes
EOF
fi
if [ -n "${SASL:-}" ]; then cat >>"$D/etc/main.cf" <<EOF
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $SASL
smtpd_sasl_security_options = noanonymous
smtpd_tls_auth_only = no
broken_sasl_auth_clients = yes
EOF
fi
[ -z "${EXTRA:-}" ] || printf '%s\n' "$EXTRA" >>"$D/etc/main.cf"

cat >"$D/etc/master.cf" <<EOF
127.0.0.1:$PORT inet n - n - ${MAXPROC:-20} smtpd
${EXTRA_IPV6:+[::1]:$PORT inet n - n - ${MAXPROC:-20} smtpd}
$(more_ports)
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
EOF

: >"$D/mail.log"; chmod 644 "$D/mail.log"
# Postfix waits until a file it reads is 2 s old ("cool down"); back-date ours.
touch -d '10 seconds ago' "$D/etc/main.cf" "$D/etc/master.cf"
# The queue directories (`postfix check' would make them, more slowly).
# master stays in the foreground, in a session of its own, and takes all its
# children down with SIGTERM.
cd "$D/queue"
install -d -m 755 -o root pid
install -d -m 700 -o postfix active bounce corrupt defer deferred flush hold incoming private saved trace
install -d -m 730 -o postfix -g postdrop maildrop
install -d -m 710 -o postfix -g postdrop public
spawn "$D" postfix "$SBIN/master" -d -c "$D/etc"
wait_for "$D" postfix 15 listening "$PORT"
