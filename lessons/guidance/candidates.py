"""The inputs that could stand on the guidance lesson's screens at first, and how each is measured."""

from __future__ import annotations

from engines.models import catalogue, weights
from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter
from engines.statistics import more
from lessons.defaults import Choice, Figures, value_of
from lessons.guidance import dice, edit, fork, maps, one_by_one, silence, sweep
from lessons.guidance.measures import CAPTION, OPEN, OVERCOOKED, PAIR, WORDS

SEEDS = 3


def _painter() -> Painter:
    return painters.load()


def added(caption: str) -> Figures:
    """Screen 1: change of naming and little words in both orders, and the judge's certainty of all words in both."""
    value = value_of(one_by_one.one_by_one(_painter(), caption, 2))
    kinds, control = value.kinds(), value.kinds(shuffled=True)
    written, shuffled = value.certainty[:, :, -1].mean(axis=1)
    return {
        "naming, as written": kinds[0].mean(), "little, as written": kinds[1].mean(),
        "naming, chance order": control[0].mean(), "little, chance order": control[1].mean(),
        "certainty, as written": written, "certainty, chance order": shuffled,
    }  # fmt: skip


def looked(caption: str) -> Figures:
    """Screen 2: shares of attention, and how alike the maps of two words are."""
    value = value_of(maps.look(_painter(), caption, seeds=SEEDS))
    naming, little, markers = value.kinds().mean(axis=0)
    figures = {"naming words": naming, "little words": little, "markers": markers}
    pair = value.two_things()
    return figures | ({"two things alike": value.alike(*pair).mean()} if pair else {})


def taken_away(caption: str, word: str) -> Figures:
    """Screen 3: how far the picture moves without a word in passes 1 to 8, in all others, and in all."""
    value = value_of(silence.silence(_painter(), caption, word, seeds=2 * SEEDS))
    early, later = value.change(silence.WINDOW), value.change(silence.REST)
    return {
        "gone in 1 to 8": early.mean(), "gone in the others": later.mean(), "told apart": abs(more(early, later)),
        "gone in all": value.change(silence.ALWAYS).mean(),
    }  # fmt: skip


def forked(caption: str) -> Figures:
    """Screen 4: how far apart the two guessed pictures are in the first, middle and last third of the passes."""
    thirds = fork.thirds(value_of(fork.fork(_painter(), caption, seeds=SEEDS)).picture)
    return dict(zip(("first third", "middle third", "last third"), thirds.mean(axis=0), strict=True)) | {
        "told apart": more(thirds[:, 0], thirds[:, 1:].max(axis=1))
    }


def scattered(caption: str) -> Figures:
    """Screen 7: how much of the difference between seeds at guidance 1 is left at 12, with its interval."""
    value = value_of(dice.dice(_painter(), caption))
    left, low, high = value.left
    return {"left": left, "low": low, "high": high}


def pushed(caption: str) -> Figures:
    """Screen 5: what guidance does to certainty, clipping, the round trip and the spread of seeds."""
    value = value_of(sweep.sweep(_painter(), caption, SEEDS, scales=(1, 4, 12, 20)))
    spread = value.diversity()
    figures: dict[str, float] = {}
    for i, scale in enumerate(value.scales):
        figures |= {
            f"certainty at {scale:g}": value.alignment[:, i].mean(),
            f"clipped at {scale:g}": value.clipped[:, i].mean(),
            f"dB at {scale:g}": value.returned[:, i].mean(), f"spread at {scale:g}": spread[i][0],
        }  # fmt: skip
    return figures


def negated(caption: str, negative: str) -> Figures:
    """Screen 6: how sure the judge is of the negative caption, without it and with it."""
    value = value_of(edit.negate(_painter(), caption, negative, seeds=SEEDS))
    before, after = (each.mean() for each in value.asked)
    return {"there without": before, "there with": after, "change": list(value.changes.values())[0].mean()}


