"use strict";
{
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures"), colours = read("colours");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;

  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    const [card, text, soft, line] = ["--card", "--text", "--soft", "--line"].map((name) => style.getPropertyValue(name));
    const palette = colours[dark.matches ? "dark" : "light"];
    const font = { family: style.fontFamily, size: 13, color: soft };
    const axis = { gridcolor: line, zeroline: false, automargin: true, fixedrange: touch };
    for (const [id, { data, layout }] of Object.entries(figures)) {
      const place = document.getElementById(id);
      const traces = data.map((trace) => {
        const color = palette[trace.meta.colour];
        const ring = { size: 14, symbol: "circle-open", line: { width: 2 } };
        const marker = { size: 5, opacity: 0.85, line: { width: 0.5, color: card }, ...trace.marker, ...(trace.meta.ring && ring), color };
        return { ...trace, marker, line: { width: 2, ...trace.line, color } };
      });
      const axes = Object.fromEntries(["xaxis", "yaxis", "yaxis2"].filter((name) => layout[name]).map((name) => [name, { ...axis, ...layout[name] }]));
      const themed = {
        ...layout, ...axes, font, autosize: true, paper_bgcolor: card, plot_bgcolor: card,
        margin: { l: 16, r: 24, t: touch ? 20 : 40, b: 16, ...layout.margin }, dragmode: touch ? false : "pan",
        hoverlabel: { bgcolor: card, bordercolor: line, font: { ...font, color: text } },
      };
      Plotly.react(place, traces, themed, {
        responsive: true, displaylogo: false, displayModeBar: !touch,
        modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
      });
    }
  };
  draw();
  dark.addEventListener("change", draw);
}
