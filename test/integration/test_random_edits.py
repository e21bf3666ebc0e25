"""Edits drawn by chance: every child must see, and the MTA must end up with, what a single MTA
would make of the same requests (manager-semantics 6, 17 rows 9 and 17, 18; protocol 5.6, 7).

A failing message is repeated with  MILTER_TEST_SEED=<number> python3 -m unittest test_random_edits
"""

import os
import random
import unittest

import wire
from case import ManagerCase
from message_model import Message

MANAGERS = 10
MESSAGES = 30
NAMES = ("A", "a", "Subject", "X-Spam", "x-spam", "Received", "New")


def draw_headers(chance):
    return [(chance.choice(NAMES), "v%d" % number) for number in range(chance.randint(0, 6))]


def draw_edits(chance, who):
    """Packets in the order they are asked for."""
    edits = []
    for number in range(chance.choice((0, 1, 1, 2, 3, 5, 8))):
        name = chance.choice(NAMES)
        value = chance.choice(("", "w%s%d" % (who, number), "f\n %s" % who))
        kind = chance.choice("hhiiimmmm+2-ebq")
        if kind == "h":
            edits.append(wire.add_header(name, value or "x"))
        elif kind == "i":
            edits.append(wire.insert_header(chance.choice((0, 0, 1, 1, 2, 3, 5, 40)), name, value or "x"))
        elif kind == "m":
            edits.append(wire.change_header(chance.choice((0, 1, 1, 2, 3, 9)), name, value))
        elif kind == "+":
            edits.append(wire.add_rcpt("<%s%d@x>" % (who, number)))
        elif kind == "2":
            edits.append(wire.add_rcpt_with("<%s%d@x>" % (who, number), "NOTIFY=NEVER"))
        elif kind == "-":
            edits.append(wire.delete_rcpt("<to@example.com>"))
        elif kind == "e":
            edits.append(wire.change_from("<%s%d@x>" % (who, number)))
        elif kind == "q":
            edits.append(wire.quarantine("%s%d" % (who, number)))
        else:
            edits += [wire.replace_body("%s%d,%d\r\n" % (who, number, part))
                      for part in range(chance.randint(1, 3))]
    return edits


def letters(packets):
    return [packet[4:5].decode() for packet in packets]


class RandomEdits(ManagerCase):
    def prepare(self, chance):
        """Children, some of them with leading space, in one session with many messages."""
        self.spaced = {}
        for name in "abcd"[:chance.randint(1, 4)]:
            self.spaced[name] = chance.random() < 0.3
            self.child(name, steps=wire.LEADSPC if self.spaced[name] else 0)
        self.child("last")
        self.spaced["last"] = False
        self.plans = {}

        def answer(name):
            return lambda _packet: [b"".join(self.plans[name]), self.verdicts[name]]
        for name, child in self.children.items():
            child.script["E"] = answer(name)

    def with_space(self, edit):
        """The same request from a child to whose values the MTA adds the blank."""
        one = wire.split(edit)[0]
        if one.letter not in "him":
            return edit
        head = one.payload[:4] if one.letter in "im" else b""
        name, value = one.payload[len(head):].split(b"\0")[:2]
        if one.letter == "m" and not value:
            return edit
        return wire.packet(one.letter, head + wire.strings(name, b" " + value))

    def one_message(self, mta, seed):
        chance = random.Random(seed)
        upstream = any(self.spaced.values())
        headers = draw_headers(chance)
        chunks = [b"old %d\r\n" % number for number in range(chance.randint(0, 2))]
        self.verdicts = {name: chance.choice((wire.CONTINUE, wire.CONTINUE, wire.ACCEPT))
                         for name in self.spaced}
        for name in self.spaced:
            self.plans[name] = draw_edits(chance, name) if name != "last" else []
        marks = {name: len(child.session().packets) for name, child in self.children.items()}
        blank = " " if upstream else ""
        mta.envelope()
        mta.content([(name, blank + value) for name, value in headers], chunks)
        # What the children ask for, as it reads towards the MTA.
        asked = {}
        for name, plan in self.plans.items():
            asked[name] = [self.with_space(edit) if upstream else edit for edit in plan]
            if self.spaced[name]:  # it says the blank itself
                self.plans[name] = asked[name]
        edits, verdict = mta.finish()
        self.assertIn(verdict, (wire.CONTINUE, wire.ACCEPT))
        model, body = Message([(name, blank + value) for name, value in headers]), b"".join(chunks)
        replaced = False
        for name in self.spaced:
            seen = self.children[name].session().packets[marks[name]:]
            fields = [tuple(text.decode() for text in one.fields()) for one in seen if one.letter == "L"]
            expected = [(key, value if self.spaced[name] or not blank else value[1:])
                        for key, value in model.shown()]
            self.assertEqual(expected, fields, "header seen by " + name)
            self.assertEqual(body, b"".join(one.payload for one in seen if one.letter in "BE"),
                             "body seen by " + name)
            model.apply(asked[name])
            parts = [edit[5:] for edit in asked[name] if edit[4:5] == b"b"]
            if parts:
                body, replaced = b"".join(parts), True
        self.compare_upstream(edits, [edit for name in self.spaced for edit in asked[name]])
        result = Message([(name, blank + value) for name, value in headers]).apply(edits)
        self.assertEqual(model.fields, result.fields, "header at the MTA")
        self.assertEqual(body if replaced else b"", b"".join(e[5:] for e in edits if e[4:5] == b"b"))

    def compare_upstream(self, edits, asked):
        """Order: as asked for; the last sender only; body, then quarantine."""
        def of(packets, kinds):
            return [packet for packet in packets if packet[4:5].decode() in kinds]
        self.assertEqual(of(asked, "+2-"), of(edits, "+2-"))
        self.assertEqual(of(asked, "e")[-1:], of(edits, "e"))
        self.assertEqual(of(asked, "q")[-1:], of(edits, "q"))
        tail = "".join(letters(edits)).lstrip("him+2-e").lstrip("b")
        self.assertIn(tail, ("", "q"))

    def test_messages(self):
        first = int(os.environ.get("MILTER_TEST_SEED", "0"))
        only = "MILTER_TEST_SEED" in os.environ
        for manager in range(first // MESSAGES, first // MESSAGES + 1 if only else MANAGERS):
            self.fresh()
            self.prepare(random.Random(-1 - manager))
            mta = self.session()
            for seed in range(manager * MESSAGES, (manager + 1) * MESSAGES):
                if only and seed != first:
                    continue
                with self.subTest(seed=seed):
                    self.transcript.lines.clear()
                    self.one_message(mta, seed)
            mta.quit()


if __name__ == "__main__":
    unittest.main()
