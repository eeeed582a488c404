// Requests to the server. A refusal is thrown as Refusal with the server's code, a dead server as code "offline".

export class Refusal extends Error {
  constructor(code, detail = "") {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}

let csrf = document.body.dataset.csrf;

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", redirect: "error", ...options });
  } catch {
    throw new Refusal("offline");
  }
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // a proxy's own error page
  }
  throw new Refusal(body.error ?? "fault", body.detail ?? "");
}

export async function get(path) {
  return (await answer(path)).json();
}

// Several series were asked for at once: the server takes a few at a time.
export async function getBytes(path, tries = 40) {
  try {
    return await (await answer(path)).arrayBuffer();
  } catch (error) {
    if (error.code !== "busy" || !tries) throw error;
    await new Promise((done) => setTimeout(done, 250));
    return getBytes(path, tries - 1);
  }
}

// After a new sign-in in another tab the old token no longer holds: take the new one, once, if it is the same person.
export async function post(path, body, again = true) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  try {
    return await (await answer(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
  } catch (error) {
    if (error.code !== "csrf" || !again) throw error;
    const me = await get("/api/me");
    if (me.user !== document.body.dataset.user) throw new Refusal("other_user");
    csrf = me.csrf;
    return post(path, body, false);
  }
}
