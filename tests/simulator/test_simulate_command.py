import os
import re
import signal
import subprocess
import sys

import httpx
import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_prints_its_address_serves_and_ends_cleanly(number: signal.Signals) -> None:
    command = [sys.executable, "manage.py", "simulate", "--port", "0", "--serve", "qwq:32b=load?tokens=2&rate=0"]
    command += ["--pullable", "marco-o1=load?pull-time=0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout and process.stderr
        welcome = "".join(process.stdout.readline() for _ in range(4))
        url = re.search(r"OLLAMA_HOST=(\S+)\s+OPENAI_BASE_URL=\1/v1\s+ANTHROPIC_BASE_URL=\1\s", welcome)
        assert url
        body = {"model": "qwq:32b", "stream": False, "messages": [{"role": "user", "content": "Go."}]}
        page = httpx.post(f"{url[1]}/api/chat", json=body, trust_env=False)
        assert page.json()["message"]["content"] == "t0 t1 "
        assert "marco-o1" not in httpx.get(f"{url[1]}/api/tags", trust_env=False).text
        httpx.post(f"{url[1]}/api/pull", json={"model": "marco-o1"}, trust_env=False)
        assert "marco-o1" in httpx.get(f"{url[1]}/api/tags", trust_env=False).text
        process.send_signal(number)
        assert (process.wait(10), process.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "70000"], "between 0 and 65535"),
        (["--host", "192.0.2.1"], "cannot listen"),
        (["--serve", "nothing"], "--serve needs NAME=MODEL"),
        (["--pullable", "nothing"], "--pullable needs NAME=MODEL"),
        (["--serve", "qwq=nobody"], "no model 'nobody'"),
        (["--pullable", "qwq=load?rate=fast"], "rate must be a number"),
    ],
)
def test_wrong_arguments_end_with_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("simulate", *arguments)
