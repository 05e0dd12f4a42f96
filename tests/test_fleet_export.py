"""Several clusters at once: a snapshot of each, a failure of one spoils no other, and the exit code tells."""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
import yaml
from commands import Command, run
from live import FLEET, answer, from_list

from indexer.loopback import Fault, LoopbackServer
from indexer.store import Store

NAMES = ("east", "north", "west")
GARBAGE = from_list(1, answer(200, b'{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}', "application/json"))


@contextmanager
def fleet(folder, *names, **scripts):
    """Run a server a cluster, and yield them and a kubeconfig with a context each; `None` is one that is gone."""
    with ExitStack() as stack:
        servers = {}
        for name in names:
            server = LoopbackServer(FLEET[:20], script=scripts.get(name) or (lambda *_: None))
            if name in scripts and scripts[name] is None:
                with server:
                    pass
            else:
                stack.enter_context(server)
            servers[name] = server
        yield servers, write_kubeconfig(folder / "config", {name: each.url for name, each in servers.items()})


def write_kubeconfig(path, urls):
    """Write a kubeconfig with a context a server."""
    document = {
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in urls.items()],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "nobody"}} for name in urls],
        "current-context": next(iter(urls)),
    }
    path.write_text(yaml.safe_dump(document))
    return path


def arguments(config, store, *names, **more):
    """Words of an export of several contexts."""
    contexts = [word for name in names for word in ("--context", name)]
    options = [word for key, value in more.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    return ["export", "--kubeconfig", config, "--store", store, *contexts, *options]


def clusters_in(store):
    """Names of the clusters that have a whole snapshot."""
    return [snapshot.cluster for snapshot in Store(store).latest()] if store.is_dir() else []


def test_each_cluster_gets_a_snapshot(tmp_path) -> None:
    """Contexts name the clusters; every message says which one it is about, and the last one sums up."""
    with fleet(tmp_path, *NAMES) as (_, config):
        ended = run(*arguments(config, tmp_path / "store", *NAMES), output=tmp_path)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert clusters_in(tmp_path / "store") == list(NAMES)
    *published, summary = ended.stderr.splitlines()
    assert sorted(line.split()[1] for line in published) == [f"{name}:" for name in NAMES]
    assert "3 of 3 clusters exported" in summary


def test_a_cluster_that_fails_spoils_no_other(tmp_path) -> None:
    """A server that is gone and one that sends no JSON are named with their codes; the highest is the exit code."""
    with fleet(tmp_path, *NAMES, east=None, west=GARBAGE) as (_, config):
        ended = run(*arguments(config, tmp_path / "store", *NAMES, retry_budget=1), "--receipt", output=tmp_path)
    assert ended.exit_code == 4
    assert clusters_in(tmp_path / "store") == ["north"]
    assert "1 of 3 clusters exported; failed: east (3), west (4)" in ended.stderr.splitlines()[-1]
    lines = {line["cluster"]: line for line in map(json.loads, ended.stdout.splitlines())}
    assert {name: line["exit_code"] for name, line in lines.items()} == {"east": 3, "north": 0, "west": 4}
    (snapshot,) = Store(tmp_path / "store").snapshots()
    assert lines["north"]["receipt"]["snapshot_id"] == snapshot.snapshot_id
    assert lines["east"]["receipt"] is None
    assert lines["east"]["error"]


def test_a_context_that_is_not_there_is_one_failure(tmp_path) -> None:
    """A cluster that can't even be connected to has its line and its code, and the others are exported."""
    with fleet(tmp_path, "east", "west") as (_, config):
        ended = run(*arguments(config, tmp_path / "store", "east", "gone", "west"), "--receipt", output=tmp_path)
    assert ended.exit_code == 2
    assert clusters_in(tmp_path / "store") == ["east", "west"]
    assert [json.loads(line)["cluster"] for line in ended.stdout.splitlines()].count("gone") == 1
    assert "gone: The context gone is not in the kubeconfig" in ended.stderr


def test_one_context_is_exported_as_ever(tmp_path) -> None:
    """With one context nothing changes: one indented receipt, messages without a prefix, the exit code of the run."""
    with fleet(tmp_path, "east", "west", west=None) as (_, config):
        ended = run(*arguments(config, tmp_path / "store", "east"), "--receipt", output=tmp_path)
        failed = run(*arguments(config, tmp_path / "store", "west"), output=tmp_path)
    assert (ended.exit_code, ended.receipt["cluster"]) == (0, "east")
    assert ended.stdout.count("\n") > 10
    assert ended.stderr.startswith("image-indexer: Published east/")
    assert failed.exit_code == 3


def test_no_more_are_read_at_once_than_allowed(tmp_path) -> None:
    """Of five slow clusters two are read at a time, and two really are."""
    lock, under_way, most = threading.Lock(), [0], [0]

    def slow(asked, _):
        if asked.is_list:
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            time.sleep(0.15)
            with lock:
                under_way[0] -= 1

    names = ("a", "b", "c", "d", "e")
    with fleet(tmp_path, *names, **dict.fromkeys(names, slow)) as (_, config):
        ended = run(*arguments(config, tmp_path / "store", *names, parallel=2, limit=20), output=tmp_path)
    assert (ended.exit_code, most[0]) == (0, 2)
    assert clusters_in(tmp_path / "store") == list(names)


def test_metrics_have_every_cluster_and_failures_age(tmp_path) -> None:
    """One file for the fleet: of a cluster that failed tonight it has the last success."""
    metrics, store = tmp_path / "metrics.prom", tmp_path / "store"
    with fleet(tmp_path, *NAMES) as (_, config):
        run(*arguments(config, store, *NAMES, metrics_file=metrics), output=tmp_path)
    before = success_times(metrics)
    with fleet(tmp_path, *NAMES, west=GARBAGE) as (_, config):
        assert run(*arguments(config, store, *NAMES, metrics_file=metrics), output=tmp_path).exit_code == 4
    after = success_times(metrics)
    assert before.keys() == after.keys() == set(NAMES)
    assert {name for name in NAMES if after[name] > before[name]} == {"east", "north"}


def success_times(path):
    """Time of the last success by cluster."""
    lines = [line.split() for line in path.read_text().splitlines() if "last_success" in line and line[0] != "#"]
    return {name.split('"')[1]: float(value) for name, value in lines}


def test_a_fleet_file_names_clusters_and_how_each_is_reached(tmp_path) -> None:
    """Contexts and servers may be mixed; paths are beside the file; names are the file's own."""
    (tmp_path / "token").write_text("anything")
    with fleet(tmp_path, "admin@one", "two") as (servers, _):
        (tmp_path / "fleet.toml").write_text(
            f"""
            parallel = 1
            [[cluster]]
            name = "first"
            context = "admin@one"
            kubeconfig = "config"
            [[cluster]]
            name = "second"
            server = "{servers["two"].url}"
            """
        )
        ended = run(
            "export", "--store", tmp_path / "store", "--fleet", tmp_path / "fleet.toml", "--log-format=json",
            output=tmp_path,
        )  # fmt: skip
    assert ended.exit_code == 0
    assert clusters_in(tmp_path / "store") == ["first", "second"]
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert {line.get("cluster") for line in lines} == {"first", "second", None}


CLUSTER = '[[cluster]]\nname = "one"\ncontext = "one"\n'
MISTAKES = {
    "the same name twice": (CLUSTER + CLUSTER, (), "Two clusters would be called 'one'"),
    "an unknown key": (CLUSTER + 'tokn = "x"\n', (), "tokn"),
    "no cluster": ("cluster = []\n", (), "has no cluster"),
    "no TOML": ("- name: one\n", (), "is no fleet file"),
    "no address": ('[[cluster]]\nname = "one"\n', (), "has no context"),
    "none at once": ("parallel = 0\n" + CLUSTER, (), "less than one at once"),
    "a context besides": (CLUSTER, ("--context", "one"), "--fleet stands for itself"),
    "a name besides": (CLUSTER, ("--cluster", "one"), "--cluster names one cluster"),
    "options that do not fit": (CLUSTER, ("--resource-version-match", "Exact"), "needs a resourceVersion"),
}


@pytest.mark.parametrize(("text", "more", "says"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_before_anything_is_asked(tmp_path, text, more, says) -> None:
    """What is wrong with the fleet or the options is said once, with 2, and no server is asked."""
    (tmp_path / "fleet.toml").write_text(text)
    with fleet(tmp_path, "one") as (servers, config):
        ended = run(
            "export", "--store", tmp_path / "store", "--fleet", tmp_path / "fleet.toml", *more,
            output=tmp_path, environment={"KUBECONFIG": str(config)},
        )  # fmt: skip
        assert not servers["one"].requests
    assert (ended.exit_code, len(ended.stderr.splitlines())) == (2, 1)
    assert says in ended.stderr


def test_several_need_several(tmp_path) -> None:
    """`--parallel` for one cluster and a name for several are mistakes; nothing is guessed."""
    with fleet(tmp_path, "one", "two") as (_, config):
        one = run(*arguments(config, tmp_path / "store", "one", parallel=2), output=tmp_path)
        two = run(*arguments(config, tmp_path / "store", "one", "two", cluster="x"), output=tmp_path)
        same = run(*arguments(config, tmp_path / "store", "one", "one"), output=tmp_path)
    assert [each.exit_code for each in (one, two, same)] == [2, 2, 2]
    assert not (tmp_path / "store").exists()


def test_a_signal_ends_all_of_them(tmp_path) -> None:
    """Terminated while two are under way and one waits, it ends soon with 143; what was published stays whole."""
    slow = Fault(delay_seconds=0.2)
    with fleet(tmp_path, *NAMES, east=from_list(1, slow), west=from_list(1, slow)) as (servers, config):
        command = Command(
            arguments(config, tmp_path / "store", *NAMES, parallel=3, limit=1), tmp_path, {"HOME": str(tmp_path)}
        )
        command.wait_for(lambda: "north: Published" in command.said() and servers["east"].requests)
        command.send(signal.SIGTERM)
        ended = command.wait(10)
    assert ended.exit_code == 143
    assert clusters_in(tmp_path / "store") == ["north"]
