"""The manifests under deploy/ are what the official client's models accept, and grant no more than reading Images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

DEPLOY = Path(__file__).parents[1] / "deploy"
MODELS = {
    "ClusterRole": client.V1ClusterRole,
    "ClusterRoleBinding": client.V1ClusterRoleBinding,
    "CronJob": client.V1CronJob,
    "Namespace": client.V1Namespace,
    "PersistentVolumeClaim": client.V1PersistentVolumeClaim,
    "ServiceAccount": client.V1ServiceAccount,
}
DOCUMENTS = [
    pytest.param(document, id=f"{path.stem}-{document['kind']}")
    for path in sorted(DEPLOY.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


def _compacted(value: Any) -> Any:
    """Leave out what is not said, as the models do when they write themselves."""
    if isinstance(value, dict):
        return {key: _compacted(item) for key, item in value.items() if item not in (None, [], {})}
    return [_compacted(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_manifest_survives_the_official_model(document: dict[str, Any]) -> None:
    """Every key is known to the model: what it reads and writes again is what stands in the file."""
    api = client.ApiClient()
    model = MODELS[document["kind"]]
    read = api.deserialize(_json(document), model.__name__, "application/json")
    assert _compacted(api.sanitize_for_serialization(read)) == _compacted(document)


def test_the_role_grants_reading_images_and_nothing_else() -> None:
    """Least privilege: get, list and watch on images."""
    (role,) = [parameter.values[0] for parameter in DOCUMENTS if parameter.values[0]["kind"] == "ClusterRole"]
    assert role["rules"] == [
        {"apiGroups": ["image.openshift.io"], "resources": ["images"], "verbs": ["get", "list", "watch"]}
    ]


def test_the_job_runs_without_root_on_a_read_only_root() -> None:
    """The container can't write outside its volumes and can't gain rights."""
    (job,) = [parameter.values[0] for parameter in DOCUMENTS if parameter.values[0]["kind"] == "CronJob"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_job_uses_options_that_exist() -> None:
    """The arguments are those of the export command."""
    from indexer.cli.write import export

    (job,) = [parameter.values[0] for parameter in DOCUMENTS if parameter.values[0]["kind"] == "CronJob"]
    arguments = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    known = {name for parameter in export.params for name in parameter.opts}
    assert arguments[0] == "export"
    assert {argument.partition("=")[0] for argument in arguments[1:]} <= known


def _json(document: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(document).decode()
