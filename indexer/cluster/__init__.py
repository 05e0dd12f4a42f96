"""The connection to one API server: its address, its TLS, and who asks."""

from indexer.cluster.connection import Connection, Timeouts
from indexer.cluster.login import Impersonation, connect_configured, connect_in_cluster, connect_server

__all__ = ["Connection", "Impersonation", "Timeouts", "connect_configured", "connect_in_cluster", "connect_server"]
