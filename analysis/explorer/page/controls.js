// The controls: built from what the server offers; what they hold is `choice`.

const $ = (id) => document.getElementById(id);
const SEEDS = 1_000_000;

/** What is chosen, in the server's words but for the occluder, which the stage holds. */
export const choice = {
  source: null, face: 0, model: null, picked: false, crop: { zoom: 1, across: 0.5, down: 0.5 },
  tool: "rectangle", occluder: "sunglasses", fraction: 0.3, natural: true, fill: "noise", namedFill: "object",
  deep: false, yaw: 0, pitch: 0, roll: 0, corruption: "none", severity: 3, seed: 0,
  methods: ["gradcam"], layer: null, target: null, against: null, together: false, view: "after",
};

/** The condition that is chosen, as `Condition.to_dict` has it. */
export function condition() {
  const named = choice.tool === "named";
  const drawn = choice.tool === "rectangle" || choice.tool === "brush";
  return {
    occluder: named ? choice.occluder : drawn ? "drawn" : "none",
    fraction: named && !(choice.natural && offered.natural[choice.occluder]) ? choice.fraction : null,
    fill: fillNow(),
    yaw_deg: choice.deep ? choice.yaw : null,
    pitch_deg: choice.deep ? choice.pitch : null,
    roll_deg: choice.roll,
    corruption: choice.corruption,
    severity: choice.severity,
  };
}

const offered = { natural: {}, models: {}, limits: {}, galleries: {} };
const isObject = () => choice.tool === "named" && offered.natural[choice.occluder];
const fillNow = () => (isObject() ? choice.namedFill : choice.fill);

/** Fills in what there is to choose, and calls `changed()` after every choice. */
export function buildControls(hello, changed) {
  offered.limits = hello.limits;
  for (const one of hello.occluders) offered.natural[one.name] = one.natural;
  for (const one of hello.models) offered.models[one.name] = one;
  for (const one of hello.galleries) offered.galleries[one.name] = one;
  choice.model = hello.models[0].name;
  options("model", hello.models.map((one) => [one.name, one.title]));
  grouped("occluder", hello.occluders.filter((one) => one.name !== "drawn"));
  options("corruption", [["none", "as it is"], ...hello.corruptions.map((one) => [one.name, one.title])]);
  offered.fills = hello.fills;
  buildSources(hello.galleries);
  buildMethods(hello.methods, changed);
  for (const [id, limit] of [["yaw", hello.angles.yaw_deg], ["pitch", hello.angles.pitch_deg], ["roll", hello.angles.roll_deg]]) {
    Object.assign($(id), { min: -limit, max: limit, value: 0 });
  }
  const on = (id, read, event = $(id).tagName === "SELECT" ? "change" : "input") => {
    $(id).addEventListener(event, () => { read($(id)); refresh(); changed(); });
  };
  on("model", (e) => { choice.picked = true; setModel(e.value); });
  for (const radio of document.getElementsByName("tool")) {
    radio.addEventListener("change", () => { choice.tool = radio.value; refresh(); changed(); });
  }
  on("occluder", (e) => { choice.occluder = e.value; });
  on("fraction", (e) => { choice.fraction = e.value / 100; choice.natural = false; });
  on("natural", (e) => { choice.natural = e.checked; });
  on("fill", (e) => { if (isObject()) choice.namedFill = e.value; else choice.fill = e.value; });
  on("another", () => { choice.seed = Math.floor(Math.random() * SEEDS); }, "click");
  for (const id of ["yaw", "pitch"]) on(id, (e) => { choice[id] = Number(e.value); choice.deep = true; });
  on("roll", (e) => { choice.roll = Number(e.value); });
  on("deep", (e) => { choice.deep = e.checked; });
  on("turn-back", () => Object.assign(choice, { deep: false, yaw: 0, pitch: 0, roll: 0 }), "click");
  on("corruption", (e) => { choice.corruption = e.value; });
  on("severity", (e) => { choice.severity = Number(e.value); });
  on("target", (e) => { choice.target = e.value === "" ? null : Number(e.value); });
  on("against", (e) => { choice.against = e.value === "" || e.value === "second" ? e.value || null : Number(e.value); });
  on("together", (e) => { choice.together = e.checked; });
  on("layer", (e) => { choice.layer = e.value === "" ? null : Number(e.value); });
  on("zoom", (e) => { choice.crop.zoom = hello.limits.zoom ** (e.value / 100); });
  for (const id of ["across", "down"]) on(id, (e) => { choice.crop[id] = e.value / 100; });
  for (const radio of document.getElementsByName("view")) {
    radio.addEventListener("change", () => { choice.view = radio.value; changed(); });
  }
  refresh();
}

