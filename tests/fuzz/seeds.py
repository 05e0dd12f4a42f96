"""Where mutations begin: real shapes of every input, small enough to be mutated often."""

from __future__ import annotations

import gzip
from functools import cache

from input_forms import (
    ARCHIVERS,
    COMPRESSORS,
    compact,
    corpus,
    embedded,
    events,
    image_list,
    pretty,
    saved_list,
    to_yaml,
    tree,
)
from openpgp_blobs import compressed_body, message, new_packet, old_packet, one_pass_body


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Return inputs that a target takes whole."""
    images = sorted(corpus(), key=lambda image: len(compact(image)))[:6]
    signed = [image for image in corpus() if image.get("signatures")][:2]
    documents = [
        image_list(images[:2], **{"continue": "t"}),
        saved_list(images[:2]),
        *events(images[:1])[:3],
        *embedded(images),
    ]
    files = tree("images", images[:2]) | {"images/list.json": compact(saved_list(images[2:4]))}
    bomb = b"a: &a [x,x]\nb: &b [*a,*a]\n<<: *b\n"
    return tuple(
        {
            "decode": [compact(image) for image in images + signed],
            "json": [pretty(document) for document in documents]
            + [b"\n".join(map(compact, documents)), pretty(images)],
            "yaml": [to_yaml(document) for document in documents]
            + [bomb, b"---\n" + to_yaml(images[0]) + b"---\n{}\n"],
            "archive": [pack(files) for pack in ARCHIVERS.values()]
            + [squeeze(compact(saved_list(images[:2]))) for squeeze in COMPRESSORS.values()]
            + [gzip.compress(gzip.compress(compact(images[0])))],
            "signature": [
                message(),
                new_packet(8, compressed_body(message())),
                old_packet(4, one_pass_body()) + message(),
                old_packet(8, compressed_body(message()), indeterminate=True),
            ],
        }[name]
    )
