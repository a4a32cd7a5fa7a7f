import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck, type Evidence, type Verdict } from '../../contract.ts';
import type { PostgresFacts, Replication, SlotRow, StandbyRow } from '../facts.ts';
import { type Input, isPrimary, type View } from './shared.ts';

const Limits = z.object({
  warn: z.number().positive().default(10).describe('Seconds behind; stock alerts begin at 10 s.'),
  critical: z.number().positive().default(30).describe('Seconds behind; stock alerts call 30 s critical.'),
  clear: z.number().positive().default(5).describe('Seconds behind; where stock alerts end.'),
  warnBytes: z
    .number()
    .positive()
    .default(64 * 1024 * 1024)
    .describe('Bytes of log behind: four of its files; the seconds stand still while replay does.'),
  criticalBytes: z
    .number()
    .positive()
    .default(1024 * 1024 * 1024)
    .describe('Bytes of log behind; a GiB takes minutes to replay.'),
  slotBytes: z
    .number()
    .positive()
    .default(1024 * 1024 * 1024)
    .describe('Bytes of log that a slot keeps; the disk of the primary fills with them.'),
});
type Limits = z.infer<typeof Limits>;

export const replication = defineCheck<PostgresFacts, Limits>({
  id: 'postgres.replication',
  question: 'Do replicas keep up?',
  thresholds: Limits,
  needs: ['replication'],
  falseAlarm: 'A replica that is delayed on purpose (recovery_min_apply_delay), or paused for a backup.',
  judge(input) {
    const primary = input.instances.find((one) => isPrimary(input, one.instance));
    const standbys = primary?.facts.replication?.standbys ?? [];
    return input.instances.map((view) =>
      view === primary
        ? primaryVerdict(view, input.thresholds)
        : { ...replicaVerdict(input, view, primary, standbys), subject: view.instance },
    );
  },
});

function replicaVerdict(
  { stack, thresholds }: Input<Limits>,
  view: View,
  primary: View | undefined,
  standbys: readonly StandbyRow[],
): Verdict {
  const here = view.facts.replication;
  const receiver = here?.receiver;
  if (!receiver) return { level: 'unknown', cleared: false, summary: 'It told nothing of its replication.' };
  const evidence = [receiverTable(view.instance, here), standbyTable(standbys)];
  if (!receiver.streaming)
    return {
      level: 'critical',
      certain: true,
      summary: `Replica ${view.instance} is not streaming: it gets nothing from ${receiver.sender || 'the primary'}${receiver.lagSeconds === null ? '' : `, its newest transaction is ${figure(receiver.lagSeconds, 's')} old`}.`,
      ...(receiver.lagSeconds === null ? {} : { value: receiver.lagSeconds, unit: 's' as const }),
      threshold: thresholds.critical,
      evidence,
      advice:
        'Its log says why: the network, a password, or a log segment that the primary no longer has (then pg_basebackup again).',
    };
  // The primary knows what it has not received yet; the replica alone would call itself up to date.
  const standby = standbyOf(standbys, view.instance, stack.hosts.get(view.instance)?.address);
  const written = primary?.facts.replication?.position;
  const behind = written === undefined ? 0 : Math.max(0, written - here.position);
  const bytes = standby ? standby.lagBytes : Math.max(receiver.lagBytes, behind);
  const seconds = bytes === 0 ? 0 : Math.max(receiver.lagSeconds ?? 0, standby?.lagSeconds ?? 0);
  const level =
    seconds > thresholds.critical || bytes > thresholds.criticalBytes
      ? 'critical'
      : seconds > thresholds.warn || bytes > thresholds.warnBytes
        ? 'warn'
        : 'ok';
  return {
    level,
    cleared: seconds <= thresholds.clear && bytes <= thresholds.warnBytes / 2,
    summary: `Replica ${view.instance} is ${figure(seconds, 's')} and ${figure(bytes, 'B')} behind (limit ${figure(thresholds.warn, 's')} or ${figure(thresholds.warnBytes, 'B')})${receiver.paused ? '; its replay is paused' : ''}.`,
    value: seconds,
    unit: 's',
    threshold: level === 'critical' ? thresholds.critical : thresholds.warn,
    evidence,
    ...(level === 'ok'
      ? {}
      : {
          advice: receiver.paused
            ? `On ${view.instance}: SELECT pg_wal_replay_resume();`
            : 'See whether a long query on it holds replay up (postgres activity), and whether its disk or CPU is full. Send it no reads until it caught up.',
        }),
  };
}

