"""What balancers and monitors may do that visitors may not."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware

PROBED = frozenset({"/healthz", "/readyz"})


class CommonUnlessProbed(CommonMiddleware):
    """Django's own. But a balancer asks each process by its address, which is in nobody's ALLOWED_HOSTS; what it is
    told depends on no host."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:  # type: ignore[override]
        return None if request.path_info in PROBED else super().process_request(request)
