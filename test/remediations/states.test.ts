import { describe, expect, test } from 'vitest';
import type { ProposalJson as DeskProposal, PressResult as DeskResult } from '../../src/bot/contract.ts';
import { canonical, canonicalHash } from '../../src/remediations/canonical.ts';
import type { PressResult, ProposalJson, ProposalState } from '../../src/remediations/contract.ts';
import { Ledger } from '../../src/remediations/ledger.ts';
import type { ProposalRecord } from '../../src/remediations/record.ts';
import { letters } from '../../src/remediations/record.ts';
import { hasEnded, mayBecome, STATES } from '../../src/remediations/states.ts';
import { openStore } from '../../src/store/store.ts';

const ALLOWED: Partial<Record<ProposalState, ProposalState[]>> = {
  pending: ['approved', 'refused', 'expired', 'void'],
  approved: ['running', 'refused', 'expired', 'void'],
  running: ['settling', 'reverted', 'failed', 'needs-human'],
  settling: ['kept', 'reverted', 'failed', 'needs-human'],
  'needs-human': ['kept', 'settling'],
};

describe('all pairs of states', () => {
  for (const from of STATES)
    test(`from ${from}`, async () => {
      const store = openStore(':memory:');
      const ledger = new Ledger(store, () => undefined);
      for (const to of STATES) {
        const id = `1-${to}`;
        const record = { id, incident: 1, planHash: 'x', createdAt: 1, expiresAt: 2 } as ProposalRecord;
        await ledger.write([id], async (tx) => {
          await ledger.insert(tx, record);
          await tx.updateTable('proposals').set({ state: from }).where('id', '=', id).execute();
        });
        const move = ledger.write([id], (tx) => ledger.move(tx, id, from, to));
        if (ALLOWED[from]?.includes(to)) {
          expect(await move).toBe(true);
          expect(ledger.get(id)?.state).toBe(to);
          // The row count decides: who comes second changes nothing.
          expect(await ledger.write([id], (tx) => ledger.move(tx, id, from, to))).toBe(from === to);
        } else {
          await expect(move).rejects.toThrow('cannot become');
          expect(ledger.get(id)?.state).toBe(from);
        }
        expect(mayBecome(from, to)).toBe(ALLOWED[from]?.includes(to) ?? false);
      }
      expect(hasEnded(from)).toBe(ALLOWED[from] === undefined);
      await store.close();
    });
});

test('what the desk promises is what the guard gives', () => {
  const both = (given: ProposalJson, result: PressResult): [DeskProposal, DeskResult] => [given, result];
  const back = (given: DeskProposal): ProposalJson => given;
  expect([both, back]).toHaveLength(2);
});

test('equal values have one canonical form', () => {
  expect(canonical({ b: [1, { d: null, c: 'é' }], a: undefined })).toBe('{"b":[1,{"c":"é","d":null}]}');
  expect(canonicalHash({ a: 1, b: 2 })).toBe(canonicalHash({ b: 2, a: 1 }));
  expect(canonicalHash({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
  expect(() => canonical({ a: Number.NaN })).toThrow(TypeError);
});

test('letters go on behind Z', () => {
  expect([0, 25, 26, 51, 52, 701, 702].map(letters)).toEqual(['A', 'Z', 'AA', 'AZ', 'BA', 'ZZ', 'AAA']);
});
