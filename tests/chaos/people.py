"""Those who use the arena meanwhile: they start battles, watch, lose the connection, come back, vote, try again."""

import asyncio
import json
import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.plan import Plan, Planned, line_up
from tests.survival.viewer import ENDED, Viewer

# As static/js/lib/socket.js does it.
SILENCE_MAX_S = 35.0
RECONNECT_MIN_S = 0.4
RECONNECT_MAX_S = 15.0
CONNECT_LIMIT_S = 10.0
# A person presses the button again.
ASK_LIMIT_S = 10.0
AGAIN_AFTER_S = 0.7
# A battle of the quickest two takes four seconds.
AFTERWARDS_LIMIT_S = 25.0
TOKEN = re.compile(r"t(\d+) ?")
JUDGEMENTS = ("correct", "flawed", "unsure")


def disorder(texts: tuple[str, str]) -> str:
    """What is wrong with a text that should count t0, t1, t2 …; empty if nothing is. Where all is shown at one pace the
    last may not be whole yet."""
    numbers = TOKEN.findall(" ".join(texts))
    for place, number in enumerate(numbers):
        is_last = place == len(numbers) - 1
        if number != str(place) and not (is_last and str(place).startswith(number)):
            return f"t{number} stands where t{place} should"
    return ""


class ChaosViewer(Viewer):
    """Goes to any of the addresses, looks at each message as it comes, and stays until told that all is over."""

    def __init__(self, addresses: list[str], battle_id: str, dice: random.Random) -> None:
        super().__init__(addresses[0], battle_id, slots=0)
        self.battle_id = battle_id
        self.findings: list[str] = []
        self.resyncs = 0
        self._addresses = addresses
        self._dice = dice
        # Twice in its first hundred messages, on average, it hangs up by itself.
        self._hangs_up = {dice.randrange(100) for _ in range(dice.randrange(5))}
        self._failures = 0

    async def stay(self, session: aiohttp.ClientSession) -> None:
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._stay_once(session)
            longest = min(RECONNECT_MAX_S, RECONNECT_MIN_S * 2**self._failures)
            self._failures += 1
            await asyncio.sleep(longest * (0.5 + self._dice.random() / 2))

    async def _stay_once(self, session: aiohttp.ClientSession) -> None:
        address = self._dice.choice(self._addresses).replace("http", "ws", 1)
        cursor = {"cursor": self.cursor} if self.cursor else {}
        async with asyncio.timeout(CONNECT_LIMIT_S):
            socket = await session.ws_connect(f"{address}/ws/battles/{self.battle_id}/", params=cursor)
        self.connections += 1
        async with socket:
            while (message := await socket.receive(SILENCE_MAX_S)).type is aiohttp.WSMsgType.TEXT:
                self._failures = 0
                self.messages += 1
                told = json.loads(message.data)
                self._apply(told)
                if any(isinstance(event, dict) and event["type"] == "resync" for event in told["e"]):
                    self.resyncs += 1
                    self.cursor = ""
                    return
                self._look(told)
                if self.messages in self._hangs_up:
                    return
            if socket.close_code == 4404:
                self.findings.append(f"battle {self.battle_id} is not there for its viewer")

    def _look(self, told: object) -> None:
        for key, texts in self.texts.items():
            if (wrong := disorder(texts)) and len(self.findings) < 3:
                self.findings.append(f"battle {self.battle_id} {key}: {wrong} after {str(told)[:300]}")

    @property
    def ends(self) -> dict[tuple[int, str], str]:
        return {key: status for key, status in self.statuses.items() if status in ENDED}


@dataclass
class Vote:
    """What a voter wants, and what became of it."""

    battle_id: str
    mark: str
    body: dict[str, object]
    tries: int = 0
    is_acknowledged: bool = False
    refusals: list[str] = field(default_factory=list)


class Person:
    """Somebody with cookies of their own, who asks again until there is an answer."""

    def __init__(self, addresses: list[str], dice: random.Random) -> None:
        self.addresses = addresses
        self.dice = dice
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        """The answer; 0 if there is none, so that nobody knows what became of it."""
        try:
            async with (
                asyncio.timeout(ASK_LIMIT_S),
                self.session.request(method, f"{self.dice.choice(self.addresses)}/api/v1{path}", json=body) as answer,
            ):
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return 0, {}

    async def open_page(self, battle_id: str) -> None:
        """A page brings the cookie by which a visitor is known who has done nothing yet."""
        is_shown = False
        while not is_shown:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                page = f"{self.dice.choice(self.addresses)}/battles/{battle_id}/"
                async with asyncio.timeout(ASK_LIMIT_S), self.session.get(page) as answer:
                    is_shown = answer.status == 200
            if not is_shown:
                await asyncio.sleep(AGAIN_AFTER_S)

    async def insist(
        self, method: str, path: str, body: object = None, note: Callable[[int, object], None] | None = None
    ) -> tuple[int, dict[str, object]]:
        """Ask until the arena itself answers: a 5xx is "try again"."""
        while True:
            status, answer = await self.ask(method, path, body)
            if note:
                note(status, answer)
            if 0 < status < 500:
                return status, answer
            await asyncio.sleep(AGAIN_AFTER_S * (0.5 + self.dice.random()))


