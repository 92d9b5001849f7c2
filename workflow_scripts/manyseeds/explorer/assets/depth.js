// Similarity of networks against depth, from the tables consistency_summary and comparators_summary.

const CONSISTENCY = "consistency";

const sourceTable = () => (byId("comparator").value === CONSISTENCY ? "consistency_summary" : "comparators_summary");

const groupRows = (group) => ({
  architecture: data.groups[group].architecture,
  condition: data.groups[group].condition,
});

function distinct(table, rows, name) {
  return [...new Set(rows.map((row) => table.get(row, name)))];
}

// Fill the menus from left to right: each lists what the table has for the choices before it.
function fillDepthMenus() {
  const found = distinct(
    tables.comparators_summary,
    tables.comparators_summary.rows(groupRows(state.group)),
    "comparator",
  );
  const others = found.filter((name) => name !== "r2");
  fill(byId("comparator"), [
    [CONSISTENCY, data.comparators.r2],
    ...others.map((name) => [name, data.comparators[name]]),
  ]);
  const table = tables[sourceTable()],
    wanted = groupRows(state.group);
  const isConsistency = byId("comparator").value === CONSISTENCY;
  if (!isConsistency) wanted.comparator = byId("comparator").value;
  if (isConsistency) {
    fill(
      byId("kind"),
      distinct(table, table.rows(wanted), "kind").map((name) => [name, data.kinds[name] || name]),
    );
    wanted.kind = byId("kind").value;
  } else fill(byId("kind"), [["", data.kinds.exemplar]]);
  for (const [menu, names, none] of [
    ["measure", data.measures, "does not apply"],
    ["normalisation", data.normalisations, "centred"],
  ]) {
    const values = distinct(table, table.rows(wanted), menu);
    fill(
      byId(menu),
      values.map((name) => [name || "", name ? names[name] : none]),
    );
    wanted[menu] = byId(menu).value || null;
  }
  const methods = distinct(table, table.rows(wanted), "ci_method");
  methods.sort((a, b) => (b === "jackknife") - (a === "jackknife"));
  fill(
    byId("method"),
    methods.map((name) => [name, data.methods[name] || name]),
  );
}

function chosenRows(group) {
  const wanted = {
    ...groupRows(group),
    measure: byId("measure").value || null,
    normalisation: byId("normalisation").value || null,
  };
  if (byId("comparator").value === CONSISTENCY) wanted.kind = byId("kind").value;
  else wanted.comparator = byId("comparator").value;
  return { ...wanted, ci_method: byId("method").value };
}

const asPoint = (row, x) => ({ x, y: row.mean, low: row.ci_low, high: row.ci_high, row });

// The curves of a group: after training, and before it where all layers were compared then.
function depthSeries(group, shift, look) {
  const rows = tables[sourceTable()].records(chosenRows(group));
  const last = Math.max(...rows.map((row) => row.epoch));
  const points = (epoch) =>
    rows.filter((row) => row.epoch === epoch).map((row) => asPoint(row, row.layer_index + shift));
  const { title } = data.groups[group];
  const series = [{ name: title, points: rows.length ? points(last) : [], joined: true, ...look }];
  const before = last > 0 ? points(0) : [];
  if (before.length > 1)
    series.push({
      name: `${title}, before training`,
      points: before,
      ...look,
      colour: data.colours.before,
      shape: "diamond",
      dash: "3 3",
      joined: true,
    });
  return series;
}

function pairDots() {
  const { measureKey } = data;
  const isMain =
    byId("comparator").value === CONSISTENCY &&
    byId("kind").value === "exemplar" &&
    byId("measure").value === measureKey &&
    byId("normalisation").value === "none";
  if (!isMain) return [];
  const rows = tables.consistency.records(groupRows(state.group)).filter((row) => row.consistency !== null);
  const seen = new Map();
  return rows.map((row) => {
    const place = (seen.get(row.layer_index) || 0) + 1;
    seen.set(row.layer_index, place);
    return { x: row.layer_index + ((place % 9) - 4) * 0.03, y: row.consistency };
  });
}

