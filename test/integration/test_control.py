"""The controller: every route, who may ask, what hostile and slow clients do to it
(manager-semantics 14; the answers are documented in milter-manager(8))."""

import base64
import http.client
import json
import os
import re
import socket
import stat
import threading
import time
from urllib.parse import quote

import wire
from case import ManagerCase, free_port, literal
from fake_child import SILENCE
from manager import OPTIONS, PATIENCE, TOP, ender, listening, run_to_end

HOSTILE = 'a b/c%"\'\\<script>#{1}\n\u00e4\u202e'


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout=10.0):
        super().__init__("localhost", timeout=timeout * PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


class ControlCase(ManagerCase):
    def serve(self, before="", after="", **how):
        self.start('controller.connection_spec = "unix:%s"\n%s' % (self.path("control"), before), after, **how)
        deadline = time.monotonic() + 10 * PATIENCE
        while not listening(self.path("control")):
            self.assertLess(time.monotonic(), deadline, "the controller's socket is not there")
            time.sleep(0.005)

    def connection(self):
        return Unix(self.path("control"))

    def ask(self, path, method="GET", headers=None, body=None, connection=None):
        client = connection or self.connection()
        try:
            client.request(method, path, body, headers or {})
            return Answer(client.getresponse())
        finally:
            if connection is None:
                client.close()

    def status(self):
        answer = self.ask("/status")
        self.assertEqual(200, answer.status, answer.text)
        return answer.json

    def wait_status(self, holds):
        """The status once it is so."""
        deadline = time.monotonic() + 5 * PATIENCE
        while True:
            status = self.status()
            if holds(status):
                return status
            self.assertLess(time.monotonic(), deadline, status)
            time.sleep(0.01)

    def refused(self, status, answer):
        self.assertEqual(status, answer.status, answer.text)
        self.assertTrue(answer.json["error"])
        return answer


class Routes(ControlCase):
    def test_status_of_a_manager_at_rest(self):
        self.child("a", fallback_status="reject", evaluation_mode=True)
        self.define("off", "inet:10@127.0.0.1", enabled=False)
        self.serve()
        status = self.status()
        self.assertEqual(self.manager.process.pid, status["pid"])
        self.assertEqual(("running", "unix:" + self.manager.socket_path, 0, [], []),
                         tuple(status[key] for key in ("state", "listen", "sessions_open", "sessions",
                                                       "failures")))
        configuration = status["configuration"]
        self.assertEqual((1, self.directory, [self.manager.configuration_path], None),
                         tuple(configuration[key] for key in ("generation", "directory", "files", "last_error")))
        self.assertEqual([(-1, self.manager.process.pid, True)],
                         [(w["number"], w["pid"], w["answered"]) for w in status["workers"]])
        self.assertGreater(status["workers"][0]["memory"], 1e6)
        for time_of in (status["started"], configuration["loaded"]):
            self.assertRegex(time_of, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        child = status["children"][0]
        self.assertEqual(("a", self.children["a"].spec, True, False, True, "reject", "unknown"),
                         tuple(child[key] for key in ("name", "endpoint", "enabled", "switched_off",
                                                      "evaluation_mode", "fallback", "state")))
        self.assertEqual((False, "disabled"), tuple(status["children"][1][key] for key in ("enabled", "state")))

    def test_status_is_as_documented(self):
        """doc/status.md names every member, and no other."""
        self.child("slow", script={"M": SILENCE}, reading_timeout=60)
        self.define("down", "unix:" + self.path("nobody"))
        self.serve()
        mta = self.session()
        mta.send(wire.mail())
        status = self.wait_status(lambda s: s["sessions"][0]["waiting_for"] == "slow" and s["failures"])
        with open(os.path.join(TOP, "doc", "status.md"), encoding="utf-8") as file:
            text = file.read()
        documented = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])

        def members(one):
            return {key: members(value) for key, value in one.items() if key != "verdicts"} \
                if isinstance(one, dict) else None
        for shown, said in ((status, documented), *((status[key][0], documented[key][0])
                                                     for key in ("workers", "children", "sessions"))):
            self.assertEqual(members(said), members(shown))
        (row,) = [line for line in text.splitlines() if line.startswith("| `failures`")]
        self.assertEqual(set(re.findall(r"`(\w+)`", row.split("|", 2)[2])), set(status["failures"][0]))

    def test_sessions(self):
        self.child("fast")
        self.child("slow", script={"M": SILENCE}, reading_timeout=60)
        self.serve()
        first = self.session(host="mx.example.org")
        second = self.negotiated("second")
        status = self.wait_status(lambda s: [x["phase"] for x in s["sessions"]] == ["idle", "idle"])
        self.assertEqual((2, 2), (status["sessions_open"], status["workers"][0]["sessions"]))
        self.assertEqual([None, None], [x["waiting_for"] for x in status["sessions"]])
        self.assertEqual([None, None], [x["queue_id"] for x in status["sessions"]])
        self.assertIsNone(status["sessions"][1]["client"])
        first.send(wire.macros("M", i="4F1<b>"))
        first.send(wire.mail())
        status = self.wait_status(lambda s: s["sessions"][0]["waiting_for"] == "slow")
        session = status["sessions"][0]
        self.assertEqual("envelope-from", session["phase"])
        self.assertEqual("4F1<b>", session["queue_id"])
        self.assertRegex(session["client"], r"^mx\.example\.org \[.*\]$")
        self.assertTrue(session["helo"])
        self.assertEqual((-1, 1), (session["worker"], session["id"]))
        self.assertGreaterEqual(session["age"], session["waiting"])
        second.quit()
        self.wait_status(lambda s: s["sessions_open"] == 1)

    def test_metrics(self):
        self.child("a")
        self.define(HOSTILE, "inet:10@127.0.0.1", enabled=False)
        self.serve()
        answer = self.ask("/metrics")
        self.assertEqual("text/plain; version=0.0.4; charset=utf-8", answer.headers["Content-Type"])
        lines = answer.text.splitlines()
        self.assertNotIn("# EOF", lines)
        self.assertIn("milter_manager_configuration_generation 1", lines)
        self.assertIn('milter_manager_child_enabled{child="a"} 1', lines)
        escaped = HOSTILE.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        self.assertIn('milter_manager_child_enabled{child="%s"} 0' % escaped, lines)
        answer = self.ask("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})
        self.assertIn("application/openmetrics-text; version=1.0.0", answer.headers["Content-Type"])
        self.assertEqual("# EOF", answer.text.splitlines()[-1])

    def test_configuration_is_that_of_show_config(self):
        self.child("a")
        self.serve()
        answer = self.ask("/configuration")
        self.assertEqual("text/plain; charset=utf-8", answer.headers["Content-Type"])
        _, shown, _ = run_to_end("--config-dir", self.directory, "-s", "unix:" + self.manager.socket_path,
                                 "--show-config", *OPTIONS)
        self.assertEqual(shown, answer.text)

    def test_health_and_readiness(self):
        self.child("a", script={"M": SILENCE}, reading_timeout=60)
        self.serve()
        for path in ("/healthz", "/readyz"):
            self.assertEqual((200, "ok\n"), (self.ask(path).status, self.ask(path).text))
        mta = self.session()
        mta.send(wire.mail())
        self.manager.signal(15)
        self.manager.wait_log(r"\[manager\]\[shutdown\]")
        self.assertEqual((503, "stopping\n"), (self.ask("/readyz").status, self.ask("/readyz").text))
        self.assertEqual(200, self.ask("/healthz").status)
        self.assertEqual("stopping", self.status()["state"])
        self.refused(409, self.ask("/reload", "POST"))
        mta.close()
        self.assertEqual(0, self.manager.wait())

    def test_what_is_not_there(self):
        self.child("a")
        self.serve()
        for path in ("/", "/nothing", "/status/", "//status", "/children/a", "/children//disable", "/STATUS",
                     "/children/a/b/disable", "/metrics/../status"):
            if path == "/":
                continue
            self.refused(404, self.ask(path))
        self.refused(404, self.ask("/children/b/disable", "POST"))
        self.assertEqual("GET, HEAD", self.refused(405, self.ask("/status", "POST")).headers["Allow"])
        self.assertEqual("GET, HEAD", self.refused(405, self.ask("/metrics", "DELETE")).headers["Allow"])
        for path in ("/reload", "/children/a/disable"):
            self.assertEqual("POST", self.refused(405, self.ask(path)).headers["Allow"])
        for path in ("/children/%/disable", "/children/a%2/disable", "/children/%zz/disable",
                     "/children/a%00/disable"):
            self.refused(400, self.ask(path, "POST"))
        self.assertFalse(self.status()["children"][0]["switched_off"])

    def test_head_and_headers(self):
        self.serve()
        for path, kind in (("/status", "application/json"), ("/healthz", "text/plain; charset=utf-8"),
                           ("/nothing", "application/json")):
            got, head = self.ask(path), self.ask(path, "HEAD")
            self.assertEqual((got.status, ""), (head.status, head.text))
            for answer in (got, head):
                self.assertEqual(kind, answer.headers["Content-Type"])
                self.assertEqual("no-store", answer.headers["Cache-Control"])
                self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"])
                policy = answer.headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertIn("frame-ancestors 'none'", policy)

    def test_socket(self):
        self.serve("controller.unix_socket_mode = 0600")
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.path("control")).st_mode))
        self.assertEqual(0, self.manager.stop())
        self.assertFalse(os.path.exists(self.path("control")))

    def test_socket_that_stays(self):
        self.child("a")
        self.serve("controller.remove_unix_socket_on_close = false")
        self.assertEqual(0, self.manager.stop())
        self.assertTrue(os.path.exists(self.path("control")))
        with self.subTest("and is in the way"):
            self.start('controller.connection_spec = "unix:%s"\ncontroller.remove_unix_socket_on_create = false'
                       % self.path("control"))
            self.manager.wait_log("failed to listen controller socket: .*control")
            self.assert_healthy()

    def test_socket_group(self):
        group = 65533
        if os.getuid() != 0:
            self.skipTest("only root gives files to any group")
        self.serve("controller.unix_socket_group = %d" % group)
        self.assertEqual(group, os.stat(self.path("control")).st_gid)

    def test_no_place_to_listen(self):
        self.child("a")
        self.start('controller.connection_spec = "unix:%s"' % self.path("no/such/directory"))
        self.manager.wait_log("failed to listen controller socket: .*no/such")
        self.assert_healthy()


