"""Conditions that ask name servers: DNSBL, the resolver behind it (configuration 8, 8.1).
Measures time; test/run: alone; test/run: not sanitized"""

import random
import resource
import select
import signal
import struct
import time
import unittest

import wire
from case import PATIENCE, ManagerCase, condition, free_port, sanitized
from dns_server import (A, CNAME, NXDOMAIN, REFUSED, SERVFAIL, DnsServer, Reply, a, alias, encode_name,
                        nothing, reversed_name, soa)
from transcript import Quiet

LISTED = "192.0.2.7"
CLEAN = "192.0.2.8"


def readable(one):
    poll = select.poll()  # select() knows 1,024 descriptors only
    poll.register(one, select.POLLIN)
    return bool(poll.poll(0))


class DnsCase(ManagerCase):
    LIMIT = 5.0

    def dns(self, answer, **options):
        server = DnsServer(answer, **options)
        self.addCleanup(server.stop)
        return server

    def settings(self, *servers, zones=(("one.example.org", None),)):
        lines = ["dnsbl.name_servers = [%s]" % ", ".join('"%s"' % getattr(server, "spec", server)
                                                         for server in servers), "dnsbl.clear"]
        for zone, expected in zones:
            lines.append('dnsbl.add_service("%s"%s)' % (zone, ', "%s"' % expected if expected else ""))
        return 'load("applicable-conditions/*.conf")\n' + "\n".join(lines) + "\n"

    def begin(self, *servers, before="", **settings):
        """Children that see listed clients and clients that are not, and everybody."""
        self.child("listed", applicable_conditions=["DNSBL Listed"])
        self.child("clean", applicable_conditions=["Not DNSBL Listed"])
        self.child("all")
        self.start(before=before + self.settings(*servers, **settings))

    def ask(self, address, family=b"4"):
        """One session from there; True when the client was taken for listed."""
        listed, clean = self.children["listed"], self.children["clean"]
        numbers = [len(child.sessions) for child in (listed, clean)]
        mta = self.negotiated()
        mta.command(wire.connect(address=address, family=family), timeout=self.LIMIT + 3)
        mta.command(wire.helo())
        mta.quit()
        seen = []
        for child, number in zip((listed, clean), numbers):
            session = child.session(number)
            session.wait_closed()
            seen.append("C" in session.letters())
        self.assertNotEqual(seen[0], seen[1])
        return seen[0]


def answers(table, other=NXDOMAIN):
    return lambda question: table.get(question.name, other)


