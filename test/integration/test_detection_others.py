"""Detection of installed milters on Red Hat, FreeBSD and with pkgsrc; the platform of a build.
test/run: not sanitized"""

import os
import subprocess
import tempfile
import unittest

import detection
from detection import ENABLED_LINK, GREY, NET, STRANGERS
from manager import TOP


class RedHat(detection.DetectionCase):
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


class RedHatUpstart(detection.DetectionCase):
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


class RedHatScripts(detection.DetectionCase):
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

    def test_a_sysconfig_file_of_another_name(self):
        self.edit("etc/init.d/amavisd", "config: /etc/sysconfig/amavisd", "config: /etc/sysconfig/other")
        self.write("etc/sysconfig/other", "SOCKET=/other\n")
        self.check("amavisd", {"connection_spec": "unix:/other"})

    def test_rspamd(self):
        self.write("etc/init.d/rspamd", "SOCKET=/not-this\n", 0o755)
        self.link("etc/rc3.d/S80rspamd", "../init.d/rspamd")
        self.write("usr/bin/rspamadm", "#!/bin/sh\necho '{\"worker\": {\"rspamd_proxy\": "
                   "{\"milter\": true, \"bind_socket\": \"*:5\"}}}'\n", 0o755)
        self.check("rspamd", {"connection_spec": "inet:5@localhost", "enabled": "true"})


class FreeBSD(detection.DetectionCase):
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


class Pkgsrc(detection.DetectionCase):
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
        for text, platform in rows:
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text + "\n")
                file.flush()
                done = subprocess.run([os.path.join(TOP, "scripts", "platform")], check=True,
                                      capture_output=True, env={**os.environ, "OS_RELEASE": file.name})
                self.assertEqual(platform, done.stdout.decode().strip(), text)


if __name__ == "__main__":
    unittest.main()
