"""What load balancers and monitors ask: is this process up, and can it do its work?"""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from arena.running.health import readiness


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@never_cache
async def readyz(request: HttpRequest) -> HttpResponse:
    """Database, Redis and worker, each with its state in words; 503 when one is missing."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    parts = await readiness()
    ready = all(health.ok for health in parts.values())
    body = {"status": "ready" if ready else "not ready"} | {name: asdict(health) for name, health in parts.items()}
    response = JsonResponse(body, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # with its reason, by the check itself
    return response
