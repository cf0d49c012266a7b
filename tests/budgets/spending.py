"""Contestants with a price, and what has been charged for them, in the words of the tests."""

from django.db.models import Sum

from arena.battles.costs import NANO_PER_USD
from arena.battles.models import Battle, Charge
from arena.battles.services import start_battle
from arena.contestants.models import Contestant
from arena.teams.models import Membership, Role, Team, User, Voter
from tests.factories import make_contestant, make_voter

# With answers of 1,000 tokens at 1,000 USD per million tokens a response costs a dollar; prompts are free.
TOKENS = 1_000
USD_PER_MTOK = 1_000.0


def make_paid(slug: str = "", *, usd: float = 1.0, **fields: object) -> Contestant:
    """Each of its answers is expected to cost so much."""
    prices = {"price_in_usd_per_mtok": 0.0, "price_out_usd_per_mtok": USD_PER_MTOK * usd}
    return make_contestant(slug, **({"usual_output_tokens": TOKENS} | prices | fields))


def make_user(name: str) -> Voter:
    return Voter.objects.create(user=User.objects.create_user(name))


def make_team(slug: str = "owls", **members: Voter) -> Team:
    """`owner=`, `member=`, `viewer=`."""
    team = Team.objects.create(name=slug.title(), slug=slug)
    for role, voter in members.items():
        assert voter.user is not None
        Membership.objects.create(team=team, user=voter.user, role=Role(role))
    return team


def start(voter: Voter | None = None, **options: object) -> Battle:
    return start_battle(voter or make_user(f"user-{User.objects.count()}"), prompt="Why?", **options)  # type: ignore[arg-type]


def visit(voter: Voter | None = None, **options: object) -> Battle:
    return start(voter or make_voter(), **options)


def charged_usd(**which: object) -> float:
    nano = Charge.objects.filter(**which).aggregate(total=Sum("nano_usd"))["total"] or 0
    return float(nano / NANO_PER_USD)
