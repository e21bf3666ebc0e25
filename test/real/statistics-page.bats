#!/usr/bin/env bats
# The pages of the log analyzer in headless Chromium, at 1280 and 400 pixels, in the light and the
# dark scheme: a week with a child that misbehaves, thirty children.

load helper

setup_file() {
    local kind pages=() status=0
    open_work
    command -v gnuplot >/dev/null || missing "gnuplot is not installed"
    [ ! -e "$WORK/missing" ] || return 0
    for kind in week many; do
        mkdir "$WORK/$kind"
        "$MILTER_BUILD_DIR/test/fixtures/render_statistics" "$WORK/$kind" "$kind"
        # Loading it again would disturb the pictures.
        sed 's/<meta http-equiv="refresh"[^>]*>//' "$WORK/$kind/index.html" >"$WORK/$kind.html"
        pages+=("$WORK/$kind.html")
    done
    cp "$WORK/week/milter-clamav-milter.html" "$WORK/child.html"
    timeout 200 "$REAL/browser.py" "$WORK" "${pages[@]}" "$WORK/child.html" >"$WORK/seen" \
        2>"$WORK/browser.err" || status=$?
    case $status in
    0) ;;
    77) missing "$(cat "$WORK/browser.err")" ;;
    *)
        cat "$WORK/browser.err" >&2
        return 1
        ;;
    esac
    [ -z "${KEEP_PICTURES:-}" ] || cp "$WORK"/*.png "$KEEP_PICTURES"
}

teardown_file() {
    close_work
}

# each EXPRESSION : Python, true for every page (p) that was looked at
each() {
    /usr/bin/python3 - "$WORK/seen" "$1" <<'PYTHON'
import json, sys
pages = [json.loads(line) for line in open(sys.argv[1])]
wrong = [p for p in pages if not eval(sys.argv[2], {"p": p})]
for p in wrong:
    print(str(p)[:600])
sys.exit(1 if wrong or len(pages) != 3 * 2 * 2 else 0)
PYTHON
}

@test "no page scrolls sideways" {
    each 'p["window"] == p["width"] and p["content"] == p["width"]'
    each 'not p["scrolling"] and not p["wide"] and not p["cut_off"]'
}

@test "light and dark are the page's own, with contrast enough" {
    each 'p["background"] == {"light": "rgb(244, 245, 246)", "dark": "rgb(19, 22, 25)"}[p["scheme"]]'
    each 'p["contrast"] >= 4.5'
}

@test "nothing runs, nothing is fetched, whatever a child is called" {
    grep -q 'owned' "$WORK/many.html"
    each '"owned" not in p["title"] and p["dialogs"] == 0 and p["exceptions"] == 0'
    each 'p["scripts"] == 0 and p["foreign"] == 0 and p["handlers"] == 0 and p["requests"] == 1'
    each 'p["console"] == []'
}

@test "the child that misbehaves is named first" {
    /usr/bin/python3 - "$WORK/week.html" <<'PYTHON'
import re, sys
page = open(sys.argv[1]).read()
first = re.search(r'<section class="state bad"><h2>.*?</h2>', page, re.S).group()
assert "clamav-milter" in first and "misbehaves" in first, first
rows = re.findall(r'<tr class="(\w+)"><th class="h".*?title="([^"]*)"', page, re.S)
assert rows[0] == ("bad", "clamav-milter") and len(rows) == 4, rows
assert {mark for mark, _ in rows[1:]} == {"ok"}, rows
PYTHON
}

@test "links lead to files that are there, and anchors to one place" {
    /usr/bin/python3 - "$WORK" <<'PYTHON'
import collections, html.parser, os, sys, urllib.parse
class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], collections.Counter()
        self.feed(open(path).read())
    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.ids[found.get("id")] += 1
seen = 0
for directory in ("week", "many"):
    directory = os.path.join(sys.argv[1], directory)
    for name in os.listdir(directory):
        if not name.endswith(".html"):
            continue
        page = Page(os.path.join(directory, name))
        del page.ids[None]
        assert max(page.ids.values(), default=1) == 1, page.ids.most_common(3)
        for link in page.links:
            seen += 1
            if link.startswith("#"):
                assert link[1:] in page.ids, (name, link)
            else:
                assert os.path.exists(os.path.join(directory, urllib.parse.unquote(link))), link
assert seen > 500, seen
PYTHON
}
