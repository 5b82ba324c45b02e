/** The parsed text of a Prometheus scrape. */
export class Scrape {
  readonly #samples: readonly { name: string; labels: Readonly<Record<string, string>>; value: number }[];
  /** Metric types by name, from the `# TYPE` lines. */
  readonly types: ReadonlyMap<string, string>;

  constructor(text: string) {
    const lines = text.split('\n').filter((line) => line !== '');
    this.types = new Map(lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ').slice(2, 4) as [string, string]));
    this.#samples = lines.filter((line) => !line.startsWith('#')).map(read);
  }

  /** Sums all series of `name` that have these labels. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.#samples
      .filter((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Sums by the value of one label, without zeros. */
  by(label: string, name: string, labels: Readonly<Record<string, string>> = {}): Record<string, number> {
    const values = new Set(this.#samples.filter((sample) => sample.name === name).map((sample) => sample.labels[label] ?? ''));
    return Object.fromEntries(
      [...values]
        .sort()
        .map((value) => [value, this.sum(name, { ...labels, [label]: value })] as const)
        .filter(([, count]) => count !== 0),
    );
  }

  /** Label names by metric; the suffixes that a histogram adds to its name (`_bucket`, `_count`, `_sum`) are removed. */
  get labels(): Map<string, ReadonlySet<string>> {
    const labels = new Map<string, Set<string>>();
    for (const sample of this.#samples) {
      const base = sample.name.replace(/_(bucket|count|sum)$/, '');
      const name = this.types.get(base) === 'histogram' ? base : sample.name;
      labels.set(name, new Set([...(labels.get(name) ?? []), ...Object.keys(sample.labels)]));
    }
    return labels;
  }

  /** Values of all series that only grow: counters and histograms, by name and labels. */
  get counters(): Map<string, number> {
    const grows = (name: string) =>
      this.types.get(name) === 'counter' || this.types.get(name.replace(/_(bucket|count|sum)$/, '')) === 'histogram';
    return new Map(
      this.#samples.filter(({ name }) => grows(name)).map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value]),
    );
  }

  /** Series that occur twice. Prometheus refuses these. */
  get doubles(): string[] {
    const keys = this.#samples.map(({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).sort())}`);
    return keys.filter((key, index) => keys.indexOf(key) !== index);
  }
}

function read(line: string) {
  const [, name = '', inside = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const labels = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]);
  return { name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) };
}
