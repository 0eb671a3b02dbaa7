// What things are called, on the screen and for screen readers.

export const REJECTED = "rejected";

export function placeName(place) {
  if (place === "") return "not placed";
  return place === REJECTED ? "rejected" : `type ${place}`;
}

export const percent = (value) => `${Math.floor(100 * value + 1e-9)} %`;

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

/** Case and cell; the cell alone where its name tells the case (mmscl/results/names.py). */
export function cellName(cell) {
  const rest = cell.cell.slice(cell.case.length);
  const told = cell.cell.startsWith(cell.case) && !/^[\p{L}\p{M}\p{N}]/u.test(rest);
  return told || !cell.case ? cell.cell : `${cell.case} · ${cell.cell}`;
}

/** One sentence for a chromosome: what a screen reader says of it. */
export function cropLabel(crop) {
  const parts = [`Chromosome ${crop.crop}, ${placeName(crop.place)}`];
  if (crop.place !== crop.assigned) parts.push(`was ${placeName(crop.assigned)}`);
  else parts.push(`confidence ${percent(crop.confidence)}`);
  if (crop.flip) parts.push("flipped");
  if (crop.open) parts.push(`to look at: ${crop.why || "unsure"}`);
  if (crop.check) parts.push("confirmed");
  return parts.join(", ");
}

/** What a step did, in words. */
export function stepText(step) {
  switch (step.action) {
    case "place": return `chromosome ${step.crop} to ${placeName(step.after)}`;
    case "flip": return `chromosome ${step.crop} flipped`;
    case "check": return `chromosome ${step.crop} ${step.after === "1" ? "confirmed" : "not confirmed"}`;
    default: return step.after === "1" ? "marked as done" : "mark as done taken away";
  }
}
