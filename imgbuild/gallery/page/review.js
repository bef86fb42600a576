/* Decisions on pictures: shown at once, sent to the server, and taken back where it refuses. */
"use strict";
(function (G) {
  const BECOMES = { approve: "approved", pick: "approved", reject: "rejected" };
  const may = () => Boolean(G.model.catalogue?.can?.review) && !G.source.isFixed;

  function refusal(targets, decision) {
    if (!may()) return "decisions can't be made here: this gallery is for looking only";
    if (!targets.length) return "no picture is chosen";
    if (targets.some((target) => !target.image)) return "there is no picture to decide on yet";
    if (decision === "pick" && targets.some((target) => !target.groups)) return "nothing competes with this picture";
    return "";
  }

  async function send(targets, said) {
    const touched = new Set(targets.flatMap((target) => [target, ...G.rivals.othersOf(target)]));
    const before = [...touched].map((target) => [target, target.review, target.stars, target.wins]);
    for (const target of targets) {
      if (said.decision === "pick") G.rivals.crown(target);
      if (said.decision === "reject") target.wins = false;
      if (BECOMES[said.decision]) target.review = BECOMES[said.decision];
      if (said.decision === "star") target.stars = (target.stars || 0) + 1;
      if (said.decision === "unstar") target.stars = Math.max(0, (target.stars || 0) - 1);
    }
    G.refresh();
    try {
      const pixels = Object.fromEntries(targets.map((target) => [target.handle, target.pixels]));
      await G.source.review({ handles: Object.keys(pixels), note: "", ticked: [], reseed: false, ...said, pixels });
      if (said.decision === "comment") G.say("Comment kept");
      G.detail.renew();
    } catch (error) {
      for (const [target, review, stars, wins] of before) Object.assign(target, { review, stars, wins });
      G.refresh();
      G.say(error.message, "error", error.hint);
    }
  }

  const about = (targets) => (targets.length === 1 ? G.words.title(targets[0]) : G.words.plural(targets.length, "picture"));

  function form(title, targets, decision, parts, submit, needsNote) {
    const note = G.el("textarea", { rows: "3", name: "note", "aria-label": "Note", placeholder: needsNote ? "Say why" : "A note, if there is more to say" });
    const wrong = G.el("p", { class: "wrong", role: "alert" });
    const send_ = (event) => {
      event.preventDefault();
      const said = { decision, note: note.value.trim(), ...parts.read() };
      const missing = needsNote && !said.note ? "A note is needed." : parts.missing(said);
      if (missing) wrong.textContent = missing;
      else {
        dialog.close();
        send(targets, said);
      }
    };
    const go = G.el("button", { type: "submit", class: `button strong ${decision}`, text: submit });
    const stop = G.button("Cancel", {}, () => dialog.close());
    const body = G.el("form", { on: { submit: send_ } }, parts.nodes, note, wrong, G.el("div", { class: "actions" }, stop, go));
    body.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey || (event.target === note && !event.shiftKey))) send_(event);
    });
    const dialog = G.ask(`${title} ${about(targets)}`, body);
    (body.querySelector("input") || note).focus();
  }

  /* To pick a picture approves it, too. */
  function approve(targets, decision, title) {
    const list = G.model.catalogue.checklist || [];
    if (!list.length) return send(targets, { decision });
    const boxes = list.map((item) => {
      const box = G.el("input", { type: "checkbox", value: item });
      return G.el("label", { class: "tick-off" }, box, G.el("span", { text: item }));
    });
    const nodes = G.el("fieldset", {}, G.el("legend", { text: "You have looked at:" }), boxes);
    const parts = {
      nodes,
      read: () => ({ ticked: [...nodes.querySelectorAll("input:checked")].map((box) => box.value) }),
      missing: ({ ticked }) => {
        const rest = list.filter((item) => !ticked.includes(item));
        return rest.length ? `Not ticked: ${rest.join(", ")}.` : "";
      },
    };
    return form(title, targets, decision, parts, title, false);
  }

  function reject(targets) {
    const again = G.el("input", { type: "checkbox", checked: false });
    const label = G.el("label", { class: "tick-off" }, again, G.el("span", { text: "Let the next build make another one (a new seed)" }));
    const parts = { nodes: [], read: () => ({ reseed: again.checked }), missing: () => "" };
    form("Reject", targets, "reject", parts, "Reject", true);
    document.querySelector("dialog form textarea").after(label);
  }

  function comment(targets) {
    const parts = { nodes: [], read: () => ({}), missing: () => "" };
    form("Comment on", targets, "comment", parts, "Keep the comment", true);
  }

  function star(targets) {
    const isOn = targets.every((target) => target.stars);
    return send(targets, { decision: isOn ? "unstar" : "star" });
  }

  const CALLS = {
    approve: (targets) => approve(targets, "approve", "Approve"),
    pick: (targets) => approve(targets, "pick", "Pick"),
    reject,
    comment,
    star,
  };

  function decide(decision, targets) {
    const no = refusal(targets, decision);
    if (no) G.say(no, "error");
    else CALLS[decision](targets);
  }

  /* The button by which a picture wins over its rivals, where it has any. label: what else is said of it. */
  function picker(target, label) {
    if (!may() || !target.groups || !target.image) return null;
    const on = Boolean(target.wins);
    const more = { icon: "crown", key: "p", label, extra: `pick${on ? " on" : ""}`, "aria-pressed": on };
    return G.button("Pick", more, () => decide("pick", [target]));
  }

  /* The buttons of the detail. */
  function bar(target) {
    const chosen = G.chosen.indexOf(target.handle) >= 0;
    const choose = G.button(chosen ? "Chosen" : "Compare", { icon: "compare", key: "x", "aria-pressed": chosen }, () => G.choose(target));
    if (!may()) return G.el("div", { class: "decide" }, choose);
    const of = (words, icon, key, decision, on) => {
      const more = { icon, key, extra: `${decision}${on ? " on" : ""}`, "aria-pressed": on };
      return G.button(words, more, () => decide(decision, [target]));
    };
    return G.el(
      "div",
      { class: "decide", role: "group", "aria-label": "Decide" },
      of("Approve", "check", "a", "approve", target.review === "approved"),
      picker(target),
      of("Reject", "cross", "r", "reject", target.review === "rejected"),
      of("Comment", "note", "c", "comment"),
      of("Star", "star", "s", "star", Boolean(target.stars)),
      choose,
    );
  }

  G.review = { decide, bar, picker };
})(window.Gallery);
