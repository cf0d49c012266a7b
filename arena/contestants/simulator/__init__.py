"""Model servers in one small process: for first runs without any real contestant, for tests, load and faults.

It speaks the wire formats of Ollama and of an OpenAI-compatible chat server, over real HTTP, and imports no Django.
What it writes comes from simulated reasoners that really work through a few kinds of problem (`reasoners.py`) and
say plainly that they can't do others. `load` writes numbered tokens ("t0 t1 t2 …"), so that loss, doubling and
order can be checked exactly.

Every request may say how it wants to be served (see `directions.py`):

- in the model id: `load?tokens=400&rate=50&think=0.5`, `sim-terse?fault=cut`
- in Ollama's `options`: `{"tokens": 400, "rate": 50}`
- in the JSON body sent to the OpenAI-compatible side: `{"simulator": {"tokens": 400, "rate": 50}}`

| key       | means                                                                                        |
|-----------|----------------------------------------------------------------------------------------------|
| tokens    | how many tokens `load` writes (400)                                                          |
| rate      | tokens per second; 0: all at once                                                            |
| think     | which share of the tokens of `load` is reasoning, 0 to 1 (0)                                 |
| delay     | seconds before the first byte                                                                |
| reasoning | where reasoning is put: separate, alternative, inline, unopened, thought, untagged, hidden   |
| rules     | o1, o1-preview or o1-mini: refuse what that API refuses                                      |
| fault     | one of `directions.Fault`: cut, cut-mid-line, silence, http-500, never-ends, …                |

`docs/simulator.md` has the whole story with examples.
"""
