// Maps of the stimuli in two networks, and the map of all networks and layers.

const MAP_MARGIN = 0.06;
const maps = [null, null];

function drawMaps() {
  const { part, layer, first, second } = state;
  if (!part || !part.seeds.length) return nothingIn(["map0", "map1"], "maps-readout");
  [first, second].forEach((seed, k) => {
    const points = part.coordinates(layer, seed),
      known = points.filter(Boolean);
    const ends = [0, 1].map((axis) => [
      Math.min(...known.map((point) => point[axis])),
      Math.max(...known.map((point) => point[axis])),
    ]);
    const stress = part.at("stresses", layer, seed)[0],
      seedName = part.seeds[seed];
    byId(`map${k}-title`).textContent = known.length
      ? `Seed ${seedName}, stress ${number(stress, 2)}`
      : `Seed ${seedName}: undefined`;
    maps[k] = { points, ends, place: null, base: null };
    drawBase(k);
    exploreMap(k);
  });
  if (state.stimulus === null) read("maps-readout", "Point at a stimulus to find it in both maps.");
  else highlight(state.stimulus);
  byId("maps-caption").textContent = sentences(
    `Metric-stress maps of the dissimilarities of all stimuli (${data.measure}, ${layerName()}).`,
    "They are turned to match, not scaled. The same stimulus is marked in both.",
    usesPictures() && data.stimuli.hasCategories ? "Frames have the colours of the categories." : "",
  );
}

// Draw all stimuli of a map once; what is pointed at is drawn over a copy.
function drawBase(k) {
  const canvas = byId(`map${k}`),
    map = maps[k],
    zoom = Math.min(2, window.devicePixelRatio || 1);
  const side = Math.round(Math.max(200, canvas.clientWidth) * zoom);
  canvas.width = canvas.height = side;
  const spread = Math.max(...map.ends.map(([low, high]) => high - low)) || 1,
    scale = (side * (1 - 2 * MAP_MARGIN)) / spread;
  const middle = map.ends.map(([low, high]) => (low + high) / 2);
  map.place = (stimulus) => {
    const point = map.points[stimulus];
    return point && [side / 2 + (point[0] - middle[0]) * scale, side / 2 - (point[1] - middle[1]) * scale];
  };
  const context = canvas.getContext("2d", { willReadFrequently: true }),
    pictures = usesPictures();
  const size = (pictures ? Math.max(10, Math.min(26, 420 / Math.sqrt(map.points.length))) : 3) * zoom;
  map.points.forEach(
    (point, stimulus) => point && drawStimulus(context, stimulus, ...map.place(stimulus), size, pictures),
  );
  map.base = context.getImageData(0, 0, side, side);
  map.zoom = zoom;
}

const usesPictures = () =>
  Boolean(data.sheet) && document.querySelector("input[name=marks]:checked").value === "pictures";

function drawStimulus(context, stimulus, x, y, size, asPicture) {
  if (asPicture) {
    const { columns, width, height } = data.sheet,
      scale = size / Math.max(width, height);
    const [column, row] = [stimulus % columns, Math.floor(stimulus / columns)];
    context.imageSmoothingEnabled = size < Math.max(width, height);
    const place = [x - (width * scale) / 2, y - (height * scale) / 2, width * scale, height * scale];
    context.drawImage(byId("sheet"), column * width, row * height, width, height, ...place);
    if (data.stimuli.hasCategories) {
      Object.assign(context, {
        strokeStyle: categoryColour(data.stimuli.categories[stimulus]),
        lineWidth: Math.max(1, size / 14),
      });
      context.strokeRect(...place);
    }
    return;
  }
  const category = data.stimuli.categories[stimulus];
  context.fillStyle = categoryColour(category);
  context.beginPath();
  if (categoryMark(category) === "circle") context.arc(x, y, size, 0, 2 * Math.PI);
  else if (categoryMark(category) === "square") context.rect(x - size, y - size, 2 * size, 2 * size);
  else (context.moveTo(x, y - size), context.lineTo(x + size, y + size), context.lineTo(x - size, y + size));
  context.fill();
}

