import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { Channel } from './bot/channel.ts';
import { WarroomChatDesk } from './bot/chat/chat-desk.ts';
import type { ChatContext, ChatPlatform } from './bot/chat/contract.ts';
import { type ContextOf, openPlatforms } from './bot/chat/platforms.ts';
import { startConsole } from './bot/console/server.ts';
import { Delivery } from './bot/deliver.ts';
import { WarroomDesk } from './bot/desk/desk.ts';
import { LiveLooks } from './bot/desk/live-looks.ts';
import { Marks } from './bot/desk/marks.ts';
import { Presence } from './bot/desk/presence.ts';
import { SetUp } from './bot/desk/set-up.ts';
import { Silences } from './bot/desk/silences.ts';
import { visitorsOf } from './bot/desk/status-json.ts';
import { Escalator } from './bot/escalator.ts';
import { startHeartbeat } from './bot/heartbeat.ts';
import { Metrics } from './bot/metrics.ts';
import { serveTerminal, socketPath } from './bot/terminal/socket.ts';
import { proposalPostId, Threads } from './bot/threads.ts';
import { setUpMessage } from './bot/views/status.ts';
import { SYSTEMS } from './checks/index.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Config, SecretSource } from './config/schema.ts';
import { about, CAUSES, diagnose } from './diagnosis/index.ts';
import { reason } from './errors/catalogue.ts';
import { HealthBoard } from './health/health.ts';
import { History } from './history/history.ts';
import { IncidentBook } from './incidents/book.ts';
import { IncidentKeeper } from './incidents/keeper.ts';
import { lasted } from './message/figures.ts';
import { GiveBack } from './remediations/give-back.ts';
import { Guard } from './remediations/guard.ts';
import { REMEDIATIONS, STEP_TYPES } from './remediations/index.ts';
import { Wishes } from './remediations/wishes.ts';
import { Archive } from './schedule/archive.ts';
import { prober } from './schedule/prober.ts';
import { startRounds } from './schedule/rounds.ts';
import { type Batch, Watcher } from './schedule/watcher.ts';
import { takeLease } from './store/lease.ts';
import { openStore, storePath } from './store/store.ts';
import { openTargets } from './targets/targets.ts';

export interface AppOptions {
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly version: string;
  readonly localApprover: boolean;
  readonly webRoot: string;
  /** Chat platforms beside the console; by default those of the config. */
  readonly platforms?: (contextOf: ContextOf) => readonly ChatPlatform[];
  /** Rereads the config for `reload`; throws with all its problems and changes nothing then. */
  readonly reread?: () => LoadedConfig;
  /** The lease was lost or a part cannot go on: the process should end. */
  readonly onFatal: (problem: string) => void;
}

export interface App {
  readonly address: string;
  readonly desk: WarroomDesk;
  link(name: string): Promise<string>;
  reload(): Promise<string>;
  /** Findings that no round judged: a rehearsal plays them. */
  take(batch: Batch): void;
  stop(): Promise<void>;
}

/** Nothing is notified before all cheap collectors measured twice or failed, and no later than this. */
const WARM_UP_MS = 15_000;
const TICK_SECONDS = 5;
const STOP_MS = 5_000;
/** Work waits so long for the buttons to go; a platform that is away must not hold up a fix. */
const BUTTONS_GO_MS = 1_500;
/** Without a round for so long, the heartbeat is not sent. */
const ALIVE_MS = 60_000;