const layerTicks = (rows) => {
  const names = new Map(rows.map((row) => [row.layer_index, row.layer]));
  return [...names]
    .sort(([a], [b]) => a - b)
    .map(([at, label]) => ({ at, label: label.replace(/^conv(?=\d+$)/, "") }));
};

function drawDepth() {
  fillDepthMenus();
  const beside = byId("beside").value;
  const series = depthSeries(state.group, beside ? -0.08 : 0, { colour: data.colours.first, shape: "circle" });
  if (beside) series.push(...depthSeries(Number(beside), 0.08, { colour: data.colours.second, shape: "square" }));
  const rows = series.flatMap(({ points }) => points.map(({ row }) => row));
  const ticks = layerTicks(rows),
    numbered = rows.every(({ layer }) => /^conv\d+$/.test(layer));
  const values = rows.flatMap((row) => [row.mean, row.ci_low]).filter((value) => value !== null);
  const low = Math.min(0, ...values),
    current = layerIndex();
  const spec = {
    series,
    dots: pairDots(),
    x: [Math.min(...ticks.map(({ at }) => at)) - 0.5, Math.max(...ticks.map(({ at }) => at)) + 0.5],
    y: [low < 0 ? low - 0.02 : -0.03, 1.03],
    xTicks: ticks,
    yTicks: low < -0.05 ? niceTicks(low, 1) : fractions,
    xLabel: numbered ? "Convolutional layer" : "Layer",
    yLabel: byId("comparator").selectedOptions[0].text.replace(/^./, (letter) => letter.toUpperCase()),
    marked: current === null ? undefined : current,
    label: "Similarity of networks against depth.",
    nothing: "These networks have no such rows.",
    tell: ({ row }, { name }) => [
      `${name}, ${row.layer}: ${number(row.mean)} (95 %: ${interval(row)}; ${counts(row)}).`,
      source(sourceTable(), row.line),
    ],
    choose: ({ row }) => chooseLayer(row.layer),
  };
  chart(byId("depth"), "depth-readout", spec);
  valuesOf(byId("depth-values"), spec, [
    ["networks", (_, { name }) => name],
    ["layer", ({ row }) => row.layer],
    ["mean", ({ row }) => number(row.mean)],
    ["95 % interval", ({ row }) => interval(row)],
    ["networks, pairs", ({ row }) => `${row.n_networks}, ${row.n_network_pairs}`],
    ["source", ({ row }) => source(sourceTable(), row.line)],
  ]);
  tellPair();
  byId("depth-caption").textContent = depthCaption(spec);
}

function counts({ n_networks, n_network_pairs, ci_method }) {
  const few = n_networks < data.fewest ? ": too few for a claim" : "";
  return `${data.methods[ci_method]}; ${plural(n_networks, "network")}, ${plural(n_network_pairs, "pair")}${few}`;
}

function depthCaption({ dots }) {
  const what =
    byId("comparator").value === CONSISTENCY
      ? "Consistency: squared correlation of two networks' RDMs"
      : `Similarity of two networks: ${data.comparators[byId("comparator").value]}`;
  return sentences(
    `${what}, mean over pairs of networks with 95 % intervals.`,
    dots.length ? "Grey dots: single pairs of networks." : "",
    "Choose a point, or a layer above, to see two networks in that layer.",
  );
}

// The readout before a point is chosen: the two chosen networks in the chosen layer.
function tellPair() {
  const row = pairRow();
  if (!row) return read("depth-readout", "Point at a curve to read its values.");
  const { first, second } = seeds();
  const values = `consistency ${number(row.consistency)}, r ${number(row.r)} (${data.measure})`;
  const text = `Seeds ${first} and ${second} in ${row.layer}: ${values}.`;
  read("depth-readout", text, source("consistency", row.line));
}

function pairRow() {
  const { first, second } = seeds();
  if (layerIndex() === null || first === second) return null;
  return tables.consistency.first({
    ...groupRows(state.group),
    layer_index: layerIndex(),
    seed_a: Math.min(first, second),
    seed_b: Math.max(first, second),
  });
}
