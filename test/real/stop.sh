#!/bin/sh
# stop.sh [-9] DIR...  - end every process recorded in DIR/*.pid, by its pid.
# -9: at once, with SIGKILL to its process group.  Otherwise SIGTERM, and
# SIGKILL after 10 s.  Every milter on libmilter needs up to 5 s for SIGTERM
# (it looks for the signal only that often), so tests end them with -9.
# Succeeds when nothing is left; it may be run twice.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
sig=TERM
[ "${1:-}" != -9 ] || { sig=KILL; shift; }
for d; do
    for f in "$d"/*.pid; do
        [ -e "$f" ] || continue
        halt "$d" "$(basename "$f" .pid)" "$sig"
    done
done
