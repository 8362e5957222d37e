// The answer in numbers: probabilities per class, and attention on the covered part per layer.

const SVG = "http://www.w3.org/2000/svg";
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

function make(name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A row per class: bars before and after, and both numbers. */
export function drawBars(table, { classes, before, after }, names) {
  if (table.dataset.classes !== classes.join()) {
    table.dataset.classes = classes.join();
    table.replaceChildren(caption(names), ...classes.map(row));
  }
  table.querySelectorAll("caption").forEach((one) => one.replaceWith(caption(names)));
  const best = after.indexOf(Math.max(...after));
  table.querySelectorAll("tbody tr").forEach((line, k) => {
    line.classList.toggle("best", k === best);
    const [first, second] = line.querySelectorAll(".track i");
    first.style.width = `${100 * before[k]}%`;
    second.style.width = `${100 * after[k]}%`;
    line.querySelector(".number.before").textContent = percent(before[k]);
    line.querySelector(".number.after").textContent = percent(after[k]);
  });
}

function caption([before, after]) {
  const element = document.createElement("caption");
  element.className = "spoken";
  element.textContent = `Probability of each class: ${before}, then ${after}`;
  return element;
}

function row(name) {
  const body = document.createElement("tbody");
  const line = body.insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  line.append(head);
  const track = line.insertCell();
  track.className = "track-cell";
  track.setAttribute("aria-hidden", "true");
  track.innerHTML = '<div class="track"><i class="before"></i><i class="after"></i></div>';
  for (const kind of ["before", "after"]) line.insertCell().className = `number ${kind}`;
  return body;
}

const ROW = 26, LEFT = 64, RIGHT = 62, TOP = 8;

/** A line per layer: attention per area on the covered part, over the face's, before and after. */
export function drawLayers(box, { on_covered: pairs, layers, covered, reason }, text) {
  if (!pairs.length || pairs.every(([a, b]) => a === null || b === null)) {
    const why = document.createElement("p");
    why.className = "hint";
    why.textContent = !layers ? `This model ${reason}: there is nothing to see here.`
      : covered > 0 ? "What is covered, or what is left, is too small for the layers' cells."
      : "Cover a part of the face to see whether attention leaves it.";
    box.replaceChildren(why);
    return;
  }
  const width = Math.max(260, Math.min(520, box.clientWidth)); // one unit a pixel: words stay legible
  const known = pairs.flat().filter((value) => value !== null).map(Math.log);
  const reach = Math.max(0.1, 1.12 * Math.max(...known.map(Math.abs)));
  const x = (value) => LEFT + (width - LEFT - RIGHT) * (Math.log(value) / reach + 1) / 2;
  const height = TOP + ROW * pairs.length + 30;
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.setAttribute("aria-label", spoken(pairs, text));
  const bottom = TOP + ROW * pairs.length;
  svg.append(make("line", { class: "even", x1: x(1), x2: x(1), y1: TOP, y2: bottom }));
  pairs.forEach(([before, after], k) => {
    const y = TOP + ROW * (k + 0.5);
    svg.append(make("text", { x: 0, y: y + 4 }, `layer ${k + 1}`));
    svg.append(make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
    if (before === null || after === null) return;
    svg.append(make("line", { class: "move", x1: x(before), x2: x(after), y1: y, y2: y }));
    svg.append(make("circle", { class: "dot-before", cx: x(before), cy: y, r: 5 }));
    svg.append(make("circle", { class: "dot-after", cx: x(after), cy: y, r: 5.5 }));
    const change = 100 * (after / before - 1);
    const shown = `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(Math.abs(change) < 9.95 ? 1 : 0)}%`;
    svg.append(make("text", { x: width, y: y + 4, "text-anchor": "end" }, shown));
  });
  const axis = [[LEFT, "start", "less"], [x(1), "middle", "its even share"], [width - RIGHT, "end", "more"]];
  for (const [at, anchor, word] of axis) {
    svg.append(make("text", { x: at, y: bottom + 20, "text-anchor": anchor }, word));
  }
  box.replaceChildren(svg);
}

function spoken(pairs, text) {
  const lines = pairs.map(([before, after], k) => before === null || after === null
    ? `layer ${k + 1}: not defined`
    : `layer ${k + 1}: ${before.toFixed(2)} of its even share before, ${after.toFixed(2)} after`);
  return `${text} ${lines.join("; ")}.`;
}

/** A table of what every two regions are worth together, in logits, in the colours of signed maps. */
export function drawPairs(table, { regions, arrays: { pairs } }, colours) {
  const count = regions.length;
  let limit = 1e-6;
  pairs.forEach((value, i) => { if (i % (count + 1)) limit = Math.max(limit, Math.abs(value)); });
  const head = (text, scope) => Object.assign(document.createElement("th"), { textContent: text, scope });
  const body = document.createElement("tbody"), top = body.insertRow();
  top.append(document.createElement("td"), ...regions.slice(0, -1).map((name) => head(name, "col")));
  for (let i = 1; i < count; i++) {
    const line = body.insertRow();
    line.append(head(regions[i], "row"));
    for (let j = 0; j < i; j++) {
      const value = pairs[i * count + j], cell = line.insertCell();
      const k = 3 * Math.round(127.5 * (value / limit + 1)), strong = Math.abs(value) > 0.6 * limit;
      cell.textContent = `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
      cell.style.background = `rgb(${colours.slice(k, k + 3).join()})`;
      cell.style.color = strong ? "white" : "black";
    }
  }
  table.replaceChildren(body);
}
