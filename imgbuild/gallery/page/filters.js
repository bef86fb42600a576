/* The filters: what there is of each kind, how many, and which are chosen. */
"use strict";
(function (G) {
  const FEW = 10;
  const MANY = 150;
  const open = new Set();
  const wanted = new Map();
  const order = new Map([["review", ["open", "changed", "approved", "rejected"]]]);
  const shapes = new Map();

  /* Every value of a facet that any target has, in the order of the specs. */
  function valuesOf(facet) {
    const found = new Set(order.get(facet.key) || []);
    const there = new Set();
    for (const target of G.model.targets) for (const value of facet.of(target)) there.add(value);
    for (const value of there) found.add(value);
    return [...found].filter((value) => there.has(value));
  }

  function take() {
    shapes.clear();
    for (const facet of G.model.facets) shapes.set(facet.key, facet.values || valuesOf(facet));
  }

  function show(counts) {
    const host = G.byId("filters");
    const had = host.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const groups = [];
    for (const facet of G.model.facets) {
      const values = shapes.get(facet.key) || [];
      const chosen = G.address.now.filters[facet.key];
      if (values.length > 1 || (values.length === 1 && (chosen || ["rule", "star"].includes(facet.key)))) {
        groups.push(group(facet, values, counts.get(facet.key), chosen || new Set()));
      }
    }
    const top = host.scrollTop;
    host.replaceChildren(G.el("div", { class: "filters-head" }, G.el("h2", { text: "Filters" }), closer()), ...groups);
    host.scrollTop = top;
    if (had) host.querySelector(`[data-key="${CSS.escape(had)}"]`)?.focus({ preventScroll: true });
  }

  const closer = () => G.button("", { icon: "close", label: "Close the filters", extra: "bare narrow-only" }, () => G.filters.toggle(false));

  function group(facet, values, counts, chosen) {
    const title = facet.title.length > 28 ? `${facet.title.slice(0, 27)}…` : facet.title;
    const box = G.el("fieldset", { class: "facet" }, G.el("legend", { text: title }));
    const word = (wanted.get(facet.key) || "").toLowerCase();
    const fit = word ? values.filter((value) => value.toLowerCase().includes(word)) : values;
    const most = word || open.has(facet.key) ? MANY : FEW;
    const shown = fit.length > most ? fit.filter((value, at) => at < most || chosen.has(value)) : fit;
    if (values.length > FEW + 4) box.append(narrower(facet));
    for (const value of shown) box.append(choice(facet, value, counts.get(value) || 0, chosen.has(value)));
    if (fit.length > shown.length || open.has(facet.key)) box.append(more(facet, fit.length, shown.length));
    return box;
  }

  function narrower(facet) {
    const input = (event) => {
      wanted.set(facet.key, event.target.value);
      G.refresh();
    };
    const field = G.el("input", {
      type: "search",
      class: "narrow",
      placeholder: `Find ${facet.title}`,
      "aria-label": `Find in ${facet.title}`,
      data: { key: `find:${facet.key}` },
      on: { input },
    });
    field.value = wanted.get(facet.key) || "";
    return field;
  }

  function more(facet, all, shown) {
    const isOpen = open.has(facet.key);
    const text = isOpen ? "Show fewer" : `Show all ${G.words.number(all)}`;
    const press = () => {
      if (!open.delete(facet.key)) open.add(facet.key);
      G.refresh();
    };
    const words = isOpen && shown < all ? `Show fewer (${shown} of ${G.words.number(all)} shown)` : text;
    return G.el("button", { type: "button", class: "link", text: words, data: { key: `more:${facet.key}` }, on: { click: press } });
  }

  function choice(facet, value, count, isChosen) {
    const box = G.el("input", { type: "checkbox", data: { key: `${facet.key}=${value}` } });
    box.checked = isChosen;
    box.addEventListener("change", () => G.address.toggle(facet.key, value));
    const name = facet.key === "state" ? G.words.state(value) : value;
    return G.el(
      "label",
      { class: `choice${count ? "" : " nothing"}` },
      box,
      G.el("span", { class: "value", text: name, title: name }),
      G.el("span", { class: "number", text: G.words.number(count) }),
    );
  }

  /* What is chosen, above the pictures, to be taken back one by one. */
  function chips() {
    const host = G.byId("chips");
    const { filters, q, rev } = G.address.now;
    const found = [];
    const chip = (text, remove) => {
      const label = `Remove the filter ${text}`;
      found.push(G.el("button", { type: "button", class: "chip", "aria-label": label, on: { click: remove } }, G.el("span", { text }), G.icon("close")));
    };
    if (rev) chip(`changed since ${rev}`, () => G.address.set({ rev: "" }));
    if (q) chip(`“${q}”`, () => G.address.set({ q: "" }));
    for (const [key, values] of Object.entries(filters)) {
      const title = G.model.facets.find((facet) => facet.key === key)?.title || key;
      for (const value of values) {
        const name = key === "state" ? G.words.state(value) : value;
        chip(key === "star" ? "starred" : `${title}: ${name}`, () => G.address.toggle(key, value));
      }
    }
    if (found.length > 1) {
      const clear = () => G.address.set({ filters: {}, q: "", rev: "" });
      found.push(G.el("button", { type: "button", class: "link", text: "Clear all", on: { click: clear } }));
    }
    host.hidden = !found.length;
    host.replaceChildren(...found);
  }

  function toggle(wish) {
    const room = G.byId("room");
    const isOpen = wish ?? !room.classList.contains("with-filters");
    room.classList.toggle("with-filters", isOpen);
    G.byId("filters-button").setAttribute("aria-expanded", isOpen);
    if (innerWidth > 900) G.memory.set("filters", isOpen ? "open" : "closed");
    if (isOpen) G.byId("filters").querySelector("input")?.focus();
    else if (G.byId("filters").contains(document.activeElement)) G.byId("filters-button").focus();
  }

  G.filters = { take, show, chips, toggle };
})(window.Gallery);
