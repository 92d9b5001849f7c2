// A chart of curves: axes, points with intervals, and what lies below the pointer.

const LEFT = 52,
  RIGHT = 12,
  TOP = 12,
  BOTTOM = 46;

function scales(width, height, { x: [x0, x1], y: [y0, y1] }) {
  return {
    x: (value) => LEFT + ((value - x0) / (x1 - x0 || 1)) * (width - LEFT - RIGHT),
    y: (value) => height - BOTTOM - ((value - y0) / (y1 - y0 || 1)) * (height - TOP - BOTTOM),
  };
}

function axes(svg, width, height, scale, spec) {
  const line = { stroke: "#1a1a1a", "stroke-width": 1 };
  svg.append(drawn("path", { d: `M${LEFT} ${TOP}V${height - BOTTOM}H${width - RIGHT}`, fill: "none", ...line }));
  for (const { at, label } of spec.yTicks) {
    svg.append(drawn("path", { d: `M${LEFT - 4} ${scale.y(at)}H${width - RIGHT}`, stroke: "#e4e4e4" }));
    svg.append(drawn("text", { x: LEFT - 8, y: scale.y(at) + 4, "text-anchor": "end" }, label));
  }
  const room = (width - LEFT - RIGHT) / spec.xTicks.length;
  const longest = Math.max(...spec.xTicks.map(({ label }) => label.length));
  const each = Math.ceil((7 * Math.min(longest, 8) + 8) / room);
  spec.xTicks.forEach(({ at, label }, k) => {
    svg.append(drawn("path", { d: `M${scale.x(at)} ${height - BOTTOM}v4`, ...line }));
    if (k % each) return;
    const short = label.length > 8 ? `${label.slice(0, 4)}…${label.slice(-3)}` : label;
    svg.append(drawn("text", { x: scale.x(at), y: height - BOTTOM + 18, "text-anchor": "middle" }, short));
  });
  svg.append(drawn("text", { x: (LEFT + width - RIGHT) / 2, y: height - 8, "text-anchor": "middle" }, spec.xLabel));
  const place = `translate(14 ${(TOP + height - BOTTOM) / 2}) rotate(-90)`;
  svg.append(drawn("text", { transform: place, "text-anchor": "middle" }, spec.yLabel));
}

function curve(svg, scale, { points, colour, shape, dash, joined }) {
  const known = points.filter(({ y }) => y !== null);
  const path = known.map(({ x, y }, k) => `${k ? "L" : "M"}${scale.x(x)} ${scale.y(y)}`).join("");
  if (joined)
    svg.append(
      drawn("path", { d: path, fill: "none", stroke: colour, "stroke-width": 1.5, "stroke-dasharray": dash }),
    );
  for (const { x, y, low, high } of known) {
    if (low !== null && low !== undefined) {
      const bar = `M${scale.x(x)} ${scale.y(low)}V${scale.y(high)}m-4 0h8M${scale.x(x) - 4} ${scale.y(low)}h8`;
      svg.append(drawn("path", { d: bar, stroke: colour, "stroke-width": 1.5, fill: "none", class: "bar" }));
    }
    svg.append(mark(shape, scale.x(x), scale.y(y), 4, { fill: colour, class: "point" }));
  }
}

function key(box, series) {
  const entries = series.map(({ name, colour, shape, joined, dash }) => {
    const sign = drawn("svg", { viewBox: "0 0 24 12", style: "width:24px" });
    if (joined)
      sign.append(drawn("path", { d: "M0 6H24", stroke: colour, "stroke-width": 1.5, "stroke-dasharray": dash }));
    sign.append(mark(shape, 12, 6, 4, { fill: colour }));
    return element("li", {}, sign, name);
  });
  box.append(element("ul", { class: "legend", "aria-label": "Curves" }, ...entries));
}

