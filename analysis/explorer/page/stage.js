// The occluder under the hand: drawn, moved and stretched by pointer and by keyboard.

import { SCALE, strokeTwice } from "./draw.js";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HANDLE = 2.2; // picture pixels about a corner that take hold of it
const HISTORY = 30;

/**
 * What is drawn, and how it is changed. `tool` is none, rectangle, brush or named; `changed()` is
 * called after each change that the user makes here. All places are in pixels of the picture.
 */
export class Stage {
  constructor(element, changed) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.changed = changed;
    this.tool = "rectangle";
    this.resize(48);
    this.brush = { size: 4, erase: false };
    this.pen = false;
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => this.up());
    element.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur", "pointerenter", "pointerleave"]) {  // handles come and go
      element.addEventListener(name, () => this.draw());
    }
  }

  /** For pictures of another size: everything in place again. */
  resize(size) {
    if (size === this.size) return;
    this.size = size;
    const part = (share) => Math.round(share * size);
    this.rectangle = { x: part(0.25), y: part(0.66), w: part(0.5), h: part(0.25) };
    this.painted = new Uint8Array(size * size);
    this.history = [];
    this.cursor = [size / 2, size / 2];
    this.moved = [0, 0];
  }

  choose(tool) {
    if (tool !== this.tool) this.pen = false;
    this.tool = tool;
    this.draw();
  }

  /** The mask (uint8) of what is drawn by hand. */
  drawn() {
    if (this.tool === "brush") return this.painted;
    const { x, y, w, h } = this.rectangle;
    const mask = new Uint8Array(this.size * this.size);
    for (let row = Math.max(0, y); row < Math.min(this.size, y + h); row++) {
      mask.fill(1, row * this.size + Math.max(0, x), row * this.size + Math.max(0, Math.min(this.size, x + w)));
    }
    return mask;
  }

  setRectangle(part) {
    const next = { ...this.rectangle, ...part };
    const between = (v, low, high) => Math.round(Math.min(high, Math.max(low, v)));
    next.w = between(next.w, 1, this.size);
    next.h = between(next.h, 1, this.size);
    next.x = between(next.x, 0, this.size - next.w);
    next.y = between(next.y, 0, this.size - next.h);
    this.rectangle = next;
    this.draw();
  }

  // Pointer

  place(event) {
    const box = this.element.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * this.size, (event.clientY - box.top) / box.height * this.size];
  }

  corner([px, py]) {
    const { x, y, w, h } = this.rectangle;
    for (const [cx, cy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      if (Math.hypot(px - x - cx * w, py - y - cy * h) < HANDLE) return [cx, cy];
    }
    return null;
  }

  inside([px, py]) {
    const { x, y, w, h } = this.rectangle;
    return px >= x && px <= x + w && py >= y && py <= y + h;
  }

  down(event) {
    if (this.tool === "none" || (event.button !== 0 && event.pointerType === "mouse")) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const at = this.place(event);
    const start = { ...this.rectangle, moved: [...this.moved] };
    const corner = this.tool === "rectangle" && this.corner(at);
    const kind = this.tool !== "rectangle" ? this.tool : corner ? "stretch" : this.inside(at) ? "carry" : "new";
    this.drag = { kind, at, last: at, start, corner };
    if (kind === "brush") { this.remember(); this.stroke(at, at, event.shiftKey); }
  }

  move(event) {
    const at = this.place(event);
    if (!this.drag) return this.hover(at);
    const { kind, at: from, start, corner } = this.drag;
    const [dx, dy] = [at[0] - from[0], at[1] - from[1]];
    if (kind === "brush") this.stroke(this.drag.last, at, event.shiftKey);
    else if (kind === "carry") this.setRectangle({ x: start.x + dx, y: start.y + dy, w: start.w, h: start.h });
    else if (kind === "new") this.span(from, at);
    else if (kind === "stretch") {
      const fixed = [start.x + (1 - corner[0]) * start.w, start.y + (1 - corner[1]) * start.h];
      this.span(fixed, at);
    } else if (kind === "named") this.moved = [Math.round(start.moved[0] + dx), Math.round(start.moved[1] + dy)];
    this.drag.last = at;
    this.changed();
    this.draw();
  }

  up() {
    if (this.drag) { this.drag = null; this.changed(); }
  }

  hover(at) {
    if (this.tool === "brush") { this.cursor = at; this.draw(); }
    const held = this.tool === "rectangle" && this.corner(at);
    const cursors = { none: "default", brush: "crosshair", named: "grab" };
    this.element.style.cursor = cursors[this.tool]
      ?? (held ? (held[0] === held[1] ? "nwse-resize" : "nesw-resize") : this.inside(at) ? "move" : "crosshair");
  }

  /** The rectangle between two places, whole pixels. */
  span([ax, ay], [bx, by]) {
    const limit = (v) => Math.min(this.size, Math.max(0, v));
    const [l, r] = [limit(Math.min(ax, bx)), limit(Math.max(ax, bx))].map(Math.round);
    const [t, b] = [limit(Math.min(ay, by)), limit(Math.max(ay, by))].map(Math.round);
    this.setRectangle({ x: l, y: t, w: Math.max(1, r - l), h: Math.max(1, b - t) });
  }

  // Brush

  /** Paints, or takes away, within the brush's radius of the line between two places. */
  stroke([ax, ay], [bx, by], other = false) {
    const value = this.brush.erase !== other ? 0 : 1;
    const radius = this.brush.size / 2, [dx, dy] = [bx - ax, by - ay], length = dx * dx + dy * dy;
    for (let y = 0; y < this.size; y++) for (let x = 0; x < this.size; x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      if (Math.hypot(px - along * dx, py - along * dy) <= radius) this.painted[y * this.size + x] = value;
    }
    this.cursor = [bx, by];
    this.changed();
    this.draw();
  }

  remember() {
    this.history.push(this.painted.slice());
    if (this.history.length > HISTORY) this.history.shift();
  }

  undo() {
    if (this.history.length) { this.painted = this.history.pop(); this.changed(); this.draw(); }
  }

  clear() {
    this.remember();
    this.painted = new Uint8Array(this.size * this.size);
    this.changed();
    this.draw();
  }

  // Keyboard

  key(event) {
    const way = KEYS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || this.tool === "none") return;
    if (way) this.arrow(way, event.shiftKey);
    else if (event.key === "+" || event.key === "=") this.grow(1);
    else if (event.key === "-") this.grow(-1);
    else if (event.key === " " && this.tool === "brush") this.togglePen();
    else if (event.key === "Delete" && this.tool === "brush") this.clear();
    else if (event.key === "Home" && this.tool === "named") this.moved = [0, 0];
    else return;
    event.preventDefault();
    this.changed();
    this.draw();
  }

  arrow([dx, dy], shift) {
    if (this.tool === "named") {
      const step = shift ? 4 : 1;
      this.moved = [this.moved[0] + step * dx, this.moved[1] + step * dy];
    } else if (this.tool === "rectangle") {
      const { x, y, w, h } = this.rectangle;
      this.setRectangle(shift ? { w: w + dx, h: h + dy } : { x: x + dx, y: y + dy });
    } else if (this.tool === "brush") {
      const from = this.cursor, limit = (v) => Math.min(this.size, Math.max(0, v));
      this.cursor = [limit(from[0] + (shift ? 4 : 1) * dx), limit(from[1] + (shift ? 4 : 1) * dy)];
      if (this.pen) this.stroke(from, this.cursor);
    }
  }

  grow(by) {
    const { x, y, w, h } = this.rectangle;
    if (this.tool === "rectangle") this.setRectangle({ x: x - by, y: y - by, w: w + 2 * by, h: h + 2 * by });
    if (this.tool === "brush") this.brush.size = Math.min(12, Math.max(1, this.brush.size + by));
  }

  togglePen() {
    this.pen = !this.pen;
    if (this.pen) { this.remember(); this.stroke(this.cursor, this.cursor); }
  }

  // What is seen of it

  draw() {
    const side = this.size * SCALE;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    const near = this.element.matches(":focus, :hover") || this.drag;
    if (this.tool === "rectangle") this.drawRectangle(context, near);
    if (this.tool === "brush" && near) this.drawCursor(context);
  }

  drawRectangle(context, near) {
    const { x, y, w, h } = this.rectangle;
    const path = new Path2D();
    path.rect(x * SCALE, y * SCALE, w * SCALE, h * SCALE);
    strokeTwice(context, path, 3);
    if (!near) return;
    for (const [cx, cy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      context.beginPath();
      context.arc((x + cx * w) * SCALE, (y + cy * h) * SCALE, 9, 0, 7);
      context.fillStyle = "#fff";
      context.strokeStyle = "#000";
      context.lineWidth = 2.5;
      context.fill();
      context.stroke();
    }
  }

  drawCursor(context) {
    const path = new Path2D();
    path.arc(this.cursor[0] * SCALE, this.cursor[1] * SCALE, Math.max(6, this.brush.size / 2 * SCALE), 0, 7);
    strokeTwice(context, path, this.pen ? 6 : 3);
  }
}
