import { describe, expect, it } from 'vitest';
import { Config } from '../../src/config/schema.ts';
import { decide, type Identity, personOf } from '../../src/people/person.ts';

const config = Config.parse({
  people: {
    ada: { slack: 'U1', discord: '42', console: 'ada', may: ['see', 'operate', 'approve'] },
    ben: { slack: 'U2', may: ['see', 'operate'] },
  },
});
const on = (platform: Identity['platform'], id: string, kind: Identity['kind'] = 'member'): Identity => ({
  ...{ platform, id, kind },
  display: `name <@${id}>`,
});

describe('who somebody is', () => {
  it('is one person on every platform', () => {
    for (const identity of [on('slack', 'U1'), on('discord', '42'), on('console', 'ada')])
      expect(personOf(identity, config)).toMatchObject({
        name: 'ada',
        rights: ['see', 'operate', 'approve'],
      });
    // No id of one platform counts on another.
    for (const identity of [on('discord', 'U1'), on('slack', '42'), on('terminal', 'ada')])
      expect(personOf(identity, config).name).toBeUndefined();
  });

  it('signs in to the console under the name of the config', () => {
    expect(personOf(on('console', 'ben'), config).name).toBe('ben');
  });

  it.each(['bot', 'guest', 'stranger', 'deleted', 'unverified'] as const)('is nobody as a %s', (kind) => {
    for (const right of ['see', 'operate', 'approve'] as const)
      expect(decide(on('slack', 'U1', kind), right, config)).toMatchObject({ allowed: false });
  });
});

describe('what somebody may', () => {
  it('is to look, for members of the channel, unless the config says no', () => {
    expect(decide(on('slack', 'U9'), 'see', config).allowed).toBe(true);
    expect(decide(on('slack', 'U9'), 'operate', config).allowed).toBe(false);
    const closed = Config.parse({ policy: { channelMembers: 'none' } });
    expect(decide(on('discord', '9'), 'see', closed).allowed).toBe(false);
  });

  it('is told with the line that changes it', () => {
    expect(decide(on('slack', 'U2'), 'approve', config)).toMatchObject({
      mend: 'An admin can add you:  people: { ben: { slack: "U2", may: [see, operate, approve] } }',
    });
    // A display name is foreign: nothing of it but a plain word gets into the line.
    expect(decide(on('discord', '9'), 'operate', config)).toMatchObject({
      mend: 'An admin can add you:  people: { name9: { discord: "9", may: [see, operate] } }',
    });
  });

  it('is not to approve what oneself asked for, on whatever platform', () => {
    expect(decide(on('discord', '42'), 'approve', config, ['ada'])).toMatchObject({ allowed: false });
    expect(decide(on('discord', '42'), 'approve', config, ['ben'])).toMatchObject({ allowed: true });
  });
});
