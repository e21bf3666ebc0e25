#!/bin/sh
# start-test-client.sh DIR SOCKET [OPTION...]
# milter-test-client; what it prints is in DIR/test-client.log.  OPTIONs go to
# the program.  Stop: stop.sh DIR.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
BIN=${MILTER_BUILD_DIR:?the build directory}/bin/milter-test-client
[ -x "$BIN" ] || die "$BIN is not built"
D=$(absdir "$1"); SOCK=$2; shift 2
halt "$D" test-client
check_sock "$SOCK"
spawn "$D" test-client "$BIN" --unix-socket-mode 666 -s "$(mspec "$SOCK")" "$@"
wait_for "$D" test-client 10 listening "$SOCK"
