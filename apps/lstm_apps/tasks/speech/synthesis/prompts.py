"""Short everyday speech for ``lstm-models synthesize``, which books lack: greetings, commands, numbers, dates,
spelling, orders and questions about phones and laptops, made from templates.
"""

from __future__ import annotations

import re

import numpy as np

from lstm_datasets.speech.text_normalizer import normalize

__all__ = ["prompt"]

# Letters as they are said, for engines that would read “A” as an article.
_NAMES = """
    ay, bee, see, dee, ee, eff, gee, aitch, eye, jay, kay, ell, em, en, oh, pea, cue, are, ess, tea, you, vee,
    double you, ex, why, zee
"""
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", map(str.strip, _NAMES.split(",")), strict=True))
_SPELLED = "{letters}"

_WORDS: dict[str, list[str]] = {
    name: [word.strip() for word in words.split(",")]
    for name, words in {
        "name": "Anna, Ben, Carlos, Diana, Edward, Fatima, George, Hannah, Ivan, Julia, Kevin, Laura, Mohammed, Nora, "
        "Oliver, Priya, Quentin, Rosa, Samuel, Teresa, Ursula, Victor, Wendy, Xavier, Yasmin, Zoe, Michael, "
        "Sarah, David, Emily, James, Linda, Peter, Grace, Robert, Alice, Thomas, Megan, William, Ruby, Henry, "
        "Olivia, Daniel, Sophie, Andrew, Chloe, Mei, Hiroshi, Aisha, Kwame, Ingrid, Pablo, Leila, Dmitri, "
        "Chen, Raj, Amara, Lucas",
        "surname": "Smith, Johnson, Brown, Taylor, Wilson, Davies, Evans, Thompson, Walker, White, Roberts, Green, "
        "Hall, Wood, Martin, Clarke, Jackson, Garcia, Miller, Anderson, Nguyen, Patel, Kim, Lopez, Murphy, Cohen, "
        "Fischer, Rossi, Novak, Silva, Okafor, Tanaka, Singh, Hughes, Edwards, Turner, Parker, Collins, "
        "Stewart, Morris, Rogers",
        "city": "London, Paris, New York, Boston, Chicago, Pittsburgh, Seattle, Denver, Houston, Toronto, Dublin, "
        "Edinburgh, Manchester, Sydney, Melbourne, Auckland, Berlin, Vienna, Rome, Madrid, Lisbon, Athens, "
        "Cairo, Nairobi, Lagos, Delhi, Mumbai, Bangkok, Singapore, Beijing, Shanghai, Tokyo, Kyoto, Seoul, "
        "San Francisco, Los Angeles, Philadelphia, Baltimore, Atlanta, Miami, Dallas, Phoenix, Portland, "
        "Vancouver, Montreal",
        "street": "Maple, Oak, Elm, Church, High, Station, Park, Victoria, Mill, Spring, Chestnut, Washington, "
        "Franklin, Walnut, River, Lincoln, Cedar, Highland, Forest, Jackson, Forbes, Bellefield, Queen, "
        "Bridge, Garden",
        "road": "street, road, avenue, lane, drive, court, place, boulevard",
        "month": "January, February, March, April, May, June, July, August, September, October, November, December",
        "weekday": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
        "part": "morning, afternoon, evening, night",
        "size": "small, medium, large, regular, tall, double, extra large, single",
        "coffee": "latte, cappuccino, espresso, americano, flat white, mocha, macchiato, cold brew, iced coffee, "
        "filter coffee, black coffee, hot chocolate, chai latte, green tea, cup of tea, iced latte, decaf",
        "milk": "oat milk, almond milk, soy milk, whole milk, skimmed milk, coconut milk, cream, no milk, half and "
        "half",
        "extra": "an extra shot, two sugars, no sugar, vanilla syrup, caramel, whipped cream, cinnamon, ice, honey, a "
        "straw, hazelnut syrup, one sugar, a little foam, chocolate on top",
        "roast": "dark roast, light roast, medium roast, house blend, Colombian, Ethiopian, Kenyan, French roast",
        "food": "a blueberry muffin, a croissant, a slice of carrot cake, a ham sandwich, a bagel with cream cheese, "
        "a chocolate cookie, a piece of toast, a cheese toastie, a banana, a cinnamon roll, a bowl of soup, a "
        "salad",
        "device": "phone, laptop, tablet, computer, watch, camera, printer, keyboard, headphones, charger, television, "
        "speaker, router, monitor, mouse, desktop",
        "spec": "battery life, screen, camera, processor, memory, storage, keyboard, price, weight, resolution, "
        "graphics card, warranty, touch screen, charging speed, sound quality, hard drive",
        "adjective": "good, cheap, light, fast, new, used, reliable, expensive, small, powerful, quiet, thin, heavy, "
        "decent, cheaper, better, bigger, smaller, faster, lighter",
        "use": "gaming, school, work, travel, video editing, photography, programming, watching films, my parents, "
        "college, music, drawing, video calls, office work",
        "room": "kitchen, bedroom, living room, bathroom, hall, garage, garden, office, dining room, basement, attic",
        "thing": "lights, radio, heating, television, fan, music, alarm, oven, air conditioning, lamp, washing machine",
        "colour": "red, blue, green, yellow, white, black, orange, purple, grey, silver, pink, brown",
        "animal": "dog, cat, horse, rabbit, bird, goat, lion, elephant, monkey, fish, cow, mouse, duck, tiger, bear",
        "person": "mother, father, sister, brother, teacher, friend, uncle, aunt, boss, neighbour, doctor, cousin, "
        "son, daughter, grandmother, grandfather, wife, husband, colleague",
        "place": "school, library, airport, station, hospital, museum, market, bank, post office, park, beach, gym, "
        "cinema, restaurant, supermarket, office, bus stop, pharmacy, zoo, church, hotel, bakery",
        "doing": "reading a book, playing football, cooking dinner, washing the dishes, waiting for the bus, doing my "
        "homework, walking the dog, learning English, cleaning the house, watching television, riding a "
        "bicycle, listening to music, painting a picture, swimming in the lake, having lunch",
        "weather": "sunny, raining, cold, windy, snowing, cloudy, hot, foggy, freezing, warm, stormy, dry",
        "feeling": "tired, hungry, happy, sad, thirsty, bored, excited, angry, ill, fine, busy, worried, late, lost",
        "order": "go, enter, erase, help, start, stop, repeat, yes, no, rubout, next, back, cancel, delete, save, "
        "open, close, left, right, up, down, on, off, continue, play, pause, louder, quieter, undo, print, "
        "search, send",
    }.items()
}

