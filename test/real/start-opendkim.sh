#!/bin/sh
# start-opendkim.sh DIR SOCKET
# opendkim that signs mail from example.test sent by 127.0.0.1 (and not by any
# other client address: use XCLIENT to get a verify) and verifies the rest.
# A fresh RSA key (selector `live') is made in DIR; DIR/live.txt has its TXT
# value.  No DNS: keys come from DIR/dnsdata (`NAME TXT-VALUE' lines), which
# starts with the live key and the one that signed mails/dkim-signed.eml.
#   MODE=sv   s, v or sv
#   BADKEY=reject   On-BadSignature (accept tempfail discard reject)
#   EXTRA='Name value...'  more configuration lines
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need opendkim opendkim
need openssl openssl
D=$(absdir "$1"); SOCK=$2
halt "$D" opendkim
check_sock "$SOCK"
if [ ! -s "$D/live.pem" ]; then
    openssl genrsa -out "$D/live.pem" 2048 2>/dev/null
    chmod 600 "$D/live.pem"
fi
echo "v=DKIM1; k=rsa; p=$(openssl rsa -in "$D/live.pem" -pubout -outform DER 2>/dev/null | base64 -w0)" >"$D/live.txt"
{
    echo "live._domainkey.example.test $(cat "$D/live.txt")"
    [ ! -s "$MAILS/test._domainkey.txt" ] ||
        echo "test._domainkey.example.test $(cat "$MAILS/test._domainkey.txt")"
} >"$D/dnsdata"
echo "live example.test:live:$D/live.pem" >"$D/keytable"
echo "*@example.test live" >"$D/signingtable"
case $(mspec "$SOCK") in
unix:*) S=local:${SOCK#unix:} ;;
*) S=$(mspec "$SOCK") ;;
esac
cat >"$D/opendkim.conf" <<EOF
Socket              $S
UMask               000
Mode                ${MODE:-sv}
Canonicalization    relaxed/simple
KeyTable            $D/keytable
SigningTable        refile:$D/signingtable
RequireSafeKeys     no
InternalHosts       127.0.0.1
TestDNSData         file:$D/dnsdata
TemporaryDirectory  $D
Syslog              no
AuthservID          mx.example.test
AlwaysAddARHeader   yes
On-BadSignature     ${BADKEY:-accept}
SoftwareHeader      no
${EXTRA:-}
EOF
spawn "$D" opendkim opendkim -f -x "$D/opendkim.conf"
wait_for "$D" opendkim 10 listening "$SOCK"
