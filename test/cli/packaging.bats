#!/usr/bin/env bats
# What comes with the programs on a machine: units, user, directories, rotation
# of logs, the descriptions of packages; and that uninstalling takes all away.
# test/run: not sanitized

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    BUILD=${MILTER_BUILD_DIR:-$ROOT/build}
    PACKAGING=$ROOT/packaging
    cd "$BATS_TEST_TMPDIR"
}

need() {
    command -v "$1" >/dev/null && return
    [[ ${CI:-} != true ]] || fail "$1 is not installed"
    skip "$1 is not installed"
}

units() {
    mkdir units
    cp "$PACKAGING"/systemd/*.socket units/
    cp "$PACKAGING"/systemd/*.timer units/
    sed "s,^ExecStart=.*/milter-manager ,ExecStart=$BUILD/bin/milter-manager ," \
        "$BUILD/packaging/milter-manager.service" >units/milter-manager.service
    cp "$BUILD/packaging/milter-manager-log-analyzer.service" units/
}

@test "the units have no mistakes" {
    need systemd-analyze
    units
    run systemd-analyze verify --man=no units/milter-manager.service units/milter-manager.socket \
        units/milter-manager-controller.socket units/milter-manager-log-analyzer.service \
        units/milter-manager-log-analyzer.timer
    assert_success
    # Of our units, that is: others of the machine may have some.
    refute_output --partial milter-manager
    echo 'Nonsense=yes' >>units/milter-manager.socket
    run systemd-analyze verify --man=no units/milter-manager.socket
    assert_output --partial "Unknown key 'Nonsense'"
}

@test "the service is shut in: exposure of at most 2.0, with and without the drop-ins of the documents" {
    need systemd-analyze
    units
    run systemd-analyze security --offline=yes --threshold=20 units/milter-manager.service
    assert_success
    [[ $output =~ 'Overall exposure level for milter-manager.service: '([0-9.]+) ]]
    grep -qF "gives ${BASH_REMATCH[1]}, where" "$ROOT/doc/operations.md" ||
        fail "doc/operations.md has another figure than ${BASH_REMATCH[1]}"
    mkdir units/milter-manager.service.d
    awk '/^```ini/ { n++; inside = 1; next } /^```/ { inside = 0 }
        inside { print > ("units/milter-manager.service.d/" n ".conf") }' "$ROOT/doc/operations.md"
    rm units/milter-manager.service.d/3.conf # root, for milter.command
    run systemd-analyze security --offline=yes --threshold=20 units/milter-manager.service
    assert_success
    assert_output --partial 'Overall exposure level'
}

@test "the service of the log is shut in: exposure of at most 2.0" {
    need systemd-analyze
    units
    run systemd-analyze security --offline=yes --threshold=20 units/milter-manager-log-analyzer.service
    assert_success
    assert_output --partial 'Overall exposure level'
}

@test "stopping the service waits until the main process has finished" {
    local stop
    stop=$(sed -n "s/^ExecStop=-.bin.sh -c '\(.*\)'$/\1/p" "$BUILD/packaging/milter-manager.service")
    [ -n "$stop" ]
    bash -c 'trap "sleep 0.5; echo finished >ended; exit" TERM; echo >ready; while :; do sleep 0.05; done' 3>&- &
    MAINPID=$!
    until [ -e ready ]; do sleep 0.05; done
    export MAINPID
    run /bin/sh -c "$stop"
    assert_success
    assert_output ""
    [ -s ended ]
    MAINPID='' run /bin/sh -c "$stop" # it has ended by itself
    assert_failure
}

@test "the kernel's connections are found where the unit hides all of /proc but processes" {
    [[ $(id -u) = 0 ]] || skip "root is needed"
    grep -qx ProcSubset=pid "$BUILD/packaging/milter-manager.service"
    cat >find.rb <<'RUBY'
require "socket"
require "milter/manager/socket_table"
server = TCPServer.new("127.0.0.1", 0)
client = TCPSocket.new("127.0.0.1", server.local_address.ip_port)
address = client.local_address
table = Milter::Manager::SocketTable.new(1)
puts table.find(IPAddr.new(address.ip_address), address.ip_port).map(&:state)
RUBY
    # shellcheck disable=SC2016
    run unshare --mount --pid --fork sh -c 'mount -t proc -o subset=pid proc /proc && ! [ -e /proc/meminfo ] &&
        exec /usr/bin/ruby "$@"' - -I "$ROOT/milter-manager/lib" find.rb
    assert_success
    assert_line ESTABLISHED
}

@test "user and directories are made as they are described" {
    need systemd-sysusers
    [[ $(id -u) = 0 ]] || skip "root is needed"
    mkdir -p root/etc
    run systemd-sysusers --root="$PWD/root" "$PACKAGING/systemd/sysusers.conf"
    assert_success
    run grep '^milter-manager:' root/etc/passwd
    assert_output --regexp '^milter-manager:.*:/var/lib/milter-manager:/usr/sbin/nologin$'
    run systemd-sysusers --root="$PWD/root" "$PACKAGING/systemd/sysusers-log-analyzer.conf"
    assert_success
    run grep '^systemd-journal:' root/etc/group
    assert_output --regexp ':milter-manager-log-analyzer$'
    run systemd-tmpfiles --root="$PWD/root" --create "$PACKAGING/systemd/tmpfiles.conf"
    assert_success
    assert_equal "$(stat -c %a root/run/milter-manager)" 755
    assert_equal "$(stat -c %u root/run/milter-manager)" \
        "$(sed -n 's/^milter-manager:[^:]*:\([0-9]*\):.*/\1/p' root/etc/passwd)"
}

