#!/usr/bin/env bats
# milter-test-server --replay: what is sent, what is compared, every way the
# outcome is printed, files that are updated, every way of failing.

bats_require_minimum_version 1.5.0

load server.bash

setup() {
    server_setup
    cd "$DIR" || exit 1
}

teardown() {
    server_teardown
}

# session [FILE] : standard input, behind a version line, as a session file
session() {
    {
        echo 'milter-session 1'
        cat
    } >"${1:-a.session}"
}

# replay [OPTION...] : a.session, or the files and options that are named
replay() {
    (($#)) || set -- a.session
    run --separate-stderr timeout 30 "$SERVER" -s "unix:$SOCKET" --reading-timeout 5 --replay "$@"
}

# told LETTERS : the commands that arrived, in their order
told() {
    wait_until grep -q closed "$LOG"
    assert_equal "$(grep -v '^listening\|^closed' "$LOG" | cut -c1 | tr -d '\n')" "$1"
}

mail() {
    session "${1:-a.session}" <<'FILE'
# A mail that is signed.
> negotiate 6 all all
> connect mx.example.net inet 50443 192.0.2.1
> helo delian
> envelope-from <a@example.com>
> envelope-recipient <b@example.org>
> data
> header Subject "Hi there"
> end-of-header
> body "one\r\n" "two\r\n"
> end-of-message
@9 < add-header X-A * # is no comment
< accept

> quit
FILE
    sed -i 's/ # is no comment//' "${1:-a.session}"
}

# ---- what is sent, what is compared

@test "a file that is answered as expected" {
    filter 'E=hX-A\x00whatever\x00|a'
    mail
    replay
    assert_success
    assert_equal "$stderr" ''
    assert_line --index 0 --regexp '^ok a\.session \([0-9.]+ s\)$'
    assert_line --index 1 --regexp '^1 passed, 0 failed \([0-9.]+ s\)$'
    assert_equal "${#lines[@]}" 2
    told OCHMRTLNBEQ
    assert_equal "$(sent L)" 'Subject\x00Hi there\x00'
    assert_equal "$(sent B)" 'one\r\ntwo\r\n'
}

@test "milter-test-client as the filter" {
    client
    session <<'FILE'
> negotiate 6 all all
< negotiate 6 * *
> macros connect j=mx.example.net
> connect mx.example.net inet 50443 192.0.2.1
< continue
> envelope-from <a@example.com>
> envelope-recipient <b@example.org>
> data
> end-of-header
> end-of-message
> quit
FILE
    replay
    assert_success
    wait_until grep -q finished "$LOG"
    run cat "$LOG"
    assert_line '  j=mx.example.net'
    assert_line 'envelope-recipient: <<b@example.org>>'
}

@test "a file that is answered otherwise" {
    filter 'E=hX-B\x00v\x00|r'
    mail
    replay
    assert_failure 1
    assert_line --index 0 --regexp '^FAILED a\.session \([0-9.]+ s\)$'
    assert_output --partial "--- a.session
+++ unix:$SOCKET
@@ -10,7 +10,7 @@
 > end-of-header
 > body \"one\\r\\n\" \"two\\r\\n\"
 > end-of-message
-@9 < add-header X-A *
-< accept
+< add-header X-B v
+< reject
 
 > quit
0 passed, 1 failed"
    told OCHMRTLNBEQ
}

@test "the difference is one that patch applies, to what --update writes" {
    local text
    command -v patch >/dev/null || skip "patch is not installed"
    filter 'H=r|wait:0' 'E=hX-B\x00v\x00|bnew\r\nbody\r\n|y550 5.7.1 no\x00'
    for text in $'< accept\n\n> quit\n' $'< accept' '' $'< add-header X *\n< replace-body "a\\n"\n\n\n\n\n\n\n# end'; do
        session <<<$'> negotiate 6 all all\n> connect h unknown\n> envelope-from <a@b>\n# 1\n# 2
# 3\n# 4\n> envelope-recipient <c@d>\n> end-of-header\n> end-of-message'
        printf '%s' "$text" >>a.session
        [[ -n $text ]] || truncate -s -1 a.session
        cp a.session b.session
        replay
        assert_failure 1
        sed -n '/^--- /,$p' <<<"$output" | sed '$d' >difference
        run patch -p0 --dry-run -i difference
        assert_success
        patch -p0 -i difference
        replay b.session --update
        assert_success
        assert_line --index 0 --regexp '^updated b\.session \('
        assert_line --index 1 --regexp '^0 passed, 0 failed, 1 updated \('
        cmp a.session b.session
        replay
        assert_success
    done
}

@test "what the filter negotiated away is not sent, and an expected continue counts as given" {
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
< continue
> helo a
< continue
> envelope-from <a@b>
< continue
> envelope-recipient <c@d>
> header A b
> header-verbatim A b
> header-verbatim A " b"
> end-of-header
> end-of-message
FILE
    # no-helo, header-value-with-leading-space
    filter 'O=O\x00\x00\x00\x06\x00\x00\x00\x01\x00\x10\x00\x02'
    replay
    assert_success
    told OCMRLLLNEQ
    assert_equal "$(sent L)" 'A\x00 b\x00
A\x00b\x00
A\x00 b\x00'
    filter
    replay
    assert_success
    assert_equal "$(sent L)" 'A\x00b\x00
A\x00b\x00
A\x00b\x00'
}

@test "nothing more of a message that is over, several messages" {
    filter 'R#1=r' 'M#2=a'
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
> envelope-from <a@b>
> envelope-recipient <c@d>
< reject
> envelope-recipient <e@d>
> end-of-header
> body x
> end-of-message
> envelope-from <2@b>
< accept
> envelope-recipient <2@d>
> end-of-header
> end-of-message
> envelope-from <3@b>
> abort
> quit-new-connection
> connect i unknown
> helo i
> quit
FILE
    replay
    assert_success
    told OCMRRNBEMMAKCHQ
}

@test "macros go with their command" {
    filter 'M=r'
    session <<'FILE'
> negotiate 6 all all
> macros connect j=x
> connect h unknown
> macros envelope-from a=1
> envelope-from <a@b>
< reject
> macros envelope-recipient r=1
> envelope-recipient <c@d>
> macros end-of-message i=1
> end-of-message
> macros envelope-from a=2
> envelope-from <2@b>
< reject
> quit
FILE
    replay
    assert_success
    told ODCDMDMQ
    assert_equal "$(sent D)" 'Cj\x00x\x00
Ma\x001\x00
Ma\x002\x00'
}

@test "a filter that is out of the session is told nothing more" {
    filter 'C=r'
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
< reject
> helo a
< continue
> quit
FILE
    replay
    assert_success
    assert_equal "$(sent H)" ''
}

@test "no command is sent twice because of progress" {
    filter 'C=raw:\x00\x00\x00\x01c\x00\x00\x00\x01p'
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
> helo a
> quit
FILE
    replay
    assert_success
    told OCHQ
}

@test "things no MTA does" {
    filter Z='c|a'
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
< continue
! packet Z "what\x00"
< continue
# and
< accept
! helo one
< continue
! helo two
< continue
! header A " b"
< continue
! part 3 helo abc
! rest
< continue
! hex 00000002 42 78
< continue
! macros body a=b
! quit
FILE
    replay
    assert_success
    told OCZHHLHBDQ
    assert_equal "$(sent Z)" 'what\x00'
    assert_equal "$(sent L)" 'A\x00 b\x00'
    assert_equal "$(sent B)" x
}

@test "half a packet, and gone" {
    filter
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
< continue
! part 6 helo abc
> close
FILE
    replay
    assert_success
    told OC
}

@test "a command before negotiate, a command after quit" {
    filter
    session <<<'> helo a'
    replay
    assert_failure 1
    assert_line --regexp '^a command before negotiate: no MTA says that, send it with ! instead of > \('
    session <<<$'> negotiate 6 all all\n> quit\n> helo a'
    replay
    assert_failure 1
    assert_line --regexp '^a command after quit: no MTA says that, send it with ! instead of > \('
}

@test "a long body is cut, a file beside the session file is read" {
    filter
    mkdir sub
    head -c 140000 /dev/zero | tr '\0' x >sub/body
    session sub/a.session <<'FILE'
> negotiate 6 all all
> connect h unknown
> envelope-from <a@b>
> envelope-recipient <c@d>
> end-of-header
> body file:body
> end-of-message
FILE
    replay sub/a.session
    assert_success
    told OCMRNBBBEQ
    assert_equal "$(sent B | awk '{ print length }')" '65535
65535
8930'
    replay "$DIR/sub/a.session"
    assert_success
}

# ---- silence, closing, garbage, waiting

@test "an expected silence" {
    filter 'C=wait:0.3|c'
    session <<'FILE'
> negotiate 6 all all
> connect h unknown
< nothing 50ms
< continue
< nothing 0
> quit
FILE
    replay
    assert_success
    sed -i 's/50ms/3s/' a.session
    replay
    assert_failure 1
    assert_line -- '-< nothing 3s'
    refute_line -- '-< continue'
    filter 'C=c|close'
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< continue\n< nothing 500ms'
    replay
    assert_failure 1
    assert_line -- '-< nothing 500ms'
    assert_line '+< close'
    echo '< close' >>a.session
    replay
    assert_failure 1
    assert_line -- '-< nothing 500ms'
    refute_line '+< close'
    filter C=close
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< nothing 500ms\n< continue'
    replay
    assert_failure 1
    assert_equal "$(grep -cxF '+< close' <<<"$output")" 1
}

@test "a filter that closes, expected or not" {
    filter C=close
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< close\n> close'
    replay
    assert_success
    sed -i '/close/d' a.session
    replay
    assert_failure 1
    assert_line --regexp "^connection closed by unix:$SOCKET \\(connect: 17 bytes read, 25 bytes written\\); steps not played: 0\$"
    assert_line '+< close'
    filter
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< continue\n< close'
    run --separate-stderr timeout 30 "$SERVER" -s "unix:$SOCKET" --replay a.session --reading-timeout 0.2
    assert_failure 1
    assert_line --partial "unix:$SOCKET did not close the connection within 0.2 seconds"
}

@test "no answer, and how long is waited for one" {
    filter 'C=silent' 'E=silent'
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< continue\n> quit'
    run --separate-stderr timeout 30 "$SERVER" -s "unix:$SOCKET" --replay a.session --reading-timeout 0.2
    assert_failure 1
    assert_line --regexp "^no answer from unix:$SOCKET for 0\\.2 seconds \\(connect: .*\\); steps not played: 1\$"
    assert_line "+# no answer from unix:$SOCKET for 0.2 seconds"
    sed -i '2i timeout 100ms' a.session
    replay
    assert_failure 1
    assert_line --partial 'for 0.1 seconds'
    filter 'E=silent'
    session <<'FILE'
timeout 300ms
> negotiate 6 all all
> connect h unknown
> envelope-from <a@b>
> envelope-recipient <c@d>
> end-of-header
> end-of-message
FILE
    # The time of the file holds for the end of the message, too, also when it is the default.
    run --separate-stderr timeout 30 "$SERVER" -s "unix:$SOCKET" --replay a.session \
        --reading-timeout 0.3 --end-of-message-timeout 60
    assert_failure 1
    assert_line --partial 'for 0.3 seconds (end-of-message: '
    sed -i 2d a.session
    run --separate-stderr timeout 30 "$SERVER" -s "unix:$SOCKET" --replay a.session \
        --reading-timeout 5 --end-of-message-timeout 0.2
    assert_failure 1
    assert_line --partial 'for 0.2 seconds (end-of-message: '
}

@test "garbage" {
    filter 'C=raw:HTTP/1.1 400 Bad Request\r\n\r\n'
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< continue\n> quit'
    replay
    assert_failure 1
    assert_line --regexp "^unix:$SOCKET breaks the protocol: .*HTTP.*\\(connect: "
    assert_line -- '-< continue'
    assert_line --regexp '^\+< hex 48 54 54 50 '
    filter 'Z=raw:HTTP/1.1 400 Bad Request\r\n\r\n'
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< continue\n! packet Z\n< hex 48545450 *'
    replay
    assert_success
}

@test "an answer nobody asked for" {
    filter 'H=raw:\x00\x00\x00\x01c\x00\x00\x00\x01c'
    session <<<$'> negotiate 6 all all\n> connect h unknown\n> helo a\npause 50ms\n> quit'
    replay
    assert_failure 1
    assert_line --regexp "^unix:$SOCKET breaks the protocol: a packet although no reply is owed \\("
}

@test "pauses and times" {
    local before
    filter
    session <<<$'> negotiate 6 all all\n@20 > connect h unknown\n< continue\npause 300ms\n@0.1 > quit'
    before=$(date +%s%N)
    replay
    assert_success
    (($(date +%s%N) - before < 15000000000))
    (($(date +%s%N) - before > 300000000))
    sed -i 's/@20/@0.6/' a.session
    before=$(date +%s%N)
    replay a.session --keep-times
    assert_success
    (($(date +%s%N) - before > 900000000))
}

@test "nobody there" {
    mail
    replay
    assert_failure 1
    assert_line --index 0 --regexp '^FAILED a\.session \('
    assert_line --index 1 "Failed to connect to unix:$SOCKET: No such file or directory"
    run --separate-stderr "$SERVER" -s "inet:1@[127.0.0.1]" --replay a.session
    assert_failure 1
    assert_line --index 1 'Failed to connect to inet:1@[127.0.0.1]: Connection refused'
}

# ---- updates

@test "only what differs is updated" {
    filter 'C=wait:0.1|r' 'M=r'
    session <<'FILE'
# keep me

@0.001 > negotiate 6 all all
@0.002 < negotiate * # pattern
> connect h unknown
@0.5 < re*
> quit
FILE
    sed -i 's/ # pattern//' a.session
    cp a.session before
    replay a.session --update
    assert_success
    assert_line --index 0 --regexp '^ok '
    cmp a.session before
    sed -i 's/re\*/accept/' a.session
    chmod 640 a.session
    replay a.session --update
    assert_success
    assert_line --index 0 --regexp '^updated '
    run diff before a.session
    assert_output '7c7
< @0.5 < re*
---
> < reject'
    assert_equal "$(stat -c %a a.session)" 640
    assert_equal "$(find . -type f ! -name 'separate-*' | sort | tr '\n' ' ')" './a.session ./before ./filter.log '
}

@test "what was not played to the end is not updated" {
    local reply
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< accept\n> helo a\n> quit'
    cp a.session before
    for reply in H=close H=silent 'H=raw:GARBAGE!'; do
        filter "$reply"
        run timeout 30 "$SERVER" -s "unix:$SOCKET" --reading-timeout 0.2 --replay a.session --update
        assert_failure 1
        assert_line --index 0 --regexp '^FAILED '
        cmp a.session before
    done
}

@test "updates that cannot be written" {
    filter C=r
    session <<<$'> negotiate 6 all all\n> connect h unknown\n< accept'
    run --separate-stderr "$SERVER" -s "unix:$SOCKET" --replay - --update <a.session
    assert_failure 1
    assert_equal "$stderr" 'milter-test-server: standard input cannot be updated'
    assert_line --index 0 --regexp '^FAILED - \('
    assert_line '+< reject'
}

@test "standard input" {
    filter
    session <<<$'> negotiate 6 all all\n> quit'
    run --separate-stderr "$SERVER" -s "unix:$SOCKET" --replay - <a.session
    assert_success
    assert_line --index 0 --regexp '^ok - \('
}

# ---- many files, formats

@test "directories, and files behind the options" {
    filter
    mkdir -p suite/b suite/c empty
    for name in suite/2 suite/b/1 suite/10 suite/c/x extra; do
        session "$name.session" <<<'> negotiate 6 all all'
    done
    echo nonsense >suite/README
    ln -s nowhere suite/c/gone.session
    run --separate-stderr "$SERVER" -s "unix:$SOCKET" --replay suite extra.session
    assert_failure 1
    assert_equal "$(sed -n 's/^\([a-zA-Z]* [^ ]*\) .*/\1/p' <<<"$output" | head -n 7 | grep session)" \
        'ok suite/10.session
ok suite/2.session
ok suite/b/1.session
FAILED suite/c/gone.session
ok suite/c/x.session
ok extra.session'
    assert_line --partial 'suite/c/gone.session does not exist.'
    rm suite/c/gone.session
    replay suite
    assert_success
    assert_line --index 4 --regexp '^4 passed, 0 failed '
    replay empty
    assert_failure 1
    assert_equal "$stderr" 'milter-test-server: empty holds no file named *.session'
    replay none
    assert_failure 1
    assert_equal "$stderr" 'milter-test-server: cannot read session file none: No such file or directory'
    assert_equal "$output" ''
}

@test "twenty files at the same time are reported in their order" {
    local i expected='' before
    client
    mkdir suite
    for i in $(seq 10 29); do
        session "suite/$i.session" <<<$'> negotiate 6 all all\n> connect h unknown\npause '$(((30 - i) * 20))$'ms\n> quit'
        expected+="ok suite/$i.session"$'\n'
    done
    before=$(date +%s%N)
    replay suite --jobs 20
    assert_success
    (($(date +%s%N) - before < 3000000000)) # one after the other: 4.2 seconds
    assert_equal "$(sed -n 's/ (.*//p' <<<"$output")" "${expected}20 passed, 0 failed"
    replay suite --jobs 3
    assert_success
    assert_equal "$(sed -n 's/ (.*//p' <<<"$output")" "${expected}20 passed, 0 failed"
}

three_files() {
    filter 'C=r'
    mkdir suite
    session 'suite/1 & <2>.session' <<<$'> negotiate 6 all all\n> connect h unknown\n< reject'
    session 'suite/3#.session' <<<$'> negotiate 6 all all\n> connect h unknown\n< add-header X "ü & <]]>"\n< accept'
    echo nonsense >suite/4.session
}

@test "TAP" {
    three_files
    replay suite --format tap
    assert_failure 1
    assert_line --index 0 'TAP version 13'
    assert_line --index 1 '1..3'
    assert_line 'ok 1 - suite/1 & <2>.session'
    assert_line 'not ok 2 - suite/3\#.session'
    assert_line '# -< accept'
    assert_line 'not ok 3 - suite/4.session'
    assert_line --partial '# suite/4.session:1: not a session file'
    # What no rule of TAP knows is no line of it.
    run grep -Ev '^(TAP version 13|1\.\.[0-9]+|(not )?ok [0-9]+ - .*|#( .*)?)$' <<<"$output"
    assert_output ''
    replay suite/3#.session --format tap --update
    assert_success
    assert_line 'ok 1 - suite/3\#.session'
    assert_line '# updated'
}

@test "JUnit" {
    three_files
    replay suite --format junit
    assert_failure 1
    printf '%s\n' "$output" >report.xml
    run /usr/bin/python3 - report.xml <<'PROGRAM'
import sys
import xml.etree.ElementTree
suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
print(suite.tag, suite.get('name'), suite.get('tests'))
for case in suite:
    float(case.get('time'))
    failure = case.find('failure')
    print(case.tag, case.get('name'), *([] if failure is None else [failure.get('message')]))
    if failure is not None and failure.text:
        print('\n'.join(failure.text.splitlines()[2:]))
PROGRAM
    assert_success
    assert_output 'testsuite milter-test-server 3
testcase suite/1 & <2>.session
testcase suite/3#.session the filter answered otherwise
@@ -1,5 +1,4 @@
 milter-session 1
 > negotiate 6 all all
 > connect h unknown
-< add-header X "ü & <]]>"
-< accept
+< reject
testcase suite/4.session suite/4.session:1: not a session file: its first line is to be "milter-session 1"'
}

@test "JUnit of bytes no XML can hold" {
    filter 'C=y550 \xef\xbf\xbf\xef\xbf\xbe\xff\x01 no\x00' 'H=y550 \xef\xbf\xbf no\x00'
    session <<<$'> negotiate 6 all all\n> connect h unknown\n> helo a\n< accept'
    replay a.session --format junit
    assert_failure 1
    printf '%s\n' "$output" >report.xml
    /usr/bin/python3 -c 'import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])' report.xml
    filter 'C=y550 \xef\xbf\xbf no\x00'
    replay a.session --format junit
    printf '%s\n' "$output" >report.xml
    /usr/bin/python3 -c 'import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])' report.xml
}

# ---- mistakes

@test "mistakes in a file are shown with their line, the others are played" {
    filter
    session b.session <<<'> negotiate 6 all all'
    session <<<$'# a comment\n> negotiate 6 all all\n> hello a'
    replay a.session b.session
    assert_failure 1
    assert_line --index 0 --regexp '^FAILED a\.session \('
    assert_line --index 1 'a.session:4: unknown command <hello>'
    assert_line --index 2 --regexp '^ok b\.session \('
    session <<<$'> body file:none'
    replay
    assert_failure 1
    assert_line --index 1 --partial 'a.session:2: none does not exist.'
}

@test "bad options" {
    local arguments pattern
    mail
    while IFS='=' read -r arguments pattern; do
        # shellcheck disable=SC2086
        run --separate-stderr "$SERVER" -s "unix:$SOCKET" $arguments
        assert_failure 1
        assert_equal "$output" ''
        assert_equal "$stderr" "milter-test-server: $pattern"
    done <<'CASES'
--replay a.session --jobs 0=--jobs: at least one file is played at a time
--replay a.session --format xml=--format: unknown format <xml>; text, tap and junit are known
--update=--update: only goes with --replay
--jobs 1=--jobs: only goes with --replay
--format text=--format: only goes with --replay
--keep-times=--keep-times: only goes with --replay
a.session=a.session: only goes with --replay
--replay a.session -f a@example.com=-f: has no part in a replay: the files say what is sent
--replay a.session --helo-macro a:b=--helo-macro: has no part in a replay: the files say what is sent
--replay a.session --output-message=--output-message: has no part in a replay: the files say what is sent
--replay a.session --n-messages 2=--n-messages: has no part in a replay: the files say what is sent
--replay a.session --threads 2=--threads: has no part in a replay: the files say what is sent
CASES
    run --separate-stderr "$SERVER" --replay a.session
    assert_failure 1
    assert_equal "$stderr" 'Failed to connect: no filter is named, use --connection-spec'
}

@test "a report that cannot be written" {
    [[ -c /dev/full ]] || skip "no /dev/full"
    filter
    session <<<'> negotiate 6 all all'
    run bash -c '"$1" -s "unix:$2" --replay a.session >/dev/full' - "$SERVER" "$SOCKET"
    assert_failure 1
    assert_output --partial 'milter-test-server: failed to write the report: '
}

# begin : the first lines of a session, standard input behind them
begin() {
    {
        printf '> negotiate 6 all all\n> connect a unknown\n'
        cat
    } | session
}

# content : the same up to the end of the message
content() {
    {
        printf '> envelope-from <a@b>\n> envelope-recipient <c@d>\n> data\n> end-of-header\n'
        cat
    } | begin
}

@test "progress and edits are no answer to what is sent anyway" {
    content <<<$'! part 3 end-of-message\n! rest\n< accept'
    filter 'E=p|a'
    replay
    assert_success
    # an edit nobody expected is a difference, and taken over together with the answer
    filter 'E=hX\0y\0|wait:0.05|a'
    replay a.session --update
    assert_success
    filter 'E=hX\0y\0|a'
    replay
    assert_success
    assert_equal "$(tail -n 2 a.session)" $'< add-header X y\n< accept'
}

@test "comments between expectations do no harm" {
    content <<<$'> end-of-message\n<? quarantine *\n# note\n< accept'
    filter E=a
    replay
    assert_success
    content <<<$'> end-of-message\n< add-header A b\n# note\n< accept\n# the end'
    filter 'E=p|hA\0b\0|a'
    replay
    assert_success
    filter E=a
    replay a.session --update
    assert_success
    assert_equal "$(tail -n 3 a.session)" $'# note\n< accept\n# the end'
}

@test "an answer to any piece of a long body is met by what is expected behind it" {
    head -c 200000 /dev/zero | tr '\0' x >big.txt
    content <<<$'> body file:big.txt\n< skip\n> end-of-message\n< accept'
    filter 'O=O\0\0\0\6\0\0\1\xff\0\0\4\0' B=s E=a
    replay
    assert_success
    sed -i '/< skip/d' a.session
    replay
    assert_failure 1
    replay a.session --update
    assert_success
    replay
    assert_success
}

@test "what may be missing is taken where it has come" {
    begin <<<$'! packet Z\npause 300ms\n<? *\n> helo b\n> quit'
    filter 'Z=wait:0.1|c'
    replay
    assert_success
    filter Z=silent
    replay
    assert_success
}

@test "a filter that has hung up is asked for a new session in vain" {
    filter 'C=r|close'
    begin <<'FILE'
< reject
pause 100ms
> helo a
> quit-new-connection
> connect b unknown
> helo b
> quit
FILE
    replay
    assert_failure 1
    assert_line '+< close'
    assert_line --regexp '; steps not played: 3$'
}

@test "the end of the file is no excuse for a filter that goes away or sends half a packet" {
    begin <<<$'> helo b\npause 200ms'
    filter 'H=c|close'
    replay
    assert_failure 1
    assert_line '+< close'
    filter 'H=c|raw:\0\0'
    replay
    assert_failure 1
    assert_line '+< hex 00 00'
    filter
    replay
    assert_success
}

@test "half an answer does not start the time again" {
    begin <<<$'timeout 500ms\n> helo b'
    filter 'H=raw:\0|wait:0.3|raw:\0|wait:0.3|raw:\0|wait:0.3|raw:\1|wait:0.3|raw:c'
    replay
    assert_failure 1
    assert_line '+< hex 00 00'
    assert_line --regexp '^no answer from .* for 0\.5 seconds'
}

@test "--jobs raises the limit of open files" {
    mkdir many
    filter
    for number in $(seq 60); do
        begin <<<'> helo a'
        mv a.session "many/$number.session"
    done
    client_limit() {
        ulimit -S -n 40
        replay many --jobs 60
    }
    # the scripted filter takes one connection after the other
    client_limit
    assert_success
    assert_line --regexp '^60 passed, 0 failed'
}
