"""`python -m ichset` is `ichset`."""

from ichset.cli import main

main()
