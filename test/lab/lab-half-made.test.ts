import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inNetwork } from '../../lab/host.ts';
import { downLab, upLab } from '../../lab/index.ts';
import { makeBridge, makeNamespace, processesIn } from '../../lab/network.ts';
import { HOSTS, type PlannedHost } from '../../lab/plan.ts';
import { daemon, until } from '../../lab/run.ts';
import { claimNumber, releaseNumber } from '../../lab/state.ts';
import { newRoot, sayWhySkipped, withoutLab } from './lab-support.ts';

sayWhySkipped();

describe.skipIf(withoutLab !== undefined)('a lab that is not whole', { timeout: 60_000 }, () => {
  test('is removed when its start was cut short before it could say what it made', async () => {
    const root = newRoot();
    const number = claimNumber(root);
    makeBridge(number);
    const host = HOSTS[0] as PlannedHost;
    makeNamespace(number, host);
    daemon([...inNetwork(number, host.name), 'sleep', '60'], '/dev/null');
    await until('its process', () => processesIn(number, host.name).length > 0);
    expect(await downLab(root)).toBe(true);
    expect(existsSync(root)).toBe(false);
    expect(readdirSync('/run/netns').filter((name) => name.startsWith(`wr${number}-`))).toEqual([]);
    expect(existsSync(`/sys/class/net/wrbr${number}`)).toBe(false);
  });

  test('leaves its number to the next one when who claimed it is gone', () => {
    const state = JSON.stringify(join(import.meta.dirname, '../../lab/state.ts'));
    const script = `const { claimNumber } = await import(${state}); console.log(claimNumber('/no/such/root'));`;
    const claim = () =>
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
        .toString()
        .trim();
    // Between the two, a lab of another test may come or go.
    const pairs = Array.from({ length: 4 }, () => [claim(), claim()] as const);
    releaseNumber(Number(pairs.at(-1)?.[1]));
    expect(pairs.some(([first, second]) => first === second)).toBe(true);
  });

  test('never takes a folder that holds something else', async () => {
    const root = newRoot();
    mkdirSync(join(root, 'precious'));
    writeFileSync(join(root, 'precious', 'file'), '');
    await expect(upLab({ root, only: ['web'] })).rejects.toThrow('is not empty');
    expect(await downLab(root)).toBe(false);
    expect(existsSync(join(root, 'precious', 'file'))).toBe(true);
    rmSync(root, { recursive: true });
  });
});
