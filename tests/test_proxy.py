"""The README's nginx block, with Debian's nginx: pages, files, an endpoint and an upload under a path of their own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from benchmarks.measuring import playground

ROOT = Path(__file__).parents[1]
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
AROUND = """
{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}; {block} }}
}}
"""


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if NGINX is None:
        pytest.skip("no nginx on the PATH: .ci/run installs it")
    found = re.search(r"```nginx\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the README has no nginx block"
    folder, port = tmp_path_factory.mktemp("nginx"), free()
    with playground("", {"GRADIO_ROOT_PATH": "/playground"}) as (url, _):
        user = "user root;" if os.getuid() == 0 else ""
        block = found[1].replace("http://127.0.0.1:7860", url)
        (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder, port=port, block=block))
        proxy = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
        try:
            yield f"http://127.0.0.1:{port}/playground"
        finally:
            proxy.terminate()
            proxy.wait(timeout=10)


def test_pages_and_their_files_are_found_under_the_path(address: str) -> None:
    with httpx.Client(follow_redirects=True, timeout=60, transport=httpx.HTTPTransport(retries=5)) as client:
        for page in (address, f"{address}/sampling", f"{address}/teachers"):
            shown = client.get(page)
            assert shown.status_code == 200 and f'"root":"{address}"' in shown.text.replace(" ", "")
            files = set(re.findall(r"course/(?:style|script)-[0-9a-f]+\.(?:css|js)", shown.text))
            assert len(files) == 2
            for file in files:
                assert client.get(str(shown.url.join(file))).status_code == 200


def test_an_endpoint_streams_and_takes_an_upload_through_the_proxy(address: str, tmp_path: Path) -> None:
    client = Client(f"{address}/", verbose=False)
    assert len(client.predict("strawberry", "o200k", api_name="/tokenize")["ids"]) > 1
    large = tmp_path / "large.png"
    large.write_bytes(b"no picture" * 300_000)
    with pytest.raises(AppError, match="(?i)picture"):
        client.predict(handle_file(str(large)), api_name="/read_text")
