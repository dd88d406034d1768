"""A vocabulary of made-up words: what names, prose and identifiers are put together from."""

from functools import cache

from benchmarks.data.chance import Chance, zipf_table

_ONSETS = ["b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "pl", "cr", "ch", "sh"]
_NUCLEI = ["a", "e", "i", "o", "u", "ai", "ea", "ou", "io"]
_CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "nd", "ct"]
VOCABULARY = 6000


@cache
def vocabulary() -> list[str]:
    """Distinct words; the front ones are short, as in languages."""
    chance = Chance("vocabulary")
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        syllables = 1 + len(words) * 3 // VOCABULARY + chance.below(2)
        word = "".join(
            chance.choice(_ONSETS) + chance.choice(_NUCLEI) + chance.choice(_CODAS) for _ in range(syllables)
        )
        words[word] = None
    return list(words)


@cache
def common_words() -> list[str]:
    """A table for `Chance.picks`: words by how often a language would use them."""
    return zipf_table(vocabulary())


def words(chance: Chance, count: int) -> list[str]:
    """Words drawn by frequency."""
    table = common_words()
    return [table[pick] for pick in chance.picks(count)]


def identifiers(chance: Chance, count: int) -> list[str]:
    """Names as code has them: one to three words, rarely a class's."""
    drawn = iter(words(chance, 3 * count))
    names = []
    for index, parts in enumerate(zip(drawn, drawn, drawn, strict=True)):
        kept = parts[: 1 + chance.below(3)]
        names.append("".join(part.title() for part in kept) if index % 6 == 0 else "_".join(kept))
    return names
