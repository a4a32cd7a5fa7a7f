import { describe, expect, it } from 'vitest';
import type { StatusJson } from '../../src/bot/contract.ts';
import { awayMessage } from '../../src/bot/views/away.ts';
import { boardMessage } from '../../src/bot/views/board.ts';
import { helloMessage } from '../../src/bot/views/hello.ts';
import { Config } from '../../src/config/schema.ts';
import type { Message } from '../../src/message/contract.ts';
import { renderPlain } from '../../src/message/plain.ts';
import { incident } from './shapes.ts';

const AT = Date.UTC(2026, 0, 1, 20, 31);
const plain = (message: Message) => renderPlain(message, { timezone: 'UTC', width: 300, lines: 60 });

function status(other: Partial<StatusJson> = {}): Omit<StatusJson, 'message'> {
  return {
    ...{ launch: { name: 'Shop relaunch', timezone: 'UTC' }, at: AT, level: 'ok', visitors: null },
    ...{ services: [], hosts: [], incidents: [], setUp: [], handsOff: null, silences: [] },
    counts: { ok: 5, warn: 0, critical: 0, unknown: 0 },
    ...other,
  };
}

describe('the board', () => {
  it('lists what is open worst first, with owner, age and what waits for whom', () => {
    const text = plain(
      boardMessage(
        status({
          level: 'critical',
          incidents: [
            incident({
              id: '11',
              level: 'warn',
              title: 'Disk nearly full',
              since: AT - 7_200_000,
              owner: 'ben',
            }),
            incident({ id: '12', since: AT - 185_000, waiting: ['12-A', '12-B'] }),
          ],
        }),
      ),
    );
    expect(text.split('\n')).toEqual([
      '▲ CRITICAL Shop relaunch · 2 open',
      '▲ #12  Application overloaded · 3 min · nobody has it · 12-A, 12-B wait for an approver · waits for somebody to take it',
      '▲ #11  Disk nearly full · 2 h 0 min · ben has it',
    ]);
  });

  it('does not change from one second to the next', () => {
    const at = (ms: number) => boardMessage(status({ at: AT + ms, incidents: [incident({ since: AT })] }));
    expect(at(61_000)).toEqual(at(119_000));
    expect(at(61_000)).not.toEqual(at(120_000));
  });

  it('says that nothing is open, what was last, and what is switched off', () => {
    const text = plain(
      boardMessage(
        status({
          incidents: [incident({ state: 'resolved', resolvedAt: AT - 60_000 })],
          handsOff: { since: AT, by: 'ada' },
        }),
      ),
    );
    expect(text).toContain('nothing is open');
    expect(text).toContain('Last: #12 Application overloaded, over since 20:30');
    expect(text).toContain('hands-off since 20:31 (ada)');
  });
});

describe('the hello', () => {
  const approving = {
    remediations: [
      { id: 'cache-rule', risk: 'low' },
      { id: 'resize-host', risk: 'high' },
    ],
    blocked: [{ id: 'add-app-server', why: 'There is no acting account for lb1.' }],
  };
  const service = { ...{ on: [], figures: '', at: null, intervalMs: 5000, spark: null, findings: [] } };

  it('says what is watched, what is not, who approves what, what nobody can, and what to do next', () => {
    const config = Config.parse({
      people: {
        ada: { slack: 'U1', may: ['see', 'operate', 'approve'] },
        ben: { slack: 'U2', may: ['see', 'operate'] },
      },
    });
    const text = plain(
      helloMessage(
        status({
          services: [
            { ...service, name: 'edge', kind: 'varnish', level: 'ok' },
            { ...service, name: 'tasks', kind: 'celery', level: 'unwatched' },
          ],
          setUp: [{ id: '1', target: 'app on app1', what: 'may not read stats', mend: 'x', done: false }],
        }),
        config,
        approving,
      ),
    );
    expect(text).toContain('Watched: edge (varnish).');
    expect(text).toContain('Not seen: tasks (celery is not watched yet); app on app1: may not read stats.');
    expect(text).toContain(
      'Approvers: ada (1 of them a fix, 2 when its risk is high: resize-host; never who asked for it).',
    );
    expect(text).toContain('Operators: ada, ben.');
    expect(text).toContain('Nobody can approve: add-app-server (There is no acting account for lb1.)');
    expect(text).toContain('Next: "warroom doctor"');
  });

  it('says what to do when nobody may approve', () => {
    const text = plain(helloMessage(status(), Config.parse({}), { remediations: [], blocked: [] }));
    expect(text).toContain('Approvers: nobody.');
    expect(text).toContain('Next: /launch whoami gives the line');
  });
});

describe('after an absence', () => {
  it('says how long, and what is different', () => {
    const text = plain(
      awayMessage(
        { from: AT, to: AT + 200_000 },
        new Map([
          ['10', 'open'],
          ['11', 'open'],
        ]),
        [
          incident({ id: '12' }),
          incident({ id: '11', state: 'resolved' }),
          incident({ id: '10', timeline: [{ at: AT + 210_000, what: 'joined' }] }),
        ],
      ),
    );
    expect(text.split('\n')).toEqual([
      'I was away 20:31:00 to 20:34:20 (3 min 20 s). This changed:',
      '#12 Application overloaded began meanwhile (critical)',
      '#11 Application overloaded: open -> resolved',
      '#10 Application overloaded is still open',
    ]);
  });

  it('says when nothing is', () => {
    expect(plain(awayMessage({ from: AT, to: AT + 40_000 }, new Map(), []))).toContain(
      'Nothing is different',
    );
  });
});
