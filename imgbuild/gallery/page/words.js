/* How targets, states and figures are put into words. */
"use strict";
(function (G) {
  const STATES = {
    fresh: ["up to date", ""],
    check: ["to be checked", "stale"],
    restore: ["to be put back", "stale"],
    run: ["stale", "stale"],
    maybe: ["maybe stale", "stale"],
    unpinned: ["not built yet", "stale"],
    blocked: ["blocked", "bad"],
    lost: ["lost", "bad"],
    failed: ["failed", "bad"],
    fail: ["fails a rule", "bad"],
    fault: ["at fault", "bad"],
    review: ["up for review", "eye"],
    running: ["being made", "busy"],
  };

  const words = {
    state: (name) => (STATES[name] || [name])[0],
    kind: (name) => (STATES[name] || ["", ""])[1],
    number: (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ","),
    plural: (count, one) => `${words.number(count)} ${one}${count === 1 ? "" : "s"}`,
    money: (value) => (value < 0.1 ? `$${value.toFixed(4).replace(/0{1,2}$/, "")}` : `$${value.toFixed(2)}`),
    seconds: (value) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`),

    /* The values of the cell; where there are none, the asset's own name. */
    title(target) {
      const values = Object.values(target.cell || {});
      const name = values.length ? values.join(" · ") : G.model.asset(target).id.split("/").pop();
      return target.index ? `${name} #${target.index}` : name;
    },

    where: (target) => `${G.model.asset(target).id}${target.model ? ` @ ${target.model}` : ""}`,

    /* The marks of a target, the most pressing first: icon, kind, what it says. */
    marks(target) {
      const state = (G.model.moving.get(target.handle) || target).state;
      const kind = words.kind(state);
      const marks = [];
      if (kind === "busy") marks.push(["busy", "busy", words.state(state)]);
      if (kind === "bad") marks.push(["alert", "bad", words.state(state)]);
      if (kind === "eye") marks.push(["eye", "eye", words.state(state)]);
      if (kind === "stale") marks.push(["stale", "stale", words.state(state)]);
      if (kind !== "bad" && G.model.failing(target).length) marks.push(["alert", "bad", failed(target)]);
      if (target.wins) marks.push(["crown", "good", "approved, the winner"]);
      else if (target.review === "approved") marks.push(["check", "good", "approved"]);
      if (target.review === "rejected") marks.push(["cross", "bad", "rejected"]);
      if (target.review === "changed") marks.push(["eye", "eye", "changed since it was decided on"]);
      if (target.stars) marks.push(["star", "star", words.plural(target.stars, "star")]);
      return marks;
    },

    when(text) {
      const date = new Date(text);
      if (Number.isNaN(date.getTime())) return text;
      return date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
    },
  };

  const failed = (target) => `fails ${G.model.failing(target).join(", ")}`;

  G.words = words;
})(window.Gallery);