class People:
    """All of a trial. `run()` goes on until it is cancelled; what they saw is then in `viewers` and `votes`."""

    def __init__(self, plan: Plan, addresses: list[str]) -> None:
        self.plan = plan
        self.addresses = addresses
        self.viewers: list[ChaosViewer] = []
        self.votes: list[Vote] = []
        self.findings: list[str] = []
        self.refused: dict[int, int] = {}
        self.started = 0
        self.asked_again = 0
        self.is_quiet = False  # from now on nothing new is asked
        self.have_all_voted = False
        self._persons: list[Person] = []

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                await asyncio.gather(*(group.create_task(self._battle(one, group)) for one in self.plan.battles))
                self.have_all_voted = True
        finally:
            for person in self._persons:
                await person.session.close()

    def _person(self, *names: object) -> Person:
        person = Person(self.addresses, self.plan.dice(*names))
        self._persons.append(person)
        return person

    async def _battle(self, planned: Planned, group: asyncio.TaskGroup) -> None:
        await asyncio.sleep(planned.at_s)
        starter = self._person("starter", planned.number)
        prompt = f"chaos {self.plan.seed} {planned.number}"
        body = {"prompt": prompt, "contestants": list(planned.contestants), "pacing": planned.pacing}
        status, battle = await starter.insist("POST", "/battles", body, self._note)
        if status != 201:
            self.findings.append(f"a battle cannot be started: {status} {battle}")
            return
        self.started += 1
        battle_id = str(battle["id"])
        for number in range(planned.viewers):
            viewer = ChaosViewer(self.addresses, battle_id, self.plan.dice("viewer", planned.number, number))
            self.viewers.append(viewer)
            group.create_task(viewer.stay(starter.session))
        if planned.is_stopped_after_s is not None:
            await asyncio.sleep(planned.is_stopped_after_s)
            await starter.insist("POST", f"/battles/{battle_id}/stop", None, self._note)
        await self._until_finished(starter, battle_id)
        if planned.asks_on and not self.is_quiet:
            await starter.insist("POST", f"/battles/{battle_id}/turns", {"prompt": "And now?"}, self._note)
            await self._until_finished(starter, battle_id)
        await self._retry_what_failed(starter, battle_id)
        visitor = self._person("visitor", planned.number)
        await visitor.open_page(battle_id)
        await asyncio.gather(*(self._vote(person, battle_id) for person in (starter, visitor)))

    def _note(self, status: int, answer: object) -> None:
        if not 200 <= status < 300:
            self.refused[status] = self.refused.get(status, 0) + 1

    async def _until_finished(self, person: Person, battle_id: str) -> dict[str, object]:
        while True:
            status, battle = await person.insist("GET", f"/battles/{battle_id}", None, self._note)
            if status != 200:
                self.findings.append(f"battle {battle_id} cannot be read: {status} {battle}")
            elif battle["status"] != "running":
                return battle
            await asyncio.sleep(0.5)

    async def _retry_what_failed(self, starter: Person, battle_id: str) -> None:
        battle = await self._until_finished(starter, battle_id)
        turns = battle["turns"]
        assert isinstance(turns, list)
        for response in turns[-1]["responses"]:
            if response["status"] == "failed" and not self.is_quiet:
                self.asked_again += 1
                path = f"/battles/{battle_id}/responses/{response['slot']}/retry"
                await starter.insist("POST", path, None, self._note)
        await self._until_finished(starter, battle_id)

    async def _vote(self, person: Person, battle_id: str) -> None:
        battle = await self._until_finished(person, battle_id)
        slots, turns = battle["slots"], battle["turns"]
        assert isinstance(slots, list) and isinstance(turns, list)
        if not any(response["reasoning"] or response["answer"] for response in turns[-1]["responses"]):
            return  # there is nothing to judge
        mark = f"{person.dice.random()}"
        verdicts = {slot: person.dice.choice(JUDGEMENTS) for slot in slots}
        vote = Vote(
            battle_id, mark, {"verdicts": verdicts, "best": person.dice.choice([*slots, "tie"]), "comment": mark}
        )
        self.votes.append(vote)

        def note(status: int, answer: object) -> None:
            vote.tries += 1
            self._note(status, answer)
            if not 200 <= status < 300:
                vote.refusals.append(f"{status} {answer}"[:200])

        status, answer = await person.insist("PUT", f"/battles/{battle_id}/ballot", vote.body, note)
        # An answer that was lost on its way: of a try before, or of one that the client repeated by itself, as it does
        # with a PUT over a connection that breaks. What counts is there.
        if status == 409:
            status, answer = await person.insist("GET", f"/battles/{battle_id}", None, self._note)
            mine = answer.get("my_ballot")
            vote.is_acknowledged = isinstance(mine, dict) and mine["comment"] == mark
        else:
            vote.is_acknowledged = status == 200
        if not vote.is_acknowledged:
            self.findings.append(f"a ballot on {battle_id} is not taken: {vote.refusals}")


async def play_one_more(addresses: list[str], plan: Plan) -> list[str]:
    """A battle after all that, at each address: the arena works as it did before. Findings, if it does not."""
    people = [Person([address], plan.dice("afterwards")) for address in addresses]
    ended = await asyncio.gather(*(_plays_to_its_end(person, plan.seed) for person in people))
    return [
        f"a battle that is started afterwards at {person.addresses[0]} does not come to its end"
        for person, has_ended in zip(people, ended, strict=True)
        if not has_ended
    ]


async def _plays_to_its_end(person: Person, seed: int) -> bool:
    contestants = [one.slug for one in line_up()[:2]]
    body = {"prompt": f"afterwards {seed}", "contestants": contestants, "pacing": "live"}
    try:
        async with asyncio.timeout(AFTERWARDS_LIMIT_S):
            _, battle = await person.insist("POST", "/battles", body)
            path = f"/battles/{battle['id']}"
            while battle["status"] == "running":
                await asyncio.sleep(0.2)
                _, battle = await person.insist("GET", path)
    except TimeoutError:
        return False
    finally:
        await person.session.close()
    return True
