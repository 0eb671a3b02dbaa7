// The page: one cell at a time, each step told to the server and shown as it answers.

import * as api from "./api.js";
import { CellList } from "./cells.js";
import { makeDetails } from "./details.js";
import { dragCrops } from "./drag.js";
import { Karyogram } from "./karyogram.js";
import { listen } from "./keys.js";
import { REJECTED, cellName, count, cropLabel, percent, placeName, stepText } from "./words.js";

const POLL = 1000; // milliseconds between two looks for what other windows did
const $ = (id) => document.getElementById(id);

let folder, list, karyogram, showDetails;
let cell = null; // as the server last told it
let seen = 0; // number of the last step that was looked at
let queue = Promise.resolve(); // steps, one after the other
let opening = 0;

const cropOf = (number) => cell?.crops.find((crop) => crop.crop === number);

// ---- showing

function show(view) {
  cell = view;
  list.update(view);
  list.mark(view.name);
  const call = view.case_view;
  document.title = `${cellName(view)}: ${view.karyotype}`;
  $("title").textContent = cellName(view);
  $("case").textContent = `Case ${view.case}: ${call.karyotype} (${count(call.cells, "cell", "cells")}, ${call.done} done)`;
  $("iscn").textContent = view.karyotype;
  $("counts").textContent = countsText(view);
  $("warnings").textContent = warningText(view.warnings);
  $("votes").textContent = `Cells of the case: ${call.votes}`;
  $("case-warnings").textContent = warningText(call.warnings);
  $("undo").disabled = !view.undo;
  $("redo").disabled = !view.redo;
  $("undo").title = view.undo ? `Undo: ${stepText(view.undo)} (u)` : "Nothing to undo";
  $("redo").title = view.redo ? `Redo: ${stepText(view.redo)} (Shift+u)` : "Nothing to redo";
  $("done").textContent = view.done ? "✓ Done (reopen)" : "Mark as done";
  $("done").classList.toggle("is-done", view.done);
  karyogram.show(view); // as large as the texts leave room for
  $("previous").disabled = list.beside(-1) === undefined;
  $("next").disabled = list.beside(1) === undefined;
  showDetails(cropOf(karyogram.chosen), view);
  showProgress();
}

const warningText = (warnings) => (warnings ? `⚠ ${warnings.replaceAll("; ", " · ")}` : "");

function countsText(view) {
  const parts = [count(view.placed, "chromosome", "chromosomes")];
  if (view.unplaced) parts.push(`${view.unplaced} not placed`);
  if (view.rejected) parts.push(`${view.rejected} rejected`);
  if (!view.done) parts.push(view.open ? `${view.open} to look at` : "nothing left to look at");
  parts.push(`counts ${percent(view.certainty)} sure`);
  if (view.karyotype !== view.as_read) parts.push(`read as ${view.as_read}`);
  return parts.join(" · ");
}

function showProgress() {
  const total = list.cells.size;
  $("progress").max = total;
  $("progress").value = list.done;
  $("progress-text").textContent = `${list.done} of ${count(total, "cell", "cells")} done`;
}

let toastTimer;
function say(text, bad = false) {
  const toast = $("toast");
  toast.textContent = text;
  toast.className = `toast shown${bad ? " bad" : ""}`;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove("shown"), bad ? 9000 : 3500);
}

function online(yes) {
  $("offline").hidden = yes;
  $("offline").textContent = yes ? ""
    : "The server does not answer: nothing is saved. Start mmscl-karyotype review again and open the address that it prints.";
}

// ---- cells

async function open(name, focus = true) {
  const own = ++opening;
  try {
    const view = await api.getCell(name);
    if (own !== opening) return; // another one was asked for meanwhile
    show(view);
    online(true);
    history.replaceState(null, "", `#${encodeURIComponent(name)}`);
    const first = openCrops()[0] ?? karyogram.order[0];
    if (first !== undefined) karyogram.choose(first, focus);
    $("main").scrollTop = 0;
  } catch (error) {
    fail(error);
  }
}

function beside(step) {
  const name = list.beside(step);
  if (name === undefined) say(step > 0 ? "This is the last cell of the list." : "This is the first cell of the list.");
  else open(name);
}

const openCrops = () => (cell.done ? [] : karyogram.order.filter((number) => cropOf(number).open));

function toOpen(step) {
  const order = karyogram.order;
  const left = openCrops();
  if (!left.length) return say("Nothing is left to look at in this cell.");
  const here = order.indexOf(karyogram.chosen);
  const after = left.filter((number) => (order.indexOf(number) - here) * step > 0);
  karyogram.choose(step > 0 ? after[0] ?? left[0] : after.at(-1) ?? left.at(-1));
}

// ---- steps

/** Ask for a step; `make` gives its values when those before it are made. */
function step(make, told) {
  queue = queue.then(async () => {
    const values = make();
    if (!values) return;
    const name = cell.name;
    try {
      const view = await api.postStep({ karyogram: name, ...values });
      online(true);
      if (cell.name === name) show(view);
      else list.update(view);
      say(`${told(view)}. ${view.karyotype}`);
    } catch (error) {
      fail(error);
      if (error instanceof api.Refused && error.status === 409) await refresh(name);
    }
  });
  return queue;
}

async function refresh(name) {
  try {
    const view = await api.getCell(name);
    if (cell.name === name && view.seq >= cell.seq) show(view);
  } catch (error) {
    fail(error);
  }
}

