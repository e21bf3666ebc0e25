"""Sessions drawn by chance against a small model of the rules (manager-semantics 3 to 5, 7, 17):
every reply and edit upstream and every letter each child gets must be what the model says.

A failing session is repeated with  MILTER_TEST_SEED=<number> python3 -m unittest test_random
"""

import os
import random
import unittest

import wire
from case import ManagerCase
from fake_child import CLOSE
from fake_mta import Mismatch

MANAGERS = 30
SESSIONS = 25
REPLIES = {"c": wire.CONTINUE, "a": wire.ACCEPT, "r": wire.REJECT, "t": wire.TEMPFAIL,
           "d": wire.DISCARD, "s": wire.SKIPPED, "y": None}
STRENGTH = {"d": 4, "r": 3, "y": 3, "t": 2, "c": 1, "s": 1, "a": 0}
FALLBACKS = {"accept": "a", "reject": "r", "temporary-failure": "t"}


# The MTA says in the macro {plan} which child shall be stopped before which command.
CONDITION = """
define_applicable_condition("Plan") do |condition|
  stop = ->(context, letter) { context["plan"].to_s.split(";").include?("#{context.name}:#{letter}") }
  condition.define_connect_stopper { |context, host, address| stop[context, "C"] }
  condition.define_helo_stopper { |context, fqdn| stop[context, "H"] }
  condition.define_envelope_from_stopper { |context, from| stop[context, "M"] }
  condition.define_envelope_recipient_stopper { |context, recipient| stop[context, "R"] }
  condition.define_data_stopper { |context| stop[context, "T"] }
  condition.define_header_stopper { |context, name, value| stop[context, "L"] }
  condition.define_end_of_header_stopper { |context| stop[context, "N"] }
  condition.define_body_stopper { |context, chunk| stop[context, "B"] }
  condition.define_end_of_message_stopper { |context| stop[context, "E"] }
end
"""


class ChildModel:
    """One child in one session: what it will answer, what it should get."""

    def __init__(self, name, fallback, evaluated, chance):
        self.name = name
        self.fallback = fallback
        self.evaluated = evaluated  # its refusals count as accept, its edits not at all
        self.stops = {}          # message -> letter before which its condition stops it
        self.version = chance.choice((6, 6, 6, 6, 4, 3, 2))
        self.steps = 0
        if self.version == 6:
            for bit in (*wire.NO_EVENT_BITS.values(), *wire.NO_REPLY_BITS.values()):
                if chance.random() < 0.08:
                    self.steps |= bit
            if chance.random() < 0.3:
                self.steps |= wire.SKIP
        self.chance = chance
        self.plan = {}           # (message, letter, ordinal) -> answer
        self.counted = {}        # (message, letter) -> how many it got
        self.letters = "O"
        self.alive = True        # in the session
        self.taking = False      # in the message
        self.recipients = 0      # accepted by it
        self.skips = False

    def sends(self, letter):
        if self.steps & wire.NO_EVENT_BITS.get(letter, 0):
            return False
        return not (letter == "T" and self.version < 4)

    def replies(self, letter):
        return not self.steps & wire.NO_REPLY_BITS.get(letter, 0)

    def stopped(self, message, letter):
        return self.stops.get(message) == letter

    def choose_stop(self, message, letters):
        """Sometimes a condition stops it; only where it would have got the command."""
        possible = [letter for letter in letters if self.sends(letter)]
        if possible and self.chance.random() < 0.12:
            self.stops[message] = self.chance.choice(possible)
            return "%s:%s;" % (self.name, self.stops[message])
        return ""

    def ask(self, message, letter):
        """The answer that counts for this command; notes the letter."""
        if not self.sends(letter):
            return "c"
        self.letters += letter
        ordinal = self.counted.get((message, letter), 0)
        self.counted[message, letter] = ordinal + 1
        if not self.replies(letter):
            return "c"
        answer = self.plan.setdefault((message, letter, ordinal), self.draw(letter))
        if self.evaluated and answer == "x":
            answer = self.plan[message, letter, ordinal] = "c"
        if answer == "x":  # the connection breaks
            self.alive = self.taking = False
            return FALLBACKS[self.fallback]
        return answer

    def draw(self, letter):
        chance = self.chance.random()
        if chance < {"C": 0.92, "H": 0.92, "L": 0.92}.get(letter, 0.8):
            return "c"
        possible = "artyx" if letter in "CH" else "aartydx"
        if letter == "B" and self.steps & wire.SKIP:
            possible += "sss"
        return self.chance.choice(possible)

    def counts(self, answer, letter):
        """What an answer of its own is for the MTA.  A recipient refused by an evaluated child is
        no accept: that would end the message for everybody."""
        if not self.evaluated or answer not in "rtyd":
            return answer
        return "c" if letter == "R" and answer != "d" else "a"

    def leave_session(self):
        if self.alive:
            self.letters += "Q"
        self.alive = self.taking = False

    def abort(self):
        if self.alive and self.taking:
            self.letters += "A"
        self.taking = False

    def text(self, message, letter):
        return wire.reply_code("550 5.7.1 %s %d %s" % (self.name, message, letter))