class Reload(ControlCase):
    def test_reload(self):
        self.child("a")
        self.serve()
        self.assertEqual(1, len(self.status()["children"]))
        self.define("b", "inet:10@127.0.0.1")
        text = self.configuration('controller.connection_spec = "unix:%s"' % self.path("elsewhere"))
        self.manager.write_configuration(text)
        self.assertEqual({"generation": 2}, self.ask("/reload", "POST").json)
        status = self.status()
        self.assertEqual((["a", "b"], 2), ([c["name"] for c in status["children"]],
                                           status["configuration"]["generation"]))
        self.manager.wait_log("controller.connection_spec is <unix:.*elsewhere> now: it takes effect at the next start")
        self.assertFalse(os.path.exists(self.path("elsewhere")))

    def test_reload_that_fails(self):
        self.child("a")
        self.serve()
        good = self.configuration('controller.connection_spec = "unix:%s"' % self.path("control"))
        self.manager.write_configuration(good + "manager.nonsense = <>\n")
        answer = self.refused(500, self.ask("/reload", "POST"))
        self.assertIn("milter-manager.conf:", answer.json["error"])
        configuration = self.status()["configuration"]
        self.assertEqual((1, answer.json["error"]), (configuration["generation"],
                                                     configuration["last_error"]["message"]))
        self.assertRegex(configuration["last_error"]["time"], r"^\d{4}-.*Z$")
        self.assert_healthy()
        status, out, err = run_to_end("-c", self.directory, "--control", "status")
        self.assertEqual((0, ""), (status, err))
        self.assertIn("has FAILED: ", out)
        self.manager.write_configuration(good)
        self.assertEqual(200, self.ask("/reload", "POST").status)
        self.assertIsNone(self.status()["configuration"]["last_error"])

    def test_reload_for_a_browser_leads_back(self):
        self.serve()
        answer = self.ask("/reload", "POST", {"Accept": "text/html,*/*"}, "a=b")
        self.assertEqual((303, "./"), (answer.status, answer.headers["Location"]))


    def test_a_browser_is_led_to_the_page_that_tells_the_mistake(self):
        self.serve()
        self.manager.write_configuration("manager.nonsense = 1\n")
        answer = self.ask("/reload", "POST", {"Accept": "text/html,*/*"})
        self.assertEqual((303, "./"), (answer.status, answer.headers["Location"]))
        page = self.ask("/", headers={"Accept": "text/html"}).text
        self.assertIn("The last reload failed", page)
        self.assertIn("milter-manager.conf:1", page)
        self.refused(500, self.ask("/reload", "POST", {"Accept": "*/*"}))


