// Tables of a page, by column.

async function unpacked(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

class Table {
  constructor(columns = {}) {
    this.columns = columns;
    const first = Object.values(columns)[0];
    this.length = first ? (first.numbers || first.codes).length : 0;
  }

  get(row, name) {
    const column = this.columns[name];
    if (column.numbers) return column.numbers[row];
    return column.codes[row] < 0 ? null : column.texts[column.codes[row]];
  }

  // Places of the rows with some values; of texts, codes are compared.
  rows(wanted) {
    const tests = Object.entries(wanted).map(([name, value]) => {
      const column = this.columns[name];
      if (!column) return [[], 0];
      if (column.numbers) return [column.numbers, value];
      return [column.codes, value === null ? -1 : column.texts.indexOf(value) < 0 ? -2 : column.texts.indexOf(value)];
    });
    const found = [];
    for (let row = 0; row < this.length; row++)
      if (tests.every(([values, value]) => values[row] === value)) found.push(row);
    return found;
  }

  first(wanted) {
    const [row] = this.rows(wanted);
    return row === undefined ? null : this.record(row);
  }

  record(row) {
    return Object.fromEntries(Object.keys(this.columns).map((name) => [name, this.get(row, name)]));
  }

  records(wanted) {
    return this.rows(wanted).map((row) => this.record(row));
  }
}
