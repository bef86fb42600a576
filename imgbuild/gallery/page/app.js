/* The page as a whole: what the address says is what is shown. */
"use strict";
(function (G) {
  let found = [];
  let from = null; // what had the focus before a picture was opened

  G.chosen = [];
  G.listed = () => found;

  G.current = function () {
    if (!G.byId("compare").hidden) return G.compare.current;
    if (!G.byId("detail").hidden) return G.detail.current;
    return view().current;
  };

  const view = () => G[G.address.now.view === "matrix" ? "matrix" : "grid"];

  G.open = (handle) => G.address.set({ open: handle }, { step: !G.address.now.open });

  G.toView = function (view) {
    G.address.set({ view, open: "", compare: [] }, { step: true });
    G[view].focus();
  };

  /* Out of what lies over the pictures. */
  G.leave = () => G.address.set({ open: "", compare: [] });

  G.back = function () {
    const { open, compare, rev } = G.address.now;
    if (compare.length) G.address.set({ compare: [], mode: "side" });
    else if (open) G.address.set({ open: "" });
    else if (G.byId("room").classList.contains("with-filters") && innerWidth <= 900) G.filters.toggle(false);
    else if (G.chosen.length) choose([]);
    else if (rev) G.address.set({ rev: "" });
  };

  G.choose = function (target) {
    const others = G.chosen.filter((handle) => handle !== target.handle);
    choose(others.length < G.chosen.length ? others : [...others, target.handle]);
  };

  function choose(handles) {
    G.chosen = handles;
    tray();
    G.changed();
  }

  G.compareChosen = function () {
    const few = G.chosen.slice(0, 4);
    if (few.length < 2) G.say("choose two to four pictures with x, then compare them with v");
    else G.compare.open(few);
  };

  function tray() {
    const host = G.byId("tray");
    const targets = G.chosen.map((handle) => G.model.byHandle.get(handle)).filter(Boolean);
    host.hidden = !targets.length;
    document.body.classList.toggle("choosing", targets.length > 0);
    const small = targets.slice(0, 8).map((target) => {
      const label = `Leave out ${G.words.title(target)}`;
      return G.el("button", { type: "button", class: "chosen", "aria-label": label, title: label, on: { click: () => G.choose(target) } }, G.picture(target, 64, { alt: "" }));
    });
    const more = targets.length > 8 ? G.el("span", { class: "quiet", text: `+${targets.length - 8}` }) : null;
    const compare = G.button("Compare", { icon: "compare", key: "v", extra: "strong", disabled: targets.length < 2 }, G.compareChosen);
    const clear = G.button("Clear", { key: "esc" }, () => choose([]));
    host.replaceChildren(G.el("div", { class: "chosen-list" }, small, more), G.el("span", { class: "told", text: `${targets.length} chosen` }), compare, clear);
  }

  /* Filter again, and show. */
  G.refresh = function () {
    const { filters, q } = G.address.now;
    const picked = G.model.pick(filters, q, G.changes.only);
    found = filters.contest || filters.group ? G.rivals.together(picked.found) : picked.found;
    const all = G.model.targets.length;
    const text = found.length === all ? G.words.number(all) : `${G.words.number(found.length)} of ${G.words.number(all)}`;
    if (G.byId("count").textContent !== text) G.byId("count").textContent = text;
    G.filters.show(picked.counts);
    G.filters.chips();
    views();
    overlaid();
  };

  function views() {
    const isMatrix = G.address.now.view === "matrix";
    G.byId("grid").hidden = isMatrix || !found.length;
    G.byId("matrix").hidden = !isMatrix || !found.length;
    G.byId("axes").hidden = !isMatrix || !found.length;
    G.byId("view-grid").setAttribute("aria-pressed", !isMatrix);
    G.byId("view-matrix").setAttribute("aria-pressed", isMatrix);
    G.byId("empty").hidden = found.length > 0;
    if (!found.length) empty();
    if (!isMatrix) G.grid.show(found);
    else if (found.length) G.matrix.show(found);
  }

  function empty() {
    const none = !G.model.targets.length;
    const words = none ? "No pictures yet. `imgbuild build` makes them." : "No picture fits these filters.";
    const clear = G.button("Clear all filters", {}, () => G.address.set({ filters: {}, q: "", rev: "" }));
    G.byId("empty").replaceChildren(G.el("p", { text: words }), none ? "" : clear);
  }

  /* Something of the targets has changed, but not which ones there are: pictures and marks follow in place. */
  G.changed = function () {
    if (G.address.now.view === "matrix") G.matrix.renew();
    else G.grid.renew();
    overlaid();
  };

  function overlaid() {
    if (!G.byId("detail").hidden) G.detail.renew();
    if (!G.byId("compare").hidden) G.compare.renew();
  }

  /* A whole catalogue: the first one, or a newer. */
  G.take = async function (catalogue) {
    G.model.take(catalogue);
    G.filters.take();
    await G.pause();
    const name = catalogue.project || "Gallery";
    G.byId("project").textContent = catalogue.profile ? `${name} · ${catalogue.profile}` : name;
    document.title = `${name} · gallery`;
    G.byId("rev-button").hidden = G.source.isFixed;
    G.chosen = G.chosen.filter((handle) => G.model.byHandle.has(handle));
    G.refresh();
    if (G.address.now.open) view().pointTo(G.address.now.open, false);
    overlays();
  };

  function overlays() {
    const { open, compare, mode } = G.address.now;
    const isOver = () => !G.byId("detail").hidden || !G.byId("compare").hidden;
    const was = isOver();
    if (!was) from = document.activeElement;
    if (!(compare.length && G.compare.show(compare, mode))) G.compare.hide();
    if (!(open && G.detail.show(open))) G.detail.hide();
    G.byId("detail").inert = !G.byId("compare").hidden;
    for (const id of ["bar", "room", "tray"]) G.byId(id).inert = isOver();
    if (was && !isOver()) comeBack();
  }

  /* The focus returns to the picture that was looked at last. */
  function comeBack() {
    view().focus();
    if (from?.isConnected && !from.closest(".grid, .matrix") && from !== document.body) from.focus();
  }

  async function follow(now, before) {
    if (now.rev !== before.rev) await G.changes.load(now.rev);
    G.byId("rev-label").textContent = now.rev ? `Since ${now.rev}` : "Changes";
    if (document.activeElement !== G.byId("search")) G.byId("search").value = now.q;
    const isSame = (names) => names.every((name) => now[name] === before[name]);
    if (!isSame(["filters", "q", "rev"])) G.refresh();
    else if (!isSame(["view", "rows", "cols"])) views();
    if (now.open && now.open !== before.open) view().pointTo(now.open, false);
    overlays();
  }

  function search() {
    const field = G.byId("search");
    let waiting = 0;
    G.search = { now: () => (clearTimeout(waiting), G.address.set({ q: field.value.trim() })) };
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(G.search.now, 120);
    });
  }

  function buttons() {
    const press = (id, call) => G.byId(id).addEventListener("click", call);
    const theme = () => G.byId("theme-button").setAttribute("aria-label", `Theme: ${G.theme.words}`);
    press("view-grid", () => G.address.set({ view: "grid" }, { step: true }));
    press("view-matrix", () => G.address.set({ view: "matrix" }, { step: true }));
    press("filters-button", () => G.filters.toggle());
    press("rev-button", () => G.changes.ask());
    press("help-button", G.keys.help);
    press("theme-button", () => {
      G.theme.turn();
      theme();
      G.say(`Theme: ${G.theme.words}`);
    });
    theme();
  }

  async function start() {
    if (innerWidth > 900 && G.memory.get("filters", "open") === "open") {
      G.byId("room").classList.add("with-filters");
      G.byId("filters-button").setAttribute("aria-expanded", "true");
    }
    G.grid.start();
    G.matrix.start();
    search();
    buttons();
    G.keys.start();
    G.address.listen(follow);
    try {
      await G.take(await G.source.catalogue());
    } catch (error) {
      G.byId("empty").hidden = false;
      G.byId("empty").replaceChildren(G.el("p", { text: error.message }), G.el("p", { class: "quiet", text: error.hint || "" }));
      return;
    }
    G.byId("search").value = G.address.now.q;
    if (G.address.now.rev) await follow(G.address.now, { ...G.address.now, rev: "" });
    G.live.start();
    await G.pause();
    document.body.classList.add("ready");
    if (document.activeElement === document.body) view().focus();
  }

  start();
})(window.Gallery);
