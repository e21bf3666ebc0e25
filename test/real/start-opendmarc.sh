#!/bin/sh
# start-opendmarc.sh DIR SOCKET DNSDIR
# opendmarc that checks SPF itself, takes opendkim's Authentication-Results (id
# mx.example.test) and refuses what the policy says.  DNSDIR is the directory of
# a running start-dns.sh.  Clients in 127.0.0.0/8 are not checked: use XCLIENT.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need opendmarc opendmarc
need util-linux unshare
D=$(absdir "$1"); SOCK=$2; DNS=$(cd "$3" && pwd -P)
halt "$D" opendmarc
check_sock "$SOCK"
S=$(mspec "$SOCK")
cat >"$D/opendmarc.conf" <<EOF
Socket              $(echo "$S" | sed 's/^unix:/local:/')
UMask               000
AuthservID          mx.example.test
TrustedAuthservIDs  mx.example.test
RejectFailures      true
SPFSelfValidate     true
SPFIgnoreResults    true
SoftwareHeader      true
Syslog              false
DNSTimeout          2
HistoryFile         $D/history
EOF
spawn "$D" opendmarc "$REAL/with-dns.sh" "$DNS" opendmarc -f -c "$D/opendmarc.conf"
wait_for "$D" opendmarc 10 listening "$SOCK"
