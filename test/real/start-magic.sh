#!/bin/sh
# start-magic.sh DIR SOCKET [OPTION...]
# The magic-word milter (README.md), in C on libmilter; LANG_=py takes the
# pymilter one.  OPTIONs go to the program (-f all, -x body, -a, -m).
# NAME=magic in the environment is its name, and that of pid and log, so that
# several can share one DIR.  Log of events: DIR/NAME.events.  KEEP=yes goes on
# with the old log.  Stop: stop.sh DIR.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
D=$(absdir "$1"); SOCK=$2; shift 2
N=${NAME:-magic}
halt "$D" "$N"
check_sock "$SOCK"
if [ "${LANG_:-c}" = py ]; then
    "$PY" -c 'import Milter' 2>/dev/null || { say "skip: no pymilter (apt package python3-milter)"; exit 77; }
    set -- "$PY" "$REAL/magic-milter.py" -s "$(mspec "$SOCK")" -l "$D/$N.events" -n "$N" "$@"
else
    BIN=${MILTER_BUILD_DIR:?the build directory}/test/real/magic-milter
    [ -x "$BIN" ] || { say "skip: $BIN is not built (apt package libmilter-dev, make real-programs)"; exit 77; }
    set -- "$BIN" -s "$(mspec "$SOCK")" -l "$D/$N.events" -n "$N" "$@"
fi
[ -n "${KEEP:-}" ] || : >"$D/$N.events"
spawn "$D" "$N" "$@"
wait_for "$D" "$N" 10 listening "$SOCK"
case $SOCK in /*|unix:*) chmod 666 "${SOCK#unix:}" ;; esac
