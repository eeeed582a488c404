// One pane with one series: slices from memory through a window table. Coordinates: pixels of the series (columns, rows).

import { makeTable, paint, PRESETS } from "./windowing.js";
import { drawOverlay } from "./overlay.js";

const SETTLED = 300; // ms

export class Viewer {
  constructor(root, onChange) {
    this.root = root;
    this.canvas = root.querySelector("#picture");
    this.overlay = root.querySelector("#overlay");
    this.source = document.createElement("canvas"); // the slice at its own size, one canvas pixel a voxel
    this.onChange = onChange;
    this.series = null;
    this.width = PRESETS[0].width;
    this.level = PRESETS[0].level;
    this.invert = false;
    this.pending = false;
    this.onScreen = null; // {series, slice, since}: what was drawn last, and since when
    this.drawnAt = 0; // ms: the last drawing, the window's and the cursor's included, or the showing of a series
    new ResizeObserver(() => this.resize()).observe(root);
  }

  show(series) {
    const firstOne = this.series === null;
    this.drawnAt = performance.now();
    this.series = series;
    this.slice = 0;
    this.source.width = series.columns;
    this.source.height = series.rows;
    this.image = new ImageData(series.columns, series.rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.cursor = null; // {x, y} under the mouse or the keyboard's cross
    this.cross = false;
    this.ruler = null; // {from, to, slice}
    if (firstOne) this.table = makeTable(this.width, this.level, this.invert);
    this.fit();
    this.paintSlice();
  }

  clear() {
    this.series = null;
    this.onScreen = null;
    for (const canvas of [this.canvas, this.overlay]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    this.onChange();
  }

  // --- slices and window ---
  go(slice) {
    if (!this.series) return;
    const next = Math.max(0, Math.min(this.series.slices - 1, slice));
    if (next === this.slice) return;
    this.slice = next;
    this.paintSlice();
  }

  setWindow(width, level) {
    this.width = Math.max(2, Math.min(8000, Math.round(width)));
    this.level = Math.max(-2000, Math.min(4000, Math.round(level)));
    this.retable();
  }

  preset(index) {
    this.setWindow(PRESETS[index].width, PRESETS[index].level);
  }

  toggleInvert() {
    this.invert = !this.invert;
    this.retable();
  }

  reset() {
    this.invert = false;
    this.ruler = null;
    this.preset(0);
    this.fit();
  }

  retable() {
    this.table = makeTable(this.width, this.level, this.invert);
    if (this.series) this.paintSlice();
  }

  paintSlice() {
    const { rows, columns, hu } = this.series;
    paint(this.table, hu.subarray(this.slice * rows * columns, (this.slice + 1) * rows * columns), this.pixels);
    this.source.getContext("2d").putImageData(this.image, 0, 0);
    this.redraw();
  }

  // --- place and size ---
  resize() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.root.clientWidth * ratio), Math.round(this.root.clientHeight * ratio)];
    for (const canvas of [this.canvas, this.overlay]) [canvas.width, canvas.height] = [width, height];
    if (this.series) {
      if (this.fitted) this.fit();
      else this.redraw();
    }
  }

  // Scale along columns and rows: voxels that are not square are drawn in their true proportions.
  fit() {
    const { rows, columns } = this.series;
    this.scale = Math.min(this.canvas.width / (columns * this.aspect.x), this.canvas.height / (rows * this.aspect.y)) || 1;
    this.centre();
    this.fitted = true;
  }

  oneToOne() {
    this.scale = 1;
    this.centre();
  }

  get aspect() {
    const [betweenRows, betweenColumns] = this.series.spacing;
    const least = Math.min(betweenRows, betweenColumns);
    return { x: betweenColumns / least, y: betweenRows / least };
  }

  centre() {
    const { rows, columns } = this.series;
    this.x = Math.floor((this.canvas.width - columns * this.scale * this.aspect.x) / 2);
    this.y = Math.floor((this.canvas.height - rows * this.scale * this.aspect.y) / 2);
    this.fitted = false;
    this.redraw();
  }

  zoom(factor, at = { x: this.canvas.width / 2, y: this.canvas.height / 2 }) {
    if (!this.series) return;
    const scale = Math.max(0.2, Math.min(20, this.scale * factor));
    this.x = at.x - ((at.x - this.x) * scale) / this.scale;
    this.y = at.y - ((at.y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.redraw();
  }

  pan(dx, dy) {
    if (!this.series) return;
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.redraw();
  }

  toVoxel(x, y) {
    return { x: (x - this.x) / (this.scale * this.aspect.x), y: (y - this.y) / (this.scale * this.aspect.y) };
  }

  toCanvas(point) {
    return { x: this.x + point.x * this.scale * this.aspect.x, y: this.y + point.y * this.scale * this.aspect.y };
  }

  // --- values ---
  valueAt(point) {
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    const { rows, columns, hu } = this.series;
    return x < 0 || y < 0 || x >= columns || y >= rows ? null : hu[(this.slice * rows + y) * columns + x];
  }

  millimetres(from, to) {
    const [betweenRows, betweenColumns] = this.series.spacing;
    return Math.hypot((to.x - from.x) * betweenColumns, (to.y - from.y) * betweenRows);
  }

  // Whether the slice was already on screen at this time (of an event, ms): a key may have waited in the browser's queue
  // behind others that scrolled on. After SETTLED the clocks of events and pictures need not agree.
  wasOnScreen(time) {
    const { onScreen } = this;
    if (!onScreen || onScreen.series !== this.series || onScreen.slice !== this.slice) return false;
    return onScreen.since <= Math.max(time, performance.now() - SETTLED);
  }

  // --- drawing: at most once a frame ---
  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  draw() {
    if (!this.series) return;
    const context = this.canvas.getContext("2d");
    const { x: ax, y: ay } = this.aspect;
    const [x, y] = [Math.round(this.x), Math.round(this.y)];
    const [width, height] = [this.source.width * this.scale * ax, this.source.height * this.scale * ay];
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.imageSmoothingEnabled = !Number.isInteger(this.scale * ax) || !Number.isInteger(this.scale * ay); // whole voxels stay exact
    context.imageSmoothingQuality = "high";
    context.drawImage(this.source, x, y, width, height);
    Object.assign(this.canvas.dataset, { x, y, scale: this.scale, slice: this.slice, width: this.width, level: this.level });
    if (this.onScreen?.series !== this.series || this.onScreen.slice !== this.slice) {
      this.onScreen = { series: this.series, slice: this.slice, since: performance.now() };
    }
    this.drawn = (this.drawn ?? 0) + 1;
    this.drawnAt = performance.now();
    this.canvas.dataset.drawn = this.drawn;
    drawOverlay(this);
    this.onChange();
  }
}
