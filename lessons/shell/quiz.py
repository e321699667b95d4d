"""Quiz and flashcards. Answers and scores stay in the learner's browser; ``playground.js`` moves them.

Flashcards are scheduled by FSRS (Ye et al. 2022, "A Stochastic Shortest Path Algorithm for Optimizing Spaced
Repetition Scheduling") through the ``fsrs`` package; a card's state travels with each review, so the server
keeps nothing.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
from markupsafe import Markup

from lessons.shell.content import Question, read_quiz
from lessons.shell.prose import inline
from lessons.shell.views import join


def quiz(lesson: str) -> Markup:
    questions = read_quiz(lesson).questions
    return Markup(
        '<section class="quiz" data-lesson="{0}" data-total="{1}" aria-label="Quiz"><h2>Check yourself</h2>'
        '<p class="quiz-rule">Right at the first choice, a question counts in full; after a wrong choice, a third.</p>'
        '{2}<p class="quiz-score" role="status"></p></section>'
    ).format(lesson, len(questions), join(_question(lesson, number, q) for number, q in enumerate(questions, 1)))


def _question(lesson: str, number: int, question: Question) -> Markup:
    choices = join(
        Markup(
            '<li><button type="button" data-action="answer" data-right="{right}" data-choice="{index}" '
            'aria-pressed="false">{text}</button>'
            '<p class="feedback" hidden>{misconception}{feedback}</p></li>'
        ).format(
            right=str(choice.right).lower(),
            index=index,
            text=inline(choice.text),
            misconception=Markup("<b>{}</b> ").format(
                "Right." if choice.right else f"Not quite. The mistaken idea: “{choice.misconception}”."
            ),
            feedback=inline(choice.feedback),
        )
        for index, choice in enumerate(question.choices)
    )
    return Markup(
        '<fieldset class="question" data-question="{lesson}/{key}"><legend>{number}. {question}</legend>'
        "<ul>{choices}</ul></fieldset>"
    ).format(lesson=lesson, key=question.key, number=number, question=inline(question.question), choices=choices)


def flashcards(lesson: str) -> gr.HTML:
    """The lesson's cards, the due one on top; flip, then say how well you knew it."""
    cards = [
        {"key": f"{lesson}/{card.key}", "front": str(inline(card.front)), "back": str(inline(card.back))}
        for card in read_quiz(lesson).flashcards
    ]
    return gr.HTML(
        str(
            Markup('<section class="deck" data-cards="{}" aria-label="Flashcards"></section>').format(json.dumps(cards))
        ),
        elem_classes=["deck-holder"],
        js_on_load="window.playground && window.playground.deck(element, server)",
        server_functions=[review],
    )


def review(asked: Any) -> dict[str, Any]:
    """A card's next state after a review: ``{"state": …, "rating": 1 again, 2 hard, 3 good, 4 easy}``.

    ``state`` is what the last review returned, or None for a new card; a damaged one starts afresh.
    """
    from fsrs import Card, Rating, Scheduler

    asked, scheduler = asked if isinstance(asked, dict) else {}, Scheduler(enable_fuzzing=False)
    try:
        rating = Rating(asked["rating"])
    except (KeyError, TypeError, ValueError):
        rating = Rating.Again
    try:
        card, _ = scheduler.review_card(Card.from_json(json.dumps(asked["state"])), rating)
    except Exception:  # the state comes from a file that anyone may have edited, and the package trusts it
        card, _ = scheduler.review_card(Card(), rating)
    return json.loads(card.to_json())
