import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ROWS } from '../../prove/checks/rows/index.ts';
import { COMMANDS } from '../../src/bot/commands/index.ts';
import { TITLES } from '../../src/bot/views/titles.ts';
import { SYSTEMS } from '../../src/checks/index.ts';

it('the pages made from the code are up to date', () => {
  const done = spawnSync('npx', ['tsx', 'docs/generate.ts', '--check'], { encoding: 'utf8' });
  expect(done.stderr).toBe('');
  expect(done.status).toBe(0);
});

it('every check has a title for its thread and a row in the proof, and none is left over', () => {
  const ids = SYSTEMS.flatMap((system) => system.checks.map((check) => check.id)).sort();
  expect(Object.keys(TITLES).sort()).toEqual(ids);
  expect(ROWS.map((row) => row.check).sort()).toEqual(ids);
});

it('names are used once: checks by id, commands by name and short form', () => {
  const ids = SYSTEMS.flatMap((system) => system.checks.map((check) => check.id));
  const names = COMMANDS.flatMap((command) => [command.name, ...command.short]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(names).size).toBe(names.length);
});
