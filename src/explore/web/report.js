// Draws the curves and sets the formulas. Without it the page still has every number: SVG curves, tables, formulas as LaTeX.
"use strict";
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("report-data").textContent);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function readable(value) {
    if (value == null) return "–";
    const size = Math.abs(value);
    if (size >= 1e6) return (value / 1e6).toFixed(2) + " M";
    if (size >= 1e4) return (value / 1e3).toFixed(1) + " k";
    return size === 0 ? "0" : size < 0.01 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  }

  function options(chart, width) {
    const axis = {
      stroke: colour("--muted"), font: "12px system-ui, sans-serif", gap: 6,
      grid: {stroke: colour("--rule"), width: 1}, ticks: {stroke: colour("--rule"), width: 1, size: 5},
    };
    return {
      width, height: chart.id === "loss" ? Math.max(240, Math.min(380, width * 0.5)) : 190,
      scales: {x: {time: false}},
      axes: [{...axis, size: 34, space: 64}, {...axis, size: 58, values: (plot, values) => values.map(readable)}],
      series: [{label: chart.x_label}].concat(chart.curves.map((curve) => ({
        label: chart.curves.length > 1 ? curve.label : "value", stroke: colour("--c" + curve.colour), width: chart.curves.length > 1 && curve.colour === 0 ? 1.25 : 1.75,
        points: {show: curve.has_dots, size: 6, fill: colour("--paper")}, value: (plot, value) => readable(value),
      }))),
      legend: {markers: {show: chart.curves.length > 1}},
      cursor: {points: {size: 7}},
    };
  }

  function draw(chart) {
    const figure = document.getElementById("chart-" + chart.id);
    const holder = figure.querySelector(".plot");
    figure.classList.add("drawn");
    const data = uPlot.join(chart.curves.map((curve) => [curve.x, curve.y]));
    let plot = null;
    const redraw = () => {
      if (plot) plot.destroy();
      plot = new uPlot(options(chart, holder.clientWidth), data, holder);
    };
    redraw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new ResizeObserver(() => {
      if (holder.clientWidth > 0 && holder.clientWidth !== plot.width) redraw();
    }).observe(holder);
  }

  // The text is a model's: no links or files (trust), bounded macros and sizes, and what KaTeX cannot parse stays as it is.
  const environments = ["equation", "equation*", "align", "align*", "gather", "gather*", "alignat", "alignat*"];
  const math = {
    delimiters: [
      {left: "$$", right: "$$", display: true}, {left: "\\[", right: "\\]", display: true},
      {left: "\\(", right: "\\)", display: false}, {left: "$", right: "$", display: false},
    ].concat(environments.map((name) => ({left: "\\begin{" + name + "}", right: "\\end{" + name + "}", display: true}))),
    throwOnError: true, errorCallback: () => {}, strict: "ignore", trust: false, maxExpand: 200, maxSize: 10, errorColor: "var(--bad)",
  };

  charts.forEach(draw);
  document.querySelectorAll(".math").forEach((element) => renderMathInElement(element, math));
  root.dataset.ready = "yes";
})();
