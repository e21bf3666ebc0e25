"""What the log says of children that fail, its JSON form, and whose its file is."""

import json
import os
import pwd
import signal
import time
import unittest

import wire
from case import PATIENCE, ManagerCase
from fake_child import CLOSE, SILENCE, FakeChild

HOSTILE = b'\x1b[31m"\\ \xff\xc3 \xe2\x80\xa8 gr\xc3\xbc\xc3\x9f\r\n\tx'


class Health(ManagerCase):
    def visit(self, count):
        for _ in range(count):
            mta = self.negotiated()
            mta.quit()

    def test_a_child_that_is_down_is_one_line(self):
        self.child("fine")
        self.absent("late", fallback_status="temporary-failure")
        self.start()
        self.visit(200)
        down = self.manager.wait_log(r"\[children\]\[")
        self.assertEqual(1, len(down), down)
        self.assertRegex(down[0], r"\]: \[children\]\[down\]\[negotiate\]\[temporary-failure\] \[1\] connection to "
                                  r"unix:%s failed: No such file or directory; .*: late$" % self.path("late.sock"))
        child = FakeChild("late", self.path("late.sock"), self.transcript)
        self.addCleanup(child.stop)
        self.visit(3)
        up = self.manager.wait_log(r"\[children\]\[up\]")
        self.assertEqual(2, len(self.manager.log_lines(r"\[children\]\[")), self.manager.log())
        self.assertRegex(up[0], r"\]: \[children\]\[up\] unix:%s: answers again after 200 failures in "
                                r"[0-9.]+ seconds: late$" % self.path("late.sock"))

    def test_workers_say_it_once(self):
        self.absent("late")
        self.start("manager.n_workers = 2")
        self.visit(40)
        self.manager.wait_log(r"\[session\]\[end\].*\(40\)$")
        self.assertEqual(1, len(self.manager.log_lines(r"\[children\]\[")), self.manager.log())

    def test_a_reload_does_not_say_it_again(self):
        self.absent("late")
        self.start()
        self.visit(2)
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("generation 2 of the configuration is in force")
        self.visit(2)
        self.manager.wait_log(r"\[session\]\[end\].*\(4\)$")
        self.assertEqual(1, len(self.manager.log_lines(r"\[children\]\[down\]")))

    def test_failures_of_sessions_are_limited(self):
        self.child("closes", script={"M": CLOSE})
        self.start()
        for _ in range(30):
            mta = self.session()
            mta.command(wire.mail(), wire.ACCEPT)
            mta.quit()
        self.manager.wait_log(r"\[session\]\[end\].*\(30\)$")
        lines = self.manager.log_lines(r"\[children\]\[error\]\[envelope-from\]\[accept\] \[\d+\] connection closed "
                                       r"by unix:\S+closes.sock: closes$")
        self.assertEqual(10, len(lines), self.manager.log())
        self.manager.stop()
        self.assertEqual(1, len(self.manager.log_lines(
            r"\[children\]\[error\] unix:\S+: and 20 more failures in the last minute: closes$")))


