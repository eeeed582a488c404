// The mouse on the picture: drag = window/level, Shift+drag = ruler, right, middle or Ctrl drag = pan, wheel = slices, Ctrl+wheel = zoom.

export function attach(viewer, root) {
  let drag = null;
  const at = (event) => {
    const box = root.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    return { x: (event.clientX - box.left) * ratio, y: (event.clientY - box.top) * ratio };
  };

  root.addEventListener("contextmenu", (event) => event.preventDefault());
  root.addEventListener("pointerdown", (event) => {
    if (!viewer.series) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
    root.setPointerCapture(event.pointerId);
    const point = at(event);
    const kind = event.button !== 0 || event.ctrlKey ? "pan" : event.shiftKey ? "ruler" : "window";
    drag = { kind, last: point, width: viewer.width, level: viewer.level, start: point };
    if (kind === "ruler") viewer.ruler = { from: viewer.toVoxel(point.x, point.y), to: viewer.toVoxel(point.x, point.y), slice: viewer.slice };
  });
  root.addEventListener("pointermove", (event) => {
    if (!viewer.series) return;
    const point = at(event);
    viewer.cursor = viewer.toVoxel(point.x, point.y);
    viewer.cross = false;
    if (drag?.kind === "pan") viewer.pan(point.x - drag.last.x, point.y - drag.last.y);
    else if (drag?.kind === "ruler") viewer.ruler.to = viewer.cursor;
    else if (drag?.kind === "window") {
      const step = Math.max(0.5, drag.width / 200); // a wide window moves in wider steps
      viewer.setWindow(drag.width + (point.x - drag.start.x) * step, drag.level + (point.y - drag.start.y) * step);
    }
    if (drag) drag.last = point;
    viewer.redraw();
  });
  for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, () => (drag = null));
  root.addEventListener("pointerleave", () => {
    if (viewer.cross || !viewer.series) return;
    viewer.cursor = null;
    viewer.redraw();
  });

  let turned = 0; // a notch of a wheel is 100 or more; a touchpad sends many small ones
  root.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (!viewer.series) return;
      if (event.ctrlKey) return viewer.zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1, at(event));
      turned += event.deltaMode === 1 ? event.deltaY * 40 : event.deltaY;
      const steps = Math.trunc(turned / 40) && Math.sign(turned) * Math.max(1, Math.floor(Math.abs(turned) / 100));
      if (steps) {
        turned = 0;
        viewer.go(viewer.slice + steps);
      }
    },
    { passive: false },
  );
}
