"""The wire to each kind of model server: bytes in, deltas out.

Every provider has one signature:

    def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]

It yields `Delta`s, a `Finish` last, or raises a `ProviderError`. Closing the generator closes the upstream
connection, which is what stops generation. Time limits are the caller's business.
"""
