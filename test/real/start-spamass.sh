#!/bin/sh
# start-spamass.sh DIR SOCKET
# spamd with local tests only (on DIR/spamd.sock) and spamass-milter on SOCKET,
# which refuses mail from a score of 15.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need spamd spamd
need spamc spamc
need spamass-milter spamass-milter
D=$(absdir "$1"); SOCK=$2
halt "$D" spamass-milter; halt "$D" spamd
S=$(mspec "$SOCK"); S=${S#unix:}
check_sock "$SOCK"; check_sock "$D/spamd.sock"
mkdir -p "$D/home" "$D/site"
chown nobody "$D/home"
# the plugins, and nothing that would ask the network
cp /etc/spamassassin/*.pre "$D/site/"
cat >"$D/site/local.cf" <<EOF
use_bayes 0
dns_available no
skip_rbl_checks 1
report_safe 0
required_score 5.0
EOF
spawn "$D" spamd spamd --local --nouser-config --username=nobody --syslog="$D/spamd.events" \
    --siteconfigpath="$D/site" --helper-home-dir="$D/home" --socketpath="$D/spamd.sock" \
    --socketmode=0666 --min-children=1 --max-children=2 --min-spare=1 --max-spare=1
wait_for "$D" spamd 60 listening "$D/spamd.sock"
spawn "$D" spamass-milter spamass-milter -p "$S" -r 15 -- -U "$D/spamd.sock"
wait_for "$D" spamass-milter 10 listening "$SOCK"
case $S in /*) chmod 666 "$S" ;; esac
