"""The simulated market: learning and testing without network, never evidence."""

from openapex.sources.demo.source import DemoSource

__all__ = ["DemoSource"]
