"""Whose the scenes are, by their seeds: recipes, measurements and lessons agree here on who sees which.

A scene is planned and rendered from its number (``scenes.plan``, ``scenes.render``). Those from 0 on are trained on.
"""

SIGNS = 100_000_000
"""Scenes from here on are signs: the autoencoder sees more of them than the painter."""
HANDS = 600_000_000
"""From here on open hands are rendered to see how well their fingers are counted."""
UNSEEN = 900_000_000
"""Scenes from here on are held out: no recipe trains on them, all are measured on them, and lessons call them new."""
DOUBT = 940_000_000
"""Scenes from here on choose how much the judge may doubt and still answer."""
FRESH = 950_000_000
"""Captions of scenes from here on are asked of painters and writers: no recipe looks at these scenes."""
WITHHELD = 950_000_000
"""From here on combinations are rendered that no scene plans by itself, so none of :data:`FRESH`: the judge's alone."""
