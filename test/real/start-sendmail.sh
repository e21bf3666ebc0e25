#!/bin/sh
# start-sendmail.sh DIR SMTP_PORT [MILTER_SPEC...]
# Sendmail 8.17 on 127.0.0.1:SMTP_PORT.  Its packages conflict with postfix, so
# they are not installed: they are fetched with `apt-get download' (with the
# libraries and m4, where those are missing) and unpacked below SENDMAIL_ROOT
# (default DIR/root; give a shared one to unpack only once).
# Every mail taken is written to DIR/mail/new/*, envelope first, one file for
# all recipients:
#   X-Env-From: <sender>   X-Env-To: <recipient> ...   then the mail.
#   FLAG=T       what a failing milter does: T tempfail, R reject, '' go on,
#                4 close with 421
#   EXTRA='...'  more .mc lines
# Facts: XCLIENT does not exist here (the client is always 127.0.0.1).  It logs
# to syslog only; DIR/transcript has the SMTP dialogues instead.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need util-linux unshare
D=$(absdir "$1"); PORT=$2; shift 2
halt "$D" sendmail
check_sock "$PORT"
ROOT=${SENDMAIL_ROOT:-$D/root}
SM=$ROOT/usr/libexec/sendmail/sendmail
# fetch PACKAGE... : unpacked below ROOT
fetch() {
    mkdir -p "$ROOT/debs"
    ( cd "$ROOT/debs" && apt-get -q download "$@" ) >>"$D/download.log" 2>&1 ||
        { rm -f "$SM"; say "skip: cannot download $*"; exit 77; }
    for f in "$ROOT"/debs/*.deb; do dpkg -x "$f" "$ROOT"; done
    rm -f "$ROOT"/debs/*.deb
}
libraries_missing() { ldd "$SM" | grep 'not found' >>"$D/download.log"; }
for directory in "$ROOT"/usr/lib/*-linux-gnu* "$ROOT"/lib/*-linux-gnu*; do
    [ ! -d "$directory" ] || LD_LIBRARY_PATH=$directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
PATH=$PATH:$ROOT/usr/bin
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" PATH
if [ ! -x "$SM" ]; then
    fetch sendmail-bin sendmail-cf
    chmod 755 "$SM"     # setgid programs ignore LD_LIBRARY_PATH
    if libraries_missing; then
        # shellcheck disable=SC2046
        fetch $(apt-cache depends sendmail-bin | awk '$1 == "Depends:" && $2 ~ /^lib/ && $2 != "libc6" { print $2 }')
    fi
    command -v m4 >/dev/null || fetch m4 libsigsegv2
    exec "$0" "$D" "$PORT" "$@"
fi
! libraries_missing || { say "skip: a library of sendmail is missing"; exit 77; }
need m4 m4
CF=$ROOT/usr/share/sendmail/cf
mkdir -p "$D/etc" "$D/queue" "$D/mail/new" "$D/mail/tmp"
chmod 700 "$D/queue"
cat >"$D/etc/deliver" <<EOF
#!/bin/sh
# deliver SENDER RECIPIENT...
n=\$(date +%s%N).\$\$
{
    echo "X-Env-From: \$1"; shift
    for r; do echo "X-Env-To: \$r"; done
    cat
} >"$D/mail/tmp/\$n" && mv "$D/mail/tmp/\$n" "$D/mail/new/\$n"
EOF
chmod 755 "$D/etc/deliver"
echo 'hosts files
aliases files
passwd files' >"$D/etc/service.switch"
{
    cat <<EOF
divert(-1)
include(\`$CF/m4/cf.m4')
OSTYPE(linux)
define(\`confDOMAIN_NAME', \`mx.example.test')
define(\`confPID_FILE', \`$D/etc/pid')
define(\`QUEUE_DIR', \`$D/queue')
define(\`STATUS_FILE', \`')
define(\`HELP_FILE', \`')
define(\`ALIAS_FILE', \`')
define(\`confCW_FILE', \`-o $D/etc/none')
define(\`confCT_FILE', \`-o $D/etc/none')
define(\`confHOST_STATUS_DIRECTORY', \`')
define(\`confSERVICE_SWITCH_FILE', \`$D/etc/service.switch')
define(\`confDONT_PROBE_INTERFACES', \`True')
define(\`confDONT_BLAME_SENDMAIL', \`TrustStickyBit,GroupWritableDirPathSafe,GroupReadableKeyFile')
define(\`confTO_IDENT', \`0')
define(\`confDEF_USER_ID', \`nobody:nogroup')
define(\`confREFUSE_LA', \`1000')
define(\`confQUEUE_LA', \`1000')
define(\`confDELAY_LA', \`0')
define(\`confMILTER_LOG_LEVEL', \`14')
define(\`confMAX_MESSAGE_SIZE', \`0')
undefine(\`confBIND_OPTS')
FEATURE(\`no_default_msa')
FEATURE(\`nouucp', \`reject')
FEATURE(\`nocanonify')
FEATURE(\`accept_unresolvable_domains')
FEATURE(\`accept_unqualified_senders')
FEATURE(\`promiscuous_relay')
define(\`SMART_HOST', \`store:[127.0.0.1]')
DAEMON_OPTIONS(\`Name=MTA, Family=inet, Addr=127.0.0.1, Port=$PORT')
EOF
    i=0
    for m; do
        i=$((i + 1))
        echo "INPUT_MAIL_FILTER(\`m$i', \`S=$(mspec "$m"), F=${FLAG-T}, T=C:5s;S:20s;R:20s;E:60s')"
    done
    [ -z "${EXTRA:-}" ] || printf '%s\n' "$EXTRA"
    cat <<EOF
MAILER(smtp)
MAILER_DEFINITIONS
Mstore,	P=$D/etc/deliver, F=mDFMPnu8E, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, T=DNS/RFC822/X-Unix,
	U=root:root, A=deliver \$f \$u
EOF
} >"$D/etc/sendmail.mc"
m4 -D_CF_DIR_="$CF/" "$D/etc/sendmail.mc" >"$D/etc/sendmail.cf" 2>"$D/etc/m4.log"
chmod 644 "$D/etc/sendmail.cf"
# An unqualified host name costs sendmail 60 s at every start, and it asks the
# resolver for it: give it a name, a hosts file and a dead resolver of its own.
printf '127.0.0.1 mx.example.test localhost\n' >"$D/etc/hosts"
printf 'nameserver 127.0.53.254\noptions timeout:1 attempts:1\n' >"$D/etc/resolv.conf"
chmod 644 "$D/etc/hosts" "$D/etc/resolv.conf"
# shellcheck disable=SC2016
spawn "$D" sendmail unshare -m -u --propagation private sh -c '
    hostname mx.example.test && mount --bind "$1/hosts" /etc/hosts &&
    mount --bind "$1/resolv.conf" /etc/resolv.conf && shift && exec "$@"' sh "$D/etc" \
    "$SM" -bD -q1m -C "$D/etc/sendmail.cf" -X "$D/transcript"
wait_for "$D" sendmail 15 listening "$PORT"
