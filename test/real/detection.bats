#!/usr/bin/env bats
# The milters that Debian's packages install are found without a word from the
# administrator, and mail goes through what was found: Postfix, the manager with
# the shipped main file, opendkim, opendmarc, clamav-milter, spamass-milter, rspamd.
#
# The second half runs on a copy of the packages' files in which the addresses
# lead into the test's directory; the programs that listen there have
# configurations of the test's own, because theirs would ask the network.

load helper

FIVE="clamav-milter opendkim opendmarc spamass-milter rspamd"
CONF=${BATS_TEST_DIRNAME%/test/real}/milter-manager/conf
# A client that is not of the own network
REMOTE='ADDR=192.0.2.10 NAME=mx.example.test'

setup_file() {
    open_work
    local script
    for script in $FIVE; do
        [ -e "/etc/init.d/$script" ] || [ -e "/lib/systemd/system/$script.service" ] ||
            missing "no package with $script is installed"
    done
    start dns "$WORK/dns" "127.0.53.$(($$ % 200 + 2))"
    start clamav "$WORK/clamav-milter" "$WORK/clamav-milter/s.sock"
    start opendkim "$WORK/opendkim" "$WORK/opendkim/s.sock"
    start opendmarc "$WORK/opendmarc" "$WORK/opendmarc/s.sock" "$WORK/dns"
    start spamass "$WORK/spamass-milter" "$WORK/spamass-milter/s.sock"
    start rspamd "$WORK/rspamd" "$WORK/rspamd/s.sock"
    [ -e "$WORK/missing" ] || copy_packages
    # The shipped main file as it is; what the packager would have compiled in stands before it.
    manager all "package.options = \"root=$WORK/root\"
load(\"$CONF/milter-manager.conf\")"
    free_port >"$WORK/port"
    start postfix "$WORK/postfix" "$(cat "$WORK/port")" "$WORK/all.sock"
}

# The files by which the five are found, below $WORK/root, all of them switched on.
copy_packages() {
    local script file root=$WORK/root
    for script in $FIVE; do
        for file in "/lib/systemd/system/$script.service" "/etc/init.d/$script" \
            "/etc/default/$script" "/etc/$script.conf" "/etc/clamav/$script.conf"; do
            [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
        done
        mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
        [ ! -e "/lib/systemd/system/$script.service" ] ||
            ln -s "/lib/systemd/system/$script.service" "$root/etc/systemd/system/multi-user.target.wants/"
    done
    sed -i "s,^Socket[[:blank:]].*,Socket local:$WORK/opendkim/s.sock," "$root/etc/opendkim.conf"
    sed -i "s,^Socket[[:blank:]].*,Socket local:$WORK/opendmarc/s.sock," "$root/etc/opendmarc.conf"
    sed -i "s,^MilterSocket .*,MilterSocket $WORK/clamav-milter/s.sock," "$root/etc/clamav/clamav-milter.conf"
    echo "SOCKET=\"$WORK/spamass-milter/s.sock\"" >>"$root/etc/default/spamass-milter"
    mkdir -p "$root/usr/bin"
    cat >"$root/usr/bin/rspamadm" <<EOF
#!/bin/sh
exec /usr/bin/rspamadm --var=LOCAL_CONFDIR=$WORK/rspamd/conf --var=DBDIR=$WORK/rspamd/db "\$@"
EOF
    chmod 755 "$root/usr/bin/rspamadm"
}

teardown_file() {
    close_work
}

setup() {
    skip_if_missing
    rm -rf "$WORK/postfix/mail/inbox"
    PORT=$(cat "$WORK/port")
}

# shown DIR : name, spec and enabled of each milter, from the configuration in DIR
shown() {
    "$MILTER_BUILD_DIR/bin/milter-manager" --config-dir "$1" --show-config 2>"$WORK/warnings" |
        sed -n 's/^define_milter("\(.*\)").*/\1/p
            s/^  milter\.\(connection_spec\|enabled\) = "\{0,1\}\([^"]*\)"\{0,1\}$/\2/p' | paste -d ' ' - - -
}

