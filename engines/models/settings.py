"""Every setting of the playground in one place: the ``PLAYGROUND_*`` variables, and what a process needs beforehand.

A setting is read when it is asked for, never when a module is imported, and this is the only module that reads one.
A word that a setting does not take is refused with the words that it takes.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Generic, Literal, TypeVar, cast, get_args

from engines.evidence import PlainError

ProfileName = Literal["pocket", "studio", "custom"]
DeviceName = Literal["cpu", "cuda", "mps"]
Who = Literal["on", "off", "local"]
OnOff = Literal["on", "off"]
YesNo = Literal["yes", "no"]
Value = TypeVar("Value", bound=str)

_YES_NO = {"1": "yes", "true": "yes", "y": "yes", "on": "yes", "0": "no", "false": "no", "n": "no", "off": "no"}


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """A variable of the environment; ``str()`` gives its name.

    words: those it takes, in any case; empty where it takes any text. default: its value while it is unset or blank.
    also: other spellings of some words.
    """

    name: str
    default: Value
    words: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def is_set(self) -> bool:
        """Whether somebody chose a value."""
        return bool(os.environ.get(self.name, "").strip())

    def read(self) -> Value:
        """The value now. PlainError names the words it takes when it is another one."""
        said = os.environ.get(self.name, "").strip()
        if not said or not self.words:
            return cast(Value, said) or self.default
        word = self.also.get(said.lower(), said.lower())
        if word not in self.words:
            words = " or ".join(self.words) if len(self.words) == 2 else f"one of: {', '.join(self.words)}"
            raise PlainError(f"{self.name} is {_short(said)}. Set it to {words}.")
        return cast(Value, word)


PROFILE = Setting[ProfileName]("PLAYGROUND_PROFILE", "pocket", get_args(ProfileName))
TEXT_MODEL = Setting[str]("PLAYGROUND_TEXT_MODEL", "")
PICTURE_MODEL = Setting[str]("PLAYGROUND_PICTURE_MODEL", "")
DRAFT_MODEL = Setting[str]("PLAYGROUND_DRAFT_MODEL", "")
CACHE = Setting[str]("PLAYGROUND_CACHE", "")
WHEELS = Setting[str]("PLAYGROUND_WHEELS", "")
OFFLINE = Setting[YesNo]("PLAYGROUND_OFFLINE", "no", get_args(YesNo), _YES_NO)
DOWNLOAD = Setting[YesNo]("PLAYGROUND_DOWNLOAD", "no", get_args(YesNo), _YES_NO)
SWITCH = Setting[Who]("PLAYGROUND_SWITCH", "local", get_args(Who))
SAFETY = Setting[OnOff]("PLAYGROUND_SAFETY", "on", get_args(OnOff))
GUIDANCE = Setting[Literal["on", "off", ""]]("PLAYGROUND_GUIDANCE", "", get_args(OnOff))
DEVICE = Setting[Literal["cpu", "cuda", "mps", ""]]("PLAYGROUND_DEVICE", "", get_args(DeviceName))

ALL: tuple[Setting, ...] = (
    PROFILE, TEXT_MODEL, PICTURE_MODEL, DRAFT_MODEL, CACHE, WHEELS, OFFLINE, DOWNLOAD, SWITCH, SAFETY, GUIDANCE,
    DEVICE,
)  # fmt: skip


def check() -> None:
    """PlainError for the first setting that holds a word it does not take."""
    for setting in ALL:
        setting.read()


def folder(setting: Setting[str]) -> Path | None:
    """The absolute folder that ``setting`` names; None where it is unset. PlainError for a home that is nobody's."""
    said = setting.read()
    try:
        return Path(said).expanduser().absolute() if said else None
    except RuntimeError:
        raise PlainError(
            f"{setting} is {_short(said)}, and this machine has no such home folder. Give the whole path."
        ) from None


def _short(said: str) -> str:
    return repr(said if len(said) <= 60 else f"{said[:60]}…")


# --- What a process needs before any library is imported ---------------------------------------------------

QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "DO_NOT_TRACK": "1",
}
"""What keeps the libraries from reporting to their makers. onnxruntime and gradio do so unless they are told."""
PATIENT = {"GOMP_SPINCOUNT": "5000"}
"""How often a thread of torch looks whether the others are done before it sleeps; 300,000 by itself.

Where others keep both cores busy, threads that wait awake keep a core from the one they wait for: beside the test suite
eight passes of the pocket U-Net took 1.4 to 14 s, and take 1.1 to 1.7 so. Beside one busy program they take about 1.5 s
either way, alone 0.4.
"""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PROXIES = ("all_proxy", "http_proxy", "https_proxy")
_set_aside: dict[str, str] = {}


def prepare_process() -> None:
    """Have the libraries of this process report to nobody, reach itself without a proxy, share no folder, sleep while
    they wait, and start without needless work.

    The package ``engines`` calls this when it is first imported, so no program of the playground can forget it.
    Nothing that somebody chose is changed, but for proxies: this machine is added to ``NO_PROXY``, and a SOCKS proxy
    that no library here can speak to is set aside (see :func:`unusable_proxy`), since it would end the start.
    """
    for name, value in (QUIET | PATIENT).items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        given = [host.strip() for host in os.environ.get(name, "").split(",") if host.strip()]
        if "*" not in given:
            os.environ[name] = ",".join([*given, *(host for host in LOOPBACK if host not in given)])
    if importlib.util.find_spec("socksio") is None:
        for name in [*_PROXIES, *map(str.upper, _PROXIES)]:
            if os.environ.get(name, "").strip().lower().startswith("socks"):
                _set_aside[name] = os.environ.pop(name)
    if "gradio.component_meta" not in sys.modules and not any(isinstance(one, _WithoutStubs) for one in sys.meta_path):
        sys.meta_path.insert(0, _WithoutStubs())
    if not os.environ.get("GRADIO_TEMP_DIR") and hasattr(os, "getuid"):
        os.environ["GRADIO_TEMP_DIR"] = str(_own_folder(Path(tempfile.gettempdir()) / f"gradio-{os.getuid()}"))


class _WithoutStubs(MetaPathFinder):
    """Keeps gradio from writing a .pyi file beside the source of each component, ours among them.

    It parses and compares all of them whenever it is imported, and has no switch for it: two of the five seconds that
    its import takes on one core.
    """

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != "gradio.component_meta":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec and spec.loader:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                module.create_or_modify_pyi = lambda *given: None  # type: ignore[attr-defined]

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def unusable_proxy() -> str:
    """Why nothing outside this machine can be asked, in words; "" where nothing is in the way."""
    if not _set_aside:
        return ""
    return f"{' and '.join(_set_aside)} names a SOCKS proxy, which needs the package socksio"


def _own_folder(wanted: Path) -> Path:
    """``wanted`` if it is this user's own, made if need be; else a new one that is."""
    try:
        wanted.mkdir(mode=0o700, exist_ok=True)
        if not wanted.is_symlink() and wanted.stat().st_uid == os.getuid() and os.access(wanted, os.W_OK | os.X_OK):
            return wanted
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=f"{wanted.name}-"))
