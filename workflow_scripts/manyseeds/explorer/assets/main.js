// What is chosen, and the menus that choose it.

const state = { group: 0, part: null, layer: 0, first: 0, second: 0, stimulus: null };

const seeds = () => ({
  first: state.part?.seeds[state.first] ?? null,
  second: state.part?.seeds[state.second] ?? null,
});
const layerName = () => state.part?.layers[state.layer] ?? "";
const layerIndex = () => (state.part?.layers.length ? state.part.arrays.layer_indices[state.layer] : null);

function tellFacts() {
  const { groups, stimuli, measure } = data,
    sum = (name) => groups.reduce((total, group) => total + group[name], 0);
  const lost = [
    sum("redrawn") ? `${plural(sum("redrawn"), "network")} redrawn after a collapse` : "",
    sum("collapsed") ? `${plural(sum("collapsed"), "network")} collapsed and left out` : "",
  ].filter(Boolean);
  const categories = stimuli.hasCategories
    ? ` of ${plural(stimuli.categoryNames.length, "category").replace("categorys", "categories")}`
    : "";
  const n = stimuli.names.length;
  byId("facts").textContent = sentences(
    `${plural(sum("networks"), "network")}, ${n} ${n === 1 ? "stimulus" : "stimuli"}${categories}.`,
    `RDMs: ${measure}.`,
    lost.length ? `${lost.join(", ")}.` : "",
    "All numbers are in the folder tables.",
  );
}

function tellShown() {
  const { first, second } = seeds(),
    { title } = data.groups[state.group];
  say(
    first === null
      ? `${title}: no accepted networks.`
      : `${title}, ${layerName()}: seed ${first} and seed ${second}.`,
  );
}

async function chooseGroup(group) {
  const [layer, first, second] = [layerName(), ...Object.values(seeds())];
  state.group = group;
  state.part = await partOf(group);
  const { layers, seeds: all } = state.part,
    place = (list, value, other) => (list.includes(value) ? list.indexOf(value) : other);
  state.layer = place(layers, layer, Math.max(0, layers.length - 1));
  state.first = place(all, first, 0);
  state.second = place(all, second, Math.min(1, Math.max(0, all.length - 1)));
  fill(
    byId("layer"),
    layers.map((name, k) => [k, name]),
    state.layer,
  );
  for (const name of ["first", "second"])
    fill(
      byId(name),
      all.map((seed, k) => [k, `seed ${seed}`]),
      state[name],
    );
  const others = data.groups.map((each, k) => [k, each.title]).filter(([k]) => k !== group);
  fill(byId("beside"), [["", "nothing"], ...others]);
}

function drawAll() {
  tellShown();
  byId("layer").value = state.layer;
  byId("first").value = state.first;
  byId("second").value = state.second;
  drawDepth();
  drawStimuli();
  drawRdms();
  drawMaps();
  drawSecondLevel();
  drawTraining();
  const { title } = data.groups[state.group],
    { first, second } = seeds();
  history.replaceState(null, "", `#${[title, layerName(), first, second].map(encodeURIComponent).join("/")}`);
}

function chooseLayer(name) {
  const place = state.part.layers.indexOf(name);
  if (place < 0) return;
  state.layer = place;
  drawAll();
}

function chooseNetwork(layer, seed) {
  const place = state.part.seeds.indexOf(seed);
  if (place >= 0 && place !== state.second) state.first = place;
  chooseLayer(layer);
}

function chooseStimulus(stimulus) {
  if (stimulus === null) return;
  state.stimulus = pointed = stimulus;
  byId("stimulus").value = stimulus;
  markButtons();
  tellStimulus("stimuli-readout", stimulus);
  say(highlight(stimulus));
}

// The choice that an address names, as written by `drawAll`.
async function startFrom(address) {
  const [title, layer, ...pair] = address.slice(1).split("/").map(decodeURIComponent);
  const group = data.groups.findIndex((each) => each.part && each.title === title);
  await chooseGroup(Math.max(0, group));
  if (state.part.layers.includes(layer)) state.layer = state.part.layers.indexOf(layer);
  ["first", "second"].forEach((name, k) => {
    const place = state.part.seeds.indexOf(Number(pair[k]));
    if (pair[k] !== undefined && pair[k] !== "" && place >= 0) state[name] = place;
  });
}

function listen() {
  for (const form of document.forms) form.onsubmit = (event) => event.preventDefault();
  byId("group").onchange = async (event) => {
    await chooseGroup(Number(event.target.value));
    drawAll();
  };
  for (const name of ["layer", "first", "second"])
    byId(name).onchange = (event) => {
      state[name] = Number(event.target.value);
      drawAll();
    };
  for (const name of ["comparator", "kind", "measure", "normalisation", "method", "beside"])
    byId(name).onchange = drawDepth;
  byId("course").onchange = drawTraining;
  byId("stimulus").onchange = (event) =>
    chooseStimulus(event.target.value === "" ? null : Number(event.target.value));
  byId("marks").onchange = () => {
    drawLegend();
    drawMaps();
  };
  let waiting = null;
  window.onresize = () => {
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 150);
  };
}

async function start() {
  await load();
  document.documentElement.lang = "en";
  fill(
    byId("group"),
    data.groups.map((each, k) => [k, each.title]).filter(([k]) => data.groups[k].part),
    0,
  );
  fill(byId("stimulus"), [["", "none"], ...data.stimuli.names.map((_, k) => [k, nameOf(k)])]);
  if (data.sheet) {
    await byId("sheet").decode();
    showSheet();
  } else byId("marks").hidden = true;
  await startFrom(location.hash);
  byId("group").value = state.group;
  tellFacts();
  drawLegend();
  listen();
  drawAll();
  document.body.dataset.ready = "yes";
}

start().catch((problem) => {
  byId("shown").textContent = sentences(
    `This page cannot be shown: ${problem.message}.`,
    "It needs a browser of 2023 or later. Its numbers are in the folder tables.",
  );
  throw problem;
});