_TEMPLATES = """
3|{letters}
2|{digits}
2|{digits}
1|{order}
1|{order} {number}
1|{order} {letters}
1|{name} {surname}
1|my name is {name} {surname}, that's spelled {letters}
1|spell {letters}
1|{name}, {letters}
1|{number}
2|{number} {number2}
1|{month} {ordinal}, {year}
1|the {ordinal} of {month}, {year}
1|{weekday} the {ordinal} of {month}
1|{number} {street} {road}
1|I live at {number} {street} {road}, in {city}.
1|my phone number is {digits}
1|the area code is {digits3}
1|the code is {letters} {digits3}
1|{city}, {city2}
1|{clock}
1|It's {clock}.
1|Wake me up at {clock} in the {part}.
1|Set an alarm for {clock}.
1|Set a timer for {number} minutes.
1|Remind me to call {name} on {weekday} {part}.
1|Remind me about the meeting with {name} {surname} at {clock}.
1|What's the weather like in {city} on {weekday}?
1|Will it be {weather} in {city} tomorrow?
1|Turn {onoff} the {thing} in the {room}.
1|Turn the {thing} {onoff}.
1|Please make the {room} a bit {warmer}.
1|Call my {person}.
1|Send a message to {name}: I'll be there at {clock}.
1|Play some music by {name} {surname}.
1|How do I get to the {place}?
1|Take me to the nearest {place}.
1|How far is it from {city} to {city2}?
1|I'd like a ticket to {city}, please.
1|Is there a train to {city} at {clock}?
1|Good {part}.
1|Good {part}, {name}, how are you?
1|Hello, {name}, nice to meet you.
1|Hi, this is {name} speaking.
1|Thank you very much, {name}.
1|Sorry, I'm {feeling}.
1|I'm {feeling}, and so is my {person}.
1|See you on {weekday}, {name}.
1|Excuse me, where is the {place}?
1|My {person} is {doing}.
1|We were {doing} when it started {weatherverb}.
1|I saw a {colour} {animal} at the {place}.
1|The {animal} is bigger than the {animal2}.
1|My {person} has a {colour} {device} and two {animal}s.
1|What is your {person} doing on {weekday}?
1|On {weekday} I went to the {place} with my {person}.
1|He is {number} years old.
1|There are {number} people in the {place}.
2|Can I get a {size} {coffee}, please?
2|I'd like a {size} {coffee} with {milk} and {extra}.
1|Could I have {food} and a {size} {coffee} to go?
1|One {size} {coffee} with {extra}, please.
1|Give me two {size} {coffee}s and {food}.
1|I'll have a {size} {roast} {coffee}, with {milk}.
1|Make that a {coffee} with {milk}, no {extra2}.
1|Do you have {roast} or only {roast2}?
1|I want to order a {size} {coffee}, with {extra} and {milk}.
1|Can I have a cup of {roast} coffee with {milk}?
1|How much is the {size} {coffee}?
2|Which {device} has the best {spec}?
2|I'm looking for a {adjective} {device} for {use}.
1|What is the {spec} like on this {device}?
1|Can you recommend a {device} under {number} dollars?
1|I need a {device} with a {adjective} {spec} for {use}.
1|Does this {device} come with a {device2}?
1|My {device} is broken, the {spec} is no longer {adjective}.
1|I'm thinking about buying a {adjective} {device}, what do you think?
1|Is the {colour} {device} more {pricey} than the {colour2} one?
1|The {spec} matters more to me than the {spec2}.
1|I would prefer a {adjective} {device} with more {spec}.
1|Show me the {adjective} {device} in {colour}.
1|I mostly use my {device} for {use} and {use2}.
1|Compare the {spec} of these two {device}s, please.
"""
_WORDS |= {
    "onoff": ["on", "off"],
    "warmer": ["warmer", "cooler", "brighter", "darker", "quieter"],
    "weatherverb": ["raining", "snowing", "to rain", "to get dark", "to thunder"],
    "pricey": ["expensive", "popular", "powerful", "reliable", "useful"],
}

