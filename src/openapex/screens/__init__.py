"""What a scan may be asked: the columns of its table, conditions on them, and ready-made screens."""

from openapex.screens.columns import COLUMNS, DEFAULT, Column
from openapex.screens.expression import Expression, parsed
from openapex.screens.presets import PRESETS, Preset, preset, presets_of

__all__ = ["COLUMNS", "DEFAULT", "PRESETS", "Column", "Expression", "Preset", "parsed", "preset", "presets_of"]
