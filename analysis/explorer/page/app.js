// The page: what is chosen goes to the server, what comes back is shown.

import { drawBars, drawLayers, drawPairs } from "./charts.js";
import { buildControls, choice, condition, fitModel, mismatch, refresh, refreshAnswers, sizeNow, slide } from "./controls.js";
import { Gallery } from "./gallery.js";
import { connect, packFile } from "./socket.js";
import { Stage } from "./stage.js";
import { Tiles } from "./tiles.js";

const $ = (id) => document.getElementById(id);
const QUIET_MS = 700; // after the last change, what is seen is said
const HINTS = {
  none: "Nothing covers the face.",
  rectangle: "A rectangle. Arrow keys move it, Shift and an arrow stretch it, plus and minus make it larger and smaller.",
  brush: "A brush. Arrow keys move it, Space puts it down and lifts it, plus and minus change its size, Delete clears.",
  named: "An occluder. Arrow keys move it, Home puts it back.",
};

let link, stage, gallery, tiles, limits;
let asked = 0, waiting = false, sentAt = new Map(), sayLater;
let file = null; // the user's picture, kept to bring it again when the connection was lost

function start(hello) {
  if (tiles) return again();
  $("waiting").textContent = "Waiting for the first answer: the net looks at the face. Seconds, or longer on a busy machine.";
  limits = hello.limits;
  tiles = new Tiles(hello.arrays, Object.fromEntries(hello.methods.map((one) => [one.name, one.title])));
  stage = new Stage($("stage"), stageChanged);
  buildControls(hello, changed);
  gallery = new Gallery(hello.galleries, (message) => link.send(message), (source, face) => {
    Object.assign(choice, { source, face });
    refresh();
    changed();
  });
  wire();
  gallery.open(hello.galleries[0].name);
}

/** After a lost connection: a new session knows nothing of the old one. */
function again() {
  problem("");
  gallery.turn(gallery.start);
  if (file) bring(file);
  if (choice.source !== "upload") changed();
}

// What is asked

function changed() {
  stage.resize(sizeNow());
  stage.choose(choice.tool);
  tiles.look.view = choice.view;
  $("stage").setAttribute("aria-label", choice.tool === "none" ? "Covered face" : "Occluder on the covered face");
  $("stage-hint").textContent = HINTS[choice.tool];
  $("warning").textContent = mismatch();
  $("warning").hidden = !mismatch();
  $("stage-title").textContent = choice.tool === "none" ? "As the model sees it" : "Covered face";
  const rectangle = stage.rectangle, size = stage.size;
  for (const [id, value, max] of [["left", rectangle.x, size - 1], ["top", rectangle.y, size - 1],
    ["width", rectangle.w, size], ["height", rectangle.h, size]]) {
    $(id).max = max;
    slide(id, value, `${value} px`);
  }
  slide("brush-size", stage.brush.size, `${stage.brush.size} px`);
  ask();
}

function stageChanged() { changed(); }

