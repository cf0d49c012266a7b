"""The problem pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from arena.problems.models import Problem
from arena.problems.queries import problems_by_category


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    return render(request, "problems/list.html", {"categories": problems_by_category()})


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "problems/detail.html", {"problem": get_object_or_404(Problem, slug=slug)})