/** Brings every control to what is chosen. */
export function refresh() {
  for (const radio of document.getElementsByName("tool")) radio.checked = radio.value === choice.tool;
  for (const box of document.querySelectorAll("[data-tool]")) box.hidden = box.dataset.tool !== choice.tool;
  $("fill-field").hidden = choice.tool === "none";
  const object = isObject();
  $("natural-row").hidden = !object;
  $("natural").checked = choice.natural;
  $("model").value = choice.model;
  $("occluder").value = choice.occluder;
  slide("fraction", 100 * choice.fraction, object && choice.natural ? "natural" : `${Math.round(100 * choice.fraction)}%`);
  const own = choice.source === "upload";
  const fills = offered.fills.filter((one) => (one.name !== "object" || object) && !(one.borrows && own));
  if (!fills.some((one) => one.name === fillNow())) choice[object ? "namedFill" : "fill"] = "noise";
  options("fill", fills.map((one) => [one.name, one.title]));
  $("fill").value = fillNow();
  $("deep").checked = choice.deep;
  for (const id of ["yaw", "pitch"]) slide(id, choice[id], choice.deep ? degrees(choice[id]) : "–");
  slide("roll", choice.roll, degrees(choice.roll));
  $("corruption").value = choice.corruption;
  $("severity").disabled = choice.corruption === "none";
  slide("severity", choice.severity, choice.severity);
  const { zoom, across, down } = choice.crop;
  slide("zoom", 100 * Math.log(zoom) / Math.log(offered.limits.zoom), `${zoom.toFixed(1)}×`);
  slide("across", 100 * across, `${Math.round(100 * across)}%`);
  slide("down", 100 * down, `${Math.round(100 * down)}%`);
  const renders = offered.galleries[choice.source]?.renders ?? false;
  $("turn-hint").textContent = renders
    ? "In depth, a rendered head is drawn anew at just these angles."
    : "In depth, a photograph is turned by these angles from the pose it has; beyond 45° much is guessed.";
  $("browse").hidden = own;
  $("bring").hidden = !own;
}

/** Pixels a side of the pictures that are asked about. */
export function sizeNow() {
  return (choice.source === "upload" ? offered.models[choice.model] : offered.galleries[choice.source])?.size ?? 48;
}

/** A model that knows such faces, unless the user has picked one. */
export function fitModel() {
  if (choice.picked || !mismatch()) return;
  const renders = offered.galleries[choice.source]?.renders ?? false;
  const fitting = Object.values(offered.models).find((one) => one.on_heads === renders);
  if (fitting) setModel(fitting.name);
}

function setModel(name) {
  Object.assign(choice, { model: name, layer: null, target: null, against: null });
}

/** A line about a model that does not know such faces; empty if it does. */
export function mismatch() {
  const renders = offered.galleries[choice.source]?.renders ?? false;
  const { on_heads: knows, title } = offered.models[choice.model];
  if (knows === null || knows === renders) return ""; // of a net from outside it is not known
  const known = renders ? "photographs" : "rendered heads";
  return `${title} was trained on ${known}: what it says of these faces is a guess.`;
}

/** The classes and layers of the model that answered. */
export function refreshAnswers({ classes, target, second, layers }) {
  const predicted = choice.target === null ? ` (${classes[target]})` : "";
  options("target", [["", `as predicted untouched${predicted}`], ...classes.map((name, k) => [k, name])]);
  $("target").value = choice.target ?? "";
  const others = classes.map((name, k) => [k, name]).filter(([k]) => k !== target);
  options("against", [["", "nothing: its logit alone"], ["second", `the runner-up (${classes[second]})`], ...others]);
  $("against").value = choice.against === target ? "second" : choice.against ?? "";
  options("layer", [["", "mean"], ...Array.from({ length: layers }, (_, k) => [k, `layer ${k + 1}`])]);
  $("layer").value = choice.layer ?? "";
  $("layer").hidden = layers === 0;
}

function slide(id, value, text) {
  $(id).value = value;
  $(`${id}-value`).textContent = text;
  $(id).setAttribute("aria-valuetext", String(text));
}

export { slide };

const degrees = (angle) => `${angle < 0 ? "−" : angle > 0 ? "+" : ""}${Math.abs(angle)}°`;

function options(id, pairs) {
  const select = $(id), key = JSON.stringify(pairs);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

function grouped(id, ones) {
  const groups = new Map();
  for (const { name, title, group } of ones) {
    if (!groups.has(group)) groups.set(group, Object.assign(document.createElement("optgroup"), { label: group }));
    groups.get(group).append(new Option(title, name));
  }
  $(id).replaceChildren(...groups.values());
}

function buildSources(galleries) {
  const sources = [...galleries.map((one) => [one.name, one.title]), ["upload", "your picture"]];
  for (const [value, title] of sources) {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "source", value });
    const span = Object.assign(document.createElement("span"), { textContent: title, title });
    label.append(radio, span);
    $("sources").append(label);
  }
  document.getElementsByName("source")[0].checked = true;
}

const COSTS = { cheap: "At once", "several passes": "A little later", dear: "Seconds", trivial: "Trivial maps, to compare with" };

function buildMethods(methods, changed) {
  for (const [cost, title] of Object.entries(COSTS)) {
    const group = document.createElement("details");
    group.open = cost === "cheap";
    const summary = Object.assign(document.createElement("summary"), { textContent: title });
    const set = document.createElement("fieldset");
    set.append(Object.assign(document.createElement("legend"), { textContent: title, className: "spoken" }));
    for (const { name, title: text } of methods.filter((one) => one.cost === cost)) {
      const label = Object.assign(document.createElement("label"), { className: "check" });
      const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "method", value: name });
      box.checked = choice.methods.includes(name);
      box.addEventListener("change", () => {
        choice.methods = [...document.getElementsByName("method")].filter((one) => one.checked).map((one) => one.value);
        changed();
      });
      label.append(box, Object.assign(document.createElement("span"), { textContent: text }));
      set.append(label);
    }
    group.append(summary, set);
    $("methods").append(group);
  }
}
