// Stimuli on which two networks agree most and least: the correlation of a row of their RDMs.

const SHOWN_STIMULI = 8;

function drawStimuli() {
  const { part, layer, first, second } = state;
  const nothing =
    !part || part.seeds.length < 2
      ? "There are no two accepted networks to compare."
      : first === second
        ? "Choose two different networks."
        : "";
  if (nothing) {
    byId("least").replaceChildren();
    byId("most").replaceChildren();
    byId("stimuli-caption").textContent = "";
    return read("stimuli-readout", nothing);
  }
  const value = part.agreement(layer, first, second);
  const order = data.stimuli.names
    .map((_, stimulus) => stimulus)
    .filter((stimulus) => !Number.isNaN(value(stimulus)));
  order.sort((a, b) => value(a) - value(b) || a - b);
  const shown = { least: order.slice(0, SHOWN_STIMULI), most: order.slice(-SHOWN_STIMULI).reverse() };
  for (const [id, list] of Object.entries(shown))
    byId(id).replaceChildren(...list.map((stimulus) => stimulusButton(stimulus, value(stimulus))));
  read(
    "stimuli-readout",
    order.length ? "Choose a stimulus to find it in the maps below." : "No stimulus has a defined agreement.",
  );
  byId("stimuli-caption").textContent = stimuliCaption();
}

function stimulusButton(stimulus, r) {
  const { categories, categoryNames, hasCategories, names } = data.stimuli;
  const name = hasCategories ? categoryNames[categories[stimulus]] : names[stimulus];
  const button = element("button", {
    type: "button",
    "data-stimulus": stimulus,
    "aria-pressed": state.stimulus === stimulus,
  });
  button.append(picture(stimulus, 72), element("span", {}, `r ${number(r)}`), element("span", {}, name));
  button.onclick = () => chooseStimulus(stimulus);
  button.onpointerenter = button.onfocus = () => tellStimulus("stimuli-readout", stimulus);
  return element("li", {}, button);
}

function predictedName(seed, stimulus) {
  const category = state.part.at("predicted", seed)[stimulus];
  if (category < 0) return null;
  const place = data.stimuli.categoryNumbers.indexOf(category);
  return place < 0 ? `category ${category}` : data.stimuli.categoryNames[place];
}

// What is known of a stimulus: agreement of the two networks and of all, and predictions.
function tellStimulus(readout, stimulus) {
  const { part, layer, first, second } = state,
    facts = [];
  const { first: a, second: b } = seeds();
  if (first !== second && part.seeds.length > 1)
    facts.push(`r of its rows in seeds ${a} and ${b}: ${number(part.agreement(layer, first, second)(stimulus))}`);
  const row = tables.stimulus_agreement.first({
    ...groupRows(state.group),
    layer_index: layerIndex(),
    position: stimulus,
  });
  if (row && row.agreement !== null) facts.push(`mean over all pairs of networks: ${number(row.agreement)}`);
  const predicted = [first, second].map((seed) => predictedName(seed, stimulus));
  if (predicted[0] !== null) facts.push(`seed ${a} predicts ${predicted[0]}, seed ${b} predicts ${predicted[1]}`);
  if (row && row.correct_share !== null)
    facts.push(`${percent(row.correct_share)} of all networks classify it correctly`);
  const text = `${nameOf(stimulus)}: ${facts.join("; ")}.`;
  read(readout, text, picture(stimulus, 48), ...(row ? [source("stimulus_agreement", row.line)] : []));
  return text;
}

function stimuliCaption() {
  const what = sentences(
    `The row of a stimulus in an RDM has its dissimilarities to all other stimuli (${data.measure}, ${layerName()}).`,
    `r is the correlation of this row between the two networks, over all ${data.stimuli.names.length} stimuli.`,
  );
  const row = tables.agreement_reliability.first({ ...groupRows(state.group), layer_index: layerIndex() });
  if (!row) return what;
  if (row.reliability === null)
    return `${what} With fewer than four networks, nothing says whether other networks disagree on the same stimuli.`;
  return sentences(
    what,
    "Do other networks disagree on the same stimuli?",
    `The split-half reliability of the order of stimuli is ${number(row.reliability, 2)} over halves of all networks`,
    `(table agreement_reliability, line ${row.line}; 1: the same order, 0: chance).`,
  );
}

function markButtons() {
  for (const button of document.querySelectorAll(".strip button"))
    button.setAttribute("aria-pressed", Number(button.dataset.stimulus) === state.stimulus);
}
