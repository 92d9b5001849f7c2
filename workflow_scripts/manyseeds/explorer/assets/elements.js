// Elements, pictures, and what is read out.

const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Fill a menu with [value, text] pairs. The old choice stays if it is still there.
function fill(select, options, wanted = select.value) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  select.value = options.some(([value]) => String(value) === String(wanted)) ? wanted : (options[0] || [""])[0];
  select.disabled = options.length < 2;
}

const number = (value, digits = 3) =>
  value === null || Number.isNaN(value) ? "undefined" : minus(value.toFixed(digits));
const percent = (value) => (value === null || Number.isNaN(value) ? "unknown" : `${(100 * value).toFixed(1)} %`);
const minus = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212"));
const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

// Sentences in a row; empty ones are left out.
const sentences = (...parts) => parts.filter(Boolean).join(" ");

function significant(value) {
  return Number.isNaN(value) ? "undefined" : minus(String(Number(value.toPrecision(3))));
}

function interval(row) {
  if (row.ci_low === null) return "no interval";
  return `${number(row.ci_low)} to ${number(row.ci_high)}`;
}

// A link to the line of a table in which a value is.
function source(table, line) {
  const path = `tables/${table}.csv`;
  const link = element("a", { href: path }, path);
  return element("span", { class: "source" }, link, line ? `, line ${line}` : "");
}

function read(id, text, ...more) {
  byId(id).replaceChildren(element("span", {}, text), ...more);
}

const nameOf = (stimulus) => {
  const { names, categories, categoryNames, hasCategories } = data.stimuli;
  return hasCategories
    ? `${categoryNames[categories[stimulus]]}, stimulus ${names[stimulus]}`
    : `stimulus ${names[stimulus]}`;
};

// One rule for all pictures: the address of the sheet is long.
const showSheet = () =>
  document.head.append(element("style", {}, `.picture { background-image: url(${byId("sheet").src}); }`));

// The picture of a stimulus, or nothing where a study has none.
function picture(stimulus, side = 64) {
  if (!data.sheet) return "";
  const { columns, width, height } = data.sheet;
  const scale = side / Math.max(width, height);
  const made = element("i", { class: "picture", role: "img", "aria-label": nameOf(stimulus) });
  const [x, y] = [stimulus % columns, Math.floor(stimulus / columns)];
  const size = `${columns * width * scale}px ${Math.ceil(data.stimuli.names.length / columns) * height * scale}px`;
  Object.assign(made.style, {
    width: `${width * scale}px`,
    height: `${height * scale}px`,
    backgroundSize: size,
    backgroundPosition: `${-x * width * scale}px ${-y * height * scale}px`,
    boxSizing: "content-box",
  });
  return made;
}

function colourOf(ramp, share) {
  const place = 6 * Math.round(Math.min(1, Math.max(0, share)) * data.codes.largest8);
  return [0, 2, 4].map((k) => parseInt(ramp.slice(place + k, place + k + 2), 16));
}

const categoryColour = (category) => data.colours.categories[category % data.colours.categories.length];
const MARKS = ["circle", "triangle", "square", "diamond"];
const categoryMark = (category) => MARKS[category % 3];

// A mark of an SVG picture.
function mark(name, x, y, size, attributes) {
  const shapes = {
    circle: () => drawn("circle", { cx: x, cy: y, r: size, ...attributes }),
    square: () => drawn("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, ...attributes }),
    triangle: () => drawn("path", { d: `M${x} ${y - size}L${x + size} ${y + size}H${x - size}Z`, ...attributes }),
    diamond: () =>
      drawn("path", {
        d: `M${x} ${y - 1.3 * size}L${x + 1.3 * size} ${y}L${x} ${y + 1.3 * size}L${x - 1.3 * size} ${y}Z`,
        ...attributes,
      }),
  };
  return shapes[name]();
}

// Let the pointer and the arrow keys move over a drawing.
//
// `at(event)` is what lies below the pointer, or null. `moved(key)` is what an arrow key leads to. `show` is called
// with either, `choose` on a click or Enter.
function explore(target, { label, at, moved, show, choose }) {
  target.setAttribute("tabindex", "0");
  target.setAttribute("role", "application");
  target.setAttribute("aria-roledescription", "figure");
  target.setAttribute("aria-label", `${label} Arrow keys move${choose ? ", Enter chooses" : ""}.`);
  target.onpointermove = (event) => {
    const found = at(event);
    if (found !== null) show(found);
  };
  target.onclick = (event) => {
    const found = at(event);
    if (found === null) return;
    show(found);
    if (choose) choose(found);
  };
  target.onkeydown = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key.startsWith("Arrow")) {
      const found = moved(event.key);
      if (found !== null) show(found, true);
    } else if (event.key === "Enter" && choose) {
      choose(null);
    } else return;
    event.preventDefault();
  };
}

// Tell a screen reader what an arrow key has led to.
const say = (text) => (byId("shown").textContent = text);
