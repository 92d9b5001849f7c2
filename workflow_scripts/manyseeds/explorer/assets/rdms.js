// RDMs of two networks and their difference, on canvases of one pixel for each entry.

const cell = { row: null, column: null };

const standardised = (part, layer, seed, value) => {
  const [mean, deviation] = ["means", "deviations"].map((name) => part.at(name, layer, seed)[0]);
  return (row, column) => (row === column ? NaN : (value(row, column) - mean) / deviation);
};

function paint(canvas, n, colour) {
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d"),
    pixels = context.createImageData(n, n);
  for (let row = 0; row < n; row++)
    for (let column = 0; column < n; column++) {
      const [red, green, blue] = colour(row, column);
      pixels.data.set([red, green, blue, 255], 4 * (row * n + column));
    }
  context.putImageData(pixels, 0, 0);
}

const LARGEST_DIFFERENCE = 3;
const WHITE = [255, 255, 255];

function drawRdms() {
  const { part, layer, first, second } = state;
  if (!part || !part.seeds.length) return nothingIn(["rdm0", "rdm1", "rdm2"], "rdms-readout");
  const n = part.pictured.length;
  const pair = [first, second].map((seed) => part.dissimilarities(layer, seed));
  const scaled = [first, second].map((seed, k) => standardised(part, layer, seed, pair[k]));
  const largest = Math.max(
    ...[first, second].map((seed) => part.at("largest", layer, seed)[0]).filter((value) => value > 0),
    0,
  );
  pair.forEach((value, k) =>
    paint(byId(`rdm${k}`), n, (row, column) => {
      const share = value(row, column) / largest;
      return Number.isNaN(share) ? WHITE : colourOf(data.colours.sequential, share);
    }),
  );
  paint(byId("rdm2"), n, (row, column) => {
    const difference = scaled[1](row, column) - scaled[0](row, column);
    return Number.isNaN(difference)
      ? WHITE
      : colourOf(data.colours.diverging, 0.5 + difference / (2 * LARGEST_DIFFERENCE));
  });
  const { first: a, second: b } = seeds();
  [`Seed ${a}`, `Seed ${b}`, `Seed ${b} minus seed ${a}`].forEach(
    (title, k) => (byId(`rdm${k}-title`).textContent = title),
  );
  ramps(largest);
  [0, 1, 2].forEach((k) => exploreMatrix(k, n, pair, scaled));
  read("rdms-readout", "Point at an entry to read its values.");
  byId("rdms-caption").textContent = rdmCaption(n);
}

function rdmCaption(n) {
  const all = data.stimuli.names.length;
  const which = n < all ? `${n} of the ${all} stimuli, evenly chosen` : `All ${all} stimuli`;
  const order = data.stimuli.hasCategories
    ? `, in the order of their categories: ${data.stimuli.categoryNames.slice(0, 30).join(", ")}`
    : "";
  return sentences(
    `Dissimilarities of pairs of stimuli (${data.measure}) in ${layerName()}. ${which}${order}.`,
    "For the difference, each matrix has mean 0 and standard deviation 1, because consistency ignores both.",
    "White: undefined. Colours and numbers have 254 steps.",
  );
}

function ramps(largest) {
  const ramp = (name, low, high) => {
    const colours = [0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${colourOf(data.colours[name], share)})`);
    return element(
      "div",
      {},
      low,
      element("span", { style: `background:linear-gradient(to right,${colours})` }),
      high,
    );
  };
  const end = `${LARGEST_DIFFERENCE} SD`;
  byId("ramps").replaceChildren(
    ramp("sequential", "0", significant(largest)),
    ramp("diverging", `\u2212${end}`, `+${end}`),
  );
}

function exploreMatrix(k, n, pair, scaled) {
  const canvas = byId(`rdm${k}`);
  const show = ({ row, column }, aloud) => {
    Object.assign(cell, { row, column });
    crosshairs(n);
    const [a, b] = [state.part.pictured[row], state.part.pictured[column]],
      { first, second } = seeds();
    const values = pair.map((value) => significant(value(row, column)));
    const difference = scaled[1](row, column) - scaled[0](row, column);
    const end = row === column ? "" : `; difference ${number(difference, 2)} SD`;
    const text = `${nameOf(a)}, and ${nameOf(b)}: seed ${first} ${values[0]}; seed ${second} ${values[1]}${end}.`;
    read("rdms-readout", text, picture(a, 48), picture(b, 48));
    if (aloud) say(text);
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = (offset, size) => Math.min(n - 1, Math.max(0, Math.floor((offset / size) * n)));
    return { row: place(event.clientY - box.top, box.height), column: place(event.clientX - box.left, box.width) };
  };
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const moved = (arrow) => {
    if (cell.row === null) return { row: 0, column: Math.min(1, n - 1) };
    const within = (value) => Math.min(n - 1, Math.max(0, value));
    return { row: within(cell.row + steps[arrow][0]), column: within(cell.column + steps[arrow][1]) };
  };
  const choose = (found) => chooseStimulus(state.part.pictured[found ? found.row : (cell.row ?? 0)]);
  explore(canvas, { label: `Dissimilarity matrix, ${byId(`rdm${k}-title`).textContent}.`, at, moved, show, choose });
}

// A cross over the same entry of all three matrices, as the background of a frame over each canvas.
function crosshairs(n) {
  for (const k of [0, 1, 2]) {
    const canvas = byId(`rdm${k}`),
      box = canvas.parentElement;
    let cross = box.querySelector(".cross");
    if (!cross) box.append((cross = element("div", { class: "cross", "aria-hidden": "true" })));
    const [x, y] = [(cell.column + 0.5) / n, (cell.row + 0.5) / n];
    cross.style.setProperty("--x", `${100 * x}%`);
    cross.style.setProperty("--y", `${100 * y}%`);
    Object.assign(cross.style, {
      top: `${canvas.offsetTop}px`,
      left: `${canvas.offsetLeft}px`,
      width: `${canvas.offsetWidth}px`,
      height: `${canvas.offsetHeight}px`,
    });
  }
}

function nothingIn(canvases, readout) {
  for (const id of canvases) {
    const canvas = byId(id);
    canvas.width = canvas.height = 1;
    canvas.removeAttribute("tabindex");
  }
  read(readout, "None of these networks was accepted, so there is nothing to show.");
}
