/* Where data comes from: the server that shows this page or, in a static export, files beside it. */
"use strict";
(function (G) {
  const isFixed = Boolean(window.CATALOGUE);
  const known = new Map();
  let tag = "";
  let sent = Promise.resolve(); // the last decision

  class Refused extends Error {
    constructor(message, hint, status) {
      super(message);
      this.hint = hint || "";
      this.status = status;
    }
  }

  async function read(address, options) {
    let answer;
    try {
      answer = await fetch(address, { credentials: "same-origin", ...options });
    } catch {
      throw new Refused("the gallery's server does not answer", "is `imgbuild gallery` still running?", 0);
    }
    const body = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const told = body.error || (typeof body.detail === "string" ? body.detail : "");
      throw new Refused(told || `the server says ${answer.status}`, body.hint, answer.status);
    }
    if (address === "api/catalogue") tag = answer.headers.get("ETag") || "";
    return body;
  }

  const post = (address, said) =>
    read(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) });

  /* A static export keeps details in small files of their own, each a script, as a page from a disk can't fetch. */
  function fixedDetail(handle) {
    const part = handle.slice(0, 2);
    if (!known.has(part)) {
      known.set(
        part,
        new Promise((done, failed) => {
          const script = G.el("script", { src: `details/${part}.js` });
          script.addEventListener("load", () => done((window.DETAILS || {})[part] || {}));
          script.addEventListener("error", () => failed(new Refused(`details/${part}.js is missing`)));
          document.head.append(script);
        }),
      );
    }
    return known.get(part).then((found) => found[handle] || {});
  }

  const bare = (text) => (text || "").replace(/^W\/|"/g, "");
  const ending = (output) => (/\.([a-z0-9]{1,5})$/i.exec(output || "") || ["", "bin"])[1].toLowerCase();

  G.source = {
    isFixed,
    /* Whether the catalogue of this tag is the one that was fetched last. */
    has: (other) => bare(other) === bare(tag),
    isAt(other) {
      tag = other;
    },
    catalogue: () => (isFixed ? Promise.resolve(window.CATALOGUE) : read("api/catalogue")),
    detail: (handle) => (isFixed ? fixedDetail(handle) : read(`api/target/${encodeURIComponent(handle)}`)),
    diff: (rev) => read(`api/diff?rev=${encodeURIComponent(rev)}`),
    thumb: (sha, side) => (isFixed ? `thumbs/${sha}-${side}.webp` : `thumb/${sha}/${side}`),
    image: (sha, output) => (isFixed ? `images/${sha}.${ending(output)}` : `image/${sha}`),
    events: () => (isFixed ? null : new EventSource("api/events")),
    /* One after another: of two about one picture, the later one holds. */
    review: (said) => (sent = sent.catch(() => null).then(() => post("api/review", said))),
  };
})(window.Gallery);