class Switches(ControlCase):
    def switch(self, name, way):
        return self.ask("/children/%s/%s" % (quote(name, safe=""), way), "POST")

    def test_the_next_session_goes_without_it(self):
        a, b = self.child("a"), self.child("b")
        self.serve("log.level = \"+info\"")
        before = self.session("before")
        self.assertEqual({"child": "a", "switched_off": True}, self.switch("a", "disable").json)
        before.message()
        before.quit()
        self.assertEqual(1, len(a.sessions))
        after = self.session("after")
        after.message()
        after.quit()
        self.assertEqual((1, 2), (len(a.sessions), len(b.sessions)))
        self.manager.wait_log(r'\[explain\] \[2\] milter "a" is switched off by the operator')
        child = self.status()["children"][0]
        self.assertEqual((True, True, "disabled"), (child["enabled"], child["switched_off"], child["state"]))
        self.assertIn('milter_manager_child_enabled{child="a"} 0', self.ask("/metrics").text)
        with self.subTest("reload"):
            self.assertEqual(200, self.ask("/reload", "POST").status)
            self.assert_healthy()
            self.assertEqual((1, 3), (len(a.sessions), len(b.sessions)))
        with self.subTest("twice, and back"):
            self.assertEqual(200, self.switch("a", "disable").status)
            self.assertEqual({"child": "a", "switched_off": False}, self.switch("a", "enable").json)
            self.assert_healthy()
            self.assertEqual((2, 4), (len(a.sessions), len(b.sessions)))

    def test_nobody_is_left(self):
        self.child("a")
        self.serve('manager.fallback_status = "temporary-failure"')
        self.switch("a", "disable")
        mta = self.negotiated()
        mta.command(wire.connect(), wire.TEMPFAIL)

    def test_hostile_names(self):
        self.define(HOSTILE, "unix:" + self.path("x"))
        self.define("../reload", "unix:" + self.path("y"))
        self.serve()
        for name in (HOSTILE, "../reload"):
            self.assertEqual({"child": name, "switched_off": True}, self.switch(name, "disable").json)
        self.assertEqual([True, True], [c["switched_off"] for c in self.status()["children"]])
        self.assertEqual([HOSTILE, "../reload"], [c["name"] for c in self.status()["children"]])
        self.assertNotIn("\n<", self.manager.log())

    def test_bytes_that_are_no_text(self):
        self.defined.append('define_milter("a\\xff\\xfe".dup) { |m| m.connection_spec = "unix:/x"; '
                            'm.description = "\\xc3(" }\n')
        self.child("b")
        self.serve()
        self.assertEqual("a\ufffd\ufffd", self.status()["children"][0]["name"])
        self.assertEqual("\ufffd(", self.status()["children"][0]["description"])
        self.assertEqual(200, self.ask("/children/a%ff%FE/disable", "POST").status)
        mta = self.negotiated()
        mta.command(wire.packet("C", b"h\xff\xfe\x1b[2J\0" + b"4\0\x19" + b"10.0.0.1\0"))
        mta.command(wire.packet("H", b"\xc3\xa4\xff\0"))
        session = self.status()["sessions"][0]
        self.assertEqual(("h\ufffd\ufffd\x1b[2J [10.0.0.1]", "\u00e4\ufffd"), (session["client"], session["helo"]))

    def test_a_name_that_went_with_a_reload(self):
        self.child("a")
        self.serve()
        self.switch("a", "disable")
        kept, self.defined = self.defined, []
        self.manager.write_configuration(self.configuration())
        self.ask("/reload", "POST")
        self.refused(404, self.switch("a", "disable"))
        self.assertEqual(200, self.switch("a", "enable").status)
        self.refused(404, self.switch("a", "enable"))
        self.defined = kept


