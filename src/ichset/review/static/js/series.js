// Series as the server sends them (see pictures.py), kept for the case on screen and the next one.

import { getBytes } from "./api.js";

export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { ...header, hu: new Int16Array(buffer, 4 + length) };
}

export class SeriesShelf {
  constructor() {
    this.kept = new Map();
  }

  load(token, related, series) {
    const path = `/api/image/case/${token}/study/${related}/series/${series}`;
    if (!this.kept.has(path)) {
      const promise = getBytes(path).then(decode);
      promise.catch(() => this.kept.delete(path)); // a later try asks again
      this.kept.set(path, promise);
    }
    return this.kept.get(path);
  }

  keepOnly(tokens) {
    for (const path of this.kept.keys()) if (!tokens.includes(path.split("/")[4])) this.kept.delete(path);
  }
}
