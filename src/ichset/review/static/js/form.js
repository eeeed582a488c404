// The reader's answers to one case, and the buttons that show them. 1 present, 0 absent, null cannot tell, undefined untouched.

import { t } from "./words.js";

const COMPARTMENTS = ["epidural", "subarachnoid", "subdural", "intracerebral"];
const WITHOUT_BLOOD = ["fracture"]; // labels that do not depend on haemorrhage

export class ReadForm {
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.labels = [...root.querySelectorAll("[data-label]")].map((button) => button.dataset.label);
    this.comment = root.querySelector("#comment");
    this.excludeList = root.querySelector("#exclude");
    for (const button of root.querySelectorAll("[data-ich]")) {
      button.addEventListener("click", () => this.setIch({ 1: 1, 0: 0, "?": null }[button.dataset.ich]));
    }
    for (const button of root.querySelectorAll("[data-label]")) button.addEventListener("click", () => this.toggle(button.dataset.label));
    for (const button of root.querySelectorAll("[data-confidence]")) {
      button.addEventListener("click", () => this.setConfidence(Number(button.dataset.confidence)));
    }
    this.excludeList.addEventListener("change", () => this.setExclude(this.excludeList.value));
    this.comment.addEventListener("input", () => this.change());
    this.load(null);
  }

  load(read) {
    this.answers = read ? { ...read.answers } : {};
    this.slices = structuredClone(read?.key_slices ?? {});
    this.confidence = read?.confidence ?? null;
    this.exclude = read?.exclude ?? "";
    this.comment.value = read?.comment ?? "";
    this.touched = false;
    this.draw();
  }

  setIch(value) {
    this.answers.ich = value;
    if (value === 0) {
      for (const label of this.labels) {
        if (!WITHOUT_BLOOD.includes(label)) {
          delete this.answers[label];
          delete this.slices[label];
        }
      }
      delete this.slices.ich;
    }
    this.change();
  }

  // absent or untouched -> present -> cannot tell -> absent
  toggle(label) {
    const now = this.answers[label];
    this.setLabel(label, now === 1 ? null : now === null ? 0 : 1);
  }

  setLabel(label, value) {
    this.answers[label] = value;
    if (value === 0) delete this.slices[label];
    if (value === 1 && !WITHOUT_BLOOD.includes(label)) this.answers.ich = 1;
    const several = COMPARTMENTS.filter((one) => this.answers[one] === 1).length > 1;
    if (several && this.answers.multiple === undefined) this.answers.multiple = 1; // two compartments are multiple by definition
    this.change();
  }

  markSlice(label, reference) {
    const marked = this.slices[label] ?? [];
    if (marked.includes(reference)) this.slices[label] = marked.filter((one) => one !== reference);
    else {
      this.slices[label] = [...marked, reference].sort(byNumber);
      if (label === "ich") this.answers.ich = 1;
      else if (this.answers[label] !== 1) return this.setLabel(label, 1);
    }
    if (!this.slices[label].length) delete this.slices[label];
    this.change();
  }

  setConfidence(value) {
    this.confidence = this.confidence === value ? null : value;
    this.change();
  }

  setExclude(reason) {
    this.exclude = reason;
    this.change();
  }

  change() {
    this.touched = true;
    this.onChange();
    this.draw();
  }

  // What is missing before it can be saved, as a key of words; null when complete.
  problem() {
    return this.answers.ich === undefined && !this.exclude ? "no_answer" : null;
  }

  // Untouched labels are absent; where haemorrhage itself cannot be told, so are its kinds.
  value() {
    const ich = this.answers.ich ?? null;
    const answers = { ich };
    for (const label of this.labels) {
      const untouched = ich === null && !WITHOUT_BLOOD.includes(label) ? null : 0;
      answers[label] = this.answers[label] === undefined ? untouched : this.answers[label];
    }
    const comment = this.comment.value.trim();
    return { answers, exclude: this.exclude || null, confidence: this.confidence, comment, key_slices: this.slices };
  }

  disable(closed) {
    for (const control of this.root.querySelectorAll("[data-ich], [data-label], [data-mark], [data-confidence], #exclude, #comment")) {
      control.disabled = closed;
    }
    this.closed = closed;
  }

  draw() {
    for (const button of this.root.querySelectorAll("[data-ich]")) {
      const value = { 1: 1, 0: 0, "?": null }[button.dataset.ich];
      button.setAttribute("aria-pressed", String(this.answers.ich === value));
    }
    for (const button of this.root.querySelectorAll("[data-label]")) {
      const value = this.answers[button.dataset.label];
      button.setAttribute("aria-pressed", value === 1 ? "true" : value === null ? "mixed" : "false");
      button.querySelector(".value").textContent = value === 1 ? t("present") : value === null ? "?" : "";
    }
    for (const button of this.root.querySelectorAll("[data-confidence]")) {
      button.setAttribute("aria-pressed", String(this.confidence === Number(button.dataset.confidence)));
    }
    this.excludeList.value = this.exclude;
    for (const place of this.root.querySelectorAll("[data-slices]")) place.textContent = sliceList(this.slices[place.dataset.slices]);
  }
}

export function sliceList(references = []) {
  return references.length ? `${t("slices")} ${references.join(", ")}` : "";
}

function byNumber(one, two) {
  const [a, b] = [one, two].map((reference) => reference.split(":").map(Number));
  return a[0] - b[0] || a[1] - b[1];
}
