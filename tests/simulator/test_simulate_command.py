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
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout and process.stderr
        url = re.search(r"OLLAMA_HOST=(\S+) or OPENAI_BASE_URL=\1/v1", process.stdout.readline())
        assert url
        body = {"model": "qwq:32b", "stream": False, "messages": [{"role": "user", "content": "Go."}]}
        page = httpx.post(f"{url[1]}/api/chat", json=body, trust_env=False)
        assert page.json()["message"]["content"] == "t0 t1 "
        process.send_signal(number)
        assert (process.wait(10), process.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "70000"], "between 0 and 65535"),
        (["--host", "192.0.2.1"], "cannot listen"),
        (["--serve", "nothing"], "NAME=MODEL"),
    ],
)
def test_wrong_arguments_end_with_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("simulate", *arguments)