class Tcp(ControlCase):
    def serve_tcp(self, before="", host="127.0.0.1"):
        self.port = free_port()
        self.start('controller.connection_spec = "inet:%d@%s"\n%s' % (self.port, host, before))
        self.manager.wait_log(r"\[control\]\[listen\]")

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * PATIENCE)

    def test_names_of_the_host(self):
        self.serve_tcp()
        for host in ("localhost", "LOCALHOST:%d" % self.port, "127.0.0.1", "[::1]:80"):
            self.assertEqual(200, self.ask("/status", headers={"Host": host}).status, host)
        for host in ("evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io", "", "[::2]"):
            self.refused(403, self.ask("/status", headers={"Host": host}))

    def test_the_name_of_the_spec(self):
        """Another address of loopback, with the brackets that a spec may have."""
        self.serve_tcp(host="[127.0.0.2]")
        other = http.client.HTTPConnection("127.0.0.2", self.port, timeout=10 * PATIENCE)
        self.addCleanup(other.close)
        self.assertEqual(200, self.ask("/status", connection=other).status)
        self.refused(403, self.ask("/status", headers={"Host": "127.0.0.3"}, connection=other))

    def test_pages_of_other_sites(self):
        self.child("a")
        self.serve_tcp()
        own = "http://127.0.0.1:%d" % self.port
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": own + "0"},
                        {"Origin": own, "Sec-Fetch-Site": "cross-site"}):
            for path in ("/reload", "/children/a/disable"):
                self.refused(403, self.ask(path, "POST", headers))
        self.assertFalse(self.status()["children"][0]["switched_off"])
        for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
            self.assertEqual(200, self.ask("/reload", "POST", headers).status, headers)
        self.assertEqual(200, self.ask("/status", headers={"Sec-Fetch-Site": "cross-site"}).status)

    def test_token(self):
        self.serve_tcp('controller.token = "correct horse".sub(" ", "-")\ndatabase.password = "swordfish"',
                       host="0.0.0.0")
        basic = base64.b64encode(b"anybody:correct-horse").decode()
        for authorization in ("Bearer correct-horse", "bearer  correct-horse", "Basic " + basic):
            self.assertEqual(200, self.ask("/status", headers={"Authorization": authorization,
                                                               "Host": "any.example"}).status)
        for authorization in (None, "", "Bearer", "Bearer ", "Bearer correct-hors", "Bearer correct-horse2",
                              "Bearer Correct-horse", "Basic !", "Basic ", "Digest correct-horse",
                              "correct-horse", "Basic " + base64.b64encode(b"correct-horse").decode()):
            for path, method in (("/status", "GET"), ("/nothing", "GET"), ("/reload", "POST"), ("/healthz", "GET")):
                answer = self.refused(401, self.ask(path, method, {"Authorization": authorization} if
                                                    authorization is not None else {}))
                self.assertIn("Basic ", answer.headers["WWW-Authenticate"])
        shown = self.ask("/configuration", headers={"Authorization": "Bearer correct-horse"}).text
        self.assertIn("# controller.token is set and not shown", shown)
        self.assertNotIn("correct", shown)
        self.assertIn("# database.password is set and not shown", shown)
        self.assertNotIn("swordfish", shown)
        with self.subTest("what --show-config prints"):
            _, out, _ = run_to_end("-c", self.directory, "--show-config")
            self.assertIn("# controller.token is set and not shown", out)
            self.assertNotIn("correct", out)
            self.assertIn('database.password = "swordfish"', out)
        with self.subTest("the client"):
            def control(**how):
                return run_to_end("-c", self.directory, "--control", "health", **how)[0]
            self.assertEqual(0, control())
            self.assertEqual(1, control(environment={"MILTER_MANAGER_CONTROL_TOKEN": "wrong"}))
            spec = ("--control-spec", "inet:%d@127.0.0.1" % self.port, "--control", "health")
            self.assertEqual(1, run_to_end(*spec)[0])
            self.assertEqual(0, run_to_end(*spec, environment={
                "MILTER_MANAGER_CONTROL_TOKEN": "correct-horse"})[0])

    def test_a_reload_changes_the_token_and_never_takes_it_away(self):
        self.serve_tcp('controller.token = "first-token"', host="0.0.0.0")

        def asked(token, path="/reload"):
            return self.ask(path, "POST", {"Authorization": "Bearer " + token}).status
        self.manager.write_configuration(self.configuration(
            'controller.connection_spec = "inet:%d@0.0.0.0"\ncontroller.token = "other-token"' % self.port))
        self.assertEqual(200, asked("first-token"))
        self.assertEqual(401, asked("first-token"))
        self.manager.write_configuration(self.configuration())
        self.assertEqual(200, asked("other-token"))
        self.assertEqual(401, self.ask("/status").status)
        self.assertEqual(200, asked("other-token"))


