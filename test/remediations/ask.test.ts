import { expect, it } from 'vitest';
import { judgeTried } from '../../src/remediations/cache-rule/ask.ts';
import { CacheRuleParams } from '../../src/remediations/cache-rule/params.ts';
import type { HttpAnswer } from '../../src/targets/http-get.ts';

const judged = (form: string, location: string) => {
  const answer = { status: 301, location, bodyHash: '' } as HttpAnswer;
  const params = CacheRuleParams.parse({ service: 'edge', form, urls: ['/a'] });
  return judgeTried(params, [{ path: '/a', plain: answer, withCookie: answer }], ['www.example.com'])
    ?.refused;
};

it('writes no query of a redirect into a plan: it may be a secret', () => {
  expect(judged('synth', '/b')).toBeUndefined();
  expect(judged('ttl', '/b?token=hunter2')).toBeUndefined();
  for (const location of ['/b?token=hunter2', '/b#access_token=hunter2', 'https://evil.example/?x=hunter2']) {
    expect(judged('synth', location)).toMatch(/is sent to /);
    expect(judged('synth', location)).not.toContain('hunter2');
  }
});
