"""What a page costs before anything runs: its bytes, the seconds of the start, and a server at rest. Prints a table.

python -m benchmarks.pages          # half a minute, with the server's own start
"""

from __future__ import annotations

import gzip
import json
import statistics
import time
import urllib.request

from benchmarks.measuring import Row, playground, report

COLUMNS = ("what", "measured", "aim")


def main() -> None:
    started = time.perf_counter()
    with playground() as (url, process):
        seconds = time.perf_counter() - started
        rows: list[Row] = [("start to page", f"{seconds:.1f} s", "")]
        with urllib.request.urlopen(f"{url}/config", timeout=30) as answer:
            pages = [path for path, *_ in json.load(answer)["pages"]]
        sizes = {path or "start": fetched(f"{url}/{path}") for path in pages}
        largest = max(sizes, key=lambda key: sizes[key][0])
        whole, sent = sizes[largest]
        rows += [
            (f"largest page ({largest}), before and after compression", f"{whole / 1000:.0f} kB, {sent / 1000:.0f} kB",
             "at most 300 kB"),
            ("median page", f"{statistics.median(size for size, _ in sizes.values()) / 1000:.0f} kB", ""),
        ]  # fmt: skip
        rows.append(("a page answered once more", f"{1000 * asked_again(f'{url}/{largest}'):.0f} ms", ""))
        rows.append(("a server that nobody asks", f"{100 * busy(process, 10):.1f} % of a core", ""))
    report(COLUMNS, rows)


def busy(process: int, seconds: float) -> float:
    """Share of a core that a process takes for so long."""
    import psutil

    server = psutil.Process(process)
    before = server.cpu_times()
    time.sleep(seconds)
    after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


def fetched(address: str) -> tuple[int, int]:
    """The bytes of a page, and of what comes over the wire."""
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        sent = answer.read()
    return len(gzip.decompress(sent)), len(sent)


def asked_again(address: str) -> float:
    """Seconds of the fastest of ten answers."""
    taken = []
    for _ in range(10):
        asked = time.perf_counter()
        urllib.request.urlopen(address, timeout=30).read()
        taken.append(time.perf_counter() - asked)
    return min(taken)


if __name__ == "__main__":
    main()
