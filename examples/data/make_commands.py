#!/usr/bin/env python3
"""Writes the quick start's data set: a player's or user's sentence -> one JSON command.

    python3 make_commands.py [FOLDER]      # writes FOLDER/train.jsonl and FOLDER/test.jsonl

The seed is fixed, so the files are the same on every machine. Every value of a command is derivable from
its sentence. No held-out row shares its sentence, or its command with all arguments, with a training row.
"""
import json
import os
import random
import sys

SEED = 20240517
TRAIN_PER_INTENT = 32
TEST_PER_INTENT = 4

NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
           "sixteen seventeen eighteen nineteen twenty").split()

# Slot values. Items are named in the singular in the command, and take a plain plural in the sentence.
SLOTS = {
    "direction": "north south east west left right forward back".split(),
    "enemy": ["goblin", "wolf", "bandit", "stone golem", "red dragon", "skeleton", "giant spider", "troll",
              "swamp witch", "pirate", "orc captain", "bear"],
    "weapon": ["axe", "spear", "short sword", "crossbow", "war hammer", "dagger", "longbow", "mace", "sling"],
    "item": ["apple", "rope", "lantern", "iron nail", "healing potion", "arrow", "wooden shield", "bandage",
             "gold ring", "blanket", "fishing net", "candle", "map", "red gem", "clay pot", "silver coin",
             "bottle", "leather boot", "ladder", "hammer"],
    "person": ["Mira", "Tom", "Anna", "Boris", "Chen", "Dara", "Elif", "Jonas", "Sofia",
               "Raj", "Lena", "Omar"],
    "trader": ["smith", "baker", "old sailor", "miller", "innkeeper", "hunter", "monk", "captain"],
    "spell": ["fireball", "frost", "healing light", "lightning", "invisibility",
              "slow", "stone skin", "sleep"],
    "gear": ["steel helmet", "chain mail", "silver amulet", "fur cloak", "leather glove", "round shield",
             "travel boots", "bone mask", "wide belt", "green hood"],
    "slot": ["head", "shoulder", "neck", "hand", "back", "feet", "waist", "face"],
    "place": ["harbor", "old mill", "castle", "market", "northern pass", "library", "salt mine", "temple",
              "river camp", "lighthouse", "dark forest", "airport"],
    "vehicle": ["horse", "boat", "train", "cart", "bus", "ferry", "balloon", "bike"],
    "news": ["the bridge is out", "dinner is ready", "the gate is closed", "we need more wood",
             "the meeting starts at noon", "the boat leaves soon", "I will be late", "the wolves are close",
             "the key is under the mat", "the road is safe", "the king has arrived", "we found the mine"],
    "thing": ["old chest", "cellar door", "garden gate", "iron box", "window", "blue cabinet", "trapdoor",
              "safe", "stone gate", "mailbox"],
    "key": ["brass key", "lockpick", "silver key", "crowbar", "red key", "long wire", "bone key"],
    "room": ["kitchen", "bedroom", "hall", "bathroom", "garage", "attic", "office",
             "porch", "cellar", "nursery"],
    "unit": ["seconds", "minutes", "hours"],
    "music": ["jazz", "piano", "rock", "harp", "blues", "choir", "techno", "folk", "opera", "flute"],
    "level": [str(v) for v in range(5, 100, 5)],
    "price": [str(v) for v in (4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60, 75, 80, 90)],
    "n": [str(v) for v in range(2, 21)],
}

# intent -> (fields of the command in order as name=slot, sentence patterns).
# {slot} puts the value, {slot}s its plural, {a:slot} its article, (x|y) one of the words; ~ marks a pattern
# that "could you" cannot open.
INTENTS = {
    "move": ("direction=direction steps=n", [
        "(go|walk|move|head|run) {n} steps {direction}",
        "(go|walk|move|step) {direction} for {n} (steps|paces)",
        "take {n} (steps|paces) {direction}",
        "~{direction}, {n} steps"]),
    "attack": ("target=enemy weapon=weapon", [
        "(attack|hit|strike|fight) the {enemy} with (the|my) {weapon}",
        "use the {weapon} (against|on) the {enemy}",
        "grab the {weapon} and (attack|kill|fight) the {enemy}",
        "~the {enemy} must die, (take|use) the {weapon}"]),
    "craft": ("item=item count=n", [
        "(craft|make|build|forge) {n} {item}s",
        "(craft|make) me {n} {item}s",
        "~we need {n} {item}s, (craft|make|build) them",
        "~{n} {item}s should be (crafted|made|built)"]),
    "trade": ("with=trader give=item get=item2", [
        "(trade|swap|exchange) {a:item} for {a:item2} with the {trader}",
        "offer the {trader} {a:item} and (ask for|take) {a:item2}",
        "get {a:item2} from the {trader}, (trade|swap) {a:item} for it",
        "~with the {trader}, (trade|swap) my {item} for {a:item2}"]),
    "set_timer": ("amount=n unit=unit", [
        "(set|start) a timer for {n} {unit}",
        "(set|start) {a:num} {n} {unit} timer",
        "(wake|call|alert) me in {n} {unit}",
        "(count down|countdown) {n} {unit}",
        "~timer, {n} {unit}"]),
    "give": ("to=person item=item count=n", [
        "(give|hand|pass) {person} {n} {item}s",
        "(give|hand|pass) {n} {item}s to {person}",
        "~{person} (should get|gets|needs) {n} of my {item}s",
        "~let {person} have {n} {item}s"]),
    "cast": ("spell=spell target=enemy", [
        "(cast|use) {spell} on the {enemy}",
        "(throw|cast) {spell} at the {enemy}",
        "(cast|use) the spell {spell} on the {enemy}",
        "~the {enemy} deserves the {spell} spell"]),
    "equip": ("item=gear slot=slot", [
        "(put|wear|equip) the {gear} on (my|the) {slot}",
        "(equip|use) the {gear} in the {slot} slot",
        "~on my {slot} I want the {gear}",
        "~{slot} slot, the {gear}"]),
    "travel": ("to=place by=vehicle", [
        "(travel|go|get) to the {place} by {vehicle}",
        "take the {vehicle} to the {place}",
        "(ride|bring me|take me) to the {place} by {vehicle}",
        "~by {vehicle}, (travel|go) to the {place}"]),
    "message": ("to=person text=news", [
        "tell {person} that {news}",
        "(write|send a message) to {person} that {news}",
        "let {person} know that {news}",
        "(text|message) {person}: {news}"]),
    "buy": ("item=item count=n price=price", [
        "(buy|purchase|get) {n} {item}s for {price} coins",
        "(spend|pay) {price} coins for {n} {item}s",
        "~for {price} coins (buy|get) {n} {item}s",
        "buy me {n} {item}s, {price} coins at most"]),
    "sell": ("item=item to=trader", [
        "sell {a:item} to the {trader}",
        "sell the {trader} my {item}",
        "~the {trader} (wants|needs) {a:item}, sell mine",
        "~let us sell the {item} to the {trader}"]),
    "open": ("object=thing key=key", [
        "(open|unlock) the {thing} with the {key}",
        "use the {key} to (open|unlock) the {thing}",
        "~the {thing} is locked, (open|unlock) it with the {key}"]),
    "set_light": ("room=room level=level", [
        "(set|dim|put) the {room} (light|lights|lamp) to {level} percent",
        "~(lights|light) in the {room} at {level} percent",
        "make the {room} {level} percent bright",
        "~{level} percent light in the {room}"]),
    "play_music": ("style=music room=room", [
        "(play|start|put on) some {music} in the {room}",
        "(play|start) {music} music in the {room}",
        "~I want (to hear|some) {music} in the {room}",
        "~in the {room}, play {music}"]),
}