class Answers(DnsCase):
    def test_listed_and_not_listed(self):
        server = self.dns(answers({
            reversed_name(LISTED, "one.example.org"): a("127.0.0.2"),
            reversed_name("192.0.2.9", "one.example.org"): alias("all.example.org", "127.0.0.2")}))
        self.begin(server)
        self.assertTrue(self.ask(LISTED))
        self.assertFalse(self.ask(CLEAN))
        self.assertTrue(self.ask("192.0.2.9"), "an alias")
        self.assertEqual(3, len(server.asked()), "asked once for two conditions")

    def test_ipv6(self):
        address = "2001:db8::1:2"
        server = self.dns(answers({reversed_name(address, "one.example.org"): a("127.0.0.2"),
                                   reversed_name(LISTED, "one.example.org"): a("127.0.0.2")}))
        self.begin(server)
        self.assertTrue(self.ask("IPv6:" + address, b"6"))
        self.assertFalse(self.ask("IPv6:2001:db8::2", b"6"))
        self.assertTrue(self.ask("IPv6:::ffff:" + LISTED, b"6"))

    def test_one_name_server(self):
        server = self.dns(answers({reversed_name(LISTED, "one.example.org"): a("127.0.0.2")}))
        for name in ("listed", "clean"):
            self.child(name, applicable_conditions=[("Not " if name == "clean" else "") + "DNSBL Listed"])
        self.start(before=self.settings() + 'dnsbl.name_server = "%s"\n' % server.spec)
        self.assertTrue(self.ask(LISTED))

    def test_a_name_server_with_an_ipv6_address(self):
        server = self.dns(answers({reversed_name(LISTED, "one.example.org"): a("127.0.0.2")}),
                          address="::1")
        self.begin(server)
        self.assertTrue(self.ask(LISTED))

    def test_expected_network(self):
        names = {address: reversed_name(address, "one.example.org")
                 for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3")}
        server = self.dns(answers({names["192.0.2.1"]: a("127.0.0.11"), names["192.0.2.2"]: a("127.0.0.12"),
                                   names["192.0.2.3"]: a("127.0.0.1", "127.0.0.10")}))
        self.begin(server, zones=[("one.example.org", "127.0.0.10/31")])
        self.assertEqual([True, False, True], [self.ask(address) for address in names])

    def test_unix_clients_are_not_asked_about(self):
        server = self.dns(answers({}, a("127.0.0.2")))
        self.begin(server)
        self.assertFalse(self.ask("/tmp/x", b"L"))
        self.assertEqual([], server.asked())

    def test_services_in_parallel_and_the_first_hit_wins(self):
        def answer(question):
            zone = question.name.split(".", 4)[4]
            return {"one.example.org": None, "two.example.org": a("127.0.0.2", delay=0.3),
                    "three.example.org": nothing(60)}[zone]
        server = self.dns(answer)
        self.begin(server, zones=[("one.example.org", None), ("two.example.org", None),
                                  ("three.example.org", None)])
        started = time.monotonic()
        self.assertTrue(self.ask(LISTED))
        self.assert_within(0.25, 0.9, started, "the answer of the second service")

    def test_cache(self):
        server = self.dns(answers({
            reversed_name("192.0.2.1", "one.example.org"): a("127.0.0.2", ttl=60),
            reversed_name("192.0.2.2", "one.example.org"): a("127.0.0.2", ttl=1),
            reversed_name("192.0.2.3", "one.example.org"): nothing(60),
            reversed_name("192.0.2.4", "one.example.org"): nothing(1),
            reversed_name("192.0.2.5", "one.example.org"): nothing(60, code=0),
            reversed_name("192.0.2.6", "one.example.org"): a("127.0.0.2", ttl=0)}))
        self.begin(server)
        addresses = ["192.0.2.%d" % number for number in range(1, 7)]
        expected = [True, True, False, False, False, True]

        def counts():
            return [len(server.asked(reversed_name(address, "one.example.org"))) for address in addresses]
        self.assertEqual(expected, [self.ask(address) for address in addresses])
        first = counts()
        self.assertEqual([1] * 5, first[:5])
        time.sleep(1.1)
        self.assertEqual(expected, [self.ask(address) for address in addresses])
        self.assertEqual([1, 2, 1, 2, 1], counts()[:5])
        # The same name servers after a reload: the answers are still known.
        self.manager.write_configuration(self.configuration("# new\n" + self.settings(server)))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"(?i)reload")
        self.assertTrue(self.ask("192.0.2.1"))
        self.assertEqual(1, counts()[0])

    def test_no_service(self):
        server = self.dns(answers({}, a("127.0.0.2")))
        self.begin(server, zones=())
        self.assertFalse(self.ask(LISTED))
        self.assertEqual([], server.asked())