class SessionModel:
    """Walks the MTA's commands; every step returns the set of possible replies."""

    def __init__(self, children):
        self.children = children
        self.stopped_some = False

    def wire_of(self, child, answer, message, letter):
        return child.text(message, letter) if answer == "y" else REPLIES[answer]

    def strongest(self, answers, message, letter):
        """answers: pairs of child and answer in configuration order."""
        if not answers:
            return {wire.CONTINUE, wire.ACCEPT}, "c"
        answers = [(one, one.counts(answer, letter)) for one, answer in answers]
        child, answer = max(answers, key=lambda pair: STRENGTH[pair[1]])
        if answer == "a" and self.stopped_some:
            return {wire.CONTINUE, wire.ACCEPT}, "a"
        return {self.wire_of(child, answer, message, letter)}, answer

    def listening(self, message, letter, eligible):
        """Those of them that no condition stops before this command."""
        self.stopped_some = any(one.stopped(message, letter) for one in eligible)
        for one in eligible:
            if one.stopped(message, letter):
                if letter in "CH":
                    one.leave_session()
                elif letter == "M":
                    one.taking = False
                elif letter != "R":
                    one.abort()
        return [one for one in eligible if not one.stopped(message, letter)]

    def connection(self, letter):
        eligible = self.listening(-1, letter, [one for one in self.children if one.alive])
        answers = [(one, one.ask(-1, letter)) for one in eligible]
        for one, answer in answers:
            if answer != "c":
                one.leave_session()
        return self.strongest(answers, -1, letter)

    def over(self):
        """The message has its verdict: everybody still in it forgets it."""
        for one in self.children:
            one.abort()

    def mail(self, message):
        self.over()
        eligible = [one for one in self.children if one.alive]
        for one in eligible:
            one.taking, one.recipients, one.skips = True, 0, False
        answers = [(one, one.ask(message, "M")) for one in self.listening(message, "M", eligible)]
        return self.message_scope(answers, message, "M")

    def message_scope(self, answers, message, letter):
        for one, answer in answers:
            if answer != "c":
                one.taking = False
        replies, winner = self.strongest(answers, message, letter)
        if winner in "rtyd":
            self.over()
        return replies, winner

    def rcpt(self, message):
        answers = []
        eligible = [one for one in self.children if one.alive and one.taking]
        for one in self.listening(message, "R", eligible):
            answer = one.ask(message, "R")
            answers.append((one, answer))
            if answer == "c":
                one.recipients += 1
            elif answer in "ad":
                one.taking = False
        replies, winner = self.strongest(answers, message, "R")
        if winner == "d":
            self.over()
        return replies, winner

    def without_recipients(self):
        for one in self.children:
            if one.taking and not one.recipients:
                one.abort()

    def data(self, message):
        self.without_recipients()
        eligible = self.listening(message, "T", [one for one in self.children if one.taking])
        answers = [(one, one.ask(message, "T")) for one in eligible]
        return self.message_scope(answers, message, "T")

    def content(self, message, events, upto):
        """One more event (events[upto]) arrives: the first child in the message gets it, and when
        it leaves the next one catches up.  events: list of letters L, N, B."""
        letter = events[upto]
        waiting = [one for one in self.children if one.taking]
        if not waiting:
            return {wire.CONTINUE, wire.ACCEPT}, "c"
        first = True
        for one in waiting:
            verdict = "c"
            for place in ([upto] if first else self.replayed(events[:upto + 1])):
                verdict = self.single(one, message, events[place])
                if verdict != "c":
                    break
            verdict = one.counts(verdict, letter)
            if verdict in "rtyd":
                one.taking = False
                self.over()
                where = events[place]
                return {self.wire_of(one, verdict, message, where)}, verdict
            if verdict == "c":
                return {wire.CONTINUE}, "c"
            one.taking = False
            first = False
        return {wire.CONTINUE, wire.ACCEPT}, "c"

    def replayed(self, events):
        """Places of the events in a replay, where the body comes as one chunk."""
        bodies = [place for place, letter in enumerate(events) if letter == "B"]
        return [place for place, letter in enumerate(events) if letter != "B"] + bodies[:1]

    def single(self, one, message, letter):
        if letter == "B" and one.skips:
            return "c"
        if one.stopped(message, letter):
            one.abort()
            return "a"
        answer = one.ask(message, letter)
        if answer == "s":
            one.skips = True
            return "c"
        return answer

    def end(self, message, events):
        """The answer to E: edits, replies possible."""
        answers, edits = [], []
        first = True
        for one in [one for one in self.children if one.taking]:
            verdict, letter = "c", "E"
            if not first:
                # Fields added by those before are part of the message.
                added = ["L"] * len(edits)
                whole = [e for e in events if e == "L"] + added + [e for e in events if e != "L"]
                for place in self.replayed(whole):
                    verdict = self.single(one, message, whole[place])
                    if verdict != "c":
                        letter = whole[place]
                        break
            first = False
            if verdict == "c" and one.stopped(message, "E"):
                one.abort()
                continue
            if verdict == "c":
                verdict, letter = one.ask(message, "E"), "E"
                if verdict in "ca" and one.alive and not one.evaluated:
                    edits.append(wire.add_header("X-" + one.name, str(message)))
            verdict = one.counts(verdict, letter)
            answers.append((one, verdict))
            one.taking = False
            if verdict in "rtyd":
                self.over()
                return [], {self.wire_of(one, verdict, message, letter)}
        if any(answer == "c" for _, answer in answers):
            return edits, {wire.CONTINUE}
        return edits, {wire.CONTINUE, wire.ACCEPT}


