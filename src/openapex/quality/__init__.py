"""Rules that find bad data, each with an id; nothing is repaired in silence."""
