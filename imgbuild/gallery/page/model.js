/* The catalogue, and which of its targets a choice of filters leaves. */
"use strict";
(function (G) {
  const FIRST = [
    { key: "review", title: "Review", of: (target) => [target.review || "open"] },
    { key: "state", title: "State", of: (target) => [target.state] },
    { key: "rule", title: "Failing rule", of: (target) => failing(target) },
    { key: "star", title: "Starred", of: (target) => (target.stars ? ["starred"] : []) },
  ];

  function failing(target) {
    return Object.keys(target.rules || {}).filter((rule) => ["fail", "review"].includes(target.rules[rule]));
  }

  const model = {
    catalogue: null,
    targets: [],
    facets: [],
    byHandle: new Map(),
    byId: new Map(),
    moving: new Map(),

    take(catalogue) {
      const before = model.byHandle;
      model.catalogue = catalogue;
      model.targets = catalogue.targets.map((target) => {
        const old = before.get(target.handle);
        return old ? Object.assign(old, { hay: undefined, groups: undefined }, target) : target;
      });
      G.rivals.take(catalogue);
      model.facets = facetsOf(catalogue);
      model.byHandle = new Map(model.targets.map((target) => [target.handle, target]));
      model.byId = new Map(model.targets.map((target) => [target.id, target]));
    },

    /* Some targets have changed, and no others have come or gone. */
    patch(targets) {
      for (const fresh of targets) {
        const old = model.byHandle.get(fresh.handle);
        if (!old) continue;
        if (fresh.text !== undefined) fresh.prompt = promptAt(fresh.text, old.prompt);
        old.hay = undefined;
        Object.assign(old, fresh);
      }
    },

    prompt: (target) => model.catalogue.prompts[target.prompt] || "",
    asset: (target) => model.catalogue.assets[target.asset] || { id: "", tags: [] },
    failing,
    pick,
  };

  function promptAt(text, at) {
    if (model.catalogue.prompts[at] === text) return at;
    return model.catalogue.prompts.push(text) - 1;
  }

  function facetsOf(catalogue) {
    const facets = [
      ...FIRST,
      ...G.rivals.facets,
      { key: "asset", title: "Asset", of: (target) => [model.asset(target).id] },
      { key: "model", title: "Model", of: (target) => [target.model || "imported"] },
      { key: "tag", title: "Tag", of: (target) => model.asset(target).tags || [] },
    ];
    for (const name of catalogue.variables) {
      facets.push({ key: `v.${name}`, title: name, variable: name, of: (target) => one(target.cell[name]) });
    }
    return facets;
  }

  const one = (value) => (value === undefined || value === null ? [] : [value]);

  /* What is searched of a target, made when it is first searched. */
  function hay(target) {
    target.hay ??= `${target.id}\n${target.output}\n${target.handle}\n${model.prompt(target)}`.toLowerCase();
    return target.hay;
  }

  /* The targets that pass, and for each facet how many each of its values would leave, were it chosen alone there. */
  function pick(filters, query, only) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = model.facets.map((facet) => filters[facet.key] || null);
    const counts = model.facets.map(() => new Map());
    const found = [];
    G.rivals.count();
    for (const target of model.targets) {
      if (only && !only.has(target.handle)) continue;
      if (words.length && !words.every((word) => hay(target).includes(word))) continue;
      count(target, chosen, counts, found);
    }
    return { found, counts: new Map(model.facets.map((facet, at) => [facet.key, counts[at]])) };
  }

  function count(target, chosen, counts, found) {
    const values = model.facets.map((facet) => facet.of(target));
    let missed = -1;
    for (let at = 0; at < values.length; at += 1) {
      if (!chosen[at] || values[at].some((value) => chosen[at].has(value))) continue;
      if (missed >= 0) return;
      missed = at;
    }
    if (missed < 0) found.push(target);
    for (let at = 0; at < values.length; at += 1) {
      if (missed >= 0 && missed !== at) continue;
      for (const value of values[at]) counts[at].set(value, (counts[at].get(value) || 0) + 1);
    }
  }

  G.model = model;
})(window.Gallery);
