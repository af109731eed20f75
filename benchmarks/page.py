"""All results as one page of Markdown, figures against goals first."""

from __future__ import annotations

from typing import Any

GOALS = {
    "PyG (edge_index)": (8.0, 14.0),
    "PyG (normalised CSR)": (1.4, 2.5),
    "sparse COO product (as LightGCN-PyTorch)": (1.7, 3.0),
}


def page(reports: list[dict[str, Any]], step: dict[str, Any] | None) -> str:
    """Return the page.

    Args:
        reports: what `benchmarks.measure.write` wrote.
        step: what ``benchmarks/lightgcn_step.py`` wrote, or None.
    """
    figures = [figure for report in reports for figure in report["goals"]] + (_step_goals(step) if step else [])
    parts = [
        "# Figures",
        "Written by `python -m benchmarks` (`make bench`); the JSON beside this page holds each run.",
    ]
    parts += [_table([_against(figure) for figure in figures])]
    for report in reports:
        parts += [
            f"## {report['title']}",
            *(f"**{caption}**\n\n{_table(rows)}" for caption, rows in report["tables"].items()),
        ]
        parts += ["\n".join(f"- {note}" for note in [*report["notes"], _run(report)])]
    if step:
        parts += ["## LightGCN, one training step", _step_table(step), _step_note(step)]
    if reports:
        parts += ["## Machine", _table([{"": key, "value": value} for key, value in reports[-1]["machine"].items()])]
    return "\n\n".join(parts) + "\n"


def _against(figure: dict[str, Any]) -> dict[str, Any]:
    def bound(name: str) -> str:
        return "-" if figure[name] is None else f"{'≤' if figure['less_is_better'] else '≥'} {figure[name]:g}"

    met = {None: "-", True: "yes", False: "**no**"}
    return {
        "what": figure["what"],
        "measured": f"**{figure['value']:.3g}** {figure['unit']}",
        "must": bound("must"),
        "aim": bound("aim"),
        "must reached": met[figure["must_met"]],
        "aim reached": met[figure["aim_met"]],
    }


def _run(report: dict[str, Any]) -> str:
    load = f"load average {report['load_before'][0]} before, {report['load_after'][0]} after"
    return (
        f"{report['date']}, `{report['command']}`: scale {report['scale']:g}, {report['repeats']} repetitions, "
        f"{report['seconds']} s, {report['machine']['cores']} cores, {load}."
    )


def _step_goals(step: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for peer, (must, aim) in GOALS.items():
        if peer not in step["results"]:
            continue
        value = step["results"][peer]["times_ours"]
        found.append(
            {
                "what": f"LightGCN step, {step['data']}, {step['dim']}-d, against {peer}",
                "value": value,
                "unit": "x",
                "must": must,
                "aim": aim,
                "less_is_better": False,
                "must_met": value >= must,
                "aim_met": value >= aim,
            }
        )
    return found


def _step_table(step: dict[str, Any]) -> str:
    results = step["results"].items()
    return _table(
        [
            {"what": n, "x graphrec": round(r["times_ours"], 2), "median s": round(r["median_s"], 3)}
            for n, r in results
        ]
    )


def _step_note(step: dict[str, Any]) -> str:
    return (
        f"- {step['data']}: {step['pairs']:,} pairs, {step['layers']} layers, batch {step['batch_size']}, "
        f"{step['repeats']} repetitions in turns; load average {step['machine']['load'][0]:.1f}. Draw, propagate, "
        "loss, backward and Adam; all variants give the same embeddings, loss and gradient before they are timed."
    )


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "all"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_shown(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
