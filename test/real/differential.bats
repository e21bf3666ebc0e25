#!/usr/bin/env bats
# The differential rule: what Postfix delivers, answers, holds and logs through the
# manager equals what it does with the same filters in smtpd_milters, and a filter
# sees the same.  Sets of filters below, sessions in cases.py, comparison in
# differential.py; two Postfix instances run side by side, one port for each set.

load helper

# SET: filters, in their order
declare -gA SETS=(
    [c]="c"
    [all]="all"
    [steps]="steps"
    [py]="py"
    [opendkim]="opendkim"
    [rspamd]="rspamd"
    [four]="opendkim c py rspamd"
    [signed]="py c opendkim"
    [mixed]="rspamd all steps c py"
    [two]="c py"
    [three]="py all c"
    [four-old]="opendkim steps c py"
)
# what Postfix offers, where that is not version 6
declare -gA PROTOCOL=(
    [two]=2
    [three]=3
    [four-old]=4
)
declare -gA GROUPS_OF=(
    [c]="mails edits replies sessions parameters"
    [all]="mails edits replies sessions parameters"
    [steps]="mails edits replies sessions parameters"
    [py]="mails edits replies sessions parameters"
    [opendkim]="mails sessions parameters"
    [rspamd]="mails sessions parameters"
    [four]="mails edits replies sessions parameters chains"
    [signed]="mails edits replies sessions parameters chains"
    [mixed]="mails edits sessions parameters chains"
    [two]="mails edits replies sessions parameters chains"
    [three]="edits sessions parameters chains"
    [four-old]="edits sessions parameters chains"
)

# socket SIDE FILTER : opendkim and rspamd serve both sides, the magic filters have a log each
socket() {
    case $2 in
    opendkim | rspamd) echo "$WORK/$2/s.sock" ;;
    *) echo "$WORK/$1/$2.sock" ;;
    esac
}

# the port of a set: a postfix takes one list of filters for each of its ports
start_sides() {
    local set filter direct=() configuration setting
    for set in "${!SETS[@]}"; do
        configuration=
        direct=()
        for filter in ${SETS[$set]}; do
            direct+=("$(socket direct "$filter")")
            configuration+=$(child "$filter" "$(socket via "$filter")" 'fallback_status = "temporary-failure"')$'\n'
        done
        manager "m-$set" "$configuration"
        free_port >"$WORK/direct.$set"
        free_port >"$WORK/via.$set"
        setting="milter_protocol=${PROTOCOL[$set]:-6}"
        DIRECT+="$(cat "$WORK/direct.$set") $setting ${direct[*]}"$'\n'
        VIA+="$(cat "$WORK/via.$set") $setting $WORK/m-$set.sock"$'\n'
    done
    MORE_PORTS=$DIRECT start postfix "$WORK/postfix-direct" "$(free_port)"
    MORE_PORTS=$VIA start postfix "$WORK/postfix-via" "$(free_port)"
}

setup_file() {
    local side
    DIRECT=
    VIA=
    open_work
    start opendkim "$WORK/opendkim" "$WORK/opendkim/s.sock"
    start rspamd "$WORK/rspamd" "$WORK/rspamd/s.sock"
    for side in direct via; do
        NAME=c start magic "$WORK/$side" "$WORK/$side/c.sock" -m
        NAME=all start magic "$WORK/$side" "$WORK/$side/all.sock" -m -f all
        NAME=steps start magic "$WORK/$side" "$WORK/$side/steps.sock" -m -x helo,rcpt,eoh,body
        NAME=py LANG_=py start magic "$WORK/$side" "$WORK/$side/py.sock" -m
    done
    start_sides
}

teardown_file() {
    close_work
}

# run_set SET : all its sessions, once
run_set() {
    local filter options=() words=0
    [ ! -e "$WORK/out/$1/done" ] || return 0
    for filter in ${SETS[$1]}; do
        case $filter in
        opendkim | rspamd) continue ;;
        all) options+=(--hasty all) ;;
        c | py) words=1 ;;
        esac
        options+=(--events "$filter" "$WORK/direct/$filter.events" "$WORK/via/$filter.events")
    done
    [[ ${SETS[$1]} != *all?* ]] || options+=(--requested client_name --requested client_addr)
    # version 2 knows neither DATA nor unknown commands
    [ "${PROTOCOL[$1]:-6}" != 2 ] || options+=(--unchecked replies)
    # no filter of the set obeys at every stage
    [ $words = 1 ] || options+=(--unchecked replies --unchecked chains)
    case ${SETS[$1]} in *' '*) ;; *) options+=(--alone) ;; esac
    # shellcheck disable=SC2086
    "$REAL/differential.py" "$WORK/out/$1" ${GROUPS_OF[$1]} "${options[@]}" \
        --direct "$(cat "$WORK/direct.$1")" "$WORK/postfix-direct" --via "$(cat "$WORK/via.$1")" "$WORK/postfix-via"
    touch "$WORK/out/$1/done"
}

@test "C filter: mails" { delivers c mails; }
@test "C filter: edits" { delivers c edits; }
@test "C filter: replies" { delivers c replies; }
@test "C filter: sessions" { delivers c sessions; }
@test "C filter: envelope parameters" { delivers c parameters; }
@test "C filter: what it sees" { sees c; }