class Random(ManagerCase):
    def prepare(self, chance):
        names = "abcd"[:chance.randint(1, 4)]
        self.fallbacks = {name: chance.choice(list(FALLBACKS)) for name in names}
        self.evaluated = {name: chance.random() < 0.15 for name in names}
        for name in names:
            self.child(name, fallback_status=self.fallbacks[name], applicable_conditions=["Plan"],
                       evaluation_mode=self.evaluated[name])
        self.start(before=CONDITION)

    def script(self, model):
        """Turns the model's plan into the child's script."""
        def answer(packet):
            letter = packet.letter
            session = self.children[model.name].sessions[self.number]
            since = [one.letter for one in session.packets[session.marks[self.message]:]]
            ordinal = since.count(letter) - 1
            message = -1 if letter in "CH" else self.message
            planned = model.plan.get((message, letter, ordinal), "c")
            if planned == "x":
                return CLOSE
            reply = model.text(message, letter) if planned == "y" else REPLIES[planned]
            if letter == "E" and planned in "ca":
                return [wire.add_header("X-" + model.name, str(self.message)), reply]
            return reply
        script = {letter: answer for letter in "CHMRTLNBE" if model.replies(letter)}
        script["O"] = lambda offer: wire.negotiate(
            model.version, 0x1FF if model.version == 6 else 0x3F, model.steps)
        return script

    def step(self, mta, command, replies):
        mta.send(command)
        came = mta.receive()
        if came is None or came.wire not in replies:
            raise mta.mismatch(" or ".join(map(wire.show, replies)),
                               "end of connection" if came is None else str(came))
        return came.wire

    def mark(self):
        for child in self.children.values():
            session = child.session(self.number)
            if not hasattr(session, "marks"):
                session.marks = {}
            session.marks[self.message] = len(session.packets)

    def one_session(self, seed, number):
        chance = random.Random(seed)
        models = [ChildModel(name, self.fallbacks[name], self.evaluated[name], chance) for name in self.children]
        session = SessionModel(models)
        self.number, self.message = number, -1
        for model in models:
            self.children[model.name].script = self.script(model)
        mta = self.connect("MTA")
        mta.negotiate()
        self.mark()
        mta.send(wire.macros("C", "{plan}", "".join(one.choose_stop(-1, "CH") for one in models)))
        for letter, command in (("C", wire.connect()), ("H", wire.helo())):
            replies, verdict = session.connection(letter)
            came = self.step(mta, command, replies)
            if verdict in "rty" or came == wire.ACCEPT:
                break
        else:
            for self.message in range(chance.randint(1, 4)):
                self.mark()
                self.one_message(mta, session, chance)
        mta.quit()
        for model in models:
            model.abort()
            model.leave_session()
            child = self.children[model.name].session(number)
            child.wait_closed()
            if model.stops.get(-1) and child.letters().endswith("AQ"):
                model.letters = model.letters[:-1] + "AQ"  # told or not, nothing was open
            child.expect_letters(model.letters)

    def one_message(self, mta, session, chance):
        message = self.message

        def ended(verdict, came):
            """Refused, or nobody listens any more: what an MTA does then."""
            if verdict not in "rtyd" and came != wire.ACCEPT:
                return False
            if chance.random() < 0.5:
                mta.send(wire.ABORT)
            session.over()
            return True

        mta.send(wire.macros("M", "{plan}", "".join(one.choose_stop(message, "MRTLNBE")
                                                    for one in session.children)))
        replies, verdict = session.mail(message)
        if ended(verdict, self.step(mta, wire.mail(), replies)):
            return
        accepted = 0
        for number in range(chance.randint(1, 3)):
            replies, verdict = session.rcpt(message)
            came = self.step(mta, wire.rcpt("<%d>" % number), replies)
            if verdict == "d" or came == wire.ACCEPT:
                ended("d", came)
                return
            accepted += verdict == "c"
        if not accepted or chance.random() < 0.1:
            mta.send(wire.ABORT)
            session.over()
            return
        replies, verdict = session.data(message)
        if ended(verdict, self.step(mta, wire.DATA, replies)):
            return
        session.without_recipients()
        events = "L" * chance.randint(0, 3) + "N" + "B" * chance.randint(0, 3)
        for place, letter in enumerate(events):
            command = {"L": wire.header("H%d" % place, "v"), "N": wire.EOH,
                       "B": wire.body("chunk %d\r\n" % place)}[letter]
            # A replay happens inside the step, so the plan must be complete before it.
            replies, verdict = session.content(message, events, place)
            if ended(verdict, self.step(mta, command, replies)):
                return
        edits, replies = session.end(message, list(events))
        came_edits, came = mta.finish()
        if came not in replies or came_edits != (edits if came in (wire.CONTINUE, wire.ACCEPT) else []):
            raise mta.mismatch(" | ".join(map(wire.show, [*edits, *sorted(replies)])),
                               " | ".join(map(wire.show, [*came_edits, came])))

    def test_sessions(self):
        first = int(os.environ.get("MILTER_TEST_SEED", "0"))
        only = "MILTER_TEST_SEED" in os.environ
        for manager in range(first // SESSIONS, first // SESSIONS + 1 if only else MANAGERS):
            self.fresh()
            self.prepare(random.Random(-1 - manager))
            number = 0
            for seed in range(manager * SESSIONS, (manager + 1) * SESSIONS):
                if only and seed != first:
                    continue
                with self.subTest(seed=seed):
                    self.transcript.lines.clear()
                    try:
                        self.one_session(seed, number)
                    except Mismatch:
                        self.mtas[-1].close()
                        raise
                    finally:
                        number += 1


if __name__ == "__main__":
    unittest.main()
