/* What two pictures differ in, drawn on a canvas: black where they are the same, and brighter the more they are not. */
"use strict";
(function (G) {
  const GAINS = [1, 4, 16];

  const load = (address) =>
    new Promise((done, failed) => {
      const image = new Image();
      image.onload = () => done(image);
      image.onerror = () => failed(new Error("a picture can't be shown"));
      image.src = address;
    });

  function draw(canvas, [one, other], gain) {
    [canvas.width, canvas.height] = [Math.max(one.naturalWidth, other.naturalWidth), Math.max(one.naturalHeight, other.naturalHeight)];
    const ink = canvas.getContext("2d", { willReadFrequently: true });
    const [wide, high] = [canvas.width, canvas.height];
    ink.fillStyle = "#000";
    ink.fillRect(0, 0, wide, high);
    ink.drawImage(one, 0, 0, wide, high);
    ink.globalCompositeOperation = "difference";
    const second = G.el("canvas", { width: wide, height: high });
    const under = second.getContext("2d");
    under.fillStyle = "#000";
    under.fillRect(0, 0, wide, high);
    under.drawImage(other, 0, 0, wide, high);
    ink.drawImage(second, 0, 0);
    const told = measure(ink, wide, high);
    ink.globalCompositeOperation = "lighter";
    for (let power = 1; power < gain; power *= 2) ink.drawImage(canvas, 0, 0);
    return told;
  }

  /* In words; nothing where the page is a file from a disk, of which browsers let nobody read pixels back. */
  function measure(ink, wide, high) {
    let data;
    try {
      ({ data } = ink.getImageData(0, 0, wide, high));
    } catch {
      return "";
    }
    let [count, most] = [0, 0];
    for (let at = 0; at < data.length; at += 4) {
      const level = Math.max(data[at], data[at + 1], data[at + 2]);
      if (level) count += 1;
      if (level > most) most = level;
    }
    if (!count) return "The pixels are the same.";
    const share = (100 * count) / (wide * high);
    const part = share >= 99.95 || share < 0.01 ? (share < 0.01 ? "less than 0.01" : "100") : share.toPrecision(3);
    return `${part} % of the pixels differ, by at most ${most} of 255 levels.`;
  }

  G.difference = function (pair, legend) {
    const canvas = G.el("canvas", { class: "difference-canvas", role: "img", "aria-label": `Difference of ${pair[0].label} and ${pair[1].label}` });
    const told = G.el("p", { class: "told", role: "status" });
    const frame = G.el("div", { class: "pair" }, canvas);
    const { target } = pair[0];
    frame.style.setProperty("--shape", target.width && target.height ? target.width / target.height : 1);
    let images = null;
    const gains = G.el("div", { class: "switch", role: "group", "aria-label": "Brightness" });
    const choose = (gain) => {
      for (const button of gains.children) button.setAttribute("aria-pressed", button.textContent === `× ${gain}`);
      if (images) told.textContent = draw(canvas, images, gain);
    };
    for (const gain of GAINS) {
      gains.append(G.el("button", { type: "button", class: "tool", text: `× ${gain}`, "aria-pressed": "false", on: { click: () => choose(gain) } }));
    }
    Promise.all(pair.map(({ address }) => load(address)))
      .then((found) => {
        images = found;
        choose(4);
      })
      .catch((error) => (told.textContent = error.message));
    return G.el("figure", { class: "alone" }, frame, legend, G.el("div", { class: "difference-bar" }, gains, told));
  };
})(window.Gallery);
