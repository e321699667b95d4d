"""What the five experiments of the sampling lesson share: examples, bounds, settings, words for numbers.

Each experiment has its module, in the order of the page: ``pressing``, ``branching``, ``seeding``, ``heating``,
``answering``. Engine events come in, ``Evidence`` goes out.
"""

from __future__ import annotations

from collections.abc import Callable

from engines.evidence import PlainError, Provenance
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel

TEXT = "The keys to the cabinet are so I cannot"
SAMPLES = ("The capital of France is", "My favourite colour is", "1, 2, 3, 4,")  # sure, unsure, nearly certain
BRANCH_TEXT = "In the middle of the night the telephone"
SEEDS_TEXT = "Once upon a time, in a"
OPENINGS = (
    "The train to the coast was late because",
    "She put the letter in the drawer and",
    "My grandmother always said that",
    "In the middle of the night the telephone",
    "The old lighthouse keeper opened the door and saw",
    "Scientists have discovered a new kind of",
    "The city council met on Tuesday to discuss",
    "Nobody in the village knew why the bell",
)
PEOPLE = (  # the openings of six books in the public domain; the lesson's sources name them
    "When on board H.M.S. Beagle, as naturalist, I was much struck with certain facts in the distribution of the "
    "inhabitants of South America, and in the geological relations of the present to the past inhabitants of that "
    "continent. These facts seemed to me to throw some light on the origin of species, that mystery of mysteries, "
    "as it has been called by one of our greatest philosophers. On my return home, it occurred to me, in 1837, that "
    "something might perhaps be made out on this question by patiently accumulating and reflecting on all sorts of "
    "facts which could possibly have any bearing on it.",
    "Emma Woodhouse, handsome, clever, and rich, with a comfortable home and happy disposition, seemed to unite some "
    "of the best blessings of existence; and had lived nearly twenty-one years in the world with very little to "
    "distress or vex her. She was the youngest of the two daughters of a most affectionate, indulgent father; and "
    "had, in consequence of her sister's marriage, been mistress of his house from a very early period. Her mother "
    "had died too long ago for her to have more than an indistinct remembrance of her caresses.",
    "In the year 1878 I took my degree of Doctor of Medicine of the University of London, and proceeded to Netley to "
    "go through the course prescribed for surgeons in the army. Having completed my studies there, I was duly "
    "attached to the Fifth Northumberland Fusiliers as Assistant Surgeon. The regiment was stationed in India at the "
    "time, and before I could join it, the second Afghan war had broken out. On landing at Bombay, I learned that my "
    "corps had advanced through the passes, and was already deep in the enemy's country.",
    "No one would have believed in the last years of the nineteenth century that this world was being watched keenly "
    "and closely by intelligences greater than man's and yet as mortal as his own; that as men busied themselves "
    "about their various concerns they were scrutinised and studied, perhaps almost as narrowly as a man with a "
    "microscope might scrutinise the transient creatures that swarm and multiply in a drop of water. With infinite "
    "complacency men went to and fro over this globe about their little affairs, serene in their assurance of their "
    "empire over matter.",
    "When I wrote the following pages, or rather the bulk of them, I lived alone, in the woods, a mile from any "
    "neighbor, in a house which I had built myself, on the shore of Walden Pond, in Concord, Massachusetts, and "
    "earned my living by the labor of my hands only. I lived there two years and two months. At present I am a "
    "sojourner in civilized life again. I should not obtrude my affairs so much on the notice of my readers if very "
    "particular inquiries had not been made by my townsmen concerning my mode of life.",
    "I was born in the year 1632, in the city of York, of a good family, though not of that country, my father being "
    "a foreigner of Bremen, who settled first at Hull. He got a good estate by merchandise, and leaving off his "
    "trade, lived afterwards at York, from whence he had married my mother, whose relations were named Robinson, a "
    "very good family in that country, and from whom I was called Robinson Kreutznaer; but, by the usual corruption "
    "of words in England, we are now called Crusoe.",
)
QUESTIONS = (
    "Why is the sky blue?",
    "How do I keep a houseplant alive?",
    "Tell me a short story about a dog and a lighthouse.",
    "What happened in the French Revolution?",
    "How does a bicycle stay upright?",
    "Write a letter to a friend who is moving away.",
    "Explain how bread rises.",
    "What should I see in a day in Rome?",
)
ANSWER_KEYS = 80
MAX_BITS = 126.0  # float32 holds no smaller positive probability than 2**-126 at full precision

CHANGED = "The model was changed meanwhile; start again."
LONGEST_KEY = 40
LONGEST_LINE = 200

ShouldStop = Callable[[], bool]
Mark = tuple[str, str]
"""The name and the revision of the model that wrote something."""


def mark(model: LanguageModel) -> Mark:
    return model.name, model.revision


def need_same(written_by: Mark, model: LanguageModel) -> None:
    """PlainError when what is on the page was written by another model."""
    if written_by != mark(model):
        raise PlainError(CHANGED)


def one_token(model: LanguageModel, typed: str) -> int:
    """The id of the token that reads exactly ``typed``; ␣, ⏎ and ⇥ stand for a space, a line end and a tab.

    PlainError when there is none; it names the tokens that ``typed`` is cut into.
    """
    if not isinstance(typed, str) or not typed:
        raise PlainError("Type a key, with its space: “ the” and “the” are two keys.")
    if len(typed) > LONGEST_KEY:
        raise PlainError(f"A key has at most {LONGEST_KEY} characters here; that is {len(typed):,}.")
    meant = typed.replace("␣", " ").replace("⏎", "\n").replace("⇥", "\t")
    ids = {model.piece(token_id): token_id for token_id in reversed(range(model.vocabulary_size))}
    for text in (typed, meant):
        if text in ids:
            return ids[text]
    if not meant.strip():
        raise PlainError(f"“{shown(meant)}” is not one key of this model. Type fewer spaces or line ends.")
    pieces = model.tokens_of(meant).pieces
    cut = " | ".join(shown(piece) for piece in pieces)
    raise PlainError(f"“{shown(meant)}” is not one key here but {len(pieces)}: {cut}. Type one of those.")


def lines_of(text: str, noun: str) -> tuple[str, ...]:
    """One of the learner's openings or questions (``noun``) a line, 2 to 12 of them."""
    lines = tuple(line.strip() for line in (text or "").splitlines() if line.strip())
    if not 2 <= len(lines) <= 12:
        raise PlainError(f"Write 2 to 12 {noun}, one a line; there are {len(lines)}.")
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise PlainError(
                f"Line {number} of the {noun} has {len(line):,} characters; at most {LONGEST_LINE} are read. "
                "Shorten it."
            )
    return lines


def provenance(
    model: LanguageModel, dials: Dials, *, seed: int | None, seconds: float | None = None, **settings: object
) -> Provenance:
    shown = {"temperature": dials.temperature, "top_p": dials.top_p, **settings}
    return Provenance("live", model.name, model.revision, shown, seed, seconds)


def shown(piece: str) -> str:
    """A token in running text: its spaces and line ends made visible."""
    return piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
