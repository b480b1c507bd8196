"""Utterances built slot by slot, so that a test can cut, swap, add and repeat what is said."""

from __future__ import annotations

from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.slots.checker import SlotChecker

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)

# Each phrase is a sentence of its own that says exactly one slot.
SENTENCES: dict[Slot, tuple[str, ...]] = {
    Slot("eatType", "pub"): ("It is a pub.", "This is a nice pub."),
    Slot("eatType", "coffee shop"): ("It is a coffee shop.", "People call it a café."),
    Slot("eatType", "restaurant"): ("It is a restaurant.",),
    Slot("food", "French"): ("They serve French food.", "The dishes are French."),
    Slot("food", "Fast food"): ("You can eat fast food.", "It offers fast-food."),
    Slot("food", "English"): ("It has British cuisine.", "They do English food."),
    Slot("priceRange", "cheap"): ("It is cheap.", "The prices are low."),
    Slot("priceRange", "£20-25"): ("Meals cost £20-25.", "The price range is £20-25."),
    Slot("priceRange", "more than £30"): ("You pay more than £30.", "Dishes are over 30 pounds."),
    Slot("customer rating", "low"): ("Its customer rating is low.", "It is poorly rated."),
    Slot("customer rating", "3 out of 5"): ("It is rated 3 out of 5.", "It has three stars."),
    Slot("customer rating", "high"): ("It is highly rated.", "Reviews are excellent."),
    Slot("area", "riverside"): ("It lies on the riverside.", "Find it by the river."),
    Slot("area", "city centre"): ("It is in the city centre.", "Find it in the centre of town."),
    Slot("familyFriendly", "yes"): ("It is family-friendly.", "Children are welcome."),
    Slot("familyFriendly", "no"): ("It is not kid friendly.", "It's no place for kids."),
    Slot("near", "Burger King"): ("It is near Burger King.", "Burger King is next door."),
    Slot("near", "The Rice Boat"): ("It is close to The Rice Boat.",),
    Slot("near", "Café Rouge"): ("You find it beside Café Rouge.",),
}
NAMES = ("Aromi", "The Eagle", "Zorba's Taverna", "Loch Fyne")


def utterance(slots: tuple[Slot, ...], variant: int = 0) -> str:
    """A text that says ``slots`` in this order; the name opens it."""
    said = []
    for slot in slots:
        if slot.name == "name":
            said.append(f"There is a place called {slot.value}.")
        else:
            ways = SENTENCES[slot]
            said.append(ways[variant % len(ways)])
    return " ".join(said)


def meaning(slots: tuple[Slot, ...]) -> MeaningRepresentation:
    """The MR that asks for ``slots``."""
    return MeaningRepresentation(slots)


def counts(text: str, slots: tuple[Slot, ...]) -> tuple[int, int, int, int]:
    """Missing, added, wrong and repeated."""
    report = CHECKER.check(text, meaning(slots))
    return len(report.missing), len(report.added), len(report.wrong), len(report.repeated)