function primaryVerdict(view: View, thresholds: Limits): Verdict {
  const here = view.facts.replication;
  const slots = here?.slots ?? [];
  const kept = (slot: SlotRow) => slot.keptBytes > thresholds.slotBytes;
  const lost = slots.filter((slot) => slot.status === 'lost' || slot.status === 'unreserved');
  const bad = slots.filter((slot) => kept(slot) || lost.includes(slot));
  const worst = [...bad].sort((a, b) => b.keptBytes - a.keptBytes)[0];
  const evidence = [standbyTable(here?.standbys ?? []), slotTable(slots)];
  const most = Math.max(0, ...slots.map((slot) => slot.keptBytes));
  if (!worst)
    return {
      level: 'ok',
      summary: `${here?.standbys.length ?? 0} standbys stream; slots keep ${figure(most, 'B')} of log at most (limit ${figure(thresholds.slotBytes, 'B')}).`,
      value: most,
      unit: 'B',
      threshold: thresholds.slotBytes,
      evidence,
    };
  return {
    level: lost.length > 0 ? 'critical' : 'warn',
    cleared: false,
    summary: `Slot ${worst.name} keeps ${figure(worst.keptBytes, 'B')} of log on the primary (limit ${figure(thresholds.slotBytes, 'B')})${worst.active ? '' : ', and nobody reads it'}${worst.status === 'lost' ? '; what it needs is gone' : ''}.`,
    value: worst.keptBytes,
    unit: 'B',
    threshold: thresholds.slotBytes,
    evidence,
    advice: worst.active
      ? 'Its reader is slow: see that replica.'
      : `If nobody will come back for it: SELECT pg_drop_replication_slot('${worst.name}'); otherwise start its replica before the disk is full.`,
  };
}

function standbyOf(
  rows: readonly StandbyRow[],
  name: string,
  address: string | undefined,
): StandbyRow | undefined {
  return (
    rows.find((row) => row.application === name) ??
    rows.find((row) => address !== undefined && row.address === address)
  );
}

function receiverTable(instance: string, { receiver }: Replication): Evidence {
  return {
    kind: 'table',
    title: `Replica ${instance}`,
    columns: [
      { name: 'streaming' },
      { name: 'paused' },
      { name: 'not replayed', unit: 'B' },
      { name: 'behind', unit: 's' },
      { name: 'from' },
    ],
    rows: receiver
      ? [
          [
            receiver.streaming ? 'yes' : 'no',
            receiver.paused ? 'yes' : 'no',
            receiver.lagBytes,
            receiver.lagSeconds,
            receiver.sender,
          ],
        ]
      : [],
  };
}

export function standbyTable(rows: readonly StandbyRow[]): Evidence {
  return {
    kind: 'table',
    title: 'Standbys that stream from the primary',
    columns: [
      { name: 'name' },
      { name: 'address' },
      { name: 'state' },
      { name: 'sync' },
      { name: 'behind', unit: 'B' },
      { name: 'behind', unit: 's' },
    ],
    rows: rows
      .slice(0, 10)
      .map((row) => [
        row.application,
        row.address ?? 'local',
        row.state,
        row.sync,
        row.lagBytes,
        row.lagSeconds,
      ]),
  };
}

export function slotTable(rows: readonly SlotRow[]): Evidence {
  return {
    kind: 'table',
    title: 'Slots',
    columns: [
      { name: 'slot' },
      { name: 'kind' },
      { name: 'in use' },
      { name: 'keeps', unit: 'B' },
      { name: 'status' },
    ],
    rows: rows
      .slice(0, 10)
      .map((row) => [row.name, row.kind, row.active ? 'yes' : 'no', row.keptBytes, row.status]),
  };
}
