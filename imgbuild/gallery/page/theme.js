/* Dark or light: as the system says, or as was chosen here before. Runs before the page is painted. */
"use strict";
window.Gallery = window.Gallery || {};
(function (G) {
  const CHOICES = ["auto", "light", "dark"];
  const WORDS = { auto: "as the system", light: "light", dark: "dark" };

  /* What is kept between visits; where a browser keeps nothing, the page works without. */
  G.memory = {
    get(name, otherwise) {
      try {
        return localStorage.getItem(`imgbuild.${name}`) || otherwise;
      } catch {
        return otherwise;
      }
    },
    set(name, value) {
      try {
        localStorage.setItem(`imgbuild.${name}`, value);
      } catch {
        /* then it holds until the page is closed */
      }
    },
  };

  let chosen = CHOICES.includes(G.memory.get("theme")) ? G.memory.get("theme") : "auto";

  function apply() {
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
  }

  G.theme = {
    get words() {
      return WORDS[chosen];
    },
    turn() {
      chosen = CHOICES[(CHOICES.indexOf(chosen) + 1) % CHOICES.length];
      G.memory.set("theme", chosen);
      apply();
    },
  };
  apply();
})(window.Gallery);
