// The page's words in its language: t("key", {name: value}).

const loaded = await (await fetch(`/static/words/${document.body.dataset.language}.json`)).json();

export function t(key, values = {}) {
  const text = loaded[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function has(key) {
  return key in loaded;
}
