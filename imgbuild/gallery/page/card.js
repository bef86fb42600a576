/* One picture with its caption, as the grid and the matrix show it. */
"use strict";
(function (G) {
  const UNKNOWN = "#808080"; // the colour of images that nobody has looked at

  /* A picture over its mean colour; it fades in when it has come. side: pixels of the small picture. */
  function picture(target, side, { wait = false, alt } = {}) {
    const box = G.el("div", { class: "pic" });
    if (target.color && target.color !== UNKNOWN) box.style.setProperty("--mean", target.color);
    reshape(box, target.width, target.height);
    box.append(G.el("div", { class: "tint" }));
    if (!target.image) return fill(box, target);
    const image = G.el("img", {
      loading: "lazy",
      decoding: "async",
      draggable: "false",
      alt: alt === undefined ? G.model.prompt(target) || G.words.title(target) : alt,
      width: target.width || null,
      height: target.height || null,
      on: { load: () => arrive(box, image), error: () => fill(box, target) },
    });
    const address = G.source.thumb(target.image, side);
    if (wait) image.dataset.src = address;
    else image.src = address;
    box.append(image);
    return box;
  }

  function reshape(box, width, height) {
    if (width && height) box.style.setProperty("--shape", width / height);
  }

  /* Until somebody has looked at an image, the catalogue knows only the size that was asked for. */
  function arrive(box, image) {
    reshape(box, image.naturalWidth, image.naturalHeight);
    box.classList.add("here");
  }

  function fill(box, target) {
    box.querySelector("img")?.remove();
    box.classList.add("none");
    const moving = G.model.moving.get(target.handle);
    const words = target.image ? "its picture can't be shown" : G.words.state((moving || target).state);
    box.append(G.icon("gap"), G.el("span", { class: "why", text: words }));
    return box;
  }

  function marks(target) {
    return G.words.marks(target).map(([icon, kind, text]) => {
      return G.el("span", { class: `mark ${kind}`, title: text }, G.icon(icon), G.el("span", { class: "said", text }));
    });
  }

  class Card {
    constructor(role) {
      this.node = G.el("div", { class: "card", role, tabindex: "-1" });
      this.frame = G.el("div", { class: "frame" });
      this.tick = G.el("span", { class: "tick", "aria-hidden": "true" });
      this.title = G.el("span", { class: "name" });
      this.marks = G.el("span", { class: "marks" });
      this.where = G.el("div", { class: "where" });
      this.node.append(this.frame, this.tick, G.el("div", { class: "said-of" }, this.title, this.marks), this.where);
      this.node.card = this;
    }

    show(target, side, wait) {
      this.target = target;
      this.side = side;
      this.seen = target.image;
      this.frame.replaceChildren(picture(target, side, { wait }));
      this.tell();
    }

    /* What is said beside the picture, and whether it is chosen. */
    tell() {
      const { target, node } = this;
      this.title.textContent = G.words.title(target);
      this.where.textContent = G.words.where(target);
      this.marks.replaceChildren(...marks(target));
      const place = G.chosen.indexOf(target.handle);
      node.setAttribute("aria-selected", place >= 0);
      this.tick.textContent = place >= 0 ? place + 1 : "";
      node.classList.toggle("busy", G.words.kind((G.model.moving.get(target.handle) || target).state) === "busy");
    }

    /* The waiting address becomes the real one. */
    load() {
      const image = this.frame.querySelector("img[data-src]");
      if (!image) return;
      image.src = image.dataset.src;
      image.removeAttribute("data-src");
    }

    /* The target has changed: its new picture takes the old one's place when it has come. */
    async renew() {
      this.tell();
      const { target } = this;
      if (target.image === this.seen) return;
      this.seen = target.image;
      const fresh = picture(target, this.side);
      const image = fresh.querySelector("img");
      if (image) {
        image.loading = "eager";
        await image.decode().catch(() => null);
      }
      if (this.target !== target || this.seen !== target.image) return;
      if (image) fresh.classList.add("here", "new");
      this.frame.replaceChildren(fresh);
    }
  }

  /* Width by height of the middle one of the pictures, so that most fill their frames. */
  G.usualShape = function (targets) {
    const step = Math.max(1, Math.floor(targets.length / 101));
    const shapes = [];
    for (let at = 0; at < targets.length; at += step) {
      if (targets[at].width && targets[at].height) shapes.push(targets[at].width / targets[at].height);
    }
    const middle = shapes.sort((a, b) => a - b)[shapes.length >> 1] || 1;
    return Math.min(1.8, Math.max(0.66, middle));
  };

  G.picture = picture;
  G.marks = marks;
  G.Card = Card;
})(window.Gallery);
