"""Sticker World as the recipes know it: drawn in ``engines/stickers/scenes.py``, since a lesson draws scenes too."""

import sys

from engines.stickers import scenes as drawn
from engines.stickers.scenes import *  # noqa: F403
from engines.stickers.scenes import _HUES, _places, _sticker  # noqa: F401

sys.modules[__name__] = drawn  # one module under both names, so that a cache cleared or a file asked for is the same
