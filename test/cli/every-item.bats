#!/usr/bin/env bats
# A configuration that uses every item, call, stopper and member of a context
# loads as it is and is shown as it was written (configuration.md sections 2-9).

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    ROOT=$BATS_TEST_DIRNAME/../..
    BUILD=${MILTER_BUILD_DIR:-$ROOT/build}
    FIXTURE=$ROOT/test/fixtures/configurations/every-item
    DIR=$BATS_TEST_TMPDIR/conf
    cp -R "$FIXTURE" "$DIR"
    unset MILTER_MANAGER_CONFIG_DIR
}

show() {
    run --separate-stderr "$BUILD/bin/milter-manager" -c "$DIR" --show-config
}

@test "every word of the language is used" {
    local kind name _ count=0
    while IFS=$'\t' read -r kind name _; do
        case $kind in
        item | condition) ;;
        *) name=${name##*.} name=${name%%\[]*} name=${name#address} ;;
        esac
        grep -rqF -- "$name" "$FIXTURE"/parts "$FIXTURE"/*.conf || fail "not used: $kind $name"
        count=$((count + 1))
    done < <("$BUILD/tools/config-reference" names "$ROOT/milter-manager/conf/applicable-conditions")
    ((count > 140))
}

@test "it loads" {
    show
    refute [ -n "$stderr" ]
    assert_success
    assert_output --partial 'define_milter("detected") do |milter|'
    assert_output --partial 'condition.description = "every stopper of Every Stopper and every member of a context, again"'
}

@test "each item is shown with the value and the place it was given" {
    local file line text item count=0
    show
    for file in 10-items 40-milters; do
        line=0
        while IFS= read -r text; do
            line=$((line + 1))
            [[ $text =~ ^\ *(([a-z]+)\.[a-z_]+)\ =\ .* ]] || continue
            item=${BASH_REMATCH[1]} text=${text#"${text%%[! ]*}"}
            case $item in
            *_conditions | *.command_options) continue ;; # in other words
            manager.event_loop_backend | manager.n_workers | milter.enabled) continue ;; # the defaults
            controller.token)
                assert_output --partial "# $DIR/parts/$file.conf:$line"$'\n# controller.token is set and not shown'
                refute_output --partial secret-of-the-controller
                continue
                ;;
            # Later files have the last word.
            database.* | security.privilege_mode | controller.unix_socket_mode | manager.fallback_status | \
                manager.connection_check_interval) continue ;;
            esac
            grep -A1 -F "# $DIR/parts/$file.conf:$line" <<<"$output" | grep -qF -- "$text" ||
                fail "not shown as in $file.conf:$line: $text"
            count=$((count + 1))
        done <"$DIR/parts/$file.conf"
    done
    ((count > 35)) || fail "$count"
}

@test "what is shown loads and is shown the same" {
    show
    sed '/^ *#/d' <<<"$output" >"$BATS_TEST_TMPDIR/first"
    rm -r "$DIR/parts" "$DIR/milter-manager.custom.conf"
    cp "$BATS_TEST_TMPDIR/first" "$DIR/milter-manager.conf"
    show
    assert_success
    # A secret is not shown, so the copy has none.
    run diff "$BATS_TEST_TMPDIR/first" <(sed '/^ *#/d; /^controller.token = nil$/d' <<<"$output")
    assert_output ""
}
