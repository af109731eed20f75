from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.cli.app import app, run
from graphrec.cli.lists import parameters_of
from graphrec.config import read_config
from graphrec.errors import GraphRecError
from graphrec.store.ladybug import LadybugStore

if TYPE_CHECKING:
    from commands import Call

COMMANDS = ["load", "fit", "evaluate", "publish", "recommend", "similar", "models", "rollback", "cypher", "export"]
COMMANDS += ["import", "demo", "doctor", "plan", "tune", "graph", "feed", "forget", "friends", "explain"]
SECRET = "correct horse battery staple"
CONFIG = """
[connection]
url = "{url}"

[schema]
user = {{ label = "Customer", key = "uuid" }}
item = {{ label = "Product", key = "sku", properties = ["name", "price"] }}
interactions = [{{ type = "BOUGHT", weight = "qty", time = "at", target = true }}]
attributes = [{{ type = "OF_KIND", to = {{ label = "Kind", key = "name" }} }}]
filters = [{{ name = "cheaper", cypher = "item.price <= $price" }}]

[model]
kind = "lightgcn"
name = "shop"
dim = 8
epochs = 4
"""


def program(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[1])
    env = os.environ | {"PYTHONPATH": root} | options.pop("env", {})
    command = [sys.executable, "-m", "graphrec", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False, **options)


def frames() -> dict[str, pd.DataFrame]:
    """Thirty customers in two camps, forty products; each bought eight of their camp's."""
    rng = np.random.default_rng(0)
    bought = pd.DataFrame(
        [(f"c{user}", int(item)) for user in range(30) for item in 2 * rng.choice(20, 8, replace=False) + user % 2],
        columns=["customer_id", "product_id"],
    )
    bought["qty"], bought["at"] = rng.integers(1, 5, len(bought)), 1_700_000_000 + np.arange(len(bought))
    products = pd.DataFrame({"sku": range(40), "name": [f"Thing, no. {i}" for i in range(40)]})
    products["price"] = 10 + products["sku"]
    kinds = pd.DataFrame({"product_id": range(40), "kind": ["even" if i % 2 == 0 else "odd" for i in range(40)]})
    return {
        "Customer": pd.DataFrame({"uuid": bought["customer_id"].unique()}),
        "Product": products,
        "Kind": pd.DataFrame({"name": ["even", "odd"]}),
        "BOUGHT": bought,
        "OF_KIND": kinds,
    }


def write_files(folder: Path) -> None:
    for name, frame in frames().items():
        if name == "BOUGHT":
            frame.to_csv(folder / f"{name}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet")


