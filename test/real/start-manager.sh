#!/bin/sh
# start-manager.sh DIR SOCKET [OPTION...]
# milter-manager with the configuration DIR/milter-manager.conf; its log is
# DIR/manager.log.  OPTIONs go to the program.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
BIN=${MILTER_BUILD_DIR:?the build directory}/bin/milter-manager
[ -x "$BIN" ] || die "$BIN is not built"
D=$(absdir "$1"); SOCK=$2; shift 2
halt "$D" manager
check_sock "$SOCK"
MILTER_LOG_ITEM='level|time'
export MILTER_LOG_ITEM
spawn "$D" manager "$BIN" --config-dir "$D" --no-daemon --unix-socket-mode 666 -s "unix:${SOCK#unix:}" "$@"
wait_for "$D" manager 20 listening "$SOCK"
