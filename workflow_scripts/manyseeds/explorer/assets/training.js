// Courses of training: consistency of the followed layers, accuracy, and loss, by epoch.

function courses() {
  const found = [],
    wanted = groupRows(state.group);
  const rows = tables.consistency_summary.rows({
    ...wanted,
    kind: "exemplar",
    measure: data.measureKey,
    normalisation: "none",
    ci_method: "jackknife",
  });
  const epochs = new Map();
  for (const row of rows) {
    const layer = tables.consistency_summary.get(row, "layer");
    epochs.set(layer, (epochs.get(layer) || 0) + 1);
  }
  const most = Math.max(0, ...epochs.values());
  if (most > 2)
    for (const [layer, n] of epochs) if (n === most) found.push([`layer:${layer}`, `consistency in ${layer}`]);
  if (tables.accuracy.rows(wanted).length) found.push(["accuracy:accuracy", "test accuracy"]);
  if (tables.history.rows(wanted).length)
    found.push(["history:loss", "training loss"], ["history:accuracy", "training accuracy"]);
  return found;
}

function meanSeries(layer) {
  const wanted = {
    ...groupRows(state.group),
    layer,
    kind: "exemplar",
    measure: data.measureKey,
    normalisation: "none",
    ci_method: "jackknife",
  };
  const points = tables.consistency_summary
    .records(wanted)
    .sort((a, b) => a.epoch - b.epoch)
    .map((row) => asPoint(row, row.epoch));
  return [{ name: `mean over pairs, ${layer}`, points, colour: data.colours.first, shape: "circle", joined: true }];
}

function seedSeries(table, column) {
  const { first, second } = seeds(),
    rows = tables[table].records(groupRows(state.group));
  const all = [...new Set(rows.map((row) => row.seed))].sort(
    (a, b) => (a === first || a === second) - (b === first || b === second),
  );
  return all.map((seed) => {
    const chosen = seed === first || seed === second;
    const points = rows
      .filter((row) => row.seed === seed)
      .sort((a, b) => a.epoch - b.epoch)
      .map((row) => ({ x: row.epoch, y: row[column], row }));
    const colour = seed === first ? data.colours.first : seed === second ? data.colours.second : "#b4b4b4";
    return {
      name: chosen ? `seed ${seed}` : "",
      seed,
      points,
      colour,
      shape: seed === second ? "square" : "circle",
      joined: true,
    };
  });
}

function drawTraining() {
  const menu = byId("course");
  fill(menu, courses());
  const [what, name] = menu.value.split(/:(.*)/),
    title = menu.value ? menu.selectedOptions[0].text : "";
  const table = what === "layer" ? "consistency_summary" : what;
  const series = what === "layer" ? meanSeries(name) : what ? seedSeries(what, name) : [];
  const values = series
    .flatMap(({ points }) => points.flatMap(({ y, high }) => [y, high]))
    .filter((value) => value !== null && value !== undefined);
  const epochs = series.flatMap(({ points }) => points.map(({ x }) => x)),
    last = Math.max(1, ...epochs),
    first = Math.min(last, ...epochs);
  const top = name === "loss" ? Math.max(...values, 0) * 1.05 : 1.03;
  const value = (point) => (name === "loss" || what === "layer" ? number(point.y) : percent(point.y));
  const spec = {
    series,
    x: [first - 0.03 * (last - first), last + 0.03 * (last - first)],
    y: [name === "loss" ? 0 : -0.03, top],
    xTicks: niceTicks(first, last).filter(({ at }) => Number.isInteger(at)),
    yTicks: name === "loss" ? niceTicks(0, top) : fractions,
    xLabel: "Epoch",
    yLabel: title.replace(/^./, (letter) => letter.toUpperCase()),
    label: "Course of training.",
    nothing: "The training of these networks is not known.",
    tell: (point, { seed, name: curveName }) => {
      const curve = seed === undefined ? curveName : `Seed ${seed}`;
      const ends = what === "layer" ? ` (95 %: ${interval(point.row)}; jackknife over networks)` : "";
      return [`${curve}, epoch ${point.x}: ${value(point)}${ends}.`, source(table, point.row.line)];
    },
  };
  read("training-readout", "Point at a curve to read its values.");
  chart(byId("training"), "training-readout", spec);
  byId("training-caption").textContent =
    what === "layer"
      ? `Consistency of networks at the same epoch (${data.measure}), mean over pairs with 95 % jackknife intervals.`
      : what
        ? "One line for each network. Grey: the networks that are not chosen above."
        : "";
  valuesOf(byId("training-values"), spec, [
    ["curve", (_, { seed, name: curveName }) => (seed === undefined ? curveName : `seed ${seed}`)],
    ["epoch", ({ x }) => String(x)],
    ["value", value],
    ["source", ({ row }) => source(table, row.line)],
  ]);
}
