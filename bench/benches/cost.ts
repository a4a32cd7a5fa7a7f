import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds } from '../../lab/cgroup.ts';
import type { Lab } from '../../lab/index.ts';
import { namespace } from '../../lab/plan.ts';
import { type Act, eventually, type Proof, pause } from '../../prove/proof.ts';
import { contextAt } from '../../src/checks/context.ts';
import type { CollectContext, Collector, Place, System, Timed } from '../../src/checks/contract.ts';
import { SYSTEMS } from '../../src/checks/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Stack } from '../../src/config/stack.ts';
import { placesOf } from '../../src/schedule/places.ts';
import type { Targets } from '../../src/targets/contract.ts';
import { openTargets } from '../../src/targets/targets.ts';
import { counting, type Traffic } from '../counting.ts';
import { labFor } from '../lab.ts';
import { budget, median } from '../peer.ts';
import { type Statements, slowestStatement, strongestLock } from '../statements.ts';

const ROUNDS = 12;
const IDLE_MS = 3000;
const MOST_STATEMENT_MS = 5;
const PAGE = 'docs/cost.md';

interface Row {
  readonly collector: string;
  readonly every: number;
  readonly ms: number;
  readonly calls: number;
  readonly bytes: number;
  readonly statements: number | undefined;
  readonly cpuMs: number | undefined;
}

/** What each collector costs the server that it watches, measured on the lab and written to docs/cost.md. */
export const cost: Proof = {
  name: 'cost',
  shows:
    'what each collector costs the watched server: statements, ms, bytes, CPU; no lock, no statement over 5 ms',
  seconds: 470,
  run: async (act) => {
    const lab = await labFor(act);
    await lab.traffic(40, 600);
    await eventually('visitors', () => ((lab.report()?.total ?? 0) > 100 ? true : undefined), 30_000);
    const { stack, secret } = loadConfig(join(lab.root, 'warroom.yaml'));
    const targets = openTargets(stack, secret);
    act.after(() => targets.close());
    const rows: Row[] = [];
    for (const system of SYSTEMS)
      for (const place of dearestPlaces(system, stack)) {
        // One for all of its collectors: they share the clients, whose streams were counted when they were opened.
        const traffic: Traffic = { calls: 0, bytesIn: 0, bytesOut: 0 };
        for (const collector of system.collectors)
          rows.push(await costOf(lab, targets, place, collector, traffic));
      }
    const statements = [await slowestStatement(lab, 'postgres'), await slowestStatement(lab, 'mysql')];
    const locks = [
      await strongestLock(stack, targets, 'postgres'),
      await strongestLock(stack, targets, 'mysql'),
    ];
    writeFileSync(PAGE, page(rows, statements, locks));
    for (const row of rows) act.say(lineOf(row));
    judge(act, statements, locks);
    act.figure('collectors', rows.length);
    act.figure('page', PAGE);
  },
};

function judge(
  act: Act,
  statements: readonly Statements[],
  locks: readonly { readonly server: string; readonly lock: string; readonly harmless: boolean }[],
): void {
  for (const { server, count, slowest, ms } of statements) {
    budget(
      act,
      `no statistics statement of ${server} over ${MOST_STATEMENT_MS} ms`,
      count > 0 && ms <= MOST_STATEMENT_MS,
      `${count} statements, the slowest ${ms.toFixed(2)} ms on average: ${slowest.slice(0, 90)}`,
      { because: 'the lab gives this server less than half a core', mend: 'asking it less often' },
    );
    act.figure(`slowest on ${server}`, `${ms.toFixed(2)} ms`);
  }
  for (const { server, lock, harmless } of locks)
    act.check(`statistics of ${server} take no lock that others wait for`, harmless, lock);
}

/** One place of each role: what it costs there, it costs on all. */
function dearestPlaces(system: System, stack: Stack): Place[] {
  const seen = new Set<string>();
  return placesOf(system, stack, new Map()).filter((place) => {
    const kind = system.watches === 'host' ? 'host' : `${place.target} ${place.server?.role ?? ''}`;
    if (seen.has(kind)) return false;
    seen.add(kind);
    return true;
  });
}

