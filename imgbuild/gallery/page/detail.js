/* One picture at full size, with all that is known of it. */
"use strict";
(function (G) {
  const host = () => G.byId("detail");
  let shown = null;
  let asked = 0;
  let told = null; // of the one that is shown, what the server said last

  function show(handle) {
    const target = G.model.byHandle.get(handle);
    if (!target) return false;
    const isNew = !shown || host().hidden;
    const old = shown;
    shown = target;
    host().hidden = false;
    if (isNew) build();
    if (isNew || old !== target) {
      told = null;
      stage(target);
      about(target, null);
      fetchAll(target);
    }
    return true;
  }

  function build() {
    const bar = G.el(
      "div",
      { class: "overlay-bar" },
      G.button("", { icon: "back", label: "Back to the pictures", key: "esc", extra: "bare" }, G.back),
      G.el("span", { class: "place", id: "detail-place" }),
      G.button("", { icon: "back", label: "Picture before", title: "Picture before (←)", extra: "bare" }, () => step(-1)),
      G.button("", { icon: "next", label: "Next picture", title: "Next picture (→)", extra: "bare" }, () => step(1)),
    );
    const frame = G.el("div", { class: "stage", id: "stage", role: "group", "aria-label": "Picture" });
    const side = G.el("div", { class: "about", id: "about", tabindex: "0", role: "group", "aria-label": "About this picture" });
    host().replaceChildren(bar, G.el("div", { class: "spread" }, frame, side));
    frame.addEventListener("click", () => zoom());
    host().focus({ preventScroll: true });
  }

  function stage(target) {
    const frame = G.byId("stage");
    frame.classList.remove("whole");
    frame.removeAttribute("tabindex");
    host().setAttribute("aria-label", G.words.title(target));
    const list = G.listed();
    const at = list.indexOf(target);
    G.byId("detail-place").textContent = at < 0 ? "" : `${G.words.number(at + 1)} of ${G.words.number(list.length)}`;
    const box = G.picture(target, 512, { alt: "" });
    box.classList.add("big");
    if (target.image) {
      const image = G.el("img", { class: "full", alt: G.model.prompt(target) || G.words.title(target), decoding: "async" });
      image.addEventListener("load", () => {
        box.style.setProperty("--natural", image.naturalWidth);
        image.classList.add("here");
      });
      image.src = G.source.image(target.image, target.output);
      box.append(image);
    }
    frame.replaceChildren(box);
    for (const near of [list[at + 1], list[at - 1]]) {
      if (at >= 0 && near?.image) new Image().src = G.source.image(near.image, near.output);
    }
  }

  function zoom() {
    const frame = G.byId("stage");
    if (!frame) return;
    if (frame.classList.toggle("whole")) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
    frame.scrollTo((frame.scrollWidth - frame.clientWidth) / 2, (frame.scrollHeight - frame.clientHeight) / 2);
  }

  function step(way) {
    const list = G.listed();
    const next = list[list.indexOf(shown) + way];
    if (next) G.address.set({ open: next.handle });
  }

  async function fetchAll(target) {
    const number = (asked += 1);
    try {
      const detail = await G.source.detail(target.handle);
      if (number !== asked) return;
      told = detail;
      about(target, detail);
    } catch (error) {
      if (number === asked) G.say(error.message, "error", error.hint);
    }
  }

  function about(target, detail) {
    const box = G.byId("about");
    const top = box.scrollTop;
    box.replaceChildren(
      ...[head(target), G.review.bar(target), prompts(target, detail || {}), facts(target, detail || {})],
      ...(detail ? G.about.more(target, detail) : [G.el("p", { class: "quiet", text: "…" })]).filter(Boolean),
    );
    box.scrollTop = top;
  }

  function head(target) {
    const marks = G.words.marks(target).map(([icon, kind, text]) => {
      return G.el("span", { class: `badge ${kind}` }, G.icon(icon), G.el("span", { text }));
    });
    return G.el(
      "div",
      { class: "about-head" },
      G.el("h2", { text: G.words.title(target) }),
      G.el("p", { class: "where", text: G.words.where(target) }),
      G.el("div", { class: "badges" }, marks),
      target.why ? G.el("p", { class: "why", text: target.why }) : null,
    );
  }

  function prompts(target, detail) {
    const text = detail.prompt ?? G.model.prompt(target);
    if (!text && !detail.negative) return G.el("div");
    return G.el(
      "div",
      { class: "prompts" },
      text ? G.el("p", { class: "prompt", text }) : null,
      detail.negative ? G.el("p", { class: "negative" }, G.el("span", { class: "tag", text: "not" }), ` ${detail.negative}`) : null,
      text ? G.button("Copy the prompt", { icon: "copy", extra: "small" }, () => G.copy(text)) : null,
    );
  }

  function facts(target, detail) {
    const pin = detail.pin || {};
    const rows = [
      ["Model", [target.model, pin.source].filter(Boolean).join(" · ")],
      ["Revision", pin.revision || ""],
      ["Made by", target.via ? `${target.via}, its fallback` : ""],
      ["Seed", target.seed === null || target.seed === undefined ? "" : String(target.seed)],
      ["Attempt", target.attempt ? String(target.attempt + 1) : ""],
      ["Size", target.width ? `${target.width} × ${target.height}` : ""],
      ["Cost", target.cost ? G.words.money(target.cost) : ""],
      ["Took", target.seconds ? G.words.seconds(target.seconds) : ""],
      ["Repeats", target.grade || ""],
      ...Object.entries(detail.params || {}).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
      ["File", target.output],
      ["Handle", target.handle],
    ];
    const list = G.el("dl", { class: "facts" });
    for (const [name, value] of rows) {
      if (value) list.append(G.el("dt", { text: name }), G.el("dd", { text: value, title: value }));
    }
    return list;
  }

  G.detail = {
    show,
    step,
    zoom,
    hide() {
      shown = null;
      asked += 1;
      host().hidden = true;
      host().replaceChildren();
    },
    get current() {
      return shown;
    },
    /* The target may have changed: its picture, and all that is said of it. */
    renew() {
      if (!shown) return;
      shown = G.model.byHandle.get(shown.handle) || shown;
      const image = host().querySelector(".full");
      const address = shown.image ? G.source.image(shown.image, shown.output) : "";
      if ((image?.getAttribute("src") || "") !== address) stage(shown);
      about(shown, told);
      fetchAll(shown);
    },
  };
})(window.Gallery);
