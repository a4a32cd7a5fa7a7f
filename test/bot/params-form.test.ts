import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../src/bot/chat/contract.ts';
import { paramsFields, readParams } from '../../src/bot/chat/params-form.ts';
import { REMEDIATIONS } from '../../src/remediations/index.ts';

const rule = REMEDIATIONS.find((one) => one.id === 'cache-rule');
if (!rule) throw new Error('no cache-rule');
const { params } = rule;

describe('parameters as a form', () => {
  it('fits five fields, the required and the given ones first', () => {
    const fields = paramsFields(params, { service: 'edge', form: 'ttl', pattern: '/legacy/', share: 0.4 });
    expect(fields.map((field) => field.name)).toEqual(['service', 'form', 'pattern', 'share', 'more']);
    expect(fields[1]).toMatchObject({ kind: 'choice', required: true, value: 'ttl' });
    for (const one of REMEDIATIONS) {
      const all = paramsFields(one.params, {});
      expect(all.length).toBeLessThanOrEqual(5);
      expect(all.every((field) => field.label.length <= 45 && (field.about ?? '').length <= 100)).toBe(true);
    }
  });

  it('reads back what it showed', () => {
    const given = { service: 'edge', form: 'ttl', pattern: '/legacy/', share: 0.4, seconds: 30 };
    const values = Object.fromEntries(
      paramsFields(params, given).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
    );
    expect(readParams(params, values)).toEqual({ params: given });
  });

  it('says under its field what is wrong', () => {
    const bad = { service: 'edge', form: 'ttl', pattern: 'no slash', share: 'much', more: 'seconds=5' };
    expect(readParams(params, bad)).toMatchObject({
      problems: { pattern: expect.stringContaining('plain path'), share: expect.any(String) },
    });
    expect(readParams(params, { more: 'nonsense' })).toMatchObject({
      problems: { more: expect.any(String) },
    });
    expect(readParams(params, { more: 'colour=red' })).toEqual({
      problems: { more: 'There is no parameter colour.' },
    });
  });

  it('never throws, whatever is written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (values) => {
        readParams(params, values);
      }),
    );
  });
});

describe('a button', () => {
  it('comes back as it went out, and nothing else is taken for one', () => {
    const planHash = 'f'.repeat(64);
    for (const button of [
      { kind: 'approve' as const, id: '12-A', planHash },
      { kind: 'acknowledge' as const, id: '123456789' },
      { kind: 'parameters' as const, id: '12.remove-app-server' },
    ]) {
      expect(unpack(pack(button))).toEqual(button);
      expect(pack(button).length).toBeLessThanOrEqual(100);
    }
    for (const text of ['', 'approve', 'approve:12-A:short', 'erase:12', 'approve:12-A;rm', 'approve:12-A\n'])
      expect(unpack(text)).toBeUndefined();
  });
});
