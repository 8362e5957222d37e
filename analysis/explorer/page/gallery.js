// Faces to choose from: a page of a data set, or the user's own picture.

import { drawFace } from "./draw.js";

const PAGE = 24;
const $ = (id) => document.getElementById(id);

/** Shows galleries and asks for their pages; `chosen(source, face)` when a face is picked. */
export class Gallery {
  constructor(galleries, ask, chosen) {
    this.galleries = Object.fromEntries(galleries.map((one) => [one.name, one]));
    this.ask = ask;
    this.chosen = chosen;
    this.source = galleries[0].name;
    this.face = null; // the chosen one's place
    this.start = 0;
    this.total = 0;
    this.label = null;
    $("class").addEventListener("change", () => {
      this.label = $("class").value === "" ? null : Number($("class").value);
      this.turn(0);
    });
    $("previous").addEventListener("click", () => this.turn(this.start - PAGE));
    $("next").addEventListener("click", () => this.turn(this.start + PAGE));
    $("thumbnails").addEventListener("change", (event) => {
      this.face = Number(event.target.value);
      this.chosen(this.source, this.face);
    });
  }

  open(source) {
    this.source = source;
    this.label = null;
    const { classes } = this.galleries[source];
    $("class").replaceChildren(new Option("any", ""), ...classes.map((name, k) => new Option(name, k)));
    this.face = null;
    this.turn(0);
  }

  turn(start) {
    this.start = Math.max(0, start);
    this.ask({ type: "gallery", source: this.source, label: this.label, start: this.start, count: PAGE });
  }

  /** A few thumbnails of the page that was asked for. */
  show(message) {
    const { source, label, start, at, total, faces, ids, labels, arrays } = message;
    if (source !== this.source || label !== this.label || start !== this.start) return;
    const box = $("thumbnails"), size = this.galleries[source].size;
    if (at === 0) box.replaceChildren(box.querySelector("legend"));
    this.total = total;
    faces.forEach((face, k) => {
      const picture = arrays.pictures.subarray(k * size * size, (k + 1) * size * size);
      box.append(this.thumbnail(face, `${labels[k]}, ${ids[k]}`, picture, size));
    });
    const last = Math.min(total, start + PAGE);
    $("pages").textContent = total ? `${start + 1}–${last} of ${total}` : "none";
    $("previous").disabled = start === 0;
    $("next").disabled = last >= total;
    if (this.face === null && faces.length) this.first(faces, labels);
  }

  /** What is shown first: a happy face, which the mouth gives away, or else the first. */
  first(faces, labels) {
    const happy = labels.findIndex((name) => /happ/i.test(name));
    this.face = faces[Math.max(0, happy)];
    const radio = $("thumbnails").querySelector(`input[value="${this.face}"]`);
    radio.checked = true;
    this.chosen(this.source, this.face);
  }

  thumbnail(face, name, picture, size) {
    const label = document.createElement("label");
    label.title = name;
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "face", value: face });
    radio.checked = face === this.face;
    radio.setAttribute("aria-label", name);
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    drawFace(canvas, picture, size);
    label.append(canvas, radio);
    return label;
  }
}
