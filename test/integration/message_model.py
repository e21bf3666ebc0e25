"""What an MTA makes of modification requests, for comparison."""

import wire


class Message:
    """What an MTA makes of edits (protocol section 7): Received: is its own first field."""

    def __init__(self, headers):
        self.fields = [("Received", "own")] + list(headers)

    def nth(self, name, index):
        places = [place for place, (own, _) in enumerate(self.fields)
                  if own.lower() == name.lower() and (own, _) != ("Received", "own")]
        index = max(index, 1)
        return places[index - 1] if index <= len(places) else None

    def apply(self, edits):
        for edit in edits:
            one = wire.split(edit)[0]
            if one.letter == "h":
                name, value = one.fields()
                self.fields.append((name.decode(), value.decode()))
            elif one.letter in "im":
                index = int.from_bytes(one.payload[:4], "big")
                name, value = (text.decode() for text in one.payload[4:].split(b"\0")[:2])
                if one.letter == "i":
                    self.fields.insert(index, (name, value))
                    continue
                place = self.nth(name, index)
                if place is None:
                    if value:
                        self.fields.append((name, value))
                elif value:
                    self.fields[place] = (name, value)
                else:
                    del self.fields[place]
        return self

    def shown(self):
        """What a filter sees of it."""
        return [field for field in self.fields if field != ("Received", "own")]
