import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SENTENCES, sentence, WarroomError } from '../../src/errors/catalogue.ts';

const page = readFileSync('docs/errors.md', 'utf8');
const sections = new Map(
  page
    .split('\n## ')
    .slice(1)
    .map((section) => [section.split('\n')[0] ?? '', section] as const),
);

it('docs/errors.md has every code and nothing else, in the order of the catalogue', () => {
  expect([...sections.keys()]).toEqual(Object.keys(SENTENCES));
});

it.each(Object.entries(SENTENCES))(
  '%s is quoted word for word, with something to do below it',
  (code, text) => {
    const section = sections.get(code) ?? '';
    expect(section).toContain(`> ${text}\n`);
    expect(section.split(`> ${text}`)[1]?.trim().length).toBeGreaterThan(10);
  },
);

it('every code is used', () => {
  const sources = (readdirSync('src', { recursive: true }) as string[])
    .filter((file) => file.endsWith('.ts') && !file.startsWith('errors'))
    .map((file) => readFileSync(join('src', file), 'utf8'))
    .join('\n');
  expect(Object.keys(SENTENCES).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
});

it('fills its slots and keeps the cause', () => {
  expect(sentence('NOT_FOUND', { kind: 'incident', id: 12, hint: '' })).toBe('There is no incident 12.');
  const behind = new Error('x');
  expect(
    new WarroomError('UNKNOWN_COMMAND', { command: 'stauts', hint: 'Did you mean status?' }, behind),
  ).toMatchObject({ message: 'There is no command "stauts". Did you mean status?', cause: behind });
});
