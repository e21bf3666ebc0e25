"""Conditions that wait: they suspend their own session and nobody else (design, section 4;
manager.condition_timeout).  Measures time; test/run: alone"""

import select
import signal
import socket
import struct
import threading
import time
import unittest

import wire
from case import PATIENCE, ManagerCase, condition
from transcript import Quiet


def readable(one):
    return bool(select.select([one], [], [], 0)[0])


class SlowDns(threading.Thread):
    """A name server that answers every A query with 192.0.2.1, late."""

    def __init__(self, delay):
        super().__init__(daemon=True)
        self.delay = delay
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        try:
            while True:
                query, peer = self.socket.recvfrom(2048)
                self.asked += 1
                threading.Timer(self.delay, self.answer, (query, peer)).start()
        except OSError:
            pass

    def answer(self, query, peer):
        question = query[12:query.index(b"\0", 12) + 5]
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])
        try:
            self.socket.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + question + answer,
                               peer)
        except OSError:
            pass


class SlowHttp(threading.Thread):
    """A web server that says `stop', late."""

    def __init__(self, delay):
        super().__init__(daemon=True)
        self.delay = delay
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        try:
            while True:
                peer, _ = self.listener.accept()
                threading.Timer(self.delay, self.answer, (peer,)).start()
        except OSError:
            pass

    def answer(self, peer):
        with peer:
            peer.recv(4096)
            peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nstop")

    def stop(self):
        self.listener.close()


