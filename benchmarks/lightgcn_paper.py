"""LightGCN with the paper's Gowalla settings: 64-d, 3 layers, BPR, batch 2048, rate .001, reg 1e-4, 1,000 epochs.

    python -m benchmarks.lightgcn_paper --gowalla DIR              # steered by validation; the test stays untouched
    python -m benchmarks.lightgcn_paper --gowalla DIR --all        # on all but the test, which then judges it once

Whatever is set otherwise stands in the results. A run that was stopped goes on where it was: the checkpoint is in
``--cache``. Written: a log (a JSON line an epoch), a curve (SVG), and a report for the page of figures.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.measure import Bench, goal, machine
from benchmarks.quality import METRICS, parts
from graphrec import evaluate
from graphrec.models import LightGCN
from graphrec.train.history import StopTraining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.train.history import Epoch

RESULTS = Path(__file__).parent / "results"
CACHE = Path(tempfile.gettempdir()) / "graphrec-bench"
SIZE, MARGIN = (640, 300), 50


class Log:
    """A file with a JSON line an epoch, which a run that goes on continues; ends the training when time is up."""

    def __init__(self, path: Path, hours: float | None) -> None:
        self.path, self.hours = path, hours
        text = path.read_text() if path.exists() else ""
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]

    def __call__(self, epoch: Epoch) -> None:
        line = {"epoch": epoch.epoch, "loss": epoch.loss, "seconds": epoch.seconds, "validation": epoch.validation}
        self.lines = [each for each in self.lines if each["epoch"] < epoch.epoch] + [line]
        fresh = self.path.with_suffix(".new")
        fresh.write_text("".join(json.dumps(each) + "\n" for each in self.lines))
        fresh.replace(self.path)
        if self.hours is not None and sum(each["seconds"] for each in self.lines) > 3600 * self.hours:
            raise StopTraining

    def curve(self) -> str:
        """Return loss and validation metric by epoch as SVG, each from 0 to its own highest value."""
        (width, height), last = SIZE, max(self.lines[-1]["epoch"], 2)
        shapes = []
        for name, colour in (("loss", "#888"), ("validation", "#06c")):
            points = [(each["epoch"], each[name]) for each in self.lines if each[name] is not None]
            if not points:
                continue
            top = max(value for _, value in points)
            places = " ".join(
                f"{MARGIN + (width - 2 * MARGIN) * (x - 1) / (last - 1):.1f},"
                f"{height - MARGIN - (height - 2 * MARGIN) * y / (top or 1):.1f}"
                for x, y in points
            )
            shapes.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{places}"/>')
            label = f"{name}: highest {top:.4g}, last {points[-1][1]:.4g}"
            shapes.append(f'<text x="{MARGIN}" y="{16 * len(shapes)}" fill="{colour}">{label}</text>')
        axes = f"M{MARGIN},{MARGIN} V{height - MARGIN} H{width - MARGIN}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="#fff"/><path d="{axes}" fill="none" '
            f'stroke="#000"/>{"".join(shapes)}'
            f'<text x="{width / 2}" y="{height - 18}">epoch, 1 to {last}</text></svg>\n'
        )


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--gowalla", type=Path, help="folder of train.parquet and test.parquet; else a synthetic graph"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the synthetic graph, in millions of interactions"
    )
    parser.add_argument("--all", action="store_true", help="train on everything but the test, and judge by it once")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=2048)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--last-rate", type=float, help="to which the rate falls; else it stays")
    parser.add_argument("--sampling", choices=("pairs", "users"), default="users")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--hours", type=float, help="of training, after which the best state so far is taken")
    parser.add_argument(
        "--eval-every", type=int, default=10, help="epochs from one measurement or checkpoint to the next"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps the checkpoint")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(given)
    model = LightGCN(
        dim=options.dim,
        layers=3,
        batch_size=options.batch_size,
        sampling=options.sampling,
        learning_rate=options.learning_rate,
        last_rate=options.last_rate,
        reg=1e-4,
        epochs=options.epochs,
        patience=options.epochs,
        eval_every=options.eval_every,
    )
    source, _, split = parts(Bench(options.scale, 1, options.gowalla, False, options.cache))
    name = "lightgcn_paper_all" if options.all else "lightgcn_paper"
    options.out.mkdir(parents=True, exist_ok=True)
    options.cache.mkdir(parents=True, exist_ok=True)
    checkpoint = options.cache / f"{name}.checkpoint"
    log = Log(options.out / f"{name}.jsonl", options.hours)
    if not checkpoint.exists():
        log.lines = []
    data, validation = (split.without_test, None) if options.all else (split.train, split.validation)
    fitted = model.fit(data, validation=validation, device=options.device, callbacks=[log], checkpoint=checkpoint)
    fitted.save(options.cache / f"{name}.safetensors")
    (options.out / f"{name}.svg").write_text(log.curve())
    on = "test" if options.all else "validation"
    figures = evaluate(fitted, split, METRICS, on=on).figures
    report = _report(name, source, split.rule, model, fitted.history.best_epoch, log, figures, on)
    (options.out / f"{name}.json").write_text(json.dumps(report, indent=1, default=float) + "\n")
    print(figures.to_string(index=False))


def _report(
    name: str, source: str, rule: str, model: LightGCN, best: int, log: Log, figures: Any, on: str
) -> dict[str, Any]:
    value = dict(zip(figures["metric"], figures["value"], strict=True))
    seconds = sum(each["seconds"] for each in log.lines)
    bounds = {"recall@20": (0.178, 0.182), "ndcg@20": (0.151, 0.1545)} if (source, on) == ("Gowalla", "test") else {}
    arguments = " ".join(shlex.quote(each) if "/" not in each else "DIR" for each in sys.argv[1:])
    row = {
        "judged by": on,
        "epochs": len(log.lines),
        "of at most": model.epochs,
        "epoch taken": best,
        "batch": model.batch_size,
        "rate": model.learning_rate,
        "last rate": "the same" if model.last_rate is None else model.last_rate,
        "sampling": model.sampling,
        "hours": round(seconds / 3600, 2),
        "threads": torch.get_num_threads(),
        "last loss": log.lines[-1]["loss"],
        **{metric: value[metric] for metric in METRICS},
        **{f"{each.metric} 95 %": f"{each.low:.4f} to {each.high:.4f}" for each in figures.itertuples()},
    }
    load = [round(each, 1) for each in os.getloadavg()]
    return {
        "name": name,
        "title": f"LightGCN reproduced, judged by {on}",
        "goals": [goal(f"LightGCN, {source}, {m} on {on}", value[m], "", *bounds.get(m, ())) for m in METRICS],
        "tables": {f"{source}, {model.dim}-d, {model.layers} layers, reg {model.reg:g}": [row]},
        "notes": [
            f"{rule}. The paper: .1830 recall@20, .1554 NDCG@20 on the test part; 1,000 epochs, batch 2,048, rate "
            ".001.",
            f"Log: [{name}.jsonl]({name}.jsonl); curve: ![{name}]({name}.svg)",
        ],
        "scale": 1,
        "repeats": 1,
        "command": f"python -m benchmarks.lightgcn_paper {arguments}",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(seconds),
        "load_before": load,
        "load_after": load,
        "machine": machine(),
    }


if __name__ == "__main__":
    main()
