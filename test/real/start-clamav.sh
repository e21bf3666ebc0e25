#!/bin/sh
# start-clamav.sh DIR SOCKET
# clamd (on DIR/clamd.sock) with a data base of one signature, the EICAR test
# string, and clamav-milter on SOCKET, which refuses what is infected.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need clamav-daemon clamd
need clamav-milter clamav-milter
D=$(absdir "$1"); SOCK=$2
halt "$D" clamav-milter; halt "$D" clamd
check_sock "$SOCK"; check_sock "$D/clamd.sock"
mkdir -p "$D/db" "$D/tmp"
# name:target type (0 any):offset:hex of the middle of the string
printf 'Test.Eicar:0:*:%s\n' \
    "$(printf 'EICAR-STANDARD-%s-TEST-FILE' ANTIVIRUS | od -An -tx1 | tr -d ' \n')" >"$D/db/test.ndb"
cat >"$D/clamd.conf" <<EOF
LocalSocket $D/clamd.sock
LocalSocketMode 666
DatabaseDirectory $D/db
TemporaryDirectory $D/tmp
Foreground yes
MaxThreads 4
SelfCheck 3600
ConcurrentDatabaseReload no
EOF
cat >"$D/clamav-milter.conf" <<EOF
MilterSocket $(mspec "$SOCK")
MilterSocketMode 666
ClamdSocket unix:$D/clamd.sock
Foreground yes
TemporaryDirectory $D/tmp
OnInfected Reject
RejectMsg infected by %v
OnFail Defer
AddHeader Replace
ReportHostname mx.example.test
LogFile $D/clamav-milter.events
EOF
spawn "$D" clamd clamd --config-file="$D/clamd.conf"
wait_for "$D" clamd 30 listening "$D/clamd.sock"
spawn "$D" clamav-milter clamav-milter --config-file="$D/clamav-milter.conf"
wait_for "$D" clamav-milter 10 listening "$SOCK"
