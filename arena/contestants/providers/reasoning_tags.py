"""Telling reasoning from answer in a stream, wherever a server puts the border.

Servers with a reasoning parser send two fields; the others leave the tags of the model's own template in the text:

    <think>…</think> answer                        R1, Qwen 3 and most others
    …</think> answer                               QwQ-32B: its template writes the opening tag into the prompt
    <Thought>…</Thought> <Output>…</Output>        Marco-o1; `<Output>` is sometimes missing
    … **Final Answer** \\boxed{…}                   QwQ-32B-Preview: no tags at all
    <thought>…</thought> answer                     Gemini behind OpenAI's protocol
    <reasoning>…</reasoning> answer                 gpt-oss on Bedrock
    [THINK]…[/THINK], <seed:think>…, ◁think▷…       Magistral, Seed-OSS, Kimi-VL on servers that do not parse them

The rules:

1. The longest suffix of the text that may begin a tag is held back until it is clear.
2. An opening tag counts at the start only. A closing tag that nothing opened says that all before it was reasoning;
   only the two do so that are known to lose their opening tag.
3. What was opened and never closed is reasoning, all of it: then there is no answer.
4. Later tags are text.
5. Once the separate field for reasoning had text in it, tags are text. Only a first pair that holds the very text of
   the field is dropped: MiniMax sends its reasoning in both ways at once.
6. Without any tag, the last line `**Final Answer**` is taken as the border when the stream has ended.
7. White space at both ends of a part is dropped; it waits until more text follows, so the joined deltas equal the
   final texts, unless rule 6 applied.
"""

import re
from collections.abc import Callable, Collection

from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, ReasoningDelta, Relabel
from arena.contestants.errors import TooLarge
from arena.contestants.providers.text import Sanitiser
from arena.growing_text import GrowingText
from arena.masking import StreamMask

MAX_TEXT_CHARS = 20_000_000  # far above what an arena accepts; it bounds what a hostile server can make us keep

_CLOSING = {
    "<think>": "</think>",
    "<Thought>": "</Thought>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
}
_OPENINGS = tuple(_CLOSING)
# These may come alone, and so they are looked for in an answer, together with their opening tags.
_LONE_CLOSINGS = ("</think>", "</Thought>")
_ANSWER_TAGS = ("<think>", "<Thought>", *_LONE_CLOSINGS)
_ANSWER_TAG = re.compile("|".join(map(re.escape, _ANSWER_TAGS)))
_OUTPUT = "<Output>"
_OUTPUT_END = "</Output>"
_MAX_HELD_CHARS = 64
_FINAL_ANSWER = re.compile(r"^[ \t]*\*\*Final Answer:?\*\*:?[ \t]*$", re.MULTILINE)


class Part:
    """One of the two texts, without white space at its ends."""

    __slots__ = ("_pieces", "_space")

    def __init__(self) -> None:
        self._pieces = GrowingText()
        self._space: list[str] = []

    def add(self, text: str) -> str:
        """The piece that may be shown now; it is empty while only white space came."""
        if not self._pieces:
            text = text.lstrip()
        body = text.rstrip()
        if not body:
            if text:
                self._space.append(text)
            return ""
        shown = "".join([*self._space, body]) if self._space else body
        if self._space:
            self._space.clear()
        if len(body) < len(text):
            self._space.append(text[len(body) :])
        self._pieces.append(shown)
        return shown

    def __str__(self) -> str:
        return str(self._pieces)

    @property
    def is_empty(self) -> bool:
        return not self._pieces

    @property
    def last_char(self) -> str:
        return "" if self._space else self._pieces.last_char


