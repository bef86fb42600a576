/* The matrix: any two of variables, model, seed index and asset as rows and columns; only what is near is in the document. */
"use strict";
(function (G) {
  const GAP = 8;
  const HEAD = 44;
  let host, sheet, top, items, rows, columns, cells, shape, size, at;
  const lines = new Map();
  let known = {}; // axes of these targets
  let drawn = ""; // which axes, and what stands on them

  function start() {
    host = G.byId("matrix");
    top = G.el("div", { class: "heads", role: "row", "aria-rowindex": "1" });
    sheet = G.el("div", { class: "lines", role: "rowgroup" });
    host.append(G.el("div", { role: "rowgroup", class: "heads-group" }, top), sheet);
    [items, at, size] = [[], { row: 0, column: 0 }, Math.min(2, Number(G.memory.get("cell", "1")) || 0)];
    host.addEventListener("scroll", G.framed(render), { passive: true });
    host.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (cell) enter(Number(cell.dataset.row), Number(cell.dataset.column));
    });
    new ResizeObserver(G.framed(() => host.hidden || layout())).observe(host);
  }

  /* What can stand on an axis. */
  function axes() {
    if (known.of !== G.model.targets) known = { of: G.model.targets, axes: findAxes() };
    return known.axes;
  }

  function findAxes() {
    const several = (of) => new Set(G.model.targets.map(of)).size > 1;
    const found = G.model.catalogue.variables.map((name) => ({ key: `v.${name}`, title: name }));
    if (several((target) => target.model)) found.push({ key: "model", title: "model" });
    if (several((target) => target.index)) found.push({ key: "index", title: "seed" });
    if (several((target) => target.asset) || found.length < 2) found.push({ key: "asset", title: "asset" });
    if (found.length < 2) found.push({ key: "model", title: "model" });
    return found;
  }

  function valueOf(target, key) {
    if (key === "index") return `#${target.index}`;
    if (key === "model") return target.model || "imported";
    if (key === "asset") return G.model.asset(target).id;
    return target.cell[key.slice(2)];
  }

  /* Those of the address; where it names none, the two that most of the pictures have values of. */
  function chosenAxes(found) {
    const known = axes();
    const { rows, cols } = G.address.now;
    const share = (key) => found.filter((target) => valueOf(target, key) !== undefined).length;
    const rest = known.map(({ key }) => [key, share(key)]).sort((a, b) => b[1] - a[1]);
    const row = known.some(({ key }) => key === rows) ? rows : rest.find(([key]) => key !== cols)[0];
    const column = known.some(({ key }) => key === cols && key !== row) ? cols : rest.find(([key]) => key !== row)[0];
    return { row, column };
  }

  function show(found) {
    items = found;
    const { row, column } = chosenAxes(found);
    pickers(row, column);
    cells = new Map();
    [rows, columns] = [new Map(), new Map()];
    for (const target of found) {
      const [y, x] = [valueOf(target, row) ?? "–", valueOf(target, column) ?? "–"];
      if (!rows.has(y)) rows.set(y, rows.size);
      if (!columns.has(x)) columns.set(x, columns.size);
      const key = `${rows.get(y)}:${columns.get(x)}`;
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(target);
    }
    [rows, columns] = [[...rows.keys()], [...columns.keys()]];
    at = { row: Math.min(at.row, Math.max(0, rows.length - 1)), column: Math.min(at.column, Math.max(0, columns.length - 1)) };
    const key = JSON.stringify([row, column, rows, columns]);
    if (key === drawn && host.clientWidth && lines.size) return G.matrix.renew();
    drawn = key;
    const had = host.contains(document.activeElement);
    clear();
    layout();
    if (had) focus();
  }

  function pickers(row, column) {
    const bar = G.byId("axes");
    const pick = (title, chosen, other, name) => {
      const options = axes().map(({ key, title }) => {
        return G.el("option", { value: key, text: title, selected: key === chosen });
      });
      const change = (event) => {
        const taken = event.target.value === other ? { rows: column, cols: row } : { rows: row, cols: column };
        G.address.set({ ...taken, [name]: event.target.value });
      };
      return G.el("label", {}, G.el("span", { text: title }), G.el("select", { on: { change } }, options));
    };
    const swap = () => G.address.set({ rows: column, cols: row });
    const turn = G.el("button", { type: "button", class: "button", text: "Swap", on: { click: swap } });
    const asked = JSON.stringify([row, column, axes()]);
    if (bar.dataset.asked === asked) return;
    bar.dataset.asked = asked;
    const had = bar.contains(document.activeElement) && [...bar.querySelectorAll("select, button")].indexOf(document.activeElement);
    bar.replaceChildren(pick("Rows", row, column, "rows"), pick("Columns", column, row, "cols"), turn);
    if (had !== false && had >= 0) bar.querySelectorAll("select, button")[had]?.focus();
  }

  function clear() {
    for (const line of lines.values()) line.node.remove();
    lines.clear();
  }

  function layout() {
    if (!host.clientWidth || !rows) return;
    const narrow = host.clientWidth < 520;
    const left = narrow ? 84 : Math.min(200, Math.max(96, 44 + 8 * Math.max(0, ...rows.map((row) => row.length))));
    const room = host.clientWidth - left - 2 * GAP;
    const least = (narrow ? [64, 96, 180] : [84, 136, 240])[size];
    const most = least * 1.45;
    const width = Math.round(Math.max(least, Math.min(most, room / Math.max(1, columns.length) - GAP)));
    const height = heightOf(width);
    shape = { left, width, row: height + GAP };
    host.style.setProperty("--high", `${height}px`);
    host.style.setProperty("--left", `${left}px`);
    host.style.setProperty("--cell", `${width}px`);
    host.setAttribute("aria-rowcount", rows.length + 1);
    host.setAttribute("aria-colcount", columns.length + 1);
    const whole = left + columns.length * (width + GAP) + GAP;
    sheet.style.setProperty("height", `${rows.length * shape.row + 2 * GAP}px`);
    for (const node of [sheet, top.parentNode]) node.style.setProperty("width", `${whole}px`);
    clear();
    render();
  }

  /* Of a cell: so that most pictures fill theirs, and two of them stand side by side. */
  function heightOf(width) {
    const most = Math.max(...[...cells.values()].map((found) => found.length), 1);
    const ratio = G.usualShape(items) * (most === 2 ? 2 : 1);
    return Math.round(width / ratio);
  }

  function range(offset, room, step, count) {
    const ahead = room * 0.5;
    return [Math.max(0, Math.floor((offset - ahead) / step)), Math.min(count, Math.ceil((offset + room + ahead) / step))];
  }

  function render() {
    if (!shape || host.hidden) return;
    const down = range(host.scrollTop, host.clientHeight, shape.row, rows.length);
    const along = range(host.scrollLeft, host.clientWidth, shape.width + GAP, columns.length);
    heads(along);
    for (const [row, line] of lines) {
      if ((row < down[0] || row >= down[1]) && row !== at.row) {
        line.node.remove();
        lines.delete(row);
      }
    }
    for (let row = down[0]; row < down[1]; row += 1) fill(row, along);
    if (at.row < rows.length) fill(at.row, along);
  }

  function heads([first, end]) {
    const found = [G.el("div", { class: "corner", role: "columnheader", "aria-colindex": "1" }, said("Row"))];
    for (let column = first; column < end; column += 1) {
      const head = G.el("div", { class: "head", role: "columnheader", "aria-colindex": column + 2, title: columns[column] });
      head.append(G.el("span", { text: columns[column] }));
      head.style.setProperty("left", `${x(column)}px`);
      found.push(head);
    }
    if (top.dataset.range === `${first}:${end}:${shape.width}:${columns.join()}`) return;
    top.dataset.range = `${first}:${end}:${shape.width}:${columns.join()}`;
    top.replaceChildren(...found);
  }

  const said = (text) => G.el("span", { class: "said", text });
  const x = (column) => shape.left + GAP + column * (shape.width + GAP);

  function fill(row, [first, end]) {
    let line = lines.get(row);
    if (!line) {
      const head = G.el("div", { class: "row-head", role: "rowheader", "aria-colindex": "1", title: rows[row] });
      head.append(G.el("span", { text: rows[row] }));
      line = { node: G.el("div", { class: "line", role: "row", "aria-rowindex": row + 2 }, head), cells: new Map() };
      line.node.style.setProperty("transform", `translateY(${GAP + row * shape.row}px)`);
      lines.set(row, line);
      sheet.append(line.node);
    }
    const isHere = (column) => (column >= first && column < end) || (row === at.row && column === at.column);
    for (const [column, node] of line.cells) {
      if (isHere(column)) continue;
      node.remove();
      line.cells.delete(column);
    }
    for (let column = 0; column < columns.length; column += 1) {
      if (!isHere(column) || line.cells.has(column)) continue;
      const node = cellOf(row, column);
      line.cells.set(column, node);
      line.node.append(node);
    }
  }

  function cellOf(row, column) {
    const found = cells.get(`${row}:${column}`) || [];
    const cell = G.el("div", {
      class: `cell${found.length > 1 ? ` several${found.length > 2 ? " many" : ""}` : ""}${found.length ? "" : " blank"}`,
      role: "gridcell",
      tabindex: row === at.row && column === at.column ? "0" : "-1",
      "aria-colindex": column + 2,
      data: { row, column },
    });
    cell.style.setProperty("left", `${x(column)}px`);
    for (const target of found.slice(0, found.length > 1 ? 4 : 1)) {
      const side = shape.width * devicePixelRatio > 270 && found.length === 1 ? 512 : 256;
      cell.append(G.picture(target, side));
    }
    if (!found.length) cell.append(said(`no picture of ${rows[row]}, ${columns[column]}`));
    if (found.length > 4) cell.append(G.el("span", { class: "more", text: `+${found.length - 4}` }));
    if (found.length === 1) cell.append(G.el("span", { class: "marks" }, G.marks(found[0])));
    cell.targets = found;
    if (found.some((target) => G.chosen.indexOf(target.handle) >= 0)) cell.classList.add("chosen");
    return cell;
  }

  /* One picture opens; of several, the grid shows them. */
  function enter(row, column) {
    go(row, column);
    const found = cells.get(`${row}:${column}`) || [];
    if (found.length === 1) G.open(found[0].handle);
    else if (found.length) narrowTo(row, column);
  }

  function narrowTo(row, column) {
    const axis = chosenAxes(items);
    const filters = { ...G.address.now.filters };
    const plain = [[axis.row, rows[row]], [axis.column, columns[column]]];
    for (const [key, value] of plain) if (key !== "index" && value !== "–") filters[key] = new Set([value]);
    G.address.set({ view: "grid", filters }, { step: true });
    G.grid.focus();
  }

  function node() {
    return lines.get(at.row)?.cells.get(at.column);
  }

  function go(row, column) {
    node()?.setAttribute("tabindex", "-1");
    at = { row: Math.max(0, Math.min(rows.length - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
    reveal();
    focus();
  }

  function reveal() {
    const [high, wide] = [at.row * shape.row, x(at.column)];
    if (high < host.scrollTop) host.scrollTop = high;
    const low = high + shape.row + HEAD + 2 * GAP - host.clientHeight;
    if (low > host.scrollTop) host.scrollTop = low;
    if (wide - shape.left - GAP < host.scrollLeft) host.scrollLeft = wide - shape.left - GAP;
    const right = wide + shape.width + GAP - host.clientWidth;
    if (right > host.scrollLeft) host.scrollLeft = right;
    render();
  }

  function focus() {
    const cell = node();
    if (!cell) return;
    cell.setAttribute("tabindex", "0");
    cell.focus({ preventScroll: true });
  }

  G.matrix = {
    start,
    show,
    layout,
    get current() {
      const found = cells?.get(`${at.row}:${at.column}`) || [];
      return found.length === 1 ? found[0] : undefined;
    },
    get items() {
      return items;
    },
    move: (dx, dy) => go(at.row + dy, at.column + dx),
    page: (way) => go(at.row + way * Math.max(1, Math.floor(host.clientHeight / shape.row)), at.column),
    end: (last) => go(at.row, last ? columns.length - 1 : 0),
    focus: () => rows?.length && go(at.row, at.column),
    enter: () => enter(at.row, at.column),
    pointTo(handle, wanted = true) {
      for (const [key, found] of cells || []) {
        if (!found.some((target) => target.handle === handle)) continue;
        const [row, column] = key.split(":").map(Number);
        if (wanted) go(row, column);
        else at = { row, column };
      }
    },
    resizeBy(step) {
      size = Math.max(0, Math.min(2, size + step));
      G.memory.set("cell", String(size));
      layout();
      focus();
    },
    renew() {
      if (!rows) return;
      const had = host.contains(document.activeElement);
      for (const line of lines.values()) {
        for (const [column, old] of line.cells) {
          const fresh = cellOf(Number(old.dataset.row), column);
          keepPictures(old, fresh);
          old.replaceWith(fresh);
          line.cells.set(column, fresh);
        }
      }
      if (had) focus();
    },
    get count() {
      return host.querySelectorAll(".cell").length;
    },
  };

  /* A cell made anew takes over the pictures that are the same, so that nothing flickers. */
  function keepPictures(old, fresh) {
    const [before, after] = [old.querySelectorAll(".pic"), fresh.querySelectorAll(".pic")];
    after.forEach((pic, number) => {
      const [was, is] = [before[number]?.querySelector("img")?.src, pic.querySelector("img")?.src];
      if (was && was === is) pic.replaceWith(before[number]);
    });
  }
})(window.Gallery);