function fail(error) {
  if (error instanceof api.Offline) online(false);
  else if (error instanceof api.Refused) say(error.message, true);
  else throw error;
}

function change(action, after, told, number = karyogram.chosen) {
  if (cell.done) return say("This cell is marked as done. Press d to change it.", true);
  if (number === null) return say("Choose a chromosome first.");
  return step(() => {
    const now = cropOf(number);
    if (!now) return null; // the cell was left
    const before = action === "place" ? now.place : now[action] ? "1" : "0";
    const value = after ?? (before === "1" ? "0" : "1");
    if (value === before) {
      say(`It is ${placeName(before)} already.`);
      return null;
    }
    return { action, crop: number, before, after: value };
  }, told);
}

function move(place, number = karyogram.chosen) {
  if (place !== "" && place !== REJECTED && !folder.types.includes(place)) {
    return say(`There is no type ${place}: 1 to 22, X, Y, or 0 for not placed.`, true);
  }
  return change("place", place, () => `Chromosome ${number}: ${placeName(place)}`, number);
}

const acts = {
  move,
  reject: () => move(REJECTED),
  flip: () => change("flip", null, () => `Chromosome ${karyogram.chosen} flipped`),
  check: async () => {
    const number = karyogram.chosen;
    await change("check", null, (view) => {
      const now = view.crops.find((crop) => crop.crop === number);
      return `Chromosome ${number} ${now.check ? "confirmed" : "is not confirmed any more"}`;
    });
    if (cropOf(number)?.check && openCrops().length) toOpen(1);
  },
  done: () => step(
    () => ({ action: "done", before: cell.done ? "1" : "0", after: cell.done ? "0" : "1" }),
    (view) => {
      const left = view.crops.filter((crop) => crop.open).length;
      if (!view.done) return "The cell can be changed again";
      return left ? `Done, with ${left} that nobody confirmed` : "Done";
    },
  ),
  undo: () => back("undo"),
  redo: () => back("redo"),
  next: () => beside(1),
  previous: () => beside(-1),
  nextOpen: () => toOpen(1),
  previousOpen: () => toOpen(-1),
  arrow: (key) => {
    const next = karyogram.neighbour(key);
    if (next !== undefined) karyogram.choose(next);
  },
  help: () => $("help").showModal(),
  focus: () => karyogram.chosen !== null && karyogram.choose(karyogram.chosen),
};

function back(action) {
  let taken = null;
  return step(() => {
    taken = cell[action];
    if (taken) return { action, step: taken.step };
    say(`Nothing to ${action} in this cell.`);
    return null;
  }, () => {
    if (taken.crop !== null) karyogram.choose(taken.crop);
    return `${action === "undo" ? "Undone" : "Made again"}: ${stepText(taken)}`;
  });
}

// ---- other windows

async function poll() {
  try {
    const news = await api.getNews(seen);
    online(true);
    seen = news.seq;
    for (const summary of news.cells) {
      const known = list.cells.get(summary.name);
      if (summary.last <= known.last) continue;
      list.update(summary);
      if (summary.name === cell?.name) {
        await refresh(summary.name);
        say(`Changed in another window. ${cell.karyotype}`);
      }
    }
    if (news.cells.length) showProgress();
  } catch (error) {
    fail(error);
  }
  setTimeout(poll, document.hidden ? 4 * POLL : POLL);
}

// ---- start

function wire() {
  const on = (id, kind, act) => $(id).addEventListener(kind, act);
  on("previous", "click", acts.previous);
  on("next", "click", acts.next);
  on("undo", "click", acts.undo);
  on("redo", "click", acts.redo);
  on("done", "click", acts.done);
  on("help-button", "click", acts.help);
  on("search", "input", (event) => list.arrange({ search: event.target.value }));
  on("filter", "change", (event) => list.arrange({ filter: event.target.value }));
  on("order", "change", (event) => list.arrange({ order: event.target.value }));
  window.addEventListener("hashchange", () => {
    const name = decodeURIComponent(location.hash.slice(1));
    if (list.cells.has(name) && name !== cell?.name) open(name);
  });
  listen(acts, $("typing"));
  dragCrops($("karyogram"), () => {
    if (cell.done) say("This cell is marked as done. Press d to change it.", true);
    return !cell.done;
  }, (number, place) => place !== cropOf(number)?.place && move(place, number));
}

async function start() {
  folder = await api.getFolder();
  seen = folder.seq;
  $("folder").textContent = folder.name;
  $("folder").title = folder.model ? `Read by ${folder.model}` : "";
  showDetails = makeDetails($("details"), folder.types, acts);
  karyogram = new Karyogram($("karyogram"), folder.rows, (number) => {
    showDetails(cropOf(number), cell);
  });
  list = new CellList($("list"), folder.cells, (name) => open(name));
  wire();
  const asked = decodeURIComponent(location.hash.slice(1));
  const name = list.cells.has(asked) ? asked : list.names[0];
  if (name === undefined) say("These results hold no cells.", true);
  else await open(name);
  if (folder.notes.length) say(folder.notes.at(-1), true);
  setTimeout(poll, POLL);
}

start().catch((error) => {
  $("title").textContent = "Not loaded";
  if (error instanceof api.Offline) online(false);
  else say(error.message, true);
});
