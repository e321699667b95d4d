"""What a lesson offers to ``gradio_client``: plain functions, listed with the model they work with.

In ``lessons/<key>/api.py``::

    ENDPOINTS = (Endpoint(tokenize, None), Endpoint(count_letters, "text"))

The function's name is the endpoint's, its docstring the description, its typed arguments the parameters. It returns
JSON values or, as a generator, streams them. This module knows nothing of gradio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engines.models.line import Queue


@dataclass(frozen=True)
class Endpoint:
    """One function of the API; ``queue`` names the line its calls wait in, None where they need no model."""

    function: Callable[..., Any]
    queue: Queue | None = "text"