async function costOf(
  lab: Lab,
  targets: Targets,
  place: Place,
  collector: Collector<unknown, object>,
  traffic: Traffic,
): Promise<Row> {
  const context = (): CollectContext => {
    const plain = contextAt(place, targets, AbortSignal.timeout(10_000));
    const target = counting(plain.target, traffic);
    return {
      ...plain,
      target,
      link: (kind, source, work) =>
        targets.links.use(kind, { via: target, source, signal: plain.signal }, work),
    };
  };
  let previous: Timed<unknown> | undefined;
  const once = async () => {
    const snapshot = await collector.collect(context(), previous);
    previous = { at: Date.now(), snapshot };
  };
  await once();
  await once();
  const group = place.host && lab.state.capped ? namespace(lab.state.number, place.host.name) : undefined;
  const idle = group ? await idleCpu(group) : undefined;
  Object.assign(traffic, { calls: 0, bytesIn: 0, bytesOut: 0 });
  const times: number[] = [];
  const statementsBefore = await statementsOf(lab, place);
  const cpuBefore = group ? cpuSeconds(group) : undefined;
  const started = Date.now();
  for (let i = 0; i < ROUNDS; i++) {
    const at = performance.now();
    await once();
    times.push(performance.now() - at);
  }
  const seconds = (Date.now() - started) / 1000;
  const used = group ? (cpuSeconds(group) ?? 0) - (cpuBefore ?? 0) - (idle ?? 0) * seconds : undefined;
  const statementsAfter = await statementsOf(lab, place);
  return {
    collector: `${place.system}.${collector.id}${place.server?.role === 'replica' ? ' (replica)' : ''}`,
    every: collector.everySeconds,
    ms: median(times),
    calls: traffic.calls / ROUNDS,
    bytes: (traffic.bytesIn + traffic.bytesOut) / ROUNDS,
    statements:
      statementsBefore === undefined || statementsAfter === undefined
        ? undefined
        : (statementsAfter - statementsBefore) / ROUNDS,
    cpuMs: used === undefined ? undefined : (Math.max(0, used) / ROUNDS) * 1000,
  };
}

/** CPU seconds a second that the host uses without us: its visitors, its own work. */
async function idleCpu(group: string): Promise<number> {
  const before = cpuSeconds(group) ?? 0;
  await pause(IDLE_MS);
  return ((cpuSeconds(group) ?? 0) - before) / (IDLE_MS / 1000);
}

/** Statements of our own role since the start, where the server counts them. */
async function statementsOf(lab: Lab, place: Place): Promise<number | undefined> {
  const host = place.host?.name ?? '';
  if (place.system === 'postgres')
    return Number(
      await lab.psql(
        host,
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE userid = 'warroom'::regrole",
      ),
    );
  if (place.system === 'mysql')
    return Number(
      await lab.mariadb(
        host,
        "SELECT COALESCE(SUM(COUNT_STAR), 0) FROM performance_schema.events_statements_summary_by_account_by_event_name WHERE USER = 'warroom'",
      ),
    );
  return undefined;
}

function lineOf(row: Row): string {
  const cpu = row.cpuMs === undefined ? '' : `, ${row.cpuMs.toFixed(1)} ms CPU`;
  const statements = row.statements === undefined ? '' : `, ${row.statements.toFixed(1)} statements`;
  return `${row.collector.padEnd(28)} ${row.ms.toFixed(1)} ms, ${row.calls.toFixed(1)} calls, ${(row.bytes / 1024).toFixed(1)} KiB${statements}${cpu}, every ${row.every} s`;
}

function page(
  rows: readonly Row[],
  statements: readonly Statements[],
  locks: readonly { readonly server: string; readonly lock: string }[],
): string {
  return [
    '# What watching costs',
    '',
    '<!-- Written by `npm run bench -- cost`. -->',
    '',
    'One round of each collector on the rehearsal lab, whose hosts have a fifth to half a core each. "took" is seen from Warroom, over SSH; "CPU" is what the watched host spent, its end of the connection included, with its visitors taken off; a share of a core is that spread over the interval.',
    '',
    '| collector | every | took | calls | bytes | statements | CPU | of a core |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ collector, every, ms, calls, bytes, statements: asked, cpuMs }) =>
        `| ${collector} | ${every} s | ${ms.toFixed(1)} ms | ${calls.toFixed(1)} | ${Math.round(bytes)} | ${asked === undefined ? '–' : asked.toFixed(1)} | ${cpuMs === undefined ? '–' : `${cpuMs.toFixed(1)} ms`} | ${cpuMs === undefined ? '–' : `${((cpuMs / 1000 / every) * 100).toFixed(2)} %`} |`,
    ),
    '',
    '| server | statements of ours | the slowest, on average | strongest lock held |',
    '| --- | --- | --- | --- |',
    ...statements.map(
      ({ server, count, slowest, ms }) =>
        `| ${server} | ${count} | ${ms.toFixed(2)} ms: \`${slowest.replace(/[|`\s]+/g, ' ').slice(0, 120)}\` | ${locks.find((one) => one.server === server)?.lock ?? '–'} |`,
    ),
    '',
  ].join('\n');
}
