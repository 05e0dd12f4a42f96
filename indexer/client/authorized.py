"""A request that is refused once is sent again with new credentials."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from indexer.errors import ConfigurationError, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.cluster import Connection

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


def authorized(connection: Connection, send: Callable[[], Answer]) -> Answer:
    """Send; after a 401 load the credentials again and send once more.

    Raises `UnauthorizedError` when that does not help, or when there are no new credentials.
    """
    try:
        return send()
    except UnauthorizedError as refusal:
        logger.info("The server refuses the credentials; loading them again.")
        _reload(connection, refusal)
        return send()


def _reload(connection: Connection, refusal: UnauthorizedError) -> None:
    try:
        connection.reload_credentials()
    except ConfigurationError as error:
        raise UnauthorizedError(
            f"{refusal.message} New ones can't be had: {error.message}", hint=error.hint or refusal.hint
        ) from error