// Mark one stimulus in both maps.
function highlight(stimulus) {
  maps.forEach((map, k) => {
    if (!map || !map.base) return;
    const context = byId(`map${k}`).getContext("2d", { willReadFrequently: true }),
      place = map.place(stimulus);
    context.putImageData(map.base, 0, 0);
    if (!place) return;
    const size = (data.sheet ? 44 : 7) * map.zoom;
    context.lineWidth = 5 * map.zoom;
    if (data.sheet) drawStimulus(context, stimulus, ...place, size, true);
    else drawStimulus(context, stimulus, ...place, 5 * map.zoom, false);
    for (const [colour, width] of [
      ["#fff", 6],
      ["#1a1a1a", 3],
    ]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width * map.zoom });
      context.strokeRect(place[0] - size / 2 - 2, place[1] - size / 2 - 2, size + 4, size + 4);
    }
  });
  return tellStimulus("maps-readout", stimulus);
}

function exploreMap(k) {
  const canvas = byId(`map${k}`),
    map = maps[k];
  const at = (event) => {
    const box = canvas.getBoundingClientRect(),
      zoom = canvas.width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    let best = null,
      nearest = 30 * map.zoom;
    map.points.forEach((point, stimulus) => {
      if (!point) return;
      const [px, py] = map.place(stimulus),
        far = Math.hypot(px - x, py - y);
      if (far < nearest) [best, nearest] = [stimulus, far];
    });
    return best;
  };
  const known = map.points.map((point, stimulus) => (point ? stimulus : -1)).filter((stimulus) => stimulus >= 0);
  const orders = [0, 1].map((axis) => [...known].sort((a, b) => map.points[a][axis] - map.points[b][axis]));
  const moved = (arrow) => {
    const order = orders[arrow === "ArrowLeft" || arrow === "ArrowRight" ? 0 : 1];
    const step = arrow === "ArrowRight" || arrow === "ArrowUp" ? 1 : -1,
      place = order.indexOf(pointed);
    return order[Math.min(order.length - 1, Math.max(0, place + step))] ?? null;
  };
  const show = (stimulus, aloud) => {
    pointed = stimulus;
    const text = highlight(stimulus);
    if (aloud) say(text);
  };
  const choose = (stimulus) => chooseStimulus(stimulus ?? pointed);
  canvas.onpointerleave = () => state.stimulus !== null && highlight((pointed = state.stimulus));
  explore(canvas, { label: `Map of the stimuli, ${byId(`map${k}-title`).textContent}.`, at, moved, show, choose });
}

let pointed = null;

function drawLegend() {
  const { hasCategories, categoryNames } = data.stimuli;
  const names = hasCategories && categoryNames.length <= 30 ? categoryNames : [];
  byId("legend").replaceChildren(
    ...names.map((name, category) =>
      element(
        "li",
        {},
        drawn(
          "svg",
          { viewBox: "0 0 12 12" },
          mark(categoryMark(category), 6, 6, 4, { fill: categoryColour(category) }),
        ),
        name,
      ),
    ),
  );
  byId("legend").hidden = !names.length;
}

// The map of all networks and layers

