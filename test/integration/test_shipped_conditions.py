"""Shipped conditions that look around: Sendmail Compatible, Stress, policies (configuration 5, 8)."""

import os
import signal
import socket
import time
import unittest

import wire
from case import ManagerCase, condition

SHIPPED = 'load("applicable-conditions/*.conf")\n'


class SendmailCompatible(ManagerCase):
    def begin(self, before=""):
        self.child("watched", applicable_conditions=["Sendmail Compatible"])
        self.start(before=SHIPPED + before)

    def smtp(self, address="127.0.0.1", client=None):
        """A TCP connection as an SMTP client and the MTA have it: (client's port, MTA's port)."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family)
        self.addCleanup(listener.close)
        listener.bind((address, 0))
        listener.listen(1)
        caller = socket.socket(socket.AF_INET if client else family)
        self.addCleanup(caller.close)
        caller.connect((client, listener.getsockname()[1]) if client else listener.getsockname()[:2])
        served, _ = listener.accept()
        self.addCleanup(served.close)
        return caller.getsockname()[1], listener.getsockname()[1]

    def macros(self, port, address="127.0.0.1", family="4", v="Postfix 3.7.11", given=()):
        """Those of CONNECT and of MAIL, as the child got them."""
        number = len(self.children["watched"].sessions)
        mta = self.negotiated()
        mta.send(wire.macros("C", *(["v", v] if v else []), *given))
        mta.command(wire.connect(family=family, address=address, port=port))
        mta.command(wire.helo())
        mta.command(wire.mail())
        mta.quit()
        session = self.children["watched"].session(number)
        session.wait_closed()
        sets = dict(session.macro_sets())
        return sets.get("C", {}), sets.get("M", {})

    def test_macros_that_postfix_lacks(self):
        self.begin()
        client, mta = self.smtp()
        connect, mail = self.macros(client)
        self.assertEqual({"v": "Postfix 3.7.11", "if_addr": "127.0.0.1", "daemon_port": str(mta),
                          "if_name": "localhost"}, connect)
        self.assertEqual({"i": "dummy-id"}, mail)

    def test_ipv6(self):
        self.begin()
        client, mta = self.smtp("::1")
        connect, _ = self.macros(client, "IPv6:::1", "6")
        self.assertEqual(("::1", str(mta)), (connect["if_addr"], connect["daemon_port"]))
        self.assertRegex(connect["if_name"], r"localhost|^\[::1\]$")

    def test_a_client_with_ipv4_at_a_socket_of_ipv6(self):
        self.begin()
        client, mta = self.smtp("::", "127.0.0.1")
        connect, _ = self.macros(client)
        self.assertEqual(("127.0.0.1", str(mta)), (connect["if_addr"], connect["daemon_port"]))

    def test_what_the_mta_says_stays(self):
        self.begin()
        client, _ = self.smtp()
        connect, mail = self.macros(client, given=["{if_addr}", "192.0.2.1", "{daemon_port}", "25",
                                                   "{if_name}", "mx.example.org", "i", "queue-id"])
        self.assertEqual(("192.0.2.1", "25", "mx.example.org"),
                         (connect["if_addr"], connect["daemon_port"], connect["if_name"]))
        self.assertEqual({}, mail)

    def test_other_mtas_and_unknown_clients(self):
        self.begin()
        client, _ = self.smtp()
        self.assertNotIn("if_addr", self.macros(client, v="8.17.1")[0])
        self.assertNotIn("if_addr", self.macros(client, v=None)[0])
        self.assertNotIn("if_addr", self.macros(0)[0])
        self.assertNotIn("if_addr", self.macros(client, "192.0.2.1")[0])
        self.assertNotIn("if_addr", self.macros(0, "/tmp/x", "L")[0])

    def test_each_new_connection_is_found(self):
        # However young the table is that was read for the one before.
        self.begin("manager.netstat_connection_checker.interval = 3600\n")
        started = time.monotonic()
        for _ in range(20):
            client, mta = self.smtp()
            self.assertEqual(str(mta), self.macros(client)[0].get("daemon_port"))
        self.assert_within(0, 12, started, "twenty sessions")


class Stress(ManagerCase):
    def postfix(self, maxproc):
        os.mkdir(self.path("postfix"))
        for name, text in (("master.cf", "smtp inet n - y - %s smtpd\n" % maxproc),
                           ("main.cf", "default_process_limit = 8\n")):
            with open(self.path(os.path.join("postfix", name)), "w", encoding="ascii") as file:
                file.write(text)

    def begin(self, before="", path="postfix"):
        self.child("calm", applicable_conditions=["No Stress"])
        self.child("told", applicable_conditions=["Stress Notify"])
        self.start(before=SHIPPED + before, environment={"MAIL_CONFIG": self.path(path)})

    def stressed(self, sessions, v="Postfix"):
        """Is the last of so many sessions stressed?"""
        held = [self.negotiated("held%d" % number) for number in range(sessions - 1)]
        number = len(self.children["calm"].sessions)
        mta = self.negotiated()
        mta.send(wire.macros("C", "v", v))
        mta.command(wire.connect())
        mta.command(wire.helo())
        told = dict(self.children["told"].session(number).macro_sets())["C"].get("stress")
        mta.quit()
        for one in held:
            one.quit()
        session = self.children["calm"].session(number)
        session.wait_closed()
        self.assertEqual(told != "yes", "C" in session.letters())
        return told == "yes"

    def test_three_quarters_of_a_service_s_limit(self):
        self.postfix("4")
        self.begin()
        self.assertEqual([False, True], [self.stressed(count) for count in (2, 3)])
        self.assertFalse(self.stressed(3, "8.17.1"), "another MTA")
        self.assertEqual([], self.manager.log_lines("never stressed"))

    def test_three_quarters_of_the_default_limit(self):
        self.postfix("-")
        self.begin()
        self.assertEqual([False, True], [self.stressed(count) for count in (5, 6)])

    def test_the_threshold_that_is_set(self):
        self.postfix("4")
        self.begin("stress.threshold_n_connections = 2\n")
        self.assertEqual([False, True], [self.stressed(count) for count in (1, 2)])
        self.assertTrue(self.stressed(2, "8.17.1"))

    def test_no_limit(self):
        self.postfix("0")
        self.begin()
        self.assertFalse(self.stressed(9))
        self.manager.wait_log("never stressed, .*; write stress.threshold_n_connections = NUMBER", 2)

    def test_half_a_postfix(self):
        self.postfix("-")
        os.remove(self.path("postfix/main.cf"))
        self.begin('log.level = "default|info"\n')
        self.manager.signal(signal.SIGHUP)  # the level holds from the end of a load on
        self.manager.wait_log("stress: %s: No such file" % self.path("postfix/main.cf"))


class Policies(ManagerCase):
    def policy(self, name, *milters, **criteria):
        return "define_policy('%s') do |policy|\n  policy.milters = %s\n%s\nend\n" % (
            name, list(milters), "\n".join("  policy.%s = %s" % pair for pair in criteria.items()))

    def begin(self, *policies, milters=("a", "b")):
        for name in milters:
            self.child(name)
        self.start(after="".join(policies))

    def seen(self, *, host="client.example.org", address="192.0.2.45", helo="me.example.org",
             sender="<from@example.org>", recipients=("<to@example.org>",)):
        """What each child has seen of one session."""
        numbers = {name: len(child.sessions) for name, child in self.children.items()}
        mta = self.negotiated()
        # A command is answered with accept when nobody cares any more.
        for packet in (wire.connect(host, address=address), wire.helo(helo), wire.mail(sender),
                       *map(wire.rcpt, recipients), wire.DATA, wire.EOH, wire.EOM):
            mta.send(packet)
            answer = mta.receive()
            if answer.letter == "a":
                break
        mta.quit()
        result = []
        for name, child in self.children.items():
            session = child.session(numbers[name])
            session.wait_closed()
            result.append(session.letters().rstrip("Q").rstrip("A"))
        return result

    ALL, NO_DATA = "OCHMRTNE", "OCHMR"

    def test_a_milter_without_policy_stops_at_data(self):
        self.begin(self.policy("P", "a"))
        self.assertEqual([self.ALL, self.NO_DATA], self.seen())

    def test_each_criterion(self):
        rows = (("host", '"client.example.org"', {"host": "other"}, "O"),
                ("host", "/\\.example\\.org\\z/", {"host": "other"}, "O"),
                ("address", '"192.0.2.0/24"', {"address": "198.51.100.1"}, "O"),
                ("address", 'IPAddr.new("192.0.2.45")', {"address": "198.51.100.1"}, "O"),
                ("address", "->(address) { address.address == '192.0.2.45' }", {"address": "198.51.100.1"}, "O"),
                ("address", "/\\A192\\.0\\.2\\./", {"address": "198.51.100.1"}, "O"),
                ("fqdn", '"me.example.org"', {"helo": "you"}, "OC"),
                ("from", '"<from@example.org>"', {"sender": "<x@y>"}, "OCH"),
                ("from", "/\\A[^@]+@example\\.org\\z/", {"sender": "<x@y>"}, "OCH"),
                ("recipient", '"to@example.org"', {"recipients": ["<x@y>"]}, "OCHM"))
        for item, value, other, stopped in rows:
            with self.subTest(item=item, value=value):
                self.fresh()
                self.begin(self.policy("P", "a", **{item: value}), milters=("a",))
                self.assertEqual([self.ALL], self.seen())
                self.assertEqual(stopped, self.seen(**other)[0][:len(stopped) + 1])

    def test_host_or_address(self):
        self.begin(self.policy("P", "a", host='"client.example.org"', address='"198.51.100.1"'),
                   milters=("a",))
        self.assertEqual([self.ALL], self.seen())
        self.assertEqual([self.ALL], self.seen(host="x", address="198.51.100.1"))
        self.assertEqual(["O"], self.seen(host="x"))

    def test_an_address_of_ipv4_in_ipv6(self):
        self.begin(self.policy("P", "a", address='"192.0.2.0/24"'),
                   self.policy("Q", "b", address='"::ffff:192.0.2.45"'))
        mta = self.negotiated()
        mta.command(wire.connect(family="6", address="IPv6:::ffff:192.0.2.45"), wire.CONTINUE)
        mta.quit()
        for name in "ab":
            self.children[name].session().wait_closed()
            self.assertEqual("OCQ", self.children[name].session().letters())

    def test_criteria_of_one_policy_belong_together(self):
        self.begin(self.policy("P", "a", host='"one"', **{"from": '"1@x"'}),
                   self.policy("Q", "a", host='"two"', **{"from": '"2@x"'}), milters=("a",))
        self.assertEqual([self.ALL], self.seen(host="one", sender="<1@x>"))
        self.assertEqual([self.ALL], self.seen(host="two", sender="<2@x>"))
        self.assertEqual(["OCH"], self.seen(host="one", sender="<2@x>"))
        self.assertEqual(["O"], self.seen(host="three", sender="<1@x>"))

    def test_any_policy_that_lists_the_milter(self):
        self.begin(self.policy("P", "a", recipient='"to@example.org"'),
                   self.policy("Q", "a", "b", fqdn='"special"'))
        self.assertEqual([self.ALL, "OC"], self.seen())
        self.assertEqual([self.ALL, self.ALL], self.seen(helo="special", recipients=["<x@y>"]))
        self.assertEqual("OCHM", self.seen(recipients=["<x@y>"])[0][:5])

    def test_each_message_and_each_recipient_for_itself(self):
        self.begin(self.policy("P", "a", **{"from": '"1@x"', "recipient": '"r1@x"'}),
                   self.policy("Q", "a", **{"from": '"2@x"'}), milters=("a",))
        self.child("all", define=False)
        mta = self.session()
        for sender, recipients in (("<1@x>", ["<r1@x>", "<r2@x>"]), ("<2@x>", ["<r1@x>", "<r2@x>"])):
            mta.message(sender=sender, recipients=recipients)
        mta.quit()
        session = self.children["a"].session()
        session.wait_closed()
        self.assertEqual("OCHMRTLLNBEMRRTLLNBEQ", session.letters())

    def test_other_conditions_still_hold(self):
        self.child("a", applicable_conditions=["Never"])
        self.start(before=condition("Never", "helo", "fqdn", "true"), after=self.policy("P", "a"))
        mta = self.negotiated()
        mta.command(wire.connect())
        mta.command(wire.helo(), wire.ACCEPT)
        mta.quit()


if __name__ == "__main__":
    unittest.main()
