// One page of a table with a tick box in each row. The kernel has the rows; this asks for pages and tells ticks.
// Whatever is shown goes in as text (textContent), never as HTML: names of groups are anybody's.

const made = (name, attributes = {}, ...inside) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...inside);
  return element;
};

const shown = (value) => (typeof value === "number" ? value.toLocaleString("en-US") : (value ?? ""));
const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
let tables = 0;

function render({ model, el }) {
  const words = model.get("words");
  const columns = model.get("columns");
  const prefix = `gwb-ticking-${(tables += 1)}`;
  let waiting = 0;

  const view = () => model.get("view");
  const send = (message) => {
    model.send(message);
    clearTimeout(waiting);
    waiting = setTimeout(() => (note.textContent = words.waiting), 1500);
  };
  const ask = (change) => send({ do: "query", query: { ...view().query, page: 0, ...change } });

  // What is searched and filtered by.
  let typing = 0;
  const search = made("input", {
    type: "search", id: `${prefix}-search`, autocomplete: "off",
    oninput: () => {
      clearTimeout(typing);
      typing = setTimeout(() => ask({ search: search.value }), 200);
    },
  });
  const field = (label, control) => made("span", { class: "gwb-field" }, made("label", { for: control.id }, label), control);
  const filters = columns.flatMap((column, place) => {
    if (!column.choices) return [];
    const select = made(
      "select",
      { id: `${prefix}-filter-${place}`, onchange: () => ask({ filters: { ...view().query.filters, [place]: select.value } }) },
      made("option", { value: "" }, words.all),
      ...column.choices.map((value) => made("option", { value }, value)),
    );
    return [[place, select, field(column.label, select)]];
  });
  const only = made("input", { type: "checkbox", id: `${prefix}-only`, onchange: () => ask({ ticked_only: only.checked }) });
  const size = made(
    "select",
    { id: `${prefix}-size`, onchange: () => ask({ size: Number(size.value) }) },
    ...model.get("sizes").map((number) => made("option", { value: number }, String(number))),
  );
  const all = made("button", { type: "button", onclick: () => send({ do: "tick-found", on: true }) });
  const none = made("button", { type: "button", onclick: () => send({ do: "tick-found", on: false }) });
  const state = made("span", { role: "status", class: "gwb-state" });
  const note = made("span", { role: "alert", class: "gwb-note" });

  // The table: its head is made once, so that a focus stays where it is.
  const heads = columns.map((column, place) => {
    const sort = () => {
      const { sort: by, descending } = view().query;
      ask({ sort: place, descending: by === place && !descending });
    };
    const arrow = made("span", { "aria-hidden": "true", class: "gwb-arrow" });
    const head = made(
      "th",
      { scope: "col", class: column.number ? "gwb-number" : "" },
      made("button", { type: "button", onclick: sort }, column.label, arrow),
    );
    return [head, arrow];
  });
  const body = made("tbody");
  const table = made(
    "table",
    {},
    made("caption", {}, model.get("caption")),
    made("thead", {}, made("tr", {}, made("th", { scope: "col" }, words.ticks), ...heads.map(([head]) => head))),
    body,
  );

  const turn = (label, sign, page) =>
    made("button", { type: "button", "aria-label": label, title: label, onclick: () => ask({ page: page() }) }, sign);
  const first = turn(words.first, "«", () => 0);
  const previous = turn(words.previous, "‹", () => view().page - 1);
  const next = turn(words.next, "›", () => view().page + 1);
  const last = turn(words.last, "»", () => view().pages - 1);
  const where = made("span");

  const box = made(
    "div",
    { class: "gwb-ticking" },
    made("div", { class: "gwb-bar", role: "search" }, field(words.search, search), ...filters.map(([, , span]) => span)),
    made(
      "div", { class: "gwb-bar" },
      all, none,
      made("span", { class: "gwb-field" }, only, made("label", { for: only.id }, words.ticked_only)),
      state, note,
    ),
    made("div", { class: "gwb-scroll", tabindex: "0", role: "region", "aria-label": model.get("caption") }, table),
    made("div", { class: "gwb-bar" }, first, previous, where, next, last, field(words.rows, size)),
  );
  // JupyterLab takes keys for its own commands (and a double click as the wish to edit) unless they end here.
  for (const event of ["keydown", "keyup", "dblclick"]) box.addEventListener(event, (one) => one.stopPropagation());
  box.setAttribute("data-lm-suppress-shortcuts", "true");

  const row = ([key, ticked, cells], closed) => {
    const name = shown(cells[0]);
    const tick = made("input", {
      type: "checkbox", "aria-label": `${words.tick} ${name}`, "data-key": key, disabled: closed,
      onchange: () => send({ do: "tick", keys: [key], on: tick.checked }),
    });
    tick.checked = ticked;
    const line = made(
      "tr",
      { class: ticked ? "gwb-ticked" : "" },
      made("td", {}, tick),
      ...cells.map((cell, place) =>
        made(place ? "td" : "th", { scope: place ? null : "row", class: columns[place].number ? "gwb-number" : "" },
          made("bdi", { dir: "auto" }, shown(cell)))),
    );
    return line;
  };

  const draw = () => {
    const now = view();
    clearTimeout(waiting);
    note.textContent = "";
    const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute("data-key") : null;
    const rows = now.rows.map((one) => row(one, now.closed));
    const empty = made("tr", {}, made("td", { colspan: columns.length + 1 }, words.none));
    body.replaceChildren(...(rows.length ? rows : [empty]));
    if (focused !== null) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    state.textContent = filled(words.state, now);
    where.textContent = filled(words.page, { page: now.page + 1, pages: now.pages });
    all.textContent = filled(words.tick_found, now);
    none.textContent = filled(words.untick_found, now);
    all.disabled = none.disabled = now.closed || !now.found;
    first.disabled = previous.disabled = now.page === 0;
    next.disabled = last.disabled = now.page + 1 >= now.pages;
    for (const [place, [head, arrow]] of heads.entries()) {
      const by = now.query.sort === place;
      head.setAttribute("aria-sort", by ? (now.query.descending ? "descending" : "ascending") : "none");
      arrow.textContent = by ? (now.query.descending ? " ▼" : " ▲") : "";
    }
    for (const [place, select] of filters) select.value = now.query.filters[place] ?? "";
    only.checked = now.query.ticked_only;
    size.value = String(now.query.size);
    if (document.activeElement !== search) search.value = now.query.search;
  };

  draw();
  model.on("change:view", draw);
  el.append(box);
  return () => {
    clearTimeout(waiting);
    clearTimeout(typing);
    model.off("change:view", draw);
  };
}

export default { render };
