"""What docs/contestants.md and the README tell people to write can be loaded as it stands."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from arena.contestants.catalogue import Entry, read_catalogue

ROOT = Path(settings.BASE_DIR)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DOCS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/contestants.md", "README.md")}
BLOCKS = [block for text in DOCS.values() for block in TOML.findall(text)]


def entries_of(block: str, tmp_path: Path) -> list[Entry]:
    path = tmp_path / "own.toml"
    path.write_text(block, encoding="utf-8")
    slugs = set(re.findall(r'^slug = "(.+)"', block, re.MULTILINE))
    return [entry for entry in read_catalogue(str(path)) if entry.slug in slugs]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(re.search('slug = "(.+)"', block)[1]))  # type: ignore[index]
def test_block_can_be_loaded(block: str, tmp_path: Path) -> None:
    assert len(entries_of(block, tmp_path)) == block.count("[[contestant]]") > 0


def test_every_field_is_explained(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if 'slug = "example"' in block)
    (entry,) = entries_of(block, tmp_path)
    explained = {name for name in Entry.__dataclass_fields__ if re.search(rf"\b{name}\b", block)}
    assert explained == set(Entry.__dataclass_fields__) - {"simulated"}
    assert entry.timeouts == {"first_token_s": 1200, "silence_s": 300, "deadline_s": 7200}


@pytest.mark.parametrize(
    "server",
    ["Ollama", "OpenAI", "Azure OpenAI", "OpenRouter", "Groq", "DeepSeek", "Mistral", "vLLM", "llama-server"]
    + ["transformers serve", "LM Studio", "Anthropic"],
)
def test_every_kind_of_server_has_its_section(server: str) -> None:
    assert f"\n### {server}\n" in DOCS["docs/contestants.md"]


def test_readme_leads_there() -> None:
    assert "(docs/contestants.md)" in DOCS["README.md"]
