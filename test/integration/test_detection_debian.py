"""Detection of installed milters on Debian, and what detection does about mistakes.
test/run: first; test/run: not sanitized"""

import os
import re
import shutil
import signal
import subprocess
import time
import unittest

import detection
from detection import ENABLED_LINK, GREY, NET, STRANGERS, parse
from manager import PATIENCE, PROGRAM, Manager, clean_environment, run_to_end


class Debian(detection.DetectionCase):
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

    def test_rspamadm_that_closes_its_output_and_goes_on_is_ended(self):
        self.rspamadm("echo $$ >%s\necho '{}'\nexec sleep 600 >&- 2>&-\n" % self.path("pid"))
        self.show(options=",timeout=0.5")
        self.assertIn("rspamadm took more than 0.5 s", self.said)
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

    @unittest.skipUnless(os.getuid() == 0, "only root can become somebody else")
    def test_a_reload_that_may_not_read_what_root_has_read(self):
        self.rspamadm("[ -r %s/etc/rspamd/secret.conf ] && port=7 || port=8\n"
                      "echo '{\"worker\": {\"rspamd_proxy\": {\"milter\": true, \"bind_socket\": "
                      "\"*:'$port'\"}}}'\n" % self.root)
        self.write("etc/rspamd/secret.conf", "password\n")
        os.chmod(self.directory, 0o755)
        self.manager = self.new_manager(self.configuration(
            before='security.effective_user = "nobody"\n', after="log.level = 'all'\n"
            "names = defined_milters.map { |n| [n, Milter::Manager::Native.child_value(n, 'enabled'), "
            "Milter::Manager::Native.child_value(n, 'connection_spec')] }\n"
            "manager.event_loop_created { Milter::Logger.info('NOW ' + names.inspect) }\n"))
        # Before the start, so that only who the program is makes a difference.
        os.chmod(os.path.join(self.root, "etc/opendkim.conf"), 0o640)
        os.chmod(os.path.join(self.root, "etc/rspamd/secret.conf"), 0o640)
        os.chmod(os.path.join(self.root, "etc/clamav"), 0o700)
        self.manager.start()
        self.manager.wait_log("NOW ")
        os.utime(os.path.join(self.root, "etc/rspamd/secret.conf"))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("generation 2")
        first, second = self.manager.wait_log("NOW ", 2)[:2]
        self.assertIn('["rspamd", true, "inet:7@localhost"]', first)
        self.assertEqual(first.partition("NOW")[2], second.partition("NOW")[2])
        for name in ("opendkim", "rspamd", "clamav-milter"):
            self.manager.wait_log(r"detection of milters: %s: \S+: Permission denied: it stays as it "
                                  "was found before" % name)
        self.assertEqual(0, self.manager.stop())

    def new_manager(self, text):
        manager = Manager(self.directory, self.transcript)
        self.addCleanup(manager.kill)
        manager.write_configuration(text)
        return manager

    def test_where_an_address_comes_from_can_be_looked_up(self):
        self.show(before='log.level = "all"\n')
        status, _, said = run_to_end("-c", self.directory, "--show-config", "--log-level", "+info")
        self.assertEqual(0, status)
        self.assertRegex(said, r"opendkim: enabled, local:/run/opendkim/opendkim\.sock "
                         r"\(\S+/etc/opendkim\.conf:7\)")

    # ---- nothing can hurt the others

    def test_files_that_are_meant_badly(self):
        grow = "SOCKET=xx\n" + 60 * "SOCKET=$SOCKET$SOCKET\n"
        for text in (grow, 300000 * "'", "SOCKET=" + 100000 * "${A:-", 100000 * "\\\n", "A" + 300000 * " " + "b"):
            self.write("etc/default/opendkim", text)
            self.write("etc/opendkim.conf", text)
            self.write("etc/systemd/system/opendkim.service", text)
            started = time.monotonic()
            milters = self.show()
            self.assertLess(time.monotonic() - started, 4 * PATIENCE)
            self.assertEqual(6, len(milters))
            self.assertNotIn("not looked at", self.said)

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


class DebianScripts(detection.DetectionCase):
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


if __name__ == "__main__":
    unittest.main()
