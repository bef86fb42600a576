/* What is shown, as the address says it after its #: a reload keeps it, and a link can be handed on. */
"use strict";
(function (G) {
  const PLAIN = { view: "grid", q: "", rows: "", cols: "", open: "", mode: "side", rev: "" };
  const listeners = [];
  let now = read();

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    const state = { ...PLAIN, compare: [], filters: {} };
    for (const [name, value] of given) {
      if (name === "compare") state.compare = value.split(" ").filter(Boolean).slice(0, 4);
      else if (name in PLAIN) state[name] = value;
      else (state.filters[name] ??= new Set()).add(value);
    }
    return state;
  }

  function write(state) {
    const told = new URLSearchParams();
    for (const name of Object.keys(PLAIN)) if (state[name] !== PLAIN[name]) told.append(name, state[name]);
    if (state.compare.length) told.append("compare", state.compare.join(" "));
    for (const [name, values] of Object.entries(state.filters)) for (const value of values) told.append(name, value);
    return `#${told}`;
  }

  function tell(before) {
    for (const listener of listeners) listener(now, before);
  }

  G.address = {
    get now() {
      return now;
    },
    listen: (listener) => listeners.push(listener),

    /* step: whether the browser's way back leads to what was shown before. */
    set(changes, { step = false } = {}) {
      const before = now;
      now = { ...now, ...changes };
      const text = write(now);
      if (text === write(before)) return;
      history[step ? "pushState" : "replaceState"]({ step }, "", text);
      tell(before);
    },

    toggle(facet, value) {
      const values = new Set(now.filters[facet] || []);
      if (!values.delete(value)) values.add(value);
      const { [facet]: _, ...others } = now.filters;
      G.address.set({ filters: values.size ? { ...others, [facet]: values } : others });
    },
  };

  window.addEventListener("popstate", () => {
    const before = now;
    now = read();
    tell(before);
  });
})(window.Gallery);
