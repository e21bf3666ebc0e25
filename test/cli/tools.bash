#!/usr/bin/env bash
# What the suites of both test tools share: the programs, the processes a test
# has started, waiting.
# shellcheck disable=SC2034 # the suites use what is set here

tools_setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    BIN=${MILTER_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build}/bin
    SERVER=$BIN/milter-test-server
    CLIENT=$BIN/milter-test-client
    DIR=$BATS_TEST_TMPDIR
    PEERS=()
}

tools_teardown() {
    local peer
    for peer in "${PEERS[@]}"; do
        kill -CONT "$peer" 2>/dev/null || true # it may have been stopped
        kill "$peer" 2>/dev/null || true
    done
    for peer in "${PEERS[@]}"; do
        wait "$peer" 2>/dev/null || true
    done
}

# wait_until COMMAND... : at most ten seconds
wait_until() {
    local i
    for i in $(seq 200); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    echo "never true: $*" >&2
    return 1
}
