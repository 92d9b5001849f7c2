// Arrays of each group, and what the page is told.

const ARRAYS = {
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

// The arrays of one group. `at(name, i, j)` is the part of an array with these first places.
class Part {
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    this.layers = header.texts.layers || [];
    this.shapes = {};
    this.arrays = {};
    for (const [name, { type, shape, start }] of Object.entries(header.arrays)) {
      const size = shape.reduce((product, n) => product * n, 1);
      this.shapes[name] = shape;
      this.arrays[name] = new ARRAYS[type](buffer, 4 + length + start, size);
    }
    this.seeds = [...this.arrays.seeds];
    this.pictured = [...this.arrays.pictured];
  }

  at(name, ...places) {
    const shape = this.shapes[name];
    const size = shape.slice(places.length).reduce((product, n) => product * n, 1);
    const start = places.reduce((sum, place, axis) => sum * shape[axis] + place, 0) * size;
    return this.arrays[name].subarray(start, start + size);
  }

  // Place of a pair of seeds among all pairs, in the order of the upper triangle of a matrix.
  pair(i, j) {
    const [low, high] = i < j ? [i, j] : [j, i];
    return triangle(low, high, this.seeds.length);
  }

  agreement(layer, i, j) {
    const codes = i === j ? null : this.at("agreement", layer, this.pair(i, j));
    return (stimulus) => {
      if (!codes) return 1;
      return codes[stimulus] === data.codes.undefined16 ? NaN : codes[stimulus] / data.codes.steps;
    };
  }

  coordinates(layer, seed) {
    const codes = this.at("maps", layer, seed);
    const step = this.at("map_sizes", layer, seed)[0] / data.codes.largest16;
    const points = [];
    for (let k = 0; k < codes.length; k += 2)
      points.push(codes[k] === data.codes.undefined16 ? null : [codes[k] * step, codes[k + 1] * step]);
    return points;
  }

  // Dissimilarities of pictured stimuli: value(row, column), NaN where undefined.
  dissimilarities(layer, seed) {
    const codes = this.at("rdms", layer, seed);
    const step = this.at("largest", layer, seed)[0] / data.codes.largest8;
    const n = this.pictured.length;
    return (row, column) => {
      if (row === column) return 0;
      const code = codes[row < column ? triangle(row, column, n) : triangle(column, row, n)];
      return code === data.codes.undefined8 ? NaN : code * step;
    };
  }
}

const triangle = (row, column, n) => row * n - (row * (row + 1)) / 2 + column - row - 1;

let data;
const tables = {};
const parts = new Map();

async function load() {
  data = JSON.parse(new TextDecoder().decode(await unpacked("data")));
  const names = ["instances", "consistency_summary", "consistency", "comparators_summary", "second_level", "mds"];
  names.push("stimulus_agreement", "agreement_reliability", "accuracy", "history");
  for (const name of names) tables[name] = new Table(data.tables[name]);
}

async function partOf(group) {
  const { part } = data.groups[group];
  if (!parts.has(part)) parts.set(part, new Part(await unpacked(part)));
  return parts.get(part);
}
