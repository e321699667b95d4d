"""The course. Begin reading at ``course.py``."""

import gc

gc.set_threshold(50_000, 20, 100)  # a start makes a million objects that stay; looking for garbage costs a sixth of it
