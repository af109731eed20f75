from __future__ import annotations

import pytest
from interactions import communities, dataset_of

from graphrec.config import Config, read_config
from graphrec.data.prepare import BM25, KCore
from graphrec.errors import ArgumentError, SchemaError
from graphrec.models import LightGCN
from graphrec.rank.explore import Explore
from graphrec.rank.exposure import ExposureCap

FULL = """
[connection]
url = "neo4j://localhost:7687"
database = "shop"
[schema.user]
label = "Customer"
key = "uuid"
[schema.item]
label = "Product"
key = "sku"
[[schema.interactions]]
type = "BOUGHT"
weight = "qty"
time = "at"
[model]
name = "products"
kind = "lightgcn"
dim = 16
[split]
rule = "random"
test = 0.2
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_all_tables_are_read(tmp_path, encoding):
    (tmp_path / "graphrec.toml").write_text(FULL, encoding=encoding)
    config = read_config(str(tmp_path / "graphrec.toml"))
    assert (config.url, config.database, config.name) == ("neo4j://localhost:7687", "shop", "products")
    assert config.schema.relationships["BOUGHT"].weight == "qty"
    assert (config.rule, config.split_options) == ("random", {"test": 0.2})
    assert config.model() == LightGCN(dim=16)
    assert config.model(dim=8, layers=2) == LightGCN(dim=8, layers=2)
    assert config.model("popularity").kind == "popularity"  # the file's options are LightGCN's


def test_features_of_nodes_are_read(tmp_path):
    path = tmp_path / "c.toml"
    table = 'features = [{ property = "title", kind = "words" }, { property = "year", kind = "number" }]\n'
    path.write_text(
        f'[schema.item]\nlabel = "Product"\nkey = "sku"\n{table}[[schema.interactions]]\ntype = "BOUGHT"\n'
    )
    item = read_config(path).schema.item
    assert [(each.property, each.kind) for each in item.features] == [("title", "words"), ("year", "number")]
    assert item.columns == ("title", "year")
    path.write_text('[schema.item]\nlabel = "P"\nfeatures = [{ property = "title", kind = "wrods" }]\n')
    with pytest.raises(SchemaError, match="kind"):
        read_config(path)


def test_the_file_here_is_the_default_and_none_gives_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_config() == Config()
    (tmp_path / "graphrec.toml").write_text('[model]\nname = "x"\n')
    assert read_config().name == "x"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[modle]\n", ArgumentError, "Did you mean 'model'"),
        ("url = 1\n", ArgumentError, "tables"),
        ("friends = []\n", ArgumentError, "Write it as \\[friends\\]"),
        ("[rerank]\n", ArgumentError, "Write it as \\[\\[rerank\\]\\]"),
        ("[connection]\nurl = 7687\n", ArgumentError, "`connection.url` must be text. Got 7687"),
        ("[connection]\ndatabase = 3\n", ArgumentError, "`connection.database` must be text. Got 3"),
        ("[model]\nkind = 3\n", ArgumentError, "`model.kind` must be text. Got 3"),
        ("[model]\nname = 'my shop'\n", ArgumentError, "`name` must be a letter followed by"),
        ("[split]\nrul = 'random'\n", ArgumentError, "`split` must hold known keys. Got 'rul'. Did you mean 'rule'"),
        ('[connection]\npassword = "hunter2"\n', ArgumentError, "GRAPHREC_NEO4J_PASSWORD"),
        ('[connection]\nurll = "x"\n', ArgumentError, "Did you mean 'url'"),
        ("[model\n", ArgumentError, "must be TOML"),
        ("[schema.user]\nlable = 'x'\n", SchemaError, "Did you mean 'label'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, error, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(error, match=message) as caught:
        read_config(path)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ArgumentError, match="readable file"):
        read_config(tmp_path / "none.toml")


def test_unknown_options_of_the_model_are_refused(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[model]\ndimm = 3\n")
    with pytest.raises(ArgumentError, match="Did you mean 'dim'"):
        read_config(path).model()


def test_preparation_and_tuning_are_read(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        '[[prepare]]\nkind = "k-core"\nusers = 3\n[[prepare]]\nkind = "bm25"\nb = 1\n'
        '[split]\nrule = "random"\nseed = 4\n'
        '[tune]\nbudget = "30m"\n[tune.space]\ndim = [8, 16]\nreg = { low = 1e-6, high = 1, log = true }\n'
    )
    config = read_config(path)
    assert config.prepare == (KCore(users=3), BM25(b=1.0))
    assert config.tune == {"budget": "30m", "space": {"dim": [8, 16], "reg": {"low": 1e-6, "high": 1, "log": True}}}
    data = dataset_of(communities())
    split = config.split(data)
    assert [step["kind"] for step in split.train.preparation] == ["k-core", "bm25"]
    assert (split.test.matrix != data.prepare([KCore(users=3)]).split("random", seed=4).test.matrix).nnz == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[prepare]\nkind = 'log'\n", "`config` must hold tables of known names. Got 'prepare'"),
        ("[[prepare]]\nkind = 'k-cor'\n", "Did you mean 'k-core'"),
        ("[[prepare]]\nkind = 'k-core'\nusers = 0\n", "`users` should be greater than or equal to 1"),
        ("[[prepare]]\nkind = 'log'\n[[prepare]]\nkind = 'k-core'\n", "must have 'k-core' before 'log'"),
        ("[[model]]\nkind = 'random'\n", "tables of known names. Got 'model'"),
        ("[tune]\nbudgte = '1h'\n", "`tune` must hold known keys. Got 'budgte'. Did you mean 'budget'"),
    ],
)
def test_wrong_steps_and_tunings_are_named(tmp_path, text, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ArgumentError, match=message):
        read_config(path)


def test_steps_of_re_ranking_are_read_and_checked(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[[rerank]]\nkind = "explore"\nshare = 0.1\n[[rerank]]\nkind = "exposure-cap"\ncount = 9\n')
    assert read_config(path).rerank == (Explore(share=0.1), ExposureCap(count=9))
    assert Config().rerank == ()
    path.write_text('[rerank]\nkind = "mmr"\n')
    with pytest.raises(ArgumentError, match=r"`config` must hold tables of known names. Got 'rerank'"):
        read_config(path)
    path.write_text('[[rerank]]\nkind = "mrm"\n')
    with pytest.raises(ArgumentError, match=r"Did you mean 'mmr'\?"):
        read_config(path)


def test_what_steers_a_training_is_what_a_tuning_compares() -> None:
    assert Config().metric == "ndcg@20"
    assert Config(tune={"metric": "recall@5"}).metric == "recall@5"
    assert Config(tune={"metric": "rmse"}).metric == "ndcg@20"  # which only compares
    with pytest.raises(ArgumentError, match="`metric` must be known"):
        assert Config(tune={"metric": "recal@5"}).metric
