"""`python -m indexer` is the command line."""

from __future__ import annotations

from indexer.cli import main

if __name__ == "__main__":
    main()
