/* The grid: only the rows near the viewport are in the document, however many pictures there are. */
"use strict";
(function (G) {
  const SIZES = [120, 196, 320];
  const GAP = 14;
  const AHEAD = 0.6; // of the viewport's height, above and below
  const FAST = 4; // viewports a second: beyond that, pictures wait until the scrolling is slower
  const SPELL = 8; // milliseconds that cards may take of one frame; the rest follow in the next

  const cards = new Map();
  const spare = [];
  const still = new Map(); // while others are shown: the cards of before, by handle
  let host, sheet, items, cursor, shape, size, last, settle, again;

  function start() {
    host = G.byId("grid");
    sheet = G.el("div", { class: "sheet", role: "presentation" });
    host.append(sheet);
    [items, cursor, shape, last] = [[], 0, null, { top: 0, at: 0 }];
    size = Math.min(SIZES.length - 1, Number(G.memory.get("size", "1")) || 0);
    again = G.framed(render);
    host.addEventListener("scroll", again, { passive: true });
    host.addEventListener("click", click);
    host.addEventListener("focusin", (event) => event.target.card && point(event.target.card.at, false));
    new ResizeObserver(G.framed(resize)).observe(host);
  }

  function measure() {
    const narrow = host.clientWidth < 520;
    const edge = narrow ? 12 : 24;
    const room = Math.max(120, host.clientWidth - 2 * edge);
    const least = narrow ? [96, 150, 300][size] : SIZES[size];
    const columns = Math.max(1, Math.floor((room + GAP) / (least + GAP)));
    const width = (room - GAP * (columns - 1)) / columns;
    const picture = Math.round(width / G.usualShape(items));
    const row = picture + (size === 0 ? 30 : 46) + GAP;
    return { edge, columns, width, picture, row, side: width * devicePixelRatio > 300 ? 512 : 256 };
  }

  function resize() {
    if (host.hidden || !host.clientWidth) return;
    const at = shape ? Math.floor(host.scrollTop / shape.row) * shape.columns : 0;
    shape = measure();
    host.style.setProperty("--picture", `${shape.picture}px`);
    host.dataset.size = size;
    sheet.style.setProperty("height", `${Math.ceil(items.length / shape.columns) * shape.row + 24}px`);
    for (const card of cards.values()) put(card);
    const top = Math.floor(at / shape.columns) * shape.row;
    if (Math.abs(top - host.scrollTop) > shape.row) host.scrollTop = top;
    render();
  }

  function put(card) {
    const [row, column] = [Math.floor(card.at / shape.columns), card.at % shape.columns];
    const x = shape.edge + column * (shape.width + GAP);
    card.node.style.setProperty("width", `${shape.width}px`);
    card.node.style.setProperty("transform", `translate(${x}px, ${row * shape.row + 12}px)`);
  }

  function render() {
    if (!shape || host.hidden) return;
    const wait = isFast();
    const high = host.clientHeight;
    const first = Math.max(0, Math.floor((host.scrollTop - high * AHEAD) / shape.row)) * shape.columns;
    const end = Math.min(items.length, Math.ceil((host.scrollTop + high * (1 + AHEAD)) / shape.row) * shape.columns);
    for (const [at, card] of cards) if ((at < first || at >= end) && at !== cursor) drop(at, card);
    addNearest(first, end, wait);
    if (cursor < items.length && !cards.has(cursor)) add(cursor, true);
    if (!wait) for (const card of cards.values()) card.load();
  }

  /* Those in the middle of the viewport first. */
  function addNearest(first, end, wait) {
    const until = performance.now() + SPELL;
    const middle = Math.floor((host.scrollTop + host.clientHeight / 2) / shape.row) * shape.columns;
    const missing = [];
    for (let at = first; at < end; at += 1) if (!cards.has(at)) missing.push(at);
    missing.sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle));
    for (const at of missing) {
      if (performance.now() > until) return again();
      add(at, wait);
    }
    return null;
  }

  /* Whether the scrolling is so fast that what is passed is not worth asking for. */
  function isFast() {
    const [top, at] = [host.scrollTop, performance.now()];
    const speed = Math.abs(top - last.top) / host.clientHeight / Math.max(0.001, (at - last.at) / 1000);
    last = { top, at };
    clearTimeout(settle);
    settle = speed > FAST ? setTimeout(() => cards.forEach((card) => card.load()), 90) : 0;
    return speed > FAST;
  }

  function add(at, wait) {
    const target = items[at];
    const kept = still.get(target.handle);
    still.delete(target.handle);
    const card = kept || spare.pop() || new G.Card("option");
    card.at = at;
    if (!kept || card.side !== shape.side) card.show(target, shape.side, wait);
    else Object.assign(card, { target }).renew();
    put(card);
    card.node.setAttribute("aria-setsize", items.length);
    card.node.setAttribute("aria-posinset", at + 1);
    card.node.tabIndex = at === cursor ? 0 : -1;
    if (!kept) sheet.insertBefore(card.node, after(at));
    cards.set(at, card);
  }

  /* In the document, cards stand in the order in which they are seen. */
  function after(at) {
    let [least, node] = [Infinity, null];
    for (const [other, card] of cards) if (other > at && other < least) [least, node] = [other, card.node];
    return node;
  }

  function drop(at, card) {
    cards.delete(at);
    card.node.remove();
    card.frame.replaceChildren();
    if (spare.length < 60) spare.push(card);
  }

  /* Other pictures, or others in another order. */
  function show(found) {
    const kept = items[cursor]?.handle;
    const had = host.contains(document.activeElement);
    const same = found.length === items.length && found.every((target, at) => target === items[at]);
    items = found;
    if (same && shape) return cards.forEach((card) => card.renew());
    const moved = found.findIndex((target) => target.handle === kept);
    cursor = moved >= 0 ? moved : Math.max(0, Math.min(cursor, found.length - 1));
    for (const card of cards.values()) still.set(card.target.handle, card);
    cards.clear();
    resize();
    for (const card of still.values()) drop(-1, card);
    still.clear();
    if (had) cards.get(cursor)?.node.focus({ preventScroll: true });
  }

  /* Move the one that the keys are about. */
  function point(at, focus = true) {
    if (!items.length) return;
    const old = cards.get(cursor);
    if (old) old.node.tabIndex = -1;
    cursor = Math.max(0, Math.min(items.length - 1, at));
    if (focus) reveal();
    if (!cards.has(cursor)) add(cursor, false);
    const card = cards.get(cursor);
    card.node.tabIndex = 0;
    if (focus) card.node.focus({ preventScroll: true });
  }

  function reveal() {
    if (!shape) return;
    const top = Math.floor(cursor / shape.columns) * shape.row;
    if (top < host.scrollTop) host.scrollTop = top;
    else if (top + shape.row + 12 > host.scrollTop + host.clientHeight) {
      host.scrollTop = top + shape.row + 12 - host.clientHeight;
    }
    render();
  }

  function click(event) {
    const card = event.target.closest(".card")?.card;
    if (!card) return;
    point(card.at);
    if (event.target.closest(".tick") || event.shiftKey || event.ctrlKey || event.metaKey) G.choose(card.target);
    else G.open(card.target.handle);
  }

  G.grid = {
    start,
    show,
    resize: () => resize(),
    get current() {
      return items[cursor];
    },
    get items() {
      return items;
    },
    move(dx, dy) {
      point(cursor + dx + dy * shape.columns);
    },
    page(way) {
      point(cursor + way * shape.columns * Math.max(1, Math.floor(host.clientHeight / shape.row)));
    },
    end: (last) => point(last ? items.length - 1 : 0),
    focus: () => point(cursor),
    pointTo(handle, focus = true) {
      const at = items.findIndex((target) => target.handle === handle);
      if (at >= 0) point(at, focus);
    },
    resizeBy(step) {
      size = Math.max(0, Math.min(SIZES.length - 1, size + step));
      G.memory.set("size", String(size));
      for (const [at, card] of [...cards]) drop(at, card);
      resize();
      reveal();
    },
    renew: () => cards.forEach((card) => card.renew()),
    get count() {
      return cards.size;
    },
  };
})(window.Gallery);
