// The reading page: takes the next case, shows it, records the read. The server decides; this page only asks.

import { get, post, Refusal } from "./api.js";
import { ReadForm } from "./form.js";
import { Pane } from "./pane.js";
import { days, element, readElement, reportElements } from "./text.js";
import { has, t } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const desk = $("#desk");
const round = desk.dataset.round;
const form = new ReadForm($("#form"), () => problem(""));
const pane = round === "image" ? new Pane($("#stage"), problem) : null;
let others = []; // the patient's other studies, for the expert
const dialog = $("#keys-dialog");
let current = null;
let busy = false;
let watch = { seconds: 0, since: null };

function problem(code, detail = "") {
  $("#problem").textContent = code ? [t(has(code) ? code : "fault"), detail].filter(Boolean).join(" ") : "";
}

function status(text) {
  $("#status").textContent = text;
}

// --- time on the case: only while the page can be seen ---
function tick(running) {
  if (watch.since !== null) watch.seconds += (performance.now() - watch.since) / 1000;
  watch.since = running ? performance.now() : null;
}
document.addEventListener("visibilitychange", () => tick(!document.hidden));

// --- showing a case ---
async function open(path) {
  if (busy) return;
  busy = true;
  try {
    show(await get(path));
  } catch (error) {
    problem(error instanceof Refusal ? error.code : "fault", error.detail);
    desk.hidden = false;
  } finally {
    busy = false;
  }
}

function show(answer) {
  current = answer.done ? null : answer;
  desk.hidden = answer.done === true;
  $("#done").hidden = !answer.done;
  others = [];
  $("#progress").textContent = `${answer.progress.read} / ${answer.progress.total}`;
  problem("");
  if (answer.done) return finished(answer);
  form.load(answer.mine);
  form.disable(Boolean(answer.closed));
  if (answer.closed) problem(answer.closed);
  status(answer.mine ? t(answer.closed ? "closed" : "correcting") : "");
  $("#undo").disabled = !answer.last || answer.last === answer.token;
  $("#save").disabled = Boolean(answer.closed);
  $("#skip").hidden = !answer.mine;
  showReport(answer);
  showFirstReads(answer);
  showOthers(answer);
  pane?.open(answer);
  watch = { seconds: 0, since: null };
  tick(!document.hidden);
  desk.dataset.token = answer.token;
  if (!pane) $("#report").scrollTop = 0;
  document.activeElement?.blur?.();
}

function finished(answer) {
  $("#done-title").textContent = t(answer.role === "expert" ? "expert_idle" : "all_read");
  $("#done-undo").hidden = !answer.last;
  $("#done a").focus();
  $("#done-undo").onclick = () => open(`/api/${round}/case/${answer.last}`);
  current = null;
  form.load(null);
  desk.dataset.token = "";
}

function showReport(answer) {
  $("#report").hidden = !answer.report;
  $("#report").replaceChildren(...(answer.report ? reportElements(answer.report) : []));
  $("#show-report").hidden = !(answer.report_hidden && answer.mine);
}

function showFirstReads(answer) {
  $("#expert").hidden = answer.role !== "expert";
  $("#first-reads-list").replaceChildren(...(answer.reads ?? []).map((read, i) => readElement(read, t("reader_number", { number: String.fromCharCode(65 + i) }))));
}

function showOthers(answer) {
  others = (answer.others ?? []).map((other) => ({ ...other, element: element("details", "other", element("summary", "", days(other.days))), button: null }));
  for (const other of others) {
    if (other.series.length) {
      other.button = element("button", "", t("show_pictures"));
      other.button.type = "button";
      other.button.addEventListener("click", () => showPictures(pane.related === other.token ? null : other));
      other.element.append(other.button);
    }
    other.element.append(...reportElements(other.report));
    other.element.firstChild.addEventListener("click", (event) => event.detail && event.currentTarget.blur()); // by mouse: Enter still saves
  }
  $("#others-list").replaceChildren(...(others.length ? others.map((other) => other.element) : [element("p", "quiet", t("no_other_studies"))]));
}

// The pictures of another study of the patient; of the case itself with null.
function showPictures(other) {
  for (const one of others) if (one.button) one.button.textContent = t(one === other ? "back_to_own" : "show_pictures");
  const note = other ? t("other_on_screen", { when: days(other.days) }) : "";
  pane.choose(other?.token ?? current.token, other?.series ?? current.series, note);
  $("#view").focus({ preventScroll: true }); // so that Enter saves again
}

// Key B: one after the other the patient's other studies, then the case itself again.
function nextOther() {
  const open = others.findIndex((other) => other.element.open);
  const next = others[open + 1] ?? null;
  for (const other of others) other.element.open = other === next;
  next?.element.scrollIntoView({ block: "nearest" });
  if (pane && others.some((other) => other.button)) showPictures(next?.button ? next : null);
}

