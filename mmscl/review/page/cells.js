// The list of cells: order, filter, search, and which of them is shown.

import { cellName } from "./words.js";

const KEPT = {
  all: () => true,
  open: (cell) => cell.open > 0,
  undone: (cell) => !cell.done,
  done: (cell) => cell.done,
  corrected: (cell) => cell.corrected > 0,
};

export class CellList {
  /**
   * @param {HTMLElement} root
   * @param {object[]} cells Summaries, in the order of the input.
   * @param {(name: string) => void} onOpen
   */
  constructor(root, cells, onOpen) {
    this.root = root;
    this.onOpen = onOpen;
    this.cells = new Map(cells.map((cell) => [cell.name, cell]));
    this.items = new Map(cells.map((cell) => [cell.name, this.#item(cell)]));
    this.inInput = cells.map((cell) => cell.name);
    // By what was flagged at the reading: the order stays while the work goes on.
    this.byReview = [...cells].sort((a, b) => b.flagged - a.flagged).map((cell) => cell.name);
    this.current = null;
    this.settings = { order: "review", filter: "all", search: "" };
    root.addEventListener("keydown", (event) => this.#keys(event));
    cells.forEach((cell) => this.#fill(cell));
    this.arrange();
  }

  #item(cell) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    for (const name of ["name", "badge", "karyotype"]) {
      const part = document.createElement("span");
      part.className = name;
      button.append(part);
    }
    button.addEventListener("click", () => this.onOpen(cell.name));
    item.append(button);
    return item;
  }

  #fill(cell) {
    const button = this.items.get(cell.name).firstChild;
    const [name, badge, karyotype] = button.children;
    name.textContent = cellName(cell);
    karyotype.textContent = cell.karyotype;
    const state = cell.done ? "done" : cell.open ? "open" : "";
    badge.className = `badge ${state}`;
    badge.textContent = cell.done ? "✓ done" : cell.open ? `? ${cell.open}` : "";
    const told = cell.done ? "done" : `${cell.open} to look at`;
    button.setAttribute("aria-label", `${cellName(cell)}, ${cell.karyotype}, ${told}`);
  }

  /** Take over what changed. */
  update(cell) {
    this.cells.set(cell.name, cell);
    this.#fill(cell);
  }

  /** Order and filter anew. */
  arrange(settings = {}) {
    Object.assign(this.settings, settings);
    const items = this.names.map((name) => this.items.get(name));
    if (!items.length) {
      const none = document.createElement("li");
      none.className = "none";
      none.textContent = "No such cell.";
      items.push(none);
    }
    this.root.replaceChildren(...items);
    this.mark(this.current);
  }

  /** Names of the listed cells, in their order. */
  get names() {
    const { order, filter, search } = this.settings;
    const words = search.toLowerCase();
    return (order === "review" ? this.byReview : this.inInput).filter((name) => {
      const cell = this.cells.get(name);
      const text = `${cellName(cell)} ${cell.karyotype}`.toLowerCase();
      return (KEPT[filter](cell) || name === this.current) && text.includes(words);
    });
  }

  mark(name) {
    this.items.get(this.current)?.firstChild.removeAttribute("aria-current");
    this.current = name;
    const names = this.names;
    const reachable = names.includes(name) ? name : names[0];
    for (const [key, item] of this.items) item.firstChild.tabIndex = key === reachable ? 0 : -1;
    const button = this.items.get(name)?.firstChild;
    button?.setAttribute("aria-current", "true");
    button?.scrollIntoView({ block: "nearest" });
  }

  /** The cell before (-1) or after (1) the shown one; undefined at the ends. */
  beside(step) {
    const names = this.names;
    return names[names.indexOf(this.current) + step];
  }

  get done() {
    return [...this.cells.values()].filter((cell) => cell.done).length;
  }

  #keys(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const names = this.names;
    const here = names.findIndex((name) => this.items.get(name).contains(document.activeElement));
    this.items.get(names[here + step])?.firstChild.focus();
  }
}
