import re
import tomllib

import pytest

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.generation import Message, Script
from arena.contestants.simulator.reasoners import Reasoner
from arena.problems.services import COLLECTION

STATEMENTS = [problem["statement"] for problem in tomllib.loads(COLLECTION.read_text("utf-8"))["problem"]]
ALL = [reasoners.chatty, reasoners.terse, reasoners.formal, reasoners.hasty]
REPUNITS = STATEMENTS[0]


def asked(*prompts: str) -> list[Message]:
    messages: list[Message] = []
    for prompt in prompts:
        messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": "So it is."}]
    return messages[:-1]


@pytest.mark.parametrize("reasoner", ALL)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_shipped_problem_is_worked_through(reasoner: Reasoner, statement: str) -> None:
    reasoning, answer = reasoner(asked(statement))
    assert reasoning and answer
    assert "simulated" not in answer


@pytest.mark.parametrize("reasoner", ALL)
def test_other_prompts_are_declined_plainly(reasoner: Reasoner) -> None:
    assert "simulated reasoner" in reasoner(asked("Write a poem about rain."))[1]
    assert "simulated reasoner" in reasoner([])[1]


@pytest.mark.parametrize("reasoner", ALL)
def test_no_text_names_its_reasoner(reasoner: Reasoner) -> None:
    for statement in (*STATEMENTS, "Who are you?"):
        text = " ".join(reasoner(asked(statement))).lower()
        assert not re.search(r"\bsim-|chatty|terse|hasty|ollama|openai|qwq", text)
        assert "formal" not in text


@pytest.mark.parametrize("reasoner", ALL)
def test_dollars_and_braces_are_balanced(reasoner: Reasoner) -> None:
    for statement in STATEMENTS:
        for text in reasoner(asked(statement)):
            assert text.replace("$$", "").count("$") % 2 == 0 and text.count("$$") % 2 == 0
            formulas = (
                "".join(re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, re.DOTALL)).replace(r"\{", "").replace(r"\}", "")
            )
            assert formulas.count("{") == formulas.count("}")


@pytest.mark.parametrize("reasoner", ALL)
def test_follow_up_about_other_bases_is_understood(reasoner: Reasoner) -> None:
    alone = reasoner(asked(STATEMENTS[1]))
    assert reasoner(asked(REPUNITS, "Does the proof hold in other bases?")) == alone
    assert reasoner(asked(REPUNITS)) != alone


def test_doubts_bring_the_same_question_again() -> None:
    assert reasoners.terse(asked("How many r in strawberry?", "Are you sure?"))[1].count("**3**") == 1


def test_hasty_one_is_often_wrong_where_the_others_are_right() -> None:
    question = asked("How many r in strawberry?")
    assert all("**3**" in reasoner(question)[1] for reasoner in ALL[:3])
    assert "**2**" in reasoners.hasty(question)[1]


def test_flaw_in_the_hasty_proof_is_a_false_factorization() -> None:
    answer = reasoners.hasty(asked(REPUNITS))[1]
    assert "R_{ab} = R_a \\cdot R_b" in answer
    assert all("R_{ab} = R_a \\cdot R_b" not in reasoner(asked(REPUNITS))[1] for reasoner in ALL[:3])


def test_factorizations_in_the_texts_are_true() -> None:
    pattern = re.compile(r"(?<!\\cdot )(?<!\+ )(?<![,\d])(\d+) = (\d+) \\cdot (\d+)(?![\d +^\\])")
    for statement in STATEMENTS:
        for reasoner in ALL[:3]:
            for product, left, right in pattern.findall(" ".join(reasoner(asked(statement)))):
                assert int(product) == int(left) * int(right)


def test_tokens_add_up_to_their_text() -> None:
    for statement in STATEMENTS:
        reasoning, answer = reasoners.chatty(asked(statement))
        script = Script.of(reasoning, answer)
        assert ("".join(script.reasoning), "".join(script.answer)) == (reasoning, answer)


def test_first_battle_takes_some_seconds_but_not_minutes() -> None:
    """At their default pace: a chatty one writes 60 tokens a second."""
    for statement in STATEMENTS:
        script = Script.of(*reasoners.chatty(asked(statement)))
        assert 4 < (len(script.reasoning) + len(script.answer)) / 60 < 30