class NeverBlocking(ManagerCase):
    """A condition that waits suspends its own session only."""

    def slowest(self, seconds, until=None):
        """The longest wait of any command in ordinary sessions, one after the other."""
        worst, sessions = 0.0, 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (until and until()):
            mta = self.connect("quick")
            steps = [wire.negotiate(), wire.connect(), wire.helo(), wire.mail(), wire.rcpt(), wire.DATA,
                     wire.header("A", "b"), wire.EOH, wire.body("x\r\n"), wire.EOM]
            for step in steps:
                mta.send(step)
                mta.receive()
                worst = max(worst, mta.last_wait)
            mta.quit()
            sessions += 1
        return worst, sessions

    def undisturbed(self, slow, allowed=0.25):
        """slow() starts what waits and returns a function telling when it is over.  Others may be
        delayed by 250 ms beyond what a busy machine does to them without anybody waiting; noise may
        spoil one measurement, a blocked loop spoils them all."""
        seen = []
        for _ in range(6):
            over = slow()
            started = time.monotonic()
            worst, sessions = self.slowest(10.0, over)
            self.assertGreater(sessions, 3, "other sessions hardly ran")
            if worst < allowed * PATIENCE:
                return
            usual, _ = self.slowest(time.monotonic() - started)
            if worst < usual + allowed * PATIENCE:
                return
            seen.append("%.3f s (usual: %.3f s)" % (worst, usual))
        self.fail("other sessions were delayed by " + ", ".join(seen))

    def waiting_session(self, least, most, stopped):
        """A session whose HELO takes that long; returns the starter for undisturbed()."""
        def start():
            number = len(self.children["watched"].sessions)
            mta = self.connect("waiting")
            mta.negotiate()
            mta.command(wire.connect())
            started = time.monotonic()
            mta.send(wire.helo("slow.example.org"))
            result = []

            def wait():
                mta.expect(wire.CONTINUE, timeout=10)
                result.append(time.monotonic() - started)
                mta.quit()
            thread = threading.Thread(target=wait, daemon=True)
            thread.start()

            def over():
                if thread.is_alive():
                    return False
                self.assertTrue(result, "no answer to HELO")
                self.assertTrue(least <= result[0] <= most * PATIENCE, result)
                session = self.children["watched"].session(number)
                session.wait_closed()
                self.assertEqual(not stopped, "H" in session.letters())
                return True
            return over
        return start

    def prepare(self, body, before="", quiet=False):
        if quiet:
            self.transcript = Quiet()
        self.child("watched", applicable_conditions=["Slow"])
        self.child("fine")
        self.start(before=before + condition(
            "Slow", "helo", "fqdn", 'next false unless fqdn == "slow.example.org"\n    ' + body))
        self.session().quit()

    def test_sleep(self):
        self.prepare("sleep 2; true", quiet=True)
        self.undisturbed(self.waiting_session(1.9, 4.0, True))

    def test_dns(self):
        server = SlowDns(1.5)
        self.addCleanup(server.socket.close)
        self.prepare('Resolv::DNS.open(nameserver_port: [["127.0.0.1", %d]]) { |dns|'
                     ' dns.getaddress("listed.example.org").to_s == "192.0.2.1" }' % server.port,
                     'require "resolv"\n', quiet=True)
        self.undisturbed(self.waiting_session(1.4, 3.5, True))
        self.assertGreater(server.asked, 0)

    def test_tcp_and_pipe(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        self.addCleanup(listener.close)

        def serve():
            try:
                while True:
                    peer, _ = listener.accept()
                    threading.Timer(1.0, lambda peer=peer: (peer.sendall(b"stop\n"), peer.close())).start()
            except OSError:
                pass
        threading.Thread(target=serve, daemon=True).start()
        self.prepare('TCPSocket.open("127.0.0.1", %d) { |peer| peer.gets == "stop\\n" }'
                     % listener.getsockname()[1], 'require "socket"\n', quiet=True)
        self.undisturbed(self.waiting_session(0.9, 3.0, True))

    def test_process(self):
        self.prepare('IO.popen(["sleep", "1"]) { |pipe| pipe.read }; true', quiet=True)
        self.undisturbed(self.waiting_session(0.9, 3.0, True))

    def test_other_ways_to_wait(self):
        """Each waits half a second and is then true; all at once, in one session after the other."""
        server = SlowHttp(0.5)
        self.addCleanup(server.stop)
        ways = {
            "thread": "Thread.new { sleep 0.5; true }.value",
            "queue": "queue = Queue.new; Thread.new { sleep 0.5; queue << true }; queue.pop",
            "backtick": "`sleep 0.5; echo stop`.strip == 'stop'",
            "system": "system('sleep 0.5')",
            "spawn": "Process.wait(spawn('sleep 0.5')); $?.success?",
            "http": "Net::HTTP.get(URI('http://127.0.0.1:%d/')) == 'stop'" % server.port,
            "timeout": "begin; Timeout.timeout(0.5) { sleep 9 }; rescue Timeout::Error; true; end",
            "select": "reader, writer = IO.pipe; IO.select([reader], nil, nil, 0.5).nil?",
            "fiber": "fiber = Fiber.new(blocking: false) { Fiber.yield 1; 2 }; fiber.resume;"
                     " sleep 0.5; fiber.resume == 2",
            "mutex": "$lock ||= Mutex.new; $lock.synchronize { sleep 0.5 }; true",
        }
        self.child("watched", applicable_conditions=["Slow"])
        self.child("fine")
        self.start(before='require "net/http"\nrequire "timeout"\n' + condition(
            "Slow", "helo", "fqdn", "case fqdn\n%s    else false\n    end" % "".join(
                '    when "%s" then %s\n' % one for one in ways.items())))
        for way in ways:
            with self.subTest(way=way):
                number = len(self.children["watched"].sessions)
                mta = self.negotiated(way)
                mta.command(wire.connect())
                started = time.monotonic()
                mta.send(wire.helo(way))
                worst, sessions = self.slowest(5.0, lambda mta=mta: readable(mta.socket))
                mta.expect(wire.CONTINUE)
                self.assert_within(0.4, 1.2, started, way)
                self.assertGreater(sessions, 1)
                self.assertLess(worst, 0.3 * PATIENCE, "others were held up by " + way)
                mta.quit()
                session = self.children["watched"].session(number)
                session.wait_closed()
                self.assertNotIn("H", session.letters())

    def test_many_at_once(self):
        server = SlowDns(0.5)
        self.addCleanup(server.socket.close)
        self.prepare('Resolv::DNS.open(nameserver_port: [["127.0.0.1", %d]]) { |dns|'
                     ' dns.getaddress("listed.example.org").to_s == "192.0.2.1" }' % server.port,
                     'require "resolv"\n')
        mtas = []
        for number in range(50):
            mta = self.connect("MTA%d" % number)
            mta.negotiate()
            mta.command(wire.connect())
            mtas.append(mta)
        started = time.monotonic()
        for mta in mtas:
            mta.send(wire.helo("slow.example.org"))
        for mta in mtas:
            mta.expect(wire.CONTINUE, timeout=10)
        self.assert_within(0.45, 2.0, started, "fifty lookups of half a second")
        for mta in mtas:
            mta.quit()

    def test_deadline(self):
        self.prepare("sleep 30; true", "manager.condition_timeout = 0.6\n")
        mta = self.negotiated()
        mta.command(wire.connect())
        started = time.monotonic()
        mta.command(wire.helo("slow.example.org"))
        self.assert_within(0.5, 1.2, started, "the condition")
        mta.message()
        mta.quit()
        self.children["watched"].session(1).wait_closed()
        self.assertEqual("OCHMRTLLNBEQ", self.children["watched"].session(1).letters())
        self.manager.wait_log(r"(?i)Slow.*(deadline|time|within)")

    def sleeping_helo(self, body="sleep 1; true", before=""):
        """A session whose HELO is being looked at; returns its MTA."""
        self.prepare(body, before)
        mta = self.negotiated("waiting")
        mta.command(wire.connect())
        mta.send(wire.helo("slow.example.org"))
        time.sleep(0.1)
        return mta

    def test_reload_while_a_condition_waits(self):
        mta = self.sleeping_helo()
        self.defined = []
        self.child("new")
        self.manager.write_configuration(self.configuration())
        self.manager.signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while not self.children["new"].sessions:
            self.session("probe").quit()
            self.assertLess(time.monotonic(), deadline)
        mta.expect(wire.CONTINUE)
        mta.message()
        mta.quit()
        self.children["watched"].expect_letters("OCAQ" if "A" in self.children["watched"].session(
            1).letters() else "OCQ", 1)
        self.children["fine"].expect_letters("OCHMRTLLNBEQ", 1)

    def test_end_while_a_condition_waits(self):
        mta = self.sleeping_helo()
        self.manager.signal(signal.SIGTERM)
        mta.expect(wire.CONTINUE)
        mta.message()
        mta.quit()
        self.assertEqual(0, self.manager.wait(3.0))

    def test_shutdown_timeout_while_a_condition_waits(self):
        mta = self.sleeping_helo("sleep 60; true", "manager.condition_timeout = 0\n"
                                 "manager.shutdown_timeout = 0.5\n")
        self.manager.signal(signal.SIGTERM)
        mta.expect_closed(3.0)
        self.assertEqual(0, self.manager.wait(3.0))

    def test_mta_leaves_while_a_condition_waits(self):
        self.prepare("sleep 1; true")
        mta = self.negotiated()
        mta.command(wire.connect())
        mta.send(wire.helo("slow.example.org"))
        time.sleep(0.1)
        mta.close()
        self.children["watched"].session(1).wait_closed()
        self.slowest(1.2)
        self.assert_healthy()

    def test_child_dies_while_a_condition_waits(self):
        self.prepare("sleep 0.5; false")
        mta = self.negotiated()
        mta.command(wire.connect())
        mta.send(wire.helo("slow.example.org"))
        time.sleep(0.1)
        self.children["watched"].kill()
        mta.expect(wire.CONTINUE)
        mta.message()
        mta.quit()


class Misuse(ManagerCase):
    """What Ruby code may do wrong is logged and counts as false; the manager lives on."""

    def test_ways_to_leave_a_stopper(self):
        ways = ("exit", "exit!(3) if false; exit 2", "abort 'bye'", "throw :nothing", "raise Interrupt",
                "raise SystemExit", "raise SignalException, 'TERM'", "def f; f; end; f", "return true",
                "raise NoMemoryError", "Fiber.yield", "Thread.current.raise('x')", "raise Exception, 'x'",
                "Kernel.raise StopIteration", "Process.exit(1)")
        self.child("watched", applicable_conditions=["Wild"])
        self.start(before='manager.condition_timeout = 1.0\n' + condition(
            "Wild", "helo", "fqdn", "case fqdn\n%s    else false\n    end" % "".join(
                '    when "%d" then begin; %s; false; end\n' % one for one in enumerate(ways))))
        for number, way in enumerate(ways):
            with self.subTest(way=way):
                mta = self.negotiated()
                mta.command(wire.connect())
                mta.send(wire.helo(str(number)))
                mta.expect_any(wire.CONTINUE, wire.ACCEPT)
                mta.quit()
        self.assert_healthy()

    def test_a_context_kept_beyond_its_session(self):
        self.child("watched", applicable_conditions=["Keep"])
        self.start(before=condition("Keep", "helo", "fqdn", """
    $kept ||= []
    results = $kept.map do |old|
      [-> { old.name }, -> { old["i"] }, -> { old["i"] = "x" }, -> { old.reject? },
       -> { old.children["watched"] }, -> { old.mail_transaction_shelf["x"] },
       -> { old.mail_transaction_shelf["x"] = 1 }].map do |ask|
        begin
          ask.call
          "answered"
        rescue StandardError => error
          "refused"
        end
      end
    end
    $kept << context
    context["probe"] = results.flatten.uniq.join(" ")
    false"""))
        for number in range(3):
            mta = self.session("MTA%d" % number)
            mta.quit()
        sets = []
        for number in range(3):
            session = self.children["watched"].session(number)
            session.wait_closed()
            sets += [names["probe"] for _, names in session.macro_sets()]
        self.assertEqual("", sets[0])
        for one in sets[1:]:
            self.assertIn("refused", one)
        self.assert_healthy()

    def test_garbage_collection_under_way(self):
        self.child("watched", applicable_conditions=["Trash"])
        self.start(before=condition("Trash", "header", "name, value",
                                    'GC.start; ("x" * 100000).dup; context["probe"] = name * 50; GC.compact'
                                    " if GC.respond_to?(:compact); false"))
        mta = self.session()
        for _ in range(5):
            mta.message()
        mta.quit()
        self.children["watched"].expect_letters("OCH" + "MRTLLNBE" * 5 + "Q")

    def test_arguments_are_the_stopper_s_own(self):
        # Changing a string does not change what the child gets.
        self.child("watched", applicable_conditions=["Change"])
        self.start(before="""
define_applicable_condition("Change") do |condition|
  condition.define_header_stopper { |context, name, value| name << "x"; value.replace("y"); false }
  condition.define_body_stopper { |context, chunk| chunk.clear; false }
  condition.define_envelope_from_stopper { |context, from| from << "x"; false }
end
""")
        mta = self.session()
        mta.message()
        mta.quit()
        session = self.children["watched"].session()
        session.wait_closed()
        session.expect_packets("ML", [wire.mail(), wire.header("From", "a@example.org"),
                                      wire.header("Subject", "hello")])
        self.assertEqual(b"Hi\r\n", session.body())

    def test_last_matches_are_the_stopper_s_own(self):
        """What a regular expression has matched, although others match while the stopper waits."""
        with open(self.path("helper.conf"), "w", encoding="ascii") as file:
            file.write('$helper = ->(name) { name =~ /(\\d+)/; yield_to_others = -> { sleep 0.2 }\n'
                       '  yield_to_others.call; $1 }\n')
        self.child("a", applicable_conditions=["Numbers"])
        self.start('load("helper.conf")\n'
                   'define_applicable_condition("Numbers") do |condition|\n'
                   '  condition.define_helo_stopper do |_, name|\n'
                   '    case name\n'
                   '    when /none/ then false\n'
                   '    when /\\Ah(\\d+)\\z/\n'
                   '      sleep 0.1\n'
                   '      first = $~\n'
                   '      inner = Fiber.schedule { "x9" =~ /(9)/ }\n'
                   '      answers = [$1, first && first[1], $helper.call(name), Regexp.last_match(1)]\n'
                   '      Milter::Logger.info("#{name} #{answers.inspect}")\n'
                   '      false\n'
                   '    end\n'
                   '  end\n'
                   'end\n'
                   'log.level = "default|info"\n')
        mtas = [self.negotiated("MTA %d" % number) for number in range(5)]
        for mta in mtas:
            mta.command(wire.connect("client.example.org"), wire.CONTINUE)
        for number, mta in enumerate(mtas):
            mta.send(wire.helo("h%d" % number))
            time.sleep(0.02)
        for mta in mtas:
            mta.expect(wire.CONTINUE)
        for number in range(5):
            self.manager.wait_log(r'h%d \["%d", "%d", "%d", "%d"\]' % ((number,) * 5))

    def test_bytes_that_are_no_characters(self):
        self.child("watched", applicable_conditions=["Bytes"])
        self.start(before=condition(
            "Bytes", "header", "name, value",
            'context["probe"] = value.bytes.inspect; context["raw"] = value; value =~ /x/n; false'))
        mta = self.session()
        mta.message(headers=((b"A", b"\xff\xfe\xc3"),))
        mta.quit()
        session = self.children["watched"].session()
        session.wait_closed()
        session.expect_packets("D", [wire.macros("L", "{probe}", "[255, 254, 195]",
                                                 "{raw}", b"\xff\xfe\xc3")])


if __name__ == "__main__":
    unittest.main()
