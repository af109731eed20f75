from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str, *arguments: str, **env: str) -> str:
    """Run an example as a stranger does, and return what it printed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GRAPHREC_")}
    # one thread: on a busy machine two that wait for each other are far slower
    clean |= {"PYTHONPATH": str(EXAMPLES.parent), "OMP_NUM_THREADS": "1", **env}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        env=clean,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_examples_are_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "quickstart.py",
        "fold_in.py",
        "existing_neo4j.py",
        "friends.py",
    }


def test_quickstart() -> None:
    out = example("quickstart.py")
    assert "recall@20" in out
    assert out.rstrip().splitlines()[-10].split()[1] == "15"
    assert out.rstrip().splitlines()[-1].split()[1] == "73"


def test_fold_in() -> None:
    out = example("fold_in.py")
    assert "space: watched Star Wars" in out
    lists = [part.splitlines()[1:] for part in out.strip().split("\n\n")]
    assert [len(lines) for lines in lists] == [5, 5]
    assert lists[0] != lists[1]
    assert not any("Star Wars: Episode IV" in line for line in lists[0])


def test_friends(tmp_path: Path) -> None:
    out = example("friends.py", str(tmp_path))
    plain, blend = [float(line.split()[2]) for line in out.splitlines() if line.startswith("friends: ")][:2]
    assert blend > 1.05 * plain > 0.4
    assert "76240" in out.replace(",", "")
    assert "in common: " in out
    assert "Plotly" in (tmp_path / "neighbourhood.html").read_text()


def test_existing_neo4j_without_a_server_says_what_it_needs() -> None:
    assert "GRAPHREC_URL" in example("existing_neo4j.py")


def test_existing_neo4j(neo4j_url: str) -> None:
    secrets = {name: value for name, value in os.environ.items() if name.startswith("GRAPHREC_NEO4J_")}
    out = example("existing_neo4j.py", GRAPHREC_URL=neo4j_url, **secrets)
    assert "live: Version(name='products', version=1" in out
    assert "GRAPHREC_NEO4J_PASSWORD" not in secrets or secrets["GRAPHREC_NEO4J_PASSWORD"] not in out


def test_the_example_configuration_can_be_read() -> None:
    from graphrec.config import read_config

    config = read_config(EXAMPLES / "graphrec.toml")
    assert (config.schema.user.label, config.schema.item.key, config.name) == ("Customer", "sku", "products")
    assert config.model().dim == 32  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["quickstart.py", "fold_in.py"])
def test_examples_are_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text().splitlines()) <= 40


def test_the_crontab_hands_the_password_of_its_file_on(tmp_path: Path) -> None:
    (tmp_path / ".graphrec.env").write_text("GRAPHREC_NEO4J_PASSWORD=of-the-file\n")
    program = tmp_path / "graphrec"
    program.write_text('#!/bin/sh\necho "$GRAPHREC_NEO4J_PASSWORD"\n')
    program.chmod(0o700)
    lines = (EXAMPLES / "nightly" / "crontab").read_text().splitlines()
    commands = [
        line.split(maxsplit=5)[5].replace("/srv/graphrec", str(tmp_path)) for line in lines if " * * " in line
    ]
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.defpath}"}
    for command in commands:
        subprocess.run(["sh", "-c", command], env=env, check=True, timeout=60)
    assert (tmp_path / "friends.log").read_text().split() == ["of-the-file"] * 2
