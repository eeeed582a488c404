// Reports and reads as elements: built from text nodes only.

import { sliceList } from "./form.js";
import { t } from "./words.js";

export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function reportElements(report) {
  const about = [report.title, report.sex ? t(`sex_${report.sex.toLowerCase()}`) : "", report.age == null ? "" : t("age", { age: report.age })];
  const made = [element("p", "about", about.filter(Boolean).join(" · "))];
  for (const { name, pieces } of report.sections) {
    const text = element("p", "text");
    for (const [piece, finding] of pieces) {
      if (!finding) text.append(piece);
      else {
        const mark = element("mark", "", piece);
        mark.title = t(`label_${finding}`);
        text.append(mark);
      }
    }
    made.push(element("h3", "", t(`section_${name}`)), text);
  }
  return made;
}

const KINDS = ["epidural", "subarachnoid", "subdural", "intracerebral", "intraventricular", "multiple", "fracture", "combined"];

export function readElement(read, title) {
  const said = (value, word) => (value === null ? `${word}?` : word);
  const ich = t({ 1: "ich_yes", 0: "ich_no", null: "ich_unsure" }[read.answers.ich]);
  const kinds = KINDS.filter((label) => read.answers[label] !== 0 && !(read.answers.ich === null && read.answers[label] === null));
  const card = element("div", "read-card", element("p", "", element("b", "quiet", title), " ", element("b", "", ich)));
  if (kinds.length) card.append(element("p", "", kinds.map((label) => said(read.answers[label], t(`label_${label}`))).join(", ")));
  if (read.exclude) card.append(element("p", "", `${t("exclude")}: ${t(`exclude_${read.exclude.replaceAll(" ", "_")}`)}`));
  const slices = Object.entries(read.key_slices).map(([label, references]) => `${t(`label_${label}`)}: ${sliceList(references)}`);
  if (slices.length) card.append(element("p", "quiet", slices.join("; ")));
  const rest = [read.confidence ? `${t("confidence")} ${read.confidence}` : "", read.comment].filter(Boolean).join(" · ");
  if (rest) card.append(element("p", "quiet", rest));
  return card;
}

export function days(count) {
  if (count === null) return t("date_unknown");
  return count === 0 ? t("same_day") : t(count < 0 ? "days_before" : "days_after", { days: Math.abs(count) });
}