class Trouble(DnsCase):
    """A list that does not answer properly lists nobody; another server may know better."""

    LISTED_ANSWER = {reversed_name(LISTED, "one.example.org"): a("127.0.0.2")}

    def test_no_answer_at_all(self):
        server = self.dns(lambda question: None)
        self.begin(server)
        started = time.monotonic()
        self.assertFalse(self.ask(LISTED))
        self.assert_within(4.5, 5.3, started, "giving up")
        self.assertGreaterEqual(len(server.asked()), 3, "asked again")
        self.manager.wait_log(r"resolver.*no usable answer.*" + server.spec)
        self.assertEqual([], self.manager.log_lines("timeout"))

    def test_the_limit_stays_within_that_of_the_condition(self):
        server = self.dns(lambda question: None)
        self.begin(server, before="manager.condition_timeout = 0.8\n")
        started = time.monotonic()
        self.assertFalse(self.ask(LISTED))
        self.assert_within(0.6, 1.1, started, "giving up")
        self.assertEqual([], self.manager.log_lines("timeout"))

    def test_lost_packets(self):
        server = self.dns(lambda question: a("127.0.0.2") if question.number == 2 else None)
        self.begin(server)
        started = time.monotonic()
        self.assertTrue(self.ask(LISTED))
        self.assert_within(2.3, 3.2, started, "the answer to the third attempt")

    def test_late_answer_to_the_first_attempt(self):
        server = self.dns(lambda question: a("127.0.0.2", delay=1.6) if question.number == 0 else None)
        self.begin(server)
        self.assertTrue(self.ask(LISTED))

    def test_answers_that_are_none(self):
        for reply in (SERVFAIL, REFUSED, Reply(code=4), Reply(lie="cut")):
            with self.subTest(reply=reply):
                self.fresh()
                bad = self.dns(answers({}, reply))
                good = self.dns(answers(self.LISTED_ANSWER))
                self.begin(bad, good)
                self.assertTrue(self.ask(LISTED))
                self.assertEqual(1, len(bad.asked()))

    def test_no_server_can_answer(self):
        server = self.dns(answers({}, SERVFAIL))
        self.begin(server, server)
        started = time.monotonic()
        self.assertFalse(self.ask(LISTED))
        self.assert_within(0.0, 0.6, started, "giving up")
        self.manager.wait_log("no usable answer")

    def test_nobody_listens(self):
        good = self.dns(answers(self.LISTED_ANSWER))
        self.begin("127.0.0.1:%d" % free_port(), good)
        started = time.monotonic()
        self.assertTrue(self.ask(LISTED))
        self.assert_within(0.0, 0.6, started, "turning to the second server")

    def test_nobody_listens_at_all(self):
        self.begin("127.0.0.1:%d" % free_port())
        started = time.monotonic()
        self.assertFalse(self.ask(LISTED))
        self.assert_within(0.0, 1.0, started, "giving up")

    def test_a_silent_server_is_not_asked_first_again(self):
        silent = self.dns(lambda question: None)
        good = self.dns(answers(self.LISTED_ANSWER))
        self.begin(silent, good)
        self.assertTrue(self.ask(LISTED))
        self.assertEqual(1, len(silent.asked()))
        for number in range(20, 25):
            self.assertFalse(self.ask("192.0.2.%d" % number))
        self.assertEqual(1, len(silent.asked()))

    def test_lies(self):
        for lie in ("id", "question", "source", "no answer", "cut"):
            with self.subTest(lie=lie):
                self.fresh()
                # Named in full, so that it would be believed whatever the question says.
                record = (reversed_name(LISTED, "one.example.org"), A, 60, b"\x7f\0\0\2")
                server = self.dns(lambda question, lie=lie, record=record: [
                    Reply(records=[record], lie=lie), nothing(60)._replace(delay=0.2)])
                self.begin(server)
                self.assertFalse(self.ask(LISTED))

    def test_damaged_answers(self):
        seed = 20260727
        chance = random.Random(seed)

        def damage(packet):
            packet = bytearray(packet)
            for _ in range(chance.randrange(1, 6)):
                # The header and the question mostly stay, or nobody would look at the rest.
                packet[chance.randrange(2 if chance.random() < 0.1 else 40, len(packet))] = chance.randrange(256)
            return bytes(packet[:chance.randrange(30, len(packet) + 1)]) if chance.random() < 0.3 else bytes(packet)
        record = a("127.0.0.2")._replace(lie=damage)
        long = alias("a.b.c.example.org", "127.0.0.2")._replace(lie=damage, authority=[soa(60)])
        server = self.dns(lambda question: [record, long, nothing(1)._replace(delay=0.02)])
        self.transcript = Quiet()
        self.begin(server, zones=[("%s.example.org" % zone, "127.0.0.2") for zone in "abcdefgh"])
        for number in range(150):
            mta = self.negotiated("seed %d" % seed)
            mta.command(wire.connect(address="198.51.100.%d" % number), timeout=8)
            mta.quit()
        self.assertEqual([], self.manager.log_lines(r"\[error\]|\[ruby\]|Error"))
        self.assertGreater(len(server.asked()), 1000)

    def test_records_of_somebody_else(self):
        server = self.dns(answers({}, Reply(records=[("other.example.org", 1, 60, b"\x7f\0\0\2")])))
        self.begin(server)
        self.assertFalse(self.ask(LISTED))

    def test_aliases_in_a_circle(self):
        name = reversed_name(LISTED, "one.example.org")
        server = self.dns(answers({}, Reply(records=[("", CNAME, 60, encode_name(name))])))
        self.begin(server)
        self.assertFalse(self.ask(LISTED))

    def test_names_that_never_end(self):
        """Such an answer is none: to follow its pointers would hold up all sessions."""
        rest = struct.pack(">HHIH4s", A, 1, 60, 4, b"\x7f\0\0\2")

        def endless(packet):
            pointer = struct.pack(">H", 0xc000 | len(packet)) + rest
            return packet[:6] + struct.pack(">H", 100) + packet[8:] + b"\1a" * 800 + b"\0" + rest + 98 * pointer
        server = self.dns(lambda question: [a("127.0.0.2")._replace(lie=endless), nothing(60)._replace(delay=0.2)])
        self.begin(server)
        self.assertFalse(self.ask(LISTED))

    def test_truncated(self):
        many = a(*["127.0.1.%d" % number for number in range(100)], "127.0.0.2")
        server = self.dns(lambda question: Reply(truncated=True) if question.transport == "udp" else many)
        self.begin(server, zones=[("one.example.org", "127.0.0.2")])
        self.assertTrue(self.ask(LISTED))
        self.assertEqual(1, len(server.asked(transport="tcp")))

    def test_truncated_and_tcp_fails(self):
        server = self.dns(lambda question: Reply(truncated=True) if question.transport == "udp" else None)
        good = self.dns(answers(self.LISTED_ANSWER))
        self.begin(server, good)
        self.assertTrue(self.ask(LISTED))


