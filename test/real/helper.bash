# shellcheck shell=bash
# helper.bash - shared by the .bats files: starting the real programs in a
# directory of the test's own, sending mail, looking at what arrived.
#
# Every file calls `open_work' in setup_file and `close_work' in teardown_file.
# WORK then is a directory that daemons without root may enter.

REAL=${BATS_TEST_DIRNAME:?}
MAILS=${REAL%/real}/fixtures/mails
# shellcheck disable=SC2034 # the tests use it
SESSIONS=${REAL%/real}/fixtures/sessions
MILTER_BUILD_DIR=${MILTER_BUILD_DIR:-${REAL%/test/real}/build}
export REAL MILTER_BUILD_DIR

open_work() {
    # Postfix, rspamd and opendkim give up root: they must get in, and unix
    # socket paths are short, so not below bats' own closed directory.
    WORK=$(mktemp -d /tmp/real.XXXXXX)
    chmod 755 "$WORK"
    export WORK
    if [ "$(id -u)" != 0 ]; then
        missing "root is needed"
    fi
}

close_work() {
    local directory
    for directory in "$WORK" "$WORK"/*/; do
        "$REAL/stop.sh" -9 "$directory"
    done
    if [ -z "${KEEP_WORK:-}" ]; then
        rm -rf "$WORK"
    else
        echo "# kept: $WORK" >&3
    fi
}

# missing TEXT : a stranger's machine lacks something: all tests of the file are
# skipped and say so; where everything has to be there (CI=true) it is a failure.
missing() {
    if [ "${CI:-}" = true ]; then
        echo "$1" >&2
        return 1
    fi
    skip_all "$1"
}

# bats 1.8 cannot skip in setup_file: the reason is left for each test's setup,
# and nothing more is started.
skip_all() { echo "$1" >"$WORK/missing"; }

skip_if_missing() {
    if [ -e "$WORK/missing" ]; then
        skip "$(cat "$WORK/missing")"
    fi
}

setup() { skip_if_missing; }

# start SCRIPT ARGUMENT... : start-SCRIPT.sh, or missing
start() {
    local script=$1 status=0
    [ ! -e "$WORK/missing" ] || return 0
    shift
    "$REAL/start-$script.sh" "$@" 2>"$WORK/start.err" || status=$?
    case $status in
    0) ;;
    77) missing "$(cat "$WORK/start.err")" ;;
    *)
        cat "$WORK/start.err" >&2
        return 1
        ;;
    esac
}

# free_port : a loopback TCP port nobody uses now, below those the kernel gives to
# clients, so that no connection takes it before the server does
free_port() {
    /usr/bin/python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break'
}

# manager NAME CONFIGURATION : the manager $WORK/NAME on $WORK/NAME.sock
manager() {
    mkdir -p "$WORK/$1"
    {
        echo 'log.use_syslog = false'
        echo "$2"
    } >"$WORK/$1/milter-manager.conf"
    start manager "$WORK/$1" "$WORK/$1.sock"
}

# child NAME SOCKET [LINE...] : a define_milter block; LINEs are `item = value'
child() {
    local name=$1 socket=$2 line
    shift 2
    echo "define_milter(\"$name\") do |milter|"
    echo "  milter.connection_spec = \"unix:$socket\""
    for line; do
        echo "  milter.$line"
    done
    echo "end"
}

# send [OPTION...] PORT RCPT... <MAIL : smtp-send.py, refused or not; see `replied'
send() {
    "$REAL/smtp-send.py" "$@" >"$WORK/dialogue" || [[ $? = [45] ]]
}

# replied PATTERN : a line of the last dialogue matches
replied() { has "$WORK/dialogue" "$1"; }

# words MAIL WORD... : MAIL with X-Magic lines; a WORD with a colon in front of
# its first blank is a header line of its own
words() {
    local mail=$1 word lines=
    shift
    for word; do
        case ${word%% *} in
        *:) lines+="$word"$'\n' ;;
        *) lines+="X-Magic: $word"$'\n' ;;
        esac
    done
    LINES_TO_ADD=${lines%$'\n'} awk '!done && /^Subject:/ { print ENVIRON["LINES_TO_ADD"]; done = 1 } { print }' \
        "$MAILS/$mail.eml"
}

# arrived DIR COUNT [FILE] : waits until COUNT mails are in the mailbox of the
# postfix in DIR, moves them into FILE (default: $WORK/arrived) as one text
arrived() {
    local box=$1/mail/inbox/new into=${3:-$WORK/arrived} tries=0
    local files=()
    while [ $tries -lt 200 ]; do
        mapfile -t files < <(find "$box" -type f 2>/dev/null | sort)
        [ "${#files[@]}" -lt "$2" ] || break
        sleep 0.05
        tries=$((tries + 1))
    done
    if [ "${#files[@]}" != "$2" ]; then
        echo "${#files[@]} mails arrived, not $2" >&2
        return 1
    fi
    cat "${files[@]}" </dev/null >"$into"
    rm -f "${files[@]}"
}

# quiet DIR : nothing is left in the queue of the postfix in DIR (but held mail)
# and the mailbox is empty
quiet() {
    local tries=0
    while [ $tries -lt 200 ]; do
        if [ -z "$(find "$1"/queue/{maildrop,incoming,active,deferred} -type f)" ]; then
            [ -z "$(find "$1/mail" -path '*/new/*' -type f)" ]
            return
        fi
        sleep 0.05
        tries=$((tries + 1))
    done
    echo "mail is stuck in the queue" >&2
    return 1
}

# held DIR : the number of mails on hold
held() { find "$1/queue/hold" -type f | wc -l; }

# has FILE PATTERN : a line of FILE matches, or FILE is shown
has() {
    if ! grep -Eq -- "$2" "$1"; then
        echo "no line matches: $2" >&2
        cat "$1" >&2
        return 1
    fi
}

# lacks FILE PATTERN
lacks() {
    if grep -En -- "$2" "$1" >&2; then
        echo "unwanted: $2" >&2
        return 1
    fi
}

# in_order FILE PATTERN... : lines that match, in that order
in_order() {
    local file=$1 line=0 next
    shift
    for pattern; do
        next=$(tail -n "+$((line + 1))" "$file" | grep -En -m 1 -- "$pattern" | cut -d: -f1)
        if [ -z "$next" ]; then
            echo "not there, or not in that order: $pattern" >&2
            cat "$file" >&2
            return 1
        fi
        line=$((line + next))
    done
}

# ---- for the differential tests: results below $WORK/out/SET, made by `run_set SET'

# same SET KIND PREFIX : the result files whose name begins so are there, and alike
same() {
    local one=$WORK/out/$1/direct/$2 other=$WORK/out/$1/via/$2 count differing=() file
    count=$(find "$one" -name "$3*" | wc -l)
    mapfile -t differing < <(LC_ALL=C diff -rq "$one" "$other" |
        sed -n -e 's/^Only in .*: //p' -e 's/^Files .*\/\([^/]*\) differ$/\1/p' | grep "^$3")
    for file in "${differing[@]:0:5}"; do
        echo "---- $file"
        diff -aNu "$one/$file" "$other/$file" | head -n 40 | cut -c1-240
    done
    echo "${#differing[@]} of $count differ: ${differing[*]}"
    [ "$count" -gt 0 ] && [ "${#differing[@]}" = 0 ]
}

delivers() {
    run_set "$1"
    if grep "^$2\." "$WORK/out/$1/direct-wrong"; then
        echo "the run without the manager does not show what it should"
        return 1
    fi
    same "$1" delivered "$2."
}

sees() {
    run_set "$1"
    same "$1" seen ''
}
