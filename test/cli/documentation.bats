#!/usr/bin/env bats
# The examples of the guide and of the manual page are configuration.
# test/run: not sanitized

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    ROOT=$BATS_TEST_DIRNAME/../..
    BUILD=${MILTER_BUILD_DIR:-$ROOT/build}
    DIR=$BATS_TEST_TMPDIR/conf
    mkdir -p "$DIR/examples" "$DIR/models" "$BATS_TEST_TMPDIR/files/models"
    unset MILTER_MANAGER_CONFIG_DIR
}

# Loads each file of $DIR/examples, with the paths it names made ours.
load_examples() {
    local file files=$BATS_TEST_TMPDIR/files
    printf 'class Account < ActiveRecord::Base\nend\n' >"$files/models/account.rb"
    printf 'class Customer < ActiveRecord::Base\nend\n' >"$DIR/models/customer.rb"
    echo '192.0.2.0/24 OK' >"$files/friends.cidr"
    count=0
    for file in "$DIR"/examples/*; do
        {
            echo 'load("applicable-conditions/*.conf")'
            sed "s,\"/etc/milter-manager/models,\"$files/models,; s,\"/etc/postfix/,\"$files/,
                s,\"/var/lib/milter-manager/users.db,\"$files/users.db," "$file"
        } >"$DIR/milter-manager.conf"
        run --separate-stderr "$BUILD/bin/milter-manager" -c "$DIR" --show-config
        assert_equal "$stderr" ""
        assert_success
        count=$((count + 1))
    done
}

@test "the examples of the guide load without a word" {
    local line n=0 inside=
    while IFS= read -r line; do
        case $line in
        '```ruby') n=$((n + 1)) inside=1 ;;
        '```'*) inside= ;;
        *) [[ -z $inside ]] || printf '%s\n' "$line" >>"$DIR/examples/$n.conf" ;;
        esac
    done <"$ROOT/doc/configuration.md"
    load_examples
    ((count >= 10))
}

@test "the examples of the how-tos load without a word" {
    local name line n=0 inside=
    for name in postfix rspamd operations monitoring scaling-haproxy statistics; do
        while IFS= read -r line; do
            case $line in
            '```ruby') n=$((n + 1)) inside=1 ;;
            '```'*) inside= ;;
            *) [[ -z $inside ]] || printf '%s\n' "$line" >>"$DIR/examples/$n.conf" ;;
            esac
        done <"$ROOT/doc/$name.md"
    done
    # One that was found before has its place already; the log cannot be written here.
    sed -i 's/^define_milter("rspamd") do |milter|$/&\n  milter.connection_spec ||= "inet:11332@localhost"/' \
        "$DIR"/examples/*
    load_examples
    ((count >= 9))
}

@test "the examples of the manual page load without a word" {
    awk -v dir="$DIR/examples" '
        /^\.Bd -literal/ { n++; inside = 1; next }
        /^\.Ed/ || /^\[/ || /^FILE:/ || /^</ { inside = 0 } # logged, told, XML
        inside { gsub(/\\e/, "\\"); print > (dir "/" n ".conf") }' "$BUILD/man/milter-manager.conf.5"
    load_examples
    ((count >= 4))
}

@test "the links of the documents lead somewhere" {
    local file link target anchor count=0
    cd "$ROOT"
    for file in README.md CONTRIBUTING.md doc/*.md; do
        for link in $(grep -o '](\([^)]*\))' "$ROOT/$file" | sed 's/^](//; s/)$//'); do
            [[ $link != http* ]] || continue
            target=${link%%#*}
            target=$ROOT/$(dirname "$file")/${target:-$(basename "$file")}
            [[ -e $target ]] || fail "$file: no file for $link"
            if [[ $link == *#* ]]; then
                anchor=$(grep '^#' "$target" | tr '[:upper:]' '[:lower:]' |
                    sed 's/^#* //; s/[^a-z0-9_ -]//g; s/ /-/g')
                grep -qxF -- "${link#*#}" <<<"$anchor" || fail "$file: no heading for $link"
            fi
            count=$((count + 1))
        done
    done
    ((count > 30))
}

@test "every document of doc is named in the read-me file" {
    local file
    for file in "$ROOT"/doc/*.md; do
        grep -qF "(doc/${file##*/})" "$ROOT/README.md" || fail "not in README.md: ${file##*/}"
    done
}

# The commands of the load tester in a document, one a line
load_commands() {
    sed -e ':a; /\\e\{0,1\}$/ { N; s/\\e\{0,1\}\n *//; ba; }' "$1" |
        grep -o -- 'milter-performance-check --.*' | sed 's/ [|&] *.*//; s/ |$//'
}

