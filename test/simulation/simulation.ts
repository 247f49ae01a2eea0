/** Runs one seed: the members, the faults, then quiet, and in the end a clean stop of all. */
import { planOf } from './brokers/plan-brokers';
import { Recovery } from './brokers/recovery';
import { StandingWork } from './brokers/standing';
import { isPoison } from './failing';
import { Instance } from './instance';
import { ownLibrary, type Library } from './library';
import type { Fault, Plan } from './plan';
import { keyOf } from './simulated-broker';
import { World } from './world';

interface Report {
  readonly seed: number;
  readonly plan: Plan;
  readonly events: number;
  readonly handled: number;
  /** Records that were handled although their effect was complete already. */
  readonly repeats: number;
  readonly commits: number;
  readonly virtualMs: number;
  readonly story: readonly string[];
}

export class SimulationError extends Error {
  override readonly name = 'SimulationError';

  constructor(
    readonly seed: number,
    readonly story: readonly string[],
    cause: Error,
  ) {
    super(`seed ${seed}: ${cause.message}`, { cause });
  }
}

type ServerFault = 'broker away' | 'store away' | 'registry away' | 'letters away';
type ProcessFault = Exclude<Fault['kind'], ServerFault>;

const probeEveryMs = 500;
/** Far above the time of anything that is not stuck. */
const patienceMs = 120_000;

export async function simulate(
  seed: number,
  { library = ownLibrary, isTraced = false }: { library?: Library; isTraced?: boolean } = {},
): Promise<Report> {
  const world = new World(planOf(seed), library, isTraced);
  const simulation = new Simulation(world);
  try {
    await simulation.run();
  } catch (error) {
    simulation.describe();
    throw new SimulationError(seed, world.story, error as Error);
  }
  const { checks, time, plan, story } = world;
  const { handled, repeats, commits } = checks;
  return { seed, plan, events: time.ran, handled, repeats, commits, virtualMs: time.nowMs, story };
}

class Simulation {
  readonly #world: World;
  /** The process in each place; a killed one is replaced by a new one. */
  readonly #slots: (Instance | null)[];
  readonly #standing: StandingWork;
  #started = 0;

  constructor(world: World) {
    this.#world = world;
    this.#standing = new StandingWork(world);
    this.#slots = Array.from({ length: world.plan.slots }, () => null);
  }

  async run(): Promise<void> {
    const { plan, time } = this.#world;
    this.#world.begin();
    plan.startsAtMs.forEach((atMs, slot) => time.after(atMs, () => this.#start(slot)));
    for (const fault of plan.faults) time.after(fault.atMs, () => this.#inflict(fault));
    this.#probe();
    let isQuiet = false;
    time.after(plan.quietAtMs + 1, () => {
      isQuiet = true;
      this.#becomeQuiet();
    });
    await this.#until('the last fault is over', () => isQuiet);
    if (plan.brokers) await this.#recover();
    await this.#until('every record is done and committed', () => this.#isAllDone());
    const running = this.#running();
    const isCalm = (): boolean => running.every(({ runtime }) => runtime.state().stalledMs === 0);
    await this.#until('no process reports a stall any more', isCalm);
    let stopped = 0;
    for (const one of running) void one.stop().then(() => (stopped += 1));
    await this.#until('every process has stopped', () => stopped === running.length);
    this.#checkEnd(running);
  }

  /** The state of every process, for the story of a failed seed. */
  describe(): void {
    const { broker, checks } = this.#world;
    for (const { at, end, effects, byOffset } of broker.logs.values()) {
      const committed = JSON.stringify(broker.committed.get(keyOf(at)));
      checks.trace(`${keyOf(at)} ends at ${end}: ${effects.size}/${byOffset.size}, ${committed}`);
    }
    for (const one of this.#running()) {
      checks.trace(`${one.host.name} ${one.host.state} ${JSON.stringify(one.runtime.state())}`);
    }
  }

  async #recover(): Promise<void> {
    const recovery = new Recovery(this.#world);
    const isBack = (): boolean => recovery.isOf(this.#slots);
    await this.#until('every member commits again', isBack, recovery.limitMs);
    recovery.end();
  }

  #until(claim: string, condition: () => boolean, withinMs = patienceMs): Promise<void> {
    const { checks, time } = this.#world;
    return time.until(
      claim,
      () => {
        if (checks.broken) throw checks.broken;
        return condition();
      },
      withinMs,
    );
  }

  #running(): Instance[] {
    return this.#slots.flatMap((one) => (one ? [one] : []));
  }

  #start(slot: number): void {
    if (this.#slots[slot]) return;
    this.#started += 1;
    const name = `process-${slot}.${this.#started}`;
    const instance = new Instance(this.#world, name, (failed) => {
      this.#kill(slot, failed);
      this.#world.time.after(500, () => this.#start(slot));
    });
    this.#slots[slot] = instance;
    instance.start();
  }

  #kill(slot: number, instance: Instance): void {
    instance.host.kill();
    for (const holding of [...instance.holdings.values()]) {
      this.#world.checks.lost(instance, holding.log.at);
    }
    if (this.#slots[slot] === instance) this.#slots[slot] = null;
  }

  #inflict(fault: Fault): void {
    const { broker, store, registry, letterServer, group, time, checks } = this.#world;
    const { kind, slot, forMs } = fault;
    checks.trace(`fault: ${kind} of ${slot} for ${forMs.toFixed(0)} ms`);
    const away = (what: { isDown: boolean }, onBack: () => void = () => undefined): void => {
      what.isDown = true;
      time.after(forMs, () => {
        what.isDown = false;
        onBack();
      });
    };
    if (kind === 'broker away') away(broker, () => group.restart());
    else if (kind === 'store away') away(store);
    else if (kind === 'registry away') away(registry);
    else if (kind === 'letters away') away(letterServer);
    else this.#inflictOn(slot, kind, forMs);
  }

