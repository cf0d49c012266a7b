"""Django's ASGI handler, but all that lies between a request and its response happens in one change of threads.

Django itself changes to a thread and back for every hook of every middleware, some fifteen times a request.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from servestatic.middleware import ServeStaticMiddleware

from arena.running import views
from arena.running.limits import Receive, Scope, Send
from arena.web_threads import in_web_thread

Answer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

HEALTHZ, READYZ = "/healthz", "/readyz"


class Handler(ASGIHandler):
    """Static files need no thread, and none of the middleware. `gate` stands before the threads, too, and decides who
    gets one."""

    def __init__(self, gate: Callable[[Answer], Answer]) -> None:
        self.load_middleware(is_async=False)  # in place of what Django's own constructor does
        self._files_first = ServeStaticMiddleware(gate(self._page))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handle(scope, receive, send)  # without a thread of this request's own

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Probes are answered here: by whatever host name a balancer asks, and while all threads wait for a database
        that is away."""
        if request.path_info == HEALTHZ:
            return views.healthz(request)
        if request.path_info == READYZ:
            return await views.readyz(request)
        response: HttpResponseBase = await self._files_first(request)
        return response

    async def _page(self, request: HttpRequest) -> HttpResponseBase:
        return await in_web_thread(partial(self.get_response, request))
