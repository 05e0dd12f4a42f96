"""What an atomic container signature says of itself, read without a key: claims, never proof."""

from indexer.signature.reading import SignatureReading, read_blob, read_content
from indexer.signature.states import ReadingState

__all__ = ["ReadingState", "SignatureReading", "read_blob", "read_content"]