  #inflictOn(slot: number, kind: ProcessFault, forMs: number): void {
    const instance = this.#slots[slot];
    if (!instance || instance.isStopping) return;
    const { time, checks } = this.#world;
    const { host, client } = instance;
    switch (kind) {
      case 'kill':
        if (host.isUp) checks.commitsAreFresh(instance);
        this.#kill(slot, instance);
        time.after(forMs, () => this.#start(slot));
        return;
      case 'stop':
        host.after(0, () => this.#stop(instance, slot, forMs));
        return;
      case 'freeze':
        host.freeze();
        time.after(forMs, () => this.#thaw(instance));
        return;
      case 'cut off':
        host.isCutOff = true;
        time.after(forMs, () => (host.isCutOff = false));
        return;
      case 'client crash':
        host.after(0, () => client.crash());
        return;
      case 'client failure':
        host.after(0, () => client.failForGood());
        return;
    }
  }

  #stop(instance: Instance, slot: number, forMs: number): void {
    if (instance.isStopping) return;
    void instance.stop().then(() => {
      this.#kill(slot, instance);
      this.#world.time.after(forMs, () => this.#start(slot));
    });
  }

  #thaw(instance: Instance): void {
    if (!instance.host.isUp) instance.client.noteTrouble();
    instance.host.thaw();
  }

  /** The checks that apply to a process at any time. */
  #probe(): void {
    const { checks, time } = this.#world;
    time.after(probeEveryMs, () => {
      for (const instance of this.#running()) {
        this.#standing.look(instance);
        if (!instance.host.isUp) continue;
        if (!instance.isStopping) checks.commitsAreFresh(instance);
        checks.memoryIsBounded(instance);
      }
      this.#probe();
    });
  }

  #becomeQuiet(): void {
    this.#world.becomeQuiet();
    for (const instance of this.#running()) {
      instance.host.isCutOff = false;
      this.#thaw(instance);
    }
    this.#slots.forEach((_, slot) => this.#start(slot));
  }

  #isAllDone(): boolean {
    const { broker, plan } = this.#world;
    if (!this.#isSettled()) return false;
    return plan.partitions.every((at) => {
      const log = broker.log(at);
      if (at.topic !== 'state') return this.#committed(at) === log.end;
      const readers = this.#running().flatMap(
        (one) => one.holdings.get(`state/${at.partition}`) ?? [],
      );
      const isEveryMember = plan.topics.some(({ everyMember }) => everyMember);
      return (
        readers.length === (isEveryMember ? plan.slots : 1) &&
        readers.every(({ finished }) => finished.size === log.byOffset.size)
      );
    });
  }

  /** Every process is in the group, and no other. One that is still stopping will be started again. */
  #isSettled(): boolean {
    const { group } = this.#world;
    if (!group.isStable || group.memberIds.length !== this.#slots.length) return false;
    return this.#slots.every(
      (one) => one && !one.isStopping && one.client.isSettled && one.runtime.ready(),
    );
  }

  #committed(at: { readonly topic: string; readonly partition: number }): number {
    return this.#world.broker.committed.get(`${at.topic}/${at.partition}`)?.offset ?? 0;
  }

  #checkEnd(instances: readonly Instance[]): void {
    const { broker, checks, group } = this.#world;
    for (const log of broker.logs.values()) {
      if (log.at.topic !== 'things') continue;
      for (const [offset, { value }] of log.byOffset) {
        const isWhereItBelongs = isPoison(value) ? log.dead.has(offset) : log.effects.has(offset);
        if (!isWhereItBelongs) checks.fail(`${keyOf(log.at)}@${offset} was never done`);
        if (isPoison(value) && log.effects.has(offset)) checks.fail('poison was done');
      }
    }
    if (group.memberIds.some((id) => instances.some(({ client }) => client.memberId === id))) {
      checks.fail('a member that has stopped is still in the group');
    }
    if (checks.broken) throw checks.broken;
  }
}
