import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandDesk } from '../../src/bot/commands/contract.ts';
import { complete, parse, split } from '../../src/bot/commands/grammar.ts';
import { COMMANDS } from '../../src/bot/commands/index.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';

const stack = new Stack(Config.parse({ hosts: { web1: { local: true } } }));
/** Only what the grammar itself asks: names that may stand somewhere. */
const desk = {
  stack,
  systems: [],
  seen: { findings: () => [] },
  incidents: () => [],
  remediations: () => [{ id: 'cache-rule', summary: '', risk: 'low' }],
} as unknown as CommandDesk;
const said = (text: string) => {
  const parsed = parse(text, COMMANDS, desk);
  if ('problem' in parsed)
    return parsed.problem === 'unknown'
      ? `unknown, nearest ${parsed.nearest}`
      : `${parsed.command.name}: ${parsed.what}`;
  return [
    parsed.command.name,
    ...Object.values(parsed.input.args).filter(Boolean),
    ...parsed.input.flags,
  ].join(' | ');
};

describe('the one grammar', () => {
  it.each([
    ['status', 'status'],
    ['/launch status', 'status'],
    ['  LAUNCH  Status', 'status'],
    ['st', 'status'],
    ['', 'help'],
    ['mark "v2 out" now', 'mark | v2 out now'],
    [
      'fix cache-rule service=edge form=ttl --dry-run',
      'fix | cache-rule | service=edge form=ttl | --dry-run',
    ],
    ['silence all 15m load test', 'silence | all | 15m | load test'],
    ['host web1', 'host | web1'],
  ])('%j is %j', (text, meant) => expect(said(text)).toBe(meant));

  it.each([
    ['stauts', 'unknown, nearest status'],
    ['aprove 1-A', 'unknown, nearest approve'],
    ['xyzzyxyzzy', 'unknown, nearest undefined'],
    ['silence all soon x', 'silence: "soon" is no duration; write 30s, 15m or 2h.'],
    ['host web2', 'host: there is no host "web2". Did you mean web1?'],
    ['status now', 'status: "now" is one word too many. Example: status'],
    ['fix --force', 'fix: there is no --force; there is --dry-run.'],
  ])('%j says what is wrong', (text, problem) => expect(said(text)).toBe(problem));

  it('never throws, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        said(text);
        complete(text, COMMANDS, desk);
        expect(split(text).join('').length).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  it('completes commands, and names that are there', () => {
    expect(complete('st', COMMANDS, desk)).toEqual(['status']);
    expect(complete('host w', COMMANDS, desk)).toEqual(['web1']);
    expect(complete('fix ', COMMANDS, desk)).toEqual(['cache-rule', '--dry-run']);
  });
});
