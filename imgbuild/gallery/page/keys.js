/* Everything by keyboard: what each key does, and the list of them. */
"use strict";
(function (G) {
  const HELP = [
    ["Move", [["← ↑ ↓ →  h j k l", "from picture to picture"], ["home end", "first, last"], ["page up/down", "a page on"], ["enter", "open"], ["esc", "back"]]],
    ["Look", [["/", "search"], ["f", "filters"], ["g  m", "grid, matrix"], ["+  -", "larger, smaller"], ["z", "every pixel, in a picture"], ["e", "changes since a git revision"], ["b", "before and after"]]],
    ["Compare", [["x", "choose for comparing"], ["v", "compare what is chosen"], ["w", "compare what competes"], ["1 2 3 4", "side by side, slider, blink, difference"], ["space", "stop blinking"]]],
    ["Decide", [["a", "approve"], ["p", "pick as the winner"], ["r", "reject"], ["c", "comment"], ["s", "star"], ["shift + a p r c s", "all that are chosen"]]],
    ["Page", [["t", "dark, light"], ["?", "these keys"]]],
  ];
  const DECISIONS = { a: "approve", p: "pick", r: "reject", c: "comment", s: "star" };
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], h: [-1, 0], l: [1, 0], k: [0, -1], j: [0, 1] };

  const pane = () => {
    const now = G.address.now;
    if (!G.byId("compare").hidden) return "compare";
    if (!G.byId("detail").hidden) return "detail";
    return now.view === "matrix" ? "matrix" : "grid";
  };

  function help() {
    const parts = HELP.map(([title, rows]) => {
      const lines = rows.map(([keys, what]) => [
        G.el("dt", {}, keys.split("  ").map((key) => G.el("kbd", { text: key }))),
        G.el("dd", { text: what }),
      ]);
      return G.el("section", {}, G.el("h3", { text: title }), G.el("dl", {}, lines));
    });
    const dialog = G.ask("Keys", G.el("div", { class: "help" }, parts), [G.button("Close", { key: "esc" }, () => dialog.close())]);
    dialog.classList.add("wide");
  }

  /* Keys that mean the same wherever they are pressed. */
  const EVERYWHERE = {
    "?": help,
    "/": () => {
      if (pane() !== "grid" && pane() !== "matrix") G.leave();
      G.byId("search").focus();
      G.byId("search").select();
    },
    f: () => G.filters.toggle(),
    g: () => G.toView("grid"),
    m: () => G.toView(pane() === "matrix" ? "grid" : "matrix"),
    t: () => G.byId("theme-button").click(),
    e: () => G.changes.ask(),
    b: () => G.changes.before(),
    v: () => G.compareChosen(),
    w: () => G.rivals.compare(G.current()),
    x: () => G.current() && G.choose(G.current()),
    z: () => (pane() === "compare" ? G.compare.zoom() : G.detail.zoom()),
    "+": () => G[pane()].resizeBy?.(1),
    "=": () => G[pane()].resizeBy?.(1),
    "-": () => G[pane()].resizeBy?.(-1),
    Escape: () => G.back(),
  };

  function inPane(event, where) {
    const move = MOVES[event.key];
    if (move && where === "detail") return event.key.startsWith("Arrow") && move[1] ? false : (G.detail.step(move[0] + move[1]), true);
    if (move && where === "compare") return move[1] ? false : (G.compare.move(move[0]), true);
    if (move) return G[where].move(...move), true;
    if (where === "compare" && /^[1-4]$/.test(event.key)) return G.address.set({ mode: G.compare.MODES[event.key - 1][0] }), true;
    if (where === "compare" && event.key === " ") return G.compare.pause(), true;
    if (where === "detail" || where === "compare") return false;
    const calls = {
      Enter: () => (where === "matrix" ? G.matrix.enter() : G.current() && G.open(G.current().handle)),
      " ": () => G.current() && G.choose(G.current()),
      Home: () => G[where].end(false),
      End: () => G[where].end(true),
      PageDown: () => G[where].page(1),
      PageUp: () => G[where].page(-1),
    };
    if (!calls[event.key]) return false;
    calls[event.key]();
    return true;
  }

  /* Whether the key belongs to what has the focus: a field, a button, a slider. */
  function isTaken(event) {
    const { target, key } = event;
    if (target.closest("dialog")) return true;
    if (target.matches("input[type=range]")) return key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(key);
    if (target.matches("input[type=checkbox], button, a, summary")) return [" ", "Enter"].includes(key);
    return target.matches("input, textarea, select");
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.id === "search") return fromSearch(event);
    if (isTaken(event)) return event.key === "Escape" && !event.target.closest("dialog") ? event.target.blur() : undefined;
    const lower = event.key.toLowerCase();
    let done = true;
    if (DECISIONS[lower] && (event.shiftKey || event.key === lower)) {
      const all = G.chosen.map((handle) => G.model.byHandle.get(handle)).filter(Boolean);
      G.review.decide(DECISIONS[lower], event.shiftKey ? all : [G.current()].filter(Boolean));
    } else if (EVERYWHERE[event.key]) EVERYWHERE[event.key]();
    else done = inPane(event, pane());
    if (done) event.preventDefault();
  }

  function fromSearch(event) {
    if (event.key === "Escape" && !event.target.value) event.target.blur();
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    G.search.now();
    G[pane()].focus();
  }

  G.keys = { start: () => document.addEventListener("keydown", press), help };
})(window.Gallery);
