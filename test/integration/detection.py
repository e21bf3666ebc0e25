"""The frame of the tests of detection (configuration section 11): a copy of a system below
test/fixtures/detection, changed for each case, and what --show-config makes of it."""

import os
import re
import shutil
import stat

from case import ManagerCase
from manager import TOP, run_to_end

FIXTURES = os.path.join(TOP, "test", "fixtures", "detection")
SHIPPED = os.path.join(TOP, "milter-manager", "conf")

GREY = ["Sendmail Compatible", "Stress Notify", "Trust", "Remote Network", "S25R",
        "Unauthenticated"]
NET = ["Remote Network", "Unauthenticated", "No Stress"]
STRANGERS = ["Remote Network", "Unauthenticated"]

ENABLED_LINK = "etc/systemd/system/multi-user.target.wants/%s.service"

# The files of greylisting need a condition that other versions of the program have.
STANDARD = ('define_applicable_condition("Sendmail Compatible") do |condition|\n'
            "  condition.define_connect_stopper { false }\nend\n"
            "stress.threshold_n_connections = 100\n")


def parse(shown):
    """{name: {item: literal without quotes}} in order; conditions as a list."""
    milters, milter = {}, None
    for line in shown.splitlines():
        match = re.match(r'define_milter\("(.*)"\)', line)
        if match:
            milter = milters.setdefault(match[1], {})
        elif line == "end":
            milter = None
        elif milter is not None and re.match(r" +# ", line):
            milter.setdefault("places", set()).add(line.strip(" #"))
        elif milter is not None:
            match = re.match(r" +milter\.(\w+) = (.*)", line)
            if match:
                milter[match[1]] = [] if match[2][0] == "[" else match[2].strip('"')
            elif re.match(r' +"', line):
                milter["applicable_conditions"].append(line.strip(' ",'))
    return milters


class DetectionCase(ManagerCase):
    """platform, tree: of this class, unless a test says otherwise."""
    platform = tree = None

    def setUp(self):
        super().setUp()
        self.root = self.path("root")
        shutil.copytree(os.path.join(FIXTURES, self.tree), self.root, symlinks=True)

    # ---- changes of the copy

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)

    def read(self, name):
        with open(os.path.join(self.root, name), "rb") as file:
            return file.read()

    def edit(self, name, old, new):
        old, new = (text if isinstance(text, bytes) else text.encode() for text in (old, new))
        content = self.read(name)
        self.assertIn(old, content)
        mode = stat.S_IMODE(os.stat(os.path.join(self.root, name)).st_mode)
        self.write(name, content.replace(old, new), mode)

    def add(self, name, text):
        self.write(name, self.read(name) + (text if isinstance(text, bytes) else text.encode()))

    def remove(self, *names):
        for name in names:
            path = os.path.join(self.root, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def link(self, name, target):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)

    # ---- looking

    def configuration(self, before="", after="", platform=None, options=""):
        with open(os.path.join(SHIPPED, "milter-manager.conf"), encoding="utf-8") as file:
            shipped = file.read()
        return 'package.platform = "%s"\npackage.options = "root=%s%s"\n%s%s%s%s' % (
            self.platform if platform is None else platform, self.root, options, STANDARD, before,
            shipped, after)

    def show(self, status=0, **settings):
        """The milters; what was written to stderr is in self.said."""
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write(self.configuration(**settings))
        actual, shown, self.said = run_to_end("--config-dir", self.directory, "--show-config")
        self.assertEqual(status, actual, self.said)
        self.shown = shown
        return parse(shown)

    def found(self, name, **settings):
        milters = self.show(**settings)
        self.assertIn(name, milters)
        return milters[name]

    def check(self, name, wanted, **settings):
        """One milter has these values, and nothing was complained of."""
        milter = self.found(name, **settings)
        self.assertEqual(wanted, {item: milter[item] for item in wanted}, name)
        self.assertEqual("", self.said)

    def specs(self, rows, name, change):
        """change(value) for each VALUE: SPEC of rows, or None for no spec."""
        for value, spec in rows:
            with self.subTest(value=value):
                change(value)
                self.assertEqual(spec or "nil", self.found(name)["connection_spec"])

    def check_all(self, rows, platform=None):
        """The whole system: name, spec, enabled, conditions, tarpit."""
        milters = self.show(platform=platform)
        self.assertEqual("", self.said)
        self.assertEqual([row[0] for row in rows], list(milters))
        for name, spec, enabled, conditions, tarpit in rows:
            milter = milters[name]
            self.assertEqual((spec, str(enabled).lower(), conditions), (
                milter["connection_spec"], milter["enabled"], milter["applicable_conditions"]), name)
            for item in ("reading_timeout", "writing_timeout"):
                self.assertEqual("%.1f" % (7 + tarpit), milter[item], name)
            self.assertEqual("297.0", milter["end_of_message_timeout"])
        return milters
