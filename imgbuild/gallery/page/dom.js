/* Elements from plain values. Text from specs enters the page here, and only ever as text. */
"use strict";
(function (G) {
  const SVG = "http://www.w3.org/2000/svg";

  /* props: class, text, on: {event: function}, data: {name: value}; all others are attributes; false and null: none. */
  G.el = function (tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      const isTold = name.startsWith("aria-") && typeof value === "boolean"; // there, "false" is said, too
      if (value === null || value === undefined || (value === false && !isTold)) continue;
      if (name === "class") node.className = value;
      else if (name === "text") node.textContent = value;
      else if (name === "on") for (const [event, call] of Object.entries(value)) node.addEventListener(event, call);
      else if (name === "data") Object.assign(node.dataset, value);
      else node.setAttribute(name, value === true && !isTold ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  };

  G.icon = function (name, extra) {
    const node = document.createElementNS(SVG, "svg");
    node.setAttribute("class", `icon ${extra || ""}`.trim());
    node.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#i-${name}`);
    node.append(use);
    return node;
  };

  G.byId = (id) => document.getElementById(id);

  /* A button with an icon, words, and the key that does the same. */
  G.button = function (words, { icon, key, label, extra, ...props }, press) {
    return G.el(
      "button",
      { type: "button", class: `button ${extra || ""}`.trim(), "aria-label": label, on: { click: press }, ...props },
      icon ? G.icon(icon) : null,
      words ? G.el("span", { text: words }) : null,
      key ? G.el("kbd", { text: key, "aria-hidden": "true" }) : null,
    );
  };

  G.copy = async function (text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = G.el("textarea", { class: "hidden", "aria-hidden": "true" });
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    G.say("Copied");
  };

  /* A short note at the edge of the page. level: "" or "error". Errors stay until they are clicked away. */
  G.say = function (text, level, hint, extra) {
    const line = hint ? [G.el("span", { text }), G.el("span", { class: "hint", text: hint })] : [G.el("span", { text })];
    const note = G.el("div", { class: ["toast", level, extra].filter(Boolean).join(" ") }, line);
    if (level === "error") {
      const close = () => note.remove();
      note.append(G.button("", { icon: "close", label: "Close this note", extra: "bare" }, close));
    }
    const host = G.byId("toasts");
    host.append(note);
    while (host.children.length > 4) host.firstChild.remove();
    setTimeout(() => note.remove(), level === "error" ? 20000 : 3500);
  };

  /* A small dialog. It is closed by Esc, by its own buttons, or by `close`. */
  G.ask = function (title, body, actions) {
    const before = document.activeElement;
    const dialog = G.el("dialog", { class: "ask", "aria-label": title }, G.el("h2", { text: title }), body);
    if (actions) dialog.append(G.el("div", { class: "actions" }, actions));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before && before.isConnected) before.focus({ preventScroll: true });
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  };

  /* Call at most once a frame. */
  G.framed = function (call) {
    let asked = false;
    return () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        call();
      });
    };
  };

  /* Let the browser draw and answer, before more is done. */
  G.pause = () => new Promise((done) => setTimeout(done));

  G.calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
})(window.Gallery);
