"""Reading problems."""

from itertools import groupby

from django.core.validators import slug_re

from arena.problems.models import Problem


def problems_by_category() -> list[tuple[str, list[Problem]]]:
    """Every problem under its category; categories and problems in the order in which they were entered."""
    problems = list(Problem.objects.order_by("pk"))
    first_seen = {problem.category: problem.pk for problem in reversed(problems)}
    problems.sort(key=lambda problem: (first_seen[problem.category], problem.pk))
    return [(category, list(group)) for category, group in groupby(problems, key=lambda problem: problem.category)]


def find_problem(slug: str) -> Problem | None:
    """The problem of this name. What can't be a name is not looked up: PostgreSQL refuses a NUL even in a question."""
    return Problem.objects.filter(slug=slug).first() if slug_re.match(slug) else None
