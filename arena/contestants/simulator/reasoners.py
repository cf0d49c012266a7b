"""The simulated reasoners: pure functions from a conversation to (reasoning, answer), each in a style of its own.

All work with the same solved problems (`repertoire.py`); they differ in how they tell them, and one is often wrong.
No text names its reasoner.
"""

from collections.abc import Callable, Sequence
from itertools import cycle

from arena.contestants.simulator.generation import Message
from arena.contestants.simulator.repertoire import Told, Unsolved, solve
from arena.contestants.simulator.solvers.solution import Solution

Reasoner = Callable[[Sequence[Message]], tuple[str, str]]

ABILITIES = (
    "proofs about prime numbers whose digits are all 1 (and the same in other bases)",
    "placing one pair of parentheses to make an equation true, such as 1 + 2 * 3 + 4 * 5 + 6 * 7 + 8 * 9 = 479",
    "counting a letter in a word, such as r in strawberry",
    "polynomial equations with whole coefficients, such as x^3 - 4x^2 - 7x + 10 = 0",
    "arithmetic with whole numbers",
    "the other problems of the collection that this arena ships with",
)


def chatty(messages: Sequence[Message]) -> tuple[str, str]:
    """Long, wandering, correcting itself."""
    match solve(messages, "chatty"):
        case Told(reasoning, answer):
            return reasoning, answer
        case Unsolved():
            thinking = (
                "Okay, let me see what is being asked here. Hmm. I am a simulated reasoner, and there are only a few "
                "kinds of problem that I really work through.\n\nCould it be one of them in disguise? Let me go "
                "through them. A proof about numbers that consist of ones? No. Parentheses to be placed? No. Letters "
                "to be counted? I don't see that. A polynomial equation, or arithmetic? No, nothing of that kind.\n\n"
                "I could write something that merely sounds like an answer. But that would be made up, so better not."
            )
            return thinking, f"I am a simulated reasoner, so I can't answer this. What I can do:\n\n{_list(ABILITIES)}"
        case Solution() as solution:
            return _wander(solution), _summary(solution)


def terse(messages: Sequence[Message]) -> tuple[str, str]:
    """As few words as possible."""
    match solve(messages, "terse"):
        case Told(reasoning, answer):
            return reasoning, answer
        case Unsolved():
            return "Not a kind of problem I can do.", (
                f"I am a simulated reasoner and can't do this. I can do: {'; '.join(ABILITIES)}."
            )
        case Solution() as solution:
            return "\n\n".join(solution.steps), f"{solution.answer}\n\n{solution.check}"


def formal(messages: Sequence[Message]) -> tuple[str, str]:
    """Silent first, then numbered and complete."""
    match solve(messages, "formal"):
        case Told(reasoning, answer):
            return reasoning, answer
        case Unsolved():
            return "The problem does not belong to any of the supported classes.", (
                "**Statement.** I am a simulated reasoner; this problem lies outside what I can treat.\n\n"
                f"**Scope.** The problems within it are:\n\n{_list(ABILITIES)}"
            )
        case Solution() as solution:
            steps = "\n\n".join(f"({number}) {step}" for number, step in enumerate(solution.steps, start=1))
            answer = (
                f"**Problem.** To be determined: {solution.task}.\n\n**Solution.**\n\n{steps}\n\n"
                f"**Result.** {solution.answer}\n\n**Verification.** {solution.check}"
            )
            return f"{' '.join(solution.steps)} {solution.check}", answer


def hasty(messages: Sequence[Message]) -> tuple[str, str]:
    """Quick, sure of itself, and wrong wherever there is something to fall for."""
    match solve(messages, "hasty"):
        case Told(reasoning, answer):
            return reasoning, answer
        case Unsolved():
            return "Not my kind of problem.", (
                f"I'm a simulated reasoner, this isn't something I can do. I do these: {'; '.join(ABILITIES)}."
            )
        case Solution(slip_answer="") as solution:
            return f"Easy: {solution.task}. One look is enough.", solution.answer
        case Solution() as solution:
            return f"Easy: {solution.task}.\n\n{solution.slip}\n\nThat's it, no need to check.", solution.slip_answer


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


_FILLERS = (
    "Okay.",
    "So, next.",
    "Hmm, let me be careful here.",
    "Right.",
    "Let me write that down.",
    "Now,",
    "Good. Going on.",
    "Wait, is that right? Yes, I think so.",
)


def _wander(solution: Solution) -> str:
    opening = (
        f"Okay, so the question is {solution.task}. Let me read it again to make sure that I don't miss anything.\n\n"
        "I'd like to go slowly here, because this is the kind of question where a quick answer is easily wrong."
    )
    detour = (
        f"My first idea. {solution.false_start}\n\nWait, so that isn't it. Let me start again, properly this time."
        if solution.false_start
        else "I don't see a shortcut, so let me do it step by step."
    )
    steps = [f"{filler} {step}" for filler, step in zip(cycle(_FILLERS), solution.steps, strict=False)]
    ending = (
        f"Let me double-check, in another way. {solution.check}\n\n"
        "Alright, that agrees with what I had. I am confident in this now, so let me write up the answer."
    )
    return "\n\n".join([opening, detour, *steps, ending])


def _summary(solution: Solution) -> str:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(solution.steps, start=1))
    return f"Here is how it goes:\n\n{steps}\n\n**Final answer**\n\n{solution.answer}\n\nAs a check: {solution.check}"
