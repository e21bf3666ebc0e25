"""Many sessions: at the same time, across reloads, one after the other (issue's acceptance 6;
field-notes 2, bug classes).  Measures memory; test/run: alone"""

import random
import resource
import signal
import threading
import time
import unittest

import wire
from case import ManagerCase, sanitized
from fake_child import CLOSE
from transcript import Quiet

SESSIONS = 200
RELOADS = 10


def setUpModule():
    # Both ends of two thousand connections are ours.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def outcome_of(child):
    """The child reads what it shall do out of the sender: <accept.reject.close@x> has one word
    for each of the three children."""
    index = "abc".index(child)

    def answer(packet):
        return packet.fields()[0].decode().strip("<>").partition("@")[0].split(".")[index]
    return answer


AT_END = {"continue": wire.CONTINUE, "accept": wire.ACCEPT, "reject": wire.REJECT,
          "temporary": wire.TEMPFAIL, "text": wire.reply_code("550 5.7.1 no"), "die": CLOSE}
STRONG = {"discard": 5, "reject": 4, "text": 4, "temporary": 3, "continue": 2, "accept": 1}


class Mixed(ManagerCase):
    def prepare(self):
        self.transcript = Quiet()
        for name in "abc":
            child = self.child(name, fallback_status="accept", reading_timeout=20.0)
            words = outcome_of(name)

            def end(_packet, child=child, name=name, words=words):
                me = threading.current_thread()
                session = next(one for one in child.sessions if one.thread is me)
                word = words(session.of("M")[-1])
                return [wire.add_header("X-" + name, word), AT_END[word]]
            child.script["E"] = end

    def expected(self, words):
        """Edits and verdict: children in order; a refusal ends it, a death costs only its edits."""
        edits, strongest, alive = [], None, False
        for name, word in zip("abc", words):
            if word == "die":
                continue
            alive = True
            if word in ("reject", "temporary", "text"):
                return [], AT_END[word]
            edits.append(wire.add_header("X-" + name, word))
            if strongest is None or STRONG[word] > STRONG[strongest]:
                strongest = word
        return edits, AT_END[strongest] if alive else wire.ACCEPT

    def one(self, number, start, problems):
        """A session with up to four messages, some cut by ABORT, some ended by hanging up."""
        chance = random.Random(number)
        try:
            mta = self.manager.connect("MTA%d" % number, timeout=20.0)
            try:
                mta.negotiate()
                mta.open()
                start.wait(60)
                for _ in range(chance.randint(1, 4)):
                    words = [chance.choice(list(AT_END)) for _ in "abc"]
                    dead = "die" in words
                    mta.envelope("<%s@x>" % ".".join(words))
                    if chance.random() < 0.15:
                        mta.send(wire.ABORT)
                        continue
                    time.sleep(chance.random() * 0.05)
                    mta.content(chunks=(b"x" * chance.randint(1, 70000),))
                    mta.expect_end(*self.expected(words))
                    if dead:
                        break  # that child is out of this session; the rest is told elsewhere
                if chance.random() < 0.8:
                    mta.quit()
            finally:
                mta.socket.close()
        except Exception as problem:  # pylint: disable=broad-except
            problems.append("session %d: %r" % (number, problem))

    def test_two_hundred_sessions_and_ten_reloads(self):
        self.prepare()
        first = self.configuration()
        leaving = self.child("leaving", script={"C": wire.ACCEPT})  # makes no difference to the verdict
        second = self.configuration()
        self.defined.pop()
        configurations = (second, first + "\nthis is broken (\n", first)
        self.start()
        self.assert_healthy_quietly()
        files = self.manager.open_files()
        start, problems = threading.Event(), []
        threads = [threading.Thread(target=self.one, args=(number, start, problems), daemon=True)
                   for number in range(SESSIONS)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while self.manager.open_files() < files + 4 * SESSIONS and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertGreaterEqual(self.manager.open_files(), files + 4 * SESSIONS, "all are open at once")
        start.set()
        for number in range(RELOADS):
            self.manager.write_configuration(configurations[number % len(configurations)])
            self.manager.signal(signal.SIGHUP)
            self.assert_healthy_quietly()
        self.assertGreater(len(leaving.sessions), 0)
        for thread in threads:
            thread.join(60)
        self.assertEqual([], problems[:5], "%d sessions failed" % len(problems))
        self.assertFalse(any(thread.is_alive() for thread in threads))
        self.settle(files)

    def assert_healthy_quietly(self):
        mta = self.session("healthy")
        mta.message(sender="<accept.continue.accept@x>", edits=[
            wire.add_header("X-a", "accept"), wire.add_header("X-b", "continue"),
            wire.add_header("X-c", "accept")])
        mta.quit()

    def settle(self, files):
        self.assert_no_more_files(files)


class Flat(ManagerCase):
    """Memory and descriptors stay where they are over thousands of sessions."""

    ROUND = 1000

    def round(self, plain):
        for number in range(self.ROUND):
            mta = self.manager.connect(transcript=plain)
            mta.negotiate()
            mta.open()
            kind = number % 10
            if kind < 6:
                mta.message(edits=[wire.add_header("A", "b"), wire.add_header("B", "c")])
            elif kind == 6:
                mta.envelope()
                mta.send(wire.ABORT)
            elif kind == 7:
                mta.envelope()
                mta.content(chunks=(b"x" * 30000,))
                mta.send(wire.EOM)
                mta.close()
                continue
            elif kind == 8:
                mta.command(wire.mail("<die@x>"))
            else:
                mta.send(b"\0\0\0\0")
                mta.close()
                continue
            mta.send(wire.QUIT)
            mta.close()

    def test_memory_and_descriptors(self):
        self.transcript = Quiet()
        self.child("a", script={
            "M": lambda packet: CLOSE if b"die" in packet.payload else wire.CONTINUE,
            "E": [wire.add_header("A", "b"), wire.CONTINUE]})
        self.child("b", applicable_conditions=["Never"],
                   script={"E": [wire.add_header("B", "c"), wire.CONTINUE]})
        self.start("""
define_applicable_condition("Never") do |condition|
  condition.define_connect_stopper { |context, host, address| address.local? }
  condition.define_envelope_from_stopper { |context, from| context["x"] = from; false }
  condition.define_header_stopper { |context, name, value| name == "X-Stop" }
end
""")
        self.round(self.transcript)
        self.forget()
        first, files = self.manager.resident_kib(), self.manager.open_files()
        for _ in range(3):
            self.round(self.transcript)
            self.forget()
        time.sleep(0.3)
        self.assertLessEqual(self.manager.open_files(), files + 2)
        if not sanitized():
            self.assertLess(self.manager.resident_kib(), first * 1.10 + 1024)

    def long_session(self, step, rounds):
        """One connection of the MTA on which step is done so often: what it keeps must not grow."""
        self.transcript = Quiet()
        child = self.child("a", applicable_conditions=["Touch"],
                           script={"E": [wire.add_header("A", "b"), wire.CONTINUE]})
        self.start("""
define_applicable_condition("Touch") do |condition|
  condition.define_helo_stopper { |context, fqdn| context["helo"] = fqdn; false }
  condition.define_envelope_from_stopper { |context, from| context.mail_transaction_shelf["x"] = from; false }
end
""")
        mta = self.session()
        for _ in range(rounds // 4):
            step(mta)
        first, files = self.manager.resident_kib(), self.manager.open_files()
        for _ in range(rounds):
            step(mta)
            for session in child.sessions[-1:]:
                del session.packets[:-50], session.times[:-50]
            del child.sessions[:-2]
        self.assertLessEqual(self.manager.open_files(), files + 1)
        if not sanitized():
            self.assertLess(self.manager.resident_kib() - first, 2048, "KiB more after %d rounds" % rounds)
        mta.quit()

    def test_many_messages_in_one_session(self):
        def step(mta):
            mta.send(wire.macros("M", "i", "queue-id", "{auth_type}", "PLAIN"))
            mta.message(edits=[wire.add_header("A", "b")], chunks=(b"x" * 2000,))
        self.long_session(step, 1500)

    def test_many_helos_and_unknown_commands_in_one_session(self):
        def step(mta):
            mta.send(wire.macros("H", "{tls_version}", "TLSv1.3", "{cert_subject}", "x" * 200))
            mta.command(wire.helo("name.example.org"))
            mta.command(wire.unknown("XYZZY " + "y" * 200))
            mta.send(wire.ABORT)
        self.long_session(step, 2000)

    def test_many_recipients_and_aborts_in_one_session(self):
        def step(mta):
            mta.command(wire.mail("<%s@x>" % ("a" * 100)))
            for _ in range(4):
                mta.send(wire.macros("R", "{rcpt_addr}", "b" * 100))
                mta.command(wire.rcpt("<%s@x>" % ("b" * 100)))
            mta.send(wire.ABORT)
        self.long_session(step, 2000)

    def test_many_sessions_on_one_connection(self):
        def step(mta):
            mta.send(wire.QUIT_NC, wire.macros("C", "{daemon_name}", "x" * 100))
            mta.commands(wire.connect(), wire.helo())
            mta.message(edits=[wire.add_header("A", "b")])
        self.long_session(step, 600)

    def forget(self):
        for child in self.children.values():
            child.sessions[:] = child.sessions[-1:]


class Limits(ManagerCase):
    """Running out of descriptors is said, and over as soon as there are some again."""

    def test_out_of_descriptors(self):
        self.child("a", script={})
        self.start(limits={resource.RLIMIT_NOFILE: 48})
        mtas = []
        for number in range(60):
            try:
                mta = self.connect("MTA%d" % number, timeout=1.0)
            except OSError:
                break
            mta.send(wire.negotiate())
            mtas.append(mta)
        time.sleep(0.3)
        self.manager.wait_log(r"(?i)descriptor|too many|EMFILE")
        self.assertLess(self.cpu_of(0.5), 0.3, "busy waiting while out of descriptors")
        for mta in mtas:
            mta.close()
        started = time.monotonic()
        mta = self.connect("after", timeout=10)
        mta.negotiate()
        mta.open()
        mta.message()
        mta.quit()
        self.assert_within(0, 6.0, started, "recovering")

    def cpu_of(self, seconds):
        before = self.manager.cpu_seconds()
        time.sleep(seconds)
        return self.manager.cpu_seconds() - before

    def test_idle_sessions_cost_nothing(self):
        self.transcript = Quiet()
        self.child("a")
        self.start()
        mtas = [self.session("MTA%d" % number) for number in range(150)]
        self.assertLess(self.cpu_of(0.5), 0.1, "busy with idle sessions")
        for mta in mtas:
            mta.quit()


if __name__ == "__main__":
    unittest.main()
