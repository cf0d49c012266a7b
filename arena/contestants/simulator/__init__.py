"""Model servers in one small process: for first runs without any real contestant, for tests, load and faults.

It speaks the wire formats of Ollama, of OpenAI (chat completions and Responses) and of Anthropic (Messages), over real
HTTP, and imports no Django. What it writes comes from simulated reasoners that really work through a few kinds of
problem (`reasoners.py`) and say plainly that they can't do others. `load` writes numbered tokens ("t0 t1 t2 …"), so
that loss, doubling and order can be checked exactly.

Every request may say how it wants to be served (see `directions.py`):

- in the model id: `load?tokens=400&rate=50&think=0.5`, `sim-terse?fault=cut`
- in Ollama's `options`: `{"tokens": 400, "rate": 50}`
- in the JSON body sent to the other protocols: `{"simulator": {"tokens": 400, "rate": 50}}`

A request goes through these files: `connection` (HTTP), `server` (which call), `ollama_server`, `openai_server` or
`anthropic_server` (what it asks for), `serving` (refused, in line, or played), `scheduling` (memory and lines),
`generation` and `faults` (which bytes when), `wire/` (how the protocol writes them), `playback` (at their time).

`docs/simulator.md` has the whole story: every direction and every fault, in every protocol.
"""