// Draw curves into a box. `spec.dots` are faint points behind them, `spec.marked` a place on the x axis.
//
// `spec.tell(point, series)` returns the readout of a point: a text, and further elements.
function chart(box, readout, spec) {
  const series = spec.series.filter(({ points }) => points.length);
  box.replaceChildren();
  if (!series.length) return read(readout, spec.nothing);
  key(
    box,
    series.filter(({ name }) => name),
  );
  const width = Math.max(280, box.clientWidth),
    height = Math.min(360, Math.max(240, width * 0.5));
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}` });
  const scale = scales(width, height, spec);
  if (spec.marked !== undefined)
    svg.append(
      drawn("rect", {
        x: scale.x(spec.marked) - 10,
        y: TOP,
        width: 20,
        height: height - TOP - BOTTOM,
        fill: "#eaf2fb",
      }),
    );
  axes(svg, width, height, scale, spec);
  for (const { x, y } of spec.dots || [])
    svg.append(drawn("circle", { cx: scale.x(x), cy: scale.y(y), r: 2, fill: "#8c8c8c", "fill-opacity": 0.55 }));
  series.forEach((each) => curve(svg, scale, each));
  const ring = drawn("circle", { r: 8, fill: "none", stroke: "#1a1a1a", "stroke-width": 2, visibility: "hidden" });
  svg.append(ring);
  box.append(svg);
  moveOver(svg, ring, readout, series, scale, width, spec);
}

function moveOver(svg, ring, readout, series, scale, width, spec) {
  const points = series.flatMap((each, k) =>
    each.points.filter(({ y }) => y !== null).map((point) => ({ ...point, k })),
  );
  let now = null;
  const show = (point, aloud) => {
    now = point;
    for (const [name, value] of [
      ["cx", scale.x(point.x)],
      ["cy", scale.y(point.y)],
      ["visibility", "visible"],
    ])
      ring.setAttribute(name, value);
    const [text, ...more] = spec.tell(point, series[point.k]);
    read(readout, text, ...more);
    if (aloud) say(text);
  };
  const at = (event) => {
    const box = svg.getBoundingClientRect(),
      zoom = width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    const far = (point) => Math.hypot(scale.x(point.x) - x, scale.y(point.y) - y);
    const nearest = points.reduce((best, point) => (!best || far(point) < far(best) ? point : best), null);
    return nearest && far(nearest) < 40 ? nearest : null;
  };
  const moved = (arrow) => {
    if (!now) return points[0] || null;
    const along = points.filter(({ k }) => k === now.k),
      place = along.indexOf(now);
    if (arrow === "ArrowRight") return along[place + 1] || now;
    if (arrow === "ArrowLeft") return along[place - 1] || now;
    const others = points.filter(({ x, k }) => x === now.x && k !== now.k);
    const next =
      arrow === "ArrowUp"
        ? Math.min(...others.map(({ k }) => k).filter((k) => k > now.k))
        : Math.max(...others.map(({ k }) => k).filter((k) => k < now.k));
    return others.find(({ k }) => k === next) || now;
  };
  const choose = spec.choose && ((point) => (point || now) && spec.choose(point || now));
  explore(svg, { label: spec.label, at, moved, show, choose });
}

// The points of a chart as a table, for those who do not see it.
function valuesOf(box, spec, columns) {
  const head = element("tr", {}, ...columns.map(([name]) => element("th", { scope: "col" }, name)));
  const rows = spec.series.flatMap((series) =>
    series.points.map((point) =>
      element("tr", {}, ...columns.map(([, value]) => element("td", {}, value(point, series)))),
    ),
  );
  box.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

const fractions = [0, 0.2, 0.4, 0.6, 0.8, 1].map((at) => ({ at, label: at.toFixed(1) }));

function niceTicks(low, high) {
  const rough = (high - low) / 4 || 1,
    power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    ticks.push({ at: k * step, label: minus(String(Number((k * step).toPrecision(6)))) });
  return ticks;
}