@test "the commands of the load tester in the documents are ones" {
    local file command count=0
    for file in README.md doc/load-testing.md man/milter-performance-check.1; do
        while IFS= read -r command; do
            # The last option ends it, once all before it have been understood.
            run bash -c "'$BUILD/bin/'$command --version" </dev/null
            assert_output --regexp '^milter-performance-check [0-9.]+$'
            count=$((count + 1))
        done < <(load_commands "$ROOT/$file")
    done
    ((count > 20))
}

# shell_commands FILE : what stands in its blocks for a shell, but what the system has to do
shell_commands() {
    awk '/^```sh$/ { block = ""; inside = 1; next }
        /^```/ { if (inside && block !~ /sudo/) print block; inside = 0 }
        inside { block = block $0 "\n" }' "$1"
}

@test "the commands of the log analyzer in the documents do what is said there" {
    local log=$BATS_TEST_TMPDIR/log i command count=0
    for command in jq sqlite3 gnuplot; do
        command -v "$command" >/dev/null && continue
        [[ ${CI:-} != true ]] || fail "$command is not installed"
        skip "$command is not installed"
    done
    mkdir "$log" "$BATS_TEST_TMPDIR/bin"
    for i in 900 600; do
        echo "$(date -u -d "-$i seconds" +%Y-%m-%dT%H:%M:%SZ) mx milter-manager[1]: [statistics] [milter][end][quit][reject][0.1](1): spamass"
        echo "$(date -u -d "-$i seconds" +%Y-%m-%dT%H:%M:%SZ) mx milter-manager[1]: [statistics] [session][end][quit][reject][0.1](1)"
        echo "$(date -u -d "-$i seconds" +%Y-%m-%dT%H:%M:%SZ) mx milter-manager[1]: [children][error][connect][accept] [1] connection closed by inet:1@[127.0.0.1]: spamass"
    done >"$log/mail.log"
    printf '#!/bin/sh\nexec cat "%s"\n' "$log/mail.log" >"$BATS_TEST_TMPDIR/bin/journalctl"
    chmod +x "$BATS_TEST_TMPDIR/bin/journalctl"
    "$BUILD/bin/milter-manager-log-analyzer" --quiet --output-directory="$BATS_TEST_TMPDIR/data" "$log/mail.log"
    sed "s,/var/log/,$log/,g; s,/var/lib/milter-manager-log-analyzer,$BATS_TEST_TMPDIR/data,g
        s,/tmp/\(statistics\|may\),$BATS_TEST_TMPDIR/\1,g; s,=2024-05-01,=-1d," "$ROOT/doc/statistics.md" |
        sed 's, --until=2024-06-01,,' >"$BATS_TEST_TMPDIR/statistics.md"
    shell_commands "$BATS_TEST_TMPDIR/statistics.md" >"$BATS_TEST_TMPDIR/commands"
    PATH=$BATS_TEST_TMPDIR/bin:$BUILD/bin:$PATH run --separate-stderr \
        bash -o pipefail -e "$BATS_TEST_TMPDIR/commands"
    # The journal has what the file had.
    assert_equal "$stderr" "milter-manager-log-analyzer: not counted: 6 lines older than what was read before."
    assert_success
    assert_line --regexp ',minute,milter-status,spamass,reject,1,1$'
    assert_line --partial '"rejected": 2'
    assert_line 'spamass|closed|2'
    [ -s "$BATS_TEST_TMPDIR/statistics/index.html" ]
    grep -q 'May 2024' "$BATS_TEST_TMPDIR/may/index.html"
    # Options that others run are ones, too.
    for i in README.md doc/statistics.md man/milter-manager-log-analyzer.1; do
        while IFS= read -r command; do
            run bash -c "'$BUILD/bin/'$command --version" </dev/null
            assert_output --regexp '^milter-manager-log-analyzer [0-9.]+$'
            count=$((count + 1))
        done < <(sed -e ':a; /\\e\{0,1\}$/ { N; s/\\e\{0,1\}\n *//; ba; }' "$ROOT/$i" |
            grep -o 'milter-manager-log-analyzer --.*' | sed "s/ |.*//; s/^\([^']*\)'\$/\1/" | grep -v '`')
    done
    ((count >= 12))
}

@test "the how-to of statistics has what is installed" {
    local line
    grep -qF -- "$(grep '^\*/5' "$ROOT/packaging/cron/milter-manager-log-analyzer")" "$ROOT/doc/statistics.md"
    while IFS= read -r line; do
        grep -qxF -- "$line" "$ROOT/doc/statistics.md" || fail "not in the how-to: $line"
    done < <(sed -n 's,^#   ,,; s,@bindir@,/usr/bin,; /^\[Service\]$/,/--log=/p' \
        "$ROOT/packaging/systemd/milter-manager-log-analyzer.service.in" | sed '/--log=/q')
}
