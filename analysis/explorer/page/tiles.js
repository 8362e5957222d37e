// The row of pictures: the face, the covered face, attention, and a tile per method.

import { drawFace, drawMap, drawScale, outline, rangeOf, told } from "./draw.js";

const $ = (id) => document.getElementById(id);

export class Tiles {
  constructor(colours, titles) {
    this.colours = colours;
    this.titles = titles;
    this.seen = null;
    this.maps = new Map(); // method -> message
    this.look = { view: "after", strength: 0.65, cells: false };
  }

  /** A new answer: the faces and attention at once; the maps of earlier answers stay, pale. */
  showSeen(seen, methods) {
    this.seen = seen;
    const { clean, shown, mask } = seen.arrays;
    drawFace(this.canvas("tile-face"), clean, seen.size, this.look.cells);
    drawFace(this.canvas("tile-stage"), shown, seen.size, this.look.cells);
    this.describe("tile-face", seen.texts.clean, note(seen.classes, seen.clean, seen.label));
    const share = seen.covered > 0 ? ` · ${Math.round(100 * seen.covered)}% of the face covered` : "";
    const hidden = seen.hidden > 0.005 ? ` · ${Math.round(100 * seen.hidden)}% hidden by the head` : "";
    this.describe("tile-stage", seen.texts.shown, note(seen.classes, seen.after) + share + hidden);
    this.hasMask = mask.some((value) => value > 0);
    this.showMap("tile-attention", { arrays: seen.arrays, signed: false, reason: seen.reason, texts: seen.texts.attention });
    this.keep(methods);
  }

  /** A method's maps. */
  showMethod(message) {
    this.maps.set(message.method, message);
    const id = this.tile(message.method);
    $(id).classList.remove("late");
    this.showMap(id, message);
  }

  /** Everything again, in another look. */
  redraw() {
    if (!this.seen) return;
    this.showSeen(this.seen, [...this.maps.keys()]);
    for (const message of this.maps.values()) this.showMethod(message);
  }

  /** Tiles for these methods and no others, in their order. */
  keep(methods) {
    for (const method of [...this.maps.keys()]) if (!methods.includes(method)) this.maps.delete(method);
    for (const tile of document.querySelectorAll(".tile.method")) {
      if (!methods.includes(tile.dataset.method)) tile.remove();
    }
    methods.forEach((method, k) => { // the first beside the attention, the others below the answer
      const tile = $(this.tile(method)), box = $(k ? "more" : "tiles");
      const place = k ? box.children[k - 1] : $("tile-attention").nextElementSibling;
      if (place !== tile) box.insertBefore(tile, place);
      tile.classList.add("late");
    });
  }

  tile(method) {
    const id = `tile-${method.replace(/\W/g, "p")}`;
    if (!$(id)) {
      const tile = $("tile-attention").cloneNode(true);
      tile.id = id;
      tile.dataset.method = method;
      tile.classList.add("method");
      tile.querySelector("h2").textContent = this.titles[method];
      tile.querySelectorAll("select, label, .why").forEach((one) => one.remove());
      tile.querySelector(".frame canvas").width = 0;
      tile.querySelector(".note").textContent = "…";
      $("more").append(tile);
    }
    return id;
  }

  canvas(id) { return $(id).querySelector(".frame canvas"); }

  describe(id, alt, text) {
    this.canvas(id).setAttribute("aria-label", alt);
    $(id).querySelector(".note").textContent = text;
  }

  showMap(id, { arrays, signed, reason, texts }) {
    const tile = $(id), { seen, look } = this;
    tile.querySelector(".why")?.remove();
    tile.querySelector(".scale").hidden = !arrays.map;
    this.canvas(id).hidden = !arrays.map;
    if (!arrays.map) {
      const why = Object.assign(document.createElement("p"), { className: "why", textContent: `This model ${reason}.` });
      tile.querySelector(".frame").append(why);
      return this.describe(id, texts.after, "");
    }
    const { map, about, ground } = this.chosen(arrays, signed);
    const range = about.range;
    const colours = about.signed ? this.colours.signed : this.colours.rising;
    drawMap(this.canvas(id), ground, map, seen.size, { ...look, signed: about.signed, range, colours });
    if (this.hasMask) outline(this.canvas(id), seen.arrays.mask, seen.size);
    const [low, strip, high] = tile.querySelector(".scale").children;
    low.textContent = told(range[0], about.signed);
    high.textContent = told(range[1], about.signed);
    drawScale(strip, colours);
    const text = texts[arrays.map_before ? look.view : "after"];
    this.describe(id, text, noteOf(text));
  }

  /** Which map of a pair is looked at, in which colours, upon which picture. */
  chosen({ map, map_before: before }, signed) {
    const { shown, reference } = this.seen.arrays;
    const both = before ? [map, before] : [map];
    if (this.look.view === "before" && before) {
      return { map: before, ground: reference, about: { signed, range: rangeOf(both, signed) } };
    }
    if (this.look.view === "difference" && before) {
      const change = map.map((value, i) => value - before[i]);
      return { map: change, ground: shown, about: { signed: true, range: rangeOf([change], true) } };
    }
    return { map, ground: shown, about: { signed, range: rangeOf(this.look.view === "after" ? [map] : both, signed) } };
  }
}

function note(classes, probabilities, label) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  const labelled = label && label !== "unknown" ? `labelled ${label} · ` : "";
  return `${labelled}predicted ${classes[best]}, ${Math.round(100 * probabilities[best])}%`;
}

/** The part of a spoken line that the title above a picture does not say already. */
function noteOf(text) {
  const rest = text.slice(text.indexOf(": ") + 2).replace(/; [^;]*\.$/, "."); // the scale has the ends
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
