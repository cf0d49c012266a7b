"""`GET /problems` and `GET /problems/{slug}`: the collection."""

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema

from arena.problem_json import Problem as Refusal
from arena.problems.models import Problem

router = Router(tags=["problems"])


class ProblemOut(Schema):
    slug: str
    title: str
    category: str
    statement: str


class ProblemInFull(ProblemOut):
    """With what is needed to judge an answer."""

    answer: str
    checker: str
    source: str
    notes: str


@router.get("/problems", response=list[ProblemOut])
def problems(request: HttpRequest) -> QuerySet[Problem]:
    """The whole collection, by category."""
    return Problem.objects.only(*ProblemOut.model_fields)


@router.get("/problems/{slug:slug}", response=ProblemInFull)
def problem(request: HttpRequest, slug: str) -> Problem:
    """One problem with its reference answer, if it has one."""
    found = Problem.objects.filter(slug=slug).first()
    if found is None:
        raise Refusal(404, f"There is no problem {slug[:80]!r}.")
    return found
