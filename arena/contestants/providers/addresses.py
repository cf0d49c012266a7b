"""Where the calls of OpenAI's protocol are, given the address that someone wrote down. No network here."""


def api_roots(base_url: str) -> tuple[str, ...]:
    """To be tried in this order: an address without a path has mostly just left out `/v1`; some servers have none."""
    base_url = base_url.rstrip("/")
    has_path = "/" in base_url.partition("://")[2]
    return (base_url,) if has_path else (f"{base_url}/v1", base_url)
