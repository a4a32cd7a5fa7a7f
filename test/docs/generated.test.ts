import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { COMMANDS } from '../../src/bot/commands/index.ts';
import { TITLES } from '../../src/bot/views/titles.ts';
import { SYSTEMS } from '../../src/checks/index.ts';

it('the pages made from the code are up to date', () => {
  const done = spawnSync('npx', ['tsx', 'docs/generate.ts', '--check'], { encoding: 'utf8' });
  expect(done.stderr).toBe('');
  expect(done.status).toBe(0);
});

it('every check has a title for its thread', () => {
  const ids = SYSTEMS.flatMap((system) => system.checks.map((check) => check.id));
  expect(ids.filter((id) => TITLES[id] === undefined)).toEqual([]);
});

it('names are used once: checks by id, commands by name and short form', () => {
  const ids = SYSTEMS.flatMap((system) => system.checks.map((check) => check.id));
  const names = COMMANDS.flatMap((command) => [command.name, ...command.short]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(names).size).toBe(names.length);
});
