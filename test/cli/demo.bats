#!/usr/bin/env bats
# The demo checks what it shows; here its exit status and that it leaves nothing behind.

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
}

@test "the demo shows one mail through two filters, what the manager counted, and cleans up" {
    TMPDIR=$BATS_TEST_TMPDIR run "$BATS_TEST_DIRNAME/../../scripts/demo"
    assert_success
    assert_line --partial 'header: <Subject: [checked] Lunch?>'
    assert_line --regexp '^ *\+ X-Stamp: checked$'
    # What the manager says of itself: two workers, and both filters were asked.
    assert_line --regexp '^ +0 +[0-9]+ '
    assert_line --regexp '^ +1 +[0-9]+ '
    assert_line --regexp '^ +stamp +up +[^ ]+ +[1-9]'
    run ls -A "$BATS_TEST_TMPDIR"
    refute_output --partial milter-demo
}

@test "the demo fails when a program is missing" {
    TMPDIR=$BATS_TEST_TMPDIR MILTER_BUILD_DIR=$BATS_TEST_TMPDIR run "$BATS_TEST_DIRNAME/../../scripts/demo"
    assert_failure
    assert_output --partial 'did not start'
}
