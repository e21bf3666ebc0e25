#!/usr/bin/env bats
# The manual pages: well-formed, complete, and right about options, items,
# defaults and the lines of session files.
# test/run: not sanitized

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    ROOT=$BATS_TEST_DIRNAME/../..
    MANAGER=${MILTER_BUILD_DIR:-$ROOT/build}/bin/milter-manager
    PROGRAM_PAGE=$ROOT/man/milter-manager.8
    MADE=${MILTER_BUILD_DIR:-$ROOT/build}/man # pages written from tables
    REFERENCE=${MILTER_BUILD_DIR:-$ROOT/build}/tools/config-reference
    FILE_PAGE=$MADE/milter-manager.conf.5
    SESSION_PAGE=$ROOT/man/milter-session.5
    DIR=$BATS_TEST_TMPDIR/conf
    mkdir "$DIR"
    unset MILTER_MANAGER_CONFIG_DIR
}

need_mandoc() {
    command -v mandoc >/dev/null && return
    [[ ${CI:-} != true ]] || fail "mandoc is not installed"
    skip "mandoc is not installed"
}

# ITEM = LITERAL, one line for each
items() {
    printf 'define_milter("x")\n' >"$DIR/milter-manager.conf"
    "$MANAGER" -c "$DIR" --show-config | sed -n 's/^ *\([a-z]*\.[a-z_]* = .*\)/\1/p'
}

options() {
    "$MANAGER" --help-all | grep -o -- '--[a-z][a-z-]*' | sort -u
}

