"""Quantities: any way to write one is read back as the same, and any part that differs tells."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.mr.quantity import (
    ABOVE,
    BELOW,
    EXACT,
    Measure,
    Quantity,
    derive_measure,
    parse_quantity,
    quantities,
    says,
)

ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight",
    "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
    "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
MONEY = {
    "GBP": ("£{}", "{} pounds", "GBP {}", "{} GBP", "{} quid", "{} pounds sterling"),
    "EUR": ("€{}", "{} euros", "{} EUR", "EUR {}"),
    "USD": ("${}", "US${}", "{} US dollars", "{} USD"),
    "JPY": ("¥{}", "{} yen", "{} JPY"),
    "INR": ("₹{}", "{} rupees"),
}
UNITS = {
    "length-kilometer": ("{} km", "{}km", "{} kilometres", "{} kilometers"),
    "mass-kilogram": ("{} kg", "{} kilograms", "{} kilos"),
    "duration-minute": ("{} minutes", "{} mins", "{}-minute"),
    "%": ("{}%", "{} percent", "{} per cent", "{} %"),
}
BOUNDS = {
    EXACT: ("{}",),
    BELOW: ("less than {}", "under {}", "up to {}", "no more than {}", "{} or less", "{} at most",
            "nothing above {}", "not more than {}", "below {}", "at most {}", "cheaper than {}"),
    ABOVE: ("more than {}", "over {}", "at least {}", "from {}", "{} or more", "{} and up",
            "no less than {}", "above {}", "nothing under {}", "upwards of {}", "exceeding {}"),
}  # fmt: skip


def in_words(number: int) -> str:
    """A whole number below 1000 in words."""
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ONES[hundreds]} hundred" + (f" and {in_words(rest)}" if rest else "")


def written(number: Decimal) -> list[str]:
    """The ways to write a number."""
    ways = [str(number), f"{number:,}"]
    if number == number.to_integral_value():
        whole = int(number)
        ways += [f"{whole}.0", f"{whole}.00"]
        if whole < 1000:
            ways.append(in_words(whole))
        if whole and whole % 1000 == 0:
            ways += [f"{whole // 1000}k", f"{whole // 1000} thousand"]
        return ways
    return [*ways, str(number).replace(".", ",")]


numbers = st.one_of(
    st.integers(1, 999).map(Decimal),
    st.integers(1, 99).map(lambda n: Decimal(1000 * n)),
    st.integers(11, 999).filter(lambda n: n % 10).map(lambda n: Decimal(n) / 10),
)
kinds = st.sampled_from(sorted([*MONEY, *UNITS]))
bounds = st.sampled_from(sorted(BOUNDS))


@st.composite
def rendered(draw):
    """A quantity, and two ways to write it."""
    number, kind, bound = draw(numbers), draw(kinds), draw(bounds)

    def write():
        figure = draw(st.sampled_from(written(number)))
        forms = MONEY.get(kind) or UNITS[kind]
        if figure[0].isalpha() or figure.endswith("thousand"):  # no "£five", no "fivekm"
            forms = [form for form in forms if form.startswith("{} ")]
        return draw(st.sampled_from(BOUNDS[bound])).format(
            draw(st.sampled_from(list(forms))).format(figure)
        )

    return number, kind, bound, write(), write()


@given(rendered())
def test_all_ways_to_write_a_quantity_mean_the_same(case):
    number, kind, bound, one, other = case
    first, second = parse_quantity(one), parse_quantity(other)
    assert first is not None, one
    assert second is not None, other
    assert (first.low, first.high, first.comparator) == (number, number, bound), one
    assert kind in first.units, one
    assert says(first, second), (one, other)
    assert says(second, first), (one, other)


@given(rendered(), rendered())
def test_a_quantity_that_differs_in_one_part_is_another(case, other):
    same = case[:3] == other[:3]
    first, second = parse_quantity(case[3]), parse_quantity(other[3])
    assert says(first, second) is same, (case[3], other[3])


@given(rendered(), st.sampled_from(["It costs {} here.", "{}, and that is all.", "Well: {}!"]))
def test_a_quantity_is_found_in_a_sentence_at_its_place(case, frame):
    text = frame.format(case[3])
    (found,) = quantities(text)
    assert text[found.start : found.end] == case[3]
    assert found.quantity == parse_quantity(case[3])


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(sorted(MONEY)), st.data())
def test_ranges_are_read_in_any_form(low, width, code, data):
    high = low + width
    sign, name = MONEY[code][0], MONEY[code][1]
    forms = [
        f"{sign.format(low)}-{high}", f"{sign.format(low)}-{sign.format(high)}",
        f"{sign.format(low)} to {sign.format(high)}", f"{low} to {name.format(high)}",
        f"between {sign.format(low)} and {sign.format(high)}", f"{sign.format(low)}–{high}",
        f"from {low} to {name.format(high)}", f"{in_words(low)} to {name.format(in_words(high))}",
    ]  # fmt: skip
    text = data.draw(st.sampled_from(forms))
    quantity = parse_quantity(text)
    assert quantity is not None, text
    assert (quantity.low, quantity.high) == (low, high), text
    assert code in quantity.units
    for other in (f"{sign.format(low)}-{high + 1}", f"{sign.format(low)}", f"{low}-{high}%"):
        assert not says(parse_quantity(other), quantity), other


@given(st.integers(0, 10), st.integers(10, 100))
def test_scales_are_read_in_any_form(number, scale):
    forms = (f"{number} out of {scale}", f"{number}/{scale}", f"{in_words(number)} out of {scale}",
             f"{number}-out-of-{scale}", f"{number} on a scale of {scale}")  # fmt: skip
    for text in forms:
        assert parse_quantity(text) == Quantity(
            Decimal(number), Decimal(number), scale=Decimal(scale)
        ), text
    slot = Measure(scale=Decimal(scale))
    said, bare = parse_quantity(forms[0]), parse_quantity(str(number))
    assert says(said, bare, slot)
    assert says(bare, said, slot)
    assert not says(parse_quantity(f"{number} out of {scale + 1}"), said, slot)
    assert not says(bare, said, Measure())


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error_and_in_order(text):
    end = 0
    for found in quantities(text):
        assert end <= found.start < found.end <= len(text)
        end = found.end


@pytest.mark.parametrize(
    "value",
    ["", "cheap", "Bistro 21", "August 14, 2018", "E 10+ (for everyone)", "12:30", "5 Michelin"],
)
def test_what_is_not_a_quantity_as_a_whole_is_none(value):
    assert parse_quantity(value) is None


def test_the_measure_of_a_slot_is_that_of_its_values():
    assert derive_measure(["less than £20", "cheap", "£20-25"]) == Measure(("GBP",), None)
    assert derive_measure(["low", "1 out of 5", "5 out of 5"]) == Measure((), Decimal(5))
    assert derive_measure(["£5", "$5"]).units == ("GBP", "USD")
    assert derive_measure(["1 out of 5", "1 out of 10"]).scale is None


def test_a_unit_is_understood_only_where_the_slot_has_one():
    meant, said = parse_quantity("£15"), parse_quantity("15")
    assert says(said, meant, Measure(("GBP",)))
    assert not says(said, meant, Measure(("GBP", "USD")))
    assert not says(said, meant)