// --- saving ---
async function save() {
  if (busy || !current || form.closed) return;
  const missing = form.problem();
  if (missing) return problem(missing);
  busy = true;
  tick(!document.hidden);
  const body = { ...form.value(), seconds: Math.round(Math.min(watch.seconds, 86400) * 10) / 10, corrects: current.mine?.version ?? null, pictures: current.pictures ?? {} };
  try {
    $("#save").disabled = true;
    const answer = await post(`/api/${round}/case/${current.token}`, body);
    form.touched = false;
    busy = false;
    await open(`/api/${round}/next`);
    desk.dataset.saved = answer.saved;
    status(t("saved", answer.progress));
  } catch (error) {
    problem(error instanceof Refusal ? error.code : "fault", error.detail);
    $("#save").disabled = false;
    if (["already_same", "already_other", "adjudicated", "no_disagreement", "report_opened", "not_yours"].includes(error.code)) $("#skip").hidden = false;
  } finally {
    busy = false;
  }
}

function leave(path) {
  if (form.touched && !window.confirm(t("leave_unsaved"))) return;
  form.touched = false;
  open(path);
}

async function showHiddenReport() {
  if (busy || !current || !window.confirm(t("show_report_closes"))) return;
  try {
    show(await post(`/api/${round}/case/${current.token}/report`, {}));
  } catch (error) {
    problem(error.code, error.detail);
  }
}

const undo = () => !$("#undo").disabled && current?.last && leave(`/api/${round}/case/${current.last}`);
const skip = () => !$("#skip").hidden && leave(`/api/${round}/next`);

// --- keys, by place on the keyboard: the same under every layout ---
const LABELS = Object.fromEntries([...document.querySelectorAll("[data-label]")].map((b) => [`Key${b.dataset.key}`, b.dataset.label]));
const ICH = { KeyY: 1, KeyN: 0, KeyU: null };

// Never a slice that the reader has not seen: what is on its way to the screen is refused in words.
function mark(label, time) {
  if (!pane) return;
  const reference = pane.reference();
  if (!reference) return problem(pane.viewer.series ? "mark_other" : "mark_early");
  if (!pane.viewer.wasOnScreen(time)) return problem("mark_early");
  form.markSlice(label, reference);
}

function answerKey({ code, shiftKey: shift, timeStamp: time }) {
  if (form.closed) return false;
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(code);
  if (shift && digit) return form.setConfidence(Number(digit[1])), true;
  if (code in ICH) return shift ? mark("ich", time) : form.setIch(ICH[code]), true;
  if (code in LABELS) return shift ? mark(LABELS[code], time) : form.toggle(LABELS[code]), true;
  const other = { KeyX: () => form.excludeList.focus(), KeyT: () => form.comment.focus() }[code];
  if (!other || shift) return false;
  other();
  return true;
}

const HELD = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "BracketLeft", "BracketRight", "Semicolon", "Quote",
  "Equal", "Minus", "NumpadAdd", "NumpadSubtract", "Tab", "Space"]);

// Long texts: the report of the text round; with Shift what lies under the picture.
const SCROLL = { ArrowUp: -60, ArrowDown: 60, PageUp: -240, PageDown: 240, Home: -1e6, End: 1e6 }; // pixels

function scrollText({ code, shiftKey: shift }) {
  if (!(code in SCROLL) || (pane && !(shift && code.startsWith("Page")))) return false;
  const place = (shift ? ["#expert", "#report"] : ["#report"]).map($).find((one) => one.scrollHeight > one.clientHeight);
  place?.scrollBy({ top: SCROLL[code] });
  return Boolean(place);
}

document.addEventListener("keydown", (event) => {
  if (dialog.open || event.altKey || event.metaKey || event.isComposing) return;
  const typing = event.target === form.comment || event.target === form.excludeList;
  if (event.code === "Escape" && typing) return event.target.blur();
  if (event.code === "Enter" || event.code === "NumpadEnter") {
    if (event.target === form.comment && !event.ctrlKey) return; // a new line
    if (event.target instanceof HTMLAnchorElement || event.target.closest("header, #done, #expert")) return;
    event.preventDefault();
    if (!event.repeat) save();
    return;
  }
  if (typing || event.ctrlKey || event.target.closest("header")) return;
  if (event.repeat && !HELD.has(event.code)) return event.preventDefault(); // a key held down answers once
  const page = { KeyZ: undo, KeyB: others.length ? nextOther : undefined, Escape: skip, Slash: () => dialog.showModal() }[event.code];
  if (event.code === "KeyZ" && !current) return void $("#done-undo").click();
  if (page) {
    event.preventDefault();
    return void page();
  }
  if (current && !busy && (scrollText(event) || answerKey(event) || pane?.key(event.code, event.shiftKey))) event.preventDefault();
});

$("#save").addEventListener("click", save);
$("#undo").addEventListener("click", undo);
$("#skip").addEventListener("click", skip);
$("#help").addEventListener("click", () => dialog.showModal());
$("#show-report").addEventListener("click", showHiddenReport);
for (const button of document.querySelectorAll("[data-mark]")) button.addEventListener("click", (event) => mark(button.dataset.mark, event.timeStamp));
window.addEventListener("beforeunload", (event) => form.touched && event.preventDefault());
$("#form").addEventListener("submit", (event) => event.preventDefault());

open(`/api/${round}/next`);
