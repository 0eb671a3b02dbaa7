// Requests to the server. Addresses are relative: the token is in the page's own.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Thrown where the server does not answer at all. */
export class Offline extends Error {}

async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Offline("The server does not answer.");
  }
  let content = {};
  try {
    content = await answer.json();
  } catch { /* told below by the status */ }
  if (!answer.ok) {
    throw new Refused(answer.status, content.error || `The server says ${answer.status}.`);
  }
  return content;
}

export const getFolder = () => call("api/folder");
export const getCell = (name) => call(`api/cells/${encodeURIComponent(name)}`);
export const getNews = (seq) => call(`api/news?after=${seq}`);
export const postStep = (values) => call("api/steps", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(values),
});
export const picture = (crop) => `crops/${String(crop).padStart(6, "0")}.png`;