class ManyAtOnce(DnsCase):
    def test_one_question_for_all_who_ask_the_same(self):
        server = self.dns(answers({}, a("127.0.0.2", delay=0.5)))
        self.begin(server)
        mtas = [self.negotiated("MTA%d" % number) for number in range(40)]
        for mta in mtas:
            mta.send(wire.connect(address=LISTED))
        for mta in mtas:
            mta.expect(wire.CONTINUE, timeout=5)
        self.assertEqual(1, len(server.asked()))

    def test_few_sockets(self):
        server = self.dns(answers({}, nothing(60)._replace(delay=0.5)))
        self.begin(server)
        before = self.manager.open_files()
        mtas = [self.negotiated("MTA%d" % number) for number in range(200)]
        sockets = self.manager.open_files() - before
        for number, mta in enumerate(mtas):
            mta.send(wire.connect(address="198.51.100.%d" % number))
        deadline = time.monotonic() + 5 * PATIENCE
        while len(server.asked()) < 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertLessEqual(self.manager.open_files() - before - sockets, 8)
        for mta in mtas:
            mta.expect(wire.CONTINUE, timeout=5)
            mta.quit()
        self.assertEqual(200, len(server.asked()))
        self.assertGreater(len(server.ports), 1, "one port makes guessing easy")
        self.assert_no_more_files(before, 8.0)

    def test_thousands_wait_and_others_do_not(self):
        """2,000 conditions wait for a server that never answers."""
        server = self.dns(lambda question: None)
        self.transcript = Quiet()
        self.child("listed", applicable_conditions=["DNSBL Listed"])
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        zones = [(zone + ".example.org", None) for zone in ("one", "two", "three", "four")]
        self.start(before=self.settings(server, zones=zones))
        usual = self.quick_sessions(1.0)
        before = self.manager.resident_kib()
        mtas = [self.connect("MTA", transcript=self.transcript) for _ in range(2000)]
        started = time.monotonic()
        for number, mta in enumerate(mtas):
            mta.send(wire.negotiate())
            mta.send(wire.connect(address="10.1.%d.%d" % divmod(number, 256)))
        seen = self.quick_sessions(2.5)
        waiting = [mta for mta in mtas if len(mta.receive().payload) >= 12
                   and not readable(mta.socket)]
        self.assertGreater(len(waiting), 1900, "the conditions did not wait")
        self.assertLess(time.monotonic() - started, 4.5 * PATIENCE, "too late to tell anything")
        self.assertLess(seen[len(seen) // 2], usual[len(usual) // 2] + 0.005 * PATIENCE, "median")
        self.assertLess(seen[len(seen) * 9 // 10], usual[len(usual) * 9 // 10] + 0.05 * PATIENCE,
                        "the tenth that was slowest")
        if not sanitized():
            self.assertLess((self.manager.resident_kib() - before) / len(mtas), 64, "KiB each")
        for mta in mtas:
            mta.expect(wire.ACCEPT, timeout=10)
            mta.close()

    def quick_sessions(self, seconds):
        """Sorted waits of sessions with a client the condition knows at once to be no Internet host."""
        waits = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            mta = self.connect("quick", transcript=self.transcript)
            for step in (wire.negotiate(), wire.connect(family="L", address="/tmp/x")):
                mta.send(step)
                mta.receive(10)
                waits.append(mta.last_wait)
            mta.close()
            time.sleep(0.02)
        self.assertGreater(len(waits), 20)
        return sorted(waits)

    def test_more_questions_than_fibers(self):
        self.child("watched", applicable_conditions=["Slow"])
        self.start(before="Milter::Manager::Engine.most_fibers = 3\nmanager.condition_timeout = 1.0\n"
                   + condition("Slow", "helo", "fqdn", "sleep fqdn.to_f; true"))

        def ask(*seconds):
            mtas = [self.negotiated("MTA%d" % number) for number in range(len(seconds))]
            for mta in mtas:
                mta.command(wire.connect())
            self.started = time.monotonic()
            for mta, duration in zip(mtas, seconds):
                mta.send(wire.helo(str(duration)))
            return mtas
        for mta in ask(*[0.1] * 15):
            mta.expect(wire.ACCEPT)
        self.assert_within(0.45, 1.0, self.started, "fifteen, three at a time")
        # Some are not wanted any more when their turn comes, or never have one.
        mtas = ask(*[0.3] * 9)
        for mta in mtas[3:6]:
            mta.close()
        for mta in mtas[:3] + mtas[6:]:
            mta.expect(wire.ACCEPT)
        self.assert_within(0.55, 0.9, self.started, "two times three")
        for mta in ask(*[9] * 6):
            mta.expect(wire.CONTINUE)
        self.assert_within(0.9, 1.4, self.started, "the time of all")
        self.manager.wait_log("timeout", 6)
        for mta in ask(*[0.01] * 6):
            mta.expect(wire.ACCEPT)

    def test_reload_and_end_while_questions_are_open(self):
        server = self.dns(answers({}, a("127.0.0.2", delay=1.0)))
        other = self.dns(answers({}, nothing(60)))
        self.begin(server)
        mta = self.negotiated("waiting")
        mta.send(wire.connect(address=LISTED))
        deadline = time.monotonic() + 5
        while not server.asked() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.manager.write_configuration(self.configuration(self.settings(other)))
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log(r"(?i)reload")
        self.assertFalse(self.ask(LISTED))
        mta.expect(wire.CONTINUE, timeout=5)
        mta.quit()
        session = self.children["listed"].session(0)
        session.wait_closed()
        self.assertIn("C", session.letters())
        mta = self.negotiated("at the end")
        mta.send(wire.connect(address="192.0.2.99"))


if __name__ == "__main__":
    unittest.main()