def weighed(caption: str, word: str) -> Figures:
    """Screen 6: how far a muted and a louder word move the picture."""
    value = value_of(edit.reweigh(_painter(), caption, word, weights=(0.0, 4.0), seeds=2))
    names = "× 0", "× 4", "deleted"
    return {name: change.mean() for name, change in zip(names, value.changes.values(), strict=True)}


def swapped(caption: str, word: str, other: str) -> Figures:
    """Screen 6: how far the new word moves the picture, plainly and with the layout held, and whether seeds tell."""
    value = value_of(edit.swap_word(_painter(), caption, word, other, seeds=4 * SEEDS))
    plain, held = value.changes.values()
    return {"plainly": plain.mean(), "layout held": held.mean(), "told apart": more(plain, held)}


def _model() -> str:
    return weights.fingerprint(catalogue.MODELS / "painter")


PUSHED = ((OVERCOOKED,), (PAIR,), (CAPTION,), ("an owl above a rocket",))
CHOICES = (
    Choice(
        "guidance/maps", (PAIR,), ((PAIR,), (CAPTION,), ("a lemon and a penguin",)), looked,
        lambda figures: figures.get("two things alike", 1.0) < 0.2,
        "Two things have maps of their own; with one thing all maps are alike.", _model,
    ),
    Choice(
        "guidance/silence", (CAPTION, "yellow"), ((CAPTION, "yellow"), (WORDS, "red"), (PAIR, "cat")), taken_away,
        lambda figures: figures["told apart"] == 1 and figures["gone in all"] > 0.1,
        "A word without which the picture is another, and a part of the passes that clearly did the listening.",
        _model,
    ),
    Choice(
        "guidance/fork", (CAPTION,), ((CAPTION,), (PAIR,), (WORDS,)), forked,
        lambda figures: figures["told apart"] == 1 and figures["first third"] > 2 * figures["last third"],
        "Where the words say most is seen: the two guesses part at first and meet in the end.", _model,
    ),
    Choice(
        "guidance/edit/negative", ("a whale", "on a pink background"),
        (("a whale", "on a pink background"), ("a rabbit", "on a green meadow"),
         ("a red balloon", "on a red background")),
        negated,
        lambda figures: figures["there without"] - figures["there with"] > 0.3 and figures["change"] > 0.1,
        "Some pictures show it without the negative caption, the caption leaves it open, and it goes.", _model,
    ),
    Choice(
        "guidance/edit/weigh", (PAIR, "cat"), ((CAPTION, "yellow"), (WORDS, "red"), (PAIR, "cat")), weighed,
        lambda figures: max(figures["× 0"], figures["× 4"]) > 0.5 * figures["deleted"],
        "A weight reaches the last word of a caption; of the others it moves next to nothing.", _model,
    ),
    Choice(
        "guidance/sweep", (OVERCOOKED,), PUSHED, pushed,
        lambda figures: figures["dB at 4"] - figures["dB at 20"] > 10 and figures["clipped at 20"] > 0.1,
        "Too much guidance is plain to see. All are followed at guidance 1 already.", _model,
    ),
    Choice(
        "guidance/dice", (OPEN,), ((OPEN,), (PAIR,), ("an owl above a rocket",), (CAPTION,), ("a house in the snow",)),
        scattered,
        lambda figures: figures["low"] > 0.5 and figures["high"] < 1,
        "It leaves the background open, so guidance has variety to take away, and more than half of it stays.", _model,
    ),
    Choice(
        "guidance/edit/swap", (PAIR, "cat", "dog"), ((CAPTION, "rabbit", "pig"), (PAIR, "cat", "dog")), swapped,
        lambda figures: figures["told apart"] == 1,
        "Held maps keep these pictures nearer to the old ones than the plain change; with the pig they do not.", _model,
    ),
    Choice(
        "guidance/one-by-one", (WORDS,), ((WORDS,), (PAIR,), (CAPTION,)), added,
        lambda figures: figures["little, as written"] < 0.25 * figures["naming, as written"]
        and figures["little, chance order"] < figures["naming, chance order"]
        and figures["certainty, chance order"] < figures["certainty, as written"],
        "The kind of word and the order both show.", _model,
    ),
)  # fmt: skip