@test "logs are rotated, and the daemon is asked to open its log anew" {
    need logrotate
    [[ $(id -u) = 0 ]] || skip "root is needed"
    mkdir log run
    chmod 755 . log
    for ((i = 0; i < 100; i++)); do echo "line $i"; done >log/milter-manager.log
    # As the present user, with paths and a process of our own.
    trap 'echo USR1 >asked' USR1
    echo $$ >run/pid
    sed "s,/var/log/milter-manager,$PWD/log,; s,/run/milter-manager,$PWD/run,; s,/run/systemd/system,/none,
        s,^    su .*,    su root root," "$PACKAGING/logrotate/milter-manager" >config
    chmod 644 config
    run logrotate --force --state "$PWD/state" config
    assert_success
    assert_output ""
    [ -s log/milter-manager.log.1 ]
    [ ! -e log/milter-manager.log ] # the daemon makes it
    [ -s asked ]
}

@test "the packages have the version of the sources" {
    local version
    version=$(cat "$ROOT/VERSION")
    run sed -n '1s/^milter-manager (\([^)]*\)).*/\1/p' "$ROOT/debian/changelog"
    assert_output "$version"
    need rpmspec
    run rpmspec -q --qf '%{name} %{version}\n' "$PACKAGING/rpm/milter-manager.spec"
    assert_success
    assert_line "milter-manager $version"
    assert_line "milter-manager-tools $version"
}

@test "both kinds of packages are built with the same libraries as by hand" {
    local package missing=
    for package in archive-dev ev-dev glib2.0-dev gsasl-dev jansson-dev microhttpd-dev popt-dev \
        sqlite3-dev ssl-dev systemd-dev; do
        grep -q "^ lib$package" "$ROOT/debian/control" || missing+=" debian/control: lib$package"
        grep -q "lib$package" "$ROOT/bootstrap" || missing+=" bootstrap: lib$package"
    done
    for package in libarchive libev glib2 libgsasl jansson libmicrohttpd openssl popt sqlite systemd ruby; do
        grep -q "^BuildRequires: *$package-devel" "$PACKAGING/rpm/milter-manager.spec" || missing+=" spec: $package"
    done
    assert_equal "$missing" ""
}

@test "both kinds of packages hold every program and its completions" {
    local name path missing=
    for name in $(sed -n 's/^TOOL_NAMES *:= //p' "$ROOT/Makefile"); do
        grep -q "^%{_bindir}/$name$" "$PACKAGING/rpm/milter-manager.spec" || missing+=" spec: $name"
        grep -q "^%{_mandir}/man1/$name.1" "$PACKAGING/rpm/milter-manager.spec" || missing+=" spec: $name.1"
        for path in "bash-completion/completions/$name" "zsh/*/_$name" "fish/vendor_completions.d/$name.fish"; do
            holds "$ROOT/debian/milter-manager-tools.install" "$path" || missing+=" debian: $path"
            holds "$PACKAGING/rpm/milter-manager.spec" "$path" || missing+=" spec: $path"
        done
    done
    assert_equal "$missing" ""
}

# holds LIST PATH: a line of the list of files is that path below share, or a pattern for it
holds() {
    local line
    while IFS= read -r line; do
        line=${line#usr/share/} line=${line#'%{_datadir}/'} line=${line/#zsh\/*\//zsh/*/}
        # shellcheck disable=SC2053
        [[ $2 != $line ]] || return 0
    done <"$1"
    return 1
}

# What is not below the make that runs this test.
remake() {
    env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u MAKELEVEL make -s -C "$ROOT" BUILD="$BUILD" \
        DESTDIR="$PWD/there" "$@"
}

@test "what is installed is there, and uninstalling leaves nothing" {
    local file
    remake -o all install
    (cd there && find . -type f -o -type l) >installed
    for file in sbin/milter-manager bin/milter-test-client lib/systemd/system/milter-manager.socket \
        lib/sysusers.d/milter-manager.conf lib/tmpfiles.d/milter-manager.conf \
        etc/logrotate.d/milter-manager share/bash-completion/completions/milter-manager \
        bin/milter-test-server bin/milter-performance-check share/zsh/site-functions/_milter-performance-check \
        share/zsh/site-functions/_milter-test-server share/fish/vendor_completions.d/milter-manager.fish \
        lib/systemd/system/milter-manager-log-analyzer.service \
        lib/systemd/system/milter-manager-log-analyzer.timer \
        lib/sysusers.d/milter-manager-log-analyzer.conf \
        share/doc/milter-manager/examples/milter-manager-log-analyzer.cron \
        share/doc/milter-manager/doc/monitoring/alerts.yml share/man/man8/milter-manager.8; do
        grep -qxF "./usr/local/$file" installed || fail "not installed: $file"
    done
    [ -x there/usr/local/share/munin/plugins/milter_manager_ ]
    remake uninstall
    run find there -type f
    assert_output ""
}

@test "an empty directory variable leaves its files out" {
    remake -o all SYSTEMDUNITDIR= SYSUSERSDIR= TMPFILESDIR= LOGROTATEDIR= ZSHCOMPDIR= MUNINDIR= install
    run find there -path '*/systemd/*' -o -path '*munin*' -o -path '*logrotate*' -o -path '*zsh*' -o -path '*.d/milter*conf'
    assert_output ""
    [ -e there/usr/local/share/bash-completion/completions/milter-manager ]
}
