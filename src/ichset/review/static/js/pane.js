// The picture pane: series and window buttons, corner texts, loading, and the keyboard's side of the viewer.

import { attach } from "./gestures.js";
import { SeriesShelf } from "./series.js";
import { element } from "./text.js";
import { Viewer } from "./viewer.js";
import { PRESETS } from "./windowing.js";
import { t } from "./words.js";

const RESTED = 1000; // ms

export class Pane {
  constructor(root, onProblem) {
    this.root = root;
    this.view = root.querySelector("#view");
    this.viewer = new Viewer(this.view, () => this.corners());
    this.shelf = new SeriesShelf();
    this.onProblem = onProblem;
    attach(this.viewer, this.view);
    this.presetButtons = PRESETS.map((preset, index) => this.button("#presets", `${index + 1} ${t(`window_${preset.key}`)}`, () => this.viewer.preset(index)));
  }

  button(place, text, action) {
    const made = element("button", "", text);
    made.type = "button";
    made.addEventListener("click", action);
    this.root.querySelector(place).append(made);
    return made;
  }

  open(current) {
    this.case = current;
    this.shelf.keepOnly([current.token, current.next?.token]);
    this.choose(current.token, current.series);
  }

  // Show a study of this case: its own, or (for the expert) an earlier or later one.
  choose(related, series, note = "") {
    this.related = related;
    this.root.querySelector("#other-note").textContent = note;
    this.list = series;
    this.root.querySelector("#series").replaceChildren();
    this.seriesButtons = series.map((one, index) => this.button("#series", this.describe(one), () => this.load(index)));
    if (series.length) return this.load(0);
    this.viewer.clear();
    this.onProblem("no_series");
  }

  describe(one) {
    const thickness = one.slice_thickness ? `${one.slice_thickness} ${t("mm")}` : "";
    return [`${one.series}`, one.kernel, thickness, `×${one.instances}`].filter(Boolean).join(" ");
  }

  async load(index) {
    const wanted = (this.wanted = `${this.case.token} ${this.related} ${index}`);
    this.index = index;
    this.seriesButtons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
    this.view.classList.add("busy");
    this.viewer.clear();
    try {
      const series = await this.shelf.load(this.case.token, this.related, this.list[index].series);
      if (wanted !== this.wanted) return;
      this.viewer.show(series);
      this.view.dataset.shown = wanted;
      this.ahead();
    } catch (error) {
      if (wanted === this.wanted) this.onProblem(error.code ?? "fault", error.detail);
    } finally {
      if (wanted === this.wanted) this.view.classList.remove("busy");
    }
  }

  // The next case's first series is fetched while this one is read: once the reader rests on a slice, since decoding and
  // receiving it would cost a scroll its frames.
  ahead() {
    const next = this.case.next;
    if (!next?.series.length) return;
    const later = RESTED - (performance.now() - this.viewer.drawnAt);
    clearTimeout(this.waiting);
    if (later > 0) this.waiting = setTimeout(() => this.ahead(), later);
    else this.shelf.load(next.token, next.token, next.series[0]).catch(() => {});
  }

  reference() {
    const { viewer } = this;
    return viewer.series && this.related === this.case.token ? `${this.list[this.index].series}:${viewer.slice + 1}` : null;
  }

  corners() {
    const { viewer } = this;
    const put = (place, text) => (this.root.querySelector(`#corner-${place}`).textContent = text);
    if (!viewer.series) return ["nw", "ne", "sw", "se"].forEach((place) => put(place, ""));
    const [left, right, top, bottom] = viewer.series.sides.map((side) => t(`side_${side}`));
    put("nw", `${t("slice")} ${viewer.slice + 1} / ${viewer.series.slices}${this.reference() ? `  (${this.reference()})` : ""}\n${viewer.series.offsets[viewer.slice].toFixed(1)} ${t("mm")}`);
    put("ne", `${t("side_note", { left, right })}\n${t("side_note_y", { top, bottom })}`);
    put("sw", `W ${viewer.width}  L ${viewer.level}${viewer.invert ? `  ${t("inverted")}` : ""}\n${Math.round(viewer.scale * 100)} %`);
    const value = viewer.cursor && viewer.valueAt(viewer.cursor);
    put("se", value === null || value === undefined ? "" : `${value} HU`);
    this.presetButtons.forEach((button, i) =>
      button.setAttribute("aria-pressed", String(PRESETS[i].width === viewer.width && PRESETS[i].level === viewer.level)));
  }

  // True when the key was the pane's.
  key(code, shift) {
    const { viewer } = this;
    if (!viewer.series) return false;
    const arrow = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[code];
    if (arrow && viewer.cross) {
      const step = shift ? 10 : 1;
      viewer.cursor = { x: viewer.cursor.x + arrow[0] * step, y: viewer.cursor.y + arrow[1] * step };
      if (viewer.measuring) viewer.ruler.to = viewer.cursor;
      viewer.redraw();
      return true;
    }
    if (arrow && shift) return viewer.pan(arrow[0] * -40, arrow[1] * -40), true;
    const action = this.actions()[code];
    if (!action || (shift && !["Equal", "NumpadAdd", "Minus"].includes(code))) return false;
    action();
    return true;
  }

  actions() {
    const { viewer } = this;
    const step = Math.max(1, Math.round(viewer.width / 20));
    const turn = (by) => this.seriesButtons.length > 1 && this.load((this.index + by + this.seriesButtons.length) % this.seriesButtons.length);
    const made = {
      ArrowUp: () => viewer.go(viewer.slice - 1), ArrowDown: () => viewer.go(viewer.slice + 1),
      PageUp: () => viewer.go(viewer.slice - 5), PageDown: () => viewer.go(viewer.slice + 5),
      Home: () => viewer.go(0), End: () => viewer.go(viewer.series.slices - 1),
      ArrowLeft: () => turn(-1), ArrowRight: () => turn(1), Comma: () => turn(-1), Period: () => turn(1),
      BracketLeft: () => viewer.setWindow(viewer.width, viewer.level - step), BracketRight: () => viewer.setWindow(viewer.width, viewer.level + step),
      Semicolon: () => viewer.setWindow(viewer.width - step, viewer.level), Quote: () => viewer.setWindow(viewer.width + step, viewer.level),
      Equal: () => viewer.zoom(1.2), NumpadAdd: () => viewer.zoom(1.2), Minus: () => viewer.zoom(1 / 1.2), NumpadSubtract: () => viewer.zoom(1 / 1.2),
      Digit0: () => viewer.oneToOne(), KeyR: () => viewer.reset(), KeyI: () => viewer.toggleInvert(), KeyH: () => this.toggleCross(), KeyL: () => this.measure(),
    };
    PRESETS.forEach((_, index) => (made[`Digit${index + 1}`] = () => viewer.preset(index)));
    return made;
  }

  toggleCross() {
    const { viewer } = this;
    viewer.cross = !viewer.cross;
    viewer.measuring = false;
    viewer.cursor = viewer.cross ? { x: viewer.series.columns / 2 + 0.5, y: viewer.series.rows / 2 + 0.5 } : null;
    viewer.redraw();
  }

  // The ruler without a mouse: L at one end, arrows, L at the other.
  measure() {
    const { viewer } = this;
    if (!viewer.cross) this.toggleCross();
    viewer.measuring = !viewer.measuring;
    if (viewer.measuring) viewer.ruler = { from: viewer.cursor, to: viewer.cursor, slice: viewer.slice };
    viewer.redraw();
  }
}
