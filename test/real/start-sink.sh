#!/bin/sh
# start-sink.sh DIR PORT [SMTP-SINK-OPTION...]
# Postfix's smtp-sink as the next hop: each mail becomes one file DIR/sink/*,
# which starts with X-Client-Addr, X-Mail-Args and X-Rcpt-Args lines (the
# envelope).  E.g. -r RCPT soft-refuses RCPT, -q QUIT disconnects at QUIT.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need postfix smtp-sink
D=$(absdir "$1"); PORT=$2; shift 2
halt "$D" sink
check_sock "$PORT"
mkdir -p "$D/sink"; chmod 777 "$D/sink"
cd "$D/sink"
spawn "$D" sink smtp-sink -c -u nobody -d '%Y%m%d-%H%M%S.' "$@" "127.0.0.1:$PORT" 200
wait_for "$D" sink 10 listening "$PORT"