REQUESTS = ["please ", "could you ", "now ", "would you please ", "I want you to ", "can you "]
BEFORE = ["", "", "", "", "hey, ", "ok, ", "quick, ", "I am tired, ", "it is getting dark, ",
          "the weather is bad, ", "good morning, ", "well, ", "right away: "]
AFTER = ["", "", "", "", " please", " now", ", thanks", ", and hurry", " if you can", " when you are ready",
         ", it is urgent", ", then we rest", " for me", ", my friend"]


def choose(rng, pattern):
    """Replaces every (x|y) by one of its words."""
    while "(" in pattern:
        start, end = pattern.index("("), pattern.index(")")
        pattern = pattern[:start] + rng.choice(pattern[start + 1:end].split("|")) + pattern[end + 1:]
    return pattern


def number(rng, text):
    """A number as digits or, half of the time where it has one, as a word."""
    value = int(text)
    return NUMBERS[value] if value < len(NUMBERS) and rng.random() < 0.5 else text


def plural(word):
    return word + ("es" if word.endswith(("x", "ch", "sh")) else "s")


def article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def typo(rng, word):
    """Swaps, drops or doubles one inner letter."""
    at = rng.randrange(1, len(word) - 2)
    return rng.choice([word[:at] + word[at + 1] + word[at] + word[at + 2:], word[:at] + word[at + 1:],
                       word[:at] + word[at] + word[at:]])


def sentence(rng, pattern, values):
    text = choose(rng, pattern.lstrip("~"))
    if rng.random() < 0.12:  # only words of the pattern: the values stay readable
        words = text.split(" ")
        long = [i for i, word in enumerate(words) if word.isalpha() and len(word) >= 4]
        if long:
            at = rng.choice(long)
            words[at] = typo(rng, words[at])
            text = " ".join(words)
    for slot, value in values.items():
        shown = number(rng, value) if value.isdigit() else value
        text = text.replace("{a:%s}" % slot, article(value)).replace("{%s}s" % slot, plural(value))
        text = text.replace("{%s}" % slot, shown)
    count = values.get("n", "")
    text = text.replace("{a:num}", "an" if count in ("8", "11", "18") else "a")
    text = rng.choice(BEFORE if pattern.startswith("~") else BEFORE + REQUESTS) + text
    if "news" not in values:  # nothing follows a message, or it would belong to it
        text += rng.choice(AFTER)
    style = rng.random()
    if style < 0.5:
        text = text[0].upper() + text[1:]
    return text + (rng.choice([".", ".", "!"]) if style < 0.7 else "")


def draw(rng, intent):
    fields, patterns = INTENTS[intent]
    values, command = {}, {"command": intent}
    for field in fields.split():
        name, slot = field.split("=")
        options = SLOTS[slot.rstrip("2")]
        value = rng.choice([option for option in options if option not in values.values()])
        values[slot] = value
        command[name] = int(value) if value.isdigit() else value
    text = sentence(rng, rng.choice(patterns), values)
    answer = json.dumps(command, separators=(",", ":"))
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    rng = random.Random(SEED)
    train, test, sentences, answers = [], [], set(), set()
    for intent in INTENTS:
        rows = []
        while len(rows) < TRAIN_PER_INTENT + TEST_PER_INTENT:
            row = draw(rng, intent)
            text, answer = (message["content"] for message in row["messages"])
            if text.lower() not in sentences and answer not in answers:
                sentences.add(text.lower())
                answers.add(answer)
                rows.append(row)
        train += rows[:TRAIN_PER_INTENT]
        test += rows[TRAIN_PER_INTENT:]
    for name, rows in (("train.jsonl", train), ("test.jsonl", test)):
        rng.shuffle(rows)
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
