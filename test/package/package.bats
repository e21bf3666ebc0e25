#!/usr/bin/env bats
# The Debian packages on a bare Debian 12: they install with what they depend
# on, the manager starts as its unit says, mail flows through a Postfix in its
# chroot, and purging leaves nothing behind.
#
# Needs root, debootstrap, dpkg-dev and a mirror.  Not a part of `make check-real'
# because it takes a minute; `make check-package' runs it.
#
# MIRROR    where Debian comes from (default http://deb.debian.org/debian)
# DEBS      a directory with built packages; without it they are built

bats_require_minimum_version 1.5.0

setup_file() {
    ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    BUILD=${MILTER_BUILD_DIR:-$ROOT/build}
    CACHE=$BUILD/package # the bare system, for the next time
    WORK=$(mktemp -d /tmp/package.XXXXXX)
    SYSTEM=$WORK/root
    export ROOT BUILD CACHE WORK SYSTEM
    if ! possible >"$WORK/missing"; then
        return
    fi
    rm "$WORK/missing"
    if [ -z "${DEBS:-}" ]; then
        DEBS=$BUILD/deb
        DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}" make -C "$ROOT" BUILD="$BUILD" deb >"$WORK/deb.log" 2>&1 ||
            { tail -n 40 "$WORK/deb.log" >&2; return 1; }
    fi
    export DEBS
    bare_system >"$WORK/system.log" 2>&1 || { tail -n 40 "$WORK/system.log" >&2; return 1; }
}

teardown_file() {
    # Processes ended with their namespace, and so did its mounts.
    rm -rf --one-file-system "$WORK"
}

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    [ ! -e "$WORK/missing" ] || skip "$(cat "$WORK/missing")"
}

# Says why not.
possible() {
    local mirror=${MIRROR:-http://deb.debian.org/debian}
    [ "$(id -u)" = 0 ] || { echo "root is needed"; return 1; }
    command -v debootstrap dpkg-buildpackage unshare ip >/dev/null ||
        { echo "debootstrap, dpkg-dev, util-linux and iproute2 are needed"; return 1; }
    [ -e "$CACHE/root.tar" ] && return
    /usr/bin/python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + "/dists/bookworm/InRelease", timeout=20).read(1)' "$mirror" 2>/dev/null ||
        { echo "the mirror $mirror cannot be reached"; return 1; }
}

