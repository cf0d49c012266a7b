"""What the pages for operators have in common: who may open them, and stopping an errand."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import redis
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache

from arena.contestants import errands
from arena.contestants.models import Contestant, Errand

P = ParamSpec("P")
A = TypeVar("A", bound="OperatorViews")


def for_operators(view: Callable[Concatenate[A, HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for staff who may change contestants."""

    @wraps(view)
    def guarded(self: A, request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return view(self, request, *args, **kwargs)

    return guarded


class OperatorViews(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """A ModelAdmin with pages of its own."""

    def page(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        return path(route, never_cache(self.admin_site.admin_view(view)), name=f"contestants_{name}")

    def show(
        self, request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200
    ) -> HttpResponse:
        frame = self.admin_site.each_context(request) | {"opts": Contestant._meta}
        return TemplateResponse(request, f"admin/contestants/{template}.html", frame | context, status=status)


def stop(request: HttpRequest, errand: Errand) -> None:
    try:
        errands.request_stop(errand)
    except redis.RedisError:
        messages.error(request, "It could not be stopped: Redis does not answer. Try again.")