/** The composition root: one straight function, because the order in which parts come to be is the point of it. */
export async function startApp(options: AppOptions): Promise<App> {
  const { log, loaded } = options;
  const { stack } = loaded;
  let config: Config = loaded.config;
  const now = Date.now;
  const stops: { readonly name: string; readonly fn: () => Promise<void> | void }[] = [];
  const onStop = (name: string, fn: () => Promise<void> | void) => stops.push({ name, fn });
  const started = now();

  const path = storePath(config.store);
  const store = openStore(path);
  onStop('store', () => store.close());
  const health = new HealthBoard(now);
  const lease = await takeLease(
    store,
    () => options.onFatal('another Warroom took over this store'),
    (what) =>
      health.report({ part: 'store:lease', state: what === undefined ? 'ok' : 'down', what: what ?? '' }),
  );
  onStop('lease', () => lease.release());

  health.report({ part: 'store', state: 'ok', what: 'open' });
  const targets = openTargets(stack, loaded.secret, (target) => {
    health.report({
      part: `host:${target.host}`,
      state: target.state === 'unreachable' ? 'down' : 'ok',
      what: target.problem ?? '',
    });
  });
  onStop('targets', () => targets.close());

  const history = new History(now);
  const archive = new Archive(store, history, now);
  await archive.restore();
  const watcher = new Watcher({
    systems: SYSTEMS,
    stack,
    config: () => config,
    targets,
    history,
    health,
    log,
    now,
  });
  const silences = new Silences(store, now);
  await silences.load();
  const setUp = new SetUp(watcher, health);
  const looks = new LiveLooks(targets, now);
  const marks = new Marks(store, now);
  await marks.load();
  const presence = new Presence(now);

  const book = new IncidentBook({ stack, silenced: (finding) => silences.covers(finding), nextId: 1 });
  const deliveries: Delivery[] = [];
  let platforms: readonly ChatPlatform[] = [];
  const wake = () => {
    for (const delivery of deliveries) delivery.wake();
  };
  const threads: Threads = new Threads({
    store,
    book,
    proposals: (incident, tx) => guard.read(incident, tx),
    visitors: () => visitorsOf(stack, history, config),
    platforms: () => platforms.map(({ port }) => port.platform),
    now,
    onPost: (incident) => {
      wake();
      // After the transaction that this is called in has ended.
      setImmediate(() => (incident === null ? desk.tellNotes() : desk.tellIncident(incident)));
    },
  });
  const guard: Guard = new Guard({
    store,
    targets,
    stack,
    config: () => config,
    seen: watcher,
    now,
    log,
    health,
    publish: threads.publish,
    shown: async (id) => {
      await Promise.all(deliveries.map((delivery) => delivery.shown(proposalPostId(id), BUTTONS_GO_MS)));
    },
    onChange: (id) => {
      const incident = guard.proposal(id)?.incident;
      if (incident === undefined) return;
      const busy = guard
        .proposals(Number(incident))
        .some((proposal) => ['approved', 'running', 'settling'].includes(proposal.state));
      keeper.take(book.mitigating(Number(incident), busy, now()));
      desk.tellIncident(Number(incident));
    },
    onTargetChange: (change) => watcher.noteChange(change),
    remediations: REMEDIATIONS,
    stepTypes: STEP_TYPES,
  });
  const wishes = new Wishes(guard, log, now);
  const giveBack = new GiveBack(guard, log);
  const ask = prober(watcher, targets);
  const keeper: IncidentKeeper = new IncidentKeeper({
    book,
    store,
    health,
    log,
    now,
    publish: threads.publish,
    diagnose: async (incident) => {
      const causes = await diagnose(CAUSES, { seen: watcher, stack, at: now() }, ask, log);
      return about(causes, Object.keys(incident.parts));
    },
    onEvent: (event) => {
      const incident = book.get(event.incident);
      if (!incident) return;
      if (event.kind === 'cause' || event.kind === 'changed') void wishes.propose(incident);
      if (event.kind === 'resolved') giveBack.resolved(incident.id);
    },
  });
  const desk: WarroomDesk = new WarroomDesk({
    config: () => config,
    stack,
    systems: SYSTEMS,
    watcher,
    history,
    book,
    keeper,
    threads,
    guard,
    silences,
    setUp,
    looks,
    marks,
    presence,
    store,
    log,
    now,
  });

  await keeper.load();
  await guard.load();
  await threads.load();
  onStop('incidents', () => keeper.stop());
  onStop('guard', () => guard.stop());
  onStop('give back', () => giveBack.stop());

  const chatDesk = new WarroomChatDesk(desk, REMEDIATIONS);
  const contextOf = (platform: string): ChatContext => ({
    desk: chatDesk,
    config: () => config,
    log: log.child({ platform }),
    health: (part) => (state, what, mend) =>
      health.report({
        part: `chat:${platform}/${part}`,
        ...{ state, what },
        ...(mend === undefined ? {} : { mend }),
      }),
    now,
  });
  platforms = options.platforms?.(contextOf) ?? (await openPlatforms(loaded, contextOf));
  for (const { port } of platforms) {
    const delivery = new Delivery({ store, port, health, log, now });
    deliveries.push(delivery);
    await delivery.start();
    onStop(`delivery ${port.platform}`, () => delivery.stop());
  }
  const channel = new Channel({
    ...{ store, threads, desk, guard, log, now, started, wake },
    config: () => config,
    ports: () => platforms.map(({ port }) => port),
    lastAlive: lease.lastAlive,
  });
  channel.remember();
  const escalator = new Escalator({
    ...{ store, health, log, now },
    config: () => config,
    incidents: () => desk.incidents('open'),
    publish: threads.publish,
    webhook: (step) => loaded.secret(config.escalate[step]?.webhook as SecretSource),
  });
  await escalator.load();
  onStop('escalation', () => escalator.stop());

  const console = await startConsole({
    desk,
    config: () => config,
    store,
    webRoot: options.webRoot,
    log,
    version: options.version,
    metrics: new Metrics({
      readings: () => watcher.readings(),
      findings: () => watcher.findings(),
      openIncidents: () => desk.incidents('open').length,
    }),
    secretOf: (source) => loaded.secret(source),
  });
  onStop('console', () => console.close());
  const link = (name: string) => console.link(name, { localApprover: options.localApprover });
  const reload = async () => {
    if (!options.reread) return 'Started without a config file: there is nothing to read again.';
    const next = options.reread();
    const difference = changedKeys(config, next.config);
    const restart = difference.filter((key) =>
      ['hosts', 'services', 'ssh', 'act', 'store', 'chat'].includes(key),
    );
    if (restart.length > 0)
      return `Not taken: ${restart.join(', ')} changed, which needs a restart. Nothing was changed.`;
    config = next.config;
    const said =
      difference.length > 0
        ? `The config was read again; changed: ${difference.join(', ')}.`
        : 'The config was read again; nothing changed.';
    await threads.note(`reload-${now()}`, {
      blocks: [{ kind: 'text', text: [{ kind: 'foreign', text: said }] }],
    });
    return said;
  };
  const terminal = await serveTerminal(socketPath(dirname(path)), async (request) => {
    if (request.op === 'link') return link(request.name);
    if (request.op === 'reload') return reload();
    if (request.op === 'launch') {
      const user = userInfo().username;
      return desk.launch(request.text, {
        platform: 'terminal',
        id: user,
        display: user,
        kind: 'member',
        localApprover: options.localApprover,
      });
    }
    throw new RangeError('The bot does not know that request: are both of one version?');
  });
  onStop('terminal', () => terminal.close());

  for (const platform of platforms) {
    onStop(`chat ${platform.port.platform}`, () => platform.stop());
    // Connecting may take for ever: it goes on beside, and says to the health board how it is.
    platform.start().catch((thrown: unknown) => log.error({ err: thrown }, 'a chat platform did not start'));
  }

  let notifying = false;
  let lastBatch = now();
  const heartbeat = startHeartbeat({
    address: () => (config.heartbeat ? loaded.secret(config.heartbeat) : undefined),
    alive: () => now() - lastBatch < ALIVE_MS,
    health,
  });
  onStop('heartbeat', () => heartbeat.stop());
  const take = (batch: Batch) => {
    archive.note(batch.at, batch.findings);
    if (notifying) keeper.take(book.take(batch));
  };
  watcher.onBatch((batch) => {
    lastBatch = batch.at;
    take(batch);
  });
  let ticks = 0;
  let setUpShown = '';
  const afterTick = () => {
    ticks += 1;
    if (!notifying && (watcher.warmedUp() || now() - started > WARM_UP_MS)) {
      notifying = true;
      guard
        .start()
        .catch((thrown: unknown) =>
          log.error({ err: thrown }, 'runs of an earlier process could not be taken up'),
        );
      channel
        .open()
        .catch((thrown: unknown) => log.error({ err: thrown }, 'the channel could not be greeted'));
    }
    const visitors = visitorsOf(stack, history, config);
    if (visitors)
      book.countVisitors({
        failed: (visitors.errorShare ?? 0) * visitors.requests * TICK_SECONDS,
        requests: visitors.requests * TICK_SECONDS,
        p95: visitors.p95,
      });
    keeper.rediagnose();
    desk.tellStatus();
    channel.tick();
    escalator.tick();
    const items = setUp.items();
    const shown = JSON.stringify(items);
    if (items.length > 0 && shown !== setUpShown) {
      setUpShown = shown;
      threads.note('set-up', setUpMessage(items)).catch((thrown: unknown) => {
        // Shown once it can be stored.
        setUpShown = '';
        log.warn({ err: thrown }, 'the set-up card could not be stored');
      });
    }
    if (ticks % 12 === 0) {
      archive.write().then(
        () => health.report({ part: 'store', state: 'ok', what: 'writes' }),
        (thrown: unknown) => health.report({ part: 'store', state: 'down', what: reason(thrown) }),
      );
    }
  };
  const onClockSet = (byMs: number) => {
    log.warn({ byMs }, 'the clock of this machine was set');
    health.clockSet(byMs);
    health.forget('clock:warroom');
    health.report({
      part: 'clock:warroom',
      state: 'degraded',
      what: `by ${lasted(Math.abs(byMs))}, ${byMs > 0 ? 'forward' : 'back'}`,
    });
    for (const delivery of deliveries)
      delivery
        .clockSet()
        .catch((thrown: unknown) => log.warn({ err: thrown }, 'what waits could not be hastened'));
  };
  const rounds = startRounds(watcher, {
    afterTick,
    onError: (thrown) => log.error({ err: thrown }, 'a round failed'),
    onClockSet,
  });
  onStop('rounds', () => rounds.stop());

  return {
    address: console.address,
    desk,
    link,
    reload,
    take,
    stop: async () => {
      for (const { name, fn } of [...stops].reverse()) {
        await Promise.race([
          Promise.resolve(fn()),
          new Promise((done) => setTimeout(done, STOP_MS).unref()),
        ]).catch((thrown: unknown) => log.error({ err: thrown, part: name }, 'a part did not stop'));
      }
    },
  };
}

function changedKeys(before: Config, after: Config): string[] {
  return (Object.keys(after) as (keyof Config)[]).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
}
