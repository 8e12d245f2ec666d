"""``python -m openapex.cli``: the `apex` command."""

from openapex.cli import main

main()
