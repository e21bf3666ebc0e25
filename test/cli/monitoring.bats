#!/usr/bin/env bats
# doc/monitoring: alerts that fire when they should, and a board whose metrics
# and labels are those of doc/metrics.md.

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    DOC=$BATS_TEST_DIRNAME/../../doc
    CHECK=$BATS_TEST_DIRNAME/monitoring.py
    cd "$BATS_TEST_TMPDIR"
}

need_promtool() {
    command -v promtool >/dev/null && return
    [[ ${CI:-} != true ]] || fail "promtool is not installed"
    skip "promtool is not installed"
}

@test "alerts and board name only metrics and labels that there are" {
    run /usr/bin/python3 "$CHECK" names "$DOC/monitoring/alerts.yml" "$DOC/monitoring/alerts-test.yml" \
        "$DOC/monitoring/grafana-dashboard.json" "$DOC/monitoring.md"
    assert_success
    assert_output ""
    (($(/usr/bin/python3 "$CHECK" count) > 25))
}

@test "a metric or a label that there is not is noticed" {
    echo 'sum(milter_manager_mesages_total) / milter_manager_child_up{name="x"}' >wrong
    run /usr/bin/python3 "$CHECK" names wrong
    assert_output $'wrong: milter_manager_mesages_total\nwrong: milter_manager_child_up has no label name'
}

@test "the alerts are rules" {
    need_promtool
    run promtool check rules "$DOC/monitoring/alerts.yml"
    assert_success
    assert_output --partial SUCCESS
}

@test "the alerts fire when they should, and only then; each is tested" {
    need_promtool
    local alert
    run promtool test rules "$DOC/monitoring/alerts-test.yml"
    assert_success
    for alert in $(sed -n 's/^ *- alert: //p' "$DOC/monitoring/alerts.yml"); do
        grep -A 3 "alertname: $alert\$" "$DOC/monitoring/alerts-test.yml" | grep -q exp_labels ||
            fail "no test sees it fire: $alert"
        grep -q "^| \`$alert\`" "$DOC/monitoring.md" || fail "not in monitoring.md: $alert"
    done
}

@test "every query of the board can be asked, and no panel lies over another" {
    need_promtool
    /usr/bin/python3 "$CHECK" rules "$DOC/monitoring/grafana-dashboard.json" >rules.yml
    run promtool check rules rules.yml
    assert_success
    run /usr/bin/python3 "$CHECK" panels "$DOC/monitoring/grafana-dashboard.json"
    assert_output ""
}

@test "the scrape configurations in monitoring.md are some" {
    need_promtool
    local count=0 file
    awk '/^```yaml/ { n++; inside = 1; next } /^```/ { inside = 0 } inside { print > ("scrape-" n ".yml") }' \
        "$DOC/monitoring.md"
    for file in scrape-*.yml; do
        # The files it names are elsewhere.
        cp "$DOC/monitoring/alerts.yml" alerts.yml
        echo secret >token
        sed -i "s,/etc/prometheus/milter-manager-alerts.yml,$PWD/alerts.yml,
            s,/etc/prometheus/milter-manager.token,$PWD/token," "$file"
        run promtool check config "$file"
        assert_success
        count=$((count + 1))
    done
    ((count >= 2))
}
