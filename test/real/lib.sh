# shellcheck shell=sh
# lib.sh - helpers shared by the start-*.sh scripts.  Source it, don't run it.
#
# Conventions, the same for every script:
#   * the first argument is a directory that belongs to this one instance;
#     configuration, data, logs and pid files are all written there;
#   * nothing below /etc, /var or /run is touched; all sockets are unix
#     sockets in that directory or 127.0.0.1 ports given by the caller;
#   * DIR/NAME.pid holds the pid, DIR/NAME.start the kernel start time of that
#     pid (so a recycled pid is never killed), DIR/NAME.log the output;
#   * starting twice in one DIR stops the earlier instance first;
#   * exit 0: ready for use; 77: program not installed (skip); other: failed,
#     and the end of the log is on stderr.

REAL=${REAL:-$(cd "$(dirname "$0")" && pwd)}
# shellcheck disable=SC2034 # for the scripts
MAILS=${REAL%/real}/fixtures/mails
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH
# Debian's python modules are only visible to Debian's python.
PY=${PY:-/usr/bin/python3}

say() { echo "$0: $*" >&2; }
die() { say "$*"; exit 1; }

# need PACKAGE PROGRAM... : exit 77 unless every program is there
need() {
    _pkg=$1; shift
    for _p; do
        command -v "$_p" >/dev/null 2>&1 || { say "skip: no $_p (apt package $_pkg)"; exit 77; }
    done
}

# absdir DIR : make DIR, open it and its parents for daemons that drop root
absdir() {
    mkdir -p "$1"
    chmod 755 "$1"
    _d=$(cd "$1" && pwd -P)
    _u=$_d
    while [ "$_u" != / ]; do
        case $(stat -c %A "$_u") in
        *[xt]) ;;
        *) die "$_u is closed to other users (mktemp -d makes 0700): chmod 755 it" ;;
        esac
        _u=$(dirname "$_u")
    done
    echo "$_d"
}

# now_ms : milliseconds since boot
now_ms() { awk '{printf "%d\n", $1 * 1000}' /proc/uptime; }

starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# note_pid DIR NAME PID
note_pid() {
    echo "$3" >"$1/$2.pid"
    starttime "$3" >"$1/$2.start" || :
}

# is_up DIR NAME : true while the recorded process is alive (and no zombie)
is_up() {
    [ -s "$1/$2.pid" ] || return 1
    _q=$(cat "$1/$2.pid")
    _s=$(cat "$1/$2.start" 2>/dev/null || :)
    [ -n "$_s" ] && [ "$(starttime "$_q")" = "$_s" ] || return 1
    case $(sed 's/.*) //' "/proc/$_q/stat" 2>/dev/null) in Z*|'') return 1 ;; esac
}

# halt DIR NAME [SIGNAL] : end the recorded process: signal, wait 10 s, KILL;
# then whatever is left of the session that spawn gave it (rspamd's workers
# have process groups of their own).
halt() {
    _hs=${3:-TERM}
    if is_up "$1" "$2"; then
        _i=0
        if [ "$_hs" != KILL ]; then
            kill "-$_hs" "$_q" 2>/dev/null || :
            while is_up "$1" "$2" && [ $_i -lt 200 ]; do sleep 0.05; _i=$((_i + 1)); done
        fi
        # A program that was executed anew leads no session.
        for _left in $_q $(ps -e -o pid=,sid= | awk -v s="$_q" '$2 == s {print $1}'); do
            kill -KILL "$_left" 2>/dev/null || :
        done
        while is_up "$1" "$2"; do sleep 0.02; done
    fi
    rm -f "$1/$2.pid" "$1/$2.start"
}

# spawn DIR NAME CMD... : run CMD in the background in a session of its own.
# Descriptors 3-9 are closed: bats waits for whoever still holds its fd 3.
spawn() {
    _sd=$1; _sn=$2; shift 2
    setsid "$@" </dev/null >"$_sd/$_sn.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    note_pid "$_sd" "$_sn" $!
}

# wait_for DIR NAME SECONDS TEST... : poll until TEST succeeds
wait_for() {
    _wd=$1; _wn=$2; _wt=$(( $(now_ms) + $3 * 1000 )); shift 3
    until "$@" >/dev/null 2>&1; do
        if ! is_up "$_wd" "$_wn"; then
            say "$_wn ended before it was ready:"; tail -n 20 "$_wd/$_wn.log" >&2
            rm -f "$_wd/$_wn.pid" "$_wd/$_wn.start"
            exit 1
        fi
        if [ "$(now_ms)" -ge $_wt ]; then
            say "$_wn not ready in time:"; tail -n 20 "$_wd/$_wn.log" >&2
            halt "$_wd" "$_wn"
            exit 1
        fi
        sleep 0.05
    done
}

# listening SPEC : somebody listens there.  SPEC is a path, unix:PATH,
# inet:PORT@127.0.0.1, inet:127.0.0.1:PORT or a bare PORT.  No connection is
# made: a milter would log it, and a fake MTA would take it for a session.
listening() {
    case $1 in
    unix:*) _l=${1#unix:} ;;
    local:*) _l=${1#local:} ;;
    inet:*@*) _l=${1#inet:}; _l=:${_l%@*} ;;
    inet:*:*) _l=:${1##*:} ;;
    /*) _l=$1 ;;
    *:*) _l=$1 ;;
    *) _l=:$1 ;;
    esac
    case $_l in
    /*) ss -Hlx 2>/dev/null | awk -v p="$_l" '$5 == p {f=1} END {exit !f}' ;;
    *) ss -Hltn 2>/dev/null | awk -v p="$_l" 'substr($4, length($4)-length(p)+1) == p {f=1} END {exit !f}' ;;
    esac
}

# check_sock SPEC : a unix socket path over 107 bytes cannot be bound
check_sock() {
    _c=${1#unix:}; _c=${_c#local:}
    case $_c in
    /*) [ ${#_c} -le 107 ] || die "socket path longer than 107 bytes: $_c"
        [ ! -S "$_c" ] || listening "$_c" || rm -f "$_c" ;;
    esac
    if listening "$1"; then die "$1 is in use"; fi
}

# libmilter's spelling (inet:PORT@HOST, unix:PATH) from ours
mspec() {
    case $1 in
    /*) echo "unix:$1" ;;
    inet:*@*|unix:*|local:*) echo "$1" ;;
    inet:*:*) _m=${1#inet:}; echo "inet:${_m##*:}@${_m%:*}" ;;
    *[!0-9]*) die "bad socket $1" ;;
    *) echo "inet:$1@127.0.0.1" ;;
    esac
}

# postfix's spelling (inet:HOST:PORT, unix:PATH) from ours
pspec() {
    case $1 in
    /*) echo "unix:$1" ;;
    local:*) echo "unix:${1#local:}" ;;
    inet:*@*) _m=${1#inet:}; echo "inet:${_m#*@}:${_m%@*}" ;;
    unix:*|inet:*|'{'*) echo "$1" ;;
    *[!0-9]*) die "bad socket $1" ;;
    *) echo "inet:127.0.0.1:$1" ;;
    esac
}
