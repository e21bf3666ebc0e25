"""Detection of installed milters (configuration section 11): copies of systems below
test/fixtures/detection, changed for each case, and what --show-config makes of them."""

import os
import re
import shutil
import signal
import stat
import subprocess
import time
import unittest

from case import ManagerCase
from manager import PATIENCE, TOP, run_to_end

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


class Debian(DetectionCase):
    platform, tree = "debian", "debian/bookworm"

    def test_what_is_installed_is_found(self):
        milters = self.check_all([
            ("pyspf-milter", "inet:8893@localhost", True, STRANGERS, 0),
            ("clamav-milter", "unix:/var/run/clamav/clamav-milter.ctl", True, [], 0),
            ("opendkim", "local:/run/opendkim/opendkim.sock", True, [], 0),
            ("opendmarc", "local:/run/opendmarc/opendmarc.sock", True, STRANGERS, 0),
            ("spamass-milter", "unix:/var/spool/postfix/spamass/spamass.sock", True, NET, 0),
            ("rspamd", "inet:11332@localhost", True, NET, 0),
        ])
        self.assertIn("/defaults/debian.conf:4\nsecurity.privilege_mode = true\n" if os.geteuid() == 0
                      else "security.privilege_mode = false\n", self.shown)
        dkim, spamass = milters["opendkim"], milters["spamass-milter"]
        self.assertEqual(("OpenDKIM Milter", "/usr/bin/systemctl", "start opendkim"),
                         (dkim["description"], dkim["command"], dkim["command_options"]))
        self.assertEqual(("Calls spamassassin to allow filtering out spam from ham in libmilter "
                          "compatible MTAs.", "/etc/init.d/spamass-milter", "start"),
                         (spamass["description"], spamass["command"], spamass["command_options"]))
        self.assertRegex(" ".join(dkim["places"]), r"/defaults/debian\.conf:\d+")

    def test_an_empty_system_has_none(self):
        for name in os.listdir(self.root):
            self.remove(name)
        self.assertEqual({}, self.show())
        self.assertEqual("", self.said)

    # ---- enabled

    def test_a_unit_that_is_not_wanted_leaves_it_to_the_script(self):
        self.remove(ENABLED_LINK % "opendkim")
        self.check("opendkim", {"enabled": "true", "command": "/etc/init.d/opendkim",
                                "command_options": "start",
                                "description": "Enable DKIM signing and verification",
                                "connection_spec": "local:/run/opendkim/opendkim.sock"})

    def test_switched_off_by_links_of_the_run_levels(self):
        self.remove(ENABLED_LINK % "opendkim")
        for level in "2345":
            os.rename(os.path.join(self.root, "etc/rc%s.d/S01opendkim" % level),
                      os.path.join(self.root, "etc/rc%s.d/K01opendkim" % level))
        self.check("opendkim", {"enabled": "false",
                                "connection_spec": "local:/run/opendkim/opendkim.sock"})

    def test_only_a_unit_that_is_not_wanted(self):
        self.remove(ENABLED_LINK % "opendmarc")
        self.check("opendmarc", {"enabled": "false", "command": "/usr/bin/systemctl",
                                 "connection_spec": "local:/run/opendmarc/opendmarc.sock"})

    def test_a_unit_without_address_is_not_enabled(self):
        self.write("etc/opendmarc.conf", "# Socket local:/x\n")
        self.check("opendmarc", {"enabled": "false", "connection_spec": "nil"})

    def test_a_masked_unit_is_not_enabled(self):
        self.link("etc/systemd/system/opendmarc.service", "/dev/null")
        self.check("opendmarc", {"enabled": "false"})

    def test_a_wanted_link_may_lead_nowhere(self):
        self.link(ENABLED_LINK % "opendmarc", "/lib/systemd/system/not-in-this-tree.service")
        self.check("opendmarc", {"enabled": "true"})

    # ---- how it is started

    def test_commands_of_units(self):
        rows = [  # programs there are: command, options
            (["usr/bin/systemctl", "sbin/service"], "/usr/bin/systemctl", "start opendmarc"),
            (["sbin/service", "usr/sbin/service"], "/sbin/service", "opendmarc start"),
            (["usr/sbin/service"], "/usr/sbin/service", "opendmarc start"),
            ([], "nil", "nil"),
        ]
        for programs, command, options in rows:
            with self.subTest(programs=programs):
                for directory in ("usr/bin/systemctl", "sbin", "usr/sbin"):
                    if os.path.lexists(os.path.join(self.root, directory)):
                        self.remove(directory)
                for program in programs:
                    self.write(program, "", 0o755)
                self.check("opendmarc", {"command": command, "command_options": options})

    # ---- units

    def test_the_units_of_the_administrator(self):
        self.write("etc/systemd/system/opendkim.service.d/override.conf",
                   "[Service]\nEnvironment=RUN=/run/mine\nExecStart=\n"
                   "ExecStart=-/usr/sbin/opendkim \\\n    -p local:${RUN}/dkim.sock\n")
        self.check("opendkim", {"connection_spec": "local:/run/mine/dkim.sock"})
        self.write("etc/systemd/system/opendkim.service",
                   "[Unit]\nDescription=mine\n[Service]\nExecStart=/usr/sbin/opendkim -x /etc/my.conf\n")
        self.remove("etc/systemd/system/opendkim.service.d")
        self.write("etc/my.conf", "Socket inet:1@localhost\n")
        self.check("opendkim", {"connection_spec": "inet:1@localhost", "description": "mine"})

    def test_environment_files(self):
        unit = "lib/systemd/system/opendkim.service"
        self.edit(unit, "PIDFile=/run/opendkim/opendkim.pid",
                  "EnvironmentFile=-/etc/default/opendkim")
        # The configuration file comes first.
        self.check("opendkim", {"connection_spec": "local:/run/opendkim/opendkim.sock"})
        self.write("etc/opendkim.conf", "Syslog yes\n")
        self.check("opendkim", {"connection_spec": "local:/run/opendkim/by-default.sock",
                                "command": "/usr/bin/systemctl"})
        self.add("etc/default/opendkim", "OPTIONS='-l -x /etc/other.conf'\n")
        self.write("etc/other.conf", "Socket /run/other.sock # here\n")
        self.check("opendkim", {"connection_spec": "unix:/run/other.sock"})

    def test_any_unit_may_say_its_socket(self):
        self.write("lib/systemd/system/spamass-milter.service",
                   "[Service]\nEnvironment=SOCKET=/run/a.sock\n")
        self.link(ENABLED_LINK % "spamass-milter", "/lib/systemd/system/spamass-milter.service")
        self.check("spamass-milter", {"connection_spec": "unix:/run/a.sock", "enabled": "true",
                                      "command": "/usr/bin/systemctl"})

    def test_opendmarc(self):
        unit = "lib/systemd/system/opendmarc.service"
        self.write("etc/own.conf", "Socket inet:2@localhost\n")
        self.specs([("-c /etc/own.conf", "inet:2@localhost"),
                    ("-c/etc/own.conf", "inet:2@localhost"),
                    ("-c /etc/own.conf -p inet:3@localhost", "inet:3@localhost"),
                    ("-p $SOCKET", "local:/run/opendmarc/opendmarc.sock")], "opendmarc",
                   lambda value: self.write(unit, "[Service]\nExecStart=/usr/sbin/opendmarc %s\n" % value))

    def test_opendmarc_of_a_script(self):
        self.remove("lib/systemd/system/opendmarc.service")
        self.write("etc/init.d/opendmarc", "NAME=opendmarc\nRUNDIR=/run/$NAME\n"
                   "SOCKET=local:$RUNDIR/$NAME.of-script\n", 0o755)
        self.check("opendmarc", {"connection_spec": "local:/run/opendmarc/opendmarc.sock"})
        self.write("etc/opendmarc.conf", "")
        self.check("opendmarc", {"connection_spec": "local:/run/opendmarc/opendmarc.of-script"})

    def test_pyspf_milter(self):
        self.specs([("Socket = local:/run/p.sock", "local:/run/p.sock"),
                    ("Socket=/run/p.sock", "unix:/run/p.sock"),
                    ("#Socket = inet:1@localhost", None)], "pyspf-milter",
                   lambda value: self.write("etc/pyspf-milter/pyspf-milter.conf", value + "\n"))
        self.edit("lib/systemd/system/pyspf-milter.service", "/etc/pyspf-milter/pyspf-milter.conf",
                  "/etc/mine.conf")
        self.write("etc/mine.conf", "Socket = inet:7@localhost\n")
        self.check("pyspf-milter", {"connection_spec": "inet:7@localhost"})

    # ---- clamav-milter

    def test_clamav_that_nobody_has_configured(self):
        self.add("etc/clamav/clamav-milter.conf", "Example\n")
        self.check("clamav-milter", {
            "enabled": "false", "connection_spec": "unix:/var/run/clamav/clamav-milter.ctl"})

    def test_clamav_of_a_unit(self):
        unit = "lib/systemd/system/clamav-milter.service"
        self.write(unit, "[Service]\nExecStart=/usr/sbin/clamav-milter -F\n")
        self.link(ENABLED_LINK % "clamav-milter", "/" + unit)
        self.check("clamav-milter", {
            "enabled": "true", "command": "/usr/bin/systemctl",
            "connection_spec": "unix:/var/run/clamav/clamav-milter.ctl"})
        self.write("etc/mine.conf", "  MilterSocket inet:7357@localhost\n - odd\n Example # no\n")
        for option in ("-c /etc/mine.conf", "--config-file=/etc/mine.conf"):
            self.write(unit, "[Service]\nExecStart=/usr/sbin/clamav-milter %s\n" % option)
            self.remove("etc/init.d/clamav-milter") if "--" not in option else None
            self.check("clamav-milter", {"enabled": "false",
                                         "connection_spec": "inet:7357@localhost"})

    # ---- rspamd

    def rspamadm(self, text):
        self.write("usr/bin/rspamadm", "#!/bin/sh\n" + text, 0o755)

    def worker(self, json):
        self.rspamadm("cat <<'JSON'\n{\"worker\": %s}\nJSON\n" % json)

    def test_addresses_of_rspamd(self):
        self.specs([
            ("/run/rspamd/m.sock mode=0666 owner=nobody", "unix:/run/rspamd/m.sock"),
            ("/run/rspamd/m.sock,mode=0666", "unix:/run/rspamd/m.sock"),
            ("unix:/run/m.sock", "unix:/run/m.sock"),
            ("*:11332", "inet:11332@localhost"),
            ("*v4:11332", "inet:11332@localhost"),
            ("127.0.0.1:99", "inet:99@127.0.0.1"),
            ("localhost:11332", "inet:11332@localhost"),
            ("[::1]:11332", "inet6:11332@[::1]"),
            ("systemd:0", None),
            ("", None),
        ], "rspamd", lambda value: self.worker(
            '[{"rspamd_proxy": {"milter": true, "bind_socket": "%s"}}]' % value))

    def test_workers_of_rspamd(self):
        proxy = '{"milter": %s, "bind_socket": ["localhost:%d", "/x"]}'
        self.specs([
            ('[{"normal": {"bind_socket": "*:1"}}, {"rspamd_proxy": %s}]' % (proxy % ("true", 2)),
             "inet:2@localhost"),
            ('{"rspamd_proxy": %s}' % (proxy % ("true", 3)), "inet:3@localhost"),
            ('[{"rspamd_proxy": [%s, %s]}]' % (proxy % ("false", 4), proxy % ("true", 5)),
             "inet:5@localhost"),
            ('[{"rspamd_proxy": %s}]' % (proxy % ("false", 6)), None),
            ('[{"rspamd_proxy": {"milter": true}}]', None),
            ('[{"rspamd_proxy": {"milter": true, "bind_socket": 7}}]', None),
            ('[null, 3, "x", [[]]]', None),
            ("null", None),
        ], "rspamd", self.worker)
        self.assertNotIn("rspamadm", self.said)

    def test_bytes_in_the_answer_of_rspamd(self):
        self.write("usr/bin/rspamadm", b"#!/bin/sh\necho 'a warning'; cat <<'J'\n{\"x\": \"caf\xe9\",\n"
                   b'"worker": {"rspamd_proxy": {"milter": true, "bind_socket": "*:8"}}}\nJ\n', 0o755)
        self.check("rspamd", {"connection_spec": "inet:8@localhost"})

    def test_rspamadm_that_has_no_answer(self):
        rows = [
            ("echo broken >&2; exit 3", r"rspamadm failed \(exit 3\): broken"),
            ("kill -SEGV $$", r"rspamadm failed \(.*SEGV"),
            ("echo nothing", "rspamd: .*nothing"),
            ("echo '{\"worker\": ['", "rspamd: "),
        ]
        for script, message in rows:
            with self.subTest(script=script):
                self.rspamadm(script + "\n")
                self.remove("etc/init.d/rspamd") if os.path.exists(
                    os.path.join(self.root, "etc/init.d/rspamd")) else None
                milters = self.show()
                self.assertEqual(("nil", "false"), (milters["rspamd"]["connection_spec"],
                                                    milters["rspamd"]["enabled"]))
                self.assertEqual("true", milters["spamass-milter"]["enabled"])
                self.assertRegex(self.said, message)
                self.assertIn("set milter.connection_spec", self.said)
        self.write("usr/bin/rspamadm", "no program")
        self.assertEqual("nil", self.found("rspamd")["connection_spec"])
        self.assertEqual("", self.said)

    def test_rspamadm_that_hangs_is_ended(self):
        self.rspamadm("sleep 600 & echo $! >%s\necho '{'\nwait\n" % self.path("pid"))
        started = time.monotonic()
        milters = self.show(options=",timeout=0.5")
        self.assertLess(time.monotonic() - started, 5 * PATIENCE)
        self.assertIn("rspamadm took more than 0.5 s", self.said)
        self.assertEqual(1, self.said.count("took more"))
        self.assertEqual("true", milters["opendkim"]["enabled"])
        with open(self.path("pid"), encoding="ascii") as file:
            self.assert_gone(int(file.read()))

    def assert_gone(self, pid):
        for _ in range(100):
            try:
                with open("/proc/%d/stat" % pid, encoding="ascii") as file:
                    if file.read().rpartition(")")[2].split()[0] == "Z":
                        return
            except FileNotFoundError:
                return
            time.sleep(0.02)
        self.fail("process %d is still there" % pid)

    def test_a_reload_asks_rspamd_only_when_its_files_have_changed(self):
        self.rspamadm("echo run >>%s\necho '{\"worker\": {\"rspamd_proxy\": {\"milter\": true, "
                      "\"bind_socket\": \"%s\"}}}'\n" % (self.path("runs"), self.path("r.sock")))
        self.manager = self.new_manager(self.configuration(after="log.level = 'all'\n"))
        self.manager.start()
        for count, change in ((1, False), (2, True)):
            if change:
                self.add("etc/rspamd/rspamd.conf", "# changed\n")
            loads = len(self.manager.log_lines(r"\[load\]\[end\] <%s" % re.escape(
                self.manager.configuration_path)))
            self.manager.signal(signal.SIGHUP)
            self.manager.wait_log(r"\[load\]\[end\] <%s" % re.escape(
                self.manager.configuration_path), loads + 1)
            with open(self.path("runs"), encoding="ascii") as file:
                self.assertEqual(count, len(file.readlines()))
        self.assertEqual(0, self.manager.stop())

    def new_manager(self, text):
        from manager import Manager  # pylint: disable=import-outside-toplevel
        manager = Manager(self.directory, self.transcript)
        self.addCleanup(manager.kill)
        manager.write_configuration(text)
        return manager

    # ---- nothing can hurt the others

    def test_files_in_any_encoding(self):
        self.add("etc/opendkim.conf", b"# caf\xe9 \xff\xfe\x00\nSocket local:/run/latin.sock\r\n")
        self.edit("lib/systemd/system/opendkim.service", "OpenDKIM Milter", b"\xa5\xd5\xa5\xa3 DKIM")
        self.edit("etc/init.d/spamass-milter", "NAME=spamass-milter", b"# \xe3\x81 \xc0\nNAME=spamass-milter")
        self.edit("etc/init.d/clamav-milter", "DESC=", b"FOO=\xff\xff'\nDESC=")
        self.write("etc/default/spamass-milter", b"\xef\xbb\xbfSOCKET=/run/bom.sock\r\n")
        milters = self.show()
        self.assertEqual("", self.said)
        self.assertEqual(6, len(milters))
        self.assertEqual("local:/run/latin.sock", milters["opendkim"]["connection_spec"])
        self.assertRegex(milters["opendkim"]["description"], "DKIM$")
        self.assertEqual("unix:/run/bom.sock", milters["spamass-milter"]["connection_spec"])

    def test_an_exception_is_a_warning(self):
        before = """
require "milter/manager/detectors"
Milter::Manager::Detectors::SystemdUnit.class_eval do
  def description = raise(@name.start_with?("open") ? NoMethodError : SystemStackError, "broken\\nhere")
end
"""
        milters = self.show(before=before)
        # Units are out; scripts still count, and every other milter is there.
        self.assertEqual(["clamav-milter", "opendkim", "spamass-milter", "rspamd"], list(milters))
        self.assertEqual("/etc/init.d/opendkim", milters["opendkim"]["command"])
        self.assertRegex(self.said, r"/defaults/debian\.conf:19: detection of milters: opendmarc: "
                         r"broken \(NoMethodError at \S+milter-manager\.conf:\d+\)")
        self.assertEqual(4, self.said.count("detection of milters"))

    def test_an_address_that_makes_no_sense(self):
        rows = [("inet:99999@localhost", "port number should be less than 65536"),
                ("inet:x@localhost", "port number has invalid character"),
                ("smtp:25", "protocol"),
                ("local:/" + 200 * "x", "unix socket path is too long")]
        for spec, message in rows:
            with self.subTest(spec=spec):
                self.write("etc/opendmarc.conf", "\nSocket %s\n" % spec)
                milters = self.show()
                self.assertEqual(("nil", "false"), (milters["opendmarc"]["connection_spec"],
                                                    milters["opendmarc"]["enabled"]))
                self.assertEqual("true", milters["rspamd"]["enabled"])
                self.assertIn("opendmarc: %s/etc/opendmarc.conf:2: " % self.root, self.said)
                self.assertIn(message, self.said)

    def test_files_that_are_none(self):
        self.remove("etc/opendmarc.conf", "etc/opendkim.conf", "etc/default/spamass-milter")
        os.mkfifo(os.path.join(self.root, "etc/opendmarc.conf"))
        os.mkdir(os.path.join(self.root, "etc/opendkim.conf"))
        self.link("etc/default/spamass-milter", "spamass-milter")
        milters = self.show()
        self.assertEqual(6, len(milters))
        self.assertEqual("nil", milters["opendmarc"]["connection_spec"])
        self.assertEqual("local:/run/opendkim/by-default.sock", milters["opendkim"]["connection_spec"])

    @unittest.skipIf(os.geteuid() == 0 and not shutil.which("setpriv"), "needs setpriv")
    def test_a_file_that_may_not_be_read_is_named(self):
        os.chmod(os.path.join(self.root, "etc/opendmarc.conf"), 0)
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write(self.configuration())
        for path, _, _ in os.walk(self.directory):
            os.chmod(path, 0o755)
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        from manager import PROGRAM, clean_environment  # pylint: disable=import-outside-toplevel
        done = subprocess.run([*user, PROGRAM, "-c", self.directory, "--show-config"],
                              capture_output=True, env=clean_environment(), timeout=20, check=True)
        self.assertIn(b"etc/opendmarc.conf: Permission denied", done.stderr)
        self.assertEqual("false", parse(done.stdout.decode())["opendmarc"]["enabled"])

    # ---- configuration

    def test_the_administrator_has_the_last_word(self):
        milters = self.show(after='define_milter("rspamd") { |m| m.enabled = false }\n'
                            'remove_milter("opendmarc")\n'
                            'define_milter("mine") { |m| m.connection_spec = "unix:/x" }\n')
        self.assertEqual(["pyspf-milter", "clamav-milter", "opendkim", "spamass-milter", "rspamd", "mine"],
                         list(milters))
        self.assertEqual("false", milters["rspamd"]["enabled"])

    def test_no_platform(self):
        self.assertEqual({}, self.show(platform=""))
        self.assertEqual("", self.said)

    def test_a_condition_that_is_not_defined_is_left_out(self):
        text = self.configuration().replace('load("applicable-conditions/*.conf")',
                                            'load("applicable-conditions/remote-network.conf")')
        with open(self.path("milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        status, shown, said = run_to_end("-c", self.directory, "--show-config")
        self.assertEqual(0, status, said)
        self.assertEqual(["Remote Network"], parse(shown)["rspamd"]["applicable_conditions"])
        self.assertRegex(said, r'debian\.conf:\d+: .*rspamd: the condition "No Stress" is not defined')

    def test_wrong_options(self):
        rows = [(",rot=/x", 'should have keys out of .* but has \\["rot"\\]'),
                (",timeout=soon", 'timeout should be a number of seconds but was "soon"')]
        for options, message in rows:
            self.show(status=1, options=options)
            self.assertRegex(self.said, r"/defaults/debian\.conf:\d+: package\.options.*" + message)
        self.show(status=1, after='detect_milters("debain") { |search| search.milter("x") }\n')
        self.assertRegex(self.said, 'detect_milters should be one of .* but was "debain"')

    def test_only_the_commands_of_detection_are_accepted(self):
        if os.geteuid() != 0:
            self.skipTest("privilege mode needs root")
        self.show(status=1, after='define_milter("rspamd") { |m| m.command = "/bin/x" }\n')
        self.assertIn("launching of commands is not available yet", self.said)


class DebianScripts(DetectionCase):
    platform, tree = "debian", "debian/sysv"

    def test_what_is_installed_is_found(self):
        self.check_all([
            ("milter-greylist", "unix:/var/spool/postfix/milter-greylist/milter-greylist.sock", False,
             GREY, 120),
            ("spfmilter", "unix:/var/run/spfmilter/spfmilter.sock", True, NET, 0),
            ("clamav-milter", "local:/var/run/clamav/old.ctl", True, [], 0),
            ("dkim-filter", "inet:12345@localhost", True, [], 0),
            ("spamass-milter", "local:/var/run/sendmail/spamass.sock", True, NET, 0),
            ("amavisd-new-milter", "local:/var/lib/amavis/amavisd-new-milter.sock", True, [], 0),
        ])

    def test_tarpits(self):
        self.specs_of_tarpit([("5", 5), ("5s", 5), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800)])

    def specs_of_tarpit(self, rows):
        for text, seconds in rows:
            self.write("etc/milter-greylist/greylist.conf", "racl greylist default tarpit %s\n" % text)
            self.check("milter-greylist", {"reading_timeout": "%.1f" % (7 + seconds)})

    def test_sources_of_the_address(self):
        self.specs([
            ("SOCKET=/a\nSOCKFILE=/b\nCONNECTION_SPEC=/c", "unix:/a"),
            ("SOCKET=\nSOCKFILE=/b\nCONNECTION_SPEC=/c", "unix:/b"),
            ("SOCKET=''\nCONNECTION_SPEC=inet:1@localhost", "inet:1@localhost"),
            ("OPTARGS='-x -p /o'\nDAEMON_ARGS='-p /d'", "unix:/o"),
            ("DAEMON_ARGS='-p /d'\nPARAMS='-p /p'", "unix:/d"),
            ("PARAMS='-p /p -p /q'", "unix:/q"),
            ("PARAMS='-p$X -p/r'", "unix:/r"),
            ("PARAMS='-p $X'", None),
            ("SOCKET=$UNKNOWN/x", None),
            ("RUN=/run/x\nSOCKET=\"$RUN/${NAME}.sock\"", "unix:/run/x/spfmilter.sock"),
            ("RUN=/run/$name\nSOCKET=$RUN/s", "unix:/run/spfmilter/s"),
            ("SOCKET=/a\nSOCKET=$1", "unix:/a"),
            ("SOCKET=/a\nSOCKET=${2}", "unix:/a"),
            ("SOCKET=/a\nSOCKET=`cat /x`", "unix:/a"),
            ("SOCKET=/a\nSOCKET=$(cat /x)", "unix:/a"),
            ("SOCKET=${SOCKET:-/dflt}", "unix:/dflt"),
            ("SOCKET=/a # SOCKET=/b", "unix:/a"),
            ("#SOCKET=/a", None),
            ("SOCKET=\"/a b\"", "unix:/a b"),
            ("SOCKET=unix:local:unix:/a", "unix:/a"),
            ("SOCKET=local:local:/a", "local:/a"),
            ("SOCKET='  '", None),
            ("SOCKET='/un", "unix:/un"),
            ("socket=/a", None),
            ("export SOCKET=/a", "unix:/a"),
            ("if true; then SOCKET=/a; fi", "unix:/a"),
            ("MYSOCKET=/a", None),
            ("echo \"it's\" \"" + "x" * 3000 + "'" * 3000 + "\nSOCKET=/a", "unix:/a"),
        ], "spfmilter", lambda value: self.write("etc/init.d/spfmilter", "NAME=spfmilter\n%s\n" % value, 0o755))

    def test_clamav_files(self):
        script = "etc/init.d/clamav-milter"
        for number, name in enumerate(("clamav-milter.conf", "own.conf", "other-clamav-milter.conf")):
            self.write("etc/clamav/" + name, "MilterSocket inet:%d@localhost\n" % (number + 1))
        self.specs([
            ("SOCKET=/x", "unix:/x"),
            ("CLAMAVCONF=/etc/clamav/clamd.conf\nSOCKET=/x", "unix:/x"),
            ("CLAMAVCONF=/etc/clamav/clamav-milter.conf\nSOCKET=/x", "inet:1@localhost"),
            ("CLAMAVCONF=/etc/clamav/clamd.conf\nCLAMAVMILTERCONF=/etc/clamav/own.conf", "inet:2@localhost"),
            ("CLAMAVCONF=/etc/clamav/other-clamav-milter.conf\nCLAMAVMILTERCONF=/etc/clamav/own.conf",
             "inet:3@localhost"),
            ("CLAMAVCONF=/etc/clamav/no-clamav-milter.conf\nSOCKET=/x", "unix:/x"),
        ], "clamav-milter", lambda value: self.write(script, value + "\n", 0o755))
        # Before 0.95 the file that is there belongs to somebody else.
        self.add("etc/clamav/clamav-milter.conf", "Example\n")
        self.write(script, "SOCKET=/x\n", 0o755)
        self.check("clamav-milter", {"enabled": "true"})
        self.write(script, "CLAMAVCONF=/etc/clamav/clamav-milter.conf\n", 0o755)
        self.check("clamav-milter", {"enabled": "false"})

    def test_names_and_descriptions(self):
        info = "### BEGIN INIT INFO\n%s### END INIT INFO\n"
        rows = [
            (info % "# Provides: other\n# Description: one\n#   two\n# Default-Start: 2\n" + "DESC=x\n",
             "other", "one two"),
            (info % "# Provides: other\n" + "NAME=own\nDESC='of desc'\n", "own", "of desc"),
            ("NAME=$DAEMON\n", "spfmilter", "nil"),
            ("NAME='two words'\n", "spfmilter", "nil"),
        ]
        for text, name, description in rows:
            self.write("etc/init.d/spfmilter", text + "SOCKET=/x\n", 0o755)
            self.check(name, {"description": description, "command": "/etc/init.d/spfmilter"})


class RedHat(DetectionCase):
    platform, tree = "redhat", "redhat/el9"

    def test_what_is_installed_is_found(self):
        for platform in ("redhat", "redhat7", "redhat8", "redhat9"):
            self.check_all([
                ("milter-greylist", "unix:/run/milter-greylist/milter-greylist.sock", True, GREY, 0),
                ("clamav-milter", "unix:/run/clamav-milter/clamav-milter.socket", True, [], 0),
                ("spamass-milter", "unix:/run/spamass-milter/spamass-milter.sock", True, NET, 0),
                ("amavisd", "inet:10024@localhost", True, [], 0),
                ("opendkim", "local:/run/opendkim/opendkim.sock", True, [], 0),
                ("opendmarc", "inet:8893@localhost", True, STRANGERS, 0),
                ("rspamd", "unix:/run/rspamd/milter.sock", True, NET, 0),
            ], platform)

    def test_clamav_that_nobody_has_configured(self):
        self.edit("etc/mail/clamav-milter.conf", "#Example", "Example")
        self.check("clamav-milter", {"enabled": "false"})

    def test_the_files_of_milter_greylist(self):
        unit = "usr/lib/systemd/system/milter-greylist.service"
        self.write("etc/own.conf", 'socket "/run/own" 660\nracl greylist default tarpit 3s\n')
        self.edit(unit, "/etc/mail/greylist.conf", "/etc/own.conf")
        self.check("milter-greylist", {"connection_spec": "unix:/run/own", "writing_timeout": "10.0"})
        self.edit(unit, "-f /etc/own.conf", "")
        self.check("milter-greylist",
                   {"connection_spec": "unix:/run/milter-greylist/milter-greylist.sock"})


class RedHatUpstart(DetectionCase):
    platform, tree = "redhat", "redhat/upstart"

    def test_what_is_installed_is_found(self):
        milters = self.check_all([
            ("milter-greylist", "unix:/var/milter-greylist/own.sock", True, GREY, 60),
            ("clamav-milter", "local:/var/run/clamav-milter/clamav.sock", True, [], 0),
        ])
        self.assertEqual(("A filter that scans mail for viruses", "/sbin/start", "clamav-milter"), tuple(
            milters["clamav-milter"][item] for item in ("description", "command", "command_options")))

    def test_not_enabled(self):
        self.edit("etc/event.d/clamav-milter", "start on", "# start on")
        self.check("clamav-milter", {"enabled": "false"})

    def test_the_usual_files(self):
        for job, option in (("clamav-milter", "-c /etc/mail/own-clamav.conf"),
                            ("milter-greylist", "-f /etc/mail/own-greylist.conf")):
            self.edit("etc/event.d/" + job, option, "")
        self.write("etc/clamav-milter.conf", "MilterSocket /c\nExample\n")
        self.write("etc/mail/greylist.conf", 'socket "/g"\n')
        self.check("clamav-milter", {"connection_spec": "unix:/c", "enabled": "false"})
        self.check("milter-greylist", {"connection_spec": "unix:/g"})

    def test_other_jobs_have_no_address(self):
        self.write("etc/event.d/enma", "start on runlevel 3\nexec /usr/bin/enma -p /x\n")
        self.check("enma", {"connection_spec": "nil", "enabled": "false"})

    def test_the_order_of_start_systems(self):
        self.write("usr/lib/systemd/system/clamav-milter.service",
                   "[Service]\nExecStart=/usr/sbin/clamav-milter -c /etc/unit.conf\n")
        self.write("etc/unit.conf", "MilterSocket /unit\n")
        self.write("etc/init.d/clamav-milter", "SOCKET_ADDRESS=/script\n", 0o755)
        self.check("clamav-milter", {"command": "/sbin/start"})
        self.edit("etc/event.d/clamav-milter", "start on", "# start on")
        self.check("clamav-milter", {"command": "/etc/init.d/clamav-milter", "enabled": "false",
                                     "connection_spec": "unix:/script"})
        self.link(ENABLED_LINK % "clamav-milter", "/usr/lib/systemd/system/clamav-milter.service")
        self.check("clamav-milter", {"connection_spec": "unix:/unit", "enabled": "true"})


class RedHatScripts(DetectionCase):
    platform, tree = "redhat", "redhat/init"

    def test_what_is_installed_is_found(self):
        milters = self.check_all([
            ("milter-greylist", "unix:/var/milter-greylist/milter-greylist.sock", True, GREY, 3600),
            ("clamav-milter", "unix:/var/run/clamav/init.sock", True, [], 0),
            ("enma", "inet:10025@127.0.0.1", True, NET, 0),
            ("spamass-milter", "unix:/var/run/spamass-milter/postfix/sock", True, NET, 0),
            ("amavisd", "local:/var/amavis/milter.sock", True, [], 0),
            ("opendkim", "inet:8891@localhost", True, [], 0),
        ])
        self.assertEqual("amavisd is a daemon which hooks into sendmail and routes email messages.",
                         milters["amavisd"]["description"])

    def test_not_at_any_run_level(self):
        for level in (0, 1, 6):
            self.remove("etc/rc.d/rc%d.d/K40enma" % level)
        self.check("enma", {"enabled": "true"})
        for level in (3, 5):
            self.remove("etc/rc.d/rc%d.d/S79enma" % level)
        self.check("enma", {"enabled": "false", "connection_spec": "inet:10025@127.0.0.1"})

    def test_clamav(self):
        self.add("etc/mail/clamav-init.conf", "Example\n")
        self.check("clamav-milter", {"enabled": "false"})
        # One that has its address from the script is older than its file.
        self.add("etc/sysconfig/clamav-milter", "SOCKET_ADDRESS=local:/old\n")
        self.check("clamav-milter", {"enabled": "true", "connection_spec": "local:/old"})
        self.write("etc/clamav-milter.conf", "MilterSocket /usual\n")
        self.write("etc/sysconfig/clamav-milter", "\n")
        self.check("clamav-milter", {"enabled": "true", "connection_spec": "unix:/usual"})
        self.write("etc/sysconfig/clamav-milter", "CLAMAV_FLAGS='-c /etc/mail/clamav-init.conf'\n")
        self.check("clamav-milter", {"connection_spec": "unix:/var/run/clamav/init.sock"})

    def test_sources_of_the_address(self):
        self.specs([
            ("SOCKET=/a\nSOCKET_ADDRESS=/b", "unix:/a"),
            ("SOCKET_ADDRESS=/b\nMILTER_SOCKET=/c", "unix:/b"),
            ("MILTER_SOCKET=/c\nCONNECTION_SPEC=/d", "unix:/c"),
            ("CONNECTION_SPEC=/d\nOPTIONS='-p /e'", "unix:/d"),
            ("OPTIONS='-p /e'", "unix:/e"),
            ("dir=/lower\nSOCKET=$dir/s", "unix:/lower/s"),
            ("", None),
        ], "amavisd", lambda value: self.write("etc/init.d/amavisd", value + "\n", 0o755))
        self.check("amavisd", {"enabled": "false"})

    def test_usual_files(self):
        for name, text, spec in (("enma", "milter.socket: /e\n", "unix:/e"),
                                 ("opendkim", "Socket /o\n", "unix:/o"),
                                 ("opendmarc", "Socket /d\n", "unix:/d")):
            self.write("etc/init.d/" + name, "prog=x\n", 0o755)
            self.write("etc/%s.conf" % name, text)
            self.check(name, {"connection_spec": spec})

    def test_rspamd(self):
        self.write("etc/init.d/rspamd", "SOCKET=/not-this\n", 0o755)
        self.link("etc/rc3.d/S80rspamd", "../init.d/rspamd")
        self.write("usr/bin/rspamadm", "#!/bin/sh\necho '{\"worker\": {\"rspamd_proxy\": "
                   "{\"milter\": true, \"bind_socket\": \"*:5\"}}}'\n", 0o755)
        self.check("rspamd", {"connection_spec": "inet:5@localhost", "enabled": "true"})


class FreeBSD(DetectionCase):
    platform, tree = "freebsd", "freebsd/ports"

    def test_what_is_installed_is_found(self):
        milters = self.check_all([
            ("milter-greylist", "unix:/var/milter-greylist/milter-greylist.sock", True, GREY, 30),
            ("milter-enma", "local:/var/run/enma/enma.sock", True, NET, 0),
            ("milter-sid", "local:/var/run/sid-filter", True, NET, 0),
            ("clamav-milter", "unix:/var/run/clamav/clmilter.of-conf", True, [], 0),
            ("milter-dkim", "local:/var/run/dkim-filter", True, [], 0),
            ("milter-opendkim", "inet:8891@localhost", True, [], 0),
            ("opendmarc", "inet:8893@localhost", True, STRANGERS, 0),
            ("spamass-milter", "unix:/var/run/spamass.of-rc.conf", True, NET, 0),
            ("amavis-milter", "local:/var/amavis/milter.sock", False, [], 0),
            ("rspamd", "inet:11332@localhost", True, NET, 0),
        ])
        self.assertEqual(("nil", "/usr/local/etc/rc.d/milter-dkim", "start"), tuple(
            milters["milter-dkim"][item] for item in ("description", "command", "command_options")))

    def test_enabled(self):
        for value, enabled in (("YES", "true"), ("yes", "true"), ('"Yes"', "true"), ("NO", "false"),
                               ('""', "false")):
            self.write("etc/rc.conf.d/miltersid", "miltersid_enable=%s\n" % value)
            self.check("milter-sid", {"enabled": enabled})
        self.remove("etc/rc.conf.d/miltersid")
        self.check("milter-sid", {"enabled": "false"})

    def test_later_files_win(self):
        for number, name in enumerate(("etc/rc.conf", "etc/rc.conf.local", "etc/rc.conf.d/miltersid")):
            with open(os.path.join(self.root, name), "a", encoding="ascii") as file:
                file.write('miltersid_socket="inet:%d@localhost"\n' % (number + 1))
            self.check("milter-sid", {"connection_spec": "inet:%d@localhost" % (number + 1)})

    def test_sources_of_the_address(self):
        self.specs([
            ("amavis_milter_socket=/a\namavis_milter_sockfile=/b", "unix:/a"),
            ("amavis_milter_sockfile=/b\namavis_milter_connection_spec=/c", "unix:/b"),
            ("amavis_milter_connection_spec=/c", "unix:/c"),
            ("", "local:/var/amavis/milter.sock"),
            (": ${amavis_milter_socket:-/d}", "unix:/d"),
            (": ${amavis_milter_socket:=\"/d\"}", "unix:/d"),
            ("amavis_milter_socket=${amavis_milter_socket-/e}\nload_rc_config $name", "unix:/e"),
            ("sockfile=/f", "unix:/f"),
        ], "amavis-milter", lambda value: self.write(
            "usr/local/etc/rc.d/amavis-milter", "name=amavis_milter\n%s\n" % value, 0o755))
        self.write("etc/rc.conf.local", "")
        self.specs([("command_args=\"-D -p ${x_socket:-/g}\"", "unix:/g"), ("", None)], "amavis-milter",
                   lambda value: self.write("usr/local/etc/rc.d/amavis-milter",
                                            "name=amavis_milter\n%s\n" % value, 0o755))

    def test_files(self):
        script = "usr/local/etc/rc.d/"
        rows = [
            ("clamav-milter", "clamav_milter", "conf_file=/own", "MilterSocket /c1", "unix:/c1"),
            ("clamav-milter", "clamav_milter", "clamav_milter_flags='-c /own'", "MilterSocket /c2", "unix:/c2"),
            ("milter-enma", "milterenma", "milterenma_flags='-c /own'", "milter.socket: /e", "unix:/e"),
            ("milter-enma", "milterenma", "milterenma_cfgfile=/own", "milter.socket: /f", "unix:/f"),
            ("milter-opendkim", "milteropendkim", "milteropendkim_flags='-C /own'", "Socket /o", "unix:/o"),
            ("milter-opendkim", "milteropendkim", "milteropendkim_cfgfile=/own", "Socket /p", "unix:/p"),
            ("milter-greylist", "miltergreylist", "miltergreylist_cfgfile=/own", 'socket "/g"', "unix:/g"),
        ]
        for name, short, line, content, spec in rows:
            with self.subTest(line=line):
                self.write(script + name, "name=%s\n%s\n" % (short, line), 0o755)
                self.write("own", content + "\n")
                self.assertEqual(spec, self.found(name)["connection_spec"])
        self.write("usr/local/etc/opendkim.conf", "Socket /usual\n")
        self.write(script + "milter-opendkim", "name=milteropendkim\n", 0o755)
        self.assertEqual("unix:/usual", self.found("milter-opendkim")["connection_spec"])

    def test_clamav_that_nobody_has_configured(self):
        self.edit("usr/local/etc/clamav-milter.conf", "#Example", "Example")
        self.check("clamav-milter", {"enabled": "false"})

    def test_profiles_of_opendkim(self):
        with open(os.path.join(self.root, "etc/rc.conf"), "a", encoding="ascii") as file:
            file.write('milteropendkim_profiles="in out  third"\n'
                       'milteropendkim_socket="inet:1@localhost"\n'
                       'milteropendkim_in_cfgfile="/in.conf"\n'
                       'milteropendkim_out_socket="local:/out"\n'
                       'milteropendkim_out_enable="NO"\n')
        self.write("in.conf", "Socket local:/in\n")
        milters = self.show()
        self.assertEqual("", self.said)
        names = [name for name in milters if "opendkim" in name]
        self.assertEqual(["milter-opendkim-in", "milter-opendkim-out", "milter-opendkim-third"], names)
        self.assertEqual([("local:/in", "true", "start in"), ("local:/out", "false", "start out"),
                          ("inet:1@localhost", "true", "start third")],
                         [tuple(milters[name][item] for item in ("connection_spec", "enabled",
                                                                 "command_options")) for name in names])

    def test_profiles_get_the_conditions(self):
        with open(os.path.join(self.root, "etc/rc.conf"), "a", encoding="ascii") as file:
            file.write('milteropendkim_profiles="one"\n')
        milters = self.show(after='detect_milters("freebsd") do |search|\n'
                            '  search.milter("milter-opendkim", conditions: ["S25R"])\nend\n')
        self.assertEqual(["S25R"], milters["milter-opendkim-one"]["applicable_conditions"])


class Pkgsrc(DetectionCase):
    platform, tree = "pkgsrc", "pkgsrc/netbsd"

    def rows(self):
        return [
            ("milter-greylist", "unix:/var/milter-greylist/milter-greylist.sock", True, GREY, 10),
            ("mimedefang", "unix:/var/spool/MIMEDefang/mimedefang.sock", False, [], 0),
            ("enma", "inet:10025@127.0.0.1", True, NET, 0),
            ("spamass-milter", "local:/var/run/spamass.sock", False, NET, 0),
            ("milter-regex", "unix:/var/spool/milter-regex/sock", True, NET, 0),
        ]

    def test_what_is_installed_is_found(self):
        self.check_all(self.rows())

    def test_prefix_and_directory_of_scripts(self):
        os.rename(os.path.join(self.root, "usr/pkg/etc"), os.path.join(self.root, "opt"))
        self.assertEqual({}, self.show())
        self.check("enma", {"connection_spec": "inet:10025@127.0.0.1",
                            "command": "/opt/rc.d/enma"}, options=", prefix = /opt")
        os.rename(os.path.join(self.root, "opt/rc.d"), os.path.join(self.root, "scripts"))
        self.check("enma", {"connection_spec": "inet:10025@127.0.0.1", "command": "/scripts/enma"},
                   options=",prefix=/opt,rcddir=/scripts")

    def test_enma_with_a_file_of_its_own(self):
        self.write("mine", "milter.socket: /m\n")
        self.write("usr/pkg/etc/rc.d/enma", 'name="enma"\ncommand_args="-c /mine"\n', 0o755)
        self.check("enma", {"connection_spec": "unix:/m", "enabled": "true"})


class Platform(unittest.TestCase):
    """What the build takes for package.platform."""

    def test_distributions(self):
        rows = [
            ("ID=debian\nVERSION_ID=\"12\"", "debian"),
            ("ID=ubuntu\nID_LIKE=debian", "debian"),
            ("ID=linuxmint\nID_LIKE='ubuntu debian'", "debian"),
            ("ID=fedora\nVERSION_ID=40", "redhat"),
            ("ID=\"rhel\"\nVERSION_ID=\"8.10\"\nID_LIKE=fedora", "redhat8"),
            ("ID=almalinux\nVERSION_ID=9.4\nID_LIKE=\"rhel centos fedora\"", "redhat9"),
            ("ID=centos\nVERSION_ID=7\nID_LIKE=\"rhel fedora\"", "redhat7"),
            ("ID=rhel\nVERSION_ID=10.0", "redhat"),
            ("ID=arch", ""),
            ("", ""),
        ]
        import tempfile  # pylint: disable=import-outside-toplevel
        for text, platform in rows:
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text + "\n")
                file.flush()
                done = subprocess.run([os.path.join(TOP, "scripts", "platform")], check=True,
                                      capture_output=True, env={**os.environ, "OS_RELEASE": file.name})
                self.assertEqual(platform, done.stdout.decode().strip(), text)


del DetectionCase

if __name__ == "__main__":
    unittest.main()