class Separator:
    """Takes the text of a stream, field by field, and gives deltas."""

    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        self._opens_with_reasoning = opens_with_reasoning
        self._state: Callable[[str], str] = self._at_start
        self._held = ""
        self._closings: tuple[str, ...] = _LONE_CLOSINGS
        self._literal_openings = 0
        self._has_field = False
        self._has_tags = False
        self._reasoning = Part()
        self._answer = Part()
        self._field_text = Sanitiser()
        self._content_text = Sanitiser()
        self._field_mask = StreamMask()
        self._content_mask = StreamMask()
        self._has_secrets = False
        self._raw_field = GrowingText()
        self._raw_content = GrowingText()
        self._field_size = 0
        self._content_size = 0
        self._starts_part = False
        self._repeated = GrowingText()
        self._waiting: list[str] = []
        self._waits_for_field = False
        self._out: list[Delta] = []

    def hide(self, secrets: Collection[str]) -> None:
        """None of these may get into any text, whatever the server sends."""
        self._field_mask, self._content_mask = StreamMask(*secrets), StreamMask(*secrets)
        self._has_secrets = bool(secrets)

    def reasoning(self, text: str) -> None:
        """Text of the separate field for reasoning."""
        self._wait(text, is_field=True)

    def content(self, text: str) -> None:
        """Text of the ordinary field, which may have tags in it."""
        self._wait(text, is_field=False)

    def new_part(self) -> None:
        """What comes next in the field for reasoning is a part of its own, which its vendor's client shows apart."""
        self._read_waiting()
        self._flush_field()
        self._starts_part = bool(self._raw_field)

    @property
    def is_empty(self) -> bool:
        """Nothing came yet, in either field."""
        return not (self._waiting or self._raw_field or self._raw_content)

    @property
    def has_answer(self) -> bool:
        return not self._answer.is_empty

    def unread(self, whole: str, *, is_reasoning: bool) -> str | None:
        """What of a whole text is new, given that it repeats all that came before; None if it does not."""
        self._read_waiting()
        self._flush_field()
        self._flush_content()
        size, text = (self._field_size, self._raw_field) if is_reasoning else (self._content_size, self._raw_content)
        if len(whole) < size or not whole.startswith(str(text)):
            return None
        return whole[size:]

    def take(self) -> list[Delta]:
        """What has become clear since the last call, joined where possible. Raises TooLarge."""
        self._read_waiting()
        out, self._out = self._out, []
        return out

    def flush(self) -> list[Delta]:
        """The stream has ended: what was held back is text."""
        self._read_waiting()
        self._flush_field()
        self._flush_content()
        held, self._held = self._held, ""
        if self._state == self._in_repetition:
            repeated, held = str(self._repeated) + held, ""
            if not str(self._reasoning).startswith(repeated.strip()):
                self._show_answer(f"<think>{repeated}")
        if held and not (self._state == self._in_output and held.startswith(_OUTPUT_END)):
            is_reasoning = self._state == self._in_reasoning or (
                self._state == self._at_start and self._opens_with_reasoning and not self._has_field
            )
            (self._show_reasoning if is_reasoning else self._show_answer)(held)
        return self.take()

    def finish(self, reason: FinishReason) -> Finish:
        """The whole texts, once `flush` has been called."""
        reasoning, answer = str(self._reasoning), str(self._answer)
        raw = f"{self._raw_field}{self._raw_content}"
        if not self._has_field and not self._has_tags and (split := split_final_answer(reasoning or answer)):
            return Finish(reason, *split, raw, is_split_inferred=True)
        return Finish(reason, reasoning, answer, raw)

    def _flush_field(self) -> None:
        """What was held back as half of something else stands for itself."""
        if rest := self._field_mask.feed(self._field_text.flush()) + self._field_mask.flush():
            self._take_reasoning(rest)

    def _flush_content(self) -> None:
        if rest := self._content_mask.feed(self._content_text.flush()) + self._content_mask.flush():
            self._take_content(rest)

    def _wait(self, text: str, *, is_field: bool) -> None:
        if not text:
            return
        if self._waiting and is_field != self._waits_for_field:
            self._read_waiting()
        self._waiting.append(text)
        self._waits_for_field = is_field

    def _read_waiting(self) -> None:
        if not self._waiting:
            return
        text = self._waiting[0] if len(self._waiting) == 1 else "".join(self._waiting)
        self._waiting.clear()
        if self._field_size + self._content_size + len(text) > MAX_TEXT_CHARS:
            raise TooLarge(f"more than {MAX_TEXT_CHARS} characters")
        if self._waits_for_field:
            self._has_field = True
            text = self._field_text.feed(text)
            self._take_reasoning(self._field_mask.feed(text) if self._has_secrets else text)
        else:
            text = self._content_text.feed(text)
            self._take_content(self._content_mask.feed(text) if self._has_secrets else text)

    def _take_reasoning(self, text: str) -> None:
        if self._starts_part and text:
            self._starts_part = False
            if not (text[0].isspace() or self._raw_field.last_char.isspace()):
                self._show_reasoning("\n\n")
        self._field_size += len(text)
        self._raw_field.append(text)
        self._show_reasoning(text)

    def _take_content(self, text: str) -> None:
        self._content_size += len(text)
        self._raw_content.append(text)
        self._read_content(text)

    def _read_content(self, text: str) -> None:
        if self._held:
            text = self._held + text
            self._held = ""
        if self._has_field and not self._has_tags and self._state != self._in_answer:
            self._leave_tags()
        while text:
            text = self._state(text)

    def _leave_tags(self) -> None:
        """The field for reasoning is in use: see rule 5."""
        if self._state == self._at_start:
            self._state = self._after_field
        elif self._state not in (self._after_field, self._in_repetition):
            self._state = self._in_answer

    # Each state shows what it can of the text, holds back what is unclear, and returns what the next state is to read.

    def _at_start(self, text: str) -> str:
        text = text.lstrip()
        for opening in _OPENINGS:
            if text.startswith(opening):
                self._has_tags = True
                self._closings = (_CLOSING[opening],)
                self._state = self._in_reasoning
                return text[len(opening) :]
        if any(opening.startswith(text) for opening in _OPENINGS):
            self._held = text
            return ""
        self._state = self._in_reasoning if self._opens_with_reasoning else self._in_text
        return text

    def _after_field(self, text: str) -> str:
        text = text.lstrip()
        if text.startswith("<think>"):
            self._state = self._in_repetition
            return text[len("<think>") :]
        if "<think>".startswith(text):
            self._held = text
            return ""
        self._state = self._in_answer
        return text

    def _in_repetition(self, text: str) -> str:
        start = text.find("</think>")
        if start < 0:
            self._repeated.append(self._hold(text, ("</think>",)))
            return ""
        repeated = str(self._repeated) + text[:start]
        if repeated.strip() != str(self._reasoning):
            self._show_answer(f"<think>{repeated}</think>")
        self._state = self._in_answer
        return text[start + len("</think>") :]

    def _in_reasoning(self, text: str) -> str:
        if self._closings[0][0] not in text:
            self._show_reasoning(text)
            return ""
        found = [(text.find(closing), closing) for closing in self._closings if closing in text]
        if found:
            start, closing = min(found)
            self._show_reasoning(text[:start])
            self._close(closing)
            return text[start + len(closing) :]
        self._show_reasoning(self._hold(text, self._closings))
        return ""

    def _in_text(self, text: str) -> str:
        """Nothing was opened: an answer, unless a closing tag comes."""
        if "<" not in text:
            self._show_answer(text)
            return ""
        for match in _ANSWER_TAG.finditer(text):
            if match[0] in _OPENINGS:
                self._literal_openings += 1
            elif self._literal_openings:
                self._literal_openings -= 1
            elif (text[match.start() - 1] if match.start() else self._answer.last_char) != "`":
                self._relabel()
                self._show_reasoning(text[: match.start()])
                self._close(match[0])
                return text[match.end() :]
        self._show_answer(self._hold(text, _ANSWER_TAGS))
        return ""

    def _before_output(self, text: str) -> str:
        text = text.lstrip()
        if text.startswith(_OUTPUT):
            self._state = self._in_output
            return text[len(_OUTPUT) :]
        if _OUTPUT.startswith(text):
            self._held = text
            return ""
        self._state = self._in_answer
        return text

    def _in_output(self, text: str) -> str:
        """`</Output>` is dropped at the very end only."""
        start = text.rfind("<")
        tail = text[start:] if start >= 0 else ""
        if tail and len(tail) < _MAX_HELD_CHARS and (_OUTPUT_END.startswith(tail) or tail.rstrip() == _OUTPUT_END):
            self._held = tail
            text = text[:start]
        self._show_answer(text)
        return ""

    def _in_answer(self, text: str) -> str:
        self._show_answer(text)
        return ""

    def _close(self, closing: str) -> None:
        self._has_tags = True
        self._state = self._before_output if closing == "</Thought>" else self._in_answer

    def _hold(self, text: str, tags: tuple[str, ...]) -> str:
        """The text without a suffix that may begin a tag. All of them have the same first character, nowhere else."""
        start = text.rfind(tags[0][0])
        tail = text[start:] if start >= 0 else ""
        if tail and any(tag.startswith(tail) and tag != tail for tag in tags):
            self._held = tail
            return text[:start]
        return text

    def _relabel(self) -> None:
        if not self._answer.is_empty:
            self._out.append(Relabel())
            self._reasoning, self._answer = self._answer, Part()

    def _show_reasoning(self, text: str) -> None:
        if shown := self._reasoning.add(text):
            self._out.append(ReasoningDelta(shown))

    def _show_answer(self, text: str) -> None:
        if shown := self._answer.add(text):
            self._out.append(AnswerDelta(shown))


def split_final_answer(text: str) -> tuple[str, str] | None:
    """Reasoning and answer of a text whose last heading is `**Final Answer**`; the heading stays with the answer."""
    for match in reversed(list(_FINAL_ANSWER.finditer(text))):
        reasoning, answer = text[: match.start()].strip(), text[match.start() :].strip()
        if reasoning and text[match.end() :].strip():
            return reasoning, answer
    return None