class Json(ManagerCase):
    def objects(self):
        """Every line of the log; a line that is no object fails the test."""
        with open(self.manager.stdout_path, "rb") as file:
            text = file.read()
        self.assertTrue(text.endswith(b"\n"), text[-200:])
        lines = [json.loads(line.decode("utf-8", "strict")) for line in text[:-1].split(b"\n")]
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertEqual("worker" in line, self.manager.process.pid != line["pid"])
            self.assertTrue({"level", "message"} <= set(line), line)
        return lines

    def one(self, lines, beginning):
        found = [line for line in lines if line["message"].startswith(beginning)]
        self.assertEqual(1, len(found), lines)
        return found[0]

    def assert_fields(self, line, **expected):
        self.assertEqual(expected, {name: line.get(name) for name in expected})

    def test_every_line_is_an_object(self):
        self.child("adds", script={"E": wire.add_header("X-Odd", HOSTILE) + wire.CONTINUE})
        self.child("silent", script={"B": SILENCE}, reading_timeout=0.3, fallback_status="temporary-failure",
                   evaluation_mode=True)
        self.absent('quo"ted')
        self.start("Milter::Logger.warning(\"a\\nb\\e\\xff\")", options=("--log-format", "json", "--log-level", "all"))
        mta = self.session(host=HOSTILE.replace(b"\r\n", b""))
        mta.send(wire.macros("M", "i", 'A"\\1'))
        mta.envelope(sender=HOSTILE.decode("latin-1"))
        mta.content()
        mta.send(wire.eom())
        mta.answer()
        mta.quit()
        self.manager.write_configuration(self.configuration("manager.x = 1"))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("stays as it was")
        self.manager.stop()
        lines = self.objects()

        self.assertEqual("warning", [line for line in lines if "a\nb\x1b\ufffd" in line["message"]][0]["level"])
        down = self.one(lines, "[children][down]")
        self.assert_fields(down, level="error", session=1, child='quo"ted', stage="negotiate", fallback="accept",
                           endpoint="unix:" + self.path('quo"ted.sock'), state="down", failures=1)
        self.assertIn("No such file or directory", down["error"])
        late = self.one(lines, "[children][timeout][reading]")
        self.assert_fields(late, level="error", session=1, queue_id='A"\\1', child="silent", stage="body",
                           endpoint="unix:" + self.path("silent.sock"), fallback="temporary-failure")
        self.assertRegex(late["error"], r"no reply for 0\.3 seconds \(reading_timeout\)$")
        self.assertGreaterEqual(late["elapsed"], 0.25)
        ended = [line for line in lines if line["message"].startswith("[milter][end]") and line["child"] == "adds"]
        self.assert_fields(ended[0], level="statistics", session=1, queue_id='A"\\1', verdict="pass")
        added = self.one(lines, "[milter][header][add]")
        self.assertEqual("X-Odd", added["header"])
        self.assertIn("gr\u00fc\u00df", added["value"])
        self.assert_fields(self.one(lines, "[session][end]"), level="statistics", session=1, queue_id='A"\\1')
        self.assertIn("unknown item", self.one(lines, "[configuration][error]")["error"])
        self.one(lines, "[manager][reload][signal][error]")
        self.assert_fields(self.one(lines, "[manager][shutdown]"), sessions=0)

    def test_workers(self):
        self.child("a")
        self.start('manager.n_workers = 2\nlog.format = "json"')
        self.assert_healthy()
        self.manager.stop()
        lines = self.objects()
        self.assertIn(self.one(lines, "[session][end]")["worker"], (0, 1))
        end = self.one(lines, "[master][shutdown]")
        self.assert_fields(end, sessions=0, signal="Terminated")
        self.assertNotIn("worker", end)

    def test_format_of_the_configuration(self):
        self.child("a")
        self.start('log.format = "json"')
        self.assert_healthy()
        self.manager.wait_log(r'^\{.*"message":"\[session\]\[end\]')

    def test_warnings_of_the_start_go_to_the_file(self):
        path = self.path("log")
        self.child("a")
        self.start('log.path = "%s"\nlog.format = "json"\ndefine_milter("nowhere")' % path)
        self.assert_healthy()
        with open(path, encoding="utf-8") as file:
            first = json.loads(file.readline())
        self.assertEqual("warning", first["level"])
        self.assertRegex(first["message"], r'\.conf:\d+: milter "nowhere" has no connection_spec')

    def test_a_reload_changes_the_format(self):
        self.child("a")
        self.start()
        for number, form, pattern in ((2, "json", r'^\{.*"generation":2\}$'), (3, "text", r"^\[.*generation 3 of")):
            self.manager.write_configuration(self.configuration('log.format = "%s"' % form))
            self.manager.signal(signal.SIGHUP)
            self.manager.wait_log(pattern)
        self.manager.write_configuration(self.configuration('log.format = "xml"'))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"milter-manager.conf:2: log.format .*json.*text.*xml")


class Owner(ManagerCase):
    """root makes the log file, and another user opens it again."""

    def begin(self, options=()):
        os.chmod(self.directory, 0o777)
        self.child("a", tcp=True)
        self.start('security.effective_user = "nobody"\nlog.path = "%s"' % self.path("log"), options=options)

    def text_within(self, name, pattern):
        deadline = time.monotonic() + 5 * PATIENCE
        while True:
            try:
                with open(self.path(name), encoding="utf-8") as file:
                    text = file.read()
            except FileNotFoundError:
                text = ""
            if pattern in text:
                return text
            self.assertLess(time.monotonic(), deadline, "no %r in %s: %s" % (pattern, name, text))
            time.sleep(0.02)

    def test_a_new_file_becomes_the_user_s(self):
        self.rotate()

    def test_also_when_it_is_named_twice(self):
        self.rotate("--log-path", self.path("log"))

    def rotate(self, *options):
        self.begin(options)
        self.assert_healthy()
        self.text_within("log", "[session][end]")
        nobody = pwd.getpwnam("nobody").pw_uid
        self.assertEqual((nobody, 0o640), (os.stat(self.path("log")).st_uid, os.stat(self.path("log")).st_mode & 0o777))
        os.rename(self.path("log"), self.path("old"))
        self.manager.signal(signal.SIGUSR1)
        self.assert_healthy()
        self.text_within("log", "[session][end]")
        self.assertNotIn("[manager][log]", self.text_within("old", "[session][end]"))

    def test_another_s_file_stays_so(self):
        with open(self.path("log"), "w", encoding="utf-8"):
            pass
        os.chmod(self.path("log"), 0o600)
        self.begin()
        self.text_within("log", "[manager][log][warning] SIGUSR1 will not be able to open the log file")
        self.manager.signal(signal.SIGUSR1)
        self.text_within("log", "Permission denied (as user ID %d); the former file is written on"
                         % pwd.getpwnam("nobody").pw_uid)
        self.assertEqual(0, os.stat(self.path("log")).st_uid)

    def test_no_link_is_followed_to_give_something_away(self):
        os.symlink(self.path("target"), self.path("log"))
        self.begin()
        self.text_within("target", "SIGUSR1 will not be able")
        self.assertEqual(0, os.stat(self.path("target")).st_uid)


if __name__ == "__main__":
    unittest.main()
