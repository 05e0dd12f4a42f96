"""Kubeconfig files for tests, written piece by piece."""

from __future__ import annotations

import base64
import stat
import sys

import yaml


def kubeconfig(path, server, user, *, cluster=None, name="lab", current=True):
    """Write a kubeconfig with one context; `cluster` adds keys to the cluster. Gives the path."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    if current:
        document["current-context"] = name
    path.write_text(yaml.safe_dump(document))
    return path


def data(path):
    """Encode a file as a kubeconfig holds it."""
    return base64.b64encode(path.read_bytes()).decode()


def plugin(folder, body, name="login-plugin"):
    """Write an executable login plugin in Python. Gives its path."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def credential(status, version="client.authentication.k8s.io/v1"):
    """Write the line of a plugin that prints an ExecCredential."""
    return f"print(json.dumps({{'apiVersion': '{version}', 'kind': 'ExecCredential', 'status': {status}}}))"
