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
  const ich = t({ 1: "yes", 0: "no", null: "cannot_tell" }[read.answers.ich]);
  const kinds = KINDS.filter((label) => read.answers[label] !== 0 && !(read.answers.ich === null && read.answers[label] === null));
  const card = element("div", "read-card", element("h3", "", title));
  card.append(element("p", "", element("b", "", `${t("label_ich")}: ${ich}`)));
  if (kinds.length) card.append(element("p", "", kinds.map((label) => said(read.answers[label], t(`label_${label}`))).join(", ")));
  if (read.exclude) card.append(element("p", "", `${t("exclude")}: ${t(`exclude_${read.exclude.replaceAll(" ", "_")}`)}`));
  for (const [label, references] of Object.entries(read.key_slices)) card.append(element("p", "quiet", `${t(`label_${label}`)}: ${sliceList(references)}`));
  const rest = [read.confidence ? `${t("confidence")} ${read.confidence}` : "", read.comment].filter(Boolean).join(" · ");
  if (rest) card.append(element("p", "quiet", rest));
  return card;
}

export function days(count) {
  if (count === null) return t("date_unknown");
  return count === 0 ? t("same_day") : t(count < 0 ? "days_before" : "days_after", { days: Math.abs(count) });
}
