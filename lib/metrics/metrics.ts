/** The metrics of one process: those of definitions.ts, and those that @prometheus-io/client collects about Node. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import {
  helpOf,
  metricDefinitions,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricDefinition,
} from './definitions';

interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter<string>>();
  readonly #gauges = new Map<string, Gauge<string>>();
  readonly #histograms = new Map<string, Histogram<string>>();
  readonly #beforeRead: (() => void)[] = [];

  /** @param process becomes the label `process` of every series. */
  constructor(process: string) {
    this.#registry.setDefaultLabels({ process });
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, definition] of Object.entries<MetricDefinition>(metricDefinitions)) {
      this.#define(name, definition);
    }
  }

  /** @param by anything but a finite number above 0 counts as 0: counting never stops the work. */
  add<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#counters.get(name)?.inc(labels, Number.isFinite(by) && by > 0 ? by : 0);
  }

  set<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, value: number): void {
    if (Number.isFinite(value)) this.#histograms.get(name)?.observe(labels, value);
  }

  /** Removes all series of that gauge: a series that is not set again disappears. */
  clear(name: GaugeName): void {
    this.#gauges.get(name)?.reset();
  }

  /** For gauges that are only worth computing at a scrape. */
  beforeRead(update: () => void): void {
    this.#beforeRead.push(update);
  }

  /** In the text format of Prometheus. */
  async read(): Promise<Exposition> {
    for (const update of this.#beforeRead) update();
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #define(name: string, definition: MetricDefinition): void {
    const shape = {
      name,
      help: helpOf(definition),
      labelNames: [...definition.labels],
      registers: [this.#registry],
    };
    if (definition.type === 'counter') this.#counters.set(name, new Counter(shape));
    else if (definition.type === 'gauge') this.#gauges.set(name, new Gauge(shape));
    else {
      const buckets = [...(definition.buckets ?? [])];
      this.#histograms.set(name, new Histogram({ ...shape, buckets }));
    }
  }
}
