"""Texts that people write, by how they feel."""

from __future__ import annotations

from random import Random

HANDLE = "@HarbourCoffee"

_BANDS: list[tuple[float, str]] = [
    (0.55, "delighted"),
    (0.15, "pleased"),
    (-0.15, "even"),
    (-0.55, "annoyed"),
]

_OPENINGS: dict[str, list[str]] = {
    "delighted": ["Wow!", "I love this.", "So happy.", "Brilliant!", "Best shop ever.", "😍"],
    "pleased": ["Nice.", "Thanks!", "Good morning.", "Happy with this.", "Well done.", "👍"],
    "even": ["Hello,", "Hi,", "A question:", "Just asking:", "Good to know:", "Hm,"],
    "annoyed": ["Not good.", "Disappointed.", "Annoying.", "Sigh.", "Sorry, but no.", "Again?"],
    "angry": ["Terrible!", "Awful.", "I am furious.", "Never again!", "Worst shop ever.", "😡"],
}
_CORES: dict[str, list[str]] = {
    "delighted": [
        "The {product} is absolutely wonderful",
        "{agent} was amazing and so helpful",
        "My parcel came a day early, perfect service",
        "The {product} from the last order tastes great, I love it",
        "You solved it in minutes, I am very impressed",
        "Excellent {product}, beautifully packed",
        "I recommend you to all my friends, fantastic {product}",
    ],
    "pleased": [
        "The {product} is good",
        "{agent} was friendly",
        "The parcel came on time, thanks",
        "I like the new {product}",
        "The site works well",
        "Good value, and a nice {product}",
        "It was easy to order the {product}",
    ],
    "even": [
        "when do you roast the {product}?",
        "is the {product} in the shop on Saturday?",
        "which grind do you use for the {product}?",
        "the parcel is at the neighbour's",
        "I changed my address to {town}",
        "does the {product} come in a bag or a tin?",
        "I ordered {days} days ago from {town}",
    ],
    "annoyed": [
        "The {product} was stale",
        "My parcel is {days} days late",
        "I was on hold for {minutes} minutes",
        "The {product} arrived damaged",
        "No reply to my e-mail for {days} days",
        "I was charged twice for the {product}",
        "The tracking page has been wrong for {days} days",
        "The parcel went to {town} instead of my home, a poor job",
    ],
    "angry": [
        "My parcel is lost and nobody cares",
        "{minutes} minutes on hold and then they hung up on me",
        "The {product} was broken and {agent} was rude",
        "{days} days late, no response, horrible service",
        "You ruined my weekend, the parcel never arrived",
        "I hate how you ignore customers, this is unacceptable",
        "A useless help line and a disgusting {product}",
    ],
}
_CLOSINGS: dict[str, list[str]] = {
    "delighted": ["Thank you so much!", "You are the best.", "❤️", "#happy", "Keep it up!", ""],
    "pleased": ["Thank you.", "Cheers!", ":)", "Nice work.", "", ""],
    "even": ["", "", "Let me know.", "See you.", "", ""],
    "annoyed": ["Not what I expected.", ":(", "Please fix it.", "A pity.", "", ""],
    "angry": ["Shame on you.", "I want my money back!", "#fail", "Disgraceful.", "I am done.", ""],
}
_SLOTS: dict[str, list[str]] = {
    "agent": ["Mara", "Jonas", "Elif", "Pieter", "Aoife", "Tomas"],
    "town": ["Port Ness", "Kilmore", "Sandwick", "Lower Quay", "Fairhaven"],
    "days": ["two", "three", "four", "five", "six"],
    "minutes": ["20", "25", "30", "40", "45", "50"],
}

_NOTES: dict[bool, list[str]] = {
    True: ["Parcel traced, new date given.", "Replacement sent.", "Explained, all settled."],
    False: ["No solution yet, will look into it.", "Carrier does not answer.", "To be called back."],
}


def band(feeling: float) -> str:
    """Return the name of how somebody feels (-1 to 1)."""
    return next((name for least, name in _BANDS if feeling >= least), "angry")


def say(random: Random, feeling: float, product: str) -> str:
    """Return something a customer may write, whose polarity follows the feeling (-1 to 1)."""
    name = band(feeling)
    slots = {slot: random.choice(values) for slot, values in _SLOTS.items()}
    core = random.choice(_CORES[name]).format(product=product, **slots)
    ending = "" if core.endswith("?") else "."
    parts = [random.choice(_OPENINGS[name]), core + ending, random.choice(_CLOSINGS[name])]
    return " ".join(part for part in parts if part)


def post(random: Random, feeling: float, product: str) -> str:
    """Return a public post to the shop."""
    text = say(random, feeling, product)
    return f"{HANDLE} {text}" if random.random() < 0.7 else f"{text} {HANDLE}"


def reply(random: Random) -> str:
    """Return what the shop answers to a post."""
    return random.choice(["Thanks for writing to us!", "We have sent you a message.", "Could you tell us the order?"])


def praise(random: Random) -> str:
    """Return why somebody praises a member of staff."""
    return random.choice(["So friendly, thank you!", "Solved it at once, brilliant.", "Patient and very helpful."])


def note(random: Random, resolved: bool) -> str:
    """Return what an agent notes after a call."""
    return random.choice(_NOTES[resolved])
