// Dragging a chromosome with mouse, pen or finger.

const THRESHOLD = 5; // pixels before a press becomes a drag

/**
 * @param {HTMLElement} root The karyogram.
 * @param {() => boolean} allowed Whether the cell can be changed.
 * @param {(crop: number, place: string) => void} onDrop
 */
export function dragCrops(root, allowed, onDrop) {
  let held = null;

  root.addEventListener("pointerdown", (event) => {
    const crop = event.target.closest(".crop");
    if (!crop || event.button !== 0 || held) return;
    crop.focus();
    held = { crop, id: event.pointerId, x: event.clientX, y: event.clientY, ghost: null, over: null };
  });

  window.addEventListener("pointermove", (event) => {
    if (!held || event.pointerId !== held.id) return;
    const far = Math.hypot(event.clientX - held.x, event.clientY - held.y) > THRESHOLD;
    if (!held.ghost && far && allowed()) start();
    if (!held.ghost) return;
    event.preventDefault();
    held.ghost.style.transform = `translate(${event.clientX - held.dx}px, ${event.clientY - held.dy}px)`;
    const below = document.elementFromPoint(event.clientX, event.clientY);
    mark(below?.closest?.(".slot") || null);
  });

  window.addEventListener("pointerup", (event) => {
    if (!held || event.pointerId !== held.id) return;
    const { crop, ghost, over } = held;
    stop();
    if (ghost && over) onDrop(Number(crop.dataset.crop), over.dataset.place);
  });
  window.addEventListener("pointercancel", stop);
  window.addEventListener("blur", stop);
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && held?.ghost) {
      event.stopImmediatePropagation();
      stop();
    }
  }, true);

  function start() {
    const image = held.crop.querySelector("img");
    const box = image.getBoundingClientRect();
    held.dx = held.x - box.left;
    held.dy = held.y - box.top;
    held.ghost = document.createElement("div");
    held.ghost.className = "ghost";
    held.ghost.style.setProperty("--width", held.crop.style.getPropertyValue("--width"));
    held.ghost.style.setProperty("--height", held.crop.style.getPropertyValue("--height"));
    held.ghost.append(image.cloneNode());
    document.body.append(held.ghost);
    held.crop.classList.add("held");
    root.classList.add("dragging");
  }

  function mark(slot) {
    if (slot === held.over) return;
    held.over?.classList.remove("over");
    slot?.classList.add("over");
    held.over = slot;
  }

  function stop() {
    if (!held) return;
    mark(null);
    held.ghost?.remove();
    held.crop.classList.remove("held");
    root.classList.remove("dragging");
    held = null;
  }
}
