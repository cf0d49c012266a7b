"""The files that describe a deployment agree with the code: settings, commands, services."""

import json
import re
import tomllib
from pathlib import Path

import yaml
from django.conf import settings
from django.core.management import load_command_class

ROOT = Path(settings.BASE_DIR)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def names_in_settings() -> set[str]:
    return set(re.findall(r"env_\w+\(\s*\"([A-Z_]+)\"", (ROOT / "arena" / "settings.py").read_text()))


def names_in_example() -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_setting_is_in_the_example() -> None:
    keys_of_vendors = {
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
    }  # read when one is called
    assert names_in_example() == names_in_settings() | keys_of_vendors


def test_compose_has_every_part() -> None:
    assert set(COMPOSE["services"]) == {"prepare", "web", "worker", "beat", "proxy", "redis", "postgres", "ollama"}


def test_compose_runs_commands_that_exist() -> None:
    command = load_command_class("arena.running", "arena")
    parser = command.create_parser("manage.py", "arena")
    for service in COMPOSE["services"].values():
        for part in re.findall(r"manage\.py arena (\w+)", str(service.get("command", ""))):
            assert parser.parse_args([part]).part == part


def test_what_compose_waits_for_can_tell_its_health() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[name]


def test_every_volume_is_declared() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            name = volume.partition(":")[0]
            assert (ROOT / name).is_file() if name.startswith("./") else name in COMPOSE["volumes"]


def test_what_may_run_several_times_holds_no_port() -> None:
    replicated = {name: service for name, service in COMPOSE["services"].items() if "deploy" in service}
    assert set(replicated) == {"web", "worker", "beat"}
    assert not any("ports" in service or "container_name" in service for service in replicated.values())


def test_the_proxy_passes_to_the_port_of_the_web_processes() -> None:
    proxy = (ROOT / "Caddyfile").read_text()
    assert f"port {COMPOSE['x-arena']['environment']['PORT']}\n" in proxy
    assert "{$SITE_ADDRESS" in proxy
    assert "SITE_ADDRESS" in COMPOSE["services"]["proxy"]["environment"]
    assert "{$WEB_HOST:web}" in proxy


def test_compose_sets_only_settings_that_exist() -> None:
    assert set(COMPOSE["x-arena"]["environment"]) <= names_in_example()


def test_settings_of_the_env_file_hold_in_every_part() -> None:
    """A budget that is set and not handed on would be none."""
    parts = [service for service in COMPOSE["services"].values() if service["image"] == "reasoning-arena"]
    assert len(parts) == 4
    assert all(part["env_file"] == [{"path": ".env", "required": False}] for part in parts)
    assert all({"HOST", "PORT", "ARENA_VAR", "DATABASE_URL", "REDIS_URL"} <= set(part["environment"]) for part in parts)


def test_the_image_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert lines.index("USER arena") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))


def test_no_file_names_a_package_registry() -> None:
    named = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|registry\.yarnpkg")
    files = ["Makefile", "package-lock.json", "Dockerfile", *(path.name for path in ROOT.glob("requirements*.txt"))]
    assert [name for name in files if named.search((ROOT / name).read_text())] == []


def test_every_dependency_has_its_line() -> None:
    described = (ROOT / "docs" / "dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    front_end = json.loads((ROOT / "package.json").read_text())
    named = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["build"],
        *project["dependency-groups"]["dev"],
    ]
    names = [re.split(r"[\[~<>= ]", name)[0] for name in named]
    names += [*front_end["dependencies"], *front_end["devDependencies"]]
    assert [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", described)] == []
