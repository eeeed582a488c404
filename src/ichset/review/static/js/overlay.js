// What lies over the picture: the ruler, the keyboard's cross, a scale bar.

import { t } from "./words.js";

const LINE = "#ffd54f";

export function drawOverlay(viewer) {
  const context = viewer.overlay.getContext("2d");
  const { width, height } = viewer.overlay;
  context.clearRect(0, 0, width, height);
  context.font = `${Math.round(13 * (window.devicePixelRatio || 1))}px sans-serif`;
  scaleBar(context, viewer, width, height);
  if (viewer.cross && viewer.cursor) cross(context, viewer.toCanvas(viewer.cursor));
  if (viewer.ruler && viewer.ruler.slice === viewer.slice) ruler(context, viewer);
}

function stroke(context, points) {
  for (const [colour, line] of [["#000", 4], [LINE, 1.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    points.forEach(([x, y], i) => (i % 2 ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
}

function write(context, text, x, y) {
  context.lineWidth = 4;
  context.lineJoin = "round"; // a mitre would draw spikes
  context.strokeStyle = "#000";
  context.fillStyle = LINE;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

function scaleBar(context, viewer, width, height) {
  const perMillimetre = (viewer.scale * viewer.aspect.x) / viewer.series.spacing[1];
  const length = 50 * perMillimetre;
  if (length > width / 2) return;
  const [x, y] = [(width - length) / 2, height - 12];
  stroke(context, [[x, y], [x + length, y], [x, y - 5], [x, y + 5], [x + length, y - 5], [x + length, y + 5]]);
  write(context, `50 ${t("mm")}`, x + length + 8, y + 4);
}

function cross(context, { x, y }) {
  stroke(context, [[x - 14, y], [x - 4, y], [x + 4, y], [x + 14, y], [x, y - 14], [x, y - 4], [x, y + 4], [x, y + 14]]);
}

function ruler(context, viewer) {
  const [a, b] = [viewer.toCanvas(viewer.ruler.from), viewer.toCanvas(viewer.ruler.to)];
  stroke(context, [[a.x, a.y], [b.x, b.y]]);
  for (const end of [a, b]) stroke(context, [[end.x - 5, end.y - 5], [end.x + 5, end.y + 5], [end.x - 5, end.y + 5], [end.x + 5, end.y - 5]]);
  write(context, `${viewer.millimetres(viewer.ruler.from, viewer.ruler.to).toFixed(1)} ${t("mm")}`, b.x + 10, b.y - 8);
}
