import { z } from 'zod';
import { figure } from '../../../message/figures.ts';
import { defineCheck } from '../../contract.ts';
import { grade } from '../../judging.ts';
import type { MemcachedFacts } from '../facts.ts';
import { type Instances, over, prefixTables, serverTable, thin } from './shared.ts';

const Balance = z.strictObject({
  warn: z
    .number()
    .min(1)
    .default(1.3)
    .describe('Times the mean; the fullest of two servers then does two thirds of the work.'),
  critical: z
    .number()
    .min(1)
    .default(1.8)
    .describe('Times the mean; of two servers one is idle, and the other is all that is left of the cache.'),
  clear: z.number().min(1).default(1.2).describe('Times the mean; a little under, so that it does not flap.'),
  connections: z
    .number()
    .min(1)
    .default(1.5)
    .describe('Times the mean of connections; pools of one size give each server about the same.'),
  minimumOperations: z
    .number()
    .min(0)
    .default(10)
    .describe('Reads and writes a second, all servers together; of fewer, a few keys make the difference.'),
  minimumConnections: z
    .number()
    .min(0)
    .default(20)
    .describe('Connections of the fullest server; of fewer, one pool makes the difference.'),
  windowSeconds: z
    .number()
    .min(10)
    .max(600)
    .default(30)
    .describe('Seconds looked back: six rounds, so that a burst of one page says nothing.'),
});

export const balance = defineCheck<MemcachedFacts, z.infer<typeof Balance>>({
  id: 'memcached.balance',
  question: 'Are connections and use balanced across servers?',
  thresholds: Balance,
  needs: ['stats'],
  falseAlarm:
    'Servers of different size that are hashed to by weight do different work by design: raise the limit for the service.',
  judge(input) {
    const { instances, thresholds, target, stack } = input;
    const servers = stack.service(target, 'memcached')?.config.servers.length ?? instances.length;
    if (servers < 2) return [{ level: 'ok', summary: 'One server: nothing to balance.' }];
    if (instances.length < servers)
      return [
        {
          level: 'unknown',
          summary: `Only ${instances.length} of ${servers} servers answered: balance needs all of them.`,
        },
      ];
    const work = instances.map((one) => {
      const rate = (metric: string) => over(input, metric, thresholds.windowSeconds, one.instance);
      const [gets, sets] = [rate('memcached.gets'), rate('memcached.sets')];
      const known = gets !== undefined && sets !== undefined;
      return { name: one.instance, value: known ? gets + sets : undefined };
    });
    if (work.some((one) => one.value === undefined))
      return [thin('Two rounds of every server are needed to compare them.')];
    const uses = work.map(({ name, value }) => ({ name, value: value ?? 0 }));
    const total = uses.reduce((sum, one) => sum + one.value, 0);
    if (total < thresholds.minimumOperations)
      return [thin(`Only ${figure(total, '/s')} reads and writes on all servers.`)];
    const use = skew(uses);
    const connections = skew(
      instances.map((one) => ({ name: one.instance, value: one.value('memcached.connections') ?? 0 })),
    );
    const byUse = grade(use.ratio, thresholds, 'above');
    const lopsided =
      connections.most >= thresholds.minimumConnections && connections.ratio > thresholds.connections;
    const level = byUse.level === 'ok' && lopsided ? 'warn' : byUse.level;
    const held = lopsided
      ? `; ${connections.name} has ${figure(connections.most, 'count')} connections, ${figure(connections.ratio, 'count')} times the mean (limit ${figure(thresholds.connections, 'count')})`
      : '';
    return [
      {
        level,
        cleared: byUse.cleared && !lopsided,
        summary: `${use.name} does ${figure(use.most / total, 'share')} of the work, ${figure(use.ratio, 'count')} times the mean of ${servers} servers (limit ${figure(byUse.threshold, 'count')})${held}.`,
        value: use.ratio,
        unit: 'count',
        threshold: byUse.threshold,
        evidence: [
          serverTable(instances),
          ...(level === 'ok' ? [] : prefixTables(fullest(instances, use.name), 6)),
        ],
        ...(level === 'ok' ? {} : { advice: adviceFor(instances, use.name, byUse.level !== 'ok') }),
      },
    ];
  },
});

function skew(values: readonly { readonly name: string; readonly value: number }[]) {
  const first = [...values].sort((a, b) => b.value - a.value)[0] ?? { name: '', value: 0 };
  const mean = values.reduce((sum, one) => sum + one.value, 0) / Math.max(1, values.length);
  return { name: first.name, most: first.value, ratio: mean > 0 ? first.value / mean : 1 };
}

function fullest(instances: Instances, name: string): Instances {
  return instances.filter((one) => one.instance === name);
}

/** So much of a server's reads is one key that no hash can spread. */
const HOT_SHARE = 0.3;

function adviceFor(instances: Instances, name: string, use: boolean): string {
  const hot = fullest(instances, name)[0]?.facts.fetches?.hot;
  if (use && hot && hot.share >= HOT_SHARE)
    return `One key of "${hot.prefix}" is ${figure(hot.share, 'share')} of the reads there: no hash spreads one key. Keep it in the application for a second, or store it under several names.`;
  return use
    ? 'See that every application host lists the same servers in the same order, and hashes by key (ketama); a host with fewer servers sends everything to those.'
    : 'A pool that is opened for one server only, or connections that are never given back: see who holds them (ss -tn there).';
}
