#!/usr/bin/env bats
# The status page in headless Chromium, from the statuses of fixtures/status: at 1280 and 400
# pixels, in the light and the dark scheme; and that of a manager that runs.

load helper

WIDTHS="1280 400"
SCHEMES="light dark"

setup_file() {
    local fixture pages=() status=0
    open_work
    for fixture in "$REAL/../fixtures/status"/*.json; do
        pages+=("$WORK/$(basename "$fixture" .json).html")
        # Loading it again would disturb the pictures.
        "$MILTER_BUILD_DIR/test/fixtures/render_page" --no-refresh <"$fixture" >"${pages[-1]}"
    done
    [ ! -e "$WORK/missing" ] || return 0
    timeout 200 "$REAL/browser.py" "$WORK" "${pages[@]}" >"$WORK/seen" 2>"$WORK/browser.err" || status=$?
    case $status in
    0) ;;
    77) missing "$(cat "$WORK/browser.err")" ;;
    *)
        cat "$WORK/browser.err" >&2
        return 1
        ;;
    esac
}

teardown_file() {
    close_work
}

# each EXPRESSION : Python, true for every page (p) that was looked at
each() {
    /usr/bin/python3 - "$WORK/seen" "$1" <<'PYTHON'
import json, re, sys
pages = [json.loads(line) for line in open(sys.argv[1])]
wrong = [p for p in pages if not eval(sys.argv[2], {"p": p, "re": re})]
for p in wrong:
    print(str(p)[:600])
sys.exit(1 if wrong or len(pages) != 5 * 2 * 2 else 0)
PYTHON
}

# The page as the controller sends it, with its Content-Security-Policy in force.
@test "the page of a manager with workers, hostile milters and a client that lies" {
    local control
    control=$(free_port)
    start test-client "$WORK/child" "$WORK/child/s.sock"
    manager live "
manager.n_workers = 2
controller.connection_spec = \"inet:$control@[127.0.0.1]\"
$(child good "$WORK/child/s.sock" 'description = "passes everything"')
define_milter('<script>document.title = %q(owned)</script>') { |milter| milter.connection_spec = \"unix:$WORK/none\" }
define_milter('\"><img src=x onerror=alert(1)>') { |milter| milter.connection_spec = \"unix:$WORK/none\" }
"
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/live.sock" \
        --helo-fqdn '<script>document.title = "owned"</script>' \
        --header 'Subject:<svg onload=alert(1)>' >"$WORK/session"
    NET=1 "$REAL/browser.py" "$WORK" "live=http://127.0.0.1:$control/?refresh=off" >"$WORK/live.seen"
    /usr/bin/python3 - "$WORK/live.seen" <<'PYTHON'
import json, sys
pages = [json.loads(line) for line in open(sys.argv[1])]
assert len(pages) == 4, pages
for page in pages:
    assert page["headline"] == "2 children are down", page
    assert page["title"] == page["headline"] + " \u00b7 milter-manager", page
    assert page["window"] == page["content"] == page["width"], page
    assert not page["scrolling"] and not page["wide"] and page["contrast"] >= 4.5, page
    assert page["dialogs"] == page["exceptions"] == page["scripts"] == page["foreign"] == 0, page
    # An icon is asked for by the browser, not by the page.
    assert [text for text in page["console"] if "favicon" not in text and "404" not in text] == [], page
    # A style that the policy forbids would leave it white.
    assert page["background"] == {"light": "rgb(244, 245, 246)", "dark": "rgb(19, 22, 25)"}[page["scheme"]], page
    assert len(page["actions"]) == 4, page
PYTHON
    [ -z "${KEEP_PICTURES:-}" ] || cp "$WORK"/live-*.png "$KEEP_PICTURES"
}

@test "a picture of each width and scheme" {
    local width scheme picture size
    for width in $WIDTHS; do
        for scheme in $SCHEMES; do
            for picture in quiet busy troubles hostile empty; do
                picture=$WORK/$picture-$width-$scheme.png
                # The width is the first number of a PNG's header.
                size=$(od -An -tu1 -j16 -N4 "$picture" | awk '{ print $3 * 256 + $4 }')
                [ "$size" = "$width" ]
                [ "$(wc -c <"$picture")" -gt 10000 ]
            done
        done
    done
}

@test "the page never scrolls sideways" {
    each 'p["window"] == p["width"] and p["content"] == p["width"]'
    # Nor do its tables, whatever stands in them.
    each 'not p["scrolling"] and not p["wide"]'
}

@test "light and dark are the page's own, with contrast enough" {
    each 'p["background"] == {"light": "rgb(244, 245, 246)", "dark": "rgb(19, 22, 25)"}[p["scheme"]]'
    each 'p["contrast"] >= 4.5'
}

@test "the headline and the title of the window say the same" {
    each 'p["title"] == p["headline"] + " \u00b7 milter-manager"'
    each 'p["headline"] == {"quiet": "All is well", "busy": "All is well", "troubles": "2 children are down",
        "hostile": "4 children are down", "empty": "The state is unknown"}[p["page"]]'
}

@test "nothing runs, nothing is fetched, whatever a peer calls itself" {
    grep -q 'owned' "$WORK/hostile.html"
    each '"owned" not in p["title"] and p["dialogs"] == 0 and p["exceptions"] == 0'
    each 'p["scripts"] == 0 and p["foreign"] == 0 and p["handlers"] == 0'
    each 'p["requests"] == 1'
}

@test "a button names its child, however that is called" {
    each 'all(re.search(r"/(reload|children/[^/]+/(en|dis)able)$", a) for a in p["actions"])'
    each 'p["page"] != "hostile" or sum("/children/%3Cscript%3E" in a for a in p["actions"]) == 1'
    each 'len(p["actions"]) == {"quiet": 3, "busy": 7, "troubles": 7, "hostile": 17, "empty": 1}[p["page"]]'
}
