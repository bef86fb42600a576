/* Pictures that compete: which do, who wins, and how they are held against each other. */
"use strict";
(function (G) {
  const MOST = 4; // that are compared at once
  const SHOWN = 11; // of a group, in the detail
  let groups = [];

  /* The groups of a new catalogue; each of its targets knows those that it is in. */
  function take(catalogue) {
    groups = (catalogue.groups || []).map((group) => ({ ...group, members: group.targets.map((at) => G.model.targets[at]) }));
    for (const group of groups) for (const target of group.members) (target.groups ??= []).push(group);
  }

  /* Note who has won, before all targets are looked at. */
  function count() {
    for (const group of groups) group.isWon = group.members.some((target) => target.wins);
  }

  function standing(target) {
    if (!target.groups) return [];
    if (target.wins) return ["winner"];
    return [target.groups.some((group) => group.isWon) ? "not picked" : "no winner yet"];
  }

  const FACETS = [
    { key: "contest", title: "A/B", of: standing, values: ["winner", "not picked", "no winner yet"] },
    { key: "group", title: "A/B group", of: (target) => (target.groups || []).map((group) => group.name), values: [] },
  ];

  /* Those that compete stand together, in the order of their groups. */
  function together(targets) {
    const places = new Map(groups.map((group, at) => [group, at]));
    const place = (target) => (target.groups ? places.get(target.groups[0]) : groups.length);
    return [...targets].sort((one, other) => place(one) - place(other));
  }

  const othersOf = (target) => new Set((target.groups || []).flatMap((group) => group.members).filter((other) => other !== target));

  /* Show who wins before the server has said so. */
  function crown(target) {
    for (const other of othersOf(target)) other.wins = false;
    target.wins = true;
  }

  /* Hold a picture against its rivals; where these are too many for that, show them alone. */
  function compare(target) {
    const group = target?.groups?.[0];
    const shown = group ? group.members.filter((other) => other.image) : [];
    if (shown.length < 2) return G.say(group ? "there is nothing to compare it with yet" : "nothing competes with this picture");
    if (shown.length > MOST) {
      G.address.set({ view: "grid", filters: { group: new Set([group.name]) }, q: "", rev: "", open: "", compare: [] }, { step: true });
      return null;
    }
    G.compare.open(shown.map((other) => other.handle));
    return G.compare.focus(shown.indexOf(target));
  }

  /* What tells a picture apart from its rivals. */
  function apart(target, others) {
    const differs = (of) => others.some((other) => of(other) !== of(target));
    const values = Object.keys(target.cell).filter((name) => differs((one) => one.cell[name])).map((name) => target.cell[name]);
    if (differs((one) => one.model)) values.push(target.model);
    if (differs((one) => one.index)) values.push(`#${target.index}`);
    return values.join(" · ");
  }

  function small(target, name) {
    const label = `Open ${name}${target.wins ? ", the winner" : ""}`;
    const told = G.el("span", { class: "quiet" }, target.wins ? G.icon("crown", "good") : null, G.el("span", { text: name }));
    const press = () => G.open(target.handle);
    return G.el("button", { type: "button", class: "input", "aria-label": label, title: label, on: { click: press } }, G.picture(target, 64, { alt: "" }), told);
  }

  /* What the detail says of them. */
  function part(target) {
    const others = [...othersOf(target)];
    if (!others.length) return null;
    const output = target.groups.map((group) => group.output).find(Boolean);
    const more = others.length > SHOWN ? G.el("span", { class: "quiet", text: `+${G.words.number(others.length - SHOWN)}` }) : null;
    return G.el(
      "section",
      { class: "part" },
      G.el("h3", { text: "Competes with" }),
      G.el("div", { class: "inputs" }, others.slice(0, SHOWN).map((other) => small(other, apart(other, [target, ...others]))), more),
      output ? G.el("p", { class: "quiet", text: `The winner is published as ${output}, too.` }) : null,
      G.button("Compare the group", { icon: "compare", key: "w", extra: "small" }, () => compare(target)),
    );
  }

  G.rivals = {
    take,
    count,
    together,
    othersOf,
    crown,
    compare,
    part,
    get facets() {
      return groups.length ? FACETS : [];
    },
  };
})(window.Gallery);
