"""The wire to each kind of model server: bytes in, deltas out.

Every provider has one signature:

    def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]

It yields `Delta`s, a `Finish` last, or raises a `ProviderError`. Closing the generator closes the upstream
connection, which is what stops generation. Time limits are the caller's business.

A provider's module has the request's body and a parser. What they share, from the bottom up:

    values, text, lines    JSON of any shape, clean Unicode, bytes cut into lines
    sse, reasoning_tags    events out of bytes; reasoning told from answer
    failures, retry_after  which ProviderError a server's own error is, and when it wants to be asked again
    parsing                bytes in, deltas out, without a network: what the recordings are tested with
    http                   the client, and one request through a parser
    refusals               the request again, without what a server has just refused
    registry               which provider speaks which protocol
"""
