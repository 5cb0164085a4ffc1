"""`python -m ddcore` is the `ddcore` command."""

from ._cli import main

main()
