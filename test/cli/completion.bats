#!/usr/bin/env bats
# The completions that are made from the tables of options: every option, the
# right values, and nothing a shell could not read.  What writes them runs in every
# build, so with sanitizers too.
# test/run: not sanitized

bats_require_minimum_version 1.5.0

PROGRAMS='milter-manager milter-test-server milter-test-client milter-performance-check'

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    ROOT=$BATS_TEST_DIRNAME/../..
    BUILD=${MILTER_BUILD_DIR:-$ROOT/build}
    MADE=$BUILD/completion
    cd "$BATS_TEST_TMPDIR"
    mkdir -p some-directory
    touch some-file
}

need() {
    command -v "$1" >/dev/null && return
    [[ ${CI:-} != true ]] || fail "$1 is not installed"
    skip "$1 is not installed"
}

options() {
    local help=--help
    [[ $1 != milter-manager ]] || help=--help-all
    "$BUILD/bin/$1" $help | grep -oE -- '^ +(-[a-zA-Z?], )?--[a-z][a-z0-9-]*' | grep -o -- '--.*' | sort -u
}

# offers WORD...: what bash offers for the last word of that command line, split as bash does
offers() {
    PATH=$BUILD/bin:$PATH bash --norc -c '
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        complete=$(complete -p "$1") && function=${complete#*-F } && ${function% *} && printf "%s\n" "${COMPREPLY[@]}"
    ' - "$MADE/$1.bash" "$@"
}

@test "bash, zsh and fish can read them" {
    local program
    for program in $PROGRAMS; do
        bash -n "$MADE/$program.bash"
    done
    need zsh
    for program in $PROGRAMS; do
        run zsh -n "$MADE/_$program"
        assert_success
        assert_output ""
    done
    need fish
    for program in $PROGRAMS; do
        run fish --no-execute "$MADE/$program.fish"
        assert_success
        assert_output ""
    done
}

@test "bash offers every option that help shows, and no other" {
    local program
    for program in $PROGRAMS; do
        run offers "$program" --
        assert_equal "$(sort <<<"$output")" "$(options "$program")"
    done
}

@test "bash offers values: words, files, directories, addresses, users" {
    run offers milter-test-server --report j
    assert_output json
    run offers milter-test-server --report = ''
    assert_output $'text\njson\ncsv'
    run offers milter-test-client --output-format se
    assert_output session
    run offers milter-manager --syslog-facility ma
    assert_output mail
    run offers milter-manager --log-level st
    assert_output statistics
    run offers milter-manager --log-path some
    assert_output --partial some-file
    run offers milter-manager -c some
    assert_output some-directory
    run offers milter-manager -s uni
    assert_output unix:
    run offers milter-manager -s unix : some-f
    assert_output some-file
    run offers milter-manager --connection-spec = unix :
    assert_line some-file
    run offers milter-manager --user roo
    assert_line root
    run offers milter-manager --n-workers 3
    assert_output ""
    run offers milter-manager --show-config --pid
    assert_output --partial --pid-file
    run offers milter-test-server some-f
    assert_output some-file
    run offers milter-manager some-f # takes no words
    assert_output ""
}

@test "the programs take every value that is offered" {
    local program option value count=0
    for program in $PROGRAMS; do
        while IFS=$'\t' read -r option value; do
            [[ $option != --control ]] || continue # talks to a running one
            run "$BUILD/bin/$program" "$option=$value" --version
            if [[ $option=$value == --event-loop-backend=glib && $status != 0 ]]; then
                assert_output --partial 'without'
                continue
            fi
            assert_success
            count=$((count + 1))
        done < <("$BUILD/tools/completion-$program" values)
    done
    ((count > 30))
}

@test "fish offers options and values" {
    need fish
    export HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR PATH=$BUILD/bin:$PATH
    local program
    for program in $PROGRAMS; do
        run fish --no-config -c "source $MADE/$program.fish; complete -C '$program --' | string replace -r '\t.*' ''"
        assert_equal "$(grep -o -- '--[a-z][a-z0-9-]*' <<<"$output" | sort -u)" "$(options "$program")"
    done
    run fish --no-config -c "source $MADE/milter-test-server.fish; complete -C 'milter-test-server --report '"
    assert_line --partial $'json\t'
    run fish --no-config -c "source $MADE/milter-manager.fish; complete -C 'milter-manager -c some'"
    assert_output --partial some-directory
}

# What _arguments would be given: each specification names one option, perhaps with its letter.
@test "zsh is told every option" {
    need zsh
    local program
    for program in $PROGRAMS; do
        run zsh -f -c "words=(x y z) CURRENT=3; _arguments() { print -rl -- \"\$@\" }; source $MADE/_$program"
        assert_success
        assert_equal "$(grep -oE -- '^(\*|\([^)]*\))?--[a-z0-9-]+' <<<"$output" | sed 's/.*--/--/' | sort -u)" \
            "$(options "$program")"
    done
}

@test "zsh completes in a terminal of its own" {
    need zsh
    mkdir functions
    cp "$MADE"/_milter-* functions/
    cat >try.zsh <<ZSH
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; unset zle_bracketed_paste; fpath=($PWD/functions \$fpath); autoload -U compinit; compinit -u -D; cd $PWD; PATH=$BUILD/bin:\$PATH; zstyle ":completion:*" menu no; print REA""DY'
zpty -r shell line '*READY*'
zpty -w -n shell \$'milter-test-server --replay=some-f\t; print DO""NE\n'
zpty -r shell line '*DONE*'
print -r -- \$line
zpty -w -n shell \$'print -r -- MARK; milter-test-server --report=j\t--version; print EN""D\n'
zpty -r shell line '*END*'
print -r -- \$line
zpty -d shell
ZSH
    run timeout 60 zsh -f try.zsh
    assert_output --partial 'some-file'
    assert_output --partial '--report=json'
}

@test "a form that is none is an error" {
    local arguments
    for arguments in '' 'tcsh' 'bash zsh'; do
        # shellcheck disable=SC2086
        run "$BUILD/tools/completion-milter-manager" $arguments
        assert_failure 1
        assert_output --partial 'usage: '
    done
}
