// Draws the figures, and keeps every legend, table and figure at what the reader has chosen.
(() => {
"use strict";
const store = JSON.parse(document.getElementById("store").textContent);
const main = document.querySelector("main");
const form = document.querySelector("form.controls");
const views = new Map();
const state = { hidden: new Set(), over: "", at: {} };
const all = (what, inside = document) => [...inside.querySelectorAll(what)];
const say = text => { document.querySelector(".said").textContent = text; };

// data come by columns, with values that repeat written once
for (const one of Object.values(store.data)) {
  const columns = one.values.map(column => column.of ? column.at.map(k => column.of[k]) : column);
  one.rows = (columns[0] || []).map((_, k) => columns.map(column => column[k]));
  delete one.values;
}

// figures
const objects = one => one.rows.map(
  row => Object.fromEntries(one.columns.map((column, k) => [column[0], row[k]])));
const GAP = 32, SIDE_BY_SIDE = 720;
const placeOf = name => document.querySelector(`[data-chart="${CSS.escape(name)}"] .drawing`);
const widthOf = (name, chart) => {
  const own = placeOf(name).clientWidth;  // 0 in a folded section
  if (own) return own;
  const whole = main.clientWidth;
  return Math.floor(chart.wide || whole < SIDE_BY_SIDE ? whole : (whole - GAP) / 2);
};
const chosen = name => store.sliders[name].values[state.at[name]];
const signals = () => ({
  hidden: [...state.hidden], over: state.over,
  ...Object.fromEntries(Object.keys(state.at).map(name => [`at_${name}`, chosen(name)])),
});
const send = names => {
  const value = signals();
  for (const { view, params } of views.values()) {
    const mine = params.filter(name => names.includes(name) && name in value);
    if (!mine.length) continue;
    for (const name of mine) view.signal(name, value[name]);
    view.runAsync();
  }
};
const started = new Map();
const draw = name => {
  if (!started.has(name)) started.set(name, drawNow(name));
  return started.get(name);
};
const drawNow = async name => {
  const chart = store.charts[name];
  const place = placeOf(name);
  const value = signals();
  const params = chart.spec.params.map(one => one.name);
  const spec = {
    ...store.common, ...chart.spec, width: widthOf(name, chart), description: chart.alt,
    params: chart.spec.params.map(one => one.name in value ? { ...one, value: value[one.name] } : one),
    datasets: Object.fromEntries(chart.data.map(one => [one, objects(store.data[one])])),
  };
  const { view } = await vegaEmbed(place, spec, { actions: false, renderer: "svg" });
  place.querySelector("svg").setAttribute("aria-hidden", "true");  // the place has one label
  views.set(name, { view, params, chart });
  view.addEventListener("mouseover", (_, item) => point(item && item.datum && item.datum.key || ""));
  view.addEventListener("mouseout", () => point(""));
  send(params);
};
const rest = async () => {
  for (const name of Object.keys(store.charts)) {
    await draw(name);
    await new Promise(done => setTimeout(done));
  }
};
let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    for (const [name, { view, chart }] of views) view.width(widthOf(name, chart)).runAsync();
  }, 150);
});

// what is shown, in all legends, tables and figures
const mark = () => {
  for (const one of all("button.key")) {
    const key = one.dataset.key;
    one.setAttribute("aria-pressed", String(!state.hidden.has(key)));
    one.classList.toggle("over", state.over === key);
    const row = one.closest("tr");
    if (row) {
      row.classList.toggle("off", state.hidden.has(key));
      row.classList.toggle("over", state.over === key);
    }
  }
};
const point = key => {
  if (state.over === key) return;
  state.over = key;
  mark();
  send(["over"]);
};
const toggle = (key, label) => {
  const shown = state.hidden.delete(key);
  if (!shown) state.hidden.add(key);
  mark();
  send(["hidden"]);
  say(`${label} ${shown ? "shown" : "hidden"} in all figures`);
};
for (const old of all(".key")) {
  const one = document.createElement("button");
  one.type = "button";
  one.className = "key";
  one.dataset.key = old.dataset.key;
  one.title = "Show or hide in all figures";
  one.append(...old.childNodes);
  old.replaceWith(one);
  const key = one.dataset.key;
  one.addEventListener("click", () => toggle(key, one.textContent.trim()));
  const where = one.closest("tr") || one;
  where.addEventListener("pointerenter", event => { if (event.pointerType !== "touch") point(key); });
  where.addEventListener("pointerleave", () => point(""));
  one.addEventListener("focus", () => { if (one.matches(":focus-visible")) point(key); });
  one.addEventListener("blur", () => point(""));
}

