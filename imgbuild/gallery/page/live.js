/* What the server tells while the page is open: pictures are replaced in place, progress and spend are shown. */
"use strict";
(function (G) {
  let fetching = null;
  let again = false;
  let hiding = 0;

  function start() {
    const events = G.source.events();
    if (!events) return;
    const on = (name, call) => events.addEventListener(name, (event) => call(JSON.parse(event.data)));
    on("catalogue", ({ etag }) => (G.source.has(etag) ? null : refetch()));
    on("changed", ({ etag, targets }) => {
      G.source.isAt(etag);
      mended();
      for (const target of targets) G.model.moving.delete(target.handle);
      G.model.patch(targets);
      G.changed();
    });
    on("moved", moved);
    on("progress", progress);
    on("note", ({ text, level }) => G.say(text, ["error", "warning"].includes(level) ? "error" : "", "", "told"));
    events.addEventListener("open", () => document.body.classList.remove("cut-off"));
    events.addEventListener("error", () => document.body.classList.add("cut-off"));
    window.addEventListener("pagehide", () => events.close());
  }

  /* What was wrong with the specs is so no longer, once there is news of targets. */
  const mended = () => document.querySelectorAll(".toast.told.error").forEach((note) => note.remove());

  /* Fetch the catalogue again; asked for while it is on its way: once more after that. */
  async function refetch() {
    if (fetching) {
      again = true;
      return fetching;
    }
    fetching = G.source
      .catalogue()
      .then((catalogue) => (mended(), G.take(catalogue)))
      .catch((error) => G.say(error.message, "error", error.hint));
    await fetching;
    fetching = null;
    if (!again) return null;
    again = false;
    return refetch();
  }

  const settle = G.framed(() => G.changed());

  function moved({ id, state, why, cost }) {
    const target = G.model.byId.get(id);
    if (!target) return;
    if (state === "running") G.model.moving.set(target.handle, { state });
    else {
      G.model.moving.delete(target.handle);
      Object.assign(target, { state: state || target.state, why: why ?? target.why, cost: cost ?? target.cost });
    }
    settle();
  }

  function progress({ done, total, cost, spent, running }) {
    const host = G.byId("progress");
    const part = total ? Math.round((100 * done) / total) : 100;
    host.hidden = false;
    host.setAttribute("aria-valuenow", part);
    host.style.setProperty("--part", `${part}%`);
    const money = [spent ? `${G.words.money(spent)} spent` : "", cost && cost > (spent || 0) ? `${G.words.money(cost)} expected` : ""];
    host.querySelector(".told").textContent = [`${G.words.number(done)} of ${G.words.number(total)}`, ...money].filter(Boolean).join(" · ");
    clearTimeout(hiding);
    if (done >= total || running === false) hiding = setTimeout(() => ((host.hidden = true), G.model.moving.clear(), settle()), 2500);
  }

  G.live = { start, refetch };
})(window.Gallery);
