// The karyogram: chromosomes in their places, and moving among them with arrows.

import { picture } from "./api.js";
import { REJECTED, count, cropLabel } from "./words.js";

const TRAYS = [["", "Not placed"], [REJECTED, "Rejected"]];
const LARGEST = 3.2; // screen pixels for a pixel of a crop
const SMALLEST = 0.4;

export class Karyogram {
  /**
   * @param {HTMLElement} root
   * @param {string[][][]} rows Groups of types of each row.
   * @param {(crop: number) => void} onChoose
   */
  constructor(root, rows, onChoose) {
    this.root = root;
    this.onChoose = onChoose;
    this.slots = new Map();
    this.elements = new Map();
    this.chosen = null;
    this.cell = null;
    root.replaceChildren(
      ...rows.map((groups) => this.#row(groups, "row")),
      this.#row([TRAYS.map(([place]) => place)], "row trays"),
    );
    root.addEventListener("focusin", (event) => {
      const crop = event.target.closest(".crop");
      if (crop) this.choose(Number(crop.dataset.crop), false);
    });
    new ResizeObserver(() => this.#fit()).observe(root.parentElement);
  }

  #row(groups, name) {
    const row = document.createElement("div");
    row.className = name;
    row.setAttribute("role", "presentation");
    groups.forEach((types, i) => {
      if (i) row.append(part("gap"));
      row.append(...types.map((type) => this.#slot(type)));
    });
    return row;
  }

  #slot(type) {
    const slot = part("slot");
    slot.dataset.place = type;
    slot.setAttribute("role", "group");
    const pair = part("pair");
    const label = part("label");
    label.setAttribute("aria-hidden", "true");
    slot.append(pair, label);
    this.slots.set(type, { part: slot, pair, label });
    return slot;
  }

  /** Show a cell; the pictures of the one before are let go. */
  show(cell) {
    if (this.cell?.name !== cell.name) {
      this.elements.forEach((element) => element.remove());
      this.elements.clear();
      this.chosen = null;
    }
    this.cell = cell;
    const active = document.activeElement?.closest?.(".crop");
    this.root.classList.toggle("done", cell.done);
    for (const [place, slot] of this.slots) {
      const crops = cell.crops.filter((crop) => crop.place === place);
      crops.sort((a, b) => a.crop - b.crop);
      const wanted = crops.map((crop) => this.#element(crop));
      const same = wanted.length === slot.pair.children.length
        && wanted.every((element, i) => slot.pair.children[i] === element);
      if (!same) slot.pair.replaceChildren(...wanted);
      this.#label(place, slot, crops.length);
    }
    if (active?.isConnected && active !== document.activeElement) active.focus();
    this.#fit();
  }

  #element(crop) {
    let element = this.elements.get(crop.crop);
    if (!element) {
      element = document.createElement("div");
      element.className = "crop";
      element.dataset.crop = crop.crop;
      element.setAttribute("role", "option");
      element.tabIndex = -1;
      const image = document.createElement("img");
      image.src = picture(crop.crop);
      image.alt = "";
      image.draggable = false;
      image.decoding = "async";
      element.style.setProperty("--width", crop.width);
      element.style.setProperty("--height", crop.height);
      const mark = document.createElement("span");
      mark.setAttribute("aria-hidden", "true");
      element.append(image, mark);
      this.elements.set(crop.crop, element);
    }
    const [image, mark] = element.children;
    image.classList.toggle("flipped", crop.flip);
    element.classList.toggle("open", crop.open && !this.cell.done);
    element.setAttribute("aria-label", cropLabel(crop));
    element.setAttribute("aria-selected", String(crop.crop === this.chosen));
    if (crop.open && !this.cell.done) [mark.className, mark.textContent] = ["mark review", "?"];
    else if (crop.corrected) [mark.className, mark.textContent] = ["mark moved", "✎"];
    else if (crop.check) [mark.className, mark.textContent] = ["mark checked", "✓"];
    else [mark.className, mark.textContent] = ["", ""];
    return element;
  }

  #label(place, slot, number) {
    const name = place === "" || place === REJECTED
      ? TRAYS.find(([tray]) => tray === place)[1] : place;
    const tray = place === "" || place === REJECTED;
    slot.part.setAttribute("aria-label", tray
      ? `${name}: ${count(number, "chromosome", "chromosomes")}`
      : `Type ${name}: ${count(number, "chromosome", "chromosomes")}`);
    slot.label.textContent = tray ? `${name} (${number})` : name;
    const odd = !tray && !this.#expected(place, number);
    slot.part.classList.toggle("odd", odd);
    if (odd) {
      const times = document.createElement("span");
      times.className = "times";
      times.textContent = `×${number}`;
      slot.label.append(times);
    }
  }

  /** Two of each autosome; of the sex chromosomes XX or XY. */
  #expected(type, number) {
    if (type !== "X" && type !== "Y") return number === 2;
    const has = (name) => this.cell.crops.filter((crop) => crop.place === name).length;
    return has("X") + has("Y") === 2 && has("Y") < 2;
  }

