"""A contestant's own record in this arena, for pages of apps that know no leaderboard."""

from django import template

from arena.leaderboard.models import Board
from arena.leaderboard.queries import records_of
from arena.leaderboard.rows import Row

register = template.Library()


@register.inclusion_tag("leaderboard/_record.html")
def arena_record(slug: str) -> dict[str, list[tuple[Board, Row]]]:
    return {"records": records_of(slug)}