in_system() { chroot "$SYSTEM" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# Debian without anything but Postfix and what our packages say they need.
bare_system() {
    local depends
    depends=$(for deb in "$DEBS"/milter-manager{,-tools}_*.deb; do
        dpkg-deb -f "$deb" Depends
    done | paste -sd,)
    mkdir -p "$CACHE" "$SYSTEM"
    if [ -e "$CACHE/root.tar" ] && [ "$(cat "$CACHE/depends")" = "$depends" ]; then
        tar -C "$SYSTEM" -xpf "$CACHE/root.tar"
        return
    fi
    debootstrap --variant=minbase --include=postfix bookworm "$SYSTEM" "${MIRROR:-http://deb.debian.org/debian}"
    printf '#!/bin/sh\nexit 101\n' >"$SYSTEM/usr/sbin/policy-rc.d"
    chmod 755 "$SYSTEM/usr/sbin/policy-rc.d"
    in_system apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 satisfy "$depends"
    in_system apt-get clean
    in_system useradd --create-home alice
    tar -C "$SYSTEM" -cpf "$CACHE/root.tar.new" .
    echo "$depends" >"$CACHE/depends"
    mv "$CACHE/root.tar.new" "$CACHE/root.tar"
}

# Every path below the directories that packages write to, but for the books of
# dpkg and what Postfix does while mail flows.
files() {
    (cd "$SYSTEM" && find etc var run usr root home opt srv lib -xdev \
        ! -path 'var/lib/dpkg/*' ! -path 'var/spool/postfix/*' ! -path 'var/lib/postfix/*' \
        ! -path 'var/mail/*' ! -path 'var/log/*.log' | LC_ALL=C sort)
}

# A value of the unit that is installed.
unit() { sed -n "s/^$1=//p" "$SYSTEM/lib/systemd/system/milter-manager.service"; }

@test "lintian has nothing to say" {
    command -v lintian >/dev/null || skip "lintian is not installed"
    run lintian --allow-root --pedantic --display-info --tag-display-limit 0 "$DEBS"/*.changes
    assert_success
    assert_output ""
}

@test "the packages install on a bare Debian" {
    files >"$WORK/before"
    cp "$DEBS"/milter-manager{,-tools}_*.deb "$SYSTEM/root/"
    run in_system sh -c 'dpkg -i /root/*.deb; status=$?; rm /root/*.deb; exit $status'
    assert_success
    refute_output --partial warning
    run in_system dpkg-query -W -f '${db:Status-Status} ' milter-manager milter-manager-tools
    assert_output "installed installed "
}

@test "the unit is enabled, its user is there and owns nothing it should not" {
    [ -L "$SYSTEM/etc/systemd/system/multi-user.target.wants/milter-manager.service" ]
    [ ! -e "$SYSTEM/etc/systemd/system/sockets.target.wants/milter-manager.socket" ]
    run in_system id -un "$(unit User)"
    assert_output milter-manager
    run in_system find / -xdev -user milter-manager ! -path '/run/milter-manager'
    assert_output ""
}

# There is no systemd in the bare system to try it with.
@test "an upgrade leaves the sockets of systemd as they are, removing stops them before the service" {
    run in_system sh -c 'cat /var/lib/dpkg/info/milter-manager.preinst /var/lib/dpkg/info/milter-manager.postinst 2>/dev/null |
        grep -E "(stop|restart).*socket"'
    assert_output ""
    run in_system grep -oE 'stop .?milter-manager\.(socket|service)' /var/lib/dpkg/info/milter-manager.prerm
    assert_line --index 0 "stop milter-manager.socket"
    assert_line --index 1 "stop 'milter-manager.service"
}

@test "the unit is shut in: exposure of at most 2.0" {
    run systemd-analyze security --offline=yes "$SYSTEM/lib/systemd/system/milter-manager.service"
    [[ $output =~ 'Overall exposure level for milter-manager.service: '([0-9.]+) ]]
    awk -v level="${BASH_REMATCH[1]}" 'BEGIN { exit !(level <= 2.0) }'
    echo "exposure ${BASH_REMATCH[1]}"
}

@test "started as the unit says, it passes mail from Postfix in its chroot on to a milter" {
    cat >>"$SYSTEM/etc/milter-manager/milter-manager.local.conf" <<'CONFIGURATION'
define_milter("packaged") do |milter|
  milter.connection_spec = "inet:10026@127.0.0.1"
  milter.fallback_status = "temporary-failure"
end
CONFIGURATION
    run in_system milter-manager --show-config
    assert_success
    assert_output --partial 'define_milter("packaged")'
    run unshare --net --pid --mount --fork --kill-child "$BATS_TEST_DIRNAME/flow" "$SYSTEM" \
        "$(unit User)" "$(unit ExecStart)"
    assert_success
    [ -s "$SYSTEM/var/mail/alice" ] || fail "no mail: $output $(cat "$SYSTEM/var/log/mail.log")"
    run cat "$SYSTEM/var/mail/alice"
    assert_line "X-Packaged: yes"
    assert_line "Subject: through the package"
    assert_line "Subject: through the socket in the chroot"
    assert_line "Subject: with settings of its own"
    assert_equal "$(grep -c '^X-Packaged: yes' <<<"$output")" 3
    run grep -i 'warning.*milter' "$SYSTEM/var/log/mail.log"
    assert_output ""
    run awk '$1 == "smtp" && $2 == "inet" { print $5 }' "$SYSTEM/etc/postfix/master.cf"
    assert_output y # the chroot
}

@test "removing keeps the configuration, purging leaves nothing" {
    run in_system dpkg -r milter-manager milter-manager-tools
    assert_success
    [ -e "$SYSTEM/etc/milter-manager/milter-manager.local.conf" ]
    [ ! -e "$SYSTEM/usr/sbin/milter-manager" ]
    run in_system dpkg -P milter-manager milter-manager-tools
    assert_success
    files >"$WORK/after"
    run diff "$WORK/before" "$WORK/after"
    assert_output ""
    # The user stays, as Debian's users do, and cannot log in.
    run in_system getent passwd milter-manager
    assert_output --regexp ':/usr/sbin/nologin$'
}
