// The keyboard: one letter an act, typed numbers until Enter.

/**
 * @param {object} acts Functions by name, see below.
 * @param {HTMLElement} typing Shows what was typed.
 */
export function listen(acts, typing) {
  let typed = "";

  const show = () => {
    typing.hidden = !typed;
    typing.textContent = typed ? `Move to ${typed === "0" ? "not placed (0)" : typed} · Enter` : "";
  };
  const letters = {
    f: acts.flip, d: acts.done, n: acts.next, p: acts.previous, u: acts.undo, U: acts.redo,
    r: acts.nextOpen, R: acts.previousOpen, x: () => acts.move("X"), X: () => acts.move("X"),
    y: () => acts.move("Y"), Y: () => acts.move("Y"), "?": acts.help,
    Delete: acts.reject,
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (!event.altKey && !isField(target)) shortcut(event);
      return;
    }
    if (isField(target)) {
      if (event.key === "Escape") acts.focus();
      return;
    }
    const act = chosen(event, target);
    if (act) {
      event.preventDefault();
      act();
    }
  });

  function chosen(event, target) {
    const key = event.key;
    if (/^[0-9]$/.test(key)) return () => { typed = (typed + key).slice(-2); show(); };
    if (typed && (key === "Enter" || key === "Escape" || key === "Backspace")) {
      return () => {
        const place = typed === "0" ? "" : typed;
        typed = key === "Backspace" ? typed.slice(0, -1) : "";
        show();
        if (key === "Enter") acts.move(place);
      };
    }
    if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(key)) {
      return () => acts.arrow(key);
    }
    if (key === " ") return target.closest("button, a") ? null : acts.check;
    if (typed && letters[key]) { typed = ""; show(); }
    return letters[key];
  }

  function shortcut(event) {
    const key = event.key.toLowerCase();
    const act = key === "z" ? (event.shiftKey ? acts.redo : acts.undo) : key === "y" ? acts.redo : null;
    if (act) {
      event.preventDefault();
      act();
    }
  }
}

const isField = (element) => Boolean(element.closest("input, select, textarea"));