// lengths
const write = (cell, text) => {
  const [first, ...more] = text.split("\n");
  cell.replaceChildren(first);
  for (const line of more) {
    const small = document.createElement("small");
    small.textContent = line;
    cell.append(document.createElement("br"), small);
  }
};
// a time in ps as the tables write it: spacings of files are not exact
const shortened = time => `${Number(time.toPrecision(6))}`;
const moveTables = () => {
  const at = state.at.window;
  for (const [name, rows] of Object.entries(store.moving)) {
    const table = document.querySelector(`[data-table="${CSS.escape(name)}"] table`);
    const lines = [...table.tBodies[0].rows, ...(table.tFoot ? table.tFoot.rows : [])];
    (rows[at] || []).forEach((cells, k) => cells.forEach((text, column) => {
      if (column) write(lines[k].cells[column], text);
    }));
  }
  for (const one of all(".moves")) one.textContent = `Windows of ${shortened(chosen("window"))} ps. `;
};
const move = name => {
  const slider = store.sliders[name], k = state.at[name];
  const input = form.querySelector(`[data-slider="${name}"]`);
  const remark = slider.remarks[k] ? `, ${slider.remarks[k]}` : "";
  input.value = k;
  input.setAttribute("aria-valuetext", `${shortened(slider.values[k])} ps${remark}`);
  input.nextElementSibling.textContent = `${shortened(slider.values[k])} ps${remark}`;
  if (name === "window") moveTables();
  send([`at_${name}`]);
};
const isZoomed = view => {
  const ranges = view.getState({ signals: name => name === "zoom", data: () => false }).signals.zoom;
  return Boolean(ranges && Object.keys(ranges).length);
};
const reset = () => {
  for (const [name, { view }] of views) {
    if (!isZoomed(view)) continue;
    view.finalize();
    started.delete(name);
    draw(name);
  }
  state.hidden.clear();
  state.over = "";
  mark();
  for (const [name, slider] of Object.entries(store.sliders)) {
    state.at[name] = slider.chosen;
    move(name);
  }
  send(["hidden", "over"]);
};
form.addEventListener("input", event => {
  const name = event.target.dataset.slider;
  state.at[name] = Number(event.target.value);
  move(name);
});
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("reset", event => { event.preventDefault(); reset(); say("All choices reset"); });

