// A table that can be sorted and filtered by each of its columns.

const STEP = 200;
const byId = (id) => document.getElementById(id);
const shown = { by: null, down: false, rows: [], n: STEP };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Whether a value meets a filter: "= 8", "< 0.5", "> 0.5", or a part of its text.
function meets(value, filter) {
  const [, sign, rest] = filter.match(/^\s*([=<>]?)\s*(.*?)\s*$/);
  if (!rest) return true;
  if (value === null) return false;
  if (sign === "=") return String(value) === rest || (typeof value === "number" && value === Number(rest));
  if (sign) return sign === "<" ? value < Number(rest) : value > Number(rest);
  return String(value).toLowerCase().includes(rest.toLowerCase());
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null); // empty values last
  if (typeof a === "number") return a - b;
  return a.localeCompare(b, "en", { numeric: true });
}

function choose(table) {
  const filters = [...document.querySelectorAll("#head input")].filter((input) => input.value.trim());
  const rows = Array.from({ length: table.length }, (_, row) => row).filter((row) =>
    filters.every((input) => meets(table.get(row, input.dataset.column), input.value)),
  );
  if (shown.by !== null) {
    const order = (a, b) => compare(table.get(a, shown.by), table.get(b, shown.by));
    const isEmpty = (row) => table.get(row, shown.by) === null;
    rows.sort((a, b) => (shown.down && !isEmpty(a) && !isEmpty(b) ? -1 : 1) * order(a, b) || a - b);
  }
  shown.rows = rows;
  shown.n = STEP;
  draw(table);
}

function draw(table) {
  const names = Object.keys(table.columns);
  const rows = shown.rows.slice(0, shown.n).map((row) => {
    const values = names.map((name) => table.get(row, name));
    return element("tr", {}, ...values.map((value) => element("td", {}, value === null ? "" : String(value))));
  });
  byId("body").replaceChildren(...rows);
  const of = shown.rows.length === table.length ? "" : ` of ${table.length}`;
  const some = shown.rows.length > shown.n ? `, the first ${shown.n} are shown` : "";
  byId("count").textContent = `${shown.rows.length}${of} rows${some}.`;
  byId("more").hidden = shown.rows.length <= shown.n;
}

function sortBy(table, name) {
  shown.down = shown.by === name && !shown.down;
  shown.by = name;
  for (const cell of document.querySelectorAll("#head th[data-column]")) {
    const isChosen = cell.dataset.column === name;
    cell.setAttribute("aria-sort", isChosen ? (shown.down ? "descending" : "ascending") : "none");
    cell.querySelector("span").textContent = isChosen ? (shown.down ? " ▾" : " ▴") : "";
  }
  choose(table);
}

function heads(table) {
  const names = Object.keys(table.columns);
  const buttons = names.map((name) => {
    const sign = element("span", { "aria-hidden": "true" });
    const button = element("button", { type: "button", title: table.columns[name].description }, name, sign);
    button.onclick = () => sortBy(table, name);
    return element("th", { scope: "col", "data-column": name, "aria-sort": "none" }, button);
  });
  const filters = names.map((name) => {
    const input = element("input", { type: "search", "data-column": name, "aria-label": `Filter ${name}` });
    input.oninput = () => choose(table);
    return element("td", {}, input);
  });
  byId("head").replaceChildren(element("tr", {}, ...buttons), element("tr", {}, ...filters));
  for (const name of names) {
    const { description } = table.columns[name];
    byId("columns").append(element("dt", {}, element("code", {}, name)), element("dd", {}, description));
  }
}

async function start() {
  const table = new Table(JSON.parse(new TextDecoder().decode(await unpacked("data"))));
  heads(table);
  byId("more").onclick = () => {
    shown.n += STEP;
    draw(table);
  };
  choose(table);
  document.body.dataset.ready = "yes";
}

start().catch((problem) => {
  byId("count").textContent = `This table cannot be shown: ${problem.message}. It is in the folder tables, as CSV.`;
  throw problem;
});
