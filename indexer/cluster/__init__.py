"""The connection to one API server: its address, its TLS, and who asks."""

from indexer.cluster.connection import Connection, Timeouts, connect_server

__all__ = ["Connection", "Timeouts", "connect_server"]