function drawSecondLevel() {
  const box = byId("second-level"),
    rows = tables.mds.records(groupRows(state.group)).filter((row) => row.x !== null);
  box.replaceChildren();
  if (!rows.length) return read("second-readout", "The table mds has no map of these networks.");
  const width = Math.max(280, box.clientWidth),
    height = Math.min(460, Math.max(280, width * 0.6));
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}` });
  const [xs, ys] = ["x", "y"].map((name) => rows.map((row) => row[name]));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((width - 60) / (right - left || 1), (height - 60) / (high - low || 1));
  const place = (row) => [
    width / 2 + (row.x - (left + right) / 2) * scale,
    height / 2 - (row.y - (low + high) / 2) * scale,
  ];
  const { first, second } = seeds(),
    layers = [...new Set(rows.map((row) => row.layer_index))].sort((a, b) => a - b);
  for (const index of layers)
    drawLayer(
      svg,
      rows.filter((row) => row.layer_index === index),
      place,
      layers.indexOf(index) / Math.max(1, layers.length - 1),
    );
  for (const [seed, colour] of [
    [first, data.colours.first],
    [second, data.colours.second],
  ]) {
    const path = layers
      .map((index) => rows.find((row) => row.seed === seed && row.layer_index === index))
      .filter(Boolean);
    svg.append(
      drawn("path", {
        d: path.map((row, k) => `${k ? "L" : "M"}${place(row)}`).join(""),
        fill: "none",
        stroke: colour,
        "stroke-width": 1.5,
        "stroke-opacity": 0.7,
      }),
    );
    for (const row of path.filter((row) => row.layer_index === layerIndex()))
      svg.append(
        drawn("circle", {
          cx: place(row)[0],
          cy: place(row)[1],
          r: 7,
          fill: "none",
          stroke: colour,
          "stroke-width": 2.5,
        }),
      );
  }
  const ring = drawn("circle", { r: 10, fill: "none", stroke: "#1a1a1a", "stroke-width": 2, visibility: "hidden" });
  svg.append(ring);
  box.append(svg);
  exploreSecondLevel(svg, ring, rows, place, width);
  tellSecondLevel();
}

function drawLayer(svg, rows, place, depth) {
  const [red, green, blue] = colourOf(data.colours.sequential, 0.9 * depth);
  for (const row of rows)
    svg.append(
      drawn("circle", { cx: place(row)[0], cy: place(row)[1], r: 3.5, fill: `rgb(${red},${green},${blue})` }),
    );
  const top = rows.reduce((best, row) => (place(row)[1] < place(best)[1] ? row : best));
  svg.append(
    drawn(
      "text",
      {
        x: place(top)[0],
        y: place(top)[1] - 9,
        "text-anchor": "middle",
        style: "paint-order:stroke;stroke:#fff;stroke-width:3px",
      },
      top.layer,
    ),
  );
}

function exploreSecondLevel(svg, ring, rows, place, width) {
  let now = null;
  const show = (row, aloud) => {
    now = row;
    const [x, y] = place(row);
    for (const [name, value] of [
      ["cx", x],
      ["cy", y],
      ["visibility", "visible"],
    ])
      ring.setAttribute(name, value);
    const text = `${row.layer} of seed ${row.seed}.`;
    read("second-readout", text, source("mds", row.line));
    if (aloud) say(text);
  };
  const at = (event) => {
    const box = svg.getBoundingClientRect(),
      zoom = width / box.width;
    const far = (row) =>
      Math.hypot(place(row)[0] - (event.clientX - box.left) * zoom, place(row)[1] - (event.clientY - box.top) * zoom);
    const nearest = rows.reduce((best, row) => (far(row) < far(best) ? row : best));
    return far(nearest) < 30 ? nearest : null;
  };
  const moved = (arrow) => {
    if (!now) return rows[0];
    const [name, other] =
      arrow === "ArrowLeft" || arrow === "ArrowRight" ? ["layer_index", "seed"] : ["seed", "layer_index"];
    const along = rows.filter((row) => row[other] === now[other]).sort((a, b) => a[name] - b[name]);
    return along[along.indexOf(now) + (arrow === "ArrowRight" || arrow === "ArrowUp" ? 1 : -1)] || now;
  };
  const choose = (row) => (row || now) && chooseNetwork((row || now).layer, (row || now).seed);
  explore(svg, { label: "Map of all networks and layers.", at, moved, show, choose });
}

function tellSecondLevel() {
  const { first, second } = seeds(),
    index = layerIndex();
  const row = tables.second_level.first({
    ...groupRows(state.group),
    layer_index_a: index,
    layer_index_b: index,
    seed_a: Math.min(first, second),
    seed_b: Math.max(first, second),
  });
  if (row)
    read(
      "second-readout",
      `Distance of seeds ${first} and ${second} in ${layerName()}: ${number(row.distance)} (1 \u2212 r of their RDMs).`,
      source("second_level", row.line),
    );
  else read("second-readout", "Point at a network to read its layer and seed.");
  byId("second-caption").textContent = sentences(
    "Each dot is one layer of one network.",
    `Distances are 1 \u2212 r of two RDMs (${data.measure}), by metric-stress MDS.`,
    "Blue line: the first network. Red line: the second. Choose a dot to see its layer and network above.",
  );
}
