"""The automaton of a lexicon finds what a plain search finds, whatever it was asked before."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from d2t.slots.lexicon.automaton import Automaton, Openings, vocabulary
from d2t.slots.lexicon.pattern import NUMBER, Choice, Gap, Mark, Sequence, Word, fits, may_skip

TEXT_WORDS = ["a", "b", "c", "7", "12", ".", "\0name", "zebra"]
leaves = st.one_of(
    st.sampled_from(["a", "b", "c", "7", NUMBER, "\0name"]).map(Word),
    st.integers(0, 2).map(Gap),
    st.sampled_from([">>", "<<"]).map(Mark),
)
nodes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: Sequence(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: Choice(tuple(options))),
    ),
    max_leaves=8,
)
texts = st.lists(st.sampled_from(TEXT_WORDS), max_size=7)


def ends(node, words, start):
    """Where ``node`` can end when it begins at ``start``: the definition, without an automaton."""
    if isinstance(node, Word):
        return {start + 1} if start < len(words) and fits(node, words[start]) else set()
    if isinstance(node, Mark):
        return {start}
    if isinstance(node, Gap):
        found = {start}
        for end in range(start + 1, min(len(words), start + node.limit) + 1):
            if not may_skip(words[end - 1]):
                break
            found.add(end)
        return found
    if isinstance(node, Choice):
        return set().union(*(ends(option, words, start) for option in node.options))
    reached = {start}
    for part in node.parts:
        reached = set().union(*(ends(part, words, at) for at in reached))
    return reached


def searched(patterns, words):
    """(start, end, pattern index) of all matches of at least one word."""
    return {
        (start, end, index)
        for start in range(len(words))
        for index, node in enumerate(patterns)
        for end in ends(node, words, start)
        if end > start
    }


def found(automaton, words):
    """The same, by the automaton."""
    return {
        (start, end, index) for start, end, indices in automaton.scan(words) for index in indices
    }


@given(st.lists(nodes, min_size=1, max_size=4), st.lists(texts, min_size=1, max_size=4))
def test_it_finds_what_a_plain_search_finds(patterns, asked):
    automaton = Automaton(patterns)
    for words in [*asked, *reversed(asked)]:
        assert found(automaton, words) == searched(patterns, words)


@given(nodes, texts)
def test_openings_say_how_matches_begin(node, words):
    opening = Openings()(node)
    assert opening.empty == (0 in ends(node, [], 0))
    if words and any(end > 0 for end in ends(node, words, 0)):
        first = words[0]
        assert opening.anything or any(fits(Word(word), first) for word in opening.words)


@given(st.lists(nodes, max_size=4))
def test_the_vocabulary_is_every_word_of_every_pattern(patterns):
    def words(node):
        if isinstance(node, Word):
            return {node.text}
        inner = getattr(node, "parts", None) or getattr(node, "options", ())
        return set().union(*map(words, inner))

    assert vocabulary(patterns) == set().union(*map(words, patterns))


def test_threads_may_share_one():
    patterns = [
        Sequence((Word("a"), Gap(2), Word(last), Word(NUMBER))) for last in ("b", "c", "a")
    ] + [Choice((Word("b"), Sequence((Word("b"), Word(str(n)))))) for n in range(200)]
    words = [["a", "zebra", "b", str(n), "c", str(n + 1), "a", "b"] for n in range(200)]
    expected = [searched(patterns, text) for text in words]
    automaton = Automaton(patterns)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: found(automaton, text), words)) == expected