_WEIGHTS, _SENTENCES = zip(
    *[(int(weight), text) for weight, text in (line.split("|") for line in _TEMPLATES.split("\n") if line)], strict=True
)
_CHANCES = np.array(_WEIGHTS) / sum(_WEIGHTS)


def prompt(random: np.random.Generator) -> tuple[str, str]:
    """One thing to say, as an engine should be given it and as it is written: they differ where letters are spelled.

    The written form is normalised: lower-case a–z, apostrophe, space.
    """
    template = _SENTENCES[random.choice(len(_SENTENCES), p=_CHANCES)]
    spoken = written = template
    for slot in re.findall(r"\{\w+\}", template):
        spoken_form, text = _filled(slot, random)
        spoken, written = spoken.replace(slot, spoken_form, 1), written.replace(slot, text, 1)
    spoken = re.sub(r"\ba (?=[aeio])", "an ", re.sub(r"(?<=s)s\b", "", spoken) if "}s" in template else spoken)
    written = re.sub(r"\ba (?=[aeio])", "an ", re.sub(r"(?<=s)s\b", "", written) if "}s" in template else written)
    return spoken, normalize(written)


def _filled(slot: str, random: np.random.Generator) -> tuple[str, str]:
    name = slot.strip("{}").rstrip("23")
    if slot == _SPELLED:
        letters = _letters(random)
        # Either a pause after each letter or none
        between = ", " if random.random() < 0.5 else " "
        return between.join(_LETTERS[letter] for letter in letters), " ".join(letters)
    spoken_form = _number(slot, random) if name in ("number", "digits", "ordinal", "year", "clock") else None
    spoken_form = spoken_form or str(random.choice(_WORDS[name]))
    return spoken_form, spoken_form


def _letters(random: np.random.Generator) -> str:
    if random.random() < 0.6:
        word = str(random.choice(_WORDS[str(random.choice(["name", "surname", "city", "street"]))]))
        return re.sub("[^A-Z]", "", word.upper())[:10]
    return "".join(random.choice(list(_LETTERS), size=random.integers(1, 8)))


def _number(slot: str, random: np.random.Generator) -> str:
    """Numbers in words, for what engines say of digits differs."""
    name = slot.strip("{}")
    if name == "year":
        return normalize(str(random.integers(1900, 2030)))
    if name == "ordinal":
        day = int(random.integers(1, 32))
        suffix = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return normalize(f"{day}{suffix}")
    if name == "clock":
        hour, minute = int(random.integers(1, 13)), int(random.choice([0, 5, 10, 15, 20, 25, 30, 40, 45, 50, 55]))
        if not minute:
            return normalize(str(hour)) + str(random.choice(["", " o'clock"]))
        if random.random() < 0.4 and minute in (15, 30, 45):
            side = {15: "quarter past", 30: "half past", 45: "quarter to"}[minute]
            return f"{side} {normalize(str(hour))}"
        return normalize(f"{hour}:{minute:02d}")
    if name.startswith("digits"):
        count = 3 if name == "digits3" else int(random.integers(1, 11))
        zero = str(random.choice(["zero", "oh"]))
        digits = [int(digit) for digit in random.integers(0, 10, size=count)]
        return " ".join(normalize(str(digit)) if digit else zero for digit in digits)
    return normalize(str(int(10 ** random.uniform(0, 4.5))))