@test "the pages have no mistakes in their markup" {
    need_mandoc
    local page
    for page in "$ROOT"/man/*.[158] "$MADE"/*.[158]; do
        # Whether other pages are installed does not matter here.
        run bash -c 'mandoc -T lint "$1" 2>/dev/null | grep -v "referenced manual not found"' - "$page"
        assert_output ""
    done
}

@test "every option is in the page of the program" {
    local option count=0
    for option in $(options); do
        grep -Eq -- "Fl ${option#-}( |\$)" "$PROGRAM_PAGE" || fail "not in the page: $option"
        count=$((count + 1))
    done
    ((count > 25))
}

@test "every option in the page of the program is one" {
    local option known count=0
    known=$(options)
    for option in $(sed -n 's/^\.It //p' "$PROGRAM_PAGE" | grep -o -- 'Fl -[a-z-]*' | sed 's/^Fl /-/'); do
        [[ $option != --socket-group-name ]] || continue # deprecated: not in the help
        grep -qxF -- "$option" <<<"$known" || fail "no option: $option"
        count=$((count + 1))
    done
    ((count > 25))
}

@test "every option of milter-test-client is in its page, and no other" {
    local option known page=$ROOT/man/milter-test-client.1 count=0
    known=$("${MILTER_BUILD_DIR:-$ROOT/build}/bin/milter-test-client" --help |
        grep -o -- '^ *\(-., \)\?--[a-z][a-z-]*' | grep -o -- '--.*' | sort -u)
    for option in $known; do
        grep -Eq -- "^\.It .*Fl ${option#-}( |\$)" "$page" || fail "not in the page: $option"
        count=$((count + 1))
    done
    ((count > 40))
    for option in $(sed -n 's/^\.It //p' "$page" | grep -o -- 'Fl -[a-z-]*' | sed 's/^Fl /-/'); do
        grep -qxF -- "$option" <<<"$known" || fail "no option: $option"
    done
}

@test "every item is in the page of the configuration" {
    local item _ count=0
    while read -r item _; do
        grep -qwF -- "$item" "$FILE_PAGE" || fail "not in the page: $item"
        count=$((count + 1))
    done < <(items)
    ((count > 50))
}

@test "the page of the configuration has the right defaults" {
    need_mandoc
    local item default literal shown count=0
    shown=$(items)
    while IFS='|' read -r item default; do
        [[ $default != "as built" ]] || continue
        literal=$(sed -n "s/^$item = //p" <<<"$shown")
        assert_equal "$item = $default" "$item = $literal"
        count=$((count + 1))
    done < <(mandoc -T ascii -O width=200 "$FILE_PAGE" |
        sed -n 's/.\x08//g; s/^ *\([a-z]*\.[a-z_]*\) (.*, \([^,]*\))$/\1|\2/p')
    ((count > 35))
}

@test "the page has every word, stopper and condition of the language" {
    need_mandoc
    local kind name rest text count=0
    text=$(mandoc -T ascii -O width=400 "$FILE_PAGE" | sed 's/.\x08//g')
    while IFS=$'\t' read -r kind name rest; do
        name=${name%%\[]*}
        name=${name%==}
        [[ $kind != stopper ]] || name=${name#condition.}
        grep -qF -- "$name" <<<"$text" || fail "not in the page: $kind $name"
        [[ $kind != condition ]] || grep -qF -- "$name ($rest)" <<<"$text" || fail "not described: $name"
        count=$((count + 1))
    done < <("$REFERENCE" names "$ROOT/milter-manager/conf/applicable-conditions")
    ((count > 140))
}

@test "a line of the page's source that asks for what there is not is an error" {
    local line
    for line in '@ITEMS nothing' '@WORDS nothing' '@NOTHING' '@'; do
        run bash -c 'printf "%s\n" "$1" | "$2" page "$3"' - "$line" "$REFERENCE" \
            "$ROOT/milter-manager/conf/applicable-conditions"
        assert_failure 1
        assert_output --partial "$line"
    done
    mkdir "$DIR/empty"
    run "$REFERENCE" page "$DIR/empty" <<<'@CONDITIONS'
    assert_failure 1
    assert_output --partial "$DIR/empty should hold the conditions"
    echo 'define_applicable_condition("X")' >"$DIR/empty/x.conf"
    run "$REFERENCE" page "$DIR/empty" <<<'@CONDITIONS'
    assert_failure 1
    assert_output --partial "$DIR/empty/x.conf should have a comment at its head"
}

# Names in a table of session_line.c
names_of() {
    sed -n "/line_form $1\[\]/,/^};/p" "$ROOT/libcore/session/session_line.c" |
        sed -n 's/^ *{"\([a-z-]*\)".*/\1/p; s/^ *{SESSION_LINE_VERBATIM.*/header-verbatim/p'
}

# What stands between two headings of the page of session files
section() {
    sed -n "/^\.Sh $1/,/^\.Sh $2/p" "$SESSION_PAGE"
}

@test "every command and every reply is in the page of session files" {
    local name count=0
    for name in $(names_of command_forms) close; do
        section 'WHAT THE MTA SAYS' 'WHAT THE FILTER' | grep -Eq "^(\.It )?\.?Ic $name( |\$)" ||
            fail "not in the page: > $name"
        count=$((count + 1))
    done
    for name in $(names_of reply_forms) hex close nothing; do
        section 'WHAT THE FILTER ANSWERS' EXAMPLES | grep -Eq "^\.It Ic $name( |\$)" ||
            fail "not in the page: < $name"
        count=$((count + 1))
    done
    for name in hex part rest; do
        section 'WHAT THE MTA SAYS' 'WHAT THE FILTER' | grep -Eq "^\.It Ic $name( |\$)" ||
            fail "not in the page: ! $name"
    done
    ((count > 40))
}

@test "every command and every reply in the page of session files is one" {
    local name count=0
    for name in $(section 'WHAT THE MTA SAYS' 'WHAT THE FILTER' | sed -n 's/^\.It Ic \([a-z-]*\).*/\1/p'); do
        names_of command_forms | grep -qxF -- "$name" ||
            [[ " close hex part rest " == *" $name "* ]] || fail "no command: $name"
        count=$((count + 1))
    done
    for name in $(section 'WHAT THE FILTER ANSWERS' EXAMPLES | sed -n 's/^\.It Ic \([a-z-]*\).*/\1/p'); do
        names_of reply_forms | grep -qxF -- "$name" ||
            [[ " hex close nothing " == *" $name "* ]] || fail "no reply: $name"
        count=$((count + 1))
    done
    ((count > 40))
}

@test "the examples in the page of session files are session files" {
    need_mandoc
    local file count=0
    mandoc -T ascii -O width=200 "$SESSION_PAGE" | sed 's/.\x08//g' | awk -v dir="$DIR" '
        match($0, /^ *milter-session 1$/) { indent = length($0) - 16; open = 1; n++ }
        open && NF && match($0, /[^ ]/) <= indent { open = 0 }
        open { print substr($0, indent + 1) > (dir "/" n ".session") }'
    for file in "$DIR"/*.session; do
        run --separate-stderr "${MANAGER%/*}/milter-test-server" -s unix:/none --replay "$file"
        assert_line --index 1 --partial 'Failed to connect'
        count=$((count + 1))
    done
    ((count == 5))
}

server_options() {
    "${MANAGER%/*}/milter-test-server" --help | grep -Eo -- '^ +(-[a-z?], )?--[a-z][a-z-]*' |
        grep -o -- '--.*' | sort -u
}

@test "every option of milter-test-server is in its page, and every one in the page is one" {
    local option page=$ROOT/man/milter-test-server.1 count=0
    for option in $(server_options); do
        grep -Eq -- "^\.It .*Fl ${option#-}( |\$)" "$page" || fail "not in the page: $option"
        count=$((count + 1))
    done
    for option in $(sed -n 's/^\.It //p' "$page" | grep -o -- 'Fl -[a-z-]*' | sed 's/^Fl /-/'); do
        grep -qxF -- "$option" <<<"$(server_options)" || fail "no option: $option"
    done
    ((count > 30))
}

check_options() {
    "${MANAGER%/*}/milter-performance-check" --help | grep -Eo -- '^ +(-[a-z], )?--[a-z0-9-]+' |
        grep -o -- '--.*' | sort -u
}

@test "every option of milter-performance-check is in its page, and every one in the page is one" {
    local option page=$ROOT/man/milter-performance-check.1 count=0
    for option in $(check_options); do
        grep -Eq -- "^\.It .*Fl ${option#-}( |\$)" "$page" || fail "not in the page: $option"
        count=$((count + 1))
    done
    ((count > 45))
    for option in $(sed -n 's/^\.It //p' "$page" | grep -o -- 'Fl -[a-z0-9-]*' | sed 's/^Fl /-/'); do
        grep -qxF -- "$option" <<<"$(check_options)" || fail "no option: $option"
    done
}

@test "the members of a JSON report are in the page of milter-performance-check" {
    local name names
    names=$(sed -n '/^is one object/,/^\.Sh/p' "$ROOT/man/milter-performance-check.1" |
        sed -n '/^\.Bd/,/^\.Ed/p' | sed '1d;$d' | grep -oE '[a-z0-9_.-]+')
    for name in $(grep -oE 'set\((object|row), "[a-z0-9_-]+"' "$ROOT/milter-performance-check/report_json.c" |
        sed 's/.*"\(.*\)"/\1/' | sort -u); do
        grep -qxF -- "$name" <<<"$names" || fail "not in the page: $name"
    done
}

@test "every option of milter-manager-log-analyzer is in its page, and every one in the page is one" {
    local option known page=$ROOT/man/milter-manager-log-analyzer.1 count=0
    known=$("${MANAGER%/*}/milter-manager-log-analyzer" --help | grep -Eo -- '^ +(-[a-z], )?--[a-z-]+' |
        grep -o -- '--.*' | sort -u)
    for option in $known; do
        grep -Eq -- "^\.It .*Fl ${option#-}( |\$)" "$page" || fail "not in the page: $option"
        count=$((count + 1))
    done
    ((count == 13))
    for option in $(sed -n 's/^\.It //p' "$page" | grep -o -- 'Fl -[a-z-]*' | sed 's/^Fl /-/'); do
        grep -qxF -- "$option" <<<"$known" || fail "no option: $option"
    done
}

@test "what the log analyzer counts, and its tables, are in its page" {
    local name page names count=0 program=$ROOT/milter-manager-log-analyzer
    page=$(sed -n '/^\.Sh WHAT IS COUNTED$/,/^\.Sh EXPORT/p' "$ROOT/man/milter-manager-log-analyzer.1")
    names=$(grep -o '[a-z_-]*' <<<"$page")
    for name in $(sed -n '/_items\[\] = {/,/^static const struct series_info/p; /infos\[/,/^};/p' "$program/series.c" |
        grep -Eo '(AREA\(|LINE\(|GAUGE\(|\{)"[a-z-]+"' | grep -o '[a-z-]*' | sort -u) \
        $(grep -o 'CREATE TABLE [a-z_]*' "$program/store_schema.c" | sed 's/.* //'); do
        grep -qxF -- "$name" <<<"$names" || fail "not in the page: $name"
        count=$((count + 1))
    done
    ((count > 45))
    grep -qF 'b103' <<<"$page"
}