  /** The largest scale at which all rows have room; centromeres on one line. */
  #fit() {
    if (!this.cell) return;
    const pane = this.root.parentElement;
    const rows = [...this.root.querySelectorAll(".row")].map((row) => this.#measured(row));
    const room = pane.clientWidth - 60;
    const across = rows.filter((row) => !row.tray)
      .map((row) => (room - row.fixed) / Math.max(row.width, 1));
    const high = rows.reduce((sum, row) => sum + row.above + row.below, 0);
    const texts = [...pane.children].filter((one) => one !== this.root)
      .reduce((sum, one) => sum + one.offsetHeight + 6, 0);
    const down = (pane.clientHeight - 46 - texts - 58 * rows.length) / high;
    const scale = Math.max(SMALLEST, Math.min(LARGEST, down, ...across));
    document.documentElement.style.setProperty("--scale", scale.toFixed(3));
  }

  /** Sizes of a row in pixels of the crops; lifts each crop to the line of the row. */
  #measured(row) {
    const tray = row.classList.contains("trays");
    const elements = [...row.querySelectorAll(".crop")];
    const crops = elements.map((e) => this.cell.crops.find((c) => c.crop === Number(e.dataset.crop)));
    const lower = crops.map((crop) => (tray ? crop.height : lowerArm(crop)));
    const below = tray ? 0 : Math.max(0, ...lower);
    const above = Math.max(12, ...crops.map((crop, i) => crop.height - (tray ? 0 : lower[i])));
    elements.forEach((element, i) => {
      element.style.setProperty("--lift", tray ? 0 : below - lower[i]);
    });
    return {
      tray, above, below,
      width: crops.reduce((sum, crop) => sum + crop.width, 0),
      fixed: 11 * crops.length + 12 * row.children.length,
    };
  }

  /** The crops in reading order. */
  get order() {
    return [...this.root.querySelectorAll(".crop")].map((e) => Number(e.dataset.crop));
  }

  choose(number, focus = true) {
    const element = this.elements.get(number);
    if (!element) return;
    const changed = this.chosen !== number;
    for (const [key, other] of this.elements) {
      other.tabIndex = key === number ? 0 : -1;
      other.setAttribute("aria-selected", String(key === number));
    }
    this.chosen = number;
    if (focus && document.activeElement !== element) {
      element.focus({ preventScroll: false });
    }
    if (changed) this.onChoose(number);
  }

  /** The crop beside the chosen one in a direction: an arrow key's name, Home or End. */
  neighbour(key) {
    const order = this.order;
    const here = order.indexOf(this.chosen);
    if (here < 0 || key === "Home") return order[0];
    if (key === "End") return order[order.length - 1];
    if (key === "ArrowRight") return order[Math.min(here + 1, order.length - 1)];
    if (key === "ArrowLeft") return order[Math.max(here - 1, 0)];
    return this.#vertical(key === "ArrowDown" ? 1 : -1);
  }

  #vertical(step) {
    const rows = [...this.root.querySelectorAll(".row")];
    const own = this.elements.get(this.chosen);
    const x = middle(own);
    for (let i = rows.indexOf(own.closest(".row")) + step; i >= 0 && i < rows.length; i += step) {
      const crops = [...rows[i].querySelectorAll(".crop")];
      if (crops.length) {
        crops.sort((a, b) => Math.abs(middle(a) - x) - Math.abs(middle(b) - x));
        return Number(crops[0].dataset.crop);
      }
    }
    return this.chosen;
  }
}

function part(name) {
  const made = document.createElement("div");
  made.className = name;
  made.setAttribute("role", "presentation");
  return made;
}

/** Pixels below the centromere; where none was found, as if it were above the middle. */
function lowerArm(crop) {
  const upper = crop.centromere ?? (crop.flip ? 0.6 : 0.4);
  return crop.height * (crop.flip ? upper : 1 - upper);
}

function middle(element) {
  const box = element.getBoundingClientRect();
  return (box.left + box.right) / 2;
}
