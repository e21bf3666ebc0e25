"""The status page as parsers see it: well-formed XML, HTML whose tree is the same, nothing active.

The pages are rendered by a small program from test/fixtures/status; no manager runs.
"""

import glob
import html.parser
import json
import os
import subprocess
import unittest
import xml.etree.ElementTree as tree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MILTER_BUILD_DIR", TOP + "/build")
FIXTURES = sorted(glob.glob(TOP + "/test/fixtures/status/*.json"))
XHTML = "{http://www.w3.org/1999/xhtml}"


def render(data, *arguments):
    done = subprocess.run([BUILD + "/test/fixtures/render_page", *arguments], input=data,
                          stdout=subprocess.PIPE, timeout=60, check=True)
    return done.stdout.decode("utf-8")


class Outline(html.parser.HTMLParser):
    """Names of the elements in order, as an HTML parser sees them; and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.names, self.attributes = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]


class StatusPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = {}
        for path in FIXTURES:
            with open(path, "rb") as file:
                cls.pages[os.path.basename(path)] = render(file.read())

    def test_the_fixtures_are_there(self):
        self.assertEqual(sorted(self.pages), ["busy.json", "empty.json", "hostile.json",
                                              "quiet.json", "troubles.json"])

    def test_html_and_xml_agree(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                root = tree.fromstring(page.replace("<!DOCTYPE html>", "", 1))
                names = [element.tag.replace(XHTML, "").lower() for element in root.iter()]
                self.assertEqual(Outline(page).names, names)

    def test_nothing_is_active_and_nothing_foreign(self):
        places = set()
        for name, page in self.pages.items():
            with self.subTest(name):
                outline = Outline(page)
                self.assertFalse({"script", "img", "iframe", "object", "embed", "link", "base"}
                                 & set(outline.names))
                for tag, attribute, value in outline.attributes:
                    self.assertFalse(attribute.startswith("on"), (tag, attribute))
                    self.assertNotEqual(attribute, "style")
                    if attribute in ("href", "src", "action"):
                        places.add(value)
                        self.assertRegex(value, r"\A(#[a-z]+|\?(refresh=off)?|status|metrics"
                                         r"|configuration|reload"
                                         r"|children/[A-Za-z0-9._~%-]+/(en|dis)able)\Z")
                    if attribute == "id":
                        self.assertRegex(value, r"\A[a-z-]+\Z")
        self.assertIn("children/rspamd/disable", places)

    def test_every_table_has_a_heading_for_each_cell(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                root = tree.fromstring(page.replace("<!DOCTYPE html>", "", 1))
                for table in root.iter(XHTML + "table"):
                    self.assertTrue(table.find(XHTML + "caption").text)
                    width = len(table.findall(f"{XHTML}thead/{XHTML}tr/{XHTML}th"))
                    for row in table.findall(f"{XHTML}tbody/{XHTML}tr"):
                        self.assertEqual(sum(int(cell.get("colspan", "1")) for cell in row), width)

    def test_links_within_the_page_lead_somewhere(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                outline = Outline(page)
                ids = [value for _, key, value in outline.attributes if key == "id"]
                self.assertEqual(len(ids), len(set(ids)))
                for _, key, value in outline.attributes:
                    if key == "href" and value.startswith("#"):
                        self.assertIn(value[1:], ids)
                    if key == "aria-labelledby":
                        self.assertIn(value, ids)
                for landmark in ("header", "main", "footer", "nav"):
                    self.assertEqual(outline.names.count(landmark), 1)
                self.assertEqual(outline.names.count("h1"), 1)

    def test_a_long_name_is_whole_in_its_title(self):
        name = "x" * 10240
        page = render(json.dumps({"children": [{"name": name}]}).encode())
        titles = [value for _, attribute, value in Outline(page).attributes
                  if attribute == "title"]
        self.assertIn(name, titles)

    def test_hundreds_of_rows_stay_a_page(self):
        status = {"workers": [{"number": n, "answered": True} for n in range(1000)],
                  "failures": [{"child": "a"}] * 500, "sessions": [{"id": n} for n in range(500)],
                  "sessions_open": 9000}
        page = render(json.dumps(status).encode())
        self.assertLess(len(page), 100000)
        self.assertIn("20 of 9,000 open sessions", page)
        self.assertIn("64 of 1,000 workers", page)

    def test_what_is_no_status_is_told(self):
        done = subprocess.run([BUILD + "/test/fixtures/render_page"], input=b"{", timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"render_page: line 1:", done.stderr)


if __name__ == "__main__":
    unittest.main()