@test "C filter with every feature: mails" { delivers all mails; }
@test "C filter with every feature: edits" { delivers all edits; }
@test "C filter with every feature: replies" { delivers all replies; }
@test "C filter with every feature: sessions" { delivers all sessions; }
@test "C filter with every feature: envelope parameters" { delivers all parameters; }
@test "C filter with every feature: what it sees" { sees all; }

@test "C filter without some steps: mails" { delivers steps mails; }
@test "C filter without some steps: edits" { delivers steps edits; }
@test "C filter without some steps: replies" { delivers steps replies; }
@test "C filter without some steps: sessions" { delivers steps sessions; }
@test "C filter without some steps: envelope parameters" { delivers steps parameters; }
@test "C filter without some steps: what it sees" { sees steps; }

@test "Python filter: mails" { delivers py mails; }
@test "Python filter: edits" { delivers py edits; }
@test "Python filter: replies" { delivers py replies; }
@test "Python filter: sessions" { delivers py sessions; }
@test "Python filter: envelope parameters" { delivers py parameters; }
@test "Python filter: what it sees" { sees py; }

@test "opendkim: mails" { delivers opendkim mails; }
@test "opendkim: sessions" { delivers opendkim sessions; }
@test "opendkim: envelope parameters" { delivers opendkim parameters; }

@test "rspamd: mails" { delivers rspamd mails; }
@test "rspamd: sessions" { delivers rspamd sessions; }
@test "rspamd: envelope parameters" { delivers rspamd parameters; }

@test "opendkim, C, Python, rspamd: mails" { delivers four mails; }
@test "opendkim, C, Python, rspamd: edits" { delivers four edits; }
@test "opendkim, C, Python, rspamd: replies" { delivers four replies; }
@test "opendkim, C, Python, rspamd: sessions" { delivers four sessions; }
@test "opendkim, C, Python, rspamd: envelope parameters" { delivers four parameters; }
@test "opendkim, C, Python, rspamd: edits that meet" { delivers four chains; }
@test "opendkim, C, Python, rspamd: what they see" { sees four; }

@test "Python, C, opendkim: mails" { delivers signed mails; }
@test "Python, C, opendkim: edits" { delivers signed edits; }
@test "Python, C, opendkim: replies" { delivers signed replies; }
@test "Python, C, opendkim: sessions" { delivers signed sessions; }
@test "Python, C, opendkim: envelope parameters" { delivers signed parameters; }
@test "Python, C, opendkim: edits that meet" { delivers signed chains; }
@test "Python, C, opendkim: what they see" { sees signed; }

@test "rspamd, two C, C, Python: mails" { delivers mixed mails; }
@test "rspamd, two C, C, Python: edits" { delivers mixed edits; }
@test "rspamd, two C, C, Python: sessions" { delivers mixed sessions; }
@test "rspamd, two C, C, Python: envelope parameters" { delivers mixed parameters; }
@test "rspamd, two C, C, Python: edits that meet" { delivers mixed chains; }
@test "rspamd, two C, C, Python: what they see" { sees mixed; }

@test "protocol version 2: C, Python: mails" { delivers two mails; }
@test "protocol version 2: C, Python: edits" { delivers two edits; }
@test "protocol version 2: C, Python: replies" { delivers two replies; }
@test "protocol version 2: C, Python: sessions" { delivers two sessions; }
@test "protocol version 2: C, Python: envelope parameters" { delivers two parameters; }
@test "protocol version 2: C, Python: edits that meet" { delivers two chains; }
@test "protocol version 2: C, Python: what they see" { sees two; }

@test "protocol version 3: Python, two C: edits" { delivers three edits; }
@test "protocol version 3: Python, two C: sessions" { delivers three sessions; }
@test "protocol version 3: Python, two C: envelope parameters" { delivers three parameters; }
@test "protocol version 3: Python, two C: edits that meet" { delivers three chains; }
@test "protocol version 3: Python, two C: what they see" { sees three; }

@test "protocol version 4: opendkim, two C, Python: edits" { delivers four-old edits; }
@test "protocol version 4: opendkim, two C, Python: sessions" { delivers four-old sessions; }
@test "protocol version 4: opendkim, two C, Python: envelope parameters" { delivers four-old parameters; }
@test "protocol version 4: opendkim, two C, Python: edits that meet" { delivers four-old chains; }
@test "protocol version 4: opendkim, two C, Python: what they see" { sees four-old; }

@test "Postfix complains of the manager no more than of the filters" {
    local set
    for set in "${!SETS[@]}"; do
        run_set "$set"
        echo "$set"
        diff -u "$WORK/out/$set/direct/delivered/unclaimed" "$WORK/out/$set/via/delivered/unclaimed"
    done
}

@test "the manager had nothing to complain of" {
    local set
    for set in "${!SETS[@]}"; do
        has "$WORK/m-$set/manager.log" .
        lacks "$WORK/m-$set/manager.log" '\[(error|critical|warning|timeout)\]'
    done
}
