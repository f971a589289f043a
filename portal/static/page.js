// What the page does besides being read: charts from the tables beside them, keys of the review queue, and rules that are added in the builder.
// Without this file everything can still be read, filtered and taken away.
"use strict";

const COLOURS = ["#0b5f63", "#c8641b", "#3d6db5", "#7a8b2c", "#8a4a86", "#b08a1e", "#5b6b75", "#b5432f"];
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

function readTable(id) {
  const table = document.getElementById(id);
  const heads = [...table.tHead.rows[0].cells].map((c) => ({ key: c.dataset.key, unit: c.dataset.unit, label: c.textContent.trim() }));
  const rows = [...table.tBodies[0].rows].map((r) => [...r.cells].map((c) => ({ text: c.textContent.trim(), value: c.dataset.v === undefined || c.dataset.v === "" ? null : Number(c.dataset.v) })));
  return { heads, rows };
}

function draw(box) {
  const { heads, rows } = readTable(box.dataset.table);
  const wanted = box.dataset.series.split(" ").map((key) => heads.findIndex((h) => h.key === key)).filter((at) => at >= 0);
  const names = rows.map((r) => r[0].text);
  const kind = box.dataset.chart;
  const tooltip = { renderMode: "richText", trigger: kind === "heat" ? "item" : "axis", confine: true };
  const base = { color: COLOURS, animation: !calm, tooltip, aria: { enabled: true }, textStyle: { fontFamily: "system-ui, sans-serif" } };
  const told = (at) => rows.map((r) => ({ value: r[at].value, text: r[at].text }));
  let option;
  if (kind === "heat") {
    const cells = rows.flatMap((r, y) => wanted.map((at, x) => [x, y, r[at].value])).filter((c) => c[2] !== null);
    const values = cells.map((c) => c[2]);
    option = { ...base, grid: { left: 8, right: 16, top: 8, bottom: 40, containLabel: true }, xAxis: { type: "category", data: wanted.map((at) => heads[at].label) },
      yAxis: { type: "category", data: names, inverse: true },
      visualMap: { min: Math.min(...values), max: Math.max(...values), orient: "horizontal", left: "center", bottom: 0, itemHeight: 80, itemWidth: 10, inRange: { color: ["#f3f7f6", "#7fbab6", "#0b5f63"] } },
      series: [{ type: "heatmap", data: cells }] };
  } else {
    const lying = kind === "bar";
    const category = { type: "category", data: names, inverse: lying, axisLabel: { width: 150, overflow: "truncate" } };
    const value = { type: "value", axisLabel: { hideOverlap: true }, splitNumber: 4, splitLine: { lineStyle: { color: "#e3e7e5" } } };
    option = { ...base, grid: { left: 8, right: 24, top: wanted.length > 1 ? 34 : 12, bottom: 8, containLabel: true },
      legend: wanted.length > 1 ? { top: 0, type: "scroll" } : undefined,
      xAxis: lying ? value : category, yAxis: lying ? category : value,
      series: wanted.map((at) => ({ name: heads[at].label, type: kind === "line" ? "line" : "bar", stack: kind === "stack" ? "all" : undefined, symbolSize: 5, barMaxWidth: 26,
        data: told(at).map((c) => c.value), tooltip: { valueFormatter: (v) => { const row = told(at).find((c) => c.value === v); return row ? row.text : String(v); } } })) };
  }
  const chart = echarts.init(box, null, { renderer: "canvas", locale: document.documentElement.lang === "es" ? "ES" : "EN" });
  chart.setOption(option);
  new ResizeObserver(() => chart.resize()).observe(box);
}

function drawAll(root) {
  if (typeof echarts === "undefined") return;
  for (const box of root.querySelectorAll(".chart:not([data-drawn])")) {
    box.dataset.drawn = "yes";
    draw(box);
  }
}

// The review queue is worked through with the keyboard: s same, d different, l later, u undo.
function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
  const button = document.querySelector(`[data-press="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button) {
    event.preventDefault();
    button.click();
  }
}

// Rules of the builder: a hidden template row is copied.
function builder() {
  const list = document.getElementById("rules");
  const model = document.getElementById("rule-model");
  const add = document.getElementById("add-rule");
  if (!list || !model || !add) return;
  add.hidden = false;
  add.addEventListener("click", () => {
    const rule = model.content.firstElementChild.cloneNode(true);
    list.append(rule);
    rule.querySelector("select").focus();
    if (typeof htmx !== "undefined") htmx.process(rule);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  drawAll(document);
  builder();
  document.addEventListener("keydown", keys);
  document.body.addEventListener("htmx:afterSwap", (event) => drawAll(event.target));
});
