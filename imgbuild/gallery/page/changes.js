/* What changed since a git revision: which pictures, and each before and after. */
"use strict";
(function (G) {
  let known = null; // {rev, changed: handle → row, fresh: set of handles}

  async function load(rev) {
    if (!rev) {
      known = null;
      return;
    }
    if (known?.rev === rev) return;
    try {
      const found = await G.source.diff(rev);
      const changed = new Map(found.changed.map((row) => [row.handle, row]));
      const fresh = new Set(found.new.map((row) => row.handle || row));
      known = { rev, changed, fresh, only: new Set([...changed.keys(), ...fresh]) };
      const gone = found.gone.length;
      G.say(`${G.words.plural(changed.size, "picture")} changed, ${G.words.number(fresh.size)} new, ${G.words.number(gone)} gone since ${rev}`);
    } catch (error) {
      G.say(error.message, "error", error.hint);
      G.address.set({ rev: "" });
    }
  }

  function ask() {
    if (G.source.isFixed) return G.say("a static export knows no earlier revisions", "error");
    const field = G.el("input", { type: "text", name: "rev", "aria-label": "Git revision", value: G.address.now.rev || "HEAD", spellcheck: "false", autocomplete: "off" });
    const go = (rev) => {
      dialog.close();
      G.address.set({ rev: rev.trim() }, { step: true });
    };
    const near = ["HEAD", "HEAD~1", "HEAD~2", "main"].map((rev) => G.button(rev, { extra: "small" }, () => go(rev)));
    const show = G.el("button", { type: "submit", class: "button strong", text: "Show what changed" });
    const submit = (event) => (event.preventDefault(), go(field.value));
    const none = G.address.now.rev ? G.button("Show all again", {}, () => go("")) : null;
    const body = G.el("form", { on: { submit } }, G.el("p", { class: "quiet", text: "Pictures that differ from the lock at a git revision." }), field, G.el("div", { class: "near" }, near), G.el("div", { class: "actions" }, none, show));
    const dialog = G.ask("Changes since", body);
    field.select();
    return dialog;
  }

  /* Before and after of the picture at hand. */
  function before() {
    const target = G.current();
    if (!target) return;
    const row = known?.changed.get(target.handle);
    const here = G.about.before.handle === target.handle ? G.about.before : {};
    const [image, revision] = row ? [row.before, known.rev] : [here.image, here.revision];
    if (!image || image === target.image) G.say(known || here.handle ? "this picture is the same as before" : "open the picture, or choose a revision (e), to see what was before");
    else G.compare.open([`${target.handle}~${image}~${revision}`, target.handle], "slider");
  }

  G.changes = {
    load,
    ask,
    before,
    get only() {
      return known && known.rev === G.address.now.rev ? known.only : null;
    },
  };
})(window.Gallery);
