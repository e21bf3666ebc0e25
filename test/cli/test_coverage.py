"""The configuration language: tables, Ruby classes and tests are about the same.

What proves that a test notices is test/coverage/prove (make check-coverage).
"""

import collections
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "coverage"))
import language  # noqa: E402

# Public in Ruby, but nothing for configuration files; nor is what stands inside of these.
INTERNAL_CLASSES = {
    "", "ConditionList", "Conditions::DNSBL::Service", "Conditions::SendmailCompatible", "ConnectionQuestion",
    "ContextCheck", "CustomDirectory", "CustomFile", "Database", "Detection", "Engine", "FileSearch",
    "Files", "Group", "Hooks", "Isolation", "ItemCheck", "LastMatch", "Loader", "Locations", "Manager",
    "Matcher", "NetstatConnectionChecker", "PlainWords", "Policies", "PostfixLimit", "Question", "Resolver",
    "Scheduler", "SocketTable", "SpecWords", "Spelling", "Statements", "SyntaxWords", "Task", "TextFile",
    "XML"}
NAMESPACES = {"Conditions", "SocketAddress"}
INTERNAL_METHODS = {
    "inspect", "hash", "eql?", "method_missing", "respond_to_missing?",
    "ApplicableCondition.stop?", "ApplicableCondition.stopped_by", "ApplicableCondition.stoppers?",
    "ApplicableCondition.timeout", "milter.group_name", "Conditions::DNSBL.services",
    "Conditions::S25R.black?", "Conditions::S25R.white?", "Conditions::Stress.never?",
    "Conditions::Stress.read_postfix_limit", "Configuration.complete", "Configuration.hooks", "Configuration.last_matches",
    "Configuration.look_at_milters", "Configuration.seal", "Configuration.sendmail_compatible",
    "Configuration.words", "ConnectionContext.[]", "ConnectionContext.expire", "Context.expire",
    "Context.handle", "Context.live", "Context.live?", "Context.unknown", "EventLoop.close",
    "SocketAddress::IPv4.local_networks", "SocketAddress::IPv6.local_networks"}


def internal(home):
    return home in INTERNAL_CLASSES or home.partition("::")[0] in INTERNAL_CLASSES


class Language(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = language.names()
        cls.classes = language.reflect()

    def items(self):
        """{group: items} of the table of items."""
        found = collections.defaultdict(set)
        for name in self.names:
            if name.kind == "item":
                group, item = name.name.split(".")
                found[group].add(item)
        return found

    def test_every_item_has_its_ruby_method(self):
        for home, items in self.items().items():
            self.assertEqual(set(), items - self.classes[home], home)

    def test_every_word_is_one(self):
        for name in self.names:
            if name.kind in ("word", "stopper"):
                self.assertIn(name.owner, self.classes, name.name)
                self.assertIn(name.method, self.classes[name.owner], name.name)

    def test_every_public_method_is_in_the_tables(self):
        """A new one needs a row in milter-manager/config/words.c, or is internal."""
        known = collections.defaultdict(set, self.items())
        receivers = {name.name.partition(".")[0] for name in self.names}
        for name in self.names:
            if name.owner:
                known[name.owner].add(name.method)
        addresses = set().union(*(known[home] for home in list(known) if home.startswith("SocketAddress")))
        missing = []
        for home, methods in self.classes.items():
            if internal(home) or home in NAMESPACES:
                continue
            if home.startswith("SocketAddress"):
                known[home] |= addresses
            if home == "Configuration":
                known[home] |= receivers  # manager, s25r, ...
            missing += ["%s.%s" % (home, method) for method in methods - known[home] - INTERNAL_METHODS]
        self.assertEqual([], sorted(set(missing) - INTERNAL_METHODS))

    def test_every_class_is_known(self):
        owners = {name.owner for name in self.names} | set(self.items()) | NAMESPACES
        unknown = {home for home in self.classes
                   if not internal(home) and not home.startswith("SocketAddress")} - owners
        self.assertEqual(set(), unknown, "in no row of words.c, and not internal")

    def test_names_are_there_once(self):
        twice = [name for name, count in collections.Counter(
            language.key(name) for name in self.names).items() if count > 1]
        self.assertEqual([], twice)


class Covered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = {language.key(name) for name in language.names()}
        cls.proofs = language.proofs()

    def test_everything_has_a_test(self):
        named = {proof.name for proof in self.proofs}
        self.assertEqual([], sorted(self.keys - named), "in test/coverage/covered")

    def test_nothing_else_is_named(self):
        named = {proof.name for proof in self.proofs}
        self.assertEqual([], sorted(named - self.keys))

    def test_the_tests_exist(self):
        tests = {}
        for proof in self.proofs:
            if proof.file not in tests:
                tests[proof.file] = language.tests_of(proof.file)
            self.assertIn(proof.test, tests[proof.file], "test/coverage/covered:%d" % proof.line)


if __name__ == "__main__":
    unittest.main()