/** Asks at most once per frame; the server answers the latest. */
function ask() {
  if (waiting || choice.source === null || (choice.source === "upload" && choice.face === null)) return;
  waiting = true;
  $("pictures").dataset.asked = asked + 1;
  requestAnimationFrame(() => {
    waiting = false;
    const number = ++asked;
    const state = {
      type: "state", id: number, source: choice.source, face: choice.face, model: choice.model,
      condition: condition(), crop: choice.crop, seed: choice.seed, methods: choice.methods,
      layer: choice.layer, target: choice.target, against: choice.against, together: choice.together, compared: choice.view !== "after",
      moved: choice.tool === "named" ? stage.moved.map((one) => Math.round(one)) : [0, 0],
    };
    if (state.condition.occluder === "drawn") state.drawn = base64(stage.drawn());
    sentAt.set(number, performance.now());
    link.send(state);
  });
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

// What is answered

function receive(message) {
  const handle = { hello: start, gallery: (m) => gallery.show(m), seen, map, together, done, uploaded,
    problem: (m) => told(m) }[message.type];
  handle?.(message);
}

function seen(message) {
  if (message.size !== stage.size) return; // of the data set before
  if (problem.about !== "upload") problem("");
  $("waiting").hidden = true;
  tiles.showSeen(message, choice.methods);
  stage.draw();
  refreshAnswers(message);
  $("together-card").hidden = !choice.together;
  $("together-card").classList.add("late");
  const [reference, now] = compared();
  $("legend-before").textContent = reference;
  $("legend-after").textContent = now;
  drawBars($("bars"), message, [reference, now]);
  drawLayers($("layers"), message, message.texts.covered);
  clearTimeout(sayLater);
  sayLater = setTimeout(() => { $("spoken").textContent = message.texts.summary; }, QUIET_MS);
  $("pictures").dataset.seen = message.id;
}

/** What is compared, in a word each. */
function compared() {
  if (choice.tool !== "none") return ["uncovered", "covered"];
  if (choice.corruption !== "none") return ["unspoiled", "spoiled"];
  return ["untouched", choice.deep || choice.roll ? "turned" : "as it is"];
}

function map(message) {
  if (!choice.methods.includes(message.method) || !tiles.seen) return;
  tiles.showMethod(message);
  $("pictures").dataset.mapped = message.id;
}

function together(message) {
  $("together-note").textContent = message.text;
  drawPairs($("together-table"), message, tiles.colours.signed);
  $("together-card").classList.remove("late");
}

function done(message) {
  const took = performance.now() - sentAt.get(message.id);
  for (const number of sentAt.keys()) if (number <= message.id) sentAt.delete(number);
  $("speed").textContent = took < 1000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(1)} s`;
  $("pictures").dataset.took = took.toFixed(1);
  $("pictures").dataset.done = message.id;
}

// What goes wrong

function told(message) {
  problem(message.text, message.about);
  if (message.about === "upload") $("file-name").textContent = "";
  if (message.id) $("pictures").dataset.done = message.id;
}

/** Says what went wrong, until it is closed or over; an empty text: nothing. */
function problem(text, about = "") {
  problem.about = about;
  $("problem").hidden = !text;
  $("problem-text").textContent = text;
}

// The user's own picture

async function bring(chosen) {
  if (chosen.size > limits.bytes) {
    return problem(`${chosen.name} is larger than ${limits.bytes >> 20} MiB, the most that is read.`, "upload");
  }
  if (!link.send(packFile({ type: "upload", name: chosen.name }, chosen))) return;
  bring.sent = chosen;
  $("file-name").textContent = "reading…";
}

function uploaded({ number, name, width, height, notes }) {
  const same = file === bring.sent;
  file = bring.sent;
  problem("");
  $("file-name").textContent = [`${name} (${width} × ${height})`, ...notes].join("; ");
  $("crop").hidden = false;
  choice.face = own.face = number;
  if (!same) choice.crop = { zoom: 1, across: 0.5, down: 0.5 };
  choose("upload");
}

const own = { face: null };

function choose(source) {
  for (const radio of document.getElementsByName("source")) radio.checked = radio.value === source;
  choice.source = source;
  if (source === "upload") choice.face = own.face;
  fitModel();
  refresh();
  if (source !== "upload") gallery.open(source);
  else changed();
}

// The rest of the page

function wire() {
  for (const radio of document.getElementsByName("source")) {
    radio.addEventListener("change", () => choose(radio.value));
  }
  for (const [id, part] of [["left", "x"], ["top", "y"], ["width", "w"], ["height", "h"]]) {
    $(id).addEventListener("input", () => { stage.setRectangle({ [part]: Number($(id).value) }); changed(); });
  }
  $("brush-size").addEventListener("input", () => { stage.brush.size = Number($("brush-size").value); changed(); });
  $("erase").addEventListener("change", () => { stage.brush.erase = $("erase").checked; });
  $("undo").addEventListener("click", () => stage.undo());
  $("clear").addEventListener("click", () => stage.clear());
  $("place-back").addEventListener("click", () => { stage.moved = [0, 0]; changed(); });
  const look = () => {
    tiles.look.strength = $("strength").value / 100;
    tiles.look.cells = $("cells").checked;
    slide("strength", $("strength").value, `${$("strength").value}%`);
    tiles.redraw();
  };
  $("strength").addEventListener("input", look);
  $("cells").addEventListener("change", look);
  slide("strength", 65, "65%");
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("problem-close").addEventListener("click", () => problem(""));
  $("file").addEventListener("change", () => { if ($("file").files[0]) bring($("file").files[0]); $("file").value = ""; });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) bring(event.dataTransfer.files[0]);
  });
  $("save").addEventListener("click", async () => (await import("./save.js")).save());
}

link = connect({
  message: receive,
  open() {},
  lost(code) {
    problem(code === 1013 ? "Too many pages of the explorer are open; close one."
      : "The explorer has ended, or cannot be reached. Trying again… If it was started anew, open the address that it printed.");
  },
});