eicar() {
    sed '/^$/q' "$MAILS/plain.eml"
    printf 'X5O!P%%@AP[4\\PZX54(P^)7CC)7}$%s-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\n' EICAR
}

@test "with the shipped files and an empty one of the administrator all five are found" {
    mkdir "$WORK/empty"
    cp -r "$CONF/." "$WORK/empty"
    : >"$WORK/empty/milter-manager.local.conf"
    shown "$WORK/empty" >"$WORK/found"
    local script
    for script in $FIVE; do
        has "$WORK/found" "^$script (unix:/|local:/|inet:[0-9]+@)[^ ]* true$"
    done
    # The address is that of the package, whatever it is.
    has "$WORK/found" "^opendkim $(awk '$1 == "Socket" { print $2 }' /etc/opendkim.conf) "
    has "$WORK/found" "^opendmarc $(awk '$1 == "Socket" { print $2 }' /etc/opendmarc.conf) "
    lacks "$WORK/warnings" 'detection of milters'
}

@test "in the copy all five are found where they listen, in their order" {
    shown "$WORK/all" >"$WORK/found"
    run cat "$WORK/found"
    [ "$output" = "clamav-milter unix:$WORK/clamav-milter/s.sock true
opendkim local:$WORK/opendkim/s.sock true
opendmarc local:$WORK/opendmarc/s.sock true
spamass-milter unix:$WORK/spamass-milter/s.sock true
rspamd unix:$WORK/rspamd/s.sock true" ]
}

@test "a signed mail from outside goes through all of them" {
    send -x "$REMOTE" "$PORT" bob@example.test <"$MAILS/dkim-signed.eml"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" '^X-Virus-Status: Clean'
    has "$WORK/arrived" 'dkim=pass'
    # opendmarc knows it from opendkim, before it.
    has "$WORK/arrived" 'dmarc=pass'
    has "$WORK/arrived" '^X-Spam-Checker-Version: SpamAssassin'
    has "$WORK/arrived" '^X-Spamd-Result: '
    quiet "$WORK/postfix"
}

@test "a mail from here is signed; what is for strangers does not see it" {
    send "$PORT" bob@other.test <"$MAILS/plain.eml"
    replied '^<- 250 2.0.0 Ok: queued'
    arrived "$WORK/postfix" 1
    has "$WORK/arrived" '^DKIM-Signature: .*d=example.test; s=live'
    has "$WORK/arrived" '^X-Virus-Status: Clean'
    lacks "$WORK/arrived" '^(X-Spam|X-Spamd-Result|DMARC-Filter)'
}

@test "each of them refuses what it is there for" {
    eicar >"$WORK/eicar"
    send "$PORT" bob@other.test <"$WORK/eicar"
    replied '^<- 550 5.7.1 infected by Test.Eicar'
    # spamass-milter comes before rspamd.
    send -x "$REMOTE" "$PORT" bob@example.test <"$MAILS/gtube.eml"
    replied '^<- 550 5.7.1 Blocked by SpamAssassin'
    send -x 'ADDR=198.51.100.7 NAME=[UNAVAILABLE]' "$PORT" bob@example.test <"$MAILS/plain.eml"
    replied '^<- 550 5.7.1 rejected by DMARC policy'
}

@test "one that is switched off is left out at the next reload" {
    rm "$WORK/root/etc/systemd/system/multi-user.target.wants/rspamd.service" "$WORK/root/etc/init.d/rspamd"
    kill -HUP "$(cat "$WORK/all/manager.pid")"
    local tries=0
    until send -x "$REMOTE" "$PORT" bob@example.test <"$MAILS/dkim-signed.eml" &&
        arrived "$WORK/postfix" 1 && ! grep -q '^X-Spamd-Result: ' "$WORK/arrived"; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ]
    done
    has "$WORK/arrived" '^X-Spam-Checker-Version: SpamAssassin'
}