LOAD = ["load", "--nodes", "Customer=Customer.parquet", "--nodes", "Product=Product.parquet"]
LOAD += ["--nodes", "Kind=Kind.parquet", "--edges", "BOUGHT=BOUGHT.csv", "--edges", "OF_KIND=OF_KIND.parquet"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files, configuration, a loaded graph with one published model, and the model's file."""
    folder = tmp_path_factory.mktemp("shop")
    write_files(folder)
    (folder / "graphrec.toml").write_text(CONFIG.format(url="shop.lbug"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (LOAD, ["fit", "-q"], ["publish", "-q"]):
            assert run(command) == 0
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, in which the commands run."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GRAPHREC_")]:
        monkeypatch.delenv(name)
    return tmp_path


def graph(folder: Path) -> graphrec.Graph:
    return graphrec.connect(folder / "shop.lbug", schema=read_config(folder / "graphrec.toml").schema)


# ---------------------------------------------------------------- the program


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = program("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f" {name} " in done.stdout
    assert "4 another publisher" in " ".join(done.stdout.split())


def test_version_and_help_load_no_torch_and_no_driver() -> None:
    code = "import sys; from graphrec.cli.app import run; run(['--version']); run(['fit', '--help']); "
    code += "print(sorted({'torch', 'neo4j', 'ladybug', 'pandas'} & set(sys.modules)))"
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.startswith(f"graphrec {graphrec.__version__}\n")
    assert done.stdout.endswith("[]\n")


def test_every_command_says_what_it_does(call: Call) -> None:
    for command in app.registered_commands:
        done = call(command.name, "--help")
        assert done.code == 0
        assert "--json" in done.out


def test_shared_options_stand_before_or_after_the_verb(shop: Path, call: Call) -> None:
    before, after = call("--json", "-q", "models"), call("models", "--json", "-q")
    assert before.out == after.out
    assert before.json[0]["name"] == "shop"


def test_url_comes_from_the_option_then_the_environment_then_the_file(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy("shop.lbug", "other.lbug")
    assert call("models").code == 0
    monkeypatch.setenv("GRAPHREC_URL", "nowhere.lbug")
    assert call("models").code == 3
    assert call("models", "--url", "other.lbug").code == 0
    monkeypatch.setenv("HOME", str(shop))
    monkeypatch.chdir("/")
    assert call("models", "--url=~/other.lbug").code == 0


def test_without_any_url_the_message_says_how_to_name_one(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHREC_URL", raising=False)
    done = call("models")
    assert done.code == 2
    assert "GRAPHREC_URL" in done.err
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- exit codes and errors


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "No such command"),
        (["recommend", "c0", "-k", "0"], 2, "-k"),
        (["recommend"], 2, "--items"),
        (["recommend", "c0", "--include", "soap"], 2, "whole numbers"),
        (["recommend", "c0", "--where", "dearer=3"], 2, "cheaper"),
        (["recommend", "c0", "--show", "titel"], 2, "name"),
        (["recommend", "c0", "--rerank", "mrm"], 2, "mmr"),
        (["recommend", "c0", "--rerank", "mmr 0.3"], 2, "`--rerank` must be NAME=VALUE"),
        (["recommend", "c0", "--rerank", "mmr by='OF"], 2, "must close its quotes"),
        (["recommend", "c0", "--rerank", "mmr by='OF KIND'"], 2, "'OF KIND'"),
        (["recommend", "c0", "--rerank", "mmr shares=0.3"], 2, "share"),
        (["recommend", "c0", "--rerank", "mmr share=0.3 by=OF_KINDS"], 2, "OF_KIND"),
        (["recommend", "c0", "--rerank", "mmr share=0.3", "--depth", "4"], 2, "`depth`"),
        (["recommend", "nobody"], 1, "nobody"),
        (["recommend", "c0", "--model", "shp"], 1, "shop"),
        (["models", "--url", "nowhere.lbug"], 3, "no graph file"),
        (["models", "--url", "http://localhost"], 2, "http"),
        (["models", "--url", "neo4j://localhost:1"], 3, "localhost:1"),
        (["models", "-c", "nowhere.toml"], 2, "nowhere.toml"),
        (["fit", "--kind", "lightgnc"], 2, "lightgcn"),
        (["fit", "--set", "dims=3"], 2, "dim"),
        (["fit", "--set", "dim"], 2, "NAME=VALUE"),
        (["publish", "nowhere.safetensors"], 1, "nowhere.safetensors"),
        (["publish", "--name", "9 lives", "shop.safetensors"], 2, "letter"),
        (["rollback", "shop"], 4, "roll back"),
        (["rollback", "shp"], 1, "shop"),
        (["load"], 2, "--nodes"),
        (["load", "--nodes", "Customer"], 2, "NAME=FILE"),
        (["load", "--nodes", "Costumer=Customer.parquet"], 2, "Customer"),
        (["load", "--nodes", "Customer=nowhere.csv"], 2, "nowhere.csv"),
        (["load", "--edges", "BOUGHT=Kind.parquet"], 1, "customer_id"),
        (["import", "nowhere"], 2, "manifest.json"),
        (["export", "."], 2, "empty"),
    ],
)
def test_exit_code_and_message(shop: Path, call: Call, arguments: list[str], code: int, says: str) -> None:
    human, machine = call(*arguments), call(*arguments, "--json")
    assert (human.code, machine.code) == (code, code)
    assert human.out == machine.out == ""
    assert says in human.err
    assert "Traceback" not in human.err
    error = json.loads(machine.err)
    assert error.keys() == {"error", "message"}
    assert says in error["message"]


def test_a_schema_that_does_not_fit_is_refused_with_what_is_there(shop: Path, call: Call) -> None:
    text = Path("graphrec.toml").read_text().replace('"BOUGHT"', '"BOUGTH"')
    Path("graphrec.toml").write_text(text)
    done = call("fit")
    assert done.code == 1
    assert "'BOUGHT'" in done.err


def test_debug_shows_where_an_error_comes_from(shop: Path, call: Call) -> None:
    done = call("recommend", "nobody", "--debug")
    assert done.code == 1
    assert "Traceback" in done.err
    assert "error: " in done.err


def test_a_fault_of_graphrec_is_told_apart(shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("graphrec.graph.Graph.models", broken)
    done = call("models")
    assert done.code == 1
    assert "ZeroDivisionError: oh" in done.err
    assert "report" in done.err


def test_interrupt_is_130(shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("graphrec.graph.Graph.models", interrupted)
    assert (call("models").code, call("models").err) == (130, "")
    assert json.loads(call("models", "--json").err)["error"] == "KeyboardInterrupt"


@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["--help"]])
def test_a_reader_of_a_pipe_may_go_away(shop: Path, arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "graphrec", *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env=env, timeout=120, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_exit_that_no_pipe_made_keeps_its_code(monkeypatch: pytest.MonkeyPatch, shop: Path, call: Call) -> None:
    monkeypatch.setattr("graphrec.graph.Graph.models", lambda _: sys.exit(7))
    with pytest.raises(SystemExit, match="7"):
        call("models")


@pytest.mark.parametrize("flags", [[], ["--debug"]])
def test_what_the_driver_logs_is_for_debugging(flags: list[str]) -> None:
    code = f"import logging, graphrec.cli.app; graphrec.cli.app.run(['models', '--url', '', *{flags}]); print('done')"
    code += "; import sys; sys.stderr.write('|'); logging.getLogger('neo4j.pool').warning('connection lost')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.partition("|")[2] == ("connection lost\n" if flags else "")


@pytest.mark.parametrize("flags", [[], ["--debug"], ["--json"], ["--debug", "--json"]])
@pytest.mark.parametrize("command", ["models", "doctor", "fit", "publish"])
def test_a_password_is_never_printed(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch, command: str, flags: list[str]
) -> None:
    monkeypatch.setenv("GRAPHREC_NEO4J_PASSWORD", SECRET)
    monkeypatch.setenv("GRAPHREC_DEBUG", "1" if "--debug" in flags else "0")
    urls = ["neo4j://localhost:1", f"neo4j://neo4j:{SECRET}@localhost:1", f"bolt://:{SECRET}@localhost:1"]
    for url in urls:
        done = call(command, "--url", url, *flags)
        assert done.code in (1, 2, 3)
        assert SECRET not in done.out + done.err


# ---------------------------------------------------------------- data


def test_load_reports_rows_and_repeating_changes_nothing(shop: Path, call: Call) -> None:
    first = call(*LOAD, "--url", "new.lbug", "--json").json
    assert {row["name"]: (row["read"], row["written"]) for row in first} == {
        "Customer": (30, 30),
        "Product": (40, 40),
        "Kind": (2, 2),
        "BOUGHT": (240, 240),
        "OF_KIND": (40, 40),
    }
    with graphrec.connect("new.lbug", schema=read_config().schema) as g:
        before = g.dataset().fingerprint
    assert call(*LOAD, "--url", "new.lbug").code == 0
    with graphrec.connect("new.lbug", schema=read_config().schema) as g:
        assert g.dataset().fingerprint == before


def test_load_says_what_it_left_out_and_why(shop: Path, call: Call) -> None:
    rows = "customer_id,product_id,qty,at\nc0,1,1,1\nc0,1,2,2\nc1,,1,1\nnobody,2,1,1\nc2,3,inf,1\n"
    Path("more.csv").write_text(rows)
    arguments = ["load", "--edges", "BOUGHT=more.csv", "--on-error", "skip", "--on-missing", "skip"]
    [row] = call(*arguments, "--json").json
    assert (row["read"], row["written"], row["merged"], sum(row["skipped"].values())) == (5, 1, 1, 3)
    human = call(*arguments)
    assert "skipped" in human.out
    assert "end not in the graph" in human.out


def test_export_and_import_bring_the_same_lists(shop: Path, call: Call) -> None:
    assert call("export", "out", "--json").json["rows"]["BOUGHT"] == 240
    assert call("import", "out", "--url", "copy.lbug").code == 0
    here, there = (call("recommend", "c0", "c1", "--json", "--url", url).json for url in ("shop.lbug", "copy.lbug"))
    assert [row["item"] for row in here] == [row["item"] for row in there]


# ---------------------------------------------------------------- models


def test_fit_evaluate_publish_rollback(shop: Path, call: Call) -> None:
    fitted = call("fit", "--set", "dim=4", "--set", "epochs=2", "--out", "second.safetensors", "--json").json
    assert fitted["file"] == "second.safetensors"
    assert fitted["options"]["dim"] == 4
    assert fitted["interactions"] == 240
    assert 0 <= fitted["validation"] <= 1
    assert fitted["refit"] is True
    assert call("publish", "second.safetensors", "--json").json["version"] == 2
    [row] = call("models", "--json").json
    assert (row["version"], row["previous"], row["rollback"], row["dim"]) == (2, 1, True, 4)
    assert call("rollback", "shop", "--json").json["version"] == 1
    assert call("rollback", "shop", "--json").json["version"] == 2


def test_of_several_models_the_configurations_is_the_default(shop: Path, call: Call) -> None:
    assert call("publish", shop / "shop.safetensors", "--name", "other").code == 0
    assert {row["model"] for row in call("recommend", "c1", "--json").json} == {"shop"}
    assert {row["model"] for row in call("similar", 1, "--json").json} == {"shop"}
    assert call("cypher").out == call("cypher", "--model", "shop").out
    assert call("refresh", "--json").json["version"]["name"] == "shop"
    assert call("explain", "c1").code == 0


def test_a_model_without_vectors_is_fitted_and_compared_but_not_published(shop: Path, call: Call) -> None:
    fitted = call("fit", "--kind", "item-knn", "--set", "neighbours=5", "--out", "knn.safetensors", "--json").json
    assert (fitted["kind"], fitted["epochs"], fitted["refit"]) == ("item-knn", 0, True)
    rows = call("evaluate", "--kind", "item-knn", "--kind", "biased-mf", "--metric", "recall@5", "--json").json
    assert [row["model"] for row in rows] == ["item-knn", "biased-mf"]
    refused = call("publish", "knn.safetensors")
    assert refused.code == 2
    assert "must have vectors" in refused.err


def test_fit_without_validation_uses_all_data_and_all_epochs(shop: Path, call: Call) -> None:
    fitted = call("fit", "--no-validation", "--json").json
    assert (fitted["epochs"], fitted["validation"], fitted["refit"]) == (4, None, False)
    with graph(shop) as g:
        assert graphrec.load_model("shop.safetensors").fingerprint == g.dataset().fingerprint


def test_fit_without_refit_keeps_the_training_part(shop: Path, call: Call) -> None:
    assert call("fit", "--no-refit", "--json").json["refit"] is False
    with graph(shop) as g:
        trained = g.dataset().split("leave-last-out").train.fingerprint
    assert graphrec.load_model("shop.safetensors").fingerprint == trained


@pytest.mark.parametrize(
    ("command", "option", "out"),
    [
        *((command, "--out", out) for command in ("fit", "tune") for out in ("gone/model", ".")),
        *(("evaluate", "--report", out) for out in ("graphrec.toml/report", ".")),
        *(("graph", option, ".") for option in ("--report", "--communities")),
        ("cluster", "--labels", "graphrec.toml/c.csv"),
        ("map", "FILE", "."),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch, command: str, option: str, out: str
) -> None:
    for work in ("dataset", "analyse", "cluster", "map"):
        monkeypatch.setattr(graphrec.Graph, work, lambda *_, **__: pytest.fail("the work has begun"))
    done = call(command, *([] if option == "FILE" else [option]), out)
    assert done.code == 2
    assert f"`{option}` must be a file in a folder that is there and can be written. Got '{out}'" in done.err


def test_evaluate_compares_models_and_writes_a_report(shop: Path, call: Call) -> None:
    arguments = ["--kind", "lightgcn", "--kind", "popularity", "--metrics", "recall@5", "--metrics", "ndcg@5"]
    rows = call("evaluate", *arguments, "--json", "--report", "new/report.html").json
    assert [(row["model"], row["metric"]) for row in rows] == [
        ("lightgcn", "recall@5"),
        ("lightgcn", "ndcg@5"),
        ("popularity", "recall@5"),
        ("popularity", "ndcg@5"),
    ]
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    assert "recall@5" in Path("new/report.html").read_text(), "the folder is made"
    human = call("evaluate", *arguments, "--on", "validation")
    assert "popularity" in human.out


def test_evaluate_shows_groups_and_the_comparison(shop: Path, call: Call) -> None:
    arguments = ["--kind", "popularity", "--kind", "random", "--metric", "recall@5"]
    human = call("evaluate", *arguments, "--by", "activity")
    assert "validation part of split leave-last-out" in human.out, "what models are chosen by is not the test"
    assert "against popularity: mean difference, effect size" in human.out
    assert "d=" in human.out
    assert "n_pairs" in human.out
    assert "test part of split" in call("evaluate", *arguments, "--on", "test").out
    found = call("evaluate", *arguments, "--by", "OF_KIND", "--json").json
    assert {row["metric"] for row in found["by"]} == {"recall@5"}
    assert [row["model"] for row in found["figures"]] == ["popularity", "random"]


@pytest.mark.parametrize(
    ("option", "code", "says"),
    [
        (["--by", "age"], 2, "`--by` must be the name of one grouping. Got 'age'"),
        (["--by", "age"], 2, "'activity', 'popularity'"),
        (["--metric", "recal@5"], 2, "Did you mean 'recall'?"),
        (["--metric", "rmse"], 1, "it ranks only"),
        (["--kind", "biased-mf", "--metric", "rmse", "--by", "popularity"], 2, "`--by` needs a metric of lists"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--folds", "3"]])
def test_evaluate_refuses_before_it_fits(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch, option: list[str], code: int, says: str, more: list[str]
) -> None:
    monkeypatch.delattr("graphrec.models.model.Model.fit")
    refused = call("evaluate", *([] if "--kind" in option else ["--kind", "popularity"]), *option, *more)
    assert refused.code == code
    assert says in refused.err


def test_evaluate_says_what_a_reader_must_know(shop: Path, call: Call) -> None:
    Path("graphrec.toml").write_text(Path("graphrec.toml").read_text() + '[split]\nrule = "cold-users"\n')
    arguments = ["--kind", "item-knn", "--metric", "ndcg@5"]
    found = call("evaluate", *arguments)
    assert "note: item-knn knows nothing of 3 of the users: their lists are empty." in found.err
    assert found.err.count("users with test pairs have no target interaction in train") == 1


def test_evaluate_by_folds(shop: Path, call: Call) -> None:
    arguments = ["--kind", "popularity", "--folds", "3", "--metric", "recall@5"]
    [row] = call("evaluate", *arguments, "--json", "--report", "report.html").json
    assert row["n_users"] == 30
    assert "3 folds(validation=0.1, seed=0)" in call("evaluate", *arguments).out
    assert call("evaluate", *arguments, "--on", "test").code == 2
    assert call("evaluate", "--folds", "1").code == 2


def test_ctrl_c_in_fit_saves_the_model_and_is_130(shop: Path) -> None:
    options = ["--no-validation", "--set", "epochs=1000000", "--checkpoint", "state", "--out", "cut.safetensors"]
    command = [sys.executable, "-m", "graphrec", "fit", *options, "--json"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job begun with `&` inherits that it is ignored
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, preexec_fn=heed
    ) as process:
        end = time.monotonic() + 120
        while not Path("state").exists() and time.monotonic() < end and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads(out)["interrupted"] is True
    assert "Traceback" not in err
    assert graphrec.load_model("cut.safetensors").history.interrupted
    assert Path("state").exists()


# ---------------------------------------------------------------- preparing, planning, tuning


def test_plan_says_what_each_job_needs(shop: Path, call: Call) -> None:
    found = call("plan", "--json").json
    assert (found["users"], found["items"], found["interactions"]) == (30, 40, 240)
    needs = {row["job"]: row["bytes"] for row in found["jobs"]}
    assert {"load", "dataset", "hetero", "fit lightgcn", "topk lightgcn", "fit popularity"} <= needs.keys()
    assert needs["fit popularity"] < needs["fit lightgcn"]
    with graph(shop) as g:
        assert g.plan(read_config().model()).needs["fit"] == needs["fit lightgcn"]
        assert g.plan().interactions == 240
    assert all(row["fits"] == (row["bytes"] <= found["available"]) for row in found["jobs"])
    human = call("plan", "--kind", "popularity").out
    assert "240 interactions" in human
    assert "fit lightgcn" not in human


@pytest.mark.parametrize("command", [["fit"], ["evaluate"], ["tune", "--trials", "1"]])
def test_what_would_not_fit_is_refused_beforehand(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("graphrec.data.plan.available_memory", lambda: 50_000_000)
    before = sorted(path.name for path in shop.iterdir())
    done = call(*command)
    assert done.code == 1
    for said in ("30 users", "0.1 GB are free", "smaller dim", "graphrec plan", "--force"):
        assert said in done.err
    assert sorted(path.name for path in shop.iterdir()) == before
    assert call(*command, "--force").code == 0
    assert {row["fits"] for row in call("plan", "--json").json["jobs"]} == {False}


def test_preparation_of_the_configuration_is_applied_and_recorded(shop: Path, call: Call) -> None:
    text = '[[prepare]]\nkind = "k-core"\nusers = 2\nitems = 3\n[[prepare]]\nkind = "log"\n'
    Path("graphrec.toml").write_text(Path("graphrec.toml").read_text() + text)
    steps = ({"kind": "k-core", "users": 2, "items": 3}, {"kind": "log"})
    for arguments in ([], ["--no-validation"], ["--no-refit"]):
        done = call("fit", *arguments)
        assert done.code == 0
        assert "the model has weighted = false" in done.err
        model = graphrec.load_model("shop.safetensors")
        assert model.preparation == steps
        if "--no-refit" not in arguments:
            with graph(shop) as g:
                assert model.fingerprint == g.dataset().prepare(steps).fingerprint
    assert call("publish").code == 0
    assert call("evaluate").code == 0


def test_fit_tells_a_tracker(shop: Path, call: Call) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fitted = call("fit", "--track", "tensorboard:runs/a", "--json").json
    read = EventAccumulator("runs/a").Reload()
    assert [event.step for event in read.Scalars("loss")] == list(range(1, fitted["epochs"] + 1))
    assert call("fit", "--track", "wandb:x").code == 2


def test_tune_writes_a_configuration_that_fit_reads(shop: Path, call: Call) -> None:
    space = "[tune]\ntrials = 3\n[tune.space]\nlearning_rate = { low = 1e-3, high = 1e-1, log = true }\n"
    Path("graphrec.toml").write_text(Path("graphrec.toml").read_text() + space)
    found = call("tune", "--study", "s.db", "--json").json
    assert found["stopped"] == "3 trials"
    assert found["validation"] == max(row["value"] for row in found["trials"] if row["state"] == "complete")
    assert found["validation"] >= found["baseline"]
    config = read_config(Path("tuned.toml"))
    assert config.model().learning_rate == found["options"]["learning_rate"]
    assert (config.name, config.options["dim"]) == ("shop", 8)
    fitted = call("fit", "-c", "tuned.toml", "--json").json
    assert fitted["options"]["learning_rate"] == found["options"]["learning_rate"]
    human = call("tune", "--study", "s.db", "--trials", "4")
    assert "trial 3:" in human.err
    assert "trial 0:" not in human.err
    assert "graphrec fit -c tuned.toml" in human.out
    other = call(
        "tune", "--kind", "popularity", "--set", "weighted=true", "--trials", "1", "--out", "p.toml", "--json"
    )
    assert other.code in (0, 2)  # as popularity declares a space or none


def test_what_tune_compares_steers_fit_and_evaluate(shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    found = call("tune", "--trials", "1", "--metric", "recall@1", "--json").json
    assert found["metric"] == "recall@1"
    asked: list[str] = []
    monkeypatch.setattr(
        "graphrec.models.training.held_out_metric", lambda *given, **_: float(asked.append(given[4]) or len(asked))
    )
    assert call("fit", "-c", "tuned.toml", "--json").json["metric"] == "recall@1"
    call("evaluate", "-c", "tuned.toml", "--kind", "lightgcn")
    assert set(asked) == {"recall@1"}
    asked.clear()
    assert call("fit", "--json").json["metric"] == "ndcg@20"
    assert set(asked) == {"ndcg@20"}


def test_what_tune_is_told_to_keep_is_not_tried(shop: Path, call: Call) -> None:
    space = "[tune]\ntrials = 2\n[tune.space]\ndim = [2, 4]\nlayers = [0, 1]\n"
    Path("graphrec.toml").write_text(Path("graphrec.toml").read_text() + space)
    found = call("tune", "--set", "dim=3", "--set", "epochs=1", "--json").json
    assert found["options"]["dim"] == 3
    assert not any("dim" in row for row in found["trials"])
    assert found["trials"][1]["layers"] in (0, 1)
    none = call("tune", "--set", "dim=3", "--set", "layers=1")
    assert none.code == 2
    assert "must hold a field of 'lightgcn' to try" in none.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--budget", "0"], 2, "90s, 30m or 2h"),
        (["--budget", "soon"], 2, "'soon'"),
        (["--trials", "0"], 2, "`trials`"),
        (["--kind", "random"], 2, "must hold a field of 'random' to try"),
        (["--metric", "ndgc@20", "--trials", "1"], 2, "ndcg"),
        (["--study", "graphrec.toml", "--trials", "1"], 1, "Delete it, or choose another path"),
    ],
)
def test_tunings_that_are_refused(shop: Path, call: Call, arguments: list[str], code: int, says: str) -> None:
    done = call("tune", *arguments)
    assert done.code == code
    assert says in done.err
    assert not Path("tuned.toml").exists()


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), (20, 20), ("7", 7)])
def test_budgets(text: object, seconds: float) -> None:
    from graphrec.cli.tune import seconds_of

    assert seconds_of(text) == seconds


# ---------------------------------------------------------------- lists


def test_recommend_gives_the_list_of_python(shop: Path, call: Call) -> None:
    rows = call("recommend", "c0", "c3", "-k", "5", "--json").json
    with graph(shop) as g:
        expected = g.recommend(["c0", "c3"], 5)
    assert [row["item"] for row in rows] == expected["item"].tolist()
    assert [row["user"] for row in rows] == ["c0"] * 5 + ["c3"] * 5


def test_recommend_asks_for_the_type_of_keys_once(shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    whole = LadybugStore.describe
    monkeypatch.setattr(LadybugStore, "describe", lambda store: (asked.append("describe"), whole(store))[1])
    counts = []
    for users in (["c1"], ["c1", "c2", "c3", "c4"]):
        asked.clear()
        assert call("recommend", *users).code == 0
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_recommend_puts_lists_into_another_order(shop: Path, call: Call) -> None:
    def items(*arguments: str) -> list[int]:
        return [row["item"] for row in call("recommend", "c0", "-k", "6", "--json", *arguments).json]

    mixed = ["--rerank", "mmr share=0.9 by=OF_KIND", "--depth", "30"]
    with graph(shop) as g:
        plain, expected = (
            g.recommend(["c0"], 6, rerank=rerank, depth=30)["item"].tolist()
            for rerank in (None, graphrec.MMR(share=0.9, by="OF_KIND"))
        )
    assert items(*mixed) == expected != plain == items()
    explored = call("recommend", "c0", "-k", "6", "--json", "--rerank", "explore share=0.5").json
    assert sum(row["explored"] for row in explored) == 3
    with Path("graphrec.toml").open("a") as file:
        file.write('\n[[rerank]]\nkind = "mmr"\nshare = 0.9\nby = "OF_KIND"\n')
    assert items("--depth", "30") == expected
    assert items("--rerank", "none") == plain
    assert [row["item"] for row in call("explain", "c0", "-k", "6", "--json").json["words"]] == items() != plain


def test_recommend_for_a_new_user_by_items(shop: Path, call: Call) -> None:
    rows = call("recommend", "--items", "0,2, 4", "--items", "1", "-k", "3", "--json").json
    with graph(shop) as g:
        expected = g.recommend([[0, 2, 4], [1]], 3)
    assert [row["item"] for row in rows] == expected["item"].tolist()
    assert not {0, 2, 4} & {row["item"] for row in rows[:3]}


def test_recommend_narrows_by_include_exclude_and_where(shop: Path, call: Call) -> None:
    def items(*arguments: str) -> set[int]:
        return {row["item"] for row in call("recommend", "c0", "-k", "40", "--json", *arguments).json}

    everything = items("--include-seen")
    assert everything == set(range(40))
    unseen = items()
    assert len(unseen) == 32
    assert items("--include", "1,2,3", "--include", "4") == unseen & {1, 2, 3, 4}
    said = [call("recommend", "c0", *given, "--include", "1,99,98").err for given in ([], ["--quiet"])]
    assert ["no item's key: [98, 99]" in text for text in said] == [True, False]
    assert items("--exclude", "1,2,3") == unseen - {1, 2, 3}
    assert items("--where", "OF_KIND=odd") == {i for i in unseen if i % 2}
    assert items("--where", "OF_KIND=odd", "--where", "OF_KIND=even") == unseen
    assert items("--where", "cheaper=15") == {i for i in unseen if i <= 5}
    assert items("--where", "cheaper.price=15", "--where", "OF_KIND=odd") == {i for i in unseen if i <= 5 and i % 2}
    assert items("--via", "database") == unseen


def test_show_adds_properties_and_tables_cut_nothing(shop: Path, call: Call) -> None:
    rows = call("recommend", "c0", "-k", "2", "--show", "name", "--show", "price", "--json").json
    assert [(row["name"], row["price"]) for row in rows] == [
        (f"Thing, no. {row['item']}", 10 + row["item"]) for row in rows
    ]
    human = call("recommend", "c0", "-k", "2", "--show", "name")
    assert f"Thing, no. {rows[0]['item']}" in human.out
    assert "model shop version 1" in human.out


def test_a_property_called_as_a_column_of_lists_stands_beside_it(shop: Path, call: Call) -> None:
    with graph(shop) as opened:
        opened.load({"Product": pd.DataFrame({"sku": range(40), "score": [100.5] * 40})})
    plain = call("recommend", "c3", "-k", "2", "--json").json
    shown = call("recommend", "c3", "-k", "2", "--show", "score", "--show", "price", "--json").json
    assert [row["score"] for row in shown] == [row["score"] for row in plain]
    assert [(row["item.score"], row["price"]) for row in shown] == [(100.5, 10 + row["item"]) for row in shown]


def test_similar(shop: Path, call: Call) -> None:
    rows = call("similar", "0", "-k", "3", "--show", "name", "--json").json
    with graph(shop) as g:
        expected = g.similar([0], 3)
    assert len(rows) == 3
    assert [list(row.values())[1] for row in rows] == expected.iloc[:, 1].tolist()
    assert "Thing" in call("similar", "0", "--show", "name").out


def test_explain_says_why_and_adds_up(shop: Path, call: Call) -> None:
    user, lists = "c3", call("recommend", "c3", "-k", 2, "--json").json
    found = call("explain", user, "-k", 2, "--json").json
    assert [row["item"] for row in found["words"]] == [row["item"] for row in lists]
    for row in lists:
        parts = [each["part"] for each in found["parts"] if each["item"] == row["item"]]
        assert sum(parts) == pytest.approx(row["score"], abs=1e-5)
    assert [each["because"] for each in found["parts"]].count(None) == 2
    said = call("explain", user, lists[0]["item"])
    assert said.code == 0
    assert "because of" in said.out
    assert "the user's own part" in said.out
    assert call("explain", user, 999).code == 1


def test_cypher_prints_a_statement_that_gives_the_same_list(shop: Path, call: Call) -> None:
    done = call("cypher", "topk", "--exclude", "--where", "cheaper")
    comment, _, text = done.out.partition("\n")
    assert comment.startswith("// parameters: ")
    assert set(comment.removeprefix("// parameters: ").split(", ")) == {"$user", "$k", "$exclude", "$price"}
    with graph(shop) as g:
        found = g.query(text, user="c0", k=5, exclude=[1, 3], price=30)
        expected = g.recommend(["c0"], 5, exclude=[1, 3], where={"cheaper": 30})
    assert found["item_id"].tolist() == expected["item"].tolist()
    answer = call("cypher", "--json").json
    assert answer["parameters"] == ["user", "k"] or set(answer["parameters"]) == {"user", "k"}


def test_parameters_are_not_looked_for_in_names_and_texts() -> None:
    text = "MATCH (n:`a$b`) // $c\nWHERE n.x = '$d\\'$e' AND n.y = $f RETURN $g, $f"
    assert parameters_of(text) == ["f", "g"]


def test_a_negative_key_is_told_from_an_option(call: Call) -> None:
    done = call("recommend", "-10")
    assert done.code == 2
    assert "No such option: -1. Write -- before keys that begin with -" in done.err
    assert "--" not in call("recommend", "-z").err


def test_a_key_cannot_move_the_cursor(shop: Path, call: Call) -> None:
    pd.DataFrame({"uuid": ["\x1b[31mred\nline"]}).to_parquet("odd.parquet")
    assert call("load", "--nodes", "Customer=odd.parquet").code == 0
    done = call("recommend", "\x1b[31mred\nline", "--on-unknown", "fallback", "-k", "1")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\\x1b[31mred\\nline" in done.out


def test_every_error_has_an_exit_code() -> None:
    from graphrec.cli.app import exit_code

    codes = {kind.__name__: exit_code(kind("")) for kind in _kinds(GraphRecError)}
    assert codes == {
        "ArgumentError": 2,
        "SchemaError": 1,
        "DataError": 1,
        "UnknownKeyError": 1,
        "ModelError": 1,
        "MemoryPlanError": 1,
        "PublishError": 4,
        "StoreError": 1,
        "ConnectionFailedError": 3,
        "MissingExtraError": 1,
    }


def _kinds(kind: type[GraphRecError]) -> list[type[GraphRecError]]:
    return [each for child in kind.__subclasses__() for each in (child, *_kinds(child))]


# ---------------------------------------------------------------- the operator's night, on Neo4j


def test_the_operators_night(neo4j_url: str, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from neo4j import GraphDatabase

    user, password = (os.environ.get(f"GRAPHREC_NEO4J_{name}") for name in ("USER", "PASSWORD"))
    auth = (user, password) if user and password else None
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    Path("graphrec.toml").write_text(CONFIG.format(url=neo4j_url))

    assert call(*LOAD).code == 0
    done = program("fit", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = program("publish", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == 1
    text = call("cypher", "topk").out

    def lists() -> tuple[list[int], list[int]]:
        with GraphDatabase.driver(neo4j_url, auth=auth) as driver:
            records = driver.execute_query(text, user="c0", k=10).records
        ours = call("recommend", "c0", "-k", "10", "--json").json
        assert [row["score"] for row in ours] == pytest.approx([record["score"] for record in records], rel=1e-5)
        return [record["item_id"] for record in records], [row["item"] for row in ours]

    theirs, ours = lists()
    assert theirs == ours
    first = ours
    assert call("fit", "--set", "seed=7", "--set", "dim=12").code == 0  # tomorrow: the same text, another model
    assert call("publish").code == 0
    assert call("models", "--json").json[0]["version"] == 2
    theirs, ours = lists()
    assert theirs == ours
    assert call("cypher", "topk").out == text
    assert call("rollback", "shop").code == 0
    assert lists() == (first, first)
    assert call("rollback", "missing").code == 1
    done = call("doctor", "--json")
    assert done.code == 0, done.out
    assert "ONLINE" in done.out or "online" in done.out