class Harm(ControlCase):
    """What clients do to each other and to mail: nothing."""

    def raw(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20 * PATIENCE)
        client.connect(self.path("control"))
        self.addCleanup(client.close)
        return client

    def test_a_thousand_requests(self):
        self.child("a")
        self.serve()
        self.status()
        before = self.manager.files_at_rest()
        client = self.connection()
        for number in range(1000):
            answer = self.ask("/healthz" if number % 10 else "/status", connection=client)
            self.assertEqual(200, answer.status)
        client.close()
        for _ in range(100):
            self.assertEqual(200, self.ask("/healthz").status)
        self.assert_no_more_files(before)
        self.assert_healthy()

    def test_more_clients_than_places(self):
        self.child("a")
        self.serve()
        idle = [self.raw() for _ in range(200)]
        for client in idle[180::2]:
            client.sendall(b"GET /status HTTP/1.1\r\nHost: local")
        self.assertEqual(200, self.ask("/status").status)
        self.assert_healthy()
        # Those that came first had to go.
        self.assertEqual(b"", idle[1].recv(100))
        self.assertLess(self.manager.open_files(), 100)

    def test_a_client_that_is_slow(self):
        """Byte by byte it may go on for five seconds, in sum."""
        self.child("a")
        self.serve("log.level = \"+debug\"")
        slow, silent, lazy = self.raw(), self.raw(), self.raw()
        lazy.sendall(b"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")
        started, ended = time.monotonic(), None
        slow.settimeout(0.2)
        while ended is None:
            self.assertLess(time.monotonic() - started, 30 * PATIENCE)
            try:
                slow.sendall(b"G")
                ended = slow.recv(1) == b"" or None
            except TimeoutError:
                self.assertEqual(200, self.ask("/healthz").status)
            except OSError:
                ended = True
        self.assertGreater(time.monotonic() - started, 4)
        self.assertEqual(b"", silent.recv(100))
        self.assertEqual(b"", lazy.recv(100))
        self.assertEqual(1, self.status()["configuration"]["generation"])
        self.assert_healthy()

    def test_requests_that_are_too_large(self):
        self.serve()
        for head, status in ((b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (414, 431)),
                             (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100000 + b"\r\n\r\n", (431,)),
                             (b"POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", (413,)),
                             (b"POST /reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", (411,))):
            client = self.raw()
            try:
                client.sendall(head)
            except OSError:
                pass
            self.assertIn(int(client.recv(4000).split()[1]), status)
        self.assertEqual(1, self.status()["configuration"]["generation"])
        self.assertEqual(200, self.ask("/reload", "POST", body="x" * 4000).status)

    def test_requests_of_which_two_see_different_ends(self):
        """What a proxy lets through must not be another request here; the connection ends."""
        self.serve()
        for fields in (b"Content-Length: 5\r\nContent-Length: 0\r\n", b"Content-Length : 0\r\n",
                       b"Host: evil.example\r\nContent-Length: 0\r\n",
                       b"Content-Length: 0\r\nX: y\r\n  folded\r\nHost: again\r\n"):
            client = self.raw()
            client.sendall(b"POST /reload HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n"
                           + b"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            answer = b""
            try:
                while chunk := client.recv(4000):
                    answer += chunk
            except ConnectionResetError:
                pass
            self.assertEqual(b"HTTP/1.1 400", answer[:12], fields)
        client = self.raw()
        client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        self.assertEqual(b"HTTP/1.1 400", client.recv(12))
        self.assertEqual(1, self.status()["configuration"]["generation"])

    def test_what_is_no_http(self):
        self.serve()
        for words in (b"\0" * 100, b"O\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50,
                      b"GET /%00%ff HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            self.raw().sendall(words)
            self.assertEqual(200, self.ask("/healthz").status)
        self.assertEqual(200, self.ask("/healthz").status)

    def test_mail_goes_on(self):
        self.child("a")
        self.serve()
        over = threading.Event()

        def hammer():
            while not over.is_set():
                self.ask("/status")
        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(8):
                self.assert_healthy()
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def test_a_forked_program_keeps_no_connection(self):
        self.child("a")
        self.serve(after='define_applicable_condition("fork") { |c| c.define_connect_stopper { |x, h, s| '
                         'pid = fork { sleep 30 }; Process.detach(pid); File.write(%s, pid.to_s); false } }\n'
                         'define_milter("a") { |m| m.add_applicable_condition("fork") }\n'
                         % literal(self.path("pid")))
        client = self.connection()
        self.ask("/healthz", connection=client)
        self.session().quit()
        with open(self.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        self.addCleanup(ender(pid))
        names = [os.readlink("/proc/%d/fd/%s" % (pid, number)) for number in os.listdir("/proc/%d/fd" % pid)]
        inode = [line.split()[6] for line in open("/proc/net/unix", encoding="ascii", errors="replace")
                 if line.rstrip().endswith(self.path("control"))]
        self.assertTrue(inode)
        for number in inode:
            self.assertNotIn("socket:[%s]" % number, names)
        client.close()
