// From Hounsfield units to grey: the linear function of DICOM PS3.3 C.11.2.1.2.1, rounded to the nearest of 0..255.

export const PRESETS = [
  { key: "brain", width: 80, level: 40 },
  { key: "blood", width: 200, level: 80 },
  { key: "stroke", width: 40, level: 40 },
  { key: "bone", width: 2800, level: 600 },
  { key: "soft", width: 400, level: 50 },
];

export function grey(hu, width, level) {
  const low = level - 0.5 - (width - 1) / 2;
  const high = level - 0.5 + (width - 1) / 2;
  if (hu <= low) return 0;
  if (hu > high) return 255;
  return Math.floor(((hu - (level - 0.5)) / (width - 1) + 0.5) * 255 + 0.5);
}

// 65536 opaque pixels (little-endian RGBA), indexed by hu + 32768.
export function makeTable(width, level, invert) {
  const table = new Uint32Array(65536);
  for (let hu = -32768; hu < 32768; hu++) {
    const value = invert ? 255 - grey(hu, width, level) : grey(hu, width, level);
    table[hu + 32768] = 0xff000000 | (value << 16) | (value << 8) | value;
  }
  return table;
}

export function paint(table, slice, pixels) {
  for (let i = 0; i < slice.length; i++) pixels[i] = table[slice[i] + 32768];
}
