/* What the detail says below the facts: rules, attempts, decisions, where it is declared, commands. */
"use strict";
(function (G) {
  const section = (title, ...body) => G.el("section", { class: "part" }, G.el("h3", { text: title }), body);
  const some = (list) => Array.isArray(list) && list.length > 0;
  const plain = (value) => (typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : String(value ?? ""));

  function rules({ verdicts }) {
    if (!some(verdicts)) return null;
    const rows = verdicts.map((item) => {
      const isGood = item.status === "pass";
      const icon = isGood ? "check" : item.status === "skip" ? "stale" : "alert";
      const figure = `${plain(item.figure)}${item.unit ? ` ${item.unit}` : ""}`.trim();
      return G.el(
        "tr",
        { class: isGood ? "" : "bad" },
        G.el("td", {}, G.icon(icon, isGood ? "good" : "bad"), G.el("span", { class: "said", text: item.status })),
        G.el("th", { scope: "row", text: item.rule }),
        G.el("td", { class: "figure", text: figure }),
        G.el("td", { class: "limit", text: plain(item.limit) }),
      );
    });
    return section("Rules", G.el("table", { class: "rules" }, G.el("tbody", {}, rows)));
  }

  function attempts({ attempts: list }) {
    if (!some(list)) return null;
    const lines = list.map((item) => {
      if (typeof item === "string") return G.el("li", { text: item });
      const seed = item.seed === undefined || item.seed === null ? "" : `seed ${item.seed}`;
      const text = [`attempt ${(item.attempt ?? 0) + 1}`, seed, item.model, item.outcome, item.why].filter(Boolean).join(", ");
      return G.el("li", { text });
    });
    return section("Attempts", G.el("ol", { class: "attempts" }, lines));
  }

  const DONE = { approve: "approved", pick: "picked", reject: "rejected", comment: "commented", star: "starred", unstar: "took the star back" };

  function decisions({ decisions: list }) {
    if (!some(list)) return null;
    const lines = [...list].reverse().map((item) => {
      const who = (item.who || "").split(" <")[0];
      const isPast = item.holds === false;
      return G.el(
        "li",
        { class: `${item.decision}${isPast ? " past" : ""}` },
        G.el("p", {}, G.el("b", { text: who }), ` ${DONE[item.decision] || item.decision}${isPast ? " another picture" : ""}`),
        item.note ? G.el("p", { class: "note", text: item.note }) : null,
        some(item.ticked) ? G.el("p", { class: "quiet", text: `ticked: ${item.ticked.join(", ")}` }) : null,
        G.el("time", { class: "quiet", datetime: item.when, text: G.words.when(item.when) }),
      );
    });
    return section("Decisions", G.el("ol", { class: "decisions" }, lines));
  }

  function declared({ where }) {
    if (!where || !where.file) return null;
    const place = [where.file, where.line, where.column].filter(Boolean).join(":");
    const copy = G.button("", { icon: "copy", label: "Copy the place", extra: "bare small" }, () => G.copy(place));
    return section(
      "Declared at",
      G.el("div", { class: "command" }, G.el("code", { text: place }), copy),
      where.text ? G.el("pre", { class: "source", tabindex: "0" }, G.el("code", { text: where.text })) : null,
    );
  }

  function inputs({ inputs: list }) {
    if (!some(list)) return null;
    const found = list.map((item) => {
      const input = typeof item === "string" ? { handle: item } : item;
      const target = G.model.byHandle.get(input.handle);
      if (!target) return G.el("span", { class: "quiet", text: input.file || input.handle });
      const label = `Open ${G.words.title(target)}`;
      const press = () => G.open(target.handle);
      const name = G.el("span", { class: "quiet", text: input.role || "image" });
      return G.el("button", { type: "button", class: "input", "aria-label": label, on: { click: press } }, G.picture(target, 64, { alt: "" }), name);
    });
    return section("Made from", G.el("div", { class: "inputs" }, found));
  }

  function commands({ commands: list }) {
    if (!some(list)) return null;
    const lines = list.map((text) => {
      const copy = G.button("", { icon: "copy", label: `Copy: ${text}`, extra: "bare small" }, () => G.copy(text));
      return G.el("div", { class: "command" }, G.el("code", { text }), copy);
    });
    return section("As a command", lines);
  }

  function files({ files: list }, target) {
    const others = (list || []).filter((name) => (name.path || name) !== target.output);
    if (!others.length) return null;
    return section("Other files", G.el("ul", { class: "files" }, others.map((name) => G.el("li", { text: name.path || name }))));
  }

  function before({ before: old }, target) {
    if (!old || !old.image || old.image === target.image) return null;
    const press = () => G.compare.open([`${target.handle}~${old.image}~${old.revision}`, target.handle], "slider");
    const image = G.picture({ ...target, image: old.image }, 256, { alt: `before, at ${old.revision}` });
    const label = `Compare with ${old.revision}`;
    return section(
      `Before, at ${old.revision}`,
      G.el("button", { type: "button", class: "before", "aria-label": label, on: { click: press } }, image),
      G.button(label, { icon: "compare", key: "b", extra: "small" }, press),
    );
  }

  G.about = {
    more(target, detail) {
      G.about.before = { handle: target.handle, ...(detail.before || {}) };
      const rivals = () => G.rivals.part(target);
      const parts = [before, rivals, rules, decisions, attempts, inputs, files, declared, commands];
      return parts.map((part) => part(detail, target));
    },
    before: {},
  };
})(window.Gallery);
