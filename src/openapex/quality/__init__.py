"""Rules that find bad data, each with an id; nothing is repaired in silence."""

from openapex.quality.examine import QUARANTINE_SCHEMA, Examined, examined
from openapex.quality.finding import RULES, Effect, Finding

__all__ = ["QUARANTINE_SCHEMA", "RULES", "Effect", "Examined", "Finding", "examined"]
