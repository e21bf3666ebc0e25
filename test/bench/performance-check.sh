#!/bin/sh
# performance-check.sh - milter-performance-check beside Postfix's smtp-source, both
# against smtp-sink: how many mails a second, and the ratio.
#
#   test/bench/performance-check.sh [-r ROUNDS] [-n MAILS] [-c CONNECTIONS] [-w WORKERS] [-l BYTES]
#
# Both send MAILS mails of about the same size, one on each connection, CONNECTIONS at a time,
# in turn, ROUNDS times; who begins changes from round to round.  Compare ratios of one run: the
# machine's speed changes from minute to minute.  The last line holds the median of the ratios;
# above 1, milter-performance-check was faster.  With WORKERS, each sends its share of MAILS.
#
# The CPU seconds are those of the program alone, not of smtp-sink.
set -eu
rounds=5 mails=10000 connections=50 workers=1 bytes=720
while getopts r:n:c:w:l: option; do
    case $option in
    r) rounds=$OPTARG ;;
    n) mails=$OPTARG ;;
    c) connections=$OPTARG ;;
    w) workers=$OPTARG ;;
    l) bytes=$OPTARG ;;
    *) exit 2 ;;
    esac
done
REAL=$(cd "$(dirname "$0")/../real" && pwd)
# shellcheck source=/dev/null
. "$REAL/lib.sh"
need postfix smtp-sink smtp-source
BUILD=${MILTER_BUILD_DIR:-${REAL%/test/real}/build}
PROGRAM=$BUILD/bin/milter-performance-check
[ -x "$PROGRAM" ] || die "$PROGRAM is not built"

work=$(mktemp -d /tmp/bench.XXXXXX)
trap 'halt "$work" sink KILL; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
port=$("$PY" -c 'import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break')
# smtp-sink does not run as root.
[ "$(id -u)" != 0 ] || as='-u nobody'
# shellcheck disable=SC2086
spawn "$work" sink smtp-sink ${as:-} "127.0.0.1:$port" 512
wait_for "$work" sink 10 listening "$port"

# measure NAME COMMAND... : appends "MAILS-PER-SECOND CPU-SECONDS" to $work/NAME
measure() {
    name=$1
    shift
    "$PY" - "$mails" "$work/$name" "$@" <<'END'
import resource, subprocess, sys, time
mails, path, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
begun = time.monotonic()
subprocess.run(command, stdout=open(path + '.out', 'w'), check=True)
seconds = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(path, 'a') as file:
    file.write('%.1f %.2f\n' % (mails / seconds, used.ru_utime + used.ru_stime))
END
}

source_round() {
    measure smtp-source smtp-source -s "$connections" -m "$mails" -l "$bytes" -f from@example.com \
        -t to@example.com "127.0.0.1:$port"
}

check_round() {
    measure milter-performance-check "$PROGRAM" --smtp-server="127.0.0.1:$port" --n-workers="$workers" \
        --n-mails=$((mails / workers)) --n-concurrent-connections=$(((connections + workers - 1) / workers)) \
        --fail-on=4xx,5xx,error
}

printf '%-7s %12s %8s %26s %8s %8s\n' round smtp-source 'CPU s' milter-performance-check 'CPU s' ratio
round=1
while [ "$round" -le "$rounds" ]; do
    if [ $((round % 2)) = 1 ]; then
        source_round
        check_round
    else
        check_round
        source_round
    fi
    paste -d ' ' "$work/smtp-source" "$work/milter-performance-check" | tail -n 1 |
        awk -v round="$round" '{ printf "%-7d %12.1f %8.2f %26.1f %8.2f %8.2f\n", round, $1, $2, $3, $4, $3 / $1 }'
    round=$((round + 1))
done
paste -d ' ' "$work/smtp-source" "$work/milter-performance-check" | awk '{ print $3 / $1 }' | sort -n |
    awk '{ value[NR] = $1 }
        END { printf "median ratio: %.2f\n", NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
