// The chosen chromosome: large, with what is known of it and what can be done.

import { picture } from "./api.js";
import { REJECTED, percent, placeName } from "./words.js";

const LARGE = [190, 240]; // pixels: height and width of the large picture's room
const SMALL = 64;

/**
 * @param {HTMLElement} root
 * @param {string[]} types
 * @param {{move: (place: string) => void, flip: () => void, check: () => void}} acts
 */
export function makeDetails(root, types, acts) {
  const title = make("h2");
  const large = make("img", { alt: "" });
  const big = make("div", { className: "big" }, large);
  const flip = button("Flip", "f", acts.flip);
  const check = button("Confirm", "Space", acts.check);
  const reject = button("Reject", "Del", () => acts.move(REJECTED));
  const places = [...types, ""].map((place) => {
    const one = make("button", { type: "button", textContent: place || "Not placed" });
    one.className = place ? "" : "wide";
    one.setAttribute("aria-label", place ? `Move to type ${place}` : "Move to: not placed");
    one.dataset.to = place;
    one.addEventListener("click", () => acts.move(place));
    return one;
  });
  const grid = make("div", { className: "types" }, ...places);
  grid.setAttribute("role", "group");
  grid.setAttribute("aria-label", "Move to");
  const facts = make("dl", { className: "facts" });
  const alike = make("div");
  const shown = make("div", { className: "shown" }, title, big,
    make("div", { className: "acts" }, check, flip, reject), grid, facts, alike);
  shown.style.display = "contents";
  const none = make("p", { className: "quiet", textContent: "Choose a chromosome." });
  root.replaceChildren(none, shown);

  return function show(crop, cell) {
    none.hidden = Boolean(crop);
    shown.hidden = !crop;
    if (!crop) return;
    title.textContent = `Chromosome ${crop.crop}: ${placeName(crop.place)}`;
    fit(large, crop, LARGE[0], LARGE[1]);
    large.classList.toggle("flipped", crop.flip);
    for (const one of [flip, check, reject, ...places]) one.disabled = cell.done;
    reject.disabled ||= crop.place === REJECTED;
    check.firstChild.textContent = crop.check ? "Confirmed" : "Confirm";
    check.setAttribute("aria-pressed", String(crop.check));
    for (const one of places) {
      one.setAttribute("aria-pressed", String(one.dataset.to === crop.place));
    }
    facts.replaceChildren(...factsOf(crop));
    alike.replaceChildren(...lookAlikes(crop));
  };
}

function factsOf(crop) {
  const rows = [];
  const add = (name, value, className = "") => {
    if (value === "" || value === null) return;
    const dd = make("dd", { className }, ...(value instanceof Node ? [value] : [String(value)]));
    rows.push(make("dt", { textContent: name }), dd);
  };
  add("To look at", crop.open ? crop.why || "unsure" : "", "why");
  add("Read as", placeName(crop.assigned));
  add("Confidence", meter(crop.confidence));
  add("Next best", placeName(crop.second));
  add("By itself", `${placeName(crop.best)}, ${percent(crop.best_score)}`);
  add("Nearest", crop.prototypes);
  add("Short arm", polarity(crop));
  add("Length", crop.length === null ? "" : `${(100 * crop.length).toFixed(2)} % of the cell`);
  add("Given type", crop.type);
  add("Noted", crop.open ? "" : crop.why);
  add("File", crop.path);
  return rows;
}

function polarity(crop) {
  if (crop.flip) return "flipped by hand";
  if (!crop.polarity) return "not known: shown as in the file";
  const turned = crop.polarity === "down" ? "turned up" : "up as in the file";
  return crop.polarity_score === null ? turned : `${turned}, ${percent(crop.polarity_score)}`;
}

function lookAlikes(crop) {
  if (!crop.look_alikes.length) return [];
  const figures = crop.look_alikes.map((other) => {
    const image = make("img", { alt: "" });
    fit(image, other, SMALL, SMALL);
    return make("figure", {}, image, make("figcaption", { textContent: other.place || "–" }));
  });
  return [
    make("p", { className: "quiet", textContent: "Surely read ones that look most like it, by type" }),
    make("div", { className: "alike" }, ...figures),
  ];
}

function fit(image, crop, height, width) {
  const scale = Math.min(height / Math.max(crop.height, 1), width / Math.max(crop.width, 1), 4);
  const source = picture(crop.crop);
  if (image.getAttribute("src") !== source) image.src = source;
  image.width = Math.max(1, Math.round(crop.width * scale));
  image.height = Math.max(1, Math.round(crop.height * scale));
}

function meter(value) {
  const bar = make("span");
  bar.style.width = `${100 * value}%`;
  const outer = make("span", { className: "meter" }, bar);
  outer.setAttribute("aria-hidden", "true");
  return make("span", {}, outer, percent(value));
}

function button(text, key, act) {
  const made = make("button", { type: "button" }, text, " ", make("kbd", { textContent: key }));
  made.lastChild.setAttribute("aria-hidden", "true");
  made.addEventListener("click", act);
  return made;
}

function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}