// files and the clipboard
const save = (name, text, type) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const copy = async (text, what) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`${what} copied`);
};
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/, SIGN = /^[-+]\d*$/;
const cellOf = value => {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) && !SIGN.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
const csvOf = one => {
  const kept = one.columns.map((_, k) => k).filter(k => one.columns[k][2]);
  const head = kept.map(k => one.columns[k][0] + (one.columns[k][1] ? ` (${one.columns[k][1]})` : ""));
  const rows = one.rows.map(row => kept.map(k => row[k]));
  return [head, ...rows].map(row => row.map(cellOf).join(",")).join("\r\n") + "\r\n";
};
const textOf = cell => {
  const found = cell.cloneNode(true);
  for (const line of all("br", found)) line.replaceWith(" ");
  const small = all("small", found);
  for (const one of small) one.replaceWith(`(${one.textContent})`);
  return found.textContent.trim().replace(/\s+/g, " ");
};
const gridOf = table => [...table.rows].map(row => [...row.cells].map(textOf));
const alignOf = table => [...table.tHead.rows[0].cells].map(cell => cell.classList.contains("n"));
const markdownOf = table => {
  const [head, ...rows] = gridOf(table).map(
    row => row.map(text => text.replace(/[\\|*_<>`[\]~$&:@#!]/g, "\\$&")));
  const rule = alignOf(table).map(right => right ? "---:" : ":---");
  return [head, rule, ...rows].map(row => `| ${row.join(" | ")} |`).join("\n") + "\n";
};
const SUPER = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹⁺", SUB = "₋₀₁₂₃₄₅₆₇₈₉₊", LEVEL = "-0123456789+";
const TEX = {
  "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
  "<": "$<$", ">": "$>$", "|": "$|$", "\u00c5": "\\AA{}", "\u00d7": "$\\times$", "\u2212": "$-$",
};
const latexText = text => text
  .replace(/[\\~^<>|\u00c5\u00d7\u2212]|[&%$#_{}]/g, one => TEX[one] || `\\${one}`)
  .replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹⁺]+/g, run =>
    `$^{${[...run].map(one => LEVEL[SUPER.indexOf(one)]).join("")}}$`)
  .replace(/[₋₀₁₂₃₄₅₆₇₈₉₊]+/g, run =>
    `$_{${[...run].map(one => LEVEL[SUB.indexOf(one)]).join("")}}$`);
const latexOf = table => {
  const columns = alignOf(table).map(right => right ? "r" : "l").join("");
  // a bracket or star at the start of a row would be an option of the command before it
  const rows = gridOf(table).map(
    row => `${row.map(latexText).join(" & ").replace(/^[[*]/, "{$&}")} \\\\`);
  const foot = table.tFoot ? rows.splice(-1) : [];
  const caption = latexText(table.caption.textContent.trim().replace(/\s+/g, " "));
  return ["% needs \\usepackage{booktabs}", "\\begin{table}", `\\caption{${caption}}`,
    `\\begin{tabular}{${columns}}`, "\\toprule", rows[0], "\\midrule", ...rows.slice(1),
    ...(foot.length ? ["\\midrule", ...foot] : []), "\\bottomrule", "\\end{tabular}",
    "\\end{table}", ""].join("\n");
};
const tools = (place, named) => {
  const row = document.createElement("div");
  row.className = "tools";
  for (const [label, about, act] of named) {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = label;
    one.setAttribute("aria-label", about);
    one.addEventListener("click", act);
    row.append(one);
  }
  place.append(row);
};
for (const place of all(".table")) {
  const table = place.querySelector("table"), name = place.dataset.table;
  const csv = name
    ? [["CSV", `Download ${name} as CSV`, () => save(`${name}.csv`, csvOf(store.data[name]), "text/csv")]]
    : [];
  tools(place, [...csv,
    ["Markdown", "Copy the table as Markdown", () => copy(markdownOf(table), "Table as Markdown")],
    ["LaTeX", "Copy the table as LaTeX", () => copy(latexOf(table), "Table as LaTeX")]]);
}
for (const figure of all("[data-chart]")) {
  const name = figure.dataset.chart, [first] = store.charts[name].data;
  tools(figure, [
    ["CSV", `Download the data of ${name} as CSV`,
      () => save(`${name}.csv`, csvOf(store.data[first]), "text/csv")],
    ["SVG", `Download ${name} as SVG`, async () => {
      await draw(name);
      save(`${name}.svg`, await views.get(name).view.toSVG(), "image/svg+xml");
    }]]);
}
for (const place of all(".code")) {
  const text = place.querySelector("pre").textContent, name = place.dataset.file;
  tools(place, [["Copy", "Copy the text", () => copy(text, "Text")],
    ...(name ? [["Download", `Download ${name}`, () => save(name, text, "text/plain")]] : [])]);
}

// sections
const nav = document.querySelector("nav");
const sections = all("details.section");
const unfold = document.createElement("button");
unfold.type = "button";
unfold.className = "unfold";
unfold.textContent = "Unfold all";
unfold.addEventListener("click", () => {
  const open = sections.some(one => !one.open);
  for (const one of sections) one.open = open;
  unfold.textContent = open ? "Fold all" : "Unfold all";
});
nav.append(unfold);
const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
for (const link of all("a", nav)) link.addEventListener("click", () => setTimeout(reveal));
let folded = [];
// a third or half of a printed page, larger so that words come out smaller
const printed = (name, chart) => {
  const beside = placeOf(name).closest(".charts, .beside");
  return chart.wide || !beside ? 800 : beside.matches(".beside, .pairs") ? 400 : 280;
};
const LOWER = 0.55;
addEventListener("beforeprint", () => {
  folded = all("details:not(.screen):not(.screen *)").filter(one => !one.open);
  for (const one of folded) one.open = true;
  for (const [name, { view, chart }] of views)
    view.width(printed(name, chart)).height(LOWER * chart.spec.height).run();
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
  for (const [name, { view, chart }] of views)
    view.width(widthOf(name, chart)).height(chart.spec.height).runAsync();
});

document.documentElement.classList.add("js");
form.hidden = !Object.keys(store.sliders).length && !all("button.key").length;
reset();
reveal();
const ready = rest();
window.report = { store, state, views, ready, csvOf, markdownOf, latexOf };
ready.catch(error => console.error(error));
})();
