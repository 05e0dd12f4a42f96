"""A believable cluster made up from a seed: Image objects of any number, and the small bundled sample.

`generate_images` streams an ordinary fleet (bases shared by many images, most layers in one image only) in bounded
memory. `bundled_sample` adds one object or more for everything that is odd about real Images; its pages are committed
under `data/sample/` and written by `python -m indexer.sample --write data/sample`. Equal settings give equal objects.

Nothing here needs a cryptography library except `indexer.sample.signing`, whose results the committed pages contain.
"""

from __future__ import annotations

from indexer.sample.bundle import Settings, bundled_sample, read_settings
from indexer.sample.fleet import generate_images
from indexer.sample.pages import list_pages, write_pages

__all__ = ["Settings", "bundled_sample", "generate_images", "list_pages", "read_settings", "write_pages"]
