#!/bin/sh
# start-dns.sh DIR [LOOPBACK_ADDRESS]
# A name server on port 53 of a loopback address (default 127.0.53.1) with the
# records of DIR/zone (made when missing), and DIR/resolv.conf naming it.  What
# runs below `with-dns.sh DIR CMD...' asks it.  Root only.
# The zone: example.test (SPF allows 192.0.2.0/24, DKIM selector `test', DMARC
# p=reject), nospf.test (nothing).
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need util-linux unshare
D=$(absdir "$1"); A=${2:-127.0.53.1}
halt "$D" dns
if [ ! -s "$D/zone" ]; then
    cat >"$D/zone" <<EOF
example.test A 192.0.2.10
example.test MX 10 mx.example.test
example.test TXT v=spf1 ip4:192.0.2.0/24 -all
mx.example.test A 192.0.2.10
10.2.0.192.in-addr.arpa PTR mx.example.test
_dmarc.example.test TXT v=DMARC1; p=reject; adkim=r; aspf=r
test._domainkey.example.test TXT $(cat "$MAILS/test._domainkey.txt")
nospf.test A 192.0.2.30
localhost A 127.0.0.1
EOF
fi
printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$A" >"$D/resolv.conf"
: >"$D/dns.queries"
check_sock "$A:53"
spawn "$D" dns "$PY" "$REAL/mini-dns.py" "$A" 53 "$D/zone" "$D/dns.queries"
wait_for "$D" dns 10 listening "$A:53"
