/* Two to four pictures against each other: side by side, with a slider, blinking, or their difference. */
"use strict";
(function (G) {
  const MODES = [
    ["side", "Side by side", 4],
    ["slider", "Slider", 2],
    ["blink", "Blink", 4],
    ["difference", "Difference", 2],
  ];
  const host = () => G.byId("compare");
  let items = [];
  let ticker = 0;
  let at = 0;
  let drawn = "";

  /* What an item of the address stands for: a target, or its picture of another revision: handle~sha~revision. */
  function itemOf(text) {
    const [, handle, sha, revision] = /^([^~]*)~?([^~]*)~?(.*)$/.exec(text); // a revision may be HEAD~1
    const target = G.model.byHandle.get(handle);
    if (!target) return null;
    const image = sha || target.image;
    const label = revision ? `${G.words.title(target)}, at ${revision}` : G.words.title(target);
    return { target, image, label, text, isBefore: Boolean(sha) };
  }

  function show(names, mode) {
    items = names.map(itemOf).filter((item) => item && item.image);
    if (items.length < 2) return false;
    const key = JSON.stringify([mode, items.map((item) => [item.text, item.image])]);
    if (key === drawn && !host().hidden) return true;
    drawn = key;
    if (host().hidden) at = 0;
    host().hidden = false;
    clearInterval(ticker);
    const known = MODES.find(([name]) => name === mode) || MODES[0];
    const body = G.el("div", { class: `table ${known[0]}`, id: "table", role: "group", "aria-label": known[1] });
    host().replaceChildren(bar(known[0]), body);
    DRAW[known[0]](body);
    if (!host().contains(document.activeElement)) host().focus({ preventScroll: true });
    return true;
  }

  function bar(mode) {
    const modes = MODES.map(([name, title], number) => {
      const press = () => G.address.set({ mode: name });
      return G.el(
        "button",
        { type: "button", class: "tool", "aria-pressed": name === mode, title: `${title} (${number + 1})`, on: { click: press } },
        G.el("span", { text: title }),
      );
    });
    return G.el(
      "div",
      { class: "overlay-bar" },
      G.button("", { icon: "back", label: "Back to the pictures", key: "esc", extra: "bare" }, G.back),
      G.el("h2", { class: "overlay-title", text: "Compare" }),
      G.el("div", { class: "switch", role: "group", "aria-label": "How" }, modes),
    );
  }

  function full(item, extra) {
    const alt = G.model.prompt(item.target) || item.label;
    const image = G.el("img", { class: `full ${extra || ""}`.trim(), alt, decoding: "async", draggable: "false" });
    image.addEventListener("load", () => image.classList.add("here"));
    image.src = G.source.image(item.image, item.target.output);
    return image;
  }

  function caption(item, number) {
    const { target } = item;
    const facts = item.isBefore ? "" : [target.model, target.seed === null || target.seed === undefined ? "" : `seed ${target.seed}`].filter(Boolean).join(" · ");
    return G.el(
      "figcaption",
      {},
      G.el("span", { class: "key", text: String(number + 1), "aria-hidden": "true" }),
      G.el("span", { class: "name", text: item.label }),
      G.el("span", { class: "where", text: facts }),
      G.el("span", { class: "marks" }, item.isBefore ? [] : G.marks(target)),
      item.isBefore ? null : G.review.picker(target, `Pick ${item.label}`),
    );
  }

  function side(body) {
    const frames = items.map((item, number) => {
      const frame = G.el("div", { class: "frame", tabindex: "0", role: "group", "aria-label": item.label }, full(item));
      const figure = G.el("figure", {}, frame, caption(item, number));
      figure.addEventListener("focusin", () => (at = number));
      frame.addEventListener("click", zoom);
      return [figure, frame];
    });
    body.style.setProperty("--many", items.length);
    body.append(...frames.map(([figure]) => figure));
    together(frames.map(([, frame]) => frame));
  }

  /* Scrolling one scrolls all. */
  function together(frames) {
    let leader = null;
    const lead = (event) => (leader = event.currentTarget);
    for (const frame of frames) {
      for (const name of ["pointerenter", "touchstart", "focus"]) frame.addEventListener(name, lead, { passive: true });
      frame.addEventListener("scroll", () => {
        if (leader && leader !== frame) return;
        for (const other of frames) if (other !== frame) other.scrollTo(frame.scrollLeft, frame.scrollTop);
      });
    }
  }

  function slider(body) {
    const pair = pairOf();
    const frame = G.el("div", { class: "pair" }, full(pair[0]), full(pair[1], "over"));
    ratio(frame, pair[0]);
    const range = G.el("input", { type: "range", min: "0", max: "100", step: "0.5", "aria-label": `Where ${pair[0].label} ends and ${pair[1].label} begins` });
    const set = () => frame.style.setProperty("--cut", `${range.value}%`);
    range.value = 50;
    range.addEventListener("input", set);
    set();
    frame.append(G.el("span", { class: "cut-line", "aria-hidden": "true" }), range);
    body.append(G.el("figure", { class: "alone" }, frame, legend(pair)));
    setTimeout(() => range.focus({ preventScroll: true }));
  }

  function ratio(frame, { target }) {
    const shape = target.width && target.height ? target.width / target.height : 1;
    frame.style.setProperty("--shape", shape);
  }

  const pairOf = () => [items[0], items[1]];

  const captionOf = (number) => G.el("div", { class: "caption", data: { number } }, [...caption(items[number], number).childNodes]);

  const legend = (pair) => G.el("div", { class: "legend" }, pair.map((_, number) => captionOf(number)));

  /* Another caption in the place of one; the focus stays where it was. */
  function retold(node, fresh) {
    const had = node.contains(document.activeElement);
    node.replaceWith(fresh);
    if (had) fresh.querySelector("button")?.focus();
  }

  function blink(body) {
    const images = items.map((item) => full(item, "stacked"));
    const frame = G.el("div", { class: "pair" }, images);
    ratio(frame, items[0]);
    const told = G.el("div", { class: "legend", "aria-live": "off" });
    const turn = (to) => {
      at = ((to % items.length) + items.length) % items.length;
      images.forEach((image, number) => {
        image.classList.toggle("shown", number === at);
        image.setAttribute("aria-hidden", number !== at);
      });
      told.replaceChildren(captionOf(at));
    };
    const run = () => (ticker = setInterval(() => turn(at + 1), 700));
    const stop = () => (clearInterval(ticker), (ticker = 0));
    const pause = G.button("Pause", { key: "space", extra: "small" }, () => {
      if (ticker) stop();
      else run();
      pause.querySelector("span").textContent = ticker ? "Pause" : "Run";
    });
    body.append(G.el("figure", { class: "alone" }, frame, told, pause));
    G.compare.turn = (way) => (ticker ? pause.click() : null, turn(at + way));
    G.compare.pause = () => pause.click();
    turn(0);
    if (G.calm()) pause.querySelector("span").textContent = "Run";
    else run();
  }

  function difference(body) {
    const pair = pairOf();
    body.append(G.difference(pair.map((item) => ({ ...item, address: G.source.image(item.image, item.target.output) })), legend(pair)));
  }

  const DRAW = { side, slider, blink, difference };

  function zoom() {
    G.byId("table")?.classList.toggle("whole");
  }

  G.compare = {
    MODES,
    show,
    zoom,
    hide() {
      clearInterval(ticker);
      drawn = "";
      host().hidden = true;
      host().replaceChildren();
    },
    open(names, mode) {
      G.address.set({ compare: names.slice(0, 4), mode: mode || "side" }, { step: true });
    },
    /* The one that has the focus. */
    get current() {
      return items[Math.min(at, items.length - 1)]?.isBefore ? undefined : items[at]?.target;
    },
    focus(number) {
      host().querySelectorAll("figure .frame")[number]?.focus();
    },
    move(way) {
      if (G.address.now.mode === "blink") G.compare.turn(way);
      else G.compare.focus(Math.max(0, Math.min(items.length - 1, at + way)));
    },
    turn: () => null,
    pause: () => null,
    renew() {
      host().querySelectorAll("figcaption").forEach((node, number) => retold(node, caption(items[number], number)));
      host().querySelectorAll(".caption").forEach((node) => retold(node, captionOf(Number(node.dataset.number))));
    },
  };
})(window.Gallery);
