import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendAudit, verifyAudit } from '../../src/store/audit.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const CHILD = fileURLToPath(new URL('./audit-child.ts', import.meta.url));

let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'warroom-audit-'));
  store = openStore(join(dir, 'a.db'));
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const add = (to: Store, what: string) =>
  to.db.transaction().execute((tx) => appendAudit(tx, { at: 1, who: 'ada', what, json: { what } }));

test('an empty log is whole', async () => {
  expect(await verifyAudit(store.db)).toEqual({ ok: true, rows: 0, newest: null });
});

test('each row stands behind the one before; a hash noted outside is found again', async () => {
  const hashes = [await add(store, 'a'), await add(store, 'b'), await add(store, 'c')];
  expect(await verifyAudit(store.db)).toEqual({ ok: true, rows: 3, newest: hashes[2] });
  expect(await verifyAudit(store.db, hashes[1]?.slice(0, 12))).toMatchObject({ ok: true });
  expect(await verifyAudit(store.db, 'nothex')).toMatchObject({ ok: false });
});

for (const [what, damage, problem] of [
  ['changed', { what: 'x' }, 'Row 2 is not as it was written.'],
  ['given another author', { who: 'ben' }, 'Row 2 is not as it was written.'],
  ['given other details', { json: '{}' }, 'Row 2 is not as it was written.'],
] as const)
  test(`a row that was ${what} is named`, async () => {
    for (const one of ['a', 'b', 'c']) await add(store, one);
    await store.db.updateTable('audit').set(damage).where('seq', '=', 2).execute();
    expect(await verifyAudit(store.db)).toMatchObject({ ok: false, rows: 1, seq: 2, problem });
  });

test('a row that was taken out is noticed at the next one; cut-off ones only by a noted hash', async () => {
  const hashes = [await add(store, 'a'), await add(store, 'b'), await add(store, 'c')];
  await store.db.deleteFrom('audit').where('seq', '=', 3).execute();
  expect(await verifyAudit(store.db)).toMatchObject({ ok: true, rows: 2 });
  expect(await verifyAudit(store.db, hashes[2])).toMatchObject({
    ok: false,
    problem: expect.stringContaining('cut off'),
  });
  await store.db.deleteFrom('audit').where('seq', '=', 1).execute();
  expect(await verifyAudit(store.db)).toMatchObject({ ok: false, seq: 2 });
});

test('two processes at the same time make one chain', { timeout: 60_000 }, async () => {
  const child = () =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', CHILD, join(dir, 'a.db'), '30']);
  await Promise.all([child(), child()]);
  expect(await verifyAudit(store.db)).toMatchObject({ ok: true, rows: 60 });
});
